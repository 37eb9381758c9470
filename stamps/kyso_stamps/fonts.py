"""Which fonts the stamps use (the rest of this module is the stamps helper's to write)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FontChoice:
    """Configured font files; ``None`` searches the system, then takes the packaged serif.

    :param regular: configured regular face.
    :param cache_dir: where prepared subsets are kept between runs; ``None`` keeps them in memory only.
    """

    regular: Path | None = None
    bold: Path | None = None
    italic: Path | None = None
    bold_italic: Path | None = None
    cache_dir: Path | None = None
