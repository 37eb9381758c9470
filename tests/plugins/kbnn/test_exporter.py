"""The exporter: a document system gets the signed body without the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from openpyxl import load_workbook

from kyso.demo.pki import DemoPki
from kyso.plugin import InputRefused, WrongUse
from kyso.plugins import create_plugin_manager
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.body import to_json_bytes
from kyso_kbnn.check import check_input, input_of_body
from kyso_kbnn.exporter import EnvelopeExporter
from kyso_kbnn.problems import DossierRefused
from kyso_kbnn.profile import default_profile
from kyso_kbnn.signing import sign_content
from kyso_kbnn.workbook import write_template
from tests.plugins.kbnn.dossiers import UNIT, dossier, raw_dossier
from tests.plugins.kbnn.keys import judge_of, key_of

PROFILE = default_profile()
NOW = datetime.now(UTC).replace(microsecond=0)


def test_everything_is_reachable_through_the_hooks() -> None:
    """Commands, export and simulator are found by name; loading gives the real things."""
    registry = create_plugin_manager(autoload=False)
    assert isinstance(registry.load("exporters", "kbnn.envelope"), EnvelopeExporter)
    assert registry.load("commands", "kbnn").registered_commands
    assert callable(registry.load("simulators", "kbnn").application("accept"))


def test_contributing_loads_nothing_heavy() -> None:
    """Registering imports neither lxml, openpyxl, signxml nor a server."""
    program = (
        "import sys, kyso_kbnn.contributions as c; c.commands(), c.exporter(), c.simulator(), c.exporter().settings;"
        "heavy = {'lxml', 'openpyxl', 'signxml', 'starlette', 'urllib3', 'sqlalchemy', 'pyhanko'} & set(sys.modules);"
        "sys.exit(len(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_host_with_keys_gets_a_signed_body(pki: DemoPki) -> None:
    """JSON in, signed body out; the check calls it valid and no LoginInfo is in it."""
    made = EnvelopeExporter(lambda role: key_of(pki.identities[role]), now=lambda: NOW)
    data = made.export(to_json_bytes(raw_dossier()), {"accountant_username": "a", "holder_username": "b"})
    later = NOW + timedelta(minutes=1)
    report = check_input(input_of_body(data, "x", PROFILE), PROFILE, lambda: judge_of(pki, later), later)
    assert report.verdict == "valid"
    raw = json.loads(data)
    assert "LoginInfo" not in raw
    assert raw["16a1"]["v_username_ktt"] == "a"
    assert raw["16a1"]["v_dv_nhantien_sotiennhan"] == "64200000"
    assert raw["16a1"]["v_tong_so_tien"] == 64800000


def test_envelopes_made_before_are_taken_after_a_check(pki: DemoPki) -> None:
    """Envelopes may come as options; one of other data is refused."""
    content = write_authentication_data(dossier(), PROFILE)
    options = {
        f"{role}_envelope": sign_content(
            content, role, key_of(pki.identities[role]), NOW, PROFILE, document_name="TEST"
        )
        .to_xml(PROFILE)
        .decode()
        for role in ("accountant", "holder")
    }
    made = EnvelopeExporter(now=lambda: NOW)
    assert json.loads(made.export(to_json_bytes(raw_dossier()), options))["Document"]["v_chu_ky_so_ctk"]
    other = raw_dossier()
    other["document"]["v_ma_ho_so"] = "T26_1999999_009900002"
    with pytest.raises(InputRefused) as caught:
        made.export(to_json_bytes(other), options)
    assert caught.value.code == "kbnn.envelope_of_other_data"


def test_the_data_to_sign_elsewhere_can_be_had_alone() -> None:
    """`form=xml` gives the authentication data."""
    made = EnvelopeExporter().export(to_json_bytes(raw_dossier()), {"form": "xml"})
    assert made == write_authentication_data(dossier(), PROFILE)


@pytest.mark.parametrize(
    ("options", "code"),
    [({"foo": "1"}, "kbnn.option_unknown"), ({"form": "pdf"}, "kbnn.option_unknown"), ({}, "kbnn.signature_needed")],
)
def test_wrong_options_are_refused(options: dict[str, str], code: str) -> None:
    """No option is ignored."""
    with pytest.raises(WrongUse) as caught:
        EnvelopeExporter().export(to_json_bytes(raw_dossier()), options)
    assert caught.value.code == code


def test_a_workbook_is_input_too_and_its_cells_are_named() -> None:
    """An empty template is refused with the cells that miss values."""
    target = BytesIO()
    load_workbook(BytesIO(write_template("16a1", PROFILE, UNIT))).save(target)
    with pytest.raises(DossierRefused) as caught:
        EnvelopeExporter().export(target.getvalue(), {"form": "xml"})
    assert any(problem.place and problem.place.startswith("Hồ sơ!") for problem in caught.value.problems)
