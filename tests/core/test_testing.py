"""The contract tests for plugin authors: the example plugin keeps them, wrong plugins do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.example_plugin import SOURCE, install

WRONG = """
from types import SimpleNamespace

import pytest
from kyso_example.corner import Corner
from kyso_example.keys import MemoryKey, MemoryKeySource

import kyso_example
from dataclasses import replace
from kyso.plugin import Signed, KeyTrouble, Secret
from kyso.testing import KeySourceContract, PlacementPolicyContract


class Shuffled(MemoryKey):
    def sign(self, digests, scheme):
        return Signed(tuple(reversed(super().sign(digests, scheme).values)))


class Foreign(MemoryKey):
    def sign(self, digests, scheme):
        return MemoryKey("other").sign(digests, scheme)


class Undying(MemoryKey):
    def close(self):
        pass


class Talkative(MemoryKeySource):
    def open(self, uri, access):
        secret = access.ask_secret("example.closed", {})
        if secret.reveal() != "right":
            raise KeyTrouble("example.no_ticket", ticket=secret.reveal())
        return super().open(uri, access)

    def list_keys(self, access):
        access.ask_secret("example.closed", {})
        return ()


def keys(kind):
    class Source(MemoryKeySource):
        def open(self, uri, access):
            return kind("x")

    return Source()


class _Keys(KeySourceContract):
    catalogues = ("kyso_example",)

    @pytest.fixture
    def uri(self):
        return "memory:x"


class TestShuffled(_Keys):
    @pytest.fixture
    def source(self):
        return keys(Shuffled)


class TestForeign(_Keys):
    @pytest.fixture
    def source(self):
        return keys(Foreign)


class TestUndying(_Keys):
    @pytest.fixture
    def source(self):
        return keys(Undying)


class TestTalkative(_Keys):
    @pytest.fixture
    def source(self):
        return Talkative()

    @pytest.fixture
    def access(self):
        from kyso.testing import access_with

        return access_with("right")

    @pytest.fixture
    def wrong_access(self):
        from kyso.testing import access_with

        return access_with("wrong-secret")


class OffPage(Corner):
    def place(self, letter, intent):
        placement = super().place(letter, intent)
        return replace(placement, rect_mm=placement.rect_mm.moved(dx_mm=20))


class TestOffPage(PlacementPolicyContract):
    catalogues = ("kyso_example",)

    @pytest.fixture
    def contribution(self):
        found = []
        kyso_example.register_placement_policies(found.append)
        return replace(found[0], load=OffPage)
"""

CAUGHT = {
    "TestShuffled::test_values_keep_the_order",
    "TestForeign::test_every_scheme_it_names_verifies",
    "TestUndying::test_it_closes_twice",
    "TestTalkative::test_a_wrong_secret_is_key_trouble",
    "TestTalkative::test_listing_asks_for_no_secret",
    "TestOffPage::test_it_stays_on_the_page[0]",
    "TestOffPage::test_it_stays_on_the_page[90]",
}


def run_pytest(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, as a plugin's author does."""
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rf", "--rootdir", str(folder), str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_example_plugin_keeps_the_contracts(tmp_path: Path) -> None:
    """The example plugin's own tests pass against the installed plugin."""
    result = run_pytest(SOURCE / "tests", install(tmp_path))
    assert result.returncode == 0, result.stdout
    assert "passed" in result.stdout


def test_wrong_plugins_are_caught(tmp_path: Path) -> None:
    """Values out of order, of another key, after close, secrets in errors, a stamp off the page: each is caught."""
    folder = tmp_path / "wrong"
    folder.mkdir()
    (folder / "test_wrong.py").write_text(WRONG, encoding="utf-8")
    site = tmp_path / "site"
    site.mkdir()
    result = run_pytest(folder, install(site))
    failed = {
        line.split(" ", 2)[1].partition("::")[2] for line in result.stdout.splitlines() if line.startswith("FAILED")
    }
    assert failed >= CAUGHT, result.stdout


def test_contracts_without_fixtures_say_what_is_missing() -> None:
    """A subclass that gives nothing is told which fixture to give."""
    from kyso.testing import KeySourceContract

    fixture = KeySourceContract.__dict__["source"]
    function = getattr(fixture, "_fixture_function", None) or fixture.__wrapped__
    with pytest.raises(NotImplementedError, match="source"):
        function(KeySourceContract())
