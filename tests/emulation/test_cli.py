"""``mdn`` as people and scripts use it: processes, exit codes, streams, JSON."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from minidocknet.core.wipe import wipe
from minidocknet.topology import load_topology

from .leftovers import leftovers

MDN = [sys.executable, "-m", "minidocknet"]
# Three in a row and one beside them; values of every kind.
TOPOLOGY = """
name: cli
defaults:
  link: {delay: 3ms, bw: 10mbit}
nodes: [r1, r2, r3, r4]
links:
- {a: r1, b: r2}
- {a: r2, b: r3, b_to_a: {delay: 6ms}}
- {a: r2, b: r4}
"""


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "MDN_LAB"}


def mdn(*words: str, stdin: bytes | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*MDN, *words],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=120,
        check=False,
        env={**environment(), **env},
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def ok(*words: str, **settings: Any) -> str:
    done = mdn(*words, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def heed_interrupts() -> None:
    """A shell's background jobs ignore SIGINT, and with them whatever they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*MDN, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        preexec_fn=heed_interrupts,
    )


@pytest.fixture(scope="module")
def lab(engine, tmp_path_factory) -> Iterator[str]:
    """A lab that the tests of this file share; each leaves it as it was."""
    name = f"test-cli-{os.getpid()}"
    topology = tmp_path_factory.mktemp("cli") / "cli.yaml"
    topology.write_text(TOPOLOGY)
    try:
        done = mdn("deploy", str(topology), "--lab", name, "--format", "json")
        assert done.returncode == 0, done.stderr
        shape = json.loads(done.stdout)
        assert shape["schema"] == 1 and shape["lab"] == name and shape["dry_run"] is False
        assert shape["timings_s"]["total"] > 0
        assert "start nodes: 4 in" in done.stderr
        yield name
    finally:
        wipe(engine, name)


def inspect(lab: str) -> dict[str, Any]:
    return dict(json.loads(ok("inspect", "--lab", lab, "--format", "json")))


def link_of(lab: str, a: str, b: str) -> dict[str, Any]:
    (link,) = json.loads(ok("link", "show", "--lab", lab, a, b, "--format", "json"))["links"]
    return dict(link)


# --- labs


def test_inspect_has_the_shape_that_scripts_rely_on(lab):
    data = inspect(lab)
    assert (data["schema"], data["lab"]) == (1, lab)
    assert [node["name"] for node in data["nodes"]] == ["r1", "r2", "r3", "r4"]
    assert all(node["state"] == "running" for node in data["nodes"])
    assert re.fullmatch(r"\d+\.\d+\.\d+\.\d+", data["nodes"][0]["ip"])
    first, second, _ = data["links"]
    assert (first["a"], first["b"], first["up"]) == ("r1", "r2", True)
    assert (first["delay_ms"], first["bw_mbit"], first["loss_pct"]) == (3.0, 10.0, 0.0)
    assert first["kind"] in ("wire", "l2tp", "veth", "vxlan") and first["reason"]
    assert "reverse" not in first and second["reverse"]["delay_ms"] == 6.0
    assert {"frames", "bytes"} <= first["stats"]["a_to_b"].keys()
    assert data["timings_s"]["total"] > 0


def test_inspect_and_list_in_words(lab):
    text = ok("inspect", "--lab", lab)
    assert "4 of 4 nodes running, 3 of 3 links up" in text
    assert re.search(r"^r2:eth2 +r3:eth1 +\w+ +up +3ms 10mbit +6ms 10mbit", text, re.MULTILINE)
    assert re.search(rf"^{lab} +running +4 +4$", ok("list"), re.MULTILINE)
    labs = {entry["lab"]: entry for entry in json.loads(ok("list", "--format", "json"))["labs"]}
    assert labs[lab]["status"] == "running" and labs[lab]["running"] == 4


def test_the_environment_names_the_lab(lab):
    assert f"lab {lab} " in ok("inspect", MDN_LAB=lab)


def test_a_dry_run_makes_nothing(engine, lab_name):
    plan = json.loads(
        ok("deploy", "line-3", "--lab", lab_name, "--dry-run", "--format", "json", "--delay", "7ms")
    )
    assert plan["dry_run"] is True and plan["timings_s"] == {}
    assert [link["delay_ms"] for link in plan["links"]] == [7.0, 7.0]
    assert sum(kind["links"] for kind in plan["link_kinds"]) == 2
    assert "nothing is made" in ok("deploy", "line-3", "--lab", lab_name, "--dry-run")
    assert leftovers(engine, lab_name) == []


