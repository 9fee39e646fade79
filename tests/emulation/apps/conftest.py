from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minidocknet.core.apps.execute import app_logs, exec_in_app
from minidocknet.core.apps.run import remove_app, run_app
from minidocknet.core.network import Network
from minidocknet.core.wipe import wipe
from minidocknet.migrate.move import MoveOptions, migrate_app
from minidocknet.migrate.preflight import LAZY_PIPE_BYTES
from minidocknet.model.apps import AppSpec
from minidocknet.model.moves import MoveReport
from minidocknet.runtime.engine import Engine

from .servers import servers_image


@pytest.fixture(scope="module")
def net(engine: Engine) -> Iterator[Network]:
    """A ring of four, so that paths are by rules; its applications are the tests'."""
    name = f"test-apps-{os.getpid()}"
    network = Network("ring,4", lab=name, delay="1ms")
    try:
        yield network.deploy()
    finally:
        wipe(engine, name)


@pytest.fixture(scope="session")
def servers(engine: Engine) -> str:
    """The name of an image with real servers."""
    return servers_image(engine.api)


@pytest.fixture(scope="session", autouse=True)
def room_for_lazy_pages() -> Iterator[None]:
    """What docs/migration.md asks for mode lazy where nodes lack CAP_SYS_RESOURCE."""
    setting = Path("/proc/sys/fs/pipe-max-size")
    before = setting.read_text()
    if int(before) < LAZY_PIPE_BYTES:
        setting.write_text(str(LAZY_PIPE_BYTES))
    yield
    setting.write_text(before)


class Apps:
    """Applications of one test; they are removed after it."""

    def __init__(self, network: Network) -> None:
        self.net, self.lab = network, network.lab
        self._names: list[str] = []

    def run(self, name: str, node: str, *command: str, image: str = "node", **more: object) -> None:
        self._names.append(name)
        run_app(self.lab, AppSpec(name, node, image, tuple(command), **more))  # type: ignore[arg-type]

    def python(self, name: str, node: str, program: str, **more: object) -> None:
        self.run(name, node, "python3", "-u", "-c", program, **more)

    def move(self, name: str, target: str, mode: str = "checkpoint", **more: object) -> MoveReport:
        return migrate_app(self.lab, name, target, MoveOptions(mode=mode, **more))  # type: ignore[arg-type]

    def log(self, name: str) -> list[str]:
        self.lab.reload()
        with app_logs(self.lab, name) as pieces:
            return b"".join(out or err or b"" for out, err in pieces).decode().splitlines()

    def exec(self, name: str, command: str) -> str:
        self.lab.reload()
        output = bytearray()
        code = exec_in_app(
            self.lab, name, ["sh", "-c", command], on_stdout=output.extend, on_stderr=output.extend
        )
        assert code == 0, output.decode()
        return output.decode().strip()

    def node_of(self, name: str) -> str:
        self.lab.reload()
        return self.lab.plan.app(name).node

    def until(self, condition: Callable[[], object], patience_s: float = 20) -> None:
        deadline = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.05)

    def says(self, name: str, lines: int) -> None:
        """Until the application has said that many lines more."""
        before = len(self.log(name))
        self.until(lambda: len(self.log(name)) >= before + lines)

    def clean(self) -> None:
        self.lab.reload()
        for name in self._names:
            if any(app.name == name for app in self.lab.plan.apps):
                remove_app(self.lab, name)


@pytest.fixture
def apps(net: Network) -> Iterator[Apps]:
    made = Apps(net)
    yield made
    made.clean()
