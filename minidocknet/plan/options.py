"""What a deployment may ask beyond its topology."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from minidocknet.model.errors import UsageError
from minidocknet.model.topology import Encapsulation, InnerEngineMode, LinkKind, SwitchMode
from minidocknet.plan.addressing import DEFAULT_SUBNET


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """``delay_ms``, ``bw_mbit`` and ``loss_pct`` replace what the topology says for every link;
    ``None`` leaves it.  ``compensate``: take the machine's own share off the delays
    (plan.allowance).  ``preload``: images of the host's engine that every inner engine has from the
    start.  ``workers``: containers that start at the same time.  The rest are defaults for nodes
    and links that say nothing themselves.
    """

    link: LinkKind | None = None
    encap: Encapsulation = "none"
    switch: SwitchMode = "node"
    inner_engine: InnerEngineMode = "lazy"
    image: str | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    delay_ms: float | None = None
    bw_mbit: float | None = None
    loss_pct: float | None = None
    subnet: IPv4Network = DEFAULT_SUBNET
    compensate: bool = True
    preload: tuple[str, ...] = ()
    workers: int = 4

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"workers {self.workers} must be 1 or more")
