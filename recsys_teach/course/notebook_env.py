"""How notebooks run in the build and in the tests: threads, hashes, no progress bars, no network."""

from __future__ import annotations

import os
from pathlib import Path

NO_NETWORK = Path(__file__).resolve().parent / "no_network"  # holds a sitecustomize.py
_OURS = ("RECSYS_TEACH_HOME", "RECSYS_TEACH_STRICT", "RECSYS_TEACH_REPORT")
# What RECSYS_TEACH_CPU turns down, so that one machine shows what an older processor computes.
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
    """Return the environment of a kernel whose results can be compared.

    With ``RECSYS_TEACH_CPU=old`` or ``avx2`` numpy and PyTorch use the instructions of an older processor only.

    Parameters
    ----------
    home : Path. Folder for the progress file, so that the learner's own is never touched.
    threads : int. For linear algebra; one is fastest where several notebooks run at once.
    strict : bool. Let every check that is not ok fail.
    report : Path, optional. JSON file for the results of all checks.
    """
    cpu = os.environ.get("RECSYS_TEACH_CPU") or "native"
    if cpu not in _INSTRUCTION_SETS:
        known = ", ".join(_INSTRUCTION_SETS)
        raise ValueError(
            f"RECSYS_TEACH_CPU must be one of {known}; got {cpu!r}. Unset it to use this processor as it is."
        )
    env = {name: value for name, value in os.environ.items() if name not in _OURS}
    env |= {name: str(threads) for name in _THREAD_COUNTS}
    env |= _INSTRUCTION_SETS[cpu]
    env |= {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "4"}  # idle threads sleep: cores are shared
    env |= {"PYTHONHASHSEED": "0", "TQDM_DISABLE": "1", "RECSYS_TEACH_HOME": str(home)}
    env["PYTHONPATH"] = os.pathsep.join([str(NO_NETWORK), *filter(None, [os.environ.get("PYTHONPATH")])])
    if strict:
        env["RECSYS_TEACH_STRICT"] = "1"
    if report:
        env["RECSYS_TEACH_REPORT"] = str(report)
    return env
