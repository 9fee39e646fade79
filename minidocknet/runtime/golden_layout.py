"""What a golden store holds, and how a node's data root refers to it.

A store is a folder of the machine that every node sees, read-only, under one path.  It keeps the
unpacked layers of application images.  A node's data root holds a few small files for each image,
in the layout of Docker's overlay2 driver (moby: daemon/graphdriver/overlay2, layer/filestore.go,
image/fs.go), with symbolic links in place of the layers' files; so that

- an image costs a node neither time nor space in proportion to its size,
- nodes that run see an image that is added, without new mounts,
- the databases that an engine locks are its own, never shared and never copied.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import string
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from minidocknet.model.errors import ApplyError

# Where nodes see the machine's golden folder.
NODE_GOLDEN = PurePosixPath("/var/lib/mdn-golden")
MANIFEST = "manifest.json"
_FORMAT = 1
_LINK_LETTERS = string.ascii_uppercase + "234567"
_LINK_LENGTH = 26


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer in a store.

    ``chain``: SHA-256 over this layer and all below it (OCI image specification, ChainID), 64
    hexadecimal digits; ``diff``: of its own tar; ``cache``: the name of its folder; ``bytes``:
    unpacked size; ``parent``: the chain below, None at the bottom.
    """

    chain: str
    diff: str
    cache: str
    bytes: int
    parent: str | None


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in a store.

    ``id``: as inner engines show it (``sha256:...``); ``source``: what the host's engine or the
    tar called it, the same except for engines on containerd's image store; ``references``: its
    names with tags; ``layers``: from the bottom up.
    """

    id: str
    source: str
    references: tuple[str, ...]
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class GoldenStore:
    """One store: its folder and what is in it."""

    folder: Path
    images: tuple[StoredImage, ...]

    @property
    def key(self) -> str:
        return self.folder.name


def golden_binds(golden_folder: Path) -> tuple[str, ...]:
    """The bind mounts that let a node see all stores of the machine, those of later too.  Pure."""
    return (f"{golden_folder}:{NODE_GOLDEN}:ro",)


def store_key(images: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The name of the store for these (id, references): 16 hexadecimal digits.  Pure."""
    listed = sorted((image, sorted(references)) for image, references in images)
    return hashlib.sha256(json.dumps([_FORMAT, listed]).encode()).hexdigest()[:16]


def manifest_text(images: Iterable[StoredImage]) -> str:
    return json.dumps({"format": _FORMAT, "images": [asdict(image) for image in images]}, indent=1)


def read_store(folder: Path) -> GoldenStore | None:
    """The store in ``folder``; None where there is none, or one of another version's format."""
    try:
        document = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if document["format"] != _FORMAT:
        return None
    return GoldenStore(folder, tuple(_image(entry) for entry in document["images"]))


def _image(entry: dict[str, Any]) -> StoredImage:
    return StoredImage(
        id=entry["id"],
        source=entry["source"],
        references=tuple(entry["references"]),
        layers=tuple(Layer(**layer) for layer in entry["layers"]),
    )


def config_path(folder: Path, image_id: str) -> Path:
    """An image's configuration in a store."""
    return folder / "images" / image_id.removeprefix("sha256:")


def layer_folder(folder: Path, layer: Layer) -> Path:
    """Holds ``diff``, the layer's files, and ``tar-split.json.gz``, the order of its tar."""
    return folder / "layers" / layer.cache


# --- reading a data root that an engine filled ----------------------------------------------------


def chain_ids(diff_ids: Sequence[str]) -> list[str]:
    """Chains of an image's layers, from the bottom up (OCI image specification).  Pure."""
    chains: list[str] = []
    for diff in diff_ids:
        chain = (
            hashlib.sha256(f"sha256:{chains[-1]} {diff}".encode()).hexdigest()
            if chains
            else diff.removeprefix("sha256:")
        )
        chains.append(chain)
    return chains


def read_layers(data_root: Path, image_id: str) -> tuple[Layer, ...]:
    """The layers of an image in an engine's data root, from the bottom up.

    ApplyError where the engine keeps images in another way than the overlay2 driver's.
    """
    image_root = data_root / "image" / "overlay2"
    config = image_root / "imagedb/content/sha256" / image_id.removeprefix("sha256:")
    try:
        diff_ids = json.loads(config.read_bytes())["rootfs"].get("diff_ids") or []
        layers: list[Layer] = []
        for chain, diff in zip(chain_ids(diff_ids), diff_ids, strict=True):
            folder = image_root / "layerdb/sha256" / chain
            layers.append(
                Layer(
                    chain=chain,
                    diff=diff.removeprefix("sha256:"),
                    cache=(folder / "cache-id").read_text().strip(),
                    bytes=int((folder / "size").read_text()),
                    parent=layers[-1].chain if layers else None,
                )
            )
    except FileNotFoundError as error:
        raise ApplyError(
            f"the inner engine keeps images in an unknown layout: there is no {error.filename}",
            remedy="use MiniDockNet's own node image, whose engine uses the overlay2 driver",
        ) from error
    return tuple(layers)


