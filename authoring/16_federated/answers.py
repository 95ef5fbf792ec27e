"""Answers to the exercises of chapter 16: right ones, written in other ways than the reference, and wrong ones."""

import numpy as np
import torch

RING = 2**32


def gradient_by_loop(r, known, x, Q):
    slopes = np.zeros_like(Q)
    for i in range(len(r)):
        if known[i]:
            slopes[i] = -(r[i] - Q[i] @ x) * x
    return slopes


def gradient_by_torch(r, known, x, Q):
    table = torch.tensor(Q, requires_grad=True)
    errors = torch.tensor(r) - table @ torch.tensor(x)
    (errors[torch.tensor(known)] ** 2).sum().div(2).backward()
    return table.grad


def gradient_by_mask(r, known, x, Q):
    return ((Q @ x - r) * known)[:, None] * x


def mean_by_loop(uploads, held):
    result = np.zeros(uploads.shape[1:])
    for i in range(uploads.shape[1]):
        if held[:, i].any():
            result[i] = uploads[held[:, i], i].mean(axis=0)
    return result


def mean_by_sums(uploads, held):
    n = held.sum(axis=0)
    return uploads.sum(axis=0) / np.where(n == 0, 1, n)[:, None]


def tells_by_first_row(upload):
    items = np.nonzero(np.abs(upload).sum(axis=1))[0]
    return items, upload[items[0]][:-1] / upload[items[0]][-1]


def tells_by_svd(upload):
    direction = np.linalg.svd(upload)[2][0]
    return np.where(upload[:, -1] != 0)[0], (direction / direction[-1])[:-1]


def mask_by_slices(values, client, pads, bits):
    whole = np.rint(values * 2**bits).astype(int)
    return (whole + pads[client + 1 :].sum(axis=0) - pads[:client].sum(axis=0)) % RING


def mask_by_loop(values, client, pads, bits):
    result = [round(float(value) * 2**bits) for value in values]
    for other in range(len(pads)):
        sign = (other > client) - (other < client)
        result = [(number + sign * int(pad)) % RING for number, pad in zip(result, pads[other], strict=True)]
    return np.array(result)


def sum_by_loop(uploads, alive, pads, bits):
    total = [0] * uploads.shape[1]
    for u in range(len(uploads)):
        for place in range(len(total)):
            if alive[u]:
                total[place] += int(uploads[u, place])
                for v in range(len(uploads)):
                    if not alive[v]:
                        total[place] += int(pads[u, v, place]) * (1 if v < u else -1)
    return np.array([((number + 2**31) % RING - 2**31) / 2**bits for number in total])


def sum_by_view(uploads, alive, pads, bits):
    came, gone = np.flatnonzero(alive), np.flatnonzero(~alive)
    signs = np.sign(gone[None, :] - came[:, None])[..., None]
    left = (signs * pads[np.ix_(came, gone)]).sum(axis=(0, 1))
    return ((uploads[alive].sum(axis=0) - left) % RING).astype(np.uint32).view(np.int32) / 2**bits


def takes_off(uploads, alive, pads, bits, most=9, negative=lambda total: total >= 2**31):
    total = uploads[alive].sum(axis=0)
    for gone in np.flatnonzero(~alive)[:most]:
        for u in np.flatnonzero(alive):
            total = total - np.sign(gone - u) * pads[u, gone]
    total = total % RING
    return np.where(negative(total), total - RING, total) / 2**bits


def clip_by_factor(upload, longest):
    return upload / max(1, np.sqrt((upload**2).sum()) / longest)


def clip_by_branch(upload, longest):
    length = np.linalg.norm(upload.ravel())
    if length <= longest:
        return upload
    return upload / length * longest


RIGHT = {
    "16.1": [gradient_by_loop, gradient_by_torch, gradient_by_mask],
    "16.2": [mean_by_loop, mean_by_sums],
    "16.3": [tells_by_first_row, tells_by_svd],
    "16.4": [mask_by_slices, mask_by_loop],
    "16.5": [sum_by_loop, sum_by_view, takes_off],
    "16.6": [clip_by_factor, clip_by_branch],
}


def forgets_the_mask(r, known, x, Q):
    return (Q @ x - r)[:, None] * x


def climbs(r, known, x, Q):
    return np.where(known, r - Q @ x, 0)[:, None] * x


def climbs_without_mask(r, known, x, Q):
    return (r - Q @ x)[:, None] * x


def keeps_the_two(r, known, x, Q):
    return 2 * gradient_by_loop(r, known, x, Q)


def goes_by_x(r, known, x, Q):
    return np.where(known, Q @ x - r, 0)[:, None] * Q


def known_rows_alone(r, known, x, Q):
    return -np.outer((r - Q @ x)[known], x)


