"""``kyso preview``: the page as it would look signed, without touching a key.

Where several places could be meant, their pages are drawn with each place boxed and numbered, the first page as
``PAGE.png``, further ones as ``PAGE-2.png`` after their page number; the refusal itself follows, with exit code 4::

    schema       "kyso.candidates/1"
    document, code, message_vi, message_en, next_vi, next_en
    pages[]      {page, out}
    candidates[] {number, page, box_mm, code, message_vi, message_en}
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import SigningRefused, WrongUse
from kyso.models import SignRequest

if TYPE_CHECKING:
    from kyso.placement.candidates import Candidate

SCHEMA = "kyso.preview/1"
CANDIDATES = "kyso.candidates/1"


def run(
    common: Common,
    source: Annotated[Path, Argument("IN")],
    out: Annotated[Path, Option("--out", "PAGE.png")],
    policy: Annotated[str | None, Option("--policy", "NAME")] = None,
    key: Annotated[str | None, Option("--key", "URI|NAME")] = None,
    image: Annotated[Path | None, Option("--image", "PNG|PDF")] = None,
    page: Annotated[int | None, Option("--page", "N")] = None,
    rect_mm: Annotated[str | None, Option("--rect-mm", "X,Y,W,H")] = None,
    anchor: Annotated[str | None, Option("--anchor", "TEXT")] = None,
    field: Annotated[str | None, Option("--field", "NAME")] = None,
    leader_field: Annotated[str | None, Option("--leader-field", "NAME")] = None,
    settings: Annotated[list[str] | None, Option("--set", "NAME=VALUE")] = None,
    dpi: Annotated[float, Option("--dpi", "N")] = 110.0,
    password_env: Annotated[str | None, Option("--password-env", "NAME")] = None,
    force: Annotated[bool, Flag("--force")] = False,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Draw the page, and return the exit code."""
    from kyso.update.files import write_output

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    if not 20 <= dpi <= 600:
        raise WrongUse("cli.bad_dpi", value=dpi)
    letters.refuse_existing(out, force=force)
    request = SignRequest(
        document=source,
        key=letters.key_from(key, common.config),
        policy=policy,
        settings=letters.settings_from(settings or ()),
        image=image,
        page=page,
        rect_mm=letters.rect_from(rect_mm),
        anchor=anchor,
        field=field,
        leader_field=leader_field,
        password=letters.password_from(password_env),
    )
    with common.engine() as engine:
        try:
            preview = engine.preview(request, dpi=dpi)
        except SigningRefused as refusal:
            from kyso.placement.candidates import candidates_of

            places = candidates_of(refusal)
            if places:
                _draw_candidates(common, request, refusal, places, out, dpi, force=force, as_json=as_json)
            raise
    write_output(out, (preview.png,), overwrite=force)
    placement = preview.placement
    boxes = {name: [round(length, 2) for length in box.as_tuple()] for name, box in preview.boxes_mm.items()}
    if as_json:
        output.put_json(
            {
                "schema": SCHEMA,
                "document": str(source),
                "out": str(out),
                "policy": placement.policy,
                "page": placement.page,
                "boxes_mm": boxes,
                "notices": [output.in_both(notice.code, notice.parameters) for notice in placement.notices],
            }
        )
        return 0
    output.say("cli.previewed", common.language, {"out": out, "page": placement.page, "policy": placement.policy})
    for notice in placement.notices:
        words = output.in_both(notice.code, notice.parameters)[f"message_{common.language}"]
        output.say("cli.about_letter", common.language, {"document": source, "notice": words})
    for name, (left, top, width, height) in boxes.items():
        output.put(f"{name}\t{left}\t{top}\t{width}\t{height}")
    return 0


def _draw_candidates(
    common: Common,
    request: SignRequest,
    refusal: SigningRefused,
    candidates: tuple[Candidate, ...],
    out: Path,
    dpi: float,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Write the pages on which there are candidates, and tell which number is where."""
    from kyso.document.opening import open_letter
    from kyso.placement.candidates import candidate_pages
    from kyso.update.files import write_output

    with open_letter(request.document, password=request.password) as letter:
        pages = candidate_pages(letter, candidates, dpi=dpi)
    files = [out if index == 0 else out.with_stem(f"{out.stem}-{page.page}") for index, page in enumerate(pages)]
    for file in files:
        letters.refuse_existing(file, force=force)
    for file, page in zip(files, pages, strict=True):
        write_output(file, (page.png,), overwrite=force)
        output.say("cli.candidates_drawn", common.language, {"out": file, "page": page.page})
    if as_json:
        output.put_json(
            {
                "schema": CANDIDATES,
                "document": str(request.document),
                **output.error_in_both(refusal),
                "pages": [{"page": page.page, "out": str(file)} for page, file in zip(pages, files, strict=True)],
                "candidates": [
                    {
                        "number": number,
                        "page": one.page,
                        "box_mm": None if one.rect_mm is None else [round(mm, 2) for mm in one.rect_mm.as_tuple()],
                        **output.in_both(one.code, one.parameters),
                    }
                    for number, one in enumerate(candidates, 1)
                ],
            }
        )
        return
    for number, one in enumerate(candidates, 1):
        box = ("-",) * 4 if one.rect_mm is None else tuple(f"{mm:.2f}" for mm in one.rect_mm.as_tuple())
        output.put("\t".join((str(number), str(one.page), *box)))
