"""A small application image made of this machine's own shell tools: nothing is downloaded."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from docker import APIClient

TOOLS = ("sh", "cat", "echo", "ls", "sleep", "stat", "touch", "true")


def root_file_system(marker: str) -> bytes:
    """A tar of :data:`TOOLS` with their libraries; ``marker`` is the text of /marker."""
    files: set[Path] = set()
    for tool in TOOLS:
        program = shutil.which(tool)
        assert program is not None, f"this machine has no {tool}"
        files.add(Path(program))
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
        files.update(Path(path) for path in re.findall(r"(/\S+) \(0x", listed.stdout))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(files):
            name = f"bin/{path.name}" if path.name in TOOLS else str(path).lstrip("/")
            _add(archive, name, path.resolve().read_bytes(), 0o755)
        _add(archive, "marker", marker.encode(), 0o644)
    return buffer.getvalue()


def import_image(api: APIClient, repository: str, marker: str) -> str:
    """Import it as ``repository:latest`` with two layers; returns the image's id."""
    base = f"{repository}-base"
    api.import_image_from_data(root_file_system(marker), repository=base, tag="latest")
    container = api.create_container(f"{base}:latest", ["sh", "-c", "echo upper > /upper"])["Id"]
    try:
        api.start(container)
        assert api.wait(container, timeout=60)["StatusCode"] == 0
        api.commit(container, repository=repository, tag="latest")
    finally:
        api.remove_container(container, force=True)
        api.remove_image(f"{base}:latest")
    return str(api.inspect_image(f"{repository}:latest")["Id"])


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    archive.addfile(info, io.BytesIO(content))