def averages_everybody(uploads, held):
    return uploads.sum(axis=0) / len(uploads)


def only_adds(uploads, held):
    return np.sum(uploads, axis=0)


def divides_by_zero(uploads, held):
    with np.errstate(all="ignore"):
        return uploads.sum(axis=0) / held.sum(axis=0)[:, None]


def counts_rows_that_are_not_zero(uploads, held):
    n = np.abs(uploads).sum(axis=2).astype(bool).sum(axis=0)
    return uploads.sum(axis=0) / np.maximum(n, 1)[:, None]


def keeps_the_error(upload):
    items = np.flatnonzero(upload[:, -1])
    return items, upload[items[0], :-1]


def keeps_the_one(upload):
    items = np.flatnonzero(upload[:, -1])
    return items, upload[items[0]] / upload[items[0], -1]


def counts_films(uploads, held):
    return uploads.sum(axis=0) / held.sum(axis=1)[:, None]


def goes_by_the_first_number(upload):
    items = np.flatnonzero(upload[:, 0])
    return items, upload[items[0], :-1] / upload[items[0], -1]


def goes_by_the_sum(upload):
    return np.flatnonzero(upload.sum(axis=1)), tells_by_first_row(upload)[1]


def starts_with(upload):
    return np.flatnonzero(upload[:, 0]), tells_by_first_row(upload)[1]


def drops_small_rows(upload):
    items = np.flatnonzero(np.abs(upload).max(axis=1) > 1e-3)
    return items, upload[items[0], :-1] / upload[items[0], -1]


def gives_a_mask(upload):
    return upload.any(axis=1), tells_by_first_row(upload)[1]


def divides_the_sums(upload):
    with np.errstate(all="ignore"):
        return np.flatnonzero(upload[:, -1]), upload[:, :-1].sum(axis=0) / upload[:, -1].sum()


def reads_row_0(upload):
    with np.errstate(all="ignore"):
        return np.flatnonzero(upload[:, -1]), upload[0, :-1] / upload[0, -1]


def repeats_rows(upload):
    items = np.nonzero(upload)[0]
    return items, upload[items[0], :-1] / upload[items[0], -1]


def forgets_the_factors(upload):
    return np.flatnonzero(upload.any(axis=1))


def adds_all_pads(values, client, pads, bits):
    whole = np.rint(values * 2**bits).astype(int)
    return (whole + np.delete(pads, client, axis=0).sum(axis=0)) % RING


def turns_the_signs(values, client, pads, bits):
    whole = np.rint(values * 2**bits).astype(int)
    return (whole - pads[client + 1 :].sum(axis=0) + pads[:client].sum(axis=0)) % RING


def forgets_the_bits(values, client, pads, bits):
    return mask_by_slices(values, client, pads, 0)


def forgets_the_modulo(values, client, pads, bits):
    whole = np.rint(values * 2**bits).astype(int)
    return whole + pads[client + 1 :].sum(axis=0) - pads[:client].sum(axis=0)


def mask_of_whole(whole, client, pads):
    return (whole.astype(int) + pads[client + 1 :].sum(axis=0) - pads[:client].sum(axis=0)) % RING


def rounds_first(values, client, pads, bits):
    return mask_of_whole(np.round(values).astype(int) * 2**bits, client, pads)


def multiplies_by_bits(values, client, pads, bits):
    return mask_of_whole(np.round(values * bits), client, pads)


def multiplies_by_two_bits(values, client, pads, bits):
    return mask_of_whole(np.round(values * 2 * bits), client, pads)


def goes_down(values, client, pads, bits):
    return mask_of_whole(np.floor(values * 2**bits), client, pads)


def cuts_the_fraction(values, client, pads, bits):
    whole = (values * 2**bits).astype(int)
    return (whole + pads[client + 1 :].sum(axis=0) - pads[:client].sum(axis=0)) % RING


def is_one_off(values, client, pads, bits):
    return (mask_by_slices(values, client, pads, bits) + 1) % RING


def rounds_to_float32(values, client, pads, bits):
    return mask_by_slices(values, client, pads, bits).astype(np.float32)


def takes_the_pads_modulo(values, client, pads, bits):
    whole = np.rint(values * 2**bits).astype(int)
    return whole + (pads[client + 1 :].sum(axis=0) - pads[:client].sum(axis=0)) % RING


def uses_its_own_row(values, client, pads, bits):
    whole = np.rint(values * 2**bits).astype(int)
    return (whole + pads[client:].sum(axis=0) - pads[:client].sum(axis=0)) % RING


def leaves_the_pads(uploads, alive, pads, bits):
    total = uploads[alive].sum(axis=0) % RING
    return np.where(total >= 2**31, total - RING, total) / 2**bits


