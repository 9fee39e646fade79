"""Changes to a live lab's nodes: stop, start, add, remove."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace

from minidocknet.core.apps.reconcile import bring_back
from minidocknet.core.calibrate import load_calibration
from minidocknet.core.execute import interfaces
from minidocknet.core.homes import (
    apply_addresses,
    join_shared_switch,
    start_again,
    start_new,
    wait_ready,
)
from minidocknet.core.images import preload_images
from minidocknet.core.lab import Lab
from minidocknet.core.locks import lab_lock
from minidocknet.core.nodefiles import write_files
from minidocknet.core.switches import (
    add_ports,
    add_shared_bridge,
    plug_access,
    remove_ports,
    remove_shared_bridge,
    unplug_access,
    update_switches,
)
from minidocknet.links.access import NODE_IFACE
from minidocknet.model.errors import UsageError
from minidocknet.model.events import NodeChanged
from minidocknet.model.topology import LinkSpec, NodeSpec
from minidocknet.plan.build import Surroundings
from minidocknet.plan.change import with_node, without_node
from minidocknet.plan.model import LinkPlan, Plan
from minidocknet.plan.names import SHARED_SWITCH, container_name
from minidocknet.runtime import inner_engine
from minidocknet.runtime.probe import probe


def stop_node(lab: Lab, name: str) -> None:
    """Power the node off; its disk and its place in the map stay.  Fine where it is off."""
    with lab_lock(lab.name):
        lab.reload()
        lab.plan.node(name)
        lab.engine.stop(container_name(lab.name, name))
        lab.update(replace(lab.state, stopped=lab.state.stopped | {name}))
    lab.events.emit(NodeChanged(lab=lab.name, node=name, change="stopped"))


def start_node(lab: Lab, name: str) -> None:
    """Power the node on; its links, addresses and switch are there again when this returns.

    A node that something else started (the engine, after a reboot) gets them all the same.
    """
    with lab_lock(lab.name):
        lab.reload()
        lab.plan.node(name)
        if not lab.homes([name]):
            _forget_readiness(lab, name)
            start_again(lab, [name], lambda home, pid: None)
        elif _has_its_interfaces(lab, name):
            return
        _bring_up(lab, name)
        lab.update(replace(lab.state, stopped=lab.state.stopped - {name}))
        bring_back(lab, name)
    lab.events.emit(NodeChanged(lab=lab.name, node=name, change="started"))


def _has_its_interfaces(lab: Lab, name: str) -> bool:
    expected = {
        link.end_at(name).iface
        for link in lab.plan.links_of(name)
        if link.end_at(name).home == name
    }
    if lab.plan.node(name).switch == "shared":
        expected.add(NODE_IFACE)
    return expected <= set(interfaces(lab, name))


def _forget_readiness(lab: Lab, name: str) -> None:
    for marker in ("ready", "failed"):
        (lab.paths.node_etc(name) / marker).unlink(missing_ok=True)


def _bring_up(lab: Lab, name: str) -> None:
    """Everything outside the container that a node needs after it was started."""
    node = lab.plan.node(name)
    links = lab.plan.links_of(name)
    homes = lab.homes({name, SHARED_SWITCH} | {link.peer_of(name).home for link in links})
    unplug_access(node, homes)
    join_shared_switch(lab, [node], homes)
    plug_access(node, homes)
    if node.switch != "shared":
        for driver, group in lab.links_by_driver(links):
            peers = [link.peer_of(name) for link in group] if driver.remakes_peers else []
            remove_ports(lab, peers, homes)
            driver.restore_node(lab.plan, group, name, homes)
            add_ports(lab, peers, homes)
    apply_addresses(lab, [node], homes)
    if node.switch == "node":
        wait_ready(lab, [name], lambda: None)


def add_node(lab: Lab, spec: NodeSpec, links: Sequence[LinkSpec]) -> None:
    """Add a node with links to nodes that are there, in a running lab.

    Raises UsageError for names that are taken or unknown; on any failure the lab stays as it was.
    """
    with lab_lock(lab.name):
        lab.reload()
        old = lab.state
        for link in links:
            if spec.name not in link.ends:
                raise UsageError(f"link {link.a} - {link.b} does not end at the new {spec.name}")
            for peer in link.ends - {spec.name}:
                lab.plan.node(peer)
        plan = with_node(
            old.plan,
            spec,
            links,
            index=old.next_index,
            first_link=old.next_link,
            options=old.options,
            capabilities=probe(lab.engine.client),
            surroundings=Surroundings(
                slot=old.plan.slot, node_image=old.node_image, calibration=load_calibration()
            ),
        )
        # The numbers are used up even if what follows fails: interfaces may exist under them.
        used_up = replace(old, next_index=old.next_index + 1, next_link=old.next_link + len(links))
        lab.update(replace(used_up, plan=plan))
        new_links = plan.links_of(spec.name)
        try:
            _make_node(lab, spec.name, new_links, old.plan)
        except BaseException:
            lab.update(used_up)
            _unmake_node(lab, plan, spec.name, new_links)
            raise
    lab.events.emit(NodeChanged(lab=lab.name, node=spec.name, change="added"))


def _make_node(lab: Lab, name: str, links: Sequence[LinkPlan], old: Plan) -> None:
    plan = lab.plan
    node = plan.node(name)
    write_files(plan, kernel_datapath=lab.state.kernel_datapath, homes=[name])
    for driver, _ in lab.links_by_driver(links):
        driver.start(plan)
    preload_images(lab, [node])
    start_new(lab, [name], lambda home, pid: None)
    homes = lab.homes()
    join_shared_switch(lab, [node], homes)
    for driver, group in lab.links_by_driver(links):
        driver.add(plan, group, homes)
    if node.switch == "shared":
        add_shared_bridge(lab, node, homes)
    add_ports(lab, [link.peer_of(name) for link in links], homes)
    if node.switch == "node":
        wait_ready(lab, [name], lambda: None)
    update_switches(lab, old, homes)
    apply_addresses(lab, plan.nodes, homes)
    if node.inner_engine == "eager":
        inner_engine.wait_running(homes[name])


def remove_node(lab: Lab, name: str) -> None:
    """Remove a node with its links and its disk."""
    with lab_lock(lab.name):
        lab.reload()
        old = lab.plan
        plan, links = without_node(old, name)
        lab.update(replace(lab.state, plan=plan, stopped=lab.state.stopped - {name}))
        _unmake_node(lab, old, name, links)
    lab.events.emit(NodeChanged(lab=lab.name, node=name, change="removed"))


def _unmake_node(lab: Lab, old: Plan, name: str, links: Sequence[LinkPlan]) -> None:
    """Remove ``name``, which is in ``old`` and no longer in the lab's plan."""
    homes = lab.homes()
    remove_ports(lab, [link.peer_of(name) for link in links], homes)
    remove_shared_bridge(old.node(name), homes)
    for driver, group in lab.links_by_driver(links):
        driver.remove(group, homes)
    lab.engine.remove(container_name(lab.name, name))
    shutil.rmtree(lab.paths.node_dir(name), ignore_errors=True)
    homes.pop(name, None)
    update_switches(lab, old, homes)
