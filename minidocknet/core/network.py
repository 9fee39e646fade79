"""The Python API: a lab as an object, with everything that the command line can do.

>>> with Network("linear,3", delay="3ms", bw="10mbit") as net:
...     net.node("h1").exec("ping -c 1 h3").check()
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from types import TracebackType
from typing import IO, Any, Literal

from minidocknet.core import inspect as inspection
from minidocknet.core import link_ops, node_ops
from minidocknet.core.app_handle import App
from minidocknet.core.apps.run import run_app
from minidocknet.core.deploy import deploy_lab, plan_lab
from minidocknet.core.destroy import destroy_lab
from minidocknet.core.execute import ExecResult, capture_process, exec_in_node, interfaces
from minidocknet.core.lab import Lab
from minidocknet.core.link_ops import Direction
from minidocknet.core.locks import lab_lock
from minidocknet.core.ping import Ping, PingJob, ping_all
from minidocknet.core.verify import LinkCheck, verify_links
from minidocknet.links.base import LinkStats
from minidocknet.model.apps import AppSpec
from minidocknet.model.errors import LabError
from minidocknet.model.events import Subscriber
from minidocknet.model.shaping import GilbertElliott
from minidocknet.model.topology import LinkSpec, NodeSpec, Topology
from minidocknet.model.units import parse_delay_ms, parse_percent, parse_rate_mbit
from minidocknet.plan.model import LinkPlan, NodePlan, Plan
from minidocknet.plan.names import check_lab_name, lab_name_for
from minidocknet.plan.options import DeployOptions
from minidocknet.runtime.engine import Engine


class Network:
    """A lab.  Made from a topology it is deployed by :meth:`deploy` or ``with``; ``with`` destroys
    it at the end.  :meth:`attach` takes over one that runs, which ``with`` then leaves running.

    ``topology``: a :class:`Topology`, or what ``mdn deploy`` takes (a file, a map's name, a
    generator).  ``delay``, ``bw``, ``loss``: as in ``3ms``, ``10mbit``, ``0.1%``, for every link.
    ``options``: everything else that a deployment may ask.  ``subscribers`` get every event.
    """

    def __init__(
        self,
        topology: Topology | str,
        *,
        lab: str | None = None,
        delay: str | float | None = None,
        bw: str | float | None = None,
        loss: str | float | None = None,
        options: DeployOptions | None = None,
        subscribers: Iterable[Subscriber] = (),
    ) -> None:
        if isinstance(topology, str):
            # Not at import: attaching to a lab needs none of the parsers.
            from minidocknet.topology.load import load_topology

            topology = load_topology(topology)
        self.topology = topology
        self.name = check_lab_name(lab or lab_name_for(self.topology.name))
        changes: dict[str, Any] = {}
        if delay is not None:
            changes["delay_ms"] = parse_delay_ms(delay)
        if bw is not None:
            changes["bw_mbit"] = parse_rate_mbit(bw)
        if loss is not None:
            changes["loss_pct"] = parse_percent(loss)
        self.options = replace(options or DeployOptions(), **changes)
        self._subscribers = tuple(subscribers)
        self._lab: Lab | None = None
        self._attached = False

    @classmethod
    def attach(cls, lab: str, *, subscribers: Iterable[Subscriber] = ()) -> Network:
        """The running lab called ``lab``; LabError where there is none."""
        running = Lab.load(lab, subscribers)
        network = cls.__new__(cls)
        network.topology = topology_of(running.plan)
        network.name, network.options = lab, running.state.options
        network._subscribers = tuple(subscribers)
        network._lab, network._attached = running, True
        return network

    # --- life

    def plan(self) -> Plan:
        """What :meth:`deploy` would make; nothing is made."""
        engine = Engine()
        try:
            return plan_lab(self.topology, self.name, self.options, engine)[0]
        finally:
            engine.close()

    def deploy(self, *, keep_failed: bool = False) -> Network:
        """Make the lab; returns the network itself."""
        if self._lab is not None:
            raise LabError(f"lab {self.name} is deployed already")
        self._lab = deploy_lab(
            self.topology, self.name, self.options, self._subscribers, keep_failed=keep_failed
        )
        return self

    def destroy(self) -> float:
        """Take the lab down; returns the seconds it took."""
        with lab_lock(self.name):
            self.lab.reload()
            seconds = destroy_lab(self.lab)
        self._lab = None
        return seconds

    def __enter__(self) -> Network:
        return self if self._attached or self._lab is not None else self.deploy()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._attached and self._lab is not None:
            self.destroy()

    @property
    def lab(self) -> Lab:
        """The core's view; LabError before :meth:`deploy` and after :meth:`destroy`."""
        if self._lab is None:
            raise LabError(f"lab {self.name} is not deployed", remedy="call deploy(), or use with")
        return self._lab

    # --- parts

    @property
    def nodes(self) -> list[Node]:
        return [Node(self, node.name) for node in self.lab.plan.nodes]

    @property
    def links(self) -> list[Link]:
        return [Link(self, link.a.node, link.b.node) for link in self.lab.plan.links]

    def node(self, name: str) -> Node:
        """UsageError where there is no such node."""
        return Node(self, self.lab.plan.node(name).name)

    def link(self, a: str, b: str) -> Link:
        """UsageError where ``a`` and ``b`` are not linked."""
        self.lab.plan.link(a, b)
        return Link(self, a, b)

    def add_node(self, spec: NodeSpec | str, links: Iterable[LinkSpec] = ()) -> Node:
        """Add a node, with links to nodes that are there, while the lab runs."""
        spec = NodeSpec(spec) if isinstance(spec, str) else spec
        node_ops.add_node(self.lab, spec, tuple(links))
        return self.node(spec.name)

    def remove_node(self, name: str) -> None:
        node_ops.remove_node(self.lab, name)

    @property
    def apps(self) -> list[App]:
        return [App(lambda: self.lab, app.name) for app in self.lab.plan.apps]

    def app(self, name: str) -> App:
        """UsageError where there is no such application."""
        return App(lambda: self.lab, self.lab.plan.app(name).name)

    def run_app(self, spec: AppSpec) -> App:
        """Start an application; whatever fails, nothing of it stays."""
        return App(lambda: self.lab, run_app(self.lab, spec).name)

    # --- looking

    def inspect(self, *, with_stats: bool = True) -> dict[str, Any]:
        """What ``mdn inspect --format json`` prints."""
        return inspection.inspect_lab(self.lab, with_stats=with_stats)

    def verify(self, *, count: int = 10, interval_s: float = 0.2) -> list[LinkCheck]:
        """Ping across every link at once and compare with what was asked."""
        return verify_links(self.lab, count=count, interval_s=interval_s)

    def ping(
        self, pairs: Iterable[tuple[str, str]], *, count: int = 3, interval_s: float = 0.2
    ) -> list[Ping]:
        """Ping from the first to the second of each pair, all pairs at once."""
        plan, pairs = self.lab.plan, list(pairs)
        homes = self.lab.homes(name for pair in pairs for name in pair)
        for name in {name for pair in pairs for name in pair} - set(homes):
            plan.node(name)
            raise LabError(f"node {name} does not run", remedy=f"mdn node start {name}")
        jobs = [PingJob(a, b, homes[a], str(plan.node(b).ip.ip)) for a, b in pairs]
        return ping_all(jobs, count=count, interval_s=interval_s)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Get every event that this process causes in the lab."""
        self.lab.events.subscribe(subscriber)


class Node:
    """One node of a deployed network."""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self.name = name

    @property
    def plan(self) -> NodePlan:
        return self._network.lab.plan.node(self.name)

    @property
    def ip(self) -> str:
        return str(self.plan.ip.ip)

    @property
    def interfaces(self) -> list[str]:
        return interfaces(self._network.lab, self.name)

    @property
    def running(self) -> bool:
        return bool(self._network.lab.homes([self.name]))

    def exec(
        self,
        command: str | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> ExecResult:
        """Run a command and wait; text goes through ``sh -c``."""
        return exec_in_node(self._network.lab, self.name, command, env=env, cwd=cwd)

    def stop(self) -> None:
        node_ops.stop_node(self._network.lab, self.name)

    def start(self) -> None:
        node_ops.start_node(self._network.lab, self.name)

    def capture(
        self, iface: str, *, expression: Sequence[str] = (), count: int | None = None
    ) -> AbstractContextManager[IO[bytes]]:
        """A stream of pcap data from ``iface``, for as long as the context lasts."""
        return capture_process(
            self._network.lab, self.name, iface, expression=expression, count=count
        )


class Link:
    """One link of a deployed network, seen from ``a``."""

    def __init__(self, network: Network, a: str, b: str) -> None:
        self._network = network
        self.a, self.b = a, b

    @property
    def plan(self) -> LinkPlan:
        return self._network.lab.plan.link(self.a, self.b)

    def set(
        self,
        *,
        direction: Direction = "both",
        delay: str | float | None = None,
        jitter: str | float | None = None,
        bw: str | float | None = None,
        loss: str | float | None = None,
        burst_loss: GilbertElliott | Literal["none"] | None = None,
        duplicate: str | float | None = None,
        reorder: str | float | None = None,
        **further: Any,
    ) -> LinkPlan:
        """Change what is named and nothing else; ``further``: fields of Shaping as they are.

        ``bw="unlimited"`` and ``burst_loss="none"`` take a limit and a loss away.
        """
        changes: dict[str, Any] = dict(further)
        for name, value, parse in (
            ("delay_ms", delay, parse_delay_ms),
            ("jitter_ms", jitter, parse_delay_ms),
            ("bw_mbit", bw, parse_rate_mbit),
            ("loss_pct", loss, parse_percent),
            ("duplicate_pct", duplicate, parse_percent),
            ("reorder_pct", reorder, parse_percent),
        ):
            if value is not None:
                unlimited = name == "bw_mbit" and value == "unlimited"
                changes[name] = None if unlimited else parse(value)
        if burst_loss is not None:
            changes["burst_loss"] = None if burst_loss == "none" else burst_loss
        return link_ops.reshape_link(self._network.lab, self.a, self.b, changes, direction)

    def up(self) -> None:
        link_ops.set_link_up(self._network.lab, self.a, self.b, True)

    def down(self) -> None:
        link_ops.set_link_up(self._network.lab, self.a, self.b, False)

    def stats(self) -> LinkStats | None:
        """Counters since the link was made; None while an end does not run."""
        lab, link = self._network.lab, self.plan
        homes = lab.homes((link.a.home, link.b.home))
        return lab.driver(link.kind).stats([link], homes).get(link.id)


def topology_of(plan: Plan) -> Topology:
    """The topology that would give ``plan`` again, with every change made since."""
    return Topology(
        name=plan.name,
        description=plan.description,
        source=plan.source,
        nodes=tuple(replace(node.spec, ip=node.ip) for node in plan.nodes),
        links=tuple(
            LinkSpec(
                a=link.a.node,
                b=link.b.node,
                a_to_b=link.a_to_b,
                b_to_a=link.b_to_a,
                type=link.kind if link.reason == "asked for" else None,
                encap="l2tp" if link.encap_l2tp else None,
                mtu=link.mtu if link.mtu != 1500 else None,
                weight=link.weight,
                up=link.up,
                attrs=link.attrs,
            )
            for link in plan.links
        ),
        apps=tuple(replace(app.spec, node=app.node, ip=app.ip, mac=app.mac) for app in plan.apps),
    )
