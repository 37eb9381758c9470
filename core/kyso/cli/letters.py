"""What `sign` and `preview` share: from options to a request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.errors import WrongUse
from kyso.geometry import RectMm

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.secret import Secret


def rect_from(value: str | None) -> RectMm | None:
    """Read ``X,Y,W,H`` in millimetres.

    :raises WrongUse: it is not four numbers, or an empty rectangle.
    """
    if value is None:
        return None
    try:
        left, top, width, height = (float(part) for part in value.split(","))
    except ValueError:
        raise WrongUse("cli.bad_rect", value=value) from None
    if not (0 < width < 1e5 and 0 < height < 1e5 and abs(left) < 1e5 and abs(top) < 1e5):
        raise WrongUse("cli.bad_rect", value=value)
    return RectMm(left, top, width, height)


def settings_from(pairs: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=VALUE`` pairs.

    :raises WrongUse: no ``=``, or a name given twice.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise WrongUse("cli.bad_setting", value=pair)
        if name.strip() in settings:
            raise WrongUse("cli.setting_twice", name=name.strip())
        settings[name.strip()] = value
    return settings


def key_from(value: str | None, config: Config) -> str:
    """Return the key to use: the one given, the configured one, or the only one there is.

    :raises WrongUse: none of these.
    """
    if value:
        return value
    if config.signing.key:
        return config.signing.key
    if len(config.keys) == 1:
        return next(iter(config.keys))
    raise WrongUse("cli.no_key", known=sorted(config.keys) or ["-"])


def password_from(variable: str | None) -> Secret | None:
    """Take the password of an encrypted PDF from the environment variable `variable`."""
    if variable is None:
        return None
    from kyso.cli.secrets import from_environment

    return from_environment(variable)


def choice_from(option: str, value: str | None, choices: Sequence[str]) -> str | None:
    """Return `value` where it is one of `choices`.

    :raises WrongUse: it is not.
    """
    if value is not None and value not in choices:
        raise WrongUse("cli.bad_choice", option=option, value=value, choices=choices)
    return value


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse to write over a file.

    :raises WrongUse: it exists and `force` is not given.
    """
    if path.exists() and not force:
        raise WrongUse("cli.output_exists", name=path)


def sources_of(files: Sequence[Path]) -> list[Path]:
    """Return the files given, with the PDF files under the folders among them.

    A letter that has a signature file beside it is judged by that file, which speaks of both.

    :raises WrongUse: a folder holds none.
    """
    found: list[Path] = []
    for file in files:
        if file.is_dir():
            within = _with_signature_files(file)
            if not within:
                raise WrongUse("cli.folder_empty", name=file)
            found += within
        else:
            found.append(file)
    return found


def _with_signature_files(folder: Path) -> list[Path]:
    files = pdf_files(folder, suffixes=(".pdf", ".p7s"))
    if not any(path.suffix.lower() == ".p7s" for path in files):
        return files
    from kyso.verification.detached import signed_file

    signed = {path: signed_file(path) for path in files if path.suffix.lower() == ".p7s"}
    letters = set(signed.values())
    # A signature file without its letter is an attachment of some mail, nothing to judge.
    return [path for path in files if path not in letters and signed.get(path, path) is not None]


def pdf_files(folder: Path, leaving_out: Path | None = None, suffixes: tuple[str, ...] = (".pdf",)) -> list[Path]:
    """Return the PDF files under `folder`, sorted, without hidden ones and without those under `leaving_out`.

    Links to folders are not followed.
    """
    import os

    found: list[Path] = []
    without = leaving_out.resolve() if leaving_out is not None else None
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = [name for name in folders if not name.startswith(".") and (here / name).resolve() != without]
        found += [here / name for name in names if name.lower().endswith(suffixes) and not name.startswith(".")]
    return sorted(found)
