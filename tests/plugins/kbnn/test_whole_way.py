"""The whole way over real HTTP with real keys: a token (SoftHSM), a remote CA whose owner confirms later, real PDFs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from kyso.cli.program import run
from kyso.demo.pki import DEMO_PASSWORD, DemoPki
from kyso.serving.server import BackgroundServer
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PERSON_ID, make_signatories
from kyso_kbnn.simulator import GatewaySimulator
from kyso_kbnn.simulator_world import DEMO_PASSWORD as GATEWAY_PASSWORD
from kyso_kbnn.simulator_world import Unit, demo_unit
from kyso_remote.simulators.registry import make_simulator
from tests.plugins.kbnn.dossiers import DOSSIER_CODE, UNIT, raw_dossier
from tests.plugins.pkcs11.conftest import PIN, Tokens, softhsm, tokens
from tests.support.sheets import Sheet

# Fixtures of the token tests, used here as they are.
__all__ = ["softhsm", "tokens"]

Answer = tuple[int, str, str]


class Office:
    """An accounting office: its kyso.toml, its keys, and the command line as `kyso` runs it."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capfd
        self._lines: list[str] = []

    def configure(self, *lines: str) -> None:
        unit = [f'unit_{name} = "{value}"' for name, value in UNIT.items()]
        own = [
            "[records]",
            f'url = "sqlite:///{self.folder}/records.sqlite3"',
            "[plugins.kbnn]",
            'accountant_username = "test_ktt_1999999"',
            'holder_username = "test_ctk_1999999"',
            'computer_ip = "192.0.2.7"',
            'computer_name = "may-thu"',
            "gateway_private = true",
        ]
        (self.folder / "kyso.toml").write_text("\n".join([*own, *unit, *lines]), encoding="utf-8")

    def __call__(self, *arguments: object) -> Answer:
        self._capture.readouterr()
        code = run([str(argument) for argument in arguments] + ["--config", str(self.folder / "kyso.toml")])
        shown = self._capture.readouterr()
        return code, shown.out, shown.err

    def kbnn(self, *arguments: object) -> Answer:
        return self("kbnn", *arguments)

    def draft(self) -> tuple[Path, Path]:
        """Lay down a dossier's JSON and an unsigned attachment; return both."""
        source, attachment = self.folder / "ho-so.json", self.folder / "hop-dong.pdf"
        source.write_text(json.dumps(raw_dossier()), encoding="utf-8")
        sheet = Sheet()
        sheet.text(105, 60, "HỢP ĐỒNG (THỬ NGHIỆM)", 14, bold=True, align="centre")
        attachment.write_bytes(sheet.pdf())
        return source, attachment

    def signed_block(self, source: Path, out: Path, key: str, title: str, secret: str | None) -> Answer:
        """Put one signer's block on an attachment."""
        settings = (f"title={title}", "budget_code=1999999", "content=Hợp đồng kèm theo", "signers=2")
        more = () if secret is None else ("--secret-env", secret)
        chosen = [part for setting in settings for part in ("--set", setting)]
        return self("sign", source, "--policy", "kbnn.attachment", "--key", key, "--out", out, *chosen, *more)


