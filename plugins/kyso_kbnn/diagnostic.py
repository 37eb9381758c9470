"""What `kyso doctor` says about the State Treasury: settings, the rule of one key form, the gateway. Nobody logs in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kyso.diagnosing.doctor import failure_of
from kyso.diagnosing.network import reach
from kyso.plugin import Diagnosis, KysoError
from kyso_kbnn.settings import settings_of
from kyso_kbnn.signing import key_form

if TYPE_CHECKING:
    from kyso.plugin import Examination

_SIGNERS = ("accountant", "holder")


class KbnnDiagnostic:
    """Looks at ``[plugins.kbnn]`` and at the keys of the chief accountant and the account holder."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return nothing but one line where the Treasury's work is not configured."""
        config = examination.config
        if "kbnn" not in config.plugins:
            yield Diagnosis("kbnn.state_none", "ok")
            return
        try:
            settings = settings_of(config)
        except KysoError as error:
            yield failure_of(error)
            return
        url = settings.gateway_url or settings.profile.gateway.url
        yield Diagnosis("kbnn.state_configured", "ok", {"url": url})
        forms = {name: key_form(section.uri) for name, section in config.keys.items() if section.role in _SIGNERS}
        if settings.house_rules.one_key_form and {"token", "remote"} <= set(forms.values()):
            first, second = sorted({"token", "remote"})
            yield Diagnosis("kbnn.mixed_key_forms", "failure", {"first": first, "second": second})
        wanted = settings.key_form
        for name, form in forms.items() if settings.house_rules.one_key_form and wanted else ():
            if {form, wanted} == {"token", "remote"}:
                yield Diagnosis("kbnn.other_key_form", "failure", {"wanted": wanted, "form": form, "key": name})
        if examination.online:
            private = settings.gateway_private
            yield from reach(url, allow_private=private, plain_http="loopback" if private else "refuse")
        else:
            yield Diagnosis("kbnn.state_not_asked", "ok", {"url": url})
