"""Whose program is at the other end of a connection on loopback.

Every user of a machine can connect to 127.0.0.1. Where the system tells to whom a socket belongs (Linux, in
``/proc/net``), a server that works for one person turns the others away, whatever secret they have picked up.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def is_other_user(client: tuple[str, int], server: tuple[str, int]) -> bool:
    """Tell whether the connection's other end is known to belong to another user than this process.

    :param client: address and port of the other end.
    :param server: address and port of this end.
    :returns: ``False`` as well where the system does not tell.
    """
    if not sys.platform.startswith("linux"):
        return False
    owner = _owner(client, server)
    # What root connects with (a proxy, a container's forwarding) could read this process's memory as well.
    return owner is not None and owner not in (0, os.getuid())


def _owner(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    wanted = {(_hexadecimal(client, form), _hexadecimal(server, form)) for form in ("4", "6", "mapped")}
    for table in _TABLES:
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except (OSError, UnicodeDecodeError):
            continue
        for line in lines:
            parts = line.split()
            if len(parts) > 7 and (parts[1], parts[2]) in wanted:
                return int(parts[7])
    return None


def _hexadecimal(address: tuple[str, int], form: str) -> str:
    """Write an address as the tables do: words of four octets in the machine's own order, then the port."""
    host, port = address
    try:
        if form == "6":
            packed = socket.inet_pton(socket.AF_INET6, host)
        elif form == "mapped":
            packed = bytes(10) + b"\xff\xff" + socket.inet_pton(socket.AF_INET, host)
        else:
            packed = socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return ""
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{port:04X}"
