"""What every test may use: a throwaway PKI, a letter, pictures, and an environment of its own.

The PKI and the letter are made once per run (`session`); treat the paths they give as read-only and copy what you
change.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from kyso.demo.letter import draw_letter
from kyso.demo.pictures import seal_png, signature_png
from kyso.demo.pki import DEMO_PASSWORD, DemoPki, write_pki

# Read before the environment is cleared of KYSO_ variables.
_CORPUS_GIVEN = os.environ.get("KYSO_TEST_CORPUS")
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"


@pytest.fixture(scope="session", autouse=True)
def isolated_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the tests out of the user's home, configuration, caches and records, and give them an odd time zone.

    Child processes inherit it. Returns the home folder.
    """
    home = tmp_path_factory.mktemp("home")
    places = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "XDG_STATE_HOME": home / "state",
        "XDG_CACHE_HOME": home / "cache",
        "XDG_CONFIG_DIRS": home / "etc",
    }
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith("KYSO_")]:
        patch.delenv(name)
    for name, place in places.items():
        patch.setenv(name, str(place))
    # A quarter-hour zone with daylight saving time: a time that leaks from the machine's zone shows at once.
    patch.setenv("TZ", "Pacific/Chatham")
    time.tzset()
    yield home
    patch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> DemoPki:
    """The demo's root, issuing CA and four signers, with valid revocation lists, RSA-2048."""
    return write_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def pfx(pki: DemoPki) -> Path:
    """The leader's PFX file."""
    return pki.pfx("leader")


@pytest.fixture(scope="session")
def pfx_password() -> str:
    """The password of every PFX file of the PKI."""
    return DEMO_PASSWORD


@pytest.fixture(scope="session")
def letter_pdf() -> bytes:
    """The demo's two-page letter, unsigned."""
    return draw_letter(date(2026, 11, 20))


@pytest.fixture
def letter_path(letter_pdf: bytes, tmp_path: Path) -> Path:
    """The letter in a folder of the test's own."""
    path = tmp_path / "letter.pdf"
    path.write_bytes(letter_pdf)
    return path


@pytest.fixture(scope="session")
def signature_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A blue handwritten signature, transparent PNG."""
    path = tmp_path_factory.mktemp("pictures") / "signature.png"
    path.write_bytes(signature_png())
    return path


@pytest.fixture(scope="session")
def seal_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red round seal, transparent PNG of 36 mm at 600 dpi."""
    path = tmp_path_factory.mktemp("pictures") / "seal.png"
    path.write_bytes(seal_png())
    return path


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The shared corpus of foreign PDFs; tests that want it are skipped where it is absent."""
    place = Path(_CORPUS_GIVEN or CORPUS)
    if not place.is_dir():
        pytest.skip("the corpus of foreign PDFs is not here (KYSO_TEST_CORPUS)")
    return place


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let groups of tests (``xdist_group``) stay in one process.

    pytest-xdist 3.8 writes the group's name to ``_nodeid``, which pytest 9.2 no longer reads; without this a service or
    a database that a group shares is started in every process.
    """
    for item in items:
        grouped = vars(item).get("_nodeid")
        if grouped and item.nodeid != grouped and hasattr(item, "_id"):
            from _pytest.nodeid import coerce_node_id

            item._id = coerce_node_id(grouped)
