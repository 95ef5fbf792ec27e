"""Measure one contestant, in a process of its own; the last line of the output is JSON.

python -m benchmarks.measure model GROUP CONTESTANT
python -m benchmarks.measure growth MODEL N_USERS
python -m benchmarks.measure metrics
python -m benchmarks.measure versions
"""

from __future__ import annotations

import ctypes
import gc
import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import psutil

LIBRARIES = ("numpy", "scipy", "torch", "pandas", "scikit-learn", "implicit", "lenskit", "scikit-surprise", "ranx")


def timed(work: Callable[[], object]) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_mb(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a call, and by how many MB the process grew at its peak."""
    give_back()
    before = psutil.Process().memory_info().rss
    forget_peak()
    seconds = timed(work)
    return seconds, max(0, _highest() - before) / 2**20


def give_back() -> None:
    """Hand freed memory back to Linux, so that what is used again counts again."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not every C library has it
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def forget_peak() -> None:
    """Let Linux count the highest memory from now on; elsewhere it counts from the start."""
    file = Path("/proc/self/clear_refs")
    if file.exists():
        file.write_text("5")


def _highest() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure_model(group_name: str, name: str) -> dict:
    """Fit, answer, and say how good the answers are."""
    from benchmarks.groups import GROUPS
    from benchmarks.tasks import TASKS, toy

    group = GROUPS[group_name]
    task = TASKS[group.task][1]()
    warm(group.contestants[name], toy(task), ratings=group.task == "ratings")
    contestant = group.contestants[name]()
    contestant.prepare(task)
    fit, peak = peak_mb(contestant.fit)
    answer, accuracy = judge(contestant, task, ratings=group.task == "ratings")
    return {"fit": fit, "answer": answer, "peak": peak, "accuracy": accuracy}


def warm(make: Callable, task, *, ratings: bool) -> None:
    """Run everything once on a few users, so that nothing is compiled or imported while the clock runs."""
    contestant = make()
    contestant.prepare(task)
    with suppress(ValueError):  # the step of a gradient may be too long for so few
        contestant.fit()
        judge(contestant, task, ratings=ratings)


def judge(contestant, task, *, ratings: bool) -> tuple[float, float]:
    """Seconds to answer, and RMSE or nDCG@10 by the course's evaluator."""
    from benchmarks.tasks import K
    from recsys_teach.evaluation import evaluate, rmse

    test = task.split.test
    if not ratings:
        seconds = timed(lambda: contestant.recommend(task.users))
        return seconds, evaluate(contestant.score, task.split, name="", k=K).mean(f"nDCG@{K}")
    predicted: list = []
    seconds = timed(lambda: predicted.append(contestant.predict(test.user_pos, test.item_pos)))
    return seconds, rmse(test.log["rating"].to_numpy(), predicted[0])


def measure_growth(name: str, n_users: int) -> dict:
    """Fit a model to the first users of the world; what takes under a second is fitted three times."""
    from benchmarks.growth import MODELS
    from benchmarks.tasks import grown_clicks

    clicks = grown_clicks(n_users)
    MODELS[name]().fit(grown_clicks(200))
    seconds, peak = peak_mb(lambda: MODELS[name]().fit(clicks))
    times = [seconds] + [timed(lambda: MODELS[name]().fit(clicks)) for _ in range(2 if seconds < 1 else 0)]
    return {"events": len(clicks), "fit": statistics.median(times), "peak": peak}


def cpu_model() -> str:
    """Name the processor."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions() -> dict:
    """Say what runs here."""
    found = {"Python": platform.python_version(), "CPU": f"{cpu_model()}, {psutil.cpu_count()} cores"}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def main(args: list[str]) -> None:
    """Print what was measured, or why it could not be."""
    from benchmarks.metrics import measure_metrics

    kinds = {
        "model": measure_model,
        "growth": lambda name, n_users: measure_growth(name, int(n_users)),
        "metrics": measure_metrics,
        "versions": versions,
    }
    try:
        found = kinds[args[0]](*args[1:])
    except ImportError as error:
        found = {"error": f"does not import: {error}"}
    except Exception as error:  # a peer that fails must not end the run
        found = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:120]}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
