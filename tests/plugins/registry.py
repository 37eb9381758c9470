"""A registry with a given plugin in it, whether or not the installed distribution names its entry point yet."""

from __future__ import annotations

from importlib import import_module

from kyso.plugins import PluginRegistry, create_plugin_manager


def registry_with(*packages: str) -> PluginRegistry:
    """Load the installed plugins, and `packages` where they are not among them."""
    loaded = create_plugin_manager()
    missing = [import_module(name) for name in packages if not any(_is(plugin, name) for plugin in _plugins(loaded))]
    return create_plugin_manager(extra=missing) if missing else loaded


def _plugins(registry: PluginRegistry) -> list[object]:
    return list(registry.manager.get_plugins())


def _is(plugin: object, name: str) -> bool:
    return getattr(plugin, "__name__", "") == name
