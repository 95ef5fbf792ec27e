"""Answers to the exercises of chapter 11: right ones, written differently from the references, and wrong ones."""

import numpy as np
import torch


def losses_by_loop(outputs, labels):
    losses = []
    for k in range(outputs.shape[1]):
        known = ~np.isnan(labels[:, k])
        o, y = outputs[known, k], labels[known, k]
        losses.append(np.mean(np.log(1 + np.exp(o)) - y * o))
    return np.array(losses)


def losses_by_chances(outputs, labels):
    p = 1 / (1 + np.exp(-outputs))
    return np.nanmean(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)), axis=0).tolist()


def mix_by_rows(gate_logits, experts):
    mixed = []
    for logits, table in zip(gate_logits, experts, strict=True):
        shares = np.exp(logits) / np.exp(logits).sum()
        mixed.append(shares @ table)
    return mixed


def mix_by_broadcast(gate_logits, experts):
    shares = np.exp(gate_logits - gate_logits.max(axis=1, keepdims=True))
    shares = shares / shares.sum(axis=1, keepdims=True)
    return (shares[:, :, None] * experts).sum(axis=1)


def mmoe_by_loops(X, W, gates, heads):
    result = np.zeros((len(X), len(gates)))
    for r, x in enumerate(X):
        experts = np.array([np.maximum(x @ matrix, 0) for matrix in W])
        for k in range(len(gates)):
            shares = np.exp(x @ gates[k])
            result[r, k] = (shares / shares.sum()) @ experts @ heads[k]
    return result


def mmoe_by_torch(X, W, gates, heads):
    X, W, gates, heads = (torch.from_numpy(part) for part in (X, W, gates, heads))
    experts = torch.relu(torch.einsum("nf,efw->new", X, W))
    shares = torch.softmax(torch.einsum("nf,kfe->nke", X, gates), dim=2)
    return ((shares @ experts) * heads).sum(dim=2)


def cgc_by_loop(own, shared, gate_logits):
    mixed = []
    for k in range(len(own)):
        mixed.append(mix_by_broadcast(gate_logits[k], np.concatenate([own[k], shared], axis=1)))
    return np.array(mixed)


def cgc_by_two_sums(own, shared, gate_logits):
    shares = np.exp(gate_logits)
    shares /= shares.sum(axis=2, keepdims=True)
    n_task_experts = own.shape[2]
    from_own = np.einsum("kne,knew->knw", shares[:, :, :n_task_experts], own)
    return from_own + np.einsum("kne,new->knw", shares[:, :, n_task_experts:], shared)


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


def count_by_parts(n_features, n_tasks, n_experts, width, head_width):
    experts = n_experts * (n_features * width + width)
    gates = n_tasks * n_features * n_experts
    heads = n_tasks * (width * head_width + head_width + head_width + 1)
    return experts + gates + heads


def count_by_layers(n_features, n_tasks, n_experts, width, head_width):
    def layer(n_in, n_out, bias=1):
        return (n_in + bias) * n_out

    one_task = layer(n_features, n_experts, 0) + layer(width, head_width) + layer(head_width, 1)
    return layer(n_features, n_experts * width) + n_tasks * one_task


