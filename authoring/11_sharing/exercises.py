"""Chapter 11, Sharing."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import softmax

from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.models.multitask import MMoE, n_parameters, task_losses

NAN = np.nan
ZERO_LOGITS = np.zeros((2, 2))
LABELS_TINY = np.array([[1.0, 1.0], [0.0, NAN]])
LOGITS_TINY = np.array([[2.0, 0.0], [0.0, 3.0], [-1.0, 1.0]])
LABELS_MORE = np.array([[1.0, 0.0], [0.0, NAN], [1.0, 1.0]])
E_TINY = np.array([[[1.0, 0.0], [0.0, 1.0]], [[2.0, 2.0], [4.0, 0.0]]])  # (2 rows, 2 experts, 2 units)


def masked_losses(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean cross-entropy of each task over the rows that have its label, shape (n_tasks,)."""
    return task_losses(torch.from_numpy(outputs), torch.from_numpy(labels), ["binary"] * outputs.shape[1]).numpy()


def mix(gate_logits: np.ndarray, experts: np.ndarray) -> np.ndarray:
    """Mix the experts of each row by a softmax, shape (n, width)."""
    return np.einsum("ne,new->nw", softmax(gate_logits, axis=1), experts)


def mmoe_forward(X: np.ndarray, W: np.ndarray, gates: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Give what each task says of each row, shape (n, n_tasks)."""
    experts = np.maximum(np.einsum("nf,efw->new", X, W), 0)
    return np.stack([mix(X @ gate, experts) @ head for gate, head in zip(gates, heads, strict=True)], axis=1)


def cgc_step(own: np.ndarray, shared: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
    """Mix each task's own experts and the shared ones, shape (n_tasks, n, width)."""
    return np.stack(
        [mix(logits, np.concatenate([mine, shared], axis=1)) for mine, logits in zip(own, gate_logits, strict=True)]
    )


def related_weights(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    """Two vectors of length 1 with this cosine, the first along a, shape (2, n_features)."""
    u1 = a / np.linalg.norm(a)
    rest = b - (b @ u1) * u1
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * rest / np.linalg.norm(rest)])


def count_mmoe(n_features: int, n_tasks: int, n_experts: int, width: int, head_width: int) -> int:
    """Count the parameters of an MMoE, gates and biases included."""
    return n_parameters(MMoE(n_features, n_tasks, n_experts=n_experts, width=width, head_width=head_width))


def _cross_entropy(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, outputs) - labels * outputs


def _mmoe(X: np.ndarray, W: np.ndarray, gates: np.ndarray, heads: np.ndarray, *, late: bool = False) -> np.ndarray:
    """Forward pass without the ReLU, or with it after the mixing."""
    linear = np.einsum("nf,efw->new", X, W)
    mixed = [mix(X @ gate, linear) for gate in gates]
    return np.stack([(np.maximum(m, 0) if late else m) @ h for m, h in zip(mixed, heads, strict=True)], axis=1)


def _see_others(own: np.ndarray, shared: np.ndarray, gate_logits: np.ndarray) -> np.ndarray:
    return cgc_step(own[::-1], shared, gate_logits)


def _without_right_angle(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    u1, u2 = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2])


def _with_rest(a: np.ndarray, rest: np.ndarray, cosine: float) -> np.ndarray:
    u1 = a / np.linalg.norm(a)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * rest / np.linalg.norm(rest)])


def _blend(a: np.ndarray, b: np.ndarray, share: float, other: float) -> np.ndarray:
    u1, u2 = related_weights(a, b, 0.0)
    return np.stack([u1, share * u1 + other * u2])


def _first_unscaled(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    rest = b - (b @ a) * a
    return np.stack([a, cosine * a + np.sqrt(1 - cosine**2) * rest / np.linalg.norm(rest)])


def _second_unscaled(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    u1 = a / np.linalg.norm(a)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * (b - (b @ u1) * u1)])


def _unscaled(a: np.ndarray, b: np.ndarray, cosine: float) -> np.ndarray:
    rest = b - (a @ b) / (a @ a) * a
    return np.stack([a, cosine * a + np.sqrt(1 - cosine**2) * rest])


def _draw_labels(rng: np.random.Generator) -> tuple:
    labels = rng.integers(0, 2, size=(6, 3)).astype(float)
    labels[rng.permutation(6)[:3], 1] = NAN
    labels[rng.permutation(6)[:2], 2] = NAN
    return rng.normal(size=(6, 3)), labels


