"""The YAML format's fields, their types and their meaning, as pydantic models.

The JSON schema that editors use is generated from these, so the descriptions are user
documentation.
"""

from __future__ import annotations

import re
import shlex
from ipaddress import AddressValueError, IPv4Interface, NetmaskValueError
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, WithJsonSchema

from minidocknet.model.apps import MovePolicy, RestartPolicy, Volume, parse_volume
from minidocknet.model.shaping import JitterDistribution
from minidocknet.model.topology import (
    Encapsulation,
    InnerEngineMode,
    LinkKind,
    Scalar,
    SwitchMode,
)
from minidocknet.model.units import (
    parse_delay_ms,
    parse_percent,
    parse_rate_mbit,
    parse_size_bytes,
)

Queue = tuple[int | None, int | None]
_PACKETS = re.compile(r"\s*([0-9]{1,9})\s*(?:p|pkt|pkts|packets)\s*", re.IGNORECASE)


def parse_queue(value: object) -> Queue:
    """``100p`` (packets), ``64kb`` (bytes) or both, like ``100p 64kb``, to (packets, bytes)."""
    if not isinstance(value, str):
        raise ValueError(f"queue {value!r} has no unit; write packets like 100p or bytes like 64kb")
    packets: int | None = None
    size: int | None = None
    for part in re.split(r"[\s,+]+", value.strip()):
        match = _PACKETS.fullmatch(part)
        if match and packets is None:
            packets = int(match[1])
        elif not match and size is None and part[-1:].isalpha():
            size = parse_size_bytes(part)
        else:
            raise ValueError(
                f"queue {value!r} is not a limit; write packets like 100p or bytes like 64kb"
            )
    return packets, size


def parse_ip(value: object) -> IPv4Interface:
    """``10.0.0.1/24``: an IPv4 address with its prefix length, which has to be there."""
    if not isinstance(value, str) or "/" not in value:
        raise ValueError(f"ip {value!r} lacks the prefix length; write it like 10.0.0.1/24")
    try:
        return IPv4Interface(value)
    except (AddressValueError, NetmaskValueError) as error:
        raise ValueError(f"ip {value!r} is no IPv4 address: {error}") from None


def parse_text(value: object) -> str:
    """Text; a whole number too, since ``label: 30`` can only mean one thing."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"{value!r} is not text; put it in quotes")
    return str(value)


def parse_command(value: object) -> tuple[str, ...]:
    """A list of words, or text that is split as a shell would; whole numbers are words too."""
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            raise ValueError(f"{value!r} is no command: {str(error).lower()}") from None
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is no command; write text, or a list of words")
    return tuple(parse_text(word) for word in value)


def parse_volume_text(value: object) -> Volume:
    """``NAME:/path[:ro]``."""
    if not isinstance(value, str):
        raise ValueError(f"volume {value!r} is not NAME:/path or NAME:/path:ro")
    return parse_volume(value)


def _quantity(*examples: str | int | float) -> WithJsonSchema:
    return WithJsonSchema({"type": ["number", "string"], "examples": list(examples)})


_TEXT_SCHEMA = WithJsonSchema({"type": ["string", "integer"]})
Delay = Annotated[float, BeforeValidator(parse_delay_ms), _quantity("3ms", "250us", 3)]
Rate = Annotated[float, BeforeValidator(parse_rate_mbit), _quantity("10mbit", "1gbit", 10)]
Percent = Annotated[float, BeforeValidator(parse_percent), _quantity("0.1%", 0.1)]
Size = Annotated[int, BeforeValidator(parse_size_bytes), _quantity("512M", "1g")]
QueueLimit = Annotated[
    Queue,
    BeforeValidator(parse_queue),
    WithJsonSchema({"type": "string", "examples": ["100p", "64kb", "100p 64kb"]}),
]
Address = Annotated[
    IPv4Interface,
    BeforeValidator(parse_ip),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.1/24"]}),
]
Text = Annotated[str, BeforeValidator(parse_text), _TEXT_SCHEMA]
Command = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_command),
    WithJsonSchema(
        {
            "type": ["string", "array"],
            "items": {"type": ["string", "integer"]},
            "examples": ["python3 -m http.server 80", ["sh", "-c", "echo hello"]],
        }
    ),
]
AppVolume = Annotated[
    Volume,
    BeforeValidator(parse_volume_text),
    WithJsonSchema({"type": "string", "examples": ["data:/var/lib/data", "web:/srv:ro"]}),
]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BurstLoss(_Strict):
    """Bursty loss after Gilbert and Elliott, as tc-netem names its parameters."""

    p: Percent = Field(description="chance per frame of going from the good to the bad state")
    r: Percent = Field(description="chance per frame of going back to the good state")
    bad_loss: Percent = Field(default=100.0, description="loss in the bad state")
    good_loss: Percent = Field(default=0.0, description="loss in the good state")


class Direction(_Strict):
    """What one direction of a link does to frames."""

    delay: Delay | None = Field(default=None, description="propagation delay; a bare number is ms")
    jitter: Delay | None = Field(
        default=None,
        description="random part of the delay: half-width (uniform) or deviation (normal)",
    )
    jitter_distribution: JitterDistribution | None = Field(
        default=None, description="of the jitter; uniform where not said"
    )
    loss: Percent | None = Field(default=None, description="independent loss; excludes burst_loss")
    burst_loss: BurstLoss | None = Field(default=None, description="bursty loss; excludes loss")
    duplicate: Percent | None = Field(default=None, description="frames sent twice")
    reorder: Percent | None = Field(
        default=None, description="frames that skip the delay and overtake"
    )
    bw: Rate | None = Field(
        default=None, description="rate; a bare number is Mbit/s; null for an unlimited link"
    )
    queue: QueueLimit | None = Field(
        default=None, description="what may wait for the rate: packets (100p), bytes (64kb) or both"
    )


class LinkDefaults(Direction):
    """What links have that do not say otherwise."""

    type: LinkKind | None = Field(default=None, description="force this kind of link")
    encap: Encapsulation | None = Field(
        default=None, description="l2tp makes a wire link speak L2TPv3 over UDP"
    )
    mtu: Annotated[int, Field(strict=True, ge=576, le=65535)] | None = Field(
        default=None, description="largest packet in bytes"
    )
    weight: Annotated[Number, Field(gt=0)] | None = Field(
        default=None, description="routing cost; the delay counts where there is none"
    )
    up: StrictBool | None = Field(default=None, description="false for a link that starts down")
    attrs: dict[str, Scalar] = Field(
        default={}, description="facts to keep that MiniDockNet ignores"
    )


class LinkEntry(LinkDefaults):
    """A link; fields outside a_to_b and b_to_a hold for both directions."""

    a: Text = Field(description="a node")
    b: Text = Field(description="another node")
    a_iface: str | None = Field(default=None, description="interface name in a")
    b_iface: str | None = Field(default=None, description="interface name in b")
    a_to_b: Direction | None = Field(default=None, description="differences from a to b")
    b_to_a: Direction | None = Field(default=None, description="differences from b to a")


class NodeEntry(_Strict):
    """A node; the deployment's defaults hold for what is left out."""

    label: Text | None = Field(default=None, description="the name as people know it")
    image: str | None = Field(default=None, description="container image")
    cpus: Annotated[Number, Field(ge=0.01, le=1024)] | None = Field(
        default=None, description="cores' worth of CPU time"
    )
    memory: Size | None = Field(default=None, description="memory limit, 16M or more")
    ip: Address | None = Field(
        default=None, description="the node's own address with prefix length"
    )
    mac: str | None = Field(default=None, description="MAC address of the node's own interface")
    switch: SwitchMode | None = Field(default=None, description="Open vSwitch: own, shared or none")
    inner_engine: InnerEngineMode | None = Field(
        default=None,
        description="start the inner Docker engine with the first application or at once",
    )
    env: dict[str, Text] = Field(default={}, description="environment variables")
    volumes: list[str] = Field(default=[], description="mounts as host:container[:ro]")
    location: Text | None = Field(default=None, description="place, for people")
    latitude: Annotated[Number, Field(ge=-90, le=90)] | None = Field(
        default=None, description="degrees"
    )
    longitude: Annotated[Number, Field(ge=-180, le=180)] | None = Field(
        default=None, description="degrees"
    )
    attrs: dict[str, Scalar] = Field(
        default={}, description="facts to keep that MiniDockNet ignores"
    )


