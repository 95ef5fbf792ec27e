"""One way to measure a ranking: every unseen item competes, and the protocol stands beside the number."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recsys_teach.interactions import Interactions
from recsys_teach.metrics import ndcg_at_k, recall_at_k
from recsys_teach.ranking import chunks, top_k

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


def evaluate(score: Scorer, train: Interactions, test: Interactions, *, name: str, split: str, k: int = 10) -> Result:
    """Rank all items a user has not met in training, and compare with what the test part holds.

    Parameters
    ----------
    score : function of user positions, shape (n,), to scores, shape (n, n_items). A fitted model's ``score``.
    train, test : Interactions with the same axes. Items met in ``train`` are not ranked.
    name : str. How the result calls the model.
    split : str. How train and test were made, for the protocol, for example "per-user random 80/20, seed 0".
    k : int. Length of the list.

    Raises
    ------
    ValueError
        If train and test have different axes, or the score function returns the wrong shape.
    """
    if not (train.user_ids.equals(test.user_ids) and train.item_ids.equals(test.item_ids)):
        raise ValueError("train and test must have the same users and items in the same order: split one log.")
    seen, wanted = train.matrix(), test.matrix()
    users = np.flatnonzero(np.diff(wanted.indptr))
    ranked = [np.empty((0, k), dtype=int)]
    for group in chunks(users, train.n_items):
        scores = np.asarray(score(group))
        if scores.shape != (len(group), train.n_items):
            raise ValueError(
                f"score must return one row a user and one column an item, {(len(group), train.n_items)}; "
                f"came {scores.shape}."
            )
        ranked.append(top_k(scores, k, exclude=seen[group]))
    lists = np.vstack(ranked)
    per_user = pd.DataFrame(
        {f"nDCG@{k}": ndcg_at_k(lists, wanted[users]), f"recall@{k}": recall_at_k(lists, wanted[users])},
        index=train.user_ids[users],
    )
    left_out = train.n_users - len(users)
    protocol = f"{split}; all unseen items ranked; {len(users):,} users"
    if left_out:
        protocol += f", {left_out:,} without test items left out"
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
        If two results were measured differently, so that their numbers cannot be compared.
    """
    protocols = sorted({result.protocol for result in results})
    if len(protocols) != 1:
        raise ValueError(f"Results of different protocols do not belong in one table: {protocols}.")
    frame = pd.DataFrame({result.name: result.per_user.mean() for result in results}).T
    return ResultTable(protocols[0], frame.sort_values(frame.columns[0], ascending=False))
