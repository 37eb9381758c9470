"""The secret part of the address that providers call, from the environment variable that the configuration names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

LEAST_LENGTH = 32
"""Characters; fewer could be guessed."""

GREATEST_LENGTH = 512


def callback_secret(settings: Mapping[str, Any]) -> str | None:
    """Return the secret, ``None`` where there is none that can be used.

    :param settings: ``[plugins.remote]``.
    """
    name = settings.get("callback_secret_env")
    value = os.environ.get(name, "") if isinstance(name, str) else ""
    return value if LEAST_LENGTH <= len(value) <= GREATEST_LENGTH and value.isascii() else None
