"""The key source ``pkcs11:``: finds tokens through the vendors' modules and opens keys on them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kyso.plugin import ConfigWrong, KeyAccess, KeyDescription, KeyTrouble, Notice
from kyso.signing.certificates import describe
from kyso_pkcs11.key import TokenKey
from kyso_pkcs11.module_process import ModuleProcess
from kyso_pkcs11.modules import Module, chosen_modules
from kyso_pkcs11.pin import Deadlines, RejectedPins, log_in
from kyso_pkcs11.selection import (
    Token,
    TokenCertificate,
    chain_for,
    choose,
    is_ca,
    read_inventory,
    token_matches,
    uri_of,
)
from kyso_pkcs11.uri import TokenUri, parse_uri


@dataclass(frozen=True, slots=True)
class ModuleState:
    """What one module showed, or why it showed nothing.

    :param library: manufacturer, description and version as the module says them.
    """

    module: Module
    library: dict[str, str]
    tokens: tuple[Token, ...]
    certificates: tuple[TokenCertificate, ...]
    trouble: KeyTrouble | None = None


class TokenSource:
    """Keys on tokens, cards and HSMs. Each module has one worker process as long as a key in it is open."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._processes: dict[Path, ModuleProcess] = {}
        self._rejected = RejectedPins()

    @property
    def portable(self) -> bool:
        """A token's session belongs to the process that logged in."""
        return False

    def open(self, uri: str, access: KeyAccess) -> TokenKey:
        """Open the key whose certificate `uri` names; no PIN is asked unless the certificate itself is private.

        :raises WrongUse: the URI cannot be read.
        :raises KeyTrouble: no module, token or certificate matches, or several do.
        """
        parsed = parse_uri(uri)
        deadlines = _deadlines(access)
        used: list[ModuleProcess] = []
        try:
            states = self._survey(chosen_modules(parsed, access), deadlines, used)
            try:
                chosen = chosen_in(uri, parsed, states, access)
            except HiddenCertificate as hidden:
                chosen = self._choose_after_login(uri, parsed, hidden.token, access, deadlines)
            process = self._processes[chosen.token.module_path.resolve()]
            certificates = [found for state in states for found in state.certificates]
            key = TokenKey(
                process, chosen, chain_for(chosen, certificates), access, self._rejected, deadlines, self._release
            )
            process.users += 1
            return key
        finally:
            for process in used:
                self._release(process)

    def read_certificate(self, uri: str, access: KeyAccess) -> bytes | None:
        """Return the certificate that `uri` names, DER; ``None`` where the token shows it after a login only."""
        used: list[ModuleProcess] = []
        try:
            parsed = parse_uri(uri)
            states = self._survey(chosen_modules(parsed, access), _deadlines(access), used)
            return chosen_in(uri, parsed, states, access).der
        except HiddenCertificate:
            return None
        finally:
            for process in used:
                self._release(process)

    def list_keys(self, access: KeyAccess) -> Iterator[KeyDescription]:
        """List the certificates on every token of every module, without a login.

        What cannot be listed (a module that crashes, a token without certificates) is told as a notice.
        """
        try:
            states = self.survey(access)
        except KeyTrouble as trouble:
            if trouble.code != "pkcs11.module_none":
                raise
            # Nothing is wrong with a machine that has no token software: there are just no such keys.
            access.tell(Notice(trouble.code, trouble.parameters))
            return
        for state in states:
            if state.trouble is not None:
                access.tell(Notice(state.trouble.code, state.trouble.parameters))
                continue
            module = str(state.module.path)
            if not state.tokens:
                access.tell(Notice("pkcs11.module_without_token", {"module": module}))
            for token in state.tokens:
                own = [found for found in state.certificates if found.token == token and not is_ca(found.certificate)]
                if not own:
                    access.tell(Notice("pkcs11.token_without_certificate", {"token": token.label, "module": module}))
                yield from (describe(found.der, uri_of(found)) for found in own)

    def survey(self, access: KeyAccess, modules: tuple[Module, ...] | None = None) -> tuple[ModuleState, ...]:
        """Return the state of every module: for `list_keys` and for `kyso doctor`. No login, nothing changed.

        :param modules: which to look at; ``None`` takes the configured or installed ones.
        """
        used: list[ModuleProcess] = []
        try:
            return tuple(self._survey(modules or chosen_modules(None, access), _deadlines(access), used))
        finally:
            for process in used:
                self._release(process)

    def _survey(
        self, modules: tuple[Module, ...], deadlines: Deadlines, used: list[ModuleProcess]
    ) -> list[ModuleState]:
        # Side by side, so that one module that hangs costs its own deadline only.
        with ThreadPoolExecutor(max_workers=min(len(modules), 8), thread_name_prefix="kyso-pkcs11") as pool:
            return list(pool.map(lambda module: self._examine(module, deadlines, used), modules))

    def _examine(self, module: Module, deadlines: Deadlines, used: list[ModuleProcess]) -> ModuleState:
        try:
            process = self._acquire(module, used)
            return _inventory(process, deadlines)
        except KeyTrouble as trouble:
            return ModuleState(module, {}, (), (), trouble)

    def _acquire(self, module: Module, used: list[ModuleProcess]) -> ModuleProcess:
        path = module.path.resolve()
        with self._lock:
            process = self._processes.get(path)
            if process is not None and process.alive:
                process.users += 1
                used.append(process)
                return process
        started = ModuleProcess(module)
        with self._lock:
            other = self._processes.get(path)
            if other is not None and other.alive:
                started.close()
                started = other
            self._processes[path] = started
            started.users += 1
            used.append(started)
            return started

    def _release(self, process: ModuleProcess) -> None:
        with self._lock:
            process.users -= 1
            if process.users > 0:
                return
            path = process.module.path.resolve()
            if self._processes.get(path) is process:
                del self._processes[path]
        process.close()

    def _choose_after_login(
        self, text: str, uri: TokenUri, token: Token, access: KeyAccess, deadlines: Deadlines
    ) -> TokenCertificate:
        process = self._processes[token.module_path.resolve()]
        log_in(process, token, access, self._rejected, deadlines)
        state = _inventory(process, deadlines)
        return choose(text, uri, list(state.certificates), list(state.tokens))


