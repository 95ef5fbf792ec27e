"""Fixtures of all tests, and at the end of a run the table of notebooks and the report of their checks."""

import json
import os
from pathlib import Path

# Before numpy is imported: the tests run side by side, so each takes one thread.
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
    """Leave the tests out that ask the package index, unless ``RECSYS_TEACH_NETWORK=1``."""
    if os.environ.get("RECSYS_TEACH_NETWORK") != "1":
        asks = [item for item in items if item.get_closest_marker("network")]
        config.hook.pytest_deselected(items=asks)
        items[:] = [item for item in items if item not in asks]


def skip_or_fail(reason):
    """Skip a test that cannot run here, with the reason; with ``RECSYS_TEACH_NO_SKIP=1`` that is a failure."""
    if os.environ.get("RECSYS_TEACH_NO_SKIP") == "1":
        pytest.fail(f"Nothing may be skipped here, but {reason}.")
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    """Keep every test away from the learner's own progress."""
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RECSYS_TEACH_STRICT", raising=False)
    monkeypatch.delenv("RECSYS_TEACH_REPORT", raising=False)


@pytest.fixture(scope="session")
def movielens():
    """MovieLens-100K, which set-up fetches."""
    from recsys_teach.data import movielens

    try:
        return movielens.load()
    except FileNotFoundError as error:
        skip_or_fail(f"MovieLens-100K is not here: {error}")


def pytest_terminal_summary(terminalreporter):
    """Print a line for each notebook, and write the results of their checks where ``RECSYS_TEACH_REPORT`` says."""
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
            f"{chapter:28}" + "   ".join(f"{gate} {said}" for gate, said in sorted(gates.items()))
        )
    if path := os.environ.get("RECSYS_TEACH_REPORT"):
        Path(path).write_text(json.dumps(list(checks_of(reports)), indent=1), "utf-8")
        terminalreporter.write_line(f"The results of all checks: {path}")


def split_id(report):
    """Split the id of a test of a notebook; xdist adds the group after it."""
    test, _, rest = report.nodeid.rsplit("::", 1)[-1].partition("[")
    return test, rest.partition("]")[0]


def checks_of(reports):
    """Yield the result of each check in each notebook that ran."""
    for report in reports:
        test, chapter = split_id(report)
        results = dict(getattr(report, "user_properties", [])).get("checks")
        if results and report.when == "call":
            yield from ({"chapter": chapter, "notebook": GATES.get(test, test), **result} for result in results)
