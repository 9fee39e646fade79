"""What this machine can do, found by trying rather than by looking at versions."""

from __future__ import annotations

import shutil
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

from minidocknet.links.wire.daemon import find_binary
from minidocknet.model.capabilities import Capabilities, Finding
from minidocknet.model.errors import CapabilityError
from minidocknet.plan.privileges import NODE_CAPABILITIES, withheld
from minidocknet.runtime.image import find_node_image, node_image_tag
from minidocknet.runtime.probe_kernel import probe_kernel

# The oldest engine whose API has private cgroup namespaces and that was tried.
_OLDEST_API = (1, 41)

# capabilities(7), in the order of their bits.
CAPABILITY_NAMES: tuple[str, ...] = (
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
)

# Tool, what runs it, its Debian package, and whether any lab needs it.
_TOOLS: tuple[tuple[str, str, str, bool], ...] = (
    ("ip", "links and addresses", "iproute2", True),
    ("tc", "shaping in the kernel", "iproute2", True),
    ("nsenter", "entering nodes", "util-linux", True),
    ("tcpdump", "mdn capture", "tcpdump", False),
    ("dot", "mdn graph", "graphviz", False),
    ("mmdebstrap", "building the node image", "mmdebstrap", False),
    ("qemu-system-x86_64", "tests on other kernels", "qemu-system-x86", False),
)


def probe(client: docker.DockerClient | None = None) -> Capabilities:
    """Try everything; takes well under a second.  Never raises for what a machine lacks.

    ``client``: an engine's connection to use; without one, the environment's engine is tried.
    """
    bounding = bounding_set()
    engine, image = _probe_engine(client)
    version, cgroups = _probe_cgroups()
    return Capabilities(
        **probe_kernel(),
        cgroups=cgroups,
        privileges=_probe_privileges(bounding),
        engine=engine,
        node_image=image,
        wire_daemon=_probe_wire_daemon(),
        tools=tuple(_probe_tool(*tool) for tool in _TOOLS),
        bounding=bounding,
        cgroup_version=version,
    )


def bounding_set(status: Path = Path("/proc/self/status")) -> frozenset[str]:
    """The capabilities that this process can pass on to containers at most."""
    for line in status.read_text().splitlines():
        if line.startswith("CapBnd:"):
            return capability_names(int(line.split()[1], 16))
    return frozenset()


def capability_names(mask: int) -> frozenset[str]:
    """The names of the bits in ``mask``, as Docker writes them."""
    return frozenset(name for bit, name in enumerate(CAPABILITY_NAMES) if mask >> bit & 1)


def _probe_wire_daemon() -> Finding:
    try:
        return Finding("wire daemon", True, str(find_binary()))
    except CapabilityError as error:
        return Finding("wire daemon", False, error.message, "make wire")


def _probe_tool(tool: str, purpose: str, package: str, required: bool) -> Finding:
    path = shutil.which(tool)
    if path:
        return Finding(tool, True, purpose, required=required)
    return Finding(tool, False, f"for {purpose}", f"apt-get install {package}", required)


def _probe_privileges(bounding: frozenset[str]) -> Finding:
    lacks = withheld(bounding)
    if not lacks:
        return Finding("node privileges", True, f"{len(NODE_CAPABILITIES)} named capabilities")
    lost = "; ".join(f"{lack.name} ({lack.reason})" for lack in lacks)
    return Finding(
        "node privileges",
        False,
        f"nodes do without {lost}",
        "start the container or service that runs MiniDockNet with these capabilities",
    )


def _probe_cgroups(root: Path = Path("/sys/fs/cgroup")) -> tuple[int, Finding]:
    if (root / "cgroup.controllers").exists():
        return 2, Finding("cgroups", True, "version 2", required=True)
    if (root / "memory").is_dir() or (root / "cpu").is_dir():
        form = "version 1, hybrid" if (root / "unified").is_dir() else "version 1"
        return 1, Finding("cgroups", True, form, required=True)
    remedy = "mount -t cgroup2 cgroup2 /sys/fs/cgroup"
    return 1, Finding("cgroups", False, f"nothing is mounted on {root}", remedy, required=True)


def _probe_engine(client: docker.DockerClient | None) -> tuple[Finding, Finding]:
    """The engine and the node image in it."""
    image_name, build = f"node image {node_image_tag()}", "make image"
    try:
        engine = client or docker.from_env(timeout=10)
        try:
            finding = _describe_engine(engine)
            image = find_node_image(engine)
        finally:
            if client is None:
                engine.close()
    except (DockerException, requests.RequestException) as error:
        remedy = "make engine, or systemctl start docker"
        lack = Finding("Docker engine", False, str(error), remedy, required=True)
        return lack, Finding(image_name, False, "no engine to ask", build)
    if image is None:
        return finding, Finding(image_name, False, "the engine does not have it", build)
    return finding, Finding(image_name, True, image.id.removeprefix("sha256:")[:12])


def _describe_engine(engine: docker.DockerClient) -> Finding:
    version, info = engine.version(), engine.info()
    api = str(version["ApiVersion"])
    detail = (
        f"{version['Version']}, API {api}, {info['Driver']}, {info['DefaultRuntime']}, "
        f"cgroup v{info.get('CgroupVersion', '1')}"
    )
    if tuple(int(part) for part in api.split(".")) < _OLDEST_API:
        return Finding(
            "Docker engine",
            False,
            f"{detail}: too old",
            "install Docker 20.10 or newer (apt-get install docker.io)",
            required=True,
        )
    return Finding("Docker engine", True, detail, required=True)
