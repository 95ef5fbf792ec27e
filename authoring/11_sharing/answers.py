"""Answers to the exercises of chapter 11: right ones, written differently from the references, and wrong ones."""

import numpy as np
import torch

from recsys_teach.learn import reference


def losses_by_loop(outputs, labels):
    losses = []
    for k in range(outputs.shape[1]):
        known = ~np.isnan(labels[:, k])
        o, y = outputs[known, k], labels[known, k]
        losses.append(np.mean(np.log(1 + np.exp(o)) - y * o))
    return np.array(losses)


def losses_by_probabilities(outputs, labels):
    p = 1 / (1 + np.exp(-outputs))
    return np.nanmean(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)), axis=0).tolist()


def mix_by_rows(gate_logits, experts):
    mixed = []
    for logits, table in zip(gate_logits, experts, strict=True):
        weights = np.exp(logits) / np.exp(logits).sum()
        mixed.append(weights @ table)
    return mixed


def mix_by_broadcast(gate_logits, experts):
    weights = np.exp(gate_logits - gate_logits.max(axis=1, keepdims=True))
    weights = weights / weights.sum(axis=1, keepdims=True)
    return (weights[:, :, None] * experts).sum(axis=1)


def mmoe_by_loops(X, W, gates, towers):
    result = np.zeros((len(X), len(gates)))
    for r, x in enumerate(X):
        experts = np.array([np.maximum(x @ matrix, 0) for matrix in W])
        for k in range(len(gates)):
            weights = np.exp(x @ gates[k])
            result[r, k] = (weights / weights.sum()) @ experts @ towers[k]
    return result


def mmoe_by_torch(X, W, gates, towers):
    X, W, gates, towers = (torch.from_numpy(part) for part in (X, W, gates, towers))
    experts = torch.relu(torch.einsum("nf,efw->new", X, W))
    weights = torch.softmax(torch.einsum("nf,kfe->nke", X, gates), dim=2)
    return ((weights @ experts) * towers).sum(dim=2)


def cgc_by_loop(task_experts, shared_experts, gate_logits):
    mixed = []
    for k in range(len(task_experts)):
        mixed.append(mix_by_broadcast(gate_logits[k], np.concatenate([task_experts[k], shared_experts], axis=1)))
    return np.array(mixed)


def cgc_by_two_sums(task_experts, shared_experts, gate_logits):
    weights = np.exp(gate_logits)
    weights /= weights.sum(axis=2, keepdims=True)
    n_reserved = task_experts.shape[2]
    from_reserved = np.einsum("kne,knew->knw", weights[:, :, :n_reserved], task_experts)
    return from_reserved + np.einsum("kne,new->knw", weights[:, :, n_reserved:], shared_experts)


def cgc_by_forbidden_scores(task_experts, shared_experts, gate_logits):
    n_tasks, n, n_reserved, _ = task_experts.shape
    everything = np.concatenate([*task_experts, shared_experts], axis=1)
    mixed = []
    for k in range(n_tasks):
        scores = np.full((n, everything.shape[1]), -np.inf)
        scores[:, k * n_reserved : (k + 1) * n_reserved] = gate_logits[k][:, :n_reserved]
        scores[:, n_tasks * n_reserved :] = gate_logits[k][:, n_reserved:]
        mixed.append(mix_by_rows(scores, everything))
    return mixed


def weights_by_projection(a, b, cosine):
    u1 = a / np.sqrt(a @ a)
    u2 = b - u1 * (u1 @ b)
    u2 = u2 / np.sqrt(u2 @ u2)
    return [u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2]


def weights_by_angle(a, b, cosine):
    q = np.linalg.qr(np.stack([a, b], axis=1))[0].T
    u1, u2 = q[0] * np.sign(q[0] @ a), q[1] * np.sign(q[1] @ b)
    angle = np.arccos(cosine)
    return np.array([u1, np.cos(angle) * u1 + np.sin(angle) * u2])


def count_by_parts(n_features, n_tasks, n_experts, width, tower_width):
    experts = n_experts * (n_features * width + width)
    gates = n_tasks * n_features * n_experts
    towers = n_tasks * (width * tower_width + tower_width + tower_width + 1)
    return experts + gates + towers


def count_by_layers(n_features, n_tasks, n_experts, width, tower_width):
    def layer(n_in, n_out, bias=1):
        return (n_in + bias) * n_out

    one_task = layer(n_features, n_experts, 0) + layer(width, tower_width) + layer(tower_width, 1)
    return layer(n_features, n_experts * width) + n_tasks * one_task


