"""``mdn app``: run applications on nodes, and look after them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING, Any

import click

from minidocknet.cli.exec import COMMAND_SETTINGS, command_words, piped_stdin, variable
from minidocknet.cli.labs import app_argument, attach, complete_nodes, lab_option
from minidocknet.cli.output import (
    format_option,
    print_json,
    print_table,
    say,
    write_all,
)
from minidocknet.cli.quantities import SIZE
from minidocknet.model.apps import MOVE_POLICIES, RESTART_POLICIES, AppSpec, Volume, parse_volume
from minidocknet.model.errors import MdnError

if TYPE_CHECKING:
    from minidocknet.core.apps.listing import AppStatus
    from minidocknet.core.network import Network
    from minidocknet.migrate.checkpoints import Checkpoint


@click.group(short_help="Run containers on nodes, and look after them.")
def app() -> None:
    """Run containers on nodes' own engines, and look after them."""


class _RunCommand(click.Command):
    """Options stand before or after NODE and IMAGE; what follows ``--`` is the application's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ours, command = args, []
        if "--" in args:
            at = args.index("--")
            ours, command = args[:at], args[at + 1 :]
        rest = super().parse_args(ctx, ours)
        ctx.params["command"] = (*ctx.params.get("command", ()), *command)
        return rest


def _parsed(parse: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """An option's callback that reads each value by ``parse``, whose ValueError names it."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(parse(text) for text in value)
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None

    return callback


