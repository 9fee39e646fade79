"""``mdn connect``: a shell in a node."""

from __future__ import annotations

import os
import shutil
import sys

import click

from minidocknet.cli.exec import COMMAND_SETTINGS, command_words
from minidocknet.cli.labs import attach, lab_option, node_argument
from minidocknet.model.errors import CapabilityError

_SHELL = "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"


@click.command(context_settings=COMMAND_SETTINGS, short_help="Open a shell in a node.")
@lab_option
@node_argument()
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[[--] COMMAND...]")
def connect(lab: str | None, node: str, command: tuple[str, ...]) -> None:
    """Open a shell in NODE (bash where it is there, else sh), or run COMMAND on a terminal."""
    words = command_words(command) or ["sh", "-c", _SHELL]
    network = attach(lab)

    container = network.lab.running_container(node)
    if shutil.which("docker") is None:
        raise CapabilityError(
            "the docker command is not there, which gives the terminal",
            remedy="apt-get install docker.io, or use mdn exec",
        )
    sys.stdout.flush()
    os.execvpe(
        "docker", connect_command(container, words, tty=_is_terminal()), docker_environment()
    )


def connect_command(container: str, words: list[str], *, tty: bool) -> list[str]:
    """The docker command line; ``tty``: both ends are a terminal."""
    mode = "-it" if tty else "-i"
    terminal = ["--env", f"TERM={os.environ.get('TERM', 'xterm')}"] if tty else []
    return ["docker", "exec", mode, *terminal, container, *words]


def docker_environment() -> dict[str, str]:
    """Ours, with the context switched off: labs run on the engine that DOCKER_HOST names."""
    chosen = {} if os.environ.get("DOCKER_HOST") else {"DOCKER_CONTEXT": "default"}
    return {**os.environ, **chosen}


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
