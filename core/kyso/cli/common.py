"""The options every command takes, before or after its name: language, configuration, network, verbosity.

They are taken out of the arguments here, once, so that no command repeats them; a plugin's command group finds them as
``ctx.obj``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.errors import KysoError, WrongUse
from kyso.frozen import dataclass
from kyso.text import LANGUAGES, Language

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.contracts import SecretAsker
    from kyso.engine import Engine
    from kyso.models import Notice
    from kyso.plugins import PluginRegistry

OPTIONS_WITH_VALUE = ("--lang", "--config")
OPTIONS = ("-v", "--verbose", "--online", "--offline")


@dataclass(frozen=True)
class Common:
    """What holds for one run of the command line.

    :param asked_language: from ``--lang``; the language in use is :attr:`language`.
    :param config_path: from ``--config``.
    :param online: the network may be used.
    """

    asked_language: Language | None = None
    config_path: Path | None = None
    verbose: bool = False
    online: bool = False

    @cached_property
    def language(self) -> Language:
        """The language of everything a person reads: ``--lang``, ``KYSO_LANG``, the configuration, the locale, vi."""
        if self.asked_language is not None:
            return self.asked_language
        from_environment = _language(os.environ.get("KYSO_LANG", ""))
        if from_environment is not None:
            return from_environment
        try:
            configured = self.config.locale.language
        except KysoError:
            configured = None  # a broken file must still be reported in some language
        return configured or locale_language(os.environ)

    @cached_property
    def config(self) -> Config:
        """The configuration, read on first use.

        :raises ConfigWrong: the file is missing or wrong.
        """
        from kyso.config import Config

        return Config.load(self.config_path)

    def engine(
        self, ask_secret: SecretAsker | None = None, config: Config | None = None, *, last_try: bool = False
    ) -> Engine:
        """Return an engine for this run.

        :param config: instead of the configuration as read.
        :param last_try: spend a token's last PIN try.
        """
        from kyso.engine import Engine

        more: dict[str, Any] = {} if ask_secret is None else {"ask_secret": ask_secret}
        used = self.config if config is None else config
        engine = Engine.from_config(used, online=self.online, last_try=last_try, tell=self._show, **more)
        self._warn(used, engine.registry)
        if self.verbose:
            self._tell(used, engine.registry)
        return engine

    def _show(self, notice: Notice) -> None:
        from kyso.cli.output import say

        say(notice.code, self.language, notice.parameters)

    def _warn(self, config: Config, registry: PluginRegistry) -> None:
        """Say which sections of the configuration have no effect because their plugin is not loaded."""
        if not config.plugins:
            return
        from kyso.config_check import section_names

        known = section_names(registry)
        for name in config.plugins:
            if name not in known:
                from kyso.cli.output import say

                say("cli.plugin_not_loaded", self.language, {"file": config.path or "-", "name": name})

    def _tell(self, config: Config, registry: PluginRegistry) -> None:
        from kyso.cli.output import say

        names = [plugin.name for plugin in registry.plugins]
        say("cli.verbose_config", self.language, {"file": config.path or "-", "online": self.online})
        say("cli.verbose_plugins", self.language, {"names": names})
        for broken in registry.broken:
            told = {"name": broken.name, "version": broken.version, "distribution": broken.distribution}
            say("cli.plugin_broken", self.language, {**told, "cause": broken.cause})


def take_common(arguments: Sequence[str]) -> tuple[Common, list[str]]:
    """Take the common options out of `arguments`, up to a ``--``.

    :returns: the options, and the arguments that are left.
    :raises WrongUse: a value is missing or no known language.
    """
    common = Common()
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *waiting]
        elif name in OPTIONS_WITH_VALUE:
            given = value if equals else next(waiting, None)
            if not given:
                raise WrongUse("cli.value_missing", option=name)
            common = _with_value(common, name, given)
        elif argument in ("-v", "--verbose"):
            common = replace(common, verbose=True)
        elif argument in ("--online", "--offline"):
            common = replace(common, online=argument == "--online")
        else:
            rest.append(argument)
    return common, rest


def _with_value(common: Common, name: str, value: str) -> Common:
    if name == "--config":
        return replace(common, config_path=Path(value))
    language = _language(value)
    if language is None:
        raise WrongUse("cli.unknown_language", language=value)
    return replace(common, asked_language=language)


def _language(value: str) -> Language | None:
    return next((language for language in LANGUAGES if language == value.lower()), None)


def locale_language(environment: Mapping[str, str]) -> Language:
    """Return the language of the locale (POSIX precedence); whatever is not English reads Vietnamese."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(variable)
        if value:
            return "en" if value.lower().startswith("en") else "vi"
    if sys.platform == "win32":
        import locale

        name = (locale.getlocale()[0] or "").lower()
        return "en" if name.startswith("en") else "vi"
    return "vi"
