"""The plugin framework: loading, broken plugins, names wanted twice, switches."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from kyso import text
from kyso.contracts import Availability, Contribution
from kyso.entry_points import EntryPoint, entry_points
from kyso.errors import KeyTrouble, WrongUse
from kyso.hookspecs import hookimpl
from kyso.plugins import KINDS, create_plugin_manager
from kyso.text import Text
from tests.support.example_plugin import install

WORDS = Text("vi", "en")


class Keys:
    """A plugin object that contributes one key source."""

    def __init__(self, name: str, **more: object) -> None:
        self.__name__ = f"plugin_of_{name}_{id(self)}"
        self._contribution = Contribution(name, WORDS, load=lambda: SimpleNamespace(name=name), **more)  # type: ignore[arg-type]

    @hookimpl
    def register_key_sources(self, register: object) -> None:
        register(self._contribution)  # type: ignore[operator]


@pytest.fixture(autouse=True)
def known_catalogues(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the catalogues that a test's plugins named."""
    monkeypatch.setattr(text, "_packages", list(text._packages))
    yield
    text._entries.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on sys.path for distributions made by the test."""
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.syspath_prepend(str(place))
    return place


def distribution(site: Path, name: str, entry: str, module: str, source: str) -> None:
    """Install a one-module distribution that offers `module` under the entry point `entry`."""
    (site / f"{module}.py").write_text(source, encoding="utf-8")
    info = site / f"{name.replace('-', '_')}-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.5\n\nText\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[other]\nx = y\n\n[kyso]\n{entry} = {module}\n", encoding="utf-8")
    importlib.invalidate_caches()
    sys.modules.pop(module, None)


KEY_PLUGIN = """
from kyso.plugin import Contribution, Text, hookimpl

@hookimpl
def register_key_sources(register):
    register(Contribution({name!r}, Text("vi", "en"), load=object))
"""


def test_the_built_ins_come_through_the_same_door() -> None:
    """kyso's own formats, policies and keys are contributions of loaded plugins."""
    registry = create_plugin_manager()
    assert {"core", "pfx", "decree30", "kbnn"} <= {plugin.name for plugin in registry.plugins}
    assert registry.contributions("key_sources")["pfx"].plugin.distribution == "kyso"
    assert {"text", "json"} <= registry.contributions("report_formats").keys()
    assert {"fixed", "invisible"} <= registry.contributions("placement_policies").keys()
    assert not registry.broken
    assert not registry.conflicts


def test_every_registry_is_its_own() -> None:
    """What one registry loads another does not see."""
    assert "mine" in create_plugin_manager(extra=[Keys("mine")]).contributions("key_sources")
    assert "mine" not in create_plugin_manager().contributions("key_sources")


def test_a_contribution_is_loaded_once_and_late() -> None:
    """`load` runs when the contribution is first used, and once."""
    loads: list[str] = []

    def load() -> SimpleNamespace:
        loads.append("x")
        return SimpleNamespace()

    plugin = Keys("late")
    plugin._contribution = Contribution("late", WORDS, load=load)
    registry = create_plugin_manager(extra=[plugin])
    assert registry.contribution("key_sources", "late").name == "late"
    assert loads == []
    assert registry.key_source("late") is registry.key_source("late")
    assert loads == ["x"]


def test_a_plugin_that_does_not_import_is_reported(site: Path) -> None:
    """A failing import is kept with name, distribution, version and cause; everything else works."""
    distribution(site, "Broken-One", "brk", "kyso_broken_one", "import no_such_module_anywhere\n")
    registry = create_plugin_manager()
    (broken,) = registry.broken
    assert (broken.name, broken.distribution, broken.version) == ("brk", "Broken-One", "2.5")
    assert "no_such_module_anywhere" in broken.cause
    assert registry.key_source("pfx")


