"""Extending letters: what is added, what level is stated, and what is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pytest

from kyso.demo.pki import DemoPki, Identity, Revoked, Subject, make_crl, make_root
from kyso.errors import KysoError
from kyso.extending.appending import append_store
from kyso.extending.evidence import ValidationData
from kyso.extending.extension import ExtendedDocument, Target, extend_document
from kyso.extending.timestamp import TimestampAuthorities
from kyso.secret import Secret
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.core.extending.authority import Authority, serving
from tests.vectors.making import PKCS7, sign, signer_of, terms

Extend = Callable[..., ExtendedDocument]


@pytest.fixture
def letter(letter_pdf: bytes, pki: DemoPki, tmp_path: Path) -> Path:
    """The letter with the leader's signature, level B-B."""
    path = tmp_path / "signed.pdf"
    path.write_bytes(sign(letter_pdf, signer_of(pki)))
    return path


@pytest.fixture
def extend(pki: DemoPki, authority: Authority, tmp_path: Path) -> Extend:
    """Extend with the demo's roots and lists and the test's authority."""

    def call(source: Path, target: Target, *, out: str = "out.pdf", **options: object) -> ExtendedDocument:
        settings = options.pop("settings", terms(pki))
        urls = options.pop("urls", [authority.url])
        authorities = TimestampAuthorities(urls) if urls else None  # type: ignore[arg-type] # a list of texts
        return extend_document(
            source,
            target,
            settings,  # type: ignore[arg-type] # settings
            authorities,
            fetcher=options.pop("fetcher", None),  # type: ignore[arg-type] # a fetcher or None
            out=tmp_path / out,
            **options,  # type: ignore[arg-type] # flags
        )

    return call


def roots_only(pki: DemoPki) -> VerificationSettings:
    """Trust the root and know nothing else, as a reader years later."""
    return VerificationSettings(trust=(pki.root_pem,))


def test_lt_makes_a_letter_verifiable_by_itself(letter: Path, pki: DemoPki, extend: Extend) -> None:
    """With the root alone the letter was undetermined; extended it is valid, and its time is proven."""
    assert verify_document(letter, roots_only(pki)).verdict == "undetermined"
    extended = extend(letter, "lt")
    assert extended.level == "lt"
    assert extended.timestamps == 1
    assert extended.crls == 2
    report = verify_document(extended.path, roots_only(pki))
    assert report.verdict == "valid"
    assert report.changes == "permitted"
    assert report.signatures[0].signing_time.source == "timestamp"
    assert report.signatures[0].certificate is not None
    assert report.signatures[0].certificate.checked_with == "embedded"


def test_the_original_is_a_prefix(letter: Path, extend: Extend) -> None:
    """Not one signed octet is rewritten."""
    original = letter.read_bytes()
    for target in ("lt", "lta"):
        extended = extend(letter, target, out=f"{target}.pdf")
        assert extended.path.read_bytes().startswith(original)
        assert (extended.original_size, extended.size) == (len(original), extended.path.stat().st_size)
    assert letter.read_bytes() == original


def test_lta_seals_the_data_with_a_timestamp(letter: Path, pki: DemoPki, extend: Extend) -> None:
    """The last revision is a document timestamp over the validation data."""
    extended = extend(letter, "lta")
    assert (extended.level, extended.timestamps) == ("lta", 2)
    report = verify_document(extended.path, roots_only(pki))
    assert [signature.kind for signature in report.signatures] == ["approval", "timestamp", "timestamp"]
    assert report.signatures[0].level == "B-LTA"
    assert report.signatures[-1].coverage == "file"


def test_extending_again_adds_only_a_timestamp(letter: Path, extend: Extend) -> None:
    """What is embedded already is not embedded twice."""
    first = extend(letter, "lta")
    second = extend(first.path, "lta", out="again.pdf")
    assert (second.level, second.timestamps) == ("lta", 1)
    assert (second.certificates, second.crls, second.ocsp) == (0, 0, 0)


def test_a_certificate_that_expired_since_stays_valid(letter: Path, pki: DemoPki, extend: Extend) -> None:
    """The proof of time carries the signature beyond the end of its certificate."""
    later = datetime.now(UTC) + timedelta(days=740)
    settings = VerificationSettings(trust=(pki.root_pem,), at=later)
    assert verify_document(letter, settings).verdict == "undetermined"
    report = verify_document(extend(letter, "lta").path, settings)
    assert report.signatures[0].indication != "TOTAL-FAILED"
    assert report.signatures[0].certificate is not None


