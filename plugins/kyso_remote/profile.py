"""Provider profiles: everything about a provider that is not code, versioned, with its assumptions said aloud.

A profile is a TOML file in ``profiles/``. What a provider's public documents leave open stands in ``[options]`` with
a default; a user overrides it in the config section of the key source (``hash_encoding = "base64"``), and every such
default is listed under ``[[assumption]]`` in both languages, from where the documentation is made.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from kyso.plugin import ConfigWrong, Text

PROFILES = ("smartca", "nacencomm", "neac", "mysign", "smartca-csc", "misa", "csc", "rssp")
"""Names of the profiles, which are the key sources' URI schemes."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something the provider's public documents do not settle.

    :param option: the option that changes it, or ``None`` where code would have to change.
    """

    option: str | None
    text: Text


@dataclass(frozen=True, slots=True)
class Profile:
    """A provider as kyso talks to it.

    :param name: also the URI scheme.
    :param title: the provider's name, for people.
    :param version: of this profile.
    :param environments: base URLs by name; ``production`` where one is known.
    :param batch_limit: greatest number of digests in one request.
    :param lifetime_s: how long the provider waits for the person.
    :param poll_s: pause between status queries that the provider's own clients keep.
    :param options: what may be overridden, with the defaults.
    """

    name: str
    title: str
    version: str
    environments: Mapping[str, str]
    batch_limit: int
    lifetime_s: int
    poll_s: float
    options: Mapping[str, Any]
    assumptions: tuple[Assumption, ...]


@cache
def load_profile(name: str) -> Profile:
    """Read a profile that ships with kyso."""
    source = resources.files("kyso_remote") / "profiles" / f"{name}.toml"
    table = tomllib.loads(source.read_text(encoding="utf-8"))
    return Profile(
        name=name,
        title=str(table["title"]),
        version=str(table["version"]),
        environments=dict(table.get("environments", {})),
        batch_limit=int(table["batch_limit"]),
        lifetime_s=int(table["lifetime_s"]),
        poll_s=float(table["poll_s"]),
        options=dict(table.get("options", {})),
        assumptions=tuple(
            Assumption(entry.get("option"), Text(entry["vi"], entry["en"])) for entry in table.get("assumption", ())
        ),
    )


def merged_options(profile: Profile, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the profile's options with the user's in their place.

    :raises ConfigWrong: a value is of another kind than its default.
    """
    merged = dict(profile.options)
    for name, default in profile.options.items():
        if name not in given:
            continue
        value = given[name]
        if isinstance(default, bool) != isinstance(value, bool) or not isinstance(value, type(default)):
            raise ConfigWrong("remote.option_wrong", provider=profile.title, name=name, value=value, default=default)
        merged[name] = value
    return merged