def _draw_mix(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3, 5))


def _draw_mmoe(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(5, 4)), rng.normal(size=(3, 4, 2)), rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 2))


def _draw_cgc(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(3, 4, 1, 2)), rng.normal(size=(4, 2, 2)), rng.normal(size=(3, 4, 3))


def _draw_weights(rng: np.random.Generator) -> tuple:
    return rng.normal(size=5), rng.normal(size=5), float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.9))


def _draw_sizes(rng: np.random.Generator) -> tuple:
    return tuple(int(size) for size in rng.integers(2, 20, size=5))


def _click_alone_or_shared(differences: tuple[float, float, float]) -> str:
    gained = sum(difference > 0 for difference in differences)
    return "a" if gained == 3 else "c" if gained == 0 else "b"


CHAPTER = Chapter(
    number="11",
    title="Sharing",
    objectives={
        "O11.1": "Write the losses of several tasks so that unknown labels are left out",
        "O11.2": "Mix experts by a gate, and write the forward pass of an MMoE",
        "O11.3": "Mix each task's own experts with the shared ones, as a level of PLE does",
        "O11.4": "Draw the weights of two tasks with a given cosine",
        "O11.5": "Count the parameters of a model, so that budgets can be equal",
    },
    exercises=[
        Exercise(
            "11.1", "Losses of several tasks", objective="O11.1", level="core", minutes=8,
            reference=masked_losses,
            cases=[
                (ZERO_LOGITS, LABELS_TINY),
                (LOGITS_TINY, LABELS_MORE),
                (
                    np.array([[0.0, 1.0, -1.0], [2.0, 0.0, 0.0], [1.0, -1.0, 0.0]]),
                    np.array([[NAN, 1.0, 0.0], [1.0, NAN, NAN], [0.0, 0.0, 1.0]]),
                ),
                (np.array([[-1.0], [5.0]]), np.array([[1.0], [NAN]])),
            ],
            draw=_draw_labels,
            why="Each task has its own rows: what nobody could observe neither adds to the loss nor to the count.",
            hints=(
                "Go through the tasks one by one: which rows have a label of this task? NaN times 0 is NaN: pick rows.",
                "known = ~np.isnan(labels[:, k]); then the mean of the formula over outputs[known, k] and labels.",
                "o, y = outputs[known, k], labels[known, k]; losses.append(np.mean(np.log(1 + np.exp(o)) - y * o))",
            ),
            misconceptions={
                "You read an unknown label as 0: everybody who did not click would count as one who did not finish.":
                    lambda outputs, labels: masked_losses(outputs, np.nan_to_num(labels)),
                "You divide by all rows. Divide by the rows that have a label of the task.":
                    lambda outputs, labels: np.nansum(_cross_entropy(outputs, labels), axis=0) / len(labels),
                "You dropped each row that lacks any label. The click of such a row is known: use it.":
                    lambda outputs, labels: masked_losses(
                        outputs[~np.isnan(labels).any(axis=1)], labels[~np.isnan(labels).any(axis=1)]
                    ),
                "Your result is NaN: NaN times 0 is NaN, and NaN != NaN is True. Pick rows by ~np.isnan(labels[:, k]).":
                    lambda outputs, labels: _cross_entropy(outputs, labels).mean(axis=0),
                "You took the outputs for probabilities. They are logits: the formula of the task has the sigmoid in "
                "it.":
                    lambda outputs, labels: np.nanmean(
                        -(labels * np.log(outputs) + (1 - labels) * np.log(1 - outputs)), axis=0
                    ),
                "That is a squared error. The labels are 0 or 1, and the loss is the cross-entropy of the logits.":
                    lambda outputs, labels: np.nanmean((outputs - labels) ** 2, axis=0),
                "That is one number over all labels. Give one loss for each task.":
                    lambda outputs, labels: float(np.nanmean(_cross_entropy(outputs, labels))),
                "That is the sum over the known rows; the loss is their mean.":
                    lambda outputs, labels: np.nansum(_cross_entropy(outputs, labels), axis=0),
            },
        ),
        Exercise(
            "11.2", "Mix experts by a gate", objective="O11.2", level="warm-up", minutes=6,
            reference=mix,
            cases=[
                (np.array([[0.0, 0.0], [0.0, 0.0]]), E_TINY),
                (np.array([[0.0, np.log(3.0)], [2.0, 0.0]]), E_TINY),
                (np.log([[1.0, 2.0, 5.0]]), np.array([[[8.0], [4.0], [-8.0]]])),
                (np.array([[7.0], [-7.0]]), np.array([[[1.0, 2.0, 3.0]], [[-4.0, 0.0, 6.0]]])),  # one expert
            ],
            draw=_draw_mix,
            why="Each row has shares of its own that sum to 1, and all units of an expert get the same share.",
            hints=(
                "How many shares has a row? Over which axis do they sum to 1?",
                "shares = np.exp(gate_logits), divided by its sum over axis=1, with keepdims=True: (n, n_experts).",
                "(shares[:, :, None] * experts).sum(axis=1)",
            ),
            misconceptions={
                "Your shares sum to 1 over the rows. Each row shares out its own experts: axis=1.":
                    lambda gate_logits, experts: np.einsum("ne,new->nw", softmax(gate_logits, axis=0), experts),
                "Your shares sum to 1 over the whole table. Each row has shares of its own: sum over axis=1.":
                    lambda gate_logits, experts: np.einsum("ne,new->nw", softmax(gate_logits), experts),
                "You took the mean after weighting. The shares already sum to 1: add the weighted experts up.":
                    lambda gate_logits, experts: mix(gate_logits, experts) / experts.shape[1],
                "You mixed with the logits themselves: they may be negative, and do not sum to 1.":
                    lambda gate_logits, experts: np.einsum("ne,new->nw", gate_logits, experts),
                "You took the mean of the experts: the gate has no say.":
                    lambda gate_logits, experts: experts.mean(axis=1),
                "You took the best expert alone. This gate mixes all of them.":
                    lambda gate_logits, experts: experts[np.arange(len(experts)), gate_logits.argmax(axis=1)],
                "You used exp(logits) without dividing by their sum.":
                    lambda gate_logits, experts: np.einsum("ne,new->nw", np.exp(gate_logits), experts),
            },
        ),
        Exercise(
            "11.3", "The forward pass of an MMoE", objective="O11.2", level="core", minutes=10,
            reference=mmoe_forward,
            cases=[
                (
                    np.array([[1.0, -1.0]]),
                    np.array([[[1.0], [0.0]], [[0.0], [1.0]]]),
                    np.zeros((2, 2, 2)),
                    np.array([[2.0], [6.0]]),
                ),
                (
                    np.array([[1.0, 2.0], [3.0, -1.0]]),
                    np.array([[[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 1.0]]]),
                    np.array([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]]),
                    np.array([[1.0, 2.0], [3.0, -1.0]]),
                ),
                (  # one task; three experts of one unit that read features 0, 1 and 2: 1, 2 and 0 after the ReLU
                    np.array([[1.0, 2.0, -1.0, 0.0]]),
                    np.eye(4)[:3, :, None],
                    np.log(2) * np.eye(4)[None, :, :3] * [1.0, 0.0, 0.0],
                    np.array([[4.0]]),
                ),
                (  # three tasks, one expert
                    np.array([[1.0], [-2.0]]),
                    np.array([[[3.0, -1.0]]]),
                    np.array([[[1.0]], [[2.0]], [[0.0]]]),
                    np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -5.0]]),
                ),
            ],
            draw=_draw_mmoe,
            why="All tasks read the same experts; gate and head are their own. A loop over rows is right, but slow.",
            hints=(
                "Three steps: experts for all tasks, a mixture for each task, a head for each task.",
                "experts = np.maximum(np.einsum('nf,efw->new', X, W), 0); the logits of gate k are X @ gates[k].",
                "np.stack([mix(X @ gates[k], experts) @ heads[k] for k in range(len(gates))], axis=1)",
            ),
            misconceptions={
                "All tasks use the first gate. That is one gate for all; MMoE has one for each task.":
                    lambda X, W, gates, heads: mmoe_forward(X, W, np.stack([gates[0]] * len(gates)), heads),
                "The ReLU of the experts is missing.": lambda X, W, gates, heads: _mmoe(X, W, gates, heads),
                "The ReLU comes after the mixing. Each expert has its own, before.":
                    lambda X, W, gates, heads: _mmoe(X, W, gates, heads, late=True),
                "You mixed with the logits of the gates. The softmax is missing, which makes shares that sum to 1.":
                    lambda X, W, gates, heads: np.stack(
                        [
                            np.einsum("ne,new->nw", X @ gate, np.maximum(np.einsum("nf,efw->new", X, W), 0)) @ head
                            for gate, head in zip(gates, heads, strict=True)
                        ],
                        axis=1,
                    ),
                "All experts get the same share: the gates have no effect.":
                    lambda X, W, gates, heads: mmoe_forward(X, W, np.zeros_like(gates), heads),
                "All tasks use the first head.":
                    lambda X, W, gates, heads: mmoe_forward(X, W, gates, np.stack([heads[0]] * len(heads))),
                "That is the transpose: rows first, then tasks.":
                    lambda X, W, gates, heads: mmoe_forward(X, W, gates, heads).T,
            },
        ),
        Exercise(
            "11.4", "Who may see which expert", objective="O11.3", level="core", minutes=8,
            reference=cgc_step,
            cases=[
                (
                    np.array([[[[1.0]]], [[[10.0]]]]),
                    np.array([[[5.0]]]),
                    np.zeros((2, 1, 2)),
                ),
                (
                    np.array([[[[1.0, 0.0]]], [[[0.0, 8.0]]]]),
                    np.array([[[4.0, 4.0]]]),
                    np.array([[[0.0, np.log(3.0)]], [[1.0, 0.0]]]),
                ),
                (  # two shared experts
                    np.array([[[[2.0]]], [[[6.0]]]]),
                    np.array([[[4.0], [8.0]]]),
                    np.log([[[2.0, 1.0, 5.0]], [[1.0, 1.0, 1.0]]]),
                ),
                (  # one task with two experts of its own, in two rows
                    np.array([[[[1.0], [6.0]], [[2.0], [4.0]]]]),
                    np.array([[[5.0]], [[8.0]]]),
                    np.log([[[3.0, 1.0, 1.0], [1.0, 1.0, 2.0]]]),
                ),
                (  # three tasks
                    np.array([[[[0.0]]], [[[4.0]]], [[[8.0]]]]),
                    np.array([[[12.0]]]),
                    np.log([[[1.0, 3.0]], [[1.0, 1.0]], [[3.0, 1.0]]]),
                ),
            ],
            draw=_draw_cgc,
            why="In one level a task reads its own experts and the shared ones, and no path leads to those "
                "of another task.",
            hints=(
                "For each task: which experts stand on the table, and in which order does its gate name them?",
                "np.concatenate([own[k], shared], axis=1) has the shape (n, n_task_experts + n_shared_experts, width).",
                "np.stack([mix(gate_logits[k], np.concatenate([own[k], shared], axis=1)) for k in range(len(own))])",
            ),
            misconceptions={
                "Your shared experts come first. The gate names a task's own experts first, then the shared ones.":
                    lambda own, shared, gate_logits: np.stack(
                        [mix(g, np.concatenate([shared, o], axis=1)) for o, g in zip(own, gate_logits, strict=True)]
                    ),
                "Your shared experts are in reverse order. The gate names them in the order of `shared`.":
                    lambda own, shared, gate_logits: cgc_step(own, shared[:, ::-1], gate_logits),
                "A task's own experts are in reverse order. The gate names them in the order of `own`.":
                    lambda own, shared, gate_logits: cgc_step(own[:, :, ::-1], shared, gate_logits),
                "Each task mixes the experts of another task. Own means own.": _see_others,
                "You left the shared experts out: then nothing is shared at all.":
                    lambda own, shared, gate_logits: np.stack(
                        [mix(g[:, : o.shape[1]], o) for o, g in zip(own, gate_logits, strict=True)]
                    ),
                "You mixed with the logits themselves. A softmax makes shares of them.":
                    lambda own, shared, gate_logits: np.stack(
                        [
                            np.einsum("ne,new->nw", g, np.concatenate([o, shared], axis=1))
                            for o, g in zip(own, gate_logits, strict=True)
                        ]
                    ),
                "Rows come first in your result. Tasks come first: np.stack over the tasks, axis=0.":
                    lambda own, shared, gate_logits: cgc_step(own, shared, gate_logits).swapaxes(0, 1),
                "All tasks use the gate of the first task.":
                    lambda own, shared, gate_logits: cgc_step(own, shared, np.stack([gate_logits[0]] * len(own))),
                "You took two softmaxes, one over the own and one over the shared experts. One softmax runs over all "
                "of them.":
                    lambda own, shared, gate_logits: np.stack(
                        [
                            mix(g[:, : o.shape[1]], o) + mix(g[:, o.shape[1] :], shared)
                            for o, g in zip(own, gate_logits, strict=True)
                        ]
                    ),
            },
        ),
        Exercise(
            "11.5", "Two weights with a known cosine", objective="O11.4", level="core", minutes=8,
            reference=related_weights,
            cases=[
                (np.array([2.0, 0.0]), np.array([1.0, 1.0]), 0.6),
                (np.array([0.0, 3.0, 0.0]), np.array([4.0, 1.0, 0.0]), 0.8),
                (np.array([2.0, 0.0]), np.array([1.0, 1.0]), -0.6),
                (np.array([0.0, -2.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0, -3.0]), 0.0),
                (np.array([3.0, 4.0]), np.array([0.0, 1.0]), 1.0),
            ],
            draw=_draw_weights,
            why="Along u1 lies the cosine, across it the sine, and the squares of both sum to 1.",
            hints=(
                "Take from b what lies along a, and what is left stands at a right angle to a.",
                "u1 = a / |a|; rest = b - (b @ u1) * u1; u2 = rest / |rest|, with np.linalg.norm for the lengths.",
                "np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2])",
            ),
            misconceptions={
                "You used a where u1 belongs: the part of b along u1 is (b @ u1) * u1, with u1 of length 1 in both "
                "places.":
                    lambda a, b, cosine: _with_rest(a, b - (b @ a) * a / np.linalg.norm(a), cosine),
                "u1 and u2 are not at a right angle: take from b what lies along u1, then scale.": _without_right_angle,
                "You weighted by cosine and 1 - cosine. Then w2 is too short, and its cosine with w1 is another one.":
                    lambda a, b, cosine: _blend(a, b, cosine, 1 - cosine),
                "You took 1 - cosine² without its root.":
                    lambda a, b, cosine: _blend(a, b, cosine, 1 - cosine**2),
                "Sine and cosine are swapped: at cosine 1 both weights must be the same.":
                    lambda a, b, cosine: _blend(a, b, np.sqrt(1 - cosine**2), cosine),
                "The vectors keep the lengths of a and b. Scale both to length 1.": _unscaled,
                "u1 keeps the length of a. Scale it to length 1 before you use it.": _first_unscaled,
                "u2 keeps its length. Scale what is left of b to length 1.": _second_unscaled,
                "That is the transpose: one row for each weight, so np.stack, not np.column_stack.":
                    lambda a, b, cosine: related_weights(a, b, cosine).T,
                "The sign of the cosine is lost: at a negative cosine w2 points away from u1.":
                    lambda a, b, cosine: related_weights(a, b, abs(cosine)),
            },
        ),
        Exercise(
            "11.6", "Count the parameters", objective="O11.5", level="warm-up", minutes=6,
            reference=count_mmoe,
            cases=[(2, 2, 2, 3, 2), (5, 3, 4, 1, 6), (100, 2, 8, 16, 8)],
            draw=_draw_sizes,
            why="Experts, gates and heads all learn; a budget that leaves a part out is not equal.",
            hints=(
                "Three sums: all experts, all gates, all heads. A layer from a to b has a · b weights, b biases.",
                "An expert has (n_features + 1) * width, a gate n_features * n_experts; a head is two layers.",
                "n_experts * (n_features + 1) * width + n_tasks * (n_features * n_experts + (width + 1) * head_width "
                "+ head_width + 1)",
            ),
            misconceptions={
                "The gates are missing.":
                    lambda n_features, n_tasks, n_experts, width, head_width: n_experts * (n_features + 1) * width
                    + n_tasks * ((width + 1) * head_width + head_width + 1),
                "The biases are missing.":
                    lambda n_features, n_tasks, n_experts, width, head_width: n_experts * n_features * width
                    + n_tasks * (n_features * n_experts + width * head_width + head_width),
                "The biases of the experts are missing: each has one for each of its width units.":
                    lambda n_features, n_tasks, n_experts, width, head_width: count_mmoe(
                        n_features, n_tasks, n_experts, width, head_width
                    ) - n_experts * width,
                "An expert has a bias for each of its width units, not one.":
                    lambda n_features, n_tasks, n_experts, width, head_width: count_mmoe(
                        n_features, n_tasks, n_experts, width, head_width
                    ) - n_experts * (width - 1),
                "Each head lacks head_width + 1 numbers: its biases, or its last layer, from head_width to 1 with a "
                "bias.":
                    lambda n_features, n_tasks, n_experts, width, head_width: count_mmoe(
                        n_features, n_tasks, n_experts, width, head_width
                    ) - n_tasks * (head_width + 1),
                "You gave the gates biases. They have none.":
                    lambda n_features, n_tasks, n_experts, width, head_width: n_tasks * n_experts
                    + count_mmoe(n_features, n_tasks, n_experts, width, head_width),
                "You counted one head. Each task has one.":
                    lambda n_features, n_tasks, n_experts, width, head_width: n_experts * (n_features + 1) * width
                    + n_tasks * n_features * n_experts + (width + 1) * head_width + head_width + 1,
                "You counted one gate. Each task has one.":
                    lambda n_features, n_tasks, n_experts, width, head_width: n_experts * (n_features + 1) * width
                    + n_features * n_experts + n_tasks * ((width + 1) * head_width + head_width + 1),
                "You gave each task experts of its own. In an MMoE all tasks share all experts.":
                    lambda n_features, n_tasks, n_experts, width, head_width: n_tasks * (
                        n_experts * (n_features + 1) * width
                        + n_features * n_experts + (width + 1) * head_width + head_width + 1
                    ),
                "A head reads one mixture of width numbers, not the numbers of all experts side by side.":
                    lambda n_features, n_tasks, n_experts, width, head_width: n_experts * (n_features + 1) * width
                    + n_tasks * (n_features * n_experts + (n_experts * width + 1) * head_width + head_width + 1),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P11.1",
            "One network predicts click, finish and like. Its rival is three separate networks, one for each of them, "
            "which together have as many numbers to learn. All three labels come from the same taste. The one network "
            "is better",
            {
                "a": "at all three",
                "b": "at some, and worse at others",
                "c": "at none of them",
            },
            outcome=_click_alone_or_shared,
        ),
    ],
    quiz=[
        Question(
            "O11.1", "A film was shown and not clicked. What is its label for the task finish?",
            {
                "a": ("0: it was not finished.", "Then finish would learn clicks over again."),
                "b": ("Unknown: the row does not count for this task.",
                      "Right: and its click counts for the task click."),
                "c": ("The mean of all finishes.", "A made-up label teaches what was made up."),
            },
            answer="b",
        ),
        Question(
            "O11.2", "What belongs to one task alone in an MMoE?",
            {
                "a": ("Its experts.", "All tasks read all experts; that is PLE's own part."),
                "b": ("Nothing.", "Then all tasks would say the same."),
                "c": ("Its gate and its head.", "Right: two tasks may mix the same experts in two ways."),
            },
            answer="c",
        ),
        Question(
            "O11.3", "In PLE with one level, the loss of like moves",
            {
                "a": ("the experts of like and the shared ones, and no expert of click.",
                      "Right: you saw the gradient, and it was exactly 0."),
                "b": ("all experts.", "That is an MMoE."),
                "c": ("the experts of like alone.", "That is one model a task: nothing would be shared."),
            },
            answer="a",
        ),
        Question(
            "O11.4", "The weights of two tasks have the cosine p. What is the correlation of their labels?",
            {
                "a": ("p.", "Only of the straight part: the sines bend it."),
                "b": ("A number that rises with p, and depends on the waves.",
                      "Right: the closed form gives it, and it is 1 at p = 1, but for the noise."),
                "c": ("Nothing can be said.", "You computed it."),
            },
            answer="b",
        ),
        Question(
            "O11.5", "A paper shows one run each, and the MMoE ahead by 3 %. What do you ask for first?",
            {
                "a": ("Differences in pairs over several draws and seeds, with equal budgets and an interval.",
                      "Right: one network may move by more than that from seed to seed."),
                "b": ("More digits.", "The digits are not what is uncertain."),
                "c": ("A larger MMoE.", "Then the budgets are no longer equal."),
            },
            answer="a",
        ),
    ],
)  # fmt: skip
