"""Evaluate rankings of all unseen items, and report every metric together with its protocol."""

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
from recsys_teach.evaluation.metrics import metrics_at_k
from recsys_teach.evaluation.ranking import check_k, chunks, not_a_score, rank_unseen

Scorer = Callable[[np.ndarray], np.ndarray]
SAMPLES = 1000  # bootstrap samples: another seed moves the limits by about 1/50 of the length of the interval


@dataclass(frozen=True)
class Result:
    """The metrics of one model for each user, and the protocol by which they were measured.

    Attributes
    ----------
    name : str
        Name of the model.
    protocol : str
        Description of the split, the candidate items, the relevant events and the number of users.
    per_user : DataFrame
        One row for each user with test items, and one column for each metric.
    """

    name: str
    protocol: str
    per_user: pd.DataFrame

    def mean(self, metric: str) -> float:
        """Return the mean of a metric over the users with test items.

        Parameters
        ----------
        metric : str
            Name with its k, such as "nDCG@10".

        Returns
        -------
        float
            The mean.
        """
        return float(self.of_users(metric).mean())

    def of_users(self, metric: str) -> pd.Series:
        """Return a metric of each user with test items.

        Parameters
        ----------
        metric : str
            Name with its k, such as "nDCG@10".

        Returns
        -------
        Series
            The metric, indexed by user id.

        Raises
        ------
        ValueError
            If the metric was not measured; the message suggests a similar name.
        """
        names = list(self.per_user)
        if metric in names:
            return self.per_user[metric]
        given = str(metric).lower()
        similar = [name for name in names if given in (name.lower(), name.split("@")[0].lower())]
        similar = similar or difflib.get_close_matches(str(metric), names, n=1)
        fix = f" Write {similar[0]!r}." if similar else ""
        raise ValueError(f"Expected a metric with its k, one of {names}; got {metric!r}.{fix}")

    def interval(self, metric: str, random_state: int = 0) -> tuple[float, float]:
        """Compute the 95 % bootstrap interval of the mean over users with :func:`bootstrap_interval`.

        Parameters
        ----------
        metric : str
            Name with its k, such as "nDCG@10".
        random_state : int, default=0
            Seed of the bootstrap samples.

        Returns
        -------
        low, high : float
            Limits of the interval.
        """
        return bootstrap_interval(self.of_users(metric).to_numpy(), random_state)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{metric} {self.mean(metric):.3f}" for metric in self.per_user)
        return f"{self.name}: {numbers}  ({self.protocol})"


