"""Chapter 09, Attention, and why the loss matters more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from scipy.special import expit, log_softmax, logit, softmax

from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.models import attention


@dataclass(frozen=True)
class Reader:
    """A function of a row of items, (length,), to one state a place, (length, n_factors), with a name to print."""

    name: str
    states: Callable[[np.ndarray], np.ndarray]

    def __call__(self, items: np.ndarray) -> np.ndarray:
        """Give the states of a row."""
        return self.states(np.asarray(items))

    def __repr__(self) -> str:
        return self.name


def attend(query: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mix the values by softmax of q · k / √d, shape (n_values,)."""
    return softmax(keys @ query / np.sqrt(len(query))) @ values


def causal_attention(Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Attention of each place to itself and those before, for each row; (n, length, n_values)."""
    return attention.causal_attention(*map(torch.from_numpy, (Q, K, V))).numpy()


def order_gap(read: Callable[[np.ndarray], np.ndarray], items: np.ndarray) -> float:
    """Largest change of a number of the last state when two earlier items swap their places."""
    return _order_gap(read, items)


def steps_ahead(read: Callable[[np.ndarray], np.ndarray], items: np.ndarray, other: int) -> int:
    """How many places ahead of itself a state reads, at most; 0 if none reads ahead."""
    return max(_distances(read, items, other, range(len(items))), default=0)


def two_losses(states: np.ndarray, vectors: np.ndarray, right: np.ndarray, drawn: np.ndarray) -> tuple[float, float]:
    """Mean loss of the full softmax, and mean binary cross-entropy against the drawn items."""
    return _full(states, vectors, right), float(_binary(states, vectors, right, drawn).mean())


def believed(p: np.ndarray, n_drawn: int) -> np.ndarray:
    """Chance that the sampled loss aims at where the true one is p, shape (n_items,)."""
    return p / (p + n_drawn / len(p))


def _masked(Q: np.ndarray, K: np.ndarray, V: np.ndarray, ahead: int = 0) -> np.ndarray:
    logits = _logits(Q, K)
    allowed = np.tril(np.ones(logits.shape[-2:], dtype=bool), ahead)
    return softmax(np.where(allowed, logits, -np.inf), axis=-1) @ V


def _logits(Q: np.ndarray, K: np.ndarray) -> np.ndarray:
    return Q @ np.swapaxes(K, -1, -2) / np.sqrt(Q.shape[-1])


def _lower(Q: np.ndarray) -> np.ndarray:
    return np.tril(np.ones((Q.shape[-2],) * 2))


def _along_queries(Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> np.ndarray:
    return softmax(np.where(_lower(Q) > 0, _logits(Q, K), -np.inf), axis=-2) @ V


def _order_gap(
    read: Callable[[np.ndarray], np.ndarray], items: np.ndarray, *, n_moved: int | None = None,
    gap: Callable[[np.ndarray, np.ndarray], float] = lambda before, after: np.abs(before[-1] - after[-1]).max(),
    pair: Callable[[int, int], bool] = lambda i, j: True,
) -> float:  # fmt: skip
    before, gaps = read(items), []
    n_moved = len(items) - 1 if n_moved is None else n_moved
    for i, j in (places for places in combinations(range(n_moved), 2) if pair(*places)):
        swapped = items.copy()
        swapped[[i, j]] = items[[j, i]]
        gaps.append(float(gap(before, read(swapped))))
    return max(gaps)


def _distances(
    read: Callable[[np.ndarray], np.ndarray], items: np.ndarray, other: int, places: range | list[int],
    *, exact: bool = False,
) -> list[int]:  # fmt: skip
    """Give j - i for each changed place j of these and each state i before it that moves."""
    before, found = read(items), []
    for j in places:
        changed = items.copy()
        changed[j] = other
        after = read(changed)
        same = before[:j] == after[:j] if exact else np.isclose(before[:j], after[:j])
        found += (j - np.flatnonzero(~same.all(axis=1))).tolist()
    return found


def _any_distance(read: Callable[[np.ndarray], np.ndarray], items: np.ndarray, other: int) -> int:
    """Largest distance of a changed place to any state that moves, later ones included."""
    before, found = read(items), [0]
    for j in range(len(items)):
        changed = items.copy()
        changed[j] = other
        moved = ~np.isclose(before, read(changed)).all(axis=1)
        found += np.abs(j - np.flatnonzero(moved)).tolist()
    return max(found)


def _piled_up(read: Callable[[np.ndarray], np.ndarray], items: np.ndarray, other: int) -> int:
    """Largest distance to an earlier state that has moved, where earlier changes stay in place."""
    before, changed, found = read(items), items.copy(), [0]
    for j in range(len(items)):
        changed[j] = other
        found += (j - np.flatnonzero(~np.isclose(before[:j], read(changed)[:j]).all(axis=1))).tolist()
    return max(found)


def _of_first_state(read: Callable[[np.ndarray], np.ndarray], items: np.ndarray, other: int) -> int:
    """Largest place whose change moves the first state."""
    return max((j for j in range(len(items)) if j in _distances(read, items, other, [j])), default=0)


def _full(states: np.ndarray, vectors: np.ndarray, right: np.ndarray) -> float:
    return float(-log_softmax(states @ vectors.T, axis=1)[np.arange(len(right)), right].mean())


def _binary(
    states: np.ndarray, vectors: np.ndarray, right: np.ndarray, drawn: np.ndarray, sign: float = -1
) -> np.ndarray:
    """-ln σ of the right item and of the drawn ones with their sign turned, (n, 1 + n_drawn)."""
    s_right = (states * vectors[right]).sum(axis=1, keepdims=True)
    s_drawn = np.einsum("nd,nkd->nk", states, vectors[drawn])
    return np.logaddexp(0, -np.hstack([s_right, sign * s_drawn]))


def _without_hits(states: np.ndarray, vectors: np.ndarray, right: np.ndarray, drawn: np.ndarray) -> float:
    kept = np.hstack([np.ones((len(right), 1), dtype=bool), drawn != right[:, None]])
    return float(_binary(states, vectors, right, drawn)[kept].mean())


def _every_pair(states: np.ndarray, vectors: np.ndarray, right: np.ndarray, drawn: np.ndarray, *, both: bool) -> float:
    """Give the sampled loss with the drawn items of all states for each state, and the right ones too if ``both``."""
    scores = states @ vectors.T
    s_right = scores[:, right] if both else scores[np.arange(len(right)), right]
    return float(np.logaddexp(0, np.append(-s_right, scores[:, drawn])).mean())


def _full_in_columns(states: np.ndarray, vectors: np.ndarray, right: np.ndarray) -> float:
    return float(-log_softmax(states @ vectors.T, axis=1)[:, right].mean())


def _one_softmax(states: np.ndarray, vectors: np.ndarray, right: np.ndarray) -> float:
    return float(-log_softmax(states @ vectors.T)[np.arange(len(right)), right].mean())


def _softmax_of_few(states: np.ndarray, vectors: np.ndarray, right: np.ndarray, drawn: np.ndarray) -> float:
    some = vectors[np.hstack([right[:, None], drawn])]  # (n, 1 + n_drawn, n_factors)
    return float(-log_softmax(np.einsum("nd,nkd->nk", states, some), axis=1)[:, 0].mean())


def _sums(weight: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Give a reader whose state is a weighted sum of the numbers of the items; weights (length, length) by length."""
    return lambda items: (weight(np.arange(len(items))) @ items)[:, None].astype(float)


def _band(ahead: int, only: int | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Weights that read up to ``ahead`` places ahead, from the place ``only`` if one is given."""

    def weight(t: np.ndarray) -> np.ndarray:
        reach = np.where((t == only) if only is not None else (t >= 0), ahead, 0)
        return (t[None] <= (t + reach)[:, None]).astype(float)

    return weight


SIGNS = np.array([1.0, -1.0, 0.0])  # three numbers per state, whose sum is always 0
RUNNING_SUM = Reader("running_sum", _sums(_band(0)))
BY_PLACE = Reader("sum_by_place", _sums(lambda t: np.tril(np.ones((len(t),) * 2)) * (t + 1)))
NEXT_TOO = Reader("sum_up_to_the_next", _sums(_band(1)))
LATE = Reader("first_reads_two_ahead", _sums(_band(2, only=0)))
ONLY_TWO_AHEAD = Reader("reads_two_ahead", _sums(lambda t: np.eye(len(t)) + 2 * np.eye(len(t), k=2)))
SECOND_READS_TWO_AHEAD = Reader("second_reads_two_ahead", _sums(_band(2, only=1)))
EVERYTHING = Reader("sum_of_all", _sums(lambda t: np.ones((len(t),) * 2)))
THREE_BY_PLACE = Reader("three_by_place", lambda items: BY_PLACE(items) * SIGNS)
THREE_WITH_NEXT = Reader("three_with_next", lambda items: NEXT_TOO(items) * SIGNS)
UNEVEN_BY_PLACE = Reader("three_uneven_by_place", lambda items: BY_PLACE(items) * [0.0, 2.0, -1.0])
LAST_NUMBER_LEAKS = Reader("leaks_in_its_last_number", lambda items: np.hstack([RUNNING_SUM(items), NEXT_TOO(items)]))
LEAKS_A_LITTLE = Reader("adds_0.0001_times_the_next", _sums(lambda t: np.tri(len(t)) + 1e-4 * np.eye(len(t), k=1)))
ROUNDED_DIFFERENTLY = Reader("running_sum_with_rounding_errors", _sums(lambda t: np.tri(len(t)) + 1e-13))


def _attention_reader(rng: np.random.Generator, ahead: int, places: bool) -> Reader:
    """Give a small network of one layer of attention, with random weights."""
    vectors, places_of = rng.uniform(-0.5, 0.5, (2, 10, 3))  # so small that no weight is nearly 0: what leaks, moves
    places_of *= places

    def states(items: np.ndarray) -> np.ndarray:
        x = vectors[items] + places_of[: len(items)]
        return _masked(x, x, x, ahead)

    return Reader(f"network_of_random_weights_{rng.integers(100)}", states)


def _draw_one(rng: np.random.Generator) -> tuple:
    return rng.normal(size=3), 2 * rng.normal(size=(4, 3)), rng.normal(size=(4, 2))


def _draw_batch(rng: np.random.Generator) -> tuple:
    d = int(rng.choice([2, 5]))
    return rng.normal(size=(2, 3, d)), rng.normal(size=(2, 3, d)), rng.normal(size=(2, 3, 1))


def _draw_order(rng: np.random.Generator) -> tuple:
    return _attention_reader(rng, 0, bool(rng.integers(2))), rng.permutation(10)[:5]


def _draw_reader(rng: np.random.Generator) -> tuple:
    items = rng.permutation(10)[:6]
    return _attention_reader(rng, int(rng.integers(4)), True), items[:5], int(items[5])


def _draw_losses(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(3, 4)), rng.normal(size=(6, 4)), rng.integers(6, size=3), rng.integers(6, size=(3, 2))


def _which_beats_counting(differences: Sequence[tuple[float, float, float]]) -> str:
    """Say with which loss SASRec is above co-visitation beyond doubt: with both (a), the full one (b), or neither (c).

    Two differences come, with their intervals: with the full softmax, and with one sampled film.
    """
    (_, full, _), (_, sampled, _) = differences
    return {(True, True): "a", (True, False): "b", (False, False): "c"}[full > 0, sampled > 0]


ZEROS = np.zeros((1, 2, 2))
LN_3_AND_0 = np.array([[[np.log(3), 0, 0, 0], [0, 5, 0, 0]]])  # keys; the query [2, 0, 0, 0] weighs them 3/4 and 1/4
HALVES = np.array([0.5, 0.25, 0.25, 0.0])

CHAPTER = Chapter(
    number="09",
    title="Attention, and why the loss matters more",
    objectives={
        "O9.1": "Write scaled dot-product attention for one query, then causal and batched",
        "O9.2": "Test whether a model notices the order of its items",
        "O9.3": "Find a leak from the future by changing the future",
        "O9.4": "Write the full and the sampled loss, and derive what the sampled one estimates",
    },
    exercises=[
        Exercise(
            "9.1", "Attention for one query", objective="O9.1", level="warm-up", minutes=6,
            reference=attend,
            cases=[
                (np.array([2.0, 0, 0, 0]), np.array([[np.log(3), 0, 0, 0], [0, 5, 0, 0]]), np.array([[4.0], [8.0]])),
                (np.array([1.0, 0.0]), np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 0.0]]),
                 np.array([[1.0, 3.0], [3.0, 5.0], [2.0, 1.0]])),
                (np.array([1.0, 0.0, -1.0]), np.array([[-2.0, 1.0, 3.0]]), np.array([[7.0, -1.0]])),
                (np.array([-1.0]), np.array([[np.log(4)], [0.0], [0.0]]), np.array([[18.0], [9.0], [0.0]])),
            ],
            draw=_draw_one,
            why="The weights are above 0 and sum to 1, so the result is a weighted mean of the values.",
            hints=(
                "One number for each key, then weights that sum to 1, then a weighted mean of the values.",
                "keys @ query gives all the products; divide by np.sqrt(len(query)); then the softmax.",
                "w = np.exp(keys @ query / np.sqrt(len(query))); return w / w.sum() @ values",
            ),
            misconceptions={
                "The products are not divided by the root of d, the length of the query.":
                    lambda query, keys, values: softmax(keys @ query) @ values,
                "You divided by d. It is the root of d: the spread of a sum of d products grows like that.":
                    lambda query, keys, values: softmax(keys @ query / len(query)) @ values,
                "You divided by the root of the number of keys. d is the length of the query, len(query).":
                    lambda query, keys, values: softmax(keys @ query / np.sqrt(len(keys))) @ values,
                "You divided by the root of 2. d is the length of the query, len(query): in the example it is 4.":
                    lambda query, keys, values: softmax(keys @ query / np.sqrt(2)) @ values,
                "You mixed the keys. What is compared are the keys, what is mixed are the values.":
                    lambda query, keys, values: softmax(keys @ query / np.sqrt(len(query))) @ keys,
                "Your weights do not sum to 1: divide by the sum of the exponentials.":
                    lambda query, keys, values: np.exp(keys @ query / np.sqrt(len(query))) @ values,
                "You weighted the values by the products themselves. The softmax is missing: it makes weights that "
                "sum to 1.":
                    lambda query, keys, values: (keys @ query / np.sqrt(len(query))) @ values,
                "You divided the products by their sum. Products may be negative: take np.exp of them first.":
                    lambda query, keys, values: keys @ query / (keys @ query).sum() @ values,
                "Those are the weights. Mix the values by them: weights @ values.":
                    lambda query, keys, values: softmax(keys @ query / np.sqrt(len(query))),
            },
        ),
        Exercise(
            "9.2", "Causal and batched", objective="O9.1", level="core", minutes=9,
            reference=causal_attention,
            cases=[
                (ZEROS, ZEROS, np.array([[[2.0], [6.0]]])),
                (np.array([[[0.0, 0, 0, 0], [2, 0, 0, 0]]]), LN_3_AND_0, np.array([[[4.0, 0], [8, 2]]])),
                (np.ones((2, 3, 1)), np.log([[[1.0], [2.0], [1.0]], [[1.0], [1.0], [4.0]]]),
                 np.array([[[3.0, 0.0], [9.0, 3.0], [0.0, 8.0]], [[1.0, 2.0], [3.0, 0.0], [6.0, 6.0]]])),
            ],
            draw=_draw_batch,
            why="exp(-inf) is 0: the future takes no part, and what is left still sums to 1.",
            hints=(
                "First all products of a row, (length, length): which of them may place t use?",
                "Q @ K.swapaxes(-1, -2) does it for all rows; put -np.inf above the diagonal before the softmax.",
                "allowed = np.tril(np.ones((length, length), dtype=bool)); logits = np.where(allowed, logits, -np.inf)",
            ),
            misconceptions={
                "You let every place read the whole row, the future, too. The mask is missing.":
                    lambda Q, K, V: softmax(_logits(Q, K), axis=-1) @ V,
                "Your mask is off by one: place t reads t + 1, which is what it should predict.":
                    lambda Q, K, V: _masked(Q, K, V, ahead=1),
                "Your mask leaves out the place itself, so that the first one has nothing to read. It reads itself, "
                "too: "
                "np.tril without a second argument.":
                    lambda Q, K, V: _masked(Q, K, V, ahead=-1),
                "np.where took the products for the mask, so that a product of 0 is forbidden, too. Make the mask of "
                "ones: "
                "np.tril(np.ones((length, length), dtype=bool)).":
                    lambda Q, K, V: softmax(np.where(np.tril(_logits(Q, K)), _logits(Q, K), -np.inf), axis=-1) @ V,
                "Your mask is upside down: each place reads itself and what comes after it.":
                    lambda Q, K, V: softmax(np.where(_lower(Q).T > 0, _logits(Q, K), -np.inf), axis=-1) @ V,
                "You put 0 where the mask forbids. exp(0) is 1, so the future still gets weight: put -np.inf.":
                    lambda Q, K, V: softmax(_lower(Q) * _logits(Q, K), axis=-1) @ V,
                "You masked after the softmax: what is left of a row no longer sums to 1.":
                    lambda Q, K, V: (_lower(Q) * softmax(_logits(Q, K), axis=-1)) @ V,
                "Your softmax runs along the queries. Each query shares its attention: take the last axis.":
                    _along_queries,
                "The products are not divided by the root of d.":
                    lambda Q, K, V: _masked(Q * np.sqrt(Q.shape[-1]), K, V),
                "You divided by the root of the length of the row. In a batch d is the last axis: Q.shape[-1].":
                    lambda Q, K, V: _masked(Q * np.sqrt(Q.shape[-1] / Q.shape[1]), K, V),
                "You divided by the root of the number of values. d is the length of a query: Q.shape[-1].":
                    lambda Q, K, V: _masked(Q * np.sqrt(Q.shape[-1] / V.shape[-1]), K, V),
                "You divided by the root of the number of rows. In a batch d is the last axis: Q.shape[-1].":
                    lambda Q, K, V: _masked(Q * np.sqrt(Q.shape[-1] / len(Q)), K, V),
            },
        ),
        Exercise(
            "9.3", "Does order matter?", objective="O9.2", level="core", minutes=7,
            reference=order_gap,
            cases=[
                (BY_PLACE, np.array([1, 2, 5])),
                (RUNNING_SUM, np.array([1, 2, 5])),
                (BY_PLACE, np.array([4, 1, 3, 7])),
                (BY_PLACE, np.array([1, 4, 9, 2])),
                (BY_PLACE, np.array([3, 9, 1, 7])),
                (THREE_BY_PLACE, np.array([1, 2, 5])),
                (UNEVEN_BY_PLACE, np.array([1, 2, 5])),  # the largest change is a fall, beside a smaller rise
                (UNEVEN_BY_PLACE, np.array([2, 1, 5])),  # and here a rise, beside a smaller fall
            ],
            properties={
                "Give one number: the largest change, of all pairs and of all numbers of the last state.":
                    lambda args, came: np.ndim(came) == 0,
            },
            draw=_draw_order,
            why="If no swap moves the last state, it knows what came before, and not in which order.",
            hints=(
                "Read the row once. Then swap two earlier items, read again, and compare the last states.",
                "All pairs i < j below len(items) - 1; work on a copy, so that each swap begins from the row given.",
                "swapped = items.copy(); swapped[[i, j]] = items[[j, i]]; np.abs(read(swapped)[-1] - before).max()",
            ),
            misconceptions={
                "You swapped the last item, too. Then the last state reads another item: swap earlier ones only.":
                    lambda read, items: _order_gap(read, items, n_moved=len(items)),
                "You compared all states. After a swap a state in the middle has read other items: compare the last "
                "one.":
                    lambda read, items: _order_gap(read, items, gap=lambda b, a: np.abs(b - a).max()),
                "You tried one swap, of the first two items. Try all pairs of earlier items.":
                    lambda read, items: _order_gap(read, items, n_moved=2),
                "You swapped neighbors only. Try all pairs of earlier items.":
                    lambda read, items: _order_gap(read, items, pair=lambda i, j: j == i + 1),
                "You swapped the first item only, with each other one. Try all pairs of earlier items.":
                    lambda read, items: _order_gap(read, items, pair=lambda i, j: i == 0),
                "Take the size of the change: the largest difference may be below 0.":
                    lambda read, items: _order_gap(read, items, gap=lambda b, a: (a[-1] - b[-1]).max()),
                "Take the size of the change, np.abs(new - old): as it is, you miss the numbers that fall.":
                    lambda read, items: max(0, _order_gap(read, items, gap=lambda b, a: (a[-1] - b[-1]).max())),
                "Take the size of the change, np.abs(old - new): as it is, you miss the numbers that rise.":
                    lambda read, items: max(0, _order_gap(read, items, gap=lambda b, a: (b[-1] - a[-1]).max())),
                "You took the size after the largest difference: a fall may be larger than every rise. np.abs comes "
                "first, "
                "then max: np.abs(new - old).max().":
                    lambda read, items: _order_gap(read, items, gap=lambda b, a: np.abs((a[-1] - b[-1]).max())),
                "You took the size after the largest difference: a rise may be larger than every fall. np.abs comes "
                "first, "
                "then max: np.abs(old - new).max().":
                    lambda read, items: _order_gap(read, items, gap=lambda b, a: np.abs((b[-1] - a[-1]).max())),
                "You added up the changes of all numbers of the state. Asked is the largest of them.":
                    lambda read, items: _order_gap(read, items, gap=lambda b, a: np.abs(b[-1] - a[-1]).sum()),
                "You added up the numbers of each state before you compared: rises and falls cancel.":
                    lambda read, items: _order_gap(read, items, gap=lambda b, a: np.abs(b[-1].sum() - a[-1].sum())),
                "You compared the first number of the state only. Any of its numbers may change.":
                    lambda read, items: _order_gap(read, items, gap=lambda b, a: np.abs(b[-1, 0] - a[-1, 0])),
                "You took the length of the change, a root of squares. Asked is the largest of its numbers.":
                    lambda read, items: _order_gap(read, items, gap=lambda b, a: float(np.linalg.norm(b[-1] - a[-1]))),
                "You took the mean of the changes. One number that moves is enough: take the largest.":
                    lambda read, items: _order_gap(read, items, gap=lambda b, a: np.abs(b[-1] - a[-1]).mean()),
            },
        ),
        Exercise(
            "9.4", "How far does it look ahead?", objective="O9.3", level="core", minutes=9,
            reference=steps_ahead,
            cases=[
                (NEXT_TOO, np.array([1, 2, 5]), 9),
                (RUNNING_SUM, np.array([1, 2, 5]), 9),
                (EVERYTHING, np.array([1, 2, 5, 4]), 9),
                (LATE, np.array([1, 2, 5, 4, 3]), 9),
                (ONLY_TWO_AHEAD, np.array([1, 2, 5, 4, 3]), 9),
                (SECOND_READS_TWO_AHEAD, np.array([1, 2, 5, 4, 3]), 9),
                (LATE, np.array([1, 2, 9, 4, 3]), 7),
                (LATE, np.array([1, 2, 0, 4, 3]), 7),
                (LATE, np.array([1, 2, 7, 4, 3]), 5),
                (THREE_WITH_NEXT, np.array([1, 2, 5]), 9),
                (LAST_NUMBER_LEAKS, np.array([1, 2, 5]), 9),
                (LEAKS_A_LITTLE, np.array([1, 2, 5]), 9),
                (ROUNDED_DIFFERENTLY, np.array([1, 2, 5]), 9),  # no leak: the states differ by rounding errors only
                (EVERYTHING, np.array([1, 2, 5, 4, 3, 8]), 9),
            ],
            draw=_draw_reader,
            why="A state that moves when only a later item changed has read it: that proves a leak.",
            hints=(
                "Change one item, at place j. Which states i before j moved? Those read j - i places ahead.",
                "A copy with changed[j] = other; compare read(changed)[i] with the states of the row as it was.",
                "for each j, for i in range(j): if not np.allclose(before[i], after[i]): ahead = max(ahead, j - i)",
            ),
            misconceptions={
                "You counted states after the change, too. They may move; only those before it must not.":
                    _any_distance,
                "You left earlier changes in place: begin each time from a copy of items.": _piled_up,
                "You looked at the first state only. Any state may read ahead: compare all those before place j.":
                    _of_first_state,
                "You compared states exactly. Rounding moves the last digits, and that is no leak: use np.allclose.":
                    lambda read, items, other: max(
                        _distances(read, items, other, range(len(items)), exact=True), default=0
                    ),
                "You compared the first number of each state only. A leak may be in any of them.":
                    lambda read, items, other: steps_ahead(lambda row: read(row)[:, :1], items, other),
                "You added up the numbers of each state before you compared: changes may cancel. Compare all numbers.":
                    lambda read, items, other: steps_ahead(
                        lambda row: read(row).sum(axis=1, keepdims=True), items, other
                    ),
                "You say whether something leaks. Asked is how far: the largest j - i.":
                    lambda read, items, other: min(1, steps_ahead(read, items, other)),
                "You changed the last item only. A leak may be anywhere in the row: change each place in turn.":
                    lambda read, items, other: max(_distances(read, items, other, [len(items) - 1]), default=0),
                "You compared each place with the next one only. A mask may leak further, or pass over the next.":
                    lambda read, items, other: int(1 in _distances(read, items, other, range(len(items)))),
                "You took the smallest distance. Asked is the largest.":
                    lambda read, items, other: min(_distances(read, items, other, range(len(items))), default=0),
                "You counted how many pairs leak. Asked is the largest distance.":
                    lambda read, items, other: len(_distances(read, items, other, range(len(items)))),
            },
        ),
        Exercise(
            "9.5", "Two losses for one state", objective="O9.4", level="core", minutes=8,
            reference=two_losses,
            cases=[
                (np.array([[1.0]]), np.array([[0.0], [0.0], [np.log(2)]]), np.array([2]), np.array([[0]])),
                (np.array([[1.0]]), np.array([[0.0], [np.log(2)]]), np.array([1]), np.array([[1]])),
                (np.array([[1.0, 0.0], [0.0, 2.0]]),
                 np.array([[np.log(3), 0.0], [0.0, np.log(2)], [0.0, 0.0], [1.0, -1.0]]),
                 np.array([0, 1]), np.array([[1, 2, 0], [0, 2, 2]])),
                (np.zeros((3, 2)), np.zeros((4, 2)), np.array([1, 3, 3]), np.array([[0, 2], [1, 1], [0, 1]])),
            ],
            draw=_draw_losses,
            why="The full loss needs n_items scores for each state, the sampled one 1 + n_drawn.",
            hints=(
                "The full one: -log softmax of all scores, at the right item. The sampled one: -ln σ, twice or more.",
                "vectors[drawn] has shape (n, n_drawn, n_factors); np.einsum('nd,nkd->nk', states, vectors[drawn]).",
                "np.log1p(np.exp(-s)) is -ln σ(s). Put -s_right and s_drawn side by side, and take the mean of all.",
            ),
            misconceptions={
                "Your drawn items are pushed up: their sign has to be turned, -ln σ(-s).":
                    lambda states, vectors, right, drawn: (
                        _full(states, vectors, right), float(_binary(states, vectors, right, drawn, sign=1).mean())
                    ),
                "Your sampled loss is the sum over the items of a state. Take the mean over all the n (1 + n_drawn).":
                    lambda *args: (_full(*args[:3]), float(_binary(*args).sum(axis=1).mean())),
                "You averaged right and drawn items separately. Each of the n (1 + n_drawn) numbers has the same "
                "weight.":
                    lambda states, vectors, right, drawn: (
                        _full(states, vectors, right),
                        float(
                            _binary(states, vectors, right, drawn)[:, 0].mean()
                            + _binary(states, vectors, right, drawn)[:, 1:].mean()
                        ),
                    ),
                "You averaged right and drawn items separately, then halved. With more drawn than right ones, "
                "take the mean of all the n (1 + n_drawn) costs.":
                    lambda states, vectors, right, drawn: (
                        _full(states, vectors, right),
                        float(
                            _binary(states, vectors, right, drawn)[:, 0].mean()
                            + _binary(states, vectors, right, drawn)[:, 1:].mean()
                        ) / 2,
                    ),
                "You left out draws that hit the right film. Here they stay in, like all others.":
                    lambda *args: (_full(*args[:3]), _without_hits(*args)),
                "scores[:, right] gives n columns for each state. Take scores[np.arange(n), right], one for each.":
                    lambda *args: (_full_in_columns(*args[:3]), two_losses(*args)[1]),
                "scores[:, right] and scores[:, drawn] give each state the items of all states. It has its own: "
                "scores[np.arange(n), right], and the einsum of the task.":
                    lambda *args: (_full_in_columns(*args[:3]), _every_pair(*args, both=True)),
                "scores[:, drawn] holds each state against the drawn items of all states. It has its own: the einsum "
                "of the task.":
                    lambda *args: (_full(*args[:3]), _every_pair(*args, both=False)),
                "Each state has its own softmax: sum the exponentials over axis 1.":
                    lambda *args: (_one_softmax(*args[:3]), two_losses(*args)[1]),
                "Your full softmax runs over the right and the drawn items only: take all of them.":
                    lambda *args: (_softmax_of_few(*args), two_losses(*args)[1]),
                "Your sampled loss is a softmax over a few items. Here each of them answers yes or no, by σ.":
                    lambda *args: (_full(*args[:3]), _softmax_of_few(*args)),
                "The two losses are swapped: return the full loss first, then the sampled one.":
                    lambda *args: two_losses(*args)[::-1],
            },
        ),
        Exercise(
            "9.6", "What the sampled loss believes", objective="O9.4", level="core", minutes=7,
            reference=believed,
            cases=[(HALVES, 1), (HALVES, 2), (np.array([0.6, 0.4]), 3), (np.array([1.0]), 1)],
            draw=lambda rng: (rng.dirichlet(np.ones(6)), int(rng.integers(1, 5))),
            why="An item that comes as often as it is drawn gets one half, however rare both are.",
            hints=(
                "Look at one item. How often does it stand there as the right one, how often as a drawn one?",
                "Right with p_j, drawn with n_drawn / n_items on average: σ should be the share of the first in both.",
                "Slope of -p ln σ(s) - q ln σ(-s) along s: -p (1 - σ) + q σ = 0, so σ = p / (p + q).",
            ),
            misconceptions={
                "That is the true probability p. The sampled loss aims at another number, which depends on the drawn "
                "items.":
                    lambda p, n_drawn: p,
                "You forgot that n_drawn items are drawn for each right one.":
                    lambda p, n_drawn: believed(p, 1),
                "Each draw hits a given item with probability 1 / n_items, not with probability 1.":
                    lambda p, n_drawn: p / (p + n_drawn),
                "You drew only where the film is not the right one. Here any film may be drawn, including the right "
                "one.":
                    lambda p, n_drawn: p / (p + n_drawn * (1 - p) / len(p)),
                "That is the best score s. Asked is σ(s): put it into σ.":
                    lambda p, n_drawn: logit(believed(p, n_drawn)),
                "Your numbers sum to 1. They need not: the loss asks about each film separately, right or drawn.":
                    lambda p, n_drawn: believed(p, n_drawn) / believed(p, n_drawn).sum(),
                "That is the share of the draws. Asked is that of the right ones.":
                    lambda p, n_drawn: 1 - believed(p, n_drawn),
                "That is the ratio, e to the power of s. Asked is σ(s), which is below 1.":
                    lambda p, n_drawn: p * len(p) / n_drawn,
                "You put p into σ. It is the best score s that goes there.":
                    lambda p, n_drawn: expit(p),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P9.1",
            "Chapter 08's co-visitation counts in ten lines. SASRec is a network of attention, trained with the full "
            "softmax or with one sampled film. With which is its nDCG@10 on MovieLens above the counts, the interval "
            "of the difference above 0?",
            {"a": "with both losses", "b": "with the full softmax only", "c": "with neither"},
            outcome=_which_beats_counting,
        ),
    ],
    quiz=[
        Question(
            "O9.1", "Why are the products q · k divided by the root of d?",
            {
                "a": ("So that the weights sum to 1.", "The softmax sees to that, whatever goes in."),
                "b": ("So that they do not grow with d, and the softmax does not end at 0 and 1.",
                      "Right: a sum of d random products spreads like the root of d."),
                "c": ("So that the future gets no weight.", "That is what the mask does."),
            },
            answer="b",
        ),
        Question(
            "O9.1", "A mask writes 0 in place of minus infinity before the softmax. What happens?",
            {
                "a": ("Nothing: 0 is no attention.", "exp(0) is 1: the future gets as much as any neutral place."),
                "b": ("The rows no longer sum to 1.", "They do: the softmax comes afterward."),
                "c": ("The future still gets weight, and the training loss looks too good.",
                      "Right: only exp(-inf) is 0."),
            },
            answer="c",
        ),
        Question(
            "O9.2", "One block of attention without vectors for the places reads Ada's and Ben's evenings: the same "
            "films, the same last one, another order. What do the last states say?",
            {
                "a": ("The same: a weighted mean does not know where its parts stood.",
                      "Right: order has to come in with the vectors."),
                "b": ("Something else: the mask brings the order in.",
                      "The last place may read all of them, so to it one mask says nothing."),
                "c": ("Something else: the weights differ by place.", "They depend on the vectors alone."),
            },
            answer="a",
        ),
        Question(
            "O9.3", "Training loss is nearly 0 after two epochs, and the test score is that of popularity. What first?",
            {
                "a": ("More dropout: it overfits.", "So fast, on data it sees once an epoch, nothing overfits."),
                "b": ("Change an item, and see whether a state before it moves.",
                      "Right: a target that can be read ahead of time is learned by copying."),
                "c": ("More negatives.", "The loss is already too low, not too hard to lower."),
            },
            answer="b",
        ),
        Question(
            "O9.4", "A paper's new network, trained with the full softmax, beats an old one trained with one negative. "
            "What has it shown?",
            {
                "a": ("That the network is better.", "The loss differed, too, and may explain it all."),
                "b": ("That the loss is better.", "The network differed, too."),
                "c": ("That network and loss together are better: for more, both losses are needed on both.",
                      "Right: two by two, with the same tuning and paired intervals."),
            },
            answer="c",
        ),
    ],
)  # fmt: skip
