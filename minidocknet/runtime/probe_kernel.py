"""What the kernel can do, by trying it in a network namespace that nobody else ever sees.

Everything here runs in one thread of its own: unshare(2) gives that thread an empty network
namespace, which goes when the thread ends.  The host's own namespace is not touched.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from minidocknet.model.capabilities import Finding

_CLONE_NEWNET = 0x40000000
_TIMEOUT_S = 10
_MODULES = (
    "use a kernel with {option}, or install its module "
    "(on Ubuntu: apt-get install linux-modules-extra-$(uname -r))"
)

# What each is called in the kernel's configuration, and the ip or tc lines that try it.  Later
# lines may use what earlier ones made: p0 is a veth's end or, without veth, a tap.
_TRIALS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("tun", "TUN/TAP", "CONFIG_TUN", ("ip tuntap add dev t0 mode tap vnet_hdr",)),
    ("veth", "veth pairs", "CONFIG_VETH", ("ip link add p0 type veth peer name p1",)),
    ("bridge", "bridges", "CONFIG_BRIDGE", ("ip link add b0 type bridge",)),
    (
        "vxlan",
        "VXLAN",
        "CONFIG_VXLAN",
        ("ip link add x0 type vxlan id 7 dstport 4789 local 192.0.2.1 remote 192.0.2.2",),
    ),
    (
        "l2tp_udp",
        "L2TPv3 over UDP",
        "CONFIG_L2TP, L2TP_V3 and L2TP_ETH",
        (
            "ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local 192.0.2.1 "
            "remote 192.0.2.2 udp_sport 1701 udp_dport 1701",
            "ip l2tp add session name l0 tunnel_id 1 session_id 1 peer_session_id 1",
        ),
    ),
    (
        "l2tp_ip",
        "L2TPv3 over IP",
        "CONFIG_L2TP_IP, L2TP_V3 and L2TP_ETH",
        (
            "ip l2tp add tunnel tunnel_id 2 peer_tunnel_id 2 encap ip local 192.0.2.1 "
            "remote 192.0.2.2",
            "ip l2tp add session name l1 tunnel_id 2 session_id 2 peer_session_id 2",
        ),
    ),
    ("netem", "netem", "CONFIG_NET_SCH_NETEM", ("tc qdisc add dev p0 root netem delay 3ms",)),
    (
        "tbf",
        "tbf",
        "CONFIG_NET_SCH_TBF",
        ("tc qdisc replace dev p0 root tbf rate 10mbit burst 15kb latency 50ms",),
    ),
    (
        "htb",
        "htb",
        "CONFIG_NET_SCH_HTB",
        (
            "tc qdisc replace dev p0 root handle 1: htb",
            "tc class add dev p0 parent 1: classid 1:1 htb rate 10mbit",
        ),
    ),
    (
        "vlan",
        "802.1Q interfaces",
        "CONFIG_VLAN_8021Q",
        ("ip link add link p0 name v0 type vlan id 5",),
    ),
)


def probe_kernel() -> dict[str, Finding]:
    """Findings by the names of :class:`~minidocknet.model.capabilities.Capabilities`' fields."""
    findings: dict[str, Finding] = {}
    failure: list[Exception] = []

    def work() -> None:
        try:
            findings.update(_probe_in_new_namespace())
        except Exception as error:  # raised again by the thread that waits
            failure.append(error)

    thread = threading.Thread(target=work, name="probe")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return findings


