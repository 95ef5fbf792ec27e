"""Chapter 01, The interaction matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach.learn.compare import same, same_ranking
from recsys_teach.learn.declare import Chapter, Exercise, Prediction, Question
from recsys_teach.metrics import density, gini
from recsys_teach.ranking import top_k

R_TINY = sparse.csr_array(np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float))
LIKED = sparse.csr_array(np.array([[5, 4, 0, 0], [4, 5, 0, 0], [0, 0, 5, 4], [0, 0, 4, 5], [5, 5, 0, 0]], dtype=float))
SEEN = sparse.csr_array(np.array([[5, 0, 0, 3, 0], [4, 2, 0, 0, 0], [1, 1, 0, 5, 0], [2, 4, 1, 5, 3]], dtype=float))
PAIR = ["user", "item"]
DIRTY = pd.DataFrame(
    [(1, 10, 4, 9), (1, 10, 3, 5), (2, 10, 3, 7), (2, 11, 4, 6), (2, 11, 2, 99), (3, 11, 5, 8), (3, 11, 5, 20)],
    columns=[*PAIR, "rating", "time"],
)
ML_20M_CELLS, ML_20M_RATINGS = 138_493 * 27_278, 20_000_263


def clean_log(log: pd.DataFrame, now: int) -> pd.DataFrame:
    """Drop events that lie in the future, then keep the last event of each (user, item) pair."""
    happened = log[log["time"] <= now]
    return happened.sort_values("time").drop_duplicates(PAIR, keep="last")


def dense_gigabytes() -> float:
    """Size of MovieLens-20M as a dense float64 matrix, in units of 10⁹ bytes."""
    return ML_20M_CELLS * 8 / 1e9


def axes_swapped(log: pd.DataFrame, user_ids: pd.Index, item_ids: pd.Index) -> bool:
    """Say whether the log fits the ids only once its two columns are exchanged."""
    return not _fits(log["user"], log["item"], user_ids, item_ids) and _fits(
        log["item"], log["user"], user_ids, item_ids
    )


def popular_unseen(seen: sparse.csr_array, k: int) -> np.ndarray:
    """Rank for each user the k items with most users among those that the user has not met."""
    return _ranked(seen, k, exclude=seen)


def _fits(users: pd.Series, items: pd.Series, user_ids: pd.Index, item_ids: pd.Index) -> bool:
    return bool(users.isin(user_ids).all() and items.isin(item_ids).all())


def _area(lorenz: np.ndarray) -> float:
    return float(np.trapezoid(lorenz, dx=1 / (len(lorenz) - 1)))


def _gini_unsorted(counts: np.ndarray) -> float:
    return 1 - 2 * _area(np.append(0, np.cumsum(counts)) / counts.sum())


def _same_events(expected: pd.DataFrame, came: Any, atol: float) -> str:
    """Compare two logs as sets of events: neither the order of the rows nor the index matters."""
    if not isinstance(came, pd.DataFrame) or set(came.columns) != set(expected.columns):
        return f"expected a log, a DataFrame with the columns {list(expected.columns)}."
    columns = list(expected.columns)
    wanted, got = (frame[columns].sort_values(columns).to_numpy() for frame in (expected, came))
    if len(wanted) != len(got):
        return f"expected {len(wanted)} events, came {len(got)}."
    return same(wanted, got, atol).replace("row", "sorted by user and item, row")


def _draw_matrix(rng: np.random.Generator) -> sparse.csr_array:
    ratings = rng.integers(1, 6, size=(5, 7)) * (rng.random((5, 7)) < 0.4)
    ratings[0, :2] = 3, 0  # never empty, never full
    return sparse.csr_array(ratings.astype(float))


def _draw_log(rng: np.random.Generator) -> tuple[pd.DataFrame, int]:
    n = 30
    columns = {
        "user": rng.integers(1, 5, n),
        "item": rng.integers(10, 15, n),
        "rating": rng.integers(1, 6, n),
        "time": rng.permutation(n),
    }
    return pd.DataFrame(columns), 20


def _small_log(*pairs: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=PAIR)


def _draw_axes(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.Index, pd.Index]:
    user_ids, item_ids = pd.RangeIndex(1, 7), pd.RangeIndex(1, 10)
    users = np.append(rng.choice(user_ids, 8), 1)
    items = np.append(rng.choice(item_ids, 8), 9)  # 9 is no user: the ids can tell
    pairs = (users, items) if rng.random() < 0.5 else (items, users)
    return pd.DataFrame(dict(zip(PAIR, pairs, strict=True))), user_ids, item_ids


def _people(seen: sparse.csr_array) -> np.ndarray:
    return np.bincount(seen.indices, minlength=seen.shape[1])


def _cut_then_remove(seen: sparse.csr_array, k: int) -> np.ndarray:
    rows = []
    for user, best in enumerate(_ranked(seen, k, None)):
        unseen = [item for item in best if not seen[user, item]]
        rows.append(unseen + [-1] * (k - len(unseen)))
    return np.array(rows)


def _ranked(seen: sparse.csr_array, k: int, exclude: sparse.csr_array | None, scores: Any = None) -> np.ndarray:
    scores = _people(seen) if scores is None else scores
    return top_k(np.tile(scores, (seen.shape[0], 1)), k, exclude)


def _ties_from_the_right(seen: sparse.csr_array, k: int) -> np.ndarray:
    mirrored = sparse.csr_array(seen.toarray()[:, ::-1])
    ranked = popular_unseen(mirrored, k)
    return np.where(ranked < 0, -1, seen.shape[1] - 1 - ranked)


def _fill_with_seen(seen: sparse.csr_array, k: int) -> np.ndarray:
    scores = np.tile(_people(seen), (seen.shape[0], 1))
    scores[seen.nonzero()] = -1
    return top_k(scores, k)


CHAPTER = Chapter(
    number="01",
    title="The interaction matrix",
    objectives={
        "O1.1": "Tell explicit, implicit and missing values apart, and measure how full a matrix is",
        "O1.2": "Measure how unequal popularity is with the Lorenz curve and the Gini coefficient",
        "O1.3": "Clean a log of duplicate and impossible events, and test a rule against bots",
        "O1.4": "Turn an event log into a sparse matrix, say what it saves, and notice swapped axes",
        "O1.5": "Recommend popular films that a person has not seen, and measure recall@10",
    },
    exercises=[
        Exercise(
            "1.1", "Density of a sparse matrix", objective="O1.1", level="warm-up", minutes=3,
            reference=density,
            cases=[(R_TINY,), (SEEN,)],
            draw=lambda rng: (_draw_matrix(rng),),
            why="Stored cells over all cells; the values themselves play no part.",
            hints=(
                "How many cells are stored, and how many are there?",
                "matrix.nnz is the first number; matrix.shape holds the two factors of the second.",
                "matrix.nnz / (matrix.shape[0] * matrix.shape[1])",
            ),
            misconceptions={
                "That is the share of empty cells (the sparsity). The density is the rest.":
                    lambda matrix: 1 - density(matrix),
                "That is the number of stored cells of a user. Divide by the number of items as well.":
                    lambda matrix: matrix.nnz / matrix.shape[0],
                "A table has users times items cells, not users plus items.":
                    lambda matrix: matrix.nnz / sum(matrix.shape),
                "The .size of a sparse matrix counts stored cells only, so this gives 1 for every matrix.":
                    lambda matrix: matrix.nnz / matrix.size,
                "You averaged the values. A 5 fills its cell no more than a 1 does.":
                    lambda matrix: matrix.sum() / (matrix.shape[0] * matrix.shape[1]),
                "That is in per cent. The contract asks for a share between 0 and 1.":
                    lambda matrix: 100 * density(matrix),
            },
        ),
        Exercise(
            "1.2", "Gini coefficient", objective="O1.2", level="core", minutes=6,
            reference=gini,
            cases=[(np.array([3, 3, 2, 2]),), (np.array([0, 8, 0, 0]),), (np.array([4, 4, 4, 4]),)],
            draw=lambda rng: (rng.integers(0, 9, size=6) + np.array([0, 0, 0, 0, 1, 30]),),
            why="The diagonal has area 1/2 below it; twice what the Lorenz curve lacks of that lies between 0 and 1.",
            hints=(
                "Which area lies below the Lorenz curve, and which below the diagonal?",
                "Between two neighbouring points the curve is straight: mean height times width 1/n. Add these up.",
                "1 - 2 * np.trapezoid(lorenz(counts), dx=1 / len(counts))",
            ),
            misconceptions={
                "The Lorenz curve starts with the least popular item: sort the counts first.": _gini_unsorted,
                "You sorted the most popular item first, so the curve lies above the diagonal and the sign turns.":
                    lambda counts: -gini(counts),
                "That is the area between diagonal and curve. The Gini coefficient is twice that.":
                    lambda counts: gini(counts) / 2,
                "That is the area below the Lorenz curve. The Gini coefficient measures the gap to the diagonal.":
                    lambda counts: (1 - gini(counts)) / 2,
                "You added rectangles at the right end of each step: equal counts must give exactly 0.":
                    lambda counts: gini(counts) - 1 / len(counts),
                "The curve starts at 0: without that first point one strip of the area is missing.":
                    lambda counts: gini(counts) + counts.min() / (counts.sum() * len(counts)),
                "You left out the items that nobody met. They are the end of the long tail, and they count.":
                    lambda counts: gini(counts[counts > 0]),
                "That is the version for small samples, times n / (n - 1). Here the items are all there are.":
                    lambda counts: gini(counts) * len(counts) / (len(counts) - 1),
            },
        ),
        Exercise(
            "1.3", "Clean a log", objective="O1.3", level="core", minutes=8,
            reference=clean_log,
            cases=[(DIRTY, 20)],
            draw=_draw_log,
            why="First goes what cannot have happened; only then is \"the last event\" of a pair a real one.",
            compare=_same_events,
            hints=(
                "Two rules, and their order matters: which one could throw away the wrong event if it came first?",
                "A mask on the time, then sort_values, then drop_duplicates with a subset of the columns.",
                'log[log["time"] <= now].sort_values("time").drop_duplicates(["user", "item"], keep="last")',
            ),
            misconceptions={
                "You kept the first event of each pair. People change their minds: the last one counts.":
                    lambda log, now: log[log["time"] <= now].sort_values("time").drop_duplicates(PAIR),
                "You kept the lowest row of each pair. A log need not be in order: sort by time first.":
                    lambda log, now: log[log["time"] <= now].drop_duplicates(PAIR, keep="last"),
                "You kept the top row of each pair. Which row is last is a question of time, not of place.":
                    lambda log, now: log[log["time"] <= now].drop_duplicates(PAIR),
                "You removed duplicates before the future: a pair whose last event is impossible lost its real one.":
                    lambda log, now: clean_log(log, log["time"].max())[lambda kept: kept["time"] <= now],
                "An event from the future is still there: nothing can have happened after now.":
                    lambda log, now: clean_log(log, log["time"].max()),
                "You dropped all events of a pair that has several. The last one of them is good.":
                    lambda log, now: log[log["time"] <= now].drop_duplicates(PAIR, keep=False),
                "You removed only rows that are equal in every column. A retry comes seconds later.":
                    lambda log, now: log[log["time"] <= now].drop_duplicates(),
                "An event of this very moment has happened: keep time <= now, not time < now.":
                    lambda log, now: clean_log(log, now - 1),
            },
        ),
        Exercise(
            "1.4", "A dense MovieLens-20M", objective="O1.4", level="warm-up", minutes=3,
            reference=dense_gigabytes, atol=0.05,
            why="Users times items times 8 bytes: a dense matrix pays for every cell, empty or not.",
            hints=(
                "How many cells has the table, and what does one float64 take?",
                "64 bits are 8 bytes; a gigabyte is a thousand million bytes.",
                "138_493 * 27_278 * 8 / 10**9",
            ),
            misconceptions={
                "Those are gigabits: a float64 has 64 bits, which are 8 bytes.": ML_20M_CELLS * 64 / 1e9,
                "That is a float32 matrix, with 4 bytes a cell. numpy's default float64 takes twice that.":
                    ML_20M_CELLS * 4 / 1e9,
                "That is the number of cells in thousand millions. Each of them takes 8 bytes.": ML_20M_CELLS / 1e9,
                "Those are gibibytes, of 2**30 bytes. A gigabyte is 10**9 bytes.": ML_20M_CELLS * 8 / 2**30,
                "Those are bytes; the question asks for gigabytes.": ML_20M_CELLS * 8,
                "That pays for the ratings alone. A dense matrix pays for the empty cells as well.":
                    ML_20M_RATINGS * 8 / 1e9,
            },
        ),
        Exercise(
            "1.5", "Swapped axes", objective="O1.4", level="core", minutes=6,
            reference=axes_swapped,
            cases=[
                (_small_log((1, 102), (2, 101)), pd.Index([1, 2]), pd.Index([101, 102, 103])),
                (_small_log((102, 1), (101, 2)), pd.Index([1, 2]), pd.Index([101, 102, 103])),
                (_small_log((1, 3), (2, 2)), pd.Index([1, 2]), pd.Index([1, 2, 3])),
                (_small_log((1, 2), (2, 1)), pd.Index([1, 2]), pd.Index([1, 2, 3])),
                (_small_log((1, 102), (9, 101)), pd.Index([1, 2]), pd.Index([101, 102, 103])),
                (_small_log((102, 1), (102, 2), (102, 3)), pd.Index([1, 2, 3]), pd.Index([101, 102])),
                (_small_log((103, 1), (2, 101)), pd.Index([1, 2]), pd.Index([101, 102, 103])),
            ],
            draw=_draw_axes,
            why="Only a log that does not fit as it stands, and fits once exchanged, tells that it is swapped.",
            hints=(
                "Ask twice whether the log fits the ids: as it stands, and with its columns exchanged.",
                'log["user"].isin(user_ids).all() says whether one column fits; a log fits if both columns do.',
                "return bool(not fits_as_it_stands and fits_exchanged)",
            ),
            misconceptions={
                "User 1 and item 1 may both exist: that the user column holds item ids proves nothing yet.":
                    lambda log, user_ids, item_ids: bool(log["user"].isin(item_ids).all()),
                "That the log fits when exchanged is not enough: it may fit as it stands, too.":
                    lambda log, user_ids, item_ids: _fits(log["item"], log["user"], user_ids, item_ids),
                "One unknown id does not fit either, and yet nothing is swapped. Try the exchange as well.":
                    lambda log, user_ids, item_ids: not _fits(log["user"], log["item"], user_ids, item_ids),
                "One event that looks wrong is a damaged event. Swapped columns are wrong in all of them.":
                    lambda log, user_ids, item_ids:
                        bool((~log["user"].isin(user_ids) & log["user"].isin(item_ids)).any()),
                "How many different ids a column holds says nothing: there may be more users than items or fewer.":
                    lambda log, user_ids, item_ids: log["user"].nunique() > log["item"].nunique(),
                "It is the other way round: True means swapped.":
                    lambda log, user_ids, item_ids: not axes_swapped(log, user_ids, item_ids),
            },
        ),
        Exercise(
            "1.6", "Popular and unseen", objective="O1.5", level="core", minutes=10,
            reference=popular_unseen, compare=same_ranking,
            cases=[(LIKED, 2), (SEEN, 2), (SEEN, 3)],
            draw=lambda rng: (_draw_matrix(rng), int(rng.integers(1, 5))),
            why="Popularity counts people, what is seen leaves the race before the cut, and nothing fills the gap.",
            hints=(
                "For each user: all items by popularity, without those in the user's row, cut after k.",
                "np.argsort(-popularity, kind=\"stable\") ranks; the items of row u are "
                "seen.indices[seen.indptr[u] : seen.indptr[u + 1]].",
                "ranked = [i for i in order if i not in row][:k], then ranked + [-1] * (k - len(ranked))",
            ),
            misconceptions={
                "You recommend items that the user has met already.":
                    lambda seen, k: _ranked(seen, k, None),
                "You cut after k first and removed what is seen afterwards, so the lists came out too short.":
                    _cut_then_remove,
                "You ranked the least popular items first: argsort rises, so sort the negative.":
                    lambda seen, k: _ranked(seen, k, seen, -_people(seen)),
                "You added up the ratings. Popularity is the number of people: count the cells.":
                    lambda seen, k: _ranked(seen, k, seen, seen.sum(axis=0)),
                "You averaged the ratings. One person's 5 then beats a hundred people's 4.":
                    lambda seen, k: _ranked(seen, k, seen, seen.sum(axis=0) / np.maximum(1, _people(seen))),
                "Of two items with equally many people the lower position comes first; yours come the other way round.":
                    _ties_from_the_right,
                "Where nothing unseen is left you filled up with seen items. The contract asks for -1.":
                    _fill_with_seen,
            },
        ),
    ],
    predictions=[
        Prediction(
            "P1.1",
            "Pick a person and a film of the streaming service such that the person has not clicked the film. "
            "How often was the film never shown to that person?",
            {
                "a": "about one time in ten",
                "b": "about every second time",
                "c": "about nine times in ten",
            },
            lambda share: "a" if share < 0.3 else "b" if share < 0.7 else "c",
        ),
    ],
    quiz=[
        Question(
            "O1.1",
            "A service logs how often each person opens each series. One cell is empty. What does that say?",
            {
                "a": ("The person does not like the series.",
                      "Nobody asked and nothing was said; most empty cells belong to things never shown."),
                "b": ("Nothing yet: it may have been shown and left, or never shown at all.",
                      "Only a record of what was shown can tell the two apart, and few services keep one."),
                "c": ("The person rated it 0.",
                      "A 0 would be a value. Sparse arithmetic treats the gap as 0, and that is a choice of ours."),
                "d": ("The cell is missing at random, so it can be ignored.",
                      "What is shown depends on taste and popularity, so what is missing does as well."),
            },
            "b",
        ),
        Question(
            "O1.2",
            "Over its films, service A has the Gini coefficient 0.2 and service B 0.8. What follows?",
            {
                "a": ("B has more events than A.",
                      "The Lorenz curve speaks of shares; twice as many events everywhere leave it as it is."),
                "b": ("B has more films than A.",
                      "The number of films is on the horizontal axis as a share as well."),
                "c": ("In A everybody likes the same films.",
                      "Then few films would hold all events, and the coefficient would be near 1."),
                "d": ("In B events are spread over the films less equally than in A.",
                      "0 is equality between films, 1 is one film with everything."),
            },
            "d",
        ),
        Question(
            "O1.3",
            "A log holds pairs that stand several times, and events of next year. How do you come to one event a pair?",
            {
                "a": ("Drop the events of next year; then keep each pair's last event.",
                      "In the other order an impossible event could win against the real one."),
                "b": ("Keep the first event of each pair, since it was the spontaneous one.",
                      "For ratings the last one is what the person thinks now."),
                "c": ("Add up their ratings.",
                      "Then a retry by the app would double somebody's opinion."),
                "d": ("Drop both events, since one of them is wrong.",
                      "One of them is right, and the rule of the last one says which."),
            },
            "a",
        ),
        Question(
            "O1.4",
            "indptr is [0, 2, 2, 5] and indices is [1, 3, 0, 1, 2]. Which items has the user in row 1 met?",
            {
                "a": ("Items 1 and 3.", "Those are row 0: indices[0:2]. Rows are counted from 0."),
                "b": ("Item 1.", "That is indices[0]. A row is the slice between two neighbours in indptr."),
                "c": ("None.", "The slice indices[2:2] is empty: indptr does not move, so the row holds nothing."),
                "d": ("Items 0, 1 and 2.", "Those are row 2: indices[2:5]."),
            },
            "c",
        ),
        Question(
            "O1.5",
            "Two teams report recall@10 of the popularity baseline. Team A gets more than team B on the same data. "
            "What must you know before you compare?",
            {
                "a": ("How fast each of them computed it.", "Speed does not change which films are in the list."),
                "b": ("Nothing: the data and the model are the same, so A's code is better.",
                      "Even the same model scores differently under another protocol, as you have measured."),
                "c": ("Whether both held out the same events, left out seen films and ranked the same candidates.",
                      "A number without its protocol cannot be compared with anything."),
                "d": ("Whether both used the same number of latent factors.", "Popularity has no factors."),
            },
            "c",
        ),
    ],
)  # fmt: skip
