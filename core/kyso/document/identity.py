"""Tells whether a path still leads to the file that was read and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

FileIdentity = tuple[int, int, int]


def file_identity(status: os.stat_result) -> FileIdentity:
    """Return what changes when another file, or other content, takes the place of an opened one."""
    return status.st_ino, status.st_size, status.st_mtime_ns
