"""Problem documents: the status follows from the error, the language from the request."""

from __future__ import annotations

import json

import pytest

from kyso.errors import ConfigWrong, InputRefused, InternalError, KeyTrouble, KysoError, RemoteFailed, WrongUse
from kyso.serving.problems import Refusal, asked_language, encoded, in_language, problem_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputRefused("document.empty", name="a"), 422),
        (KeyTrouble("key.closed"), 409),
        (RemoteFailed("fetch.unresolvable", host="a"), 502),
        (WrongUse("key.unknown_name", name="a", known=[]), 400),
        (ConfigWrong("config.not_found", file="a"), 500),
        (InternalError("serving.defect", log=""), 500),
        (InputRefused("records.unusable", place="a", cause="b"), 503),
        (WrongUse("records.no_prepared", id="a"), 404),
        (Refusal("serving.busy", 503), 503),
    ],
)
def test_the_status_says_what_the_error_is(error: KysoError, status: int) -> None:
    """Each kind of error has its status; a few codes have one that says more."""
    assert problem_of(error)["status"] == status


def test_a_problem_speaks_both_languages_and_the_readers() -> None:
    """`detail` and `next` are in the asked language, the other members in both."""
    document = problem_of(InputRefused("document.encrypted", name="thư.pdf"))
    english = json.loads(encoded(in_language(document, "en", "1b4e28ba-2fa1-11d2-883f-0016d3cca427")))
    assert english["detail"] == english["message_en"] != english["message_vi"]
    assert english["instance"] == "urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    assert in_language(document, "vi")["detail"] == document["message_vi"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "vi"),
        ("en", "en"),
        ("en-GB,vi;q=0.5", "en"),
        ("fr, en;q=0.2, vi;q=0.7", "vi"),
        ("en;q=0", "vi"),
        ("en;q=x,,;;", "vi"),
    ],
)
def test_the_language_is_the_one_asked_for(header: str, language: str) -> None:
    """The greatest weight among the known languages counts; nonsense is Vietnamese."""
    assert asked_language(header) == language


def test_a_name_that_is_no_utf8_can_be_told() -> None:
    """Lone surrogates in a name become escapes instead of an error while telling an error."""
    assert b"\\udcff" in encoded(problem_of(InputRefused("document.empty", name="a\udcff.pdf")))