class AppEntry(_Strict):
    """An application: a container on a node's own engine, deployed with the lab."""

    node: Text = Field(description="the node it runs on")
    image: str = Field(min_length=1, description="container image; node for the node image itself")
    command: Command = Field(
        default=(), description="in place of the image's own: text split as a shell would, or words"
    )
    entrypoint: Command | None = Field(default=None, description="in place of the image's own")
    ip: Address | None = Field(
        default=None, description="its address with prefix length, in the lab's subnet"
    )
    mac: str | None = Field(default=None, description="MAC address of its interface")
    cpus: Annotated[Number, Field(ge=0.01, le=1024)] | None = Field(
        default=None, description="cores' worth of CPU time"
    )
    memory: Size | None = Field(default=None, description="memory limit, 6M or more")
    env: dict[str, Text] = Field(default={}, description="environment variables")
    volumes: list[AppVolume] = Field(
        default=[], description="volumes of its own, which move with it, as NAME:/path[:ro]"
    )
    restart: RestartPolicy = Field(
        default="no", description="when its engine starts it again after it ended"
    )
    policy: MovePolicy = Field(
        default="live", description="how it may be moved: with its memory, started afresh, not"
    )


class Defaults(_Strict):
    """What nodes and links have that do not say otherwise."""

    node: NodeEntry = Field(default_factory=NodeEntry, description="for every node")
    link: LinkDefaults = Field(default_factory=LinkDefaults, description="for every link")


def _names_or_mapping(schema: dict[str, Any]) -> None:
    """Nodes may also be a list of names; the reader turns that into a mapping beforehand."""
    mapping = {key: schema.pop(key) for key in list(schema) if key not in ("description", "title")}
    names = {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1}
    schema["anyOf"] = [mapping, names]


class Document(_Strict):
    """A MiniDockNet topology."""

    name: Text | None = Field(default=None, description="the map's name; else the file's")
    description: Text = Field(default="", description="what the map is")
    source: Text = Field(default="", description="where its facts come from")
    defaults: Defaults = Field(default_factory=Defaults)
    nodes: dict[str, NodeEntry | None] = Field(
        min_length=1,
        description="node names with their attributes or nothing; or a list of names",
        json_schema_extra=_names_or_mapping,
    )
    links: list[LinkEntry] = Field(default=[], description="at most one link between two nodes")
    apps: dict[str, AppEntry] = Field(
        default={}, description="application names, which are host names too, with their attributes"
    )
