"""Bare nodes with inner engines, without a lab around them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidocknet.plan.privileges import (
    NODE_DEVICES,
    NODE_MASKED_PATHS,
    NODE_READONLY_PATHS,
    NODE_SECURITY_OPT,
    granted_capabilities,
)
from minidocknet.runtime import inner_engine
from minidocknet.runtime.engine import Engine, labels_of
from minidocknet.runtime.golden_layout import golden_binds
from minidocknet.runtime.image import node_image_tag
from minidocknet.runtime.probe import bounding_set


@dataclass(frozen=True)
class InnerNode:
    """A container of the node image, its inner engine's folders and its name."""

    engine: Engine
    name: str
    folder: Path

    @property
    def data_root(self) -> Path:
        return self.folder / "docker"

    @property
    def log(self) -> Path:
        return self.folder / "etc" / "dockerd.log"

    def create(self, golden: Path | None = None, **host: Any) -> None:
        self.data_root.mkdir(parents=True, exist_ok=True)
        (self.folder / "etc").mkdir(exist_ok=True)
        script = self.folder / "etc" / "inner-engine"
        script.write_text(inner_engine.script_text())
        script.chmod(0o755)
        binds = [f"{self.folder}/etc:/etc/mdn", f"{self.data_root}:/var/lib/docker"]
        if golden is not None:
            golden.mkdir(parents=True, exist_ok=True)
            binds += golden_binds(golden)
        lab = self.name.split(".")[1]
        config = {
            "Image": node_image_tag(),
            "Labels": labels_of(lab, self.name, "node"),
            "HostConfig": {
                "NetworkMode": "none",
                "Binds": binds,
                "Tmpfs": {"/run": "mode=755"},
                "CapDrop": ["ALL"],
                "CapAdd": list(granted_capabilities(bounding_set())),
                "SecurityOpt": list(NODE_SECURITY_OPT),
                "MaskedPaths": list(NODE_MASKED_PATHS),
                "ReadonlyPaths": list(NODE_READONLY_PATHS),
                "CgroupnsMode": "private",
                "Devices": [
                    {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"}
                    for path in NODE_DEVICES
                ],
                **host,
            },
        }
        self.engine.create(self.name, config)
        self.engine.start(self.name)

    @property
    def pid(self) -> int:
        return self.engine.pid(self.name)

    def run(self, *command: str) -> tuple[int, str]:
        """Exit status and output of a command in the node."""
        created = self.engine.api.exec_create(self.name, list(command))["Id"]
        output = self.engine.api.exec_start(created).decode()
        return self.engine.api.exec_inspect(created)["ExitCode"], output

    def check(self, *command: str) -> str:
        code, output = self.run(*command)
        assert code == 0, output
        return output.strip()

    def docker(self, *arguments: str) -> str:
        return self.check("docker", *arguments)

    def remove(self) -> None:
        self.engine.remove(self.name)
        shutil.rmtree(self.folder, ignore_errors=True)
