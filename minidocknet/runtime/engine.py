"""Docker's engine on this machine: the few calls that labs are made of.

Uses docker-py's low-level API, because the high-level one inspects an object after every call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from minidocknet.model.errors import ApplyError, CapabilityError
from minidocknet.plan.names import LABEL_LAB, LABEL_NODE, LABEL_ROLE

_TIMEOUT_S = 300


class Engine:
    """A connection to the engine.  Threads may share it.

    Methods raise CapabilityError where the engine does not answer, ApplyError where it refuses.
    """

    def __init__(self) -> None:
        try:
            self.client = docker.from_env(timeout=_TIMEOUT_S, max_pool_size=32)
            self.client.ping()
        except (DockerException, requests.RequestException) as error:
            raise CapabilityError(
                f"Docker's engine does not answer: {error}",
                remedy="start it (systemctl start docker, or make setup in MiniDockNet's folder)",
            ) from error
        self.api: Any = self.client.api

    def close(self) -> None:
        self.client.close()

    # --- containers

    def create(self, name: str, config: dict[str, Any]) -> str:
        """Create a container from the API's own JSON; returns its id."""
        with _refusals(f"create container {name}"):
            try:
                return str(self.api.create_container_from_config(config, name)["Id"])
            except ImageNotFound as error:
                raise ApplyError(
                    f"there is no image {config['Image']!r} on this machine",
                    remedy="docker pull it, or run make setup for MiniDockNet's own",
                ) from error

    def start(self, container: str) -> int:
        """Start it; returns the host's pid of its PID 1."""
        with _refusals(f"start container {container}"):
            self.api.start(container)
            return self.pid(container)

    def pid(self, container: str) -> int:
        """The host's pid of PID 1, 0 where the container does not run."""
        with _refusals(f"inspect container {container}"):
            return int(self.api.inspect_container(container)["State"]["Pid"])

    def state(self, container: str) -> dict[str, Any] | None:
        """The engine's ``State`` object, None where there is no such container."""
        try:
            return dict(self.api.inspect_container(container)["State"])
        except NotFound:
            return None

    def stop(self, container: str, timeout_s: int = 5) -> None:
        with _refusals(f"stop container {container}"):
            self.api.stop(container, timeout=timeout_s)

    def remove(self, container: str) -> None:
        """Kill and remove it with its anonymous volumes; fine where it is gone already."""
        with _refusals(f"remove container {container}"):
            try:
                self.api.remove_container(container, force=True, v=True)
            except NotFound:
                return
            except APIError as error:
                if error.status_code == 409:  # "removal ... is already in progress"
                    return
                raise

    def logs(self, container: str, tail: int = 20) -> str:
        with _refusals(f"read the log of container {container}"):
            return bytes(self.api.logs(container, tail=tail)).decode(errors="replace")

    def containers(self, lab: str | None = None, role: str | None = None) -> list[dict[str, Any]]:
        """Summaries of our containers, stopped ones too; of one lab or all."""
        labels = [LABEL_LAB if lab is None else f"{LABEL_LAB}={lab}"]
        if role is not None:
            labels.append(f"{LABEL_ROLE}={role}")
        with _refusals("list containers"):
            return list(self.api.containers(all=True, filters={"label": labels}))

    # --- networks

    def networks(self, lab: str | None = None) -> list[dict[str, Any]]:
        label = LABEL_LAB if lab is None else f"{LABEL_LAB}={lab}"
        with _refusals("list networks"):
            return list(self.api.networks(filters={"label": [label]}))

    def all_subnets(self) -> list[str]:
        with _refusals("list networks"):
            return [
                config["Subnet"]
                for network in self.api.networks()
                for config in (network.get("IPAM") or {}).get("Config") or []
                if config.get("Subnet")
            ]

    def create_network(self, name: str, lab: str, subnet: str) -> str:
        with _refusals(f"create network {name}"):
            ipam = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet)])
            return str(
                self.api.create_network(
                    name,
                    driver="bridge",
                    ipam=ipam,
                    internal=True,
                    labels={LABEL_LAB: lab, LABEL_ROLE: "underlay"},
                )["Id"]
            )

    def remove_network(self, network: str) -> None:
        with _refusals(f"remove network {network}"):
            try:
                self.api.remove_network(network)
            except NotFound:
                return


def labels_of(lab: str, node: str, role: str) -> dict[str, str]:
    return {LABEL_LAB: lab, LABEL_NODE: node, LABEL_ROLE: role}


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except APIError as error:
        raise ApplyError(f"the engine refused to {what}: {error.explanation or error}") from error
    except requests.RequestException as error:
        raise ApplyError(f"the engine did not {what}: {error}") from error
