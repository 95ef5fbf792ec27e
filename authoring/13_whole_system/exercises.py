"""Chapter 13, The whole system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recsys_teach.learn.compare import same_ranking
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.models.two_stage import cap_groups, histories_before
from recsys_teach.models.two_stage import utility as by_package

LOG = (  # of two people; item 3 was shown and not clicked
    np.array([0, 0, 1, 0, 1, 0]),
    np.array([2, 3, 4, 1, 2, 5]),
    np.array([1, 2, 3, 4, 5, 6]),
    np.array([True, False, True, True, True, True]),
)
GENRE = np.array(["crime", "crime", "drama", "crime", "space", "drama", "crime", "space"])


def utility(
    click: np.ndarray, finish: np.ndarray, like: np.ndarray, w_finish: float, w_like: float
) -> np.ndarray:  # fmt: skip
    """P(click) · (1 + w_finish P(finish | click) + w_like P(like | click)), shape of the inputs."""
    outputs = {"click": np.asarray(click), "finish": np.asarray(finish), "like": np.asarray(like)}
    return by_package(outputs, {"finish": w_finish, "like": w_like})


def history_before(
    users: np.ndarray, items: np.ndarray, times: np.ndarray, clicks: np.ndarray, length: int, padding: int
) -> np.ndarray:
    """Items that the user of each impression clicked before it, the last ones, shape (n, length)."""
    return histories_before((users[clicks], items[clicks], times[clicks]), users, times, length, padding)


def two_stages(interest: np.ndarray, value: np.ndarray, seen: np.ndarray, n_candidates: int, k: int) -> np.ndarray:
    """Positions of the k items of most value among the n_candidates unseen items of most interest."""
    fetched = np.argsort(-np.where(seen, -np.inf, interest), kind="stable")[:n_candidates]
    return fetched[np.argsort(-value[fetched], kind="stable")[:k]]


def cap_list(ranked: np.ndarray, genres: np.ndarray, k: int, cap: int) -> np.ndarray:
    """Take the first k items, at most cap of a genre; what was passed over fills up."""
    return cap_groups(np.asarray(ranked), genres, k, cap)


def keeps_rows_apart(recommend: Callable[[np.ndarray], np.ndarray], users: np.ndarray, order: np.ndarray) -> bool:
    """Whether people asked for in another order get the same lists, in that order."""
    return bool(np.array_equal(recommend(users[order]), recommend(users)[order]))


def gain(lists: np.ndarray, others: np.ndarray, P: np.ndarray) -> np.ndarray:
    """Difference of the expected clicks of two lists of each user, shape (n,); -1 is no item."""
    return _expected(lists, P) - _expected(others, P)


def _expected(lists: np.ndarray, P: np.ndarray) -> np.ndarray:
    return _chances(lists, P).sum(axis=1)


def _chances(lists: np.ndarray, P: np.ndarray) -> np.ndarray:
    return np.where(lists >= 0, np.take_along_axis(P, np.maximum(lists, 0), axis=1), 0)


def _as_before(
    users: np.ndarray, items: np.ndarray, times: np.ndarray, clicks: np.ndarray, length: int, padding: int,
    *, keep: Callable[[int], np.ndarray], newest_first: bool = False, first: bool = False,
) -> np.ndarray:  # fmt: skip
    """Histories by a rule ``keep`` that marks the events that belong to the history of impression n."""
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        found = items[keep(n)]
        found = found[:length] if first else found[-length:]
        rows[n, : len(found)] = found[::-1] if newest_first else found
    return rows


def _padded_in_front(rows: np.ndarray, padding: int) -> np.ndarray:
    return np.take_along_axis(rows, np.argsort(rows != padding, axis=1, kind="stable"), axis=1)


def _filtered_last(
    users: np.ndarray, items: np.ndarray, times: np.ndarray, clicks: np.ndarray, length: int, padding: int
) -> np.ndarray:
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        shown = np.flatnonzero((users == users[n]) & (times < times[n]))[-length:]
        found = items[shown[clicks[shown]]]
        rows[n, : len(found)] = found
    return rows


def _listed(
    users: np.ndarray, items: np.ndarray, times: np.ndarray, clicks: np.ndarray, length: int, padding: int,
    keep: Callable[[list[int], int], list[int]],
) -> np.ndarray:  # fmt: skip
    """Histories by a rule ``keep`` that thins out the items that were clicked before, given the item shown."""
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        before = items[(users == users[n]) & (times < times[n]) & clicks].tolist()
        found = keep(before, int(items[n]))[-length:]
        rows[n, : len(found)] = found
    return rows


def _among_unseen(interest: np.ndarray, seen: np.ndarray, n_candidates: int) -> np.ndarray:
    """Places of the candidates among the unseen items, not in the catalog."""
    return np.argsort(-interest[~seen], kind="stable")[:n_candidates]


def _unsorted(expected: np.ndarray, got: Any) -> bool:
    """Whether these are the expected items in another order."""
    items = np.asarray(got)
    reordered = items.shape == expected.shape and np.array_equal(np.sort(items), np.sort(expected))
    return bool(reordered and (items != expected).any())


def _genre_of_place(ranked: np.ndarray, genres: np.ndarray, k: int, cap: int) -> list[int]:
    kept: list[int] = []
    passed: list[int] = []
    for place, item in enumerate(ranked):
        full = sum(genres[other] == genres[place] for other in kept) >= cap
        (passed if full else kept).append(item)
    return (kept + passed)[:k]


def _cap_in_runs(ranked: np.ndarray, genres: np.ndarray, k: int, cap: int) -> list[int]:
    """Break up runs of one genre alone."""
    kept: list[int] = []
    passed: list[int] = []
    for item in ranked:
        run = len(kept) >= cap and all(genres[other] == genres[item] for other in kept[-cap:])
        (passed if run else kept).append(item)
    return (kept + passed)[:k]


def _only_kept(ranked: np.ndarray, genres: np.ndarray, cap: int) -> list[int]:
    return [item for place, item in enumerate(ranked) if (genres[ranked[:place]] == genres[item]).sum() < cap]


class Recommend:
    """A function of user positions to lists, with a name that can be printed."""

    def __init__(self, name: str, function: Callable[[np.ndarray], np.ndarray]):
        self.name, self.function = name, function

    def __call__(self, users: np.ndarray) -> np.ndarray:
        """(n,) to (n, k)."""
        return self.function(np.asarray(users))

    def __repr__(self) -> str:
        return f"<{self.name}>"


OWN = Recommend("user u gets [u, u + 1]", lambda users: np.stack([users, users + 1], axis=1))
SAME = Recommend("everybody gets [4, 2]", lambda users: np.tile([4, 2], (len(users), 1)))
BY_PLACE = Recommend("the n-th row gets [n, n + 1]", lambda users: np.arange(len(users))[:, None] + [0, 1])
BY_FIRST = Recommend("all get the list of the first row", lambda users: np.tile([users[0], 9], (len(users), 1)))
SORTED = Recommend("rows come back sorted by user", lambda users: np.stack([np.sort(users), np.sort(users)], axis=1))
TURNED = Recommend("user u gets [u, 7], or [7, u] in the first row", lambda users: np.array(
    [[7, u] if n == 0 else [u, 7] for n, u in enumerate(users)]
))  # fmt: skip
LARGEST = Recommend("only the largest user gets the own list", lambda users: np.array(
    [[u, u + 1] if u == max(users) else [n, n + 1] for n, u in enumerate(users)]
))  # fmt: skip
SECOND = Recommend("user u gets [u, n] in row n", lambda users: np.stack([users, np.arange(len(users))], axis=1))
FALLING = Recommend("as [u, u + 1], in reverse if the first user is above the last", lambda users: (
    OWN(users)[::-1] if users[0] > users[-1] else OWN(users)
))  # fmt: skip
SWAPPED = Recommend("as [u, u + 1], the first two rows swapped if the first user is above the last", lambda users: (
    OWN(users)[[1, 0, *range(2, len(users))]] if users[0] > users[-1] else OWN(users)
))  # fmt: skip
LAST_OWN = Recommend("only the last row gets the list of its own user", lambda users: np.array(
    [[u, u + 1] if n == len(users) - 1 else [n, n + 1] for n, u in enumerate(users)]
))  # fmt: skip
THREE, AROUND = np.array([5, 3, 8]), np.array([2, 0, 1])


# np.argpartition happens to sort up to 256 numbers on some processors; the first 300 of 600 it never does.
MANY = np.arange(600.0) * 7 % 600


def _draw_utility(rng: np.random.Generator) -> tuple:
    return *rng.uniform(0.05, 0.95, size=(3, 4)), float(rng.uniform(0.5, 3)), float(rng.uniform(0.5, 3))


def _draw_log(rng: np.random.Generator) -> tuple:
    n = 14
    return (
        rng.integers(3, size=n), rng.integers(6, size=n), np.sort(rng.integers(10, size=n)), rng.random(n) < 0.6,
        int(rng.integers(1, 5)), int(rng.integers(6, 20)),
    )  # fmt: skip


def _draw_stages(rng: np.random.Generator) -> tuple:
    seen = np.zeros(10, dtype=bool)
    interest = rng.permutation(10) / 10 - 0.75  # u · v may be negative
    seen[np.argsort(-interest)[[0, 2]]] = True
    return interest, rng.permutation(10) / 10, seen, 4, 2


def _draw_list(rng: np.random.Generator) -> tuple:
    return rng.permutation(8), GENRE, 5, int(rng.integers(1, 3))


def _draw_order(rng: np.random.Generator) -> tuple:
    which = [OWN, SAME, BY_PLACE, BY_FIRST, SORTED, TURNED, LARGEST, SECOND, FALLING, SWAPPED][rng.integers(10)]
    return which, rng.permutation(10)[:4], np.array([1, 2, 3, 0])


def _draw_gain(rng: np.random.Generator) -> tuple:
    lists = np.array([rng.permutation(6)[:3] for _ in range(4)])
    others = np.array([rng.permutation(6)[:3] for _ in range(4)])
    others[1, 2] = lists[2, 1] = lists[2, 2] = -1
    return lists, others, rng.uniform(0.05, 0.9, size=(4, 6)).round(2)


def _who_wins(measured: dict[str, tuple[float, float]]) -> str:
    (log_whole, truth_whole), (log_popular, truth_popular) = measured["whole"], measured["popularity"]
    if log_whole > log_popular:
        return "a" if truth_whole > truth_popular else "d"
    return "b" if truth_whole > truth_popular else "c"


P_TINY = np.array([[0.5, 0.1, 0.3], [0.2, 0.4, 0.6]])

CHAPTER = Chapter(
    number="13",
    title="The whole system",
    objectives={
        "O13.1": "Combine the outputs of several heads into one utility",
        "O13.2": "Give each impression the history before it, so that nothing leaks",
        "O13.3": "Chain candidates, ranking and re-ranking, in positions of the catalog",
        "O13.4": "Test an interface of a system with a test that can fail",
        "O13.5": "Compare the lists of two systems by expected clicks, user by user, as an ablation does",
    },
    exercises=[
        Exercise(
            "13.1", "One number from three heads", objective="O13.1", level="warm-up", minutes=5,
            reference=utility,
            cases=[
                (np.array([0.5]), np.array([0.4]), np.array([0.1]), 1.0, 2.0),
                (np.array([0.5, 0.3]), np.array([0.1, 0.9]), np.array([0.0, 0.4]), 1.0, 1.0),
                (np.array([0.5, 0.3]), np.array([0.1, 0.9]), np.array([0.0, 0.4]), 0.0, 0.0),
                (np.array([[0.2], [0.0]]), np.array([[0.5], [1.0]]), np.array([[0.5], [1.0]]), 0.5, 3.0),
            ],
            draw=_draw_utility,
            why="P(click and finish) = P(click) P(finish | click): nothing follows without a click.",
            hints=(
                "What is a click worth, what a click that is finished, what one that is liked?",
                "Each of the three is P(click) times something; the first something is 1.",
                "click * (1 + w_finish * finish + w_like * like)",
            ),
            misconceptions={
                "You added the heads. A finish given a click counts only if there is a click: multiply by P(click).":
                    lambda click, finish, like, w_finish, w_like: click + w_finish * finish + w_like * like,
                "The click itself is worth nothing with you: the 1 in the bracket is missing.":
                    lambda click, finish, like, w_finish, w_like: click * (w_finish * finish + w_like * like),
                "You multiplied the three heads. Each of finish and like is multiplied by P(click) and its weight, "
                "then added.":
                    lambda click, finish, like, w_finish, w_like: click * finish * like,
                "Your click multiplies the finish, and not the like: put a bracket round the sum.":
                    lambda click, finish, like, w_finish, w_like: click * (1 + w_finish * finish) + w_like * like,
                "You swapped the weights: w_finish belongs to finish, w_like to like.":
                    lambda click, finish, like, w_finish, w_like: utility(click, finish, like, w_like, w_finish),
                "You summed over the items. Each keeps its own utility: no .sum().":
                    lambda click, finish, like, w_finish, w_like: float(
                        utility(click, finish, like, w_finish, w_like).sum()
                    ),
                "You left the weights out.":
                    lambda click, finish, like, w_finish, w_like: utility(click, finish, like, 1.0, 1.0),
                "You divided by the sum of the weights. The utility is not a mean: it has no divisor.":
                    lambda click, finish, like, w_finish, w_like: utility(click, finish, like, w_finish, w_like)
                    / (1 + w_finish + w_like),
                "You multiplied by P(click) twice.":
                    lambda click, finish, like, w_finish, w_like: click * utility(
                        click, finish, like, w_finish, w_like
                    ),
            },
        ),
        Exercise(
            "13.2", "What was known before", objective="O13.2", level="core", minutes=9,
            reference=history_before,
            cases=[
                (*(part[:3] for part in LOG), 2, 9),
                (*LOG, 2, 9),
                (*LOG, 1, -1),
                (np.array([0, 0, 0]), np.array([4, 5, 6]), np.array([1, 1, 2]), np.ones(3, dtype=bool), 2, 9),
                (np.zeros(4, dtype=int), np.array([4, 4, 5, 4]), np.arange(4), np.ones(4, dtype=bool), 2, 9),
                (
                    np.array([7, 7, 7, 7]), np.array([2, 0, 3, 1]), np.array([5, 6, 6, 8]),
                    np.array([True, True, True, False]), 4, 8,
                ),
                (np.array([3]), np.array([0]), np.array([5]), np.array([True]), 3, 1),
            ],
            draw=_draw_log,
            properties={
                "Not every row of your result has `length` items: fill each of them with padding.":
                    lambda given, got: not isinstance(got, list) or all(np.size(row) == given[4] for row in got),
            },
            why="A row holds what could be known when the item was shown: own clicks, earlier, and no more.",
            hints=(
                "Which events of the log may the impression know? Whose, when, and what must have happened?",
                "before = (users == users[n]) & (times < times[n]) & clicks marks them; items[before] is in order.",
                "rows = np.full((len(users), length), padding); last = items[before][-length:]; "
                "rows[n, :len(last)] = last",
            ),
            misconceptions={
                "The item that is shown is in its own history, and so are others of the same second: use <, not <=.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding,
                        keep=lambda n: (users == users[n]) & (times <= times[n]) & clicks,
                    ),
                "Other events of the same second are in the history. They do not know of each other: use <, not <=.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding,
                        keep=lambda n: (users == users[n]) & (times <= times[n]) & clicks
                        & (np.arange(len(users)) != n),
                    ),
                "You compared the clicks with the click of the impression itself. Its history has clicks only, "
                "whatever it was.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding,
                        keep=lambda n: (users == users[n]) & (times < times[n]) & (clicks == clicks[n]),
                    ),
                "Later clicks are in the history: that is the future, and at serving time it is not there.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding,
                        keep=lambda n: (users == users[n]) & clicks,
                    ),
                "Other people's clicks are in the history.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding, keep=lambda n: (times < times[n]) & clicks,
                    ),
                "Items that were shown and not clicked are in the history.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding,
                        keep=lambda n: (users == users[n]) & (times < times[n]),
                    ),
                "You go by the row of the log: two events of one second do not know of each other. Compare times.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding,
                        keep=lambda n: (users == users[n]) & (np.arange(len(users)) < n) & clicks,
                    ),
                "You kept the first clicks. The last ones before the impression are asked.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding, first=True,
                        keep=lambda n: (users == users[n]) & (times < times[n]) & clicks,
                    ),
                "Your rows begin with the newest item. A history reads from old to new, padding behind.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding, newest_first=True,
                        keep=lambda n: (users == users[n]) & (times < times[n]) & clicks,
                    ),
                "Your padding is in front. The items come first, padding is behind them.":
                    lambda users, items, times, clicks, length, padding: _padded_in_front(
                        history_before(users, items, times, clicks, length, padding), padding
                    ),
                "Row n of the log is in its own history, and so are earlier rows of the same second: compare times by "
                "<.":
                    lambda users, items, times, clicks, length, padding: _as_before(
                        users, items, times, clicks, length, padding,
                        keep=lambda n: (users == users[n]) & (np.arange(len(users)) <= n) & clicks,
                    ),
                "You took the last items shown and kept the clicks among them: filter the clicks first, then take "
                "the last.": _filtered_last,
                "You dropped repeats: an item that was clicked twice is in the history twice.":
                    lambda users, items, times, clicks, length, padding: _listed(
                        users, items, times, clicks, length, padding, lambda before, own: list(dict.fromkeys(before)),
                    ),
                "You left the item that is shown out everywhere. An earlier click on it was known: go by time alone.":
                    lambda users, items, times, clicks, length, padding: _listed(
                        users, items, times, clicks, length, padding,
                        lambda before, own: [item for item in before if item != own],
                    ),
            },
        ),
        Exercise(
            "13.3", "Two stages", objective="O13.3", level="core", minutes=7,
            reference=two_stages,
            cases=[
                (
                    np.array([0.9, 0.1, 0.7, 0.8, 0.6]), np.array([0.9, 0.8, 0.4, 0.1, 0.6]),
                    np.array([True, False, False, False, False]), 3, 2,
                ),
                (
                    np.array([0.2, 0.9, 0.1, 0.7, 0.8]), np.array([0.9, 0.3, 0.8, 0.5, 0.6]),
                    np.zeros(5, dtype=bool), 3, 3,
                ),
                (
                    np.array([-0.1, -0.9, -0.3, -0.2, -0.4]), np.array([0.9, 0.8, 0.4, 0.1, 0.6]),
                    np.array([True, False, False, False, False]), 3, 2,
                ),
                (
                    np.array([-2.0, -5.0, -3.0, -4.0]), np.array([0.9, 0.3, 0.2, 0.8]),
                    np.array([True, False, False, False]), 2, 1,
                ),
                (  # as many candidates as unseen items
                    np.array([-2.0, -5.0, -3.0, -4.0]), np.array([0.9, 0.3, 0.2, 0.8]),
                    np.array([True, False, False, False]), 3, 3,
                ),
                (
                    np.array([0.6, 0.9, 0.5, 0.8, 0.7, 0.1]), np.array([0.8, 0.99, 0.9, 0.2, 0.3, 0.95]),
                    np.array([False, True, False, False, False, False]), 4, 2,
                ),
                (  # the first stage alone decides
                    np.array([0.2, 0.4, 0.3]), np.array([0.5, 0.1, 0.9]), np.array([False, False, True]), 1, 1,
                ),
                (np.arange(600.0), MANY, np.zeros(600, dtype=bool), 500, 300),
            ],
            draw=_draw_stages,
            properties={
                "A seen item is in your list: give seen items the interest -np.inf before the fetch.":
                    lambda given, got: not given[2][np.asarray(got)].any(),
                "Those are the right items, but not in the order of their value. np.argpartition, for one, leaves the "
                "best k "
                "in any order: sort these k by `value`.":
                    lambda given, got: not _unsorted(two_stages(*given), got),
            },
            compare=same_ranking,
            why="The first stage says which items compete, the second alone says in which order.",
            hints=(
                "Three steps: put seen items out of the running, fetch by one score, order by the other.",
                "fetched = np.argsort(-np.where(seen, -np.inf, interest))[:n_candidates] are catalog positions.",
                "return fetched[np.argsort(-value[fetched])[:k]]",
            ),
            misconceptions={
                "You return places in the short list. Turn them into positions of the catalog: fetched[...].":
                    lambda interest, value, seen, n_candidates, k: np.argsort(
                        -value[two_stages(interest, interest, seen, n_candidates, n_candidates)]
                    )[:k],
                "You return the candidates in the order of the interest. The second stage orders them by their value.":
                    lambda interest, value, seen, n_candidates, k: two_stages(
                        interest, interest, seen, n_candidates, k
                    ),
                "You ranked all unseen items by their value. Only those that the first stage fetches may compete.":
                    lambda interest, value, seen, n_candidates, k: two_stages(value, value, seen, n_candidates, k),
                "You fetched k items. The first stage fetches n_candidates, so that the second one has a choice.":
                    lambda interest, value, seen, n_candidates, k: two_stages(interest, value, seen, k, k),
                "You gave seen items -1: u · v may be below that, and then -1 is high. Use -np.inf.":
                    lambda interest, value, seen, n_candidates, k: two_stages(
                        np.where(seen, -1, interest), value, np.zeros_like(seen), n_candidates, k
                    ),
                "A seen item is in your list, or took the place of a candidate: leave seen items out before the fetch.":
                    lambda interest, value, seen, n_candidates, k: two_stages(
                        interest, value, np.zeros_like(seen), n_candidates, k
                    ),
                "You gave seen items 0: u · v is often negative, and then 0 is high. Use -np.inf.":
                    lambda interest, value, seen, n_candidates, k: two_stages(
                        interest * ~seen, value, np.zeros_like(seen), n_candidates, k
                    ),
                "You fetched places among the unseen titles: go back by np.flatnonzero(~seen)[...].":
                    lambda interest, value, seen, n_candidates, k: (
                        fetched := _among_unseen(interest, seen, n_candidates)
                    )[np.argsort(-value[fetched], kind="stable")[:k]],
                "You return places among the unseen titles: turn them into positions by np.flatnonzero(~seen)[...].":
                    lambda interest, value, seen, n_candidates, k: (
                        fetched := _among_unseen(interest, seen, n_candidates)
                    )[np.argsort(-value[~seen][fetched], kind="stable")[:k]],
                "You took seen items out after the fetch, so that fewer candidates were left: take them out before.":
                    lambda interest, value, seen, n_candidates, k: [
                        i for i in two_stages(interest, value, np.zeros_like(seen), n_candidates, n_candidates)
                        if not seen[i]
                    ][:k],
                "Your last step puts the worst candidate first: argsort goes from small to large.":
                    lambda interest, value, seen, n_candidates, k: two_stages(interest, -value, seen, n_candidates, k),
            },
        ),
        Exercise(
            "13.4", "At most two of a genre", objective="O13.3", level="core", minutes=8,
            reference=cap_list,
            cases=[
                (np.array([0, 1, 3, 2, 4]), GENRE, 3, 2),
                (np.array([0, 1, 3, 2, 4]), GENRE, 4, 2),
                (np.array([0, 2, 1, 3, 6, 5]), GENRE, 5, 2),
                (np.array([0, 1, 3, 6, 2]), GENRE, 4, 1),
                (np.array([6, 3, 1, 0, 2]), GENRE, 4, 1),  # what was passed over is not in the order of the catalog
                (np.array([2, 1, 0]), np.array(["space", "space", "space"]), 2, 3),
                (np.array([3, 0, 2, 1]), np.array(["drama", "crime", "drama", "crime"]), 3, 1),
            ],
            draw=_draw_list,
            compare=same_ranking,
            why="An item waits while its genre is full; the order is kept, and the list is never short.",
            hints=(
                "Walk down the list once. When may an item go into the list, and where does it go if not?",
                "Keep two lists, kept and passed; count the genre among the kept ones only.",
                "n = sum(genres[j] == genres[i] for j in kept); (kept if n < cap else passed).append(i); "
                "at the end (kept + passed)[:k]",
            ),
            misconceptions={
                "You dropped what was passed over, and the list is short: those items fill the places that are left.":
                    lambda ranked, genres, k, cap: _only_kept(ranked, genres, cap)[:k],
                "You allow one item of a genre too many: an item waits when cap of its genre are in the list already.":
                    lambda ranked, genres, k, cap: cap_list(ranked, genres, k, cap + 1),
                "You broke up neighbors of one genre alone. The cap is for the whole list.": _cap_in_runs,
                "You asked for the genre of the place in the list; ranked holds item positions: genres[item].":
                    _genre_of_place,
                "You looked genres up by the place in the list, for all items. ranked holds item positions: "
                "genres[item].":
                    lambda ranked, genres, k, cap: ranked[
                        cap_list(np.arange(len(ranked)), genres[: len(ranked)], k, cap)
                    ],
                "What you passed over fills the list in the order of the catalog. Keep the order of `ranked`.":
                    lambda ranked, genres, k, cap: (
                        (kept := _only_kept(ranked, genres, cap)) + sorted(set(ranked.tolist()) - set(kept))
                    )[:k],
                "What you passed over fills the list with the last one first. Keep the order of `ranked`.":
                    lambda ranked, genres, k, cap: (
                        (kept := _only_kept(ranked, genres, cap)) + [i for i in ranked[::-1] if i not in kept]
                    )[:k],
                "You return places in ranked. Return the items at these places: ranked[place].":
                    lambda ranked, genres, k, cap: cap_list(np.arange(len(ranked)), genres[ranked], k, cap),
                "That is the list as it was: the cap has no effect.":
                    lambda ranked, genres, k, cap: ranked[:k],
                "You cut to k before you looked at the genres: what is further down can no longer move up.":
                    lambda ranked, genres, k, cap: cap_list(ranked[:k], genres, k, cap),
            },
        ),
        Exercise(
            "13.5", "A test that can fail", objective="O13.4", level="core", minutes=6,
            reference=keeps_rows_apart,
            cases=[
                (OWN, THREE, AROUND), (SAME, THREE, AROUND), (BY_PLACE, THREE, AROUND), (BY_FIRST, THREE, AROUND),
                (SORTED, THREE, AROUND), (TURNED, THREE, AROUND), (LARGEST, THREE, AROUND), (SECOND, THREE, AROUND),
                (FALLING, THREE, AROUND), (FALLING, THREE, np.array([1, 2, 0])), (FALLING, THREE[[2, 1, 0]], AROUND),
                (FALLING, np.array([4, 1, 0, 6]), np.array([1, 0, 2, 3])),
                (SWAPPED, THREE, AROUND), (LAST_OWN, THREE, AROUND),
                (OWN, np.array([6, 2, 9, 4]), np.array([1, 2, 3, 0])),
            ],
            draw=_draw_order,
            why="Row n of the answer must belong to user n of the question, whoever else is in the batch.",
            hints=(
                "Call recommend twice: once for users, once for users in the other order.",
                "The second answer is to equal the first one with its rows put in that order.",
                "return np.array_equal(recommend(users[order]), recommend(users)[order])",
            ),
            misconceptions={
                "You compare the two answers as they are. The rows move with the users, so a good system fails this "
                "test.":
                    lambda recommend, users, order: bool(np.array_equal(recommend(users[order]), recommend(users))),
                "You asked for the positions in `order` themselves. Asked for are the users in that order: "
                "users[order].":
                    lambda recommend, users, order: bool(
                        np.array_equal(recommend(order), recommend(users)[order])
                    ),
                "You asked in reverse order. Ask in the order given: users[order].":
                    lambda recommend, users, order: bool(
                        np.array_equal(recommend(users[::-1]), recommend(users)[::-1])
                    ),
                "You asked for one user at a time. A system may be right then, and mix up rows of a batch: "
                "users[order].":
                    lambda recommend, users, order: all(
                        np.array_equal(recommend(users[[n]])[0], recommend(users)[n]) for n in range(len(users))
                    ),
                "You compare the last row alone: a system may be right there and mix up the others.":
                    lambda recommend, users, order: bool(
                        np.array_equal(recommend(users)[order][-1], recommend(users[order])[-1])
                    ),
                "You turned the rows the wrong way: recommend(users[order])[n] belongs to recommend(users)[order[n]].":
                    lambda recommend, users, order: bool(
                        np.array_equal(recommend(users[order]), recommend(users)[np.argsort(order)])
                    ),
                "Your test never fails, even where rows are mixed up: compare the items, row by row.":
                    lambda recommend, users, order: True,
                "You compare as a set what all users get together: rows may be mixed up and nobody notices.":
                    lambda recommend, users, order: bool(
                        np.array_equal(np.sort(recommend(users[order]).ravel()), np.sort(recommend(users).ravel()))
                    ),
                "You compare the first row alone: a system may be right there and mix up the others.":
                    lambda recommend, users, order: bool(
                        np.array_equal(recommend(users)[order][0], recommend(users[order])[0])
                    ),
                "You compare the first place of each list alone: the places behind it may belong to others.":
                    lambda recommend, users, order: bool(
                        np.array_equal(recommend(users)[order][:, 0], recommend(users[order])[:, 0])
                    ),
                "One equal item is enough for your test, as with .any(): all must be equal.":
                    lambda recommend, users, order: bool((recommend(users[order]) == recommend(users)[order]).any()),
                "You say True where rows are mixed up and False where they are right: turn it round.":
                    lambda recommend, users, order: not keeps_rows_apart(recommend, users, order),
                "You sort each column, so that rows which changed their user go unnoticed.":
                    lambda recommend, users, order: bool(
                        np.array_equal(np.sort(recommend(users[order]), axis=0), np.sort(recommend(users), axis=0))
                    ),
                "You sort each list first, so that another order of its items goes unnoticed.":
                    lambda recommend, users, order: bool(
                        np.array_equal(np.sort(recommend(users[order])), np.sort(recommend(users)[order]))
                    ),
            },
        ),
        Exercise(
            "13.6", "What one list gives more than another", objective="O13.5", level="core", minutes=7,
            reference=gain,
            cases=[
                (np.array([[0, 2], [2, 1]]), np.array([[1, 2], [2, 0]]), P_TINY),
                (np.array([[0, -1], [2, 1]]), np.array([[1, 2], [-1, -1]]), P_TINY),
                (np.array([[3, -1, -1]]), np.array([[0, 1, -1]]), np.array([[0.1, 0.2, 0.3, 0.4]])),
                (
                    np.array([[0], [1], [-1]]), np.array([[-1], [0], [-1]]),
                    np.array([[0.3, 0.9], [0.6, 0.5], [0.1, 0.2]]),
                ),
            ],
            draw=_draw_gain,
            why="Pairs first: one difference for each user, so that users who click a lot do not drown the difference.",
            hints=(
                "First the expected clicks of one table of lists: a sum of chances for each user, row by row.",
                "np.take_along_axis(P, lists, axis=1) gathers; what does P give at position -1?",
                "np.where(lists >= 0, np.take_along_axis(P, lists, axis=1), 0).sum(axis=1), for both; then subtract.",
            ),
            misconceptions={
                "The empty place -1 took the last item of the catalog. It gives 0.":
                    lambda lists, others, P: np.take_along_axis(P, lists, axis=1).sum(axis=1)
                    - np.take_along_axis(P, others, axis=1).sum(axis=1),
                "You took the mean over the places. Expected clicks add up.":
                    lambda lists, others, P: gain(lists, others, P) / lists.shape[1],
                "That is the mean over the users. Keep one difference for each user: the interval needs them.":
                    lambda lists, others, P: float(gain(lists, others, P).mean()),
                "You summed over the users: each keeps the sum of its own row, axis=1.":
                    lambda lists, others, P: _chances(lists, P).sum(axis=0) - _chances(others, P).sum(axis=0),
                "Item 0 gives nothing with you. Only -1 is an empty place: ask for >= 0, not > 0.":
                    lambda lists, others, P: _expected(np.where(lists == 0, -1, lists), P)
                    - _expected(np.where(others == 0, -1, others), P),
                "An empty place took item 0. After np.maximum, put 0 where the place is empty.":
                    lambda lists, others, P: _expected(np.maximum(lists, 0), P) - _expected(np.maximum(others, 0), P),
                "You left out empty places in the first table only: the other has them, too.":
                    lambda lists, others, P: _expected(lists, P) - np.take_along_axis(P, others, axis=1).sum(axis=1),
                "You left out empty places in the second table only: the first has them, too.":
                    lambda lists, others, P: np.take_along_axis(P, lists, axis=1).sum(axis=1) - _expected(others, P),
                "You summed over all users. Keep one difference for each user: sum each row, axis=1.":
                    lambda lists, others, P: float(gain(lists, others, P).sum()),
                "Your sign is reversed: the first list minus the other.":
                    lambda lists, others, P: gain(others, lists, P),
                "That is what the first list gives; subtract what the other gives.":
                    lambda lists, others, P: _expected(lists, P),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P13.1",
            "Everybody gets ten titles: by popularity, or by the whole system. Which of the two has the higher nDCG@10 "
            "on the log of later clicks, and which gets more clicks from people under the truth?",
            {
                "a": "the system on both",
                "b": "popularity on the log, the system under the truth",
                "c": "popularity on both",
                "d": "the system on the log, popularity under the truth",
            },
            outcome=_who_wins,
        ),
    ],
    quiz=[
        Question(
            "O13.1", "You set the weight of the like from 1 to 20. What changes?",
            {
                "a": ("The heads are trained anew.", "Weights of the utility come in after training."),
                "b": ("The order of the lists: titles that few open and those few love come up.",
                      "Right: the weights decide what the service is for, and no data can choose them."),
                "c": ("Nothing: a like needs a click.", "It needs one, and then counts twenty times."),
            },
            answer="b",
        ),
        Question(
            "O13.2", "A history holds the click on the very item that is shown. What do you see?",
            {
                "a": ("A training loss that is too good, and a poor system when it serves.",
                      "Right: at serving time that click has not happened yet."),
                "b": ("An error about shapes.", "Leaks have the right shape."),
                "c": ("Nothing: it is one item of ten.", "It is the answer itself."),
            },
            answer="a",
        ),
        Question(
            "O13.3", "The ranking would put item 7 first, but it was not fetched. What happens?",
            {
                "a": ("The ranking brings it back.", "It sees the candidates alone."),
                "b": ("Re-ranking brings it back.", "It gets the ranked candidates alone."),
                "c": ("Nobody sees it: the first stage decides what can be recommended.",
                      "Right: so measure what the candidates still allow."),
            },
            answer="c",
        ),
        Question(
            "O13.4", "A test passes with your system. What else do you want to know of the test?",
            {
                "a": ("How long it is.", "Length tells nothing."),
                "b": ("That it fails with a system that is broken in that very way.",
                      "Right: a test that cannot fail says nothing."),
                "c": ("That it passed last week, too.", "So does a test that cannot fail."),
            },
            answer="b",
        ),
        Question(
            "O13.5", "Without the behavior model the interval of the difference holds 0. What may you say?",
            {
                "a": ("Behavior models are of no use.", "One world, one measure, one size of data."),
                "b": ("The behavior model adds exactly nothing.", "An interval around 0 is not 0."),
                "c": ("Here, by this measure, what it adds is too small to be told from 0.",
                      "Right: and the next question is where it should matter."),
            },
            answer="c",
        ),
    ],
)  # fmt: skip
