"""Who signs and with which access: from the key's URI, the config and the environment.

::

    smartca:001099000001;serial=5409ab...
    mysign:CMT_001099000001;credential=...
    neac:001099000001;ca-name=FPT-CA

Access data of the organisation (client id and secret, as the provider issued them) come from the config section of
the key source; a secret is named there by the environment variable that holds it, or asked for, never written down.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from kyso.fetch import Fetcher, FetchPolicy
from kyso.plugin import ConfigWrong, KeyAccess, Secret, WrongUse
from kyso_remote.profile import Profile, merged_options

URI_ATTRIBUTES = frozenset({"serial", "credential", "ca-name", "environment"})
_URI_CAP = 1024


@dataclass(frozen=True, slots=True)
class Account:
    """A signer at a provider.

    :param user_id: how the provider names the signer.
    :param attributes: the URI's further attributes: ``serial``, ``credential``, ``ca-name``, ``environment``.
    :param base_url: where the provider is, without a slash at the end.
    :param options: the profile's options with the user's own.
    """

    profile: Profile
    user_id: str
    attributes: Mapping[str, str]
    base_url: str
    client_id: str
    options: Mapping[str, Any]
    access: KeyAccess

    def secret(self, kind: str) -> Secret:
        """Return a secret: from the environment variable that the config names, else by asking.

        :param kind: ``client_secret``, ``password``, ``otp``, ``totp_secret`` or ``pin``.
        """
        name = _setting(self.access, f"{kind}_env")
        if name is None:
            name = f"KYSO_{self.profile.name.replace('-', '_').upper()}_{kind.upper()}"
        elif name not in os.environ:
            raise ConfigWrong("remote.secret_env_missing", provider=self.profile.title, name=name)
        value = os.environ.get(name)
        if value:
            return Secret(value)
        return self.access.ask_secret(
            f"remote.prompt_{kind}", {"provider": self.profile.title, "user": self.user_id or self.client_id}
        )

    def has_secret(self, kind: str) -> bool:
        """Tell whether a secret is configured, so that nobody needs to be asked."""
        named = _setting(self.access, f"{kind}_env")
        return named is not None or f"KYSO_{self.profile.name.replace('-', '_').upper()}_{kind.upper()}" in os.environ

    def fetch_policy(self) -> FetchPolicy:
        """Return what holds for every call. TLS is verified; plain HTTP is for simulators on loopback only."""
        access = self.access
        return FetchPolicy(
            deadline_s=_number(access, "deadline_s", 30.0),
            size_cap=8 * 1024 * 1024,
            redirects=0,
            allow_private=_flag(access, "allow_private"),
            plain_http="loopback",
            ca_file=_file(access, "ca_file"),
            client_certificate=_file(access, "client_certificate"),
        )

    def fetcher(self) -> Fetcher:
        """Return the guarded way to the provider."""
        return Fetcher(self.fetch_policy())


def read_account(uri: str, profile: Profile, access: KeyAccess) -> Account:
    """Read the URI and the config into an account.

    :raises WrongUse: the URI cannot be read.
    :raises ConfigWrong: something needed is missing or wrong in the config.
    """
    user_id, attributes = _parse(uri, profile)
    user_id = user_id or str(access.key_options.get("user_id") or access.options.get("user_id") or "")
    environment = attributes.get("environment") or _setting(access, "environment") or "production"
    base_url = _setting(access, "base_url") or profile.environments.get(environment)
    if not base_url:
        raise ConfigWrong(
            "remote.base_url_missing",
            provider=profile.title,
            section=f"[plugins.{profile.name}]",
            known=sorted(profile.environments) or ["-"],
        )
    client_id = _setting(access, "client_id") or ""
    given = {**access.options, **access.key_options}
    return Account(
        profile, user_id, attributes, base_url.rstrip("/"), client_id, merged_options(profile, given), access
    )


def _parse(uri: str, profile: Profile) -> tuple[str, dict[str, str]]:
    scheme, colon, rest = uri.partition(":")
    if len(uri) > _URI_CAP or not colon or scheme != profile.name:
        raise WrongUse("remote.uri_bad", uri=uri[:200], scheme=profile.name)
    user, *pairs = rest.split(";")
    attributes: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in URI_ATTRIBUTES or name in attributes:
            raise WrongUse("remote.uri_bad", uri=uri, scheme=profile.name)
        attributes[name] = unquote(value)
    if not all(re.fullmatch(r"[^\x00-\x1f]*", text) for text in (unquote(user), *attributes.values())):
        raise WrongUse("remote.uri_bad", uri=uri[:200], scheme=profile.name)
    return unquote(user), attributes


def _setting(access: KeyAccess, name: str) -> str | None:
    value = access.key_options.get(name, access.options.get(name))
    return None if value is None or value == "" else str(value)


def _flag(access: KeyAccess, name: str) -> bool:
    value = access.key_options.get(name, access.options.get(name, False))
    if not isinstance(value, bool):
        raise ConfigWrong("remote.setting_wrong", name=name, value=value)
    return value


def _number(access: KeyAccess, name: str, default: float) -> float:
    value = access.key_options.get(name, access.options.get(name, default))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 600:
        raise ConfigWrong("remote.setting_wrong", name=name, value=value)
    return float(value)


def _file(access: KeyAccess, name: str) -> Path | None:
    value = _setting(access, name)
    if value is None:
        return None
    path = access.base_dir / value
    if not path.is_file():
        raise ConfigWrong("remote.setting_wrong", name=name, value=value)
    return path
