"""``mdn capture``: write what crosses a node's interface."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

import click

from minidocknet.cli.labs import attach, complete_nodes, lab_option
from minidocknet.cli.output import say, write_all
from minidocknet.model.errors import UsageError

_CHUNK = 65536
# What the pipe may still hold when the signal comes; more would never end on a busy interface.
_LAST_CHUNKS = 4
_POLL_S = 0.2
_REPORT_S = 1.0


@click.command(short_help="Write what crosses an interface.")
@lab_option
@click.argument("where", metavar="NODE:IFACE", shell_complete=complete_nodes)
@click.argument("expression", nargs=-1, type=click.UNPROCESSED, metavar="[FILTER...]")
@click.option("-w", "--write", "output", required=True, metavar="FILE|-", help="- streams.")
@click.option("--count", "-c", type=click.IntRange(min=1), help="End after so many packets.")
def capture(
    lab: str | None, where: str, expression: tuple[str, ...], output: str, count: int | None
) -> None:
    """Write what crosses IFACE of NODE as pcap, until Ctrl-C or for --count packets.

    FILTER is tcpdump's, like: icmp and host 10.0.0.2.  For a live view:
    mdn capture r1:eth1 -w - | wireshark -k -i -
    """
    network = attach(lab)
    name, colon, iface = where.partition(":")
    node = network.node(name)
    if not colon or not iface:
        raise UsageError(
            f"{where!r} names no interface",
            remedy=f"write it like {name}:{_some_interface(network.lab.plan.links_of(name), name)}",
        )
    if output == "-" and sys.stdout.isatty():
        raise UsageError(
            "a capture is binary and standard output is a terminal",
            remedy="write it to a file (-w FILE) or into a pipe (-w - | wireshark -k -i -)",
        )
    from minidocknet.core.interrupts import held

    with held() as signals:
        packets = node.capture(iface, expression=expression, count=count)
        with packets as stream, _opened(output) as target:
            records = copy_capture(stream, target, where, stopped=lambda: bool(signals))
        signals.clear()
    say(f"{records} packets captured")


def copy_capture(
    stream: IO[bytes], target: IO[bytes], where: str, *, stopped: Callable[[], bool]
) -> int:
    """Copy whole packets until the stream ends or ``stopped``; returns how many there were.

    Says on standard error when the capture has begun, and how many packets there are so far.
    """
    from minidocknet.core.pcap import PcapSplitter

    splitter = PcapSplitter()
    reported, at = 0, time.monotonic()
    source = stream.fileno()
    begun = False
    last = _LAST_CHUNKS
    while True:
        # Looked at before the pipe: what came before the signal is still taken.
        ending = stopped()
        last -= ending
        ready = select.select([source], [], [], 0 if ending else _POLL_S)[0]
        if not ready and ending:
            return splitter.records
        if ready:
            chunk = os.read(source, _CHUNK)
            if not chunk or last < 0:
                return splitter.records
            write_all(target, splitter.feed(chunk))
            if not begun:
                begun = True
                say(f"capturing on {where}; Ctrl-C ends it")
        if splitter.records > reported and time.monotonic() > at + _REPORT_S:
            reported, at = splitter.records, time.monotonic()
            say(f"{reported} packets")


def _opened(output: str) -> AbstractContextManager[IO[bytes]]:
    if output == "-":
        return nullcontext(sys.stdout.buffer)
    try:
        return Path(output).open("wb")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None


def _some_interface(links: object, name: str) -> str:
    from minidocknet.plan.model import LinkPlan

    for link in links if isinstance(links, tuple) else ():
        if isinstance(link, LinkPlan):
            return link.end_at(name).iface
    return "eth1"
