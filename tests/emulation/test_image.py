"""The node image holds what nodes need, starts nothing by itself, and is built only once."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from minidocknet.runtime.image import NODE_RECIPE, ensure_node_image, node_image_tag
from minidocknet.runtime.image.recipe import parse_packages, too_old


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=900)
    yield client
    client.close()


@pytest.fixture(scope="module")
def node(client: docker.DockerClient) -> Iterator[object]:
    container = client.containers.run(
        ensure_node_image(client).id,
        detach=True,
        network_mode="none",
        labels={"org.minidocknet.test": "image"},
    )
    yield container
    container.remove(force=True, v=True)


def output(node: object, command: str) -> str:
    code, text = node.exec_run(["sh", "-euc", command])  # type: ignore[attr-defined]
    assert code == 0, text.decode()
    return str(text.decode())


def test_the_image_is_found_by_its_recipe(client: docker.DockerClient) -> None:
    lines: list[str] = []
    image = ensure_node_image(client, lines.append)
    again = ensure_node_image(client, lines.append)
    assert again == image
    assert image.tag == node_image_tag()
    found = client.images.get(image.id)
    assert found.labels["org.minidocknet.recipe"] == NODE_RECIPE.hash
    assert "mdn/node:latest" in found.tags


def test_versions_are_recorded_and_new_enough(client: docker.DockerClient, node: object) -> None:
    versions = parse_packages(output(node, "cat /usr/share/mdn/packages.txt"))
    assert too_old(NODE_RECIPE, versions) == []
    assert set(NODE_RECIPE.packages) <= versions.keys()
    label = client.images.get(node_image_tag()).labels["org.minidocknet.packages"]
    assert f"criu={versions['criu']}" in label.split()
    major, minor = output(node, "criu --version | head -1").split()[-1].split(".")[:2]
    assert (int(major), int(minor)) >= (4, 2)


def test_tools_run(node: object) -> None:
    for command in (
        "ip -V",
        "tc -V",
        "nft --version",
        "iptables --version",
        "ping -V",
        "tcpdump --version",
        "iperf3 --version",
        "lldpd -v",
        "ethtool --version",
        "curl --version",
        "dockerd --version",
        "containerd --version",
        "runc --version",
        "ovs-vswitchd --version",
        "python3 -c 'import pyroute2, pycriu'",
    ):
        output(node, command)


def test_no_service_runs(node: object) -> None:
    names = output(node, "ps -A -o comm=").split()
    assert sorted(name for name in names if name not in ("sh", "ps")) == ["sleep", "tini"]


def test_the_pristine_database_is_empty_and_identities_are_not_shared(node: object) -> None:
    db = "/usr/share/mdn/conf.db"
    assert output(node, f"ovsdb-tool db-name {db}").strip() == "Open_vSwitch"
    query = '\'["Open_vSwitch",{"op":"select","table":"Open_vSwitch","where":[]}]\''
    assert '"rows":[]' in output(node, f"ovsdb-tool query {db} {query}")
    assert output(node, "cat /etc/machine-id; ls /etc/openvswitch").strip() == ""
