"""An agent, an office with keys, and the demonstration document system, all on loopback."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kyso.config import Config
from kyso.demo.pki import DemoPki
from kyso.engine import Engine
from kyso.plugins import create_plugin_manager
from kyso.serving.server import BackgroundServer
from kyso_desk.agent.server import AgentPlan, BackgroundAgent, RunningAgent
from kyso_desk.agent.settings import AgentSettings
from tests.cli.conftest import CONFIG
from tests.plugins.desk_agent.actors import Page, Person

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "document-system"


@pytest.fixture(scope="session", autouse=True)
def plugins_loaded() -> None:
    """Load the plugins, so that their catalogues are known."""
    create_plugin_manager()


@pytest.fixture(scope="session")
def agent_office(
    tmp_path_factory: pytest.TempPathFactory, pki: DemoPki, signature_image: Path, seal_image: Path
) -> Path:
    """A folder with kyso.toml, two keys and the pictures."""
    folder = tmp_path_factory.mktemp("agent-office")
    shutil.copy(signature_image, folder / "signature.png")
    shutil.copy(seal_image, folder / "seal.png")
    places = {"leader": pki.pfx("leader"), "seal": pki.pfx("seal"), "root": pki.root_pem, "crl": pki.crl_folder}
    text = CONFIG.format(**places)
    (folder / "kyso.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def agent_settings() -> AgentSettings:
    """Short times and a free port."""
    return AgentSettings(0, 20 << 20, deadline_s=3, decision_s=30, ca_file=None, workers=2)


@pytest.fixture(scope="session")
def shared_person() -> Person:
    """Whoever sits at the machine."""
    return Person()


@pytest.fixture(scope="session")
def running_agent(
    tmp_path_factory: pytest.TempPathFactory, agent_office: Path, agent_settings: AgentSettings, shared_person: Person
) -> Iterator[RunningAgent]:
    """An agent without a browser: the windows' addresses go to the person."""
    plan = AgentPlan(
        Config.load(agent_office / "kyso.toml"),
        agent_settings,
        tmp_path_factory.mktemp("agent-data"),
        online=False,
        language="en",
        open_window=None,
        told=shared_person.told,
        poll_s=0.05,
    )
    with BackgroundAgent(plan) as running:
        yield running


@pytest.fixture
def agent(running_agent: RunningAgent, shared_person: Person) -> Iterator[RunningAgent]:
    """The agent with nobody permitted and no window open."""
    for permission in running_agent.service.store.all():
        running_agent.service.store.forget(permission.origin)
    running_agent.service.consent.refused_until.clear()
    shared_person.forget()
    yield running_agent
    shared_person.forget()
    until = time.monotonic() + 10
    while running_agent.service.confirmations.waiting() and time.monotonic() < until:
        time.sleep(0.01)


@pytest.fixture
def person(shared_person: Person, agent: RunningAgent) -> Person:
    """The person, for one test."""
    return shared_person


@pytest.fixture(scope="session")
def example() -> ModuleType:
    """The program of the example."""
    spec = importlib.util.spec_from_file_location("document_system_example", EXAMPLE / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@dataclass
class DocumentSystem:
    """The running example.

    :param system: its letters and tokens.
    """

    system: Any
    origin: str

    def entry(self, number: int = 0) -> dict[str, Any]:
        """Return a letter with its addresses, as its page gets it."""
        found: dict[str, Any] = self.system._entry(number, self.origin)
        return found

    def request(self, number: int = 0, **more: Any) -> dict[str, Any]:
        """Return what its page sends to the agent to have a letter signed."""
        letter = self.entry(number)
        base = {"FileUploadHandler": letter["upload"], "FileName": letter["file"], "SessionId": "", "JWTToken": ""}
        return {**base, "MetaData": [], **more}


@pytest.fixture
def documents(example: ModuleType, agent_office: Path, letter_pdf: bytes) -> Iterator[DocumentSystem]:
    """The document system with one letter."""
    with Engine.from_config(agent_office / "kyso.toml") as engine:
        system = example.DocumentSystem([example.Letter("công văn 07.pdf", letter_pdf)], engine)
        with BackgroundServer(example.application(system)) as server:
            yield DocumentSystem(system, server.url)


@pytest.fixture
def page(agent: RunningAgent, documents: DocumentSystem) -> Page:
    """The document system's page, not permitted yet."""
    return Page(agent, documents.origin)


@pytest.fixture
def permitted(page: Page, documents: DocumentSystem) -> Page:
    """The document system's page, permitted together with its place on this machine."""
    page.agent.service.store.permit(documents.origin, private=(documents.origin,))
    return page


PageOf = Callable[[str | None], Page]


@pytest.fixture
def page_of(agent: RunningAgent) -> PageOf:
    """Make a page of any origin."""
    return lambda origin: Page(agent, origin)