def losses_by_nanmean(outputs, labels):
    return np.nanmean(np.logaddexp(0, outputs) - labels * outputs, axis=0)


def mix_by_experts(gate_logits, experts):
    weights = np.exp(gate_logits)
    weights = weights / weights.sum(axis=1)[:, None]
    mixed = np.zeros((len(experts), experts.shape[2]))
    for e in range(experts.shape[1]):
        mixed += weights[:, [e]] * experts[:, e]
    return mixed


def mmoe_by_stacks(X, W, gates, towers):
    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(W))], axis=1)
    outputs = [mix_by_broadcast(X @ gates[k], experts) @ towers[k] for k in range(len(gates))]
    return np.stack(outputs, axis=1)


def mmoe_by_row_function(X, W, gates, towers):
    def one_row(x):
        experts = np.array([np.maximum(x @ W[e], 0) for e in range(len(W))])
        outputs = []
        for gate, tower in zip(gates, towers, strict=True):
            weights = np.exp(x @ gate)
            outputs.append(((weights / weights.sum())[:, None] * experts).sum(axis=0) @ tower)
        return np.array(outputs)

    return np.array([one_row(x) for x in X])


RIGHT = {
    "11.1": [losses_by_loop, losses_by_probabilities, losses_by_nanmean],
    "11.2": [mix_by_rows, mix_by_broadcast, mix_by_experts],
    "11.3": [mmoe_by_loops, mmoe_by_torch, mmoe_by_stacks, mmoe_by_row_function],
    "11.4": [cgc_by_loop, cgc_by_two_sums, cgc_by_forbidden_scores],
    "11.5": [weights_by_projection, weights_by_angle],
    "11.6": [count_by_parts, count_by_layers],
}


def unknown_is_zero(outputs, labels):
    return losses_by_loop(outputs, np.where(np.isnan(labels), 0, labels))


def divides_by_all_rows(outputs, labels):
    known = ~np.isnan(labels)
    each = np.where(known, np.log(1 + np.exp(outputs)) - np.nan_to_num(labels) * outputs, 0)
    return each.mean(axis=0)


def drops_rows(outputs, labels):
    complete = ~np.isnan(labels).any(axis=1)
    return losses_by_loop(outputs[complete], labels[complete])


def forgets_nan(outputs, labels):
    return np.mean(np.log(1 + np.exp(outputs)) - labels * outputs, axis=0)


def mask_by_product(outputs, labels):
    known = ~np.isnan(labels)
    losses = np.log(1 + np.exp(outputs)) - labels * outputs
    return (losses * known).sum(axis=0) / known.sum(axis=0)


def compares_with_nan(outputs, labels):
    losses = []
    for k in range(outputs.shape[1]):
        known = labels[:, k] != np.nan
        o, y = outputs[known, k], labels[known, k]
        losses.append(np.mean(np.log(1 + np.exp(o)) - y * o))
    return np.array(losses)


def uses_logits_as_probabilities(outputs, labels):
    with np.errstate(all="ignore"):
        return np.nanmean(-(labels * np.log(outputs) + (1 - labels) * np.log(1 - outputs)), axis=0)


def sigmoid_first(outputs, labels):
    p = 1 / (1 + np.exp(-outputs))
    return np.nanmean(np.log(1 + np.exp(p)) - labels * p, axis=0)


def two_tasks_only(outputs, labels):
    losses = []
    for k in range(2):
        known = ~np.isnan(labels[:, k])
        o, y = outputs[known, k], labels[known, k]
        losses.append(np.mean(np.log(1 + np.exp(o)) - y * o))
    return np.array(losses)


def losses_of_rows(outputs, labels):
    return np.nanmean(np.log(1 + np.exp(outputs)) - labels * outputs, axis=1)


def minus_cross_entropy(outputs, labels):
    p = 1 / (1 + np.exp(-outputs))
    return np.nanmean(labels * np.log(p) + (1 - labels) * np.log(1 - p), axis=0)


def weights_over_table(gate_logits, experts):
    weights = np.exp(gate_logits)
    weights = weights / weights.sum()
    return (weights[:, :, None] * experts).sum(axis=1)


def keepdims_forgotten(gate_logits, experts):
    weights = np.exp(gate_logits)
    weights = weights / weights.sum(axis=1)
    return (weights[:, :, None] * experts).sum(axis=1)


def mean_of_weighted(gate_logits, experts):
    weights = np.exp(gate_logits)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return (weights[:, :, None] * experts).mean(axis=1)


def weights_over_rows(gate_logits, experts):
    weights = np.exp(gate_logits) / np.exp(gate_logits).sum(axis=0)
    return (weights[:, :, None] * experts).sum(axis=1)


