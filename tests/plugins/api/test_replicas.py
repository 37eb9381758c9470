"""Several replicas over one PostgreSQL, each with a disk of its own: what one begins another finishes.

The phone is a simulated provider over real HTTP.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kyso.demo.pki import DemoPki
from kyso.serving.server import BackgroundServer
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PERSON_ID
from tests.plugins.api.running import Answer, RunningService, new_token, running, write_config
from tests.plugins.api.test_service import PLACE, completed, prepared, verified
from tests.plugins.api.test_webhooks import Receiver
from tests.plugins.api.test_webhooks import receiver as receiver
from tests.support.postgresql import new_database, running_postgresql

pytestmark = pytest.mark.xdist_group("postgresql")

CALLBACK_SECRET = "x" * 40
PHONE = (("key", "phone"), *PLACE[1:])


class Phone:
    """The signer's phone."""

    def __init__(self, url: str) -> None:
        self.url = url

    def decide(self, decision: str) -> None:
        """Press a button for everything that waits."""
        page = urllib.request.urlopen(f"{self.url}/phone", timeout=10).read().decode()
        for action in re.findall(r'action="(/phone/[^"]+)"', page):
            data = f"decision={decision}".encode()
            urllib.request.urlopen(urllib.request.Request(self.url + action, data=data), timeout=10).read()


@pytest.fixture(scope="module")
def phone() -> Iterator[Phone]:
    """A simulated provider whose phone waits for a button."""
    from kyso_remote.simulators.registry import make_simulator

    with BackgroundServer(make_simulator("mysign").application("ask")) as server:
        yield Phone(server.url)


@pytest.fixture(scope="module")
def replicas(
    phone: Phone, pki: DemoPki, pfx_password: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningService, RunningService]]:
    """Two services, started at the same moment on an empty database, with nothing else in common."""
    folder = tmp_path_factory.mktemp("replicas")
    more = (
        f'[plugins.mysign]\nbase_url = "{phone.url}"\nclient_id = "{CLIENT_ID}"\nallow_private = true\ndeadline_s = 5\n'
        '[plugins.remote]\ncallback_secret_env = "CALLBACK"\n'
    )
    with ExitStack() as stack:
        url = new_database(stack.enter_context(running_postgresql()), "service")
        keys = {"leader": f"pfx:{pki.pfx('leader')}", "phone": f"mysign:{PERSON_ID}"}
        settings = "webhook_private = true\npoll_s = 0.5\nworkers = 1"
        config = write_config(folder, keys, records=url, api=settings, more=more)

        def begin(name: str) -> RunningService:
            home = folder / name
            (home / "tmp").mkdir(parents=True)
            environment = {
                "LEADER": pfx_password,
                "KYSO_MYSIGN_CLIENT_SECRET": CLIENT_SECRET,
                "CALLBACK": CALLBACK_SECRET,
                "XDG_DATA_HOME": str(home / "data"),
                "TMPDIR": str(home / "tmp"),
            }
            arguments = ("--online", "--secret-env", "leader=LEADER")
            return stack.enter_context(running(config, *arguments, environment=environment))

        with ThreadPoolExecutor(2) as threads:
            one, two = threads.map(begin, ("one", "two"))
        yield one, two


@pytest.fixture(scope="module")
def token(replicas: tuple[RunningService, RunningService]) -> str:
    """A token for both."""
    return new_token(replicas[0].config, "replicas", "sign", "verify")


def resumed(service: RunningService, token: str, identifier: str) -> Answer:
    """Ask how a waiting letter stands."""
    return service.call("POST", f"/v1/pending/{identifier}/resume", token)


def ended(service: RunningService, token: str, identifier: str) -> dict[str, Any]:
    """Wait for a letter's end."""
    until = time.monotonic() + 20
    while True:
        letter: dict[str, Any] = service.call("GET", f"/v1/pending/{identifier}", token).json
        if letter["state"] not in ("pending", "sending"):
            return letter
        assert time.monotonic() < until, letter
        time.sleep(0.1)


def test_one_prepares_the_other_completes(
    replicas: tuple[RunningService, RunningService], token: str, letter_pdf: bytes, pki: DemoPki, pfx_password: str
) -> None:
    """A letter that one replica prepared is completed by the other, and by neither a second time."""
    one, two = replicas
    answer, value = prepared(one, token, letter_pdf, pki, pfx_password)
    done = completed(two, token, answer.json["prepared_id"], value)
    assert done.status == 200, done.body
    assert verified(done.body, pki).verdict == "valid"
    assert completed(one, token, answer.json["prepared_id"], value).code == "api.prepared_completed"


def test_one_answer_at_every_replica(
    replicas: tuple[RunningService, RunningService], token: str, letter_pdf: bytes
) -> None:
    """A request that is repeated at another replica gets the first one's answer; results are fetched anywhere."""
    one, two = replicas
    headers = {"Idempotency-Key": "replicas-1", "Accept": "application/json"}
    first = one.post("/v1/sign", token, letter_pdf, ("key", "leader"), *PLACE[1:], headers=headers)
    again = two.post("/v1/sign", token, letter_pdf, ("key", "leader"), *PLACE[1:], headers=headers)
    assert first.json == again.json
    href = first.json["result"]["href"]
    assert one.call("GET", href, token).body == two.call("GET", href, token).body


