"""Notices to the sender, and the report to the person responsible, as official letters in Vietnamese.

Each is a công văn in the form of Decree 30/2020, annex I, without a number: the office gives it one when it signs and
issues it (Điều 15, 18). Written as DOCX, to be worked on, and as PDF. The law asks for a notice on the very day of
receipt through the document system (Điều 21.2.c); these are for senders who are reached by other ways.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from kyso import text
from kyso.demo.wording import Letter
from kyso.frozen import dataclass
from kyso.text import shown
from kyso.update.files import write_output
from kyso.update.outputs import writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from kyso.config import IntakeSection
    from kyso.receiving.values import Entry, NoticeKind
    from kyso_stamps.fonts import FontChoice

_MAX_REASONS: Final = 8
_MAX_TEXT: Final = 600


@dataclass(frozen=True, slots=True)
class NoticeText:
    """What all notices of an office share.

    :param number: the notice's own number, ``15`` or ``15/VP``; empty leaves room for it.
    :param fonts: fonts of the PDF.
    """

    form: IntakeSection
    organisation: str
    today: date
    number: str = ""
    fonts: FontChoice | None = None


def write_notices(folder: Path, kind: NoticeKind, entry: Entry, form: NoticeText) -> tuple[Path, ...]:
    """Write one notice as DOCX and PDF into `folder`, replacing an earlier one."""
    from kyso.receiving.notice_docx import docx_of
    from kyso.receiving.notice_pdf import pdf_of

    letter = notice_letter(kind, entry, form)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for suffix, data in (("docx", docx_of(letter)), ("pdf", pdf_of(letter, form.fonts))):
        path = folder / f"{kind}.{suffix}"
        write_output(path, (data,), overwrite=True, mode=0o600)
        written.append(path)
    return tuple(written)


def notice_letter(kind: NoticeKind, entry: Entry, form: NoticeText) -> Letter:
    """Return the wording of a notice, plain text without any markup."""
    section = form.form
    to_whom = entry.correspondent if kind != "report" else section.responsible
    number, symbol = _number(form)
    return Letter(
        issuer=(_plain(form.organisation).upper(),),
        number=number,
        symbol=symbol,
        place=_plain(section.place or _word("place_blank")),
        dated=form.today,
        subject=_word(f"{kind}.subject", entry),
        addressees=(_plain(to_whom or _word("addressee_blank")),),
        body=tuple(_body(kind, entry)),
        authority=tuple(map(_plain, section.authority)) or (_word("authority_blank"),),
        name=_plain(section.signer or ""),
        recipients=tuple(_recipients(kind, form)),
        superior=(_plain(section.superior).upper(),) if section.superior else (),
    )


def _number(form: NoticeText) -> tuple[int | None, str]:
    found = re.fullmatch(r"\s*(\d{1,6})(?:\s*/\s*(\S+))?\s*", form.number)
    symbol = form.form.symbol or _word("symbol_blank")
    if found is None:
        return None, symbol
    return int(found[1]), found[2] or symbol


def _body(kind: NoticeKind, entry: Entry) -> Iterator[str]:
    opening = f"{kind}.opening_paper" if kind == "recall" and entry.form == "paper" else f"{kind}.opening"
    yield _word(opening, entry)
    if kind in ("return", "suspicious", "report"):
        yield _word(f"{kind}.because", entry)
        reasons = [_sentence(reason.words.vi) for reason in entry.decision.reasons]
        for reason in list(dict.fromkeys(reasons))[:_MAX_REASONS]:
            yield f"- {reason}"
    if kind == "report":
        yield _word("report.kept", entry)
        yield _word("report.hash", entry)
    yield _word(f"{kind}.closing", entry)


def _recipients(kind: NoticeKind, form: NoticeText) -> Iterator[str]:
    yield _word("recipients.above")
    if kind == "suspicious" and form.form.responsible:
        yield _plain(form.form.responsible)
    yield _word("recipients.file")


def _word(code: str, entry: Entry | None = None) -> str:
    parameters = {} if entry is None else _told(entry)
    return _plain(text.message(f"intake.notice.{code}", "vi", parameters))


def _told(entry: Entry) -> dict[str, object]:
    return {
        "letter": _named(entry),
        "organisation": entry.organisation,
        "reference": entry.reference,
        "number": "" if entry.number is None else f"{entry.number:02d}",
        "arrived": entry.arrived_on.strftime("%d/%m/%Y"),
        "file": entry.file_name,
        "sha256": entry.file_sha256,
        "recall": entry.recall_reference,
    }


def _named(entry: Entry) -> str:
    """Name the letter as letters name each other: type, number and symbol, date, issuer, subject."""
    facts = entry.facts
    parts = [facts.kind or _word("kind_blank")]
    if facts.number_and_symbol:
        parts.append(f"số {facts.number_and_symbol}")
    if facts.dated is not None:
        parts.append(f"ngày {facts.dated:%d/%m/%Y}")
    if facts.author:
        parts.append(f"của {facts.author}")
    if facts.subject:
        parts.append(f"về {_without_about(facts.subject)}")
    if not facts.number_and_symbol and not facts.subject:
        parts.append(f"(tệp {entry.file_name})")
    return " ".join(parts)


def _without_about(subject: str) -> str:
    return re.sub(r"^(?:V/v|Về việc|về việc|Về)\s*[:.]?\s*", "", subject.strip(" ./"))


def _sentence(words: str) -> str:
    return _plain(words).rstrip(".;") + "."


def _plain(words: str) -> str:
    line = " ".join(shown(words).split()).encode("utf-8", "backslashreplace").decode("utf-8")
    return line if len(line) <= _MAX_TEXT else line[: _MAX_TEXT - 1] + "…"
