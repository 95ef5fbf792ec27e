"""Chapter 07, Autoencoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import expit, log_softmax, logsumexp, softmax
from torch import Tensor, nn

from recsys_teach.learn.compare import same
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question

Array = np.ndarray
Loss = Callable[[nn.Module, Tensor], Tensor]

ALL = np.ones((2, 2), dtype=bool)
ONE_BLANK = np.array([[True, False], [True, True]])
ONE_ROW = np.array([[True, True], [False, False]])
X_SMALL = np.array([[1.0, 0.0], [0.0, -1.0]])
E_ZERO, D_SMALL, D_WIDE = np.zeros((2, 1)), np.array([[2.0, 4.0]]), np.array([[1.0, 1.0], [1.0, 3.0]])
BENT = np.log(3) * np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])  # sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4
DRAWN = np.array([[0.3, 0.9, 0.6, 0.1], [0.5, 0.2, 0.8, 0.7]])


def masked_autoencoder_loss(X: Array, known: Array, E: Array, D: Array) -> float:
    """Squared errors of sigmoid(X E) D over the known cells, summed and divided by the number of rows."""
    return float((((expit(X @ E) @ D - X) ** 2) * known).sum() / len(X))


def fit(module: nn.Module, batches: list[Tensor], loss: Loss, n_epochs: int, learning_rate: float) -> list[float]:
    """Train a module with Adam, one step a batch; give the mean loss of the batches of each epoch."""
    return _fit(module, batches, loss, n_epochs, learning_rate)


def projector(D: Array) -> Array:
    """Matrix that takes each row to the nearest one that the rows of D can be mixed to."""
    return D.T @ np.linalg.solve(D @ D.T, D)


def drop_inputs(X: Array, rate: float, uniform: Array) -> Array:
    """Blank the cells whose number is below rate, and scale the others up, so that the expectation stays."""
    return X * (uniform >= rate) / (1 - rate)


def expected_loss(X: Array, B: Array, rate: float) -> float:
    """Give the expected squared error of a linear autoencoder whose inputs are dropped at this rate."""
    return _expected_loss(X, B, rate / (1 - rate))


def log_likelihood(scores: Array, rows: Array) -> Array:
    """Log-likelihood of each row's events under the softmax of its scores, without the multinomial coefficient."""
    return (rows * log_softmax(scores, axis=1)).sum(axis=1)


def kl_cost(mean: Array, log_variance: Array, step: int, n_anneal: int, beta: float) -> float:
    """Mean over rows of the divergence from the standard normal, times a weight that grows to beta."""
    return float(beta * min(1, step / n_anneal) * _kl(mean, log_variance).mean())


def _kl(mean: Array, log_variance: Array) -> Array:
    return 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=1)


def _expected_loss(X: Array, B: Array, price: float, *, axis: int = 1, power: float = 1) -> float:
    ridge = (X**2).sum(axis=0) * (B**2).sum(axis=axis) ** power
    return float(((X - X @ B) ** 2).sum() + price * ridge.sum())


def _log(values: Array) -> Array:
    with np.errstate(all="ignore"):  # the logarithm of 0, or of less
        return np.log(values)


def _weight(step: int, n_anneal: int, beta: float) -> float:
    return beta * min(1, step / n_anneal)


class _SquaredError:
    """How far a module is from giving its input back."""

    def __call__(self, module: nn.Module, batch: Tensor) -> Tensor:
        return ((module(batch) - batch) ** 2).sum() / len(batch)

    def __repr__(self) -> str:
        return "the mean over rows of the summed squared errors"


def _without_keepdims(scores: Array, rows: Array, *, keep_maxima: bool) -> Array:
    s = scores - scores.max(axis=1, keepdims=keep_maxima)
    return (rows * (s - np.log(np.exp(s).sum(axis=1)))).sum(axis=1)


