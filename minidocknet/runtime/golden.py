"""The machine's golden stores: application images, unpacked once, shared by all nodes.

An image is loaded by the engine of a temporary node, so that its layers have the form that inner
engines expect.  A store is built in a hidden folder and appears by renaming: a killed builder
leaves a container with our labels and a hidden folder, both removed by the next builder.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests
from docker.errors import APIError, DockerException, ImageNotFound

from minidocknet.model.errors import ApplyError, UsageError
from minidocknet.plan.privileges import (
    NODE_DEVICES,
    NODE_MASKED_PATHS,
    NODE_READONLY_PATHS,
    NODE_SECURITY_OPT,
)
from minidocknet.runtime import inner_engine
from minidocknet.runtime.engine import Engine, labels_of
from minidocknet.runtime.golden_layout import (
    MANIFEST,
    GoldenStore,
    StoredImage,
    config_path,
    layer_folder,
    manifest_text,
    read_layers,
    read_references,
    read_store,
    store_key,
)

ROLE = "golden"
LABEL_STORE = "org.minidocknet.golden"


@dataclass(frozen=True, slots=True)
class Source:
    """An image to be had: its id, its names with tags, and the tar it lies in.

    ``tar`` is None where the host's engine has the image.
    """

    id: str
    references: tuple[str, ...]
    tar: Path | None = None


@dataclass(frozen=True, slots=True)
class Builder:
    """Who loads images: the node image, its capabilities on this host, the lab that asks."""

    engine: Engine
    node_image: str
    capabilities: tuple[str, ...]
    lab: str


def golden_folder(state_root: Path) -> Path:
    """All stores of the machine; nodes see this folder."""
    return state_root / "golden"


def host_image(engine: Engine, reference: str) -> Source:
    """An image of the host's engine, by name or id.  UsageError where it has none."""
    try:
        found = engine.api.inspect_image(reference)
    except ImageNotFound as error:
        raise UsageError(
            f"there is no image {reference!r} on this machine",
            remedy="docker pull it, docker build it, or give a tar of docker save",
        ) from error
    except (APIError, requests.RequestException) as error:
        raise ApplyError(f"the engine did not look up image {reference!r}: {error}") from error
    named = reference not in (found["Id"], found["Id"].removeprefix("sha256:"))
    tags = [tag for tag in found.get("RepoTags") or [] if tag != "<none>:<none>"]
    if named:
        # Only the name that was asked for: an image's other names are nobody's concern here.
        tags = [tag for tag in tags if tag in (reference, f"{reference}:latest")] or tags
    return Source(found["Id"], tuple(sorted(tags)))


def tar_images(path: Path) -> tuple[Source, ...]:
    """The images in a tar of ``docker save``.  UsageError where it is none."""
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile("manifest.json")
            assert member is not None
            entries = json.load(member)
    except (OSError, tarfile.TarError, KeyError, ValueError, AssertionError) as error:
        raise UsageError(
            f"{path} is not a tar of images: {error}", remedy="make one with docker save -o FILE"
        ) from error
    sources = []
    for entry in entries:
        # "<hex>.json", or "blobs/sha256/<hex>" in newer archives.
        digest = Path(entry["Config"]).name.removesuffix(".json")
        sources.append(Source(f"sha256:{digest}", tuple(sorted(entry["RepoTags"] or ())), path))
    return tuple(sources)


# --- stores ---------------------------------------------------------------------------------------


def stores(folder: Path) -> tuple[GoldenStore, ...]:
    """All whole stores."""
    if not folder.is_dir():
        return ()
    found = (read_store(entry) for entry in sorted(folder.iterdir()) if entry.name[0] != ".")
    return tuple(store for store in found if store is not None)


def ensure_stores(
    folder: Path, sources: Sequence[Source], builder: Builder
) -> tuple[GoldenStore, ...]:
    """The stores that hold ``sources``; images that no store has are loaded into a new one.

    Callers at the same time, of any process, wait for each other and load once.  ApplyError where
    an image cannot be loaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lacking = _lacking(stores(folder), sources)
    if lacking:
        with _locked(folder):
            # Another caller may have been first.
            lacking = _lacking(stores(folder), sources)
            if lacking:
                _build(folder, lacking, builder)
    return tuple(
        store
        for store in stores(folder)
        if any(_holds(image, source) for image in store.images for source in sources)
    )


def remove_store(folder: Path, key: str) -> None:
    """Remove a store that no node uses (nodes that do lose the image).  Fine where it is gone."""
    with _locked(folder):
        store = folder / key
        if store.exists():
            # Out of sight first: a store is whole or not there.
            hidden = folder / f".removed-{key}"
            store.rename(hidden)
        _clean_hidden(folder)


def clean_builds(folder: Path, engine: Engine) -> None:
    """Remove what killed builders left: their containers and hidden folders.  For ``mdn wipe``."""
    if folder.is_dir():
        with _locked(folder):
            _clean(folder, engine)


def _holds(image: StoredImage, source: Source) -> bool:
    same = source.id in (image.id, image.source)
    return same and set(source.references) <= set(image.references)


def _lacking(have: Iterable[GoldenStore], sources: Iterable[Source]) -> list[Source]:
    images = [image for store in have for image in store.images]
    unique = {(source.id, source.references): source for source in sources}
    return [
        source for source in unique.values() if not any(_holds(image, source) for image in images)
    ]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _clean(folder: Path, engine: Engine) -> None:
    # Containers first: their mounts hold the folders.  Only this folder's, by label.
    for container in engine.containers(role=ROLE):
        if container["Labels"].get(LABEL_STORE) == str(folder):
            engine.remove(container["Id"])
    _clean_hidden(folder)


def _clean_hidden(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name.startswith((".build-", ".removed-")):
            shutil.rmtree(entry)


# --- building -------------------------------------------------------------------------------------


def _build(folder: Path, sources: Sequence[Source], builder: Builder) -> None:
    _clean(folder, builder.engine)
    key = store_key((source.id, source.references) for source in sources)
    work = folder / f".build-{key}"
    (work / "docker").mkdir(parents=True)
    (work / "etc").mkdir()
    script = work / "etc" / Path(inner_engine.SCRIPT).name
    script.write_text(inner_engine.script_text())
    script.chmod(0o755)
    try:
        loaded = _load_in_node(folder, key, work, sources, builder)
        images = _harvest(work / "docker", work / "store", loaded)
        (work / "store" / MANIFEST).write_text(manifest_text(images))
        os.sync()
        # A store of another format, or one with a damaged manifest, gives way.
        shutil.rmtree(folder / key, ignore_errors=True)
        (work / "store").rename(folder / key)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _load_in_node(
    folder: Path, key: str, work: Path, sources: Sequence[Source], builder: Builder
) -> dict[str, Source]:
    """Load ``sources`` by a temporary node's engine; the ids that it gave them to the sources."""
    engine = builder.engine
    name = f"mdn.{builder.lab}.golden.{key}"
    container = engine.create(name, _node_config(folder, work, builder))
    try:
        engine.start(container)
        pid = inner_engine.ensure_running(engine, container)
        with inner_engine.inner_api(pid) as inner:
            for source in sources:
                _load(engine, inner, source)
        # Cleanly, so that everything is on the disk.
        inner_engine.stop(engine, container)
    finally:
        engine.remove(container)
    return _match(work / "docker", sources)


