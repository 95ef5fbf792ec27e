"""The rounds of chapter 16 on a real engine: a SuperLink and two SuperNodes, processes of their own on loopback."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import REPOSITORY
from flwr.app import Context, RecordDict
from scipy import sparse

from recsys_teach.course.notebook_env import kernel_env
from recsys_teach.federated import Clients, flower_app, train_federated

APP = REPOSITORY / "tests" / "federated" / "flower_app"
TABLE = np.array([[5.0, 4, 0, 1], [1, 0, 5, 4]])  # the ratings of Ada and Cleo; 0 is "no rating"
MEAN = 3.5
SECONDS = 900  # for all of it; a quiet machine needs about 60
RUN = {
    "n_items": 4,
    "n_factors": 2,
    "n_rounds": 3,
    "n_clients": 2,
    "learning_rate": 0.5,
    "regularization": 1.3,
    "seed": 16,
}


def by_loop():
    """Table of items after the rounds, without any engine."""
    users, items = TABLE.nonzero()
    ratings = sparse.csr_array((TABLE[users, items] - MEAN, (users, items)), shape=TABLE.shape)
    *_, (_, Q) = train_federated(
        Clients(ratings), 2, 3, learning_rate=0.5, regularization=1.3, rng=np.random.default_rng(16)
    )
    return Q


def client_files(folder):
    """Write the ratings of each client to a separate file."""
    paths = [folder / f"client_{number}.npy" for number in range(len(TABLE))]
    for path, row in zip(paths, TABLE, strict=True):
        np.save(path, [np.flatnonzero(row), row[row > 0] - MEAN])
    return paths


def free_ports(n):
    """Ask the system for ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_for_port(port, process, deadline):
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args[0]} ended with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"{process.args[0]} opened no port in time")


def family(home):
    """Find every process that was started with this FLWR_HOME, by us or by one of ours."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("FLWR_HOME") == str(home):
                found.append(process)
    return found


def end(home):
    """End them by pid: first asked, then killed; give who is left."""
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        members = family(home)
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                ask(member)
        psutil.wait_procs(members, timeout=5)
    return family(home)


def test_app_in_this_process_gives_what_the_loop_gives(tmp_path):
    grid = flower_app.InProcessGrid(flower_app.client, [{"ratings": str(path)} for path in client_files(tmp_path)])
    context = Context(run_id=1, node_id=1, node_config={}, state=RecordDict(), run_config=RUN)
    flower_app.server(grid, context)
    np.testing.assert_allclose(context.state["items"].to_numpy_ndarrays()[0], by_loop(), atol=1e-10)


def test_server_says_how_many_clients_are_missing(tmp_path):
    grid = flower_app.InProcessGrid(flower_app.client, [{}])
    with pytest.raises(TimeoutError, match=r"2 clients within 0\.5 s; got 1"):
        flower_app.wait_for_nodes(grid, 2, seconds=0.5)


def test_superlink_and_two_supernodes_give_what_the_loop_gives(tmp_path):
    deadline = time.monotonic() + SECONDS
    home, out = tmp_path / "flower", tmp_path / "items.npy"
    home.mkdir()
    link_port, *node_ports = free_ports(3)
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "127.0.0.1:{link_port}"\ninsecure = true\n'
    )
    env = kernel_env(tmp_path) | {"FLWR_HOME": str(home), "FLWR_TELEMETRY_ENABLED": "0", "NO_COLOR": "1"}
    programs = Path(sys.executable).parent
    env["PATH"] = os.pathsep.join([str(programs), env["PATH"]])  # the engine starts its own programs by name
    log = tmp_path / "log.txt"

    def start(name, *options):
        command = [str(programs / name), "--insecure", *options]
        with log.open("a") as lines:
            return subprocess.Popen(command, env=env, cwd=tmp_path, stdout=lines, stderr=subprocess.STDOUT)

    try:
        link = start("flower-superlink", "--port", str(link_port), "--disable-runtime-dependency-installation")
        wait_for_port(link_port, link, deadline)
        for path, port in zip(client_files(tmp_path), node_ports, strict=True):
            superlink = f"127.0.0.1:{link_port}"
            start(
                "flower-supernode", "--superlink", superlink, "--port", str(port), "--node-config", f'ratings="{path}"'
            )
        config = " ".join(f"{key}={value}" for key, value in RUN.items()) + f' out="{out}"'
        command = [str(programs / "flwr"), "run", str(APP), "here", "--stream", "--run-config", config]
        run = subprocess.run(
            command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=deadline - time.monotonic()
        )
        assert out.exists(), run.stdout + run.stderr + log.read_text()
        np.testing.assert_allclose(np.load(out), by_loop(), atol=1e-10)
    finally:
        left = end(home)
    assert left == [], "every process ends with the test"
