"""Answers to the exercises of chapter 08: right ones, written in other ways than the reference, and wrong ones."""

from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional as F


def chain_by_loop(sequences, last, n_items, kappa):
    steps, events = np.zeros(n_items), np.zeros(n_items)
    for sequence in sequences:
        for place, item in enumerate(sequence):
            events[item] += 1
            if place and sequence[place - 1] == last:
                steps[item] += 1
    return (steps + kappa * events / events.sum()) / (steps.sum() + kappa)


def chain_by_mixture(sequences, last, n_items, kappa):
    everything = np.concatenate(sequences)
    popularity = np.bincount(everything, minlength=n_items) / len(everything)
    nexts = [b for s in sequences for a, b in pairwise(s) if a == last]
    if not nexts:
        return popularity
    trust = len(nexts) / (len(nexts) + kappa)
    return trust * np.bincount(nexts, minlength=n_items) / len(nexts) + (1 - trust) * popularity


def pairs_by_positions(sequences, n_items, window, decay):
    C = np.zeros((n_items, n_items))
    for s in sequences:
        for p in range(len(s)):
            for q in range(p + 1, min(len(s), p + window + 1)):
                C[s[p], s[q]] += decay ** (q - p - 1)
    return C


def pairs_by_add_at(sequences, n_items, window, decay):
    C = np.zeros((n_items, n_items))
    for s in sequences:
        for lag in range(1, window + 1):
            np.add.at(C, (s[:-lag], s[lag:]), decay ** (lag - 1))
    return C


def step_by_torch(x, h, W_ih, W_hh, b_ih, b_hh):
    cell = torch.nn.GRUCell(len(x), len(h), dtype=torch.float64)
    with torch.no_grad():
        for own, given in zip((cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh), (W_ih, W_hh, b_ih, b_hh),
                              strict=True):  # fmt: skip
            own.copy_(torch.from_numpy(np.ascontiguousarray(given)))
        return cell(torch.from_numpy(x)[None], torch.from_numpy(h)[None])[0].numpy()


def step_by_slices(x, h, W_ih, W_hh, b_ih, b_hh):
    d = len(h)
    from_x, from_h = W_ih @ x + b_ih, W_hh @ h + b_hh
    gates = 1 / (1 + np.exp(-(from_x[: 2 * d] + from_h[: 2 * d])))
    r, z = gates[:d], gates[d:]
    n = np.tanh(from_x[2 * d :] + r * from_h[2 * d :])
    return n + z * (h - n)


def rows_by_lists(sequences, length, padding):
    rows = [list(s[-(length + 1) :]) for s in sequences]
    rows = [row + [padding] * (length + 1 - len(row)) for row in rows]
    return [row[:-1] for row in rows], [row[1:] for row in rows]


def rows_by_pad(sequences, length, padding):
    rows = np.stack(
        [np.pad(s[-length - 1 :], (0, max(0, length + 1 - len(s))), constant_values=padding) for s in sequences]
    )
    return rows[:, :length], rows[:, 1:]


def loss_by_torch(logits, targets, padding):
    flat = torch.from_numpy(logits).reshape(-1, logits.shape[-1])
    return F.cross_entropy(flat, torch.from_numpy(targets).reshape(-1), ignore_index=padding).item()


def loss_by_loop(logits, targets, padding):
    losses = []
    for row, right in zip(logits, targets, strict=True):
        for scores, item in zip(row, right, strict=True):
            if item != padding:
                losses.append(np.log(np.exp(scores).sum()) - scores[item])
    return np.mean(losses)


def defects_as_set(n_lines):
    return {4, 5, 6} | {8, 9, 10, 11, 13}


def defects_in_any_order(n_lines):
    return np.array([13, 11, 10, 9, 8, 6, 5, 4])


RIGHT = {
    "8.1": [chain_by_loop, chain_by_mixture],
    "8.2": [pairs_by_positions, pairs_by_add_at],
    "8.3": [step_by_torch, step_by_slices],
    "8.4": [rows_by_lists, rows_by_pad],
    "8.5": [loss_by_torch, loss_by_loop],
    "8.6": [defects_as_set, defects_in_any_order],
}


def never_backs_off(sequences, last, n_items, kappa):
    return chain_by_loop(sequences, last, n_items, 1e-9)


