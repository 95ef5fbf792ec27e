"""A whole recommender: behavior, interest and recommendation model, from candidates to a list. Built in chapter 13."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from recsys_teach._validation import check_number
from recsys_teach.data.interactions import Interactions
from recsys_teach.evaluation.ranking import check_k, chunks, rank_unseen
from recsys_teach.models.base import Recommender, check_axes, check_interactions, check_parameters, check_users
from recsys_teach.models.features import align, fit_features
from recsys_teach.models.multitask.networks import MMoE, task_losses
from recsys_teach.models.two_stage.parts import Behavior, Interest, NoBehavior, Parts, pair_rows
from recsys_teach.models.two_stage.steps import cap_groups, histories_before, utility
from recsys_teach.models.two_tower import Tower, in_batch_softmax
from recsys_teach.training import seeded, shuffled, torch_defaults, train

FUNNEL = {"click": "binary", "watch_share": "regression", "finish": "binary", "like": "binary"}
CAP = 2  # items of a group in a list
N_EXPERTS = 4
DROPOUT = 0.1  # of the behavior model
WEIGHT_DECAY = 1e-3


class TwoStageRecommender(Recommender):
    """Fetch candidates by the interest model, rank them by several labels, mix the list. Built in chapter 13.

    One training run fits all three parts: the losses of the tasks reach each of them, and the in-batch softmax over
    the items that were taken reaches the towers.

    Parameters
    ----------
    tasks : mapping from a column of the log to "binary" or "regression".
    gate : the binary task that comes first, as "click": the other tasks have a label only where it is 1, and only such
        events enter histories and the retrieval. None: every event counts, and the interest model's chance of an item
        stands in the gate's place in the utility.
    weights : mapping from a task to its weight in the utility, P(gate) · (1 + Σ weight · task).
    user_columns, item_columns : as in :class:`~recsys_teach.models.two_tower.TwoTower`.
    behavior : bool. Without it, no history is read.
    group_column : column of ``interactions.items``, optional. At most two items of a group are in a list.
    n_candidates : int. How many items the interest model fetches; at least k come.
    n_factors, max_length, width : int. Length of all vectors, items of a history, units of each of four experts.
    temperature, n_epochs, batch_size, learning_rate, random_state : of the training.

    Attributes
    ----------
    parts_ : Parts. Its ``state_dict()`` is all that was learned.
    histories_ : array of int, shape (n_users, max_length). What each user took, padded behind with n_items.
    loss_history_ : list of float. Mean loss of each epoch.
    """

    def __init__(
        self,
        tasks: Mapping[str, str] = FUNNEL,
        *,
        gate: str | None = "click",
        weights: Mapping[str, float] | None = None,
        user_columns: Sequence[str] = (),
        item_columns: Sequence[str] = (),
        behavior: bool = True,
        group_column: str | None = None,
        n_candidates: int = 100,
        n_factors: int = 16,
        max_length: int = 10,
        width: int = 16,
        temperature: float = 0.3,
        n_epochs: int = 3,
        batch_size: int = 512,
        learning_rate: float = 1e-2,
        random_state: int = 0,
    ):
        self.tasks = tasks
        self.gate = gate
        self.weights = weights
        self.user_columns = user_columns
        self.item_columns = item_columns
        self.behavior = behavior
        self.group_column = group_column
        self.n_candidates = n_candidates
        self.n_factors = n_factors
        self.max_length = max_length
        self.width = width
        self.temperature = temperature
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    @torch_defaults()
    def fit(self, interactions: Interactions) -> TwoStageRecommender:
        """Learn from a log with ``time`` and a column for each task; every event in it counts as seen.

        Raises
        ------
        ValueError
            If a parameter, a column or a label is not as it should be; the message says which.
        """
        check_parameters(self)
        labels, taken = self._labels(check_interactions(interactions))
        self._groups(interactions)
        n_items, times = interactions.n_items, interactions.times
        user_pos, item_pos = interactions.user_pos, interactions.item_pos
        steps = user_pos[taken], item_pos[taken], times[taken]
        rows = histories_before(steps, user_pos, times, self.max_length, n_items)
        data = [torch.tensor(a) for a in (user_pos, item_pos, rows, labels, taken)]
        n_taken = np.bincount(item_pos[taken], minlength=n_items)
        log_q = torch.from_numpy(np.log(np.maximum(n_taken, 1) / max(1, n_taken.sum())).astype(np.float32))

        def loss(users: Tensor, items: Tensor, histories: Tensor, labels: Tensor, taken: Tensor) -> Tensor:
            u, v = parts.interest.users(users), parts.interest.items(items)
            outputs = parts.recommendation(pair_rows(parts.behavior(histories), u, v))
            total = task_losses(outputs, labels, list(self.tasks.values())).sum()
            if taken.any():
                total = total + in_batch_softmax(u[taken] @ v[taken].T / self.temperature, log_q[items[taken]])
            return total

        with seeded(self.random_state):
            parts = self._parts(interactions, labels)
            training = train(
                parts,
                lambda rng: (tuple(a[g] for a in data) for g in shuffled(len(labels), self.batch_size, rng)),
                loss,
                n_epochs=self.n_epochs,
                learning_rate=self.learning_rate,
                weight_decay=WEIGHT_DECAY,
                random_state=self.random_state,
            )
        self.parts_, self.loss_history_, self.groups_ = parts, training.losses, self._groups(interactions)
        return self.update_histories(interactions)

    def update_histories(self, interactions: Interactions) -> TwoStageRecommender:
        """Take histories and what was seen from a log of the same users and items, without any training."""
        _, taken = self._labels(check_axes(interactions))
        moments, place = np.unique(interactions.times, return_inverse=True)
        steps = interactions.user_pos[taken], interactions.item_pos[taken], place[taken]
        users, now = np.arange(interactions.n_users), np.full(interactions.n_users, len(moments))
        self.histories_ = histories_before(steps, users, now, self.max_length, interactions.n_items)
        self.seen_ = interactions.matrix()
        return self

    def _parts(self, interactions: Interactions, labels: np.ndarray) -> Parts:
        towers = []
        for axis, positions in (("user", interactions.user_pos), ("item", interactions.item_pos)):
            _, X = fit_features(interactions, axis, getattr(self, f"{axis}_columns"), f"{axis}_columns")
            interacted = np.bincount(positions, minlength=len(X)) > 0
            towers.append(Tower(X, interacted, self.n_factors, constant=axis == "user"))
        behavior = Behavior(interactions.n_items, self.n_factors, DROPOUT)
        recommendation = MMoE(5 * self.n_factors, len(self.tasks), n_experts=N_EXPERTS, width=self.width)
        means = np.nansum(labels, axis=0) / np.maximum(1, (~np.isnan(labels)).sum(axis=0))
        for head, kind, mean in zip(recommendation.heads.heads, self.tasks.values(), means, strict=True):
            start = np.log(np.clip(mean, 0.01, 0.99) / np.clip(1 - mean, 0.01, 0.99)) if kind == "binary" else mean
            nn.init.constant_(cast(nn.Linear, cast(nn.Sequential, head)[-1]).bias, float(start))
        return Parts(behavior if self.behavior else NoBehavior(self.n_factors), Interest(*towers), recommendation)

    def _labels(self, interactions: Interactions) -> tuple[np.ndarray, np.ndarray]:
        """Check the log; give labels (n_events, n_tasks), NaN where a task has none, and what was taken (n_events,)."""
        log = interactions.log
        weights = self.weights or {}
        for column in ("time", *self.tasks):
            if column not in log.columns:
                raise ValueError(
                    f"The log needs a column {column!r}, for tasks={dict(self.tasks)}; has {[*log.columns]}."
                )
        if self.gate is not None and self.tasks.get(self.gate) != "binary":
            raise ValueError(f"gate names a binary task, or is None; came {self.gate!r} with tasks={dict(self.tasks)}.")
        if unknown := [task for task in weights if task not in self.tasks or task == self.gate]:
            raise ValueError(f"weights names {unknown[0]!r}; expected tasks that follow the gate: {[*self.tasks]}.")
        for task, weight in weights.items():
            check_number(f"weights[{task!r}]", weight)
        _ = interactions.times  # refuses what has no order
        labels = log[list(self.tasks)].to_numpy(dtype=np.float32, copy=True)
        taken = np.ones(len(log), dtype=bool) if self.gate is None else (log[self.gate] == 1).to_numpy()
        for place, (column, kind) in enumerate(self.tasks.items()):
            needed = slice(None) if column == self.gate else taken
            values = labels[needed, place]
            if not np.isfinite(values).all() or (kind == "binary" and not np.isin(values, (0, 1)).all()):
                wanted = "0 and 1 alone" if kind == "binary" else "finite numbers"
                raise ValueError(
                    f"The {kind} task {column!r} needs {wanted}, where there is a label. Drop other events."
                )
            if column != self.gate:
                labels[~taken, place] = np.nan  # nobody can finish what was not opened
        return labels, taken

    def _groups(self, interactions: Interactions) -> np.ndarray | None:
        if self.group_column is None:
            return None
        return align(interactions, "item", [self.group_column], "group_column")[self.group_column].to_numpy()

    @torch_defaults()
    def interest(self, user_pos: np.ndarray) -> np.ndarray:
        """Score all items by the interest model alone, u · v / temperature, shape (n, n_items)."""
        users = torch.from_numpy(check_users(self, user_pos))
        with torch.no_grad():
            items = self.parts_.interest.items(torch.arange(self.seen_.shape[1]))
            return (self.parts_.interest.users(users) @ items.T / self.temperature).numpy()

    @torch_defaults()
    def outputs(self, user_pos: np.ndarray, item_pos: np.ndarray) -> dict[str, np.ndarray]:
        """Answer all tasks for some items of each user: (n,), (n, c) to arrays (n, c), probabilities or values."""
        users = check_users(self, user_pos)
        found = [np.empty((0, item_pos.shape[1], len(self.tasks)), dtype=np.float32)]
        n_numbers = item_pos.shape[1] * (5 * self.n_factors + N_EXPERTS * self.width)  # a user's rows
        for group in chunks(np.arange(len(users)), n_numbers):
            histories = torch.from_numpy(self.histories_[users[group]])
            items = torch.from_numpy(item_pos[group])  # (b, c)
            with torch.no_grad():
                states = self.parts_.behavior(histories)
                vectors = self.parts_.interest.users(torch.from_numpy(users[group]))
                b, c = items.shape
                states, vectors = states.repeat_interleave(c, 0), vectors.repeat_interleave(c, 0)
                rows = pair_rows(states, vectors, self.parts_.interest.items(items.ravel()))
                found.append(self.parts_.recommendation(rows).reshape(b, c, -1).numpy())
        values = np.concatenate(found)
        return {
            task: 1 / (1 + np.exp(-values[..., place])) if kind == "binary" else values[..., place]
            for place, (task, kind) in enumerate(self.tasks.items())
        }

    def _utility(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        outputs = self.outputs(user_pos, item_pos)
        if self.gate is None:
            outputs["retrieval"] = np.exp(np.take_along_axis(self.interest(user_pos), item_pos, axis=1))
        return utility(outputs, self.weights or {}, self.gate or "retrieval")

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Give the utility of all items, shape (n, n_items)."""
        users = check_users(self, user_pos)
        return self._utility(users, np.tile(np.arange(self.seen_.shape[1]), (len(users), 1)))

    def candidates(self, user_pos: np.ndarray, n: int, *, exclude_seen: bool = True) -> np.ndarray:
        """Fetch the n unseen items that the interest model scores best, shape (n_users, n), -1 where there are none."""
        return rank_unseen(self.interest, check_users(self, user_pos), n, self.seen_, keep_seen=not exclude_seen)

    def rank(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Put each user's candidates, (n, c), -1 for none, in the order of their utility; item positions stay."""
        values = np.where(item_pos >= 0, self._utility(user_pos, np.maximum(item_pos, 0)), -np.inf)
        return np.take_along_axis(item_pos, np.argsort(-values, axis=1, kind="stable"), axis=1)

    def recommend(self, user_pos: np.ndarray, k: int = 10, *, exclude_seen: bool = True) -> np.ndarray:
        """Fetch, rank and re-rank: k item positions a user, as :meth:`Recommender.recommend` gives them."""
        users, n_items = check_users(self, user_pos), self.seen_.shape[1]
        check_k(k, n_items)
        n = min(n_items, max(k, self.n_candidates))
        ranked = self.rank(users, self.candidates(users, n, exclude_seen=exclude_seen))
        if self.groups_ is None:
            return ranked[:, :k]
        return np.array([cap_groups(row, self.groups_, k, CAP) for row in ranked]).reshape(-1, k)