@app.command(cls=_RunCommand, short_help="Start an application on a node.")
@lab_option
@click.option("--name", metavar="NAME", help="Else made from the image's.")
@click.option(
    "--ip", callback=_parsed(IPv4Interface), metavar="10.0.9.1",
    help="Its address; else one from the upper half of the lab's subnet.",
)  # fmt: skip
@click.option("--mac", metavar="02:...", help="Its MAC address.")
@click.option("--cpus", type=float, metavar="0.5", help="Limit, in cores.")
@click.option("--memory", type=SIZE, metavar="256M", help="Limit.")
@click.option("--env", "-e", "env", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option(
    "--volume", "-v", "volumes", multiple=True, callback=_parsed(parse_volume),
    metavar="NAME:/PATH[:ro]", help="A volume of its own, which moves with it; may be repeated.",
)  # fmt: skip
@click.option(
    "--restart", type=click.Choice(RESTART_POLICIES), default="no", show_default=True,
    help="When the node's engine starts it again.",
)  # fmt: skip
@click.option(
    "--policy", type=click.Choice(MOVE_POLICIES), default="live", show_default=True,
    help="How it may be moved: with its memory, started afresh, or not at all.",
)  # fmt: skip
@click.option("--entrypoint", metavar="PROGRAM", help="In place of the image's.")
@format_option
@click.argument("node", shell_complete=complete_nodes)
@click.argument("image")
@click.argument("command", nargs=-1, metavar="[-- COMMAND...]")
def run(
    lab: str | None,
    name: str | None,
    ip: IPv4Interface | None,
    mac: str | None,
    cpus: float | None,
    memory: int | None,
    env: tuple[str, ...],
    volumes: tuple[Volume, ...],
    restart: Any,
    policy: Any,
    entrypoint: str | None,
    form: str,
    node: str,
    image: str,
    command: tuple[str, ...],
) -> None:
    """Start IMAGE as an application on NODE.

    IMAGE is an image of the host's engine, one that the node has, or the word "node": the node
    image itself.  The application has an interface on the node's switch; its name resolves on
    every node.
    """
    network = attach(lab, _store_progress())
    spec = AppSpec(
        name=name or _free_name(network, image),
        node=network.node(node).name,
        image=image,
        command=command,
        entrypoint=None if entrypoint is None else (entrypoint,),
        ip=ip,
        mac=mac,
        cpus=cpus,
        memory_bytes=memory,
        env=dict(variable(text) for text in env),
        volumes=volumes,
        restart=restart,
        policy=policy,
    )
    from minidocknet.core.apps.listing import list_apps
    from minidocknet.core.apps.run import run_app

    planned = run_app(network.lab, spec)
    (status,) = list_apps(network.lab, [planned.name])
    say(f"application {planned.name} is on {node}, its address is {planned.ip.ip}")
    if form == "json":
        print_json({"schema": 1, "lab": network.name, **app_json(status)})


def _store_progress() -> list[Any]:
    from minidocknet.model.events import Event, PhaseStarted

    def tell(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "image":
            say("making the image known to this machine's nodes, which takes seconds, once")

    return [tell]


def _free_name(network: Network, image: str) -> str:
    """Like the image, with a number behind it where that is taken."""
    import re

    base = image.rsplit("/", 1)[-1].split("@")[0].split(":")[0].lower()
    base = re.sub(r"[^a-z0-9]+", "-", base).strip("-")[:40] or "app"
    plan = network.lab.plan
    taken = {node.name.lower() for node in plan.nodes} | {one.name.lower() for one in plan.apps}
    numbers = range(1, len(taken) + 2)
    return next(name for n in numbers if (name := f"{base}-{n}") not in taken)


@app.command("list", short_help="List the applications and how they are.")
@lab_option
@format_option
def list_command(lab: str | None, form: str) -> None:
    """List the applications, where they are and how they are.

    Moves that were cut short (by kill -9, say) are brought to an end first.
    """
    network = attach(lab)
    finish_moves(network)
    from minidocknet.core.apps.listing import list_apps

    listed = list_apps(network.lab)
    if form == "json":
        print_json([app_json(status) for status in listed])
        return
    if not listed:
        say("no applications; start one: mdn app run NODE IMAGE")
        return
    print_table(
        ["name", "node", "state", "ip", "image", "command"],
        [
            (
                status.app.name,
                status.app.node,
                status.state,
                str(status.app.ip.ip),
                status.app.spec.image,
                " ".join(status.app.spec.command)[:50] or None,
            )
            for status in listed
        ],
    )


def finish_moves(network: Network) -> None:
    """Bring moves that nobody is at work on to an end, and say what became of them."""
    from minidocknet.core.apps.journal import moving_apps

    if not moving_apps(network.lab):
        return
    from minidocknet.migrate.settle import settle_all

    for name, verdict in settle_all(network.lab).items():
        if isinstance(verdict, MdnError):
            say(f"the move of {name} that was cut short cannot be finished: {verdict}")
        else:
            say(f"the move of {name} was cut short; now settled ({verdict})")
    network.lab.reload()


def app_json(status: AppStatus) -> dict[str, Any]:
    """One application as ``app list --format json`` prints it."""
    planned, found, move = status.app, status.container, status.move
    return {
        "name": planned.name,
        "node": planned.node,
        "state": status.state,
        "ip": str(planned.ip.ip),
        "prefix": planned.ip.network.prefixlen,
        "mac": planned.mac,
        "image": planned.spec.image,
        "command": list(planned.spec.command),
        "container": found.id if found else None,
        "pid": found.pid if found and found.pid else None,
        "since": found.started_at if found and found.running else None,
        "exit_code": found.exit_code if found and not found.running else None,
        "error": (found.error or None) if found else None,
        "restarts": found.restarts if found else None,
        "restart": planned.spec.restart,
        "policy": planned.spec.policy,
        "cpus": planned.spec.cpus,
        "memory_bytes": planned.spec.memory_bytes,
        "moving": None
        if move is None
        else {"from": move.source, "to": move.target, "mode": move.mode, "phase": move.phase},
    }


@app.command("exec", context_settings=COMMAND_SETTINGS, short_help="Run a command in one.")
@lab_option
@click.option("--env", "-e", "env", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option("--cwd", "-w", metavar="FOLDER", help="Where the command runs.")
@click.option("--no-stdin", "-n", is_flag=True, help="Give the command no standard input.")
@app_argument()
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] COMMAND...")
def exec_command(
    lab: str | None,
    env: tuple[str, ...],
    cwd: str | None,
    no_stdin: bool,
    app: str,
    command: tuple[str, ...],
) -> None:
    """Run a COMMAND in the container of APP and end with its exit status."""
    words = command_words(command)
    variables = dict(variable(text) for text in env)
    network = attach(lab)
    from minidocknet.core.apps.execute import exec_in_app
    from minidocknet.core.interrupts import held

    with held() as signals:
        code = exec_in_app(
            network.lab,
            app,
            words,
            on_stdout=partial(write_all, sys.stdout.buffer),
            on_stderr=partial(write_all, sys.stderr.buffer),
            stdin=None if no_stdin else piped_stdin(),
            env=variables,
            cwd=cwd,
            signals=signals,
        )
        signals.clear()
    raise click.exceptions.Exit(code)


@app.command(short_help="Show what one said.")
@lab_option
@click.option("--follow", "-f", is_flag=True, help="Go on as more comes.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
@click.option("--timestamps", "-t", is_flag=True, help="Put the time before each line.")
@app_argument()
def logs(lab: str | None, follow: bool, tail: int | None, timestamps: bool, app: str) -> None:
    """Show what APP wrote to its standard output and standard error, also before it was moved."""
    network = attach(lab)
    from minidocknet.core.apps.execute import app_logs

    with app_logs(network.lab, app, follow=follow, tail=tail, timestamps=timestamps) as pieces:
        for stdout, stderr in pieces:
            if stdout:
                write_all(sys.stdout.buffer, stdout)
            if stderr:
                write_all(sys.stderr.buffer, stderr)


@app.command(short_help="End them; they can be started again.")
@lab_option
@click.option("--time", "-t", "timeout", type=click.IntRange(min=0), default=10, show_default=True,
              help="Seconds until one that does not end is killed.")  # fmt: skip
@app_argument("apps", nargs=-1, required=True, metavar="APP...")
def stop(lab: str | None, timeout: int, apps: tuple[str, ...]) -> None:
    """End applications; disks, addresses and places stay."""
    network = attach(lab)
    from minidocknet.core.apps.run import stop_app

    for name in _known(network, apps):
        stop_app(network.lab, name, timeout_s=timeout)
        say(f"application {name} is stopped")


@app.command(short_help="Start them again.")
@lab_option
@app_argument("apps", nargs=-1, required=True, metavar="APP...")
def start(lab: str | None, apps: tuple[str, ...]) -> None:
    """Start applications that stopped or were stopped."""
    network = attach(lab)
    from minidocknet.core.apps.run import start_app

    for name in _known(network, apps):
        start_app(network.lab, name)
        say(f"application {name} runs")


@app.command(short_help="Remove them with their volumes.")
@lab_option
@app_argument("apps", nargs=-1, required=True, metavar="APP...")
def rm(lab: str | None, apps: tuple[str, ...]) -> None:
    """End applications and remove them, with their volumes."""
    network = attach(lab)
    from minidocknet.core.apps.run import remove_app

    for name in _known(network, apps):
        remove_app(network.lab, name)
        say(f"application {name} is removed")


@app.command(short_help="Keep the memory and files of one.")
@lab_option
@click.option("--name", "label", metavar="NAME", help="Of the checkpoint; else the next number.")
@click.option("--stop", "stop_it", is_flag=True, help="Leave it stopped.")
@format_option
@app_argument()
def checkpoint(lab: str | None, label: str | None, stop_it: bool, form: str, app: str) -> None:
    """Keep APP's memory, files and volumes as they are now; it stands still meanwhile."""
    network = attach(lab)
    from minidocknet.migrate.keep import checkpoint_app

    kept = checkpoint_app(network.lab, app, label, leave_running=not stop_it)
    say(f"checkpoint {kept.label} of {app} holds {kept.bytes / 1e6:.1f} MB")
    if form == "json":
        print_json({"schema": 1, "lab": network.name, **_checkpoint_json(kept)})


@app.command(short_help="Bring one back to a checkpoint.")
@lab_option
@click.option("--name", "label", metavar="NAME", help="Of the checkpoint; else the latest.")
@click.option("--to", "node", metavar="NODE", shell_complete=complete_nodes,
              help="Where it goes on; else where it is.")  # fmt: skip
@format_option
@app_argument()
def restore(lab: str | None, label: str | None, node: str | None, form: str, app: str) -> None:
    """Bring APP back to a kept checkpoint; what happened to it since is lost."""
    network = attach(lab)
    from minidocknet.migrate.keep import restore_app

    kept = restore_app(network.lab, app, label, node=node)
    say(f"application {app} goes on from checkpoint {kept.label}")
    if form == "json":
        print_json({"schema": 1, "lab": network.name, **_checkpoint_json(kept)})


@app.command("checkpoints", short_help="List the kept checkpoints of one.")
@lab_option
@format_option
@app_argument()
def checkpoints_command(lab: str | None, form: str, app: str) -> None:
    """List the kept checkpoints of APP, the oldest first."""
    network = attach(lab)
    network.lab.plan.app(app)
    from datetime import datetime

    from minidocknet.migrate.checkpoints import kept

    found = kept(network.lab, app)
    if form == "json":
        print_json([_checkpoint_json(one) for one in found])
        return
    print_table(
        ["name", "of", "node", "MB"],
        [
            (
                one.label,
                datetime.fromtimestamp(one.created_at).isoformat(" ", "seconds"),
                one.node,
                round(one.bytes / 1e6, 1),
            )
            for one in found
        ],
    )


def _checkpoint_json(kept: Checkpoint) -> dict[str, Any]:
    return {
        "app": kept.app,
        "name": kept.label,
        "node": kept.node,
        "created_at": kept.created_at,
        "bytes": kept.bytes,
        "processes": len(kept.processes),
    }


@app.command(short_help="Show what they take of their nodes.")
@lab_option
@format_option
@app_argument("apps", nargs=-1, metavar="[APP...]")
def stats(lab: str | None, form: str, apps: tuple[str, ...]) -> None:
    """Show the processor time, memory and processes of applications that run."""
    network = attach(lab)
    from dataclasses import asdict

    from minidocknet.core.apps.stats import app_stats

    found = app_stats(network.lab, _known(network, apps) if apps else None)
    if form == "json":
        print_json([asdict(one) for one in found])
        return
    print_table(
        ["name", "node", "cpu %", "memory MiB", "limit MiB", "processes"],
        [
            (
                one.name,
                one.node,
                one.cpu_pct,
                round(one.memory_bytes / 2**20, 1),
                None if one.memory_limit is None else round(one.memory_limit / 2**20, 1),
                one.processes,
            )
            for one in found
        ],
    )


def _known(network: Network, names: tuple[str, ...]) -> list[str]:
    """All of them exist: nothing is done to the first where the second is misspelt."""
    return [network.lab.plan.app(name).name for name in names]
