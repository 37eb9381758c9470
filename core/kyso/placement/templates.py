"""Stamp templates in placement policies: ``--set template=NAME`` shows an organisation's own picture of a signature.

A policy that can show a template declares :func:`template_setting` among its settings and asks :func:`stamp_of` for the
stamp; where the stamp goes stays the policy's business. A template's variables are settings of the request like the
policy's own::

    kyso sign letter.pdf --policy fixed --page 1 --rect-mm 20,250,75,25 --set template=link --set url=https://...

What the engine knows by itself is filled in: who signs, for whom, when, by which certificate. Templates are asked for
by name only, never by path, because requests also come from people far away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.contracts import Setting
from kyso.errors import KysoError, SigningRefused, WrongUse
from kyso.frozen import dataclass
from kyso.text import Text, message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from kyso.config import Config
    from kyso.contracts import PlacementIntent
    from kyso.geometry import RectMm
    from kyso.plugins import PluginRegistry
    from kyso_stamps import StampError, StampSpec
    from kyso_stamps.template import Template, Variable
    from kyso_stamps.templates import Library

TEMPLATE = "template"
KIND = "stamp_templates"

_FROM_REQUEST = ("reason", "location")
_FROM_ENGINE = ("signer", "time", "identifier", "issuer", "serial", *_FROM_REQUEST)
"""Variables that nobody sets: a stamp must not name another signer or another time than the signature does."""

_KNOWN_LATER = ("organisation", "title", "date")
_OF_TEMPLATE = "stamp.template_"


def template_setting(*replaces: str) -> Setting:
    """Return the setting ``template`` for a policy.

    :param replaces: settings of the policy that have no meaning beside a template.
    """
    summary = Text(
        "Mẫu hình chữ ký dùng thay hình mặc định (kyso stamps list)",
        "Stamp template to show instead of the policy's own picture (kyso stamps list)",
    )
    return Setting(TEMPLATE, "text", summary, not_with=replaces)


@dataclass(frozen=True, slots=True)
class TemplateStamp:
    """A filled template.

    :param picture: the visible part of the given picture, in the stamp's own millimetres; ``None`` without one.
    """

    spec: StampSpec
    picture: RectMm | None


def library(config: Config, registry: PluginRegistry, wanted: str | None = None) -> tuple[Library, list[KysoError]]:
    """Return the organisation's own templates, those that ship, and those of plugins.

    What a plugin's ``register_stamp_templates`` contribution loads is a TOML file, as a path or as a
    :class:`~kyso_stamps.templates.TemplateSource`.

    :param wanted: the only name that is going to be asked for; an unusable contribution of that name is raised.
    :return: the library, and why contributions are missing from it.
    """
    from pathlib import Path

    from kyso_stamps.templates import Library, TemplateSource

    contributed, failures = [], []
    for name in registry.contributions(KIND):
        try:
            source = registry.load(KIND, name)
            if not isinstance(source, (TemplateSource, Path)):
                raise WrongUse("stamps.no_source", name=name, found=type(source).__name__)
        except KysoError as error:
            if name == wanted:
                raise
            failures.append(error)
            continue
        contributed.append(TemplateSource(name, source if isinstance(source, Path) else source.path))
    folder = config.stamps.folder
    return Library(() if folder is None else (folder,), contributed), failures


def wanted_template(name: str, config: Config, registry: PluginRegistry) -> Template:
    """Return the template `name`.

    :raises WrongUse: there is none of that name, or the first thing that is wrong with it: file, line, right word.
    """
    from kyso_stamps import StampError
    from kyso_stamps.templates import is_template_name

    found, _ = library(config, registry, name)
    try:
        if is_template_name(name):
            return found.template(name)
        # A path would let whoever may name settings read files of this machine.
        raise found.unknown(name)
    except StampError as error:
        raise template_trouble(error) from error


def variable_settings(template: Template, declared: Iterable[Setting]) -> tuple[Setting, ...]:
    """Return the template's variables that a request may set, beside what the policy declares anyway."""
    known = {setting.name for setting in declared}
    return tuple(
        Setting(variable.name, "date" if variable.kind == "date" else "text", _meaning(variable))
        for variable in template.variables
        if variable.name not in known and variable.name not in _FROM_ENGINE
    )


