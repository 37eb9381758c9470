"""The pipeline through the public facade: one letter, many, in one process and across processes."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kyso import Config, Engine, InputRefused, KeyTrouble, RectMm, Secret, SignatureValue, SigningRefused, SignRequest
from kyso.demo.pki import DEMO_PASSWORD, DemoPki
from kyso.errors import WrongUse
from kyso.models import FailedSignature, SignedDocument
from kyso.plugin import hookimpl
from kyso.plugins import create_plugin_manager
from tests.support.judges import pdfsig, pyhanko_validate, qpdf_check

PLACE = RectMm(20, 20, 60, 25)


def _ask(code: str, about: Mapping[str, object]) -> Secret:
    return Secret(DEMO_PASSWORD)


def _config(pki: DemoPki, **signing: Any) -> Config:
    from kyso.config import KeySection, SigningSection, VerificationSection

    keys = {name: KeySection(uri=f"pfx:{pki.pfx(name)}") for name in ("leader", "seal")}
    return Config(
        keys=keys,
        signing=SigningSection(**signing),
        verification=VerificationSection(trust=(pki.root_pem,), crl=(pki.crl_folder,)),
    )


@pytest.fixture
def engine(pki: DemoPki) -> Iterator[Engine]:
    """An engine with two file keys and the PKI trusted."""
    with Engine.from_config(_config(pki), ask_secret=_ask) as made:
        yield made


def _request(document: Path | bytes, out: Path | None = None, **more: Any) -> SignRequest:
    return SignRequest(document, key="leader", policy="fixed", page=1, rect_mm=PLACE, out=out, **more)


# ------------------------------------------------------------------------------------------------------ one letter


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"signature_format": "pkcs7"},
        {"digest": "sha384"},
        {"digest": "sha512", "scheme": "rsa-pss"},
        {"reason": "Phê duyệt", "location": "Hà Nội"},
        {"certify": 2},
    ],
    ids=lambda wish: ",".join(f"{name}={value}" for name, value in wish.items()) or "plain",
)
def test_a_letter_is_valid_for_every_judge(
    wish: dict[str, Any], engine: Engine, letter_path: Path, tmp_path: Path, pki: DemoPki
) -> None:
    """Format, digest, scheme and certification as wished; valid for pdfsig, pyHanko, qpdf and kyso itself."""
    out = tmp_path / "signed.pdf"
    signed = engine.sign(_request(letter_path, out, **wish))
    assert isinstance(signed, SignedDocument)
    data = out.read_bytes()
    assert data.startswith(letter_path.read_bytes()), "the original is a prefix"
    assert (signed.size, signed.original_size) == (len(data), letter_path.stat().st_size)
    (seen,) = pdfsig(out)
    assert (seen.valid, seen.total_document, seen.field) == (True, True, signed.field)
    expected_kind = "adbe.pkcs7.detached" if wish.get("signature_format") == "pkcs7" else "ETSI.CAdES.detached"
    assert seen.kind == expected_kind
    (judged,) = pyhanko_validate(data, [pki.root_pem.read_bytes()])
    assert judged.bottom_line, judged.text
    assert qpdf_check(out)[0] == 0
    report = engine.verify(out)
    assert (report.verdict, report.integrity, report.changes) == ("valid", "intact", "none")
    assert not signed.notices, "a trusted certificate with a fresh list raises no doubt"


def test_bytes_in_bytes_out(engine: Engine, letter_pdf: bytes) -> None:
    """Without an output the signed letter comes back as bytes, with the original in front."""
    signed = engine.sign(_request(letter_pdf))
    assert isinstance(signed, SignedDocument)
    assert signed.data is not None
    assert signed.path is None
    assert signed.data.startswith(letter_pdf)


def test_a_second_signature_leaves_the_first_valid(engine: Engine, letter_pdf: bytes, pki: DemoPki) -> None:
    """Leader and organisation sign in turn; both stay valid and the first covers its revision."""
    first = engine.sign(_request(letter_pdf))
    assert isinstance(first, SignedDocument)
    assert first.data is not None
    second = engine.sign(dataclasses.replace(_request(first.data), key="seal", rect_mm=PLACE.moved(70)))
    assert isinstance(second, SignedDocument)
    assert second.data is not None
    assert second.data.startswith(first.data)
    judged = pyhanko_validate(second.data, [pki.root_pem.read_bytes()])
    assert [one.bottom_line for one in judged] == [True, True]
    report = engine.verify(second.data)
    assert (report.verdict, [one.changes for one in report.signatures]) == ("valid", ["permitted", "none"])


def test_the_password_is_asked_for_once(pki: DemoPki, letter_pdf: bytes) -> None:
    """One question opens the key for every letter of the engine."""
    asked: list[str] = []

    def ask(code: str, about: Mapping[str, object]) -> Secret:
        asked.append(code)
        return Secret(DEMO_PASSWORD)

    with Engine.from_config(_config(pki), ask_secret=ask) as engine:
        for _ in range(3):
            engine.sign(_request(letter_pdf))
    assert asked == ["pfx.ask_password"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"document": b"no PDF at all"}, "document.not_pdf"),
        ({"policy": "no-such"}, "plugins.unknown"),
        ({"settings": {"no_such": "1"}}, None),
        ({"level": "t"}, "tsa.none_configured"),
        ({"document": Path("/nonexistent/letter.pdf")}, "document.not_found"),
    ],
)
def test_what_is_wrong_anyway_is_refused_before_the_password(
    change: dict[str, Any], code: str | None, pki: DemoPki, letter_pdf: bytes
) -> None:
    """A bad file, policy or setting is told before anybody has typed a secret."""

    def never(asked: str, about: Mapping[str, object]) -> Secret:
        raise AssertionError(f"asked for {asked}")

    engine = Engine.from_config(_config(pki), ask_secret=never)
    with engine, pytest.raises((InputRefused, WrongUse)) as caught:
        engine.sign(dataclasses.replace(_request(letter_pdf), **change))
    assert code in (None, caught.value.code)


def test_a_failure_leaves_nothing_behind(engine: Engine, letter_path: Path, tmp_path: Path) -> None:
    """A letter that is refused is untouched, and its folder holds what it held."""
    before = letter_path.read_bytes()
    with pytest.raises(SigningRefused):
        engine.sign(dataclasses.replace(_request(letter_path, tmp_path / "out.pdf"), rect_mm=RectMm(500, 500, 10, 10)))
    assert letter_path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letter.pdf"]


# ------------------------------------------------------------------------------------------- prepared and finished


def test_a_preparation_finishes_in_another_process(
    engine: Engine, letter_path: Path, tmp_path: Path, pki: DemoPki
) -> None:
    """JSON and file are enough: another process signs the value and finishes the letter."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    prepared = engine.prepare(_request(letter_path), shelf)
    assert sorted(path.suffix for path in shelf.iterdir()) == [".json", ".pdf"]
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from kyso import Engine, Config, Secret\n"
        "from kyso.signing import shelf\n"
        "folder, name, key, password, out = sys.argv[1:]\n"
        "with Engine.from_config(Config(), ask_secret=lambda code, about: Secret(password)) as engine:\n"
        "    prepared = shelf.read(Path(folder), name)\n"
        "    value = engine.sign_value(prepared, key)\n"
        "    engine.finish(name, value, Path(folder), out=Path(out))\n"
    )
    out = tmp_path / "signed.pdf"
    arguments = [str(shelf), prepared.id, f"pfx:{pki.pfx('leader')}", DEMO_PASSWORD, str(out)]
    result = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert engine.verify(out).verdict == "valid"
    assert not list(shelf.iterdir()), "what is finished waits no longer"


