"""Where the newest cross-reference section of a file stands and of which kind it is.

The parser knows the objects, but not where it found the section that an update has to name as /Prev.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kyso.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

_STARTXREF = re.compile(rb"startxref\s+(\d{1,15})(?!\d)")
_STREAM_OBJECT = re.compile(rb"\s*\d{1,10}\s+\d{1,5}\s+obj\b")
_WINDOW = 64
_LARGEST_TABLE = 1024 * 1024
_SUBSECTION = rb"\s*\d{1,10}\s+\d{1,10}\s+"
_ENTRY = rb"[\d ]{10} [\d ]{5} [nf](?:\r\n| ?[\r\n])"
_TABLE = re.compile(rb"xref(?:%b(?:%b)*+)++\s*trailer\b" % (_SUBSECTION, _ENTRY))


@dataclass(frozen=True, slots=True)
class NewestSection:
    """The section that the last ``startxref`` names.

    :param offset: of the keyword ``xref``, or of the object that is the cross-reference stream.
    :param is_stream: whether it is a cross-reference stream (ISO 32000-2, 7.5.8).
    """

    offset: int
    is_stream: bool


def find_newest_section(tail: bytes, size: int, read_at: Callable[[int, int], bytes]) -> NewestSection | None:
    """Find the newest section from the end of the file.

    :param tail: the last bytes of the file.
    :param size: of the whole file.
    :param read_at: returns bytes from an offset.
    :return: ``None`` where ``startxref`` is missing or leads nowhere.
    """
    position = tail.rfind(b"startxref")
    found = _STARTXREF.match(tail, position) if position >= 0 else None
    if found is None:
        return None
    offset = int(found.group(1))
    if offset >= size:
        return None
    at = read_at(offset, _WINDOW)
    stripped = at.lstrip(b"\x00\t\n\x0c\r ")
    if stripped.startswith(b"xref"):
        # White space before the keyword is tolerated by readers; /Prev shall lead to the keyword itself.
        return NewestSection(offset + len(at) - len(stripped), is_stream=False)
    if _STREAM_OBJECT.match(at):
        return NewestSection(offset + len(at) - len(stripped), is_stream=True)
    return None


def table_is_regular(section: NewestSection, read_at: Callable[[int, int], bytes]) -> bool:
    """Tell whether every entry of a cross-reference table has its fixed length (ISO 32000-2, 7.5.4).

    Readers forgive an entry that is one byte short, for a line end of one byte; those that count bytes lose their place
    at any other, and find no object from there on.
    """
    if section.is_stream:
        return True
    table = read_at(section.offset, _LARGEST_TABLE)
    if _TABLE.match(table) is not None:
        return True
    # A table that goes on beyond the window, 50,000 entries, is left to the parser.
    return len(table) == _LARGEST_TABLE and b"trailer" not in table
