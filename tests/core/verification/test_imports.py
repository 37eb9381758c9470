"""What a plain verification must not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kyso.demo.pki import DemoPki
from tests.vectors.making import sign, signer_of

_FORBIDDEN = ("pyhanko", "asyncio", "pydantic", "sqlalchemy", "fontTools", "reportlab", "fastapi", "asn1crypto")


def test_a_verification_loads_nothing_heavy(letter_pdf: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """One and two signatures with chain, lists and changes need neither pyHanko nor an event loop."""
    twice = sign(sign(letter_pdf, signer_of(pki)), signer_of(pki, "seal"), "Seal")
    path = tmp_path / "letter.pdf"
    path.write_bytes(twice)
    program = (
        "import sys; from pathlib import Path\n"
        "from kyso.verification.verify import verify_document\n"
        "from kyso.verification.settings import VerificationSettings\n"
        "from kyso.reports.json import JsonReport\n"
        "from kyso.reports.text import TextReport\n"
        "paths = [Path(p) for p in sys.argv[1:]]\n"
        "report = verify_document(paths[0], VerificationSettings(trust=(paths[1],), crls=(paths[2],)))\n"
        "JsonReport().render(report, 'vi'); TextReport().render(report, 'vi')\n"
        "print(report.verdict); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), str(pki.root_pem), str(pki.crl_folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    verdict, modules = done.stdout.splitlines()
    assert verdict == "valid"
    loaded = {name.partition(".")[0] for name in modules.split()}
    assert loaded.isdisjoint(_FORBIDDEN)
