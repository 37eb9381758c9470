"""From a DOCX or ODT to the PDF that is signed, by LibreOffice where it is installed.

LibreOffice runs as a process of its own with a fresh profile that forbids macros, links to elsewhere and active
content, without a network proxy that leads anywhere, and with a deadline after which its whole process group is ended.

What this does not protect against: LibreOffice opens the file with the user's rights; a file that breaks out of it is
as bad here as when the user opens it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from kyso.errors import InputRefused

SUFFIXES = (".docx", ".odt", ".doc", ".rtf")
DEADLINE_S = 90.0
_PROGRAMS = ("soffice", "libreoffice")
_MAC = Path("/Applications/LibreOffice.app/Contents/MacOS/soffice")

_PROFILE = """\
<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableActiveContent"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link"><value>0</value></prop></item>
</oor:items>
"""  # noqa: E501 - one setting a line, as LibreOffice writes it


def program() -> str | None:
    """Return LibreOffice's path, ``None`` where it is not installed."""
    found = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
    return found or (str(_MAC) if _MAC.is_file() else None)


def convert(source: Path, target: Path, *, deadline_s: float = DEADLINE_S) -> None:
    """Write `source` as a PDF to `target`.

    :raises InputRefused: LibreOffice is not installed, takes too long, or cannot read the file.
    """
    office = program()
    if office is None:
        raise InputRefused("desk.no_libreoffice", name=source.name)
    with tempfile.TemporaryDirectory(prefix="convert-", dir=target.parent) as folder:
        place = Path(folder)
        user = place / "profile" / "user"
        user.mkdir(parents=True)
        (user / "registrymodifications.xcu").write_text(_PROFILE, encoding="utf-8")
        shutil.copyfile(source, place / f"letter{source.suffix.lower()}")
        _run(office, place, source, deadline_s)
        written = place / "letter.pdf"
        if not written.is_file():
            raise InputRefused("desk.not_convertible", name=source.name)
        written.replace(target)


def _run(office: str, place: Path, source: Path, deadline_s: float) -> None:
    nowhere = "http://127.0.0.1:9"
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")},
        "HOME": str(place),
        "TMPDIR": str(place),
        "SAL_USE_VCLPLUGIN": "svp",
        "http_proxy": nowhere,
        "https_proxy": nowhere,
    }
    command = [
        office,
        f"-env:UserInstallation={(place / 'profile').as_uri()}",
        *("--headless", "--invisible", "--norestore", "--nolockcheck", "--nodefault", "--nologo"),
        *("--convert-to", "pdf:writer_pdf_Export", "--outdir", str(place), f"letter{source.suffix.lower()}"),
    ]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603 - LibreOffice as found on PATH, on a name of our own
        command, cwd=place, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        raise InputRefused("serving.too_slow", seconds=round(deadline_s)) from None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End LibreOffice with the processes that it started: its launcher alone would leave the office running."""
    if sys.platform == "win32":
        process.kill()
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    process.wait()
