"""What the emulation itself takes of a link's delay, so that nodes get the delay that was asked.

A frame that crosses a link meets two TAP interfaces, the daemon, and the switches of both nodes;
where those are userspace switches, each takes longer than a kernel's would.  These times are the
machine's own.  They are measured once (``mdn calibrate``) and taken off the delay that the daemon
adds: what then lies between two nodes is what was asked for.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from minidocknet.model.shaping import Shaping

# However slow a machine, this much of a delay is the daemon's to keep.
MOST_SHARE = 0.12
# Not all that was measured is taken off.  The measurement is of an idle machine, which wakes more
# slowly than a busy one (0.7 ms of a round trip for one pair, 0.5 ms with 67 links in use); and a
# switch between two links is an end of both but is crossed once, so that a path of n links has 2 n
# ends and n + 1 switches.  With this share a link in a busy lab has what was asked, a lone one in
# an idle lab up to 0.3 ms more of a 6 ms round trip, and a long path comes within 1 %.
TAKEN_OFF = 0.6


@dataclass(frozen=True, slots=True)
class Calibration:
    """Milliseconds that one direction takes: ``tap_ms`` for interfaces and daemon, ``switch_ms``
    more for each end that lies in a userspace switch.
    """

    tap_ms: float = 0.0
    switch_ms: float = 0.0

    def allowance_ms(self, switches: int) -> float:
        """For one direction of a link with so many ends (0 to 2) in userspace switches."""
        return TAKEN_OFF * (self.tap_ms + switches * self.switch_ms)


UNCALIBRATED = Calibration()


def compensated(shaping: Shaping, allowance_ms: float) -> Shaping:
    """``shaping`` with the delay that the daemon has to add itself."""
    taken = min(allowance_ms, MOST_SHARE * shaping.delay_ms)
    return replace(shaping, delay_ms=shaping.delay_ms - taken) if taken > 0 else shaping


def calibration_of(plain_rtt_ms: float, switched_rtt_ms: float, asked_rtt_ms: float) -> Calibration:
    """From round trips over one link without switches, and with one at either end.

    A round trip crosses the link twice, and so four switches.  What no sound machine takes is
    taken for a busy moment and cut off.
    """
    tap = (plain_rtt_ms - asked_rtt_ms) / 2
    switch = (switched_rtt_ms - plain_rtt_ms) / 4
    return Calibration(tap_ms=min(max(tap, 0.0), 0.15), switch_ms=min(max(switch, 0.0), 0.2))
