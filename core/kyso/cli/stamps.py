"""What the commands `kyso stamps list`, `show` and `check` share: the library of templates, samples, pictures."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.cli import letters, output
from kyso.errors import WrongUse

if TYPE_CHECKING:
    from kyso.cli.common import Common
    from kyso_stamps import StampSpec
    from kyso_stamps.template import Template, Variable
    from kyso_stamps.templates import Library

SAMPLE_SEAL_MM = 36.0


def library(common: Common, folder: Path | None) -> Library:
    """Return the templates of a folder, those that ship, and those of plugins; what is missing is told on stderr."""
    from kyso.placement import templates
    from kyso.plugins import create_plugin_manager

    config = common.config
    if folder is not None:
        config = dataclasses.replace(config, stamps=dataclasses.replace(config.stamps, folder=folder))
    found, failures = templates.library(config, create_plugin_manager())
    for failure in failures:
        output.say_error(failure, common.language)
    return found


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Turn what the stamp engine refuses into an error of the command line.

    :raises WrongUse: with the same code and words.
    """
    from kyso_stamps import StampError

    try:
        yield
    except StampError as error:
        raise WrongUse(error.code, **error.parameters) from error


def sample_values(template: Template) -> dict[str, object]:
    """Return a value for every variable of a template."""
    from kyso_stamps.template import SAMPLE_TIME

    samples: dict[str, object] = {}
    for variable in template.variables:
        moment = SAMPLE_TIME if variable.kind == "time" else SAMPLE_TIME.date()
        samples[variable.name] = (variable.sample or variable.name) if variable.kind == "text" else moment
    return samples


def given_values(template: Template, pairs: Sequence[str]) -> dict[str, object]:
    """Read ``NAME=VALUE`` pairs as the variables of a template.

    :raises WrongUse: no such variable, or no time or date.
    """
    known: Mapping[str, Variable] = {variable.name: variable for variable in template.variables}
    values: dict[str, object] = {}
    for name, text in letters.settings_from(pairs).items():
        if name not in known:
            raise WrongUse("stamp.template_no_such_value", template=template.name, variable=name, known=sorted(known))
        kind = known[name].kind
        values[name] = text if kind == "text" else _date(name, text) if kind == "date" else _time(name, text)
    return values


def _date(name: str, text: str) -> date:
    from kyso.contracts import Setting
    from kyso.placement.settings import parse_value
    from kyso.text import Text

    value: date = parse_value(Setting(name, "date", Text("", "")), text)
    return value


def _time(name: str, text: str) -> datetime:
    from kyso.models import VIETNAM_TIME

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse("stamps.bad_time", name=name, value=text) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=VIETNAM_TIME)


def picture(
    common: Common,
    template: Template,
    values: Mapping[str, object],
    *,
    image: Path | None = None,
    image_mm: tuple[float, float] | None = None,
    dpi: float = 150.0,
) -> bytes:
    """Fill a template, draw it as the signing engine does, and return it as PNG on white paper.

    :param image: the picture; the demo's signature or seal where none is given.
    :param image_mm: its true size; the configured seal's where none is given.
    :raises StampError: something is missing, does not fit, or cannot be drawn.
    :raises InputRefused: the picture would be too large.
    """
    from kyso_stamps.template_filling import fill_template

    with tempfile.TemporaryDirectory(prefix="kyso-") as folder:
        if image is None and template.takes_image:
            image = _sample(Path(folder), seal=template.true_size)
            image_mm = image_mm or (SAMPLE_SEAL_MM, SAMPLE_SEAL_MM)
        spec = fill_template(
            template,
            values,
            image,
            image_mm=image_mm or _seal_size(common),
            time_pattern=common.config.signing.time_pattern,
        )
        return _rendered(common, spec, dpi)


def _sample(folder: Path, *, seal: bool) -> Path:
    from kyso.demo import pictures

    path = folder / "sample.png"
    path.write_bytes(pictures.seal_png(SAMPLE_SEAL_MM, 300) if seal else pictures.signature_png())
    return path


def _seal_size(common: Common) -> tuple[float, float] | None:
    seal = common.config.seal
    if seal.diameter_mm is not None:
        return seal.diameter_mm, seal.diameter_mm
    return None if seal.width_mm is None or seal.height_mm is None else (seal.width_mm, seal.height_mm)


def _rendered(common: Common, spec: StampSpec, dpi: float) -> bytes:
    from kyso.preview import stamp_picture
    from kyso_stamps.draw import draw

    return stamp_picture(draw(spec, common.config.font_choice()), dpi)