def test_a_sample_of_a_map_is_deployed(engine, lab_name):
    words = ("deploy", "rocketfuel-68", "--lab", lab_name, "--switch", "none")
    text = ok(*words, "--nodes-from", "3", "--seed", "5")
    assert f"lab {lab_name}: 3 nodes, 2 links, up in" in text
    again = ok(*words, "--nodes-from", "3", "--seed", "5", "--dry-run")
    names = {node["name"] for node in inspect(lab_name)["nodes"]}
    assert all(re.search(rf"^{name} ", again, re.MULTILINE) for name in names)
    assert "is down after" in ok("destroy", "--lab", lab_name)
    assert leftovers(engine, lab_name) == []


def test_a_taken_name_is_refused(lab):
    done = mdn("deploy", "line-3", "--lab", lab)
    assert done.returncode == 4
    assert "already" in done.stderr and f"mdn destroy --lab {lab}" in done.stderr
    assert done.stdout == ""


def test_two_labs_side_by_side(engine, lab, lab_name):
    ok("deploy", "line-3", "--lab", lab_name, "--delay", "1ms")
    done = mdn("save")
    assert done.returncode == 2 and lab in done.stderr and lab_name in done.stderr
    ok("exec", "--lab", lab_name, "r1", "--", "touch", "/only-here")
    assert mdn("exec", "--lab", lab, "r1", "--", "test", "-e", "/only-here").returncode == 1
    wiped = json.loads(ok("wipe", "--lab", lab_name, "--format", "json"))
    assert wiped["schema"] == 1 and len(wiped["removed"][lab_name]) >= 3
    assert leftovers(engine, lab_name) == []
    assert inspect(lab)["nodes"][0]["state"] == "running"
    assert ok("wipe", "--lab", lab_name, "--yes") == "nothing was there\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_deploy_leaves_nothing(engine, lab_name, number):
    deploying = started("deploy", "tree,2,3", "--lab", lab_name)
    assert deploying.stderr is not None
    # That phase is over: containers are about to be made.
    while b"prepare" not in deploying.stderr.readline():
        assert deploying.poll() is None
    deploying.send_signal(number)
    deploying.send_signal(number)  # the impatient do it twice
    output, errors = deploying.communicate(timeout=60)
    assert deploying.returncode == 130, errors
    assert output == b"" and b"mdn: interrupted" in errors
    assert leftovers(engine, lab_name) == []


def test_a_failed_deployment_says_why_and_leaves_nothing(engine, lab_name):
    done = mdn("deploy", "line-3", "--lab", lab_name, "--image", "mdn/there-is-none:such")
    assert done.returncode == 6
    assert "mdn: error: " in done.stderr and "mdn/there-is-none:such" in done.stderr
    assert leftovers(engine, lab_name) == []


def test_save_gives_the_topology_back(lab, tmp_path):
    ok("link", "set", "--lab", lab, "r2", "r4", "--delay", "9ms")
    saved = tmp_path / "saved.yaml"
    done = mdn("save", "--lab", lab, "-o", str(saved))
    ok("link", "set", "--lab", lab, "r2", "r4", "--delay", "3ms")
    assert done.returncode == 0 and "4 nodes, 3 links" in done.stderr
    topology = load_topology(str(saved))
    assert topology.link("r2", "r4").a_to_b.delay_ms == 9.0
    assert topology.link("r2", "r3").b_to_a.delay_ms == 6.0
    assert ok("topology", "validate", str(saved))


def test_verify_measures_and_judges(lab):
    done = mdn("verify", "--lab", lab, "--count", "5", "--format", "json")
    data = json.loads(done.stdout)
    assert data["schema"] == 1 and data["lab"] == lab
    assert [link["asked_ms"] for link in data["links"]] == [6.0, 9.0, 6.0]
    assert all(link["median_ms"] >= 0.95 * link["asked_ms"] for link in data["links"])
    assert data["summary"]["links"] == 3 and data["summary"]["worst"]["a"] in ("r1", "r2")
    assert done.returncode == (0 if data["summary"]["ok"] else 1)
    # What cannot be within bounds is not: the kernel's own delay comes on top, unknown to the lab.
    qdisc = "tc qdisc replace dev eth1 root netem delay 20ms || ip link set eth1 down"
    ok("exec", "--lab", lab, "r4", "--", "sh", "-c", qdisc)
    spoiled = mdn("verify", "--lab", lab, "--count", "2")
    ok("node", "stop", "--lab", lab, "r4")
    ok("node", "start", "--lab", lab, "r4")
    assert spoiled.returncode == 1
    assert re.search(r"^r2 +r4 .* BAD$", spoiled.stdout, re.MULTILINE)
    assert "of 3 links within bounds" in spoiled.stdout