def test_a_plugin_that_exits_on_import_is_reported(site: Path) -> None:
    """Not even sys.exit at import ends the program."""
    distribution(site, "exits", "exits", "kyso_exits", "import sys\nsys.exit(3)\n")
    assert [broken.cause for broken in create_plugin_manager().broken] == ["SystemExit: 3"]


def test_an_unknown_hook_is_reported_not_fatal(site: Path) -> None:
    """A plugin that implements a hook that does not exist is reported and left out."""
    source = "from kyso.plugin import hookimpl\n\n@hookimpl\ndef register_wonders(register):\n    pass\n"
    distribution(site, "wonders", "wonders", "kyso_wonders", source)
    registry = create_plugin_manager()
    assert [broken.name for broken in registry.broken] == ["wonders"]
    assert "register_wonders" in registry.broken[0].cause
    assert "wonders" not in {plugin.name for plugin in registry.plugins}
    registry.manager.check_pending()


def test_an_unknown_argument_is_reported_not_fatal(site: Path) -> None:
    """A hook implementation with an argument that does not exist is reported."""
    source = "from kyso.plugin import hookimpl\n\n@hookimpl\ndef register_key_sources(registrar):\n    pass\n"
    distribution(site, "odd", "odd", "kyso_odd", source)
    registry = create_plugin_manager()
    assert [broken.name for broken in registry.broken] == ["odd"]
    assert "registrar" in registry.broken[0].cause


def test_a_hook_that_raises_is_reported_when_it_is_asked() -> None:
    """A plugin that fails while contributing loses that part and nothing else."""

    class Raises:
        @hookimpl
        def register_key_sources(self, register: object) -> None:
            raise RuntimeError("no")

    registry = create_plugin_manager(extra=[Raises()])
    assert "pfx" in registry.contributions("key_sources")
    assert [(broken.name, broken.cause) for broken in registry.broken] == [("Raises", "RuntimeError: no")]


def test_something_else_than_a_contribution_is_reported() -> None:
    """Registering a bare object is told with its type."""

    class Bare:
        @hookimpl
        def register_diagnostics(self, register: object) -> None:
            register("diagnostic")  # type: ignore[operator]

    registry = create_plugin_manager(extra=[Bare()])
    assert all(entry.plugin.name != "Bare" for entry in registry.contributions("diagnostics").values())
    assert "str" in registry.broken[0].cause


def test_a_name_wanted_twice_is_refused_naming_both(site: Path) -> None:
    """Two distributions that contribute one name are both named, and the name is refused."""
    distribution(site, "first-dist", "one", "kyso_first", KEY_PLUGIN.format(name="vault"))
    distribution(site, "second-dist", "two", "kyso_second", KEY_PLUGIN.format(name="vault"))
    registry = create_plugin_manager()
    assert "vault" not in registry.contributions("key_sources")
    with pytest.raises(WrongUse) as raised:
        registry.key_source("vault")
    assert raised.value.code == "plugins.duplicate"
    for words in (raised.value.message("vi"), raised.value.message("en")):
        assert "first-dist 2.5" in words
        assert "second-dist 2.5" in words
    (conflict,) = registry.conflicts
    assert conflict.kept is None
    assert {plugin.distribution for plugin in conflict.plugins} == {"first-dist", "second-dist"}
    assert registry.key_source("pfx")


def test_a_plugin_cannot_take_a_name_of_the_core() -> None:
    """A clash with kyso's own format is reported and kyso's own stands."""

    class Json:
        @hookimpl
        def register_report_formats(self, register: object) -> None:
            register(Contribution("json", WORDS, load=object))  # type: ignore[operator]

    registry = create_plugin_manager(extra=[Json()])
    assert registry.contributions("report_formats")["json"].plugin.name == "core"
    (conflict,) = registry.conflicts
    assert conflict.kept is not None
    assert conflict.kept.name == "core"


def test_two_keys_of_one_scheme_as_pfx_are_refused() -> None:
    """Nobody takes over a scheme where a password is typed, not even against a plugin of kyso's."""
    registry = create_plugin_manager(extra=[Keys("pfx")])
    with pytest.raises(WrongUse) as raised:
        registry.key_source("pfx")
    assert raised.value.code == "plugins.duplicate"


