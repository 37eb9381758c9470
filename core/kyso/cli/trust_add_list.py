"""``kyso trust add LIST.xml``: the granted authorities of a trust list (ETSI TS 119 612).

JSON: the answer of ``kyso trust add`` and beside it::

    list         {operator, territory, sequence, issued, next_update, signed, checked}
    services[]   {provider, name, status, since, granted, sha256[]}
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kyso import text
from kyso.cli import output
from kyso.cli.trust import certificate_table, put_answer, put_certificate, put_distrusted
from kyso.cli.trust_add import agreed, check_expected
from kyso.errors import InputRefused, WrongUse
from kyso.reports.wording import iso_time, shown_time
from kyso.verification import trust_folder
from kyso.verification.distrust import distrust_list
from kyso.verification.trust_list import MAX_LIST_BYTES, read_trust_list

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.cli.common import Common
    from kyso.cms.certificate import Certificate
    from kyso.text import Language
    from kyso.verification.trust_folder import StoredCertificate
    from kyso.verification.trust_list import TrustList, TrustService


def add_from(
    file: Path,
    list_signer: Path | None,
    folder: Path,
    expected: list[str],
    common: Common,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    """Show the list and each of its services, and add the granted ones that are confirmed."""
    now = datetime.now(UTC)
    signer = None if list_signer is None else _only_certificate(list_signer)
    read = _read(file, signer, now)
    language = common.language
    if not as_json:
        _put_list(read, language)
    _warn(read, signer, folder, language, now)
    granted = {
        certificate: service for service in read.services if service.granted for certificate in service.certificates
    }
    offered = [_stored(file, certificate) for certificate in granted if _is_authority(certificate)]
    if expected:
        check_expected(offered, expected)
        offered = [each for each in offered if each.certificate.sha256 in expected]
    if not offered:
        raise InputRefused("trust.list_nothing_granted", name=file.name)
    held = {each.certificate for each in trust_folder.stored(folder) if each.role in ("root", "listed")}
    unsafe = distrust_list((folder,))
    added: list[StoredCertificate] = []
    for each in offered:
        certificate, told = each.certificate, {"subject": each.certificate.display_name}
        service = granted[certificate]
        if not as_json:
            output.put("")
            output.put(text.message("trust.service", language, _words(service)))
            put_certificate(certificate, each.role, language, now)
        ruled_out = [entry for entry in unsafe if entry.meets(certificate)]
        if ruled_out:
            put_distrusted(ruled_out[0], language)
        if ruled_out or certificate in held or not (yes or agreed(each, common)):
            output.say("trust.not_added", language, told)
            continue
        note = {**_words(service), "operator": read.operator, "sequence": read.sequence}
        placed = trust_folder.add(folder, certificate, listed_as=text.message("trust.service_note", language, note))
        added.append(trust_folder.StoredCertificate(placed, certificate, each.role))
        output.say("trust.added", language, {**told, "file": placed})
    if as_json:
        put_answer(
            folder,
            certificates=[certificate_table(each) for each in added],
            list=_list_table(read),
            services=[_service_table(service) for service in read.services],
        )
    return 0 if added else WrongUse.exit_code


def _only_certificate(file: Path) -> Certificate:
    found = trust_folder.certificates_in(file)
    if len(found) != 1:
        raise WrongUse("trust.one_certificate", file=file, count=len(found))
    return found[0].certificate


def _is_authority(certificate: Certificate) -> bool:
    return trust_folder.role_of(certificate) != "other"


def _stored(file: Path, certificate: Certificate) -> StoredCertificate:
    role = trust_folder.role_of(certificate)
    return trust_folder.StoredCertificate(file, certificate, "listed" if role == "intermediate" else role)


def show(file: Path, common: Common, *, as_json: bool) -> int:
    """Show a list with all its services; nothing is trusted by being shown."""
    now = datetime.now(UTC)
    read = _read(file, None, now)
    folder = trust_folder.folder_of(common.config)
    _warn(read, None, folder, common.language, now)
    if as_json:
        put_answer(folder, list=_list_table(read), services=[_service_table(service) for service in read.services])
        return 0
    _put_list(read, common.language)
    for service in read.services:
        for certificate in service.certificates if service.granted else ():
            output.put("")
            output.put(text.message("trust.service", common.language, _words(service)))
            put_certificate(certificate, _stored(file, certificate).role, common.language, now)
    return 0


def _read(file: Path, signer: Certificate | None, now: datetime) -> TrustList:
    with file.open("rb") as opened:
        data = opened.read(MAX_LIST_BYTES + 1)
    return read_trust_list(data, file.name, signer=signer, now=now)


def _put_list(read: TrustList, language: Language) -> None:
    """Say whose list it is, and which services are not taken."""
    output.put(text.message("trust.list_head", language, _head(read)))
    for service in read.services:
        if not service.granted:
            output.put(text.message("trust.service_not_taken", language, _words(service)))
    if read.left_out:
        output.put(text.message("trust.list_left_out", language, {"count": read.left_out}))


def _head(read: TrustList) -> dict[str, object]:
    return {
        "operator": read.operator or "-",
        "territory": text.shown(read.territory) or "-",
        "sequence": text.shown(read.sequence) or "-",
        "issued": _time(read.issued),
        "next_update": _time(read.next_update),
    }


def _warn(read: TrustList, signer: Certificate | None, folder: Path, language: Language, now: datetime) -> None:
    """Say what the list is worth, and name what a person trusted earlier and it no longer grants."""
    if signer is not None:
        output.say("trust.list_checked", language, {"subject": signer.display_name})
    else:
        output.say("trust.list_unchecked" if read.signed else "trust.list_unsigned", language)
    if read.next_update is not None and read.next_update < now:
        output.say("trust.list_outdated", language, _head(read))
    held = {each.certificate for each in trust_folder.stored(folder) if each.role in ("root", "listed")}
    still = {certificate for service in read.services if service.granted for certificate in service.certificates}
    for service in read.services:
        for certificate in service.certificates:
            if certificate in held and certificate not in still:
                told = {"subject": certificate.display_name, "sha256": certificate.sha256[:16]}
                output.say("trust.service_withdrawn_here", language, {**_words(service), **told})


def _words(service: TrustService) -> dict[str, object]:
    return {
        "name": service.name or "-",
        "provider": service.provider or "-",
        "status": text.shown(service.status) or "-",
        "since": _time(service.since),
    }


def _time(moment: datetime | None) -> str:
    return "-" if moment is None else shown_time(moment)


def _list_table(read: TrustList) -> dict[str, Any]:
    return {
        "operator": read.operator,
        "territory": text.shown(read.territory),
        "sequence": text.shown(read.sequence),
        "issued": None if read.issued is None else iso_time(read.issued),
        "next_update": None if read.next_update is None else iso_time(read.next_update),
        "signed": read.signed,
        "checked": read.checked,
    }


def _service_table(service: TrustService) -> dict[str, Any]:
    return {
        "provider": service.provider,
        "name": service.name,
        "status": text.shown(service.status),
        "since": None if service.since is None else iso_time(service.since),
        "granted": service.granted,
        "sha256": [certificate.sha256 for certificate in service.certificates],
    }
