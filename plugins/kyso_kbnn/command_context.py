"""What the commands of ``kyso kbnn`` share: configuration, files, secrets, keys, the session with the gateway."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.cli import output
from kyso.cli.common import Common
from kyso.plugin import InputRefused, Notice, Secret, SigningRefused, WrongUse
from kyso_kbnn.settings import KbnnSettings, settings_of

if TYPE_CHECKING:
    import typer

    from kyso.engine import Engine
    from kyso.verification.judgement import CertificateJudge
    from kyso_kbnn.dossier import Dossier
    from kyso_kbnn.enclosed_pdf import JudgePdf
    from kyso_kbnn.envelope import Role
    from kyso_kbnn.folder import DossierFolder
    from kyso_kbnn.gateway import GatewayClient
    from kyso_kbnn.problems import Problem


def context(ctx: typer.Context) -> tuple[Common, KbnnSettings]:
    """Return the common options and the plugin's settings."""
    common: Common = ctx.obj
    return common, settings_of(common.config)


def present() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


def load_source(common: Common, settings: KbnnSettings, source: Path) -> Dossier:
    """Read a dossier, give it the codes it lacks, and show the warnings.

    :raises DossierRefused: with every error.
    """
    from kyso_kbnn.codes import Numbering, assign_codes
    from kyso_kbnn.exporter import read_any
    from kyso_kbnn.problems import refuse_errors

    def number(dossier: Dossier) -> Dossier:
        if dossier.code and all(voucher.header.get("v_so_chung_tu") for voucher in dossier.vouchers):
            return dossier
        from kyso.plugins import create_plugin_manager
        from kyso.records.store import Records

        with Records.of(common.config, create_plugin_manager()) as records:
            numbering = Numbering(records.next_value, settings.dossier_prefix, settings.voucher_prefix)
            return assign_codes(dossier, numbering, settings.profile)

    dossier, found = read_any(read_file(source), settings.profile, settings.unit, source.name, prepare=number)
    for warning in _warnings(refuse_errors(found, source.name)):
        output.say("kbnn.warning", common.language, {"where": warning.where, "words": warning.message(common.language)})
    return dossier


def _warnings(found: tuple[Problem, ...]) -> list[Problem]:
    return [problem for problem in found if problem.severity == "warning"]


def sign_role(
    common: Common,
    settings: KbnnSettings,
    folder: DossierFolder,
    role: Role,
    key_name: str,
    secret_env: str | None,
    again: bool,
) -> object:
    """Sign as one role with a configured key.

    :raises SigningRefused: the key is not of the form that the unit uses.
    """
    from kyso.cli.secrets import asker
    from kyso.signing.keys import uri_of
    from kyso_kbnn.signing import SignerKey, key_form, sign_folder

    username = settings.accountant_username if role == "accountant" else settings.holder_username
    with common.engine(asker(common.language, secret_env=secret_env)) as engine:
        form = key_form(uri_of(key_name, common.config))
        refuse_other_form(form, settings)
        return sign_folder(
            folder,
            role,
            SignerKey(engine.key(key_name), form, username),
            settings.profile,
            settings.house_rules,
            present(),
            judge_certificate=lambda certificate, chain: _judged(certificate, chain, key_name, common),
            again=again,
        )


def refuse_other_form(form: str, settings: KbnnSettings) -> None:
    """Hold a key's form against the one that the unit uses (letter 7204/KBNN-CNTT: token or remote, one at a time).

    :raises SigningRefused: it is the other one.
    """
    wanted = settings.key_form
    if settings.house_rules.one_key_form and wanted is not None and {form, wanted} == {"token", "remote"}:
        raise SigningRefused("kbnn.other_key_form", wanted=wanted, form=form)


def _judged(certificate: bytes, chain: tuple[bytes, ...], key_name: str, common: Common) -> tuple[Notice, ...]:
    """Judge a signer's certificate as before every signature; both signers of a dossier are people."""
    from kyso.signing.judgement import judge
    from kyso.signing.owner import check_owner

    config = common.config
    online = common.online or config.network.online
    doubts = judge(certificate, chain, config, present(), online=online)
    return (*doubts, *check_owner(certificate, "person", key_name, config))


def sign_xml(
    common: Common,
    settings: KbnnSettings,
    content: bytes,
    role: str,
    key_name: str,
    form: str,
    secret_env: str | None,
) -> bytes:
    """Sign authentication data as XAdES or XML-DSig with a configured key that answers at once.

    :raises WrongUse: there is no such role or form.
    :raises KeyTrouble: the certificate must not sign, or a person would have to confirm.
    """
    from kyso.cli.secrets import asker
    from kyso.models import Signed
    from kyso.plugin import KeyTrouble
    from kyso.signing.certificates import check_certificate
    from kyso.signing.keys import uri_of
    from kyso_kbnn.signing import envelope_certificates, key_form
    from kyso_kbnn.xades import finish_xml_signature, prepare_xml_signature

    if role not in ("accountant", "holder") or form not in ("xades", "xmldsig"):
        known = ("accountant", "holder", "xades", "xmldsig")
        raise WrongUse("kbnn.option_unknown", names=[role, form], known=known)
    with common.engine(asker(common.language, secret_env=secret_env)) as engine:
        refuse_other_form(key_form(uri_of(key_name, common.config)), settings)
        key = engine.key(key_name)
        check_certificate(key.certificate, present())
        _judged(key.certificate, key.chain, key_name, common)
        prepared = prepare_xml_signature(
            content,
            "holder" if role == "holder" else "accountant",
            envelope_certificates(key),
            key.schemes,
            present(),
            settings.profile,
            form="xmldsig" if form == "xmldsig" else "xades",
        )
        answer = key.sign(prepared.to_sign(settings.profile.xml.root), prepared.scheme)
        if not isinstance(answer, Signed):
            raise KeyTrouble("kbnn.needs_folder", role=role)
        return finish_xml_signature(prepared, answer.values[0])