def evaluate(score: Scorer, split: Split, *, name: str, k: int = 10, min_rating: float | None = None) -> Result:
    """Rank all items that are not in a user's training history, and compute the metrics on the test set.

    The metrics of :func:`metrics_at_k` are computed for each user with test events. Items with equal scores are ranked
    by position, so a model that scores every item 0 recommends the first items of the catalog.

    Parameters
    ----------
    score : callable
        Function of user positions, shape (n,), that returns scores, shape (n, n_items), such as the ``score`` method
        of a fitted model.
    split : Split
        Training set and test set. Items of a user in ``split.train`` are seen and are not ranked.
    name : str
        Name of the model in the result.
    k : int, default=10
        Length of the recommendation list.
    min_rating : float, optional
        Only test events with at least this ``rating`` are relevant. By default, every test event is.

    Returns
    -------
    Result
        The metrics of each user with at least one relevant event, and the protocol.

    Raises
    ------
    TypeError
        If ``score`` is not a function, ``split`` is not a Split, ``name`` is not a string, or k is not an integer.
    ValueError
        If the two sets have different axes or share a pair of user and item, the test set has no relevant event, k is
        out of range, or ``score`` returns NaN, no numbers, or an array of the wrong shape.
    """
    train, test = _check_split(split)
    if not callable(score) or isinstance(score, type):
        raise TypeError(not_a_score(score))
    if not isinstance(name, str):
        raise TypeError(f"Expected name as a string, the name of the model; got {name!r} ({type(name).__name__}).")
    check_k(k, train.n_items)
    if not (train.user_ids.equals(test.user_ids) and train.item_ids.equals(test.item_ids)):
        raise ValueError(
            "Expected train and test with the same users and items in the same order; got different axes. "
            "Split the interactions of one log."
        )
    relevant_events = test if min_rating is None else test.take(_rated_at_least(test, min_rating))
    if not len(relevant_events):
        rated = "" if min_rating is None else f" with a rating of at least {min_rating:g}, of {len(test):,} in all"
        raise ValueError(
            f"Expected relevant events in the test set, got none{rated}. "
            "Hold out more events, or check the filter before the split."
        )
    seen, relevant = train.matrix(), relevant_events.matrix()
    if shared := seen.multiply(relevant).nnz:
        raise ValueError(
            f"{shared} pairs of user and item are in train and in test; seen items are not ranked, so these can never "
            "be hits. Drop duplicates before the split with log.drop_duplicates(['user', 'item'])."
        )
    users = np.flatnonzero(np.diff(relevant.indptr))
    ranked = rank_unseen(score, users, k, seen)
    per_user = pd.DataFrame(
        {f"{label}@{k}": values for label, values in metrics_at_k(ranked, relevant[users]).items()},
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
    """Return the training and the test set of a split; raise if it is not a Split of Interactions."""
    if not isinstance(split, Split):
        fix = "Create one with split_per_user(interactions), or with Split(train, test, name)."
        if isinstance(split, tuple) and any(isinstance(part, Split) for part in split):
            fix = "split_users returns the training part and the Split: train, split = split_users(...)."
        raise TypeError(f"Expected a Split with train and test; got {type(split).__name__}. {fix}")
    for name, part in (("train", split.train), ("test", split.test)):
        if not isinstance(part, Interactions):
            raise TypeError(
                f"Expected split.{name} as Interactions, got {type(part).__name__}. "
                "Split the interactions instead of the log."
            )
    return split.train, split.test


def _rated_at_least(test: Interactions, min_rating: float) -> np.ndarray:
    """Return a mask of the events with at least this rating; events without a rating are excluded."""
    log = test.log
    if "rating" not in log:
        raise ValueError(
            f"min_rating needs the column 'rating' in the log; it has {list(log)}. "
            "Leave min_rating out, so that any test event is a hit, or rename your column with "
            "log.rename(columns=...)."
        )
    if not isinstance(min_rating, numbers.Real) or isinstance(min_rating, bool) or not np.isfinite(min_rating):
        raise ValueError(
            f"Expected min_rating as a finite number, got {min_rating!r} ({type(min_rating).__name__}). "
            "Pass for example min_rating=4."
        )
    ratings = pd.to_numeric(log["rating"], errors="coerce")
    if (not_numeric := ratings.isna() & log["rating"].notna()).any():
        raise ValueError(
            f"Expected ratings as numbers, got {log['rating'][not_numeric].iloc[0]!r}. "
            "Drop such events before the split."
        )
    return ratings.ge(min_rating).fillna(False).to_numpy(dtype=bool)


def bootstrap_interval(values: np.ndarray, random_state: int = 0) -> tuple[float, float]:
    """Compute the 95 % percentile bootstrap interval of a mean over users. Built by hand in chapter 03.

    Each of 1,000 samples draws n of the n users with replacement. The number of times that each user was drawn is a
    multinomial weight, so the mean of a sample is a dot product.

    Parameters
    ----------
    values : ndarray, shape (n_users,)
        One number per user; NaN is ignored.
    random_state : int, default=0
        Seed of the samples. The same seed draws the same users for all values of the same length.

    Returns
    -------
    low, high : float
        Limits of the interval; NaN if there are no values.

    Raises
    ------
    TypeError
        If the values are not numbers, or the seed is not an integer.
    ValueError
        If the values are not one-dimensional.

    References
    ----------
    Efron and Tibshirani (1993), "An introduction to the bootstrap".
    """
    try:
        values = np.asarray(values, dtype=float)
    except (ValueError, TypeError) as error:
        raise TypeError(
            f"Expected one number per user, got {type(values).__name__}. For a Result, write "
            "result.interval('nDCG@10')."
        ) from error
    if values.ndim != 1:
        raise ValueError(
            f"Expected one number per user, shape (n_users,); got shape {values.shape}. Pass a single column."
        )
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
    """Draw n of n users with replacement, and count how often each was drawn, shape (n_samples, n)."""
    drawn = rng.integers(n, size=(n_samples, n)) + n * np.arange(n_samples)[:, None]
    return np.bincount(drawn.ravel(), minlength=n_samples * n).reshape(n_samples, n)


def paired_difference(a: Result, b: Result, metric: str, random_state: int = 0) -> tuple[float, float, float]:
    """Compute the mean paired difference a - b over users with its 95 % bootstrap interval. Built in chapter 03.

    Parameters
    ----------
    a, b : Result
        Two results of the same protocol and users.
    metric : str
        Name with its k, such as "nDCG@10".
    random_state : int, default=0
        Seed of the bootstrap samples.

    Returns
    -------
    mean, low, high : float
        Mean difference and limits of its interval. If 0 is outside the interval, the difference is larger than the
        sampling variation of the users explains.

    Raises
    ------
    TypeError
        If ``a`` or ``b`` is not a Result.
    ValueError
        If the two results have different protocols or users, or the metric was not measured.
    """
    for result in (a, b):
        _check_result(result)
    if a.protocol != b.protocol:
        raise ValueError(
            f"Results of different protocols cannot be paired: {a.protocol!r} and {b.protocol!r}. "
            "Evaluate both models on one split with the same options."
        )
    if not a.per_user.index.equals(b.per_user.index):
        raise ValueError(f"{a.name} and {b.name} were measured on different users. Evaluate both on one split.")
    difference = a.of_users(metric) - b.of_users(metric)
    return float(difference.mean()), *bootstrap_interval(difference.to_numpy(), random_state)


def _check_result(result: object) -> None:
    if not isinstance(result, Result):
        raise TypeError(f"Expected a Result; got {type(result).__name__}. Pass the return value of evaluate(...).")


@dataclass(frozen=True)
class ResultTable:
    """The mean metrics of several models under one protocol, as built by :func:`result_table`.

    Attributes
    ----------
    protocol : str
        Protocol of all results, which is printed with the table.
    frame : DataFrame
        One row per model, best first, and one column for each metric.
    intervals : dict of str to tuple of float
        95 % bootstrap interval of the first metric of each model.
    """

    protocol: str
    frame: pd.DataFrame
    intervals: dict[str, tuple[float, float]]

    def shown(self) -> pd.DataFrame:
        """Return the rounded means, and the 95 % interval of the first metric as the second column.

        Returns
        -------
        DataFrame
            One row per model, best first.
        """
        table = self.frame.round(3)
        texts = [f"{low:.3f} to {high:.3f}" for low, high in (self.intervals[name] for name in table.index)]
        table.insert(1, "95 % interval", texts)
        return table

    def __repr__(self) -> str:
        return f"{self.protocol}\n{self.shown().to_string()}"

    def _repr_html_(self) -> str:
        return f"{self.shown().to_html()}<p>{html.escape(self.protocol)}</p>"


def result_table(results: list[Result]) -> ResultTable:
    """Build a table of results of the same protocol, best first.

    Parameters
    ----------
    results : list of Result
        The results, each with a different name.

    Returns
    -------
    ResultTable
        The mean metrics, sorted by the first one.

    Raises
    ------
    TypeError
        If ``results`` is not a list of results.
    ValueError
        If there are no results, two results have different protocols or metrics, so that they cannot be compared, or
        two results have the same name.
    """
    if isinstance(results, Result):
        raise TypeError("Expected a list of results, got one Result. Write result_table([result]).")
    results = list(results)
    for result in results:
        _check_result(result)
    if not results:
        raise ValueError("Expected at least one result, got an empty list. Pass the results of evaluate(...).")
    protocols = sorted({f"{result.protocol}; {', '.join(result.per_user)}" for result in results})
    if len(protocols) != 1:
        raise ValueError(
            f"Expected results of one protocol, got different protocols that cannot be compared: {protocols}. "
            "Evaluate all models on one split with the same options."
        )
    names = [result.name for result in results]
    if len(set(names)) != len(names):
        raise ValueError(f"Expected a different name for each result; got {names}. Pass another name to evaluate(...).")
    frame = pd.DataFrame({result.name: result.per_user.mean() for result in results}).T
    first = frame.columns[0]
    intervals = {result.name: result.interval(first) for result in results}
    return ResultTable(results[0].protocol, frame.sort_values(first, ascending=False), intervals)
