"""The disk: may kyso write where it must, is there room, what was left behind by a killed process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.contracts import Diagnosis

if TYPE_CHECKING:
    from kyso.contracts import Examination

LEAST_FREE_BYTES = 500_000_000
"""Below this a large scan may not fit twice, as signing needs it to."""


class DiskDiagnostic:
    """Looks at the folders that kyso writes to."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return free space, folders that refuse writing, and leftover files."""
        from kyso.diagnosing.leftovers import find_leftovers, flat, usual_places

        measured: set[int] = set()
        for folder in _folders(examination):
            existing = next((place for place in (folder, *folder.parents) if place.exists()), folder)
            if not os.access(existing, os.W_OK | os.X_OK):
                yield Diagnosis("diagnosing.not_writable", "failure", {"folder": folder})
                continue
            device = existing.stat().st_dev
            if device not in measured:
                measured.add(device)
                free = shutil.disk_usage(existing).free
                state = "diagnosing.disk_space" if free >= LEAST_FREE_BYTES else "diagnosing.disk_full"
                about = {"folder": existing, "free": f"{free / 1e9:.1f} GB"}
                yield Diagnosis(state, "ok" if free >= LEAST_FREE_BYTES else "warning", about)
        found = flat(usual_places(examination), examination.now)
        prepared, waited_for = waiting_letters(examination)
        found += find_leftovers((), examination.now, prepared=prepared, waited_for=waited_for)
        if found:
            about = {"count": len(found), "size": f"{sum(each.size for each in found) / 1e6:.1f} MB"}
            yield Diagnosis(
                "diagnosing.leftovers", "warning", {**about, "files": [str(each.path) for each in found[:5]]}
            )
        else:
            yield Diagnosis("diagnosing.no_leftovers", "ok")


def _folders(examination: Examination) -> list[Path]:
    import platformdirs

    named = [
        Path.cwd(),
        Path(platformdirs.user_data_dir("kyso", appauthor=False)),
        Path(platformdirs.user_cache_dir("kyso", appauthor=False)),
        Path(platformdirs.user_state_dir("kyso", appauthor=False)),
    ]
    from kyso.diagnosing.records import sqlite_file

    records = sqlite_file(examination.config.records.url)
    if records is not None:
        named.append(records.absolute().parent)
    return list(dict.fromkeys(named))


def waiting_letters(examination: Examination) -> tuple[Path | None, set[str] | None]:
    """Return the folder of prepared letters and the ids that are waited for; ``None`` where the records cannot say."""
    import sqlite3
    from contextlib import closing
    from urllib.parse import quote

    from kyso.diagnosing.records import sqlite_file

    place = sqlite_file(examination.config.records.url)
    if place is None or not place.exists():
        # Without records nothing says whether somebody waits; a database elsewhere keeps its letters elsewhere, too.
        return None, None
    folder = place.parent / "prepared"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(place.absolute()))}?mode=ro", uri=True, timeout=5)) as database:
            rows = database.execute("SELECT id FROM prepared_signatures WHERE state IN ('intended', 'pending')")
            return folder, {str(row[0]) for row in rows}
    except sqlite3.Error:
        return None, None  # the records' own examination tells what is wrong with them
