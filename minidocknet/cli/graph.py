"""``mdn graph``: draw a lab or a topology."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from minidocknet.cli.deploy import complete_topologies
from minidocknet.cli.labs import attach, complete_labs, lab_option
from minidocknet.cli.output import say
from minidocknet.cli.save import write_text
from minidocknet.model.errors import UsageError
from minidocknet.runtime.paths import lab_names

if TYPE_CHECKING:
    from minidocknet.core.graph import Picture

FORMATS = ("svg", "dot", "mermaid", "html")
_SUFFIXES = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".html": "html"}


def _complete(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    from click.shell_completion import CompletionItem

    labs = [CompletionItem(name) for name in complete_labs(ctx, param, incomplete)]
    return [*labs, *complete_topologies(ctx, param, incomplete)]


@click.command(short_help="Draw a lab or a topology.")
@lab_option
@click.argument("what", required=False, metavar="[LAB|TOPOLOGY]", shell_complete=_complete)
@click.option("--to", type=click.Choice(FORMATS), help="Else what FILE's suffix says, else svg.")
@click.option(
    "-o", "--output", default="-", metavar="FILE", help="Standard output where not given."
)
def graph(lab: str | None, what: str | None, to: str | None, output: str) -> None:
    """Draw a lab as it is now, or a TOPOLOGY (a file, a map's name, a generator).

    Nodes stand where the map's coordinates say; without them graphviz finds places.  The HTML
    page needs nothing else: it can be moved, zoomed, and shows details under the pointer.
    """
    form = to or _format_of(output)
    text = render(_picture(lab, what), form)
    write_text(output, text)
    if output != "-":
        say(f"{output} is written")


def render(picture: Picture, form: str) -> str:
    """The picture in one of :data:`FORMATS`."""
    from minidocknet.core.graph import dot_text, mermaid_text

    if form == "dot":
        return dot_text(picture)
    if form == "mermaid":
        return mermaid_text(picture)
    from minidocknet.core.layout import positions_of
    from minidocknet.core.svg import html_text, svg_text

    positions = positions_of(picture)
    return svg_text(picture, positions) if form == "svg" else html_text(picture, positions)


def _picture(lab: str | None, what: str | None) -> Picture:
    from minidocknet.core.graph import picture_of_lab, picture_of_topology

    if what is not None and what not in lab_names():
        from minidocknet.topology import load_topology

        return picture_of_topology(load_topology(what))
    network = attach(what or lab)
    return picture_of_lab(network.inspect(), network.topology)


def _format_of(output: str) -> str:
    if output == "-":
        return "svg"
    found = _SUFFIXES.get(Path(output).suffix.lower())
    if found is None:
        raise UsageError(
            f"{output!r} does not say what to draw",
            remedy=f"name it .svg, .dot, .mmd or .html, or say --to {'|'.join(FORMATS)}",
        )
    return found
