"""Which lab a verb is about, and completion of names in shells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from minidocknet.cli.output import say
from minidocknet.model.errors import LabError, UsageError
from minidocknet.runtime.paths import LabPaths, lab_names

if TYPE_CHECKING:
    from minidocknet.core.network import Network
    from minidocknet.model.events import Subscriber

F = TypeVar("F", bound=Callable[..., Any])


def complete_labs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of labs on this machine."""
    return [name for name in lab_names() if name.startswith(incomplete)]


def complete_nodes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of the nodes of the lab that the options so far mean."""
    lab = ctx.params.get("lab")
    try:
        name = lab or _only_lab()
        state = json.loads(LabPaths(name).state_file.read_bytes())
        names = [str(node["name"]) for node in state["plan"]["nodes"]]
    except (LabError, UsageError, OSError, ValueError, KeyError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_apps(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of the applications of the lab that the options so far mean."""
    lab = ctx.params.get("lab")
    try:
        state = json.loads(LabPaths(lab or _only_lab()).state_file.read_bytes())
        names = [str(app["name"]) for app in state["plan"]["apps"]]
    except (LabError, UsageError, OSError, ValueError, KeyError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def lab_option(function: F) -> F:
    """``--lab``: the lab's name, else MDN_LAB, else the only one that runs."""
    return click.option(
        "--lab",
        "-l",
        envvar="MDN_LAB",
        metavar="NAME",
        shell_complete=complete_labs,
        help="The lab; MDN_LAB, or the only lab there is, where not given.",
    )(function)


def node_argument(name: str = "node", **settings: Any) -> Callable[[F], F]:
    """The name of a node."""
    return click.argument(name, shell_complete=complete_nodes, **settings)


def app_argument(name: str = "app", **settings: Any) -> Callable[[F], F]:
    """The name of an application."""
    return click.argument(name, shell_complete=complete_apps, **settings)


def chosen_lab(lab: str | None) -> str:
    """``lab``, else the only lab; UsageError where there are more, LabError where there is none."""
    if lab:
        return lab
    name = _only_lab()
    say(f"taking lab {name}, the only one")
    return name


def _only_lab() -> str:
    names = [name for name in lab_names() if LabPaths(name).state_file.exists()]
    if not names:
        raise LabError("there is no lab on this machine", remedy="make one: mdn deploy TOPOLOGY")
    if len(names) > 1:
        raise UsageError(
            f"there are {len(names)} labs, say which: {', '.join(names)}",
            remedy=f"add --lab {names[0]}, or set MDN_LAB",
        )
    return names[0]


def attach(lab: str | None, subscribers: Iterable[Subscriber] = ()) -> Network:
    """The running lab that the user means."""
    name = chosen_lab(lab)
    from minidocknet.core.network import Network

    return Network.attach(name, subscribers=subscribers)
