"""Signals that wait, and signals that mean the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from minidocknet.cli.signals import termination_as_interrupt
from minidocknet.core.interrupts import SIGNALS, held


def handlers():
    return [signal.getsignal(number) for number in SIGNALS]


def test_what_is_held_is_raised_at_the_end():
    before, done = handlers(), False
    with pytest.raises(KeyboardInterrupt), held():
        os.kill(os.getpid(), signal.SIGTERM)
        done = True
    assert done
    assert handlers() == before


def test_what_was_taken_is_not_raised():
    with held() as caught:
        os.kill(os.getpid(), signal.SIGINT)
        assert caught == [signal.SIGINT]
        caught.clear()


def test_another_error_goes_first():
    with pytest.raises(ValueError), held():
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError


def test_other_threads_may_hold_too():
    seen = []

    def work():
        with held() as caught:
            seen.append(caught)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [[]]


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_is_an_interrupt(number):
    before = handlers()
    with termination_as_interrupt(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert handlers() == before


def test_a_second_signal_right_away_is_the_same_wish():
    with termination_as_interrupt():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)  # does not raise


def test_an_ignored_signal_stays_ignored():
    code = "import os, signal; from minidocknet.cli.signals import install_handlers\n"
    code += "signal.signal(signal.SIGHUP, signal.SIG_IGN); install_handlers()\n"
    code += "os.kill(os.getpid(), signal.SIGHUP); print('on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "on\n")
