"""A planned application as the JSON that a node's engine takes.  Pure."""

from __future__ import annotations

from typing import Any

from minidocknet.model.apps import AppSpec
from minidocknet.plan.names import LABEL_LAB, LABEL_NODE, LABEL_ROLE

ROLE = "app"
# The name by which inner engines know app-runtime.sh.
RUNTIME = "mdn"


def app_config(lab: str, spec: AppSpec, image: str, *, restarts: bool = True) -> dict[str, Any]:
    """The body of POST /containers/create for ``spec`` with image id ``image``.

    The same at each node it is on, since a checkpoint fits only the container it was made of.
    ``restarts=False`` leaves the restart policy for later: while an application is moved, no
    engine may start it by itself.
    """
    host: dict[str, Any] = {
        "Runtime": RUNTIME,
        "NetworkMode": "none",
        # The node's own, which has the name of every node and application.
        "Binds": ["/etc/hosts:/etc/hosts:ro"],
        "Mounts": [
            {
                "Type": "volume",
                "Source": volume.name,
                "Target": volume.target,
                "ReadOnly": volume.read_only,
            }
            for volume in spec.volumes
        ],
        "RestartPolicy": restart_policy(spec if restarts else None),
    }
    if spec.cpus is not None:
        host["NanoCpus"] = round(spec.cpus * 1e9)
    if spec.memory_bytes is not None:
        # No swap beyond it: a memory hog meets the limit that was asked for.
        host["Memory"] = host["MemorySwap"] = spec.memory_bytes
    config: dict[str, Any] = {
        "Image": image,
        "Hostname": spec.name,
        "Env": [f"{key}={value}" for key, value in spec.env.items()],
        "Labels": {LABEL_LAB: lab, LABEL_NODE: spec.name, LABEL_ROLE: ROLE},
        "HostConfig": host,
    }
    if spec.command:
        config["Cmd"] = list(spec.command)
    if spec.entrypoint is not None:
        config["Entrypoint"] = list(spec.entrypoint)
    return config


def restart_policy(spec: AppSpec | None) -> dict[str, Any]:
    """The engine's form of the policy; ``no`` for None."""
    return {"Name": "no" if spec is None else spec.restart}
