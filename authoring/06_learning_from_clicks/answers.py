"""Answers to the exercises of chapter 06: right ones, written in other ways than the reference, and wrong ones."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loss_by_loop(counts, scores, alpha):
    total = 0.0
    for u in range(counts.shape[0]):
        for i in range(counts.shape[1]):
            wanted = 1 if counts[u, i] > 0 else 0
            total += (1 + alpha * counts[u, i]) * (wanted - scores[u, i]) ** 2
    return total


def loss_by_parts(counts, scores, alpha):
    preference = np.where(counts > 0, 1, 0)
    squares = (preference - scores) ** 2
    return squares.sum() + alpha * np.vdot(counts, squares)


def row_by_loop(counts, H, alpha, ridge):
    A, b = ridge * np.eye(H.shape[1]), np.zeros(H.shape[1])
    for count, h in zip(counts, H, strict=True):
        A = A + (1 + alpha * count) * np.outer(h, h)
        b = b + (1 + alpha * count) * (count > 0) * h
    return np.linalg.inv(A) @ b


def row_by_gram(counts, H, alpha, ridge):
    met = counts > 0
    A = H.T @ H + H[met].T @ (alpha * counts[met, None] * H[met]) + ridge * np.eye(H.shape[1])
    return np.linalg.solve(A, (1 + alpha * counts[met]) @ H[met])


def row_by_least_squares(counts, H, alpha, ridge):
    root = np.sqrt(1 + alpha * counts)
    tall = np.vstack([root[:, None] * H, np.sqrt(ridge) * np.eye(H.shape[1])])
    return np.linalg.lstsq(tall, np.append(root * (counts > 0), np.zeros(H.shape[1])), rcond=None)[0]


def half_steps(counts, H, alpha, ridge, n_rounds, loss=loss_by_parts, solve=row_by_gram):
    history = []
    for _ in range(n_rounds):
        W = np.stack([solve(row, H, alpha, ridge) for row in counts])
        history.append(loss(counts, W @ H.T, alpha) + ridge * ((W**2).sum() + (H**2).sum()))
        H = np.stack([solve(column, W, alpha, ridge) for column in counts.T])
        history.append(loss(counts, W @ H.T, alpha) + ridge * ((W**2).sum() + (H**2).sum()))
    return history


def half_steps_as_array(counts, H, alpha, ridge, n_rounds):
    return np.array(half_steps(counts, H, alpha, ridge, n_rounds, loss_by_loop, row_by_loop))


def gradient_by_hand(p, q_met, q_other):
    s = sigmoid(p @ q_other - p @ q_met)
    return s * (q_other - q_met), -s * p, s * p


def gradient_by_one_minus(p, q_met, q_other):
    push = 1 - sigmoid(p @ (q_met - q_other))
    return [-push * (q_met - q_other), -push * p, push * p]


def gradient_as_array(p, q_met, q_other):
    return np.array(gradient_by_hand(p, q_met, q_other))


def unseen_by_mask(seen, n_items, r):
    unseen = np.ones(n_items, dtype=bool)
    unseen[seen] = False
    return np.flatnonzero(unseen)[r]


def unseen_by_loop(seen, n_items, r):
    left = [i for i in range(n_items) if i not in set(seen.tolist())]
    return [left[number] for number in r]


def unseen_by_search(seen, n_items, r):
    return r + np.searchsorted(seen - np.arange(len(seen)), r, side="right")


def ease_by_columns(X, lam):
    X = np.asarray(X, dtype=float)
    m = X.shape[1]
    B = np.zeros((m, m))
    for j in range(m):
        others = np.arange(m) != j
        Z = X[:, others]
        B[others, j] = np.linalg.solve(Z.T @ Z + lam * np.eye(m - 1), Z.T @ X[:, j])
    return B


def ease_by_identity(X, lam):
    X = np.asarray(X, dtype=float)
    P = np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1]))
    return np.eye(X.shape[1]) - P @ np.diag(1 / np.diag(P))


RIGHT = {
    "6.1": [loss_by_loop, loss_by_parts],
    "6.2": [row_by_loop, row_by_gram, row_by_least_squares],
    "6.3": [half_steps, half_steps_as_array],
    "6.4": [gradient_by_hand, gradient_by_one_minus, gradient_as_array],
    "6.5": [unseen_by_mask, unseen_by_loop, unseen_by_search],
    "6.6": [ease_by_columns, ease_by_identity],
}


def aims_at_counts(counts, scores, alpha):
    return np.sum((1 + alpha * counts) * (scores - counts) ** 2)


def forgets_empty_cells(counts, scores, alpha):
    return np.sum(alpha * counts * (scores - (counts > 0)) ** 2)


def takes_the_mean(counts, scores, alpha):
    return np.mean((1 + alpha * counts) * (scores - (counts > 0)) ** 2)


def solves_met_only(counts, H, alpha, ridge):
    met = counts > 0
    c = 1 + alpha * counts[met]
    return np.linalg.solve(H[met].T @ np.diag(c) @ H[met] + ridge * np.eye(H.shape[1]), H[met].T @ c)


def weighs_one_side(counts, H, alpha, ridge):
    C = np.diag(1 + alpha * counts)
    return np.linalg.solve(H.T @ C @ H + ridge * np.eye(H.shape[1]), H.T @ (counts > 0))


def aims_the_row_at_counts(counts, H, alpha, ridge):
    C = np.diag(1 + alpha * counts)
    return np.linalg.solve(H.T @ C @ H + ridge * np.eye(H.shape[1]), H.T @ C @ counts)


def multiplies_the_wrong_shape(counts, H, alpha, ridge):
    c = 1 + alpha * counts
    return np.linalg.solve((H * c) @ H.T + ridge * np.eye(len(H)), H.T @ (c * (counts > 0)))


def solve_with(c, right, H, ridge):
    return np.linalg.solve(H.T @ np.diag(c) @ H + ridge * np.eye(H.shape[1]), H.T @ right)


def lets_the_unmet_in(counts, H, alpha, ridge):
    c = 1 + alpha * counts
    return solve_with(c, c, H, ridge)


def forgets_the_one_on_the_right(counts, H, alpha, ridge):
    return solve_with(1 + alpha * counts, alpha * counts, H, ridge)


def weighs_five_as_one(counts, H, alpha, ridge):
    c = 1 + alpha * (counts > 0)
    return solve_with(c, c * (counts > 0), H, ridge)


def keeps_the_two(counts, H, alpha, ridge):
    c = 1 + alpha * counts
    return solve_with(c, c * (counts > 0), H, 2 * ridge)


def returns_in_the_loop(counts, H, alpha, ridge, n_rounds):
    for _ in range(n_rounds):
        return half_steps(counts, H, alpha, ridge, 1)


def appends_pairs(*args):
    history = half_steps(*args)
    return list(zip(history[0::2], history[1::2], strict=True))


def keeps_two_lists(*args):
    history = half_steps(*args)
    return history[0::2], history[1::2]


def joins_two_lists(*args):
    history = half_steps(*args)
    return history[0::2] + history[1::2]


def notes_after_both(*args):
    return [value for value in half_steps(*args)[1::2] for _ in range(2)]


def notes_once_a_round(*args):
    return half_steps(*args)[1::2]


def leaves_the_penalty_out(counts, H, alpha, ridge, n_rounds):
    history = []
    for _ in range(n_rounds):
        W = np.stack([row_by_gram(row, H, alpha, ridge) for row in counts])
        history.append(loss_by_loop(counts, W @ H.T, alpha))
        H = np.stack([row_by_gram(column, W, alpha, ridge) for column in counts.T])
        history.append(loss_by_loop(counts, W @ H.T, alpha))
    return history


def forgets_to_transpose(counts, H, alpha, ridge, n_rounds):
    history = []
    for _ in range(n_rounds):
        W = np.stack([row_by_gram(row, H, alpha, ridge) for row in counts])
        history.append(loss_by_loop(counts, W @ H.T, alpha) + ridge * ((W**2).sum() + (H**2).sum()))
        H = np.stack([row_by_gram(row, W, alpha, ridge) for row in counts])
        history.append(loss_by_loop(counts, W @ H.T, alpha) + ridge * ((W**2).sum() + (H**2).sum()))
    return history


def returns_the_last_alone(*args):
    return half_steps(*args)[-1]


def returns_the_factors_too(counts, H, alpha, ridge, n_rounds):
    return half_steps(counts, H, alpha, ridge, n_rounds), H


def climbs(p, q_met, q_other):
    s = sigmoid(-p @ (q_met - q_other))
    return s * (q_met - q_other), s * p, -s * p


def pulls_where_it_is_right(p, q_met, q_other):
    s = sigmoid(p @ (q_met - q_other))
    return -s * (q_met - q_other), -s * p, s * p


def forgets_the_log(p, q_met, q_other):
    s = sigmoid(p @ (q_met - q_other))
    return -s * (1 - s) * (q_met - q_other), -s * (1 - s) * p, s * (1 - s) * p


def halves_everything(p, q_met, q_other):
    return tuple(part / 2 for part in gradient_by_hand(p, q_met, q_other))


def differences(p, q_met, q_other):
    def loss(p, q_met, q_other):
        return np.log1p(np.exp(-p @ (q_met - q_other)))

    def slope(loss, vector, eps=1e-6):
        steps = eps * np.eye(len(vector))
        return np.array([(loss(vector + step) - loss(vector - step)) / (2 * eps) for step in steps])

    return (
        slope(lambda v: loss(v, q_met, q_other), p),
        slope(lambda v: loss(p, v, q_other), q_met),
        slope(lambda v: loss(p, q_met, v), q_other),
    )


def forgets_sigma(p, q_met, q_other):
    return q_other - q_met, -p, p


def uses_one_half(p, q_met, q_other):
    return (q_other - q_met) / 2, -p / 2, p / 2


def orders_films_first(p, q_met, q_other):
    of_p, of_met, of_other = gradient_by_hand(p, q_met, q_other)
    return of_met, of_other, of_p


def puts_p_between(p, q_met, q_other):
    of_p, of_met, of_other = gradient_by_hand(p, q_met, q_other)
    return of_met, of_p, of_other


def exchanges_the_films(p, q_met, q_other):
    of_p, of_met, of_other = gradient_by_hand(p, q_met, q_other)
    return of_p, of_other, of_met


def returns_the_number(seen, n_items, r):
    return np.array(r)


def moves_once(seen, n_items, r):
    return np.array([number + sum(s <= number for s in seen) for number in r])


def moves_past_all(seen, n_items, r):
    return len(seen) + r


def gives_floats(seen, n_items, r):
    return unseen_by_mask(seen, n_items, r).astype(float)


def leaves_the_first_item_out(seen, n_items, r):
    return np.setdiff1d(np.arange(1, n_items), seen)[r]


def returns_a_mask(seen, n_items, r):
    unseen = np.ones(n_items, dtype=bool)
    unseen[seen] = False
    return unseen


def returns_a_set(seen, n_items, r):
    return set(unseen_by_mask(seen, n_items, r).tolist())


def returns_nothing(seen, n_items, r):
    return []


def returns_all_unseen(seen, n_items, r):
    return [i for i in range(n_items) if i not in seen]


def indexes_a_list(seen, n_items, r):
    return [i for i in range(n_items) if i not in seen][r]


def leaves_everything_out(seen, n_items, r):
    return np.setdiff1d(seen, np.arange(n_items))[r]


def divides_rows(X, lam):
    P = np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1]))
    B = -P / np.diag(P)[:, None]
    np.fill_diagonal(B, 0)
    return B


def keeps_the_diagonal(X, lam):
    P = np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1]))
    return -P / np.diag(P)


def erases_afterward(X, lam):
    X = np.asarray(X, dtype=float)
    G = X.T @ X
    B = np.linalg.inv(G + lam * np.eye(len(G))) @ G
    np.fill_diagonal(B, 0)
    return B


def ease_from(A):
    P = np.linalg.inv(A)
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    return B


def adds_lam_everywhere(X, lam):
    return ease_from(X.T @ X + lam)


def leaves_lam_out(X, lam):
    return ease_from(X.T @ X)


def compares_people(X, lam):
    return ease_from(X @ X.T + lam * np.eye(len(X)))


def keeps_what_fill_diagonal_returns(X, lam):
    P = np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1]))
    B = -P / np.diag(P)
    B = np.fill_diagonal(B, 0)
    return B


WRONG = {
    "6.1": [
        (aims_at_counts, "The target is the preference"),
        (forgets_empty_cells, "the 1 is missing"),
        (takes_the_mean, "the loss is their sum"),
    ],
    "6.2": [
        (solves_met_only, "items with a count only"),
        (weighs_one_side, "right side too"),
        (aims_the_row_at_counts, "The right side aims at the counts"),
        (multiplies_the_wrong_shape, "do not fit together"),
        (lets_the_unmet_in, "Your right side includes the films without a count"),
        (forgets_the_one_on_the_right, "on the right too"),
        (weighs_five_as_one, "Five openings have the weight of one"),
        (keeps_the_two, "The 2 cancels"),
    ],
    "6.3": [
        (notes_once_a_round, "once a round"),
        (leaves_the_penalty_out, "Your loss has no penalty"),
        (forgets_to_transpose, "raised"),
        (returns_in_the_loop, "You return inside the loop"),
        (appends_pairs, "not a pair of them"),
        (keeps_two_lists, "One flat list, please, in the order"),
        (joins_two_lists, "Users first, then items"),
        (notes_after_both, "before the items are solved"),
        (returns_the_last_alone, "That is the last objective alone"),
        (returns_the_factors_too, "Return the list of numbers alone"),
    ],
    "6.4": [
        (climbs, "turn all three signs"),
        (pulls_where_it_is_right, "You used sigmoid(x)"),
        (forgets_the_log, "without its logarithm"),
        (halves_everything, "Finite differences of the loss along"),
        (differences, "That is the test, not the gradient"),
        (forgets_sigma, "The factor sigmoid(-x) is missing"),
        (uses_one_half, "You use sigmoid(0) = .5 always"),
        (orders_films_first, "Right parts, wrong order"),
        (puts_p_between, "Right parts, wrong order"),
        (exchanges_the_films, "q_met and q_other are exchanged"),
    ],
    "6.5": [
        (returns_the_number, "Those are any items"),
        (moves_once, "behind further ones"),
        (moves_past_all, "You moved past all seen items"),
        (gives_floats, "Positions are whole numbers"),
        (indexes_a_list, "raised TypeError"),
        (leaves_everything_out, "raised IndexError"),
        (leaves_the_first_item_out, "Positions start at 0"),
        (returns_a_mask, "You returned True and False"),
        (returns_a_set, "set"),
        (returns_nothing, "shape"),
        (returns_all_unseen, "Those are all unseen items"),
    ],
    "6.6": [
        (divides_rows, "divide column j by P_jj"),
        (keeps_the_diagonal, "The diagonal is still there"),
        (erases_afterward, "erased afterward"),
        (adds_lam_everywhere, "You added lam to every cell"),
        (leaves_lam_out, "lacks lam on its diagonal"),
        (compares_people, "That compares people"),
        (keeps_what_fill_diagonal_returns, "returned None"),
    ],
}
