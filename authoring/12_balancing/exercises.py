"""Chapter 12, Balancing and funnels."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from recsys_teach.learn.compare import same
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.models.multitask import ESMM, UncertaintyWeights, pcgrad

THREE = np.array([[1.0, 0.0], [-1.0, 1.0], [-1.0, -2.0]])
LEAKS = frozenset({"item_rate", "user_finishes", "watch_share", "liked"})
HONEST = {
    "item_rate_before": "labels of earlier clicks only, and only if that film was over",
    "user_clicks_before": "earlier clicks only",
    "item_age": "the time of the click and the day of release",
    "minutes": "the length of the film",
}


def weighted_loss(losses: np.ndarray, s: np.ndarray) -> float:
    """Sum of exp(-s) L / 2 + s / 2 over the tasks."""
    weigh = UncertaintyWeights(len(s)).double()
    weigh.log_variances.data = torch.from_numpy(s)
    return float(weigh(torch.from_numpy(losses)).detach())


def wanted_lengths(lengths: np.ndarray, losses: np.ndarray, first: np.ndarray, alpha: float) -> np.ndarray:
    """Give the length that each weighed gradient should have: the mean, more for who is behind."""
    left = losses / first
    return lengths.mean() * (left / left.mean()) ** alpha


def two_gradients(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sum of both gradients, each without what opposes the other."""
    return pcgrad(torch.from_numpy(np.stack([a, b])), np.random.default_rng(0)).numpy()


class _Orders:
    """Stands in for a random generator whose permutations are known."""

    def __init__(self, orders: list[list[int]]):
        self.orders = iter(orders)

    def permutation(self, n: int) -> list[int]:
        return next(self.orders)


def many_gradients(G: np.ndarray, orders: list[list[int]]) -> np.ndarray:
    """Sum of all gradients, each without what opposes the others, met in the given orders."""
    return pcgrad(torch.from_numpy(G), _Orders(orders)).numpy()  # type: ignore[arg-type]


def chain_losses(
    click_logit: np.ndarray, follow_logit: np.ndarray, click: np.ndarray, follow: np.ndarray
) -> np.ndarray:
    """Mean cross-entropy of the clicks, and that of click and follow, over all that was shown."""
    logits = torch.from_numpy(np.stack([click_logit, follow_logit], axis=1))
    return ESMM(torch.nn.Identity()).losses((logits,), torch.from_numpy(click), torch.from_numpy(follow)).numpy()


def _project_pair(a: np.ndarray, b: np.ndarray, always: bool = False, power: int = 2) -> np.ndarray:
    """Take from a what opposes b."""
    against = a @ b
    return a - against / np.linalg.norm(b) ** power * b if always or against < 0 else a


