"""What `kyso doctor` says about remote CAs: is the access complete, does the service answer. Nobody logs in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from kyso.diagnosing.doctor import failure_of
from kyso.diagnosing.network import reach
from kyso.plugin import Diagnosis, Examination, KysoError
from kyso_remote.account import Account, read_account
from kyso_remote.callback_secret import LEAST_LENGTH, callback_secret
from kyso_remote.profile import PROFILES, load_profile

_SECRETS = ("client_secret", "password", "pin", "otp", "totp_secret", "signature", "keystore_password")


class RemoteDiagnostic:
    """Looks at the providers that a configured key or a config section names."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return the state of each provider in use."""
        config = examination.config
        keys = {name: section.uri for name, section in config.keys.items()}
        used = [(name, uri) for name, uri in keys.items() if uri.partition(":")[0] in PROFILES]
        schemes = {uri.partition(":")[0] for _, uri in used}
        used += [
            (f"{scheme}:", f"{scheme}:") for scheme in PROFILES if scheme in config.plugins and scheme not in schemes
        ]
        if not used:
            yield Diagnosis("remote.state_none", "ok")
        yield from _callback(config.plugins.get("remote", {}))
        asked: set[str] = set()
        for name, uri in used:
            profile = load_profile(uri.partition(":")[0])
            try:
                account = read_account(uri, profile, examination.access(name))
            except KysoError as error:
                yield failure_of(error, key=name)
                continue
            about = {"key": name, "provider": profile.title, "url": account.base_url, "version": profile.version}
            missing = _missing_secrets(account)
            if missing:
                yield Diagnosis("remote.secret_env_missing", "failure", {**about, "name": missing})
            yield Diagnosis("remote.state_configured", "ok", about)
            if not examination.online:
                yield Diagnosis("remote.state_not_asked", "ok", about)
            elif account.base_url not in asked:
                asked.add(account.base_url)
                policy = account.fetch_policy()
                yield from reach(
                    account.base_url,
                    allow_private=policy.allow_private,
                    plain_http=policy.plain_http,
                    ca_file=policy.ca_file,
                    client_certificate=policy.client_certificate,
                )


def _missing_secrets(account: Account) -> list[str]:
    """Return environment variables that the configuration names and that are not set."""
    access = account.access
    given = {**access.options, **access.key_options}
    names = [str(given[f"{kind}_env"]) for kind in _SECRETS if given.get(f"{kind}_env")]
    return [name for name in names if name not in os.environ]


def _callback(settings: Mapping[str, Any]) -> Iterator[Diagnosis]:
    """Say whether the address that providers call is open, as far as somebody wants it."""
    name = settings.get("callback_secret_env")
    if name is None:
        return
    if callback_secret(settings) is not None:
        yield Diagnosis("remote.state_callback", "ok")
    else:
        about = {"name": name, "least": LEAST_LENGTH, "length": len(os.environ.get(str(name), ""))}
        yield Diagnosis("remote.callback_secret_unfit", "failure", about)
