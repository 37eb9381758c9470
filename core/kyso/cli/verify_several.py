"""``kyso verify`` over many files: progress, several processes, a row or a report for each, totals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kyso.cli import output
from kyso.cli.progress import progress
from kyso.frozen import dataclass
from kyso.reports.spreadsheet import cell, csv_of
from kyso.reports.summary import CSV_COLUMNS, Totals, csv_row, table_heads, table_row
from kyso.verification.several import fitting_workers, verify_several

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kyso.cli.common import Common
    from kyso.engine import Engine
    from kyso.secret import Secret
    from kyso.text import Language
    from kyso.verification.report import VerificationReport
    from kyso.verification.several import Terms


@dataclass(frozen=True, slots=True)
class Telling:
    """How many verifications are told.

    :param form: ``csv``, or the name of a report format that is text.
    :param in_short: a table alone instead of every report.
    :param to_file: the caller writes what is returned to a file, so nothing goes to stdout.
    :param draw: draws the pictures of ``--visual``.
    """

    form: str
    in_short: bool
    to_file: bool
    draw: Callable[[VerificationReport], None] | None


def tell_several(
    engine: Engine,
    sources: Sequence[Path],
    terms: Terms,
    password: Secret | None,
    common: Common,
    telling: Telling,
    *,
    workers: int | None,
) -> tuple[list[int], list[bytes]]:
    """Verify and tell as it goes; the table for people comes at the end, because it is set as a whole.

    :param workers: ``None`` takes as many processes as are worth their start.
    :returns: the exit codes, and what is to be written to the file.
    """
    language, form = common.language, telling.form
    written = None if form == "csv" else engine.registry.report_format(form)
    codes: list[int] = []
    pieces: list[bytes] = []
    rows: list[list[str]] = []
    totals = Totals()
    put = pieces.append if telling.to_file else output.put_bytes
    if written is None:
        put(csv_of([CSV_COLUMNS], byte_order_mark=telling.to_file))
    count = fitting_workers(sources) if workers is None else workers
    with progress("cli.verifying", len(sources), language) as step:
        for report in verify_several(engine, sources, terms, password=password, workers=count):
            codes.append(report.exit_code)
            if telling.draw is not None:
                telling.draw(report)
            if written is None:
                put(csv_of([csv_row(report, language)], byte_order_mark=False))
            elif not telling.in_short:
                put(_in_line(written.render(report, language), form))
            if form == "text":
                rows.append(table_row(report, language))
                totals.add(report)
            step(report.file.name)
    if form == "text":
        _put_table(rows, totals.words(language), language, put if telling.to_file else None)
    return codes, pieces


def _in_line(data: bytes, form: str) -> bytes:
    """Return one file's report, ended so that the next can follow: several JSON objects stand one a line."""
    if form == "json":
        return json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    return data.rstrip(b"\n") + b"\n\n"


def _put_table(rows: list[list[str]], totals: str, language: Language, put: Callable[[bytes], None] | None) -> None:
    heads = table_heads(language)
    if put is None:
        output.table(heads, rows)
        output.put(totals)
        return
    lines = ["\t".join(map(cell, row)) for row in [heads, *rows]]
    put("\n".join([*lines, totals, ""]).encode("utf-8", "backslashreplace"))
