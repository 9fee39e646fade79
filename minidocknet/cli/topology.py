"""``mdn topology``: list, show, convert, validate and sample maps."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from minidocknet.core.describe import shaping_text
from minidocknet.model.errors import TopologyError, UsageError
from minidocknet.model.topology import LinkSpec, Topology
from minidocknet.topology.listing import entries, hub_groups, listing_json
from minidocknet.topology.load import SUFFIXES, load_topology
from minidocknet.topology.sample import sample_topology
from minidocknet.topology.write import FORMATS, topology_json, write_topology

form_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print the result.",
)
output_option = click.option(
    "-o",
    "--output",
    default="-",
    metavar="FILE",
    help="Where to write; standard output where not given.",
)
to_option = click.option(
    "--to",
    type=click.Choice(FORMATS),
    help="The format; else what FILE's suffix says, else yaml.",
)


@click.group()
def topology() -> None:
    """List, show, convert, validate and sample maps.

    A TOPOLOGY is a file (YAML, GraphML, GML, .cch, .intra, Mininet's .py:Class), a shipped map
    (rocketfuel-68), a generator (tree,2,3), or a map of topohub (topozoo/Abilene).
    """


@topology.command("list")
@click.argument("pattern", default="")
@click.option("--all", "all_maps", is_flag=True, help="Name each of topohub's maps.")
@form_option
def list_command(pattern: str, all_maps: bool, form: str) -> None:
    """List the maps that can be named; with PATTERN those whose names contain it."""
    wide = all_maps or bool(pattern) or form == "json"
    found = entries(pattern, hub=wide)
    if form == "json":
        _print_json(listing_json(found))
        return
    table = Table("name", "kind", "nodes", "links", "description", box=None)
    for entry in found:
        sizes = ["" if size is None else str(size) for size in (entry.nodes, entry.links)]
        table.add_row(entry.name, entry.kind, *sizes, entry.description.split(". ")[0])
    if not wide:
        for group, count in hub_groups().items():
            table.add_row(f"{group}/...", "topohub", "", "", f"{count} maps; --all names them")
    _console().print(table)


@topology.command()
@click.argument("source", metavar="TOPOLOGY")
@form_option
def show(source: str, form: str) -> None:
    """Show a map's nodes and links."""
    shown = load_topology(source)
    if form == "json":
        _print_json(topology_json(shown))
        return
    console = _console()
    console.print(_summary(shown))
    nodes = Table("node", "label", "location", box=None)
    for node in shown.nodes:
        nodes.add_row(node.name, node.label or "", node.location or "")
    links = Table("a", "b", "a to b", "b to a", "weight", box=None)
    for link in shown.links:
        links.add_row(*_link_row(link))
    console.print(nodes)
    if shown.links:
        console.print(links)


@topology.command()
@click.argument("source", metavar="TOPOLOGY")
@output_option
@to_option
def convert(source: str, output: str, to: str | None) -> None:
    """Write a map in another format."""
    _write(load_topology(source), output, to)


@topology.command()
@click.argument("sources", metavar="TOPOLOGY...", nargs=-1, required=True)
def validate(sources: tuple[str, ...]) -> None:
    """Check maps; say OK or what is wrong with each.  Exit status 3 where one is bad."""
    bad = 0
    for source in sources:
        try:
            checked = load_topology(source)
        except TopologyError as error:
            bad += 1
            click.echo(f"error: {error}", err=True)
        else:
            click.echo(f"{source}: OK, {_summary(checked)}")
    if bad:
        sys.exit(TopologyError.exit_code)


@topology.command()
@click.argument("source", metavar="TOPOLOGY")
@click.option("--nodes", type=click.IntRange(min=1), required=True, help="How many nodes.")
@click.option("--seed", type=int, default=0, show_default=True, help="Equal seeds, equal samples.")
@output_option
@to_option
def sample(source: str, nodes: int, seed: int, output: str, to: str | None) -> None:
    """Write a connected part of a map."""
    _write(sample_topology(load_topology(source), nodes, seed), output, to)


def _write(result: Topology, output: str, to: str | None) -> None:
    text = write_topology(result, to or _format_of(output))
    if output == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
    click.echo(f"{output}: {_summary(result)}", err=True)


def _format_of(output: str) -> str:
    """The format that the file's suffix stands for."""
    suffix = Path(output).suffix.lower()
    form = SUFFIXES.get(suffix) if output != "-" else "yaml"
    if form not in FORMATS:
        raise UsageError(
            f"{output!r} does not say in which format to write",
            remedy=f"name it .yaml, .graphml, .gml or .json, or say --to {'|'.join(FORMATS)}",
        )
    return form


def _summary(shown: Topology) -> str:
    shape = "a tree" if shown.is_tree else "connected" if shown.is_connected else "not connected"
    return f"{shown.name}: {len(shown.nodes)} nodes, {len(shown.links)} links, {shape}"


def _link_row(link: LinkSpec) -> list[str]:
    forth, back = shaping_text(link.a_to_b), shaping_text(link.b_to_a)
    weight = "" if link.weight is None else f"{link.weight:g}"
    return [link.a, link.b, forth, "same" if forth == back else back, weight]


def _print_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _console() -> Console:
    """Standard output; whole lines where it is no terminal, so that tools can read them."""
    width = None if sys.stdout.isatty() else 240
    return Console(file=sys.stdout, width=width, markup=False, highlight=False)
