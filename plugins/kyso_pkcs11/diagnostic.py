"""What `kyso doctor` says about tokens: every module's state in one sentence, PIN flags, certificates. No login.

Each module is examined in its worker process, side by side; one that crashes, hangs or is built for another word size
becomes its own line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kyso.diagnosing.certificates import examine_certificate
from kyso.diagnosing.doctor import failure_of
from kyso.plugin import Diagnosis, Examination, KeyAccess, KeyTrouble, KysoError
from kyso_pkcs11.modules import Module, chosen_modules
from kyso_pkcs11.selection import Token, TokenCertificate, chain_for, is_ca, uri_of
from kyso_pkcs11.source import HiddenCertificate, ModuleState, TokenSource, chosen_in
from kyso_pkcs11.uri import TokenUri, parse_uri

_DEADLINE_S = 15.0
_PIN_STATES = (
    ("pin_locked", "pkcs11.state_locked", "failure"),
    ("pin_final_try", "pkcs11.state_final", "warning"),
    ("pin_count_low", "pkcs11.state_low", "warning"),
    ("pin_to_be_changed", "pkcs11.state_to_be_changed", "warning"),
)
_SCHEME = "pkcs11"


class TokenDiagnostic:
    """Looks at the modules, the tokens that are plugged in, and the configured keys on them."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return a line for each module, token, certificate and configured key."""
        access = _hasty(examination.access(f"{_SCHEME}:"))
        keys, found = _keys(examination)
        yield from found
        try:
            modules = list(chosen_modules(None, access))
        except KysoError as error:
            modules = []
            if not keys:
                # A machine without token software has nothing to mend as long as no key asks for it.
                nothing = error.code == "pkcs11.module_none"
                if not (nothing and found):
                    yield Diagnosis(error.code, "ok" if nothing else "failure", error.parameters)
                return
        for _, _, wanted, _ in keys:
            modules += [module for module in wanted if module.path not in {known.path for known in modules}]
        states = TokenSource().survey(access, tuple(modules))
        for state in states:
            yield from _module(state)
        configured: set[bytes] = set()
        for name, uri, wanted, parsed in keys:
            paths = {module.path for module in wanted}
            shown = [state for state in states if state.module.path in paths]
            try:
                chosen = chosen_in(uri, parsed, shown, access)
            except HiddenCertificate as hidden:
                yield Diagnosis("pkcs11.state_hidden", "ok", {"key": name, "token": hidden.token.label})
                continue
            except KysoError as error:
                yield failure_of(error, key=name)
                continue
            configured.add(chosen.der)
            yield from _certificate(name, chosen, shown, examination)
        for state in states:
            for other in state.certificates:
                if other.der not in configured and not is_ca(other.certificate):
                    configured.add(other.der)
                    yield from _certificate(uri_of(other), other, [state], examination)


def _hasty(access: KeyAccess) -> KeyAccess:
    """Return the access with a deadline that a person at the telephone can bear."""
    options = dict(access.options)
    try:
        given = float(options.get("deadline_s", _DEADLINE_S))
    except (TypeError, ValueError):
        given = _DEADLINE_S  # what is wrong with the entry is told by the examination of the configuration
    options["deadline_s"] = min(given, _DEADLINE_S) if given > 0 else _DEADLINE_S
    options["person_deadline_s"] = _DEADLINE_S
    return replace(access, options=options)


_Wanted = tuple[str, str, tuple[Module, ...], TokenUri]


def _keys(examination: Examination) -> tuple[list[_Wanted], list[Diagnosis]]:
    """Return the configured keys on tokens, each with the modules to look in, and those that cannot be looked for."""
    keys: list[_Wanted] = []
    troubles: list[Diagnosis] = []
    for name, section in examination.config.keys.items():
        if not section.uri.startswith(f"{_SCHEME}:"):
            continue
        try:
            parsed = parse_uri(section.uri)
            keys.append((name, section.uri, chosen_modules(parsed, examination.access(name)), parsed))
        except KysoError as error:
            troubles.append(failure_of(error, key=name))
    return keys, troubles


def _module(state: ModuleState) -> Iterator[Diagnosis]:
    module = str(state.module.path)
    if state.trouble is not None:
        yield Diagnosis(state.trouble.code, "failure", state.trouble.parameters)
        return
    about = {"module": module, "vendor": state.module.vendor or state.library.get("manufacturer", "-")}
    version = state.library.get("version", "-")
    if not state.tokens:
        yield Diagnosis("pkcs11.state_no_token", "ok", {**about, "version": version})
        return
    labels = [token.label for token in state.tokens]
    yield Diagnosis("pkcs11.state_module", "ok", {**about, "version": version, "tokens": labels})
    for token in state.tokens:
        own = [found for found in state.certificates if found.token == token and not is_ca(found.certificate)]
        yield _token(token, len(own))


def _token(token: Token, certificates: int) -> Diagnosis:
    about = {"token": token.label, "serial": token.serial, "model": token.model, "certificates": certificates}
    if "pin_set" not in token.flags and "login_required" in token.flags:
        return Diagnosis("pkcs11.pin_not_set", "failure", about)
    for flag, code, state in _PIN_STATES:
        if flag in token.flags:
            return Diagnosis(code, "failure" if state == "failure" else "warning", about)
    return Diagnosis("pkcs11.state_pinpad" if "pinpad" in token.flags else "pkcs11.state_token", "ok", about)


def _certificate(
    name: str, found: TokenCertificate, states: list[ModuleState], examination: Examination
) -> Iterator[Diagnosis]:
    certificates = [each for state in states for each in state.certificates]
    try:
        chain = chain_for(found, certificates)
    except KeyTrouble:
        chain = ()
    yield from examine_certificate(name, found.der, chain, examination)
