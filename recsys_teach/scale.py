"""Alternate over shards of a matrix with Spark: map the shards, join their rows. Built by hand in chapter 18.

Spark is an extra: ``python course.py add scale`` installs it, and it needs Java 17. Without it, the passes over shards
work in one process.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_integer, check_number

Block = tuple[np.ndarray, np.ndarray, np.ndarray]
Solve = Callable[[list[Block], np.ndarray, np.ndarray], tuple[np.ndarray, float]]
LEAST_JAVA = 17
JVM_OPTIONS = "-Xss4m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"  # deep recursion in MLlib; a faster start
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.extraJavaOptions": JVM_OPTIONS,
    "spark.executor.extraJavaOptions": JVM_OPTIONS,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


class Shard(NamedTuple):
    """Some rows of a matrix, with everything that is needed to solve them except the factors of the other side.

    Attributes
    ----------
    rows : array of int, shape (n_shard,)
        Their positions in the matrix.
    blocks : list of tuple
        Their cells, from :func:`~recsys_teach.models.factors.padded_blocks`; row r of a block is ``rows[r]``.
    ridge : array, shape (n_shard,)
        Their penalties.
    """

    rows: np.ndarray
    blocks: list[Block]
    ridge: np.ndarray


class Part(NamedTuple):
    """What solving a shard returns: positions (n_shard,), factors (n_shard, n_factors), and the sum of the minima."""

    rows: np.ndarray
    solved: np.ndarray
    loss: float


def cut_into_shards(matrix: sparse.csr_array, ridge: np.ndarray, n_shards: int, n_factors: int) -> list[Shard]:
    """Split the rows of a sparse matrix into shards with nearly equal numbers of cells.

    The rows are dealt out like cards, the longest first, so that no shard gets all the active users.

    Parameters
    ----------
    matrix : csr_array, shape (n_rows, n_columns)
        The matrix.
    ridge : array, shape (n_rows,)
        The penalty of each row.
    n_shards : int
        Number of shards, from 1 to the number of rows.
    n_factors : int
        Number of columns of the factors, for the size of the blocks.

    Returns
    -------
    list of Shard
        Each row is in exactly one of them.

    Raises
    ------
    ValueError
        If there are more shards than rows, or another number of penalties than rows.
    """
    from recsys_teach.models.factors import padded_blocks

    n_rows = matrix.shape[0]
    check_integer("n_shards", n_shards, 1, n_rows)
    check_integer("n_factors", n_factors)
    if np.shape(ridge) != (n_rows,):
        raise ValueError(
            f"Expected one penalty for each row, shape ({n_rows},); got {np.shape(ridge)}. Repeat a single number with "
            "np.full(n_rows, number)."
        )
    order = np.argsort(-np.diff(matrix.indptr), kind="stable")
    deals = (np.sort(order[number::n_shards]) for number in range(n_shards))
    return [Shard(rows, padded_blocks(matrix[rows], n_factors), np.asarray(ridge)[rows]) for rows in deals]


def ridge_pass(blocks: list[Block], other: np.ndarray, ridge: np.ndarray) -> tuple[np.ndarray, float]:
    """Solve the ridge regression of every row exactly, with the other side fixed and without biases.

    Row u minimizes Σ_i (r_ui − p_u·q_i)² + ridge_u |p_u|² over its cells i.
    :func:`recsys_teach.models.factors.als_pass` is the version with biases.

    Parameters
    ----------
    blocks : list of tuple
        Blocks from :func:`~recsys_teach.models.factors.padded_blocks`.
    other : array, shape (n_columns, n_factors)
        Factors q_i of the other side.
    ridge : array, shape (n_rows,)
        The penalty of each row, above 0 for every row that has cells.

    Returns
    -------
    solved : array, shape (n_rows, n_factors)
        Factors p_u; zeros for a row without cells. The type is that of ``other``.
    loss : float
        The minimum, summed over rows.
    """
    solved = np.zeros((len(ridge), other.shape[1]), dtype=other.dtype)
    padded = np.vstack([other, np.zeros_like(other[:1])])  # a padded cell reads the row of zeros and adds nothing
    diagonal = np.arange(other.shape[1])
    loss = 0.0
    for rows, columns, values in blocks:
        X = padded.take(columns, axis=0)  # (b, length, n_factors)
        gram = np.matmul(X.swapaxes(1, 2), X)  # (b, n_factors, n_factors)
        gram[:, diagonal, diagonal] += ridge[rows, None]
        Xty = np.matmul(values[:, None], X)[:, 0]  # (b, n_factors)
        solved[rows] = np.linalg.solve(gram, Xty[..., None])[..., 0]
        loss += float(np.vdot(values, values) - np.vdot(solved[rows], Xty))  # the minimum is yᵀy − wᵀXᵀy
    return solved, loss


def solve_shard(shard: Shard, other: np.ndarray, solve: Solve = ridge_pass) -> Part:
    """Solve the rows of one shard: the map step.

    Parameters
    ----------
    shard : Shard
        The shard.
    other : array, shape (n_columns, n_factors)
        Factors of the other side.
    solve : function, default=ridge_pass
        Function of (blocks, other, ridge) that returns factors and a loss.

    Returns
    -------
    Part
        The solved rows with their positions.
    """
    return Part(shard.rows, *solve(shard.blocks, other, shard.ridge))


def assemble(parts: Iterable[Part], n_rows: int) -> tuple[np.ndarray, float]:
    """Join the solved shards, in any order, to one table of factors: the reduce step.

    Parameters
    ----------
    parts : iterable of Part
        At least one.
    n_rows : int
        Number of rows of the table.

    Returns
    -------
    factors : array, shape (n_rows, n_factors)
        The factors in the order of the matrix.
    loss : float
        The sum of the losses.

    Raises
    ------
    ValueError
        If a row is missing or occurs twice.
    """
    parts = list(parts)
    rows = np.concatenate([part.rows for part in parts]) if parts else np.zeros(0, dtype=int)
    if len(rows) != n_rows or not np.array_equal(np.sort(rows), np.arange(n_rows)):
        raise ValueError(
            f"Expected each of {n_rows} rows exactly once; got {len(rows)} rows, {len(np.unique(rows))} of them "
            "different. Use the parts of all shards, each once."
        )
    factors = np.empty((n_rows, parts[0].solved.shape[1]), dtype=parts[0].solved.dtype)
    for part in parts:
        factors[part.rows] = part.solved
    return factors, sum(part.loss for part in parts)


def spark_pass(shards: Any, other: np.ndarray, n_rows: int, solve: Solve = ridge_pass) -> tuple[np.ndarray, float]:
    """Solve all rows on the workers of Spark: broadcast the other side, map the shards, join the parts.

    Parameters
    ----------
    shards : RDD of Shard
        ``context.parallelize(shards, len(shards)).cache()``: the ratings travel once and stay with the workers.
    other : array, shape (n_columns, n_factors)
        Factors of the other side, sent to each worker once.
    n_rows : int
        Number of rows of all shards.
    solve : function, default=ridge_pass
        As in :func:`solve_shard`. The workers must be able to import it.

    Returns
    -------
    factors : array, shape (n_rows, n_factors)
        The solved rows.
    loss : float
        The sum of their minima.
    """
    sent = shards.context.broadcast(other)
    try:
        # The function that travels to the workers may not contain `shards`: only the driver has that object.
        parts = shards.map(_with_broadcast(sent, solve)).collect()
    finally:
        sent.destroy()
    return assemble(parts, n_rows)


def _with_broadcast(sent: Any, solve: Solve) -> Callable[[Shard], Part]:
    return lambda shard: solve_shard(shard, sent.value, solve)


def alternate_on_spark(
    context: Any,
    ratings: sparse.csr_array,
    users: np.ndarray,
    user_ridge: np.ndarray,
    item_ridge: np.ndarray,
    n_epochs: int,
    *,
    n_shards: int = 4,
    solve: Solve = ridge_pass,
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Alternate between passes over the items and passes over the users, all on Spark.

    The ratings are cached twice, once cut by users and once by items. In each pass only factors travel.

    Parameters
    ----------
    context : SparkContext
        A running Spark, for example ``session.sparkContext``.
    ratings : csr_array, shape (n_users, n_items)
        What the factors predict, for example ratings minus their mean.
    users : array, shape (n_users, n_factors)
        The initial factors of the users.
    user_ridge, item_ridge : array, shape (n_users,) and (n_items,)
        The penalties.
    n_epochs : int
        Number of passes over both sides, at least 1.
    n_shards : int, default=4
        Number of shards of each side: one or two for each core of the workers.
    solve : function, default=ridge_pass
        As in :func:`solve_shard`; ``als_pass`` adds biases.

    Returns
    -------
    users, items : array, shape (n_users, n_factors) and (n_items, n_factors)
        The factors after the last pass.
    losses : list of float
        The total loss after each epoch, which never increases.
    """
    check_integer("n_epochs", n_epochs)
    cached = []
    for matrix, ridge in ((ratings, user_ridge), (ratings.T.tocsr(), item_ridge)):
        shards = cut_into_shards(matrix, ridge, min(n_shards, matrix.shape[0]), users.shape[1])
        cached.append((context.parallelize(shards, len(shards)).cache(), matrix.shape[0]))
    (by_user, n_users), (by_item, n_items) = cached
    losses = []
    for _ in range(n_epochs):
        items, _ = spark_pass(by_item, users, n_items, solve)
        users, loss = spark_pass(by_user, items, n_users, solve)
        losses.append(loss + float(item_ridge @ (items**2).sum(axis=1)))
    for distributed, _ in cached:
        distributed.unpersist()
    return users, items, losses


