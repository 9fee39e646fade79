"""A lab's images: known to all of its nodes, whatever each one's engine does."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from minidocknet.core.apps.containers import refusals
from minidocknet.core.images import stores_of
from minidocknet.core.lab import Lab
from minidocknet.core.locks import lab_lock
from minidocknet.core.state import LabImage
from minidocknet.model.apps import NODE_IMAGE
from minidocknet.model.errors import ApplyError, UsageError
from minidocknet.plan.names import container_name
from minidocknet.runtime import inner_engine
from minidocknet.runtime.golden import Source, host_image, tar_images
from minidocknet.runtime.golden_layout import GoldenStore, populate_data_root

_WORKERS = 4


@dataclass(frozen=True, slots=True)
class Added:
    """What adding images took.  ``node_s``: by node, until it knew them."""

    images: tuple[LabImage, ...]
    store_s: float
    node_s: Mapping[str, float]


def add_image(lab: Lab, source: str, *, name: str | None = None) -> Added:
    """Make an image known to every node of the lab, those that are added later too.

    ``source``: an image of the host's engine, a tar of ``docker save``, a folder with a Dockerfile,
    or ``node``.  Raises UsageError for what is none of these, ApplyError where it cannot be built
    or loaded.
    """
    sources = _sources(lab, source, name)
    began = time.monotonic()
    with lab.events.phase("image", {}):
        stores = stores_of(lab, sources)
    store_s = time.monotonic() - began
    asked = {one.id for one in sources}
    found = tuple(
        LabImage(_reference(image.references, source), image.id, sum(_sizes(store, image.id)))
        for store in stores
        for image in store.images
        if asked & {image.id, image.source}
    )
    with lab_lock(lab.name):
        lab.reload()
        kept = [
            one for one in lab.state.images if one.reference not in {f.reference for f in found}
        ]
        lab.update(replace(lab.state, images=(*kept, *dict.fromkeys(found))))
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="image") as pool:
            names = [node.name for node in lab.plan.nodes]
            seconds = dict(
                zip(names, pool.map(lambda n: _tell(lab, n, stores), names), strict=True)
            )
    return Added(tuple(dict.fromkeys(found)), store_s, seconds)


def _tell(lab: Lab, node: str, stores: tuple[GoldenStore, ...]) -> float:
    began = time.monotonic()
    data_root = lab.paths.node_docker(node)
    if lab.homes([node]):
        inner_engine.add_images(lab.engine, container_name(lab.name, node), data_root, stores)
    else:
        populate_data_root(stores, data_root)
    return time.monotonic() - began


def _sources(lab: Lab, source: str, name: str | None) -> list[Source]:
    path = Path(source)
    if source == NODE_IMAGE:
        found = [host_image(lab.engine, lab.state.node_image)]
    elif path.is_dir():
        found = [_build(lab, path, name)]
    elif path.is_file():
        found = list(tar_images(path))
    else:
        found = [host_image(lab.engine, source)]
    if name is not None and not path.is_dir():
        if len(found) != 1:
            raise UsageError(f"{source} holds {len(found)} images, so --name fits none of them")
        reference = name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"
        found = [replace(found[0], references=(reference,))]
        if found[0].tar is None:
            repository, _, tag = reference.rpartition(":")
            with refusals(f"naming the image {reference}"):
                lab.engine.api.tag(found[0].id, repository, tag)
    return found


def _build(lab: Lab, folder: Path, name: str | None) -> Source:
    """By the host's engine, which keeps what it built."""
    if not (folder / "Dockerfile").is_file():
        raise UsageError(
            f"folder {folder} has no Dockerfile",
            remedy="give a folder with one, an image of this machine, or a tar of docker save",
        )
    reference = name or f"{folder.resolve().name.lower()}:latest"
    try:
        last = ""
        for message in lab.engine.api.build(path=str(folder), tag=reference, decode=True, rm=True):
            last = message.get("stream", last)
            if "error" in message:
                raise ApplyError(f"the image of {folder} cannot be built: {message['error']}")
    except (APIError, BuildError, DockerException, TypeError) as error:
        raise ApplyError(f"the image of {folder} cannot be built: {error}") from error
    return host_image(lab.engine, reference)


def _reference(references: Iterable[str], source: str) -> str:
    return next(iter(references), source)


def _sizes(store: GoldenStore, image: str) -> Iterable[int]:
    return (layer.bytes for one in store.images if one.id == image for layer in one.layers)


def remove_image(lab: Lab, reference: str) -> LabImage:
    """Take an image from the lab's nodes.  UsageError while an application of the lab uses it."""
    with lab_lock(lab.name):
        lab.reload()
        image = _get(lab, reference)
        users = [
            app.name
            for app in lab.plan.apps
            if _full(app.spec.image) == image.reference
            or (app.spec.image == NODE_IMAGE and image.reference == lab.state.node_image)
        ]
        if users:
            raise UsageError(
                f"image {reference} is used by {', '.join(users)}",
                remedy=f"remove them first: mdn app rm {' '.join(users)}",
            )
        for node in lab.plan.nodes:
            _untell(lab, node.name, image)
        rest = tuple(one for one in lab.state.images if one != image)
        lab.update(replace(lab.state, images=rest))
    return image


def _untell(lab: Lab, node: str, image: LabImage) -> None:
    """Its engine forgets the image, and removes links to the store, not what they lead to."""
    if not lab.homes([node]):
        return
    pid = inner_engine.ensure_running(lab.engine, container_name(lab.name, node))
    with inner_engine.inner_api(pid) as connection, refusals(f"removing an image from {node}"):
        api: Any = connection
        try:
            api.remove_image(image.reference, force=True)
        except ImageNotFound:
            return


def _get(lab: Lab, reference: str) -> LabImage:
    wanted = lab.state.node_image if reference == NODE_IMAGE else _full(reference)
    for image in lab.state.images:
        if wanted in (image.reference, image.id) or reference in (image.reference, image.id):
            return image
    names = ", ".join(image.reference for image in lab.state.images)
    raise UsageError(
        f"lab {lab.name} has no image {reference!r}",
        remedy=f"it has: {names}" if names else "add one: mdn image add IMAGE",
    )


def _full(reference: str) -> str:
    return reference if ":" in reference.rsplit("/", 1)[-1] else f"{reference}:latest"
