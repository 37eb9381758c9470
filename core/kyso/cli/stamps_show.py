"""``kyso stamps show``: a picture of a template, with samples for what is not given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from kyso.cli import letters, output, stamps
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import WrongUse


def run(
    common: Common,
    name: Annotated[str, Argument("NAME|FILE")],
    out: Annotated[Path, Option("--out", "PNG")],
    settings: Annotated[list[str] | None, Option("--set", "NAME=VALUE")] = None,
    image: Annotated[Path | None, Option("--image", "PNG|PDF")] = None,
    image_mm: Annotated[str | None, Option("--image-mm", "W,H")] = None,
    folder: Annotated[Path | None, Option("--folder", "DIR")] = None,
    dpi: Annotated[float, Option("--dpi", "N")] = 150.0,
    force: Annotated[bool, Flag("--force")] = False,
) -> int:
    """Draw the template."""
    from kyso.update.files import write_output

    if not 20 <= dpi <= 600:
        raise WrongUse("cli.bad_dpi", value=dpi)
    letters.refuse_existing(out, force=force)
    size_mm = _size(image_mm)
    with stamps.refused():
        template = stamps.library(common, folder).template(name)
        values = {**stamps.sample_values(template), **stamps.given_values(template, settings or ())}
        png = stamps.picture(common, template, values, image=image, image_mm=size_mm, dpi=dpi)
    write_output(out, (png,), overwrite=force)
    size = f"{template.width_mm:g} x {template.height_mm:g}"
    output.say("stamps.shown", common.language, {"template": template.name, "out": out, "size": size})
    return 0


def _size(value: str | None) -> tuple[float, float] | None:
    if value is None:
        return None
    try:
        width, height = (float(part) for part in value.split(","))
    except ValueError:
        raise WrongUse("stamps.bad_size", value=value) from None
    if not (0 < width < 1000 and 0 < height < 1000):
        raise WrongUse("stamps.bad_size", value=value)
    return width, height
