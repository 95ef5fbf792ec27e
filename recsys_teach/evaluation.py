"""One way to measure a ranking: every unseen item competes, and the protocol stands beside the number."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recsys_teach.interactions import Split
from recsys_teach.metrics import ndcg_at_k, recall_at_k
from recsys_teach.ranking import rank_unseen

Scorer = Callable[[np.ndarray], np.ndarray]


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
        return float(self.per_user[metric].mean())

    def __repr__(self) -> str:
        numbers = ", ".join(f"{metric} {self.mean(metric):.3f}" for metric in self.per_user)
        return f"{self.name}: {numbers}  ({self.protocol})"


def evaluate(score: Scorer, split: Split, *, name: str, k: int = 10, min_rating: float | None = None) -> Result:
    """Rank all items a user has not met in training, and compare with what the test part holds.

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
        If train and test have different axes or share a pair, or the score function returns the wrong shape.
    """
    train, test = split.train, split.test
    if not (train.user_ids.equals(test.user_ids) and train.item_ids.equals(test.item_ids)):
        raise ValueError("train and test must have the same users and items in the same order: split one log.")
    liked = test if min_rating is None else test.take((test.log["rating"] >= min_rating).to_numpy())
    seen, wanted = train.matrix(), liked.matrix()
    if shared := seen.multiply(wanted).nnz:
        raise ValueError(
            f"{shared} pairs of user and item stand in train and in test; items met in training are not ranked, so "
            "these could never be hit. Drop duplicates, log.drop_duplicates(['user', 'item']), before the split."
        )
    users = np.flatnonzero(np.diff(wanted.indptr))
    lists = rank_unseen(score, users, k, seen)
    per_user = pd.DataFrame(
        {f"nDCG@{k}": ndcg_at_k(lists, wanted[users]), f"recall@{k}": recall_at_k(lists, wanted[users])},
        index=train.user_ids[users],
    )
    hit = "any test event is a hit" if min_rating is None else f"a test rating of at least {min_rating:g} is a hit"
    protocol = f"{split.name}; all unseen items ranked; {hit}; {len(users):,} users"
    if left_out := train.n_users - len(users):
        protocol += f", {left_out:,} without such an event left out"
    return Result(name, protocol, per_user)


@dataclass(frozen=True)
class ResultTable:
    """Mean metrics of several models under one protocol, which is printed with them; see :func:`result_table`."""

    protocol: str
    frame: pd.DataFrame

    def __repr__(self) -> str:
        return f"{self.protocol}\n{self.frame.round(3).to_string()}"

    def _repr_html_(self) -> str:
        return f"{self.frame.round(3).to_html()}<p>{html.escape(self.protocol)}</p>"


def result_table(results: list[Result]) -> ResultTable:
    """Put results of one protocol into a table, best first.

    Raises
    ------
    ValueError
        If two results were measured differently, so that their numbers cannot be compared, or share a name.
    """
    protocols = sorted({f"{result.protocol}; {', '.join(result.per_user)}" for result in results})
    if len(protocols) != 1:
        raise ValueError(f"Results of different protocols do not belong in one table: {protocols}.")
    names = [result.name for result in results]
    if len(set(names)) != len(names):
        raise ValueError(f"Each result needs a name of its own in a table; came {names}.")
    frame = pd.DataFrame({result.name: result.per_user.mean() for result in results}).T
    return ResultTable(results[0].protocol, frame.sort_values(frame.columns[0], ascending=False))
