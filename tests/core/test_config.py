"""kyso.toml: what it may say, and what is said about everything else."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from kyso.config import Config, find, read, user_file
from kyso.config_check import check
from kyso.errors import ConfigWrong
from kyso.plugins import create_plugin_manager

WHOLE = """
[organisation]
name = "UBND XÃ AN BÌNH"

[keys.leader]
uri = "pfx:keys/leader.p12"
role = "leader"
image = "signature.png"
title = "CHỦ TỊCH"

[seal]
image = "seal.png"
diameter_mm = 36

[leader]
image = "signature.png"
max_width_mm = 40.5
max_height_mm = 20

[signing]
key = "leader"
policy = "decree30.leader"
level = "t"
format = "pkcs7"
digest = "sha384"
require_trust = true
time_pattern = "%d/%m/%Y"
tsa = ["http://tsa.example.vn"]

[verification]
trust = "roots"
crl = ["a.crl", "b"]
revocation = "prefer"

[fonts]
regular = "serif.ttf"

[records]
url = "sqlite:///records.sqlite3"

[locale]
language = "en"

[network]
online = true

[plugins.decree30]
max_width_mm = 35

[plugins.decree30.seal]
diameter_mm = 30
"""


def written(folder: Path, source: str) -> Path:
    """Write a kyso.toml and return its path."""
    path = folder / "kyso.toml"
    path.write_text(source, encoding="utf-8")
    return path


def problems_of(folder: Path, source: str) -> list[str]:
    """Return the codes of the problems found in `source`."""
    return [problem.code for problem in read(written(folder, source))[1]]


def error_of(folder: Path, source: str) -> ConfigWrong:
    """Return the error that `source` is refused with."""
    with pytest.raises(ConfigWrong) as raised:
        Config.load(written(folder, source))
    return raised.value


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """Every section and entry arrives, relative paths start at the file's folder."""
    config = Config.load(written(tmp_path, WHOLE))
    assert config.organisation.name == "UBND XÃ AN BÌNH"
    key = config.keys["leader"]
    assert (key.uri, key.role, key.image, key.title) == (
        "pfx:keys/leader.p12",
        "leader",
        tmp_path / "signature.png",
        "CHỦ TỊCH",
    )
    assert config.seal.diameter_mm == 36.0
    assert config.leader.max_width_mm == 40.5
    signing = config.signing
    assert (signing.key, signing.policy, signing.level, signing.format) == ("leader", "decree30.leader", "t", "pkcs7")
    assert (signing.digest, signing.require_trust, signing.tsa) == ("sha384", True, ("http://tsa.example.vn",))
    assert config.verification.trust == (tmp_path / "roots",)
    assert config.verification.crl == (tmp_path / "a.crl", tmp_path / "b")
    assert config.font_choice().regular == tmp_path / "serif.ttf"
    assert (config.records.url, config.locale.language, config.network.online) == (
        "sqlite:///records.sqlite3",
        "en",
        True,
    )
    assert config.base_dir == tmp_path


def test_settings_of_a_contribution_overlay_those_of_the_plugin(tmp_path: Path) -> None:
    """[plugins.decree30.seal] holds for decree30.seal alone, [plugins.decree30] for all of the plugin."""
    config = Config.load(written(tmp_path, WHOLE))
    assert config.settings_for("decree30", "decree30.seal") == {"max_width_mm": 35, "diameter_mm": 30}
    assert config.settings_for("decree30", "decree30.leader") == {"max_width_mm": 35}
    assert config.settings_for("pfx", "pfx") == {}


def test_a_configuration_crosses_to_another_process(tmp_path: Path) -> None:
    """Worker processes get the configuration as it is."""
    config = Config.load(written(tmp_path, WHOLE))
    assert pickle.loads(pickle.dumps(config)) == config


def test_defaults_hold_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any file the defaults hold, and shown times are in Vietnam's zone."""
    monkeypatch.chdir(tmp_path)
    config = Config.load()
    assert config == Config()
    assert config.path is None
    assert config.signing.time_pattern.endswith("+07:00")


def test_the_file_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path given, KYSO_CONFIG, ./kyso.toml, the user's own: the first there is."""
    here, named, given = (tmp_path / name for name in ("here", "named", "given"))
    for folder in (here, named, given):
        folder.mkdir()
    monkeypatch.chdir(here)
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text("", encoding="utf-8")
    try:
        assert find() == user_file()
        written(here, "")
        assert find() == here / "kyso.toml"
        monkeypatch.setenv("KYSO_CONFIG", str(written(named, "")))
        assert find() == named / "kyso.toml"
        assert find(written(given, "")) == given / "kyso.toml"
    finally:
        user_file().unlink()