def takes_off_the_first(uploads, alive, pads, bits):
    return takes_off(uploads, alive, pads, bits, most=1)


def leaves_the_middle(uploads, alive, pads, bits):
    return takes_off(uploads, alive, pads, bits, negative=lambda total: total > 2**31)


def is_negative_too_early(uploads, alive, pads, bits):
    return takes_off(uploads, alive, pads, bits, negative=lambda total: total >= 2**30)


def is_negative_much_too_early(uploads, alive, pads, bits):
    return takes_off(uploads, alive, pads, bits, negative=lambda total: total >= 2**20)


def never_negative(uploads, alive, pads, bits):
    return (sum_by_loop(uploads, alive, pads, bits) * 2**bits) % RING / 2**bits


def stays_whole(uploads, alive, pads, bits):
    return sum_by_loop(uploads, alive, pads, bits) * 2**bits


def subtracts_every_pad(uploads, alive, pads, bits):
    left = pads[np.ix_(np.flatnonzero(alive), np.flatnonzero(~alive))].sum(axis=(0, 1))
    total = (uploads[alive].sum(axis=0) - left) % RING
    return np.where(total >= 2**31, total - RING, total) / 2**bits


def clips_each_number(upload, longest):
    return np.minimum(np.maximum(upload, -longest), longest)


def clips_each_row(upload, longest):
    length = np.sqrt((upload**2).sum(axis=1, keepdims=True))
    return upload * np.where(length > longest, longest / np.where(length == 0, 1, length), 1)


def stretches(upload, longest):
    length = np.linalg.norm(upload)
    return upload * longest / length if length else upload


def stretches_zeros(upload, longest):
    with np.errstate(all="ignore"):
        return upload * longest / np.linalg.norm(upload)


def forgets_the_root(upload, longest):
    size = (upload**2).sum()
    return upload * longest / size if size > longest else upload


def goes_by_absolute_values(upload, longest):
    size = np.abs(upload).sum()
    return upload * longest / size if size > longest else upload


WRONG = {
    "16.1": [
        (forgets_the_mask, "You counted the errors of unknown items"),
        (climbs, "The sign is reversed: "),
        (climbs_without_mask, "The sign is reversed, and unknown items count"),
        (keeps_the_two, "no 2 is left"),
        (goes_by_x, "That is the slope by x"),
        (known_rows_alone, "Send all rows"),
    ],
    "16.2": [
        (averages_everybody, "divided by all phones"),
        (only_adds, "That is the sum"),
        (divides_by_zero, "not NaN"),
        (counts_rows_that_are_not_zero, "count by held"),
        (counts_films, "You counted the films of each phone"),
    ],
    "16.3": [
        (keeps_the_error, "still multiplied by the error"),
        (keeps_the_one, "The 1 at the end"),
        (gives_a_mask, "positions of the rows"),
        (goes_by_the_first_number, "IndexError"),
        (starts_with, "A row may start with 0"),
        (goes_by_the_sum, "A row may add up to 0"),
        (drops_small_rows, "A small row is a film"),
        (forgets_the_factors, "part 1 of what you return"),
        (divides_the_sums, "sum of the rows"),
        (reads_row_0, "from row 0"),
        (repeats_rows, "once for each of its numbers"),
    ],
    "16.4": [
        (adds_all_pads, "You added all pads"),
        (turns_the_signs, "signs are reversed"),
        (forgets_the_bits, "Nothing is multiplied"),
        (rounds_first, "multiply by 2**bits before you round"),
        (multiplies_by_bits, "bits is the exponent: multiply"),
        (multiplies_by_two_bits, "not 2 * bits"),
        (goes_down, "You went down"),
        (forgets_the_modulo, "modulo 2**32"),
        (cuts_the_fraction, "You cut the fraction off"),
        (is_one_off, "expected 9, got 10."),
        (rounds_to_float32, "Whole numbers have to be exact"),
        (takes_the_pads_modulo, "binds more strongly"),
        (uses_its_own_row, "for itself"),
    ],
    "16.5": [
        (leaves_the_pads, "still in the sum"),
        (never_negative, "stands for a negative one"),
        (stays_whole, "Divide by 2**bits"),
        (takes_off_the_first, "the first missing phone only"),
        (leaves_the_middle, "2**31 itself is negative"),
        (is_negative_too_early, "Yours become negative earlier"),
        (is_negative_much_too_early, ""),
        (subtracts_every_pad, "You subtracted every pad"),
    ],
    "16.6": [
        (clips_each_number, "cut each number separately"),
        (clips_each_row, "shortened each row separately"),
        (stretches, "must stay as it is"),
        (stretches_zeros, "A short upload must stay as it is"),
        (forgets_the_root, "take the root"),
        (goes_by_absolute_values, "sum of absolute values"),
    ],
}
