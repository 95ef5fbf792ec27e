"""Fixtures for all tests, and the summary of notebooks and report of checks at the end of a run."""

import json
import os
from pathlib import Path

# Set before numpy is imported. Tests run in parallel, so each process uses one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["TQDM_DISABLE"] = "1"  # no progress bars

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LESSONS = sorted((REPOSITORY / "authoring").glob("[0-9][0-9]_*/lesson.py"))
GATES = {
    "test_unsolved_chapter_runs_clean": "unsolved",
    "test_solved_chapter_passes_strict_with_the_saved_text": "solved",
    "test_one_thread_and_two_print_the_same_text_whatever_is_solved": "two threads",
    "test_unsolved_chapter_fails_in_strict_mode": "strict fails",
}


def pytest_collection_modifyitems(config, items):
    """Deselect the tests that connect to the package index, unless ``RECSYS_TEACH_NETWORK=1``."""
    if os.environ.get("RECSYS_TEACH_NETWORK") != "1":
        network_tests = [item for item in items if item.get_closest_marker("network")]
        config.hook.pytest_deselected(items=network_tests)
        items[:] = [item for item in items if item not in network_tests]


def skip_or_fail(reason):
    """Skip a test that cannot run here; with ``RECSYS_TEACH_NO_SKIP=1``, fail instead."""
    if os.environ.get("RECSYS_TEACH_NO_SKIP") == "1":
        pytest.fail(f"RECSYS_TEACH_NO_SKIP=1 allows no skipped test, but this one cannot run: {reason}.")
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def separate_progress(tmp_path, monkeypatch):
    """Use a separate progress file for each test, so that the learner's progress does not change."""
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RECSYS_TEACH_STRICT", raising=False)
    monkeypatch.delenv("RECSYS_TEACH_REPORT", raising=False)


@pytest.fixture(scope="session")
def movielens():
    """MovieLens-100K, which the setup downloads."""
    from recsys_teach.data import movielens

    try:
        return movielens.load()
    except FileNotFoundError as error:
        skip_or_fail(f"MovieLens-100K cannot be loaded: {error}")


def pytest_terminal_summary(terminalreporter):
    """Print a line for each notebook, and write the results of its checks to ``RECSYS_TEACH_REPORT``."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])]
    lines: dict[str, dict[str, str]] = {}
    for report in reports:
        test, chapter = split_id(report)
        if getattr(report, "when", "") == "call" and test in GATES:
            mark = "ok" if report.passed else "FAILED"
            lines.setdefault(chapter, {})[GATES[test]] = f"{mark} {report.duration:.0f} s"
    if lines:
        terminalreporter.section("notebooks")
    for chapter, gates in sorted(lines.items()):
        terminalreporter.write_line(
            f"{chapter:28}" + "   ".join(f"{gate} {result}" for gate, result in sorted(gates.items()))
        )
    if path := os.environ.get("RECSYS_TEACH_REPORT"):
        Path(path).write_text(json.dumps(list(checks_of(reports)), indent=1), "utf-8")
        terminalreporter.write_line(f"The results of all checks were written to {path}")


def split_id(report):
    """Return the name of a test and the chapter in its id, without the group that xdist appends."""
    test, _, rest = report.nodeid.rsplit("::", 1)[-1].partition("[")
    return test, rest.partition("]")[0]


def checks_of(reports):
    """Yield the result of each check in each notebook that ran."""
    for report in reports:
        test, chapter = split_id(report)
        results = dict(getattr(report, "user_properties", [])).get("checks")
        if results and report.when == "call":
            yield from ({"chapter": chapter, "notebook": GATES.get(test, test), **result} for result in results)