@pytest.mark.parametrize("way", ["option", "environment"])
def test_a_file_asked_for_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """A named file that is missing is an error, never a silent default."""
    missing = tmp_path / "no.toml"
    if way == "environment":
        monkeypatch.setenv("KYSO_CONFIG", str(missing))
    with pytest.raises(ConfigWrong) as raised:
        Config.load(missing if way == "option" else None)
    assert raised.value.code == "config.not_found"
    assert "no.toml" in raised.value.message("vi")


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("[seal]\ndiamter_mm = 3", "config.unknown_entry", ["[seal]", "diamter_mm", "diameter_mm", "line 2"]),
        ("[signing]\ndiameter_mm = 3", "config.unknown_entry", ["[seal] diameter_mm"]),
        ("[sining]\nkey = 'x:y'", "config.unknown_section", ["sining", "signing", "line 1"]),
        ("path = 'x'", "config.unknown_section", ["path"]),
        ("seal = 3", "config.wrong_value", ["seal", "section"]),
        ("[keys]\nleader = 'pfx:x'", "config.wrong_value", ["leader"]),
        ("[keys.a]\nuri = 'pfx:x'\nrole = 'boss'", "config.wrong_value", ["boss", "accountant"]),
        ("[keys.a]\nrole = 'leader'", "config.entry_missing", ["uri", "[keys.a]"]),
        ("[keys.a]\nuri = 'leader.p12'", "config.wrong_value", ["pfx:seal.p12"]),
        ("[keys.'a:b']\nuri = 'pfx:x'", "config.key_name", ["a:b"]),
        ("[seal]\ndiameter_mm = '36'", "config.wrong_value", ["millimetres", "'36'"]),
        ("[seal]\ndiameter_mm = -1", "config.wrong_value", ["-1"]),
        ("[seal]\ndiameter_mm = nan", "config.wrong_value", ["nan"]),
        ("[seal]\ndiameter_mm = inf", "config.wrong_value", ["inf"]),
        ("[seal]\ndiameter_mm = true", "config.wrong_value", ["True"]),
        ("[seal]\ndiameter_mm = 30\nwidth_mm = 3\nheight_mm = 3", "config.seal_sizes", ["diameter_mm"]),
        ("[seal]\nwidth_mm = 30", "config.seal_half_size", ["height_mm"]),
        ("[signing]\nrequire_trust = 'yes'", "config.wrong_value", ["true or false"]),
        ("[signing]\nlevel = 'B'", "config.wrong_value", ["lta"]),
        ("[signing]\nlevel = ['b']", "config.wrong_value", ["lta"]),
        ("[signing]\nkey = 'leder'\n[keys.leader]\nuri = 'pfx:x'", "config.unknown_key", ["leder", "leader"]),
        ("[signing]\ntsa = 'ftp://x'", "config.wrong_value", ["https://"]),
        ("[verification]\ntrust = [3]", "config.wrong_value", ["list of texts"]),
        ("[organisation]\nname = ''", "config.wrong_value", ["not empty"]),
        ("[organisation]\nname = 2026-11-20", "config.wrong_value", ["name"]),
        ("[leader]\nimage = ''", "config.wrong_value", ["path"]),
        ("[plugins]\ndecree30 = 1", "config.wrong_value", ["decree30"]),
        ("[locale]\nlanguage = 'fr'", "config.wrong_value", ["vi, en"]),
        ("a = = b", "config.syntax", ["line 1"]),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, source: str, code: str, words: list[str]) -> None:
    """Unknown entries, wrong types and contradictions are refused with file, place and what would be right."""
    error = error_of(tmp_path, source)
    assert error.code == code
    for word in [*words, "kyso.toml"]:
        assert word in error.message("en")
    assert error.next_step("vi")


