"""``mdn exec``: run a command in a node."""

from __future__ import annotations

import os
import sys
from functools import partial

import click

from minidocknet.cli.labs import attach, lab_option, node_argument
from minidocknet.cli.output import format_option, print_json, write_all
from minidocknet.model.errors import UsageError

# Options after the node's name are the command's.
COMMAND_SETTINGS = {"allow_interspersed_args": False}


@click.command("exec", context_settings=COMMAND_SETTINGS, short_help="Run a command in a node.")
@lab_option
@click.option("--env", "-e", "env", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option("--cwd", "-w", metavar="FOLDER", help="Where the command runs.")
@click.option("--no-stdin", "-n", is_flag=True, help="Give the command no standard input.")
@format_option
@node_argument()
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] COMMAND...")
def exec_command(
    lab: str | None,
    env: tuple[str, ...],
    cwd: str | None,
    no_stdin: bool,
    form: str,
    node: str,
    command: tuple[str, ...],
) -> None:
    """Run a COMMAND in NODE and end with its exit status.

    Both of its streams come through as they appear; standard input goes in where it is no
    terminal.  Ctrl-C reaches the command.  There is no shell: write sh -c '...' for one.
    """
    words = command_words(command)
    variables = dict(variable(text) for text in env)
    network = attach(lab)
    from minidocknet.core.interrupts import held
    from minidocknet.core.stream import stream_exec

    collected: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    live = form == "table"
    with held() as signals:
        code = stream_exec(
            network.lab,
            node,
            words,
            on_stdout=partial(write_all, sys.stdout.buffer) if live else collected["stdout"].append,
            on_stderr=partial(write_all, sys.stderr.buffer) if live else collected["stderr"].append,
            stdin=None if no_stdin else piped_stdin(),
            env=variables,
            cwd=cwd,
            signals=signals,
        )
        signals.clear()
    if not live:
        texts = {name: b"".join(d).decode(errors="replace") for name, d in collected.items()}
        print_json({"schema": 1, "exit_code": code, **texts})
    raise click.exceptions.Exit(code)


def command_words(command: tuple[str, ...]) -> list[str]:
    """The command without the ``--`` before it; UsageError for options in the wrong place."""
    words = list(command)
    if words and words[0] == "--":
        return words[1:]
    if words and words[0].startswith("-"):
        raise UsageError(
            f"{words[0]} stands after the node's name, where the command begins",
            remedy="put options before the node: mdn exec --lab L NODE -- COMMAND",
        )
    return words


def piped_stdin() -> int | None:
    """The descriptor of standard input, unless it is a terminal or closed."""
    try:
        return None if os.isatty(0) else 0
    except OSError:
        return None


def variable(text: str) -> tuple[str, str]:
    """``KEY=VALUE`` in its two parts; UsageError for anything else."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--env {text} is not KEY=VALUE", remedy="write it like -e LEVEL=3")
    return key, value
