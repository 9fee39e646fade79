"""``mdn``: the command line.  Each verb's module is imported only when the verb is used."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from minidocknet.cli.output import say, styled
from minidocknet.cli.signals import ignore_signals, install_handlers
from minidocknet.model.errors import MdnError, UsageError

INTERRUPTED = 130
# What a shell reports for a command that SIGPIPE ended.
READER_GONE = 141


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb lives (``module:attribute`` below this package) and its line of help."""

    target: str
    section: str
    help: str


VERBS = {
    "deploy": Verb("deploy:deploy", "Labs", "Make a lab from a topology."),
    "destroy": Verb("destroy:destroy", "Labs", "Take a lab down; nothing of it stays."),
    "list": Verb("listing:list_command", "Labs", "List the labs on this machine."),
    "inspect": Verb("inspect:inspect", "Labs", "Show a lab's nodes and links as they are now."),
    "verify": Verb("verify:verify", "Labs", "Measure every link and compare with what was asked."),
    "save": Verb("save:save", "Labs", "Write a lab's topology, with every change, as YAML."),
    "wipe": Verb("wipe:wipe", "Labs", "Remove whatever labs left behind."),
    "exec": Verb("exec:exec_command", "Nodes and links", "Run a command in a node."),
    "connect": Verb("connect:connect", "Nodes and links", "Open a shell in a node."),
    "node": Verb("node:node", "Nodes and links", "Stop, start, add and remove nodes."),
    "link": Verb("link:link", "Nodes and links", "Show and change links."),
    "app": Verb("app:app", "Applications", "Run containers on nodes, and look after them."),
    "image": Verb("image:image", "Applications", "Make images known to a lab's nodes."),
    "migrate": Verb("migrate:migrate", "Applications", "Move an application to another node."),
    "capture": Verb("capture:capture", "Looking closer", "Write what crosses an interface."),
    "events": Verb("events:events", "Looking closer", "Show what happened in a lab."),
    "graph": Verb("graph:graph", "Looking closer", "Draw a lab or a topology."),
    "topology": Verb("topology:topology", "Maps and machine", "List, show and convert maps."),
    "calibrate": Verb(
        "calibrate:calibrate", "Maps and machine", "Measure what the emulation itself takes."
    ),
    "check": Verb("check:check", "Maps and machine", "Probe what this machine can do."),
}


class LazyGroup(click.Group):
    """Finds verbs by the table above and turns errors into messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        module, attribute = verb.target.split(":")
        found = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS)
            raise UsageError(
                f"there is no command {args[0]!r}",
                remedy=f"did you mean {' or '.join(near)}?" if near else "see mdn --help",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in dict.fromkeys(verb.section for verb in VERBS.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [(name, verb.help) for name, verb in VERBS.items() if verb.section == section]
                )

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run the command line and exit; never returns."""

        def run() -> Any:
            code = super(LazyGroup, self).main(
                args, prog_name or "mdn", complete_var, standalone_mode=False, **extra
            )
            sys.stdout.flush()
            return code

        code = exit_code_of(run)
        _flush_quietly()
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGoneError from None


class _ReaderGoneError(Exception):
    """Standard output was closed by its reader; not an OSError, which click handles itself."""


def exit_code_of(run: Callable[[], Any]) -> int:
    """Run it; say on standard error what went wrong, and return the exit code that stands for it.

    An integer that ``run`` returns is the exit code; anything else is success.
    """
    try:
        code = run()
        return code if isinstance(code, int) else 0
    except MdnError as error:
        complain(error.message, error.remedy)
        return error.exit_code
    except click.ClickException as error:
        _complain_about_usage(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    except (_ReaderGoneError, BrokenPipeError):
        return READER_GONE
    except PermissionError as error:
        remedy = "run it as root (sudo mdn ...)" if os.geteuid() else None
        complain(f"{error.filename or 'the system'}: permission denied", remedy)
        return 5
    except Exception as error:
        traceback.print_exc()
        complain(f"this is a defect of MiniDockNet: {type(error).__name__}: {error}")
        return 1


def complain(message: str, remedy: str | None = None) -> None:
    """``mdn: error: ...`` on standard error, with the remedy below it."""
    with suppress(OSError):  # nobody is left to read it
        click.echo(f"{styled('mdn: error:', 'red', err=True)} {message}", err=True)
        if remedy:
            click.echo(f"  remedy: {remedy}", err=True)


def _complain_about_usage(error: click.ClickException) -> None:
    ctx = getattr(error, "ctx", None)
    hint = f"see {ctx.command_path} --help" if ctx is not None else None
    complain(error.format_message(), hint)


def _flush_quietly() -> None:
    """So that the interpreter's own flush at exit cannot complain of a reader that is gone."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=LazyGroup,
    context_settings={"auto_envvar_prefix": "MDN", "help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="minidocknet", prog_name="mdn")
def mdn() -> None:
    """Emulate networks whose hosts are Docker-in-Docker nodes, joined by shaped links.

    Start with: mdn check, mdn deploy rocketfuel-68, mdn inspect, mdn destroy.

    Results go to standard output, messages to standard error.  Every option can be set by a
    variable: MDN_LAB for --lab everywhere, MDN_DEPLOY_DELAY for deploy --delay, and so on.
    """


def main() -> NoReturn:
    """The entry point of the ``mdn`` command."""
    install_handlers()
    try:
        mdn.main()
    finally:
        # What is left is to end, with the exit code that stands for what happened.
        ignore_signals()
