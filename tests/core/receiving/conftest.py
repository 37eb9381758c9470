"""An office with an incoming desk, and letters for it: signed, changed, unsigned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kyso.config import Config, IntakeSection, KeySection, OrganisationSection, RecordsSection, VerificationSection
from kyso.demo.pki import DemoPki
from kyso.engine import Engine
from kyso.models import SignRequest
from kyso.receiving.desk import IncomingDesk
from kyso.secret import Secret

OFFICE = "Sở Tài chính tỉnh Thử Nghiệm"


@dataclass(frozen=True)
class Letters:
    """Files to receive; copy one before changing it."""

    signed: Path
    tampered: Path
    unsigned: Path


@pytest.fixture(scope="session")
def letters(pki: DemoPki, letter_pdf: bytes, pfx_password: str, tmp_path_factory: pytest.TempPathFactory) -> Letters:
    """The demo's letter, signed invisibly; the same with one byte changed; and unsigned."""
    folder = tmp_path_factory.mktemp("letters")
    found = Letters(*(folder / f"{name}.pdf" for name in ("signed", "tampered", "unsigned")))
    found.unsigned.write_bytes(letter_pdf)
    with Engine.from_config(Config(), ask_secret=lambda code, about: Secret(pfx_password)) as engine:
        request = SignRequest(found.unsigned, key=f"pfx:{pki.pfx('leader')}", policy="invisible", out=found.signed)
        engine.sign(request)
    data = bytearray(found.signed.read_bytes())
    data[len(data) // 20] ^= 1
    found.tampered.write_bytes(data)
    return found


@pytest.fixture
def config(pki: DemoPki, tmp_path: Path) -> Config:
    """The office's configuration, with records and folder of the test's own."""
    return Config(
        path=tmp_path / "kyso.toml",
        organisation=OrganisationSection(OFFICE),
        keys={"seal": KeySection(uri=f"pfx:{pki.pfx('seal')}")},
        verification=VerificationSection((pki.root_pem,), (pki.crl_folder,)),
        records=RecordsSection(f"sqlite:///{tmp_path / 'records.sqlite3'}"),
        intake=IntakeSection(
            folder=tmp_path / "incoming",
            place="Thử Nghiệm",
            superior="Ủy ban nhân dân tỉnh Thử Nghiệm",
            symbol="STC-VP",
            authority=("TL. GIÁM ĐỐC", "CHÁNH VĂN PHÒNG"),
            signer="Lê Thị Ví Dụ",
            responsible="Bà Phạm Thị Mẫu",
        ),
    )


class Clock:
    """A present that a test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the present."""
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    """The desk's clock."""
    return Clock()


OpenDesk = Callable[..., "contextmanager[IncomingDesk]"]


@pytest.fixture
def open_desk(config: Config, clock: Clock, pfx_password: str) -> Callable[..., object]:
    """Open the desk, as often as a test likes; options replace entries of ``[intake]``."""

    @contextmanager
    def opened(policy: Path | None = None, organisation: str | None = None, **intake: object) -> Iterator[IncomingDesk]:
        own = replace(config, intake=replace(config.intake, **intake))  # type: ignore[arg-type] # the section's own fields
        with (
            Engine.from_config(own, ask_secret=lambda code, about: Secret(pfx_password)) as engine,
            IncomingDesk.open(engine, policy=policy, organisation=organisation, now=clock) as desk,
        ):
            yield desk

    return opened


@pytest.fixture
def desk(open_desk: Callable[..., contextmanager[IncomingDesk]]) -> Iterator[IncomingDesk]:
    """The desk, open."""
    with open_desk() as opened:
        yield opened
