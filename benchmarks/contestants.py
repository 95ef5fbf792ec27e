"""The models of the course and of other libraries with one interface: prepare, fit, recommend, score or predict.

``prepare`` converts the log to the data structure of a library and is not timed. The course's models start from the
log, so their preparation is timed as a part of ``fit``. The methods of all classes have the same parameters:

* ``prepare(task)`` takes a ``Task``;
* ``recommend(users)`` takes an array of int, shape (n,), and ranks ``K`` unseen items for each user;
* ``score(users)`` takes an array of int, shape (n,), and returns an array of float, shape (n, n_items);
* ``predict(users, items)`` takes two arrays of int, shape (n,), and returns an array of float, shape (n,).
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
    """Return the number of threads that every contestant may use.

    Returns
    -------
    int
        The value of ``OMP_NUM_THREADS``.
    """
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


class Ours:
    """A model of the course.

    Parameters
    ----------
    model : Recommender
        A model that is not fitted.
    """

    def __init__(self, model: Recommender):
        self.model = model

    def prepare(self, task: Task) -> None:
        """Store the training set."""
        self.train = task.split.train

    def fit(self) -> None:
        """Fit the model."""
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
    """A model of the library implicit, which needs a float32 CSR matrix and one thread in BLAS.

    Parameters
    ----------
    path : str
        Module and class, for example "als.AlternatingLeastSquares".
    **parameters
        Parameters of the class.
    """

    def __init__(self, path: str, **parameters):
        import implicit.als
        import implicit.bpr
        import implicit.nearest_neighbours

        warnings.filterwarnings("ignore", message="OpenBLAS", category=RuntimeWarning)
        module, name = path.split(".")
        self.model = getattr(getattr(implicit, module), name)(num_threads=n_threads(), **parameters)

    def prepare(self, task: Task) -> None:
        """Build the sparse matrix."""
        self.matrix = sparse.csr_matrix(task.split.train.counts(), dtype=np.float32)

    def fit(self) -> None:
        """Fit the model with the threads of implicit and one thread in BLAS, as implicit recommends."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            self.model.fit(self.matrix, show_progress=False)

    def recommend(self, users: np.ndarray) -> None:
        """Rank the best unseen items of all users in one call."""
        self.model.recommend(users, self.matrix[users], N=K)

    def score(self, users: np.ndarray) -> np.ndarray:
        """Score every item."""
        if hasattr(self.model, "similarity"):
            return (self.matrix[users] @ self.model.similarity.T).toarray()
        return self.model.user_factors[users] @ self.model.item_factors.T


class LensKit:
    """A scorer of LensKit, which processes one user at a time.

    Parameters
    ----------
    path : str
        Module and class, for example "als.ImplicitMFScorer".
    by_history : bool, default=False
        Whether the scorer needs the history of the user with each query.
    **parameters
        Parameters of the class.
    """

    def __init__(self, path: str, *, by_history: bool = False, **parameters):
        import lenskit.als
        import lenskit.knn

        module, name = path.split(".")
        self.model = getattr(getattr(lenskit, module), name)(**parameters)
        self.by_history = by_history

    def prepare(self, task: Task) -> None:
        """Build the data set and the histories."""
        from lenskit.data import ItemList, from_interactions_df

        self.lists = ItemList
        train = task.split.train
        log = train.log.rename(columns={"user": "user_id", "item": "item_id"})
        columns = [name for name in ("user_id", "item_id", "rating") if name in log]
        self.data = from_interactions_df(log[columns], users=train.user_ids, items=train.item_ids)
        self.all_items, self.seen = np.arange(train.n_items), train.matrix()

    def fit(self) -> None:
        """Fit the model."""
        self.model.train(self.data)

    def _score_items(self, user: int, items: np.ndarray):
        """Return LensKit's scored list of items for a user."""
        from lenskit.data import RecQuery

        history = self.lists(self.seen[[user]].indices) if self.by_history else None
        return self.model(RecQuery(user_id=user, history_items=history), self.lists(items))

    def recommend(self, users: np.ndarray) -> None:
        """Score the unseen items of each user, and keep the best."""
        for user in users:
            unseen = np.delete(self.all_items, self.seen[[user]].indices)
            self._score_items(int(user), unseen).top_n(K)

    def score(self, users: np.ndarray) -> np.ndarray:
        """Score every item; an item without a score is ranked last."""
        scores = np.stack([self._score_items(int(user), self.all_items).scores() for user in users])
        return np.nan_to_num(scores, nan=np.float32(-1e9))

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Predict ratings of pairs, those of a user in one call, clipped to the rating scale as ours are."""
        predicted = np.empty(len(users))
        order = np.argsort(users, kind="stable")
        for pairs in np.split(order, np.flatnonzero(np.diff(users[order])) + 1):
            predicted[pairs] = self._score_items(int(users[pairs[0]]), items[pairs]).scores()
        return np.clip(np.nan_to_num(predicted, nan=3.5), 1, 5)


class Surprise:
    """An algorithm of Surprise, which predicts one pair at a time.

    Parameters
    ----------
    name : str
        Class, for example "SVD".
    **parameters
        Parameters of the class.
    """

    def __init__(self, name: str, **parameters):
        import surprise

        self.surprise, self.model = surprise, getattr(surprise, name)(**parameters)

    def prepare(self, task: Task) -> None:
        """Build the training set of Surprise."""
        log = task.split.train.log[["user", "item", "rating"]]
        reader = self.surprise.Reader(rating_scale=(1, 5))
        self.train = self.surprise.Dataset.load_from_df(log, reader).build_full_trainset()

    def fit(self) -> None:
        """Fit the model."""
        self.model.fit(self.train)

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Predict ratings of pairs."""
        return np.array([self.model.predict(u, i).est for u, i in zip(users.tolist(), items.tolist(), strict=True)])


class Decomposition:
    """A matrix decomposition of scikit-learn as a recommender, whose scores are the reconstructed rows.

    Parameters
    ----------
    name : str
        Class, for example "TruncatedSVD".
    **parameters
        Parameters of the class.
    """

    def __init__(self, name: str, **parameters):
        import sklearn.decomposition

        self.model = getattr(sklearn.decomposition, name)(**parameters)

    def prepare(self, task: Task) -> None:
        """Build the sparse matrix."""
        self.seen = task.split.train.matrix()
        self.matrix = sparse.csr_matrix(self.seen)

    def fit(self) -> None:
        """Fit the model."""
        warnings.filterwarnings("ignore", message="Maximum number of iterations")
        self.rows = self.model.fit_transform(self.matrix)

    def recommend(self, users: np.ndarray) -> None:
        """Rank with the code of the course, because scikit-learn cannot rank items."""
        rank_unseen(self.score, users, K, self.seen)

    def score(self, users: np.ndarray) -> np.ndarray:
        """Reconstruct the rows of the users."""
        return self.rows[users] @ self.model.components_
