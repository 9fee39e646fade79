"""What the wire daemon answers, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from minidocknet.model.errors import ApplyError, LabError, MdnError

_REMEDIES = {
    "exists": "give the link another id, or delete the old one first",
    "no-link": "ask for the daemon's links (`list`); ids are those of the plan",
    "namespace": "check that the node runs; attach the end again with its present namespace",
    "interface": "remove or rename that interface, or give the link's end another name",
    "busy": "use another session id, address or port; each may be used once",
    "system": "look at the kernel's limits and capabilities (`mdn check`)",
}


@dataclass(frozen=True, slots=True)
class CommandResult:
    """One reply.  ``code`` is empty where the daemon agreed; ``text`` is the answer or the reason.

    Codes: syntax, invalid, exists, no-link, namespace, interface, busy, system.
    """

    line: str
    code: str
    text: str

    @property
    def ok(self) -> bool:
        return not self.code

    @classmethod
    def parse(cls, line: str, reply: bytes) -> Self:
        """From a reply line.  Raises :class:`LabError` where it is none."""
        word, _, rest = reply.decode("utf-8", "replace").partition(" ")
        if word == "ok":
            return cls(line, "", rest)
        if word != "err":
            raise LabError(
                f"not a wire daemon's reply: {reply[:80]!r}",
                remedy="check that daemon and mdn are of one version",
            )
        code, _, text = rest.partition(" ")
        return cls(line, code, text)

    def error(self) -> MdnError:
        """The error that a refusal stands for; :class:`LabError` for a link not there."""
        message = f"the wire daemon refused {self.line.split(' a.')[0]!r}: {self.text}"
        kind = LabError if self.code in ("no-link", "exists") else ApplyError
        return kind(message, remedy=_REMEDIES.get(self.code))

    def check(self) -> Self:
        """Itself, or raises :meth:`error`."""
        if not self.ok:
            raise self.error()
        return self


@dataclass(frozen=True, slots=True)
class Lateness:
    """Actual minus due time of sending, in ns."""

    count: int
    mean_ns: int
    max_ns: int


@dataclass(frozen=True, slots=True)
class LatenessHistogram:
    """Lateness of all frames; ``buckets`` are (lower bound in ns, count), ascending.

    Quantiles are lower bounds of their bucket, at most 25 % below the value.
    """

    count: int
    mean_ns: int
    max_ns: int
    p50_ns: int
    p90_ns: int
    p99_ns: int
    buckets: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class DirectionStats:
    """One direction.  Bytes are Ethernet bytes without FCS; a super-frame counts its segments.

    ``lost``: by the loss asked for.  ``queue_dropped``: at the rate's queue limit.
    ``memory_dropped``: at the daemon's memory bounds.  ``down_dropped``: link down or end detached.
    ``errors``: malformed frames and refused writes.  ``held_*``: on their way now (bytes of
    memory).  ``backlog_bytes``: not yet through the rate server.
    """

    rx_frames: int
    rx_bytes: int
    tx_frames: int
    tx_bytes: int
    lost: int
    queue_dropped: int
    memory_dropped: int
    down_dropped: int
    duplicated: int
    reordered: int
    errors: int
    late: Lateness
    held_frames: int
    held_bytes: int
    backlog_bytes: int

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "late": Lateness(**data["late"])})


@dataclass(frozen=True, slots=True)
class EndState:
    """One end.  ``reason``: why it is not attached.  ``tso``: super-frames are taken from it."""

    kind: str
    attached: bool
    interface: str
    tso: bool
    reason: str

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(data["kind"], data["attached"], data["if"], data["tso"], data["reason"])


@dataclass(frozen=True, slots=True)
class LinkState:
    """A link's line in ``list``."""

    link_id: str
    up: bool
    a_attached: bool
    b_attached: bool

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(data["id"], data["up"], data["a"], data["b"])


@dataclass(frozen=True, slots=True)
class LinkStats:
    """A link with its ends and directions."""

    link_id: str
    up: bool
    a: EndState
    b: EndState
    a_to_b: DirectionStats
    b_to_a: DirectionStats

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(
            data["id"],
            data["up"],
            EndState.from_json(data["a"]),
            EndState.from_json(data["b"]),
            DirectionStats.from_json(data["ab"]),
            DirectionStats.from_json(data["ba"]),
        )


@dataclass(frozen=True, slots=True)
class TransportStats:
    """An L2TP socket and what it dropped."""

    encap: str
    local: str
    port: int
    sessions: int
    control: int
    malformed: int
    unknown_session: int
    bad_cookie: int
    bad_source: int


@dataclass(frozen=True, slots=True)
class WireStats:
    """The daemon's statistics.

    ``cpu_s``: time used by this worker.  ``wake_latency_ns``: how much earlier than due the worker
    sets its alarm, measured.  ``memory_bytes``: held by frames on their way.
    """

    lab: str
    pid: int
    scheduling: str
    uptime_s: float
    cpu_s: float
    wakeups: int
    wake_latency_ns: int
    memory_bytes: int
    memory_limit_bytes: int
    lateness: LatenessHistogram
    transports: tuple[TransportStats, ...]
    links: tuple[LinkStats, ...]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        late = data["lateness"]
        buckets = tuple((int(low), int(count)) for low, count in late["buckets"])
        return cls(
            **{
                **data,
                "lateness": LatenessHistogram(**{**late, "buckets": buckets}),
                "transports": tuple(TransportStats(**entry) for entry in data["transports"]),
                "links": tuple(LinkStats.from_json(entry) for entry in data["links"]),
            }
        )

    def link(self, link_id: str) -> LinkStats:
        """The named link's; KeyError where it is not among them."""
        for link in self.links:
            if link.link_id == link_id:
                return link
        raise KeyError(link_id)


@dataclass(frozen=True, slots=True)
class WireVersion:
    """Who answers.  ``scheduling``: fifo, "nice -20" or normal."""

    version: str
    protocol: int
    lab: str
    links: int
    pid: int
    scheduling: str
    uptime_s: float

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(
            data["version"],
            data["protocol"],
            data["lab"],
            data["links"],
            data["pid"],
            data["scheduling"],
            data["uptime_s"],
        )
