"""One way to measure a ranking: every unseen item competes, and the protocol stands beside the number."""

from __future__ import annotations

import difflib
import html
import numbers
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recsys_teach._validation import check_seed
from recsys_teach.data.interactions import Interactions
from recsys_teach.data.splits import Split
from recsys_teach.evaluation.metrics import hit_rate_at_k, map_at_k, mrr_at_k, ndcg_at_k, precision_at_k, recall_at_k
from recsys_teach.evaluation.ranking import check_k, chunks, not_a_score, rank_unseen

Scorer = Callable[[np.ndarray], np.ndarray]
METRICS = {
    "nDCG": ndcg_at_k,
    "recall": recall_at_k,
    "precision": precision_at_k,
    "hit rate": hit_rate_at_k,
    "MRR": mrr_at_k,
    "MAP": map_at_k,
}
SAMPLES = 1000  # of the bootstrap: another seed moves its limits by about a fiftieth of the interval's length


@dataclass(frozen=True)
class Result:
    """What one model scored, with the protocol that makes the number mean something.

    Parameters
    ----------
    name : str. The model.
    protocol : str. Split, candidates, number of users, k.
    per_user : DataFrame, one row for each user with test items, one column a metric.
    """

    name: str
    protocol: str
    per_user: pd.DataFrame

    def mean(self, metric: str) -> float:
        """Mean of a metric over the users that have test items."""
        return float(self.of_users(metric).mean())

    def of_users(self, metric: str) -> pd.Series:
        """Return a metric, named with its k as in "nDCG@10", of each user that has test items."""
        names = list(self.per_user)
        if metric in names:
            return self.per_user[metric]
        given = str(metric).lower()
        near = [name for name in names if given in (name.lower(), name.split("@")[0].lower())]
        near = near or difflib.get_close_matches(str(metric), names, n=1)
        raise ValueError(
            f"Expected a metric with its k, one of {names}; got {metric!r}." + (f" Write {near[0]!r}." if near else "")
        )

    def interval(self, metric: str, random_state: int = 0) -> tuple[float, float]:
        """Give the 95 % bootstrap interval of the mean over users: see :func:`bootstrap_interval`."""
        return bootstrap_interval(self.of_users(metric).to_numpy(), random_state)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{metric} {self.mean(metric):.3f}" for metric in self.per_user)
        return f"{self.name}: {numbers}  ({self.protocol})"


def evaluate(score: Scorer, split: Split, *, name: str, k: int = 10, min_rating: float | None = None) -> Result:
    """Rank all items a user has not met in training, and compare with what the test part holds.

    The metrics are those of :data:`METRICS`, for each user with test events. Items of equal score are ranked in the
    order of the catalog, so a model that scores everything 0 recommends the first items.

    Parameters
    ----------
    score : function of user positions, shape (n,), to scores, shape (n, n_items). A fitted model's ``score``.
    split : Split. Items met in ``split.train`` are not ranked.
    name : str. How the result calls the model.
    k : int. Length of the list.
    min_rating : float, optional. Only test events with at least this ``rating`` are hits; without it, any event is.

    Raises
    ------
    ValueError
        If train and test have different axes or share a pair, the test part has no event that could be a hit, k is
        not a whole number from 1 to n_items, or the score function returns something else than finite numbers or
        the wrong shape.
    TypeError
        If something else stands in the place of the score function or of the split.
    """
    train, test = _check_split(split)
    if not callable(score) or isinstance(score, type):
        raise TypeError(not_a_score(score))
    if not isinstance(name, str):
        raise TypeError(f"Expected name as text, which the result is called; got {name!r} ({type(name).__name__}).")
    check_k(k, train.n_items)
    if not (train.user_ids.equals(test.user_ids) and train.item_ids.equals(test.item_ids)):
        raise ValueError("train and test must have the same users and items in the same order: split one log.")
    liked = test if min_rating is None else test.take(_rated(test, min_rating))
    if not len(liked):
        rated = "" if min_rating is None else f" with a rating of at least {min_rating:g}, of {len(test):,} in all"
        raise ValueError(
            f"Expected events to find in the test part, got none{rated}. "
            "Hold out more events, or look at the filter before the split."
        )
    seen, wanted = train.matrix(), liked.matrix()
    if shared := seen.multiply(wanted).nnz:
        raise ValueError(
            f"{shared} pairs of user and item stand in train and in test; items met in training are not ranked, so "
            "these could never be hit. Drop duplicates, log.drop_duplicates(['user', 'item']), before the split."
        )
    users = np.flatnonzero(np.diff(wanted.indptr))
    lists = rank_unseen(score, users, k, seen)
    per_user = pd.DataFrame(
        {f"{metric}@{k}": measure(lists, wanted[users]) for metric, measure in METRICS.items()},
        index=train.user_ids[users],
    )
    hit = "any test event is a hit" if min_rating is None else f"a test rating of at least {min_rating:g} is a hit"
    protocol = f"{split.name}; all unseen items ranked; {hit}; {len(users):,} users"
    if new := np.count_nonzero(np.diff(seen.indptr)[users] == 0):
        protocol += f", {new:,} of them not in training"
    if left_out := train.n_users - len(users):
        protocol += f", {left_out:,} without such an event left out"
    return Result(name, protocol, per_user)


