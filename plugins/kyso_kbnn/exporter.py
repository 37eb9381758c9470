"""The KBNN export for other systems: dossier in, body of SendDocument out, reachable without the command line.

``kbnn.envelope`` is contributed through `register_exporters`. It takes a dossier as JSON (kyso's form or the gateway's)
or as a workbook, and the two signers' envelopes or keys, and returns the JSON body without LoginInfo: passwords never
pass through an export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kyso.contracts import Key
from kyso.plugin import InputRefused, WrongUse
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.body import gateway_objects, signed_dossier, to_json_bytes
from kyso_kbnn.contributions import EXPORT_OPTIONS
from kyso_kbnn.dossier import Dossier, completed
from kyso_kbnn.envelope import ROLES, Envelope, Role, read_envelope
from kyso_kbnn.problems import Problem, refuse_errors
from kyso_kbnn.profile import Profile, default_profile, load_profile
from kyso_kbnn.reading import parse_json, read_dossier
from kyso_kbnn.rules import check_dossier
from kyso_kbnn.signing import same_person, sign_content
from kyso_kbnn.xml_schema import validate


class EnvelopeExporter:
    """Exports a dossier.

    :param keys: opens the signers' keys, for a host that signs during the export; without it the envelopes are given
        as options, or the export is unsigned data.
    :param now: the clock.
    """

    def __init__(
        self,
        keys: Callable[[Role], Key] | None = None,
        *,
        unit: Mapping[str, Any] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = keys
        self._unit = unit or {}
        self._now = now

    def export(self, data: bytes, options: Mapping[str, str]) -> bytes:
        """Return the exported document.

        :param data: the dossier: JSON, or an .xlsx workbook.
        :param options: ``form`` is ``body`` (default: the signed body of SendDocument) or ``xml`` (the authentication
            data to sign elsewhere); ``accountant_envelope`` and ``holder_envelope`` are envelopes made before;
            ``accountant_username`` and ``holder_username`` go into the body; ``profile`` is a path.
        :raises DossierRefused: everything that is wrong with the dossier.
        :raises WrongUse: an unknown option, or a body without both signatures.
        """
        unknown = set(options) - set(EXPORT_OPTIONS)
        if unknown:
            raise WrongUse("kbnn.option_unknown", names=sorted(unknown), known=EXPORT_OPTIONS)
        profile = load_profile(Path(options["profile"])) if "profile" in options else default_profile()
        dossier, _ = load(data, profile, self._unit, "dossier")
        content = write_authentication_data(dossier, profile)
        validate(content, profile)
        form = options.get("form", "body")
        if form == "xml":
            return content
        if form != "body":
            raise WrongUse("kbnn.option_unknown", names=[f"form={form}"], known=("form=body", "form=xml"))
        envelopes = self._envelopes(content, options, profile, dossier.code)
        usernames: dict[Role, str] = {role: options.get(f"{role}_username", "") for role in ROLES}
        return to_json_bytes(gateway_objects(signed_dossier(dossier, content, envelopes, usernames, profile), profile))

    def _envelopes(
        self, content: bytes, options: Mapping[str, str], profile: Profile, name: str
    ) -> dict[Role, Envelope]:
        from kyso_kbnn.envelope_check import check_envelope

        envelopes: dict[Role, Envelope] = {}
        certificates: list[bytes] = []
        for role in ROLES:
            given = options.get(f"{role}_envelope")
            if given:
                encoded = given.encode("utf-8")
                report = check_envelope(content, encoded, role, profile, None, self._now())
                if report.integrity != "intact":
                    raise InputRefused("kbnn.envelope_of_other_data", role=role)
                envelopes[role] = read_envelope(encoded, profile)
                certificates.append(report.certificate)
            elif self._keys is not None:
                key = self._keys(role)
                envelopes[role] = sign_content(content, role, key, self._now(), profile, document_name=name)
                certificates.append(key.certificate)
            else:
                raise WrongUse("kbnn.signature_needed", role=role)
        if profile.house_rules.different_people and same_person(*certificates):
            raise InputRefused("kbnn.same_person", name=name)
        return envelopes


def load(data: bytes, profile: Profile, unit: Mapping[str, Any], name: str) -> tuple[Dossier, tuple[Problem, ...]]:
    """Read a coded dossier from JSON or a workbook, complete and check it.

    :returns: the dossier, and the warnings.
    :raises DossierRefused: with every error.
    """
    dossier, found = read_any(data, profile, unit, name)
    return dossier, refuse_errors(found, name)


def read_any(
    data: bytes,
    profile: Profile,
    unit: Mapping[str, Any],
    name: str,
    *,
    prepare: Callable[[Dossier], Dossier] | None = None,
) -> tuple[Dossier, list[Problem]]:
    """Read a dossier in any form and return it with everything that was found.

    :param prepare: what happens between reading and checking, such as giving it its codes; not called for a dossier
        that could not be read.
    """
    from kyso_kbnn.problems import errors_among

    placed: Callable[[Iterable[Problem]], list[Problem]]
    if data[:4] == b"PK\x03\x04":
        from kyso_kbnn.workbook_reading import read_workbook

        book = read_workbook(data, profile, name)
        draft = read_dossier(book.raw, profile, unit, name)
        placed = book.placed
        problems = [*book.problems, *placed(draft.problems)]
    else:
        draft = read_dossier(parse_json(data, name), profile, unit, name)
        placed = _unplaced
        problems = list(draft.problems)
    dossier = completed(draft.dossier, profile)
    if prepare is not None:
        first = [*problems, *placed(check_dossier(dossier, profile, stage="draft", wrong=draft.wrong))]
        if errors_among(first):
            return dossier, first
        dossier = prepare(dossier)
    return dossier, [*problems, *placed(check_dossier(dossier, profile, wrong=draft.wrong))]


def _unplaced(problems: Iterable[Problem]) -> list[Problem]:
    return list(problems)
