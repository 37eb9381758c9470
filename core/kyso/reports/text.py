"""A verification as text for a person: the headline, why, what to do now, then each signature.

Each signature shows the seven items that TT 15/2025/TT-BKHCN, Điều 6.4 names, then what its certificate says of its
scope of use. The words are those of :mod:`kyso.reports.contents`, as in the HTML and the PDF report; only the layout
is made here.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from kyso.reports.contents import contents_of
from kyso.reports.wording import label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kyso.reports.contents import Item, Remark, ReportContents, SignatureContents
    from kyso.text import Language
    from kyso.verification.report import VerificationReport

WIDTH: Final = 100
_INDENT: Final = "  "


class TextReport:
    """The report format ``text``."""

    binary = False

    def render(self, report: VerificationReport, language: Language) -> bytes:
        """Return the report as UTF-8 text."""
        return ("\n".join(_lines(contents_of(report, language))) + "\n").encode("utf-8", "replace")


def _lines(contents: ReportContents) -> Iterator[str]:
    language = contents.language
    yield f"{contents.verdict}: {contents.file_name}"
    yield from _pair(label("label.why", language), contents.why)
    if contents.next_step:
        yield from _pair(label("label.next", language), contents.next_step)
    yield from _items(contents.facts)
    for signature in contents.signatures:
        yield ""
        yield from _signature(signature, language)
    for heading, remarks in (("label.conformity", contents.conformity), ("label.warnings", contents.warnings)):
        if remarks:
            yield ""
            yield label(heading, language)
            yield from _bullets(remarks, _INDENT)
    yield ""
    yield from _items(contents.details)


def _signature(signature: SignatureContents, language: Language) -> Iterator[str]:
    yield f"{signature.title}: {signature.verdict}"
    yield from _items(signature.seven_items, _INDENT)
    yield from _items(signature.terms, _INDENT)
    chain = " > ".join(f"{link.name} [{link.state_words}]" for link in signature.chain)
    yield from _pair(label("label.chain", language), chain or "-", _INDENT)
    if signature.chain_failure is not None:
        yield from _pair(label("sheet.chain_failure", language), _with_step(signature.chain_failure), _INDENT)
    yield from _pair(label("label.changes", language), signature.changes, _INDENT)
    yield from _bullets(signature.change_list, _INDENT * 2)
    if signature.reasons:
        yield f"{_INDENT}{label('label.reasons', language)}:"
        yield from _bullets(signature.reasons, _INDENT * 2)
    yield from _items(signature.details, _INDENT)


def _items(items: Iterable[Item], indent: str = "") -> Iterator[str]:
    for item in items:
        yield from _pair(item.name, item.value, indent)


def _bullets(remarks: Iterable[Remark], indent: str) -> Iterator[str]:
    for remark in remarks:
        yield from _wrapped(f"- {_with_step(remark)}", indent, indent + _INDENT)


def _with_step(remark: Remark) -> str:
    return f"{remark.words} {remark.step}" if remark.step else remark.words


def _pair(name: str, value: str, indent: str = "") -> list[str]:
    return _wrapped(f"{name}: {value}", indent, indent + _INDENT)


def _wrapped(line: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [first]
