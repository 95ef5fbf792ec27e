"""Kernels of the build and the tests can connect only to this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys_teach.course.notebook_env import NO_NETWORK, kernel_env

# All are tried in one Python process. The other names and addresses are reserved for examples, so they do not exist.
ATTEMPTS = {
    "name": "socket.create_connection(('films.example', 443), timeout=0.3)",
    "address": "socket.create_connection(('192.0.2.1', 80), timeout=0.3)",
    "IPv6": "socket.create_connection(('2001:db8::1', 80), timeout=0.3)",
    "connect": "client().connect(('192.0.2.1', 80))",
    "connect_ex": "client().connect_ex(('192.0.2.1', 80))",
    "lookup": "socket.getaddrinfo('films.example', 443)",
    "lookup of bytes": "socket.getaddrinfo(b'films.example', 443)",
    "lookup by the older function": "socket.gethostbyname('films.example')",
    "lookup of an address": "socket.gethostbyaddr('192.0.2.1')",
    "urllib": "urllib.request.urlopen('https://films.example/', timeout=0.3)",
    "asyncio": "asyncio.run(asyncio.open_connection('192.0.2.1', 80))",
    "datagram": "client(socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "datagram in parts": "client(socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('192.0.2.1', 53))",
    "name like this machine's": "socket.getaddrinfo('localhost.example', 80)",
    "name like its address": "socket.getaddrinfo('127.example', 80)",
    "loopback": "client().connect(('127.0.0.1', port))",
    "localhost": "socket.create_connection(('localhost', port), timeout=1)",
    "asyncio loopback": "asyncio.run(asyncio.open_connection('127.0.0.1', port))",
    "socket pair": "socket.socketpair()",
    "datagram loopback": "client(socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
}
ALLOWED = {"loopback", "localhost", "asyncio loopback", "socket pair", "datagram loopback"}
PROGRAM = f"""
import asyncio, json, socket, urllib.request

def client(kind=socket.SOCK_STREAM):
    created = socket.socket(socket.AF_INET, kind)
    created.settimeout(0.3)
    return created

server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
outcome = {{}}
for name, code in {ATTEMPTS!r}.items():
    try:
        eval(code)
        outcome[name] = "allowed"
    except OSError as error:
        outcome[name] = str(error)
print(json.dumps(outcome))
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    env = kernel_env(tmp_path_factory.mktemp("home"))
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("way", [name for name in ATTEMPTS if name not in ALLOWED])
def test_connections_to_other_machines_are_blocked(outcome: dict[str, str], way: str) -> None:
    assert "notebooks and tests of the course run without a network" in outcome[way]


@pytest.mark.parametrize("way", sorted(ALLOWED))
def test_connections_to_this_machine_are_allowed(outcome: dict[str, str], way: str) -> None:
    assert outcome[way] == "allowed"


def test_the_message_contains_the_requested_host(outcome: dict[str, str]) -> None:
    assert "got the host 'films.example'" in outcome["name"]


# --- the rest of the environment ------------------------------------------------------------------------------


def test_environment_sets_the_given_home_and_removes_the_learners_settings(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("RECSYS_TEACH_HOME", "/home/of/the/learner")
    monkeypatch.setenv("RECSYS_TEACH_STRICT", "1")
    monkeypatch.setenv("RECSYS_TEACH_REPORT", "/somewhere/report.json")
    env = kernel_env(tmp_path)
    assert env["RECSYS_TEACH_HOME"] == str(tmp_path)
    assert "RECSYS_TEACH_STRICT" not in env
    assert "RECSYS_TEACH_REPORT" not in env


def test_environment_sets_strict_and_report_if_requested(tmp_path: Path) -> None:
    env = kernel_env(tmp_path, strict=True, report=tmp_path / "report.json")
    assert env["RECSYS_TEACH_STRICT"] == "1"
    assert env["RECSYS_TEACH_REPORT"] == str(tmp_path / "report.json")


def test_environment_sets_threads_and_hash_seed_for_reproducible_results(tmp_path: Path) -> None:
    env = kernel_env(tmp_path, threads=2)
    assert {env[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")} == {"2"}
    assert env["PYTHONHASHSEED"] == "0"


def test_environment_keeps_path_and_extends_pythonpath(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/some/folder")
    env = kernel_env(tmp_path)
    assert env["PYTHONPATH"].split(os.pathsep) == [str(NO_NETWORK), "/some/folder"]
    assert env["PATH"] == os.environ["PATH"]
