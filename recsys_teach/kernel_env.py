"""How notebooks run in the build and in the tests: threads, hashes, no progress bars, no network."""

from __future__ import annotations

import os
from pathlib import Path

NO_NETWORK = Path(__file__).resolve().parent / "no_network"  # holds a sitecustomize.py
_OURS = ("RECSYS_TEACH_HOME", "RECSYS_TEACH_STRICT", "RECSYS_TEACH_REPORT")
_THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def kernel_env(home: Path, *, threads: int = 1, strict: bool = False, report: Path | None = None) -> dict[str, str]:
    """Give the environment of a kernel whose results can be compared.

    Parameters
    ----------
    home : Path. Folder for the progress file, so that the learner's own is never touched.
    threads : int. For linear algebra; one is fastest where several notebooks run at once.
    strict : bool. Let every check that is not ok fail.
    report : Path, optional. JSON file for the results of all checks.
    """
    env = {name: value for name, value in os.environ.items() if name not in _OURS}
    env |= {name: str(threads) for name in _THREAD_COUNTS}
    env |= {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "4"}  # idle threads sleep: cores are shared
    env |= {"PYTHONHASHSEED": "0", "TQDM_DISABLE": "1", "RECSYS_TEACH_HOME": str(home)}
    env["PYTHONPATH"] = os.pathsep.join([str(NO_NETWORK), *filter(None, [os.environ.get("PYTHONPATH")])])
    if strict:
        env["RECSYS_TEACH_STRICT"] = "1"
    if report:
        env["RECSYS_TEACH_REPORT"] = str(report)
    return env
