"""Names of everything that a lab owns on a machine."""

from __future__ import annotations

import re

from minidocknet.model.errors import UsageError

LAB_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")

LABEL_LAB = "org.minidocknet.lab"
LABEL_NODE = "org.minidocknet.node"
LABEL_ROLE = "org.minidocknet.role"

# The container that holds every bridge of a lab with ``switch: shared``.  '@' cannot start a
# node's name.
SHARED_SWITCH = "@switch"


def check_lab_name(lab: str) -> str:
    """Return ``lab``; UsageError unless it is made of lower-case letters, digits and '-'."""
    if not LAB_NAME.fullmatch(lab):
        raise UsageError(
            f"lab name {lab!r} is not valid",
            remedy="use 1 to 40 lower-case letters, digits and '-', like my-lab",
        )
    return lab


def lab_name_for(topology_name: str) -> str:
    """A lab name made from a topology's name."""
    name = re.sub(r"[^a-z0-9]+", "-", topology_name.lower()).strip("-")[:40].strip("-")
    return name or "lab"


def container_name(lab: str, node: str) -> str:
    """Dots separate, because neither a lab's nor a node's name can hold one."""
    return f"mdn.{lab}.{'switch' if node == SHARED_SWITCH else 'node.' + node}"


def app_container(app: str) -> str:
    """An application's container in its node's engine; names of one letter are too short there."""
    return f"app.{app}"


def underlay_name(lab: str) -> str:
    return f"mdn.{lab}.underlay"