class _Linear(nn.Linear):
    """A linear layer that knows its latest copy: ``check`` hands out copies, and this one has to be trained."""

    def __init__(self, weights: Array):
        super().__init__(weights.shape[1], weights.shape[0], bias=False, dtype=torch.double)
        self.weight.data = torch.tensor(weights)
        self.copies: list[nn.Module] = []  # a list, for a module would be registered as a part

    def __deepcopy__(self, memo: dict) -> _Linear:
        self.copies = [_Linear(self.weight.detach().numpy().copy())]
        return self.copies[0]  # type: ignore[return-value]

    def _get_name(self) -> str:
        return "Linear"


def _after(args: tuple[Any, ...], losses: Any) -> tuple[Array, Array, Array] | None:
    """Weights before, as they should be after, and as they are; None if the losses are wrong, which is told first."""
    module, *others = args
    handed = module.copies[0]
    wanted = _Linear(module.weight.detach().numpy().copy())
    if same(fit(wanted, *others), losses):
        return None
    before, after, now = (one.weight.detach().numpy() for one in (module, wanted, handed))
    return before, after, now


def _fit(
    module: nn.Module, batches: list[Tensor], loss: Loss, n_epochs: int, learning_rate: float, *,
    optimizer: type = torch.optim.Adam, zero: str = "batch", step: bool = True, once: bool = False,
    after: bool = False, again: bool = False, note: Callable[[list[float]], float] = np.mean,
) -> list[float]:  # fmt: skip
    adam = optimizer(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        values = []
        if again:
            adam = optimizer(module.parameters(), lr=learning_rate)
        for number, batch in enumerate(batches, start=1):
            value = loss(module, batch)
            if zero == "batch" or (zero == "epoch" and number == 1):
                adam.zero_grad()
            value.backward()
            if step and not (once and number < len(batches)):
                adam.step()
            values.append((loss(module, batch) if after else value).item())
        history.append(float(note(values)))
    return history


def _draw_ratings(rng: np.random.Generator) -> tuple[Any, ...]:
    known = rng.random((4, 5)) < 0.6
    known[:, 0] = True
    known[3] = False  # a person without ratings
    return (
        (rng.integers(-2, 3, size=(4, 5)) * known).astype(float),
        known,
        rng.normal(size=(5, 2)),
        rng.normal(size=(2, 5)),
    )


def _draw_training(rng: np.random.Generator) -> tuple[Any, ...]:
    batches = [torch.tensor(rng.normal(size=(n, 3)) * size) for n, size in ((3, 1), (2, 2))]
    return _Linear(rng.normal(size=(3, 3))), batches, _SquaredError(), 3, float(rng.uniform(0.05, 0.2))


def _draw_normals(rng: np.random.Generator) -> tuple[Any, ...]:
    n_anneal = int(rng.integers(10, 100))
    step = int(rng.integers(1, 2 * n_anneal))
    return rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), step, n_anneal, float(rng.uniform(0.1, 0.9))


def _beside_ease(means: Any) -> str:
    gap = max(means["Mult-DAE"], means["Mult-VAE"]) - means["EASE"]
    return "a" if gap > 0.02 else "b" if gap >= -0.02 else "c"


