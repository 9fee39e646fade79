"""Application images in the nodes' inner engines, from the machine's golden stores."""

from __future__ import annotations

from collections.abc import Iterable

from minidocknet.core.lab import Lab
from minidocknet.plan.model import NodePlan
from minidocknet.runtime.golden import Builder, ensure_stores, golden_folder, host_image
from minidocknet.runtime.golden_layout import golden_binds, populate_data_root
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
    references = lab.state.options.preload
    if not references:
        return
    sources = [host_image(lab.engine, reference) for reference in references]
    builder = Builder(lab.engine, lab.state.node_image, lab.state.granted, lab.name)
    stores = ensure_stores(golden_folder(state_root()), sources, builder)
    asked = {source.id for source in sources}
    wanted = [
        image.id for store in stores for image in store.images if asked & {image.id, image.source}
    ]
    for node in nodes:
        populate_data_root(stores, lab.paths.node_docker(node.name), only=wanted)
