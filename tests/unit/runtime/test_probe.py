"""What the probe makes of the machine's answers; the tries themselves need root (emulation)."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from minidocknet.plan.privileges import (
    NODE_CAPABILITIES,
    NODE_PRIVILEGES,
    granted_capabilities,
    withheld,
)
from minidocknet.runtime import probe, probe_kernel


def test_capability_names_follow_their_bits() -> None:
    assert probe.capability_names(0) == frozenset()
    assert probe.capability_names(1 << 12 | 1 << 21) == {"NET_ADMIN", "SYS_ADMIN"}
    assert probe.capability_names(1 << 40) == {"CHECKPOINT_RESTORE"}
    every = probe.capability_names((1 << 41) - 1)
    assert len(every) == 41
    assert set(NODE_CAPABILITIES) <= every


def test_bounding_set_is_read_from_the_status_file(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t000001fffeffffff\n")
    assert "SYS_RESOURCE" not in probe.bounding_set(status)
    assert len(probe.bounding_set(status)) == 40


def test_nodes_get_what_the_host_has_and_the_rest_is_named() -> None:
    everything = frozenset(probe.CAPABILITY_NAMES)
    assert granted_capabilities(everything) == NODE_CAPABILITIES
    assert withheld(everything) == ()
    without = everything - {"SYS_TIME"}
    assert "SYS_TIME" not in granted_capabilities(without)
    assert [privilege.name for privilege in withheld(without)] == ["SYS_TIME"]
    finding = probe._probe_privileges(without)
    assert not finding
    assert "SYS_TIME (CRIU" in finding.detail


def test_every_privilege_has_one_entry_with_a_reason() -> None:
    assert len(set(NODE_CAPABILITIES)) == len(NODE_CAPABILITIES)
    assert all(privilege.reason for privilege in NODE_PRIVILEGES)
    # What would make a node as good as the host stays out.
    assert not {"SYS_MODULE", "SYS_RAWIO", "SYS_BOOT", "MAC_ADMIN"} & set(NODE_CAPABILITIES)


@pytest.mark.parametrize(
    ("folders", "files", "version", "detail"),
    [
        ([], ["cgroup.controllers"], 2, "version 2"),
        (["memory", "cpu", "unified"], [], 1, "version 1, hybrid"),
        (["memory"], [], 1, "version 1"),
    ],
)
def test_cgroup_versions(
    tmp_path: Path, folders: list[str], files: list[str], version: int, detail: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    for file in files:
        (tmp_path / file).touch()
    found, finding = probe._probe_cgroups(tmp_path)
    assert (found, finding.available, finding.detail) == (version, True, detail)


def test_no_cgroups_is_a_lack_that_no_lab_survives(tmp_path: Path) -> None:
    _version, finding = probe._probe_cgroups(tmp_path)
    assert not finding
    assert finding.required
    assert finding.remedy


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _tool: None)
    finding = probe._probe_tool("dot", "mdn graph", "graphviz", False)
    assert (finding.available, finding.remedy) == (False, "apt-get install graphviz")


def test_netlink_attributes_are_padded_and_found_again() -> None:
    encoded = probe_kernel._attribute(2, b"ovs_datapath\0") + probe_kernel._attribute(
        1, struct.pack("=H", 29)
    )
    assert len(encoded) % 4 == 0
    assert probe_kernel._find_u16(encoded, kind=1) == 29
    with pytest.raises(OSError, match="family"):
        probe_kernel._find_u16(encoded, kind=7)


def test_a_refused_try_becomes_a_finding_with_its_remedy() -> None:
    def refuse() -> None:
        raise OSError(1, "Operation not permitted")

    finding = probe_kernel._attempt("thing", refuse, remedy="be root", merit="speed")
    assert not finding
    assert (finding.detail, finding.remedy) == ("Operation not permitted", "be root")
    finding = probe_kernel._attempt("thing", lambda: None, remedy="be root", merit="speed")
    assert finding
    assert (finding.detail, finding.remedy) == ("speed", None)