def counts_all_later(sequences, last, n_items, kappa):
    steps = np.zeros(n_items)
    for s in sequences:
        seen = False
        for item in s:
            steps[item] += seen
            seen |= item == last
    popularity = np.bincount(np.concatenate(sequences), minlength=n_items) / sum(map(len, sequences))
    return (steps + kappa * popularity) / (steps.sum() + kappa)


def backs_off_evenly(sequences, last, n_items, kappa):
    steps = np.zeros(n_items)
    for s in sequences:
        for a, b in pairwise(s):
            steps[b] += a == last
    return (steps + kappa / n_items) / (steps.sum() + kappa)


def forgets_to_divide(sequences, last, n_items, kappa):
    return chain_by_loop(sequences, last, n_items, kappa) * 3


def chain_with(sequences, last, n_items, kappa, events):
    nexts = [b for s in sequences for a, b in pairwise(s) if a == last]
    steps = np.bincount(nexts, minlength=n_items) if nexts else np.zeros(n_items)
    return (steps + kappa * events) / (steps.sum() + kappa)


def backs_off_to_counts(sequences, last, n_items, kappa):
    return chain_with(sequences, last, n_items, kappa, np.bincount(np.concatenate(sequences), minlength=n_items))


def counts_each_person_once(sequences, last, n_items, kappa):
    people = np.array([sum(item in s for s in sequences) for item in range(n_items)])
    return chain_with(sequences, last, n_items, kappa, people / people.sum())


def shares_of_second_items(sequences, last, n_items, kappa):
    seconds = np.bincount([b for s in sequences for _, b in pairwise(s)], minlength=n_items)
    return chain_with(sequences, last, n_items, kappa, seconds / seconds.sum())


def ignores_kappa(sequences, last, n_items, kappa):
    return chain_by_loop(sequences, last, n_items, 1)


def looks_at_the_first_time_only(sequences, last, n_items, kappa):
    steps = np.zeros(n_items)
    for s in map(list, sequences):
        if last in s[:-1]:
            steps[s[s.index(last) + 1]] += 1
    popularity = np.bincount(np.concatenate(sequences), minlength=n_items) / sum(map(len, sequences))
    return (steps + kappa * popularity) / (steps.sum() + kappa)


def counts_every_pair(sequences, last, n_items, kappa):
    steps = np.zeros(n_items)
    for s in sequences:
        for place, item in enumerate(s):
            steps += (item == last) * np.bincount(s[place + 1 :], minlength=n_items)
    popularity = np.bincount(np.concatenate(sequences), minlength=n_items) / sum(map(len, sequences))
    return (steps + kappa * popularity) / (steps.sum() + kappa)


def forgets_the_unseen(sequences, last, n_items, kappa):
    everything = np.concatenate(sequences)
    nexts = [b for s in sequences for a, b in pairwise(s) if a == last]
    steps = np.bincount(nexts, minlength=everything.max() + 1) if nexts else 0.0
    return (steps + kappa * np.bincount(everything) / len(everything)) / (len(nexts) + kappa)


def decays_at_once(sequences, n_items, window, decay):
    C = np.zeros((n_items, n_items))
    for s in sequences:
        for lag in range(1, window + 1):
            np.add.at(C, (s[:-lag], s[lag:]), decay**lag)
    return C


def looks_both_ways(sequences, n_items, window, decay):
    C = pairs_by_positions(sequences, n_items, window, decay)
    return C + C.T


def ends_the_window_early(sequences, n_items, window, decay):
    return pairs_by_positions(sequences, n_items, window - 1, decay)


def divides_by_distance(sequences, n_items, window, decay):
    C = np.zeros((n_items, n_items))
    for s in sequences:
        for lag in range(1, window + 1):
            np.add.at(C, (s[:-lag], s[lag:]), 1 / (lag + 1))
    return C


def adds_once_to_a_place(sequences, n_items, window, decay):
    C = np.zeros((n_items, n_items))
    for s in sequences:
        for lag in range(1, window + 1):
            C[s[:-lag], s[lag:]] += decay ** (lag - 1)
    return C


def leaves_pairs_of_one_item_out(sequences, n_items, window, decay):
    C = np.zeros((n_items, n_items))
    for s in sequences:
        for lag in range(1, window + 1):
            for a, b in zip(s[:-lag], s[lag:], strict=True):
                if a != b:
                    C[a, b] += decay ** (lag - 1)
    return C


