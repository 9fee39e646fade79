"""Images that all nodes of a lab know."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from minidocknet.core.apps.run import remove_app, run_app
from minidocknet.core.lab_images import add_image, remove_image
from minidocknet.core.network import Network
from minidocknet.core.wipe import wipe
from minidocknet.model.apps import AppSpec
from minidocknet.model.errors import UsageError
from minidocknet.model.topology import LinkSpec, NodeSpec
from minidocknet.runtime.engine import Engine

from ..app_image import import_image


@pytest.fixture(scope="module")
def net(engine: Engine) -> Iterator[Network]:
    name = f"test-images-{os.getpid()}"
    try:
        yield Network("linear,3", lab=name, delay="1ms").deploy()
    finally:
        wipe(engine, name)


@pytest.fixture
def reference(engine: Engine) -> Iterator[str]:
    name = f"mdn-test/tools-{os.getpid()}"
    import_image(engine.api, name, "tools")
    yield f"{name}:latest"
    engine.api.remove_image(f"{name}:latest", force=True)


def known(net: Network, node: str) -> list[str]:
    listed = net.node(node).exec(
        "/etc/mdn/inner-engine start && docker images --format '{{.Repository}}:{{.Tag}}'"
    )
    return listed.check().stdout.split()


def test_nodes_know_an_image_at_once_and_new_nodes_too(net: Network, reference: str) -> None:
    net.node("n1").exec("/etc/mdn/inner-engine start").check()
    added = add_image(net.lab, reference)
    assert [image.reference for image in added.images] == [reference]
    assert added.images[0].bytes > 100_000
    # No engine runs there; n1's is started again below its applications.
    assert max(added.node_s["n2"], added.node_s["n3"]) < 0.05
    for node in ("n1", "n2", "n3"):
        assert reference in known(net, node)
    net.add_node(NodeSpec("n4"), [LinkSpec("n3", "n4")])
    assert reference in known(net, "n4")
    run_app(net.lab, AppSpec("tool", "n4", reference, ("sleep", "1000")))
    with pytest.raises(UsageError, match="used by tool"):
        remove_image(net.lab, reference)
    remove_app(net.lab, "tool")
    remove_image(net.lab, reference)
    for node in ("n1", "n2", "n3", "n4"):
        assert reference not in known(net, node)
    assert not net.lab.state.images
    # The machine keeps it: back in milliseconds.
    assert add_image(net.lab, reference).store_s < 2
    assert reference in known(net, "n1")
    remove_image(net.lab, reference)


def test_a_tar_and_another_name(
    net: Network, engine: Engine, reference: str, tmp_path: Path
) -> None:
    archive = tmp_path / "tools.tar"
    subprocess.run(["docker", "save", "-o", str(archive), reference], check=True)
    add_image(net.lab, str(archive), name="mine:1")
    assert "mine:1" in known(net, "n2")
    remove_image(net.lab, "mine:1")
    assert "mine:1" not in known(net, "n2")


def test_a_folder_with_a_dockerfile(
    net: Network, engine: Engine, reference: str, tmp_path: Path
) -> None:
    folder = tmp_path / "built"
    folder.mkdir()
    with pytest.raises(UsageError, match="no Dockerfile"):
        add_image(net.lab, str(folder))
    (folder / "Dockerfile").write_text(f"FROM {reference}\nCOPY word /word\n")
    (folder / "word").write_text("built")
    try:
        add_image(net.lab, str(folder))
        assert "built:latest" in known(net, "n3")
        run_app(net.lab, AppSpec("reader", "n3", "built", ("cat", "/word")))
        assert net.node("n3").exec("docker logs app.reader").stdout == "built"
        remove_app(net.lab, "reader")
        remove_image(net.lab, "built")
    finally:
        engine.api.remove_image("built:latest", force=True)


def test_what_is_none(net: Network) -> None:
    with pytest.raises(UsageError, match="no-such-image"):
        add_image(net.lab, "no-such-image")
    with pytest.raises(UsageError, match="has no image 'nothing'"):
        remove_image(net.lab, "nothing")
