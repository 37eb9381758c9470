"""A key that a person confirms on a phone: the window counts down, the page waits, nothing is signed without a yes."""

from __future__ import annotations

import dataclasses
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyso.config import Config
from kyso.serving.server import BackgroundServer
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PERSON_ID
from kyso_desk.agent.server import AgentPlan, BackgroundAgent
from kyso_desk.agent.settings import AgentSettings
from kyso_remote.simulators.registry import make_simulator
from tests.plugins.desk_agent.actors import Page, Person
from tests.plugins.desk_agent.conftest import DocumentSystem

pytestmark = pytest.mark.xdist_group("desk_agent")


@dataclasses.dataclass(frozen=True)
class PhoneOffice:
    """An agent whose key lives at a simulated provider."""

    page: Page
    person: Person
    provider: str

    def press(self, decision: str) -> None:
        """Press a button on the simulated phone."""
        listed = urllib.request.urlopen(f"{self.provider}/phone").read().decode()
        identifier = listed.split('action="/phone/')[1].split('"')[0]
        body = urllib.parse.urlencode({"decision": decision}).encode()
        urllib.request.urlopen(f"{self.provider}/phone/{identifier}", body).close()


@pytest.fixture
def phone_office(
    tmp_path: Path,
    agent_settings: AgentSettings,
    signature_image: Path,
    documents: DocumentSystem,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[PhoneOffice]:
    """The agent, the provider and the person."""
    monkeypatch.setenv("KYSO_MYSIGN_CLIENT_SECRET", CLIENT_SECRET)
    with BackgroundServer(make_simulator("mysign", Timing(pause_s=0.2)).application("ask")) as provider:
        (tmp_path / "kyso.toml").write_text(
            f'[keys.leader]\nuri = "mysign:CMT_{PERSON_ID}"\nrole = "leader"\nimage = "{signature_image}"\n'
            f'[records]\nurl = "sqlite:///{tmp_path}/records.sqlite3"\n'
            f'[plugins.mysign]\nbase_url = "{provider.url}"\nclient_id = "{CLIENT_ID}"\nallow_private = true\n',
            encoding="utf-8",
        )
        person = Person()
        settings = dataclasses.replace(agent_settings, workers=1)
        config = Config.load(tmp_path / "kyso.toml")
        plan = AgentPlan(
            config,
            settings,
            tmp_path / "agent",
            online=True,
            language="en",
            open_window=None,
            told=person.told,
            poll_s=0.1,
        )
        with BackgroundAgent(plan) as running:
            running.service.store.permit(documents.origin, private=(documents.origin,))
            yield PhoneOffice(Page(running, documents.origin), person, provider.url)


def test_a_letter_waits_for_the_phone(phone_office: PhoneOffice, documents: DocumentSystem, letter_pdf: bytes) -> None:
    """The page is answered when the person has confirmed; a no on the phone or a stop in the window signs nothing."""
    answer = phone_office.page.ask("SignApproved", documents.request())
    window = phone_office.person.window()
    window.until("sign")
    window.decide("approve")
    waiting = window.until("phone")
    assert waiting["instruction"]["message_vi"]
    assert waiting["expires_at"] > 0
    phone_office.press("rejected")
    assert window.until("sign")["error"]["code"].startswith("remote.")
    window.decide("approve")
    window.until("phone")
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11
    assert documents.system.letters[0].data == letter_pdf

    answer = phone_office.page.ask("SignApproved", documents.request())
    window = phone_office.person.window()
    window.until("sign")
    window.decide("approve")
    window.until("phone")
    phone_office.press("approved")
    window.until("done")
    assert answer.result(30)["Status"] == 0
    assert documents.system.letters[0].data.startswith(letter_pdf)