def _check_split(split: Split) -> tuple[Interactions, Interactions]:
    """Refuse what is not a split with two parts that are Interactions."""
    if not isinstance(split, Split):
        fix = "Make one with split_per_user(interactions), or Split(train, test, name) from parts of your own."
        if isinstance(split, tuple) and any(isinstance(part, Split) for part in split):
            fix = "split_users returns the training part and the Split: train, split = split_users(...)."
        raise TypeError(f"Expected a Split, with train and test; got {type(split).__name__}. {fix}")
    for name, part in (("train", split.train), ("test", split.test)):
        if not isinstance(part, Interactions):
            raise TypeError(
                f"Expected split.{name} as Interactions, got {type(part).__name__}. "
                "Split the interactions and not the log."
            )
    return split.train, split.test


def _rated(test: Interactions, min_rating: float) -> np.ndarray:
    """Mark the events of at least this rating; one without a rating has less."""
    log = test.log
    if "rating" not in log:
        raise ValueError(
            f"min_rating needs the column 'rating' in the log; it has {list(log)}. "
            "Leave min_rating out, so that any test event is a hit, or log.rename(columns=...)."
        )
    if not isinstance(min_rating, numbers.Real) or isinstance(min_rating, bool) or not np.isfinite(min_rating):
        raise ValueError(f"Expected min_rating as a finite number, got {min_rating!r} ({type(min_rating).__name__}).")
    ratings = pd.to_numeric(log["rating"], errors="coerce")
    if (odd := ratings.isna() & log["rating"].notna()).any():
        raise ValueError(
            f"Expected ratings as numbers, got {log['rating'][odd].iloc[0]!r}. Drop such events before the split."
        )
    return ratings.ge(min_rating).fillna(False).to_numpy(dtype=bool)


