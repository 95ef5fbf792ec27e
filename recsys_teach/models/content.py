"""Recommend items whose descriptions resemble the user's items. Built by hand in chapter 02."""

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
    """Rank an item by the cosine of its words and the words of the user's items. Built in chapter 02.

    The words of an item come from columns of the item table. Each item is a unit vector of TF-IDF weights. A user is
    the mean of the vectors of the items in their history, weighted by ``value``. An item without interactions is scored
    in the same way as any other.

    Parameters
    ----------
    columns : sequence of str, default=("genres", "title")
        Columns of ``interactions.items`` that contain the words. A missing text has no words.
    value : str, optional
        The column of the log that weights the items of a history. Without it, all items have the same weight.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items)
        The weight of each item for each user.
    words_ : array of str, shape (n_words,)
        The vocabulary, in lower case and alphabetical order.
    item_vectors_ : csr_array, shape (n_items, n_words)
        Rows of length 1, or a row of zeros for an item without words.

    References
    ----------
    Salton and Buckley (1988) for TF-IDF, here in the form of scikit-learn's ``TfidfVectorizer``; Pazzani and
    Billsus (2007), "Content-based recommendation systems", for the profile.
    """

    def __init__(self, columns: Sequence[str] = ("genres", "title"), *, value: str | None = None):
        self.columns = columns
        self.value = value

    def fit(self, interactions: Interactions) -> ContentProfile:
        """Compute the TF-IDF vector of each item.

        Parameters
        ----------
        interactions : Interactions
            The training set, with an item table.

        Returns
        -------
        ContentProfile
            The fitted model itself.

        Raises
        ------
        ValueError
            If there is no item table, a column is missing, the columns contain no word, or ``value`` is absent,
            contains NaN, or has two values for a pair.
        """
        matrix = check_interactions(interactions).matrix(self.value)
        vectorizer = TfidfVectorizer()
        try:
            vectors = vectorizer.fit_transform(item_texts(interactions, self.columns))
        except ValueError as error:
            if "empty vocabulary" not in str(error):
                raise
            raise ValueError(
                f"Expected columns with words of at least two letters; got {list(self.columns)}, which contain no "
                "such word. Choose other columns."
            ) from error
        self.item_vectors_, self.words_ = sparse.csr_array(vectors), vectorizer.get_feature_names_out()
        self.matrix_, self.seen_ = matrix, interactions.matrix()
        return self

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users outside the training set, from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            The interactions of each user, in the unit of ``matrix_``.

        Returns
        -------
        array, shape (n, n_items)
            Cosines; 0 for an item or a user without words.
        """
        profiles = normalize(check_rows(self, rows) @ self.item_vectors_)  # the cosine of a sum equals that of a mean
        return (profiles @ self.item_vectors_.T).toarray()


def item_texts(interactions: Interactions, columns: Sequence[str]) -> pd.Series:
    """Join columns of the item table to one text per item.

    Parameters
    ----------
    interactions : Interactions
        Interactions with an item table.
    columns : sequence of str
        Columns of the table, at least one.

    Returns
    -------
    Series of str, shape (n_items,)
        The texts in the order of ``item_ids``; an empty text where all columns are missing.

    Raises
    ------
    ValueError
        If there is no item table, or it lacks a column or an item.
    """
    items = interactions.items
    if items is None:
        raise ValueError(
            "Expected interactions with an item table; got none. Pass one: Interactions.from_log(log, items=...)."
        )
    if not len(columns):
        raise ValueError(f"Expected columns among {list(items)}, for example ['title']; got {columns!r}.")
    table = align(interactions, "item", columns, "columns")
    return table.astype("string").fillna("").agg(" ".join, axis=1)