def certificate_judges(
    common: Common, trust: list[Path] | None, crl: list[Path] | None, moment: datetime
) -> Callable[[], CertificateJudge]:
    """Return what makes a judge with the trust of this run."""
    from kyso.verification.distrust import distrust_of
    from kyso.verification.judgement import CertificateJudge
    from kyso.verification.settings import settings_from
    from kyso.verification.trust import load_trust

    verification = settings_from(common.config, trust=trust, crls=crl, at=moment)
    store = load_trust(verification.trust, verification.crls)
    unsafe = distrust_of(verification)
    return lambda: CertificateJudge(store, moment, verification.revocation, None, unsafe)


def pdf_verifier(
    engine: Engine,
    *,
    trust: list[Path] | None = None,
    crl: list[Path] | None = None,
    moment: datetime | None = None,
) -> JudgePdf:
    """Return what judges a PDF that goes with a dossier, with the trust of this run."""
    from kyso_kbnn.enclosed_pdf import judge_pdf

    return lambda path: judge_pdf(path, lambda file: engine.verify(file, trust=trust, crls=crl, at=moment))


def open_gateway(
    common: Common, settings: KbnnSettings, password: Secret, purpose: str, *, log_folder: Path | None = None
) -> GatewayClient:
    """Return a client for the configured gateway.

    :param purpose: the command, for the log of log-ins.
    :param log_folder: where that log is kept; ``None`` takes the folder of the dossiers.
    :raises WrongUse: the network is not permitted, or the configuration lacks something.
    """
    from kyso_kbnn import login_log
    from kyso_kbnn.gateway import Credentials, GatewayClient

    if not common.online and not settings.gateway_private:
        raise WrongUse("kbnn.offline")
    missing = [
        name
        for name, value in (
            ("holder_username", settings.holder_username),
            ("unit_budget_code", settings.unit.get("budget_code")),
            ("computer_ip", settings.computer_ip),
            ("computer_name", settings.computer_name),
        )
        if not value
    ]
    if missing:
        raise WrongUse("kbnn.settings_missing", names=missing)
    credentials = Credentials(
        settings.holder_username,
        password,
        str(settings.unit["budget_code"]),
        settings.computer_ip,
        settings.computer_name,
    )
    place = log_folder or settings.dossiers

    def told(outcome: str) -> None:
        login_log.record(place, settings.holder_username, settings.computer_name, purpose, outcome, present())

    return GatewayClient(
        settings.profile,
        credentials,
        on_login=told,
        url=settings.gateway_url,
        deadline_s=settings.gateway_deadline_s,
        allow_private=settings.gateway_private,
    )


def ask_password(common: Common, settings: KbnnSettings, variable: str | None) -> Secret:
    """Get the account holder's password for the portal."""
    from kyso.cli.secrets import asker

    return asker(common.language, secret_env=variable)("kbnn.ask_password", {"name": settings.holder_username})


def tell_state(common: Common, folder: DossierFolder, answer_format: str) -> None:
    """Show a dossier's state."""
    from kyso_kbnn.wording import state_words

    state = folder.state()
    if answer_format == "json":
        output.put_json(state_json(folder.path, state))
        return
    words = state_words(state.state, common.language)
    about = {"code": state.code, "state": words, "path": folder.path, "words": state.gateway_status or "-"}
    output.say("kbnn.state", common.language, about)


def state_json(path: Path, state: Any, **more: object) -> dict[str, Any]:
    """Return a dossier's state as the JSON contract ``kyso.kbnn.status/1``."""
    return {
        "schema": "kyso.kbnn.status/1",
        "path": str(path),
        "code": state.code,
        "state": state.state,
        "gateway_status": state.gateway_status,
        "gateway_file": state.gateway_file,
        "sha256": dict(state.sha256),
        **more,
    }


def read_file(path: Path) -> bytes:
    """Read a file a person named.

    :raises InputRefused: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(16 * 1024 * 1024)
    except OSError as cause:
        raise InputRefused("kbnn.file_unreadable", name=str(path), cause=cause.strerror or "") from cause


def give(out: Path | None, data: bytes, force: bool) -> None:
    """Write data to `out`, or to stdout without one."""
    if out is None:
        output.put_bytes(data)
    else:
        write_file(out, data, force)


def write_file(out: Path, data: bytes, force: bool) -> None:
    """Write a file, never over an existing one unless told."""
    from kyso.update.files import write_output

    write_output(out, (data,), overwrite=force)
