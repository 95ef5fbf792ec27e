"""Passes over shards on a cluster: one master and two workers, separate processes on loopback.

In a separate file, because a Python runs one Spark at a time: pytest ends the session of test_scale.py before this.
"""

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
from conftest import REPOSITORY, skip_or_fail
from test_scale import ITEM_RIDGE, MATRIX, RIDGE, START, in_one_process

from recsys_teach import scale

SECONDS = 600  # until a test that waits gives up; a quiet machine needs about 20


def free_ports(n):
    """Ask the system for ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait(what, ready, processes=()):
    deadline = time.monotonic() + SECONDS
    while not ready():
        for process in processes:
            assert process.poll() is None, f"{process.args} ended with {process.returncode}"
        if time.monotonic() > deadline:
            pytest.fail(f"waited {SECONDS} s for {what}")
        time.sleep(0.2)


def family(mark):
    """Find every process with this mark in its environment: ours, and those that they have started."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("RECSYS_TEACH_CLUSTER") == mark:
                found.append(process)
    return found


@contextlib.contextmanager
def cluster(folder):
    """Start a master and two workers as separate processes, and end them with all that they have started.

    Yields the address of the master, and the ports.
    """
    import pyspark

    master, *others = ports = free_ports(6)
    env = os.environ | {
        "RECSYS_TEACH_CLUSTER": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": "-Dspark.master.rest.enabled=false -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    program = Path(pyspark.__file__).parent / "bin" / ("spark-class.cmd" if os.name == "nt" else "spark-class")
    address = f"spark://127.0.0.1:{master}"
    processes = []

    def start(name, *arguments):
        command = [str(program), f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1", *map(str, arguments)]
        with open(folder / f"log{len(processes)}.txt", "w") as log:
            processes.append(subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log))

    try:
        start("master.Master", "--port", master, "--webui-port", others[0])
        wait("the master", lambda: is_open(master), processes)
        for number, (port, page) in enumerate([others[1:3], others[3:5]]):
            work = folder / f"worker{number}"
            size = ["--cores", 1, "--memory", "600m", "--work-dir", work]
            start("worker.Worker", "--port", port, "--webui-port", page, *size, address)
        yield address, ports
    finally:
        for ask in (psutil.Process.terminate, psutil.Process.kill):
            members = family(str(folder))
            for member in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    ask(member)
            psutil.wait_procs(members, timeout=20)
        for process in processes:
            process.wait()


def test_cluster_of_separate_processes_equals_one_process_and_leaves_nothing(tmp_path):
    if reason := scale.why_no_spark():
        skip_or_fail(reason)
    with cluster(tmp_path) as (address, ports):
        with scale.local_session(master=address, memory_gb=0.5) as session:
            context = session.sparkContext
            executors = context._jsc.sc().getExecutorMemoryStatus  # the driver counts as one
            wait("two executors", lambda: executors().size() == 3)
            users, items, losses = scale.alternate_on_spark(context, MATRIX, START, RIDGE, ITEM_RIDGE, 2, n_shards=4)
            workers = set(context.parallelize(range(8), 8).map(lambda _: os.getppid()).collect())
        assert len(workers) == 2 and os.getpid() not in workers, "both workers had a part in it"
    expected_users, expected_items, expected_losses = in_one_process(scale.ridge_pass, 2)
    np.testing.assert_allclose(users, expected_users, atol=1e-5)
    np.testing.assert_allclose(items, expected_items, atol=1e-5)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    assert family(str(tmp_path)) == []
    assert not any(map(is_open, ports))