RIGHT = {
    "11.1": [losses_by_loop, losses_by_chances],
    "11.2": [mix_by_rows, mix_by_broadcast],
    "11.3": [mmoe_by_loops, mmoe_by_torch],
    "11.4": [cgc_by_loop, cgc_by_two_sums],
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
    whole = ~np.isnan(labels).any(axis=1)
    return losses_by_loop(outputs[whole], labels[whole])


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


def takes_logits_for_probabilities(outputs, labels):
    with np.errstate(all="ignore"):
        return np.nanmean(-(labels * np.log(outputs) + (1 - labels) * np.log(1 - outputs)), axis=0)


def shares_over_table(gate_logits, experts):
    shares = np.exp(gate_logits)
    shares = shares / shares.sum()
    return (shares[:, :, None] * experts).sum(axis=1)


def mean_of_weighed(gate_logits, experts):
    shares = np.exp(gate_logits)
    shares = shares / shares.sum(axis=1, keepdims=True)
    return (shares[:, :, None] * experts).mean(axis=1)


def shares_over_rows(gate_logits, experts):
    shares = np.exp(gate_logits) / np.exp(gate_logits).sum(axis=0)
    return (shares[:, :, None] * experts).sum(axis=1)


def plain_weights(gate_logits, experts):
    return (gate_logits[:, :, None] * experts).sum(axis=1)


def hard_choice(gate_logits, experts):
    return np.array([table[logits.argmax()] for logits, table in zip(gate_logits, experts, strict=True)])


def one_gate(X, W, gates, heads):
    return mmoe_by_loops(X, W, [gates[0]] * len(gates), heads)


def no_relu(X, W, gates, heads):
    experts = np.einsum("nf,efw->new", X, W)
    return np.stack([mix_by_broadcast(X @ g, experts) @ h for g, h in zip(gates, heads, strict=True)], axis=1)


def no_softmax_at_the_gates(X, W, gates, heads):
    experts = np.maximum(np.einsum("nf,efw->new", X, W), 0)
    mixed = np.einsum("nf,kfe,new->knw", X, gates, experts)
    return np.einsum("knw,kw->nk", mixed, heads)


def tasks_first(X, W, gates, heads):
    return mmoe_by_loops(X, W, gates, heads).T


def shared_first(own, shared, gate_logits):
    return np.array(
        [mix_by_broadcast(gate_logits[k], np.concatenate([shared, own[k]], axis=1)) for k in range(len(own))]
    )


def own_alone(own, shared, gate_logits):
    n_task_experts = own.shape[2]
    return np.array([mix_by_broadcast(gate_logits[k][:, :n_task_experts], own[k]) for k in range(len(own))])


def no_softmax(own, shared, gate_logits):
    tables = [np.concatenate([mine, shared], axis=1) for mine in own]
    return np.stack([(g[:, :, None] * t).sum(axis=1) for g, t in zip(gate_logits, tables, strict=True)])


def rows_first(own, shared, gate_logits):
    return np.stack(list(cgc_by_loop(own, shared, gate_logits)), axis=1)


def two_softmaxes(own, shared, gate_logits):
    n_task_experts = own.shape[2]
    return np.array(
        [
            mix_by_broadcast(logits[:, :n_task_experts], mine) + mix_by_broadcast(logits[:, n_task_experts:], shared)
            for mine, logits in zip(own, gate_logits, strict=True)
        ]
    )


def first_gate(own, shared, gate_logits):
    return cgc_by_loop(own, shared, [gate_logits[0]] * len(own))


def not_at_right_angle(a, b, cosine):
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
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


def takes_a_for_u1(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = b - (b @ a) * u1
    return np.array([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2 / np.linalg.norm(u2)])


def takes_a_for_u1_at_the_end(a, b, cosine):
    u1 = a / np.linalg.norm(a)
    u2 = b - (b @ u1) * a
    return np.array([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2 / np.linalg.norm(u2)])


def weights_in_columns(a, b, cosine):
    return np.column_stack(weights_by_projection(a, b, cosine))


def sign_lost(a, b, cosine):
    return weights_by_projection(a, b, np.abs(cosine))


def gates_with_biases(n_features, n_tasks, n_experts, width, head_width):
    gates = n_tasks * (n_features + 1) * n_experts
    return no_gates(n_features, n_tasks, n_experts, width, head_width) + gates


def one_head(n_features, n_tasks, n_experts, width, head_width):
    head = width * head_width + head_width + head_width + 1
    return n_experts * (n_features + 1) * width + n_tasks * n_features * n_experts + head


def without_last_layer(n_features, n_tasks, n_experts, width, head_width):
    return n_experts * (n_features + 1) * width + n_tasks * (n_features * n_experts + (width + 1) * head_width)


def no_gates(n_features, n_tasks, n_experts, width, head_width):
    return count_by_parts(n_features, n_tasks, n_experts, width, head_width) - n_tasks * n_features * n_experts


def no_biases(n_features, n_tasks, n_experts, width, head_width):
    return n_experts * n_features * width + n_tasks * (n_features * n_experts + width * head_width + head_width)


def one_gate_for_all(n_features, n_tasks, n_experts, width, head_width):
    return no_gates(n_features, n_tasks, n_experts, width, head_width) + n_features * n_experts


WRONG = {
    "11.1": [
        (unknown_is_zero, "read an unknown label as 0"),
        (divides_by_all_rows, "divide by all rows"),
        (drops_rows, "dropped each row"),
        (forgets_nan, "NaN times 0"),
        (mask_by_product, "NaN times 0"),
        (compares_with_nan, "NaN != NaN"),
        (takes_logits_for_probabilities, "took the outputs for probabilities"),
        (lambda outputs, labels: np.nanmean((labels - outputs) ** 2, axis=0), "squared error"),
    ],
    "11.2": [
        (shares_over_rows, "over the rows"),
        (plain_weights, "logits themselves"),
        (hard_choice, "best expert alone"),
        (shares_over_table, "whole table"),
        (mean_of_weighed, "mean after weighting"),
    ],
    "11.3": [
        (one_gate, "one gate for all"),
        (no_relu, "ReLU of the experts is missing"),
        (tasks_first, "transpose"),
        (no_softmax_at_the_gates, "softmax is missing"),
    ],
    "11.4": [
        (shared_first, "shared experts come first"),
        (lambda own, shared, logits: cgc_by_loop(own, shared[:, ::-1], logits), "shared experts are in reverse"),
        (lambda own, shared, logits: cgc_by_loop(own[:, :, ::-1], shared, logits), "own experts are in reverse"),
        (two_softmaxes, "You took two softmaxes"),
        (own_alone, "left the shared experts out"),
        (first_gate, "gate of the first task"),
        (no_softmax, "logits themselves"),
        (rows_first, "Rows come first"),
    ],
    "11.5": [
        (not_at_right_angle, "not at a right angle"),
        (linear_blend, "1 - cosine"),
        (lengths_kept, "keep the lengths"),
        (first_keeps_length, "u1 keeps"),
        (second_keeps_length, "u2 keeps"),
        (weights_in_columns, "transpose"),
        (sign_lost, "sign of the cosine"),
        (takes_a_for_u1, "You used a where u1 belongs"),
        (takes_a_for_u1_at_the_end, "You used a where u1 belongs"),
    ],
    "11.6": [
        (no_gates, "gates are missing"),
        (no_biases, "biases are missing"),
        (one_gate_for_all, "counted one gate"),
        (gates_with_biases, "gates biases"),
        (one_head, "counted one head"),
        (lambda *sizes: count_by_parts(*sizes) - sizes[2] * sizes[3], "biases of the experts are missing"),
        (lambda *sizes: count_by_parts(*sizes) - sizes[2] * (sizes[3] - 1), "not one"),
        (lambda *sizes: count_by_parts(*sizes) - sizes[1] * (sizes[4] + 1), "Each head lacks"),
        (without_last_layer, "Each head lacks"),
    ],
}