def check_given(template: Template, values: Mapping[str, Any]) -> None:
    """Refuse a template some of whose variables would stay empty, before anything is asked of a person.

    :param values: the request's parsed settings.
    :raises WrongUse: ``stamp.template_value_missing``.
    """
    missing = sorted(template.required - set(values) - {*_FROM_ENGINE, *_KNOWN_LATER})
    if missing:
        raise WrongUse("stamp.template_value_missing", template=template.name, variables=missing)


def stamp_of(
    intent: PlacementIntent,
    *,
    image_mm: tuple[float, float] | None = None,
    place_mm: tuple[float, float] | None = None,
    within_mm: tuple[float, float] | None = None,
) -> TemplateStamp:
    """Fill the intent's template.

    :param image_mm: true width and height of the picture's visible part.
    :param place_mm: width and height of the place: the stamp is as large as that, the template centred in it.
    :param within_mm: the stamp keeps the template's size, or is made smaller to be no larger than this.
    :raises WrongUse: a value or the picture is missing, or the template does not fit; nothing of it is drawn.
    :raises SigningRefused: the picture cannot be used.
    """
    template = intent.template
    assert template is not None
    from kyso_stamps import StampError
    from kyso_stamps.template_filling import fill_template

    if within_mm is not None:
        scale = min(1.0, within_mm[0] / template.width_mm, within_mm[1] / template.height_mm)
        if scale < 1:
            place_mm = (template.width_mm * scale, template.height_mm * scale)
    pattern = intent.values.get("time_pattern", intent.time_pattern)
    try:
        spec = fill_template(
            template,
            _values(template, intent),
            intent.image,
            image_mm=image_mm or _configured_size(intent),
            place_mm=place_mm,
            time_pattern=pattern,
            cache_dir=intent.fonts.cache_dir,
        )
    except StampError as error:
        raise template_trouble(error) from error
    except ValueError as error:
        # strftime says so of a pattern that no clock can write.
        raise WrongUse("placement.time_pattern_wrong", pattern=pattern) from error
    return TemplateStamp(spec, _picture(spec, intent))


def template_trouble(error: StampError) -> KysoError:
    """Return what the stamp engine refuses as an error of ours: a template is mended, a picture is replaced."""
    kind = WrongUse if error.code.startswith(_OF_TEMPLATE) else SigningRefused
    return kind(error.code, **error.parameters)


def _meaning(variable: Variable) -> Text:
    own = f"stamp.variable.{variable.name}"
    return Text(
        variable.vi or message(own, "vi"),
        variable.en or message(own, "en"),
    )


def _values(template: Template, intent: PlacementIntent) -> dict[str, object]:
    """Return the variables that the template names; what nobody knows is left out."""
    signer, values = intent.signer, intent.values
    # A preview may not know the certificate yet; what it says is then told by dots.
    unknown = "" if signer.name else "…"
    known: dict[str, object] = {
        **values,
        "signer": signer.shown_name,
        "organisation": values.get("organisation") or intent.organisation,
        "title": values.get("title") or signer.title,
        "time": intent.signed_at,
        "date": values.get("date") or intent.signed_at.date(),
        "identifier": signer.identifier or unknown,
        "issuer": signer.issuer or unknown,
        "serial": signer.serial or unknown,
        "reason": intent.reason,
        "location": intent.location,
    }
    return {variable.name: known[variable.name] for variable in template.variables if variable.name in known}


def _configured_size(intent: PlacementIntent) -> tuple[float, float] | None:
    seal = intent.seal
    if seal is None:
        return None
    if seal.diameter_mm is not None:
        return seal.diameter_mm, seal.diameter_mm
    return None if seal.width_mm is None or seal.height_mm is None else (seal.width_mm, seal.height_mm)


def _picture(spec: StampSpec, intent: PlacementIntent) -> RectMm | None:
    from kyso.geometry import RectMm
    from kyso.placement.pictures import read_picture
    from kyso_stamps import ImageItem

    for item in spec.items:
        if isinstance(item, ImageItem) and item.path == intent.image:
            left, top, width, height = read_picture(item.path, intent.fonts.cache_dir).ink
            x, y, whole_width, whole_height = item.box_mm
            return RectMm(x + left * whole_width, y + top * whole_height, width * whole_width, height * whole_height)
    return None
