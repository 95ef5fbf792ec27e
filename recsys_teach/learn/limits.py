"""Run a learner's function with a limit on processor time, in this process.

This is used for answers that cannot be sent to the grader process (:mod:`recsys_teach.learn.grader_process`). A loop
in Python code is stopped. A loop inside a single call of compiled code cannot be stopped, and blocks the kernel as it
would in any cell.
"""

from __future__ import annotations

import contextvars
import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

CALL_SECONDS = 1.5  # of processor time for one call of the learner's function; a right answer takes milliseconds
CHECK_SECONDS = 2.5  # and for all calls of one check together
IDLE_SECONDS = 1.5  # of waiting without using the processor, as in time.sleep
WALL_SECONDS = 30.0  # whatever the reason, on a machine however busy

OUT_OF_TIME = "Your function ran out of time: it had used {seconds:.2g} s of processor time and not returned."
ALL_OUT_OF_TIME = "Your function ran out of time: its calls for this check had used {seconds:.2g} s of processor time."
WAITED = "Your function waited for more than {seconds:.2g} s without computing: for a pause, a file or an input?"
TOO_LONG = "Your function had not returned after {seconds:.2g} s. Close other programs that keep this computer busy."
EXPECTED = " A right answer needs a few milliseconds on this input."


class TimeUp(Exception):
    """The function did not return within its time. ``stopped`` says whether it was made to end."""

    def __init__(self, reason: str, stopped: bool = True):
        super().__init__(reason)
        self.stopped = stopped


class Clock:
    """Notice when a call has used its time. Call :meth:`start` before it, and :meth:`over` now and then."""

    def __init__(self) -> None:
        self._spent = 0.0

    def start(self, cpu: float) -> None:
        """Begin a call; ``cpu`` is the processor time of the process so far, in seconds."""
        self._begun = self._latest = cpu
        self._idle, self._wall = 0.0, time.monotonic()
        self._looked = self._wall

    def stop(self, cpu: float) -> None:
        """End a call, and add what it used to the check's account."""
        self._spent += cpu - self._begun

    def over(self, cpu: float, waiting: bool) -> str:
        """Return why the call is to be stopped, or "".

        Parameters
        ----------
        cpu : float
            Processor time of the process so far, in seconds.
        waiting : bool
            Whether the process sleeps, rather than waiting for its turn on a busy machine.
        """
        now = time.monotonic()
        self._idle += (now - self._looked) * (waiting and cpu - self._latest < 1e-3)
        self._looked, self._latest = now, cpu
        used = cpu - self._begun
        if used > CALL_SECONDS:
            return OUT_OF_TIME.format(seconds=CALL_SECONDS) + EXPECTED
        if self._spent + used > CHECK_SECONDS:
            return ALL_OUT_OF_TIME.format(seconds=CHECK_SECONDS) + EXPECTED
        if self._idle > IDLE_SECONDS:
            return WAITED.format(seconds=IDLE_SECONDS) + EXPECTED
        return TOO_LONG.format(seconds=WALL_SECONDS) if now - self._wall > WALL_SECONDS else ""


class _Stop(BaseException):
    """Sent into the thread of a function that does not return."""


def limited() -> Callable[..., Any]:
    """Return a function ``run(called, function, *args)`` for the calls of one check; it may raise TimeUp."""
    clock = Clock()

    def run(called: str, function: Callable[..., Any], *args: Any) -> Any:
        outcome: dict[str, Any] = {}

        def work() -> None:
            try:
                outcome["value"] = function(*args)
            except BaseException as error:
                outcome["error"] = error

        # The context carries the cell that a print belongs to.
        thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
        clock.start(time.process_time())
        thread.start()
        try:
            while thread.is_alive():
                thread.join(0.02)
                if thread.is_alive() and (reason := clock.over(time.process_time(), waiting=True)):
                    raise TimeUp(reason, stopped=_stop(thread))
        except KeyboardInterrupt:  # the learner pressed interrupt
            _stop(thread)
            raise
        clock.stop(time.process_time())
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]

    return run


def _stop(thread: threading.Thread) -> bool:
    """Ask a few times, because an ``except:`` may catch a request, and return whether the thread has ended."""
    for _ in range(5):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stop))
        thread.join(0.02)
        if not thread.is_alive():
            return True
    return False
