"""An application, as asked for: a container that runs on a node's own engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from pathlib import PurePosixPath
from typing import Literal

from minidocknet.model.errors import TopologyError
from minidocknet.model.topology import MAC_ADDRESS, check_node_name

RestartPolicy = Literal["no", "on-failure", "always", "unless-stopped"]
# What ``mdn migrate --mode auto`` and an automatic move may do to the application:
# ``live`` keeps its memory wherever it can, ``cold`` starts it afresh at the target, ``pinned``
# does not move it.
MovePolicy = Literal["live", "cold", "pinned"]

RESTART_POLICIES: tuple[RestartPolicy, ...] = ("no", "on-failure", "always", "unless-stopped")
MOVE_POLICIES: tuple[MovePolicy, ...] = ("live", "cold", "pinned")

# The word that means the node image itself, where an application's image is asked for.
NODE_IMAGE = "node"

_VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LEAST_MEMORY = 6 * 1024**2  # what Docker's engine accepts


@dataclass(frozen=True, slots=True)
class Volume:
    """A named volume of the application's own; it moves with it.

    ``target``: an absolute path in the container.
    """

    name: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class AppSpec:
    """One application.  Its name is also its host name, on every node and inside.

    ``image``: a name or id, or ``node`` for the node image.  ``command``: in place of the image's
    own; ``entrypoint`` likewise.  ``ip``: an address with prefix length, else one of the lab's
    subnet; ``mac``: else the plan's.  ``cpus``: cores' worth of time.
    """

    name: str
    node: str
    image: str
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    ip: IPv4Interface | None = None
    mac: str | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()
    restart: RestartPolicy = "no"
    policy: MovePolicy = "live"

    def __post_init__(self) -> None:
        try:
            check_node_name(self.name)
        except TopologyError as error:
            raise TopologyError(
                error.message.replace("node name", "application name"), remedy=error.remedy
            ) from None
        if not self.image:
            raise TopologyError(f"application {self.name} has no image")
        if self.cpus is not None and not 0.01 <= self.cpus <= 1024:
            raise TopologyError(
                f"application {self.name}: cpus {self.cpus:g} is outside 0.01 to 1024"
            )
        if self.memory_bytes is not None and self.memory_bytes < _LEAST_MEMORY:
            raise TopologyError(
                f"application {self.name}: memory {self.memory_bytes} bytes is below 6M, too little"
            )
        if self.mac is not None and not MAC_ADDRESS.fullmatch(self.mac):
            raise TopologyError(
                f"application {self.name}: mac {self.mac!r} is no unicast address like "
                "02:00:00:00:00:01"
            )
        targets = [volume.target for volume in self.volumes]
        if len(set(targets)) < len(targets):
            raise TopologyError(f"application {self.name}: two volumes have the same path")


def parse_volume(text: str) -> Volume:
    """``NAME:/path[:ro]``.  ValueError for anything else, host folders among them."""
    name, colon, rest = text.partition(":")
    target, _, option = rest.partition(":")
    if not colon or option not in ("", "ro", "rw"):
        raise ValueError(f"volume {text!r} is not NAME:/path or NAME:/path:ro")
    if not _VOLUME_NAME.fullmatch(name):
        raise ValueError(
            f"volume {text!r}: {name!r} cannot name a volume; folders of a node do not move with "
            "an application, so volumes have names"
        )
    if not PurePosixPath(target).is_absolute() or target == "/":
        raise ValueError(f"volume {text!r}: {target!r} is no absolute path below /")
    return Volume(name, target, option == "ro")


def volume_text(volume: Volume) -> str:
    """What :func:`parse_volume` reads."""
    return f"{volume.name}:{volume.target}" + (":ro" if volume.read_only else "")