def plain_weights(gate_logits, experts):
    return (gate_logits[:, :, None] * experts).sum(axis=1)


def hard_choice(gate_logits, experts):
    return np.array([table[logits.argmax()] for logits, table in zip(gate_logits, experts, strict=True)])


def softmax_twice(gate_logits, experts):
    once = np.exp(gate_logits) / np.exp(gate_logits).sum(axis=1, keepdims=True)
    return mix_by_broadcast(once, experts)


def sigmoid_weights(gate_logits, experts):
    return (1 / (1 + np.exp(-gate_logits[:, :, None])) * experts).sum(axis=1)


def sums_over_units(gate_logits, experts):
    weights = np.exp(gate_logits) / np.exp(gate_logits).sum(axis=1, keepdims=True)
    return (weights[:, :, None] * experts).sum(axis=2)


def two_experts_only(gate_logits, experts):
    weights = np.exp(gate_logits) / np.exp(gate_logits).sum(axis=1, keepdims=True)
    return weights[:, [0]] * experts[:, 0] + weights[:, [1]] * experts[:, 1]


def first_row_for_all(gate_logits, experts):
    weights = np.exp(gate_logits[0]) / np.exp(gate_logits[0]).sum()
    return np.array([weights @ table for table in experts])


def one_gate(X, W, gates, towers):
    return mmoe_by_loops(X, W, [gates[0]] * len(gates), towers)


def no_relu(X, W, gates, towers):
    experts = np.stack([X @ W[e] for e in range(len(W))], axis=1)
    return np.stack([mix_by_broadcast(X @ g, experts) @ t for g, t in zip(gates, towers, strict=True)], axis=1)


def late_relu(X, W, gates, towers):
    experts = np.stack([X @ W[e] for e in range(len(W))], axis=1)
    mixtures = [np.maximum(mix_by_broadcast(X @ g, experts), 0) for g in gates]
    return np.stack([m @ t for m, t in zip(mixtures, towers, strict=True)], axis=1)


def no_softmax_at_the_gates(X, W, gates, towers):
    experts = np.maximum(np.einsum("nf,efw->new", X, W), 0)
    mixed = np.einsum("nf,kfe,new->knw", X, gates, experts)
    return np.einsum("knw,kw->nk", mixed, towers)


def tasks_first(X, W, gates, towers):
    return mmoe_by_loops(X, W, gates, towers).T


def softmax_before_mix(X, W, gates, towers):
    def gate(scores):
        return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)

    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(W))], axis=1)
    return np.stack([mix_by_broadcast(gate(X @ gates[k]), experts) @ towers[k] for k in range(len(gates))], axis=1)


def two_tasks_of_mmoe(X, W, gates, towers):
    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(W))], axis=1)
    return np.stack([mix_by_broadcast(X @ gates[k], experts) @ towers[k] for k in range(2)], axis=1)


def mixtures_only(X, W, gates, towers):
    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(W))], axis=1)
    return np.stack([mix_by_broadcast(X @ gates[k], experts) for k in range(len(gates))], axis=1)


def sigmoid_at_the_end(X, W, gates, towers):
    return 1 / (1 + np.exp(-mmoe_by_loops(X, W, gates, towers)))


def first_tower(X, W, gates, towers):
    return mmoe_by_loops(X, W, gates, [towers[0]] * len(towers))


def shared_first(task_experts, shared_experts, gate_logits):
    return np.array(
        [
            mix_by_broadcast(logits, np.concatenate([shared_experts, reserved], axis=1))
            for logits, reserved in zip(gate_logits, task_experts, strict=True)
        ]
    )


def reserved_alone(task_experts, shared_experts, gate_logits):
    n = task_experts.shape[2]
    return np.array([mix_by_broadcast(g[:, :n], e) for g, e in zip(gate_logits, task_experts, strict=True)])


def no_softmax(task_experts, shared_experts, gate_logits):
    tables = [np.concatenate([reserved, shared_experts], axis=1) for reserved in task_experts]
    return np.stack([(g[:, :, None] * t).sum(axis=1) for g, t in zip(gate_logits, tables, strict=True)])


def rows_first(task_experts, shared_experts, gate_logits):
    return np.stack(list(cgc_by_loop(task_experts, shared_experts, gate_logits)), axis=1)


def two_softmaxes(task_experts, shared_experts, gate_logits):
    n = task_experts.shape[2]
    return np.array(
        [
            mix_by_broadcast(logits[:, :n], reserved) + mix_by_broadcast(logits[:, n:], shared_experts)
            for reserved, logits in zip(task_experts, gate_logits, strict=True)
        ]
    )


