"""``kyso kbnn``: the commands as a person runs them, against the simulator over real HTTP."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from email import message_from_bytes
from email.header import decode_header, make_header
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from kyso import text
from kyso.cli.common import Common
from kyso.cli.parsing import run_group
from kyso.cms.certificate import read_certificate
from kyso.demo.pki import DEMO_PASSWORD, DemoPki, certificate_der
from kyso.fetch import Fetcher, FetchPolicy
from kyso.plugin import InputRefused, KysoError, WrongUse
from kyso.serving.server import BackgroundServer
from kyso.verification.trust_folder import enter_distrust, entry_about
from kyso_kbnn.commands import app
from kyso_kbnn.profile import default_profile
from kyso_kbnn.simulator import GatewaySimulator, KbnnSimulator
from kyso_kbnn.simulator_world import DEMO_PASSWORD as GATEWAY_PASSWORD
from tests.plugins.kbnn.dossiers import raw_dossier
from tests.plugins.kbnn.test_workbook import filled, filled_several

text.add_catalogue("kyso_kbnn")


class Desk:
    """An accountant's desk: a folder with a kyso.toml, and the command line."""

    def __init__(self, folder: Path, pki: DemoPki, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        self.folder = folder
        self._capture = capsysbinary
        self.pki = pki
        self.configure("")

    def configure(self, more: str) -> None:
        unit = {
            "name": "TRUNG TÂM LƯU TRỮ LỊCH SỬ MẪU (TEST)",
            "short_name": "TT LUU TRU LICH SU MAU (TEST)",
            "budget_code": "1999999",
            "treasury": "0099",
            "account": "9523.2.1999999",
            "budget_level": "2",
            "address": "Số 1 đường Thử Nghiệm",
            "phone": "0000 000 000",
            "establishment_decision": "99/QĐ-TEST",
            "establishment_date": "02/01/2020",
        }
        lines = [
            "[keys.accountant]",
            f'uri = "pfx:{self.pki.pfx("accountant")}"',
            "[keys.holder]",
            f'uri = "pfx:{self.pki.pfx("holder")}"',
            "[verification]",
            f'trust = ["{self.pki.root_pem}"]',
            f'crl = ["{self.pki.crl_folder}"]',
            "[records]",
            f'url = "sqlite:///{self.folder}/records.sqlite3"',
            "[plugins.kbnn]",
            'dossier_prefix = "T"',
            'voucher_prefix = "T"',
            'accountant_username = "test_ktt_1999999"',
            'holder_username = "test_ctk_1999999"',
            'computer_ip = "192.0.2.7"',
            'computer_name = "may-thu"',
            *(f'unit_{name} = "{value}"' for name, value in unit.items()),
            more,
        ]
        (self.folder / "kyso.toml").write_text("\n".join(lines), encoding="utf-8")

    def run(self, *arguments: object, online: bool = False) -> tuple[int, bytes, str]:
        """Run one command; return exit code, stdout and stderr."""
        common = Common("vi", self.folder / "kyso.toml", online=online)
        self._capture.readouterr()
        code = run_group("kbnn", app, [str(argument) for argument in arguments], common)
        done = self._capture.readouterr()
        return code, done.out, done.err.decode()

    def signed(self) -> Path:
        source = self.folder / "ho-so.json"
        source.write_text(json.dumps(raw_dossier()), encoding="utf-8")
        self.run("envelope", source, "--out", self.folder / "kbnn" / "d1", *SIGNING)
        return self.folder / "kbnn" / "d1"


SIGNING = (
    "--accountant",
    "accountant",
    "--holder",
    "holder",
    "--accountant-secret-env",
    "TEST_PFX",
    "--holder-secret-env",
    "TEST_PFX",
)


@pytest.fixture
def desk(
    tmp_path: Path, pki: DemoPki, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Desk:
    monkeypatch.setenv("TEST_PFX", DEMO_PASSWORD)
    monkeypatch.setenv("TEST_DVC", GATEWAY_PASSWORD)
    return Desk(tmp_path, pki, capsysbinary)


def test_from_a_workbook_to_the_debit_note(desk: Desk) -> None:
    """Template, XML, envelope, check, send, status, download, list: the whole way of one dossier."""
    book = desk.folder / "mau.xlsx"
    assert desk.run("template", "16a1", book)[0] == 0
    assert load_workbook(book)["Hồ sơ"]
    book.write_bytes(filled())
    code, xml, words = desk.run("xml", book)
    assert code == 0
    assert xml.startswith(b"<GNHS_HOSO><MA_HO_SO>T26_1999999_0099")
    assert "Mã hồ sơ" in words
    dossier = desk.folder / "kbnn" / "d1"
    code, out, _ = desk.run("envelope", book, "--out", dossier, *SIGNING, "--format", "json")
    assert (code, json.loads(out)["state"]) == (0, "holder_signed")
    code, out, _ = desk.run("check", dossier, "--format", "json")
    report = json.loads(out)
    assert (code, report["verdict"], report["schema"]) == (0, "valid", "kyso.kbnn.check/1")
    assert any(one["path"].endswith("v_dv_nhantien_ten") for one in report["uncovered"])
    simulator = GatewaySimulator()
    with BackgroundServer(simulator.application()) as server:
        desk.configure(f'gateway_url = "{server.url}"\ngateway_private = true')
        code, out, _ = desk.run("send", dossier, "--password-env", "TEST_DVC", "--format", "json")
        assert (code, json.loads(out)["state"]) == (0, "sent")
        code, out, _ = desk.run("status", dossier, "--password-env", "TEST_DVC", "--format", "json")
        assert json.loads(out)["state"] == "accepted"
        assert desk.run("download", dossier, "--password-env", "TEST_DVC")[0] == 0
        assert desk.run("logout", "--password-env", "TEST_DVC")[0] == 0
    assert (dossier / "answers" / "giay-bao-no.pdf").read_bytes().startswith(b"%PDF-")
    code, out, _ = desk.run("list", "--state", "accepted", "--format", "json")
    assert json.loads(out)["code"] == report["code"]
    assert desk.run("list", "--title", "không có", "--format", "json")[1] == b""


def test_a_dossier_of_several_vouchers(desk: Desk) -> None:
    """One workbook with a payment and its list, signed as one dossier, sent, and taken with both."""
    book, dossier = desk.folder / "mau.xlsx", desk.folder / "kbnn" / "d1"
    assert desk.run("template", "16a1", book, "--also", "07", "--also", "16a1")[0] == 0
    assert "Chi tiết 3" in load_workbook(book).sheetnames
    book.write_bytes(filled_several())
    assert desk.run("envelope", book, "--out", dossier, *SIGNING)[0] == 0
    kept = json.loads((dossier / "dossier.json").read_text(encoding="utf-8"))
    assert [one["form"] for one in kept["vouchers"]] == ["16a1", "07", "16a1"]
    codes = {one["header"]["v_so_chung_tu"] for one in kept["vouchers"]}
    assert len(codes) == 3
    xml = (dossier / "authentication.xml").read_text(encoding="utf-8")
    assert xml.count("<GN_TAILIEU_ID>") == 3
    simulator = GatewaySimulator()
    with BackgroundServer(simulator.application()) as server:
        desk.configure(f'gateway_url = "{server.url}"\ngateway_private = true')
        assert desk.run("send", dossier, "--password-env", "TEST_DVC")[0] == 0
    assert len(simulator.received) == 1
    assert desk.run("check", dossier)[0] == 0


@pytest.mark.parametrize("scenario", ["ask", "accept"])
def test_the_simulator_runs_by_its_default_scenario(scenario: str) -> None:
    """`kyso simulate kbnn` asks nobody; its guide says how kyso.toml points at it."""
    simulator = KbnnSimulator()
    with BackgroundServer(simulator.application(scenario)) as server:
        guide = simulator.guide(server.url, "vi")
        page = Fetcher(FetchPolicy(allow_private=True)).request("GET", server.url + "/").body.decode()
    assert tomllib.loads(guide)["plugins"]["kbnn"]["gateway_url"] == server.url
    assert "KBNN-Gateway" in page


def test_watching_stops_at_a_refused_password(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that is refused is an alarm and an end: asking again would lock the account."""
    monkeypatch.setenv("WRONG", "sai")
    desk.signed()
    with BackgroundServer(GatewaySimulator().application()) as server:
        desk.configure(f'gateway_url = "{server.url}"\ngateway_private = true\nwatch_interval_s = 1')
        with pytest.raises(KysoError) as caught:
            desk.run("watch", "--password-env", "WRONG")
    assert caught.value.code == "kbnn.login_failed"
    log = (desk.folder / "kbnn" / "watch.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["code"] for line in log.splitlines()] == ["kbnn.watch_failed", "kbnn.watch_login_refused"]


def test_watching_once_drafts_a_notice(desk: Desk) -> None:
    """An alarm about a dossier comes with the draft of a notice to the treasury."""
    dossier = desk.signed()
    with BackgroundServer(GatewaySimulator().application()) as server:
        desk.configure(f'gateway_url = "{server.url}"\ngateway_private = true\nwatch_amount = 1000000')
        assert desk.run("send", dossier, "--password-env", "TEST_DVC")[0] == 0
        code, out, _ = desk.run("watch", "--once", "--password-env", "TEST_DVC")
    assert code == 0
    assert "vượt mức 1.000.000" in out.decode()
    (draft,) = (desk.folder / "kbnn").glob("thong-bao-*.txt")
    assert "64.800.000" in draft.read_text(encoding="utf-8")


def test_each_dossier_gets_the_next_code(desk: Desk) -> None:
    """The counter is the records' own: two dossiers, two codes, also for the vouchers."""
    source = desk.folder / "ho-so.json"
    source.write_text(json.dumps(raw_dossier(coded=False)), encoding="utf-8")
    first, second = (desk.run("xml", source)[2].strip().rpartition(" ")[2] for _ in range(2))
    assert first.endswith("00001")
    assert second.endswith("00002")


def test_everything_that_is_wrong_is_said_at_once(desk: Desk) -> None:
    """A bad workbook is refused with every cell, before a number is spent or a key asked for."""

    def spoil(book: Any) -> None:
        book["Chi tiết"]["F3"] = "=1+1"
        book["Chi tiết"]["A4"] = "a\nb"

    book = desk.folder / "sai.xlsx"
    book.write_bytes(filled(change=spoil))
    with pytest.raises(InputRefused) as caught:
        desk.run("envelope", book, *SIGNING)
    words = caught.value.message("vi")
    assert "Chi tiết!F3" in words
    assert "Chi tiết!A4" in words
    assert all(line.endswith("]") for line in words.splitlines()[1:])  # each with the rule it breaks
    assert not (desk.folder / "records.sqlite3").exists()


def test_the_check_says_what_nobody_signed(desk: Desk) -> None:
    """In text: verdict, signers, the uncovered payee, house rules, and exit code 1 once a file was changed."""
    dossier = desk.signed()
    code, out, _ = desk.run("check", dossier)
    words = out.decode()
    assert code == 0
    assert words.startswith("HỢP LỆ")
    assert "Công ty TNHH Xây dựng Hoa Sen (TEST)" in words
    assert "KHÔNG nằm trong dữ liệu được ký" in words
    path = dossier / "authentication.xml"
    path.write_bytes(path.read_bytes().replace(b"54000000", b"94000000"))
    assert desk.run("check", dossier)[0] == 1


def test_an_unsafe_authority_outranks_the_root(desk: Desk, tmp_path: Path) -> None:
    """What the office's list of unsafe certificates names is wrong in a dossier too, though its root is trusted."""
    dossier = desk.signed()
    roots = tmp_path / "roots"
    roots.mkdir()
    (roots / "root.pem").write_bytes(desk.pki.root_pem.read_bytes())
    assert desk.run("check", dossier, "--trust", roots)[0] == 0
    issuing = read_certificate(certificate_der(desk.pki.issuing.certificate))
    enter_distrust(roots, entry_about(issuing, "không an toàn", date(2026, 11, 20)))
    assert desk.run("check", dossier, "--trust", roots)[0] == 1


def test_xml_with_its_envelopes_is_checked_without_a_folder(desk: Desk) -> None:
    """The three files alone, as another system may hold them."""
    dossier = desk.signed()
    files = ["--accountant", dossier / "accountant.xml", "--holder", dossier / "holder.xml"]
    assert desk.run("check", dossier / "authentication.xml", *files)[0] == 0
    assert desk.run("check", dossier / "authentication.xml", *files[:2])[0] == 2
    assert desk.run("check", dossier / "authentication.xml")[0] == 3


def test_signing_in_two_steps(desk: Desk) -> None:
    """The accountant today, the holder tomorrow, into the same folder."""
    source = desk.folder / "ho-so.json"
    source.write_text(json.dumps(raw_dossier()), encoding="utf-8")
    dossier = desk.folder / "d"
    desk.run("envelope", source, "--out", dossier, "--accountant", "accountant", "--accountant-secret-env", "TEST_PFX")
    assert json.loads(desk.run("envelope", dossier, "--format", "json")[1])["state"] == "accountant_signed"
    desk.run("envelope", dossier, "--holder", "holder", "--holder-secret-env", "TEST_PFX")
    assert desk.run("check", dossier)[0] == 0


@pytest.mark.parametrize("form", ["xades", "xmldsig"])
def test_an_xml_signature_as_an_additional_form(desk: Desk, form: str) -> None:
    """The dossier's data with an XML signature inside, made with a configured key."""
    from datetime import UTC, datetime

    from kyso.verification.judgement import CertificateJudge
    from kyso.verification.trust import load_trust
    from kyso_kbnn.xades import check_xml_signature

    dossier, out = desk.signed(), desk.folder / "signed.xml"
    desk.run("xml-signature", dossier, "--key", "accountant", "--form", form, "--secret-env", "TEST_PFX", "--out", out)
    store = load_trust((desk.pki.root_pem, desk.pki.issuing_pem), (desk.pki.crl_folder,))
    judge = CertificateJudge(store, datetime.now(UTC), "offline")
    content = (dossier / "authentication.xml").read_bytes()
    found = check_xml_signature(out.read_bytes(), content, judge, form=form)  # type: ignore[arg-type]
    assert found == ("valid", ())


def test_without_network_nothing_is_sent(desk: Desk) -> None:
    """`--offline` is the default; without an own gateway address the command is refused."""
    with pytest.raises(WrongUse) as caught:
        desk.run("send", desk.signed(), "--password-env", "TEST_DVC")
    assert caught.value.code == "kbnn.offline"


def test_the_schemas_can_be_had(desk: Desk) -> None:
    """JSON Schema of a dossier, XSD of a form."""
    assert json.loads(desk.run("schema")[1])["$defs"]["16a1"]
    assert b"GN_HOSO_C402_GT" in desk.run("schema", "16c3")[1]


def test_an_incident_is_reported_to_the_right_address(desk: Desk) -> None:
    """Rule V and letter 7204: address and form of the subject."""
    path = desk.folder / "su-co.eml"
    desk.run("incident", "--summary", "Không\nđăng nhập được", "--details", "Từ 9 giờ", "--out", path)
    mail = message_from_bytes(path.read_bytes())
    assert mail["To"] == "hotrocntt@vst.gov.vn"
    assert str(make_header(decode_header(mail["Subject"]))) == "<DVCTT>-<0099>-<Không đăng nhập được>"
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert "Từ 9 giờ" in body.decode()


def test_the_registration_notice_is_a_pdf_ready_to_sign(desk: Desk) -> None:
    """The annex, filled in from the configuration."""
    import pypdfium2

    path = desk.folder / "thong-bao.pdf"
    desk.run("notice", "--treasury-name", "Kho bạc Nhà nước Mẫu", "--place", "Mẫu", "--out", path)
    document = pypdfium2.PdfDocument(BytesIO(path.read_bytes()))
    words = " ".join(document[0].get_textpage().get_text_range().split())
    assert "Kho bạc Nhà nước Mẫu" in words
    assert "TRUNG TÂM LƯU TRỮ LỊCH SỬ MẪU (TEST)" in words
    assert len(document) == 1


@pytest.mark.parametrize(
    "entry", ['watch_hours = "7-17"', "watch_probe = -1", 'accountant_first = "no"', 'unit_nme = "x"']
)
def test_a_wrong_setting_is_named(desk: Desk, entry: str) -> None:
    """No entry of [plugins.kbnn] is ignored."""
    desk.configure(entry)
    with pytest.raises(KysoError) as caught:
        desk.run("list")
    assert caught.value.parameters["name"] == entry.partition(" ")[0]


def test_the_profile_in_use_is_the_configured_one(desk: Desk) -> None:
    """A corrected profile beside kyso.toml takes effect in every command."""
    from importlib import resources

    packaged = resources.files("kyso_kbnn").joinpath("profile.toml").read_text(encoding="utf-8")
    (desk.folder / "ours.toml").write_text(
        packaged.replace('root = "SignatureInfo"', 'root = "ChuKySo"'), encoding="utf-8"
    )
    desk.configure('profile = "ours.toml"')
    assert (desk.signed() / "holder.xml").read_bytes().startswith(b"<ChuKySo>")
    assert default_profile().envelope.root == "SignatureInfo"
