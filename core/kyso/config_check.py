"""Looks further than the schema: do the files exist, are the plugins there, do their settings make sense.

Reading a kyso.toml (:mod:`kyso.config`) needs no plugin; this does. `kyso config check` shows both together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.errors import WrongUse
from kyso.frozen import dataclass
from kyso.placement.templates import TEMPLATE, variable_settings, wanted_template
from kyso.text import Phrase

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.contracts import Setting
    from kyso.plugins import Contributed, PluginRegistry

CONTRIBUTING = (
    "key_sources",
    "placement_policies",
    "stamp_templates",
    "report_formats",
    "exporters",
    "simulators",
    "commands",
    "routes",
)
"""Kinds of contributions that may have settings in the file."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something found in a kyso.toml.

    :param fatal: whether the file cannot be used so; else it is a warning.
    """

    phrase: Phrase
    fatal: bool


def check(config: Config, registry: PluginRegistry) -> tuple[Remark, ...]:
    """Return what is wrong with a configuration that read well, fatal or not."""
    return (*_files(config), *_names(config, registry), *_plugin_sections(config, registry))


def _files(config: Config) -> Iterable[Remark]:
    named: list[tuple[str, str, Path | None]] = [
        *((f"[keys.{name}]", "image", key.image) for name, key in config.keys.items()),
        ("[seal]", "image", config.seal.image),
        ("[leader]", "image", config.leader.image),
        ("[stamps]", "folder", config.stamps.folder),
        ("[intake]", "policy", config.intake.policy),
        *(("[verification]", "trust", path) for path in config.verification.trust),
        *(("[verification]", "crl", path) for path in config.verification.crl),
        *(("[fonts]", face.name, getattr(config.fonts, face.name)) for face in dataclasses.fields(config.fonts)),
    ]
    for table, entry, path in named:
        if path is not None and not path.exists():
            yield _remark("config.file_missing", config, table, entry, target=path)


def _names(config: Config, registry: PluginRegistry) -> Iterable[Remark]:
    for name, key in config.keys.items():
        table = f"[keys.{name}]"
        scheme = key.uri.partition(":")[0]
        try:
            source = registry.contribution("key_sources", scheme)
        except WrongUse as error:
            yield _unusable(config, table, "uri", error)
            continue
        yield from _settings(config, table, key.options, {setting.name: setting for setting in source.settings})
    if config.signing.key is not None and ":" in config.signing.key:
        try:
            registry.contribution("key_sources", config.signing.key.partition(":")[0])
        except WrongUse as error:
            yield _unusable(config, "[signing]", "key", error)
    if config.signing.policy is not None:
        try:
            registry.contribution("placement_policies", config.signing.policy)
        except WrongUse as error:
            yield _unusable(config, "[signing]", "policy", error)


def section_names(registry: PluginRegistry) -> set[str]:
    """Return which sections ``[plugins.NAME]`` somebody reads: the plugins' and, of each source of keys, its own."""
    return {plugin.name for plugin in registry.plugins} | set(registry.contributions("key_sources"))


def _plugin_sections(config: Config, registry: PluginRegistry) -> Iterable[Remark]:
    everything = [entry for kind in CONTRIBUTING for entry in registry.contributions(kind).values()]
    known = section_names(registry)
    for name, table in config.plugins.items():
        if name not in known:
            yield _remark("config.plugin_not_loaded", config, f"[plugins.{name}]", name, fatal=False)
            continue
        own = [entry for entry in everything if name in (entry.plugin.name, entry.contribution.name)]
        yield from _plugin_table(config, registry, f"plugins.{name}", name, table, own)


def _plugin_table(
    config: Config,
    registry: PluginRegistry,
    place: str,
    prefix: str,
    table: Mapping[str, Any],
    own: list[Contributed],
) -> Iterable[Remark]:
    """Check a plugin's table against all of its settings, an inner ``[plugins.decree30.seal]`` against its own."""
    here = [entry for entry in own if _within(entry.contribution.name, prefix)]
    known = {setting.name: setting for entry in here for setting in entry.contribution.settings}
    values = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
    asked = values.get(TEMPLATE)
    if TEMPLATE in known and isinstance(asked, str):
        try:
            template = wanted_template(asked, config, registry)
            known |= {setting.name: setting for setting in variable_settings(template, known.values())}
        except WrongUse as error:
            reason = Phrase(error.code, error.parameters)
            yield _remark("config.wrong_setting", config, f"[{place}]", TEMPLATE, reason=reason)
    yield from _settings(config, f"[{place}]", values, known)
    for name, inner in table.items():
        if not isinstance(inner, Mapping):
            continue
        longer = f"{prefix}.{name}"
        if any(_within(entry.contribution.name, longer) for entry in own):
            yield from _plugin_table(config, registry, f"{place}.{name}", longer, inner, own)
        else:
            nearest = sorted(entry.contribution.name for entry in own)
            yield _remark("config.unknown_setting", config, f"[{place}]", name, nearest=nearest)


def _within(contribution: str, prefix: str) -> bool:
    return contribution == prefix or contribution.startswith(prefix + ".") or "." not in prefix


def _settings(config: Config, table: str, values: Mapping[str, Any], known: Mapping[str, Setting]) -> Iterable[Remark]:
    from kyso.placement.settings import parse_value

    for name, value in values.items():
        if name not in known:
            yield _remark("config.unknown_setting", config, table, name, nearest=_nearest(name, known))
            continue
        try:
            parse_value(known[name], value)
        except WrongUse as error:
            reason = Phrase(error.code, error.parameters)
            yield _remark("config.wrong_setting", config, table, name, reason=reason)


def _nearest(name: str, known: Mapping[str, Setting]) -> list[str]:
    import difflib

    return difflib.get_close_matches(name, list(known), n=2, cutoff=0.5) or sorted(known) or ["-"]


def _unusable(config: Config, table: str, entry: str, error: WrongUse) -> Remark:
    return _remark("config.unknown_contribution", config, table, entry, reason=Phrase(error.code, error.parameters))


def _remark(code: str, config: Config, table: str, entry: str, *, fatal: bool = True, **parameters: object) -> Remark:
    from kyso.config_reading import line_of

    place = tuple(table.strip("[]").split("."))
    lines = config.path.read_text(encoding="utf-8-sig").splitlines() if config.path is not None else []
    line = line_of(lines, place, entry) if fatal else line_of(lines, place[:-1], place[-1])
    where = {"file": config.path, "line": line, "table": table, "entry": entry}
    return Remark(Phrase(code, {**where, **parameters}), fatal)