@pytest.fixture
def office(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("TEST_DVC", GATEWAY_PASSWORD)
    monkeypatch.setenv("TEST_PFX", DEMO_PASSWORD)
    monkeypatch.setenv("KYSO_LANG", "vi")
    return Office(tmp_path, capfd)


def root_of(identity: object, folder: Path, name: str) -> Path:
    """Write the last certificate of an identity's chain as a trusted root."""
    path = folder / name
    path.write_bytes(identity.chain[-1].public_bytes(Encoding.PEM))  # type: ignore[attr-defined]
    return path


def test_token_keys_and_signed_attachments(
    office: Office, tokens: Tokens, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both sign with tokens, PDF and dossier; an attachment that lacks one block stops before anything is uploaded."""
    monkeypatch.setenv("SOFTHSM2_CONF", str(tokens.configuration))
    monkeypatch.setenv("TEST_PIN", PIN)
    simulator = GatewaySimulator(units=(Unit("1999999", users=demo_unit().users),))
    with BackgroundServer(simulator.application()) as server:
        module = f"module-path={tokens.module}"
        office.configure(
            f'gateway_url = "{server.url}"',
            f'[keys.accountant]\nuri = "pkcs11:token=VAN%20THU;id=%03?{module}"',
            f'[keys.holder]\nuri = "pkcs11:token=LANH%20DAO?{module}"',
            f'[verification]\ntrust = ["{root_of(tokens.leader, tmp_path, "root.pem")}"]',
        )
        source, plain = office.draft()
        dossier = tmp_path / "hs1"
        keys = ("--accountant", "accountant", "--holder", "holder")
        pins = ("--accountant-secret-env", "TEST_PIN", "--holder-secret-env", "TEST_PIN")
        code, out, words = office.kbnn("envelope", source, "--out", dossier, *keys, *pins, "--format", "json")
        assert (code, json.loads(out)["state"]) == (0, "holder_signed"), words
        uses = json.loads((dossier / "state.json").read_text(encoding="utf-8"))["keys"]
        assert {use["form"] for use in uses.values()} == {"token"}

        half, whole = tmp_path / "half.pdf", tmp_path / "whole.pdf"
        assert office.signed_block(plain, half, "accountant", "Kế toán trưởng", "TEST_PIN")[0] == 0
        (dossier / "attachments").mkdir()
        (dossier / "attachments" / "hop-dong.pdf").write_bytes(half.read_bytes())
        code, _, words = office.kbnn("send", dossier, "--password-env", "TEST_DVC")
        assert code == 4
        assert "Chủ tài khoản" in words
        assert simulator.uploads == {}

        assert office.signed_block(half, whole, "holder", "Chủ tài khoản", "TEST_PIN")[0] == 0
        (dossier / "attachments" / "hop-dong.pdf").write_bytes(whole.read_bytes())
        code, out, words = office.kbnn("check", dossier, "--format", "json")
        report = json.loads(out)
        assert (code, report["verdict"]) == (2, "undetermined"), report["reasons"]  # the token CA has no CRL here
        rules = {rule["rule"]: rule["status"] for rule in report["house_rules"]}
        assert set(rules.values()) == {"met"}
        assert len(rules) == 4
        code, out, words = office.kbnn("send", dossier, "--password-env", "TEST_DVC", "--format", "json")
        assert (code, json.loads(out)["state"]) == (0, "sent"), words
        assert "hop-dong.pdf" in words
        assert simulator.received[DOSSIER_CODE].attachments == 1
        assert office.kbnn("status", dossier, "--password-env", "TEST_DVC")[0] == 0
        assert office.kbnn("download", dossier, "--password-env", "TEST_DVC")[0] == 0
    assert (dossier / "answers" / "giay-bao-no.pdf").read_bytes().startswith(b"%PDF-")


def test_a_remote_holder_who_confirms_later(
    office: Office, pki: DemoPki, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The accountant signs with a file, the holder by phone: exit 8, asked again exit 0, one request, then sent."""
    monkeypatch.setenv("KYSO_MYSIGN_CLIENT_SECRET", CLIENT_SECRET)
    phone = make_simulator("mysign")
    simulator = GatewaySimulator()
    signatory = make_signatories()[0]
    with (
        BackgroundServer(phone.application("approve")) as remote,
        BackgroundServer(simulator.application()) as server,
    ):
        roots = [str(pki.root_pem), str(root_of(signatory.identity, tmp_path, "remote.pem"))]
        office.configure(
            f'gateway_url = "{server.url}"',
            f'[plugins.mysign]\nbase_url = "{remote.url}"\nclient_id = "{CLIENT_ID}"\nallow_private = true',
            f'[keys.accountant]\nuri = "pfx:{pki.pfx("accountant")}"',
            f'[keys.holder]\nuri = "mysign:CMT_{PERSON_ID}"',
            f"[verification]\ntrust = {json.dumps(roots)}",
            "[network]\nonline = true",
        )
        source, plain = office.draft()
        dossier = tmp_path / "hs1"
        signing = ("--accountant", "accountant", "--holder", "holder", "--accountant-secret-env", "TEST_PFX")
        code, _, words = office.kbnn("envelope", source, "--out", dossier, *signing)
        assert code == 8, words
        assert "Chủ tài khoản" in words
        waiting = json.loads((dossier / "state.json").read_text(encoding="utf-8"))
        assert waiting["state"] == "accountant_signed"
        assert waiting["pending"]["holder"]["ticket"]
        code = waited(lambda: office.kbnn("envelope", dossier, "--holder", "holder"))
        assert code == 0
        state = json.loads((dossier / "state.json").read_text(encoding="utf-8"))
        assert (state["state"], state["pending"]) == ("holder_signed", {})
        intended = [line for line in state["history"] if line["event"] == "signing_intended"]
        assert [line["role"] for line in intended] == ["accountant", "holder"]

        half, whole = tmp_path / "half.pdf", tmp_path / "whole.pdf"
        assert office.signed_block(plain, half, "accountant", "Kế toán trưởng", "TEST_PFX")[0] == 0
        assert office.signed_block(half, whole, "holder", "Chủ tài khoản", None)[0] == 8
        (letter,) = json.loads(office("pending", "list", "--format", "json")[1])["pending"]
        assert waited(lambda: office("pending", "resume", letter["prepared_id"])) == 0
        (dossier / "attachments").mkdir()
        (dossier / "attachments" / "hop-dong.pdf").write_bytes(whole.read_bytes())
        code, out, words = office.kbnn("send", dossier, "--password-env", "TEST_DVC", "--format", "json")
        assert (code, json.loads(out)["state"]) == (0, "sent"), words
    assert simulator.received[DOSSIER_CODE].attachments == 1


def waited(ask: Callable[[], Answer], tries: int = 5) -> int:
    """Ask until the person has confirmed; return the exit code."""
    for _ in range(tries):
        code = ask()[0]
        if code != 8:
            return code
    return 8
