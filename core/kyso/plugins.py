"""Finds the plugins, keeps what they contribute, and reports what is wrong with them.

::

    registry = create_plugin_manager()
    source = registry.key_source("pfx")
    registry.hook.record_event(name="signed", request=request, outcome=document)

There is no global registry: each engine has its own. A plugin that fails to load is reported (`registry.broken`) and
skipped, because a letter must be verifiable whatever else is installed. The built-ins come through the same door.

Two contributions of one kind and one name are refused, both of them, naming both distributions: neither may take the
other's place silently, least of all where a PIN is typed. Only kyso's own formats and policies stand whatever another
distribution registers, so that no plugin can take them away.

What this does not protect against: an installed plugin is code with the rights of the user.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import pluggy

from kyso import hookspecs
from kyso.contracts import Availability, Contribution, SetInFonts
from kyso.entry_points import EntryPoint, entry_points
from kyso.errors import KysoError, WrongUse
from kyso.frozen import dataclass
from kyso.text import LANGUAGES, Phrase, Text, add_catalogue, read_catalogue, shown

if TYPE_CHECKING:
    from kyso.contracts import KeySource, PlacementPolicy, ReportFormat
    from kyso_stamps.fonts import FontChoice

GROUP = "kyso"
BUILT_IN = "kyso.builtin"
CORE = "core"

KINDS: Mapping[str, Text] = {
    "key_sources": Text("nguồn khóa", "key source"),
    "placement_policies": Text("cách đặt chữ ký", "placement policy"),
    "stamp_templates": Text("mẫu hình chữ ký", "stamp template"),
    "preflight_checks": Text("kiểm tra trước khi ký", "check before signing"),
    "conformity_checks": Text("kiểm tra thể thức", "check of form"),
    "letter_readers": Text("bộ đọc văn bản", "letter reader"),
    "diagnostics": Text("chẩn đoán", "diagnostic"),
    "report_formats": Text("định dạng báo cáo", "report format"),
    "exporters": Text("định dạng xuất", "export"),
    "simulators": Text("bộ mô phỏng", "simulator"),
    "commands": Text("lệnh", "command"),
    "routes": Text("đường dẫn máy chủ", "server route"),
    "tables": Text("bảng dữ liệu", "table set"),
}
"""What can be contributed: the hook's name without ``register_``, and what a person calls it."""


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A loaded plugin; `distribution` and `version` are empty for one that was handed over as an object."""

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin, or a part of one, that could not be used; `cause` is the exception in one line."""

    name: str
    distribution: str
    version: str
    cause: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A name that several plugins want for one kind of contribution, with everyone who wants it.

    :param kept: whose contribution stands; ``None`` where the name is refused.
    """

    kind: str
    name: str
    plugins: tuple[PluginInfo, ...]
    kept: PluginInfo | None = None


@dataclass(frozen=True, slots=True)
class Contributed:
    """A contribution and the plugin that made it."""

    contribution: Contribution[Any]
    plugin: PluginInfo


class PluginRegistry:
    """The plugins of one engine and what they contribute. Made by :func:`create_plugin_manager`."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager = manager
        self._infos: dict[str, PluginInfo] = {}
        self._broken: list[BrokenPlugin] = []
        self._contributions: dict[str, dict[str, Contributed]] = {}
        self._conflicts: dict[str, dict[str, Conflict]] = {}
        self._loaded: dict[tuple[str, str], Any] = {}
        self._catalogues: list[tuple[PluginInfo, str]] = []
        self.disabled: tuple[str, ...] = ()
        self.font_choice: Callable[[], FontChoice] | None = None
        """Returns the configured fonts; set by the engine."""

    @property
    def hook(self) -> pluggy.HookRelay:
        """The hooks to call: ``sign_document`` wrappers and ``record_event``."""
        return self._manager.hook

    @property
    def manager(self) -> pluggy.PluginManager:
        """The pluggy manager itself, for registering at run time and for tracing."""
        return self._manager

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """The loaded plugins."""
        return tuple(self._infos.values())

    @property
    def broken(self) -> tuple[BrokenPlugin, ...]:
        """What could not be used. Parts show up once their kind of contribution was asked for."""
        return tuple(self._broken)

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Names that several plugins want, over the kinds asked for so far."""
        return tuple(conflict for of_kind in self._conflicts.values() for conflict in of_kind.values())

    def examine(self) -> tuple[BrokenPlugin, ...]:
        """Collect every kind of contribution, read every catalogue, and return all that is broken."""
        for kind in KINDS:
            self.contributions(kind)
        unreadable = []
        for info, package in self._catalogues:
            try:
                for language in LANGUAGES:
                    read_catalogue(package, language)
            except Exception as error:  # noqa: BLE001 - foreign files; reported like a part that does not load
                unreadable.append(BrokenPlugin(info.name, info.distribution, info.version, _one_line(error)))
        return (*self._broken, *unreadable)

    # ------------------------------------------------------------------------------------------------ contributions

    def contributions(self, kind: str) -> Mapping[str, Contributed]:
        """Return the usable contributions of one kind by name, collected on first use.

        :param kind: one of :data:`KINDS`.
        """
        if kind not in self._contributions:
            self._contributions[kind], self._conflicts[kind] = self._collect(kind)
        return self._contributions[kind]

    def contribution(self, kind: str, name: str) -> Contribution[Any]:
        """Return one contribution.

        :raises WrongUse: there is none of that name (the nearest names are in the error), or several want it.
        """
        known = self.contributions(kind)
        if name in known:
            return known[name].contribution
        conflict = self._conflicts[kind].get(name)
        if conflict is not None:
            owners = [f"{plugin.name} ({plugin.distribution} {plugin.version})" for plugin in conflict.plugins]
            raise WrongUse("plugins.duplicate", kind=KINDS[kind], name=name, owners=owners)
        raise self._unknown(kind, name)

    def load(self, kind: str, name: str) -> Any:
        """Return the thing a contribution offers, loading it on first use and only where it is available.

        :raises WrongUse: unknown, wanted by several, not available here, or failing to load.
        """
        key = (kind, name)
        if key not in self._loaded:
            contribution = self.contribution(kind, name)
            availability = availability_of(contribution)
            if not availability.ok:
                raise WrongUse(
                    "plugins.unavailable",
                    kind=KINDS[kind],
                    name=name,
                    reason=availability.reason or Phrase("plugins.no_reason"),
                    step=availability.next_step or "",
                )
            try:
                self._loaded[key] = contribution.load()
            except KysoError:
                raise
            except Exception as error:
                cause = _one_line(error)
                raise WrongUse("plugins.load_failed", kind=KINDS[kind], name=name, cause=cause) from error
        return self._loaded[key]

    def key_source(self, name: str) -> KeySource:
        """Return the key source for a URI scheme. Errors as :meth:`load`."""
        return cast("KeySource", self.load("key_sources", name))

    def placement_policy(self, name: str) -> PlacementPolicy:
        """Return a placement policy. Errors as :meth:`load`."""
        return cast("PlacementPolicy", self.load("placement_policies", name))

    def report_format(self, name: str) -> ReportFormat:
        """Return a report format, set in the configured fonts where it has any. Errors as :meth:`load`."""
        found = cast("ReportFormat", self.load("report_formats", name))
        if self.font_choice is not None and isinstance(found, SetInFonts):
            return found.with_fonts(self.font_choice())
        return found

    def _unknown(self, kind: str, name: str) -> WrongUse:
        import difflib

        known = sorted(self.contributions(kind))
        nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        if nearest:
            return WrongUse("plugins.unknown_near", kind=KINDS[kind], name=name, nearest=nearest)
        return WrongUse("plugins.unknown", kind=KINDS[kind], name=name, known=known)

    def _collect(self, kind: str) -> tuple[dict[str, Contributed], dict[str, Conflict]]:
        wanted: dict[str, list[Contributed]] = {}
        for name, info in self._infos.items():
            offered = self._offered_by(name, info, f"register_{kind}")
            for contribution in offered:
                if isinstance(contribution, Contribution):
                    wanted.setdefault(contribution.name, []).append(Contributed(contribution, info))
                else:
                    self._report(info, TypeError(f"register_{kind}: {type(contribution).__name__} is no Contribution"))
        taken: dict[str, Contributed] = {}
        conflicts: dict[str, Conflict] = {}
        for name, candidates in wanted.items():
            own = [candidate for candidate in candidates if candidate.plugin.name == CORE]
            if len(candidates) == 1 or len(own) == 1:
                taken[name] = (own or candidates)[0]
            if len(candidates) > 1:
                kept = own[0].plugin if len(own) == 1 else None
                conflicts[name] = Conflict(kind, name, tuple(entry.plugin for entry in candidates), kept)
        return taken, conflicts

    def _offered_by(self, name: str, info: PluginInfo, hook: str) -> list[Any]:
        """Call one plugin's own implementation of `hook`, so that what it offers carries its name."""
        if hook not in info.hooks:
            return []
        others = [plugin for other, plugin in self._manager.list_name_plugin() if other != name and plugin is not None]
        offered: list[Any] = []
        try:
            self._manager.subset_hook_caller(hook, remove_plugins=others)(register=offered.append)
        except Exception as error:  # noqa: BLE001 - foreign code; reported, never fatal for verifying
            self._report(info, error)
        return offered

    # ------------------------------------------------------------------------------------------------------ loading

    def _add(self, name: str, plugin: object, distribution: str, version: str) -> None:
        try:
            self._manager.register(plugin, name=name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            self._manager.unregister(name=name) if self._manager.get_plugin(name) is plugin else None
            self._broken.append(BrokenPlugin(name, distribution, version, _one_line(error)))
            return
        hooks = tuple(sorted(caller.name for caller in self._manager.get_hookcallers(plugin) or ()))
        info = self._infos[name] = PluginInfo(name, distribution, version, hooks)
        for package in self._offered_by(name, info, "register_catalogues"):
            self._catalogues.append((info, str(package)))
            add_catalogue(str(package))

    def _load_entry_point(self, point: EntryPoint) -> None:
        if point.name in self._infos:
            holder = self._infos[point.name]
            cause = ValueError(f"the plugin name is taken by {holder.distribution} {holder.version}")
            self._broken.append(BrokenPlugin(point.name, point.distribution, point.version, _one_line(cause)))
            return
        module, _, attribute = point.value.partition(":")
        try:
            plugin: object = import_module(module)
            for part in filter(None, attribute.split(".")):
                plugin = getattr(plugin, part)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; reported, never fatal for verifying
            self._broken.append(BrokenPlugin(point.name, point.distribution, point.version, _one_line(error)))
            return
        self._add(point.name, plugin, point.distribution, point.version)

    def _report(self, info: PluginInfo, error: Exception) -> None:
        self._broken.append(BrokenPlugin(info.name, info.distribution, info.version, _one_line(error)))


def create_plugin_manager(
    *, autoload: bool = True, disabled: Iterable[str] = (), extra: Iterable[object] = ()
) -> PluginRegistry:
    """Load the plugins and return their registry.

    :param autoload: load what other distributions offer; without it only kyso's own plugins.
    :param disabled: plugin or distribution names to leave out.
    :param extra: plugins as objects (modules, or instances with hook implementations).

    Environment: ``KYSO_PLUGINS_DISABLE=name,name`` adds to `disabled`; ``KYSO_PLUGINS_AUTOLOAD=0`` turns `autoload`
    off. kyso's own formats and policies (plugin ``core``) cannot be left out.
    """
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    registry = PluginRegistry(manager)
    autoload = autoload and os.environ.get("KYSO_PLUGINS_AUTOLOAD", "1") != "0"
    left_out = {name.strip() for name in os.environ.get("KYSO_PLUGINS_DISABLE", "").split(",")} | set(disabled)

    points = entry_points(GROUP)
    own = next((point for point in points if point.value == BUILT_IN), EntryPoint(CORE, BUILT_IN, "kyso", ""))
    registry._load_entry_point(own)
    skipped = []
    # kyso's own plugins first, so that a foreign one cannot take the name of one of them.
    for point in sorted(points, key=lambda point: (point.distribution != own.distribution, point.distribution)):
        if point is own or (not autoload and point.distribution != own.distribution):
            continue
        if point.name in left_out or point.distribution in left_out:
            skipped.append(point.name)
        else:
            registry._load_entry_point(point)
    for plugin in extra:
        name = getattr(plugin, "__name__", type(plugin).__name__)
        if name in left_out:
            skipped.append(name)
        else:
            registry._add(name, plugin, "", "")
    registry.disabled = tuple(skipped)
    return registry


def availability_of(contribution: Contribution[Any]) -> Availability:
    """Ask a contribution whether it can be used here; a check that itself fails counts as unavailable."""
    ask: Callable[[], Availability] = contribution.availability
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - foreign code; its failure is the reason shown
        cause = _one_line(error)
        return Availability(False, Text(cause, cause))


def _one_line(error: BaseException) -> str:
    words = " ".join(shown(error).split())
    return f"{type(error).__name__}: {words}"[:300] if words else type(error).__name__
