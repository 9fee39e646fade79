from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minidocknet.core.network import Network
from minidocknet.core.wipe import wipe
from minidocknet.links.wire.orphans import kill_daemons
from minidocknet.model.errors import CapabilityError
from minidocknet.plan.options import DeployOptions
from minidocknet.runtime.engine import Engine
from minidocknet.runtime.image import find_node_image
from minidocknet.runtime.paths import run_root

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Docker's engine with the node image; a tier that cannot run says why."""
    if os.geteuid() != 0:
        pytest.skip("labs need root")
    if not Path("/dev/net/tun").exists():
        pytest.skip("labs need /dev/net/tun")
    try:
        connection = Engine()
    except CapabilityError as error:
        pytest.skip(str(error))
    if find_node_image(connection.client) is None:
        pytest.skip("there is no node image; make setup builds it")
    yield connection
    connection.close()


@pytest.fixture
def lab_name(engine: Engine) -> Iterator[str]:
    """A name that no other test has; whatever a failed test leaves of the lab is removed."""
    name = f"test-{os.getpid()}-{next(_numbers)}"
    yield name
    wipe(engine, name)


@pytest.fixture
def make_lab(engine: Engine, request: pytest.FixtureRequest) -> Callable[..., Network]:
    """``make_lab("linear,3", delay="3ms", switch="none")``: a deployed network, destroyed after."""

    def make(topology: object, *, lab: str | None = None, **given: object) -> Network:
        name = lab or f"test-{os.getpid()}-{next(_numbers)}"
        shaping = {key: given.pop(key) for key in ("delay", "bw", "loss") if key in given}
        network = Network(
            topology,  # type: ignore[arg-type]
            lab=name,
            options=DeployOptions(**given),  # type: ignore[arg-type]
            **shaping,  # type: ignore[arg-type]
        )
        request.addfinalizer(lambda: wipe(engine, name))
        return network.deploy()

    return make


@pytest.fixture
def kill_daemon() -> Callable[[str], None]:
    """Kill a lab's wire daemon, supervisor and all, as a crash of both would."""

    def kill(lab: str) -> None:
        assert kill_daemons(run_root(), lab)

    return kill