def read_references(data_root: Path) -> dict[str, tuple[str, ...]]:
    """Image id to its names with tags, in an engine's data root."""
    named: dict[str, list[str]] = {}
    for tags in _repositories(data_root / "image/overlay2/repositories.json").values():
        for reference, image in tags.items():
            named.setdefault(image, []).append(reference)
    return {image: tuple(sorted(references)) for image, references in named.items()}


# --- filling a node's data root -------------------------------------------------------------------


def populate_data_root(
    stores: Iterable[GoldenStore], data_root: Path, *, only: Iterable[str] | None = None
) -> int:
    """Make the stores' images known in a node's data root; returns how many it lacked.

    ``only``: image ids (all: None).  May be repeated, with other stores too, at any time: what the
    root has is left alone, and a killed call is made good by the next.  An engine that runs on the
    root sees the images after a ``reload``.
    """
    wanted = None if only is None else set(only)
    image_root = data_root / "image" / "overlay2"
    added = 0
    references: dict[str, str] = {}
    for store in stores:
        for image in store.images:
            if wanted is not None and image.id not in wanted:
                continue
            references.update(dict.fromkeys(image.references, image.id))
            target = image_root / "imagedb/content/sha256" / image.id.removeprefix("sha256:")
            if target.exists():
                continue
            lower: list[str] = []
            for layer in image.layers:
                lower.insert(0, _place_layer(data_root, store, layer, lower))
            # Last, because an engine looks for the layers of every image that it finds here.
            _write(target, config_path(store.folder, image.id).read_bytes())
            added += 1
    _add_references(image_root / "repositories.json", references)
    return added


def _place_layer(data_root: Path, store: GoldenStore, layer: Layer, lower: list[str]) -> str:
    """Returns the layer's short link name.  ``lower``: those below, the nearest first."""
    overlay = data_root / "overlay2"
    record = data_root / "image/overlay2/layerdb/sha256" / layer.chain
    if (record / "cache-id").exists():
        return (overlay / (record / "cache-id").read_text() / "link").read_text()
    inside = NODE_GOLDEN / store.key / "layers" / layer.cache
    folder = overlay / layer.cache
    (folder / "work").mkdir(parents=True, exist_ok=True)
    (overlay / "l").mkdir(exist_ok=True)
    link = _link_of(folder / "link")
    _symlink(folder / "diff", inside / "diff")
    _symlink(overlay / "l" / link, PurePosixPath("..", layer.cache, "diff"))
    # The driver's mark for a layer that others lie on.
    _write(folder / "committed", b"")
    if lower:
        _write(folder / "lower", ":".join(f"l/{name}" for name in lower).encode())
    record.mkdir(parents=True, exist_ok=True)
    _symlink(record / "tar-split.json.gz", inside / "tar-split.json.gz")
    _write(record / "diff", f"sha256:{layer.diff}".encode())
    _write(record / "size", str(layer.bytes).encode())
    if layer.parent is not None:
        _write(record / "parent", f"sha256:{layer.parent}".encode())
    # Last: marks the layer as whole.
    _write(record / "cache-id", layer.cache.encode())
    return link


def _link_of(path: Path) -> str:
    """The layer's short name: of an earlier call, or a new one like the driver's own."""
    try:
        return path.read_text()
    except FileNotFoundError:
        link = "".join(secrets.choice(_LINK_LETTERS) for _ in range(_LINK_LENGTH))
        _write(path, link.encode())
        return link


def _add_references(path: Path, references: dict[str, str]) -> None:
    repositories = _repositories(path)
    changed = False
    for reference, image in references.items():
        # The colon of a port comes before a slash, that of a tag after the last.
        tags = repositories.setdefault(reference.rpartition(":")[0], {})
        changed |= tags.get(reference) != image
        tags[reference] = image
    if changed:
        _write(path, json.dumps({"Repositories": repositories}).encode())


def _repositories(path: Path) -> dict[str, dict[str, str]]:
    try:
        return dict(json.loads(path.read_text())["Repositories"])
    except FileNotFoundError:
        return {}


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _symlink(path: Path, target: PurePosixPath) -> None:
    if not path.is_symlink():
        path.symlink_to(target)
