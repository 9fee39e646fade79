"""``mdn save``: a running lab's topology, with every change, as our YAML."""

from __future__ import annotations

from pathlib import Path

import click

from minidocknet.cli.labs import attach, lab_option
from minidocknet.cli.output import say
from minidocknet.model.errors import UsageError


@click.command(short_help="Write a lab's topology, with every change, as YAML.")
@lab_option
@click.option(
    "-o", "--output", default="-", metavar="FILE", help="Standard output where not given."
)
def save(lab: str | None, output: str) -> None:
    """Write a lab's topology, with every change made since, as YAML that mdn deploy takes."""
    topology = attach(lab).topology
    from minidocknet.topology.write import topology_yaml

    text = topology_yaml(topology)
    write_text(output, text)
    if output != "-":
        say(f"{output}: {len(topology.nodes)} nodes, {len(topology.links)} links")


def write_text(output: str, text: str) -> None:
    """To the file ``output``, or to standard output for ``-``; UsageError where it cannot be."""
    if output == "-":
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
