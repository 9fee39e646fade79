"""Makes a lab: plan, then containers, links and switches, then the state file."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Network

from minidocknet.core.apps.run import start_planned
from minidocknet.core.calibrate import load_calibration
from minidocknet.core.destroy import destroy_lab
from minidocknet.core.homes import (
    apply_addresses,
    eager_nodes,
    join_shared_switch,
    start_new,
    switching_homes,
    wait_engines,
    wait_ready,
)
from minidocknet.core.images import preload_images
from minidocknet.core.interrupts import held
from minidocknet.core.lab import Lab
from minidocknet.core.locks import lab_lock, machine_lock
from minidocknet.core.nodefiles import write_files
from minidocknet.core.state import LabState, peek_status, used_slots
from minidocknet.model.capabilities import Capabilities
from minidocknet.model.errors import LabError
from minidocknet.model.events import LabDeployed, Subscriber
from minidocknet.model.topology import Topology
from minidocknet.plan.build import Surroundings, build_plan
from minidocknet.plan.model import Plan
from minidocknet.plan.names import SHARED_SWITCH, check_lab_name, underlay_name
from minidocknet.plan.options import DeployOptions
from minidocknet.plan.privileges import granted_capabilities
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.image import node_image_tag
from minidocknet.runtime.paths import LabPaths
from minidocknet.runtime.probe import probe


def plan_lab(
    topology: Topology, lab: str, options: DeployOptions, engine: Engine
) -> tuple[Plan, Capabilities]:
    """What :func:`deploy_lab` would make, without making any of it."""
    capabilities = probe(engine.client)
    surroundings = Surroundings(
        slot=_free_slot(),
        node_image=node_image_tag(),
        used_networks=tuple(IPv4Network(text) for text in engine.all_subnets() if ":" not in text),
        calibration=load_calibration(),
    )
    return build_plan(topology, lab, options, capabilities, surroundings), capabilities


def deploy_lab(
    topology: Topology,
    lab: str,
    options: DeployOptions,
    subscribers: Iterable[Subscriber] = (),
    *,
    keep_failed: bool = False,
) -> Lab:
    """Make the lab.  Whatever fails or interrupts it, nothing of it stays, unless ``keep_failed``.

    Raises UsageError, TopologyError, CapabilityError or LabError (the name is taken) before
    anything is made, and ApplyError where the system refuses.
    """
    check_lab_name(lab)
    started = time.monotonic()
    timings: dict[str, float] = {}
    engine = Engine()
    new = None
    with lab_lock(lab):
        try:
            with machine_lock():
                _refuse_taken_name(lab, engine)
                plan, capabilities = plan_lab(topology, lab, options, engine)
                new = Lab(_first_state(plan, options, capabilities), engine, subscribers)
                new.paths.state_dir.mkdir(parents=True)
                new.update(new.state)
            timings["plan"] = round(time.monotonic() - started, 3)
            _apply(new, timings)
            timings["total"] = round(time.monotonic() - started, 3)
            new.update(replace(new.state, status="running", timings_s=timings))
        except BaseException:
            if new is not None and new.paths.state_dir.exists() and not keep_failed:
                destroy_lab(new)
            raise
    new.events.emit(
        LabDeployed(
            lab=lab,
            nodes=len(plan.nodes),
            links=len(plan.links),
            link_kinds={link.kind: link.reason for link in plan.links},
            seconds=timings["total"],
        )
    )
    return new


def _refuse_taken_name(lab: str, engine: Engine) -> None:
    if LabPaths(lab).state_dir.exists() or engine.containers(lab):
        status = peek_status(lab)
        remedy = f"take another name with --lab, or remove it: mdn destroy --lab {lab}"
        if status != "running":
            remedy = f"remove what is left of it: mdn wipe --lab {lab}"
        raise LabError(f"there is a lab {lab!r} already ({status})", remedy=remedy)


def _free_slot() -> int:
    used = used_slots()
    return next(slot for slot in range(len(used) + 1) if slot not in used)


def _first_state(plan: Plan, options: DeployOptions, capabilities: Capabilities) -> LabState:
    return LabState(
        lab=plan.lab,
        status="deploying",
        plan=plan,
        options=options,
        node_image=node_image_tag(),
        granted=granted_capabilities(capabilities.bounding),
        kernel_datapath=bool(capabilities.openvswitch),
        next_index=len(plan.nodes),
        next_link=len(plan.links),
        next_app=len(plan.apps),
    )


def _apply(lab: Lab, timings: dict[str, float]) -> None:
    plan, events = lab.plan, lab.events
    homes = [node.name for node in plan.nodes]
    if plan.uses_shared_switch:
        homes.insert(0, SHARED_SWITCH)
    drivers = lab.links_by_driver(plan.links)
    with events.phase("prepare", timings):
        write_files(plan, kernel_datapath=lab.state.kernel_datapath)
        if plan.underlay is not None:
            with held():  # the engine makes it even if nobody waits for the answer
                lab.engine.create_network(underlay_name(lab.name), lab.name, str(plan.underlay))
        for driver, _ in drivers:
            driver.start(plan)
    with events.phase("images", timings):
        preload_images(lab, plan.nodes)
    pids: dict[str, int] = {}
    with events.phase("nodes", timings, len(homes)) as phase:

        def started(home: str, pid: int) -> None:
            pids[home] = pid
            phase.advance()

        start_new(lab, homes, started)
    with events.phase("links", timings, len(plan.links)):
        join_shared_switch(lab, plan.nodes, pids)
        for driver, links in drivers:
            driver.add(plan, links, pids)
        apply_addresses(lab, plan.nodes, pids)
    switching = switching_homes(lab)
    with events.phase("switches", timings, len(switching)) as phase:
        wait_ready(lab, switching, phase.advance)
    eager = eager_nodes(lab)
    if eager:
        with events.phase("engines", timings, len(eager)) as phase:
            wait_engines(lab, pids, phase.advance)
    if plan.apps:
        with events.phase("apps", timings, len(plan.apps)) as phase:
            start_planned(lab, plan.apps, phase.advance)
