"""What a node container may do: a named list, each entry with its reason, never ``--privileged``.

Capability names are capabilities(7)'s without ``CAP_``, as Docker takes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Privilege:
    """One capability and what in a node needs it."""

    name: str
    reason: str


NODE_PRIVILEGES: tuple[Privilege, ...] = (
    Privilege("AUDIT_CONTROL", "audit rules of a collector in the node"),
    Privilege("AUDIT_READ", "audit multicast, for a collector in the node"),
    Privilege("AUDIT_WRITE", "login programs in applications write audit records"),
    Privilege("CHOWN", "the inner engine gives unpacked layers their owners"),
    Privilege("DAC_OVERRIDE", "root in applications opens files of other users"),
    Privilege("DAC_READ_SEARCH", "CRIU opens files by handle"),
    Privilege("FOWNER", "unpacking layers sets modes of files that root does not own"),
    Privilege("FSETID", "unpacking layers keeps set-user-id bits"),
    Privilege("IPC_LOCK", "locked memory in applications"),
    Privilege("IPC_OWNER", "CRIU dumps System V IPC objects of other users"),
    Privilege("KILL", "init and engine signal processes of other users"),
    Privilege("MKNOD", "/dev/net/tun, device nodes and overlay white-outs in layers"),
    Privilege("NET_ADMIN", "links, addresses, routes, firewall, Open vSwitch"),
    Privilege("NET_BIND_SERVICE", "servers on ports below 1024"),
    Privilege("NET_BROADCAST", "multicast sockets in applications"),
    Privilege("NET_RAW", "ping, tcpdump, raw sockets"),
    Privilege("SETFCAP", "unpacking layers sets file capabilities"),
    Privilege("SETGID", "servers drop to their group"),
    Privilege("SETPCAP", "the inner runtime narrows an application's bounding set"),
    Privilege("SETUID", "servers drop to their user"),
    Privilege("SYSLOG", "kernel log of the node"),
    Privilege("SYS_ADMIN", "mounts and namespaces of the inner engine, CRIU"),
    Privilege("SYS_CHROOT", "the inner engine unpacks layers in a chroot; servers chroot"),
    Privilege("SYS_NICE", "priorities of Open vSwitch and applications"),
    Privilege("SYS_PTRACE", "CRIU stops and reads processes; nsenter into applications"),
    Privilege("SYS_TIME", "CRIU gives a restored process the monotonic clock it had"),
    Privilege("SYS_TTY_CONFIG", "terminals of login programs"),
)

NODE_CAPABILITIES: tuple[str, ...] = tuple(privilege.name for privilege in NODE_PRIVILEGES)

# Mounting, keyctl, userfaultfd, io_uring, clone of namespaces by the inner engine: its own seccomp
# profile applies to the applications, so the outer one must let all of it through.  AppArmor's and
# SELinux's container profiles forbid mounting altogether.
NODE_SECURITY_OPT: tuple[str, ...] = (
    "seccomp=unconfined",
    "apparmor=unconfined",
    "label=disable",
)

# The inner engine writes /proc/sys and mounts over what Docker masks.  The API takes no
# "systempaths=unconfined" (a word of the docker command): these go into HostConfig.
NODE_MASKED_PATHS: tuple[str, ...] = ()
NODE_READONLY_PATHS: tuple[str, ...] = ()

# Taken where the host has them: TAP devices and Open vSwitch's userspace datapath; fuse-overlayfs.
NODE_DEVICES: tuple[str, ...] = ("/dev/net/tun", "/dev/fuse")


def granted_capabilities(bounding: Iterable[str]) -> tuple[str, ...]:
    """The node's list, without what the host's bounding set lacks and so cannot pass on."""
    host = frozenset(bounding)
    return tuple(name for name in NODE_CAPABILITIES if name in host)
