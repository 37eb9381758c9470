"""The desk's worker processes: everything that opens a letter happens here, away from the server and its keys.

A task's arguments name files of the server's own workspace, never what a page sent. No key is opened here and no
secret comes along.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.errors import InputRefused, KysoError
from kyso.geometry import MM_PER_INCH, RectMm
from kyso.models import SignRequest
from kyso.serving.problems import problem_of
from kyso_desk import incoming
from kyso_desk.wording import told, told_error

if TYPE_CHECKING:
    from kyso.engine import Engine
    from kyso.verification.report import VerificationReport

MAX_PAGES = 3000
"""A letter with more pages is refused: its page list alone would choke the page."""

_STAMP_DPI = 220.0
_GREATEST_WIDTH_PX = 4000
_LOOKED_AT = ("forbidden", "annotations", "form_filling")
_MOST_COMPARED = 40
_MOST_AREAS = 60
_JPEG_QUALITY = 90

Answer = tuple[Mapping[str, Any], Sequence[bytes]]


def start(config_path: str | None, online: bool) -> Callable[[str, dict[str, Any], list[bytes]], Answer]:
    """Begin a worker: build its engine and load pdfium, so that the first page does not wait for them."""
    from kyso.config import Config
    from kyso.document import pdfium
    from kyso.engine import Engine

    config = Config.load(None if config_path is None else Path(config_path))
    engine = Engine.from_config(config, online=online)
    # Imported now: the first letter after a drop is the one a person waits for.
    for module in ("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "kyso.document.opening", "kyso.placement.layout"):
        import_module(module)
    pdfium.library()
    tasks: dict[str, Callable[..., Answer]] = {
        "describe": _describe,
        "picture": _picture,
        "place": _place,
        "verify": _verify,
        "report": _report,
        "receive": incoming.receive,
        "search": incoming.search,
        "decide": incoming.decide_later,
        "forward": incoming.forward,
        "amend": incoming.amend,
        "notice": incoming.notice,
    }

    def work(task: str, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        try:
            return tasks[task](engine, **arguments)
        except KysoError as error:
            # In the desk's own words, which only this side can fill in.
            return {"refused": {**problem_of(error), **told_error(error)}}, ()

    return work


def _describe(engine: Engine, path: str) -> Answer:
    """Return the sizes of the pages and the signature fields."""
    from kyso.document.opening import open_letter

    with open_letter(Path(path)) as letter:
        count = letter.page_count
        if count > MAX_PAGES:
            raise InputRefused("desk.too_many_pages", name=letter.name, count=count, limit=MAX_PAGES)
        pages = [letter.page(number) for number in range(1, count + 1)]
        fields = [
            {"name": field.name, "signed": field.signed, "page": field.page, "rect_mm": _rect(field.rect_mm)}
            for field in letter.signature_fields
        ]
        return {
            "pages": [[round(page.width_mm, 3), round(page.height_mm, 3)] for page in pages],
            "fields": fields,
            "signatures": letter.signature_count,
        }, ()


def _picture(engine: Engine, path: str, page: int, width_px: int) -> Answer:
    """Return one page as JPEG, as wide as asked for: drawn in a tenth of the time a PNG takes, and as small."""
    import io

    from kyso.document.opening import open_letter
    from kyso.document.pdfium import fitting_dpi, opened

    with open_letter(Path(path), repairing=True) as letter:
        geometry = letter.page(page)
        dpi = min(width_px, _GREATEST_WIDTH_PX) * MM_PER_INCH / max(geometry.width_mm, 1.0)
        with opened(letter.source, name=letter.name, forms=True) as document:
            raster = document.render(geometry, dpi=fitting_dpi(geometry, dpi))
    written = io.BytesIO()
    # Without subsampling: red ink keeps its edges.
    raster.image().save(written, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return {}, (written.getvalue(),)


def _place(engine: Engine, **request: Any) -> Answer:
    """Return where the signature goes, what the person should know, and the stamp as a picture."""
    from kyso.preview import stamp_picture

    placement, appearance = engine.place(request_from(request))
    boxes = {name: _rect(box) for name, box in placement.boxes_mm.items()}
    answer = {
        "policy": placement.policy,
        "page": placement.page,
        "rect_mm": _rect(placement.rect_mm),
        "boxes_mm": boxes,
        "notices": [told(notice.code, notice.parameters) for notice in placement.notices],
    }
    return answer, () if appearance is None else (stamp_picture(appearance, _STAMP_DPI),)


def request_from(table: Mapping[str, Any]) -> SignRequest:
    """Return the request that a table of plain values describes; its paths are the server's own."""
    rect = table.get("rect_mm")
    return SignRequest(
        document=Path(table["document"]),
        key=table["key"],
        policy=table["policy"],
        out=None if table.get("out") is None else Path(table["out"]),
        settings=dict(table.get("settings") or {}),
        page=table.get("page"),
        rect_mm=None if rect is None else RectMm(*rect),
        field=table.get("field"),
        anchor=table.get("anchor"),
    )


def _verify(engine: Engine, path: str, name: str) -> Answer:
    """Return the verification as the contract's JSON and in words, and what receiving the letter would lead to."""
    from kyso.reports.contents import contents_of
    from kyso.reports.json import as_table
    from kyso.text import LANGUAGES

    report = engine.verify(Path(path), name=name, conformity=True)
    words = {language: dataclasses.asdict(contents_of(report, language)) for language in LANGUAGES}
    table = as_table(report)
    # Where the server keeps the letter for the moment concerns nobody.
    table["file"]["path"] = None
    foresight = incoming.foresight(engine, Path(path), report)
    return {"report": table, "words": words, "foresight": foresight, "areas": _areas(report, Path(path))}, ()


def _areas(report: VerificationReport, path: Path) -> dict[int, list[list[float] | None]]:
    """Return where changed pages look different; what changed without telling its place is looked for by eye."""
    told = [change for signature in report.signatures for change in signature.change_list]
    pages = {change.page for change in told if change.page is not None and change.severity in _LOOKED_AT}
    if not pages:
        return {}
    from kyso.verification.visual import differing_areas

    try:
        found = differing_areas(report, path, pages=sorted(pages)[:_MOST_COMPARED])
    except KysoError:
        return {}  # too damaged to draw; the words say what changed
    return {page: [_rect(area) for area in areas[:_MOST_AREAS]] for page, areas in found.items()}


def _report(engine: Engine, path: str, name: str, report_format: str, language: Any) -> Answer:
    """Return the verification as a finished report."""
    report = engine.verify(Path(path), name=name, conformity=True)
    rendered: bytes = engine.registry.load("report_formats", report_format).render(report, language)
    return {}, (rendered,)


def _rect(rect: RectMm | None) -> list[float] | None:
    return None if rect is None else [round(length, 3) for length in rect.as_tuple()]
