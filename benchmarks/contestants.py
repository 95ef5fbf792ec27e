"""The models of the course and their peers behind one face: prepare, fit, recommend, score or predict.

``prepare`` brings the log into the form that a library wants and is not timed. The course's models start from the log,
so what they prepare is timed.
"""

from __future__ import annotations

import os
import warnings

import numpy as np
from scipy import sparse

from benchmarks.tasks import K, Task
from recsys_teach.evaluation import rank_unseen
from recsys_teach.models.base import Recommender


def n_threads() -> int:
    """Give the number of threads that everybody may use."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


class Ours:
    """A model of the course."""

    def __init__(self, model: Recommender):
        self.model = model

    def prepare(self, task: Task) -> None:
        """Keep the log."""
        self.train = task.split.train

    def fit(self) -> None:
        """Fit."""
        self.model.fit(self.train)

    def recommend(self, users: np.ndarray) -> None:
        """Rank the best unseen items."""
        self.model.recommend(users, K)

    def score(self, users: np.ndarray) -> np.ndarray:
        """Score every item."""
        return self.model.score(users)

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Predict ratings of pairs."""
        return self.model.predict(users, items)


class Implicit:
    """A model of the library implicit, which wants float32 in compressed rows and one thread in BLAS."""

    def __init__(self, path: str, **parameters):
        import implicit.als
        import implicit.bpr
        import implicit.nearest_neighbors

        warnings.filterwarnings("ignore", message="OpenBLAS", category=RuntimeWarning)
        module, name = path.split(".")
        self.model = getattr(getattr(implicit, module), name)(num_threads=n_threads(), **parameters)

    def prepare(self, task: Task) -> None:
        """Make the matrix."""
        self.matrix = sparse.csr_matrix(task.split.train.counts(), dtype=np.float32)

    def fit(self) -> None:
        """Fit, with threads of its own and none of BLAS, as implicit asks."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            self.model.fit(self.matrix, show_progress=False)

    def recommend(self, users: np.ndarray) -> None:
        """Rank the best unseen items, all users in one call."""
        self.model.recommend(users, self.matrix[users], N=K)

    def score(self, users: np.ndarray) -> np.ndarray:
        """Score every item."""
        if hasattr(self.model, "similarity"):
            return (self.matrix[users] @ self.model.similarity.T).toarray()
        return self.model.user_factors[users] @ self.model.item_factors.T


class LensKit:
    """A scorer of LensKit, which answers one user at a time."""

    def __init__(self, path: str, *, by_history: bool = False, **parameters):
        import lenskit.als
        import lenskit.knn

        module, name = path.split(".")
        self.model = getattr(getattr(lenskit, module), name)(**parameters)
        self.by_history = by_history

    def prepare(self, task: Task) -> None:
        """Make the data set and the histories."""
        from lenskit.data import ItemList, from_interactions_df

        self.lists = ItemList
        train = task.split.train
        log = train.log.rename(columns={"user": "user_id", "item": "item_id"})
        columns = [name for name in ("user_id", "item_id", "rating") if name in log]
        self.data = from_interactions_df(log[columns], users=train.user_ids, items=train.item_ids)
        self.all_items, self.seen = np.arange(train.n_items), train.matrix()

    def fit(self) -> None:
        """Fit."""
        self.model.train(self.data)

    def _ask(self, user: int, items: np.ndarray):
        from lenskit.data import RecQuery

        history = self.lists(self.seen[[user]].indices) if self.by_history else None
        return self.model(RecQuery(user_id=user, history_items=history), self.lists(items))

    def recommend(self, users: np.ndarray) -> None:
        """Score what each user has not met, and keep the best."""
        for user in users:
            unseen = np.delete(self.all_items, self.seen[[user]].indices)
            self._ask(int(user), unseen).top_n(K)

    def score(self, users: np.ndarray) -> np.ndarray:
        """Score every item; an item that it cannot score comes last."""
        scores = np.stack([self._ask(int(user), self.all_items).scores() for user in users])
        return np.nan_to_num(scores, nan=np.float32(-1e9))

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Predict pairs, all pairs of a user in one call, cut to the scale as ours are."""
        predicted = np.empty(len(users))
        order = np.argsort(users, kind="stable")
        for pairs in np.split(order, np.flatnonzero(np.diff(users[order])) + 1):
            predicted[pairs] = self._ask(int(users[pairs[0]]), items[pairs]).scores()
        return np.clip(np.nan_to_num(predicted, nan=3.5), 1, 5)


class Surprise:
    """An algorithm of Surprise, which predicts one pair at a time."""

    def __init__(self, name: str, **parameters):
        import surprise

        self.surprise, self.model = surprise, getattr(surprise, name)(**parameters)

    def prepare(self, task: Task) -> None:
        """Make its training set."""
        log = task.split.train.log[["user", "item", "rating"]]
        reader = self.surprise.Reader(rating_scale=(1, 5))
        self.train = self.surprise.Dataset.load_from_df(log, reader).build_full_trainset()

    def fit(self) -> None:
        """Fit."""
        self.model.fit(self.train)

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Predict pairs."""
        return np.array([self.model.predict(u, i).est for u, i in zip(users.tolist(), items.tolist(), strict=True)])


class Decomposition:
    """A matrix decomposition of scikit-learn as a recommender: scores are the rebuilt rows."""

    def __init__(self, name: str, **parameters):
        import sklearn.decomposition

        self.model = getattr(sklearn.decomposition, name)(**parameters)

    def prepare(self, task: Task) -> None:
        """Make the matrix."""
        self.seen = task.split.train.matrix()
        self.matrix = sparse.csr_matrix(self.seen)

    def fit(self) -> None:
        """Fit."""
        warnings.filterwarnings("ignore", message="Maximum number of iterations")
        self.rows = self.model.fit_transform(self.matrix)

    def recommend(self, users: np.ndarray) -> None:
        """Rank with the course's own code: scikit-learn has none."""
        rank_unseen(self.score, users, K, self.seen)

    def score(self, users: np.ndarray) -> np.ndarray:
        """Rebuild the rows."""
        return self.rows[users] @ self.model.components_
