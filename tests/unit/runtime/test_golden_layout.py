"""Golden stores as data: keys, chains, and a node's data root in Docker's own layout."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from minidocknet.model.errors import ApplyError, UsageError
from minidocknet.runtime import golden_layout
from minidocknet.runtime.golden import tar_images
from minidocknet.runtime.golden_layout import (
    NODE_GOLDEN,
    GoldenStore,
    Layer,
    StoredImage,
    chain_ids,
    config_path,
    golden_binds,
    manifest_text,
    populate_data_root,
    read_layers,
    read_references,
    read_store,
    store_key,
)


def image(letter: str, below: tuple[Layer, ...], reference: str) -> StoredImage:
    """An image with one layer more than ``below``."""
    parent = below[-1].chain if below else None
    diffs = [f"sha256:{layer.diff}" for layer in below] + [f"sha256:{letter * 64}"]
    layer = Layer(chain_ids(diffs)[-1], letter * 64, f"cache-{letter}", ord(letter), parent)
    identity = f"sha256:{letter * 63}0"
    return StoredImage(identity, identity, (reference,), (*below, layer))


def store(folder: Path, *images: StoredImage) -> GoldenStore:
    for each in images:
        path = config_path(folder, each.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        diffs = [f"sha256:{layer.diff}" for layer in each.layers]
        path.write_text(json.dumps({"rootfs": {"type": "layers", "diff_ids": diffs}}))
    return GoldenStore(folder, images)


BASE = image("a", (), "base:1")
CHILD = image("b", BASE.layers, "registry.example:5000/child:latest")


def snapshot(folder: Path) -> dict[str, str | bytes]:
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_nodes_see_all_stores_through_one_read_only_mount() -> None:
    assert golden_binds(Path("/state/golden")) == (f"/state/golden:{NODE_GOLDEN}:ro",)


def test_a_key_depends_on_what_is_stored_and_not_on_its_order() -> None:
    one, two = ("sha256:1", ("x:1", "y:1")), ("sha256:2", ())
    assert store_key([one, two]) == store_key([two, ("sha256:1", ["y:1", "x:1"])])
    assert store_key([one]) != store_key([two]) != store_key([one, two])
    assert store_key([one]) != store_key([("sha256:1", ("x:1",))])


def test_chains_are_those_that_an_engine_computed() -> None:
    """Diff ids and layer folders of a two-layer image as Docker 28.5 named them."""
    diffs = [
        "sha256:6ff79ee8239ccc2b4fb07da2878e53d17d586995423e2bfb927e9aefd6c6e664",
        "sha256:f4241099ffbbfe43bcfd6e8dfc98d67eb74e76c5ba1641cd9b132b8f2c8674d1",
    ]
    assert chain_ids(diffs) == [
        "6ff79ee8239ccc2b4fb07da2878e53d17d586995423e2bfb927e9aefd6c6e664",
        "7776d91049eb4055134411376314919809d68fc5777eed6c4fafc791f2773840",
    ]


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(manifest_text([BASE, CHILD]))
    assert read_store(tmp_path) == GoldenStore(tmp_path, (BASE, CHILD))
    document = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(document | {"format": 0}))
    assert read_store(tmp_path) is None
    assert read_store(tmp_path / "none") is None


def test_a_populated_root_reads_back_as_the_images_put_in(tmp_path: Path) -> None:
    golden = store(tmp_path / "golden" / "k1", BASE, CHILD)
    root = tmp_path / "docker"
    assert populate_data_root([golden], root) == 2
    for each in (BASE, CHILD):
        assert read_layers(root, each.id) == each.layers
    assert read_references(root) == {each.id: each.references for each in (BASE, CHILD)}
    repositories = json.loads((root / "image/overlay2/repositories.json").read_text())
    assert repositories["Repositories"] == {
        "base": {"base:1": BASE.id},
        "registry.example:5000/child": {"registry.example:5000/child:latest": CHILD.id},
    }


def test_layers_are_links_into_the_store_and_know_what_lies_below(tmp_path: Path) -> None:
    golden = store(tmp_path / "golden" / "k1", CHILD)
    root = tmp_path / "docker"
    populate_data_root([golden], root)
    overlay = root / "overlay2"
    lower_link = (overlay / "cache-a/link").read_text()
    assert (overlay / "l" / lower_link).readlink() == Path("../cache-a/diff")
    assert (overlay / "cache-a/diff").readlink() == Path(NODE_GOLDEN / "k1/layers/cache-a/diff")
    assert not (overlay / "cache-a/lower").exists()
    assert (overlay / "cache-b/lower").read_text() == f"l/{lower_link}"
    three = store(tmp_path / "golden" / "k2", image("c", CHILD.layers, "top:1"))
    populate_data_root([three], root)
    links = [(overlay / f"cache-{letter}/link").read_text() for letter in "ba"]
    assert (overlay / "cache-c/lower").read_text() == ":".join(f"l/{link}" for link in links)


def test_nothing_is_copied_that_an_engine_locks(tmp_path: Path) -> None:
    populate_data_root([store(tmp_path / "golden/k1", BASE, CHILD)], tmp_path / "docker")
    assert {entry.name for entry in (tmp_path / "docker").iterdir()} == {"image", "overlay2"}


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    golden = store(tmp_path / "golden/k1", BASE, CHILD)
    populate_data_root([golden], tmp_path / "docker")
    before = snapshot(tmp_path / "docker")
    assert populate_data_root([golden], tmp_path / "docker") == 0
    assert snapshot(tmp_path / "docker") == before


def test_only_the_images_asked_for(tmp_path: Path) -> None:
    golden = store(tmp_path / "golden/k1", BASE, CHILD)
    assert populate_data_root([golden], tmp_path / "docker", only=[BASE.id]) == 1
    assert read_references(tmp_path / "docker") == {BASE.id: BASE.references}


def test_an_engines_own_images_stay(tmp_path: Path) -> None:
    names = tmp_path / "docker/image/overlay2/repositories.json"
    names.parent.mkdir(parents=True)
    own = {"base": {"base:2": "sha256:own"}, "mine": {"mine:1": "sha256:mine"}}
    names.write_text(json.dumps({"Repositories": own}))
    populate_data_root([store(tmp_path / "golden/k1", BASE)], tmp_path / "docker")
    assert json.loads(names.read_text())["Repositories"] == {
        "base": {"base:2": "sha256:own", "base:1": BASE.id},
        "mine": {"mine:1": "sha256:mine"},
    }


def test_a_layer_that_is_there_already_serves_another_stores_image(tmp_path: Path) -> None:
    """Two stores hold a common layer, each under a folder name of its own."""
    common = Layer(BASE.layers[0].chain, "a" * 64, "cache-other", 97, None)
    child = StoredImage(CHILD.id, CHILD.id, CHILD.references, (common, CHILD.layers[1]))
    root = tmp_path / "docker"
    populate_data_root([store(tmp_path / "golden/k1", BASE)], root)
    populate_data_root([store(tmp_path / "golden/k2", child)], root)
    assert not (root / "overlay2/cache-other").exists()
    link = (root / "overlay2/cache-a/link").read_text()
    assert (root / "overlay2/cache-b/lower").read_text() == f"l/{link}"


class Killed(BaseException):
    """In place of SIGKILL."""


@pytest.mark.parametrize("steps", range(21))
def test_a_killed_call_is_made_good_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    golden = store(tmp_path / "golden/k1", BASE, CHILD)
    root = tmp_path / "docker"
    left = itertools.count(steps, -1)

    def dies_in_time(operation: Callable[..., None]) -> Callable[..., None]:
        def run(*arguments: object) -> None:
            if next(left) <= 0:
                raise Killed
            operation(*arguments)

        return run

    with monkeypatch.context() as patch:
        for name in ("_write", "_symlink"):
            patch.setattr(golden_layout, name, dies_in_time(getattr(golden_layout, name)))
        with pytest.raises(Killed):
            populate_data_root([golden], root)
    populate_data_root([golden], root)
    for each in (BASE, CHILD):
        assert read_layers(root, each.id) == each.layers
        for layer in each.layers:
            link = (root / "overlay2" / layer.cache / "link").read_text()
            assert (root / "overlay2/l" / link).is_symlink()
            assert (root / "overlay2" / layer.cache / "diff").is_symlink()
    lower = (root / "overlay2/cache-b/lower").read_text()
    assert lower == "l/" + (root / "overlay2/cache-a/link").read_text()
    assert read_references(root) == {each.id: each.references for each in (BASE, CHILD)}


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ApplyError, match="unknown layout"):
        read_layers(tmp_path, BASE.id)


@pytest.mark.parametrize("config", ["{}.json", "blobs/sha256/{}"])
def test_a_tars_images_are_named_before_it_is_loaded(tmp_path: Path, config: str) -> None:
    path = tmp_path / "images.tar"
    entries = [
        {"Config": config.format("1" * 64), "RepoTags": ["b:1", "a:1"], "Layers": []},
        {"Config": config.format("2" * 64), "RepoTags": None, "Layers": []},
    ]
    _tar(path, "manifest.json", json.dumps(entries).encode())
    assert [(source.id, source.references) for source in tar_images(path)] == [
        ("sha256:" + "1" * 64, ("a:1", "b:1")),
        ("sha256:" + "2" * 64, ()),
    ]


def test_other_files_are_no_images(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    for make in (
        lambda: path.write_bytes(b"text"),
        lambda: _tar(path, "other", b""),
        lambda: _tar(path, "manifest.json", b"{"),
        path.unlink,
    ):
        make()
        with pytest.raises(UsageError, match=r"x\.tar is not a tar of images"):
            tar_images(path)


def _tar(path: Path, name: str, content: bytes) -> None:
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
