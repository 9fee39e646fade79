"""Runs ``exercise.sh`` in a throw-away node container that holds given capabilities."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

import docker
from docker.errors import NotFound

from minidocknet.plan.privileges import (
    NODE_DEVICES,
    NODE_MASKED_PATHS,
    NODE_READONLY_PATHS,
    NODE_SECURITY_OPT,
)
from minidocknet.runtime.image import ensure_node_image

HERE = Path(__file__).parent


def application_archive() -> bytes:
    """A root file system with the static program of ``app.c`` and files of another user."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "app"
        subprocess.run(
            ["gcc", "-O1", "-static", "-o", str(program), str(HERE / "app.c")], check=True
        )
        binary = program.read_bytes()
    # security.capability, as the kernel stores cap_net_raw+ep (vfs_cap_data revision 2).
    capability = bytes.fromhex("0100000200200000000000000000000000000000").decode("latin-1")
    entries = [
        ("app", 0o755, 0, {}),
        ("owned", 0o600, 1000, {}),
        ("setuid", 0o4755, 1000, {}),
        ("capable", 0o755, 0, {"SCHILY.xattr.security.capability": capability}),
    ]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, mode, uid, headers in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.uid, info.gid, info.pax_headers = mode, uid, uid, headers
            content = binary if name == "app" else b"#!/app\n"
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        device = tarfile.TarInfo("null")
        device.type, device.mode, device.devmajor, device.devminor = tarfile.CHRTYPE, 0o666, 1, 3
        archive.addfile(device)
    return buffer.getvalue()


def exercise_node(
    client: docker.DockerClient,
    capabilities: Iterable[str],
    archive: bytes,
    features: Iterable[str] = (),
) -> dict[str, str]:
    """Feature to ``ok`` or ``fail REASON``, in a node with exactly ``capabilities``.

    ``features``: what to try, in an order that makes sense; everything where it is empty.
    """
    api = client.api
    host = api.create_host_config(
        cap_drop=["ALL"],
        cap_add=list(capabilities),
        security_opt=list(NODE_SECURITY_OPT),
        devices=[f"{device}:{device}:rwm" for device in NODE_DEVICES if Path(device).exists()],
        tmpfs={"/run": "exec,mode=755"},
        network_mode="none",
    )
    host |= {
        "MaskedPaths": list(NODE_MASKED_PATHS),
        "ReadonlyPaths": list(NODE_READONLY_PATHS),
        "CgroupnsMode": "private",
    }
    container = api.create_container(
        ensure_node_image(client).id,
        host_config=host,
        volumes=["/var/lib/docker"],
        labels={"org.minidocknet.test": "privileges"},
    )["Id"]
    try:
        api.start(container)
        api.put_archive(container, "/", _exercise_folder(archive))
        process = api.exec_create(container, ["bash", "/exercise/exercise.sh", *features])["Id"]
        output = api.exec_start(process).decode(errors="replace")
    finally:
        with contextlib.suppress(NotFound):
            api.remove_container(container, force=True, v=True)
    lines = [line.split(" ", 1) for line in output.splitlines()]
    return {line[0]: line[1] for line in lines if len(line) == 2}


def _exercise_folder(archive: bytes) -> bytes:
    buffer = io.BytesIO()
    script = (HERE / "exercise.sh").read_bytes()
    with tarfile.open(fileobj=buffer, mode="w") as folder:
        for name, content in (("exercise.sh", script), ("app.tar", archive)):
            info = tarfile.TarInfo(f"exercise/{name}")
            info.size = len(content)
            folder.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