def turns_the_gate(x, h, W_ih, W_hh, b_ih, b_hh):
    d = len(h)
    from_x, from_h = W_ih @ x + b_ih, W_hh @ h + b_hh
    r, z = (1 / (1 + np.exp(-(from_x[i : i + d] + from_h[i : i + d]))) for i in (0, d))
    return z * np.tanh(from_x[2 * d :] + r * from_h[2 * d :]) + (1 - z) * h


def resets_before_the_product(x, h, W_ih, W_hh, b_ih, b_hh):
    d = len(h)
    from_x, from_h = W_ih @ x + b_ih, W_hh @ h + b_hh
    r, z = (1 / (1 + np.exp(-(from_x[i : i + d] + from_h[i : i + d]))) for i in (0, d))
    n = np.tanh(from_x[2 * d :] + W_hh[2 * d :] @ (r * h) + b_hh[2 * d :])
    return (1 - z) * n + z * h


def forgets_the_tanh(x, h, W_ih, W_hh, b_ih, b_hh):
    d = len(h)
    from_x, from_h = W_ih @ x + b_ih, W_hh @ h + b_hh
    r, z = (1 / (1 + np.exp(-(from_x[i : i + d] + from_h[i : i + d]))) for i in (0, d))
    return (1 - z) * (from_x[2 * d :] + r * from_h[2 * d :]) + z * h


def swaps_the_gates(x, h, W_ih, W_hh, b_ih, b_hh):
    d = len(h)
    order = np.r_[d : 2 * d, :d, 2 * d : 3 * d]
    return step_by_slices(x, h, W_ih[order], W_hh[order], b_ih[order], b_hh[order])


def forgets_the_biases(x, h, W_ih, W_hh, b_ih, b_hh):
    return step_by_slices(x, h, W_ih, W_hh, 0 * b_ih, 0 * b_hh)


def squashes_the_proposal_by_the_sigmoid(x, h, W_ih, W_hh, b_ih, b_hh):
    (r_x, z_x, n_x), (r_h, z_h, n_h) = np.split(W_ih @ x + b_ih, 3), np.split(W_hh @ h + b_hh, 3)
    r, z = 1 / (1 + np.exp(-r_x - r_h)), 1 / (1 + np.exp(-z_x - z_h))
    return (1 - z) / (1 + np.exp(-n_x - r * n_h)) + z * h


def cuts_as_z_n_r(x, h, W_ih, W_hh, b_ih, b_hh):
    (z_x, n_x, r_x), (z_h, n_h, r_h) = np.split(W_ih @ x + b_ih, 3), np.split(W_hh @ h + b_hh, 3)
    r, z = 1 / (1 + np.exp(-r_x - r_h)), 1 / (1 + np.exp(-z_x - z_h))
    return (1 - z) * np.tanh(n_x + r * n_h) + z * h


def copies(sequences, length, padding):
    inputs, _ = rows_by_pad(sequences, length, padding)
    return inputs, inputs


def looks_back(sequences, length, padding):
    inputs, targets = rows_by_pad(sequences, length, padding)
    return targets, inputs


def drops_short_histories(sequences, length, padding):
    return rows_by_pad([s for s in sequences if len(s) > 1], length, padding)


def keeps_length_items(sequences, length, padding):
    rows = np.full((len(sequences), length + 1), padding)
    for row, s in zip(rows, sequences, strict=True):
        row[: len(s[-length:])] = s[-length:]
    return rows[:, :-1], rows[:, 1:]


def adds_the_padding(sequences, length, padding):
    rows = [s[-(length + 1) :] for s in sequences]
    rows = np.array([row + [padding] * (length + 1 - len(row)) for row in rows])
    return rows[:, :-1], rows[:, 1:]


def adds_the_padding_one_by_one(sequences, length, padding):
    rows = [s[-(length + 1) :] for s in sequences]
    rows = [row + padding if len(row) <= length else row for row in rows]
    return [row[:-1] for row in rows], [row[1:] for row in rows]


def pads_with_nine(sequences, length, padding):
    return rows_by_pad(sequences, length, 9)


def takes_the_first(sequences, length, padding):
    return rows_by_pad([s[: length + 1] for s in sequences], length, padding)


def never_pads(sequences, length, padding):
    return np.array([s[:length] for s in sequences]), np.array([s[1 : length + 1] for s in sequences])


def fills_one_place_too_few(sequences, length, padding):
    rows = np.full((len(sequences), length), padding)
    for row, s in zip(rows, sequences, strict=True):
        row[: len(s)] = s[-length:]
    return rows[:, :-1], rows[:, 1:]