def _if(conflict: bool, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Project both, on a condition that is not the right one."""
    return _project_pair(a, b, True) + _project_pair(b, a, True) if conflict else a + b


def _own_length(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Divide each part by the squared length of the gradient that loses it."""
    against = min(0.0, a @ b)
    return a - against / (a @ a) * b + b - against / (b @ b) * a


def _many(
    G: np.ndarray,
    orders: list[list[int]],
    *,
    stale: bool = False,
    changed: bool = False,
    asks_first: bool = False,
    always: bool = False,
) -> np.ndarray:
    """PCGrad with a mistake: measured on the first gradients, against those already changed, or without the if."""
    done = G.copy()
    for task, order in enumerate(orders):
        for other in order:
            rival = done[other] if changed else G[other]
            against = (G[task] if stale else done[task]) @ rival
            if always or (G[task] @ rival if asks_first else against) < 0:
                done[task] = done[task] - against / (rival @ rival) * rival
    return done.sum(axis=0)


def _from_units(G: np.ndarray, orders: list[list[int]]) -> np.ndarray:
    return many_gradients(G / np.linalg.norm(G, axis=1, keepdims=True), orders)


def _entropy(chance: np.ndarray, label: np.ndarray) -> float:
    return float(-np.mean(label * np.log(chance) + (1 - label) * np.log(1 - chance)))


def _with_click(chain: float, click_logit: np.ndarray, click: np.ndarray) -> np.ndarray:
    return np.array([_entropy(expit(click_logit), click), chain])


def _on_clicks(a: np.ndarray, b: np.ndarray, click: np.ndarray, follow: np.ndarray) -> np.ndarray:
    opened = click > 0
    return _with_click(_entropy(expit(b[opened]), follow[opened]), a, click)


def _product_on_clicks(a: np.ndarray, b: np.ndarray, click: np.ndarray, follow: np.ndarray) -> np.ndarray:
    opened = click > 0
    return _with_click(_entropy((expit(a) * expit(b))[opened], follow[opened]), a, click)


def _same_columns(expected: set, answer: Any, atol: float) -> str:
    """Compare sets of names, and say which name is no column of the table."""
    if isinstance(answer, str):
        return f"expected a list of names, each in its own quotes; got one text, {answer!r}."
    names = {str(name) for name in answer} if isinstance(answer, list | tuple | set | frozenset) else set()
    if unknown := sorted(names - LEAKS - set(HONEST)):
        return f"{unknown[0]!r} is no column of the table. Its columns are {', '.join(sorted(LEAKS | set(HONEST)))}."
    return same(expected, answer, atol)


def _some_found() -> dict[str, set]:
    """Give a message for each part of the leaks that has none of its own, and for each honest column too many."""
    named = [{"watch_share"}, {"watch_share", "liked"}, {"item_rate", "user_finishes"}]
    parts = [set(part) for size in (1, 2, 3) for part in combinations(sorted(LEAKS), size)]
    some = [part for part in parts if part not in named and len(part) < 3]
    found = {
        f"{len(part)} of the four leaks found: {', '.join(sorted(part))}. Some become known only after the click, "
        "others are counted over the whole log.": part
        for part in some
    }
    return found | {
        f"The four leaks are found, but `{name}` is honest. It uses {uses}.": set(LEAKS) | {name}
        for name, uses in HONEST.items()
    }


def _draw_losses(rng: np.random.Generator) -> tuple:
    return rng.uniform(0.1, 5, size=3), rng.normal(size=3)


def _draw_lengths(rng: np.random.Generator) -> tuple:
    first = rng.uniform(0.5, 3, size=3)
    return rng.uniform(0.2, 4, size=3), first * rng.uniform(0.2, 1, size=3), first, float(rng.choice([0.5, 1.5, 2.0]))


def _draw_two(rng: np.random.Generator) -> tuple:
    return rng.normal(size=3), rng.normal(size=3)


def _draw_many(rng: np.random.Generator) -> tuple:
    G = rng.normal(size=(4, 3))
    return G, [rng.permutation([other for other in range(4) if other != task]).tolist() for task in range(4)]


def _draw_funnel(rng: np.random.Generator) -> tuple:
    click = np.array([1.0, 1.0, 0.0, *rng.integers(0, 2, size=3)])
    return rng.normal(size=6), rng.normal(size=6), click, click * np.array([1.0, 0.0, *rng.integers(0, 2, size=4)])


def _too_high_or_low(bias: float) -> str:
    return "b" if abs(bias) < 0.05 else "a" if bias > 0 else "c"


CHAPTER = Chapter(
    number="12",
    title="Balancing and funnels",
    objectives={
        "O12.1": "Weight the losses of several tasks by their variances",
        "O12.2": "Calculate the gradient lengths that GradNorm wants",
        "O12.3": "Recognize gradients that oppose each other, and remove the conflict",
        "O12.4": "Write the losses of a funnel by its chain rule",
        "O12.5": "Find the columns of a table that leak what was not known yet",
    },
    exercises=[
        Exercise(
            "12.1", "Weigh losses by their variance", objective="O12.1", level="warm-up", minutes=5,
            reference=weighted_loss,
            cases=[
                (np.array([4.0, 1.0]), np.array([0.0, 0.0])),
                (np.array([4.0, 1.0]), np.array([np.log(4), 0.0])),
                (np.array([2.0, 3.0, 6.0]), np.array([-np.log(2), 0.0, np.log(3)])),
                (np.array([5.0]), np.array([0.0])),
            ],
            draw=_draw_losses,
            why="A large variance makes a loss count less, and s / 2 is the price of claiming one.",
            hints=(
                "Two parts for each task: the loss times exp(-s), and s itself. Both are halved.",
                "np.exp works on the whole array; sum over the tasks at the end.",
                "np.sum(np.exp(-s) * losses + s) / 2",
            ),
            misconceptions={
                "You multiplied by exp(s). A task with a large variance must count less: exp(-s).":
                    lambda losses, s: np.sum(np.exp(s) * losses + s) / 2,
                "The price s / 2 is missing: s could then grow without end, and all losses vanish.":
                    lambda losses, s: np.sum(np.exp(-s) * losses) / 2,
                "You added the variance exp(s), not its logarithm s.":
                    lambda losses, s: np.sum(np.exp(-s) * losses + np.exp(s)) / 2,
                "You took the mean over the tasks; the formula sums.":
                    lambda losses, s: np.mean(np.exp(-s) * losses + s) / 2,
                "Both parts are halved, the loss and s.":
                    lambda losses, s: np.sum(np.exp(-s) * losses + s),
                "You halved the loss only. Both parts are halved, the loss and s.":
                    lambda losses, s: np.sum(np.exp(-s) * losses / 2 + s),
                "You halved s only. Both parts are halved, the loss and s.":
                    lambda losses, s: np.sum(np.exp(-s) * losses + s / 2),
                "You took s for the logarithm of σ. It is the logarithm of the variance σ²: exp(-s), not exp(-2 s).":
                    lambda losses, s: np.sum(np.exp(-2 * s) * losses + s) / 2,
                "You took s for the variance. It is its logarithm: the variance is exp(s).":
                    lambda losses, s: np.sum(losses / (2 * s) + np.log(s) / 2),
            },
        ),
        Exercise(
            "12.2", "The lengths that GradNorm wants", objective="O12.2", level="core", minutes=6,
            reference=wanted_lengths,
            cases=[
                (np.array([3.0, 1.0]), np.array([1.0, 0.5]), np.array([2.0, 2.0]), 0.0),
                (np.array([3.0, 1.0]), np.array([1.0, 0.5]), np.array([2.0, 2.0]), 1.0),
                (np.array([3.0, 1.0]), np.array([1.0, 4.0]), np.array([2.0, 5.0]), 2.0),
                (np.array([1.0, 2.0, 6.0]), np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 2.0]), 1.0),
            ],
            draw=_draw_lengths,
            why="All get the mean length; a task that has more of its loss left than the others gets more.",
            hints=(
                "First: which share of its first loss does each task still have? Then compare it with the mean share.",
                "left = losses / first; the ratio is left / left.mean(); alpha is its power.",
                "lengths.mean() * (left / left.mean()) ** alpha",
            ),
            misconceptions={
                "Your ratio is upside down: the task with more of its loss left is behind, and gets more.":
                    lambda lengths, losses, first, alpha: wanted_lengths(lengths, first, losses, alpha),
                "Divide by the mean share too: only who is behind the others should get more.":
                    lambda lengths, losses, first, alpha: lengths.mean() * (losses / first) ** alpha,
                "alpha is a power, not a factor: with alpha = 0 all lengths are the mean.":
                    lambda lengths, losses, first, alpha: alpha * wanted_lengths(lengths, losses, first, 1),
                "Your result does not depend on alpha: raise the relative share to that power.":
                    lambda lengths, losses, first, alpha: wanted_lengths(lengths, losses, first, 1),
                "Divide by the mean share first, then take the power: the mean of powers is another number.":
                    lambda lengths, losses, first, alpha: lengths.mean()
                    * (losses / first) ** alpha / np.mean((losses / first) ** alpha),
                "You kept each task's own length. All start from the mean length.":
                    lambda lengths, losses, first, alpha: lengths
                    * wanted_lengths(lengths, losses, first, alpha) / lengths.mean(),
                "Compare shares of the first loss, not the losses: those have units.":
                    lambda lengths, losses, first, alpha: wanted_lengths(lengths, losses, np.ones(len(first)), alpha),
            },
        ),
        Exercise(
            "12.3", "Two gradients without their conflict", objective="O12.3", level="core", minutes=7,
            reference=two_gradients,
            cases=[
                (np.array([1.0, 0.0]), np.array([-1.0, 1.0])),
                (np.array([1.0, 0.0]), np.array([1.0, 1.0])),
                (np.array([2.0, 1.0]), np.array([-1.0, 0.0])),
                (np.array([1.0, 3.0]), np.array([-1.0, 1.0])),  # they agree, although first entries differ in sign
                (np.array([1.0, 1.0]), np.array([1.0, -3.0])),  # a conflict, although as many signs agree as not
                (np.array([1.0, 0.0, 2.0]), np.array([-2.0, 2.0, 0.0])),
            ],
            draw=_draw_two,
            why="Each gradient loses its part along the other, if that part points backwards; then they are added.",
            hints=(
                "Is a @ b below 0? If not, the answer is a + b.",
                "The part of a along b is (a @ b) / (b @ b) * b. Take it off a; do the same for b with the first a.",
                "if a @ b < 0: return a - (a @ b) / (b @ b) * b + b - (a @ b) / (a @ a) * a",
            ),
            misconceptions={
                "You project always. Gradients that agree stay as they are: ask whether a @ b is below 0.":
                    lambda a, b: _project_pair(a, b, True) + _project_pair(b, a, True),
                "In effect only `a` was changed: once it is new, a @ b is 0, and b stays. Use the first `a` for b.":
                    lambda a, b: _project_pair(a, b) + b,
                "In effect only `b` was changed: once it is new, a @ b is 0, and a stays. Use the first `b` for a.":
                    lambda a, b: a + _project_pair(b, a),
                "Divide by the squared length of the other, b @ b, not by its length.":
                    lambda a, b: _project_pair(a, b, power=1) + _project_pair(b, a, power=1),
                "Divide by the squared length of the gradient you project on, not of the one that loses the part.":
                    _own_length,
                "You asked whether any single entries differ in sign. The conflict is the sign of one number, a @ b.":
                    lambda a, b: _if((a * b < 0).any(), a, b),
                "You counted the signs of single entries. The conflict is the sign of one number, a @ b.":
                    lambda a, b: _if(np.sum(np.sign(a) * np.sign(b)) < 0, a, b),
                "You looked at the first entry only. The conflict is the sign of one number, a @ b.":
                    lambda a, b: _if(a[0] * b[0] < 0, a, b),
                "You took the mean. PCGrad adds the two.":
                    lambda a, b: two_gradients(a, b) / 2,
                "That is a + b: the conflict is still in it.": lambda a, b: a + b,
            },
        ),
        Exercise(
            "12.4", "Several gradients", objective="O12.3", level="stretch", minutes=9,
            reference=many_gradients,
            cases=[
                (THREE[:2], [[1], [0]]),
                (THREE, [[1, 2], [2, 0], [0, 1]]),
                (THREE, [[2, 1], [0, 2], [1, 0]]),
                (np.array([[-2.0, -1.0], [0.0, 1.0], [-1.0, -1.0]]), [[1, 2], [2, 0], [0, 1]]),
                (np.array([[1.0, 0.0, 2.0], [1.0, 1.0, 0.0]]), [[1], [0]]),  # no conflict
            ],
            draw=_draw_many,
            why="One after the other: each gradient as it is by now, against the others as they came.",
            hints=(
                "Two loops: over the tasks, and over orders[task]. What changes inside, and what must not?",
                "g = G[task] at the start; each rival is G[other]; if g @ rival < 0, g = g - ... ; then add g.",
                "g = g - (g @ rival) / (rival @ rival) * rival",
            ),
            misconceptions={
                "You compare the first gradient with each rival. Use what is left after the last projection.":
                    lambda G, orders: _many(G, orders, stale=True),
                "Your rivals have been changed already. Each rival is the row of G as it was given.":
                    lambda G, orders: _many(G, orders, changed=True),
                "You project always. Ask before each projection whether what is left opposes the rival.":
                    lambda G, orders: _many(G, orders, always=True),
                "You ask the first gradient whether it opposes the rival. Ask what is left of it by then.":
                    lambda G, orders: _many(G, orders, asks_first=True),
                "Each task starts with its own row of G. Only the rivals may be brought to length 1.": _from_units,
                "You did not follow the orders given: they change the result.":
                    lambda G, orders: _many(G, [sorted(order) for order in orders]),
                "You took the mean. PCGrad adds up.": lambda G, orders: many_gradients(G, orders) / len(G),
                "That is the plain sum: the conflicts are still in it.": lambda G, orders: G.sum(axis=0),
            },
        ),
        Exercise(
            "12.5", "The two losses of a funnel", objective="O12.4", level="core", minutes=8,
            reference=chain_losses,
            cases=[
                (np.zeros(1), np.zeros(1), np.ones(1), np.ones(1)),
                (np.zeros(1), np.zeros(1), np.ones(1), np.zeros(1)),
                (np.array([0.0, 2.0, -1.0]), np.array([1.0, 0.0, 0.5]), np.array([1.0, 1, 0]), np.array([0.0, 1, 0])),
                (np.log([3.0, 1.0]), np.log([2.0, 4.0]), np.zeros(2), np.zeros(2)),  # nobody clicked
            ],
            draw=_draw_funnel,
            why="The chance of both is a product, and everything shown says whether both happened.",
            hints=(
                "Turn each logit into a chance. Which chance belongs to `click`, and which to `follow`?",
                "p = 1 / (1 + np.exp(-click_logit)); both = p * q; the chain compares `both` with `follow`.",
                "-np.mean(follow * np.log(both) + (1 - follow) * np.log(1 - both)) is the second number.",
            ),
            misconceptions={
                "Your second loss compares P(follow | click) with all that was shown. Compare the product.":
                    lambda a, b, click, follow: _with_click(_entropy(expit(b), follow), a, click),
                "Your second loss looks at clicks only: ESMM replaces that model. Use all rows.": _on_clicks,
                "You formed the product, and compared it on clicked rows only. It is the probability for every row "
                "shown.":
                    _product_on_clicks,
                "You multiplied the logits. Turn each into a probability first, then multiply the probabilities.":
                    lambda a, b, click, follow: _with_click(_entropy(expit(a * b), follow), a, click),
                "You added the logits. Probabilities are multiplied: turn each logit into a probability first.":
                    lambda a, b, click, follow: _with_click(_entropy(expit(a + b), follow), a, click),
                "You wrote (1 - p)(1 - q) for the rows without a follow. That both happened has the probability p q, "
                "that "
                "they did not both happen 1 - p q.":
                    lambda a, b, click, follow: _with_click(
                        float(-np.mean(
                            follow * np.log(expit(a) * expit(b))
                            + (1 - follow) * np.log((1 - expit(a)) * (1 - expit(b)))
                        )), a, click,
                    ),
                "Both losses count the rows with label 1 only. A row with label 0 costs -ln(1 - probability).":
                    lambda a, b, click, follow: np.array([
                        -np.mean(click * np.log(expit(a))), -np.mean(follow * np.log(expit(a) * expit(b)))
                    ]),
                "Your second loss counts the rows with a follow only. The others cost -ln(1 - p q).":
                    lambda a, b, click, follow: _with_click(
                        float(-np.mean(follow * np.log(expit(a) * expit(b)))), a, click
                    ),
                "You summed over the rows; each loss is a mean.":
                    lambda a, b, click, follow: len(a) * chain_losses(a, b, click, follow)
                    if len(a) > 1 else chain_losses(a, b, click, follow),
                "You returned one number. Return both losses, the clicks' first.":
                    lambda a, b, click, follow: chain_losses(a, b, click, follow).sum(),
                "The second number comes first: return the loss of the clicks, then the chain's.":
                    lambda a, b, click, follow: chain_losses(a, b, click, follow)[::-1],
            },
        ),
        Exercise(
            "12.6", "The leak hunt", objective="O12.5", level="core", minutes=6,
            reference=lambda: set(LEAKS),
            compare=_same_columns,
            why="Two are known only after the click, two count rows of the future, their own among them.",
            hints=(
                "Stand at the moment of the click. Which cells of its row could you fill in?",
                "A suspicious AUC finds the worst one. For the others, ask over which rows each number was counted.",
                "Two happen after the click. Two use `transform` over the whole log, so over the test rows too.",
            ),
            misconceptions={
                "That is the loudest one. Others leak with an AUC that looks like honest work.": {"watch_share"},
                "Both are what happens after the click. Two more are counts over the whole log, the future included.":
                    {"watch_share", "liked"},
                "Those two count over the whole log. Two more happen only after the click.":
                    {"item_rate", "user_finishes"},
                "Three found. A like is given after the film was opened: nobody has it before.":
                    set(LEAKS) - {"liked"},
                "Three found. A user's number of finishes, over the whole log, counts this one and later ones.":
                    set(LEAKS) - {"user_finishes"},
                "Three found. `watch_share` says how much was watched: nobody knows that at the click.":
                    set(LEAKS) - {"watch_share"},
                "Three found. An item's rate, over the whole log, counts this click and later ones.":
                    set(LEAKS) - {"item_rate"},
                "Those are all eight columns. Which of them are known when the film is clicked?": LEAKS | set(HONEST),
                "Those are the four honest columns. Asked are the other ones, which are not known at the click.":
                    set(HONEST),
                "Those are the columns with an AUC above .6. A leak may have a low AUC, and an honest column a higher "
                "one: "
                "ask when each number is known.": {"watch_share", "item_rate", "item_rate_before", "liked"},
                **_some_found(),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P12.1",
            "A model learns P(finish | click) from clicked impressions alone, 16,000 of them; it sees all that the "
            "click depends on. On average over everything shown, clicked or not, its estimate is",
            {"a": "too high by more than .05", "b": "right within .05", "c": "too low by more than .05"},
            outcome=_too_high_or_low,
        )
    ],
    quiz=[
        Question(
            "O12.1", "Watch time is measured in seconds in place of minutes. By what does its squared error grow?",
            {
                "a": ("60", "The error grows so; its square grows by 60 · 60."),
                "b": ("3,600", "Right: so it wins against any cross-entropy. Standardize first."),
                "c": ("It stays the same: a unit is no information.", "The loss is a number, with the unit in it."),
            },
            answer="b",
        ),
        Question(
            "O12.2", "A network with one shared unit learns two unrelated tasks. What do weights of the losses do?",
            {
                "a": ("They decide which task gets the unit.", "Right: weights choose a side; more units end it."),
                "b": ("They make both tasks as good as alone.", "One unit holds one direction, not both."),
                "c": ("Nothing: the weights cancel.", "They cancel where each task has its own parameters only."),
            },
            answer="a",
        ),
        Question(
            "O12.3", "Two gradients have the cosine .1. What does PCGrad give?",
            {
                "a": ("The longer of the two", "It never chooses one."),
                "b": ("Their sum after each lost its part along the other", "It projects only below 0."),
                "c": ("Their sum", "Right: there is no conflict to take out."),
            },
            answer="c",
        ),
        Question(
            "O12.4", "A mood that nobody records moves click and finish. What does ESMM learn over all that was shown?",
            {
                "a": ("P(finish | do(click)), because it sees unclicked rows too",
                      "Those rows say that nobody clicked, and nothing of what would have been."),
                "b": ("P(finish | click), which is higher than it would be for everybody",
                      "Right: clicked rows come with a good mood, and the chain rule cannot see that."),
                "c": ("P(finish), without any condition", "That is the product of the chain."),
            },
            answer="b",
        ),
        Question(
            "O12.5", "A column is the share of an item's viewers who finished it. When is it no leak?",
            {
                "a": ("If it is counted over labels that had arrived before its row", "Right: that is known by then."),
                "b": ("If its AUC is below .7", "A leak may be quiet: ask when the number was known."),
                "c": ("If it is counted over the training rows, for them and for the test rows",
                      "Each training row then contains its own label: the model trusts the column too much."),
            },
            answer="a",
        ),
    ],
)  # fmt: skip
