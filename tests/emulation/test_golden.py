"""Golden stores with real engines: images are loaded once and shared by all nodes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from minidocknet.model.errors import UsageError
from minidocknet.plan.privileges import granted_capabilities
from minidocknet.runtime import golden, inner_engine
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.golden_layout import GoldenStore, populate_data_root
from minidocknet.runtime.image import node_image_tag
from minidocknet.runtime.probe import bounding_set

from .app_image import import_image
from .inner_nodes import InnerNode

IMAGE = "mdn-test/golden"
OTHER = "mdn-test/golden-other"
RUN = ("run", "--rm", "--net=none")
# A process that builds a store and stays in the last step, to be killed.
BUILD = """
import os, signal, sys
from pathlib import Path
from minidocknet.runtime import golden
from minidocknet.runtime.engine import Engine
folder, node_image, lab, image, *capabilities = sys.argv[1:]
os.sync = signal.pause  # the last step before the store appears
engine = Engine()
builder = golden.Builder(engine, node_image, tuple(capabilities), lab)
golden.ensure_stores(Path(folder), [golden.host_image(engine, image)], builder)
"""


@pytest.fixture(scope="module")
def images(engine: Engine) -> Iterator[dict[str, str]]:
    """Name to id of two images of the host's engine."""
    made = {name: import_image(engine.api, name, name) for name in (IMAGE, OTHER)}
    try:
        yield made
    finally:
        for name in made:
            engine.api.remove_image(f"{name}:latest", force=True)


@pytest.fixture
def lab(engine: Engine) -> Iterator[str]:
    name = f"golden-{os.getpid()}"
    yield name
    for container in engine.containers(lab=name):
        engine.remove(container["Id"])


@pytest.fixture
def builder(engine: Engine, lab: str) -> golden.Builder:
    return golden.Builder(engine, node_image_tag(), granted_capabilities(bounding_set()), lab)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return golden.golden_folder(tmp_path)


