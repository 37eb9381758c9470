"""``kyso plugins``: what is loaded, what it contributes, what cannot be used and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Option
from kyso.plugins import KINDS, availability_of, create_plugin_manager

if TYPE_CHECKING:
    from kyso.contracts import Setting
    from kyso.plugins import Contributed, PluginInfo, PluginRegistry
    from kyso.text import Text

SCHEMA = "kyso.plugins/1"


def run(
    common: Common,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """List the plugins. A broken one is part of the answer, not a failure of this command."""
    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    answer = describe(create_plugin_manager())
    if as_json:
        output.put_json(answer)
    else:
        _show(answer, common)
    return 0


def describe(registry: PluginRegistry) -> dict[str, Any]:
    """Return everything there is to say about the plugins, as ``kyso.plugins/1``."""
    offered = {kind: registry.contributions(kind) for kind in KINDS}
    return {
        "schema": SCHEMA,
        "plugins": [
            {
                "name": plugin.name,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "hooks": list(plugin.hooks),
                "contributions": [
                    _contribution(kind, entry)
                    for kind, entries in offered.items()
                    for entry in entries.values()
                    if entry.plugin.name == plugin.name
                ],
            }
            for plugin in registry.plugins
        ],
        "broken": [
            {
                "name": broken.name,
                "distribution": broken.distribution,
                "version": broken.version,
                "cause": broken.cause,
            }
            for broken in registry.examine()
        ],
        "conflicts": [
            {
                "kind": conflict.kind,
                "name": conflict.name,
                "plugins": [_owner(plugin) for plugin in conflict.plugins],
                "kept": None if conflict.kept is None else _owner(conflict.kept),
            }
            for conflict in registry.conflicts
        ],
        "disabled": list(registry.disabled),
    }


def _owner(plugin: PluginInfo) -> dict[str, str]:
    return {"name": plugin.name, "distribution": plugin.distribution, "version": plugin.version}


def _contribution(kind: str, entry: Contributed) -> dict[str, Any]:
    contribution = entry.contribution
    availability = availability_of(contribution)
    return {
        "kind": kind,
        "name": contribution.name,
        "summary_vi": contribution.summary.vi,
        "summary_en": contribution.summary.en,
        "available": availability.ok,
        "reason_vi": _words(availability.reason, "vi"),
        "reason_en": _words(availability.reason, "en"),
        "next_vi": _words(availability.next_step, "vi"),
        "next_en": _words(availability.next_step, "en"),
        "settings": [_setting(setting) for setting in contribution.settings],
    }


def _setting(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "kind": setting.kind,
        "summary_vi": setting.summary.vi,
        "summary_en": setting.summary.en,
        "default": setting.default,
        "choices": list(setting.choices),
        "required": setting.required,
    }


def _words(words: Text | None, language: Any) -> str | None:
    return None if words is None else words.of(language)


def _show(answer: dict[str, Any], common: Common) -> None:
    language = common.language
    for plugin in answer["plugins"]:
        output.put(" ".join(filter(None, (plugin["name"], plugin["version"], f"({plugin['distribution'] or '-'})"))))
        for entry in plugin["contributions"]:
            kind = KINDS[entry["kind"]].of(language)
            output.put(f"  {kind}: {entry['name']} — {text.shown(entry[f'summary_{language}'])}")
            if not entry["available"]:
                reason = entry[f"reason_{language}"] or text.message("plugins.no_reason", language)
                output.put(f"    {text.message('cli.unavailable', language, {'reason': reason})}")
                if entry[f"next_{language}"]:
                    output.put(f"    → {text.shown(entry[f'next_{language}'])}")
            settings = [setting["name"] for setting in entry["settings"]]
            if settings:
                output.put(f"    --set {', '.join(settings)}")
    for broken in answer["broken"]:
        output.put(text.message("cli.plugin_broken", language, broken))
    for conflict in answer["conflicts"]:
        owners = [f"{owner['name']} ({owner['distribution']})" for owner in conflict["plugins"]]
        code = "cli.plugin_conflict" if conflict["kept"] is None else "cli.plugin_conflict_kept"
        shown = {"kind": KINDS[conflict["kind"]], "name": conflict["name"], "owners": owners}
        output.put(text.message(code, language, shown))
    if answer["disabled"]:
        output.put(text.message("cli.plugins_disabled", language, {"names": answer["disabled"]}))
