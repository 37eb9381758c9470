"""A verification as one HTML file that needs nothing else: no script, no request, readable by a screen reader.

Every text is escaped; a content security policy lets nothing run or load but the style sheet in the file, known by its
hash, and the pictures inside it. States are said in words, never by colour alone (WCAG 2.2, 1.4.1).
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING, Final

from kyso.reports.contents import LINK_TONES, contents_of
from kyso.reports.page_pictures import pictures_of
from kyso.reports.wording import label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kyso.reports.contents import Item, Remark, ReportContents, SignatureContents
    from kyso.reports.page_pictures import PagePicture
    from kyso.text import Language
    from kyso.verification.report import VerificationReport

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#5a636e;--line:#c9d0d8;--panel:#f5f7f9;
--good:#12632f;--good-soft:#e5f4ea;--bad:#a3141a;--bad-soft:#fdeaea;--doubtful:#7a4b00;--doubtful-soft:#fff3dc;
--neutral:#3c4650;--neutral-soft:#eceff2}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebee;--paper:#15181c;--soft:#a9b2bc;--line:#3b434c;--panel:#1d2227;
--good:#7fd49b;--good-soft:#12301d;--bad:#ff9a9a;--bad-soft:#3d1517;--doubtful:#f5c56b;--doubtful-soft:#38280a;
--neutral:#c3cad2;--neutral-soft:#262c32}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:56rem;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,"Segoe UI","Noto Sans","Liberation Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.05rem;font-weight:600;margin:0;color:var(--soft)}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:1.1rem 0 .3rem}
p{margin:.3rem 0}
.file{font-size:1.05rem;font-weight:600;margin:.1rem 0 .8rem}
.verdict{border:2px solid var(--tone);border-left-width:.6rem;background:var(--soft-tone);border-radius:.4rem;
padding:.8rem 1rem}
.verdict .word{font-size:1.6rem;font-weight:700;color:var(--tone);line-height:1.25}
.good{--tone:var(--good);--soft-tone:var(--good-soft)}
.bad{--tone:var(--bad);--soft-tone:var(--bad-soft)}
.doubtful{--tone:var(--doubtful);--soft-tone:var(--doubtful-soft)}
.neutral{--tone:var(--neutral);--soft-tone:var(--neutral-soft)}
.do{margin-top:.6rem}
.tag{display:inline-block;border:1px solid var(--tone);background:var(--soft-tone);color:var(--tone);
border-radius:.3rem;padding:0 .45rem;font-weight:600;font-size:.95rem}
table{border-collapse:collapse;width:100%;margin:.4rem 0}
th,td{text-align:left;vertical-align:top;padding:.28rem .5rem;border-bottom:1px solid var(--line)}
th{width:34%;font-weight:500;color:var(--soft)}
section.signature{border:1px solid var(--line);border-radius:.4rem;padding:.2rem 1rem .8rem;margin:1rem 0}
section.signature h2{margin-top:.6rem}
ol.chain{list-style:none;display:flex;flex-wrap:wrap;gap:.4rem 0;padding:0;margin:.4rem 0;align-items:stretch}
ol.chain li{display:flex;align-items:center}
ol.chain li+li::before{content:"\\2192";padding:0 .5rem;color:var(--soft);font-size:1.3rem}
ol.chain .link{border:2px solid var(--tone);background:var(--soft-tone);border-radius:.4rem;padding:.3rem .6rem;
max-width:14.5rem;height:100%}
ol.chain .missing{border-style:dashed}
ol.chain small{display:block;color:var(--soft)}
ol.chain b{color:var(--tone)}
ul{margin:.3rem 0;padding-left:1.3rem}
li .step{display:block;color:var(--soft)}
figure{display:inline-block;margin:.5rem 1rem .5rem 0;max-width:100%}
figure img{max-width:100%;height:auto;border:1px solid var(--line)}
figcaption,.small{font-size:.9rem;color:var(--soft)}
details{margin:.6rem 0}
summary{cursor:pointer;font-weight:600}
@page{size:A4;margin:14mm}
@media print{body{max-width:none;padding:0;font-size:10pt}section.signature{break-inside:avoid}}
""".strip()

_POLICY: Final = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"


class HtmlReport:
    """The report format ``html``."""

    binary = False

    def render(self, report: VerificationReport, language: Language) -> bytes:
        """Return the report as UTF-8 HTML."""
        contents = contents_of(report, language)
        return "\n".join(_document(contents, pictures_of(report))).encode("utf-8", "replace") + b"\n"


