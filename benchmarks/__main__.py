"""Run the benchmarks, print their sections, and write all sections to benchmarks/results.md.

python benchmarks/setup.py                     create the environment of the other libraries, .venv-benchmarks, once
python -m benchmarks.tune                      tune every contestant; needed again only after a change of the groups
python -m benchmarks                           run everything (about two hours)
python -m benchmarks --only iALS metrics       run some groups, "metrics" or "growth", and replace their sections

The sections are stored in benchmarks/sections.json. Measurements with one thread are in processor seconds, so other
programs may do light work meanwhile. No other program should be busy during measurements with two threads.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pandas as pd
import psutil

from benchmarks.groups import GOALS, GROUPS, GROWTH_LIMIT, METRICS_LIMIT
from benchmarks.growth import LEAST, MODELS, MOST_USERS, exponent
from benchmarks.setup import PYTHON, REPOSITORY
from benchmarks.tasks import TASKS, sizes, small
from benchmarks.tune import N_SETTINGS

RESULTS = REPOSITORY / "benchmarks" / "results.md"
SECTIONS = REPOSITORY / "benchmarks" / "sections.json"
GROWTH_TABLE = REPOSITORY / "authoring" / "18_fast_and_large" / "saved" / "growth.csv"  # chapter 18 draws it
THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"),
    *("LK_NUM_THREADS", "LK_NUM_BACKEND_THREADS"),
)
PARTS = [*GROUPS, "metrics", "growth"]
TIME_LIMIT = 900  # seconds for one measurement


def run_measurement(threads: int, *args: str, limit: int = TIME_LIMIT) -> dict:
    """Run one measurement in a new process.

    Parameters
    ----------
    threads : int
        Number of threads that every library may use.
    *args : str
        Arguments of ``benchmarks.measure``.
    limit : int, default=TIME_LIMIT
        Seconds after which the measurement fails.

    Returns
    -------
    dict
        The measured values, or the key "error" with a description if the measurement failed.
    """
    python = PYTHON if PYTHON.exists() else Path(sys.executable)
    env = os.environ | dict.fromkeys(THREADS, str(threads)) | {"LK_NUM_PROCS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [str(python), "-m", "benchmarks.measure", *args]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {limit} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        return {"error": f"failed with exit code {done.returncode}: {last[:100]}"}
    return json.loads(done.stdout.splitlines()[-1])


def table(head: list[str], rows: list[list[str]]) -> str:
    """Format a Markdown table whose columns are also aligned as plain text.

    Parameters
    ----------
    head : list of str
        Names of the columns.
    rows : list of list of str
        Cells of each row, as many as there are columns.

    Returns
    -------
    str
        Lines of the table.
    """
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def run_task(name: str, task: str, repeat: int, threads: int) -> dict[str, dict]:
    """Measure the contestants of a group on a task in turn, several times.

    Parameters
    ----------
    name, task : str
        Names of a group and of one of its tasks.
    repeat : int
        Number of rounds. In every second round the order is reversed, so that a slow drift of the machine's speed
        affects all contestants equally.
    threads : int
        Number of threads, unless the group sets another one.

    Returns
    -------
    dict of str to dict
        For each contestant, the result of :func:`median_of_runs`.
    """
    group = GROUPS[name]
    runs: dict[str, list[dict]] = {contestant: [] for contestant in group.contestants}
    for turn in range(repeat):
        for contestant in list(runs)[:: -1 if turn % 2 else 1]:
            if not (runs[contestant] and "error" in runs[contestant][-1]):
                log(f"{name}, {task}: {contestant}, run {turn + 1}")
                other = busy_share()
                run = run_measurement(group.threads or threads, "model", name, task, contestant)
                runs[contestant].append(run | {"other": other})
    return {contestant: median_of_runs(several) for contestant, several in runs.items()}


def busy_share() -> float:
    """Measure which share of the processors other programs use at the moment, during one second.

    Returns
    -------
    float
        Between 0 and 1.
    """
    return psutil.cpu_percent(interval=1) / 100


def median_of_runs(runs: list[dict]) -> dict:
    """Compute the median of each value over runs.

    Parameters
    ----------
    runs : list of dict
        Results of the same measurement.

    Returns
    -------
    dict
        The medians, and all runs with the key "runs", which :func:`ratio` needs; or the first run that failed.
    """
    failed = next((run for run in runs if "error" in run), None)
    if failed:
        return failed
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]} | {"runs": runs}


def ratio(ours: dict, theirs: dict, what: str = "fit") -> float:
    """Compute the median over the rounds of our time divided by theirs.

    Parameters
    ----------
    ours, theirs : dict
        Results of :func:`median_of_runs`.
    what : {"fit", "fit and answer"}, default="fit"
        The times that are added.

    Returns
    -------
    float
        A ratio below 1 means that ours is faster.
    """
    columns = [key for key in ("fit", "answer") if key in what]
    pairs = zip(ours["runs"], theirs["runs"], strict=True)
    return statistics.median(sum(a[c] for c in columns) / sum(b[c] for c in columns) for a, b in pairs)


def comparable(ours: dict, theirs: dict, *, lower_is_better: bool) -> bool:
    """Return whether a ratio of times counts: our accuracy is better, or the two intervals overlap.

    Parameters
    ----------
    ours, theirs : dict
        Results of :func:`median_of_runs`.
    lower_is_better : bool
        True for RMSE.

    Returns
    -------
    bool
        Whether ours is at least as accurate, as far as can be distinguished.
    """
    return ours["low"] <= theirs["high"] if lower_is_better else ours["high"] >= theirs["low"]


def group_table(name: str, found: dict[str, dict[str, dict]], threads: int) -> str:
    """Format the results of a group as a section.

    Parameters
    ----------
    name : str
        Name of the group.
    found : dict of str to dict
        For each task, the result of :func:`run_task`.
    threads : int
        Number of threads, unless the group sets another one.

    Returns
    -------
    str
        Title and table in Markdown.
    """
    group = GROUPS[name]
    predict = "ratings" in group.tasks
    measure, answer = ("RMSE", "predict s") if predict else ("nDCG@10", "recommend s")
    head = [
        "data",
        "model",
        f"{measure} (95 %)",
        "fit s (range)",
        answer,
        "peak MB",
        "ours / theirs: fit",
        "with answers",
    ]
    rows = []
    for task, contestants in found.items():
        ours = next(iter(contestants.values()))
        for contestant, numbers in contestants.items():
            if "error" in numbers:
                rows.append([task, contestant, numbers["error"], *[""] * 5])
                continue
            fits = [run["fit"] for run in numbers["runs"]]
            if numbers is ours or "error" in ours:
                ratios = ["", ""]
            elif comparable(ours, numbers, lower_is_better=predict):
                ratios = [f"{ratio(ours, numbers, what):.2f}" for what in ("fit", "fit and answer")]
            else:
                ratios = ["ours is less accurate", ""]
            rows.append(
                [
                    task,
                    contestant,
                    f"{numbers['accuracy']:.3f} ({numbers['low']:.3f} to {numbers['high']:.3f})",
                    f"{numbers['fit']:.2f} ({min(fits):.2f} to {max(fits):.2f})",
                    f"{numbers['answer']:.2f}",
                    f"{numbers['peak']:.0f}",
                    *ratios,
                ]
            )
    tuned = "; ".join(
        f"{contestant}: {', '.join(f'{key} {low:g} to {high:g}' for key, (low, high) in c.ranges.items()) or 'nothing'}"
        for contestant, c in group.contestants.items()
    )
    how = f"Settings: those that were tuned for the group {group.tuned_as}." if group.tuned_as else f"Tuned: {tuned}."
    return f"## {name}\n\n{group.threads or threads} thread(s). {how}\n\n" + table(head, rows)


def goal_rows(name: str, found: dict[str, dict[str, dict]]) -> list[list[str]]:
    """Compare a group with its goals.

    Parameters
    ----------
    name : str
        Name of the group.
    found : dict of str to dict
        For each task, the result of :func:`run_task`.

    Returns
    -------
    list of list of str
        Rows of the table of goals.
    """
    rows = []
    for goal in (goal for goal in GOALS if goal.group == name):
        for task, contestants in found.items():
            ours, theirs = next(iter(contestants.values())), contestants[goal.peer]
            title = f"{name}, {task}: {goal.what} against {goal.peer}"
            if "error" in ours or "error" in theirs:
                rows.append([title, f"≤ {goal.limit}", "not measured", "open"])
                continue
            row = goal_row(title, ratio(ours, theirs, goal.what), goal.limit)
            counts = comparable(ours, theirs, lower_is_better=task == "ratings")
            rows.append(row if counts else [*row[:3], "does not count, ours is less accurate"])
    return rows


def goal_row(name: str, value: float, limit: float) -> list[str]:
    """Return a row of the table of goals.

    Parameters
    ----------
    name : str
        Name of the goal.
    value, limit : float
        Measured value, and the largest one that meets the goal.

    Returns
    -------
    list of str
        Name, limit, value, and whether the goal is met or by how much it is missed.
    """
    return [name, f"≤ {limit}", f"{value:.2f}", "met" if value <= limit else f"missed by {value - limit:.2f}"]


def metrics_part(threads: int) -> tuple[str, list[list[str]]]:
    """Measure the time of the metrics.

    Parameters
    ----------
    threads : int
        Number of threads.

    Returns
    -------
    text : str
        A section in Markdown.
    goals : list of list of str
        Rows of the table of goals.
    """
    log("metrics")
    found = run_measurement(threads, "metrics")
    title = "## Metrics\n\n6,000 users, lists of 20, warm; equal scores ordered by position for both\n\n"
    goals = [f"metrics: {label} against ranx, warm" for label in ("nDCG", "six metrics")]
    if "error" in found:
        rows = [[goal, f"≤ {METRICS_LIMIT}", "not measured", "open"] for goal in goals]
        return title + table(["", ""], [["error", found["error"]]]), rows
    agree = (
        "\n\nAssertions that passed: all six metrics (nDCG, recall, precision, hit rate, MRR, MAP) equal those of ranx "
        "for each user within 1e-12, and nDCG averaged over ties equals that of scikit-learn "
        f"(largest difference {found.pop('scikit-learn'):.0e})."
    )
    rows = [[key, f"{seconds:.3f}"] for key, seconds in found.items()]
    ratios = [found[f"ours, {label}"] / found[f"ranx, {label}"] for label in ("nDCG", "six metrics")]
    judgments = [goal_row(goal, value, METRICS_LIMIT) for goal, value in zip(goals, ratios, strict=True)]
    return title + table(["", "s"], rows) + agree, judgments


def growth_part(threads: int, repeat: int) -> tuple[str, list[list[str]]]:
    """Measure how time and memory grow with the number of users at constant density, and fit exponents.

    Parameters
    ----------
    threads : int
        Number of threads.
    repeat : int
        Number of runs of each size.

    Returns
    -------
    text : str
        A section in Markdown.
    goals : list of list of str
        Rows of the table of goals: every exponent whose interval lies above the limit.
    """
    head = ["model", *(f"{n:,} users" for n in sizes()), "exponent of time (95 %)", "of memory"]
    rows, goals, events, saved = [], [], {}, []
    for name in MODELS:
        most = min(MOST_USERS.get(name, max(sizes())), max(sizes()))
        runs: dict[int, list[dict]] = {n_users: [] for n_users in sizes() if n_users <= most}
        for turn in range(repeat):
            for n_users in runs:
                log(f"growth: {name}, {n_users:,} users, run {turn + 1}")
                runs[n_users].append(run_measurement(threads, "growth", name, str(n_users)))
        everything = [run for several in runs.values() for run in several]
        failed = next((run["error"] for run in everything if "error" in run), None)
        if failed:
            rows.append([name, failed, *[""] * (len(head) - 2)])
            continue
        saved += [[name, n, run["events"], run["fit"], run["peak"]] for n, several in runs.items() for run in several]
        medians = {n: median_of_runs(several) for n, several in runs.items()}
        events |= {n: median["events"] for n, median in medians.items()}
        cells = [f"{median['fit']:.2f} s, {median['peak']:.0f} MB" for median in medians.values()]
        powers = {
            what: exponent([run["events"] for run in everything], [run[key] for run in everything], LEAST[key])
            for what, key in (("time", "fit"), ("memory", "peak"))
        }
        shown = [f"{p:.2f} ({low:.2f} to {high:.2f})" for p, low, high in powers.values()]
        rows.append([name, *cells, *["not run"] * (len(sizes()) - len(cells)), *shown])
        goals += [
            [f"growth of {what} of {name}", f"≤ {GROWTH_LIMIT}", f"{p:.2f}", "met" if low <= GROWTH_LIMIT else "above"]
            for what, (p, low, _) in powers.items()
        ]
    if not small():
        columns = ["model", "users", "events", "seconds", "megabytes"]
        pd.DataFrame(saved, columns=columns).round(4).to_csv(GROWTH_TABLE, index=False)
    title = (
        f"## Growth\n\nNumbers of clicks: {', '.join(f'{n:,.0f}' for n in events.values())}; {repeat} runs of each "
        "size. An exponent is the slope of log cost on log clicks; fixed costs make it smaller. UserKNN compares all "
        "pairs of users, so its time is quadratic by design.\n\n"
    )
    return title + table(head, rows), goals


def conditions() -> str:
    """Return the title and the conditions of the measurements.

    Returns
    -------
    str
        Title and a paragraph in Markdown.
    """
    data = "\n".join(f"* {name}: {description}" for name, (description, _) in TASKS.items())
    return (
        "# Benchmarks\n\nWritten by `python -m benchmarks`. Measurements with one thread are in processor seconds, "
        "those with two threads in seconds of the clock. They are medians of several runs, each in a separate process, "
        "with the smallest and the largest in brackets; the contestants take turns. The preparation of the data is "
        "timed for the course's models, which start from the log, and not for the other libraries, which start from "
        "their own data structures.\n\n"
        f"Every contestant was tuned on a validation part of the training set with {N_SETTINGS} settings: its "
        f"defaults, and {N_SETTINGS - 1} drawn from the ranges that its section states (`python -m benchmarks.tune`; "
        "all trials are in `tuned.json`). The number of factors, and of passes of ALS, is the same for all contestants "
        "of a group. A ratio of times counts only if our accuracy on the test set is better or the 95 % intervals "
        f"(bootstrap over users, or over ratings) overlap.\n\nData:\n\n{data}"
    )


def run_part(name: str, repeat: int, threads: int) -> dict:
    """Run one part and describe how it was measured.

    Parameters
    ----------
    name : str
        Name of a group, "metrics" or "growth".
    repeat, threads : int
        Number of runs, and of threads unless the group sets another number.

    Returns
    -------
    dict
        "text", a section in Markdown, and "goals", rows of the table of goals.
    """
    if name == "metrics":
        text, goals = metrics_part(threads)
    elif name == "growth":
        text, goals = growth_part(threads, repeat)
    else:
        found = {task: run_task(name, task, repeat, threads) for task in GROUPS[name].tasks}
        text = f"{group_table(name, found, threads)}\n\n{load_note(found)}"
        goals = goal_rows(name, found)
    versions = ", ".join(f"{key} {version}" for key, version in run_measurement(threads, "versions").items())
    return {"text": f"{text}\n\n{repeat} runs. {versions}.", "goals": goals}


def load_note(found: dict[str, dict[str, dict]]) -> str:
    """Describe how busy the machine was before the measurements.

    Parameters
    ----------
    found : dict of str to dict
        For each task, the result of :func:`run_task`.

    Returns
    -------
    str
        A sentence.
    """
    shares = [
        run["other"]
        for contestants in found.values()
        for numbers in contestants.values()
        for run in numbers.get("runs", [])
    ]
    if not shares:
        return "The load of other programs was not measured."
    return (
        f"Other programs used {statistics.median(shares):.0%} of the processors before a run (median; at most "
        f"{max(shares):.0%})."
    )


def log(text: str) -> None:
    """Print progress to stderr.

    Parameters
    ----------
    text : str
        A line.
    """
    print(text, file=sys.stderr, flush=True)


def write_results(sections: dict[str, dict]) -> None:
    """Write results.md from the stored sections, and name the parts that have not been run.

    Parameters
    ----------
    sections : dict of str to dict
        Results of :func:`run_part` by name.
    """
    present = [name for name in PARTS if name in sections]
    texts = [conditions(), *(sections[name]["text"] for name in present)]
    goals = [row for name in present for row in sections[name]["goals"]]
    texts.append("## Goals\n\n" + table(["goal", "limit", "measured", ""], goals))
    missing = ", ".join(name for name in PARTS if name not in sections)
    if missing:
        texts.append(f"Not measured yet: {missing}.")
    RESULTS.write_text("\n\n".join(texts) + "\n", encoding="utf-8")


def main() -> int:
    """Run the parts that the command line selects.

    Returns
    -------
    int
        Exit code, 0.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="use tiny data, to test the code; nothing is written")
    args = parser.parse_args()
    if args.small:
        os.environ["BENCHMARKS_SMALL"] = "1"
    sections = json.loads(SECTIONS.read_text(encoding="utf-8")) if SECTIONS.exists() else {}
    for name in args.only:
        sections[name] = run_part(name, args.repeat, args.threads)
        print(sections[name]["text"], end="\n\n", flush=True)
        print(table(["goal", "limit", "measured", ""], sections[name]["goals"]), end="\n\n", flush=True)
        if not args.small:
            SECTIONS.write_text(json.dumps(sections, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            write_results(sections)
    return 0


if __name__ == "__main__":
    sys.exit(main())
