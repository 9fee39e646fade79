"""Application images in the nodes' inner engines, from the machine's golden stores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from docker.errors import APIError, ImageNotFound

from minidocknet.core.lab import Lab
from minidocknet.model.apps import NODE_IMAGE
from minidocknet.model.errors import ApplyError, UsageError
from minidocknet.plan.model import NodePlan
from minidocknet.plan.names import container_name
from minidocknet.runtime import inner_engine
from minidocknet.runtime.golden import Builder, Source, ensure_stores, golden_folder, host_image
from minidocknet.runtime.golden_layout import GoldenStore, golden_binds, populate_data_root
from minidocknet.runtime.paths import state_root


def store_binds() -> tuple[str, ...]:
    """The bind mounts by which nodes see the stores, those made later too."""
    folder = golden_folder(state_root())
    folder.mkdir(parents=True, exist_ok=True)
    return golden_binds(folder)


def preload_images(lab: Lab, nodes: Iterable[NodePlan]) -> None:
    """Make the lab's images known to ``nodes``, whose engines do not run yet.

    An image that no store has is loaded once for the machine, which takes seconds.  UsageError
    where the host has no such image.
    """
    references = [*lab.state.options.preload, *(image.reference for image in lab.state.images)]
    if not references:
        return
    sources = [host_image(lab.engine, reference) for reference in references]
    stores = stores_of(lab, sources)
    asked = {source.id for source in sources}
    wanted = [
        image.id for store in stores for image in store.images if asked & {image.id, image.source}
    ]
    for node in nodes:
        populate_data_root(stores, lab.paths.node_docker(node.name), only=wanted)


def image_for_node(lab: Lab, node: str, reference: str) -> str:
    """Make sure that ``node`` has the image; returns its id as the node's engine shows it.

    ``reference``: ``node`` for the node image, an image that the node has, or one of the host's
    engine.  The node's engine runs afterwards.  UsageError where nobody has the image.
    """
    container = container_name(lab.name, node)
    lab.running_container(node)
    wanted = lab.state.node_image if reference == NODE_IMAGE else reference
    running = inner_engine.status(inner_engine.node_pid(lab.engine, container)) == "running"
    if running and (own := _own_image(lab, container, wanted)):
        return own
    try:
        source = host_image(lab.engine, wanted)
    except UsageError as error:
        if not running and (own := _own_image(lab, container, wanted)):
            return own
        raise UsageError(
            f"neither node {node} nor this machine has an image {reference!r}",
            remedy=f"docker pull or build it, or take {NODE_IMAGE!r}, the node's own",
        ) from error
    stores = stores_of(lab, [source])
    # Before the engine starts: it needs no reload then.
    inner_engine.add_images(lab.engine, container, lab.paths.node_docker(node), stores)
    own = _own_image(lab, container, _inner_id(stores, source))
    if own is None:
        raise ApplyError(f"node {node} does not see image {reference!r}, though it was added")
    return own


def stores_of(lab: Lab, sources: list[Source]) -> tuple[GoldenStore, ...]:
    """The machine's stores that hold ``sources``; what none has is loaded, which takes seconds."""
    builder = Builder(lab.engine, lab.state.node_image, lab.state.granted, lab.name)
    return ensure_stores(golden_folder(state_root()), sources, builder)


def _own_image(lab: Lab, container: str, reference: str) -> str | None:
    pid = inner_engine.ensure_running(lab.engine, container)
    with inner_engine.inner_api(pid) as connection:
        api: Any = connection
        try:
            return str(api.inspect_image(reference)["Id"])
        except ImageNotFound:
            return None
        except APIError as error:
            raise ApplyError(
                f"{container} did not look up an image: {error.explanation}"
            ) from error


def _inner_id(stores: Iterable[GoldenStore], source: Source) -> str:
    return next(
        image.id
        for store in stores
        for image in store.images
        if source.id in (image.id, image.source)
    )