def masks_the_number_of_items(logits, targets, padding):
    real = targets != logits.shape[-1]
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -np.log(p[real, targets[real]]).mean()


def masks_what_is_not_below(logits, targets, padding):
    real = targets < padding
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -np.log(p[real, targets[real]]).mean()


def masks_what_is_below_zero(logits, targets, padding):
    real = targets >= 0
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -np.log(p[real, targets[real]]).mean()


def masks_what_is_no_item(logits, targets, padding):
    real = (targets >= 0) & (targets < logits.shape[-1])
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -np.log(p[real, targets[real]]).mean()


def adds_up(logits, targets, padding):
    return loss_by_loop(logits, targets, padding) * (targets != padding).sum()


def forgets_the_minus(logits, targets, padding):
    return -loss_by_loop(logits, targets, padding)


def divides_by_all(logits, targets, padding):
    return loss_by_loop(logits, targets, padding) * (targets != padding).sum() / targets.size


def forgets_the_log(logits, targets, padding):
    real = targets != padding
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -p[real, targets[real]].mean()


def softmax_along_time(logits, targets, padding):
    real = targets != padding
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.log(p[real, targets[real]]).mean()


def never_masks(logits, targets, padding):
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -np.log(np.take_along_axis(p, targets[..., None], axis=-1)).mean()


WRONG = {
    "8.1": [
        (counts_all_later, "You counted all items after the last one"),
        (backs_off_evenly, "You backed off to equal probabilities"),
        (forgets_to_divide, "do not sum to 1"),
        (never_backs_off, "differ"),
        (backs_off_to_counts, "Your popularity is a count"),
        (counts_each_person_once, "counts each person once"),
        (shares_of_second_items, "leaves the first item"),
        (ignores_kappa, "kappa changes nothing"),
        (looks_at_the_first_time_only, "An item may come again"),
        (counts_every_pair, "You counted every later item"),
        (forgets_the_unseen, "shape"),
    ],
    "8.2": [
        (decays_at_once, "Your pairs at lag 1 decay already"),
        (looks_both_ways, "both directions"),
        (ends_the_window_early, "ends one early"),
        (divides_by_distance, "differ"),
        (adds_once_to_a_place, "adds once to a place"),
        (leaves_pairs_of_one_item_out, "pairs of an item with itself"),
    ],
    "8.3": [
        (turns_the_gate, "turned round"),
        (resets_before_the_product, "before the product"),
        (swaps_the_gates, "changed places"),
        (forgets_the_tanh, "does not go through tanh"),
        (forgets_the_biases, "Your biases are missing"),
        (squashes_the_proposal_by_the_sigmoid, "goes through tanh"),
        (cuts_as_z_n_r, "in the order z, n, r"),
    ],
    "8.4": [
        (copies, "the model can copy"),
        (looks_back, "wrong way"),
        (takes_the_first, "You kept the first items"),
        (never_pads, "raised"),
        (fills_one_place_too_few, "one short"),
        (drops_short_histories, "You left out the histories of one item"),
        (keeps_length_items, "keep the last length + 1"),
        (adds_the_padding, "raised ValueError"),
        (adds_the_padding_one_by_one, "between arrays + adds"),
        (pads_with_nine, "differ"),
    ],
    "8.5": [
        (divides_by_all, "divided by all places"),
        (forgets_the_log, "logarithm is missing"),
        (softmax_along_time, "along the places"),
        (never_masks, "raised"),
        (masks_the_number_of_items, "The argument padding says which number is"),
        (masks_what_is_not_below, "Padding may be any number"),
        (masks_what_is_below_zero, "raised IndexError"),
        (adds_up, "You took the sum"),
        (forgets_the_minus, "Your sign is turned"),
    ],
    "8.6": [
        (lambda n_lines: [4, 5, 6], "wrong with the data"),
        (lambda n_lines: [4, 5, 6, 8, 9, 10, 11, 12], "line 12 does what it should"),
        (lambda n_lines: [4, 9], "2 of the 8 defects found, 6 still missing"),
        (lambda n_lines: "the loss", "expected a list of line numbers"),
        (lambda n_lines: [4.5, 5, 6, 8, 9, 10, 11, 13], "expected a list of line numbers, whole ones"),
        (lambda n_lines: range(1, 14), "all 8 are there, and you named 5 too many"),
        (lambda n_lines: [0, 4, 5, 6, 8, 9, 10, 11, 13], "there is no line 0"),
    ],
}