@pytest.mark.parametrize(
    "source",
    [
        "[keys.a]\nuri = 'pfx:x'\npin = '1234'",
        "[keys.a]\nuri = 'pfx:x'\nPIN = 1234",
        "[keys.a]\nuri = 'pfx:x'\nuser_pin = '1234'",
        "[keys.a]\nuri = 'pfx:x'\nmat_khau = '1234'",
        "[keys.a]\nuri = 'pkcs11:token=x?pin-value=1234'",
        "[plugins.csc]\nclient_secret = '1234'",
        "[plugins.csc.inner]\npassword = '1234'",
        "[records]\nurl = 'postgresql://kyso:1234@db/kyso'",
        "[signing]\ntsa = ['http://me:1234@tsa.example.vn']",
        "[keys.a]\nuri = '//me:1234@host'",
        "password = '1234'",
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, source: str) -> None:
    """A PIN or password anywhere is refused with the reason; no message repeats it."""
    problems = read(written(tmp_path, source))[1]
    assert "config.secret" in [problem.code for problem in problems]
    for problem in problems:
        assert "1234" not in problem.of("vi") + problem.of("en")


def test_what_only_names_a_secret_is_allowed(tmp_path: Path) -> None:
    """An entry that says where a secret comes from is no secret."""
    source = "[plugins.csc]\npassword_env = 'CSC_PASSWORD'\nask_pin = true"
    assert "config.secret" not in problems_of(tmp_path, source)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """One reading names everything."""
    error = error_of(tmp_path, "[seal]\nx = 1\ndiameter_mm = 'a'\n[nothing]\n")
    assert error.code == "config.several"
    assert error.parameters["count"] == 3
    for language in ("vi", "en"):
        assert error.message(language).count("\n  - ") == 3


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Not UTF-8, too large, a folder: each is an error with a code."""
    path = tmp_path / "kyso.toml"
    path.write_bytes(b"[organisation]\nname = '\xff'")
    assert read(path)[1][0].code == "config.not_utf8"
    path.write_bytes(b"#" * (1 << 21))
    assert read(path)[1][0].code == "config.too_large"
    path.unlink()
    path.mkdir()
    assert read(path)[1][0].code == "config.unreadable"


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    """A file that nests too deep ends in an error, not in a crash."""
    assert problems_of(tmp_path, "a = " + "[" * 50_000) == ["config.syntax"]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """A file saved by Windows' editor reads as well."""
    path = tmp_path / "kyso.toml"
    path.write_bytes(b"\xef\xbb\xbf[organisation]\nname = 'A'")
    assert Config.load(path).organisation.name == "A"


def test_texts_are_normalised(tmp_path: Path) -> None:
    """Decomposed Vietnamese becomes NFC."""
    config = Config.load(written(tmp_path, '[organisation]\nname = "Ủy ban"'))
    assert config.organisation.name == "Ủy ban"


# ---------------------------------------------------------------------------------------------------- with the plugins


def remarks(folder: Path, source: str) -> list[tuple[str, bool]]:
    """Return what the further check says about a file that reads well: (code, fatal)."""
    config, problems = read(written(folder, source))
    assert not problems
    return [(remark.phrase.code, remark.fatal) for remark in check(config, create_plugin_manager())]


def test_a_good_file_passes(tmp_path: Path) -> None:
    """Files that exist, known schemes and policies, settings that parse: nothing to say."""
    for name in ("seal.png", "signature.png", "root.pem"):
        (tmp_path / name).write_bytes(b"")
    source = """
        [keys.leader]
        uri = "pfx:x.p12"
        image = "signature.png"
        [seal]
        image = "seal.png"
        [signing]
        key = "pfx:x.p12"
        policy = "decree30.seal"
        [verification]
        trust = "root.pem"
        [plugins.decree30.seal]
        diameter_mm = "36,5"
        [plugins.decree30.attachment]
        template = "link"
        url = "https://example.vn/van-ban"
    """
    assert remarks(tmp_path, source) == []


@pytest.mark.parametrize(
    ("source", "code", "fatal"),
    [
        ("[seal]\nimage = 'no.png'", "config.file_missing", True),
        ("[verification]\ntrust = ['no.pem']", "config.file_missing", True),
        ("[fonts]\nbold = 'no.ttf'", "config.file_missing", True),
        ("[keys.a]\nuri = 'pfy:x'", "config.unknown_contribution", True),
        ("[keys.a]\nuri = 'pfx:x'\nspeed = 3", "config.unknown_setting", True),
        ("[signing]\nkey = 'zzz:x'", "config.unknown_contribution", True),
        ("[signing]\npolicy = 'decree30.leder'", "config.unknown_contribution", True),
        ("[plugins.nothere]\nx = 1", "config.plugin_not_loaded", False),
        ("[plugins.decree30]\ndiamter_mm = 1", "config.unknown_setting", True),
        ("[plugins.decree30.sael]\ndiameter_mm = 1", "config.unknown_setting", True),
        ("[plugins.decree30.leader]\ndiameter_mm = 1", "config.unknown_setting", True),
        ("[plugins.decree30.seal]\ndiameter_mm = 'wide'", "config.wrong_setting", True),
        ("[plugins.decree30.seal]\ntemplate = 'saal'", "config.wrong_setting", True),
        ("[plugins.decree30.seal]\ntemplate = 'link'\nulr = 'x'", "config.unknown_setting", True),
    ],
)
def test_what_only_the_plugins_know_is_checked(tmp_path: Path, source: str, code: str, fatal: bool) -> None:
    """Missing files, unknown schemes, policies and settings are named; a plugin that is not loaded only warns."""
    assert remarks(tmp_path, source) == [(code, fatal)]


def test_the_nearest_policy_is_named_with_the_line(tmp_path: Path) -> None:
    """A misspelt policy is answered with the right one and the line it stands in."""
    config, _ = read(written(tmp_path, "\n[signing]\npolicy = 'decree30.leder'"))
    (remark,) = check(config, create_plugin_manager())
    assert "decree30.leader" in remark.phrase.of("en")
    assert "line 3" in remark.phrase.of("en")
