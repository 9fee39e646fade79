"""What options mean, and what is said of those that mean nothing."""

from __future__ import annotations

import pytest

from minidocknet.cli.connect import connect_command, docker_environment
from minidocknet.cli.exec import command_words
from minidocknet.cli.link import shaping_changes
from minidocknet.cli.node import parse_link
from minidocknet.cli.quantities import (
    UNLIMITED,
    parse_burst_loss,
    parse_queue_limit,
)
from minidocknet.model.errors import TopologyError, UsageError
from minidocknet.model.shaping import GilbertElliott, Shaping


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["deploy", "line-3", "--delay", "3parsec"], "unknown unit 'parsec'"),
        (["deploy", "line-3", "--bw", "0"], "leave it out"),
        (["deploy", "line-3", "--loss", "101%"], "above 100 %"),
        (["deploy", "line-3", "--memory", "much"], "write it like 512M"),
        (["deploy", "line-3", "--subnet", "10.0.0.1/16"], "10.0.0.0/16"),
        (["deploy", "line-3", "--workers", "0"], "x>=1"),
        (["deploy", "line-3", "--link", "string"], "l2tp"),
        (["deploy", "line-3", "--seed", "4"], "--nodes-from"),
        (["deploy", "line-3", "--lab", "No Such", "--dry-run"], "lower-case letters"),
        (["deploy"], "TOPOLOGY"),
        (["link", "set", "a", "b", "--queue", "10"], "100p"),
        (["link", "set", "a", "b", "--burst-loss", "1%"], "P,R"),
        (["link", "set", "a", "b", "--jitter-distribution", "odd"], "normal"),
        (["link", "set", "a"], "B"),
        (["link", "show", "a", "b", "c"], "two ends"),
        (["node", "add", "n9", "--link", "r1,dela=3"], "keys"),
        (["node", "stop"], "NODE"),
        (["exec", "--env", "X", "r1", "--", "true"], "KEY=VALUE"),
        (["exec", "r1", "--lab", "x", "--", "true"], "before the node"),
        (["capture", "r1:eth1"], "-w"),
        (["capture", "r1:eth1", "-w", "-", "--count", "0"], "x>=1"),
        (["graph", "line-3", "-o", "map.png"], "--to"),
        (["wipe", "--lab", "../x"], "lower-case letters"),
    ],
)
def test_nonsense_is_a_usage_error_that_says_what_would_be_right(run, words, says):
    result = run(*words)
    assert result.exit_code == 2, result.stderr
    assert result.stderr.startswith("mdn: error: ")
    assert says in result.stderr
    assert result.stdout == ""


def test_a_bad_topology_ends_with_its_own_code(run, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("nodes: [a, b]\nlinks:\n- {a: a, b: c}\n")
    result = run("deploy", str(bad))
    assert result.exit_code == TopologyError.exit_code == 3
    assert f"{bad}:3" in result.stderr


def test_without_a_lab_verbs_say_so(run):
    for words in (["inspect"], ["destroy"], ["save"], ["events"], ["graph"], ["verify"]):
        result = run(*words)
        assert result.exit_code == 4
        assert "no lab on this machine" in result.stderr


def test_an_unknown_lab_is_named_with_those_there_are(run, add_lab):
    add_lab("one")
    result = run("inspect", "--lab", "two")
    assert result.exit_code == 4
    assert "no lab 'two'" in result.stderr and "one" in result.stderr


def test_the_only_lab_is_taken_and_said(run, add_lab):
    add_lab("one")
    result = run("inspect")
    assert "taking lab one" in result.stderr


def test_of_two_labs_none_is_guessed(run, add_lab):
    add_lab("one")
    add_lab("two")
    result = run("inspect")
    assert result.exit_code == 2
    assert "one, two" in result.stderr


def test_the_lab_comes_from_the_environment(run, add_lab):
    add_lab("one")
    add_lab("two")
    result = run("inspect", MDN_LAB="three")
    assert "no lab 'three'" in result.stderr


def test_options_come_from_the_environment(run):
    result = run("deploy", "line-3", MDN_DEPLOY_DELAY="3parsec")
    assert result.exit_code == 2 and "parsec" in result.stderr


def test_wipe_asks_only_people(run, monkeypatch):
    asked = {"engine": 0, "wiped": 0}

    class FakeEngine:
        def __init__(self) -> None:
            asked["engine"] += 1

    def fake_wipe(engine, lab=None):
        asked["wiped"] += 1
        return {"one": ["container abc"]}

    monkeypatch.setattr("minidocknet.runtime.engine.Engine", FakeEngine)
    monkeypatch.setattr("minidocknet.core.wipe.wipe", fake_wipe)
    monkeypatch.setattr("minidocknet.core.wipe.found_labs", lambda engine: ["one"])
    assert run("wipe").stdout == "one: removed container abc\n"
    monkeypatch.setattr("minidocknet.cli.output.may_ask", lambda: True)
    refused = run("wipe")  # the runner's standard input is empty: an abort
    assert refused.exit_code == 130 and asked["wiped"] == 1
    assert run("wipe", "--yes").exit_code == 0 and asked["wiped"] == 2


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1%,20%", GilbertElliott(1, 20)),
        ("1,20,50", GilbertElliott(1, 20, 50)),
        ("1/20/50/0.5", GilbertElliott(1, 20, 50, 0.5)),
        ("none", UNLIMITED),
    ],
)
def test_burst_loss(text, result):
    assert parse_burst_loss(text) == result


