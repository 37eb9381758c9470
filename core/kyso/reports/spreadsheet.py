"""Cells of CSV and XLSX files: text from letters must never become a formula in the reader's spreadsheet.

A cell that begins with ``= + - @`` (or their full-width forms) is computed by spreadsheets; an apostrophe before it
makes it text. Control and bidirectional characters are taken out as everywhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from kyso.text import shown

_COMPUTED = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def cell(value: object) -> str:
    """Return a value as text that no spreadsheet computes, on one line."""
    text = " ".join(shown("" if value is None else value).split())
    return f"'{text}" if text.startswith(_COMPUTED) else text


def csv_of(rows: Iterable[Iterable[object]], *, byte_order_mark: bool = True) -> bytes:
    """Return rows as CSV (RFC 4180) in UTF-8.

    :param byte_order_mark: begin with one; Excel takes the file for another encoding without it.
    """
    written = io.StringIO(newline="")
    csv.writer(written).writerows([cell(value) for value in row] for row in rows)
    mark = _BYTE_ORDER_MARK if byte_order_mark else ""
    return (mark + written.getvalue()).encode("utf-8", "backslashreplace")
