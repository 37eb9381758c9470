"""Every extension point has a documented section, a signature, an example that runs, and a test here."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from kyso import hookspecs, text
from kyso.cli.common import Common
from kyso.contracts import LetterFacts, PlacementIntent, Signer
from kyso.hookspecs import hookimpl
from kyso.models import FailedSignature, SignedDocument, SignRequest
from kyso.plugins import KINDS, PluginRegistry, create_plugin_manager
from kyso_stamps.fonts import FontChoice
from tests.support.example_plugin import install

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reference"
HOOKS = [name for name, found in vars(hookspecs).items() if hasattr(found, "kyso_spec")]


def sections(page: str) -> dict[str, str]:
    """Return the sections of a page of the reference by their headings."""
    parts = re.split(r"^## (\w+)$", (PAGES / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def example(hook: str, page: str = "hooks.md") -> str:
    """Return the Python example of a hook's section."""
    found = re.findall(r"```python\n(.*?)```", sections(page)[hook], flags=re.DOTALL)
    assert len(found) == 1, hook
    return str(found[0])


@pytest.fixture(autouse=True)
def example_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The examples lean on the example plugin's package."""
    monkeypatch.syspath_prepend(str(install(tmp_path)))
    monkeypatch.setattr(text, "_packages", list(text._packages))
    monkeypatch.setenv("KYSO_PLUGINS_AUTOLOAD", "0")
    for name in [name for name in sys.modules if name.startswith("kyso_example")]:
        monkeypatch.delitem(sys.modules, name)
    yield
    text._entries.cache_clear()


def run_example(hook: str) -> tuple[ModuleType, PluginRegistry]:
    """Run the example of `hook` as a plugin module, and return it with a registry that has loaded it."""
    module = ModuleType(f"example_of_{hook}")
    exec(compile(example(hook), f"hooks.md, {hook}", "exec", dont_inherit=True), module.__dict__)
    registry = create_plugin_manager(extra=[module])
    assert not registry.examine()
    return module, registry


def letter(pages: int) -> SimpleNamespace:
    """Return as much of a letter as the examples look at."""
    return SimpleNamespace(page_count=pages)


def test_every_hook_is_documented_in_both_languages() -> None:
    """The reference has a section for each hook, in the order of the hook page, and none besides."""
    assert list(sections("hooks.md")) == HOOKS
    assert list(sections("hooks.en.md")) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_its_signature_and_example_are_right(hook: str) -> None:
    """A section shows the hook's true signature, and both languages the same example."""
    signature = f"`{hook}{inspect.signature(getattr(hookspecs, hook))}`".replace("'", "")
    for page in ("hooks.md", "hooks.en.md"):
        assert signature in sections(page)[hook]
    assert example(hook) == example(hook, "hooks.en.md")


def test_every_hook_is_tested_here() -> None:
    """This module has a test for each hook."""
    here = Path(__file__).read_text(encoding="utf-8")
    assert [hook for hook in HOOKS if f'run_example("{hook}")' not in here] == []


def test_every_kind_has_a_hook() -> None:
    """What the registry collects are the hooks that register contributions, all of them."""
    assert {f"register_{kind}" for kind in KINDS} == {hook for hook in HOOKS if hook.startswith("register_")} - {
        "register_catalogues"
    }


def test_register_catalogues() -> None:
    """The texts of the package it names are known."""
    run_example("register_catalogues")
    assert text.message("example.closed", "vi") == "Khóa đã đóng."


def test_register_key_sources() -> None:
    """Its key opens by its scheme."""
    _, registry = run_example("register_key_sources")
    key = registry.key_source("hookdemo").open("hookdemo:x", SimpleNamespace())  # type: ignore[arg-type]
    assert key.certificate
    key.close()


def test_register_placement_policies() -> None:
    """Its policy places with the setting it declares."""
    from kyso.placement.settings import parse_settings

    _, registry = run_example("register_placement_policies")
    contribution = registry.contribution("placement_policies", "hookdemo.topleft")
    intent = PlacementIntent(
        signer=Signer("Nguyễn Văn Mẫu"),
        signed_at=datetime(2026, 11, 20, tzinfo=UTC),
        values=parse_settings(contribution.settings, {"margin_mm": "12,5"}),
        organisation="",
        image=None,
        page=None,
        rect_mm=None,
        anchor=None,
        field=None,
        leader_field=None,
        time_pattern="%Y",
        fonts=FontChoice(),
        check_signatures=lambda: pytest.fail("not needed"),
    )
    placement = registry.placement_policy("hookdemo.topleft").place(letter(1), intent)  # type: ignore[arg-type]
    assert placement.rect_mm is not None
    assert placement.rect_mm.as_tuple() == (12.5, 12.5, 50, 10)


def test_register_stamp_templates() -> None:
    """Its template is found by name and draws."""
    from kyso_stamps.draw import draw
    from kyso_stamps.templates import Library, TemplateSource

    _, registry = run_example("register_stamp_templates")
    path = registry.load("stamp_templates", "hookdemo.two_lines")
    library = Library((), [TemplateSource("hookdemo.two_lines", path)])
    values = {
        "signer": "Nguyễn Văn Mẫu",
        "organisation": "UBND",
        "title": "",
        "time": datetime(2026, 11, 22, tzinfo=UTC),
    }
    assert draw(library.spec("hookdemo.two_lines", values, None), FontChoice()).parts