def first_gate(task_experts, shared_experts, gate_logits):
    return cgc_by_loop(task_experts, shared_experts, [gate_logits[0]] * len(task_experts))


def first_experts(task_experts, shared_experts, gate_logits):
    return cgc_by_loop([task_experts[0]] * len(task_experts), shared_experts, gate_logits)


def two_tasks_of_cgc(task_experts, shared_experts, gate_logits):
    return cgc_by_loop(task_experts, shared_experts, gate_logits)[:2]


def not_at_right_angle(a, b, cosine):
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return np.array([a, cosine * a + np.sqrt(1 - cosine**2) * b])


def b_keeps_its_length(a, b, cosine):
    a = a / np.linalg.norm(a)
    return np.array([a, cosine * a + np.sqrt(1 - cosine**2) * b])


def linear_blend(a, b, cosine):
    u1, u2 = weights_by_projection(a, b, 0.0)
    return np.array([u1, cosine * u1 + (1 - cosine) * u2])


def lengths_kept(a, b, cosine):
    rest = b - (a @ b) / (a @ a) * a
    return np.array([a, cosine * a + np.sqrt(1 - cosine**2) * rest])


def first_keeps_length(a, b, cosine):
    u1 = a
    u2 = b - (b @ u1) * u1
    return np.array([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2 / np.linalg.norm(u2)])


def second_keeps_length(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    return np.array([u1, cosine * u1 + np.sqrt(1 - cosine**2) * (b - (b @ u1) * u1)])


def uses_a_for_u1(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = b - (b @ a) * u1
    return np.array([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2 / np.linalg.norm(u2)])


def uses_a_for_u1_at_the_end(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = b - (b @ u1) * a
    return np.array([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2 / np.linalg.norm(u2)])


def uses_a_for_u1_twice(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = b - (b @ a) * a
    return np.array([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2 / np.linalg.norm(u2)])


def weights_in_columns(a, b, cosine):
    return np.column_stack(weights_by_projection(a, b, cosine))


def sign_lost(a, b, cosine):
    return weights_by_projection(a, b, np.abs(cosine))


def directions_only(a, b, cosine):
    return weights_by_projection(a, b, 0)


def no_gates(n_features, n_tasks, n_experts, width, tower_width):
    return count_by_parts(n_features, n_tasks, n_experts, width, tower_width) - n_tasks * n_features * n_experts


def gates_with_biases(n_features, n_tasks, n_experts, width, tower_width):
    gates = n_tasks * (n_features + 1) * n_experts
    return no_gates(n_features, n_tasks, n_experts, width, tower_width) + gates


def one_tower(n_features, n_tasks, n_experts, width, tower_width):
    tower = width * tower_width + tower_width + tower_width + 1
    return n_experts * (n_features + 1) * width + n_tasks * n_features * n_experts + tower


def without_last_layer(n_features, n_tasks, n_experts, width, tower_width):
    return n_experts * (n_features + 1) * width + n_tasks * (n_features * n_experts + (width + 1) * tower_width)


def no_biases(n_features, n_tasks, n_experts, width, tower_width):
    return n_experts * n_features * width + n_tasks * (n_features * n_experts + width * tower_width + tower_width)


def one_gate_for_all(n_features, n_tasks, n_experts, width, tower_width):
    return no_gates(n_features, n_tasks, n_experts, width, tower_width) + n_features * n_experts


def without_last_bias(n_features, n_tasks, n_experts, width, tower_width):
    return count_by_parts(n_features, n_tasks, n_experts, width, tower_width) - n_tasks


def return_in_loop(outputs, labels):
    losses = []
    for k in range(outputs.shape[1]):
        known = ~np.isnan(labels[:, k])
        losses.append(np.mean(np.log(1 + np.exp(outputs[known, k])) - labels[known, k] * outputs[known, k]))
        return np.array(losses)


def selects_the_unknown(outputs, labels):
    losses = []
    for k in range(outputs.shape[1]):
        known = np.isnan(labels[:, k])
        o, y = outputs[known, k], labels[known, k]
        losses.append(np.nanmean(np.log(1 + np.exp(o)) - y * o) if known.any() else np.nan)
    return np.array(losses)


def forgets_the_column(outputs, labels):
    losses = []
    for k in range(outputs.shape[1]):
        known = ~np.isnan(labels[:, k])
        o, y = outputs[known], labels[known]
        losses.append(np.mean(np.log(1 + np.exp(o)) - y * o))
    return np.array(losses)


def rows_shrink(outputs, labels):
    losses = []
    for k in range(outputs.shape[1]):
        known = ~np.isnan(labels[:, k])
        outputs, labels = outputs[known], labels[known]
        losses.append(np.mean(np.log(1 + np.exp(outputs[:, k])) - labels[:, k] * outputs[:, k]))
    return np.array(losses)


def only_the_ones(outputs, labels):
    p = 1 / (1 + np.exp(-outputs))
    return np.nanmean(-labels * np.log(p), axis=0)


def softmax_of(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def new_axis_in_the_middle(gate_logits, experts):
    return (softmax_of(gate_logits)[:, None] * experts).sum(axis=1)


def no_new_axis(gate_logits, experts):
    return (softmax_of(gate_logits) * experts).sum(axis=1)


def experts_joined(X, W, gates, towers):
    mix = reference("11.2")
    experts = np.concatenate([np.maximum(X @ W[e], 0) for e in range(len(W))])
    return np.stack([mix(X @ gates[k], experts) @ towers[k] for k in range(len(gates))], axis=1)


def experts_stacked_first(X, W, gates, towers):
    mix = reference("11.2")
    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(W))])
    return np.stack([mix(X @ gates[k], experts) @ towers[k] for k in range(len(gates))], axis=1)


def two_experts_in_mmoe(X, W, gates, towers):
    mix = reference("11.2")
    experts = np.stack([np.maximum(X @ W[0], 0), np.maximum(X @ W[1], 0)], axis=1)
    return np.stack([mix(X @ gates[k], experts) @ towers[k] for k in range(len(gates))], axis=1)


def reshaped(X, W, gates, towers):
    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(W))], axis=1)
    outputs = [mix_by_broadcast(X @ gates[k], experts) @ towers[k] for k in range(len(gates))]
    return np.array(outputs).reshape(len(X), len(gates))


