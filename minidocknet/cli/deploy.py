"""``mdn deploy``: make a lab from a topology."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

import click

from minidocknet.cli.labs import complete_labs
from minidocknet.cli.output import format_option, print_json, print_table, print_text, say
from minidocknet.cli.quantities import DELAY, NETWORK, PERCENT, RATE, SIZE
from minidocknet.core.interrupts import held
from minidocknet.model.errors import UsageError
from minidocknet.model.topology import LINK_KINDS, SWITCH_MODES

if TYPE_CHECKING:
    from minidocknet.plan.model import Plan

SCHEMA = 1


def complete_topologies(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    """Files, and the names of shipped maps and generators."""
    from click.shell_completion import CompletionItem

    from minidocknet.topology.generators import GENERATORS
    from minidocknet.topology.maps import shipped_names

    names = [*shipped_names(), *(f"{name}," for name in GENERATORS)]
    items = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return [*items, CompletionItem(incomplete, type="file")]


@click.command(short_help="Make a lab from a topology.")
@click.argument("topology", shell_complete=complete_topologies)
@click.option(
    "--lab",
    "-l",
    envvar="MDN_LAB",
    metavar="NAME",
    shell_complete=complete_labs,
    help="The lab's name; else the topology's.",
)
@click.option("--link", type=click.Choice(LINK_KINDS), help="Force the kind of the links.")
@click.option(
    "--encap", type=click.Choice(["none", "l2tp"]), default="none", show_default=True,
    help="l2tp: wire links speak L2TPv3 over UDP.",
)  # fmt: skip
@click.option("--delay", type=DELAY, metavar="3ms", help="Of every link, in place of the map's.")
@click.option("--bw", type=RATE, metavar="10mbit", help="Of every link, in place of the map's.")
@click.option("--loss", type=PERCENT, metavar="0.1%", help="Of every link, in place of the map's.")
@click.option(
    "--switch", type=click.Choice(SWITCH_MODES), default="node", show_default=True,
    help="An Open vSwitch per node, one for all nodes, or none.",
)  # fmt: skip
@click.option(
    "--inner-engine", type=click.Choice(["lazy", "eager"]), default="lazy", show_default=True,
    help="Start the nodes' own Docker engines at first use, or now.",
)  # fmt: skip
@click.option(
    "--preload", multiple=True, metavar="IMAGE",
    help="An image of the host's engine that every inner engine has from the start; repeatable.",
)  # fmt: skip
@click.option(
    "--compensate/--no-compensate", default=True, show_default=True,
    help="Take what the emulation itself takes (mdn calibrate) off the delays.",
)  # fmt: skip
@click.option("--image", metavar="IMAGE", help="The nodes' image; else MiniDockNet's own.")
@click.option("--cpus", type=float, metavar="0.5", help="Limit of each node, in cores.")
@click.option("--memory", type=SIZE, metavar="256M", help="Limit of each node.")
@click.option(
    "--subnet", type=NETWORK, metavar="10.0.0.0/16", help="Where the nodes' addresses come from."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=4, show_default=True,
    help="How many nodes to start at once.",
)  # fmt: skip
@click.option(
    "--nodes-from", type=click.IntRange(min=1), metavar="N",
    help="Deploy a connected sample of N nodes of the map.",
)  # fmt: skip
@click.option("--seed", type=int, help="Equal seeds give equal samples (0).")
@click.option("--keep-failed", is_flag=True, help="Leave what was made if something fails.")
@click.option("--dry-run", is_flag=True, help="Show the plan and make nothing.")
@format_option
def deploy(
    topology: str,
    lab: str | None,
    subnet: IPv4Network | None,
    nodes_from: int | None,
    seed: int | None,
    keep_failed: bool,
    dry_run: bool,
    form: str,
    **asked: Any,
) -> None:
    """Make a lab from a TOPOLOGY: a file, a map's name, or a generator.

    See mdn topology list.  If anything fails, or on Ctrl-C, nothing of the lab stays.
    """
    if seed is not None and nodes_from is None:
        raise UsageError("--seed chooses a sample, but no sample is asked for",
                         remedy="add --nodes-from N, or leave out --seed")  # fmt: skip
    # Held, because some modules swallow whatever is raised while they are loaded.
    with held():
        from minidocknet.cli.progress import ProgressReporter
        from minidocknet.core.network import Network
        from minidocknet.plan.options import DeployOptions
        from minidocknet.topology import load_topology, sample_topology

    loaded = load_topology(topology)
    if nodes_from is not None:
        loaded = sample_topology(loaded, nodes_from, seed or 0)
    renamed = {"delay": "delay_ms", "bw": "bw_mbit", "loss": "loss_pct", "memory": "memory_bytes"}
    fields = {renamed.get(name, name): value for name, value in asked.items()}
    if subnet is not None:
        fields["subnet"] = subnet
    options = DeployOptions(**fields)
    with ProgressReporter() as progress:
        network = Network(loaded, lab=lab, options=options, subscribers=[progress])
        if dry_run:
            plan, timings = network.plan(), {}
        else:
            network.deploy(keep_failed=keep_failed)
            plan, timings = network.lab.plan, network.lab.state.timings_s
    if form == "json":
        print_json(plan_json(plan, timings, dry_run=dry_run))
    elif dry_run:
        _print_plan(plan)
    else:
        _print_result(plan, timings)
        say(f"next: mdn inspect --lab {plan.lab}, mdn verify --lab {plan.lab}, "
            f"mdn destroy --lab {plan.lab}")  # fmt: skip


def plan_json(plan: Plan, timings_s: dict[str, float], *, dry_run: bool) -> dict[str, Any]:
    """The stable JSON shape of a deployment, made or only planned."""
    from minidocknet.core.inspect import link_json

    return {
        "schema": SCHEMA,
        "dry_run": dry_run,
        "lab": plan.lab,
        "topology": plan.name,
        "source": plan.source,
        "subnet": str(plan.subnet),
        "underlay": str(plan.underlay) if plan.underlay else None,
        "nodes": [
            {
                "name": node.name,
                "label": node.spec.label,
                "ip": str(node.ip.ip),
                "prefix": node.ip.network.prefixlen,
                "mac": node.mac,
                "switch": node.switch,
                "inner_engine": node.inner_engine,
                "image": node.image,
                "container": node.container,
                "cpus": node.spec.cpus,
                "memory_bytes": node.spec.memory_bytes,
            }
            for node in plan.nodes
        ],
        "links": [link_json(link) for link in plan.links],
        "link_kinds": kinds_of(plan),
        "timings_s": timings_s,
    }


def kinds_of(plan: Plan) -> list[dict[str, Any]]:
    """Which kinds carry the links and why, those of most links first."""
    counts = Counter((link.kind, link.encap_l2tp, link.reason) for link in plan.links)
    return [
        {"kind": kind, "encap": "l2tp" if encap or kind == "l2tp" else "none", "links": count,
         "reason": reason}
        for (kind, encap, reason), count in counts.most_common()
    ]  # fmt: skip


def _print_kinds(plan: Plan) -> None:
    for kind in kinds_of(plan):
        encap = " in L2TPv3" if kind["encap"] == "l2tp" and kind["kind"] == "wire" else ""
        print_text(f"  {kind['links']} links of kind {kind['kind']}{encap} ({kind['reason']})")


def _print_result(plan: Plan, timings: dict[str, float]) -> None:
    total = timings.get("total", 0.0)
    print_text(
        f"lab {plan.lab}: {len(plan.nodes)} nodes, {len(plan.links)} links, up in {total:.2f} s"
    )
    _print_kinds(plan)
    phases = ", ".join(
        f"{name} {seconds:.2f} s" for name, seconds in timings.items() if name != "total"
    )
    print_text(f"  {phases}")


def _print_plan(plan: Plan) -> None:
    from minidocknet.core.describe import shaping_text

    print_text(
        f"plan of lab {plan.lab} from {plan.name}: {len(plan.nodes)} nodes, "
        f"{len(plan.links)} links; nothing is made"
    )
    _print_kinds(plan)
    print_table(
        ("node", "ip", "switch", "engine", "image"),
        [(n.name, str(n.ip), n.switch, n.inner_engine, n.image) for n in plan.nodes],
    )
    rows = []
    for link in plan.links:
        forth, back = shaping_text(link.a_to_b), shaping_text(link.b_to_a)
        ends = f"{link.a.node}:{link.a.iface}", f"{link.b.node}:{link.b.iface}"
        rows.append((*ends, link.kind, link.mtu, forth, "same" if back == forth else back))
    if rows:
        print_table(("a", "b", "kind", "mtu", "a to b", "b to a"), rows)