def find_java() -> tuple[str | None, int | None]:
    """Find the Java that Spark would start: the one in JAVA_HOME or, if that is not set, the one on the path.

    Returns
    -------
    program : str or None
        Path of the program.
    version : int or None
        Its major version, such as 17.
    """
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")
    if program is None:
        return None, None
    ran = subprocess.run([program, "-version"], capture_output=True, text=True, errors="replace", timeout=30)
    found = re.search(r'version "(?:1\.)?(\d+)', ran.stderr + ran.stdout)
    return program, int(found[1]) if found else None


def why_no_spark() -> str | None:
    """Return why Spark cannot be started here and how to fix it, or None if nothing is missing.

    Returns
    -------
    str or None
        A sentence for a learner.
    """
    if find_spec("pyspark") is None or find_spec("py4j") is None:
        return "Spark is not installed. To install it, type in a terminal: python course.py add scale"
    program, version = find_java()
    fix = f"Install Java {LEAST_JAVA} (on Debian: sudo apt install openjdk-17-jre-headless; otherwise https://adoptium.net)."
    if program is None:
        return f"Spark is installed, but it needs Java {LEAST_JAVA} or newer, and none was found. {fix}"
    if version is None or version < LEAST_JAVA:
        return f"Spark is installed, but it needs Java {LEAST_JAVA} or newer; got {version or 'no version'}. {fix}"
    return None