CHAPTER = Chapter(
    number="07",
    title="Autoencoders",
    objectives={
        "O7.1": "Write an autoencoder's loss over the known cells, and train it with a loop of your own",
        "O7.2": "Compare what decoders span by their projectors, whatever their weights are",
        "O7.3": "Drop inputs so that a wide autoencoder cannot copy, and say what that costs in closed form",
        "O7.4": "Write the two parts of a Mult-VAE's loss: a multinomial likelihood and an annealed KL term",
    },
    exercises=[
        Exercise(
            "7.1", "The masked autoencoder loss", objective="O7.1", level="core", minutes=6,
            reference=masked_autoencoder_loss,
            cases=[
                (X_SMALL, ONE_BLANK, E_ZERO, D_SMALL),
                (X_SMALL, ALL, np.array([[1.0], [0.0]]), D_SMALL),
                (np.array([[0.0, 2.0]]), np.array([[True, True]]), np.zeros((2, 2)), D_WIDE),
                (np.array([[1.0, -1.0], [0.0, 0.0]]), ONE_ROW, E_ZERO, D_SMALL),
                # codes (3/4, 1/4) and (1/2, 1/2), errors 2, 1, 5 and 0, 4
                (np.array([[1.0, 0.0, -1.0], [0.0, 2.0, 0.0]]), np.array([[True] * 3, [False, True, True]]), BENT,
                 np.array([[4.0, 0.0, 4.0], [0.0, 4.0, 4.0]])),
            ],
            draw=_draw_ratings,
            why="A blank enters as 0 and leaves without a right answer, so only known cells cost.",
            hints=(
                "Three steps: encode the rows, decode the codes, and sum the squared errors where something is known.",
                "sigmoid(X @ E) has one row of codes a person; times D it has one number a film.",
                "errors = (sigmoid(X @ E) @ D - X)[known]; then the sum of their squares, divided by len(X).",
            ),
            misconceptions={
                "You counted all cells: a blank has no right answer, and 0 is not one.":
                    lambda X, known, E, D: masked_autoencoder_loss(X, np.ones_like(known), E, D),
                "Your mask is X != 0. A rating that equals the mean is 0 and known: use known.":
                    lambda X, known, E, D: masked_autoencoder_loss(X, X != 0, E, D),
                "The sigmoid is missing: that is the linear autoencoder X E D.":
                    lambda X, known, E, D: ((X @ E @ D - X)[known] ** 2).sum() / len(X),
                "The sigmoid belongs to the codes. The outputs are ratings, which no sigmoid may bound.":
                    lambda X, known, E, D: ((expit(X @ E @ D) - X)[known] ** 2).sum() / len(X),
                "You divided by the number of known cells. Divide the sum by the number of rows.":
                    lambda X, known, E, D: ((expit(X @ E) @ D - X)[known] ** 2).mean(),
                "That is the sum over all rows. Divide it by the number of rows.":
                    lambda X, known, E, D: masked_autoencoder_loss(X, known, E, D) * len(X),
                "You divided by the number of columns, the films. Divide by the number of rows, len(X).":
                    lambda X, known, E, D: masked_autoencoder_loss(X, known, E, D) * len(X) / X.shape[1],
                "A row without a known cell counts as a row, too: divide by len(X).":
                    lambda X, known, E, D:
                    masked_autoencoder_loss(X, known, E, D) * len(X) / known.any(axis=1).sum(),
                "You took the root. The squares stay squares here.":
                    lambda X, known, E, D: masked_autoencoder_loss(X, known, E, D) ** 0.5,
            },
        ),
        Exercise(
            "7.2", "The training loop", objective="O7.1", level="core", minutes=9,
            reference=fit,
            cases=[
                # three epochs: slopes that pile up show in the third loss, not yet in the second
                (_Linear(np.zeros((1, 1))), [torch.ones(1, 1, dtype=torch.double)], _SquaredError(), 3, 0.1),
                (_Linear(np.zeros((1, 1))), [torch.tensor([[1.0]]).double(), torch.tensor([[3.0]]).double()],
                 _SquaredError(), 3, 0.1),
                (_Linear(np.array([[0.5]])), [torch.tensor([[1.0], [3.0]]).double(), torch.tensor([[2.0]]).double()],
                 _SquaredError(), 2, 0.25),
            ],
            draw=_draw_training,
            properties={
                "Note value.item(): a float, not a tensor that still holds its slopes.":
                    lambda args, result: not isinstance(result, list | tuple)
                    or not any(getattr(loss, "requires_grad", False) for loss in result),
                "You returned one number for each batch. Return one for each epoch: the mean of its batches' losses.":
                    lambda args, result: len(args[1]) == 1 or len(result) != args[3] * len(args[1]),
                "The losses are right, but the module you were given has not changed: train `module`, not a copy.":
                    lambda args, result: (after := _after(args, result)) is None or not np.allclose(after[2], after[0]),
                "The losses are right, but the weights at the end are not those that the last step of Adam gives: one "
                "step a batch, the slopes cleared before each backward(), and nothing after the last step.":
                    lambda args, result: (after := _after(args, result)) is None
                    or np.allclose(after[2], after[1], atol=1e-5),
            },
            why="Loss, slopes cleared, slopes, step: once a batch, and the loss is noted before its step.",
            hints=(
                "An epoch goes over all batches. Each batch makes one step and gives one loss; note their mean.",
                "backward() adds new slopes to old ones: clear them before backward(), in each step.",
                "value = loss(module, batch); optimizer.zero_grad(); value.backward(); optimizer.step(); "
                "values.append(value.item())",
            ),
            misconceptions={
                "The slopes pile up: call optimizer.zero_grad() before each backward().":
                    lambda *args: _fit(*args, zero="never"),
                "You cleared the slopes once an epoch: call optimizer.zero_grad() before each backward().":
                    lambda *args: _fit(*args, zero="epoch"),
                "The loss never changes: is optimizer.step() called, and zero_grad() before backward(), not between it "
                "and the step?": lambda *args: _fit(*args, step=False),
                "Make the optimizer once, before the epochs: Adam remembers the usual size of each slope.":
                    lambda *args: _fit(*args, again=True),
                "You made one step an epoch. A batch is a step.":
                    lambda *args: _fit(*args, zero="epoch", once=True),
                "You noted the loss after the step. Note the one whose slope you took; a second call costs twice.":
                    lambda *args: _fit(*args, after=True),
                "You noted the sum of the batches' losses. Their mean is asked.": lambda *args: _fit(*args, note=sum),
                "You returned the loss of the last epoch alone. Return a list with one number for each epoch.":
                    lambda *args: _fit(*args)[-1],
                "You weighted the batches by their sizes. The plain mean of their losses is asked.":
                    lambda module, batches, loss, *others: _fit(
                        module, batches, loss, *others,
                        note=lambda values: np.average(values, weights=[len(batch) for batch in batches])),
                "You noted the last batch alone. The mean over the batches of the epoch is asked.":
                    lambda *args: _fit(*args, note=lambda values: values[-1]),
                "That is plain gradient descent. The optimizer asked for is torch.optim.Adam.":
                    lambda *args: _fit(*args, optimizer=torch.optim.SGD),
                "That is AdamW, which also shrinks the weights. The optimizer asked for is torch.optim.Adam.":
                    lambda *args: _fit(*args, optimizer=torch.optim.AdamW),
                "You left the learning rate out, so Adam takes its own, 0.001: lr=learning_rate.":
                    lambda module, batches, loss, n_epochs, learning_rate:
                    _fit(module, batches, loss, n_epochs, 0.001),
            },
        ),
        Exercise(
            "7.3", "What a decoder spans", objective="O7.2", level="core", minutes=6,
            reference=projector,
            cases=[
                (np.array([[1.0, 1.0]]),), (np.array([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0]]),),
                (np.array([[1.0, 2.0, 0.0, 0.0], [0.0, -1.0, 1.0, 0.0]]),),
            ],
            draw=lambda rng: (rng.normal(size=(2, 4)),),
            properties={
                "A projector changes nothing the second time: result @ result must be result again.":
                    lambda args, result: _projects(args[0], np.asarray(result, dtype=float)),
            },
            why="Mixing the rows of D by any invertible matrix cancels: only the span is left.",
            hints=(
                "Dᵀ D would do if the rows of D were orthogonal and of length 1. What has to be undone if not?",
                "D @ D.T (k x k) holds their lengths and angles; its inverse belongs in the middle.",
                "D.T @ np.linalg.inv(D @ D.T) @ D",
            ),
            misconceptions={
                "DᵀD is right only if the rows of D are orthogonal and of length 1.": lambda D: D.T @ D,
                "The rows have length 1 now, but they are not orthogonal to each other: (D Dᵀ)⁻¹ corrects both.":
                    lambda D: _unit_rows(D).T @ _unit_rows(D),
                "D Dᵀ compares the k rows with each other. The projector lives among the items: m x m.":
                    lambda D: D @ D.T,
                "One number cannot undo several lengths and angles: put the inverse of D Dᵀ in the middle.":
                    lambda D: D.T @ D / (D**2).sum(),
                "What is left over is I minus the projector; the projector itself is asked.":
                    lambda D: np.eye(D.shape[1]) - projector(D),
            },
        ),
        Exercise(
            "7.4", "Drop inputs", objective="O7.3", level="warm-up", minutes=4,
            reference=drop_inputs,
            cases=[
                (np.ones((1, 4)), 0.5, DRAWN[:1]),
                (np.array([[1.0, 0.0, 1.0, 2.0], [1.0, 1.0, 0.0, 3.0]]), 0.2, DRAWN),
                (np.array([[-2.0, 1.0, 4.0]]), 0.75, np.array([[0.8, 0.74, 0.75]])),
            ],
            draw=lambda rng: (rng.integers(0, 4, size=(3, 5)) + np.eye(3, 5), float(rng.uniform(0.6, 0.8)),
                              rng.random((3, 5))),
            why="What is kept is scaled by 1 / (1 - rate), so each cell's expectation is what it was.",
            hints=(
                "Which cells stay, and by how much must they grow so that the expected sum does not change?",
                "keep = uniform >= rate is True with probability 1 - rate.",
                "np.where(uniform >= rate, X / (1 - rate), 0)",
            ),
            misconceptions={
                "What is kept must grow: else codes are smaller in training than later, when nothing is dropped.":
                    lambda X, rate, uniform: X * (uniform >= rate),
                "A cell is kept with probability 1 - rate: divide by that, not by rate.":
                    lambda X, rate, uniform: X * (uniform >= rate) / rate,
                "You kept what should be dropped: rate is the share that is dropped.":
                    lambda X, rate, uniform: X * (uniform < rate) / (1 - rate),
                "You kept what should be dropped: cells stay where uniform >= rate.":
                    lambda X, rate, uniform: X * (uniform <= rate) / (1 - rate),
                "A cell whose number equals the rate stays: blank where uniform is below it.":
                    lambda X, rate, uniform: X * (uniform > rate) / (1 - rate),
                "What is kept must be divided by 1 - rate, not multiplied by it.":
                    lambda X, rate, uniform: X * (uniform >= rate) * (1 - rate),
                "You decided once for each row. Each cell has its own number in uniform.":
                    lambda X, rate, uniform: X * (uniform[:, :1] >= rate) / (1 - rate),
            },
        ),
        Exercise(
            "7.5", "The price of dropping", objective="O7.3", level="core", minutes=5,
            reference=expected_loss,
            cases=[
                (np.array([[1.0, 2.0]]), np.eye(2), 0.5),
                (np.array([[1.0, 0.0], [2.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 2.0]]), 0.2),
                (np.array([[1.0, 2.0, 0.0], [-3.0, 0.0, 1.0]]),
                 np.array([[0.0, 1.0, 1.0], [2.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), 0.75),
            ],
            draw=lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=(4, 4)), float(rng.uniform(0.55, 0.8))),
            why="What a draw adds has mean 0, so its variance is all that it costs: a ridge on the rows of B.",
            hints=(
                "Two numbers add up: the squared error without noise, and what the noise costs.",
                "G_ii is the sum of the squares of column i of X; |B_i|² that of the squares of row i of B.",
                "ridge = ((X**2).sum(axis=0) * (B**2).sum(axis=1)).sum(); it counts rate / (1 - rate) times.",
            ),
            misconceptions={
                "You summed the columns of B. The noise of film i meets row i: (B**2).sum(axis=1).":
                    lambda X, B, rate: _expected_loss(X, B, rate / (1 - rate), axis=0),
                "The ridge counts rate / (1 - rate) times: what stays is scaled up, so the noise is larger than rate.":
                    lambda X, B, rate: _expected_loss(X, B, rate),
                "The ridge counts rate / (1 - rate) times, not 1 - rate times.":
                    lambda X, B, rate: _expected_loss(X, B, 1 - rate),
                "The ridge counts rate / (1 - rate) times; you have it upside down.":
                    lambda X, B, rate: _expected_loss(X, B, (1 - rate) / rate),
                "That is the loss without noise. The ridge is missing.":
                    lambda X, B, rate: _expected_loss(X, B, 0),
                "That is the ridge alone. The loss without noise is missing.":
                    lambda X, B, rate: expected_loss(X, B, rate) - _expected_loss(X, B, 0),
                "You averaged the squared errors. The formula adds them up.":
                    lambda X, B, rate: expected_loss(X, B, rate) - _expected_loss(X, B, 0)
                    + ((X - X @ B) ** 2).mean(),
                "G_ii is the sum of the squares of column i of X: (X**2).sum(axis=0). You counted its events.":
                    lambda X, B, rate: _expected_loss(X, B, 0)
                    + rate / (1 - rate) * (X != 0).sum(axis=0) @ (B**2).sum(axis=1),
                "G_ii is the sum of the squares of column i of X: (X**2).sum(axis=0). You did not square.":
                    lambda X, B, rate: _expected_loss(X, B, 0)
                    + rate / (1 - rate) * X.sum(axis=0) @ (B**2).sum(axis=1),
                "The rows of B count with their squared lengths: no root.":
                    lambda X, B, rate: _expected_loss(X, B, rate / (1 - rate), power=0.5),
                "You divided by the number of rows. The formula sums over them.":
                    lambda X, B, rate: expected_loss(X, B, rate) / len(X),
            },
        ),
        Exercise(
            "7.6", "The multinomial log-likelihood", objective="O7.4", level="core", minutes=6,
            reference=log_likelihood,
            cases=[
                (np.zeros((1, 2)), np.array([[1.0, 0.0]])),
                (np.array([[1000.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 0.0]])),
                (np.array([[3000.0, 0.0]]), np.array([[1.0, 1.0]])),
                (np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 3.0]]), np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]])),
                (np.array([[1.0, 1.0], [0.0, 2.0], [3.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 0.0], [2.0, 1.0]])),
            ],
            draw=lambda rng: (rng.normal(size=(3, 5)), rng.integers(0, 3, size=(3, 5)) + np.eye(3, 5)),
            properties={
                "One of your numbers is infinite or NaN: subtract each row's largest score before np.exp, and take "
                "the logarithm of the sum, not of each share.":
                    lambda args, result: bool(np.isfinite(np.asarray(result, dtype=float)).all()),
            },
            why="Each event costs the logarithm of its item's share; the shares of a row add up to 1.",
            hints=(
                "Make each row of scores into log-shares, multiply by the events, sum over items.",
                "log softmax: scores minus the logarithm of the summed exponentials of the row.",
                "s = scores - scores.max(axis=1, keepdims=True); "
                "log_shares = s - np.log(np.exp(s).sum(axis=1, keepdims=True))",
            ),
            misconceptions={
                "You added shares. Probabilities of several events multiply: add their logarithms.":
                    lambda scores, rows: (rows * softmax(scores, axis=1)).sum(axis=1),
                "The logarithm comes before the sum over items: each event has its own factor.":
                    lambda scores, rows: np.log((rows * softmax(scores, axis=1)).sum(axis=1)),
                "The softmax runs along people. Items compete within each row: axis=1.":
                    lambda scores, rows: (rows * log_softmax(scores, axis=0)).sum(axis=1),
                "You subtracted ln of the sum once for each row. It belongs to each event: a row with three events has "
                "it three times.":
                    lambda scores, rows: (rows * scores).sum(axis=1) - logsumexp(scores, axis=1),
                "Without keepdims=True the sums of the rows are spread over the columns: .sum(axis=1, keepdims=True).":
                    lambda scores, rows: _without_keepdims(scores, rows, keep_maxima=True),
                "Without keepdims=True the maxima and the sums of the rows are spread over the columns: keep the axis "
                "in both.":
                    lambda scores, rows: _without_keepdims(scores, rows, keep_maxima=False),
                "That is the logistic likelihood, item by item: no item's share falls when another's rises.":
                    lambda scores, rows: (rows * -np.logaddexp(0, -scores)).sum(axis=1),
                "That is the loss. The log-likelihood has the other sign.":
                    lambda scores, rows: -log_likelihood(scores, rows),
                "You averaged over items. Sum them: a long history has more to explain.":
                    lambda scores, rows: log_likelihood(scores, rows) / rows.shape[1],
                "You divided by the number of events. Each event counts in full here.":
                    lambda scores, rows: log_likelihood(scores, rows) / rows.sum(axis=1),
                "You summed all rows into one number. One number a row is asked.":
                    lambda scores, rows: log_likelihood(scores, rows).sum(),
            },
        ),
        Exercise(
            "7.7", "The annealed KL term", objective="O7.4", level="core", minutes=7,
            reference=kl_cost,
            cases=[
                (np.array([[1.0, 0.0]]), np.zeros((1, 2)), 50, 100, 0.2),
                (np.array([[-2.0, 0.0]]), np.zeros((1, 2)), 40, 40, 0.5),
                (np.array([[1.0, 2.0, 0.0]]), np.array([[np.log(2), 0.0, -1.0]]), 10, 40, 0.4),
                (np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [np.log(2), 0.0]]), 300, 100, 0.5),
                (np.array([[0.0, 2.0], [1.0, 1.0]]), np.array([[-1.0, 0.0], [0.5, 0.0]]), 0, 10, 0.5),
            ],
            draw=_draw_normals,
            why="Each code pays for what differs from the standard normal, and the price rises slowly to beta.",
            hints=(
                "Sum the divergence over a row's factors, average over rows, then multiply by the weight of this step.",
                "np.exp(log_variance) is the variance. The weight grows in a straight line and stops at beta.",
                "weight = beta * min(1, step / n_anneal)",
            ),
            misconceptions={
                "The weight has to stop at beta once step passes n_anneal.":
                    lambda mean, log_variance, step, n_anneal, beta:
                    beta * step / n_anneal * _kl(mean, log_variance).mean(),
                "The price is not annealed: at step 0 it is 0.":
                    lambda mean, log_variance, step, n_anneal, beta: beta * _kl(mean, log_variance).mean(),
                "Your weight ends at 1. It ends at beta.":
                    lambda mean, log_variance, step, n_anneal, beta:
                    min(1, step / n_anneal) * _kl(mean, log_variance).mean(),
                "Your weight grows as if by 1, and beta cuts it off early: multiply beta by min(1, step / n_anneal).":
                    lambda mean, log_variance, step, n_anneal, beta:
                    min(beta, step / n_anneal) * _kl(mean, log_variance).mean(),
                "You averaged over the factors, too. Their divergences add up; only rows are averaged.":
                    lambda mean, log_variance, step, n_anneal, beta:
                    kl_cost(mean, log_variance, step, n_anneal, beta) / mean.shape[1],
                "You summed over rows. Average over them, as the likelihood does.":
                    lambda mean, log_variance, step, n_anneal, beta:
                    kl_cost(mean, log_variance, step, n_anneal, beta) * len(mean),
                "log_variance is ln v already: the variance is np.exp(log_variance).":
                    lambda mean, log_variance, step, n_anneal, beta: _weight(step, n_anneal, beta)
                    * 0.5 * (log_variance + mean**2 - 1 - _log(log_variance)).sum(axis=1).mean(),
                "The mean counts squared: a code tells as much at -2 as at 2.":
                    lambda mean, log_variance, step, n_anneal, beta: _weight(step, n_anneal, beta)
                    * (_kl(mean, log_variance) + 0.5 * (mean - mean**2).sum(axis=1)).mean(),
                "Steps count from 0: the weight is beta * step / n_anneal, without + 1.":
                    lambda mean, log_variance, step, n_anneal, beta:
                    kl_cost(mean, log_variance, step + 1, n_anneal, beta),
                "You summed over people and averaged over factors. It is the other way round: axis=1, then the mean.":
                    lambda mean, log_variance, step, n_anneal, beta:
                    kl_cost(mean, log_variance, step, n_anneal, beta) * len(mean) / mean.shape[1],
                "You took the logarithm of the variance for that of the standard deviation.":
                    lambda mean, log_variance, step, n_anneal, beta:
                    kl_cost(mean, 2 * log_variance, step, n_anneal, beta),
                "The 1/2 in front is missing.":
                    lambda mean, log_variance, step, n_anneal, beta:
                    2 * kl_cost(mean, log_variance, step, n_anneal, beta),
                "That is minus the divergence. It is never below 0, and it is a cost.":
                    lambda mean, log_variance, step, n_anneal, beta:
                    -kl_cost(mean, log_variance, step, n_anneal, beta),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P7.1",
            "150 people of MovieLens are held out whole, and fold in what they met. By nDCG@10, where do denoising "
            "and variational autoencoders, trained for at most 40 epochs, stand beside EASE, one matrix inverse?",
            {
                "a": "the better of the two is more than .02 above EASE",
                "b": "the better of the two is within .02 of EASE",
                "c": "both are more than .02 below EASE",
            },
            outcome=_beside_ease,
        ),
    ],
    quiz=[
        Question(
            "O7.1", "Your loop trains, but its losses are not those of train, and later steps overshoot. Which line is "
            "the first suspect?",
            {
                "a": ("value.item() is noted before the step.", "That is how it should be, and it changes no step."),
                "b": ("optimizer.zero_grad() is missing.",
                      "Right: backward() adds to the old slopes, so each step repeats all before it."),
                "c": ("The batches are of different sizes.", "The loss is a mean over rows: sizes may differ."),
            },
            answer="b",
        ),
        Question(
            "O7.2", "Two linear autoencoders of width 8, trained from different seeds, have other weights. Which is "
            "right?",
            {
                "a": ("One of them has not converged.", "Both may have: any invertible mix of the codes does as well."),
                "b": ("One of them found other directions than PCA.",
                      "At the lowest loss both span the 8 strongest directions."),
                "c": ("At the lowest loss both decoders span the same 8 directions.",
                      "Right: the span is fixed if the 8th singular value is above the 9th; its basis is not."),
            },
            answer="c",
        ),
        Question(
            "O7.3", "A wide linear autoencoder of clicks is trained without noise, ridge or mask. What does it say of "
            "films that a newcomer has not met?",
            {
                "a": ("Nothing: it gives the row back, 0 where it is 0.",
                      "Right: the identity has loss 0, whatever the tastes."),
                "b": ("What similar people met.", "That needs each film to be told from others: drop inputs."),
                "c": ("What is popular.", "It has no reason to raise any film that is not in the row."),
            },
            answer="a",
        ),
        Question(
            "O7.4", "The score of one film rises, all others stay. What happens to the multinomial likelihood of a row "
            "that does not hold it?",
            {
                "a": ("Nothing: the film is not in the row.", "So it would be with squared error on the films met."),
                "b": ("It falls: the film takes share from those that are in the row.",
                      "Right: the shares of all films add up to 1."),
                "c": ("It rises.", "The films in the row now have less share, not more."),
            },
            answer="b",
        ),
        Question(
            "O7.4", "Why is the KL term's weight raised slowly from 0?",
            {
                "a": ("To make the first steps faster.", "A step costs the same whatever the weight."),
                "b": ("Because beta must end at 1.", "Here it ends lower: .2 ranks better than 1."),
                "c": ("So that codes come to say something before they pay for it.",
                      "Right: at full price from the start they may say nothing, and all get nearly one list."),
            },
            answer="c",
        ),
    ],
)  # fmt: skip


def _projects(D: Array, result: Array) -> bool:
    """Whether a second time changes nothing; True for what has a message of its own."""
    if result.shape != (D.shape[1],) * 2 or result.shape == D.shape:
        return True
    unit = _unit_rows(D)
    known = (D.T @ D, unit.T @ unit, D.T @ D / (D**2).sum())
    return any(np.allclose(result, one) for one in known) or np.allclose(result @ result, result, atol=1e-5)


def _unit_rows(D: Array) -> Array:
    return D / np.linalg.norm(D, axis=1, keepdims=True)
