"""The grader process: read an exercise and an answer, grade it, and write lines of JSON to the kernel that started it.

It is started by :mod:`recsys_teach.learn.grader_process`, and never imported.
"""

from __future__ import annotations

import io
import json
import linecache
import os
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import cloudpickle

from recsys_teach.learn.grader import grade

PRINTED = 10_000  # characters that an answer may print
ORPHAN_SECONDS = 60  # of processor time, after which the system ends this process if its kernel was killed


def serve() -> None:
    """Grade what arrives, until the kernel closes the pipe."""
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    sys.stdin = io.StringIO()  # an input() finds nothing
    os.dup2(2, 1)  # what compiled code prints must not get between the messages

    def send(**message: Any) -> None:
        stdout.write(json.dumps(message).encode() + b"\n")
        stdout.flush()

    def run(called: str, function: Callable[..., Any], *args: Any) -> Any:
        send(begun=called, cpu=time.process_time())
        try:
            return function(*args)
        finally:
            send(ended=True, cpu=time.process_time())

    while about := _part(stdin):
        sent = _part(stdin)
        setting = json.loads(about)
        sys.path[:] = setting["path"]
        for name, lines in setting["lines"].items():
            linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
        _limit_processor_time()
        sys.stdout, sys.stderr = _Printed(send, error=False), _Printed(send, error=True)  # type: ignore[assignment]
        try:
            os.chdir(setting["folder"])
            exercise, answer = cloudpickle.loads(sent)
        except BaseException as error:  # a module of the notebook that this process does not find, for example
            send(unreadable=repr(error)[:500])
            continue
        verdict = grade(exercise, answer, run)
        send(verdict=(verdict.status, verdict.reason, verdict.evidence, verdict.beside))


def _part(stream: BinaryIO) -> bytes:
    return stream.read(int.from_bytes(stream.read(8), "big"))


def _limit_processor_time() -> None:
    """Let the system end this process if nobody else can."""
    if os.name == "posix":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = int(time.process_time()) + ORPHAN_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))


class _Printed:
    """Where an answer prints: every text goes to the notebook at once, up to a limit."""

    encoding = "utf-8"

    def __init__(self, send: Callable[..., None], error: bool):
        self._send, self._error, self._left = send, error, PRINTED

    def write(self, text: str) -> int:
        if self._left > 0:
            self._send(printed=text[: self._left] + " ..." * (len(text) > self._left), error=self._error)
        self._left -= len(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: each text is sent when it is written."""

    def isatty(self) -> bool:
        return False


if __name__ == "__main__":
    serve()
