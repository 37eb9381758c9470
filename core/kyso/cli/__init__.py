"""The command line: `main` finds the command and runs it; each command is a module of its own."""

from __future__ import annotations

from kyso.cli.program import main

__all__ = ["main"]