# --- exec


def test_exec_gives_status_and_both_streams_apart(lab):
    done = mdn("exec", "--lab", lab, "r1", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_exec_in_json(lab):
    words = ("exec", "--lab", lab, "--format", "json", "r1", "--")
    done = mdn(*words, "sh", "-c", "cat; echo err >&2; exit 3", stdin=b"in")
    assert done.returncode == 3
    assert json.loads(done.stdout) == {
        "schema": 1, "exit_code": 3, "stdout": "in", "stderr": "err\n"
    }  # fmt: skip


def test_exec_passes_standard_input_on_unless_told_not_to(lab):
    data = os.urandom(1_000_000).hex().encode()
    assert ok("exec", "--lab", lab, "r1", "--", "cat", stdin=data).encode() == data
    assert ok("exec", "--lab", lab, "-n", "r1", "--", "cat", stdin=data) == ""


def test_exec_shows_output_while_the_command_runs(lab):
    running = started("exec", "--lab", lab, "r1", "--", "sh", "-c", "echo first; sleep 60")
    assert running.stdout is not None
    assert running.stdout.readline() == b"first\n"
    assert running.poll() is None
    running.terminate()
    assert running.wait(timeout=10) == 143
    running.stdout.close()


def test_ctrl_c_reaches_the_command_and_its_children(lab):
    script = "trap 'echo caught; exit 5' INT; echo ready; sleep 61"
    running = started("exec", "--lab", lab, "r1", "--", "sh", "-c", script)
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=10)
    assert (running.returncode, output) == (5, b"caught\n")


def test_a_command_does_not_outlive_its_reader(lab):
    running = started("exec", "--lab", lab, "r1", "--", "yes", "unwanted")
    assert running.stdout is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.wait(timeout=10) == 141
    deadline = time.monotonic() + 10
    while mdn("exec", "--lab", lab, "r1", "--", "pgrep", "-f", "^yes unwanted").returncode != 1:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["r1", "--", "no-such-command"], 127, "no-such-command"),
        (["r1", "--", "/etc/passwd"], 126, "permission denied"),
        (["r1", "--", "sh", "-c", "kill -9 $$"], 137, ""),
        (["r9", "--", "true"], 2, "has no node 'r9'"),
        (["r1"], 2, "no command"),
    ],
)
def test_commands_that_fail_to_run(lab, words, code, says):
    done = mdn("exec", "--lab", lab, *words)
    assert done.returncode == code
    assert says in done.stderr and done.stdout == ""


def test_exec_takes_variables_and_a_folder(lab):
    words = ("exec", "--lab", lab, "-e", "LEVEL=3", "--cwd", "/tmp", "r1", "--")
    assert ok(*words, "sh", "-c", "echo $LEVEL; pwd") == "3\n/tmp\n"


def test_exec_runs_in_the_node_s_own_place(lab):
    assert ok("exec", "--lab", lab, "r3", "hostname") == "r3\n"
    mine = ok("exec", "--lab", lab, "r3", "cat", "/proc/self/cgroup")
    assert mine == ok("exec", "--lab", lab, "r3", "cat", "/proc/1/cgroup")


def test_connect_without_a_terminal_runs_what_it_is_given(lab):
    assert ok("connect", "--lab", lab, "r2", "--", "hostname") == "r2\n"
    assert ok("connect", "--lab", lab, "r2", stdin=b"hostname\nexit\n") == "r2\n"
    done = mdn("connect", "--lab", lab, "r2", "--", "sh", "-c", "exit 9")
    assert done.returncode == 9


# --- nodes and links


def test_nodes_stop_and_start(lab):
    ok("node", "stop", "--lab", lab, "r3")
    data = inspect(lab)
    assert [node["state"] == "running" for node in data["nodes"]] == [True, True, False, True]
    assert [link["up"] for link in data["links"]] == [True, False, True]
    done = mdn("exec", "--lab", lab, "r3", "--", "true")
    assert done.returncode == 4 and f"mdn node start --lab {lab} r3" in done.stderr
    done = mdn("capture", "--lab", lab, "r3:eth1", "-w", "-")
    assert done.returncode == 4
    ok("node", "start", "--lab", lab, "r3")
    ok("exec", "--lab", lab, "r1", "--", "ping", "-c", "1", "-W", "5", "r3")


