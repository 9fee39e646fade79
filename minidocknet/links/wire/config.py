"""Links as the wire daemon is told of them: frozen data, and the words of its protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from minidocknet.model.errors import UsageError
from minidocknet.model.shaping import PLAIN, Shaping

Direction = Literal["ab", "ba"]
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class TapEnd:
    """A TAP interface that the daemon makes inside a namespace.

    ``netns``: path of the namespace as the daemon's mount namespace has it, which must vanish with
    the node (``/proc/PID/ns/net``, Docker's sandbox key): the daemon's open tap keeps a namespace
    alive, and it lets go when the path no longer names it.  ``inode``: the namespace's inode, so
    that a process id used again is never taken for the node; 0 accepts any.
    """

    netns: str
    interface: str
    inode: int = 0
    mac: str | None = None
    mtu: int = 1500

    def words(self) -> tuple[str, ...]:
        """``key=value`` words without the ``a.`` or ``b.`` of an ``add``."""
        words = ["kind=tap", f"if={self.interface}", f"inode={self.inode}", f"mtu={self.mtu}"]
        if self.netns:
            words.append(f"netns={self.netns}")
        if self.mac is not None:
            words.append(f"mac={self.mac}")
        return tuple(words)


@dataclass(frozen=True, slots=True)
class L2tpEnd:
    """One side of an L2TPv3 Ethernet pseudowire (RFC 3931, RFC 4719), as ``ip l2tp`` names it.

    ``session`` is expected in what arrives, ``peer_session`` is sent; ``cookie`` (4 or 8 bytes, or
    none) is sent, ``peer_cookie`` expected.  ``sublayer``: the default L2-specific sublayer of 4
    bytes, which Linux uses unless told otherwise.  Ports are for ``udp`` only.
    """

    local: str
    remote: str
    session: int
    peer_session: int
    encap: Literal["udp", "ip"] = "udp"
    local_port: int = 1701
    remote_port: int = 1701
    cookie: bytes = b""
    peer_cookie: bytes = b""
    sublayer: bool = True
    mtu: int = 1500
    netns: str = ""
    inode: int = 0

    def words(self) -> tuple[str, ...]:
        """``key=value`` words without the ``a.`` or ``b.`` of an ``add``."""
        words = [
            "kind=l2tp",
            f"encap={self.encap}",
            f"local={self.local}",
            f"remote={self.remote}",
            f"session={self.session}",
            f"peer_session={self.peer_session}",
            f"l2spec={'default' if self.sublayer else 'none'}",
            f"mtu={self.mtu}",
            f"inode={self.inode}",
            f"cookie={self.cookie.hex()}",
            f"peer_cookie={self.peer_cookie.hex()}",
        ]
        if self.encap == "udp":
            words += [f"lport={self.local_port}", f"rport={self.remote_port}"]
        if self.netns:
            words.append(f"netns={self.netns}")
        return tuple(words)


@dataclass(frozen=True, slots=True)
class WireLink:
    """A link: two ends and what happens in each direction.

    ``link_id``: 1 to 64 of ``A-Z a-z 0-9 _ . : -``.  ``seed``: of the random decisions; ``None``
    derives it from the id.  ``offload=False``: no checksum or segmentation offload on the taps,
    for programs that take raw frames from them without understanding partial checksums.
    """

    link_id: str
    a: TapEnd | L2tpEnd
    b: TapEnd | L2tpEnd
    a_to_b: Shaping = PLAIN
    b_to_a: Shaping = PLAIN
    up: bool = True
    seed: int | None = None
    offload: bool = True

    def add_line(self) -> str:
        """The ``add`` command, without its line end."""
        words = ["add", f"id={self.link_id}", f"up={int(self.up)}"]
        if self.seed is not None:
            words.append(f"seed={self.seed}")
        if not self.offload:
            words.append("offload=none")
        words += [f"a.{word}" for word in self.a.words()]
        words += [f"b.{word}" for word in self.b.words()]
        words += changed_shaping_words("ab", PLAIN, self.a_to_b)
        words += changed_shaping_words("ba", PLAIN, self.b_to_a)
        return command_line(*words)


def shaping_words(direction: Direction, shaping: Shaping) -> tuple[str, ...]:
    """Every word that puts ``shaping`` in force, whatever was in force before.

    Units of the protocol: nanoseconds, bit/s, percent, bytes; 0 stands for "none" (rate) and "the
    default" (queue limits).
    """
    burst = shaping.burst_loss
    values = {
        "delay_ns": str(round(shaping.delay_ms * _NS_PER_MS)),
        "jitter_ns": str(round(shaping.jitter_ms * _NS_PER_MS)),
        "dist": shaping.jitter_distribution,
        "loss": repr(float(shaping.loss_pct)),
        "ge": "none"
        if burst is None
        else ",".join(
            repr(float(part))
            for part in (burst.p_pct, burst.r_pct, burst.bad_loss_pct, burst.good_loss_pct)
        ),
        "dup": repr(float(shaping.duplicate_pct)),
        "reorder": repr(float(shaping.reorder_pct)),
        "rate": str(0 if shaping.bw_mbit is None else max(1, round(shaping.bw_mbit * 1e6))),
        "queue_bytes": str(shaping.queue_bytes or 0),
        "queue_packets": str(shaping.queue_packets or 0),
    }
    return tuple(f"{direction}.{key}={value}" for key, value in values.items())


def changed_shaping_words(direction: Direction, old: Shaping, new: Shaping) -> tuple[str, ...]:
    """The words in which ``new`` differs from ``old``: what a ``set`` has to say."""
    pairs = zip(shaping_words(direction, old), shaping_words(direction, new), strict=True)
    return tuple(after for before, after in pairs if before != after)


def command_line(*words: str) -> str:
    """Join words to a command; :class:`UsageError` for one that the protocol cannot carry."""
    for word in words:
        if any(char <= " " or char == "\x7f" for char in word):
            raise UsageError(
                f"{word!r} cannot be sent to the wire daemon",
                remedy="use names and paths without white space or control characters",
            )
    return " ".join(words)
