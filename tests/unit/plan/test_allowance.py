from __future__ import annotations

import pytest

from minidocknet.model.shaping import Shaping
from minidocknet.plan.allowance import (
    MOST_SHARE,
    TAKEN_OFF,
    Calibration,
    calibration_of,
    compensated,
)


def test_a_round_trip_crosses_a_link_twice_and_four_switches():
    found = calibration_of(6.1, 6.5, 6.0)
    assert found.tap_ms == pytest.approx(0.05)
    assert found.switch_ms == pytest.approx(0.1)


def test_a_busy_moment_does_not_become_a_calibration():
    assert calibration_of(9.0, 20.0, 6.0) == Calibration(0.15, 0.2)
    assert calibration_of(5.9, 5.8, 6.0) == Calibration(0.0, 0.0)


def test_what_is_taken_off_is_bounded_by_the_delay():
    assert compensated(Shaping(delay_ms=10), 0.3).delay_ms == pytest.approx(9.7)
    assert compensated(Shaping(delay_ms=1), 0.3).delay_ms == pytest.approx(1 - MOST_SHARE)
    assert compensated(Shaping(), 0.3) == Shaping()


def test_only_userspace_switches_and_wire_links_have_an_allowance(make_plan):
    calibration = Calibration(tap_ms=0.05, switch_ms=0.1)
    switched = make_plan("a-b", calibration=calibration).links[0].allowance_ms
    plain = make_plan("a-b", calibration=calibration, switch="none").links[0].allowance_ms
    assert switched == pytest.approx(TAKEN_OFF * 0.25)
    assert plain == pytest.approx(TAKEN_OFF * 0.05)
    kernel = make_plan("a-b", lacking=set(), calibration=calibration)
    assert (kernel.links[0].kind, kernel.links[0].allowance_ms) == ("l2tp", 0.0)
    off = make_plan("a-b", calibration=calibration, compensate=False)
    assert off.links[0].allowance_ms == 0.0