def test_another_validator_accepts_the_archive_profile(letter: Path, pki: DemoPki, extend: Extend) -> None:
    """pyHanko validates the result by the ETSI process for long-term signatures, asking nobody."""
    import asyncio

    from pyhanko.keys import load_certs_from_pemder_data
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation.ades import ades_lta_validation
    from pyhanko.sign.validation.policy_decl import (
        PdfSignatureValidationSpec,
        RevinfoOnlineFetchingRule,
        RevocationInfoGatheringSpec,
        SignatureValidationSpec,
    )
    from pyhanko_certvalidator.context import CertValidationPolicySpec
    from pyhanko_certvalidator.policy_decl import NO_REVOCATION, REQUIRE_REVINFO, CertRevTrustPolicy
    from pyhanko_certvalidator.registry import SimpleTrustManager

    def policy(rule: object) -> CertValidationPolicySpec:
        roots = SimpleTrustManager.build(list(load_certs_from_pemder_data(pki.root_pem.read_bytes())))
        return CertValidationPolicySpec(roots, CertRevTrustPolicy(rule))

    spec = SignatureValidationSpec(
        policy(REQUIRE_REVINFO),
        RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY),
        # The newest timestamp's own revocation data comes with the next one.
        ts_cert_validation_policy=policy(NO_REVOCATION),
    )
    with extend(letter, "lta").path.open("rb") as file:
        signature = PdfFileReader(file).embedded_regular_signatures[0]
        result = asyncio.run(ades_lta_validation(signature, PdfSignatureValidationSpec(spec)))
    assert result.api_status.bottom_line
    assert result.api_status.modification_level == ModificationLevel.LTA_UPDATES


def test_the_store_is_as_iso_32000_has_it(letter: Path, extend: Extend) -> None:
    """/DSS with /Certs and /CRLs, indirect streams of DER."""
    with pikepdf.open(extend(letter, "lt").path) as pdf:
        store = pdf.Root.DSS
        assert store.Certs.is_indirect
        assert all(bytes(item.read_bytes())[0] == 0x30 for key in ("/Certs", "/CRLs") for item in store[key])


def test_nothing_else_is_touched(letter: Path, extend: Extend) -> None:
    """Beside the store, the timestamps and the extension's declaration nothing changes: no metadata, no version."""
    report = extend(letter, "lta").report
    codes = {change.code for change in report.signatures[0].change_list}
    assert codes <= {"change.security_store", "change.timestamp_added", "change.extensions"}


def test_a_size_that_lies_overwrites_nothing(letter_pdf: bytes, tmp_path: Path) -> None:
    """New objects get numbers above every one in use, whatever /Size claims."""
    path, out = tmp_path / "size.pdf", tmp_path / "out.pdf"
    path.write_bytes(re.sub(rb"/Size (\d+)", lambda found: b"/Size " + b"5".rjust(len(found[1])), letter_pdf))
    assert path.read_bytes() != letter_pdf
    with pikepdf.open(io.BytesIO(letter_pdf)) as pdf:
        highest = max(number for number, _ in pdf.get_xref_table())
    with out.open("w+b") as file:
        append_store(path, file, ValidationData((b"\x30\x00",), (), (), ()), name="size.pdf", password=None)
    with pikepdf.open(out) as pdf:
        assert pdf.Root.DSS.objgen[0] > highest
        assert len(pdf.pages) == 2
        assert pdf.pages[1].Contents.read_bytes()


def test_signatures_without_pades_attributes_are_extended_too(
    letter_pdf: bytes, pki: DemoPki, extend: Extend, tmp_path: Path
) -> None:
    """As most Vietnamese letters are signed: adbe.pkcs7.detached."""
    path = tmp_path / "pkcs7.pdf"
    path.write_bytes(sign(letter_pdf, signer_of(pki), subfilter=PKCS7))
    assert extend(path, "lt").level == "lt"