@pytest.fixture
def make_node(
    engine: Engine, lab: str, folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[[str], InnerNode]:
    def make(name: str) -> InnerNode:
        node = InnerNode(engine, f"mdn.{lab}.node.{name}", tmp_path / name)
        request.addfinalizer(node.remove)
        node.create(folder)
        return node

    return make


def ensure(folder: Path, builder: golden.Builder, *names: str) -> tuple[GoldenStore, ...]:
    sources = [golden.host_image(builder.engine, name) for name in names]
    return golden.ensure_stores(folder, sources, builder)


def visible(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir() if entry.name != ".lock"}


def seen_images(node: InnerNode) -> dict[str, list[str]]:
    pid = inner_engine.ensure_running(node.engine, node.name)
    with inner_engine.inner_api(pid) as api:
        return {entry["Id"]: entry["RepoTags"] for entry in api.images()}


def test_nodes_run_an_image_that_they_never_loaded(
    folder: Path,
    builder: golden.Builder,
    images: dict[str, str],
    make_node: Callable[[str], InnerNode],
) -> None:
    stores = ensure(folder, builder, IMAGE)
    nodes = [make_node("n1"), make_node("n2")]
    for node in nodes:
        assert populate_data_root(stores, node.data_root) == 1
        assert seen_images(node) == {images[IMAGE]: [f"{IMAGE}:latest"]}
        assert node.docker(*RUN, IMAGE, "cat", "/marker") == IMAGE
        assert node.docker(*RUN, IMAGE, "cat", "/upper") == "upper"

    # One copy on the machine's disk, and so in its page cache.
    (stored,) = (folder / stores[0].key).glob("layers/*/diff/bin/cat")
    inode = str(stored.stat().st_ino)
    for node in nodes:
        assert node.docker(*RUN, IMAGE, "stat", "-c", "%i", "/bin/cat") == inode


def test_writes_stay_in_their_node(
    folder: Path,
    builder: golden.Builder,
    images: dict[str, str],
    make_node: Callable[[str], InnerNode],
) -> None:
    stores = ensure(folder, builder, IMAGE)
    writer, reader = make_node("n1"), make_node("n2")
    for node in (writer, reader):
        populate_data_root(stores, node.data_root)
        inner_engine.ensure_running(node.engine, node.name)
    writer.docker("run", "--net=none", "--name=app", IMAGE, "sh", "-c", "echo mine > /marker")
    writer.docker("start", "app")
    assert "C /marker" in writer.docker("diff", "app")
    assert reader.docker(*RUN, IMAGE, "cat", "/marker") == IMAGE
    (stored,) = (folder / stores[0].key).glob("layers/*/diff/marker")
    assert stored.read_text() == IMAGE
    code, output = writer.run("touch", f"/var/lib/mdn-golden/{stores[0].key}/layers/x")
    assert code != 0
    assert "Read-only file system" in output


def test_an_image_can_be_saved_committed_and_removed_in_a_node(
    folder: Path,
    builder: golden.Builder,
    images: dict[str, str],
    make_node: Callable[[str], InnerNode],
) -> None:
    stores = ensure(folder, builder, IMAGE)
    node = make_node("n1")
    populate_data_root(stores, node.data_root)
    seen_images(node)
    node.docker("run", "--net=none", "--name=app", IMAGE, "sh", "-c", "echo new > /new")
    node.docker("commit", "app", "derived")
    node.docker("rm", "app")
    node.docker("save", "-o", "/var/lib/docker/saved.tar", IMAGE, "derived")
    node.docker("rmi", "derived", IMAGE)
    assert seen_images(node) == {}
    node.docker("load", "-i", "/var/lib/docker/saved.tar")
    assert node.docker(*RUN, "derived", "cat", "/marker") == IMAGE
    assert node.docker(*RUN, "derived", "cat", "/new") == "new"
    # The store is as it was, for the other nodes.
    other = make_node("n2")
    populate_data_root(stores, other.data_root)
    seen_images(other)
    assert other.docker(*RUN, IMAGE, "cat", "/marker") == IMAGE


def test_images_stay_over_restarts_of_engine_and_node(
    engine: Engine,
    folder: Path,
    builder: golden.Builder,
    images: dict[str, str],
    make_node: Callable[[str], InnerNode],
) -> None:
    stores = ensure(folder, builder, IMAGE)
    node = make_node("n1")
    populate_data_root(stores, node.data_root)
    before = seen_images(node)
    node.docker("run", "--net=none", "--name=app", IMAGE, "sh", "-c", "echo kept > /marker")
    inner_engine.stop(engine, node.name)
    assert seen_images(node) == before
    engine.stop(node.name, timeout_s=1)
    engine.start(node.name)
    assert seen_images(node) == before
    assert node.docker("diff", "app") == "C /marker"
    assert populate_data_root(stores, node.data_root) == 0


def test_running_nodes_get_an_image_below_their_applications(
    engine: Engine,
    folder: Path,
    builder: golden.Builder,
    images: dict[str, str],
    make_node: Callable[[str], InnerNode],
) -> None:
    node, idle = make_node("n1"), make_node("n2")
    first = ensure(folder, builder, IMAGE)
    assert inner_engine.add_images(engine, node.name, node.data_root, first) == 1
    seen_images(node)
    node.docker("run", "-d", "--net=none", "--name=app", IMAGE, "sleep", "1000")
    application = node.docker("inspect", "-f", "{{.State.Pid}}", "app")

    both = ensure(folder, builder, IMAGE, OTHER)
    assert len(both) == 2
    assert inner_engine.add_images(engine, node.name, node.data_root, both) == 1
    assert inner_engine.add_images(engine, idle.name, idle.data_root, both) == 2
    assert inner_engine.status(idle.pid) == "stopped"
    for each in (node, idle):
        assert seen_images(each) == {image: [f"{name}:latest"] for name, image in images.items()}
        assert each.docker(*RUN, OTHER, "cat", "/marker") == OTHER
    assert node.docker("inspect", "-f", "{{.State.Pid}}", "app") == application


def test_the_same_image_from_a_tar_needs_no_second_store(
    engine: Engine,
    folder: Path,
    builder: golden.Builder,
    images: dict[str, str],
    tmp_path: Path,
    make_node: Callable[[str], InnerNode],
) -> None:
    tar = tmp_path / "images.tar"
    with tar.open("wb") as stream:
        stream.writelines(engine.api.get_image(f"{OTHER}:latest"))
    stores = golden.ensure_stores(folder, golden.tar_images(tar), builder)
    assert ensure(folder, builder, OTHER) == stores
    node = make_node("n1")
    populate_data_root(stores, node.data_root)
    assert seen_images(node) == {images[OTHER]: [f"{OTHER}:latest"]}
    tar.write_bytes(b"no tar")
    with pytest.raises(UsageError, match="not a tar of images"):
        golden.tar_images(tar)
    with pytest.raises(UsageError, match="no image 'mdn-test/none'"):
        golden.host_image(engine, "mdn-test/none")


def test_callers_at_the_same_time_build_once(
    engine: Engine, folder: Path, builder: golden.Builder, images: dict[str, str], lab: str
) -> None:
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: ensure(folder, builder, IMAGE), range(3)))
    assert results[0] == results[1] == results[2]
    assert visible(folder) == {results[0][0].key}
    started = time.monotonic()
    assert ensure(folder, builder, IMAGE) == results[0]
    assert time.monotonic() - started < 0.5  # no container can be started and loaded in this
    assert not engine.containers(lab=lab)
    assert str(folder) not in Path("/proc/mounts").read_text()


