"""The node image's recipe, its command line, and the choice of a mirror."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from minidocknet.runtime.image.build import image_changes, mmdebstrap_command
from minidocknet.runtime.image.mirror import debian_mirror, mirrors_in_sources
from minidocknet.runtime.image.recipe import (
    NODE_RECIPE,
    BakedFile,
    node_image_tag,
    parse_packages,
    too_old,
    upstream_version,
)


def test_the_tag_names_the_recipe() -> None:
    assert node_image_tag() == f"mdn/node:{NODE_RECIPE.hash}"
    assert len(NODE_RECIPE.hash) == 12
    assert int(NODE_RECIPE.hash, 16) >= 0


@pytest.mark.parametrize(
    "change",
    [
        {"packages": (*NODE_RECIPE.packages, "mtr-tiny")},
        {"suite": "sid"},
        {"files": (*NODE_RECIPE.files, BakedFile("/etc/motd", "hello\n"))},
        {"files": (replace(NODE_RECIPE.files[0], mode=0o700), *NODE_RECIPE.files[1:])},
        {"commands": ()},
        {"left_out": ()},
        {"command": ("sleep", "1")},
    ],
)
def test_every_change_of_the_recipe_changes_the_hash(change: dict[str, object]) -> None:
    assert replace(NODE_RECIPE, **change).hash != NODE_RECIPE.hash  # type: ignore[arg-type]


def test_the_command_verifies_signatures_and_bakes_files(tmp_path: Path) -> None:
    command = mmdebstrap_command(NODE_RECIPE, "http://mirror.test/debian", tmp_path)
    assert command[0] == "mmdebstrap"
    assert command[-3:] == ["forky", "-", "http://mirror.test/debian"]
    assert "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg" in command
    assert not any("trusted=yes" in word or "allow-unauth" in word.lower() for word in command)
    include = next(word for word in command if word.startswith("--include="))
    assert {"criu", "docker.io", "openvswitch-switch"} <= set(include[10:].split(","))
    for number, baked in enumerate(NODE_RECIPE.files):
        source = tmp_path / f"file-{number}"
        assert source.read_text() == baked.text
        assert f"--customize-hook=upload {source} {baked.path}" in command


def test_labels_hold_the_recipe_and_the_versions_asked_for() -> None:
    changes = image_changes(NODE_RECIPE, {"criu": "4.2.1-1", "libc6": "2.43-7"})
    assert f"LABEL org.minidocknet.recipe={NODE_RECIPE.hash}" in changes
    assert 'LABEL org.minidocknet.packages="criu=4.2.1-1"' in changes
    assert changes[0].startswith('CMD ["/usr/bin/tini"')


def test_versions() -> None:
    assert parse_packages("criu 4.2.1-1 amd64\nethtool 1:7.2-1 amd64\n\n") == {
        "criu": "4.2.1-1",
        "ethtool": "1:7.2-1",
    }
    assert upstream_version("1:4.2.1+ds-3") == (4, 2, 1)
    assert upstream_version("28.5.2+dfsg4-5") == (28, 5, 2)
    assert upstream_version("4.2-1") == (4, 2)
    assert upstream_version("4.10-1") > upstream_version("4.9.9-1")


def test_a_suite_that_is_too_old_is_refused() -> None:
    good = {"criu": "4.2-1", "docker.io": "28.5.2-1", "openvswitch-switch": "4.0.0-2"}
    assert too_old(NODE_RECIPE, good) == []
    assert too_old(NODE_RECIPE, {**good, "criu": "4.1.1-1"}) == ["criu is 4.1.1-1, below 4.2"]
    del good["criu"]
    assert too_old(NODE_RECIPE, good) == ["criu is missing"]


ONE_LINE = """\
# deb http://old.test/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://one.test/debian/ bookworm main contrib  # mine
deb-src http://src.test/debian bookworm main
deb http://security.test/debian-security bookworm-security main
deb https://vendor.test/apt stable-vendor main
"""
DEB822 = """\
Types: deb
# a remark
URIs: http://two.test/debian
Suites: trixie trixie-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb-src
URIs: http://src.test/debian
Suites: trixie
Components: main

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: trixie
Components: main
"""
UBUNTU = "deb http://archive.ubuntu.com/ubuntu noble main universe\n"


def test_mirrors_are_found_in_both_formats() -> None:
    assert mirrors_in_sources([ONE_LINE]) == ["http://one.test/debian"]
    assert mirrors_in_sources([DEB822]) == ["http://two.test/debian"]
    assert mirrors_in_sources([ONE_LINE, DEB822]) == [
        "http://one.test/debian",
        "http://two.test/debian",
    ]
    assert mirrors_in_sources([UBUNTU]) == []


def test_the_mirror_is_the_variables_then_the_hosts_then_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MDN_DEBIAN_MIRROR", raising=False)
    assert debian_mirror(tmp_path) is None
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "ubuntu.list").write_text(UBUNTU)
    assert debian_mirror(tmp_path) is None
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert debian_mirror(tmp_path) == "http://two.test/debian"
    monkeypatch.setenv("MDN_DEBIAN_MIRROR", "http://forced.test/debian/")
    assert debian_mirror(tmp_path) == "http://forced.test/debian"
