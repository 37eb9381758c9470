"""kill -9 at every step on disk and on the line, in real processes: nothing signed or sent twice, all resumable."""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from kyso import text
from kyso.contracts import KeyAccess
from kyso.demo.pki import DEMO_PASSWORD, DemoPki
from kyso.fetch import Fetcher
from kyso.plugin import KysoError, RemoteFailed, Secret, SigningRefused
from kyso.serving.server import BackgroundServer
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.folder import DossierFolder
from kyso_kbnn.gateway import GatewayClient
from kyso_kbnn.profile import HouseRules, default_profile
from kyso_kbnn.signing import EnvelopePending, SignerKey, sign_folder
from kyso_kbnn.simulator import GatewaySimulator
from kyso_pfx.source import PfxSource
from tests.plugins.kbnn.dossiers import DOSSIER_CODE, dossier
from tests.plugins.kbnn.test_gateway import send, signed
from tests.support.killing import NEVER, die_at, needs_sigkill, preload, run_child, steps_until_alive
from tests.support.phone_plugin import SOURCE

PROFILE = default_profile()
UNKNOWN = 3
preload(__name__)

text.add_catalogue("kyso_kbnn")

pytestmark = needs_sigkill


# ------------------------------------------------------------------------------------------------------------ sending


def _send_child(path: str, url: str, step: int, again: bool) -> None:
    die_at(step, (Path, "replace"), (Fetcher, "request"), (GatewayClient, "_result"))
    try:
        send(DossierFolder(Path(path), PROFILE), url, again=again)
    except RemoteFailed as failed:
        os._exit(UNKNOWN if failed.code == "kbnn.send_unknown" else 1)
    except KysoError as refused:
        os._exit(0 if refused.code == "kbnn.already_sent" else 1)


def test_a_killed_sending_is_resumed_and_never_repeated(pki: DemoPki, tmp_path: Path) -> None:
    """Whatever moment it dies at: the gateway gets the dossier once, a person decides where nobody can know."""
    good = tmp_path / "good"
    signed(good, pki, attachments=2)
    simulator = GatewaySimulator()
    work = tmp_path / "work"
    seen: set[str] = set()
    with BackgroundServer(simulator.application()) as server:

        def one(step: int) -> int:
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(good, work)
            simulator.received.clear()
            simulator.uploads.clear()
            simulator.sends = 0
            return run_child(_send_child, str(work), server.url, step, False)

        for _ in steps_until_alive(one):
            state = DossierFolder(work, PROFILE).state()
            seen.add(state.state)
            assert simulator.sends <= 1
            code = run_child(_send_child, str(work), server.url, NEVER, False)
            if code == UNKNOWN:
                # The intent was recorded and the gateway knows nothing: only a person may send it now.
                assert state.state == "sending"
                assert simulator.sends == 0
                code = run_child(_send_child, str(work), server.url, NEVER, True)
            assert code == 0
            assert DossierFolder(work, PROFILE).state().state in ("sent", "accepted")
            assert list(simulator.received) == [DOSSIER_CODE]
            assert simulator.sends == 1
    assert seen == {"holder_signed", "uploaded", "sending", "sent"}


# ------------------------------------------------------------------------------------------------------------ signing


def _file_key(path: str) -> SignerKey:
    access = KeyAccess(lambda code, about: Secret(DEMO_PASSWORD), Path(path).parent)
    return SignerKey(PfxSource().open(f"pfx:{path}", access), "file")


def _sign_child(path: str, accountant: str, holder: str, step: int) -> None:
    die_at(step, (Path, "replace"))
    folder = DossierFolder(Path(path), PROFILE)
    for role, key in (("accountant", accountant), ("holder", holder)):
        if f"{role}.xml" not in folder.state().sha256:
            who = "accountant" if role == "accountant" else "holder"
            sign_folder(folder, who, _file_key(key), PROFILE, HouseRules(), datetime.now(UTC))


def drafted(path: Path) -> None:
    made = dossier()
    DossierFolder.create(path, made, write_authentication_data(made, PROFILE), PROFILE, datetime.now(UTC))


def test_a_killed_signing_goes_on_from_where_it_was(pki: DemoPki, tmp_path: Path) -> None:
    """Two file keys: after any death the next run ends with both envelopes, and no file that nobody knows."""
    work = tmp_path / "work"
    keys = str(pki.pfx("accountant")), str(pki.pfx("holder"))

    def one(step: int) -> int:
        shutil.rmtree(work, ignore_errors=True)
        drafted(work)
        return run_child(_sign_child, str(work), *keys, step)

    states = set()
    for _ in steps_until_alive(one):
        states.add(DossierFolder(work, PROFILE).state().state)
        assert run_child(_sign_child, str(work), *keys, NEVER) == 0
        folder = DossierFolder(work, PROFILE)
        state = folder.state()
        assert (state.state, state.pending) == ("holder_signed", {})
        assert folder.changed_files(state) == []
    assert states == {"drafted", "accountant_signed"}  # nothing follows the last step


def _phone_child(path: str, plugin: str, phone: str, step: int, again: bool) -> None:
    sys.path.insert(0, plugin)
    from kyso_test_phone import Phone  # type: ignore[import-not-found]  # written by the test

    die_at(step, (Path, "replace"), (Phone, "sign"), (Phone, "poll"))
    folder = DossierFolder(Path(path), PROFILE)
    if "accountant.xml" in folder.state().sha256:
        return
    access = KeyAccess(lambda code, about: Secret(DEMO_PASSWORD), Path(phone))
    key = SignerKey(Phone(Path(phone), access), "remote")
    try:
        answer = sign_folder(folder, "accountant", key, PROFILE, HouseRules(), datetime.now(UTC), again=again)
        if isinstance(answer, EnvelopePending):
            (Path(phone) / "confirmed").touch()
            sign_folder(folder, "accountant", key, PROFILE, HouseRules(), datetime.now(UTC))
    except SigningRefused as refused:
        os._exit(UNKNOWN if refused.code == "kbnn.outcome_unknown" else 1)


def test_a_killed_request_to_a_phone_is_not_repeated(pki: DemoPki, tmp_path: Path) -> None:
    """A key whose owner confirms: one request at most, unless a person says that it may be made again."""
    plugin, phone, work = tmp_path / "plugin", tmp_path / "phone", tmp_path / "work"
    plugin.mkdir()
    (plugin / "kyso_test_phone.py").write_text(SOURCE, encoding="utf-8")

    def one(step: int) -> int:
        for folder in (work, phone):
            shutil.rmtree(folder, ignore_errors=True)
        phone.mkdir()
        shutil.copy(pki.pfx("accountant"), phone / "key.p12")
        (phone / "password").write_text(DEMO_PASSWORD, encoding="utf-8")
        drafted(work)
        return run_child(_phone_child, str(work), str(plugin), str(phone), step, False)

    asked_a_person = 0
    for _ in steps_until_alive(one):
        before = len(list(phone.glob("*.json")))
        assert before <= 1
        code = run_child(_phone_child, str(work), str(plugin), str(phone), NEVER, False)
        if code == UNKNOWN:
            asked_a_person += 1
            assert len(list(phone.glob("*.json"))) == before
            code = run_child(_phone_child, str(work), str(plugin), str(phone), NEVER, True)
        else:
            assert len(list(phone.glob("*.json"))) == 1
        assert code == 0
        state = json.loads((work / "state.json").read_text(encoding="utf-8"))
        assert (state["state"], state["pending"]) == ("accountant_signed", {})
    assert asked_a_person > 0
