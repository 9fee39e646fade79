"""``make run``: bring a map up as real nodes, show that it works, take it down again."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence

import networkx as nx
from rich.console import Console

from minidocknet.cli.progress import ProgressReporter
from minidocknet.cli.signals import termination_as_interrupt
from minidocknet.core.network import Network
from minidocknet.core.verify import LinkCheck
from minidocknet.model.errors import MdnError
from minidocknet.plan.routing import plan_graph

DEFAULT_TOPOLOGY = "topologies/rocketfuel-68.yaml"
LAB = "demo"
_TRANSFER_S = 5
_PINGS, _ROUNDS = 20, 3


def main(arguments: Sequence[str]) -> int:
    """Run the demonstration; returns the exit status."""
    console = Console()
    source = arguments[0] if arguments else DEFAULT_TOPOLOGY
    try:
        with termination_as_interrupt(), ProgressReporter() as progress:
            network = Network(source, lab=LAB, subscribers=[progress])
            with network:
                ok = show(network, console)
    except MdnError as error:
        Console(stderr=True).print(f"mdn: error: {error}", markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    console.print("The lab is gone again; nothing of it is left." if ok else "See above.")
    return 0 if ok else 1


def show(network: Network, console: Console) -> bool:
    """Measure and print; True where the lab does what was asked of it."""
    state = network.inspect()
    kinds = {(link["kind"], link["reason"]) for link in state["links"]}
    console.print(
        f"{len(state['nodes'])} nodes and {len(state['links'])} links are up "
        f"after {state['timings_s']['total']:.1f} s."
    )
    for kind, reason in sorted(kinds):
        console.print(f"Link kind {kind}: {reason}.")
    ok = show_links(measure_links(network), console)
    far = show_longest_path(network, console)
    transfer = show_transfer(network, console)
    for warning in network.inspect()["warnings"]:
        console.print(f"Warning: {warning}")
    return ok and far and transfer


def measure_links(network: Network) -> list[LinkCheck]:
    """Each link's better one of up to three measurements: what else the machine does comes on top
    of a link's delay, never off it.
    """
    best = network.verify(count=_PINGS)
    for _ in range(_ROUNDS - 1):
        if all(check.ok for check in best):
            break
        again = network.verify(count=_PINGS)
        best = [old if old.ok else new for old, new in zip(best, again, strict=True)]
    return best


def show_links(checks: Sequence[LinkCheck], console: Console) -> bool:
    """Print the measurement; False where a link is silent or the links as a whole are off."""
    medians = [check.ping.median_ms for check in checks if check.ping.median_ms is not None]
    asked = statistics.median(check.asked_ms for check in checks)
    if medians:
        console.print(
            f"All {len(checks)} links pinged at once: asked for a round trip of {asked:.2f} ms, "
            f"median {statistics.median(medians):.2f} ms, worst link {max(medians):.2f} ms."
        )
    for check in checks:
        if not check.ok:
            console.print(
                f"  Out of bounds, {check.a} - {check.b}: asked {check.asked_ms:.2f} ms, "
                f"measured {check.ping.median_ms} ms, {check.ping.loss_pct:.0f} % lost"
            )
    answered = [check for check in checks if check.ping.median_ms is not None]
    within = sum(check.ok for check in checks)
    return len(answered) == len(checks) and within > len(checks) / 2


def show_longest_path(network: Network, console: Console) -> bool:
    """A ping by name between the two nodes that are farthest apart."""
    graph = plan_graph(network.lab.plan)
    hops = dict(nx.all_pairs_shortest_path_length(graph))
    source, target = max(
        ((a, b) for a, reached in hops.items() for b in reached),
        key=lambda pair: hops[pair[0]][pair[1]],
    )
    done = network.node(source).exec(["ping", "-c", "3", "-i", "0.3", target])
    summary = done.stdout.strip().splitlines()[-1] if done.stdout else done.stderr
    console.print(f"{source} to {target}, {hops[source][target]} links away, by name: {summary}")
    return done.exit_code == 0


def show_transfer(network: Network, console: Console) -> bool:
    """TCP over one link, beside the rate that it was given."""
    link = network.links[0]
    server, client = network.node(link.a), network.node(link.b)
    server.exec("iperf3 --server --one-off --daemon").check()
    done = client.exec(["iperf3", "--json", "--time", str(_TRANSFER_S), "--client", server.name])
    report = json.loads(done.stdout)
    if "error" in report:
        console.print(f"TCP from {client.name} to {server.name} failed: {report['error']}")
        return False
    measured = report["end"]["sum_received"]["bits_per_second"] / 1e6
    asked = link.plan.b_to_a.bw_mbit
    console.print(
        f"TCP from {client.name} to {server.name} for {_TRANSFER_S} s: {measured:.2f} Mbit/s of "
        + (f"the {asked:g} Mbit/s asked for" if asked else "a link without a limit")
        + "."
    )
    # Slow start is part of so short a transfer; "make bench" measures without it.
    return asked is None or 0.9 * asked <= measured <= 0.99 * asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