def test_nodes_come_and_go(lab):
    words = ("node", "add", "--lab", lab, "r9", "--link", "r1,delay=2ms,bw=5mbit", "--link", "r4")
    added = json.loads(ok(*words, "--memory", "128M", "--format", "json"))
    assert (added["schema"], added["name"], len(added["links"])) == (1, "r9", 2)
    assert (added["links"][0]["delay_ms"], added["links"][0]["bw_mbit"]) == (2.0, 5.0)
    ok("exec", "--lab", lab, "r9", "--", "ping", "-c", "1", "-W", "5", "r3")
    done = mdn("node", "add", "--lab", lab, "r9")
    assert done.returncode == 2 and "'r9' already" in done.stderr
    ok("node", "remove", "--lab", lab, "r9")
    assert len(inspect(lab)["nodes"]) == 4


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["node", "stop", "r8"], 2, "has no node 'r8'"),
        (["node", "add", "r8", "--link", "r7"], 2, "has no node 'r7'"),
        (["node", "add", "77"], 3, "host name"),
        (["link", "down", "r1", "r4"], 2, "has no link r1 - r4"),
        (["link", "show", "r1", "r8"], 2, "has no node 'r8'"),
        (["link", "set", "r1", "r2"], 2, "--delay 5ms"),
        (["link", "set", "r1", "r2", "--loss", "1%", "--burst-loss", "1%,2%"], 2, "exclude"),
        (["capture", "r1", "-w", "-"], 2, "r1:eth1"),
        (["capture", "r1:eth7", "-w", "-"], 2, "eth1"),
        (["capture", "r1:eth1", "-w", "-", "icmp", "and", "and"], 2, "icmp and and"),
        (["capture", "r1:eth1", "-w", "/no/such/folder/f"], 2, "/no/such/folder/f"),
        (["save", "-o", "/no/such/folder/f"], 2, "/no/such/folder/f"),
    ],
)
def test_wrong_input_is_named_with_what_would_be_right(lab, words, code, says):
    verb = words[:2] if words[0] in ("node", "link") else words[:1]
    done = mdn(*verb, "--lab", lab, *words[len(verb) :])
    assert done.returncode == code, done.stderr
    assert "mdn: error: " in done.stderr and says in done.stderr
    assert done.stdout == ""


def test_an_unknown_lab_is_its_own_error(lab):
    done = mdn("destroy", "--lab", "no-such-lab", "--yes")
    assert done.returncode == 4
    assert "no lab 'no-such-lab'" in done.stderr and lab in done.stderr


def test_link_set_changes_what_is_named_in_the_direction_named(lab):
    before = link_of(lab, "r1", "r2")
    ok("link", "set", "--lab", lab, "r2", "r1", "--delay", "8ms", "--direction", "a-to-b",
       "--queue", "90p")  # fmt: skip
    changed = link_of(lab, "r1", "r2")
    assert changed["delay_ms"] == before["delay_ms"]
    assert changed["reverse"]["delay_ms"] == 8.0
    assert changed["reverse"]["queue_packets"] == 90
    assert changed["reverse"]["bw_mbit"] == before["bw_mbit"]
    back = json.loads(
        ok("link", "set", "--lab", lab, "r1", "r2", "--delay", "3ms", "--bw", "unlimited",
           "--queue", "default", "--burst-loss", "1%,50%,90%", "--format", "json")
    )["link"]  # fmt: skip
    assert "reverse" not in back and back["bw_mbit"] is None
    assert back["burst_loss"]["bad_loss_pct"] == 90.0
    ok("link", "set", "--lab", lab, "r1", "r2", "--bw", "10mbit", "--burst-loss", "none")
    assert {**link_of(lab, "r1", "r2"), "stats": None} == {**before, "stats": None}


def test_links_go_down_and_up(lab):
    ok("link", "down", "--lab", lab, "r4", "r2")
    assert link_of(lab, "r2", "r4")["up"] is False
    assert mdn("exec", "--lab", lab, "r1", "ping", "-c1", "-W1", "r4").returncode == 1
    ok("link", "up", "--lab", lab, "r4", "r2")
    ok("exec", "--lab", lab, "r1", "--", "ping", "-c", "2", "-W", "5", "r4")


# --- looking closer


