"""The port of a server."""

import socket

from dedup_assets.engine.core.errors import SettingsError

_BACKLOG = 128


def listening_at(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; it is closed with its block.

    Args:
        host: name or address of this machine.
        port: 0 for a free one.

    Raises:
        SettingsError: the address is none of this machine, or the port is taken.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise SettingsError(f"host={host!r}: {error.strerror or error}; name an address of this machine") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"host={host!r}, port={port}: cannot listen there: {error.strerror or error}; name another with --port"
        ) from None
    return listener
