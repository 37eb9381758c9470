"""The measurement keeps working; it never judges the time."""

from __future__ import annotations

from tests.plugins.kbnn.measure import measure


def test_measuring_a_few_dossiers() -> None:
    """Three dossiers are made and signed, and the key operations are part of the time."""
    found = measure(3)
    assert found.count == 3
    assert 0 < found.rsa_s < found.total_s
