"""Builds the node image with mmdebstrap(1) and hands it to the engine, without a registry."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import docker
from docker.errors import APIError, ImageNotFound

from minidocknet.model.errors import ApplyError, CapabilityError
from minidocknet.runtime.image.mirror import MIRROR_VARIABLE, debian_mirror
from minidocknet.runtime.image.recipe import (
    NODE_RECIPE,
    PACKAGES_FILE,
    PACKAGES_LABEL,
    RECIPE_LABEL,
    REPOSITORY,
    Recipe,
    parse_packages,
    too_old,
)

Progress = Callable[[str], None]

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LOCK = Path("/run/mdn/node-image.lock")
# Not /tmp, which may be a small tmpfs mounted nodev; the root file system takes half a gigabyte.
WORK_FOLDER = "/var/tmp"
_BLOCK = 1 << 20
_LOG_LINES_SHOWN = 15
_IMPORT_TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A node image in an engine: its tag, its id (``sha256:...``) and the recipe it is made of."""

    tag: str
    id: str
    recipe_hash: str


def find_node_image(client: docker.DockerClient, recipe: Recipe = NODE_RECIPE) -> ImageRef | None:
    """The image of ``recipe`` if the engine has it."""
    try:
        image = client.images.get(recipe.tag)
    except ImageNotFound:
        return None
    latest = f"{REPOSITORY}:latest"
    if latest not in image.tags:
        image.tag(REPOSITORY, "latest")
    return ImageRef(recipe.tag, str(image.id), recipe.hash)


def ensure_node_image(
    client: docker.DockerClient,
    progress: Progress | None = None,
    recipe: Recipe = NODE_RECIPE,
) -> ImageRef:
    """The image of ``recipe``, built first (about a minute) where the engine lacks it.

    ``progress`` gets a line for each step.  Of several processes that ask at once, one builds and
    the others wait for it.  Raises :class:`CapabilityError` where the builder lacks something and
    :class:`ApplyError` where the build fails; then the engine is left as it was.
    """
    found = find_node_image(client, recipe)
    if found:
        return found
    say = progress or (lambda _line: None)
    _check_builder()
    with _build_lock(say):
        return find_node_image(client, recipe) or _build(client, recipe, say)


def _check_builder() -> None:
    if os.geteuid() != 0:
        raise CapabilityError(
            "the node image is missing and only root can build it",
            remedy="run 'make image' as root once",
        )
    if shutil.which("mmdebstrap") is None:
        raise CapabilityError(
            "the node image is missing and so is mmdebstrap, which builds it",
            remedy="run 'make setup', or 'apt-get install mmdebstrap'",
        )
    if not KEYRING.is_file():
        raise CapabilityError(
            f"the node image cannot be verified: {KEYRING} is missing",
            remedy="apt-get install debian-archive-keyring",
        )


@contextmanager
def _build_lock(say: Progress) -> Iterator[None]:
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process builds the node image; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(client: docker.DockerClient, recipe: Recipe, say: Progress) -> ImageRef:
    start = time.monotonic()
    mirror = debian_mirror()
    place = mirror or "mmdebstrap's default mirror"
    say(f"building {recipe.tag} from Debian {recipe.suite} at {place} (about a minute, once)")
    with tempfile.TemporaryDirectory(prefix="mdn-image-", dir=WORK_FOLDER) as folder:
        work = Path(folder)
        builder = subprocess.Popen(
            mmdebstrap_command(recipe, mirror, work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": folder, "LC_ALL": "C.UTF-8"},
        )
        try:
            image_id = _import_from(client, recipe, builder, work, say)
        finally:
            # Where the import failed first, mmdebstrap still unmounts and removes its own tree.
            if builder.poll() is None:
                builder.terminate()
            builder.wait()
    client.api.tag(image_id, REPOSITORY, "latest")
    size = client.images.get(image_id).attrs["Size"] / 1e6
    say(f"node image {recipe.tag} is ready: {size:.0f} MB, {time.monotonic() - start:.0f} s")
    return ImageRef(recipe.tag, image_id, recipe.hash)


def mmdebstrap_command(recipe: Recipe, mirror: str | None, work: Path) -> list[str]:
    """The command that writes the image's root file system, as a tar archive, to its stdout.

    ``work``: a folder that gets the baked files now and ``packages.txt`` when the command runs.
    """
    command = ["mmdebstrap", "--mode=root", "--format=tar", f"--variant={recipe.variant}"]
    command += [f"--include={','.join(recipe.packages)}", f"--keyring={KEYRING}"]
    # A testing suite on a mirror may be past its Valid-Until; signatures are verified all the same.
    command.append('--aptopt=Acquire::Check-Valid-Until "false"')
    command.append('--aptopt=APT::Install-Recommends "false"')
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.left_out]
    for number, baked in enumerate(recipe.files):
        source = work / f"file-{number}"
        source.write_text(baked.text)
        command += [
            f"--customize-hook=upload {shlex.quote(str(source))} {shlex.quote(baked.path)}",
            f'--customize-hook=chmod {baked.mode:o} "$1"{shlex.quote(baked.path)}',
        ]
    for line in recipe.commands:
        command.append(f'--customize-hook=chroot "$1" /bin/sh -euc {shlex.quote(line)}')
    packages = shlex.quote(str(work / "packages.txt"))
    command.append(f"--customize-hook=download {PACKAGES_FILE} {packages}")
    # The builder's own resolver and host name are no part of the image.
    command.append('--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"')
    return [*command, recipe.suite, "-", *([mirror] if mirror else [])]