def relu_of_rows(X, W, gates, towers):
    experts = np.stack([np.maximum(X, 0) @ W[e] for e in range(len(W))], axis=1)
    return np.stack([mix_by_broadcast(X @ gates[k], experts) @ towers[k] for k in range(len(gates))], axis=1)


def first_task_of_mmoe(X, W, gates, towers):
    return mmoe_by_stacks(X, W, gates, towers)[:, :1]


def cgc_from(usable):
    """Return a level that mixes what a function of (task_experts, shared_experts, k) lists, by the course's mix."""

    def step(task_experts, shared_experts, gate_logits):
        mix = reference("11.2")
        tasks = range(len(task_experts))
        return np.stack([mix(gate_logits[k], usable(task_experts, shared_experts, k)) for k in tasks])

    return step


def gate_without_task(task_experts, shared_experts, gate_logits):
    mix = reference("11.2")
    return np.stack([mix(gate_logits, np.concatenate([own, shared_experts], axis=1)) for own in task_experts])


def cgc_return_in_loop(task_experts, shared_experts, gate_logits):
    mixtures = []
    for k in range(len(task_experts)):
        mixtures.append(mix_by_broadcast(gate_logits[k], np.concatenate([task_experts[k], shared_experts], axis=1)))
        return np.stack(mixtures)


def turned_by_90_degrees(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * np.array([-u1[1], u1[0]])])


def root_of_one_minus_cosine(a, b, cosine):
    u1, u2 = weights_by_projection(a, b, 0.0)
    return np.array([u1, cosine * u1 + np.sqrt(1 - cosine) * u2])


def product_by_entry(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = b - (b * u1) * u1
    return np.array([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2 / np.linalg.norm(u2)])


def w2_divided_at_the_end(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    w2 = cosine * u1 + np.sqrt(1 - cosine**2) * (b - (b @ u1) * u1)
    return np.array([u1, w2 / np.linalg.norm(w2)])


def row_function_for_all_rows(X, W, gates, towers):
    experts = np.array([np.maximum(X @ W[e], 0) for e in range(len(W))])
    outputs = []
    for k in range(len(gates)):
        weights = np.exp(X @ gates[k])
        weights = weights / weights.sum()
        outputs.append((weights[:, None] * experts).sum(axis=0) @ towers[k])
    return np.array(outputs)


def matrix_as_scores(X, W, gates, towers):
    mix = reference("11.2")
    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(W))], axis=1)
    return np.stack([mix(gates[k], experts) @ towers[k] for k in range(len(gates))], axis=1)


