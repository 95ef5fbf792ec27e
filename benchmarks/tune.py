"""Tune every contestant on the validation part of each task, and write benchmarks/tuned.json.

python -m benchmarks.tune                     tune what has not been tuned yet
python -m benchmarks.tune --only iALS BPR     tune some groups again

Other programs may be busy meanwhile, because no time is measured.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

from benchmarks.groups import GROUPS, Contestant
from benchmarks.setup import REPOSITORY
from benchmarks.tasks import small

TUNED = REPOSITORY / "benchmarks" / "tuned.json"
N_SETTINGS = 12  # the library's defaults, and 11 drawn settings


def settings(contestant: Contestant) -> list[dict]:
    """Return the settings that are tried: the defaults of the library first, then random ones.

    Parameters
    ----------
    contestant : Contestant
        Model with its ranges.

    Returns
    -------
    list of dict
        Values by parameter. A model without ranges has only its defaults.
    """
    rng = np.random.default_rng(0)
    drawn = [
        {name: _value(low, high, rng.random()) for name, (low, high) in contestant.ranges.items()}
        for _ in range(1 if small() else N_SETTINGS - 1)
    ]
    return [{}, *drawn] if contestant.ranges else [{}]


def _value(low: float, high: float, position: float) -> float:
    """Return the value at a position between 0 and 1 on a logarithmic scale, with three digits."""
    value = low * (high / low) ** position
    return round(value) if isinstance(low, int) else float(f"{value:.3g}")


def best_trial(trials: list[dict], *, lower_is_better: bool) -> dict:
    """Return the trial with the best accuracy.

    Parameters
    ----------
    trials : list of dict
        Trials with a setting, and an accuracy or an error.
    lower_is_better : bool
        True for RMSE.

    Returns
    -------
    dict
        The best trial; one without accuracy only if all have failed.
    """
    sign = -1 if lower_is_better else 1
    return max(trials, key=lambda trial: sign * trial["accuracy"] if "accuracy" in trial else -np.inf)


def tuned_parameters(group: str, task: str, name: str) -> dict:
    """Return the setting that was best on the validation part.

    Parameters
    ----------
    group, task, name : str
        A group, one of its tasks, and one of its contestants.

    Returns
    -------
    dict
        Values by parameter.

    Raises
    ------
    LookupError
        If the contestant has not been tuned.
    """
    if small():
        return {}
    stored, other = read_tuned(), GROUPS[group].tuned_as
    if other:
        name = list(GROUPS[other].contestants)[list(GROUPS[group].contestants).index(name)]
        group = other
    if name not in stored.get(group, {}).get(task, {}):
        raise LookupError(
            f"Expected {name!r} of the group {group!r} to be tuned on {task!r}, got no trials in {TUNED.name}. "
            "Run python -m benchmarks.tune."
        )
    return best_trial(stored[group][task][name], lower_is_better=task == "ratings")["setting"]


def read_tuned() -> dict:
    """Return the stored trials by group, task and contestant.

    Returns
    -------
    dict of dict of dict of list
        The trials.
    """
    return json.loads(TUNED.read_text(encoding="utf-8")) if TUNED.exists() else {}


def main() -> int:
    """Tune the contestants that the command line selects.

    Returns
    -------
    int
        Exit code, 0.
    """
    from benchmarks.__main__ import log, run_measurement

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(GROUPS), default=[], metavar="GROUP")
    args = parser.parse_args()
    stored = {group: tasks for group, tasks in read_tuned().items() if group not in args.only}
    for group_name, group in GROUPS.items():
        for task in group.tasks if not group.tuned_as else ():
            for name in group.contestants:
                known = stored.setdefault(group_name, {}).setdefault(task, {})
                if name not in known:
                    log(f"{group_name}, {task}: {name}")
                    found = run_measurement(group.threads or 1, "tune", group_name, task, name, limit=7200)
                    known[name] = found.get("trials") or [{"setting": {}, **found}]
                    temporary = TUNED.with_suffix(".part")
                    temporary.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                    temporary.replace(TUNED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