def test_a_plugin_name_taken_is_reported(site: Path) -> None:
    """Two distributions with one plugin name: the second is reported, kyso's own are never displaced."""
    distribution(site, "aaa-usurper", "pfx", "kyso_usurper", KEY_PLUGIN.format(name="usurper"))
    registry = create_plugin_manager()
    assert registry.contributions("key_sources")["pfx"].plugin.distribution == "kyso"
    assert "usurper" not in registry.contributions("key_sources")
    assert [(broken.name, broken.distribution) for broken in registry.broken] == [("pfx", "aaa-usurper")]
    assert "kyso" in registry.broken[0].cause


def test_an_unknown_name_names_the_nearest() -> None:
    """A misspelt name is answered with the nearest ones, an odd one with all."""
    registry = create_plugin_manager()
    with pytest.raises(WrongUse) as raised:
        registry.placement_policy("invisble")
    assert raised.value.code == "plugins.unknown_near"
    assert "invisible" in raised.value.message("en")
    with pytest.raises(WrongUse) as raised:
        registry.key_source("zzzzzz")
    assert "pfx" in raised.value.message("en")


def test_what_is_not_available_says_why() -> None:
    """An unavailable contribution is refused with its reason and next step in the reader's language."""
    why = Availability(False, Text("thiếu thư viện", "library missing"), Text("cài đặt", "install it"))
    registry = create_plugin_manager(extra=[Keys("away", availability=lambda: why)])
    with pytest.raises(WrongUse) as raised:
        registry.key_source("away")
    assert raised.value.code == "plugins.unavailable"
    assert "thiếu thư viện" in raised.value.message("vi")
    assert "library missing" in raised.value.message("en")
    assert "install it" in raised.value.message("en")


def test_an_availability_check_that_fails_counts_as_not_available() -> None:
    """The failure of the check is the reason."""

    def check() -> Availability:
        raise OSError("no driver")

    registry = create_plugin_manager(extra=[Keys("away", availability=check)])
    with pytest.raises(WrongUse) as raised:
        registry.key_source("away")
    assert "no driver" in raised.value.message("en")


def test_a_load_that_fails_is_told_with_its_cause() -> None:
    """An exception while loading becomes an error with a code; a KysoError passes as it is."""

    def broken() -> object:
        raise RuntimeError("half installed")

    def refused() -> object:
        raise KeyTrouble("key.closed")

    first, second = Keys("broken"), Keys("refused")
    first._contribution = Contribution("broken", WORDS, load=broken)
    second._contribution = Contribution("refused", WORDS, load=refused)
    registry = create_plugin_manager(extra=[first, second])
    with pytest.raises(WrongUse) as raised:
        registry.key_source("broken")
    assert "half installed" in raised.value.message("en")
    with pytest.raises(KeyTrouble):
        registry.key_source("refused")


