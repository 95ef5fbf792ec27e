"""Chapter 01, The interaction matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach.data import clean_log
from recsys_teach.evaluation import density, gini, lorenz, top_k
from recsys_teach.learn.compare import same_ranking
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question

R_TINY = sparse.csr_array(np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float))
LIKED = sparse.csr_array(np.array([[5, 4, 0, 0], [4, 5, 0, 0], [0, 0, 5, 4], [0, 0, 4, 5], [5, 5, 0, 0]], dtype=float))
SEEN = sparse.csr_array(np.array([[5, 0, 0, 3, 0], [4, 2, 0, 0, 0], [1, 1, 0, 5, 0], [2, 4, 1, 5, 3]], dtype=float))
STORED_ZERO = sparse.csr_array(
    np.array([[5, -1, 0, 0, 3, 0, 0], [0, 4, 0, 0, -1, 0, 0], [2, 0, 0, 1, 0, 0, 0], [0, 0, -1, 0, 0, 0, 5]])
).astype(float)
STORED_ZERO.data[STORED_ZERO.data < 0] = 0  # three zeros that are stored
FEW_SEEN = sparse.csr_array(np.array([[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0] * 6], dtype=float))
MANY_TIES = sparse.csr_array(np.array([[0, 1] * 12, [0] * 24], dtype=float))  # so many that argsort mixes equals
PAIR = ["user", "item"]
EVENT = [*PAIR, "rating", "time"]
DIRTY = pd.DataFrame(
    [(1, 10, 4, 9), (1, 10, 3, 5), (2, 10, 3, 7), (2, 11, 4, 6), (2, 11, 2, 99), (3, 11, 5, 8), (3, 11, 5, 20)],
    columns=EVENT,
)
CHANGED_MIND = pd.DataFrame([(4, 12, 5, 3), (4, 12, 2, 7)], columns=EVENT)
EARLY = pd.DataFrame([(7, 30, 1, 8), (7, 30, 5, 2), (9, 30, 2, 1), (9, 31, 3, 1)], columns=EVENT, index=range(40, 44))
ML_20M_CELLS, ML_20M_RATINGS = 138_493 * 27_278, 20_000_263


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


def _gini_unsorted(counts: np.ndarray) -> float:
    return 1 - 2 * np.trapezoid(np.append(0, np.cumsum(counts)) / counts.sum(), dx=1 / len(counts))


def _gini_by_wrap_around(counts: np.ndarray) -> float:
    shares = np.cumsum(np.sort(counts)) / counts.sum()  # without L_0, so that position -1 is the last one
    return 1 - sum(shares[j - 1] + shares[j] for j in range(len(counts))) / len(counts)


def _gini_from_j_0(counts: np.ndarray) -> float:
    curve = lorenz(counts)
    return 1 - sum(curve[j - 1] + curve[j] for j in range(len(counts))) / len(counts)


def _gini_to_m_minus_1(counts: np.ndarray) -> float:
    curve = lorenz(counts)
    return 1 - sum(curve[j - 1] + curve[j] for j in range(1, len(counts))) / len(counts)


def _same_events(expected: pd.DataFrame, got: Any, atol: float) -> str:
    """Compare two logs as sets of events: neither the order of the rows nor the index matters."""
    if not isinstance(got, pd.DataFrame):
        return f"expected a log, a DataFrame with the columns {EVENT}; got {type(got).__name__}."
    if inside := [name for name in got.index.names if name in EVENT]:
        return f"{' and '.join(inside)} became the index; .reset_index() makes columns of them again."
    if set(got.columns) != set(EVENT):
        return f"expected a log with the columns {EVENT}; yours has {list(got.columns)}."
    wanted, yours = _by_pair(expected), _by_pair(got)
    for (user, item), events in sorted(wanted.items()):
        kept, pair = yours.pop((user, item), []), f"for user {user}, item {item} you kept"
        if sorted(kept) == sorted(events):
            continue
        rating, time = events[-1]
        if not kept:
            return f"{pair} nothing; the last event until now is at {time}."
        if len(kept) > 1:
            times = ", ".join(str(at) for _, at in kept)
            return f"{pair} {len(kept)} events, at the times {times}; only the last one until now, at {time}, stays."
        if kept[0][1] != time:
            return f"{pair} time {kept[0][1]}; the last event until now is at {time}."
        return f"{pair} rating {kept[0][0]} at time {time}; the event at {time} has rating {rating}."
    for (user, item), events in yours.items():
        return f"for user {user}, item {item} you kept time {events[0][1]}; nothing had happened until now."
    return ""


def _by_pair(log: pd.DataFrame) -> dict[tuple, list[tuple]]:
    events: dict[tuple, list[tuple]] = {}
    for user, item, rating, time in log[EVENT].itertuples(index=False):
        events.setdefault((user, item), []).append((rating, time))
    return events


def _draw_matrix(rng: np.random.Generator) -> sparse.csr_array:
    ratings = rng.integers(1, 6, size=(5, 7)) * (rng.random((5, 7)) < 0.4)
    ratings[0, :2] = 3, 0  # never empty, never full
    return sparse.csr_array(ratings.astype(float))


def _draw_log(rng: np.random.Generator) -> tuple[pd.DataFrame, int]:
    n = 30
    columns = rng.integers(1, 5, n), rng.integers(10, 15, n), rng.integers(1, 6, n), rng.permutation(n)
    return pd.DataFrame(dict(zip(EVENT, columns, strict=True))), int(rng.integers(10, 25))


def _small_log(*pairs: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=PAIR, index=range(5, 5 + len(pairs)))


def _some_fit(users: pd.Series, items: pd.Series, user_ids: pd.Index, item_ids: pd.Index) -> bool:
    return bool(users.isin(user_ids).any() and items.isin(item_ids).any())


def _knows_all(users: pd.Series, items: pd.Series, user_ids: pd.Index, item_ids: pd.Index) -> bool:
    return bool(user_ids.isin(users).all() and item_ids.isin(items).all())


def _draw_axes(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.Index, pd.Index]:
    sizes = rng.permutation([6, 9])
    user_ids, item_ids = (pd.Index(np.arange(1, size + 1)) for size in sizes)
    pairs = [rng.choice(user_ids, 8), rng.choice(item_ids, 8)]
    pairs[sizes.argmax()][0] = 9  # only the longer axis has it: the ids can tell
    if rng.random() < 0.3:
        pairs[rng.integers(2)][1] = 99  # known to neither axis
    order = (0, 1) if rng.random() < 0.5 else (1, 0)
    return pd.DataFrame({name: pairs[axis] for name, axis in zip(PAIR, order, strict=True)}), user_ids, item_ids


def _people(seen: sparse.csr_array) -> np.ndarray:
    return np.bincount(seen.indices, minlength=seen.shape[1])


def _ranked(seen: sparse.csr_array, k: int, exclude: sparse.csr_array | None, scores: Any = None) -> np.ndarray:
    scores = _people(seen) if scores is None else scores
    return top_k(np.tile(scores, (seen.shape[0], 1)), k, exclude)


def _unseen_of(seen: sparse.csr_array, lists: Any, k: int) -> np.ndarray:
    rows = []
    for user, ranked in enumerate(lists):
        met = seen.indices[seen.indptr[user] : seen.indptr[user + 1]]
        unseen = [item for item in ranked if item not in met][:k]
        rows.append(unseen + [-1] * (k - len(unseen)))
    return np.array(rows)


def _with_minlength(seen: sparse.csr_array, k: int, minlength: int) -> np.ndarray:
    order = np.argsort(-np.bincount(seen.indices, minlength=minlength), kind="stable")
    return _unseen_of(seen, [order] * seen.shape[0], k)


def _ties_from_the_right(seen: sparse.csr_array, k: int) -> np.ndarray:
    order = np.argsort(_people(seen), kind="stable")[::-1]
    return _unseen_of(seen, [order] * seen.shape[0], k)


def _values_rank(seen: sparse.csr_array, k: int) -> np.ndarray:
    return _ranked(seen, k, seen, (seen.toarray() != 0).sum(axis=0))


def _values_exclude(seen: sparse.csr_array, k: int) -> np.ndarray:
    return _ranked(seen, k, sparse.csr_array(seen.toarray()))


def _fill_with_seen(seen: sparse.csr_array, k: int) -> np.ndarray:
    scores = np.tile(_people(seen), (seen.shape[0], 1))
    scores[seen.tocoo().coords] = -1
    return top_k(scores, k)


def _ties_in_order(args: tuple[Any, ...], result: Any) -> bool:
    """Whether more than the order of equally popular items is off, or nothing at all."""
    seen, k = args
    expected = popular_unseen(seen, k)
    try:
        ranked = np.asarray(result, dtype=int)
    except (TypeError, ValueError, OverflowError):
        return True
    if ranked.shape != expected.shape or ranked.min() < -1 or ranked.max() >= seen.shape[1]:
        return True
    people = np.append(_people(seen), -1)  # position -1, an empty place, has the popularity -1
    as_popular = (people[ranked] == people[expected]).all() and (_unseen_of(seen, ranked, k) == ranked).all()
    return bool((ranked == expected).all() or not as_popular)


def _same_lists(expected: np.ndarray, got: Any, atol: float) -> str:
    """Compare rankings; rows of unequal length are named before numpy refuses them."""
    k = expected.shape[1]
    for row, places in enumerate(got if isinstance(got, list | tuple) else []):
        if isinstance(places, list | tuple | np.ndarray) and len(places) < k:
            return f"row {row} has {len(places)} of {k} places: fill it up with -1."
    return same_ranking(expected, got, atol)


CHAPTER = Chapter(
    number="01",
    title="The interaction matrix",
    objectives={
        "O1.1": "Measure how full a matrix is: the share of its cells that are stored",
        "O1.2": "Measure how unequal popularity is with the Lorenz curve and the Gini coefficient",
        "O1.3": "Clean a log of duplicate and impossible events",
        "O1.4": "Say what a dense matrix costs, and notice swapped axes",
        "O1.5": "Recommend popular films that a person has not seen",
    },
    exercises=[
        Exercise(
            "1.1", "Density of a sparse matrix", objective="O1.1", level="warm-up", minutes=3,
            reference=density,
            cases=[(R_TINY,), (FEW_SEEN,), (STORED_ZERO,), (SEEN,)],
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
                "That is the average number of stored cells per user. Divide by the number of items as well.":
                    lambda matrix: matrix.nnz / matrix.shape[0],
                "A table has users times items cells, not users plus items.":
                    lambda matrix: matrix.nnz / sum(matrix.shape),
                "The .size of a sparse matrix counts stored cells only, so this gives 1 for every matrix.":
                    lambda matrix: matrix.nnz / matrix.size,
                "You averaged the values. A 5 fills its cell no more than a 1 does.":
                    lambda matrix: matrix.sum() / (matrix.shape[0] * matrix.shape[1]),
                "That is a percentage. The contract asks for a share between 0 and 1.":
                    lambda matrix: 100 * density(matrix),
                "Your result is 0 for every matrix: `//` and `int` cut the fraction off. Divide with `/`.":
                    lambda matrix: matrix.nnz // (matrix.shape[0] * matrix.shape[1]),
                "Python divides and multiplies from left to right: put the product of the two sizes in brackets.":
                    lambda matrix: matrix.nnz / matrix.shape[0] * matrix.shape[1],
                "You counted the columns up to the last one with a stored cell. The empty columns behind it have cells "
                "too: matrix.shape[1].":
                    lambda matrix: matrix.nnz / (matrix.shape[0] * (matrix.indices.max() + 1)),
                "That is the number of stored cells. Divide it by the number of all cells.":
                    lambda matrix: matrix.nnz,
                "A 0 that is stored counts too, and three of the zeros in this matrix are stored: ask what is stored "
                "(matrix.nnz), not what differs from 0.":
                    lambda matrix: (matrix.toarray() != 0).mean(),
            },
        ),
        Exercise(
            "1.2", "Gini coefficient", objective="O1.2", level="core", minutes=6,
            reference=gini,
            cases=[
                (np.array([3, 3, 2, 2]),), (np.array([0, 8, 0, 0]),), (np.array([4, 4, 4, 4]),),
                (np.array([5, 0, 1]),), (np.array([1.5, 0.5]),), (np.array([2, 0, 5, 2, 1]),), (np.array([7]),),
            ],
            draw=lambda rng: (rng.integers(0, 9, size=6) + np.array([0, 0, 0, 0, 1, 30]),),
            why="The diagonal has area 1/2 below it; twice what the Lorenz curve lacks of that lies between 0 and 1.",
            hints=(
                "Which area lies below the Lorenz curve, and which below the diagonal?",
                "With curve = lorenz(counts), curve[:-1] holds all L_{j-1} and curve[1:] all L_j, for j from 1 to m.",
                "Add those two arrays, take .sum(), divide by m = len(counts), and subtract from 1.",
            ),
            misconceptions={
                "The Lorenz curve starts with the least popular item: sort the counts first.": _gini_unsorted,
                "You sorted the most popular item first, so the curve lies above the diagonal and the sign turns.":
                    lambda counts: -gini(counts),
                "That is the area between diagonal and curve. The Gini coefficient is twice that.":
                    lambda counts: gini(counts) / 2,
                "That is the area below the Lorenz curve. The Gini coefficient measures the gap to the diagonal.":
                    lambda counts: (1 - gini(counts)) / 2,
                "You added rectangles at the right end of each strip, or L₀ = 0 is missing and position -1 was the "
                "last point. Equal counts must give exactly 0.": _gini_by_wrap_around,
                "j starts at 1 and ends at m: at j = 0, position j - 1 is -1, the last point of the curve.":
                    _gini_from_j_0,
                "You added rectangles at the left end of each strip. A strip has the mean height of both its ends.":
                    lambda counts: gini(counts) + 1 / len(counts),
                "The last strip is missing: j runs up to m, and range(1, m) ends before it.": _gini_to_m_minus_1,
                "The width of the strips is missing: 1/m each. (np.trapezoid takes 1 unless you give dx.)":
                    lambda counts: 1 - len(counts) * (1 - gini(counts)),
                "The curve has m + 1 points, but m strips: divide by len(counts), not by the length of the curve.":
                    lambda counts: 1 - (1 - gini(counts)) * len(counts) / (len(counts) + 1),
                "You subtracted the area below the curve once. It counts twice: 1 - 2 * area.":
                    lambda counts: (1 + gini(counts)) / 2,
                "The curve starts at 0: without that first point one strip of the area is missing.":
                    lambda counts: gini(counts) + counts.min() / (counts.sum() * len(counts)),
                "You left out the items without interactions. They are the end of the long tail, and they count.":
                    lambda counts: gini(counts[counts > 0]),
                "That is the version for small samples, times m / (m - 1). Here the items are all there are.":
                    lambda counts: gini(counts) * len(counts) / (len(counts) - 1),
            },
        ),
        Exercise(
            "1.3", "Clean a log", objective="O1.3", level="core", minutes=8,
            reference=clean_log,
            cases=[(DIRTY, 20), (CHANGED_MIND, 7), (EARLY, 2)],
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
                "max takes each column apart: the highest rating and the latest time may belong to two events.":
                    lambda log, now: log[log["time"] <= now].groupby(PAIR, as_index=False).max(),
                "You kept one event per user. A pair is a user and an item: give drop_duplicates both columns.":
                    lambda log, now: clean_log(log, now).drop_duplicates("user", keep="last"),
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
                "64 bits are 8 bytes; a gigabyte is 10⁹ bytes.",
                "138_493 * 27_278 * 8 / 10**9",
            ),
            misconceptions={
                "Those are gigabits: a float64 has 64 bits, which are 8 bytes.": ML_20M_CELLS * 64 / 1e9,
                "That is a float32 matrix, with 4 bytes per cell. numpy's default float64 takes twice that.":
                    ML_20M_CELLS * 4 / 1e9,
                "That is the number of cells in billions. Each of them takes 8 bytes.": ML_20M_CELLS / 1e9,
                "Those are gibibytes, of 2**30 bytes. A gigabyte is 10**9 bytes.": ML_20M_CELLS * 8 / 2**30,
                "Those are bytes; the question asks for gigabytes.": ML_20M_CELLS * 8,
                "Those are megabytes, of 10**6 bytes. A gigabyte is 10**9 bytes.": ML_20M_CELLS * 8 / 1e6,
                "You divided by 8. That turns bits into bytes; here each cell takes 8 bytes, so multiply.":
                    ML_20M_CELLS / 8 / 1e9,
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
                (_small_log((3, 2)), pd.Index([1, 2]), pd.Index([1, 2, 3])),
                (_small_log((3, 9)), pd.Index([1, 2]), pd.Index([1, 2, 3])),
                (_small_log((1, 9)), pd.Index([1, 2]), pd.Index([1, 2, 3])),
                (_small_log((1, 3)), pd.Index([1, 2, 3]), pd.Index([1, 2])),
                (_small_log((9, 3)), pd.Index([1, 2, 3]), pd.Index([1, 2])),
                (_small_log((1, 2), (3, 1)), pd.Index([1, 2]), pd.Index([1, 2, 3])),  # one user fits as it stands
                (_small_log((2, 1), (1, 3)), pd.Index([1, 2, 3]), pd.Index([1, 2])),  # one item fits as it stands
                (_small_log((3, 1), (2, 3)), pd.Index([1, 2]), pd.Index([1, 2, 3])),  # one item fits exchanged
                (_small_log((1, 3), (3, 1)), pd.Index([1, 2, 3]), pd.Index([1, 2])),  # one user fits exchanged
                (_small_log((102, 1), (101, 9)), pd.Index([1, 2]), pd.Index([101, 102, 103])),  # nothing fits at first
                (_small_log((1, 2), (2, 1)), pd.Index([1, 2]), pd.Index([1, 2])),  # all ids occur
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
                "You looked at one column only, the users'. A log fits if both of its columns fit.":
                    lambda log, user_ids, item_ids:
                        bool(not log["user"].isin(user_ids).all() and log["user"].isin(item_ids).all()),
                "You looked at one column only, the items'. A log fits if both of its columns fit.":
                    lambda log, user_ids, item_ids:
                        bool(not log["item"].isin(item_ids).all() and log["item"].isin(user_ids).all()),
                "You looked at one column only for each question: the users' as it stands, the items' exchanged. "
                "Ask both columns both times.":
                    lambda log, user_ids, item_ids:
                        bool(not log["user"].isin(user_ids).all() and log["item"].isin(user_ids).all()),
                "You looked at one column only after the exchange: the user column must hold items, too.":
                    lambda log, user_ids, item_ids:
                        bool(not _fits(log["user"], log["item"], user_ids, item_ids)
                             and log["item"].isin(user_ids).all()),
                "You looked at one column only after the exchange: the item column must hold users, too.":
                    lambda log, user_ids, item_ids:
                        bool(not _fits(log["user"], log["item"], user_ids, item_ids)
                             and log["user"].isin(item_ids).all()),
                ".any() is content with one event. Swapped columns fit in all events once they are exchanged: .all().":
                    lambda log, user_ids, item_ids:
                        bool(not _fits(log["user"], log["item"], user_ids, item_ids)
                             and log["user"].isin(item_ids).any() and log["item"].isin(user_ids).any()),
                ".any() is content with one event. A log fits as it stands only if all of its events do: .all().":
                    lambda log, user_ids, item_ids:
                        not _some_fit(log["user"], log["item"], user_ids, item_ids)
                        and _fits(log["item"], log["user"], user_ids, item_ids),
                ".any() is content with one event. A log fits if all of its events do, as it stands and exchanged: "
                ".all() both times.":
                    lambda log, user_ids, item_ids:
                        not _some_fit(log["user"], log["item"], user_ids, item_ids)
                        and _some_fit(log["item"], log["user"], user_ids, item_ids),
                "You asked whether all known ids occur in the log. Ask whether all ids of the log are known: "
                'log["user"].isin(user_ids).all().':
                    lambda log, user_ids, item_ids:
                        not _knows_all(log["user"], log["item"], user_ids, item_ids)
                        and _knows_all(log["item"], log["user"], user_ids, item_ids),
                "You looked at the first event only. A log fits if all of its events do.":
                    lambda log, user_ids, item_ids: axes_swapped(log[:1], user_ids, item_ids),
                "It is the other way round: True means swapped.":
                    lambda log, user_ids, item_ids: not axes_swapped(log, user_ids, item_ids),
            },
        ),
        Exercise(
            "1.6", "Popular and unseen", objective="O1.5", level="core", minutes=10,
            reference=popular_unseen, compare=_same_lists,
            cases=[(LIKED, 2), (STORED_ZERO, 2), (FEW_SEEN, 5), (SEEN, 2), (SEEN, 3), (MANY_TIES, 4)],
            draw=lambda rng: (_draw_matrix(rng), int(rng.integers(1, 5))),
            properties={
                "Items with equally many people are out of order: of these the lower position comes first, as "
                'argsort(-popularity, kind="stable") has it. Count every stored cell, whatever its value.':
                    _ties_in_order,
            },
            why="Popularity counts people, what is seen leaves the race before the cut, and nothing fills the gap.",
            hints=(
                "For each user: all items by popularity, without those in the user's row, cut after k.",
                "np.argsort(-popularity, kind=\"stable\") ranks; the items of row u are "
                "seen.indices[seen.indptr[u] : seen.indptr[u + 1]].",
                "ranked = [i for i in order if i not in row][:k], then ranked + [-1] * (k - len(ranked))",
            ),
            misconceptions={
                "You recommend items that the user has seen already.":
                    lambda seen, k: _ranked(seen, k, None),
                "You cut after k first and removed what is seen afterward, so the lists came out too short.":
                    lambda seen, k: _unseen_of(seen, _ranked(seen, k, None), k),
                "You ranked the least popular items first: argsort rises, so sort the negative.":
                    lambda seen, k: _ranked(seen, k, seen, -_people(seen)),
                "You added up the ratings. Popularity is the number of people: count the cells.":
                    lambda seen, k: _ranked(seen, k, seen, seen.sum(axis=0)),
                "You averaged the ratings. One person's 5 then beats a hundred people's 4.":
                    lambda seen, k: _ranked(seen, k, seen, seen.sum(axis=0) / np.maximum(1, _people(seen))),
                "Of two items with equally many people the lower position comes first; yours come the other way round, "
                "as [::-1] after a sort makes them.": _ties_from_the_right,
                "An item that nobody has seen still has a position: minlength=seen.shape[1].":
                    lambda seen, k: _with_minlength(seen, k, 0),
                "An item that nobody has seen still has a position: minlength=seen.shape[1], for not every table has 4 "
                "items.":
                    lambda seen, k: _with_minlength(seen, k, 4),
                "A 0 that is stored was seen too: count it in the popularity as well, np.bincount(seen.indices, ...).":
                    _values_rank,
                "A 0 that is stored was seen too: leave it out of the list as well, by seen.indices of the row.":
                    _values_exclude,
                "A 0 that is stored was seen too: ask what is stored (seen.indices), not what differs from 0.":
                    lambda seen, k: popular_unseen(sparse.csr_array(seen.toarray()), k),
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
            outcome=lambda share: "a" if share < 0.3 else "b" if share < 0.7 else "c",
        ),
    ],
    quiz=[
        Question(
            "O1.1",
            "A music service logs a song only if it was played to the end. Which two cases look alike in its log?",
            {
                "a": ("A song played once, and a song played five times.",
                      "These differ: one row in the log, or five. An implicit value can be a count."),
                "b": ("A song skipped after five seconds, and a song never offered.",
                      "Right: neither leaves a row. A no and no answer at all become the same blank."),
                "c": ("A song played to the end, and a song with a thumb up.",
                      "One is implicit and one explicit, but each leaves a row of its own behavior."),
            },
            answer="b",
        ),
        Question(
            "O1.2",
            "A service adds 500 films that nobody has met yet. What happens to its Gini coefficient over films?",
            {
                "a": ("It stays: the new films change no count.",
                      "No count changes, but every old film is now a smaller share of the catalog."),
                "b": ("It falls: there are more films to choose from.",
                      "More films lower it only if they take events from the popular ones. These take none."),
                "c": ("It rises: the same events belong to a smaller share of the films.",
                      "Right: the Lorenz curve begins with a longer flat piece, and so hangs lower."),
            },
            answer="c",
        ),
        Question(
            "O1.3",
            "A supermarket logs each article with the time of payment. Your rule says that more than five events in a "
            "minute are a bot's. Whom does it throw out?",
            {
                "a": ("Everybody with a full basket.",
                      "Right: a basket shares one time. How fast honest events come depends on the service."),
                "b": ("Programs only: no person is that fast.",
                      "Nobody need be fast: the times say when the till was used, not when an article was chosen."),
                "c": ("Nobody, since one payment takes longer than a minute.",
                      "The articles carry the time of the payment, and so the same minute."),
            },
            answer="a",
        ),
        Question(
            "O1.4",
            "indptr is [0, 2, 2, 5] and indices is [1, 3, 0, 1, 2]. Which items has the user in row 1 met?",
            {
                "a": ("Items 1 and 3.", "Those are row 0: indices[0:2]. Rows are counted from 0."),
                "b": ("Item 1.", "That is indices[0]. A row is the slice between two neighbors in indptr."),
                "c": ("None.", "Right: the slice indices[2:2] is empty. Where indptr stands still, a row is empty."),
                "d": ("Items 0, 1 and 2.", "Those are row 2: indices[2:5]."),
            },
            answer="c",
        ),
        Question(
            "O1.5",
            "On MovieLens-100K somebody reports three times your recall@10 for the same popularity baseline. "
            "Which difference of protocol can explain it?",
            {
                "a": ("They rank films that were rated already as well.",
                      "That lowers recall: you have measured that such films take places from the hidden ones."),
                "b": ("They let the hidden films compete with 100 films drawn at random.",
                      "Right: most of the 100 are in the long tail, so a popular hidden film beats them with ease."),
                "c": ("They average over ten splits, and you over five.",
                      "More splits make the mean surer. It moves by little, as your five splits show."),
            },
            answer="b",
        ),
    ],
)  # fmt: skip