def packets(pcap: bytes) -> list[str]:
    """A line for each packet, by every reader there is; each fails where the file is cut short."""
    readers = {"tshark": ["tshark", "-n", "-r", "-"], "tcpdump": ["tcpdump", "-n", "-r", "-"]}
    lines: list[str] = []
    for name, command in readers.items():
        if name == "tshark" and shutil.which(name) is None:
            continue
        done = subprocess.run(command, input=pcap, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.decode().splitlines()
    return lines


def begun(capturing: subprocess.Popen[bytes]) -> None:
    assert capturing.stderr is not None
    assert b"capturing on" in capturing.stderr.readline()


def test_capture_to_a_file_ends_cleanly_with_a_signal(lab, tmp_path):
    file = tmp_path / "r1.pcap"
    capturing = started("capture", "--lab", lab, "r1:eth1", "-w", str(file), "icmp")
    begun(capturing)
    ok("exec", "--lab", lab, "r1", "--", "ping", "-c", "5", "-i", "0.1", "r2")
    capturing.send_signal(signal.SIGINT)
    _, errors = capturing.communicate(timeout=10)
    assert capturing.returncode == 0, errors
    assert b"10 packets captured" in errors
    assert len([line for line in packets(file.read_bytes()) if "ICMP" in line]) == 10


def test_capture_streams_and_ends_with_its_count(lab):
    capturing = started("capture", "--lab", lab, "r2:eth1", "-w", "-", "--count", "4", "icmp")
    begun(capturing)
    ok("exec", "--lab", lab, "r1", "--", "ping", "-c", "5", "-i", "0.1", "r2")
    output, _ = capturing.communicate(timeout=10)
    assert capturing.returncode == 0
    assert len(packets(output)) == 4


def test_capture_ends_quietly_when_its_reader_goes(lab):
    capturing = started("capture", "--lab", lab, "r1:eth1", "-w", "-")
    begun(capturing)
    assert capturing.stdout is not None
    capturing.stdout.close()
    ok("exec", "--lab", lab, "r1", "--", "ping", "-c", "5", "-i", "0.1", "r2")
    assert capturing.wait(timeout=10) == 141


def test_events_tell_what_happened(lab):
    ok("link", "down", "--lab", lab, "r1", "r2")
    ok("link", "up", "--lab", lab, "r1", "r2")
    lines = [
        json.loads(text) for text in ok("events", "--lab", lab, "--format", "json").splitlines()
    ]
    assert {line["schema"] for line in lines} == {1}
    assert "LabDeployed" in [line["event"] for line in lines]
    assert [line["change"] for line in lines if line["event"] == "LinkChanged"][-2:] == [
        "down",
        "up",
    ]
    assert re.search(r"LinkChanged +a=r1 b=r2 change=up", ok("events", "--lab", lab))


def test_events_can_be_followed(lab):
    following = started("events", "--lab", lab, "--follow", "--format", "json")
    assert following.stdout is not None
    while json.loads(following.stdout.readline())["event"] != "LabDeployed":
        pass
    ok("link", "set", "--lab", lab, "r1", "r2", "--delay", "4.5ms")
    while True:
        event = json.loads(following.stdout.readline())
        if event["event"] == "LinkShaped" and event["a_to_b"]["delay_ms"] == 4.5:
            break
    ok("link", "set", "--lab", lab, "r1", "r2", "--delay", "3ms")
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=10)
    assert following.returncode == 130


def test_graph_draws_the_lab_as_it_is(lab, tmp_path):
    ok("link", "down", "--lab", lab, "r2", "r4")
    pictures = {form: tmp_path / f"lab.{form}" for form in ("svg", "dot", "mmd", "html")}
    for file in pictures.values():
        ok("graph", lab, "-o", str(file))
    ok("link", "up", "--lab", lab, "r2", "r4")
    root = ElementTree.parse(pictures["svg"]).getroot()
    classes = [g.get("class") for g in root.iter("{http://www.w3.org/2000/svg}g") if g.get("class")]
    assert sorted(classes) == ["mdn-edge down", "mdn-edge up", "mdn-edge up", *["mdn-node"] * 4]
    assert '"r2" -- "r4" [' in pictures["dot"].read_text()
    assert " v1 -.-|" in pictures["mmd"].read_text()
    assert "r2:eth3 - r4:eth1\ndown" in pictures["html"].read_text()
    assert ok("graph", "--lab", lab, "--to", "mermaid").startswith("---\ntitle:")


def test_list_answers_at_once(lab):
    """Starting takes a quarter of a second on a quiet machine; most of it is Docker's library."""
    took = []
    for _ in range(5):
        began = time.monotonic()
        ok("list")
        took.append(time.monotonic() - began)
    assert min(took) < 1.0