def test_register_preflight_checks() -> None:
    """Its check refuses a letter that is too long, with words, and no other."""
    _, registry = run_example("register_preflight_checks")
    check = registry.load("preflight_checks", "hookdemo.pages")
    assert list(check.check(letter(20), None, None)) == []
    (finding,) = check.check(letter(21), None, None)
    assert finding.refuse


def test_register_conformity_checks() -> None:
    """Its judgement says whether the rule is met."""
    _, registry = run_example("register_conformity_checks")
    check = registry.load("conformity_checks", "hookdemo.signed")
    for signatures, status in (((), "not_met"), (("one",), "met")):
        (judged,) = check.check(letter(1), SimpleNamespace(signatures=signatures))
        assert judged.status == status


def test_register_letter_readers() -> None:
    """Its reader returns what it found, and nothing for a page without text."""
    _, registry = run_example("register_letter_readers")
    reader = registry.load("letter_readers", "hookdemo.first_line")
    line = SimpleNamespace(text="V/v ký số")
    assert reader.read(SimpleNamespace(text_lines=lambda number: (line,))).subject == "V/v ký số"
    assert reader.read(SimpleNamespace(text_lines=lambda number: ())) == LetterFacts()


def test_register_diagnostics() -> None:
    """Its examination runs."""
    _, registry = run_example("register_diagnostics")
    examination = SimpleNamespace(config=SimpleNamespace(base_dir=Path.cwd()))
    (diagnosis,) = registry.load("diagnostics", "hookdemo.space").examine(examination)
    assert diagnosis.state in ("ok", "failure")
    assert text.has_text(diagnosis.code)


def test_register_report_formats() -> None:
    """Its format renders a verification."""
    _, registry = run_example("register_report_formats")
    written = registry.report_format("word")
    assert written.binary is False
    assert written.render(SimpleNamespace(verdict="valid"), "vi") == b"valid\n"  # type: ignore[arg-type]


def test_register_exporters() -> None:
    """Its export exports."""
    _, registry = run_example("register_exporters")
    assert registry.load("exporters", "hookdemo.base64").export(b"kyso", {}) == b"a3lzbw=="


def test_register_simulators() -> None:
    """Its application answers."""
    _, registry = run_example("register_simulators")
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(registry.load("simulators", "hookdemo").application("approve")({}, None, send))
    assert sent[1]["body"] == b"approve"


def test_register_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Its commands run with the common options at hand, and give the exit code."""
    from kyso.cli.parsing import run_group

    _, registry = run_example("register_commands")
    app = registry.load("commands", "hookdemo")
    assert run_group("hookdemo", app, ["hello", "An"], Common(asked_language="vi")) == 0
    assert run_group("hookdemo", app, ["hello", "An"], Common(asked_language="en")) == 0
    assert run_group("hookdemo", app, ["bye"], Common()) == 3
    assert capsys.readouterr().out == "Xin chào An\nHello An\n"


def test_register_routes() -> None:
    """Its router has its routes where FastAPI is installed, and says what to install where it is not."""
    from importlib.util import find_spec

    from kyso.plugins import availability_of

    _, registry = run_example("register_routes")
    availability = availability_of(registry.contribution("routes", "hookdemo"))
    if find_spec("fastapi") is None:
        assert not availability.ok
        assert availability.next_step is not None
        return
    router = registry.load("routes", "hookdemo")
    assert [route.path for route in router.routes] == ["/hookdemo/ping"]


def test_register_tables(tmp_path: Path) -> None:
    """Its tables are made when the records are opened."""
    import sqlalchemy as sa

    from kyso.records.store import Records

    _, registry = run_example("register_tables")
    table_set = registry.load("tables", "example")
    with (
        Records.open(f"sqlite:///{tmp_path / 'r.sqlite3'}", table_sets=[table_set]) as records,
        records.begin() as connection,
    ):
        assert "example_notes" in sa.inspect(connection).get_table_names()


def _document() -> SignedDocument:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    return SignedDocument(None, b"", 0, 0, "Kyso_0001", 1, None, "b", "invisible", "An", moment)


class _Works:
    """Stands where the engine's own implementation stands."""

    def __init__(self, work: Callable[[], SignedDocument]) -> None:
        self._work = work

    @hookimpl(trylast=True)
    def sign_document(self, request: SignRequest) -> SignedDocument:
        return self._work()


def test_sign_document() -> None:
    """Its wrapper goes around the signing, hands on the outcome and lets errors through."""
    module, registry = run_example("sign_document")
    document = _document()

    def fails() -> SignedDocument:
        raise ValueError("from inside")

    inner = _Works(lambda: document)
    registry.manager.register(inner)
    assert registry.hook.sign_document(request=SignRequest(b"", "leader")) is document
    assert len(module.seconds) == 1
    registry.manager.unregister(inner)
    registry.manager.register(_Works(fails))
    with pytest.raises(ValueError, match="from inside"):
        registry.hook.sign_document(request=SignRequest(b"", "leader"))
    assert len(module.seconds) == 2


def test_record_event() -> None:
    """It is told what became of each letter."""
    module, registry = run_example("record_event")
    request = SignRequest(b"", "leader")
    registry.hook.record_event(name="signed", request=request, outcome=_document())
    registry.hook.record_event(name="failed", request=request, outcome=FailedSignature("x", "key.closed", {}, 5))
    assert module.seen == [("signed", "An"), ("failed", None)]
