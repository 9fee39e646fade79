"""Gives a position-independent program a fixed address and applies its relocations in the file.

``prelink.py PROGRAM...``, run with the image's own Python while the node image is built.

Why: Debian's dockerd is a position-independent executable with 330,964 relative relocations.  The
dynamic linker writes them into 7 MiB of memory at every start, memory that each process then has
for itself: half a gigabyte in a lab of 68 engines.  Applied once in the file, the same pages come
from the page cache and are one copy for all.  The price is that dockerd's address is no longer
random; who breaks into a node's engine is in a container of the lab, as its root.

Follows the System V ABI (ELF-64, x86-64 psABI 4.4); other machines' programs, and programs at a
fixed address, are left as they are.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

BASE = 0x400000  # where linkers put programs at a fixed address

_ET_EXEC, _ET_DYN, _EM_X86_64 = 2, 3, 62
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_SHT_DYNSYM, _SHF_ALLOC = 11, 2
_SHN_UNDEF, _SHN_ABS, _STT_TLS = 0, 0xFFF1, 6
_DT_PLTRELSZ, _DT_PLTGOT, _DT_RELA, _DT_RELASZ, _DT_JMPREL = 2, 3, 7, 8, 23
_DT_RELACOUNT, _DT_FLAGS_1, _DF_1_PIE = 0x6FFFFFF9, 0x6FFFFFFB, 0x08000000
# Entries of the dynamic section that hold an address: PLTGOT, HASH, STRTAB, SYMTAB, RELA, INIT,
# FINI, JMPREL, INIT_ARRAY, FINI_ARRAY, PREINIT_ARRAY, GNU_HASH, VERSYM, VERDEF, VERNEED.
_DT_ADDRESSES = frozenset(
    (3, 4, 5, 6, 7, 12, 13, 23, 25, 26, 32, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE)
)
_DT_RELR = 36
_R_RELATIVE, _R_JUMP_SLOT, _R_IRELATIVE = 8, 7, 37
# R_X86_64_64, COPY, GLOB_DAT, JUMP_SLOT, DTPMOD64, TPOFF64: say where, not what.
_R_BY_SYMBOL = frozenset((1, 5, 6, _R_JUMP_SLOT, 16, 18))
_RELA_SIZE = 24


class UnknownFormError(ValueError):
    """The program has something that this module does not know how to move."""


class _Program:
    """An ELF file in memory.  Addresses are those before the move."""

    def __init__(self, content: bytes) -> None:
        self.data = bytearray(content)
        self.segments: list[tuple[int, int, int]] = []  # address, offset, size in the file
        self.dynamic: dict[int, tuple[int, int]] = {}  # tag: offset of its value, value
        self.dynamic_address = 0

    def read(self, form: str, offset: int) -> tuple[int, ...]:
        return struct.unpack_from("<" + form, self.data, offset)

    def write(self, offset: int, *values: int) -> None:
        struct.pack_into(f"<{len(values)}Q", self.data, offset, *values)

    def offset(self, address: int) -> int:
        for start, offset, size in self.segments:
            if start <= address < start + size:
                return offset + address - start
        raise UnknownFormError(f"address {address:#x} is not in the file")

    def value(self, tag: int) -> int:
        return self.dynamic.get(tag, (0, 0))[1]

    def program_headers(self) -> Iterator[int]:
        start, size, count = self.read("Q", 32)[0], *self.read("HH", 54)
        return iter(range(start, start + size * count, size))

    def section_headers(self) -> Iterator[int]:
        start, size, count = self.read("Q", 40)[0], *self.read("HH", 58)
        return iter(range(start, start + size * count, size))


def prelink(content: bytes) -> bytes | None:
    """The program at a fixed address; None where there is nothing to do.

    UnknownFormError where the program cannot be moved with certainty.
    """
    if content[:6] != b"\x7fELF\x02\x01":
        return None
    program = _Program(content)
    if program.read("HH", 16) != (_ET_DYN, _EM_X86_64):
        return None
    if not _read_segments(program):
        return None
    if _DT_RELR in program.dynamic:
        raise UnknownFormError("packed relative relocations (DT_RELR)")
    _apply_relocations(program)
    _move_got(program)
    _move_symbols(program)
    _move_dynamic(program)
    _move_headers(program)
    return bytes(program.data)


def _read_segments(program: _Program) -> bool:
    """False where this is no program, but a library."""
    has_interpreter = False
    for header in program.program_headers():
        kind, _, offset, address, _, size = program.read("IIQQQQ", header)
        if kind == _PT_LOAD:
            program.segments.append((address, offset, size))
        elif kind == _PT_INTERP:
            has_interpreter = True
        elif kind == _PT_DYNAMIC:
            program.dynamic_address = address
            for entry in range(offset, offset + size, 16):
                tag, value = program.read("QQ", entry)
                if tag == 0:
                    break
                program.dynamic[tag] = (entry + 8, value)
    return has_interpreter


def _apply_relocations(program: _Program) -> None:
    table, size = program.value(_DT_RELA), program.value(_DT_RELASZ)
    relative_end = program.value(_DT_RELACOUNT) * _RELA_SIZE
    if size:
        start = program.offset(table)
        for entry in range(start, start + relative_end, _RELA_SIZE):
            place, info, addend = program.read("QQQ", entry)
            if info != _R_RELATIVE:
                raise UnknownFormError("relative relocations do not come first")
            program.write(program.offset(place), addend + BASE)
        _move_relocations(program, start + relative_end, size - relative_end)
    if program.value(_DT_JMPREL):
        start = program.offset(program.value(_DT_JMPREL))
        _move_relocations(program, start, program.value(_DT_PLTRELSZ))


def _move_relocations(program: _Program, start: int, size: int) -> None:
    for entry in range(start, start + size, _RELA_SIZE):
        place, info, addend = program.read("QQQ", entry)
        kind = info & 0xFFFFFFFF
        if kind == _R_IRELATIVE:
            addend += BASE
        elif kind not in _R_BY_SYMBOL:
            raise UnknownFormError(f"relocation of type {kind}")
        if kind == _R_JUMP_SLOT:
            # Until the first call the slot holds the address of the code that looks it up.
            slot = program.offset(place)
            (target,) = program.read("Q", slot)
            if target:
                program.write(slot, target + BASE)
        program.write(entry, place + BASE, info, addend)


def _move_got(program: _Program) -> None:
    if program.value(_DT_PLTGOT):
        start = program.offset(program.value(_DT_PLTGOT))
        if program.read("Q", start) == (program.dynamic_address,):
            program.write(start, program.dynamic_address + BASE)


def _move_symbols(program: _Program) -> None:
    for header in program.section_headers():
        _, kind, _, _, offset, size = program.read("IIQQQQ", header)
        if kind != _SHT_DYNSYM:
            continue
        for entry in range(offset, offset + size, 24):
            _, info, _, section, value = program.read("IBBHQ", entry)
            if section not in (_SHN_UNDEF, _SHN_ABS) and info & 15 != _STT_TLS:
                program.write(entry + 8, value + BASE)
        return
    raise UnknownFormError("the size of the symbol table is not known")


def _move_dynamic(program: _Program) -> None:
    relative = program.value(_DT_RELACOUNT)
    for tag, (place, value) in program.dynamic.items():
        moved = value + BASE if tag in _DT_ADDRESSES else value
        if tag == _DT_RELA:
            moved += relative * _RELA_SIZE
        elif tag == _DT_RELASZ:
            moved -= relative * _RELA_SIZE
        elif tag == _DT_RELACOUNT:
            moved = 0
        elif tag == _DT_FLAGS_1:
            moved &= ~_DF_1_PIE
        program.write(place, moved)


def _move_headers(program: _Program) -> None:
    for header in program.program_headers():
        address, physical, _, size = program.read("QQQQ", header + 16)
        if size:
            program.write(header + 16, address + BASE, physical + BASE)
    for header in program.section_headers():
        flags, address = program.read("QQ", header + 8)
        if flags & _SHF_ALLOC:
            program.write(header + 16, address + BASE)
    struct.pack_into("<H", program.data, 16, _ET_EXEC)
    (entry,) = program.read("Q", 24)
    program.write(24, entry + BASE)


def main(paths: list[Path]) -> None:
    """Prelink files in place."""
    for path in paths:
        moved = prelink(path.read_bytes())
        if moved is None:
            print(f"prelink: {path} is left as it is")
            continue
        fresh = path.with_name(path.name + ".prelinked")
        fresh.write_bytes(moved)
        fresh.chmod(path.stat().st_mode)
        fresh.replace(path)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
