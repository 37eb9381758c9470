"""Telling whose program is at the other end of a loopback connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from kyso.serving.neighbours import is_other_user
from tests.support.judges import need_tool

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whose a socket is")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_my_own_connection_is_mine(address: str) -> None:
    """A connection of the same user is let in, over both protocols; an unknown one is not held against anybody."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listening = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {address}")
    with listening, socket.create_connection(listening.getsockname()[:2]) as client:
        server, seen = listening.accept()
        with server:
            assert not is_other_user(client.getsockname()[:2], seen[:2])
            assert not is_other_user(seen[:2], server.getsockname()[:2])
    assert not is_other_user((address, 1), (address, 2))
    assert not is_other_user(("no address", 1), (address, 2))


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can play another user")
def test_another_users_connection_is_not() -> None:
    """A connection of another user is told apart."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        waiting = f"exec 3<>/dev/tcp/127.0.0.1/{port}; read -r line <&3"
        other = subprocess.Popen([need_tool("bash"), "-c", waiting], user=65534, cwd="/")
        try:
            server, seen = listening.accept()
            with server:
                assert is_other_user(seen, server.getsockname())
        finally:
            other.kill()
            other.wait()
