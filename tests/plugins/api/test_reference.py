"""The reference names every path and every setting, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from kyso.config import Config
from kyso.errors import ConfigWrong
from kyso_api.settings import SETTINGS, settings_of
from tests.plugins.api.test_specification import OPERATIONS

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_reference_is_whole(language: str) -> None:
    """Each path with its method, and each entry of [plugins.api] with its default, has a row."""
    page = (DOCS / language / "reference" / "rest.md").read_text("utf-8")
    for method, path in OPERATIONS:
        assert f"| `{method} {path}` |" in page
    for setting in SETTINGS:
        assert f"| `{setting.name}` | {f'`{setting.default}`' if setting.default else ''} |" in page


def test_settings_are_read() -> None:
    """Without any entry the defaults hold; entries of every kind are read."""
    assert settings_of(Config()).upload_cap == 100 << 20
    given = {"hosts": ["kyso.example.vn", "10.0.0.1"], "workers": 3, "open_metrics": True, "deadline_s": "12.5"}
    read = settings_of(Config(plugins={"api": given}))
    assert read.hosts == ("kyso.example.vn", "10.0.0.1")
    assert (read.workers, read.open_metrics, read.deadline_s) == (3, True, 12.5)


@pytest.mark.parametrize(
    ("entry", "value", "code"),
    [
        ("workers", 0, "api.setting_not_positive"),
        ("deadline_s", -1, "api.setting_not_positive"),
        ("workers", "many", "api.setting_wrong"),
        ("colour", "red", "api.setting_wrong"),
        ("hosts", "https://kyso.example.vn/", "api.setting_host"),
    ],
)
def test_wrong_settings_are_told(entry: str, value: object, code: str) -> None:
    """A setting that cannot be right stops the start, with its name in the words."""
    with pytest.raises(ConfigWrong) as refused:
        settings_of(Config(plugins={"api": {entry: value}}))
    assert refused.value.code == code
    assert entry in refused.value.message("vi")