def _flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def _change_json(path: Path, **values: object) -> None:
    table = json.loads(path.read_text(encoding="utf-8"))
    table.update(values)
    path.write_text(json.dumps(table), encoding="utf-8")


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (lambda pdf, js, p: _flip(pdf, 1000), "prepared.changed"),
        (lambda pdf, js, p: _flip(pdf, p.byte_range[1] + 5), "prepared.changed"),
        (lambda pdf, js, p: pdf.write_bytes(pdf.read_bytes() + b" "), "prepared.changed"),
        (lambda pdf, js, p: _change_json(js, digest="sha512"), "prepared.changed"),
        (lambda pdf, js, p: _change_json(js, signed_at="2020-01-01T00:00:00+07:00", signature_format="pkcs7"), None),
        (lambda pdf, js, p: _change_json(js, byte_range=[0, 10, 20, p.file_size - 20]), "prepared.changed"),
        (lambda pdf, js, p: _change_json(js, certificates=[]), "prepared.unreadable"),
        (lambda pdf, js, p: js.write_text("{"), "prepared.unreadable"),
        (lambda pdf, js, p: js.unlink(), "prepared.not_found"),
    ],
)
def test_a_changed_preparation_is_never_finished(
    tamper: Callable[..., object], code: str | None, engine: Engine, letter_path: Path, tmp_path: Path
) -> None:
    """Whatever was changed in file or JSON since the preparation, finish notices and writes nothing."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    prepared = engine.prepare(_request(letter_path), shelf)
    value = engine.sign_value(prepared)
    tamper(shelf / f"{prepared.id}.pdf", shelf / f"{prepared.id}.json", prepared)
    out = tmp_path / "signed.pdf"
    with pytest.raises(InputRefused) as caught:
        engine.finish(prepared.id, value, shelf, out=out)
    assert code in (None, caught.value.code)
    assert not out.exists()


def test_a_foreign_value_is_never_embedded(engine: Engine, letter_path: Path, tmp_path: Path) -> None:
    """A value of another letter, of another key, or garbage is refused."""
    prepared = engine.prepare(_request(letter_path), tmp_path)
    other = engine.prepare(dataclasses.replace(_request(letter_path), reason="another"), tmp_path)
    for value in (engine.sign_value(other).value, b"", bytes(256)):
        with pytest.raises(KeyTrouble, match=r"key\.wrong_signature"):
            engine.finish(prepared, SignatureValue(value), tmp_path, out=tmp_path / "signed.pdf")
    with pytest.raises(KeyTrouble, match=r"key\.other_certificate"):
        engine.sign_value(prepared, "seal")
    assert not (tmp_path / "signed.pdf").exists()


# ----------------------------------------------------------------------------------------------------------- many


@pytest.mark.parametrize("workers", [1, 2])
def test_many_letters_keep_their_order_and_survive_a_bad_one(
    workers: int, engine: Engine, letter_pdf: bytes, tmp_path: Path
) -> None:
    """Outcomes come in the order of the requests; one bad letter fails alone, with its code."""
    requests = [_request(letter_pdf, tmp_path / f"{number:02}.pdf") for number in range(20)]
    requests[7] = dataclasses.replace(requests[7], document=b"broken")
    outcomes = list(engine.sign_many(requests, workers=workers))
    assert [type(outcome) for outcome in outcomes] == [
        FailedSignature if number == 7 else SignedDocument for number in range(20)
    ]
    failure = outcomes[7]
    assert isinstance(failure, FailedSignature)
    assert (failure.code, failure.exit_code) == ("document.not_pdf", 4)
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, SignedDocument):
            assert outcome.path == tmp_path / f"{number:02}.pdf"
            assert engine.verify(outcome.path).verdict == "valid"


def test_a_defect_met_by_one_letter_stops_no_other(pki: DemoPki, letter_pdf: bytes) -> None:
    """An exception nobody foresaw is the outcome of its letter, told by kind and place; the others are signed."""

    class Defective:
        @hookimpl(wrapper=True)
        def sign_document(self, request: SignRequest) -> Any:
            outcome = yield
            if request.field == "second":
                raise ValueError("what the letter holds")
            return outcome

    registry = create_plugin_manager(autoload=False, extra=[Defective()])
    with Engine(_config(pki), registry, ask_secret=_ask) as engine:
        fields = ("first", "second", "third")
        outcomes = list(engine.sign_many(dataclasses.replace(_request(letter_pdf), field=name) for name in fields))
    assert [type(outcome) for outcome in outcomes] == [SignedDocument, FailedSignature, SignedDocument]
    failure = outcomes[1]
    assert isinstance(failure, FailedSignature)
    assert (failure.code, failure.exit_code) == ("batch.defect", 70)
    assert failure.parameters["kind"] == "ValueError"
    assert "what the letter holds" not in str(failure)


def test_wrappers_and_events_see_every_letter(pki: DemoPki, letter_pdf: bytes) -> None:
    """A `sign_document` wrapper goes around each letter; `record_event` is told how each one ended."""
    seen: list[str] = []

    class Audit:
        @hookimpl(wrapper=True)
        def sign_document(self, request: SignRequest) -> Any:
            seen.append("before")
            outcome = yield
            seen.append("after")
            return outcome

        @hookimpl
        def record_event(self, name: str, outcome: object) -> None:
            seen.append(name)

    registry = create_plugin_manager(autoload=False, extra=[Audit()])
    with Engine(_config(pki), registry, ask_secret=_ask) as engine:
        engine.sign(_request(letter_pdf))
        with pytest.raises(InputRefused):
            engine.sign(_request(b"broken"))
        list(engine.sign_many([_request(letter_pdf), _request(b"broken")]))
    one = ["before", "after", "signed"]
    assert seen == [*one, "before", "failed", *one, "before", "failed"]


# -------------------------------------------------------------------------------------------------------- preview


def test_a_preview_touches_no_key(pki: DemoPki, letter_path: Path) -> None:
    """The page is drawn with its stamp; no secret is asked for and the letter stays as it is."""

    def never(code: str, about: Mapping[str, object]) -> Secret:
        raise AssertionError("a preview asked for a secret")

    before = letter_path.read_bytes()
    with Engine.from_config(_config(pki), ask_secret=never) as engine:
        preview = engine.preview(_request(letter_path))
    assert preview.png.startswith(b"\x89PNG")
    assert preview.placement.rect_mm == PLACE
    assert letter_path.read_bytes() == before


def test_the_present_is_a_parameter(pki: DemoPki, letter_pdf: bytes) -> None:
    """An engine that stands in another time refuses a certificate that is expired there."""
    later = datetime(2099, 1, 1, tzinfo=UTC)
    engine = Engine.from_config(_config(pki), ask_secret=_ask, now=lambda: later)
    with engine, pytest.raises(KeyTrouble, match=r"key\.certificate_expired"):
        engine.sign(_request(letter_pdf))
