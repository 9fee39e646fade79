"""Containers of a lab: start them, wait for their switches, give them their addresses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed

from minidocknet.core.images import store_binds
from minidocknet.core.interrupts import held
from minidocknet.core.lab import Lab
from minidocknet.links.access import access_batches
from minidocknet.model.errors import ApplyError
from minidocknet.plan.files import LINK_ADDRESS, node_files
from minidocknet.plan.model import NodePlan
from minidocknet.plan.names import SHARED_SWITCH, container_name
from minidocknet.runtime import inner_engine
from minidocknet.runtime.containers import node_config, shared_switch_config
from minidocknet.runtime.netns import Batch, run_batches

_READY_TIMEOUT_S = 120.0
_READY_POLL_S = 0.005


Started = Callable[[str, int], None]


def start_new(lab: Lab, homes: Iterable[str], on_started: Started) -> None:
    """Create and start the containers of ``homes``; tells each one's name and pid as it runs."""
    _in_parallel(lab, homes, lambda home: _create_and_start(lab, home), on_started)


def start_again(lab: Lab, homes: Iterable[str], on_started: Started) -> None:
    """Start containers that exist and are stopped."""
    _in_parallel(
        lab, homes, lambda home: lab.engine.start(container_name(lab.name, home)), on_started
    )


def _in_parallel(
    lab: Lab, homes: Iterable[str], start: Callable[[str], int], on_started: Started
) -> None:
    # A call, not a generator: one that its consumer's exception leaves suspended would go on
    # starting containers while the lab is taken down.
    pool = ThreadPoolExecutor(lab.state.options.workers, thread_name_prefix="start")
    try:
        # Held, because a pool forgets the thread in whose start an exception is raised, and so
        # would not wait for it below.
        with held():
            futures = {pool.submit(start, home): home for home in homes}
        for future in as_completed(futures):
            on_started(futures[future], future.result())
    finally:
        # Also on Ctrl-C: what has begun must end before the lab can be taken down.
        with held():
            pool.shutdown(wait=True, cancel_futures=True)


def _create_and_start(lab: Lab, home: str) -> int:
    state, plan = lab.state, lab.plan
    if home == SHARED_SWITCH:
        config = shared_switch_config(plan, state.node_image, lab.paths, state.granted)
    else:
        config = node_config(
            plan,
            plan.node(home),
            lab.paths,
            capabilities=state.granted,
            data_binds=store_binds(),
        )
    return lab.engine.start(lab.engine.create(container_name(lab.name, home), config))


def wait_ready(lab: Lab, homes: Iterable[str], on_ready: Callable[[], None]) -> None:
    """Until each home's init has brought its switch up; ApplyError with its log where not."""
    waiting = {home: lab.paths.node_etc(home) for home in homes}
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while waiting:
        for home, etc in list(waiting.items()):
            if (etc / "ready").exists():
                del waiting[home]
                on_ready()
            elif (etc / "failed").exists() or time.monotonic() > deadline:
                log = lab.engine.logs(container_name(lab.name, home))
                raise ApplyError(f"the switch in {home} did not come up; its log ends:\n{log}")
        if waiting:
            time.sleep(_READY_POLL_S)


def switching_homes(lab: Lab) -> list[str]:
    """Homes that run an Open vSwitch."""
    own = [node.name for node in lab.plan.nodes if node.switch == "node"]
    return [*own, SHARED_SWITCH] if lab.plan.uses_shared_switch else own


def wait_engines(lab: Lab, pids: Mapping[str, int], on_ready: Callable[[], None]) -> None:
    """Until the inner engines that start with their nodes answer."""
    for name in eager_nodes(lab):
        if name in pids:
            inner_engine.wait_running(pids[name], timeout_s=_READY_TIMEOUT_S)
            on_ready()


def eager_nodes(lab: Lab) -> list[str]:
    """Nodes whose inner engine starts with them."""
    return [node.name for node in lab.plan.nodes if node.inner_engine == "eager"]


def join_shared_switch(lab: Lab, nodes: Iterable[NodePlan], pids: Mapping[str, int]) -> None:
    run_batches(dict(pids), access_batches(lab.plan, nodes, pids))


def apply_addresses(lab: Lab, nodes: Iterable[NodePlan], pids: Mapping[str, int]) -> None:
    """Addresses and routes of nodes without an own switch (init does it for the others)."""
    files = node_files(lab.plan, kernel_datapath=lab.state.kernel_datapath)
    run_batches(
        dict(pids),
        [
            Batch(node.name, "ip", tuple(files[node.name][LINK_ADDRESS].splitlines()))
            for node in nodes
            if LINK_ADDRESS in files[node.name] and node.name in pids
        ],
        workers=lab.state.options.workers,
    )