def bootstrap_interval(values: np.ndarray, random_state: int = 0) -> tuple[float, float]:
    """Give the 95 % percentile bootstrap interval of a mean over users. Built by hand in chapter 03.

    As many users as there are get drawn with replacement, a thousand times. How often each user was drawn is a
    multinomial weight, so a sample's mean is a dot product.

    Parameters
    ----------
    values : array, shape (n_users,). One number a user; NaN is left out.
    random_state : int. Seed of the samples: one seed draws the same users for any values of that length.

    Returns
    -------
    (low, high), NaN if there are no values.

    References
    ----------
    Efron and Tibshirani (1993), "An introduction to the bootstrap".
    """
    try:
        values = np.asarray(values, dtype=float)
    except (ValueError, TypeError) as error:
        raise TypeError(
            f"Expected one number a user, got {type(values).__name__}. Of a result, write result.interval('nDCG@10')."
        ) from error
    if values.ndim != 1:
        raise ValueError(f"Expected one number a user, shape (n_users,); got shape {values.shape}. Take one column.")
    values = values[~np.isnan(values)]
    n = len(values)
    if not n:
        return np.nan, np.nan
    check_seed("random_state", random_state)
    rng = np.random.default_rng(random_state)
    means = [_times_drawn(rng, len(group), n) @ values / n for group in chunks(np.arange(SAMPLES), n)]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def _times_drawn(rng: np.random.Generator, n_samples: int, n: int) -> np.ndarray:
    """Draw n of n users with replacement and count: multinomial weights, shape (n_samples, n)."""
    drawn = rng.integers(n, size=(n_samples, n)) + n * np.arange(n_samples)[:, None]
    return np.bincount(drawn.ravel(), minlength=n_samples * n).reshape(n_samples, n)


def paired_difference(a: Result, b: Result, metric: str, random_state: int = 0) -> tuple[float, float, float]:
    """Give the mean difference a - b over the same users, and its 95 % bootstrap interval. Built in chapter 03.

    Returns
    -------
    (mean, low, high). If 0 lies outside the interval, the difference is more than the luck of which users came.

    Raises
    ------
    ValueError
        If the two were not measured by the same protocol on the same users.
    """
    for one in (a, b):
        _check_result(one)
    if a.protocol != b.protocol:
        raise ValueError(f"Results of different protocols cannot be paired: {a.protocol!r} and {b.protocol!r}.")
    if not a.per_user.index.equals(b.per_user.index):
        raise ValueError(f"{a.name} and {b.name} were measured on different users; evaluate both on one split.")
    difference = a.of_users(metric) - b.of_users(metric)
    return float(difference.mean()), *bootstrap_interval(difference.to_numpy(), random_state)


def _check_result(result: object) -> None:
    if not isinstance(result, Result):
        raise TypeError(f"Expected what evaluate(...) returned, a Result; got {type(result).__name__}.")


@dataclass(frozen=True)
class ResultTable:
    """Mean metrics of several models under one protocol, which is printed with them; see :func:`result_table`."""

    protocol: str
    frame: pd.DataFrame
    intervals: dict[str, tuple[float, float]]

    def shown(self) -> pd.DataFrame:
        """Give the rounded means, with the 95 % interval of the first metric beside it."""
        shown = self.frame.round(3)
        texts = [f"{low:.3f} to {high:.3f}" for low, high in (self.intervals[name] for name in shown.index)]
        shown.insert(1, "95 % interval", texts)
        return shown

    def __repr__(self) -> str:
        return f"{self.protocol}\n{self.shown().to_string()}"

    def _repr_html_(self) -> str:
        return f"{self.shown().to_html()}<p>{html.escape(self.protocol)}</p>"


def result_table(results: list[Result]) -> ResultTable:
    """Put results of one protocol into a table, best first.

    Raises
    ------
    ValueError
        If two results were measured differently, so that their numbers cannot be compared, or share a name.
    """
    if isinstance(results, Result):
        raise TypeError("Expected a list of results, got one Result. Write result_table([result]).")
    results = list(results)
    for result in results:
        _check_result(result)
    if not results:
        raise ValueError("Expected at least one result, got an empty list.")
    protocols = sorted({f"{result.protocol}; {', '.join(result.per_user)}" for result in results})
    if len(protocols) != 1:
        raise ValueError(f"Results of different protocols do not belong in one table: {protocols}.")
    names = [result.name for result in results]
    if len(set(names)) != len(names):
        raise ValueError(f"Each result needs a name of its own in a table; got {names}.")
    frame = pd.DataFrame({result.name: result.per_user.mean() for result in results}).T
    first = frame.columns[0]
    intervals = {result.name: result.interval(first) for result in results}
    return ResultTable(results[0].protocol, frame.sort_values(first, ascending=False), intervals)
