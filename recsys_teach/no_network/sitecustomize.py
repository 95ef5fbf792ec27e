"""Refuse every connection that leaves this machine. Python imports this first if its folder is on PYTHONPATH."""

import socket

_connect, _connect_ex, _getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
_LOOPBACK = ("localhost", "127.", "::1", "0.0.0.0")


def _refuse(host):
    if not str(host or "localhost").startswith(_LOOPBACK):
        raise OSError(f"No notebook and no test of the course reaches the network, but {host!r} was asked for.")


def _guard(method):
    def guarded(self, address):
        if isinstance(address, tuple):
            _refuse(address[0])
        return method(self, address)

    return guarded


def _guarded_getaddrinfo(host, *args, **kwargs):
    _refuse(host.decode() if isinstance(host, bytes) else host)
    return _getaddrinfo(host, *args, **kwargs)


socket.socket.connect = _guard(_connect)  # type: ignore[method-assign]
socket.socket.connect_ex = _guard(_connect_ex)  # type: ignore[method-assign]
socket.getaddrinfo = _guarded_getaddrinfo
