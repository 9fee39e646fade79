"""What a link does to the frames that cross it in one direction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

MAX_DELAY_MS = 600_000.0
MIN_RATE_MBIT = 0.001
MAX_RATE_MBIT = 1_000_000.0

JitterDistribution = Literal["uniform", "normal"]


def default_queue_bytes(bw_mbit: float, delay_ms: float) -> int:
    """What may wait for a rate where nothing was asked: the bandwidth-delay product.

    The product of the rate and the link's round trip, but never less than 50 ms' worth (so that a
    path of several links still fills it) nor 16 full frames.
    """
    return max(round(bw_mbit * 125 * max(2 * delay_ms, 50.0)), 16 * 1514)


def _check_percent(name: str, value: float) -> None:
    if not 0 <= value <= 100:
        raise ValueError(f"{name} {value} is outside 0 to 100 percent")


@dataclass(frozen=True, slots=True)
class GilbertElliott:
    """Bursty loss (Gilbert 1960, Elliott 1963), in percent, as tc-netem(8) names the parameters.

    ``p_pct``: good → bad per frame; ``r_pct``: bad → good per frame; ``bad_loss_pct`` (1-h): loss
    in the bad state; ``good_loss_pct`` (1-k): loss in the good state.
    """

    p_pct: float
    r_pct: float
    bad_loss_pct: float = 100.0
    good_loss_pct: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_percent(field.name, getattr(self, field.name))
        if self.p_pct == 0 and self.r_pct == 0:
            raise ValueError(
                "Gilbert-Elliott loss needs p above 0 or r above 0, like p: 1%, r: 20%"
            )

    @property
    def mean_loss_pct(self) -> float:
        """The long-run share of frames lost, in percent."""
        bad = self.p_pct / (self.p_pct + self.r_pct)
        return bad * self.bad_loss_pct + (1 - bad) * self.good_loss_pct


@dataclass(frozen=True, slots=True)
class Shaping:
    """One direction of a link.

    ``delay_ms``: propagation delay.  ``jitter_ms``: half-width (``uniform``) or standard deviation
    (``normal``) of a random part added to each frame's delay, which never turns it negative and
    never reorders frames.  ``loss_pct``: independent loss; ``burst_loss``: Gilbert-Elliott loss,
    instead of it.  ``duplicate_pct``: frames sent twice.  ``reorder_pct``: frames that skip the
    delay and so overtake (tc-netem's meaning).  ``bw_mbit``: rate, ``None`` for unlimited.
    ``queue_packets`` / ``queue_bytes``: what may wait for the rate before frames are dropped;
    ``None`` for a bound taken from the rate.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    jitter_distribution: JitterDistribution = "uniform"
    loss_pct: float = 0.0
    burst_loss: GilbertElliott | None = None
    duplicate_pct: float = 0.0
    reorder_pct: float = 0.0
    bw_mbit: float | None = None
    queue_packets: int | None = None
    queue_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("delay_ms", "jitter_ms"):
            if not 0 <= getattr(self, name) <= MAX_DELAY_MS:
                raise ValueError(
                    f"{name} {getattr(self, name)} is outside 0 to {MAX_DELAY_MS:g} ms"
                )
        for name in ("loss_pct", "duplicate_pct", "reorder_pct"):
            _check_percent(name, getattr(self, name))
        if self.jitter_distribution not in ("uniform", "normal"):
            raise ValueError(
                f"jitter distribution {self.jitter_distribution!r} is neither uniform nor normal"
            )
        if self.bw_mbit is not None and not MIN_RATE_MBIT <= self.bw_mbit <= MAX_RATE_MBIT:
            raise ValueError(
                f"rate {self.bw_mbit:g} is outside {MIN_RATE_MBIT} to {MAX_RATE_MBIT:g} Mbit/s"
            )
        if self.loss_pct and self.burst_loss:
            raise ValueError("loss and burst_loss exclude each other; keep one of them")
        for name in ("queue_packets", "queue_bytes"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise ValueError(f"{name} {limit} must be 1 or more")

    @property
    def is_plain(self) -> bool:
        """True where frames just pass: no delay, loss, rate or other treatment."""
        return self == Shaping(queue_packets=self.queue_packets, queue_bytes=self.queue_bytes)

    @property
    def needs_netem(self) -> bool:
        """True where more than a rate is asked, which in a kernel only netem gives."""
        return bool(
            self.delay_ms
            or self.jitter_ms
            or self.loss_pct
            or self.burst_loss
            or self.duplicate_pct
            or self.reorder_pct
        )

    def as_dict(self) -> dict[str, Any]:
        """Every field under its own name, for JSON; ``burst_loss`` nested or ``None``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Shaping:
        """The inverse of :meth:`as_dict`."""
        burst = data.get("burst_loss")
        return cls(**{**data, "burst_loss": GilbertElliott(**burst) if burst else None})


PLAIN = Shaping()
