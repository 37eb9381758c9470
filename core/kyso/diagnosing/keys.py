"""The configured keys, as far as they show themselves without a secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kyso.contracts import Diagnosis
from kyso.diagnosing.doctor import failure_of
from kyso.errors import KysoError

if TYPE_CHECKING:
    from kyso.contracts import Examination


class KeysDiagnostic:
    """Looks at ``[keys.NAME]``, but for sources that have an examination of their own of the same name."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return one or more lines for each key."""
        from kyso.diagnosing.certificates import examine_certificate
        from kyso.signing.keys import resolve

        config, registry = examination.config, examination.registry
        if not config.keys:
            yield Diagnosis("diagnosing.no_keys", "warning")
        own = registry.contributions("diagnostics")
        if any(section.keyring for section in config.keys.values()):
            yield _safe(examination)
        for name, section in config.keys.items():
            scheme = section.uri.partition(":")[0]
            try:
                uri, source = resolve(name, config, registry)
                if scheme in own:
                    chapter = own[scheme].contribution.summary
                    yield Diagnosis("diagnosing.key_elsewhere", "ok", {"key": name, "chapter": chapter})
                    continue
                certificate = source.read_certificate(uri, examination.access(name))
            except KysoError as error:
                yield failure_of(error, key=name)
                continue
            if certificate is None:
                yield Diagnosis("diagnosing.key_closed", "ok", {"key": name, "uri": uri})
            else:
                yield from examine_certificate(name, certificate, (), examination)


def _safe(examination: Examination) -> Diagnosis:
    """Say whether the system's safe, which a key's configuration asks for, can be used."""
    from kyso.signing.secret_store import PURPOSES, SystemStore

    config = examination.config
    wanting = [name for name, section in config.keys.items() if section.keyring]
    try:
        kept = [
            name for name in wanting if any(SystemStore(name, config).get(purpose) is not None for purpose in PURPOSES)
        ]
    except KysoError as error:
        return failure_of(error)
    return Diagnosis("diagnosing.safe", "ok", {"keys": wanting, "kept": kept or ["-"]})