def _probe_in_new_namespace() -> dict[str, Finding]:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        reason = f"not tried: a network namespace was refused ({os.strerror(ctypes.get_errno())})"
        findings = {
            field: Finding(name, False, reason, "run it as root")
            for field, name, _option, _lines in _TRIALS
        }
        for field, name in (("openvswitch", "Open vSwitch datapath"), ("nftables", "nftables")):
            findings[field] = Finding(name, False, reason, "run it as root")
    else:
        findings = _network_findings()
    findings["userfaultfd"] = _attempt(
        "userfaultfd",
        _try_userfaultfd,
        merit="lazy pages in migration",
        remedy="use a kernel with CONFIG_USERFAULTFD; memory is copied in one piece meanwhile",
    )
    findings["soft_dirty"] = _attempt(
        "soft-dirty tracking",
        _try_soft_dirty,
        merit="pre-copy in migration",
        remedy="use a kernel with CONFIG_MEM_SOFT_DIRTY; memory is copied in one piece meanwhile",
    )
    findings["sched_fifo"] = _attempt(
        "SCHED_FIFO",
        _try_sched_fifo,
        merit="exact timing of wire links",
        remedy="run as root; with version 1 cgroups give the group cpu.rt_runtime_us",
    )
    findings["kvm"] = _attempt(
        "KVM",
        _try_kvm,
        merit="guests at native speed",
        remedy="turn on (nested) virtualisation; guests are emulated meanwhile",
    )
    return findings


def _network_findings() -> dict[str, Finding]:
    for line in ("link set lo up", "addr add 192.0.2.1/24 dev lo", "route add 192.0.2.2 dev lo"):
        _run(f"ip {line}")
    findings = {}
    for field, name, option, lines in _TRIALS:
        trouble = next((error for line in lines if (error := _run(line))), None)
        if field == "veth" and trouble:
            _run("ip tuntap add dev p0 mode tap")
        findings[field] = Finding(
            name,
            trouble is None,
            trouble or "",
            _MODULES.format(option=option) if trouble else None,
        )
    findings["openvswitch"] = _attempt(
        "Open vSwitch datapath",
        _try_openvswitch,
        remedy=f"{_MODULES.format(option='CONFIG_OPENVSWITCH')}; "
        "switches use the userspace datapath meanwhile",
    )
    findings["nftables"] = _attempt(
        "nftables", _try_nftables, remedy=_MODULES.format(option="CONFIG_NF_TABLES")
    )
    return findings


