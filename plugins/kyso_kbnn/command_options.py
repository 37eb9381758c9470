"""Options that several commands of ``kyso kbnn`` take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE")]
OutFile = Annotated[Path, typer.Option("--out", metavar="FILE")]
Force = Annotated[bool, typer.Option("--force")]
Format = Annotated[str, typer.Option("--format", metavar="text|json")]
DossierPath = Annotated[Path, typer.Argument(metavar="DOSSIER")]
SourcePath = Annotated[Path, typer.Argument(metavar="SOURCE")]
PasswordEnv = Annotated[str | None, typer.Option("--password-env", metavar="NAME")]
