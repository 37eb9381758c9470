"""``kyso image prepare``: from a scan or photo of a signature or a seal to a picture for stamps.

::

    schema      "kyso.image/1"
    out         the picture
    kind        signature | seal
    width_px, height_px, width_mm, height_mm, dpi
    colour      "#rrggbb"
    notices[]   {code, message_vi, message_en}
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import InputRefused, WrongUse

SCHEMA = "kyso.image/1"


def run(
    common: Common,
    source: Annotated[Path, Argument("IN")],
    out: Annotated[Path, Argument("OUT.png")],
    kind: Annotated[str, Option("--kind", "signature|seal")],
    width_mm: Annotated[float | None, Option("--width-mm", "N")] = None,
    height_mm: Annotated[float | None, Option("--height-mm", "N")] = None,
    diameter_mm: Annotated[float | None, Option("--diameter-mm", "N")] = None,
    keep_colour: Annotated[bool, Flag("--keep-colour")] = False,
    black_to_blue: Annotated[bool, Flag("--black-to-blue")] = False,
    force: Annotated[bool, Flag("--force")] = False,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Prepare the picture."""
    from kyso.update.files import write_output
    from kyso_stamps import StampError
    from kyso_stamps.prepare import prepare_picture

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    letters.choice_from("--kind", kind, ("signature", "seal"))
    seal = kind == "seal"
    if diameter_mm is not None and (not seal or width_mm is not None or height_mm is not None):
        raise WrongUse("image.diameter")
    if seal and diameter_mm is None and (width_mm is None or height_mm is None):
        raise WrongUse("image.seal_size")
    if not seal and (width_mm is None) == (height_mm is None):
        raise WrongUse("image.signature_size")
    if seal and black_to_blue:
        raise WrongUse("image.seal_blue")
    if black_to_blue and keep_colour:
        raise WrongUse("image.two_colours")
    letters.refuse_existing(out, force=force)
    width_mm, height_mm = (width_mm, height_mm) if diameter_mm is None else (diameter_mm, diameter_mm)
    try:
        prepared = prepare_picture(
            source,
            "seal" if seal else "signature",
            width_mm,
            height_mm,
            keep_colour=keep_colour,
            black_to_blue=black_to_blue,
        )
    except StampError as error:
        kind_of_error = WrongUse if error.code == "picture.size" else InputRefused
        raise kind_of_error(error.code, **error.parameters) from error
    write_output(out, (prepared.png,), overwrite=force)
    answer = {
        "out": str(out),
        "kind": kind,
        "width_px": prepared.width_px,
        "height_px": prepared.height_px,
        "width_mm": prepared.width_mm,
        "height_mm": prepared.height_mm,
        "dpi": prepared.dpi,
        "colour": "#{:02x}{:02x}{:02x}".format(*prepared.colour),
    }
    notices = [output.in_both(finding.code, finding.parameters) for finding in prepared.findings]
    if as_json:
        output.put_json({"schema": SCHEMA, **answer, "notices": notices})
        return 0
    lengths = {name: f"{answer[name]:g}" for name in ("width_mm", "height_mm")}
    output.put(text.message("image.prepared", common.language, {**answer, **lengths}))
    for notice in notices:
        output.say(
            "cli.about_letter", common.language, {"document": source, "notice": notice[f"message_{common.language}"]}
        )
    return 0
