"""The demonstration document system holds to what it teaches."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from kyso_desk.agent.leaf import make_leaf
from kyso_desk.agent.origins import Permission
from kyso_desk.agent.profile import agent_profile
from kyso_desk.agent.transfer import Transfer, TransferLimits, multipart
from tests.plugins.desk_agent.conftest import EXAMPLE, DocumentSystem
from tests.plugins.desk_agent.test_security import Place

pytestmark = pytest.mark.xdist_group("desk_agent")


def post(url: str, field: str, data: bytes) -> tuple[int, dict[str, Any]]:
    kind, body = multipart(field, "a.pdf", data)
    request = urllib.request.Request(url, data=body, headers={"Content-Type": kind})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, {}


def test_tokens_open_one_letter_for_one_purpose(documents: DocumentSystem) -> None:
    """A token of another purpose, another letter, another key, or one that is over opens nothing."""
    system = documents.system
    token = system.token("fetch", 0)
    assert system.opens(token, "fetch", 0)
    assert not system.opens(token, "deliver", 0)
    assert not system.opens(token, "fetch", 1)
    assert not system.opens(re.sub(r"\.\d+\.", ".9999999999.", token, count=1), "fetch", 0)
    assert not system.opens("", "fetch", 0)
    letter = documents.entry()
    assert urllib.request.urlopen(letter["file"]).read().startswith(b"%PDF-")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(letter["file"].partition("?")[0])


def test_only_the_letter_with_a_signature_is_taken(documents: DocumentSystem, letter_pdf: bytes) -> None:
    """What is delivered must be the very letter with a signature more; a token delivers once."""
    for field, data in (("uploadfile", letter_pdf), ("uploadfile", letter_pdf + b"\nmore"), ("other", letter_pdf)):
        url = documents.entry()["upload"]
        status, answer = post(url, field, data)
        assert (status, answer["Status"]) == (200, False)
        assert answer["Message"]
        assert post(url, field, data)[0] == 403
    assert documents.system.letters[0].data == letter_pdf


def test_it_runs_as_its_readme_says(letter_path: Path) -> None:
    """The program serves its page and its list."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = [sys.executable, str(EXAMPLE / "app.py"), "--port", str(port), str(letter_path)]
    process = subprocess.Popen(program, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                page = urllib.request.urlopen(f"http://127.0.0.1:{port}/").read().decode()
                break
            except OSError:
                assert time.monotonic() < until
                assert process.poll() is None
                time.sleep(0.1)
        assert "/page/page.js" in page
        (entry,) = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/letters").read())
        assert entry["name"] == "letter.pdf"
    finally:
        process.kill()
        process.wait()


def test_a_document_system_with_roots_of_its_own(tmp_path: Path, letter_pdf: bytes) -> None:
    """A system whose certificate comes from an own authority is reached with that authority named, and only then."""
    leaf = make_leaf(tmp_path, with_authority=True)
    place = Place(letter_pdf)
    place.server.socket = leaf.server_context().wrap_socket(place.server.socket, server_side=True)
    origin = place.by_name.replace("http:", "https:")
    permission = Permission(origin, leaf.not_after, private=(origin,))
    profile = agent_profile()
    from kyso_desk.agent.contract import read_request

    request = read_request(profile.operations["SignApproved"], "{}", profile)
    limits = TransferLimits(1 << 20, 5, leaf.authority_file)
    try:
        fetched = Transfer(permission, limits, profile.delivery).fetch(f"{origin}/a.pdf", request)
        assert (fetched.name, fetched.data) == ("a.pdf", letter_pdf)
        from kyso.fetch import FetchFailed

        with pytest.raises(FetchFailed) as refused:
            Transfer(permission, TransferLimits(1 << 20, 5), profile.delivery).fetch(f"{origin}/a.pdf", request)
        assert refused.value.code == "fetch.tls"
    finally:
        place.server.shutdown()
        place.server.server_close()
