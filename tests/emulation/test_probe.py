"""The probe tells the truth about this machine and leaves no trace on it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path

from click.testing import CliRunner

from minidocknet.cli.check import check
from minidocknet.runtime.probe import probe
from minidocknet.runtime.probe_kernel import probe_kernel


def _in_empty_namespace(*lines: str) -> bool:
    """Whether the lines work, run one after the other by a shell under unshare(1)."""
    script = " && ".join(("ip link set lo up", *lines))
    command = ["unshare", "-n", "sh", "-c", script]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_findings_agree_with_the_tools() -> None:
    found = probe_kernel()
    tap = "ip tuntap add dev t0 mode tap"
    assert found["tun"].available == _in_empty_namespace(tap)
    assert found["veth"].available == _in_empty_namespace("ip link add a0 type veth peer name a1")
    assert found["netem"].available == _in_empty_namespace(
        tap, "tc qdisc add dev t0 root netem delay 1ms"
    )
    assert found["htb"].available == _in_empty_namespace(tap, "tc qdisc add dev t0 root htb")
    assert found["vlan"].available == _in_empty_namespace(
        tap, "ip link add link t0 name v0 type vlan id 5"
    )
    assert found["nftables"].available == _in_empty_namespace("nft add table inet t")


def test_the_hosts_namespace_and_scheduling_stay_as_they_were() -> None:
    before = subprocess.run(["ip", "-o", "link"], capture_output=True, check=True, text=True)
    namespace = Path("/proc/self/ns/net").readlink()
    ours = {int(task.name) for task in Path("/proc/self/task").iterdir()}
    probe()
    for task in ours:
        assert Path(f"/proc/self/task/{task}/ns/net").readlink() == namespace
        assert os.sched_getscheduler(task) == os.SCHED_OTHER
    after = subprocess.run(["ip", "-o", "link"], capture_output=True, check=True, text=True)
    # Other labs come and go; what the probe makes has names of its own.
    new = {line.split(": ")[1].split("@")[0] for line in after.stdout.splitlines()} - {
        line.split(": ")[1].split("@")[0] for line in before.stdout.splitlines()
    }
    assert not new & {"t0", "p0", "p1", "b0", "x0", "l0", "l1", "v0", "probe"}
    assert not [thread for thread in threading.enumerate() if thread.name == "probe"]


def test_the_probe_takes_less_than_a_second() -> None:
    durations = []
    for _ in range(3):
        start = time.monotonic()
        probe()
        durations.append(time.monotonic() - start)
    assert min(durations) < 1.0


def test_check_prints_json_and_a_table() -> None:
    result = CliRunner().invoke(check, ["--format", "json"])
    data = json.loads(result.stdout)
    assert data["schema"] == 1
    assert data["ready"] is True
    assert data["links"]["shaped"]["kind"] in ("l2tp", "wire", "veth")
    lacks = [found for found in data["capabilities"].values() if isinstance(found, dict)]
    lacks = [found for found in lacks if found.get("available") is False]
    assert all(found["remedy"] for found in lacks)

    table = CliRunner().invoke(check, [])
    assert table.exit_code == 0
    assert "TUN/TAP" in table.output
    assert "with delay and rate" in table.output
