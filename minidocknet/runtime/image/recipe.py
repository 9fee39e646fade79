"""What the node image is made of, as frozen data whose hash names the image.  Pure.

Nothing of the machine that builds goes into the hash: the mirror, the time and the kernel may
differ, the recipe is the same.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources

REPOSITORY = "mdn/node"
RECIPE_LABEL = "org.minidocknet.recipe"
PACKAGES_LABEL = "org.minidocknet.packages"
PACKAGES_FILE = "/usr/share/mdn/packages.txt"
PRISTINE_DB = "/usr/share/mdn/conf.db"
PRELINK = "/usr/sbin/mdn-prelink"


@dataclass(frozen=True, slots=True)
class BakedFile:
    """A file written into the image."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Recipe:
    """A node image.

    ``packages``: asked for by name; what they depend on comes along.  ``left_out``: dpkg's
    path-exclude patterns.  ``commands``: run in the root file system after the packages are in.
    ``minimum``: upstream versions below which the image would not do its job.
    """

    suite: str
    variant: str
    packages: tuple[str, ...]
    left_out: tuple[str, ...]
    files: tuple[BakedFile, ...]
    commands: tuple[str, ...]
    minimum: tuple[tuple[str, str], ...]
    command: tuple[str, ...]

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits of SHA-256 over the whole recipe."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def tag(self) -> str:
        return f"{REPOSITORY}:{self.hash}"


NODE_RECIPE = Recipe(
    # Forky: the first suite with CRIU 4.2 (4.1 dumps no process that has a TCP socket on Linux
    # 6.16 and newer).
    suite="forky",
    variant="minbase",
    packages=(
        "ca-certificates",
        "criu",
        "curl",
        "docker-cli",
        "docker.io",
        "ethtool",
        "iperf3",
        "iproute2",
        "iptables",
        "iputils-ping",
        "lldpd",
        "netcat-openbsd",
        "nftables",
        "openvswitch-switch",
        "procps",
        "python3-minimal",
        "python3-pycriu",
        "python3-pyroute2",
        "tcpdump",
        "tini",
    ),
    left_out=(
        # Documentation and translations.
        "/usr/share/man/*",
        "/usr/share/doc/*",
        "/usr/share/info/*",
        "/usr/share/lintian/*",
        "/usr/share/locale/*",
        "/usr/lib/*/gconv/*",
        # containerd's client and its plug-ins for other runtimes: Docker uses the runc shim alone.
        "/usr/bin/ctr",
        "/usr/lib/containerd/*",
        "/usr/lib/cni/*",
        # runc's examples.
        "/usr/sbin/pidfd-kill",
        "/usr/sbin/recvtty",
        "/usr/sbin/remap-rootfs",
        "/usr/sbin/sd-helper",
        "/usr/sbin/seccompagent",
        # Perl's library comes with lldpd's SNMP agent, which embeds an interpreter and loads none
        # of it; perl-base, which dpkg needs, lives elsewhere.
        "/usr/share/perl/*",
        "/usr/lib/*/perl/*",
        # A node has no service manager.
        "/usr/lib/systemd/*",
        "/usr/lib/*/systemd/libsystemd-core-*",
        "/usr/share/bash-completion/*",
        "/usr/share/zsh/*",
    ),
    files=(
        # Packages added later, in a node or in an image made from this one, start no service.
        BakedFile("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755),
        BakedFile(
            PRELINK, resources.files("minidocknet.runtime.image").joinpath("prelink.py").read_text()
        ),
    ),
    commands=(
        # Starting a switch from a copy of this takes no ovsdb-tool run in each node.
        "mkdir -p /usr/share/mdn",
        f"ovsdb-tool create {PRISTINE_DB} /usr/share/openvswitch/vswitch.ovsschema",
        # Saves 7 MiB of memory in each node whose engine runs.
        f"python3 {PRELINK} /usr/sbin/dockerd",
        # A switch's identity must not be shared by all nodes.
        "rm -rf /etc/openvswitch/system-id.conf /etc/openvswitch/conf.db",
        "rm -f /etc/openvswitch/.conf.db.~lock~ /usr/share/mdn/.conf.db.~lock~",
        "rm -f /var/cache/debconf/*-old",
        "dpkg-query -W -f '${Package} ${Version} ${Architecture}\\n' > " + PACKAGES_FILE,
    ),
    minimum=(("criu", "4.2"), ("docker.io", "26"), ("openvswitch-switch", "3.1")),
    # An init that reaps orphans, so that the host's engine needs no docker-init of its own.
    command=("/usr/bin/tini", "-g", "--", "sleep", "infinity"),
)


@cache
def node_image_tag() -> str:
    """``mdn/node:<recipe hash>``: what deployments run.  Pure."""
    return NODE_RECIPE.tag


def parse_packages(text: str) -> dict[str, str]:
    """Package to version, from ``packages.txt``."""
    return {fields[0]: fields[1] for line in text.splitlines() if len(fields := line.split()) >= 2}


def upstream_version(version: str) -> tuple[int, ...]:
    """The leading numbers of a Debian version: ``1:4.2.1+ds-3`` gives (4, 2, 1)."""
    upstream = version.split(":", 1)[-1]
    numbers: list[int] = []
    for part in upstream.split("."):
        digits = ""
        for character in part:
            if not character.isdigit():
                break
            digits += character
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def too_old(recipe: Recipe, versions: dict[str, str]) -> list[str]:
    """A sentence for each package that is missing or below the recipe's minimum."""
    faults = []
    for package, minimum in recipe.minimum:
        have = versions.get(package)
        if have is None:
            faults.append(f"{package} is missing")
        elif upstream_version(have) < upstream_version(minimum):
            faults.append(f"{package} is {have}, below {minimum}")
    return faults
