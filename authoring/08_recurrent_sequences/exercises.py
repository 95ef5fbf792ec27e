"""Chapter 08, Recurrent sequences: the behavior model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax

from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.models.sequence import following, padded

EVENINGS = [np.array(items) for items in ([0, 1, 3], [0, 1, 2], [2, 3, 0], [2, 3, 1], [0, 1, 2, 3])]
DEFECTS = (4, 5, 6, 8, 9, 10, 11, 13)  # of the listing in the lesson
N_LINES = 14


def markov(sequences: list[np.ndarray], last: int, n_items: int, kappa: float) -> np.ndarray:
    """P(next | last): steps from the last item, backed off to popularity; shape (n_items,)."""
    steps = _steps(sequences, last, n_items)
    return (steps + kappa * _popularity(sequences, n_items)) / (steps.sum() + kappa)


def covisitation(sequences: list[np.ndarray], n_items: int, window: int, decay: float) -> np.ndarray:
    """Weight of each later item after each earlier one, shape (n_items, n_items)."""
    return sum(
        (decay ** (lag - 1) * _following(sequences, n_items, lag) for lag in range(1, window + 1)),
        start=np.zeros((n_items, n_items)),
    )


def gru_step(
    x: np.ndarray, h: np.ndarray, W_ih: np.ndarray, W_hh: np.ndarray, b_ih: np.ndarray, b_hh: np.ndarray
) -> np.ndarray:
    """Give the state after x, as torch.nn.GRUCell computes it; shape (n_state,)."""
    return _state((x, h, W_ih, W_hh, b_ih, b_hh))


def inputs_and_targets(sequences: list[np.ndarray], length: int, padding: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of what is read and of what comes next, both of shape (n_sequences, length)."""
    rows = padded(sequences, length + 1, padding)
    return rows[:, :-1], rows[:, 1:]


def next_item_loss(logits: np.ndarray, targets: np.ndarray, padding: int) -> float:
    """Mean of -log softmax at the targets that are no padding."""
    real = targets != padding
    return float(-log_softmax(logits, axis=-1)[real, targets[real]].mean())


def find_defects(n_lines: int) -> list[int]:
    """Numbers of the lines that hold a defect."""
    return [line for line in DEFECTS if line <= n_lines]


def _steps(sequences: list[np.ndarray], last: int, n_items: int) -> np.ndarray:
    return _following(sequences, n_items, 1)[last]


def _following(sequences: list[np.ndarray], n_items: int, lag: int) -> np.ndarray:
    return following(sequences, n_items, lag).toarray()


def _popularity(sequences: list[np.ndarray], n_items: int) -> np.ndarray:
    counts = np.bincount(np.concatenate(sequences), minlength=n_items)
    return counts / counts.sum()


def _from_first(sequences: list[np.ndarray], last: int, n_items: int, *, reach: int | None = None) -> np.ndarray:
    """Count what came after the first time of the last item: all of it, or the next ``reach`` items."""
    starts = [(sequence, sequence.tolist().index(last) + 1) for sequence in sequences if last in sequence]
    later = [sequence[start : reach and start + reach] for sequence, start in starts]
    return np.bincount(np.concatenate([np.empty(0, dtype=int), *later]), minlength=n_items).astype(float)


def _ever_later(sequences: list[np.ndarray], last: int, n_items: int) -> np.ndarray:
    return sum((_following(sequences, n_items, lag)[last] for lag in range(1, 50)), start=np.zeros(n_items))


def _with_steps(steps: np.ndarray, sequences: list[np.ndarray], n_items: int, kappa: float) -> np.ndarray:
    return (steps + kappa * _popularity(sequences, n_items)) / (steps.sum() + kappa)


def _with_popularity(
    parts: list[np.ndarray], sequences: list[np.ndarray], last: int, n_items: int, kappa: float
) -> np.ndarray:
    steps = _steps(sequences, last, n_items)
    return (steps + kappa * _popularity(parts, n_items)) / (steps.sum() + kappa)


def _with_counts(sequences: list[np.ndarray], last: int, n_items: int, kappa: float) -> np.ndarray:
    steps = _steps(sequences, last, n_items)
    return (steps + kappa * np.bincount(np.concatenate(sequences), minlength=n_items)) / (steps.sum() + kappa)


