"""A policy's settings: read strictly, with words about what is expected."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyso.contracts import Setting, SettingKind
from kyso.errors import WrongUse
from kyso.placement.settings import parse_settings
from kyso.text import Text

_SUMMARY = Text("Tham số", "Setting")


def setting(kind: SettingKind, **given_: object) -> Setting:
    return Setting("value", kind, _SUMMARY, **given_)  # type: ignore[arg-type]  # passed on


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("mm", "36", 36.0),
        ("mm", "36,5", 36.5),
        ("mm", " 36.5 mm ", 36.5),
        ("mm", 36, 36.0),
        ("number", "1/3", 1 / 3),
        ("number", "-0,5", -0.5),
        ("number", 2.5, 2.5),
        ("date", "22/11/2026", date(2026, 11, 22)),
        ("date", "2026-11-22", date(2026, 11, 22)),
        ("date", date(2026, 11, 22), date(2026, 11, 22)),
        ("flag", "có", True),
        ("flag", False, False),
        ("text", "  Tru\u031bo\u031b\u0309ng pho\u0300ng ", "Trưởng phòng"),
    ],
    ids=str,
)
def test_values_are_read_as_people_write_them(kind: SettingKind, text: object, value: object) -> None:
    """Decimal commas, units, Vietnamese dates and yes-words; numbers, booleans and dates from TOML as they are."""
    read = parse_settings((setting(kind),), {"value": text})["value"]
    assert read == pytest.approx(value) if isinstance(value, float) else read == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("mm", "0"),
        ("mm", "-3"),
        ("mm", "36cm"),
        ("mm", "1e3"),
        ("mm", "nan"),
        ("mm", "99999"),
        ("number", "1/0"),
        ("number", "một"),
        ("number", "inf"),
        ("date", "31/02/2026"),
        ("date", "hôm nay"),
        ("flag", "maybe"),
        ("text", "a\x1b[31mb"),
        ("text", "a" * 501),
    ],
)
def test_wrong_values_say_what_is_expected(kind: SettingKind, text: str) -> None:
    """Every kind has its own refusal, in both languages, with a next step."""
    with pytest.raises(WrongUse) as refused:
        parse_settings((setting(kind),), {"value": text})
    assert refused.value.code == f"setting.wrong_{kind}"
    assert refused.value.next_step("vi")
    assert refused.value.next_step("en")
    assert "{" not in refused.value.message("vi")


def test_choices_do_not_depend_on_case_or_spacing() -> None:
    """`sao  y` is SAO Y; anything else names the choices."""
    declared = (setting("choice", choices=("SAO Y", "SAO LỤC")),)
    assert parse_settings(declared, {"value": "sao  y"}) == {"value": "SAO Y"}
    with pytest.raises(WrongUse) as refused:
        parse_settings(declared, {"value": "SAO"})
    assert "SAO LỤC" in str(refused.value.next_step("vi"))


def test_unknown_settings_name_the_nearest() -> None:
    """A typing error is answered with the right name."""
    with pytest.raises(WrongUse) as refused:
        parse_settings((Setting("diameter_mm", "mm", _SUMMARY),), {"diametre_mm": "36"})
    assert refused.value.code == "setting.unknown"
    assert refused.value.parameters["nearest"] == "diameter_mm"
    with pytest.raises(WrongUse):
        parse_settings((), {"anything": "1"})


def test_defaults_are_used_and_required_ones_missed() -> None:
    """A default is parsed like a given value; what is neither given nor required is absent."""
    assert parse_settings((setting("number", default="1/3"),), {}) == {"value": pytest.approx(1 / 3)}
    assert parse_settings((setting("mm"),), {}) == {}
    for given_ in ({}, {"value": ""}):
        with pytest.raises(WrongUse) as refused:
            parse_settings((setting("text", required=True),), given_)
        assert refused.value.code == "setting.missing"


@given(st.sampled_from(["mm", "number", "date", "flag", "text", "choice"]), st.text(max_size=40))
def test_no_text_ever_raises_anything_else(kind: SettingKind, text: str) -> None:
    """Whatever is typed is a value or a refusal with a code."""
    codes = []
    try:
        values = parse_settings((setting(kind, choices=("a",)),), {"value": text})
    except WrongUse as refused:
        codes.append(refused.code)
    else:
        assert set(values) <= {"value"}
    assert all(code.startswith("setting.") for code in codes)
