"""``kyso preview``: the page as it would look signed, without touching a key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import WrongUse
from kyso.models import SignRequest

SCHEMA = "kyso.preview/1"


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
        preview = engine.preview(request, dpi=dpi)
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
