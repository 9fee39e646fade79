"""An application image with real servers from Debian's packages, and programs of our own."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

from docker import APIClient

from minidocknet.runtime.image.build import KEYRING
from minidocknet.runtime.image.mirror import debian_mirror

PACKAGES = ("haproxy", "iproute2", "nginx-light", "python3-minimal", "redis-server")
SOURCES = Path(__file__).parent
REPOSITORY = "mdn-test/servers"


def servers_image(api: APIClient) -> str:
    """The image's name; it is built where the engine lacks it (half a minute)."""
    program = (SOURCES / "counter.c").read_bytes()
    tag = hashlib.sha256(program + " ".join(PACKAGES).encode()).hexdigest()[:12]
    name = f"{REPOSITORY}:{tag}"
    if not api.images(name):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "root.tar"
            _build(archive, Path(folder))
            api.import_image_from_data(archive.read_bytes(), repository=REPOSITORY, tag=tag)
    return name


def _build(archive: Path, folder: Path) -> None:
    counter = folder / "counter"
    compile_it = ["gcc", "-O1", "-pthread", "-o", str(counter), str(SOURCES / "counter.c")]
    subprocess.run(compile_it, check=True)
    command = ["mmdebstrap", "--mode=root", "--format=tar", "--variant=minbase", "--quiet"]
    command += [f"--include={','.join(PACKAGES)}", f"--keyring={KEYRING}"]
    command += ['--aptopt=APT::Install-Recommends "false"']
    command += [f"--customize-hook=copy-in {counter} /usr/local/bin"]
    # No service is started while the packages are unpacked.
    command += ['--essential-hook=printf "#!/bin/sh\\nexit 101\\n" > "$1/usr/sbin/policy-rc.d"']
    command += ['--essential-hook=chmod +x "$1/usr/sbin/policy-rc.d"']
    command += ["bookworm", str(archive)]
    mirror = debian_mirror()
    command += [] if mirror is None else [mirror]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
