"""The front door: help, verbs, errors and exit codes."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from minidocknet.cli import VERBS, LazyGroup, exit_code_of, mdn
from minidocknet.model.errors import (
    ApplyError,
    CapabilityError,
    LabError,
    MdnError,
    TopologyError,
    UsageError,
)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_is_there_and_has_help(run, name):
    result = run(name, "--help")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"Usage: mdn {name} ")


def test_help_names_every_verb_without_loading_any(run):
    shown = run("--help").stdout
    assert all(f"  {name} " in shown and verb.help in shown for name, verb in VERBS.items())
    code = "import sys; from minidocknet.cli import mdn\ntry: mdn.main(['--help'])\n"
    code += "except SystemExit: print(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & {"docker", "networkx", "pydantic", "rich", "minidocknet.cli.deploy"}


@pytest.mark.parametrize("name", [n for n in VERBS if n not in ("topology", "check")])
def test_the_short_help_is_the_same_in_both_places(name):
    command = mdn.get_command(click.Context(mdn), name)
    assert command is not None
    assert command.short_help == VERBS[name].help


def test_version(run):
    assert run("--version").stdout.startswith("mdn, version ")


def test_an_unknown_verb_is_a_usage_error_with_a_near_one(run):
    result = run("deplyo")
    assert result.exit_code == 2
    assert "mdn: error: there is no command 'deplyo'" in result.stderr
    assert "did you mean deploy" in result.stderr
    assert result.stdout == ""


def test_an_unknown_option_is_a_usage_error(run):
    result = run("list", "--nonsense")
    assert result.exit_code == 2
    assert "--nonsense" in result.stderr
    assert "remedy: see mdn list --help" in result.stderr


def failing(error):
    def run():
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MdnError("m"), 1),
        (UsageError("m"), 2),
        (TopologyError("m"), 3),
        (LabError("m"), 4),
        (CapabilityError("m"), 5),
        (ApplyError("m"), 6),
        (click.exceptions.Abort(), 130),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
        (PermissionError(13, "denied", "/run/mdn"), 5),
        (RuntimeError("oh"), 1),
    ],
)
def test_exit_codes(error, code, capsys):
    assert exit_code_of(failing(error)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mdn: ") or isinstance(error, (RuntimeError, BrokenPipeError))


def test_errors_name_the_remedy(capsys):
    exit_code_of(failing(LabError("no lab", remedy="make one")))
    assert capsys.readouterr().err == "mdn: error: no lab\n  remedy: make one\n"


def test_a_defect_shows_where_it_is(capsys):
    exit_code_of(failing(RuntimeError("unforeseen")))
    err = capsys.readouterr().err
    assert "Traceback" in err and "defect of MiniDockNet: RuntimeError: unforeseen" in err


def test_colours_only_where_they_are_wanted(monkeypatch):
    from minidocknet.cli import output

    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr(output.sys, "stdout", Terminal())
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in output.styled("up", "green")
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.styled("up", "green") == "up"


def test_a_reader_that_goes_away_ends_quietly(monkeypatch):
    # Unbuffered, Python takes a write that was cut short for a whole one.
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    writer = subprocess.Popen(
        [sys.executable, "-m", "minidocknet", "graph", "linear,3000", "--to", "dot"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout is not None and writer.stderr is not None
    assert writer.stdout.readline() == b'graph "linear-3000" {\n'
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait() == 141


def test_the_group_lists_verbs_in_their_order():
    assert isinstance(mdn, LazyGroup)
    assert mdn.list_commands(click.Context(mdn)) == list(VERBS)
