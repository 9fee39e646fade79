"""A lab as the core holds it: its state, its files, the engine, its links' drivers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from minidocknet.core.events import EventBus
from minidocknet.core.state import LabState, load_state, save_state
from minidocknet.links.base import LinkDriver
from minidocknet.links.kernel import KernelDriver
from minidocknet.links.l2tp import L2tp
from minidocknet.links.veth import Veth
from minidocknet.links.vxlan import Vxlan
from minidocknet.links.wire.driver import WireDriver
from minidocknet.model.errors import LabError
from minidocknet.model.events import Subscriber
from minidocknet.model.topology import LinkKind
from minidocknet.plan.model import LinkPlan, Plan
from minidocknet.plan.names import LABEL_NODE, container_name
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.paths import LabPaths


class Lab:
    """Everything about one lab in this process.  ``state`` is what the state file says."""

    def __init__(
        self, state: LabState, engine: Engine | None = None, subscribers: Iterable[Subscriber] = ()
    ) -> None:
        self.state = state
        self.name = state.lab
        self.paths = LabPaths(state.lab)
        self.events = EventBus(state.lab, subscribers)
        self._engine = engine
        self._drivers: dict[LinkKind, LinkDriver] = {}

    @classmethod
    def load(cls, name: str, subscribers: Iterable[Subscriber] = ()) -> Lab:
        """The running lab called ``name``; LabError where there is none or it is half-made."""
        state = load_state(name)
        if state.status != "running":
            raise LabError(
                f"lab {name} is {state.status}: its deployment or removal did not finish",
                remedy=f"wait for the mdn that does it, or mdn wipe --lab {name}",
            )
        return cls(state, subscribers=subscribers)

    @cached_property
    def engine(self) -> Engine:
        return self._engine or Engine()

    @property
    def plan(self) -> Plan:
        return self.state.plan

    def update(self, state: LabState) -> None:
        """Take over ``state`` and write it."""
        self.state = state
        save_state(state)

    def reload(self) -> None:
        """Read the state again, as one does first of all under the lab's lock."""
        self.state = load_state(self.name)

    def driver(self, kind: LinkKind) -> LinkDriver:
        if kind not in self._drivers:
            self._drivers[kind] = _make_driver(kind, self.name)
        return self._drivers[kind]

    def links_by_driver(
        self, links: Iterable[LinkPlan]
    ) -> list[tuple[LinkDriver, tuple[LinkPlan, ...]]]:
        by_kind: dict[LinkKind, list[LinkPlan]] = {}
        for link in links:
            by_kind.setdefault(link.kind, []).append(link)
        return [(self.driver(kind), tuple(group)) for kind, group in by_kind.items()]

    def homes(self, wanted: Iterable[str] | None = None) -> dict[str, int]:
        """The pids of the homes that run; all of the lab's, or those ``wanted``."""
        if wanted is not None:
            found = {home: self._pid(home) for home in set(wanted)}
        else:
            found = {
                summary["Labels"][LABEL_NODE]: self.engine.pid(summary["Id"])
                for summary in self.engine.containers(self.name)
                if summary["State"] == "running" and LABEL_NODE in summary["Labels"]
            }
        return {home: pid for home, pid in found.items() if pid}

    def running_container(self, node: str) -> str:
        """The name of the node's container; LabError where the node is off."""
        self.plan.node(node)
        if not self.homes([node]):
            raise LabError(
                f"node {node} of lab {self.name} does not run",
                remedy=f"start it: mdn node start --lab {self.name} {node}",
            )
        return container_name(self.name, node)

    def _pid(self, home: str) -> int:
        state = self.engine.state(container_name(self.name, home))
        return int(state["Pid"]) if state else 0


def _make_driver(kind: LinkKind, lab: str) -> LinkDriver:
    match kind:
        case "wire":
            return WireDriver(lab)
        case "veth":
            return KernelDriver(Veth())
        case "vxlan":
            return KernelDriver(Vxlan())
        case "l2tp":
            return KernelDriver(L2tp())