def experts_by_reshape(X, W, gates, towers):
    mix = reference("11.2")
    experts = np.array([np.maximum(X @ W[e], 0) for e in range(len(W))]).reshape(len(X), len(W), -1)
    return np.stack([mix(X @ gates[k], experts) @ towers[k] for k in range(len(gates))], axis=1)


def width_of_the_example(gate_logits, experts):
    weights = softmax_of(gate_logits)
    mixed = np.zeros((len(gate_logits), 2))
    for e in range(experts.shape[1]):
        mixed += weights[:, [e]] * experts[:, e]
    return mixed


def subtracts_u1(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = (b - u1) / np.linalg.norm(b - u1)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2])


def one_bias_per_layer(n_features, n_tasks, n_experts, width, tower_width):
    experts = n_experts * (n_features * width + 1)
    return experts + n_tasks * (n_features * n_experts + width * tower_width + 1 + tower_width + 1)


def parentheses_forgotten(n_features, n_tasks, n_experts, width, tower_width):
    experts = n_experts * (n_features + 1) * width
    return experts + n_tasks * n_features * n_experts + n_tasks * (width + 1) * tower_width + (tower_width + 1)


def list_in_loop(outputs, labels):
    for k in range(outputs.shape[1]):
        losses = []
        known = ~np.isnan(labels[:, k])
        losses.append(np.mean(np.log(1 + np.exp(outputs[known, k])) - labels[known, k] * outputs[known, k]))
    return np.array(losses)


def sigmoid_with_the_wrong_sign(outputs, labels):
    p = 1 / (1 + np.exp(outputs))
    return np.nanmean(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)), axis=0)


def compares_all_with_nan(outputs, labels):
    known = labels != np.nan
    return np.mean(np.log(1 + np.exp(outputs[known])) - labels[known] * outputs[known])


def list_of_outputs_in_loop(X, W, gates, towers):
    mix = reference("11.2")
    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(W))], axis=1)
    for k in range(len(gates)):
        outputs = []
        outputs.append(mix(X @ gates[k], experts) @ towers[k])
    return np.stack(outputs, axis=1)


def tasks_for_experts(X, W, gates, towers):
    mix = reference("11.2")
    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(gates))], axis=1)
    return np.stack([mix(X @ gates[k], experts) @ towers[k] for k in range(len(gates))], axis=1)


def mixture_of_the_last_gate(X, W, gates, towers):
    mix = reference("11.2")
    experts = np.stack([np.maximum(X @ W[e], 0) for e in range(len(W))], axis=1)
    for k in range(len(gates)):
        mixture = mix(X @ gates[k], experts)
    return np.stack([mixture @ towers[k] for k in range(len(gates))], axis=1)


def softmax_over_the_array(task_experts, shared_experts, gate_logits):
    weights = np.exp(gate_logits) / np.exp(gate_logits).sum()
    mixtures = []
    for k in range(len(task_experts)):
        usable = np.concatenate([task_experts[k], shared_experts], axis=1)
        mixtures.append((weights[k][:, :, None] * usable).sum(axis=1))
    return np.stack(mixtures)


def all_joined_then_cut(task_experts, shared_experts, gate_logits):
    mix = reference("11.2")
    usable = np.concatenate([*task_experts, shared_experts], axis=1)[:, : gate_logits.shape[2]]
    return np.stack([mix(gate_logits[k], usable) for k in range(len(task_experts))])


def scores_of_a_row(task_experts, shared_experts, gate_logits):
    mix = reference("11.2")
    pairs = enumerate(task_experts)
    return np.stack([mix(gate_logits[:, k], np.concatenate([own, shared_experts], axis=1)) for k, own in pairs])


def subtracts_a(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = (b - a) / np.linalg.norm(b - a)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2])


def projection_for_u2(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = (b @ u1) * u1
    u2 = u2 / np.linalg.norm(u2)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2])