def _document(contents: ReportContents, pictures: tuple[PagePicture, ...]) -> Iterator[str]:
    language = contents.language
    title = label("sheet.title", language)
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    yield "<!DOCTYPE html>"
    yield f'<html lang="{language}">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY.format(digest=digest))}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{escape(f'{contents.verdict}: {contents.file_name} - {title}')}</title>"
    yield f"<style>{_STYLE}</style>"
    yield "</head>"
    yield "<body>"
    yield "<header>"
    yield f"<h1>{escape(title)}</h1>"
    yield f'<p class="file">{escape(contents.file_name)}</p>'
    yield "</header>"
    yield "<main>"
    yield f'<div class="verdict {contents.tone}">'
    yield f'<p class="word">{escape(contents.verdict)}</p>'
    yield f"<p>{escape(contents.why)}</p>"
    if contents.next_step:
        yield f'<p class="do"><strong>{_label("sheet.do_now", language)}:</strong> {escape(contents.next_step)}</p>'
    yield "</div>"
    yield from _table(contents.facts)
    for number, signature in enumerate(contents.signatures, start=1):
        yield from _signature(signature, number, language)
    yield from _pictures(pictures, language)
    for heading, remarks in (("label.conformity", contents.conformity), ("label.warnings", contents.warnings)):
        if remarks:
            yield f"<h2>{_label(heading, language)}</h2>"
            yield from _list(remarks)
    yield "<details>"
    yield f"<summary>{_label('sheet.details', language)}</summary>"
    yield from _table(contents.details)
    yield "</details>"
    yield "</main>"
    yield f'<footer class="small"><p>{_label("sheet.basis", language)}</p></footer>'
    yield "</body>"
    yield "</html>"


def _signature(signature: SignatureContents, number: int, language: Language) -> Iterator[str]:
    yield f'<section class="signature {signature.tone}" aria-labelledby="signature-{number}">'
    tag = f'<span class="tag">{escape(signature.verdict)}</span>'
    yield f'<h2 id="signature-{number}">{escape(signature.title)}: {tag}</h2>'
    yield from _table((*signature.seven_items, *signature.terms))
    if signature.chain:
        yield f"<h3>{_label('label.chain', language)}</h3>"
        yield '<ol class="chain">'
        for link in signature.chain:
            shape = " missing" if link.state == "missing" else ""
            yield (
                f'<li><div class="link {LINK_TONES[link.state]}{shape}"><small>{escape(link.role)}</small>'
                f"{escape(link.name)}<br><b>{escape(link.state_words)}</b></div></li>"
            )
        yield "</ol>"
    if signature.chain_failure is not None:
        yield f"<p><strong>{_label('sheet.chain_failure', language)}:</strong> {_remark(signature.chain_failure)}</p>"
    tag = f'<span class="{signature.changes_tone}"><span class="tag">{escape(signature.changes)}</span></span>'
    yield f"<h3>{_label('label.changes', language)}: {tag}</h3>"
    yield from _list(signature.change_list)
    if signature.reasons:
        yield f"<h3>{_label('label.reasons', language)}</h3>"
        yield from _list(signature.reasons)
    yield "<details>"
    yield f"<summary>{_label('sheet.details', language)}</summary>"
    yield from _table(signature.details)
    yield "</details>"
    yield "</section>"


def _table(items: Iterable[Item]) -> Iterator[str]:
    yield "<table>"
    for item in items:
        yield f'<tr><th scope="row">{escape(item.name)}</th><td>{escape(item.value)}</td></tr>'
    yield "</table>"


def _list(remarks: tuple[Remark, ...]) -> Iterator[str]:
    if remarks:
        yield "<ul>"
        for remark in remarks:
            yield f"<li>{_remark(remark)}</li>"
        yield "</ul>"


def _remark(remark: Remark) -> str:
    step = f' <span class="step">{escape(remark.step)}</span>' if remark.step else ""
    return f"{escape(remark.words)}{step}"


def _pictures(pictures: tuple[PagePicture, ...], language: Language) -> Iterator[str]:
    if not pictures:
        return
    yield f"<h2>{_label('sheet.change_pictures', language)}</h2>"
    for picture in pictures:
        code = "sheet.change_picture" if picture.framed else "sheet.changed_page"
        words = escape(label(code, language, page=picture.page))
        source = base64.b64encode(picture.png).decode("ascii")
        yield (
            f'<figure><img alt="{words}" width="{picture.width_px}" height="{picture.height_px}" '
            f'src="data:image/png;base64,{source}"><figcaption>{words}</figcaption></figure>'
        )


def _label(code: str, language: Language) -> str:
    return escape(label(code, language))