def _run(line: str) -> str | None:
    """Run an ip or tc line; None where it worked, else the reason in one line."""
    try:
        done = subprocess.run(
            line.split(), capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        return f"{line.split()[0]} is missing"
    except subprocess.TimeoutExpired:
        return f"no answer within {_TIMEOUT_S} s"
    if done.returncode == 0:
        return None
    # iproute2 adds remarks of its own after the kernel's answer.
    answer = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[0]
    return answer.removeprefix("Error: ").removeprefix("RTNETLINK answers: ").rstrip(".")


def _attempt(name: str, trial: Callable[[], None], *, remedy: str, merit: str = "") -> Finding:
    """A finding from a function that raises OSError where the thing cannot be had."""
    try:
        trial()
    except OSError as error:
        return Finding(name, False, error.strerror or str(error), remedy)
    return Finding(name, True, merit)


# --- netlink


def _attribute(kind: int, payload: bytes) -> bytes:
    """One netlink attribute, padded to four bytes (netlink(7))."""
    size = 4 + len(payload)
    return struct.pack("=HH", size, kind) + payload + bytes(-size % 4)


def _message(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, 0) + payload


def _answers(link: socket.socket, sequence: int) -> list[bytes]:
    """The payloads that answer ``sequence``, up to its acknowledgement; OSError where refused."""
    payloads: list[bytes] = []
    while True:
        data = link.recv(65536)
        while data:
            size, kind, _flags, number, _port = struct.unpack_from("=IHHII", data)
            payload, data = data[16:size], data[(size + 3) & ~3 :]
            if kind == 2:  # NLMSG_ERROR, also the acknowledgement
                code = -struct.unpack_from("=i", payload)[0]
                if code:
                    raise OSError(code, os.strerror(code))
                if number == sequence:
                    return payloads
            else:
                payloads.append(payload)


def _netlink(protocol: int) -> closing[socket.socket]:
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    link.settimeout(_TIMEOUT_S)
    link.bind((0, 0))
    return closing(link)


def _try_openvswitch() -> None:
    """Make a datapath: OVS_DP_CMD_NEW of the generic netlink family (linux/openvswitch.h)."""
    with _netlink(16) as link:  # NETLINK_GENERIC
        # CTRL_CMD_GETFAMILY by name makes the kernel load the module if there is one.
        ask = struct.pack("=BBH", 3, 1, 0) + _attribute(2, b"ovs_datapath\0")
        link.send(_message(0x10, 0x5, 1, ask))
        try:
            answer = _answers(link, 1)[0]
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise OSError(errno.ENOENT, "the kernel has no family ovs_datapath") from error
            raise
        family = _find_u16(answer[4:], kind=1)
        new = struct.pack("=BBHI", 1, 2, 0, 0)
        new += _attribute(1, b"probe\0") + _attribute(2, struct.pack("=I", 0))
        link.send(_message(family, 0x5, 2, new))
        _answers(link, 2)


def _find_u16(attributes: bytes, kind: int) -> int:
    while attributes:
        size, found = struct.unpack_from("=HH", attributes)
        if found == kind:
            return int(struct.unpack_from("=H", attributes, 4)[0])
        attributes = attributes[(size + 3) & ~3 :]
    raise OSError(errno.EPROTO, "the kernel's answer names no family")


def _try_nftables() -> None:
    """Make a table: a batch of NFT_MSG_NEWTABLE (linux/netfilter/nf_tables.h)."""
    subsystem = 10 << 8
    with _netlink(12) as link:  # NETLINK_NETFILTER
        family_inet = struct.pack("=BBH", 1, 0, 0)
        batch = struct.pack("=BB", 0, 0) + struct.pack(">H", 10)
        table = family_inet + _attribute(1, b"probe\0")
        link.send(
            _message(0x10, 0x1, 1, batch)
            + _message(subsystem, 0x405, 2, table)
            + _message(0x11, 0x1, 3, batch)
        )
        _answers(link, 2)


# --- memory, scheduling, virtual machines

_USERFAULTFD = {"x86_64": 323, "aarch64": 282, "riscv64": 282, "ppc64le": 364, "s390x": 355}


def _try_userfaultfd() -> None:
    number = _USERFAULTFD.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"not tried on {platform.machine()}")
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.syscall(number, os.O_CLOEXEC | os.O_NONBLOCK)
    if handle < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    os.close(handle)


def _try_soft_dirty() -> None:
    """Clear the marks of our own pages, write to one, and look whether its mark came back."""
    with mmap.mmap(-1, mmap.PAGESIZE) as page, Path("/proc/self/pagemap").open("rb") as pagemap:
        page[0] = 1
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))

        def marked() -> bool:
            pagemap.seek(address // mmap.PAGESIZE * 8)
            return bool(struct.unpack("=Q", pagemap.read(8))[0] >> 55 & 1)

        Path("/proc/self/clear_refs").write_text("4")
        cleared = not marked()
        page[0] = 2
        if not (cleared and marked()):
            raise OSError(errno.EOPNOTSUPP, "written pages are not marked")


def _try_sched_fifo() -> None:
    """Scheduling policies are a thread's own: this thread's, which ends after the probe."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _try_kvm() -> None:
    """Create a virtual machine with a processor: KVM_CREATE_VM, KVM_CREATE_VCPU (linux/kvm.h)."""
    if platform.machine() == "x86_64":
        # KVM without hardware's help (PVM) makes machines as well, but runs only kernels built for
        # it.
        flags = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split()
        if not {"vmx", "svm"} & set(flags):
            raise OSError(errno.ENODEV, "the processor shows neither VMX nor SVM")
    handles: list[int] = []
    try:
        handles.append(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
        handles.append(fcntl.ioctl(handles[0], 0xAE01, 0))
        handles.append(fcntl.ioctl(handles[1], 0xAE41, 0))
    finally:
        for handle in reversed(handles):
            os.close(handle)