def test_a_letter_waits_at_one_and_is_finished_by_any(
    replicas: tuple[RunningService, RunningService],
    token: str,
    letter_pdf: bytes,
    phone: Phone,
    receiver: Receiver,
) -> None:
    """202 while the phone waits; after the button any replica finishes it, and the webhook is told once."""
    one, two = replicas
    sent = one.post("/v1/sign", token, letter_pdf, *PHONE, ("webhook", receiver.url))
    assert sent.status == 202, sent.body
    waiting = sent.json
    assert (waiting["status"], sent.headers["location"]) == ("pending", f"/v1/pending/{waiting['prepared_id']}")
    assert waiting["instruction"]["message_vi"]
    listed = two.call("GET", "/v1/pending", token).json["pending"]
    assert waiting["prepared_id"] in {letter["prepared_id"] for letter in listed}
    assert resumed(two, token, waiting["prepared_id"]).status == 202
    phone.decide("approved")
    letter = ended(two, token, waiting["prepared_id"])
    assert letter["state"] == "signed", letter
    fetched = one.call("GET", letter["answer"]["result"]["href"], token)
    assert fetched.body.startswith(letter_pdf)
    assert resumed(one, token, waiting["prepared_id"]).json["status"] == "signed"
    until = time.monotonic() + 15
    while not receiver.got:
        assert time.monotonic() < until
        time.sleep(0.1)
    time.sleep(0.5)
    assert [json.loads(body)["event"] for _, body in receiver.got] == ["signature.signed"]


def test_a_letter_that_is_declined_or_cancelled_stays_unsigned(
    replicas: tuple[RunningService, RunningService], token: str, letter_pdf: bytes, phone: Phone
) -> None:
    """What the person declines fails with the reason; what the caller cancels is signed by no later button."""
    one, two = replicas
    declined = one.post("/v1/sign", token, letter_pdf, *PHONE).json["prepared_id"]
    phone.decide("rejected")
    letter = ended(two, token, declined)
    assert letter["state"] == "failed"
    assert letter["answer"]["error"]["code"].startswith("remote.")
    cancelled = one.post("/v1/sign", token, letter_pdf, *PHONE).json["prepared_id"]
    assert two.call("POST", f"/v1/pending/{cancelled}/cancel", token).json["state"] == "cancelled"
    phone.decide("approved")
    assert resumed(one, token, cancelled).json["status"] == "cancelled"
    assert two.call("POST", f"/v1/pending/{cancelled}/cancel", token).code == "api.pending_ended"
    other = new_token(one.config, "stranger", "sign")
    assert resumed(one, other, cancelled).code == "api.pending_unknown"
    assert one.call("GET", "/v1/pending", other).json["pending"] == []


def test_a_providers_call_is_a_hint(
    replicas: tuple[RunningService, RunningService], token: str, letter_pdf: bytes, phone: Phone
) -> None:
    """A call at the secret address makes the service ask; played again, or without a button, it does nothing."""
    one, two = replicas
    waiting = one.post("/v1/sign", token, letter_pdf, *PHONE).json["prepared_id"]
    for _ in range(3):
        assert two.call("POST", f"/callbacks/remote/{CALLBACK_SECRET}", body=b'{"approved": true}').status == 200
    assert two.call("POST", "/callbacks/remote/wrong").status == 404
    assert two.call("GET", f"/v1/pending/{waiting}", token).json["state"] == "pending"
    phone.decide("approved")
    assert two.call("POST", f"/callbacks/remote/{CALLBACK_SECRET}").status == 200
    assert ended(two, token, waiting)["state"] == "signed"
    assert two.call("POST", f"/callbacks/remote/{CALLBACK_SECRET}").status == 200
    assert CALLBACK_SECRET not in "\n".join([*one.lines, *two.lines])


def test_a_repeated_request_rings_once(
    replicas: tuple[RunningService, RunningService], token: str, letter_pdf: bytes, phone: Phone
) -> None:
    """The same request under one key asks the person once, whichever replica gets it."""
    one, two = replicas
    headers = {"Idempotency-Key": "phone-1"}
    answers = [replica.post("/v1/sign", token, letter_pdf, *PHONE, headers=headers) for replica in (one, two, one)]
    assert {answer.json["prepared_id"] for answer in answers} == {answers[0].json["prepared_id"]}
    assert one.call("POST", f"/v1/pending/{answers[0].json['prepared_id']}/cancel", token).status == 200


def test_a_replica_that_is_killed_leaves_nothing_behind(
    replicas: tuple[RunningService, RunningService], token: str, letter_pdf: bytes, phone: Phone, tmp_path: Path
) -> None:
    """A letter that a killed replica sent is finished by the other; its workers end with it. This test comes last."""
    one, two = replicas
    waiting = one.post("/v1/sign", token, letter_pdf, *PHONE).json["prepared_id"]
    one.process.kill()
    one.process.wait()
    phone.decide("approved")
    assert ended(two, token, waiting)["state"] == "signed"
    assert two.stop() == 0
