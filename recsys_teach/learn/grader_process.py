"""Grade answers in a separate process, so that whatever a function does, the notebook's kernel stays usable.

The kernel sends the exercise and the answer (by cloudpickle) and reads lines of JSON: what the answer prints, which
call has begun, and at the end the verdict. If a call uses up its processor time, the process is ended, also if the call
is in compiled code, which nothing else could stop. The next check starts a new process.

Not everything can be sent: a function that uses an open file, a lock or a generator of the notebook is graded in the
kernel, where a loop inside compiled code cannot be stopped. On Windows a process in such a loop continues after its
kernel was killed, until somebody ends it; on other systems it is ended after a minute of computing.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import linecache
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

import cloudpickle
import psutil

from recsys_teach.learn.grader import Verdict, grade
from recsys_teach.learn.limits import Clock
from recsys_teach.learn.schema import Exercise

START_SECONDS = 60.0  # to begin and to read an answer, on a machine however busy
LOOK_SECONDS = 0.03

_process: _GraderProcess | None = None


def grade_in_process(exercise: Exercise, answer: Any) -> Verdict:
    """Grade an answer in the grader process, or here if it is no function or cannot be sent. Never raises."""
    if not (exercise.wants_function and callable(answer)):
        return grade(exercise, answer)
    try:
        sent = cloudpickle.dumps((exercise, answer))
    except Exception:  # whatever an object of the notebook raises when it is pickled
        return grade(exercise, answer)
    verdict = start_grader_process().ask(sent, _lines_of(answer))
    start_grader_process()  # the next one, if this one had to be ended
    return verdict or grade(exercise, answer)


def start_grader_process() -> _GraderProcess:
    """Return the process that grades, and start it if there is none; it needs a second or two to get ready."""
    global _process
    if _process is None or not _process.is_alive():
        _process = _GraderProcess()
    return _process


def _lines_of(answer: Any) -> dict[str, list[str]]:
    """Return the lines of the cell that defines a function, which the other process cannot read from a file."""
    name = getattr(getattr(answer, "__code__", None), "co_filename", "")
    return {} if not name or Path(name).exists() else {name: linecache.getlines(name)}


class _GraderProcess:
    """The kernel's side."""

    def __init__(self) -> None:
        # In a separate process group: the interrupt of a cell is answered here, not there.
        apart: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            apart = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "recsys_teach.learn.grader_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            **apart,
        )
        self._looked_at = psutil.Process(self._child.pid)
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(self._child.stdout,), daemon=True).start()
        atexit.register(self.end)

    def _listen(self, stream: BinaryIO) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed at the end
            for line in stream:
                self._messages.put(json.loads(line))
        self._messages.put(None)

    def is_alive(self) -> bool:
        """Return whether the process can be asked."""
        return self._child.poll() is None

    def end(self) -> None:
        """End the process, whatever it does."""
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        atexit.unregister(self.end)

    def ask(self, sent: bytes, lines: dict[str, list[str]]) -> Verdict | None:
        """Return the verdict, or None if this process cannot judge the answer."""
        about = json.dumps({"path": sys.path, "folder": os.getcwd(), "lines": lines}).encode()
        try:
            for part in (about, sent):
                self._child.stdin.write(len(part).to_bytes(8, "big") + part)  # type: ignore[union-attr]
            self._child.stdin.flush()  # type: ignore[union-attr]
            return self._await_verdict()
        except (OSError, psutil.Error):
            self.end()
            return None
        except BaseException:  # the learner pressed interrupt
            self.end()
            raise

    def _await_verdict(self) -> Verdict | None:
        clock, called, last = Clock(), "", time.monotonic()
        while True:
            try:
                message = self._messages.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if called and (reason := clock.over(self._cpu(), self._looked_at.status() == psutil.STATUS_SLEEPING)):
                    self.end()
                    return Verdict("not yet", reason, (called,))
                if not called and time.monotonic() - last > START_SECONDS:
                    self.end()
                    return None
                continue
            last = time.monotonic()
            if message is None:
                self.end()
                reason = "Your function ended the Python process that ran it, or used more memory than there is."
                return Verdict("not yet", reason, (called,)) if called else None
            if "verdict" in message:
                status, reason, evidence, rows = message["verdict"]
                return Verdict(status, reason, tuple(evidence), tuple(map(tuple, rows)))
            if "unreadable" in message:
                return None
            if "printed" in message:
                print(message["printed"], end="", file=sys.stderr if message["error"] else sys.stdout)
            elif "begun" in message:
                called = message["begun"]
                clock.start(message["cpu"])
            else:
                called = ""
                clock.stop(message["cpu"])

    def _cpu(self) -> float:
        times = self._looked_at.cpu_times()
        return times.user + times.system