def test_an_encrypted_letter_is_extended(letter_pdf: bytes, pki: DemoPki, extend: Extend, tmp_path: Path) -> None:
    """With its password, and stays encrypted."""
    from kyso import Engine, SignRequest
    from kyso.config import Config
    from kyso.demo.pki import DEMO_PASSWORD

    plain, locked, signed = (tmp_path / name for name in ("plain.pdf", "locked.pdf", "locked.signed.pdf"))
    plain.write_bytes(letter_pdf)
    with pikepdf.open(plain) as pdf:
        pdf.save(locked, encryption=pikepdf.Encryption(owner="o", user="u"))
    with Engine.from_config(Config(), ask_secret=lambda *_: Secret(DEMO_PASSWORD)) as engine:
        key = f"pfx:{pki.pfx('leader')}"
        engine.sign(SignRequest(locked, key=key, policy="invisible", out=signed, password=Secret("u")))
    extended = extend(signed, "lta", settings=terms(pki, password=Secret("u")))
    assert extended.level == "lta"
    assert verify_document(extended.path, roots_only(pki)).verdict == "unreadable"


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("unsigned", "extending.unsigned"),
        ("tampered", "extending.invalid"),
        ("no pdf", "verification.not_pdf"),
        ("no lists", "extending.evidence_missing"),
        ("no root", "extending.evidence_missing"),
        ("no authority", "tsa.none_configured"),
        ("dead authority", "tsa.all_failed"),
        ("output is there", "output.exists"),
        ("output is input", "output.is_input"),
    ],
)
def test_what_cannot_be_extended_leaves_no_output(
    case: str, code: str, letter: Path, letter_pdf: bytes, pki: DemoPki, extend: Extend, tmp_path: Path
) -> None:
    """Each refusal has its code, and there is no output."""
    options: dict[str, object] = {}
    if case == "unsigned":
        letter.write_bytes(letter_pdf)
    elif case == "tampered":
        data = bytearray(letter.read_bytes())
        data[len(data) // 20] ^= 1
        letter.write_bytes(data)
    elif case == "no pdf":
        letter.write_bytes(b"hello")
    elif case == "no lists":
        options["settings"] = roots_only(pki)
    elif case == "no root":
        options["settings"] = VerificationSettings(crls=(pki.crl_folder,))
    elif case == "no authority":
        options["urls"] = []
    elif case == "dead authority":
        options["urls"] = ["http://127.0.0.1:1/"]
    elif case == "output is there":
        (tmp_path / "out.pdf").write_bytes(b"mine")
    else:
        options |= {"out": "signed.pdf", "overwrite": True}
    with pytest.raises(KysoError) as refused:
        extend(letter, "lt", **options)
    assert refused.value.code == code
    assert refused.value.message("vi")
    if case == "output is there":
        assert (tmp_path / "out.pdf").read_bytes() == b"mine"
    elif case != "output is input":
        assert not (tmp_path / "out.pdf").exists()
    assert not list(tmp_path.glob(".kyso-*"))


def test_best_effort_writes_and_says_what_was_reached(letter: Path, pki: DemoPki, extend: Extend) -> None:
    """Without revocation lists the time can still be proven; the level is stated as it is."""
    extended = extend(letter, "lta", settings=roots_only(pki), best_effort=True)
    assert extended.level == "b"
    assert "extending.no_revocation_data" in {notice.code for notice in extended.notices}


def test_best_effort_does_without_an_authority(letter: Path, extend: Extend) -> None:
    """What lists there are is embedded; that no time could be proven is said."""
    for urls, code in (([], "tsa.none_configured"), (["http://127.0.0.1:1/"], "tsa.all_failed")):
        extended = extend(letter, "lta", urls=urls, best_effort=True, overwrite=True)
        assert (extended.level, extended.timestamps) == ("b", 0)
        assert extended.crls == 2
        assert code in {notice.code for notice in extended.notices}


def test_an_untrusted_authority_raises_no_level(letter: Path, extend: Extend) -> None:
    """A timestamp of an authority that chains nowhere proves nothing, and nothing is written."""
    from cryptography import x509

    from kyso.demo.pki import issue

    purposes = [x509.oid.ExtendedKeyUsageOID.TIME_STAMPING]
    stranger: Identity = issue(make_root(Subject("TEST stranger")), Subject("TEST stranger TSA"), purposes=purposes)
    with serving(stranger) as running, pytest.raises(KysoError) as refused:
        extend(letter, "lt", urls=[running.url])
    assert refused.value.code == "extending.evidence_missing"


def test_a_revoked_signer_is_not_extended(letter: Path, pki: DemoPki, extend: Extend, tmp_path: Path) -> None:
    """Revoked without proof of an earlier signature is invalid and stays so."""
    crl = tmp_path / "revoked.crl"
    leader = pki.identities["leader"].certificate
    crl.write_bytes(make_crl(pki.issuing, [Revoked(leader, datetime.now(UTC) - timedelta(hours=1))]))
    with pytest.raises(KysoError) as refused:
        extend(letter, "lt", settings=VerificationSettings(trust=(pki.root_pem,), crls=(crl,)))
    assert refused.value.code == "extending.invalid"


def test_a_caller_with_an_event_loop_is_not_disturbed(letter: Path, extend: Extend) -> None:
    """Web servers call from inside a running loop."""
    import asyncio

    async def serve() -> str:
        return extend(letter, "lt").level

    assert asyncio.run(serve()) == "lt"