@pytest.mark.parametrize("sign", ["container", "running", "loaded", "harvested"])
def test_a_killed_builder_is_made_good(
    engine: Engine,
    folder: Path,
    builder: golden.Builder,
    images: dict[str, str],
    lab: str,
    make_node: Callable[[str], InnerNode],
    sign: str,
) -> None:
    """Killed by SIGKILL at four stages of the build."""

    def reached() -> bool:
        work = next(iter(folder.glob(".build-*")), folder / "none")
        match sign:
            case "container":
                return bool(engine.containers(lab=lab, role=golden.ROLE))
            case "running":
                return (work / "docker" / "image" / "overlay2" / "imagedb").exists()
            case "loaded":
                return any((work / "docker").glob("image/overlay2/imagedb/content/sha256/*"))
            case _:
                return (work / "store").exists()

    arguments = [str(folder), builder.node_image, lab, IMAGE, *builder.capabilities]
    process = subprocess.Popen([sys.executable, "-c", BUILD, *arguments])
    try:
        while not reached():
            assert process.poll() is None, "the build ended before it could be killed"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert golden.stores(folder) == ()

    stores = ensure(folder, builder, IMAGE)
    assert visible(folder) == {store.key for store in stores}
    assert not engine.containers(lab=lab)
    assert str(folder) not in Path("/proc/mounts").read_text()
    node = make_node("n1")
    populate_data_root(stores, node.data_root)
    seen_images(node)
    assert node.docker(*RUN, IMAGE, "cat", "/marker") == IMAGE


def test_cleaning_removes_what_a_killed_builder_left_and_no_more(
    engine: Engine, folder: Path, builder: golden.Builder, images: dict[str, str], lab: str
) -> None:
    (store,) = ensure(folder, builder, IMAGE)
    arguments = [str(folder), builder.node_image, lab, OTHER, *builder.capabilities]
    process = subprocess.Popen([sys.executable, "-c", BUILD, *arguments])
    try:
        while not engine.containers(lab=lab, role=golden.ROLE):
            assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    golden.clean_builds(folder, engine)
    assert not engine.containers(lab=lab)
    assert visible(folder) == {store.key}
    golden.remove_store(folder, store.key)
    assert visible(folder) == set()


def test_populating_takes_milliseconds(
    folder: Path, builder: golden.Builder, images: dict[str, str], tmp_path: Path
) -> None:
    """At most 0.05 s a node; the best of five batches, for other work goes on beside this."""
    stores = ensure(folder, builder, IMAGE, OTHER)
    best = min(_populate_ten(stores, tmp_path / f"batch{batch}") for batch in range(5))
    assert best < 0.05


def _populate_ten(stores: tuple[GoldenStore, ...], folder: Path) -> float:
    started = time.monotonic()
    for number in range(10):
        assert populate_data_root(stores, folder / str(number)) == 2
    return (time.monotonic() - started) / 10
