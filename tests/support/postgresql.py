"""A PostgreSQL server of the tests' own, with its data and its socket in a temporary folder.

A test that needs it is skipped where it is not installed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.judges import need_tool

_DEBIAN = Path("/usr/lib/postgresql")


def _tool(name: str) -> str:
    """Find one of the server's programs: on PATH, or where Debian keeps them."""
    found = sorted(_DEBIAN.glob(f"*/bin/{name}"))
    return str(found[-1]) if found else need_tool(name)


def _owner() -> dict[str, int]:
    """Return whose process the server is: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid}
    pytest.skip("there is no user besides root to run PostgreSQL")


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Run a server and give a URL with ``{name}`` for the database, made by :func:`new_database`."""
    initdb, postgres = _tool("initdb"), _tool("postgres")
    owner = _owner()
    # Not below pytest's folder, which nobody but its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="kyso-pg-"))
    if owner:
        os.chown(folder, owner["user"], owner["group"])
    data = folder / "data"
    run = {"cwd": folder, "stdout": subprocess.DEVNULL, **owner}
    subprocess.run(
        [initdb, "-D", data, "-U", "kyso", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True,
        timeout=120,
        **run,  # type: ignore[call-overload]
    )
    server = subprocess.Popen(
        [postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=80"],
        stderr=subprocess.DEVNULL,
        **run,  # type: ignore[call-overload]
    )
    try:
        _await(folder, server)
        yield f"postgresql://kyso@/{{name}}?host={folder}"
    finally:
        server.send_signal(2)  # "fast" shutdown: connections are ended
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def new_database(url: str, name: str) -> str:
    """Make an empty database and return its URL."""
    import psycopg

    with psycopg.connect(url.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
    return url.format(name=name)


def _await(folder: Path, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://kyso@/postgres?host={folder}").close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, "the server did not start"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.05)