def _only_steps(sequences: list[np.ndarray], last: int, n_items: int, kappa: float) -> np.ndarray:
    steps = _steps(sequences, last, n_items)
    with np.errstate(invalid="ignore"):  # after an item that nothing came after
        return steps / steps.sum()


def _each_place_once(sequences: list[np.ndarray], n_items: int, window: int, decay: float) -> np.ndarray:
    C = np.zeros((n_items, n_items))
    for sequence in sequences:
        for lag in range(1, window + 1):
            C[sequence[:-lag], sequence[lag:]] += decay ** (lag - 1)
    return C


def _gates(
    x: np.ndarray, h: np.ndarray, W_ih: np.ndarray, W_hh: np.ndarray, b_ih: np.ndarray, b_hh: np.ndarray,
    *, reset: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None = None,
    order: tuple[int, int, int] = (0, 1, 2),
    squash: Callable[[np.ndarray], np.ndarray] = np.tanh,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    W, V, b, c = (np.split(part, 3) for part in (W_ih, W_hh, b_ih, b_hh))
    r_at, z_at, n_at = order
    r = expit(W[r_at] @ x + b[r_at] + V[r_at] @ h + c[r_at])
    z = expit(W[z_at] @ x + b[z_at] + V[z_at] @ h + c[z_at])
    from_state = reset(r, h, V[n_at], c[n_at]) if reset else r * (V[n_at] @ h + c[n_at])
    return r, z, squash(W[n_at] @ x + b[n_at] + from_state)


def _state(args: tuple[np.ndarray, ...], *, turned: bool = False, **ways: Any) -> np.ndarray:
    _, z, n = _gates(*args, **ways)
    return z * n + (1 - z) * args[1] if turned else (1 - z) * n + z * args[1]


def _in_front(sequences: list[np.ndarray], length: int, padding: int) -> tuple[np.ndarray, np.ndarray]:
    rows = padded([s[::-1][: length + 1] for s in (q[-(length + 1) :] for q in sequences)], length + 1, padding)
    return rows[:, ::-1][:, :-1], rows[:, ::-1][:, 1:]


def _first_items(sequences: list[np.ndarray], length: int, padding: int) -> tuple[np.ndarray, np.ndarray]:
    return inputs_and_targets([sequence[: length + 1] for sequence in sequences], length, padding)


def _cut_inputs(sequences: list[np.ndarray], length: int, padding: int) -> tuple[np.ndarray, np.ndarray]:
    lasts = [sequence[-(length + 1) :] for sequence in sequences]
    return padded([s[:-1] for s in lasts], length, padding), padded([s[1:] for s in lasts], length, padding)


def _one_short(sequences: list[np.ndarray], length: int, padding: int) -> tuple[np.ndarray, np.ndarray]:
    rows = padded(sequences, length, padding)
    return rows[:, :-1], rows[:, 1:]


def _one_item_short(sequences: list[np.ndarray], length: int, padding: int) -> tuple[np.ndarray, np.ndarray]:
    return inputs_and_targets([sequence[-length:] for sequence in sequences], length, padding)


def _has_sums(args: tuple[list[np.ndarray], int, int], got: Any) -> bool:
    """Whether a number in the result is neither an item nor the padding, but the sum of both."""
    sequences, _, padding = args
    known = {padding, *np.concatenate(sequences).tolist()}
    parts = (part if isinstance(part, list | tuple) else np.asarray(part) for part in got)
    new = {number for part in parts for row in part for number in np.ravel(row).tolist()} - known
    return bool(new) and new <= {item + padding for item in known}


def _masked(logits: np.ndarray, targets: np.ndarray, real: np.ndarray) -> float:
    return float(-log_softmax(logits, axis=-1)[real, targets[real]].mean())


def _losses(logits: np.ndarray, targets: np.ndarray, padding: int) -> np.ndarray:
    """-log softmax at the targets, 0 where there is padding; shape of the targets."""
    real = targets != padding
    losses = np.zeros(targets.shape)
    losses[real] = -log_softmax(logits, axis=-1)[real, targets[real]]
    return losses


def _padding_as_last_item(logits: np.ndarray, targets: np.ndarray, padding: int) -> float:
    clipped = np.minimum(targets, logits.shape[-1] - 1)
    return float(-np.take_along_axis(log_softmax(logits, axis=-1), clipped[..., None], axis=-1).mean())


def _along_time(logits: np.ndarray, targets: np.ndarray, padding: int) -> float:
    real = targets != padding
    return float(-log_softmax(logits, axis=1)[real, targets[real]].mean())


def _chances(logits: np.ndarray, targets: np.ndarray, padding: int) -> float:
    real = targets != padding
    return float(-np.exp(log_softmax(logits, axis=-1))[real, targets[real]].mean())


def _same_lines(expected: Sequence[int], got: Any, atol: float = 0) -> str:
    """Say how many lines are right, which are fine and how many are missing, and give none away."""
    try:
        named = {index(line) for line in got}
    except TypeError:
        return "expected a list of line numbers, whole ones, for example [2, 7]."
    wanted = set(expected)
    if named == wanted:
        return ""
    if nowhere := sorted(line for line in named if not 1 <= line <= N_LINES):
        return f"there is no line {nowhere[0]}: they go from 1 to {N_LINES}."
    found, fine = len(named & wanted), sorted(named - wanted)
    if found == len(wanted):
        return f"all {found} are there, and you named {len(fine)} too many."
    said = [f"{found} of the {len(wanted)} defects found, {len(wanted) - found} still missing"]
    said += [f"line {line} does what it should" for line in fine[:3]]
    return "; ".join(said) + "."


def _draw_sequences(rng: np.random.Generator) -> list[np.ndarray]:
    lengths = rng.integers(2, 7, size=5)
    return [np.array([1, 0, 2]), *(rng.integers(5, size=length) for length in lengths)]  # items may come again


def _draw_markov(rng: np.random.Generator) -> tuple:
    return _draw_sequences(rng), 0, 5, float(rng.integers(1, 4))


def _draw_step(rng: np.random.Generator) -> tuple:
    n_in, n_state = 4, 5  # so large that a failure shows shapes, not numbers
    return (
        rng.normal(size=n_in), rng.normal(size=n_state), rng.normal(size=(3 * n_state, n_in)),
        rng.normal(size=(3 * n_state, n_state)), rng.normal(size=3 * n_state), rng.normal(size=3 * n_state),
    )  # fmt: skip


def _draw_loss(rng: np.random.Generator) -> tuple:
    targets, padding = rng.integers(0, 5, size=(3, 4)), int(rng.choice([-1, 5, 9]))
    targets[1, 2:] = targets[2, 1:] = padding
    return rng.normal(size=(3, 4, 5)), targets, padding


def _place_of_covisitation(ndcg: object) -> str:
    order = ndcg.sort_values(ascending=False).index.tolist()  # type: ignore[attr-defined]
    place = order.index("co-visitation")
    return "a" if place == 0 else "c" if place == len(order) - 1 else "b"


ONE_STEP = (
    np.array([1.0]), np.array([2.0]), np.array([[0.0], [0.0], [1.0]]), np.array([[0.0], [0.0], [1.0]]),
    np.zeros(3), np.zeros(3),
)  # fmt: skip
WITH_BIASES = (
    np.array([1.0]), np.array([2.0]), np.array([[0.5], [-0.5], [1.0]]), np.array([[0.2], [0.1], [-0.4]]),
    np.array([0.3, -0.2, 0.1]), np.array([-0.6, 0.4, 0.5]),
)  # fmt: skip

TWO_STATES = (
    np.array([1.0, 0.0, -1.0]), np.array([1.0, -2.0]),
    np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 2], [2, 0, 0]]),
    np.array([[0.0, 1], [1, 0], [1, 1], [0, 0], [1, -1], [0, 1]]),
    np.array([0.0, 1, 0, 0, 1, 0]), np.array([1.0, 0, 0, -1, 0, 1]),
)  # fmt: skip

