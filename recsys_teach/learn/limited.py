"""Run a learner's function, but not for ever."""

from __future__ import annotations

import contextvars
import ctypes
import threading
from collections.abc import Callable
from typing import Any


class TimeUp(Exception):
    """The function did not return within its time. ``stopped`` says whether it was made to end."""

    def __init__(self, stopped: bool):
        super().__init__()
        self.stopped = stopped


class _Stop(BaseException):
    """Sent into the thread of a function that does not return."""


def call_within(seconds: float, function: Callable[..., Any], *args: Any) -> Any:
    """Return ``function(*args)``, or raise TimeUp after some seconds.

    The function runs in a thread of its own, which is told to stop when the time is up: this works on every
    system, and for an endless loop in Python code. What is inside compiled code ends when that returns.
    """
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["value"] = function(*args)
        except BaseException as error:
            outcome["error"] = error

    # The context carries the cell that a print belongs to.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    except BaseException:  # the learner pressed interrupt
        _stop(thread)
        raise
    if thread.is_alive():
        raise TimeUp(stopped=_stop(thread))
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def _stop(thread: threading.Thread) -> bool:
    """Ask a few times, for a bare ``except:`` may swallow a request, and say whether the thread has ended."""
    for _ in range(5):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stop))
        thread.join(0.02)
        if not thread.is_alive():
            return True
    return False