class HiddenCertificate(Exception):
    """Some tokens keep even their certificates private: only a login shows them."""

    def __init__(self, token: Token) -> None:
        super().__init__(token.label)
        self.token = token


def chosen_in(text: str, uri: TokenUri, states: list[ModuleState], access: KeyAccess) -> TokenCertificate:
    """Return the certificate that `uri` names among what is visible without a login.

    :raises HiddenCertificate: none matches, but one matching token shows no certificate at all.
    """
    troubles = [state.trouble for state in states if state.trouble is not None]
    if len(troubles) == len(states):
        raise troubles[0]
    for trouble in troubles:
        access.tell(Notice(trouble.code, trouble.parameters))
    tokens = [token for state in states for token in state.tokens]
    certificates = [found for state in states for found in state.certificates]
    try:
        return choose(text, uri, certificates, tokens)
    except KeyTrouble as trouble:
        hiding = [token for token in tokens if token_matches(token, uri) and _hides(token, certificates)]
        if trouble.code == "pkcs11.certificate_not_found" and len(hiding) == 1:
            raise HiddenCertificate(hiding[0]) from trouble
        raise


def _hides(token: Token, certificates: list[TokenCertificate]) -> bool:
    return "login_required" in token.flags and not any(
        found.token == token and not is_ca(found.certificate) for found in certificates
    )


def _inventory(process: ModuleProcess, deadlines: Deadlines) -> ModuleState:
    answer = process.call("inventory", deadlines.call_s, wanted={"slots": list})
    try:
        tokens, certificates = read_inventory(process.module.path, process.library, answer["slots"])
    except (KeyError, TypeError, ValueError) as cause:
        raise KeyTrouble(
            "pkcs11.failed", module=str(process.module.path), call="inventory", error=type(cause).__name__
        ) from cause
    return ModuleState(process.module, dict(process.library), tuple(tokens), tuple(certificates))


def _deadlines(access: KeyAccess) -> Deadlines:
    def seconds(name: str, default: float) -> float:
        value = access.options.get(name, default)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = 0.0
        if not 0 < number <= 3600:
            raise ConfigWrong("pkcs11.deadline_setting", name=name, value=value)
        return number

    return Deadlines(seconds("deadline_s", 30.0), seconds("person_deadline_s", 120.0))
