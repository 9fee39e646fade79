"""MiniDockNet: a network emulator whose hosts are real computers in miniature.

The names below are the public API, beside ``minidocknet.model`` (docs/python-api.md).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidocknet.core.app_handle import App as App
    from minidocknet.core.execute import ExecResult as ExecResult
    from minidocknet.core.network import Link as Link
    from minidocknet.core.network import Network as Network
    from minidocknet.core.network import Node as Node
    from minidocknet.core.ping import Ping as Ping
    from minidocknet.model.apps import AppSpec as AppSpec
    from minidocknet.model.apps import Volume as Volume
    from minidocknet.model.errors import ApplyError as ApplyError
    from minidocknet.model.errors import CapabilityError as CapabilityError
    from minidocknet.model.errors import LabError as LabError
    from minidocknet.model.errors import MdnError as MdnError
    from minidocknet.model.errors import TopologyError as TopologyError
    from minidocknet.model.errors import UsageError as UsageError
    from minidocknet.model.moves import MoveReport as MoveReport
    from minidocknet.model.shaping import GilbertElliott as GilbertElliott
    from minidocknet.model.shaping import Shaping as Shaping
    from minidocknet.model.topology import LinkSpec as LinkSpec
    from minidocknet.model.topology import NodeSpec as NodeSpec
    from minidocknet.model.topology import Topology as Topology
    from minidocknet.plan.options import DeployOptions as DeployOptions
    from minidocknet.topology import load_topology as load_topology
    from minidocknet.topology import sample_topology as sample_topology

# Name -> module.  Loaded at first use: each mdn command loads only what it needs.
_PUBLIC = {
    "App": "core.app_handle",
    "AppSpec": "model.apps",
    "ApplyError": "model.errors",
    "CapabilityError": "model.errors",
    "DeployOptions": "plan.options",
    "ExecResult": "core.execute",
    "GilbertElliott": "model.shaping",
    "LabError": "model.errors",
    "Link": "core.network",
    "LinkSpec": "model.topology",
    "MdnError": "model.errors",
    "MoveReport": "model.moves",
    "Network": "core.network",
    "Node": "core.network",
    "NodeSpec": "model.topology",
    "Ping": "core.ping",
    "Shaping": "model.shaping",
    "Topology": "model.topology",
    "TopologyError": "model.errors",
    "UsageError": "model.errors",
    "Volume": "model.apps",
    "load_topology": "topology",
    "sample_topology": "topology",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
