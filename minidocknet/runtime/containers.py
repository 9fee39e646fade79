"""A planned node as the JSON that the engine's API takes.  Pure."""

from __future__ import annotations

from typing import Any

from minidocknet.plan.build import routes_by_kernel
from minidocknet.plan.model import NodePlan, Plan
from minidocknet.plan.names import SHARED_SWITCH, container_name, underlay_name
from minidocknet.plan.privileges import (
    NODE_DEVICES,
    NODE_MASKED_PATHS,
    NODE_READONLY_PATHS,
    NODE_SECURITY_OPT,
)
from minidocknet.runtime.engine import labels_of
from minidocknet.runtime.paths import LabPaths

INIT = "/etc/mdn/init"


def node_config(
    plan: Plan,
    node: NodePlan,
    paths: LabPaths,
    *,
    capabilities: tuple[str, ...],
    devices: tuple[str, ...] = NODE_DEVICES,
    data_binds: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The body of POST /containers/create for ``node``.

    ``capabilities``: what the node gets of its list on this host.  ``data_binds``: further bind
    mounts (an image store's layers).
    """
    binds = [
        f"{paths.node_etc(node.name)}:/etc/mdn",
        f"{paths.hosts_file}:/etc/hosts",
        f"{paths.node_docker(node.name)}:/var/lib/docker",
        *data_binds,
        *node.spec.volumes,
    ]
    config = _config(plan.lab, node.name, "node", node.image, binds, capabilities, devices)
    config["Hostname"] = node.name
    config["Env"] = [f"{key}={value}" for key, value in node.spec.env.items()]
    host = config["HostConfig"]
    if node.spec.cpus is not None:
        host["NanoCpus"] = round(node.spec.cpus * 1e9)
    if node.spec.memory_bytes is not None:
        # Without swap of its own a memory hog meets the limit that was asked for.
        host["Memory"] = host["MemorySwap"] = node.spec.memory_bytes
    if routes_by_kernel(plan):
        host["Sysctls"] = {"net.ipv4.ip_forward": "1"}
    elif node.switch == "node":
        # A userspace datapath reads its ports beside the kernel, which would answer ARP requests
        # there with the port's address: no rule knows it, and frames to it would be flooded.
        host["Sysctls"] = {"net.ipv4.conf.all.arp_ignore": "1"}
    if node.underlay_ip is not None:
        network = underlay_name(plan.lab)
        host["NetworkMode"] = network
        config["NetworkingConfig"] = {
            "EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": str(node.underlay_ip.ip)}}}
        }
    return config


def shared_switch_config(
    plan: Plan, image: str, paths: LabPaths, capabilities: tuple[str, ...]
) -> dict[str, Any]:
    """The container that holds all bridges of a lab with ``switch: shared``."""
    binds = [f"{paths.node_etc(SHARED_SWITCH)}:/etc/mdn"]
    config = _config(plan.lab, SHARED_SWITCH, "switch", image, binds, capabilities, NODE_DEVICES)
    config["Hostname"] = "switch"
    return config


def container_of(plan: Plan, home: str) -> str:
    """The container's name for a node or the shared switch."""
    return container_name(plan.lab, home)


def _config(
    lab: str,
    node: str,
    role: str,
    image: str,
    binds: list[str],
    capabilities: tuple[str, ...],
    devices: tuple[str, ...],
) -> dict[str, Any]:
    return {
        "Image": image,
        "Entrypoint": [INIT],
        "Cmd": [],
        "Labels": labels_of(lab, node, role),
        "StopSignal": "SIGTERM",
        "HostConfig": {
            "NetworkMode": "none",
            "Binds": binds,
            "Tmpfs": {"/run": "mode=755"},
            "CapDrop": ["ALL"],
            "CapAdd": list(capabilities),
            "SecurityOpt": list(NODE_SECURITY_OPT),
            "MaskedPaths": list(NODE_MASKED_PATHS),
            "ReadonlyPaths": list(NODE_READONLY_PATHS),
            "CgroupnsMode": "private",
            "Devices": [
                {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"}
                for path in devices
            ],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
        },
    }
