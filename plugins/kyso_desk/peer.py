"""Who is at the other end of a connection on loopback: the user that owns the connecting socket.

The address that opens the desk is handed to the browser on its command line, which other users of the machine can
read. On Linux the kernel tells whose socket it is that connects, so that the address is worth nothing to them.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

_TABLE = Path("/proc/net/tcp")


def owner_of(client: tuple[str, int], port: int) -> int | None:
    """Return the user id of the socket that connects from `client` to `port` on 127.0.0.1.

    :returns: ``None`` where the system does not tell.
    """
    wanted = (_written(client[0], client[1]), _written("127.0.0.1", port))
    try:
        lines = _TABLE.read_text(encoding="ascii").splitlines()[1:]
    except (OSError, ValueError):
        return None
    for line in lines:
        columns = line.split()
        # Columns of proc(5): number, local address, remote address, state, queues, timer, retransmissions, user.
        if len(columns) > 7 and tuple(columns[1:3]) == wanted and columns[7].isdigit():
            return int(columns[7])
    return None


def _written(address: str, port: int) -> str:
    """Write an IPv4 address and port as the kernel's table does: the address in the machine's byte order."""
    octets = socket.inet_aton(address)
    return f"{int.from_bytes(octets, sys.byteorder):08X}:{port:04X}"