CHAPTER = Chapter(
    number="08",
    title="Recurrent sequences: the behavior model",
    objectives={
        "O8.1": "Build a Markov chain and a decayed co-visitation, which any network has to beat",
        "O8.2": "Write the GRU step, and match PyTorch's convention",
        "O8.3": "Shift, pad and mask histories, and compute the full loss",
        "O8.4": "Find what is wrong in a sequence model",
    },
    exercises=[
        Exercise(
            "8.1", "A chain that backs off", objective="O8.1", level="warm-up", minutes=5,
            reference=markov,
            cases=[
                ([np.array([0, 1]), np.array([0, 2])], 0, 3, 1.0),
                (EVENINGS, 1, 4, 1.0),
                ([np.array([0, 1]), np.array([0, 2])], 1, 3, 2.0),
                ([np.array([0, 1, 0, 1, 2]), np.array([1, 2])], 0, 4, 1.0),
                ([np.array([2, 1, 2, 0]), np.array([1])], 2, 5, 3.0),
            ],
            draw=_draw_markov,
            properties={
                "Your numbers do not sum to 1. Is the popularity a share, and do you divide by the steps from the last "
                "item plus kappa?":
                    lambda args, came: np.shape(came) != (args[2],) or np.isclose(np.sum(came), 1, atol=1e-6),
            },
            why="The popularity acts like kappa more steps: strong where few were counted, weak where many were.",
            hints=(
                "Two counts: how often each item came right after the last one, and how often it occurs at all.",
                "for a, b in zip(s[:-1], s[1:]) walks over the steps of a sequence s; np.bincount counts items.",
                "(steps + kappa * popularity) / (steps.sum() + kappa), where the popularity sums to 1.",
            ),
            misconceptions={
                "You counted every later item. A step leads to the item right after, and no further.":
                    lambda sequences, last, n_items, kappa: _with_steps(
                        _ever_later(sequences, last, n_items), sequences, n_items, kappa
                    ),
                "You counted what came right before the last item. The next one is asked.":
                    lambda sequences, last, n_items, kappa: _with_steps(
                        _following(sequences, n_items, 1)[:, last], sequences, n_items, kappa
                    ),
                "You backed off to equal probabilities. The popularity is the share of each item among all events.":
                    lambda sequences, last, n_items, kappa: (
                        _steps(sequences, last, n_items) + kappa / n_items
                    ) / (_steps(sequences, last, n_items).sum() + kappa),
                "Those are the popularities: where are the steps from the last item?":
                    lambda sequences, last, n_items, kappa: _popularity(sequences, n_items),
                "You counted all items after the last one. A step leads to the item right after, and no further.":
                    lambda sequences, last, n_items, kappa: _with_steps(
                        _from_first(sequences, last, n_items), sequences, n_items, kappa
                    ),
                "An item may come again in a sequence: each time, a step leads from it.":
                    lambda sequences, last, n_items, kappa: _with_steps(
                        _from_first(sequences, last, n_items, reach=1), sequences, n_items, kappa
                    ),
                "Your popularity is a count. Make it a share: divide by the number of all events.": _with_counts,
                "Your popularity counts each person once. It is the share among all events, repeats included.":
                    lambda sequences, last, n_items, kappa: _with_popularity(
                        [np.unique(sequence) for sequence in sequences], sequences, last, n_items, kappa
                    ),
                "Your popularity leaves the first item of each sequence out. It is the share among all events.":
                    lambda sequences, last, n_items, kappa: _with_popularity(
                        [sequence[1:] for sequence in sequences], sequences, last, n_items, kappa
                    ),
                "Those are the shares of the steps alone: kappa steps of popularity are missing.": _only_steps,
                "kappa changes nothing in your result. It multiplies the popularity, and is added to the step count.":
                    lambda sequences, last, n_items, kappa: markov(sequences, last, n_items, 1.0),
            },
        ),
        Exercise(
            "8.2", "Decayed co-visitation", objective="O8.1", level="core", minutes=8,
            reference=covisitation,
            cases=[
                ([np.array([0, 1, 2])], 3, 2, 0.5),
                ([np.array([0, 1, 2, 3]), np.array([2])], 5, 3, 0.25),
                ([np.array([0, 1, 0, 1])], 3, 2, 0.5),
                (EVENINGS, 4, 2, 0.5),
            ],
            draw=lambda rng: (_draw_sequences(rng), 5, int(rng.integers(2, 4)), 0.5),
            why="It sees as far as the window, and what is far counts little: a chain with memory, and no training.",
            hints=(
                "For each sequence, take each event and those that come up to window events after it.",
                "A pair at positions p and p + lag adds decay ** (lag - 1), in the row of the earlier item.",
                "for lag in range(1, window + 1): for a, b in zip(s[:-lag], s[lag:]): C[a, b] += decay ** (lag - 1)",
            ),
            misconceptions={
                "Your pairs at lag 1 decay already. Their weight is decay ** 0 = 1.":
                    lambda sequences, n_items, window, decay: decay * covisitation(sequences, n_items, window, decay),
                "You counted both directions. The earlier item has the row, the later one the column.":
                    lambda sequences, n_items, window, decay: covisitation(sequences, n_items, window, decay)
                    + covisitation(sequences, n_items, window, decay).T,
                "That is the transpose: the row belongs to the earlier item.":
                    lambda sequences, n_items, window, decay: covisitation(sequences, n_items, window, decay).T,
                "All your pairs have the same weight. One that is lag events apart has the weight decay ** (lag - 1).":
                    lambda sequences, n_items, window, decay: covisitation(sequences, n_items, window, 1.0),
                "Your window ends one early: range(1, window + 1) has the lag window in it.":
                    lambda sequences, n_items, window, decay: covisitation(sequences, n_items, window - 1, decay),
                "Your pairs reach to the end of the sequence. They are at most window events apart.":
                    lambda sequences, n_items, window, decay: covisitation(sequences, n_items, 50, decay),
                "With arrays, C[earlier, later] += … adds once to a place that comes twice. Use np.add.at, or a loop.":
                    _each_place_once,
                "You left out pairs of an item with itself. They count like any other.":
                    lambda sequences, n_items, window, decay: (
                        covisitation(sequences, n_items, window, decay) * (1 - np.eye(n_items))
                    ),
            },
        ),
        Exercise(
            "8.3", "The GRU step", objective="O8.2", level="core", minutes=9,
            reference=gru_step,
            cases=[ONE_STEP, WITH_BIASES, TWO_STATES],
            draw=_draw_step,
            why="Where z is near 1 the old state passes through untouched, so that something can be kept for long.",
            hints=(
                "Cut W_ih, W_hh, b_ih and b_hh into three parts each: for r, for z and for n, in this order.",
                "np.split(W_ih, 3) gives the three. r and z add the two sides; in n, r weighs the side of the state.",
                "n = np.tanh(W_n @ x + b_n + r * (V_n @ h + c_n)); return (1 - z) * n + z * h",
            ),
            misconceptions={
                "Your update gate is turned round: in PyTorch z keeps the old state, (1 - z) * n + z * h.":
                    lambda *args: _state(args, turned=True),
                "You reset the state before the product. PyTorch resets after it: r * (V_n @ h + c_n).":
                    lambda *args: _state(args, reset=lambda r, h, V, c: V @ (r * h) + c),
                "Your reset leaves the second bias out: it stands inside, r * (V_n @ h + c_n).":
                    lambda *args: _state(args, reset=lambda r, h, V, c: r * (V @ h) + c),
                "Your r and z have changed places: the first third of the rows is r, the second z.":
                    lambda *args: _state(args, order=(1, 0, 2)),
                "Your new state n ignores the reset gate: r weighs what comes from the old state.":
                    lambda *args: _state(args, reset=lambda r, h, V, c: V @ h + c),
                "You returned n, the new proposal. The state is a mix of it with the old one.":
                    lambda *args: _gates(*args)[2],
                "Your biases are missing: b_ih goes with W_ih @ x, b_hh with W_hh @ h.":
                    lambda *args: _state((*args[:4], np.zeros(len(args[4])), np.zeros(len(args[5])))),
                "Your proposal n does not go through tanh. r and z go through the sigmoid, n through tanh.":
                    lambda *args: _state(args, squash=lambda a: a),
                "Your proposal n goes through the sigmoid. It goes through tanh; r and z go through the sigmoid.":
                    lambda *args: _state(args, squash=expit),
                "You cut in the order z, n, r. The thirds belong to r, z and n, in this order.":
                    lambda *args: _state(args, order=(2, 0, 1)),
            },
        ),
        Exercise(
            "8.4", "Shift by one and pad", objective="O8.3", level="core", minutes=6,
            reference=inputs_and_targets,
            cases=[
                ([np.array([4, 7, 2]), np.array([5, 1])], 3, 9),
                ([np.array([3]), np.array([4, 5])], 2, 8),
                ([np.array([4, 7, 2, 8]), np.array([6]), np.array([5, 1])], 2, -1),
                ([np.array([0, 1, 2, 3, 4])], 1, 50),
            ],
            draw=lambda rng: (
                [rng.permutation(9)[:n] for n in (6, 5, 1, 2, 3)], int(rng.integers(3, 5)), int(rng.choice([-1, 9, 20]))
            ),
            properties={
                "Some numbers are sums of an item and the padding: between arrays + adds. np.append(items, ...) puts "
                "the padding behind.":
                    lambda args, got: not _has_sums(args, got),
            },
            why="At each place the target is the item after those read: one history gives as many lessons as steps.",
            hints=(
                "First rows of length + 1: the last items of each history, and padding behind them.",
                "np.full((n, length + 1), padding) gives empty rows; row[: len(last)] = last fills one.",
                "Both come from the same rows: rows[:, :-1] and rows[:, 1:].",
            ),
            misconceptions={
                "Your targets are the inputs: the model can copy, and learns nothing. Shift them by one.":
                    lambda sequences, length, padding: (inputs_and_targets(sequences, length, padding)[0],) * 2,
                "You shifted the wrong way: the target comes after the input.":
                    lambda sequences, length, padding: inputs_and_targets(sequences, length, padding)[::-1],
                "Your padding stands in front. Here it stands behind, so that a row begins with an item.":
                    _in_front,
                "You kept the first items of a long history. What comes next depends on the last ones.":
                    _first_items,
                "You padded with 0, which is an item. Use the number that is given.":
                    lambda sequences, length, padding: inputs_and_targets(sequences, length, 0),
                "Your inputs end one item early. Pad rows of length + 1 first, then cut one column off each side.":
                    _cut_inputs,
                "You kept the last `length` items. A row has length + 1 places: keep the last length + 1.":
                    _one_item_short,
                "You left out the histories of one item. Each history has a row, also if all its targets are padding.":
                    lambda sequences, length, padding: inputs_and_targets(
                        [sequence for sequence in sequences if len(sequence) > 1], length, padding
                    ),
                "Your rows are one short: fill length + 1 places, then cut one column off each side.": _one_short,
            },
        ),
        Exercise(
            "8.5", "The masked loss", objective="O8.3", level="core", minutes=8,
            reference=next_item_loss,
            cases=[
                (np.zeros((1, 2, 4)), np.array([[2, 4]]), 4),
                (np.array([[[0.0, 1.0, 2.0], [2.0, 0.0, 0.0]], [[0.0, 0.0, 3.0], [1.0, 1.0, 1.0]]]),
                 np.array([[1, 0], [2, 3]]), 3),
                (np.array([[[0.0, np.log(2)], [np.log(3), 0.0], [3.0, 1.0]]]), np.array([[0, 0, -1]]), -1),
                (np.array([[[0.0, np.log(2)], [np.log(3), 0.0], [3.0, 1.0]]]), np.array([[0, 9, 9]]), 9),
            ],
            draw=_draw_loss,
            why="Each real target counts once, whoever it belongs to, and padding not at all.",
            hints=(
                "Which places have a right answer? Then: the softmax along the items, its log, at the right item.",
                "real = targets != padding is a mask: logits[real] is (n_real, n_items), targets[real] (n_real,).",
                "log_p = kept - np.log(np.exp(kept).sum(axis=-1, keepdims=True)); "
                "then -log_p[np.arange(len(right)), right].mean()",
            ),
            misconceptions={
                "You divided by all places. Divide by the real targets only: padding is none.":
                    lambda logits, targets, padding: _losses(logits, targets, padding).mean(),
                "You took the sum. The loss is the mean over the real targets.":
                    lambda logits, targets, padding: _losses(logits, targets, padding).sum(),
                "You took what is no item for padding. The argument padding says which number is: targets != padding.":
                    lambda logits, targets, padding: _masked(logits, targets, targets != logits.shape[-1]),
                "You took the targets below padding for items. Padding may be any number: targets != padding.":
                    lambda logits, targets, padding: _masked(logits, targets, targets < padding),
                "Your sign is turned: the loss is minus ln P, so it is never below 0.":
                    lambda logits, targets, padding: -next_item_loss(logits, targets, padding),
                "You counted padding as a target, as if it were the last item.": _padding_as_last_item,
                "Your softmax runs along the places of a row. The items compete: take the last axis.": _along_time,
                "That is the mean probability of the right item: the logarithm is missing.": _chances,
                "You averaged each row first. A long history then counts no more than a short one.":
                    lambda logits, targets, padding: (
                        _losses(logits, targets, padding).sum(axis=1) / (targets != padding).sum(axis=1)
                    ).mean(),
            },
        ),
        Exercise(
            "8.6", "Eight defects", objective="O8.4", level="core", minutes=9,
            reference=find_defects, compare=_same_lines,
            cases=[(N_LINES,)],
            why="Half of the eight raise no error: a program that runs is not yet a model that learns.",
            hints=(
                "Ask three questions of each line: what goes in, what comes out of which shape, and what is compared?",
                "Two lines make the labels wrong, one the inputs; three layers are wrong, the loss, and one call.",
                "Lines 1, 2, 3, 7, 12 and 14 do what they should.",
            ),
            misconceptions={
                "You named only what is wrong with the data. The layers and the loss have defects, too.":
                    lambda n_lines: [4, 5, 6],
                "You named the layers and the loss. Look also at what goes into them, and at the last call.":
                    lambda n_lines: [8, 9, 10, 11],
                "You named what would raise an error. The others run, and learn the wrong thing.":
                    lambda n_lines: [5, 9, 10, 13],
                "You named all lines. Some do what they should.": lambda n_lines: list(range(1, N_LINES + 1)),
                "One is missing: which number stands behind a short history, and which number is masked?":
                    lambda n_lines: [line for line in DEFECTS if line != 8],
                "One is missing: what does the network have to tell at each place, and what stands in y there?":
                    lambda n_lines: [line for line in DEFECTS if line != 4],
            },
        ),
    ],
    predictions=[
        Prediction(
            "P8.1",
            "The last film of each person is hidden. Decayed co-visitation counts pairs in ten lines and trains "
            "nothing. By nDCG@10, where does it stand beside EASE and a trained GRU (full softmax)?",
            {"a": "first", "b": "in between", "c": "last"},
            outcome=_place_of_covisitation,
        ),
    ],
    quiz=[
        Question(
            "O8.1", "Of a film's 2 steps both led to Waltz. Why does the chain not answer Waltz with certainty?",
            {
                "a": ("It adds kappa steps of popularity, which matter where few steps were counted.",
                      "Right: after two steps it still listens to popularity, after two hundred hardly."),
                "b": ("It looks at the item before the last one, too.", "The chain knows the last item only."),
                "c": ("It decays old steps.", "Co-visitation decays with distance; the chain counts steps."),
            },
            answer="a",
        ),
        Question(
            "O8.2", "In PyTorch's GRU the update gate z is near 1 in every place. What does the state do?",
            {
                "a": ("It becomes the new proposal n.", "That is z near 0 here; some papers name it the other way."),
                "b": ("It stays nearly as it was.", "Right: (1 - z) n + z h is then close to h."),
                "c": ("It becomes 0.", "No gate erases the state: it is a mix of the old one and n."),
            },
            answer="b",
        ),
        Question(
            "O8.3", "A history of 3 films is padded to 50 places. How many targets does it give?",
            {
                "a": ("50", "Padding has no right answer and is masked."),
                "b": ("3", "The first film has nothing before it, so it is only read."),
                "c": ("2", "Right: every item but the first is a target once."),
            },
            answer="c",
        ),
        Question(
            "O8.3", "The sampled loss sets the right item against one drawn at random. What does it teach less?",
            {
                "a": ("To tell the right item from those that look most like it.",
                      "Right: a random item is mostly an easy one; the full softmax holds all against it each time."),
                "b": ("To prefer items at all.", "It does learn an order, only a coarser one."),
                "c": ("To read long histories.", "Both losses read the same states."),
            },
            answer="a",
        ),
        Question(
            "O8.4", "A GRU comes within a tenth of the ceiling in a made-up world. What does that say of MovieLens?",
            {
                "a": ("That it is near the best there, too.", "Nobody knows the best on real people."),
                "b": ("That the code can learn such a law, and not how much there is to learn on MovieLens.",
                      "Right: the world tests the model, real people test whether it is worth its cost."),
                "c": ("Nothing at all.", "A model that fails where the law is known has a defect."),
            },
            answer="b",
        ),
    ],
)  # fmt: skip