@pytest.mark.parametrize("text", ["1%", "1,2,3,4,5", "1,x", "0,0", "1,101"])
def test_bad_burst_loss(text):
    with pytest.raises(ValueError):
        parse_burst_loss(text)


def test_queues():
    assert parse_queue_limit("100p") == (100, None)
    assert parse_queue_limit("64kb") == (None, 65536)
    assert parse_queue_limit("default") == (None, None)


def test_only_what_is_named_changes():
    nothing = dict.fromkeys(("delay", "jitter", "bw", "loss"))
    assert shaping_changes(nothing) == {}
    assert shaping_changes({**nothing, "bw": UNLIMITED}) == {"bw_mbit": None}
    assert shaping_changes({**nothing, "delay": 0.0}, (5, None)) == {
        "delay_ms": 0.0,
        "queue_packets": 5,
        "queue_bytes": None,
    }


def test_a_link_of_a_new_node():
    link = parse_link("n9", "r1,delay=3ms,bw=10mbit,burst-loss=1/20,queue=50p,kind=wire,mtu=1400")
    expected = Shaping(delay_ms=3, bw_mbit=10, burst_loss=GilbertElliott(1, 20), queue_packets=50)
    assert (link.a, link.b, link.type, link.mtu) == ("n9", "r1", "wire", 1400)
    assert link.a_to_b == link.b_to_a == expected
    assert parse_link("n9", "r1").a_to_b == Shaping()
    assert parse_link("n9", "r1,bw=unlimited").a_to_b.bw_mbit is None


@pytest.mark.parametrize(
    "text",
    ["r1,delay", "r1,delay=x", "r1,bw=0", "r1,kind=rope", "r1,mtu=big", "r1,loss=1,burst-loss=1/2",
     "r1,jitter-distribution=odd", "r1,="],
)  # fmt: skip
def test_a_bad_link_of_a_new_node(text):
    with pytest.raises(UsageError, match=f"--link {text}"):
        parse_link("n9", text)


def test_the_words_of_a_command():
    assert command_words(("--", "ip", "-br", "addr")) == ["ip", "-br", "addr"]
    assert command_words(("ip", "--", "x")) == ["ip", "--", "x"]
    assert command_words(()) == []
    with pytest.raises(UsageError, match="--lab"):
        command_words(("--lab", "x"))


def test_connect_runs_docker_on_the_engine_of_labs(monkeypatch):
    monkeypatch.setenv("TERM", "screen")
    with_terminal = connect_command("mdn.l.node.r1", ["bash"], tty=True)
    assert with_terminal[:5] == ["docker", "exec", "-it", "--env", "TERM=screen"]
    assert connect_command("c", ["ls"], tty=False) == ["docker", "exec", "-i", "c", "ls"]
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert docker_environment()["DOCKER_CONTEXT"] == "default"
    monkeypatch.setenv("DOCKER_HOST", "unix:///x")
    assert "DOCKER_CONTEXT" not in docker_environment()


def completions(words: list[str], incomplete: str) -> list[str]:
    from click.shell_completion import ShellComplete

    from minidocknet.cli import mdn

    found = ShellComplete(mdn, {}, "mdn", "_MDN_COMPLETE").get_completions(words, incomplete)
    return [item.value for item in found]


def test_shells_complete_labs_nodes_and_maps(add_lab):
    add_lab("one", ("r1", "r2", "x9"))
    add_lab("other", ("y1",))
    assert completions(["inspect", "--lab"], "on") == ["one"]
    assert completions(["exec", "--lab", "one"], "r") == ["r1", "r2"]
    assert completions(["exec"], "") == []  # of two labs none is guessed
    assert "rocketfuel-68" in completions(["deploy"], "rock")
    assert "--delay" in completions(["deploy"], "--de")