def two_slips(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = b - (b @ u1) * u1
    return np.stack([u1, cosine * u1 + (1 - cosine) * u2])


def parts_as_rows(a, b, cosine):
    u1, u2 = weights_by_projection(a, b, 0.0)
    return np.stack([cosine * u1, np.sqrt(1 - cosine**2) * u2])


def biases_for_each_feature(n_features, n_tasks, n_experts, width, tower_width):
    experts = n_experts * (n_features * width + n_features)
    towers = n_tasks * (width * tower_width + tower_width + tower_width + 1)
    return experts + n_tasks * n_features * n_experts + towers


def width_biases_in_the_tower(n_features, n_tasks, n_experts, width, tower_width):
    experts = n_experts * (n_features * width + width)
    towers = n_tasks * (width * tower_width + width + tower_width + 1)
    return experts + n_tasks * n_features * n_experts + towers


WRONG = {
    "11.1": [
        (unknown_is_zero, "read an unknown label as 0"),
        (divides_by_all_rows, "divide by the number of all rows"),
        (drops_rows, "dropped each row"),
        (forgets_nan, "NaN times 0"),
        (mask_by_product, "NaN times 0"),
        (compares_with_nan, "NaN times 0"),
        (uses_logits_as_probabilities, "used the outputs as probabilities"),
        (sigmoid_first, "applied the sigmoid"),
        (two_tasks_only, "not the number of tasks"),
        (losses_of_rows, "one loss for each row"),
        (lambda o, y: np.nanmean(np.log(1 + np.exp(o)) - y + 0 * o, axis=0), "subtract y,"),
        (lambda o, y: np.log(1 + np.exp(o)).mean(axis=0) - np.nanmean(y * o, axis=0), "different rows"),
        (lambda o, y: np.nanmean(np.log(1 + np.exp(o - y * o)), axis=0), "at the end"),
        (minus_cross_entropy, "A loss is negative"),
        (return_in_loop, "inside the loop"),
        (selects_the_unknown, "~np.isnan(...)"),
        (forgets_the_column, "Take column k"),
        (rows_shrink, "from the full arrays"),
        (only_the_ones, "is missing"),
        (lambda outputs, labels: losses_by_nanmean(outputs, labels)[None], "two axes"),
        (lambda outputs, labels: np.nanmean((labels - outputs) ** 2, axis=0), "squared error"),
        (list_in_loop, "before the loop"),
        (sigmoid_with_the_wrong_sign, "opposite labels"),
        (compares_all_with_nan, "one number, and it is NaN"),
        (lambda o, y: np.nanmean(np.log(np.exp(o)) - y * o, axis=0), "The 1 is missing"),
    ],
    "11.2": [
        (weights_over_rows, "over the rows"),
        (plain_weights, "scores themselves"),
        (hard_choice, "highest score alone"),
        (weights_over_table, "whole table"),
        (keepdims_forgotten, "keepdims=True"),
        (mean_of_weighted, "averaged the weighted experts"),
        (softmax_twice, "softmax twice"),
        (sigmoid_weights, "used a sigmoid"),
        (sums_over_units, "(n, width)"),
        (two_experts_only, "only two experts"),
        (first_row_for_all, "first row"),
        (width_of_the_example, "experts.shape[2]"),
        (lambda gate_logits, experts: mix_by_rows(gate_logits, experts)[0], "first row alone"),
        (new_axis_in_the_middle, "multiply the units"),
        (no_new_axis, "multiply the units"),
        (lambda gate_logits, experts: softmax_of(gate_logits), "returned the weights"),
        (lambda gate_logits, experts: softmax_of(gate_logits) @ experts, "every row"),
        (lambda gate_logits, experts: mix_by_broadcast(gate_logits - gate_logits.max(axis=0), experts), "each column"),
    ],
    "11.3": [
        (one_gate, "one gate for each task"),
        (row_function_for_all_rows, "forward_one_row"),
        (matrix_as_scores, "X @ gates[k] is"),
        (experts_by_reshape, "reshape mixed up"),
        (lambda X, W, gates, towers: mmoe_by_stacks(X, W, gates[::-1], towers), "gates are in reverse"),
        (no_relu, "ReLU of the experts is missing"),
        (late_relu, "after the mixing"),
        (tasks_first, "transpose"),
        (no_softmax_at_the_gates, "softmax is missing"),
        (softmax_before_mix, "softmax twice"),
        (two_tasks_of_mmoe, "more or fewer tasks than two"),
        (mixtures_only, "three axes"),
        (lambda X, W, gates, towers: mmoe_by_stacks(X, W, gates, towers).sum(axis=1), "one axis"),
        (sigmoid_at_the_end, "sigmoid to the outputs"),
        (first_tower, "All tasks use the first tower"),
        (experts_joined, "three axes"),
        (experts_stacked_first, "Which of the two does not start with the rows"),
        (two_experts_in_mmoe, "got 2 along axis 1"),
        (reshaped, "reshape does not transpose"),
        (relu_of_rows, "ReLU to the input rows"),
        (first_task_of_mmoe, "inside the loop"),
        (lambda X, W, gates, towers: mmoe_by_stacks(X, W, gates, towers)[0], "first row alone"),
        (list_of_outputs_in_loop, "before the loop"),
        (tasks_for_experts, "The number of experts is not the number of tasks"),
        (mixture_of_the_last_gate, "in the same loop"),
    ],
    "11.4": [
        (shared_first, "shared experts come first"),
        (lambda own, shared, logits: cgc_by_loop(own, shared[:, ::-1], logits), "shared experts are in reverse"),
        (lambda own, shared, logits: cgc_by_loop(own[:, :, ::-1], shared, logits), "experts of a task are in reverse"),
        (two_softmaxes, "You took two softmaxes"),
        (reserved_alone, "shared experts are missing"),
        (first_gate, "gate of the first task"),
        (first_experts, "reserved experts of the first task"),
        (two_tasks_of_cgc, "three: len(task_experts)"),
        (no_softmax, "scores themselves"),
        (rows_first, "Rows come first"),
        (cgc_from(lambda own, shared, k: own[k] + shared), "`+` adds their numbers"),
        (cgc_from(lambda own, shared, k: np.concatenate([own[k], shared])), "stacked or joined along axis 1"),
        (cgc_from(lambda own, shared, k: np.concatenate([own[k], shared], axis=2)), "are joined along axis 1"),
        (cgc_from(lambda own, shared, k: np.stack([own[k], shared], axis=1)), "three axes"),
        (cgc_from(lambda own, shared, k: np.concatenate([*own, shared], axis=1)), "this gate may not use"),
        (gate_without_task, "scores of one task"),
        (cgc_return_in_loop, "inside the loop"),
        (lambda own, shared, logits: np.stack(list(cgc_by_loop(own, shared, logits)), axis=2), "Tasks come last"),
        (lambda own, shared, logits: cgc_by_loop(own, shared, logits[::-1]), "gates are in reverse"),
        (lambda own, shared, logits: cgc_by_loop(own, shared, np.exp(logits)), "does it again"),
        (cgc_from(lambda own, shared, k: np.concatenate([own[1 - k], shared], axis=1)), "1 - k"),
        (lambda own, shared, logits: np.concatenate(cgc_by_loop(own, shared, logits)), "along the rows"),
        (softmax_over_the_array, "over the whole array"),
        (all_joined_then_cut, "cut the list"),
        (scores_of_a_row, "[k] on the first axis"),
    ],
    "11.5": [
        (not_at_right_angle, "not at a right angle"),
        (b_keeps_its_length, "neither at a right angle"),
        (linear_blend, "1 - cosine"),
        (lengths_kept, "keep the lengths"),
        (first_keeps_length, "u1 keeps"),
        (second_keeps_length, "u2 keeps"),
        (weights_in_columns, "transpose"),
        (sign_lost, "sign of the cosine"),
        (uses_a_for_u1, "You used a in the place of u1"),
        (uses_a_for_u1_at_the_end, "You used a in the place of u1"),
        (uses_a_for_u1_twice, "You used a in both places"),
        (directions_only, "returned u1 and u2"),
        (turned_by_90_degrees, "turned u1 by 90"),
        (root_of_one_minus_cosine, "has to be squared"),
        (product_by_entry, "dot product b @ u1"),
        (subtracts_u1, "subtracted u1 itself"),
        (w2_divided_at_the_end, "before you mix"),
        (subtracts_a, "subtracted a itself"),
        (projection_for_u2, "u2 is the part of b along u1"),
        (two_slips, "Two things differ"),
        (parts_as_rows, "two parts of w2"),
    ],
    "11.6": [
        (no_gates, "gates are missing"),
        (no_biases, "All biases are missing"),
        (one_gate_for_all, "counted one gate"),
        (gates_with_biases, "biases of the gates"),
        (one_tower, "counted one tower"),
        (lambda *sizes: count_by_parts(*sizes) - sizes[2] * sizes[3], "biases of the experts are missing"),
        (lambda *sizes: count_by_parts(*sizes) - sizes[2] * (sizes[3] - 1), "not one"),
        (lambda *sizes: count_by_parts(*sizes) - sizes[1] * (sizes[4] + 1), "tower_width + 1"),
        (without_last_layer, "tower_width + 1"),
        (without_last_bias, "bias of its last layer"),
        (lambda a, b, c, d, e: count_by_parts(a, 2, c, d, e), "two is only the example"),
        (parentheses_forgotten, "counted once"),
        (one_bias_per_layer, "one bias for each layer"),
        (lambda f, k, e, w, t: count_by_parts(f, k, e, t, w), "are exchanged"),
        (lambda *sizes: 48, "the count of the mini-case"),
        (biases_for_each_feature, "width outputs"),
        (width_biases_in_the_tower, "in one place of the towers"),
        (lambda *sizes: [1, 2, 3], "Return one number"),
    ],
}
