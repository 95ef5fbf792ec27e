"""Refuse every connection that leaves this machine. Python imports this first if its folder is on PYTHONPATH."""

import ipaddress
import socket


def _refuse(host):
    """Let through this machine alone: its name, its addresses, and no host at all."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    try:
        here = ipaddress.ip_address(name).is_loopback or ipaddress.ip_address(name).is_unspecified
    except ValueError:
        here = name == socket.gethostname()
    if not here:
        raise OSError(f"No notebook and no test of the course reaches the network, but {name!r} was asked for.")


def _guard_address(method):
    def guarded(self, *args):
        for arg in args:
            if isinstance(arg, tuple) and arg:  # an address; the only tuple that these methods take
                _refuse(arg[0])
        return method(self, *args)

    return guarded


def _guard_host(function):
    def guarded(host, *args, **kwargs):
        _refuse(host)
        return function(host, *args, **kwargs)

    return guarded


for _name in ("connect", "connect_ex", "sendto", "sendmsg"):
    setattr(socket.socket, _name, _guard_address(getattr(socket.socket, _name)))
for _name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
    setattr(socket, _name, _guard_host(getattr(socket, _name)))
