"""Combine behavior, interest and recommendation model to a two-stage recommender. Built in chapter 13."""

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
CAP = 2  # maximum number of items of a group in a list
N_EXPERTS = 4
DROPOUT = 0.1  # dropout rate of the behavior model
WEIGHT_DECAY = 1e-3


class TwoStageRecommender(Recommender):
    """Retrieve candidates by the interest model, rank them by several tasks, and re-rank. Built in chapter 13.

    All three models are trained together: the losses of the tasks train each of them, and the in-batch softmax over the
    taken items trains the towers. An event is *taken* if the gate is 1, for example if the item was clicked.

    Parameters
    ----------
    tasks : mapping from str to {"binary", "regression"}, default=FUNNEL
        The kind of each task, by its column of the log.
    gate : str or None, default="click"
        The binary task that comes first. The other tasks have a label only where it is 1, and only such events enter
        the histories and the training of retrieval. With None every event counts, and exp(u · v / temperature) of the
        interest model, which is proportional to its probability of the item, replaces the gate in the utility.
    weights : mapping from str to float, optional
        The weight of each task in the utility, P(gate) · (1 + Σ weight · output of the task).
    user_columns, item_columns : sequence of str, default=()
        Feature columns, as in :class:`~recsys_teach.models.two_tower.TwoTower`.
    behavior : bool, default=True
        Whether to use the histories.
    group_column : str, optional
        A column of ``interactions.items``. At most two items of each of its groups are in a list.
    n_candidates : int, default=100
        Number of items that the interest model retrieves, at least 1; if k is larger, k items are retrieved.
    n_factors : int, default=16
        Length of all vectors, at least 1.
    max_length : int, default=10
        Number of items of a history that are read, the last ones, at least 1.
    width : int, default=16
        Number of units of each of the four experts, at least 1.
    temperature : float, default=0.3
        Divisor of u · v in the in-batch softmax, above 0.
    n_epochs : int, default=3
        Number of passes over the log, at least 1.
    batch_size : int, default=512
        Number of events in a batch, at least 1.
    learning_rate : float, default=1e-2
        Learning rate of Adam, above 0.
    random_state : int, default=0
        Seed of the initial parameters, the batches and the dropout.

    Attributes
    ----------
    parts_ : Parts
        The three models. Its ``state_dict()`` contains all learned parameters.
    histories_ : array of int, shape (n_users, max_length)
        The last items that each user took, followed by ``n_items`` as padding.
    groups_ : array, shape (n_items,), or None
        The group of each item.
    loss_history_ : list of float
        The mean loss of each epoch.
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
        """Train all models on a log; every event in it counts as seen.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``time`` and a column for each task.

        Returns
        -------
        TwoStageRecommender
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, a column is absent, or a label is not valid.
        """
        check_parameters(self)
        labels, taken = self._labels(check_interactions(interactions))
        self._groups(interactions)
        n_items, times = interactions.n_items, interactions.times
        user_pos, item_pos = interactions.user_pos, interactions.item_pos
        taken_events = user_pos[taken], item_pos[taken], times[taken]
        rows = histories_before(taken_events, user_pos, times, self.max_length, n_items)  # before each event
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
        """Replace the histories and the seen items by those of another log, without training.

        Parameters
        ----------
        interactions : Interactions
            A log with the same users and items as in training, and with the same columns.

        Returns
        -------
        TwoStageRecommender
            The model itself.

        Raises
        ------
        ValueError
            If a column is absent, or a label is not valid.
        """
        _, taken = self._labels(check_axes(interactions))
        # Ranks in place of times: len(unique_times) is after every event, whether times are numbers or dates.
        unique_times, time_rank = np.unique(interactions.times, return_inverse=True)
        taken_events = interactions.user_pos[taken], interactions.item_pos[taken], time_rank[taken]
        users, now = np.arange(interactions.n_users), np.full(interactions.n_users, len(unique_times))
        self.histories_ = histories_before(taken_events, users, now, self.max_length, interactions.n_items)
        self.seen_ = interactions.matrix()
        return self

    def _parts(self, interactions: Interactions, labels: np.ndarray) -> Parts:
        """Build the three models, with the output biases at the means of the labels."""
        towers = []
        for axis, positions in (("user", interactions.user_pos), ("item", interactions.item_pos)):
            _, X = fit_features(interactions, axis, getattr(self, f"{axis}_columns"), f"{axis}_columns")
            interacted = np.bincount(positions, minlength=len(X)) > 0
            towers.append(Tower(X, interacted, self.n_factors, constant=axis == "user"))
        behavior = Behavior(interactions.n_items, self.n_factors, DROPOUT)
        recommendation = MMoE(5 * self.n_factors, len(self.tasks), n_experts=N_EXPERTS, width=self.width)
        means = np.nansum(labels, axis=0) / np.maximum(1, (~np.isnan(labels)).sum(axis=0))
        for head, kind, mean in zip(recommendation.heads.heads, self.tasks.values(), means, strict=True):
            # Each output starts at the mean of its labels: as a logit for a binary task, as a value for a regression.
            bias = np.log(np.clip(mean, 0.01, 0.99) / np.clip(1 - mean, 0.01, 0.99)) if kind == "binary" else mean
            nn.init.constant_(cast(nn.Linear, cast(nn.Sequential, head)[-1]).bias, float(bias))
        return Parts(behavior if self.behavior else NoBehavior(self.n_factors), Interest(*towers), recommendation)

    def _labels(self, interactions: Interactions) -> tuple[np.ndarray, np.ndarray]:
        """Check the log; return labels (n_events, n_tasks), NaN if a task has none, and taken events (n_events,)."""
        log = interactions.log
        weights = self.weights or {}
        for column in ("time", *self.tasks):
            if column not in log.columns:
                raise ValueError(
                    f"The log needs a column {column!r} for tasks={dict(self.tasks)}; it has {[*log.columns]}. Add the "
                    "column, or remove the task."
                )
        if self.gate is not None and self.tasks.get(self.gate) != "binary":
            raise ValueError(
                f"Expected gate as the name of a binary task, or None; got {self.gate!r} with tasks={dict(self.tasks)}."
            )
        if unknown := [task for task in weights if task not in self.tasks or task == self.gate]:
            after_gate = [task for task in self.tasks if task != self.gate]
            raise ValueError(f"Expected weights of tasks among {after_gate}; got a weight of {unknown[0]!r}.")
        for task, weight in weights.items():
            check_number(f"weights[{task!r}]", weight)
        _ = interactions.times  # raises if the times have no order
        labels = log[list(self.tasks)].to_numpy(dtype=np.float32, copy=True)
        taken = np.ones(len(log), dtype=bool) if self.gate is None else (log[self.gate] == 1).to_numpy()
        for position, (column, kind) in enumerate(self.tasks.items()):
            has_label = slice(None) if column == self.gate else taken
            values = labels[has_label, position]
            valid = np.isin(values, (0, 1)) if kind == "binary" else np.isfinite(values)
            if not valid.all():
                expected = "only 0 and 1" if kind == "binary" else "finite numbers"
                raise ValueError(
                    f"Expected {expected} as labels of the {kind} task {column!r}; got {values[~valid][0]:g}. Convert "
                    "the labels, or drop these events."
                )
            if column != self.gate:
                labels[~taken, position] = np.nan  # an item that was not opened can be neither finished nor liked
        return labels, taken

    def _groups(self, interactions: Interactions) -> np.ndarray | None:
        """Return the group of each item, or None without ``group_column``."""
        if self.group_column is None:
            return None
        return align(interactions, "item", [self.group_column], "group_column")[self.group_column].to_numpy()

    @torch_defaults()
    def interest(self, user_pos: np.ndarray) -> np.ndarray:
        """Score all items by the interest model alone, u · v / temperature.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        users = torch.from_numpy(check_users(self, user_pos))
        with torch.no_grad():
            items = self.parts_.interest.items(torch.arange(self.seen_.shape[1]))
            return (self.parts_.interest.users(users) @ items.T / self.temperature).numpy()

    @torch_defaults()
    def outputs(self, user_pos: np.ndarray, item_pos: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the outputs of all tasks for some items of each user.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.
        item_pos : array of int, shape (n, c)
            Positions of c items for each user.

        Returns
        -------
        dict of array, shape (n, c)
            The outputs by task: probabilities of binary tasks, values of regressions.
        """
        users = check_users(self, user_pos)
        outputs = [np.empty((0, item_pos.shape[1], len(self.tasks)), dtype=np.float32)]
        n_numbers = item_pos.shape[1] * (5 * self.n_factors + N_EXPERTS * self.width)  # size of one user's rows
        for group in chunks(np.arange(len(users)), n_numbers):
            histories = torch.from_numpy(self.histories_[users[group]])
            items = torch.from_numpy(item_pos[group])  # (b, c)
            with torch.no_grad():
                states = self.parts_.behavior(histories)
                vectors = self.parts_.interest.users(torch.from_numpy(users[group]))
                b, c = items.shape
                # One row for each pair: state and vector of a user are repeated for each of the c items.
                states, vectors = states.repeat_interleave(c, 0), vectors.repeat_interleave(c, 0)
                rows = pair_rows(states, vectors, self.parts_.interest.items(items.ravel()))  # (b · c, 5 · n_factors)
                outputs.append(self.parts_.recommendation(rows).reshape(b, c, -1).numpy())
        values = np.concatenate(outputs)
        return {
            task: 1 / (1 + np.exp(-values[..., column])) if kind == "binary" else values[..., column]
            for column, (task, kind) in enumerate(self.tasks.items())
        }

    def _utility(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Return the utility of some items of each user, shape (n, c)."""
        outputs = self.outputs(user_pos, item_pos)
        if self.gate is None:
            outputs["retrieval"] = np.exp(np.take_along_axis(self.interest(user_pos), item_pos, axis=1))
        return utility(outputs, self.weights or {}, self.gate or "retrieval")

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Compute the utility of all items.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        users = check_users(self, user_pos)
        return self._utility(users, np.tile(np.arange(self.seen_.shape[1]), (len(users), 1)))

    def candidates(self, user_pos: np.ndarray, n: int, *, exclude_seen: bool = True) -> np.ndarray:
        """Retrieve the n items with the highest scores of the interest model.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.
        n : int
            Number of candidates, from 1 to n_items.
        exclude_seen : bool, default=True
            Whether to leave out the items that the user has seen.

        Returns
        -------
        array of int, shape (n_users, n)
            Item positions, best first; -1 where a user has fewer than n unseen items.
        """
        return rank_unseen(self.interest, check_users(self, user_pos), n, self.seen_, keep_seen=not exclude_seen)

    def rank(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Sort the candidates of each user by their utility.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.
        item_pos : array of int, shape (n, c)
            Item positions; -1 means no item.

        Returns
        -------
        array of int, shape (n, c)
            The same positions, best first; -1 last.
        """
        values = np.where(item_pos >= 0, self._utility(user_pos, np.maximum(item_pos, 0)), -np.inf)
        return np.take_along_axis(item_pos, np.argsort(-values, axis=1, kind="stable"), axis=1)

    def recommend(self, user_pos: np.ndarray, k: int = 10, *, exclude_seen: bool = True) -> np.ndarray:
        """Retrieve candidates, rank them and cap the groups of the list.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.
        k : int, default=10
            Length of the list, from 1 to n_items.
        exclude_seen : bool, default=True
            Whether to leave out the items that the user has seen.

        Returns
        -------
        array of int, shape (n, k)
            Item positions, best first; -1 where a user has fewer than k unseen items.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or k is not between 1 and n_items.
        """
        users, n_items = check_users(self, user_pos), self.seen_.shape[1]
        check_k(k, n_items)
        n = min(n_items, max(k, self.n_candidates))
        ranked = self.rank(users, self.candidates(users, n, exclude_seen=exclude_seen))
        if self.groups_ is None:
            return ranked[:, :k]
        return np.array([cap_groups(row, self.groups_, k, CAP) for row in ranked]).reshape(-1, k)
