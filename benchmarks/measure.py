"""Measure one contestant in a separate process; the last line of the output is JSON.

python -m benchmarks.measure model GROUP TASK CONTESTANT
python -m benchmarks.measure tune GROUP TASK CONTESTANT
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
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np
import psutil

from benchmarks.contestants import n_threads

LIBRARIES = ("numpy", "scipy", "torch", "pandas", "scikit-learn", "implicit", "lenskit", "scikit-surprise", "ranx")


def timed(work: Callable[[], object]) -> float:
    """Measure the time of a call: processor time with one thread, which other programs hardly change, else wall time.

    Parameters
    ----------
    work : function without arguments
        What is measured.

    Returns
    -------
    float
        Seconds.
    """
    clock = time.process_time if n_threads() == 1 else time.perf_counter
    start = clock()
    work()
    return clock() - start


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


def measure_model(group_name: str, task_name: str, name: str) -> dict:
    """Measure the fit, the answers and the accuracy of a tuned model.

    Parameters
    ----------
    group_name, task_name, name : str
        A group, one of its tasks, and one of its contestants.

    Returns
    -------
    dict of str to float
        Seconds to fit and to answer, peak memory of the fit in MB, and the accuracy on the test set (RMSE or nDCG@10)
        with the limits of its interval.
    """
    from benchmarks.groups import GROUPS
    from benchmarks.tasks import TASKS, first_users
    from benchmarks.tune import tuned_parameters

    make = partial(GROUPS[group_name].contestants[name].make, **tuned_parameters(group_name, task_name, name))
    task = TASKS[task_name][1]()
    warm_up(make, first_users(task))
    contestant = make()
    contestant.prepare(task)
    fit, peak = peak_mb(contestant.fit)
    answer = timed(lambda: answers(contestant, task))
    accuracy, low, high = score(contestant, task)
    return {"fit": fit, "answer": answer, "peak": peak, "accuracy": accuracy, "low": low, "high": high}


def measure_settings(group_name: str, task_name: str, name: str) -> dict:
    """Measure the accuracy of several settings of a model on the validation part of a task.

    Parameters
    ----------
    group_name, task_name, name : str
        A group, one of its tasks, and one of its contestants.

    Returns
    -------
    dict
        With the key "trials": a list with the setting and the accuracy, or the error, of each trial.
    """
    from benchmarks.groups import GROUPS
    from benchmarks.tasks import TASKS, validation
    from benchmarks.tune import settings

    contestant, trials = GROUPS[group_name].contestants[name], []
    task = validation(TASKS[task_name][1]())
    for setting in settings(contestant):
        try:
            model = contestant.make(**setting)
            model.prepare(task)
            model.fit()
            trials.append({"setting": setting, "accuracy": score(model, task)[0]})
        except Exception as error:  # a setting with which a library fails is not chosen
            trials.append({"setting": setting, "error": f"{type(error).__name__}: {error}".splitlines()[0][:120]})
    return {"trials": trials}


def warm_up(make: Callable, task) -> None:
    """Run everything once on a few users, so that compilation and imports are not measured.

    Parameters
    ----------
    make : function without arguments
        Creates the contestant.
    task : Task
        A small task.
    """
    contestant = make()
    contestant.prepare(task)
    with suppress(ValueError):  # gradient descent may diverge on so few users
        contestant.fit()
        answers(contestant, task)


def answers(contestant, task) -> np.ndarray | None:
    """Predict the ratings of the test set, or recommend items to the evaluated users.

    Parameters
    ----------
    contestant : object
        A fitted contestant.
    task : Task
        The task.

    Returns
    -------
    array or None
        Predicted ratings.
    """
    if not task.predict:
        return contestant.recommend(task.users)
    return contestant.predict(task.split.test.user_pos, task.split.test.item_pos)


def score(contestant, task) -> tuple[float, float, float]:
    """Measure the accuracy of a fitted contestant.

    Parameters
    ----------
    contestant : object
        A fitted contestant.
    task : Task
        The task.

    Returns
    -------
    accuracy, low, high : float
        RMSE, or nDCG@10 of the course's evaluator, and the limits of its 95 % bootstrap interval over ratings or users.
    """
    from benchmarks.tasks import K
    from recsys_teach.evaluation import bootstrap_interval, evaluate

    if task.predict:
        squared_errors = (task.split.test.log["rating"].to_numpy() - answers(contestant, task)) ** 2
        return tuple(float(np.sqrt(x)) for x in (squared_errors.mean(), *bootstrap_interval(squared_errors)))
    result = evaluate(contestant.score, task.split, name="", k=K)
    return result.mean(f"nDCG@{K}"), *result.interval(f"nDCG@{K}")


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
        "tune": measure_settings,
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