def test_plugins_can_be_switched_off(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KYSO_PLUGINS_DISABLE takes plugin and distribution names; the core stays."""
    distribution(site, "extra-dist", "extra", "kyso_extra", KEY_PLUGIN.format(name="extra"))
    assert "extra" in create_plugin_manager().contributions("key_sources")
    for switch in ("extra", "extra-dist", " pfx , extra-dist"):
        monkeypatch.setenv("KYSO_PLUGINS_DISABLE", switch)
        registry = create_plugin_manager()
        assert "extra" not in registry.contributions("key_sources")
        assert "extra" in registry.disabled
    assert "pfx" not in registry.contributions("key_sources")
    monkeypatch.setenv("KYSO_PLUGINS_DISABLE", "core,kyso")
    assert "json" in create_plugin_manager().contributions("report_formats")


def test_autoload_can_be_switched_off(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KYSO_PLUGINS_AUTOLOAD=0 and `autoload=False` leave kyso's own plugins only."""
    distribution(site, "extra-dist", "extra", "kyso_extra_b", KEY_PLUGIN.format(name="extra"))
    assert "extra" not in create_plugin_manager(autoload=False).contributions("key_sources")
    monkeypatch.setenv("KYSO_PLUGINS_AUTOLOAD", "0")
    registry = create_plugin_manager()
    assert "extra" not in registry.contributions("key_sources")
    assert "pfx" in registry.contributions("key_sources")


def test_a_broken_catalogue_stops_no_message(site: Path) -> None:
    """A plugin whose catalogue is not TOML is reported, and other errors keep their words."""
    package = site / "kyso_bad_words"
    package.mkdir()
    (package / "messages.vi.toml").write_text("[", encoding="utf-8")
    source = (
        "from kyso.plugin import hookimpl\n\n@hookimpl\ndef register_catalogues(register):\n    register(__name__)\n"
    )
    distribution(site, "bad-words", "bad_words", "kyso_bad_words/__init__", source)
    (site / "bad_words-2.5.dist-info" / "entry_points.txt").write_text("[kyso]\nbad = kyso_bad_words\n", "utf-8")
    registry = create_plugin_manager()
    assert "nguồn khóa" in WrongUse("plugins.unknown", kind=KINDS["key_sources"], name="x", known=[]).message("vi")
    assert "bad" in {broken.name for broken in registry.examine()}


def test_entry_points_are_those_of_the_standard_library() -> None:
    """The quick scan finds what importlib.metadata finds, in every group there is."""
    groups = metadata.entry_points().groups
    assert "kyso" in groups
    for group in groups:
        quick = {(point.name, point.value, point.distribution, point.version) for point in entry_points(group)}
        whole = {
            (point.name, point.value.partition("[")[0].strip(), point.dist.name, point.dist.version)
            for point in metadata.entry_points(group=group)
            if point.dist is not None
        }
        assert quick == whole, group


def test_entry_points_are_found_whatever_the_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the interpreter has another finder of distributions, the standard library is asked."""

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            return None

        @staticmethod
        def find_distributions(context: object) -> list[metadata.Distribution]:
            return [Made()]

    class Made(metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            return {
                "METADATA": "Metadata-Version: 2.1\nName: made\nVersion: 9\n",
                "entry_points.txt": "[kyso]\nmade = made_module\n",
            }.get(filename)

        def locate_file(self, path: object) -> Path:
            return Path(str(path))

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert EntryPoint("made", "made_module", "made", "9") in entry_points("kyso")


def test_odd_metadata_is_passed_over(site: Path) -> None:
    """Damaged or strange metadata of other distributions neither fails nor hides the rest."""
    for name, data in (("a-1.dist-info", b"\xff\xfe"), ("b-1.dist-info", b"[kyso]\n# c\nno equals\n = \n")):
        (site / name).mkdir()
        (site / name / "entry_points.txt").write_bytes(data)
    (site / "c-1.dist-info").write_text("a file", encoding="utf-8")
    assert "pfx" in {point.name for point in entry_points("kyso")}


def test_the_example_plugin_installs_and_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example third-party distribution is found, loaded and contributes key, policy and tables."""
    monkeypatch.syspath_prepend(str(install(tmp_path)))
    for name in [name for name in sys.modules if name.startswith("kyso_example")]:
        monkeypatch.delitem(sys.modules, name)
    registry = create_plugin_manager()
    assert not registry.broken
    entry = registry.contributions("key_sources")["memory"]
    assert (entry.plugin.distribution, entry.plugin.version) == ("kyso-example-plugin", "1.0.0")
    assert registry.placement_policy("example.corner")
    assert registry.load("tables", "example").name == "example"


def test_extra_plugins_may_be_modules() -> None:
    """A module object is a plugin as well as an instance is."""
    module = ModuleType("a_module_plugin")
    exec(KEY_PLUGIN.format(name="from_module"), module.__dict__)
    assert "from_module" in create_plugin_manager(extra=[module]).contributions("key_sources")
