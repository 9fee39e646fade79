"""``mdn image``: images that all nodes of a lab know, without being loaded into any of them."""

from __future__ import annotations

from dataclasses import asdict

import click

from minidocknet.cli.labs import attach, lab_option
from minidocknet.cli.output import format_option, print_json, print_table, say


@click.group(short_help="Make images known to a lab's nodes.")
def image() -> None:
    """Make images known to all nodes of a lab; each is unpacked once for the machine."""


@image.command(short_help="Add one.")
@lab_option
@click.option("--name", metavar="NAME[:TAG]", help="What nodes call it.")
@format_option
@click.argument("source")
def add(lab: str | None, name: str | None, form: str, source: str) -> None:
    """Make SOURCE known to every node: an image of the host's engine, a tar of docker save, a
    folder with a Dockerfile, or the word "node" for the node image.
    """
    network = attach(lab)
    from minidocknet.core.lab_images import add_image

    say("unpacking it once for this machine, unless that was done before")
    added = add_image(network.lab, source, name=name)
    seconds = added.node_s.values()
    for one in added.images:
        say(f"image {one.reference} ({one.bytes / 1e6:.0f} MB) is known to {len(seconds)} nodes")
    say(f"unpacking took {added.store_s:.2f} s, a node at most {max(seconds):.3f} s")
    if form == "json":
        print_json(
            {
                "schema": 1,
                "lab": network.name,
                "images": [asdict(one) for one in added.images],
                "store_s": round(added.store_s, 4),
                "node_s": {node: round(value, 4) for node, value in added.node_s.items()},
            }
        )


@image.command("list", short_help="List them.")
@lab_option
@format_option
def list_command(lab: str | None, form: str) -> None:
    """List the images that were added to the lab."""
    network = attach(lab)
    found = network.lab.state.images
    if form == "json":
        print_json([asdict(one) for one in found])
    elif not found:
        say("no images were added; add one: mdn image add IMAGE")
    else:
        rows = [
            (one.reference, one.id.removeprefix("sha256:")[:12], round(one.bytes / 1e6, 1))
            for one in found
        ]
        print_table(["name", "id", "MB"], rows)


@image.command(short_help="Remove them.")
@lab_option
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
def rm(lab: str | None, images: tuple[str, ...]) -> None:
    """Take images from the lab's nodes; the machine keeps them for the next lab."""
    network = attach(lab)
    from minidocknet.core.lab_images import remove_image

    for name in images:
        gone = remove_image(network.lab, name)
        say(f"image {gone.reference} is removed from the nodes")
