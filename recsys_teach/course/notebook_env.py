"""Set the environment in which the build and the tests run notebooks: threads, hashes, and no network."""

from __future__ import annotations

import os
from pathlib import Path

NO_NETWORK = Path(__file__).resolve().parent / "no_network"  # the folder of sitecustomize.py
_REMOVED = ("RECSYS_TEACH_HOME", "RECSYS_TEACH_STRICT", "RECSYS_TEACH_REPORT")
# For each value of RECSYS_TEACH_CPU, the variables that make libraries use only the instructions of an older processor,
# so that its results can be reproduced on a newer one.
_INSTRUCTION_SETS: dict[str, dict[str, str]] = {
    "native": {},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4",
    },
    "old": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
    },
}
_THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def kernel_env(home: Path, *, threads: int = 1, strict: bool = False, report: Path | None = None) -> dict[str, str]:
    """Return the environment variables of a kernel whose results are reproducible.

    With ``RECSYS_TEACH_CPU=old`` or ``avx2``, numpy and PyTorch use only the instructions of an older processor.

    Parameters
    ----------
    home : Path
        Folder for the progress file, so that the learner's progress does not change.
    threads : int, default=1
        Number of threads for linear algebra. One is fastest if several notebooks run at the same time.
    strict : bool, default=False
        Whether every check that is not ok raises an error.
    report : Path, optional
        JSON file to which the results of all checks are written.

    Returns
    -------
    dict of str to str
        All variables of this process and those that are set here.

    Raises
    ------
    ValueError
        If ``RECSYS_TEACH_CPU`` has an unknown value.
    """
    cpu = os.environ.get("RECSYS_TEACH_CPU") or "native"
    if cpu not in _INSTRUCTION_SETS:
        known = ", ".join(_INSTRUCTION_SETS)
        raise ValueError(
            f"RECSYS_TEACH_CPU must be one of {known}; got {cpu!r}. Unset it to use all instructions of this processor."
        )
    env = {name: value for name, value in os.environ.items() if name not in _REMOVED}
    env |= {name: str(threads) for name in _THREAD_COUNTS}
    env |= _INSTRUCTION_SETS[cpu]
    env |= {
        "OMP_WAIT_POLICY": "PASSIVE",
        "OPENBLAS_THREAD_TIMEOUT": "4",
    }  # idle threads sleep and leave the core to others
    env |= {"PYTHONHASHSEED": "0", "TQDM_DISABLE": "1", "RECSYS_TEACH_HOME": str(home)}
    env["PYTHONPATH"] = os.pathsep.join([str(NO_NETWORK), *filter(None, [os.environ.get("PYTHONPATH")])])
    if strict:
        env["RECSYS_TEACH_STRICT"] = "1"
    if report:
        env["RECSYS_TEACH_REPORT"] = str(report)
    return env
