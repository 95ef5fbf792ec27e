"""Kernels of the build and the tests reach this machine and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys_teach.course.notebook_env import NO_NETWORK, kernel_env

# All are tried in one Python process. The names and addresses outside are reserved for examples: nobody has them.
TRIES = {
    "name": "socket.create_connection(('films.example', 443), timeout=0.3)",
    "address": "socket.create_connection(('192.0.2.1', 80), timeout=0.3)",
    "IPv6": "socket.create_connection(('2001:db8::1', 80), timeout=0.3)",
    "connect": "client().connect(('192.0.2.1', 80))",
    "connect_ex": "client().connect_ex(('192.0.2.1', 80))",
    "lookup": "socket.getaddrinfo('films.example', 443)",
    "lookup of bytes": "socket.getaddrinfo(b'films.example', 443)",
    "lookup the old way": "socket.gethostbyname('films.example')",
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
STAYS = {"loopback", "localhost", "asyncio loopback", "socket pair", "datagram loopback"}
PROGRAM = f"""
import asyncio, json, socket, urllib.request

def client(kind=socket.SOCK_STREAM):
    made = socket.socket(socket.AF_INET, kind)
    made.settimeout(0.3)
    return made

server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
outcome = {{}}
for name, code in {TRIES!r}.items():
    try:
        eval(code)
        outcome[name] = "went through"
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


@pytest.mark.parametrize("way", [name for name in TRIES if name not in STAYS])
def test_nothing_leaves_this_machine(outcome: dict[str, str], way: str) -> None:
    assert "No notebook and no test of the course reaches the network" in outcome[way]


@pytest.mark.parametrize("way", sorted(STAYS))
def test_this_machine_can_be_reached(outcome: dict[str, str], way: str) -> None:
    assert outcome[way] == "went through"


def test_the_message_names_what_was_asked_for(outcome: dict[str, str]) -> None:
    assert "'films.example' was asked for" in outcome["name"]


# --- the rest of the environment ------------------------------------------------------------------------------


def test_environment_sends_progress_to_the_given_home_and_forgets_the_learners(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("RECSYS_TEACH_HOME", "/somewhere/of/the/learner")
    monkeypatch.setenv("RECSYS_TEACH_STRICT", "1")
    monkeypatch.setenv("RECSYS_TEACH_REPORT", "/somewhere/report.json")
    env = kernel_env(tmp_path)
    assert env["RECSYS_TEACH_HOME"] == str(tmp_path)
    assert "RECSYS_TEACH_STRICT" not in env
    assert "RECSYS_TEACH_REPORT" not in env


def test_environment_says_strict_and_report_if_asked(tmp_path: Path) -> None:
    env = kernel_env(tmp_path, strict=True, report=tmp_path / "report.json")
    assert env["RECSYS_TEACH_STRICT"] == "1"
    assert env["RECSYS_TEACH_REPORT"] == str(tmp_path / "report.json")


def test_environment_sets_threads_and_hashes_so_that_results_can_be_compared(tmp_path: Path) -> None:
    env = kernel_env(tmp_path, threads=2)
    assert {env[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")} == {"2"}
    assert env["PYTHONHASHSEED"] == "0"


def test_environment_keeps_the_path_and_what_stood_on_the_python_path(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/some/folder")
    env = kernel_env(tmp_path)
    assert env["PYTHONPATH"].split(os.pathsep) == [str(NO_NETWORK), "/some/folder"]
    assert env["PATH"] == os.environ["PATH"]