@contextlib.contextmanager
def local_session(n_threads: int = 2, *, master: str | None = None, memory_gb: float = 1.0) -> Iterator[Any]:
    """Start a Spark session inside a ``with`` block, and end all of its processes afterward.

    The session listens on this machine only, has no web page, and writes its log to a file instead of the notebook.

    Parameters
    ----------
    n_threads : int, default=2
        Number of threads of the local mode, in which one process is master and worker at once.
    master : str, optional
        Address of a cluster, such as "spark://127.0.0.1:7077", in place of the local mode.
    memory_gb : float, default=1.0
        Memory of the driver's Java, and of each executor of a cluster.

    Yields
    ------
    SparkSession
        The session; ``session.sparkContext`` is its context.

    Raises
    ------
    ImportError
        If Spark or Java is missing; the message says how to add it.
    RuntimeError
        If this Python already runs a Spark, or Spark does not start.
    """
    check_integer("n_threads", n_threads)
    check_number("memory_gb", memory_gb, low=0.5)
    if (reason := why_no_spark()) is not None:
        raise ImportError(reason)
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    if SparkContext._active_spark_context is not None:
        raise RuntimeError("Expected no running Spark in this Python; got one. End it first, with session.stop().")
    memory = f"{int(1024 * memory_gb)}m"
    conf = SparkConf(loadDefaults=False).setAll(list(SETTINGS.items()))
    conf.setMaster(master or f"local[{n_threads}]").setAppName("recsys-teach")
    conf.set("spark.driver.memory", memory).set("spark.executor.memory", memory)
    with _variables(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable), tempfile.TemporaryFile() as log:
        session = None
        try:
            gateway = launch_gateway(conf, popen_kwargs={"stdout": log, "stderr": log})
        except PySparkRuntimeError as error:
            log.seek(0)
            last = log.read().decode(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"Expected that Java starts Spark; its last line was {last}. {error}") from error
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
                session = SparkSession(SparkContext(conf=conf, gateway=gateway))
            session.sparkContext.setLogLevel("ERROR")
            yield session
        finally:
            if session is not None:
                session.stop()
            _end(gateway, SparkContext)


def _end(gateway: Any, context_class: Any) -> None:
    """End the Java process, which would otherwise live as long as this Python, and allow another session."""
    with contextlib.suppress(Exception):  # a Java that has died already cannot be asked
        gateway.shutdown()
    gateway.proc.stdin.close()  # Spark's Java ends when its input does
    try:
        gateway.proc.wait(timeout=20)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()
    context_class._gateway = context_class._jvm = None


@contextlib.contextmanager
def _variables(**values: str) -> Iterator[None]:
    """Set environment variables inside a ``with`` block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
