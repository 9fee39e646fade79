"""What a node container may do: a named list, each entry with its reason, never ``--privileged``.

Capability names are capabilities(7)'s without ``CAP_``, as Docker takes them.  The list is the
smallest that works: tests/emulation/node takes each away in turn and something fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Privilege:
    """One capability and what in a node fails without it."""

    name: str
    reason: str


# Docker's own default set.  The inner engine gives it to each application, so a node must have the
# whole of it: the runtime refuses to start a container with a capability that it lacks itself.
_APPLICATIONS: tuple[Privilege, ...] = (
    Privilege("AUDIT_WRITE", "applications' default set: login programs write audit records"),
    Privilege("CHOWN", "the engine gives its socket and unpacked layers their owners"),
    Privilege("DAC_OVERRIDE", "the engine opens files of other users"),
    Privilege("FOWNER", "unpacking layers sets modes of files that root does not own"),
    Privilege("FSETID", "applications' default set: set-group-id bits survive a change"),
    Privilege("KILL", "init, engine and daemons end processes of other users"),
    Privilege("MKNOD", "device nodes and overlay white-outs in layers"),
    Privilege("NET_BIND_SERVICE", "servers on ports below 1024"),
    Privilege("NET_RAW", "tcpdump, raw and packet sockets"),
    Privilege("SETFCAP", "unpacking layers sets file capabilities"),
    Privilege("SETGID", "tcpdump, lldpd and servers drop to a group"),
    Privilege("SETPCAP", "the runtime narrows an application's bounding set"),
    Privilege("SETUID", "tcpdump, lldpd and servers drop to a user"),
    Privilege("SYS_CHROOT", "lldpd and the engine's unpacking change their root"),
)

_NODE: tuple[Privilege, ...] = (
    Privilege("NET_ADMIN", "links, addresses, routes, firewall, Open vSwitch"),
    Privilege("SYS_ADMIN", "mounts and namespaces of the engine and its containers; CRIU"),
    Privilege("SYS_NICE", "priorities above normal"),
    Privilege("SYS_PTRACE", "entering applications of other users; CRIU reads processes"),
)

_MIGRATION: tuple[Privilege, ...] = (
    Privilege("DAC_READ_SEARCH", "CRIU finds watched files by handle: open_by_handle_at(2)"),
    Privilege("IPC_OWNER", "CRIU reads System V memory of other users"),
    Privilege("SYS_RESOURCE", "CRIU reads limits of processes of other users: prlimit(2)"),
    Privilege("SYS_TIME", "CRIU gives a process its monotonic clock: time_namespaces(7)"),
)

NODE_PRIVILEGES: tuple[Privilege, ...] = (*_APPLICATIONS, *_NODE, *_MIGRATION)

NODE_CAPABILITIES: tuple[str, ...] = tuple(privilege.name for privilege in NODE_PRIVILEGES)

# The inner engine's own seccomp profile applies to the applications; under another filter the
# runtime cannot install it, and CRIU cannot read it.  AppArmor's and SELinux's container profiles
# forbid mounting altogether.
NODE_SECURITY_OPT: tuple[str, ...] = (
    "seccomp=unconfined",
    "apparmor=unconfined",
    "label=disable",
)

# Docker's defaults but for /proc/sys, which nodes write (forwarding, CRIU's next pid), and for
# /proc/asound and /proc/acpi, which few kernels have.  The API takes no "systempaths=" (a word of
# the docker command): these go into HostConfig.
NODE_MASKED_PATHS: tuple[str, ...] = (
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
)
NODE_READONLY_PATHS: tuple[str, ...] = (
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sysrq-trigger",
)

# Taken where the host has them.  TAP devices are the ports of Open vSwitch's userspace datapath.
NODE_DEVICES: tuple[str, ...] = ("/dev/net/tun",)


def granted_capabilities(bounding: Iterable[str]) -> tuple[str, ...]:
    """The node's list, without what the host's bounding set lacks and so cannot pass on."""
    host = frozenset(bounding)
    return tuple(name for name in NODE_CAPABILITIES if name in host)


def withheld(bounding: Iterable[str]) -> tuple[Privilege, ...]:
    """What nodes ask for and a host with this bounding set cannot give."""
    host = frozenset(bounding)
    return tuple(privilege for privilege in NODE_PRIVILEGES if privilege.name not in host)
