"""Chapter 11, Sharing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import expit, softmax

from recsys_teach.learn.schema import Chapter, Decision, Exercise, Prediction, Question
from recsys_teach.models.multitask import MMoE, n_parameters, task_losses

NAN = np.nan


def masked_losses(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute the mean cross-entropy of each task over the rows that have its label, shape (n_tasks,)."""
    return task_losses(torch.from_numpy(outputs), torch.from_numpy(labels), ["binary"] * outputs.shape[1]).numpy()


def mix(gate_logits: np.ndarray, experts: np.ndarray) -> np.ndarray:
    """Mix the experts of each row by a softmax, shape (n, width)."""
    _check_shapes(np.shape(gate_logits), np.shape(experts))
    return _weighted(softmax(gate_logits, axis=1), experts)


def _check_shapes(scores: tuple[int, ...], experts: tuple[int, ...]) -> None:
    """Raise an error that says which of the two inputs of ``mix`` to look at."""
    if len(scores) != 2:
        raise ValueError(f"mix expects gate_logits of shape (n, n_experts), the scores of one task; got {scores}.")
    if len(experts) != 3:
        raise ValueError(
            f"mix expects experts with three axes, (n, n_experts, width); got {experts}. Stack experts along a new "
            "axis 1, and join lists of experts along axis 1."
        )
    if scores[0] != experts[0]:
        cause = "Experts are stacked or joined along axis 1: along axis 0 they would be further rows."
        if scores[1] == experts[1]:  # the experts fit, the scores do not
            cause = (
                "The scores of a task have a row for each row of the data: in an MMoE X @ gates[k] is such a table, "
                "and of the scores of several tasks it is [k] on the first axis."
            )
        raise ValueError(
            f"mix expects the same number of rows first in both arrays; got gate_logits of shape {scores} and experts "
            f"of shape {experts}. Which of the two does not start with the rows? {cause}"
        )
    if scores[1] != experts[1]:
        raise ValueError(
            f"mix expects one expert for each of the {scores[1]} columns of gate_logits; got {experts[1]} along axis 1 "
            f"of an array of shape {experts}. Is an expert missing, or is there one that this gate may not use? The "
            "number of experts is not the number of tasks, and lists of experts are joined along axis 1 (`+` adds "
            "their numbers)."
        )


def mmoe_forward(X: np.ndarray, W: np.ndarray, gates: np.ndarray, towers: np.ndarray) -> np.ndarray:
    """Compute the output of each task for each row, shape (n, n_tasks)."""
    experts = _experts(X, W)
    return np.stack([mix(X @ gate, experts) @ tower for gate, tower in zip(gates, towers, strict=True)], axis=1)


def cgc_step(task_experts: np.ndarray, shared_experts: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
    """Mix each task's reserved experts and the shared ones, shape (n_tasks, n, width)."""
    return np.stack(
        [
            mix(logits, np.concatenate([reserved, shared_experts], axis=1))
            for reserved, logits in zip(task_experts, gate_logits, strict=True)
        ]
    )


def related_weights(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    """Build two vectors of length 1 with this cosine, the first along a, shape (2, n_features)."""
    u1 = a / np.linalg.norm(a)
    rest = b - (b @ u1) * u1
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * rest / np.linalg.norm(rest)])


def count_mmoe(n_features: int, n_tasks: int, n_experts: int, width: int, tower_width: int) -> int:
    """Count the parameters of an MMoE, gates and biases included."""
    return n_parameters(MMoE(n_features, n_tasks, n_experts=n_experts, width=width, head_width=tower_width))


def _weighted(weights: np.ndarray, experts: np.ndarray) -> np.ndarray:
    return np.einsum("ne,new->nw", weights, experts)


