"""Recommend what is described like the things a user met. Built by hand in chapter 02."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import RowRecommender, check_interactions, check_rows
from recsys_teach.models.features import align


class ContentProfile(RowRecommender):
    """Rank an item by the cosine of its words and those of the items the user met. Built in chapter 02.

    The words of an item are those of some columns of the item table. Each item is a unit vector of TF-IDF
    weights, a user the mean of the vectors met, weighted by ``value``. An item that nobody met is scored like
    any other.

    Parameters
    ----------
    columns : sequence of str. Columns of ``interactions.items`` to take words from. What is missing has none.
    value : str, optional. The column of the log that says how much each item counts; without it, all alike.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items).
    words_ : array of str, shape (n_words,). In lower case and alphabetic order.
    item_vectors_ : csr_array, shape (n_items, n_words). Rows of length 1; a row of zeros if there are no words.

    References
    ----------
    Salton and Buckley (1988) for TF-IDF, here in the form of scikit-learn's ``TfidfVectorizer``; Pazzani and
    Billsus (2007), "Content-based recommendation systems", for the profile.
    """

    def __init__(self, columns: Sequence[str] = ("genres", "title"), *, value: str | None = None):
        self.columns = columns
        self.value = value

    def fit(self, interactions: Interactions) -> ContentProfile:
        """Weigh the words of each item.

        Raises
        ------
        ValueError
            If there is no item table, it lacks a column or has no word in them, or ``value`` is absent, holds
            NaN, or has two values for a pair.
        """
        matrix = check_interactions(interactions).matrix(self.value)
        vectorizer = TfidfVectorizer()
        try:
            vectors = vectorizer.fit_transform(item_texts(interactions, self.columns))
        except ValueError as error:
            if "empty vocabulary" not in str(error):
                raise
            raise ValueError(f"The columns {list(self.columns)} hold no word of two letters or more.") from error
        self.item_vectors_, self.words_ = sparse.csr_array(vectors), vectorizer.get_feature_names_out()
        self.matrix_, self.seen_ = matrix, interactions.matrix()
        return self

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users who were not there at ``fit``, from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items), in the same unit as the matrix of ``fit``.

        Returns
        -------
        array, shape (n, n_items). Cosines; 0 for an item or a user without words.
        """
        profiles = normalize(check_rows(self, rows) @ self.item_vectors_)  # sum or mean: the cosine is the same
        return (profiles @ self.item_vectors_.T).toarray()


def item_texts(interactions: Interactions, columns: Sequence[str]) -> pd.Series:
    """Join some columns of the item table to one text an item, in the order of ``item_ids``.

    Raises
    ------
    ValueError
        If there is no item table, or it lacks a column or an item.
    """
    items = interactions.items
    if items is None:
        raise ValueError("There are no item texts: give a table of items, Interactions.from_log(log, items=...).")
    if not len(columns):
        raise ValueError(f"Expected columns among {list(items)}, for example ['title']; got {columns!r}.")
    known = align(interactions, "item", columns, "columns")
    return known.astype("string").fillna("").agg(" ".join, axis=1)
