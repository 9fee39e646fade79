"""Prelinked programs do what they did, and need no relative relocation at their start."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from minidocknet.runtime.image.prelink import BASE, UnknownFormError, main, prelink

# Pointers of every kind that a linker leaves to the start: to data, to code, to library symbols,
# thread-local, in constructors and destructors; calls through the PLT; exceptions of its own.
SOURCE = r"""
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static const char *const words[] = {"one", "two", "three"};
static int twice(int x) { return 2 * x; }
static int thrice(int x) { return 3 * x; }
static int (*const functions[])(int) = {twice, thrice};
static int (*from_library)(const char *) = puts;
static const char *const *volatile chain = words + 1;
static __thread int own = 7;
static int seen;
__attribute__((constructor)) static void before(void) { seen = 40; }
__attribute__((destructor)) static void after(void) { puts("after"); }
static void *thread(void *given) { own += 1; *(int *)given = own; return 0; }
int main(int count, char **arguments) {
    pthread_t worker;
    int result = 0;
    pthread_create(&worker, 0, thread, &result);
    pthread_join(worker, 0);
    errno = 0;
    strtol("99999999999999999999", 0, 10);
    for (unsigned i = 0; i < 2; i++) printf("%s %d\n", words[i], functions[i](count + 10));
    printf("%s %d %d %d %d %.3f\n", *chain, result, own, seen, errno == ERANGE, sqrt(count + 1));
    from_library(arguments[1]);
    return 3;
}
"""


@pytest.fixture(scope="module", params=["-Wl,-z,lazy", "-Wl,-z,now"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("prelink")
    source, binary = folder / "program.c", folder / "program"
    source.write_text(SOURCE)
    subprocess.run(
        [compiler, "-O1", "-fPIE", "-pie", request.param, "-pthread", source, "-o", binary, "-lm"],
        check=True,
    )
    return binary


def run(program: Path) -> tuple[int, str]:
    done = subprocess.run([program, "last"], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def relative_relocations(program: Path) -> int:
    """What the dynamic linker itself counts for the program, the libraries' apart."""
    done = subprocess.run(
        [program, "last"],
        capture_output=True,
        text=True,
        env={"LD_DEBUG": "statistics"},
        check=False,
    )
    found = re.search(r"number of relative relocations:\s+(\d+)", done.stderr)
    assert found
    return int(found[1])


def test_a_prelinked_program_does_what_it_did(program: Path, tmp_path: Path) -> None:
    code, output = run(program)
    assert code == 3
    assert output == "one 24\ntwo 36\ntwo 8 7 40 1 1.732\nlast\nafter\n"
    moved = tmp_path / "moved"
    shutil.copy(program, moved)
    mode = moved.stat().st_mode
    main([moved])
    assert run(moved) == (code, output)
    assert moved.stat().st_mode == mode
    assert list(tmp_path.iterdir()) == [moved]


def test_none_of_its_relative_relocations_is_left(program: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copy(program, moved)
    main([moved])
    # Three words, two functions, the chain, constructor, destructor and their like.
    assert relative_relocations(program) - relative_relocations(moved) >= 8
    headers = subprocess.run(
        ["readelf", "-DhrW", moved], capture_output=True, text=True, check=True
    ).stdout
    assert "EXEC" in headers
    assert "R_X86_64_RELATIVE" not in headers


def test_a_second_time_changes_nothing(program: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copy(program, moved)
    main([moved])
    once = moved.read_bytes()
    main([moved])
    assert moved.read_bytes() == once
    assert prelink(once) is None


def test_entry_point_and_segments_move_together(program: Path) -> None:
    before = program.read_bytes()
    after = prelink(before)
    assert after is not None
    assert len(after) == len(before)
    assert struct.unpack_from("<Q", after, 24)[0] - struct.unpack_from("<Q", before, 24)[0] == BASE


def test_other_files_are_left_alone(program: Path, tmp_path: Path) -> None:
    other = bytearray(program.read_bytes())
    struct.pack_into("<H", other, 18, 183)  # EM_AARCH64
    assert prelink(bytes(other)) is None
    assert prelink(b"#!/bin/sh\n") is None
    script = tmp_path / "script"
    script.write_bytes(b"#!/bin/sh\n")
    main([script])
    assert script.read_bytes() == b"#!/bin/sh\n"


def test_a_library_is_left_alone(tmp_path: Path, program: Path) -> None:
    library = tmp_path / "library.so"
    source = tmp_path / "library.c"
    source.write_text('const char *const words[] = {"one"};\n')
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library], check=True)
    assert prelink(library.read_bytes()) is None


def test_an_unknown_relocation_is_refused(program: Path) -> None:
    content = bytearray(program.read_bytes())
    # The last of .rela.dyn refers to a symbol; it gets a type that no linker writes.
    listing = subprocess.run(
        ["readelf", "-SW", program], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"\.rela\.dyn\s+RELA\s+\w+ (\w+) (\w+)", listing)
    assert found
    last = int(found[1], 16) + int(found[2], 16) - 24
    struct.pack_into("<I", content, last + 8, 200)
    with pytest.raises(UnknownFormError, match="type 200"):
        prelink(bytes(content))
