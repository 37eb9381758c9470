"""Structured logs: one JSON object a line, on stderr.

What is logged is who asked what and what came of it: identifiers, sizes, times, codes. Never what a letter says or is
called, a field of a request, a token or a PIN; whoever adds an entry keeps to that.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TextIO


class JsonLog:
    """Writes entries to a stream, by default stderr."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def write(self, event: str, **values: str | float | bool | None) -> None:
        """Write one entry. A stream that is gone stops nothing."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": moment, "event": event, **values}, ensure_ascii=False) + "\n"
        stream = self._stream or sys.stderr
        try:
            stream.write(line)
            stream.flush()
        except (OSError, ValueError):
            return