def _import_from(
    client: docker.DockerClient,
    recipe: Recipe,
    builder: subprocess.Popen[bytes],
    work: Path,
    say: Progress,
) -> str:
    """Stream the builder's archive into the engine; the image's id."""
    assert builder.stdout is not None and builder.stderr is not None
    log: deque[str] = deque(maxlen=200)
    reader = threading.Thread(target=_follow_log, args=(builder.stderr, log, say), daemon=True)
    reader.start()

    # The archive begins when every package is in: only then are the versions for the label known.
    first = builder.stdout.read(_BLOCK)
    if not first:
        reader.join()
        raise _build_failure(builder.wait(), log)
    versions = parse_packages((work / "packages.txt").read_text())
    faults = too_old(recipe, versions)
    if faults:
        raise ApplyError(
            f"the mirror's Debian {recipe.suite} is too old for a node: {', '.join(faults)}",
            remedy=f"name another mirror in {MIRROR_VARIABLE}",
        )

    def archive() -> Iterator[bytes]:
        assert builder.stdout is not None
        block = first
        while block:
            yield block
            block = builder.stdout.read(_BLOCK)
        status = builder.wait()
        if status:
            # Raised here, within the request: the engine sees it break off and keeps nothing.
            reader.join()
            raise _build_failure(status, log)

    say("importing the image into the engine")
    patience = client.api.timeout
    client.api.timeout = max(patience, _IMPORT_TIMEOUT_S)
    try:
        answer = client.api.import_image(
            archive(), recipe.tag, stream_src=True, changes=image_changes(recipe, versions)
        )
    except APIError as error:
        raise ApplyError(f"the engine refused the node image: {error.explanation}") from error
    finally:
        client.api.timeout = patience
    return _imported_id(answer)


def image_changes(recipe: Recipe, versions: dict[str, str]) -> list[str]:
    """The image's command and labels, as Dockerfile instructions."""
    asked = {name: versions[name] for name in recipe.packages if name in versions}
    return [
        f"CMD {json.dumps(recipe.command)}",
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV LANG=C.UTF-8",
        f"LABEL {RECIPE_LABEL}={recipe.hash}",
        f"LABEL {PACKAGES_LABEL}={json.dumps(' '.join(f'{k}={v}' for k, v in asked.items()))}",
    ]


def _imported_id(answer: str) -> str:
    """The id in the engine's stream of JSON objects."""
    for line in answer.splitlines():
        message = json.loads(line)
        if "error" in message:
            raise ApplyError(f"the engine refused the node image: {message['error']}")
        if str(message.get("status", "")).startswith("sha256:"):
            return str(message["status"])
    raise ApplyError(f"the engine named no image after the import: {answer[-500:]!r}")


def _follow_log(stream: IO[bytes], log: deque[str], say: Progress) -> None:
    for raw in stream:
        line = raw.decode(errors="replace").rstrip()
        log.append(line)
        if line.startswith("I: ") and line.endswith("..."):
            say(line.removeprefix("I: "))


def _build_failure(status: int, log: deque[str]) -> ApplyError:
    tail = "\n".join(f"  {line}" for line in list(log)[-_LOG_LINES_SHOWN:])
    return ApplyError(
        f"building the node image failed: mmdebstrap ended with status {status}\n{tail}",
        remedy="check that the Debian mirror can be reached (another one: set "
        f"{MIRROR_VARIABLE}) and that debian-archive-keyring is up to date",
    )
