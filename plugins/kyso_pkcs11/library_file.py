"""What a shared library file is built for, read from its header without loading it.

The loader's own words for a 32-bit module in a 64-bit process ("not a valid Win32 application", "wrong ELF class")
help nobody; this reads the few octets that say it plainly.
"""

from __future__ import annotations

import platform
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LibraryFormat = Literal["elf", "pe", "macho"]

_ELF_MACHINES = {0x03: ("x86", 32), 0x3E: ("x86_64", 64), 0x28: ("arm", 32), 0xB7: ("arm64", 64)}
_PE_MACHINES = {0x014C: ("x86", 32), 0x8664: ("x86_64", 64), 0x01C4: ("arm", 32), 0xAA64: ("arm64", 64)}
_MACHO_MACHINES = {7: ("x86", 32), 0x01000007: ("x86_64", 64), 12: ("arm", 32), 0x0100000C: ("arm64", 64)}
_HERE = {"amd64": "x86_64", "x86_64": "x86_64", "i386": "x86", "i686": "x86", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """What a library is built for.

    :param machines: (architecture, word size in bits) of each slice; a macOS universal file has several.
    """

    format: LibraryFormat
    machines: tuple[tuple[str, int], ...]


def read_library_file(path: Path) -> LibraryFile | None:
    """Read the header of a shared library; ``None`` when the file is no shared library of a known kind.

    :raises OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:4] == b"\x7fELF" and len(head) >= 20:
        order = "<" if head[5] == 1 else ">"
        return LibraryFile(
            "elf", (_machine(_ELF_MACHINES, struct.unpack_from(order + "H", head, 18)[0], head[4] * 32),)
        )
    if head[:2] == b"MZ" and len(head) >= 64:
        offset = struct.unpack_from("<I", head, 60)[0]
        if offset + 6 <= len(head) and head[offset : offset + 4] == b"PE\0\0":
            return LibraryFile("pe", (_machine(_PE_MACHINES, struct.unpack_from("<H", head, offset + 4)[0], 0),))
        return None
    if head[:4] in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"):
        bits = 64 if head[0] == 0xCF else 32
        return LibraryFile("macho", (_machine(_MACHO_MACHINES, struct.unpack_from("<I", head, 4)[0], bits),))
    if head[:4] == b"\xca\xfe\xba\xbe" and len(head) >= 8:
        count = min(struct.unpack_from(">I", head, 4)[0], 16)
        slices = [
            struct.unpack_from(">I", head, 8 + 20 * index)[0] for index in range(count) if 28 + 20 * index <= len(head)
        ]
        return LibraryFile("macho", tuple(_machine(_MACHO_MACHINES, cpu, 0) for cpu in slices))
    return None


def _machine(table: dict[int, tuple[str, int]], number: int, bits: int) -> tuple[str, int]:
    return table.get(number, (f"0x{number:x}", bits))


def native_format() -> LibraryFormat:
    """Return the library format of this operating system."""
    if sys.platform == "win32":
        return "pe"
    return "macho" if sys.platform == "darwin" else "elf"


def native_bits() -> int:
    """Return the word size of this interpreter in bits."""
    return struct.calcsize("P") * 8


def native_architecture() -> str:
    """Return the architecture this interpreter runs as; on a 64-bit system it may be the 32-bit one."""
    architecture = _HERE.get(platform.machine().lower(), platform.machine().lower())
    return "x86" if architecture == "x86_64" and native_bits() == 32 else architecture
