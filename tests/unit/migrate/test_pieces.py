"""Pure pieces of a move."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidocknet.migrate.files import log_streams, split_paths
from minidocknet.migrate.preflight import LAZY_PIPE_BYTES, Kernel, obstacles_to
from minidocknet.migrate.stats import dump_stats, restore_stats
from minidocknet.migrate.survey import Process, Survey
from minidocknet.migrate.transfer import copy_images, sync_tree
from minidocknet.migrate.verify import check_continued
from minidocknet.model.apps import parse_volume, volume_text
from minidocknet.model.errors import ApplyError
from minidocknet.plan.addressing import app_address

CAPABLE = Kernel(userfaultfd=True, soft_dirty=True, pipe_max_bytes=1 << 20)


def process(**more: object) -> Process:
    fields = {
        "pid": 1, "name": "server", "uids": (0, 0, 0, 0), "threads": 1, "tracer": 0, "ours": True,
        "zombie": False, "same_namespaces": True, "handles": frozenset(),
    }  # fmt: skip
    return Process(**{**fields, **more})  # type: ignore[arg-type]


def codes(mode: str, *processes: Process, granted: tuple[str, ...] = (), kernel: Kernel = CAPABLE):
    found, _ = obstacles_to(mode, Survey(processes, 0), granted, kernel)  # type: ignore[arg-type]
    assert all(obstacle.message and obstacle.remedy for obstacle in found)
    return [obstacle.code for obstacle in found]


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (process(tracer=7), "traced"),
        (process(ours=False), "exec"),
        (process(uids=(33, 33, 33, 33)), "limits"),
        (process(same_namespaces=False), "namespaces"),
        (process(handles=frozenset({"anon_inode:[io_uring]"})), "io_uring"),
        (process(handles=frozenset({"/dev/net/tun"})), "device"),
        (process(handles=frozenset({"terminal"})), "terminal"),
    ],
)
def test_obstacles(found: Process, code: str) -> None:
    assert codes("checkpoint", found) == [code]
    assert codes("cold", found) == []


def test_other_users_are_fine_where_limits_can_be_read() -> None:
    assert codes("checkpoint", process(uids=(33,) * 4), granted=("SYS_RESOURCE",)) == []


def test_modes_need_their_kernel() -> None:
    kernel = Kernel(userfaultfd=False, soft_dirty=False, pipe_max_bytes=LAZY_PIPE_BYTES)
    assert codes("lazy", process(), kernel=kernel) == ["no-userfaultfd"]
    assert codes("precopy", process(), kernel=kernel) == ["soft-dirty"]
    assert codes("checkpoint", process(), kernel=kernel) == []
    assert codes("lazy", process()) == ["pipe-size"]
    assert codes("lazy", process(), granted=("SYS_RESOURCE",)) == []


def test_paths_go_to_the_innermost_volume() -> None:
    volumes = (parse_volume("data:/data"), parse_volume("deep:/data/deep"))
    paths = frozenset({"/data/a", "/data/deep/b", "/var/c", "/database"})
    assert split_paths(paths, volumes) == {
        None: {"var/c", "database"},
        "data": {"a"},
        "deep": {"b"},
    }


def test_log_streams_are_told_apart_and_torn_lines_left_out() -> None:
    lines = [
        {"log": "one\n", "stream": "stdout", "time": "t"},
        {"log": "oops\n", "stream": "stderr", "time": "t"},
        {"log": "two\n", "stream": "stdout", "time": "t"},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + '\n{"log": "torn'
    assert log_streams(text.encode()) == {"stdout": "one\ntwo\n", "stderr": "oops\n"}


def test_a_fresh_start_is_no_continuation() -> None:
    dumped = [[1, [1, 5]], [7, [7]], [8, [8]]]
    check_continued("web", dumped, dumped)
    check_continued("web", dumped, [[1, [1, 5]], [7, [7]], [9, [9]]])
    with pytest.raises(ApplyError, match="did not continue"):
        check_continued("web", dumped, [[1, [1]]])
    with pytest.raises(ApplyError, match="did not continue"):
        check_continued("web", dumped, [])


def test_statistics_are_in_seconds() -> None:
    entry = {
        "freezing_time": 500, "frozen_time": 80_000, "memdump_time": 30_000,
        "memwrite_time": 20_000, "pages_written": 17,
    }  # fmt: skip
    found = dump_stats(entry)
    assert found is not None
    assert (found.frozen_s, found.pages_written) == (pytest.approx(0.08), 17)
    restored = restore_stats({"forking_time": 2, "restore_time": 120_000})
    assert restored is not None and restored.restore_s == pytest.approx(0.12)
    assert dump_stats(None) is restore_stats(None) is None


@pytest.mark.parametrize(
    "text", ["data", "/host:/data", "data:relative", "data:/", "d:/x:rx", ":/x"]
)
def test_volumes_that_make_no_sense(text: str) -> None:
    with pytest.raises(ValueError, match="volume"):
        parse_volume(text)


@pytest.mark.parametrize("text", ["data:/data", "my.data_1:/var/lib/x:ro"])
def test_volumes_round_trip(text: str) -> None:
    assert volume_text(parse_volume(text)) == text


def test_addresses_count_from_the_middle_and_clear_of_nodes() -> None:
    subnet = IPv4Network("10.0.0.0/29")
    taken = list(subnet.hosts())[:3]
    found = [app_address(index, subnet, taken) for index in range(3)]
    assert [str(one) for one in found] == ["10.0.0.5/29", "10.0.0.6/29", "10.0.0.4/29"]


def test_images_are_copied_with_their_modes(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.mkdir()
    target.mkdir()
    (source / "pages-1.img").write_bytes(b"x" * 100_000)
    (source / "core-1.img").write_bytes(b"core")
    (source / "core-1.img").chmod(0o600)
    assert copy_images(source, target) == 100_004
    assert (target / "pages-1.img").read_bytes() == b"x" * 100_000
    assert (target / "core-1.img").stat().st_mode & 0o777 == 0o600


# A tree: names to content (file), a link's target, or a further tree.
TREES = st.recursive(
    st.one_of(st.binary(max_size=50), st.text("xyz", min_size=1, max_size=3)),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


def grow(tree: object, at: Path) -> None:
    if isinstance(tree, dict):
        at.mkdir()
        for name, inner in tree.items():
            grow(inner, at / name)
    elif isinstance(tree, bytes):
        at.write_bytes(tree)
    else:
        at.symlink_to(str(tree))


def shape(at: Path) -> object:
    if at.is_symlink():
        return str(at.readlink())
    if at.is_dir():
        return (
            {entry.name: shape(entry) for entry in at.iterdir()},
            at.stat().st_mode,
            at.stat().st_mtime_ns,
        )
    return at.read_bytes(), at.stat().st_mode, at.stat().st_mtime_ns


@given(
    st.dictionaries(st.sampled_from("abcd"), TREES), st.dictionaries(st.sampled_from("abcd"), TREES)
)
def test_synchronised_trees_are_equal(before: dict[str, object], after: dict[str, object]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "target"
        grow(before, target)
        grow(after, source)
        # All of it was made within one tick of the clock.
        sync_tree(source, target, since_ns=0)
        assert shape(source)[0] == shape(target)[0]  # type: ignore[index]
        again = sync_tree(source, target)
        assert (again.bytes, again.files, again.removed) == (0, 0, 0)