def _experts(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    return np.maximum(np.einsum("nf,efw->new", X, W), 0)


def _cross_entropy(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, outputs) - labels * outputs


def _with_gate(weights: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a forward pass whose gates turn scores into weights in another way."""

    def forward(X: np.ndarray, W: np.ndarray, gates: np.ndarray, towers: np.ndarray) -> np.ndarray:
        mixtures = [_weighted(weights(X @ gate), _experts(X, W)) for gate in gates]
        return np.stack([mixture @ tower for mixture, tower in zip(mixtures, towers, strict=True)], axis=1)

    return forward


def _late_relu(X: np.ndarray, W: np.ndarray, gates: np.ndarray, towers: np.ndarray) -> np.ndarray:
    linear = np.einsum("nf,efw->new", X, W)
    return np.stack([np.maximum(mix(X @ g, linear), 0) @ t for g, t in zip(gates, towers, strict=True)], axis=1)


def _no_relu(X: np.ndarray, W: np.ndarray, gates: np.ndarray, towers: np.ndarray) -> np.ndarray:
    linear = np.einsum("nf,efw->new", X, W)
    return np.stack([mix(X @ g, linear) @ t for g, t in zip(gates, towers, strict=True)], axis=1)


def _cgc_with(weights: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a level whose gates turn scores into weights in another way."""

    def step(task_experts: np.ndarray, shared_experts: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
        return np.stack(
            [
                _weighted(weights(logits), np.concatenate([reserved, shared_experts], axis=1))
                for reserved, logits in zip(task_experts, gate_logits, strict=True)
            ]
        )

    return step


def _two_softmaxes(task_experts: np.ndarray, shared_experts: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
    n = task_experts.shape[2]
    pairs = zip(task_experts, gate_logits, strict=True)
    return np.stack([mix(g[:, :n], reserved) + mix(g[:, n:], shared_experts) for reserved, g in pairs])


def _all_reserved(task_experts: np.ndarray, shared_experts: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
    """Let each task use the reserved experts of all tasks, with the same scores for each group."""
    n = task_experts.shape[2]
    everything = np.concatenate([*task_experts, shared_experts], axis=1)
    scores = [np.concatenate([g[:, :n]] * len(task_experts) + [g[:, n:]], axis=1) for g in gate_logits]
    return np.stack([mix(each, everything) for each in scores])


def _shared_first(task_experts: np.ndarray, shared_experts: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
    pairs = zip(task_experts, gate_logits, strict=True)
    return np.stack([mix(g, np.concatenate([shared_experts, reserved], axis=1)) for reserved, g in pairs])


def _reserved_only(task_experts: np.ndarray, shared_experts: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
    n = task_experts.shape[2]
    return np.stack([mix(g[:, :n], reserved) for reserved, g in zip(task_experts, gate_logits, strict=True)])


def _shared_only(task_experts: np.ndarray, shared_experts: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
    n = task_experts.shape[2]
    return np.stack([mix(g[:, n:], shared_experts) for g in gate_logits])


def _second_along(a: np.ndarray, rest: np.ndarray, cosine: float) -> np.ndarray:
    u1 = a / np.linalg.norm(a)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * rest / np.linalg.norm(rest)])


def _blend(a: np.ndarray, b: np.ndarray, along: float, across: float) -> np.ndarray:
    u1, u2 = related_weights(a, b, 0.0)
    return np.stack([u1, along * u1 + across * u2])


def _first_unscaled(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    rest = b - (b @ a) * a
    return np.stack([a, cosine * a + np.sqrt(1 - cosine**2) * rest / np.linalg.norm(rest)])


def _second_unscaled(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    u1 = a / np.linalg.norm(a)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * (b - (b @ u1) * u1)])


def _unscaled(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    rest = b - (a @ b) / (a @ a) * a
    return np.stack([a, cosine * a + np.sqrt(1 - cosine**2) * rest])


def _count(experts: float, gates: float, towers: float) -> Callable[..., float]:
    """Return a count whose three parts are those of the right one plus some multiple of what is often forgotten."""

    def count(n_features: int, n_tasks: int, n_experts: int, width: int, tower_width: int) -> float:
        right = count_mmoe(n_features, n_tasks, n_experts, width, tower_width)
        return right + experts * n_experts * width + gates * n_tasks * n_experts + towers * n_tasks

    return count


def _count_layers(expert: Callable, gate: Callable, tower: Callable) -> Callable[..., float]:
    """Return a count from the number of parameters of one expert, one gate and one tower."""

    def count(n_features: int, n_tasks: int, n_experts: int, width: int, tower_width: int) -> float:
        sizes = (n_features, n_tasks, n_experts, width, tower_width)
        return n_experts * expert(*sizes) + n_tasks * (gate(*sizes) + tower(*sizes))

    return count


def _expert_size(n_features: int, n_tasks: int, n_experts: int, width: int, tower_width: int) -> int:
    return (n_features + 1) * width


def _gate_size(n_features: int, n_tasks: int, n_experts: int, width: int, tower_width: int) -> int:
    return n_features * n_experts


def _tower_size(n_features: int, n_tasks: int, n_experts: int, width: int, tower_width: int) -> int:
    return (width + 1) * tower_width + tower_width + 1


def _row_function_on_all_rows(X: np.ndarray, W: np.ndarray, gates: np.ndarray, towers: np.ndarray) -> np.ndarray:
    """Compute what the lesson's function of one row returns, or raises, when it gets all rows."""
    experts = np.array([np.maximum(X @ W[e], 0) for e in range(len(W))])
    outputs = []
    for k in range(len(gates)):
        weights = np.exp(X @ gates[k])
        weights = weights / weights.sum()
        outputs.append((weights[:, None] * experts).sum(axis=0) @ towers[k])
    return np.array(outputs)


def _losses_of_ones(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    rows = [labels[:, k] == 1 for k in range(outputs.shape[1])]
    return np.array([np.mean(np.logaddexp(0, -outputs[ones, k])) for k, ones in enumerate(rows)])


def _losses_of_other_rows(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, outputs).mean(axis=0) - np.nanmean(labels * outputs, axis=0)


def _experts_reshaped(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    experts = _experts(X, W)
    return experts.swapaxes(0, 1).reshape(experts.shape)


def _first_task_only(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return the function with the result of the first task alone, as a return inside the loop leaves it."""
    return lambda *args: function(*args)[:1]


def _losses_while_rows_shrink(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    losses = []
    for k in range(outputs.shape[1]):
        known = ~np.isnan(labels[:, k])
        outputs, labels = outputs[known], labels[known]
        losses.append(np.mean(_cross_entropy(outputs[:, k], labels[:, k])))
    return np.array(losses)


def _losses_of_all_columns(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    rows = [~np.isnan(labels[:, k]) for k in range(outputs.shape[1])]
    return np.array([np.mean(_cross_entropy(outputs[known], labels[known])) for known in rows])


def _losses_of(loss: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a mean over the known rows of each task, of another loss."""

    def losses(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        rows = [~np.isnan(labels[:, k]) for k in range(outputs.shape[1])]
        return np.array([np.mean(loss(outputs[known, k], labels[known, k])) for k, known in enumerate(rows)])

    return losses


def _softmax_losses(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    p = softmax(outputs, axis=1)
    return np.nanmean(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)), axis=0)


def _with_experts(change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a forward pass with other experts, of shape (n, n_experts, width)."""

    def forward(X: np.ndarray, W: np.ndarray, gates: np.ndarray, towers: np.ndarray) -> np.ndarray:
        experts = change(X, W)
        mixtures = [_weighted(softmax(X @ gate, axis=1), experts) for gate in gates]
        return np.stack([mixture @ tower for mixture, tower in zip(mixtures, towers, strict=True)], axis=1)

    return forward


def _two_experts(X: np.ndarray, W: np.ndarray, gates: np.ndarray, towers: np.ndarray) -> np.ndarray:
    if len(W) < 2:
        raise IndexError("there is no W[1]")
    return mmoe_forward(X, W[:2], gates[:, :, :2], towers)


def _experts_on_axis_0(X: np.ndarray, W: np.ndarray, gates: np.ndarray, towers: np.ndarray) -> np.ndarray:
    experts = _experts(X, W).swapaxes(0, 1)  # (n_experts, n, width)
    mixtures = [(softmax(X @ gate, axis=1)[:, :, None] * experts).sum(axis=1) for gate in gates]
    return np.stack([mixture @ tower for mixture, tower in zip(mixtures, towers, strict=True)], axis=1)


def _rotated(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    u1 = a / np.linalg.norm(a)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * np.array([-u1[1], u1[0]])])


def _w2_unscaled(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    w1, w2 = _second_unscaled(a, b, cosine)
    return np.stack([w1, w2 / np.linalg.norm(w2)])


def _divided_by(size: Callable[[np.ndarray], float]) -> Callable[..., np.ndarray]:
    """Return weights whose vectors are divided by something else than their length."""

    def weights(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
        u1 = a / size(a)
        rest = b - (b @ u1) * u1
        return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * rest / size(rest)])

    return weights


def _instead_of_sine(across: Callable[[float], float], second: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return weights with two slips: another part across, and another vector in the place of u2."""

    def weights(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
        u1 = a / np.linalg.norm(a)
        return np.stack([u1, cosine * u1 + across(cosine) * second(b, u1)])

    return weights


def _rest(b: np.ndarray, u1: np.ndarray) -> np.ndarray:
    return b - (b @ u1) * u1


def _of_length_1(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _joined_and_cut(task_experts: np.ndarray, shared_experts: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
    everything = np.concatenate([*task_experts, shared_experts], axis=1)
    return np.stack([mix(scores, everything[:, : scores.shape[1]]) for scores in gate_logits])


def _product_by_entry(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    u1 = a / np.linalg.norm(a)
    return _second_along(a, b - (b * u1) * u1, cosine)


def _parts(n_features: int, n_tasks: int, n_experts: int, width: int, tower_width: int) -> tuple[int, int, int]:
    """Count all experts, one gate and one tower."""
    tower = (width + 1) * tower_width + tower_width + 1
    return n_experts * (n_features + 1) * width, n_features * n_experts, tower


def _has_shape(shape_of: Callable[[tuple], tuple]) -> Callable[[tuple, Any], bool]:
    return lambda args, result: np.shape(result) == shape_of(args)


def _draw_labels(rng: np.random.Generator) -> tuple:
    labels = rng.integers(0, 2, size=(6, 3)).astype(float)
    labels[rng.permutation(6)[:3], 1] = NAN
    labels[rng.permutation(6)[:2], 2] = NAN
    return rng.normal(size=(6, 3)), labels


def _draw_mix(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3, 5))


def _draw_mmoe(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(5, 4)), rng.normal(size=(3, 4, 2)), rng.normal(size=(4, 4, 3)), rng.normal(size=(4, 2))


def _draw_cgc(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(3, 4, 2, 2)), rng.normal(size=(4, 3, 2)), rng.normal(size=(3, 4, 5))


def _draw_weights(rng: np.random.Generator) -> tuple:
    return rng.normal(size=5), rng.normal(size=5), float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.9))


def _draw_sizes(rng: np.random.Generator) -> tuple:
    return tuple(int(size) for size in rng.integers(2, 20, size=5))


def _where_sharing_helps(intervals: dict[str, tuple[float, float]]) -> str:
    """Turn the intervals of the gain, "same match click" and so on, into the letter that came true."""
    above = {name for name, (mean, half) in intervals.items() if mean > half}
    below = {name for name, (mean, half) in intervals.items() if mean < -half}
    if len(above) == len(intervals):
        return "a"
    if above == {"same match like"} and below <= {"other match click"}:
        return "c" if below else "b"
    return "none of them" if above or below else "d"


def _which_levels(reached: tuple[bool, bool]) -> str:
    """Turn whether like depends on click's experts of level 1 and of level 2 into a letter."""
    return {(False, False): "a", (True, False): "b", (True, True): "c"}.get(reached, "none of them")


def _what_the_dial_does(lows: dict[float, float]) -> str:
    """Turn the lower ends of the interval of the gain, one for each setting of the dial, into a letter."""
    above = tuple(cosine for cosine, low in sorted(lows.items()) if low > 0)
    letters = {(0.0, 0.5, 0.9, 1.0): "a", (0.5, 0.9, 1.0): "b", (1.0,): "c", (): "d"}
    return letters.get(above, "none of them")


CHAPTER = Chapter(
    number="11",
    title="Sharing",
    objectives={
        "O11.1": "Name label, loss and data of a task, and write losses that leave out unknown labels",
        "O11.2": "Mix experts by a gate, and write the forward pass of an MMoE",
        "O11.3": "Say which task may use which expert in CGC and PLE, and compute a level of it",
        "O11.4": "Make two tasks with a chosen relation, and say what the correlation of their labels does not tell",
        "O11.5": "Compare designs at equal size, and decide which tasks should share a network",
    },
    exercises=[
        Exercise(
            "11.1", "Losses of several tasks", objective="O11.1", level="core", minutes=10,
            reference=masked_losses,
            cases=[
                (np.zeros((2, 2)), np.array([[1.0, 1.0], [0.0, NAN]])),
                (
                    np.array([[0.0, 1.0, -1.0], [2.0, 0.0, 0.0], [1.0, -1.0, 0.0], [-2.0, 3.0, 0.5]]),
                    np.array([[NAN, 1.0, 0.0], [1.0, NAN, NAN], [0.0, 0.0, 1.0], [1.0, 1.0, NAN]]),
                ),
                (  # a row without any label
                    np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 1.0], [-1.0, 1.0, 0.0]]),
                    np.array([[1.0, 0.0, 1.0], [NAN, NAN, NAN], [1.0, 1.0, 0.0]]),
                ),
                (np.array([[-1.0], [5.0], [2.0]]), np.array([[1.0], [NAN], [0.0]])),  # one task
            ],
            draw=_draw_labels,
            why="Each task uses the rows whose label it knows: an unknown label changes neither the sum nor the count.",
            hints=(
                "Go through the tasks one by one. For task k, which rows have a label that is not NaN?",
                "known = ~np.isnan(labels[:, k]) marks these rows. Which entries of outputs and of labels do you need?",
                "Put o and y into the bracket of the formula; e^o is np.exp(o). Collect one mean per task in a list.",
            ),
            misconceptions={
                "You read an unknown label as 0. The model would learn that people dislike what they have not opened.":
                    lambda outputs, labels: masked_losses(outputs, np.nan_to_num(labels)),
                "You read an unknown label as 1. Select the rows whose label is known instead.":
                    lambda outputs, labels: masked_losses(outputs, np.nan_to_num(labels, nan=1.0)),
                "You divide by the number of all rows. Divide by the number of rows that have a label of the task.":
                    lambda outputs, labels: np.nansum(_cross_entropy(outputs, labels), axis=0) / len(labels),
                "You dropped each row in which any label is unknown. Another label of such a row may be known: use it.":
                    lambda outputs, labels: masked_losses(
                        outputs[~np.isnan(labels).any(axis=1)], labels[~np.isnan(labels).any(axis=1)]
                    ),
                "All your losses are NaN, also where all labels are known. np.isnan marks the unknown labels; the "
                "known ones are ~np.isnan(...).":
                    lambda outputs, labels: np.full(outputs.shape[1], NAN),
                "Your result contains NaN. NaN times 0 is NaN, and NaN == NaN is False: select the known rows with "
                "~np.isnan(labels[:, k]) before you compute.":
                    lambda outputs, labels: _cross_entropy(outputs, labels).mean(axis=0),
                "You selected the known rows of task k, but kept all columns. Take column k, too: labels[known, k].":
                    _losses_of_all_columns,
                "The rows without a label of one task are missing in the tasks after it. Select the rows of each task "
                "from the full arrays.": _losses_while_rows_shrink,
                "You read an unknown label as 0.5. An invented label is still a label: select the known rows.":
                    lambda outputs, labels: np.mean(_cross_entropy(outputs, np.nan_to_num(labels, nan=0.5)), axis=0),
                "You divide by the number of known labels of all tasks. Each task has a separate number.":
                    lambda outputs, labels: np.nansum(_cross_entropy(outputs, labels), axis=0)
                    / (~np.isnan(labels)).sum(),
                "Your loss is -y ln p alone, which is 0 for each label 0. The part -(1 - y) ln(1 - p) is missing.":
                    _losses_of(lambda o, y: y * np.logaddexp(0, -o)),
                "You took a softmax over the tasks. Click and like do not exclude each other: each task has a sigmoid, "
                "and the formula contains it.": _softmax_losses,
                "That is the squared error of the probabilities. The exercise asks for the cross-entropy.":
                    _losses_of(lambda o, y: (expit(o) - y) ** 2),
                "You used log2. The loss needs np.log, the natural logarithm.":
                    _losses_of(lambda o, y: np.log2(1 + np.exp(o)) - y * o),
                "Your result has only the loss of the first task. Is `return` inside the loop? It ends the function at "
                "once, so it belongs after the loop.": _first_task_only(masked_losses),
                "Your result is one number, the loss of the first task. Is `return` inside the loop? Collect one loss "
                "for each task, and return them after the loop.":
                    lambda outputs, labels: float(masked_losses(outputs, labels)[0]),
                "You used the outputs as probabilities. They are logits: ln(1 + e^o) - y o contains the sigmoid.":
                    lambda outputs, labels: np.nanmean(
                        -(labels * np.log(outputs) + (1 - labels) * np.log(1 - outputs)), axis=0
                    ),
                "You used the outputs as probabilities; a logarithm of a negative number is NaN. They are logits, and "
                "ln(1 + e^o) - y o contains the sigmoid.":
                    _losses_of(lambda o, y: -(y * np.log(o) + (1 - y) * np.log(1 - o))),
                "You applied the sigmoid before a formula that already contains it. Put the logits into the formula.":
                    lambda outputs, labels: np.nanmean(_cross_entropy(expit(outputs), labels), axis=0),
                "That is a squared error. The labels are 0 or 1, and the loss is the cross-entropy of the logits.":
                    lambda outputs, labels: np.nanmean((outputs - labels) ** 2, axis=0),
                "That is one number for all labels together. Return one loss for each task.":
                    lambda outputs, labels: float(np.nanmean(_cross_entropy(outputs, labels))),
                "That is the sum over the known rows. The loss of a task is their mean.":
                    lambda outputs, labels: np.nansum(_cross_entropy(outputs, labels), axis=0),
                "That is one loss for each row. Average over the rows of a task (axis=0).":
                    lambda outputs, labels: np.nanmean(_cross_entropy(outputs, labels), axis=1),
                "The term y · o is missing: your loss does not depend on the labels.":
                    lambda outputs, labels: np.nanmean(_cross_entropy(outputs, 0 * labels), axis=0),
                "You added y · o. In the formula it is subtracted: ln(1 + e^o) - y · o.":
                    lambda outputs, labels: np.nanmean(_cross_entropy(outputs, -labels), axis=0),
                "You subtract y, and the formula subtracts y · o: ln(1 + e^o) - y · o.":
                    _losses_of(lambda o, y: np.logaddexp(0, o) - y),
                "You used the rows with the label 1 alone. A label 0 is known, too: only NaN is unknown.":
                    _losses_of_ones,
                "Your y · o is inside the logarithm or the exponent. Subtract it at the end: ln(1 + e^o) - y · o.":
                    _losses_of(lambda o, y: np.log(1 + np.exp(o - y * o))),
                "Your two terms use different rows: ln(1 + e^o) is averaged over all rows, and y · o over the known "
                "ones.": _losses_of_other_rows,
                "You exchanged outputs and labels in the formula.":
                    lambda outputs, labels: np.nanmean(_cross_entropy(labels, outputs), axis=0),
                "That is the loss in bits: use np.log, the natural logarithm.":
                    lambda outputs, labels: masked_losses(outputs, labels) / np.log(2),
                "You used log10. The loss needs np.log, the natural logarithm.":
                    lambda outputs, labels: np.nanmean(np.log10(1 + np.exp(outputs)) - labels * outputs, axis=0),
                "The sign in the exponent differs: the first term is ln(1 + e^o), with +o.":
                    lambda outputs, labels: np.nanmean(np.logaddexp(0, -outputs) - labels * outputs, axis=0),
                "All your losses are the loss of the first task. Use column k for task k.":
                    lambda outputs, labels: np.repeat(masked_losses(outputs[:, :1], labels[:, :1]), outputs.shape[1]),
                "That is the loss of the opposite labels. 1 / (1 + np.exp(o)) is 1 - p; the sigmoid is 1 / (1 + "
                "np.exp(-o)).":
                    lambda outputs, labels: np.nanmean(_cross_entropy(outputs, 1 - labels), axis=0),
                "Your result is one number, and it is NaN: unknown labels are still in it. y != np.nan is True even "
                "for NaN. Select with ~np.isnan(labels[:, k]), and return one loss for each task.":
                    lambda outputs, labels: NAN,
                "The exponential is missing: the first term is ln(1 + e^o), np.log(1 + np.exp(o)).":
                    _losses_of(lambda o, y: np.log(1 + o) - y * o),
                "The exponential is missing: the first term is np.log(1 + np.exp(o)). A logarithm of a negative number "
                "is NaN, and nanmean leaves it out.":
                    lambda outputs, labels: np.nanmean(np.log(1 + outputs) - labels * outputs, axis=0),
                "The 1 is missing in the first term: it is ln(1 + e^o). The logarithm of e^o alone is o.":
                    _losses_of(lambda o, y: o - y * o),
                "You divide by the number of unknown labels. np.isnan marks these; ~np.isnan marks the known ones.":
                    lambda outputs, labels: np.nansum(_cross_entropy(outputs, labels), axis=0)
                    / np.isnan(labels).sum(axis=0),
                "You took the median over the known rows. The loss of a task is their mean.":
                    lambda outputs, labels: np.nanmedian(_cross_entropy(outputs, labels), axis=0),
                "Your result has only the loss of the last task. Does the list begin inside the loop? Then each task "
                "starts a new one: make it before the loop.": lambda *args: masked_losses(*args)[-1:],
                "You divide by the number of ones. Divide by the number of known labels, zeros included.":
                    lambda outputs, labels: np.nansum(_cross_entropy(outputs, labels), axis=0)
                    / np.nansum(labels, axis=0),
            },
            properties={
                "Your result is a single number. Return one loss for each task.":
                    lambda args, result: np.ndim(result) != 0,
                "Your result has two axes. Return one loss for each task, shape (n_tasks,); keepdims=True or an extra "
                "pair of brackets adds an axis.": lambda args, result: np.ndim(result) != 2,
                "The number of your losses is not the number of tasks. There may be one task or three: the number of "
                "columns is outputs.shape[1].":
                    _has_shape(lambda args: (args[0].shape[1],)),
                "Your result contains NaN. NaN plus or times anything is NaN: select the known rows of a task before "
                "you compute.": lambda args, result: not np.isnan(np.asarray(result, dtype=float)).any(),
                "A loss is negative. A cross-entropy is never below 0: look at the signs.":
                    lambda args, result: bool((np.nan_to_num(np.asarray(result, dtype=float)) > -1e-9).all()),
            },
        ),
        Exercise(
            "11.2", "Mix experts by a gate", objective="O11.2", level="warm-up", minutes=8,
            reference=mix,
            cases=[
                (np.array([[0.0, np.log(3.0)]]), np.array([[[1.0, 0.0], [0.0, 1.0]]])),
                (np.log([[1.0, 2.0, 5.0]]), np.array([[[8.0], [4.0], [-8.0]]])),
                (  # two rows, three experts of two units; equal scores in row 0
                    np.array([[0.0, 0.0, 0.0], [2.0, 0.0, -1.0]]),
                    np.array([[[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]], [[2.0, 2.0], [4.0, 0.0], [0.0, -6.0]]]),
                ),
                (  # four rows, two experts of three units
                    np.log([[1.0, 3.0], [3.0, 1.0], [1.0, 1.0], [4.0, 1.0]]),
                    np.arange(24.0).reshape(4, 2, 3) - 6,
                ),
                (np.array([[7.0], [-7.0], [0.0]]), np.array([[[1.0, 2.0]], [[-4.0, 0.0]], [[3.0, 9.0]]])),  # one expert
            ],
            draw=_draw_mix,
            why="The weights of each row sum to 1, and all units of an expert get the same weight.",
            hints=(
                "How many weights has a row, and over which axis do they sum to 1?",
                "Exponentiate the scores, then divide each row by its sum: the section shows the idiom with keepdims.",
                "To multiply, the weights need the shape (n, n_experts, 1): where does None go? Then add over experts.",
            ),
            misconceptions={
                "Your weights sum to 1 over the rows. The weights of each row sum to 1: use axis=1.":
                    lambda gate_logits, experts: _weighted(softmax(gate_logits, axis=0), experts),
                "Your weights sum to 1 over the whole table. The weights of each row sum to 1: use axis=1.":
                    lambda gate_logits, experts: _weighted(softmax(gate_logits), experts),
                "You averaged the weighted experts. The weights already sum to 1: add the weighted experts.":
                    lambda gate_logits, experts: mix(gate_logits, experts) / experts.shape[1],
                "You used the scores themselves as weights. They may be negative, and they do not sum to 1.":
                    lambda gate_logits, experts: _weighted(gate_logits, experts),
                "You divided the scores by their sum. Exponentiate them first, as a softmax does.":
                    lambda gate_logits, experts: _weighted(
                        gate_logits / gate_logits.sum(axis=1, keepdims=True), experts
                    ),
                "All experts have the same weight in your result: the gate has no effect.":
                    lambda gate_logits, experts: experts.mean(axis=1),
                "You used the expert with the highest score alone. This gate mixes all of them.":
                    lambda gate_logits, experts: experts[np.arange(len(experts)), gate_logits.argmax(axis=1)],
                "You used exp(scores) without dividing by their sum.":
                    lambda gate_logits, experts: _weighted(np.exp(gate_logits), experts),
                "You applied the softmax twice. The first one already returns weights.":
                    lambda gate_logits, experts: mix(softmax(gate_logits, axis=1), experts),
                "You used a sigmoid for each expert. A softmax makes weights that sum to 1.":
                    lambda gate_logits, experts: _weighted(expit(gate_logits), experts),
                "You divided sigmoids by their sum. A softmax divides exponentials by their sum.":
                    lambda gate_logits, experts: _weighted(
                        expit(gate_logits) / expit(gate_logits).sum(axis=1, keepdims=True), experts
                    ),
                "All rows use the weights of the first row. Each row has its own weights.":
                    lambda gate_logits, experts: _weighted(
                        np.repeat(softmax(gate_logits[:1], axis=1), len(experts), axis=0), experts
                    ),
                "Your result has only two experts in it. Add all of them: their number is experts.shape[1].":
                    lambda gate_logits, experts: _weighted(softmax(gate_logits, axis=1)[:, :2], experts[:, :2]),
                "You added the experts without weights.": lambda gate_logits, experts: experts.sum(axis=1),
                "All rows use the experts of the first row. Each row has its own experts.":
                    lambda gate_logits, experts: _weighted(
                        softmax(gate_logits, axis=1), np.repeat(experts[:1], len(experts), axis=0)
                    ),
                "Your result is the first expert alone. Add all experts, multiplied by their weights.":
                    lambda gate_logits, experts: experts[:, 0],
                "You subtracted the largest score of each column, which changes the weights. Subtract the largest of "
                "each row (axis=1, keepdims=True), or nothing.":
                    lambda gate_logits, experts: mix(gate_logits - gate_logits.max(axis=0), experts),
                "You took the largest output for each unit. A mixture is a weighted sum.":
                    lambda gate_logits, experts: experts.max(axis=1),
                "You divided by the number of rows, too. A mixture is the weighted sum of a row's experts.":
                    lambda gate_logits, experts: mix(gate_logits, experts) / len(experts),
                "Your weights multiply the units, not the experts: numpy aligns the last axes. The new axis belongs at "
                "the end: weights[:, :, None].":
                    lambda gate_logits, experts: (softmax(gate_logits, axis=1)[:, None] * experts).sum(axis=1),
                "You returned the weights. The mixture is the sum of the experts, multiplied by these weights.":
                    lambda gate_logits, experts: softmax(gate_logits, axis=1),
                "`@` combined the weights of each row with the experts of every row: shape (n, n, width). Each row "
                "mixes its experts only: multiply with weights[:, :, None] and add.":
                    lambda gate_logits, experts: softmax(gate_logits, axis=1) @ experts,
                "The sum over the experts kept an axis of length 1. Leave out keepdims in the last sum.":
                    lambda gate_logits, experts: mix(gate_logits, experts)[:, None],
                "The experts are weighted, but not added: your result still has one axis for the experts.":
                    lambda gate_logits, experts: softmax(gate_logits, axis=1)[:, :, None] * experts,
                "You rounded the weights to two digits. Use them in full.":
                    lambda gate_logits, experts: _weighted(softmax(gate_logits, axis=1).round(2), experts),
                "You rounded the weights to one digit. Use them in full.":
                    lambda gate_logits, experts: _weighted(softmax(gate_logits, axis=1).round(1), experts),
                "You subtracted the largest weight or score after the exponential. Do it before, or not at all.":
                    lambda gate_logits, experts: _weighted(
                        np.exp(gate_logits) - np.exp(gate_logits).max(axis=1, keepdims=True), experts
                    ),
                "You divided by the largest of a row's exponentials. Divide by their sum.":
                    lambda gate_logits, experts: _weighted(
                        np.exp(gate_logits - gate_logits.max(axis=1, keepdims=True)), experts
                    ),
                "You used powers of 2. The softmax uses powers of e: np.exp.":
                    lambda gate_logits, experts: mix(np.log(2) * gate_logits, experts),
                "You used the logarithm of the weights. Multiply the experts by the weights themselves.":
                    lambda gate_logits, experts: _weighted(np.log(softmax(gate_logits, axis=1)), experts),
                "You took the softmax of the experts' outputs. It belongs to the scores of the gate.":
                    lambda gate_logits, experts: _weighted(gate_logits, softmax(experts, axis=1)),
                "You took a softmax of the experts' outputs, too. Only the scores of the gate get one.":
                    lambda gate_logits, experts: mix(gate_logits, softmax(experts, axis=1)),
                "That is the mixture of the first row alone. Return one mixture for each row.":
                    lambda gate_logits, experts: mix(gate_logits[:1], experts[:1]),
                "That is the mixture of the first row alone, without an axis for the rows.":
                    lambda gate_logits, experts: mix(gate_logits[:1], experts[:1])[0],
                "The softmax of your weights goes in the wrong direction: a high score has to give a high weight.":
                    lambda gate_logits, experts: mix(-gate_logits, experts),
            },
            properties={
                "Your result has two columns, and these experts do not have two units. The width is experts.shape[2].":
                    lambda args, result: np.shape(result) != (len(args[1]), 2) or args[1].shape[2] == 2,
                "Your result does not have the shape (n, width). Follow the shapes: weights with a new axis (n, "
                "n_experts, 1), times experts (n, n_experts, width), then the sum over axis 1.":
                    _has_shape(lambda args: (len(args[1]), args[1].shape[2])),
            },
        ),
        Exercise(
            "11.3", "The forward pass of an MMoE", objective="O11.2", level="core", minutes=12,
            reference=mmoe_forward,
            cases=[
                (  # one row and experts of two units: here a function for one row returns something, and can be named
                    np.array([[2.0, -1.0]]),
                    np.array([[[1.0, 0.0], [0.0, -1.0]], [[0.0, 2.0], [-3.0, 0.0]]]),
                    np.array([[[0.0, 0.0], [0.0, np.log(3.0)]], [[0.0, 0.0], [0.0, 0.0]]]),
                    np.array([[1.0, 1.0], [2.0, 6.0]]),
                ),
                (
                    np.array([[1.0, -1.0]]),
                    np.array([[[1.0], [0.0]], [[0.0], [1.0]]]),
                    np.zeros((2, 2, 2)),
                    np.array([[2.0], [6.0]]),
                ),
                (  # three tasks, three experts, two rows; expert 2 is positive and negative
                    np.array([[1.0, 2.0], [3.0, -1.0]]),
                    np.array([[[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 1.0]], [[-1.0, 2.0], [0.0, 1.0]]]),
                    np.array(
                        [
                            [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
                            [[0.0, 0.0, 0.5], [1.0, 0.0, 0.0]],
                            [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]],
                        ]
                    ),
                    np.array([[1.0, 2.0], [3.0, -1.0], [0.0, -2.0]]),
                ),
                (  # one task; three experts of one unit that read features 0, 1 and 2: 1, 2 and 0 after the ReLU
                    np.array([[1.0, 2.0, -1.0, 0.0]]),
                    np.eye(4)[:3, :, None],
                    np.log(2) * np.eye(4)[None, :, :3] * [1.0, 0.0, 0.0],
                    np.array([[4.0]]),
                ),
                (  # three tasks, one expert of two units
                    np.array([[1.0], [-2.0]]),
                    np.array([[[3.0, -1.0]]]),
                    np.array([[[1.0]], [[2.0]], [[0.0]]]),
                    np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -5.0]]),
                ),
            ],
            draw=_draw_mmoe,
            why="All tasks read the same experts; each task has its own gate and its own tower.",
            hints=(
                "Follow the diagram from left to right: experts for all tasks, then a mixture and an output for each.",
                "Start from forward_one_row. With X in the place of x, an expert gets the shape (n, width). Along "
                "which axis does `mix` expect the experts?",
                "For task k, X @ gates[k] are the scores for `mix`. Which axis of the result lists the tasks?",
            ),
            misconceptions={
                "That is what forward_one_row returns when it gets all rows at once: its axes fit one row only. With n "
                "rows the experts are axis 1, so use np.stack(..., axis=1) and `mix`.": _row_function_on_all_rows,
                "All tasks use the first gate. An MMoE has one gate for each task.":
                    lambda X, W, gates, towers: mmoe_forward(X, W, np.stack([gates[0]] * len(gates)), towers),
                "The ReLU of the experts is missing.": _no_relu,
                "The ReLU comes after the mixing. Each expert applies it to its own numbers, before the mixing.":
                    _late_relu,
                "You used the scores of the gates as weights. The softmax is missing.":
                    _with_gate(lambda scores: scores),
                "You applied the softmax twice. `mix` contains it: pass the scores X @ gates[k] to it.":
                    _with_gate(lambda scores: softmax(softmax(scores, axis=1), axis=1)),
                "Your gates use a sigmoid. A gate is a softmax over the experts.":
                    _with_gate(expit),
                "Your gates use exp without dividing by the sum over the experts.": _with_gate(np.exp),
                "The weights of your gates sum to 1 over the rows. They sum to 1 over the experts of a row (axis=1).":
                    _with_gate(lambda scores: softmax(scores, axis=0)),
                "All experts have the same weight: the gates have no effect.":
                    _with_gate(lambda scores: np.full(scores.shape, 1 / scores.shape[1])),
                "You used the expert with the highest score alone. A gate mixes all of them.":
                    _with_gate(lambda scores: np.eye(scores.shape[1])[scores.argmax(axis=1)]),
                "All tasks use the first tower.":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates, np.stack([towers[0]] * len(towers))),
                "The towers are missing: you added up the units of the mixture.":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates, np.ones_like(towers)),
                "That is the transpose: rows first, then tasks (np.stack with axis=1).":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates, towers).T,
                "You applied a ReLU to the outputs. Outputs may be negative; only the experts have a ReLU.":
                    lambda X, W, gates, towers: np.maximum(mmoe_forward(X, W, gates, towers), 0),
                "You applied a sigmoid to the outputs. This function returns them as they are.":
                    lambda X, W, gates, towers: expit(mmoe_forward(X, W, gates, towers)),
                "You applied a softmax to the outputs. This function returns them as they are.":
                    lambda X, W, gates, towers: softmax(mmoe_forward(X, W, gates, towers), axis=1),
                "You applied a ReLU to the scores of the gates. Only the experts have a ReLU.":
                    _with_gate(lambda scores: softmax(np.maximum(scores, 0), axis=1)),
                "Only the first task is in your result. Is `return` inside the loop? It ends the function after the "
                "first task, so it belongs after the loop.":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates[:1], towers[:1]),
                "That is the first task alone, without an axis for the tasks. Is `return` inside the loop? Stack the "
                "outputs of all tasks after the loop.":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates, towers)[:, 0],
                "That is the result of the first row alone. Return one row for each row of X.":
                    lambda X, W, gates, towers: mmoe_forward(X[:1], W, gates, towers)[0],
                "Only the last task is in your result. Does the list of outputs begin inside the loop? Then each task "
                "starts a new one: make it before the loop.":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates[-1:], towers[-1:]),
                "That is the last task alone, without an axis for the tasks. Collect the outputs of all tasks in a "
                "list, and stack them after the loop.": lambda *args: mmoe_forward(*args)[:, -1],
                "All tasks use the mixture of the last gate. Apply the tower of task k in the same loop as its gate.":
                    lambda X, W, gates, towers: mmoe_forward(X, W, np.stack([gates[-1]] * len(gates)), towers),
                "Your columns are in reverse order: column k is task k.":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates, towers)[:, ::-1],
                "The right numbers are in the wrong places: reshape does not transpose. Use np.stack(outputs, axis=1).":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates, towers).T.reshape(len(X), len(gates)),
                "You applied the ReLU to the input rows. An expert applies it after multiplying by W[e].":
                    _with_experts(lambda X, W: np.einsum("nf,efw->new", np.maximum(X, 0), W)),
                "You applied the ReLU to the input rows, and again to the experts. Only the experts have one.":
                    _with_experts(lambda X, W: _experts(np.maximum(X, 0), W)),
                "You used the absolute value. A ReLU replaces negative numbers by 0.":
                    _with_experts(lambda X, W: np.abs(np.einsum("nf,efw->new", X, W))),
                "The experts have a sigmoid in your result. They have a ReLU: np.maximum(..., 0).":
                    _with_experts(lambda X, W: expit(np.einsum("nf,efw->new", X, W))),
                "Your result uses two experts. There may be one, or three: len(W).": _two_experts,
                "Rows and experts are exchanged in your experts: np.stack without axis=1 puts the experts first.":
                    _experts_on_axis_0,
                "The weights of your gates sum to 1 over the whole table. Those of each row sum to 1 (axis=1).":
                    _with_gate(softmax),
                "You exponentiated the scores before `mix`, which does it again. Pass X @ gates[k] to it.":
                    _with_gate(lambda scores: softmax(np.exp(scores), axis=1)),
                "You averaged over the units. A tower is a weighted sum: mixture @ towers[k].":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates, towers) / W.shape[2],
                "The gates are in reverse order: task k uses gates[k].":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates[::-1], towers),
                "The towers are in reverse order: task k uses towers[k].":
                    lambda X, W, gates, towers: mmoe_forward(X, W, gates, towers[::-1]),
                "reshape mixed up rows and experts: it does not exchange axes. Use np.stack(..., axis=1).":
                    _with_experts(_experts_reshaped),
                "Your experts keep a small part of negative numbers, as a LeakyReLU does. A ReLU replaces them by 0.":
                    _with_experts(lambda X, W: np.where(_experts(X, W) > 0, 1, 0.01) * np.einsum("nf,efw->new", X, W)),
                "Only expert 0 is in your result. Stack the outputs of all experts.":
                    lambda X, W, gates, towers: mmoe_forward(X, np.stack([W[0]] * len(W)), gates, towers),
            },
            properties={
                "Your result has three axes, so the units are still in it. A tower is a weighted sum over the units of "
                "its mixture, one number for each row: mixture @ towers[k].": lambda args, result: np.ndim(result) != 3,
                "Your result has one axis, and should have two: a row for each row of X, a column for each task.":
                    lambda args, result: np.ndim(result) != 1,
                "Your result does not have as many rows as X. Rows come first, then tasks.":
                    lambda args, result: len(result) == len(args[0]),
                "The number of columns is not the number of tasks. There may be more or fewer tasks than two: "
                "len(gates).": _has_shape(lambda args: (len(args[0]), len(args[2]))),
            },
        ),
        Exercise(
            "11.4", "Who may use which expert", objective="O11.3", level="core", minutes=8,
            reference=cgc_step,
            cases=[
                (np.array([[[[1.0]]], [[[10.0]]]]), np.array([[[5.0]]]), np.zeros((2, 1, 2))),
                (  # three tasks
                    np.array([[[[0.0]]], [[[4.0]]], [[[8.0]]]]),
                    np.array([[[12.0]]]),
                    np.log([[[1.0, 3.0]], [[1.0, 1.0]], [[3.0, 1.0]]]),
                ),
                (  # three tasks with two reserved and two shared experts, two rows
                    np.arange(12.0).reshape(3, 2, 2, 1) ** 2 - 9,
                    np.array([[[4.0], [8.0]], [[-2.0], [6.0]]]),
                    np.log(
                        [
                            [[2.0, 1.0, 5.0, 2.0], [1.0, 2.0, 1.0, 4.0]],
                            [[1.0, 1.0, 1.0, 1.0], [4.0, 1.0, 2.0, 3.0]],
                            [[1.0, 6.0, 1.0, 2.0], [3.0, 1.0, 1.0, 5.0]],
                        ]
                    ),
                ),
                (  # one task with two reserved experts, in two rows
                    np.array([[[[1.0], [6.0]], [[2.0], [4.0]]]]),
                    np.array([[[5.0]], [[8.0]]]),
                    np.log([[[3.0, 1.0, 1.0], [1.0, 1.0, 2.0]]]),
                ),
                (  # experts of two units
                    np.array([[[[1.0, 0.0]]], [[[0.0, 8.0]]]]),
                    np.array([[[4.0, 4.0]]]),
                    np.array([[[0.0, np.log(3.0)]], [[1.0, 0.0]]]),
                ),
            ],
            draw=_draw_cgc,
            why="Within one level a task uses its reserved experts and the shared ones, and no others.",
            hints=(
                "For each task: which experts may it use, and in which order do the columns of its gate list them?",
                "np.concatenate joins two arrays along an axis that exists: on which axis of both are the experts?",
                "Each task has one list of usable experts and one call of `mix`. Collect the mixtures, and stack them.",
            ),
            misconceptions={
                "Your shared experts come first. The columns of a gate list the reserved experts first.": _shared_first,
                "Your shared experts are in reverse order. The gate lists them in the order of `shared_experts`.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        task_experts, shared_experts[:, ::-1], gate_logits
                    ),
                "The reserved experts of a task are in reverse order.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        task_experts[:, :, ::-1], shared_experts, gate_logits
                    ),
                "All tasks use the reserved experts of the first task.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        np.stack([task_experts[0]] * len(task_experts)), shared_experts, gate_logits
                    ),
                "The tasks use each other's reserved experts, in reverse order.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        task_experts[::-1], shared_experts, gate_logits
                    ),
                "All tasks use the gate of the first task.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        task_experts, shared_experts, np.stack([gate_logits[0]] * len(task_experts))
                    ),
                "You exponentiated the scores before `mix`, which does it again. Pass the scores to it.":
                    _cgc_with(lambda scores: softmax(np.exp(scores), axis=1)),
                "You added the experts without weights: the gates have no effect.":
                    _cgc_with(np.ones_like),
                "The gates are in reverse order: task k uses gate_logits[k].":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        task_experts, shared_experts, gate_logits[::-1]
                    ),
                "You added up the reserved experts of all tasks. Task k uses its reserved ones: task_experts[k].":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        np.stack([task_experts.sum(axis=0)] * len(task_experts)), shared_experts, gate_logits
                    ),
                "Tasks come last in your result. They come first: np.stack(mixtures) without another axis.":
                    lambda *args: np.moveaxis(cgc_step(*args), 0, -1),
                "You averaged the reserved experts. The shared ones and the gate are missing.":
                    lambda task_experts, shared_experts, gate_logits: task_experts.mean(axis=2),
                "1 - k exchanges two tasks. Task k uses task_experts[k], and there may be one task, or three.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        task_experts[[1 - k for k in range(len(task_experts))]], shared_experts, gate_logits
                    ),
                "The shared experts are missing.": _reserved_only,
                "The reserved experts are missing.": _shared_only,
                "You used the scores themselves as weights. The softmax is missing.": _cgc_with(lambda scores: scores),
                "You applied the softmax twice. `mix` contains it: pass the scores to it.":
                    _cgc_with(lambda scores: softmax(softmax(scores, axis=1), axis=1)),
                "You used a sigmoid for each expert. The weights of a task come from one softmax and sum to 1.":
                    _cgc_with(expit),
                "You used exp(scores) without dividing by their sum.": _cgc_with(np.exp),
                "The weights sum to 1 over the rows. They sum to 1 over the experts that a task may use (axis=1).":
                    _cgc_with(lambda scores: softmax(scores, axis=0)),
                "All experts have the same weight: the gates have no effect.":
                    _cgc_with(lambda scores: np.full(scores.shape, 1 / scores.shape[1])),
                "Your weights sum to 1 over the tasks. They sum to 1 over the experts that a task may use.":
                    lambda task_experts, shared_experts, gate_logits: np.stack(
                        [
                            _weighted(weights, np.concatenate([reserved, shared_experts], axis=1))
                            for reserved, weights in zip(task_experts, softmax(gate_logits, axis=0), strict=True)
                        ]
                    ),
                "The tasks use each other's reserved experts: task k uses those of task k + 1.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        np.roll(task_experts, -1, axis=0), shared_experts, gate_logits
                    ),
                "The tasks use each other's reserved experts: task k uses those of task k - 1.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        np.roll(task_experts, 1, axis=0), shared_experts, gate_logits
                    ),
                "Only the first task is in your result. Is `return` inside the loop? It ends the function after the "
                "first task, so it belongs after the loop.": _first_task_only(cgc_step),
                "That is the mixture of the first task alone. Is `return` inside the loop? Collect the mixtures of all "
                "tasks, and stack them after the loop.": lambda *args: cgc_step(*args)[0],
                "You joined the mixtures of the tasks along the rows. Stack them along a new first axis: np.stack.":
                    lambda *args: np.concatenate(cgc_step(*args)),
                "You joined the mixtures of the tasks along the units. Stack them along a new first axis: np.stack.":
                    lambda *args: np.concatenate(cgc_step(*args), axis=1),
                "You joined the experts of all tasks and cut the list to the columns of the gate, so all tasks use the "
                "same experts. The list of task k is task_experts[k] and then shared_experts.": _joined_and_cut,
                "The weights of a task sum to 1 over its whole table. Those of each row sum to 1 (axis=1).":
                    _cgc_with(softmax),
                "Your weights sum to 1 over the whole array. Those of each row and task sum to 1: divide by the sum "
                "over the last axis.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        task_experts, shared_experts, gate_logits
                    ) * (np.exp(gate_logits).sum(axis=2, keepdims=True) / np.exp(gate_logits).sum()),
                "Only the last task is in your result. Does the list of mixtures begin inside the loop? Then each task "
                "starts a new one: make it before the loop.": lambda *args: cgc_step(*args)[-1:],
                "The tasks are in reverse order in your result: mixture k belongs to task k.":
                    lambda *args: cgc_step(*args)[::-1],
                "The softmax runs over the experts of all tasks. A task has no weight for the experts of another task.":
                    _all_reserved,
                "Rows come first in your result. Tasks come first: np.stack(mixtures) with axis=0.":
                    lambda task_experts, shared_experts, gate_logits: cgc_step(
                        task_experts, shared_experts, gate_logits
                    ).swapaxes(0, 1),
                "You took two softmaxes, one over the reserved and one over the shared experts. One softmax runs over "
                "all of them.": _two_softmaxes,
                "You took two softmaxes and averaged the two mixtures. One softmax runs over all experts.":
                    lambda *args: _two_softmaxes(*args) / 2,
            },
            properties={
                "Your result does not have three axes. Return one mixture of shape (n, width) for each task, stacked "
                "along a new first axis.": lambda args, result: np.ndim(result) == 3,
                "The first axis of your result is not the number of tasks. There may be one task, or three: "
                "len(task_experts).": lambda args, result: len(result) == len(args[0]),
                "Your result does not have the shape (n_tasks, n, width). Compare the shape you got with the one that "
                "each step should return.":
                    _has_shape(lambda args: (len(args[0]), len(args[1]), args[1].shape[2])),
            },
        ),
        Exercise(
            "11.5", "Two weights with a known cosine", objective="O11.4", level="core", minutes=10,
            reference=related_weights,
            cases=[
                (np.array([2.0, 0.0]), np.array([3.0, 1.0]), 0.6),
                (np.array([0.0, 5.0]), np.array([2.0, 3.0]), 0.8),
                (np.array([0.0, 3.0, 0.0]), np.array([4.0, 1.0, 0.0]), 0.8),
                (np.array([2.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0]), -0.6),
                (np.array([0.0, -2.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0, -3.0]), 0.0),
                (np.array([3.0, 4.0]), np.array([0.0, 1.0]), 0.6),
                (np.array([3.0, 4.0]), np.array([0.0, 1.0]), 1.0),
                (np.array([1.0, 2.0, 2.0]), np.array([-1.0, 0.0, 1.0]), -1.0),
            ],
            draw=_draw_weights,
            why="The part of w2 along u1 is the cosine, the part across it is the sine, and their squares sum to 1.",
            hints=(
                "Subtract from b its part along u1. What is left is at a right angle to a.",
                "u1 = a / np.linalg.norm(a); rest = b - (b @ u1) * u1. What makes u2 out of rest?",
                "w2 is c u1 + s u2. Its squared length is c² + s², and that has to be 1: what is s?",
            ),
            misconceptions={
                "You used a in the place of u1: the part of b along u1 is (b @ u1) * u1, and u1 has the length 1.":
                    lambda a, b, cosine: _second_along(a, b - (b @ a) * a / np.linalg.norm(a), cosine),
                "You used a in both places of u1: the part of b along u1 is (b @ u1) * u1, and u1 has the length 1.":
                    lambda a, b, cosine: _second_along(a, b - (b @ a) * a, cosine),
                "u1 and u2 are not at a right angle: subtract from b its part along u1, then divide by the length.":
                    _second_along,
                "u2 is neither at a right angle to u1 nor of length 1: subtract from b its part along u1, then divide "
                "by the length.":
                    lambda a, b, cosine: np.stack([a / np.linalg.norm(a), cosine * a / np.linalg.norm(a)
                                                   + np.sqrt(1 - cosine**2) * b]),
                "You used 1 - cosine for the part across. The squares of both parts have to sum to 1.":
                    lambda a, b, cosine: _blend(a, b, cosine, 1 - cosine),
                "You used 1 - cosine² without the square root.":
                    lambda a, b, cosine: _blend(a, b, cosine, 1 - cosine**2),
                "Sine and cosine are exchanged: at cosine 1 both weights have to be equal.":
                    lambda a, b, cosine: _blend(a, b, np.sqrt(1 - cosine**2), cosine),
                "The vectors keep the lengths of a and b. Divide each by its length.": _unscaled,
                "u1 keeps the length of a. Divide a by its length before you use it.": _first_unscaled,
                "u2 keeps its length. Divide what is left of b by its length.": _second_unscaled,
                "You divided what is left of b by the length of b. Divide it by its own length.":
                    lambda a, b, cosine: _blend(
                        a, b, cosine,
                        np.sqrt(1 - cosine**2) * np.linalg.norm(b - (b @ a) / (a @ a) * a) / np.linalg.norm(b),
                    ),
                "That is the transpose: one row for each weight, so np.stack, not np.column_stack.":
                    lambda a, b, cosine: related_weights(a, b, cosine).T,
                "The sign of the cosine is lost: for a negative cosine w2 points away from u1.":
                    lambda a, b, cosine: related_weights(a, b, abs(cosine)),
                "You returned u1 and u2. The second row has to be w2, which mixes them.":
                    lambda a, b, cosine: related_weights(a, b, 0.0),
                "The two rows are exchanged: w1 comes first.":
                    lambda a, b, cosine: related_weights(a, b, cosine)[::-1],
                "The part of w2 across u1 points away from b. Check the sign of the root, and what you subtract from "
                "what.":
                    lambda a, b, cosine: _second_along(a, (b @ a) / (a @ a) * a - b, cosine),
                "You used sqrt(1 - cosine) for the part across. The cosine has to be squared.":
                    lambda a, b, cosine: _blend(a, b, cosine, np.sqrt(1 - cosine)),
                "You used sqrt(1 - |cosine|) for the part across. The cosine has to be squared.":
                    lambda a, b, cosine: _blend(a, b, cosine, np.sqrt(1 - abs(cosine))),
                "`cosine` is the cosine already. np.cos and np.sin would need an angle.":
                    lambda a, b, cosine: _blend(a, b, np.cos(cosine), np.sin(cosine)),
                "Your part across is 1. The squares of both parts have to sum to 1.":
                    lambda a, b, cosine: _blend(a, b, cosine, 1.0),
                "You used b * u1, a product for each feature. The part along u1 needs the dot product b @ u1.":
                    _product_by_entry,
                "You divided by the sum of the entries. The length is the root of the sum of squares: np.linalg.norm.":
                    _divided_by(np.sum),
                "You divided by the sum of the absolute entries. The length is np.linalg.norm.":
                    _divided_by(lambda vector: np.abs(vector).sum()),
                "You divided by the squared length. The length is its root: np.linalg.norm.":
                    _divided_by(lambda vector: vector @ vector),
                "You divided w2 by its length at the end. Divide the rest of b by its length before you mix: otherwise "
                "the cosine changes.": _w2_unscaled,
                "w1 has the length 1, but w2 contains a instead of u1.":
                    lambda a, b, cosine: np.stack([a / np.linalg.norm(a),
                                                   related_weights(a, b, cosine)[1]
                                                   + cosine * (a - a / np.linalg.norm(a))]),
                "You turned u1 by 90 degrees. u2 lies on the side of b, and there may be more than two features.":
                    _rotated,
                "w1 is a itself, which does not have the length 1. The first row is u1.":
                    lambda a, b, cosine: np.stack([a, related_weights(a, b, cosine)[1]]),
                "You subtracted u1 itself. The part of b along u1 is (b @ u1) * u1.":
                    lambda a, b, cosine: _second_along(a, b - a / np.linalg.norm(a), cosine),
                "You subtracted a itself from b. Subtract the part of b along u1, which is (b @ u1) * u1.":
                    lambda a, b, cosine: _second_along(a, b - a, cosine),
                "Your u2 is the part of b along u1. u2 is made of what is left when you subtract this part from b.":
                    lambda a, b, cosine: _second_along(a, (b @ a) / (a @ a) * a, cosine),
                "Your rows are c u1 and s u2, the two parts of w2. The first row is u1, the second is the sum of both "
                "parts.":
                    lambda a, b, cosine: related_weights(a, b, 0.0) * [[cosine], [np.sqrt(1 - cosine**2)]],
                "Two things differ: what is left of b has to be divided by its length, and the part across is not 1 - "
                "cosine: its square and that of the cosine sum to 1.":
                    _instead_of_sine(lambda c: 1 - c, _rest),
                "Two things differ: what is left of b has to be divided by its length, and 1 - cosine² needs a square "
                "root.": _instead_of_sine(lambda c: 1 - c**2, _rest),
                "Two things differ: b has a part along u1, which has to be subtracted, and the part across is not 1 - "
                "cosine: its square and that of the cosine sum to 1.":
                    _instead_of_sine(lambda c: 1 - c, lambda b, u1: b / np.linalg.norm(b)),
                "Three things differ: subtract from b its part along u1, divide by the length, and take a part across "
                "whose square and that of the cosine sum to 1 (1 - cosine does not).":
                    _instead_of_sine(lambda c: 1 - c, lambda b, u1: b),
                "Two things differ: subtract from b its part along u1 (b @ u1 times u1) instead of a, and divide what "
                "is left by its length.":
                    lambda a, b, cosine: np.stack([a / np.linalg.norm(a), cosine * a / np.linalg.norm(a)
                                                   + np.sqrt(1 - cosine**2) * (b - a)]),
                "Two things differ: your u2 is the part of b along u1 instead of what is left of b without it, and it "
                "does not have the length 1.":
                    _instead_of_sine(lambda c: np.sqrt(1 - c**2), lambda b, u1: (b @ u1) * u1),
                "You used 1 - cosine for the part across and divided w2 by its length at the end: its cosine with u1 "
                "is then another one. The squares of both parts have to sum to 1.":
                    lambda a, b, cosine: _of_length_1(_blend(a, b, cosine, 1 - cosine)),
                "You added u2 with the factor 1 and divided w2 by its length: its cosine with u1 is then another one. "
                "The squares of both parts have to sum to 1.":
                    lambda a, b, cosine: _of_length_1(_blend(a, b, cosine, 1.0)),
                "Both of your rows are w2. The first one is u1.":
                    lambda a, b, cosine: related_weights(a, b, cosine)[[1, 1]],
                "You added the part of b along u1. Subtract it: the rest is at a right angle to u1.":
                    lambda a, b, cosine: _second_along(a, b + (b @ a) / (a @ a) * a, cosine),
                "You multiplied b by b @ u1. The part along u1 is a multiple of u1: (b @ u1) * u1.":
                    lambda a, b, cosine: _second_along(a, b - (b @ a / np.linalg.norm(a)) * b, cosine),
                "Your part across is always .8, which belongs to the cosine .6. Compute it from `cosine`.":
                    lambda a, b, cosine: _blend(a, b, cosine, 0.8),
                "Your part across is sqrt(1 + cosine²). The squares of both parts have to sum to 1: 1 - cosine².":
                    lambda a, b, cosine: _blend(a, b, cosine, np.sqrt(1 + cosine**2)),
                "You used 1 - |cosine| for the part across. The squares of both parts have to sum to 1.":
                    lambda a, b, cosine: _blend(a, b, cosine, 1 - abs(cosine)),
                "You divided by the largest entry. The length is the root of the sum of squares: np.linalg.norm.":
                    _divided_by(np.max),
                "You divided by the largest absolute entry. The length is np.linalg.norm.":
                    _divided_by(lambda vector: np.abs(vector).max()),
                "Your rows are multiples of the first two axes. Build u1 and u2 from a and b.":
                    lambda a, b, cosine: np.stack(
                        [np.eye(len(a))[0], cosine * np.eye(len(a))[0] + np.sqrt(1 - cosine**2) * np.eye(len(a))[1]]
                    ),
                "You returned numbers for two features in the directions of the axes. Build u1 and u2 from a and b.":
                    lambda a, b, cosine: np.array([[1, 0], [cosine, np.sqrt(1 - cosine**2)]]),
                "Your result does not depend on `cosine`: .6 and .8 belong to the mini-case.":
                    lambda a, b, cosine: _blend(a, b, 0.6, 0.8),
                "The second row is rounded to two digits. Return it in full.":
                    lambda a, b, cosine: related_weights(a, b, cosine).round(2),
                "You exchanged a and b: u1 points along a.":
                    lambda a, b, cosine: related_weights(b, a, cosine),
                "The projection on u1 is missing a factor: (b @ u1) is a number, multiply it by u1.":
                    lambda a, b, cosine: _second_along(a, b - b @ a / np.linalg.norm(a), cosine),
            },
            properties={
                "The result does not have the shape (2, n_features): one row for each weight.":
                    _has_shape(lambda args: (2, len(args[0]))),
            },
        ),
        Exercise(
            "11.6", "Count the parameters", objective="O11.5", level="warm-up", minutes=7,
            reference=count_mmoe,
            cases=[(2, 2, 2, 3, 2), (1, 1, 1, 1, 1), (5, 3, 4, 1, 6), (7, 4, 3, 5, 2), (100, 2, 8, 16, 8)],
            draw=_draw_sizes,
            why="Experts, gates and towers all learn, so a comparison at equal size counts all three.",
            hints=(
                "Add three sums: all experts, all gates, all towers. A layer from a to b has a · b weights, b biases.",
                "An expert has (n_features + 1) * width parameters. From how many numbers to how many does a gate go?",
                "Experts are shared: n_experts of them in all. Of gates and towers each task has one; a tower is two "
                "layers.",
            ),
            misconceptions={
                "The gates are missing.":
                    lambda *sizes: count_mmoe(*sizes) - sizes[1] * sizes[0] * sizes[2],
                "All biases are missing.":
                    lambda *sizes: count_mmoe(*sizes) - sizes[2] * sizes[3] - sizes[1] * (sizes[4] + 1),
                "The biases of the experts are missing: each expert has one for each of its width units.":
                    _count(-1, 0, 0),
                "An expert has one bias for each of its width units, not one for all of them.":
                    lambda *sizes: count_mmoe(*sizes) - sizes[2] * (sizes[3] - 1),
                "Each tower lacks tower_width + 1 numbers: its biases, or its last layer with the bias.":
                    lambda *sizes: count_mmoe(*sizes) - sizes[1] * (sizes[4] + 1),
                "Each tower lacks tower_width numbers: the biases of its first layer, or the weights of its last one.":
                    lambda *sizes: count_mmoe(*sizes) - sizes[1] * sizes[4],
                "Each tower lacks one number: the bias of its last layer.": _count(0, 0, -1),
                "The towers are missing.":
                    lambda *sizes: _parts(*sizes)[0] + sizes[1] * _parts(*sizes)[1],
                "You counted biases of the gates. They have none.": _count(0, 1, 0),
                "You counted one tower. Each task has one.":
                    lambda *sizes: _parts(*sizes)[0] + sizes[1] * _parts(*sizes)[1] + _parts(*sizes)[2],
                "You counted one gate. Each task has one.":
                    lambda *sizes: _parts(*sizes)[0] + _parts(*sizes)[1] + sizes[1] * _parts(*sizes)[2],
                "You counted one gate and one tower. Each task has one of each.": lambda *sizes: sum(_parts(*sizes)),
                "You counted one expert. There are n_experts of them.":
                    lambda *sizes: count_mmoe(*sizes) - (sizes[2] - 1) * (sizes[0] + 1) * sizes[3],
                "You counted experts for each task. In an MMoE all tasks share all experts.":
                    lambda *sizes: sizes[1] * sum(_parts(*sizes)),
                "A tower reads one mixture of width numbers, not the numbers of all experts side by side.":
                    lambda *sizes: count_mmoe(*sizes) + sizes[1] * (sizes[2] - 1) * sizes[3] * sizes[4],
                "A gate reads the input row, n_features numbers, and not the width numbers of an expert.":
                    lambda *sizes: count_mmoe(*sizes) + sizes[1] * sizes[2] * (sizes[3] - sizes[0]),
                "48 is the count of the mini-case. Return a count for any sizes.": lambda *sizes: 48,
                "The last layer of the towers is counted once, not once for each task. Are parentheses missing?":
                    lambda *sizes: count_mmoe(*sizes) - (sizes[1] - 1) * (sizes[4] + 1),
                "width replaces tower_width in one place of the towers. The first layer has tower_width biases, and "
                "the last layer reads tower_width numbers.":
                    lambda *sizes: count_mmoe(*sizes) + sizes[1] * (sizes[3] - sizes[4]),
                "Each gate returns one number for each expert: n_features * n_experts weights, not n_features.":
                    lambda *sizes: count_mmoe(*sizes) - sizes[1] * sizes[0] * (sizes[2] - 1),
                "A gate returns one number for each expert, not for each of its width units.":
                    lambda *sizes: count_mmoe(*sizes) + sizes[1] * sizes[0] * (sizes[3] - sizes[2]),
                "You counted a tower for each expert. Each task has one tower.":
                    lambda *sizes: count_mmoe(*sizes) + (sizes[2] - sizes[1]) * _parts(*sizes)[2],
                "You counted a tower for each task and each expert. Each task has one tower.":
                    lambda *sizes: count_mmoe(*sizes) + (sizes[2] - 1) * sizes[1] * _parts(*sizes)[2],
                "An expert has (n_features + 1) * width parameters: parentheses are missing, or the biases are counted "
                "once in all.":
                    lambda *sizes: count_mmoe(*sizes) - (sizes[2] - 1) * sizes[3],
                "The parentheses around n_features + 1 are missing: n_experts * (n_features + 1) * width.":
                    lambda *sizes: count_mmoe(*sizes) - _parts(*sizes)[0] + sizes[2] * sizes[0] + sizes[3],
                "You counted one bias for each layer. A layer from a to b numbers has b biases.": _count_layers(
                    lambda f, k, e, w, t: f * w + 1, _gate_size, lambda f, k, e, w, t: w * t + 1 + t + 1
                ),
                "You counted one bias for each layer of a tower. A layer from a to b numbers has b biases.":
                    _count_layers(_expert_size, _gate_size, lambda f, k, e, w, t: w * t + 1 + t + 1),
                "Your towers always have 8 hidden units. The input tower_width is the option head_width of MMoE.":
                    lambda f, k, e, w, t: count_mmoe(f, k, e, w, 8),
                "You counted a biases for a layer from a to b numbers. It has b of them, one for each output.":
                    _count_layers(
                        lambda f, k, e, w, t: f * w + f, _gate_size, lambda f, k, e, w, t: w * t + w + t + t
                    ),
                "The last layer of your towers returns n_tasks numbers. Each task has a tower, which returns one.":
                    _count_layers(_expert_size, _gate_size, lambda f, k, e, w, t: (w + 1) * t + (t + 1) * k),
                "width and tower_width are exchanged: an expert returns width numbers, and a tower reads them.":
                    lambda f, k, e, w, t: count_mmoe(f, k, e, t, w),
                "Your towers read the input row. A tower reads the mixture, which has width numbers.":
                    _count_layers(_expert_size, _gate_size, lambda f, k, e, w, t: (f + 1) * t + t + 1),
                "An expert has one bias for each of its width outputs, not for each of the n_features inputs.":
                    _count_layers(lambda f, k, e, w, t: f * w + f, _gate_size, _tower_size),
                "The first layer of the towers is missing: it goes from width to tower_width numbers.":
                    _count_layers(_expert_size, _gate_size, lambda f, k, e, w, t: t + 1),
                "The biases and the last layer of the towers are counted once in all, not once for each task. Are "
                "parentheses missing?":
                    lambda *sizes: count_mmoe(*sizes) - (sizes[1] - 1) * (2 * sizes[4] + 1),
                "n_tasks and n_experts are exchanged: there are n_experts experts, and n_tasks gates and towers.":
                    lambda f, k, e, w, t: count_mmoe(f, e, k, w, t),
                "Your gates have n_experts numbers each. A gate is a matrix of n_features * n_experts weights.":
                    _count_layers(_expert_size, lambda f, k, e, w, t: e, _tower_size),
                "Your count does not change with the number of experts: two is only the example.":
                    lambda f, k, e, w, t: count_mmoe(f, k, 2, w, t),
                "14,818 is the count of the package's default sizes. Return a count for any sizes.":
                    lambda *sizes: 14_818,
                "Your count does not change with the number of tasks: two is only the example.":
                    lambda *sizes: count_mmoe(sizes[0], 2, *sizes[2:]),
            },
            properties={
                "Return one number: the sum over experts, gates and towers.": lambda args, result: np.ndim(result) == 0,
            },
        ),
    ],
    decisions=[
        Decision(
            "11.A", "Design a third task", objective="O11.1", minutes=5,
            replies={
                "row A": {
                    "1": "",
                    "0": "118 of 120 minutes are more than 90 %.",
                    "nan": "This film was watched to the end, so the label is known.",
                },
                "row B": {
                    "1": "5 of 120 minutes are far below 90 %.",
                    "0": "",
                    "nan": "A week is over, and the person did not open the film again: that is a known no.",
                },
                "row C": {
                    "1": "Nobody opened the film, so nobody finished it. Is it known what would have happened?",
                    "0": "Nobody opened the film. Is it known that this person would have stopped?",
                    "nan": "",
                },
                "row D": {
                    "1": "The film was still playing at the export. Tomorrow this row may be a 0.",
                    "0": "The film was still playing at the export. Tomorrow this row may be a 1.",
                    "nan": "",
                },
            },
            why="C and D are unknown for two reasons: nobody opened C, and D is not over yet.",
            hints=(
                "Ask for each row: has the outcome happened, and do we know it?",
                "Two rows are known, one of them a yes. The two others are unknown, for two different reasons.",
            ),
        ),
        Decision(
            "11.D", "Read a paired comparison", objective="O11.5", minutes=5,
            replies={
                "conclusion": {
                    "a": "The errors overlap because some logs are hard for both designs. Subtract within each log.",
                    "b": "",
                    "c": "2 is the mean of the five differences. Look at the single ones.",
                    "d": "interval works for five values, with a larger factor for fewer of them. What does it return?",
                },
            },
            why="The differences 2, 1, 3, 1, 3 have the mean 2, and their interval, 0.8 to 3.2, lies above 0.",
            hints=(
                "Make a list of five numbers: single-task minus shared bottom, log by log.",
                "interval([...]) returns the mean and the half-width. Is the mean above the half-width?",
            ),
        ),
        Decision(
            "11.B", "Choose a design", objective="O11.3", minutes=4,
            replies={
                "design": {
                    "a": "Click changes nothing of like's network, and so like cannot profit from the clicks either.",
                    "b": "A shared bottom has no experts that are reserved for like: click changes all of its layer.",
                    "c": "A small weight is not 0. In an MMoE no expert is reserved: both losses train all of them.",
                    "d": "",
                    "e": "Mirror the purple path: through the shared gate, click reaches like's experts of level 1.",
                },
            },
            why="Click cannot reach like's reserved experts, and the shared experts learn from both tasks.",
            hints=(
                "Which designs have experts that are reserved for like? Which have a part that both tasks train?",
                "Of the designs with reserved experts, in which one is there no path from click to those of like?",
            ),
        ),
        Decision(
            "11.C", "Choose the groups", objective="O11.5", minutes=6,
            replies={
                "groups": {
                    "a": "Its sum, 7 + 7 + 10 = 24, is the smallest of all, but click has 7 instead of 6 alone: "
                         "negative transfer, which the conditions forbid.",
                    "b": "",
                    "c": "It meets the conditions, and its errors are 6 + 8 + 14 = 28. Another choice that meets them "
                         "has a smaller sum.",
                    "d": "Its errors are 8 + 12 + 9 = 29, and click has 8 instead of 6 alone: negative transfer.",
                    "e": "Three networks are too many for the budget, and the errors are 6 + 9 + 14 = 29.",
                },
            },
            why="No task loses, two networks are enough, and the only other option that meets both has the sum 28.",
            hints=(
                "Strike out what breaks a condition: more than two networks, or a task that is worse than alone.",
                "For each choice that is left, read one error for each task from the row of its network, and add them.",
            ),
        ),
    ],
    predictions=[
        Prediction(
            "P11.1",
            "A shared bottom and two single-task models of the same total size learn click and like, from 20 logs of "
            "each service. Where will the 95 % interval of the gain of sharing lie above 0 (sharing helps) or below 0 "
            "(sharing harms)?",
            {
                "a": "above 0 for both tasks in both services",
                "b": "above 0 for like in the same-match service, and nowhere below 0",
                "c": "above 0 for like in the same-match service, and below 0 for click in the other-match service",
                "d": "neither above nor below 0 anywhere, because the size is the same",
            },
            outcome=_where_sharing_helps,
        ),
        Prediction(
            "P11.2",
            "Two levels of CGC, with a shared gate between them. Which of click's reserved experts does the loss of "
            "like train?",
            {
                "a": "none, as in CGC",
                "b": "those of level 1, and not those of level 2",
                "c": "those of both levels",
            },
            outcome=_which_levels,
        ),
        Prediction(
            "P11.3",
            "Task 1 has many labels and task 2 few. A shared bottom for both and two single-task models have the same "
            "total size. We turn the dial to 0, .5, .9 and 1. Where does the 95 % interval of the gain on task 2 lie "
            "above 0?",
            {
                "a": "at all four settings: more labels always help",
                "b": "at .5, .9 and 1",
                "c": "at 1 alone",
                "d": "at no setting: the labels of task 1 say nothing about task 2",
            },
            outcome=_what_the_dial_does,
        ),
    ],
    quiz=[
        Question(
            "O11.1", "Of 1,000 films that were shown, 300 were clicked, and 60 of these were liked. The losses of the "
            "known labels of the task like are added up. By which number is the sum divided?",
            {
                "a": ("1,000, the rows of the log.", "700 of these rows have no label of like and no loss."),
                "b": ("300, the rows that were clicked.",
                      "Right: each of them has a known label, 60 times 1 and 240 times 0."),
                "c": ("60, the rows that were liked.", "A label 0 is known, too, and has a loss."),
            },
            answer="b",
        ),
        Question(
            "O11.2", "Which parts of an MMoE does one task use without the others?",
            {
                "a": ("Its experts.", "All tasks use all experts. Reserved experts are what CGC adds."),
                "b": ("Nothing.", "Then all tasks would have the same output."),
                "c": ("Its gate and its tower.", "Right: two tasks can mix the same experts in two ways."),
            },
            answer="c",
        ),
        Question(
            "O11.3", "Which experts does the loss of like train in PLE with one level (CGC)?",
            {
                "a": ("Those reserved for like, and the shared ones.",
                      "Right. With two levels it also reaches click's experts of level 1, through the shared gate."),
                "b": ("All experts.", "That is an MMoE, or the lower level of a PLE with two levels."),
                "c": ("Those reserved for like, and no others.", "Then nothing would be shared."),
            },
            answer="a",
        ),
        Question(
            "O11.4", "The labels of two tasks have the correlation 0. What does that say about sharing?",
            {
                "a": ("The tasks have nothing in common.",
                      "The labels z and cos z have the correlation 0, and both tasks need the same direction w."),
                "b": ("Little: both tasks may still need the same features.",
                      "Right. A network shares features, and a correlation compares labels."),
                "c": ("The cosine of their weights is 0.", "A cosine of 1 is possible, too, as z and cos z show."),
            },
            answer="b",
        ),
        Question(
            "O11.5", "A paper shows one run of each design, and the MMoE is ahead by 3 %. What do you ask for first?",
            {
                "a": ("Differences within several data draws and seeds, at equal size, with an interval.",
                      "Right: a network can differ by more than that from one random start to the next."),
                "b": ("The same runs, tested on ten times as many rows.",
                      "That removes the luck of the test rows. The luck of the data and of the random start remains."),
                "c": ("A single-task model of the same size, also run once.",
                      "A good baseline, but one run of it cannot be separated from luck either."),
            },
            answer="a",
        ),
    ],
)  # fmt: skip
