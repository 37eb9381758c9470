"""Each measurement works, in one small round; nothing is asserted about time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.bench import measures
from tests.bench.figures import Figure, as_json, table
from tests.bench.stage import Stage, built_stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    pytest.importorskip("uharfbuzz", reason="pyHanko shapes its stamp's text with uharfbuzz (pyhanko[opentype])")
    with built_stage() as built:
        yield built


@pytest.mark.parametrize(
    ("measure", "names"),
    [
        (lambda stage: measures.warm_signing(stage, 2, 1), ["sign invisible", "sign visible", "bytes added"]),
        (lambda stage: measures.batch(stage, 4, 1, 1), ["batch visible, 2 processes, warm", "batch visible"]),
        (lambda stage: measures.cold_commands(stage, 1), ["kyso sign invisible", "kyso sign visible", "kyso verify"]),
        (lambda stage: measures.warm_verifying(stage, (1, 3), 1), ["verify, 1 signatures", "verify, 3 signatures"]),
        (lambda stage: measures.big_scan(stage, 2, 1), ["sign 6 MB"] * 4 + ["verify 6 MB"] * 2),
        (lambda stage: measures.dossiers(stage, 3), ["3 KBNN dossiers"]),
        (lambda stage: measures.placing(stage, 1), ["place, 2 pages"] + ["place, 300 pages"] * 2),
        (lambda stage: measures.service_under_load(stage, 2, 4, 4), ["REST sign adds"] + ["REST"] * 3),
    ],
    ids=["warm", "batch", "cold", "verify", "scan", "kbnn", "place", "service"],
)
def test_measurement_works(stage: Stage, measure: Callable[[Stage], list[Figure]], names: list[str]) -> None:
    """A small round gives every figure it promises, with sensible values."""
    figures = measure(stage)
    assert len(figures) == len(names)
    for figure, name in zip(figures, names, strict=True):
        assert figure.name.startswith(name)
        assert figure.kyso > 0
        assert figure.peer is None or figure.peer > 0


def test_token_measurement_works(stage: Stage) -> None:
    """A letter by token is measured beside pyHanko's, where SoftHSM is installed."""
    from tests.bench.tokens import token_signing
    from tests.support.softhsm import softhsm_module

    if softhsm_module() is None:
        pytest.skip("SoftHSM 2 is not installed")
    (figure,) = token_signing(stage, 2, 1)
    assert figure.kyso > 0
    assert figure.peer is not None
    assert figure.least_ratio == 34


def test_desk_measurement_works(stage: Stage) -> None:
    """The first page of a long letter is measured on both kinds of screens, where Chromium is installed."""
    from tests.bench.desk import first_page
    from tests.plugins.desk.looking import chromium

    if chromium() is None:
        pytest.skip("the system tool chromium is not installed")
    figures = first_page(stage, 1)
    assert [figure.limit for figure in figures] == [400, 400]
    assert all(0 < figure.kyso < 60_000 for figure in figures)


def test_figures_know_their_targets() -> None:
    """Ratios point the right way for both kinds of value, and every stated target must hold."""
    fast = Figure("a", "ms", 1.0, 100.0, least_ratio=80)
    assert (fast.ratio, fast.met) == (100.0, True)
    slow = Figure("b", "ms", 2.0, 100.0, least_ratio=80)
    assert (slow.ratio, slow.met) == (50.0, False)
    rate = Figure("c", "/s", 900.0, 6.0, better="great", limit=1000)
    assert (rate.ratio, rate.met) == (150.0, False)
    both = Figure("d", "MiB", 60.0, 30.0, least_ratio=0.4, limit=64)
    assert both.met
    assert Figure("e", "s", 1.0).met is None
    printed = table([fast, slow, rate, both])
    assert "NO" in printed
    assert ">= 80x" in printed
    assert json.loads(as_json([fast]))["figures"][0]["met"] is True
