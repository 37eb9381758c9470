"""A key on a token: the certificate needs no PIN, a wrong PIN is told with what it cost, the right one signs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyso.config import Config
from kyso.demo.pki import DemoPki
from kyso_desk.agent.server import AgentPlan, BackgroundAgent
from kyso_desk.agent.settings import AgentSettings
from tests.plugins.desk_agent.actors import Page, Person
from tests.plugins.desk_agent.conftest import DocumentSystem
from tests.support.softhsm import PIN, entry, make_tokens, softhsm_module

pytestmark = pytest.mark.xdist_group("desk_agent")


@pytest.fixture
def token_page(
    tmp_path: Path,
    pki: DemoPki,
    agent_settings: AgentSettings,
    signature_image: Path,
    documents: DocumentSystem,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Page, Person]]:
    """The page of an agent whose key is on a SoftHSM token."""
    module = softhsm_module()
    if module is None:
        pytest.skip("SoftHSM 2 is not installed")
    tokens = {"LANH DAO": [entry("01", "leader", pki.identities["leader"], pki.issuing)]}
    monkeypatch.setenv("SOFTHSM2_CONF", str(make_tokens(tmp_path / "softhsm", module, tokens)))
    (tmp_path / "kyso.toml").write_text(
        f'[keys.leader]\nuri = "pkcs11:token=LANH%20DAO?module-path={module}"\nrole = "leader"\n'
        f'image = "{signature_image}"\n[verification]\ntrust = ["{pki.root_pem}"]\ncrl = ["{pki.crl_folder}"]\n',
        encoding="utf-8",
    )
    person = Person()
    plan = AgentPlan(
        Config.load(tmp_path / "kyso.toml"),
        dataclasses.replace(agent_settings, workers=1),
        tmp_path / "agent",
        online=False,
        language="en",
        open_window=None,
        told=person.told,
    )
    with BackgroundAgent(plan) as running:
        running.service.store.permit(documents.origin, private=(documents.origin,))
        yield Page(running, documents.origin), person


def test_a_token_signs_for_a_page(
    token_page: tuple[Page, Person], documents: DocumentSystem, letter_pdf: bytes
) -> None:
    """The token's certificate is shown by consent alone; its PIN is asked in the window, and a wrong one is told."""
    page, person = token_page
    answer = page.ask("GetCertInfo", "get_cert_info")
    window = person.window()
    window.until("certificate")
    window.decide("allow")
    window.until("told")
    assert answer.result(30)["CertInfo"]["Subject"].startswith("CN=Nguyễn Văn Mẫu")

    answer = page.ask("SignApproved", documents.request())
    window = person.window()
    assert window.until("sign")["keys"][0]["kind"] == "token"
    window.decide("approve", "000000")
    assert window.until("sign")["error"]["code"].startswith("pkcs11.")
    window.decide("approve")
    assert window.until("secret")["question"]["code"].startswith("pkcs11.prompt_pin")
    window.decide("give", PIN)
    window.until("done")
    assert answer.result(30)["Status"] == 0
    assert documents.system.letters[0].data.startswith(letter_pdf)
    assert PIN not in str(window.seen)