def _load(engine: Engine, inner: Any, source: Source) -> None:
    what = source.references[0] if source.references else source.id
    try:
        if source.tar is not None:
            with source.tar.open("rb") as stream:
                _feed(inner, stream, what)
        else:
            names = list(source.references) or [source.id]
            # /images/get with several names: one archive that holds each of them.
            response = engine.api.get(
                engine.api._url("/images/get"), params={"names": names}, stream=True
            )
            engine.api._raise_for_status(response)
            with response:
                _feed(inner, response.iter_content(1 << 20), what)
    except (DockerException, requests.RequestException, OSError) as error:
        raise ApplyError(f"image {what} cannot be loaded: {error}") from error


def _feed(inner: Any, stream: IO[bytes] | Iterator[bytes], what: str) -> None:
    for message in inner.load_image(stream):
        if "error" in message:
            raise ApplyError(f"image {what} cannot be loaded: {message['error']}")


def _match(data_root: Path, sources: Sequence[Source]) -> dict[str, Source]:
    """Inner ids to sources: the same id, else the same names (the host's engine may count its
    ids over manifests, inner ones over configurations).
    """
    named = {
        reference: image
        for image, references in read_references(data_root).items()
        for reference in references
    }
    content = data_root / "image/overlay2/imagedb/content/sha256"
    loaded: dict[str, Source] = {}
    for source in sources:
        own = (content / source.id.removeprefix("sha256:")).exists()
        image = source.id if own else named.get(source.references[0] if source.references else "")
        if image is None:
            raise ApplyError(
                f"image {source.id} cannot be told from others after loading",
                remedy="give it a name: docker tag ID NAME",
            )
        loaded[image] = source
    return loaded


def _harvest(data_root: Path, store: Path, loaded: dict[str, Source]) -> list[StoredImage]:
    """Move what the images consist of out of an engine's data root into a store."""
    images = []
    (store / "images").mkdir(parents=True)
    for image_id, source in loaded.items():
        layers = read_layers(data_root, image_id)
        images.append(StoredImage(image_id, source.id, source.references, layers))
        config = data_root / "image/overlay2/imagedb/content/sha256"
        shutil.copyfile(config / image_id.removeprefix("sha256:"), config_path(store, image_id))
        for layer in layers:
            target = layer_folder(store, layer)
            if target.exists():
                continue  # of another image of this store
            target.mkdir(parents=True)
            record = data_root / "image/overlay2/layerdb/sha256" / layer.chain
            shutil.copyfile(record / "tar-split.json.gz", target / "tar-split.json.gz")
            (data_root / "overlay2" / layer.cache / "diff").rename(target / "diff")
    return images


def _node_config(folder: Path, work: Path, builder: Builder) -> dict[str, Any]:
    return {
        "Image": builder.node_image,
        "Entrypoint": ["/bin/sh", "-c"],
        # PID 1 that reaps, and ends at SIGTERM.
        "Cmd": ["trap 'exit 0' TERM; while :; do sleep infinity & wait $!; done"],
        "Labels": labels_of(builder.lab, ROLE, ROLE) | {LABEL_STORE: str(folder)},
        "HostConfig": {
            "NetworkMode": "none",
            "Binds": [f"{work}/etc:/etc/mdn", f"{work}/docker:/var/lib/docker"],
            "Tmpfs": {"/run": "mode=755"},
            "CapDrop": ["ALL"],
            "CapAdd": list(builder.capabilities),
            "SecurityOpt": list(NODE_SECURITY_OPT),
            "MaskedPaths": list(NODE_MASKED_PATHS),
            "ReadonlyPaths": list(NODE_READONLY_PATHS),
            "CgroupnsMode": "private",
            "Devices": [
                {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"}
                for path in NODE_DEVICES
                if Path(path).exists()
            ],
        },
    }
