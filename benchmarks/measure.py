"""Measure one contestant in a separate process; the last line of the output is JSON.

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
    """Measure the time of a call.

    Parameters
    ----------
    work : function without arguments
        What is measured.

    Returns
    -------
    float
        Seconds.
    """
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_mb(work: Callable[[], object]) -> tuple[float, float]:
    """Measure the time of a call and the peak of its memory.

    Parameters
    ----------
    work : function without arguments
        What is measured.

    Returns
    -------
    seconds : float
        Time of the call.
    peak : float
        Increase of the process's memory at its peak, in MB.
    """
    release_memory()
    before = psutil.Process().memory_info().rss
    reset_peak()
    seconds = timed(work)
    return seconds, max(0, _peak_bytes() - before) / 2**20


def release_memory() -> None:
    """Return freed memory to Linux, so that it counts again when it is used again."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not every C library has malloc_trim
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def reset_peak() -> None:
    """Reset the peak of the process's memory on Linux; elsewhere it is counted from the start of the process."""
    file = Path("/proc/self/clear_refs")
    if file.exists():
        file.write_text("5")


def _peak_bytes() -> int:
    """Return the peak of the process's memory in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure_model(group_name: str, name: str) -> dict:
    """Measure the fit, the answers and the accuracy of a model.

    Parameters
    ----------
    group_name : str
        Name of a group.
    name : str
        Name of a contestant in it.

    Returns
    -------
    dict of str to float
        Seconds to fit and to answer, peak memory of the fit in MB, and accuracy (RMSE or nDCG@10).
    """
    from benchmarks.groups import GROUPS
    from benchmarks.tasks import TASKS, first_users

    group = GROUPS[group_name]
    task = TASKS[group.task][1]()
    warm_up(group.contestants[name], first_users(task), ratings=group.task == "ratings")
    contestant = group.contestants[name]()
    contestant.prepare(task)
    fit, peak = peak_mb(contestant.fit)
    answer, accuracy = answer_and_score(contestant, task, ratings=group.task == "ratings")
    return {"fit": fit, "answer": answer, "peak": peak, "accuracy": accuracy}


def warm_up(make: Callable, task, *, ratings: bool) -> None:
    """Run everything once on a few users, so that compilation and imports are not measured.

    Parameters
    ----------
    make : function without arguments
        Creates the contestant.
    task : Task
        A small task.
    ratings : bool
        Whether the contestant predicts ratings instead of ranking items.
    """
    contestant = make()
    contestant.prepare(task)
    with suppress(ValueError):  # gradient descent may diverge on so few users
        contestant.fit()
        answer_and_score(contestant, task, ratings=ratings)


def answer_and_score(contestant, task, *, ratings: bool) -> tuple[float, float]:
    """Measure the time of the answers and their accuracy.

    Parameters
    ----------
    contestant : object
        A fitted contestant.
    task : Task
        The task with its test set.
    ratings : bool
        Whether the contestant predicts ratings instead of ranking items.

    Returns
    -------
    seconds : float
        Time of the predictions or recommendations.
    accuracy : float
        RMSE for ratings; otherwise nDCG@10, computed by the course's evaluator.
    """
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
    """Measure the fit of a model on the first users of the world.

    Parameters
    ----------
    name : str
        Name of a model in ``benchmarks.growth``.
    n_users : int
        Number of users.

    Returns
    -------
    dict of str to float
        Number of clicks, seconds (the median of three fits if a fit takes less than a second), and peak memory in MB.
    """
    from benchmarks.growth import MODELS
    from benchmarks.tasks import grown_clicks

    clicks = grown_clicks(n_users)
    MODELS[name]().fit(grown_clicks(200))
    seconds, peak = peak_mb(lambda: MODELS[name]().fit(clicks))
    times = [seconds] + [timed(lambda: MODELS[name]().fit(clicks)) for _ in range(2 if seconds < 1 else 0)]
    return {"events": len(clicks), "fit": statistics.median(times), "peak": peak}


def cpu_model() -> str:
    """Return the name of the processor.

    Returns
    -------
    str
        Name.
    """
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions() -> dict:
    """Return the versions of Python and of the libraries, and the processor.

    Returns
    -------
    dict of str to str
        Version of each library, or "not installed".
    """
    found = {"Python": platform.python_version(), "CPU": f"{cpu_model()}, {psutil.cpu_count()} cores"}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def main(args: list[str]) -> None:
    """Print the measured values, or why the measurement failed.

    Parameters
    ----------
    args : list of str
        Kind of the measurement, and its arguments.
    """
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
        found = {"error": f"cannot be imported: {error}"}
    except Exception as error:  # a library that fails must not stop the other measurements
        found = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:120]}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
