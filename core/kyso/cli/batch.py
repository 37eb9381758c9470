"""What `kyso batch sign`, `verify` and `extend`, and `kyso sign` for a folder, share: letters, ledger, tally, answers.

The summary is the JSON contract ``kyso.batch/1``::

    schema       "kyso.batch/1"
    do           sign | verify | extend
    source, into, ledger, out
    letters      how many there are
    counts       {status: how many}; ``earlier`` counts those that an earlier run had settled
    failures[]   {code, message_vi, message_en, count, first}: each cause once, with how many letters and the first one
    exit_code
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso import text
from kyso.cli import letters, output
from kyso.errors import InputRefused, WrongUse

if TYPE_CHECKING:
    from kyso.cli.common import Common
    from kyso.signing.ledger import Ledger

SCHEMA = "kyso.batch/1"
LEDGER_NAME = ".kyso-ledger.jsonl"
_GREATEST_LIST = 16 * 1024 * 1024


def letters_of(source: Path, leaving_out: Path | None = None) -> list[tuple[str, Path]]:
    """Return the letters of a batch by name: the PDFs under a folder, those a ``.txt`` list names, or one file.

    :raises WrongUse: there are none, or two of one name.
    :raises InputRefused: the list cannot be read.
    """
    if not source.exists():
        raise WrongUse("cli.no_such_path", name=source)
    if source.is_dir():
        found = [(path.relative_to(source).as_posix(), path) for path in letters.pdf_files(source, leaving_out)]
    elif source.suffix.lower() == ".txt":
        found = [(_listed_name(line), source.parent / line) for line in _lines_of(source)]
    else:
        found = [(source.name, source)]
    if not found:
        raise WrongUse("cli.folder_empty", name=source)
    twice = [name for name, count in Counter(name for name, _ in found).items() if count > 1]
    if twice:
        raise WrongUse("batch.name_twice", name=source, letters=twice[:5])
    return found


def _lines_of(source: Path) -> list[str]:
    try:
        with source.open("rb") as file:
            data = file.read(_GREATEST_LIST + 1)
        if len(data) > _GREATEST_LIST:
            raise InputRefused("batch.list_unreadable", name=source, cause=f"> {_GREATEST_LIST}")
        if b"\0" in data:
            raise InputRefused("batch.list_unreadable", name=source, cause="NUL")
        lines = data.decode("utf-8-sig").splitlines()
    except OSError as cause:
        raise InputRefused("batch.list_unreadable", name=source, cause=cause.strerror or "") from cause
    except UnicodeDecodeError as cause:
        raise InputRefused("batch.list_unreadable", name=source, cause="UTF-8") from cause
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _listed_name(line: str) -> str:
    """Return where a listed letter's result goes below the target folder: never outside of it."""
    path = Path(line)
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def ledger_place(given: Path | None, into: Path | None, out: Path | None) -> Path:
    """Return where the ledger lies: as given, in the folder of the results, or beside the file of the answers.

    :raises WrongUse: none of these.
    """
    if given is not None:
        return given
    if into is not None:
        return into / LEDGER_NAME
    if out is not None:
        return out.with_name(f".{out.name}.ledger")
    raise WrongUse("batch.needs_place")


def make_folders(into: Path, names: Iterable[str]) -> None:
    """Make the folders of the results.

    :raises WrongUse: `into` is a file.
    """
    if into.exists() and not into.is_dir():
        raise WrongUse("cli.out_no_folder", name=into)
    for folder in {into / name for name in names}:
        folder.parent.mkdir(parents=True, exist_ok=True)


def kept_answer(ledger: Ledger, name: str, **kinds: type) -> dict[str, Any]:
    """Return the answer that an earlier run left for a letter.

    :param kinds: the entries it must have, and of which kind.
    :raises InputRefused: the ledger holds something else; somebody changed it.
    """
    answer = ledger.answer(name)
    if answer is None or not all(isinstance(answer.get(entry), kind) for entry, kind in kinds.items()):
        raise InputRefused("batch.no_ledger", name=str(ledger.path))
    return answer


class Tally:
    """Counts what came of the letters."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self._counts: Counter[str] = Counter()
        self._failures: dict[str, dict[str, Any]] = {}

    def add(self, answer: Mapping[str, Any], status: str, exit_code: int) -> None:
        """Count one letter."""
        self.codes.append(exit_code)
        self._counts[status] += 1
        error = answer.get("error")
        if error is not None:
            cause = {name: error[name] for name in ("code", "message_vi", "message_en")}
            known = self._failures.setdefault(error["code"], {**cause, "count": 0, "first": answer["document"]})
            known["count"] += 1

    def as_json(self, **about: object) -> dict[str, Any]:
        """Return the summary."""
        return {
            "schema": SCHEMA,
            **about,
            "letters": len(self.codes),
            "counts": dict(self._counts),
            "failures": list(self._failures.values()),
        }

    def show(self, common: Common, *, to_stderr: bool) -> None:
        """Show the summary as a table: each status, and each cause of failure with the first letter it met."""
        language = common.language
        rows = [
            [text.message(f"batch.status_{status}", language), str(count), ""] for status, count in self._counts.items()
        ]
        rows += [
            [f"  {failure['code']}", str(failure["count"]), f"{failure['first']}: {failure[f'message_{language}']}"]
            for failure in self._failures.values()
        ]
        heads = [text.message(f"batch.head_{name}", language) for name in ("status", "count", "about")]
        output.table(heads, rows, to_stderr=to_stderr)


def write_answers(ledger: Ledger, names: Sequence[str], out: Path, *, force: bool) -> None:
    """Write the answers of all letters from the ledger, one JSON object a line, in the order of the letters.

    :raises WrongUse: the file exists and no run with this ledger wrote it.
    """
    refuse_other_answers(ledger, out, force=force)
    ledger.note(answers=str(out.resolve()))
    from kyso.update.outputs import write_output

    write_output(out, _answer_lines(ledger, names), overwrite=True)


def refuse_other_answers(ledger: Ledger, out: Path, *, force: bool) -> None:
    """Refuse a file of answers that is somebody else's.

    :raises WrongUse: it exists and no run with this ledger wrote it.
    """
    if out.exists() and not force and ledger.header.get("answers") != str(out.resolve()):
        raise WrongUse("cli.output_exists", name=out)


def _answer_lines(ledger: Ledger, names: Sequence[str]) -> Iterable[bytes]:
    import json

    for name in names:
        answer = ledger.answer(name)
        if answer is not None:
            yield json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
