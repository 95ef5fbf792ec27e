"""Answers to the exercises of chapter 05: right ones, written in other ways than the reference, and wrong ones."""

import numpy as np


def loss_by_loop(X, known, P, Q, ridge):
    total = 0.0
    for u in range(X.shape[0]):
        for i in range(X.shape[1]):
            if known[u, i]:
                total += (X[u, i] - sum(P[u] * Q[i])) ** 2
    return total + ridge * (np.linalg.norm(P) ** 2 + np.linalg.norm(Q) ** 2)


def loss_by_product(X, known, P, Q, ridge):
    return np.sum(known * (P @ Q.T - X) ** 2) + ridge * np.sum(np.vstack([P, Q]) ** 2)


def gradient_by_differences(r, b_u, b_i, p, q, ridge):
    k = len(p)

    def loss(w):
        e = r - w[0] - w[1] - w[2 : 2 + k] @ w[2 + k :]
        return (e**2 + ridge * w @ w) / 2

    w, h = np.concatenate([[b_u, b_i], p, q]), 1e-5
    slopes = np.array([(loss(w + h * unit) - loss(w - h * unit)) / (2 * h) for unit in np.eye(len(w))])
    return slopes[2 : 2 + k], slopes[2 + k :]


def gradient_from_prediction(r, b_u, b_i, p, q, ridge):
    too_high = b_u + b_i + np.dot(p, q) - r
    return [too_high * q + ridge * p, too_high * p + ridge * q]


def gradient_as_one_array(r, b_u, b_i, p, q, ridge):
    e = r - b_u - b_i - p @ q
    return ridge * np.array([p, q]) - e * np.array([q, p])


def step_with_old_row(P, Q, u, i, r, learning_rate, ridge):
    P, Q = P.copy(), Q.copy()
    p, e = P[u].copy(), r - P[u] @ Q[i]
    P[u] -= learning_rate * (ridge * P[u] - e * Q[i])
    Q[i] -= learning_rate * (ridge * Q[i] - e * p)
    return P, Q


def step_by_masks(P, Q, u, i, r, learning_rate, ridge):
    e = r - P[u] @ Q[i]
    row, column = np.eye(len(P))[u], np.eye(len(Q))[i]
    toward_p, toward_q = e * Q[i] - ridge * P[u], e * P[u] - ridge * Q[i]
    return P + learning_rate * np.outer(row, toward_p), Q + learning_rate * np.outer(column, toward_q)


def row_by_lstsq(r, known, Q, ridge):
    k = Q.shape[1]
    return np.linalg.lstsq(np.vstack([Q[known], np.sqrt(ridge) * np.eye(k)]), np.append(r[known], np.zeros(k)))[0]


def row_by_mask(r, known, Q, ridge):
    X = Q * known[:, None]
    return np.linalg.inv(X.T @ X + np.diag([ridge] * Q.shape[1])) @ (X.T @ r)


def keep_with_counter(validation, patience):
    lowest, kept, waited = float("inf"), 0, 0
    for epoch, error in enumerate(validation, start=1):
        if error < lowest:
            lowest, kept, waited = error, epoch, 0
        else:
            waited += 1
            if waited == patience:
                return kept
    return kept


def keep_by_prefixes(validation, patience):
    for n in range(1, len(validation) + 1):
        best = np.argmin(validation[:n])
        if n - 1 - best >= patience:
            return best + 1
    return np.argmin(validation) + 1


def ips_by_average(values, propensity, clip):
    return np.average(values, weights=1 / propensity.clip(min=clip))


def ips_in_a_loop(values, propensity, clip):
    total = weight = 0.0
    for value, chance in zip(values, propensity, strict=True):
        total += value / max(chance, clip)
        weight += 1 / max(chance, clip)
    return total / weight


RIGHT = {
    "5.1": [loss_by_loop, loss_by_product],
    "5.2": [gradient_by_differences, gradient_from_prediction, gradient_as_one_array],
    "5.3": [step_with_old_row, step_by_masks],
    "5.4": [row_by_lstsq, row_by_mask],
    "5.5": [keep_with_counter, keep_by_prefixes],
    "5.6": [ips_by_average, ips_in_a_loop],
}


def sums_all_cells(X, known, P, Q, ridge):
    return np.linalg.norm(X - P @ Q.T) ** 2 + ridge * (np.sum(P**2) + np.sum(Q**2))


def masks_by_zero(X, known, P, Q, ridge):
    rated = X != 0
    return ((X - P @ Q.T)[rated] ** 2).sum() + ridge * ((P**2).sum() + (Q**2).sum())


def forgets_to_square_the_norm(X, known, P, Q, ridge):
    return ((X - P @ Q.T)[known] ** 2).sum() + ridge * (np.linalg.norm(P) + np.linalg.norm(Q))


def takes_the_mean(X, known, P, Q, ridge):
    return np.mean((X[known] - (P @ Q.T)[known]) ** 2) + ridge * ((P**2).sum() + (Q**2).sum())


def forgets_to_regularize(X, known, P, Q, ridge):
    return ((X - P @ Q.T)[known] ** 2).sum()


def lets_only_items_pay(X, known, P, Q, ridge):
    return ((X - P @ Q.T)[known] ** 2).sum() + ridge * (Q**2).sum()


def halves_the_loss(X, known, P, Q, ridge):
    return 0.5 * ((X - P @ Q.T)[known] ** 2).sum() + 0.5 * ridge * ((P**2).sum() + (Q**2).sum())


def halves_the_ridge(X, known, P, Q, ridge):
    return ((X - P @ Q.T)[known] ** 2).sum() + 0.5 * ridge * ((P**2).sum() + (Q**2).sum())


def lets_the_unrated_off(X, known, P, Q, ridge):
    rated = (P[known.any(axis=1)] ** 2).sum() + (Q[known.any(axis=0)] ** 2).sum()
    return ((X - P @ Q.T)[known] ** 2).sum() + ridge * rated


def lets_unrated_users_off(X, known, P, Q, ridge):
    return ((X - P @ Q.T)[known] ** 2).sum() + ridge * ((P[known.any(axis=1)] ** 2).sum() + (Q**2).sum())


def forgets_the_square(X, known, P, Q, ridge):
    return np.abs((X - P @ Q.T)[known]).sum() + ridge * ((P**2).sum() + (Q**2).sum())


def lets_unrated_items_off(X, known, P, Q, ridge):
    return ((X - P @ Q.T)[known] ** 2).sum() + ridge * ((P**2).sum() + (Q[known.any(axis=0)] ** 2).sum())


def pays_at_each_rating(X, known, P, Q, ridge):
    total = 0.0
    for u, i in zip(*known.nonzero(), strict=True):
        total += (X[u, i] - P[u] @ Q[i]) ** 2 + ridge * (P[u] @ P[u] + Q[i] @ Q[i])
    return total


def goes_downhill(r, b_u, b_i, p, q, ridge):
    e = r - (b_u + b_i + p @ q)
    return e * q - ridge * p, e * p - ridge * q


def exchanges_p_and_q(r, b_u, b_i, p, q, ridge):
    e = r - (b_u + b_i + p @ q)
    return -e * p + ridge * p, -e * q + ridge * q


def keeps_the_two(r, b_u, b_i, p, q, ridge):
    e = r - (b_u + b_i + p @ q)
    return 2 * (ridge * p - e * q), 2 * (ridge * q - e * p)


def forgets_the_biases(r, b_u, b_i, p, q, ridge):
    e = r - p @ q
    return ridge * p - e * q, ridge * q - e * p


def adds_the_error(r, b_u, b_i, p, q, ridge):
    e = r - b_u - b_i - p @ q
    return ridge * p + e * q, ridge * q + e * p


def uses_the_new_p(P, Q, u, i, r, learning_rate, ridge):
    P, Q = P.copy(), Q.copy()
    e = r - P[u] @ Q[i]
    P[u] += learning_rate * (e * Q[i] - ridge * P[u])
    Q[i] += learning_rate * (e * P[u] - ridge * Q[i])
    return P, Q


def works_in_place(P, Q, u, i, r, learning_rate, ridge):
    e, p = r - P[u] @ Q[i], P[u].copy()
    P[u] += learning_rate * (e * Q[i] - ridge * P[u])
    Q[i] += learning_rate * (e * p - ridge * Q[i])
    return P, Q


def returns_the_rows(P, Q, u, i, r, learning_rate, ridge):
    e = r - P[u] @ Q[i]
    return P[u] + learning_rate * (e * Q[i] - ridge * P[u]), Q[i] + learning_rate * (e * P[u] - ridge * Q[i])


def returns_the_updated_rows_in_a_list(P, Q, u, i, r, learning_rate, ridge):
    return list(returns_the_rows(P, Q, u, i, r, learning_rate, ridge))


def takes_the_ridge_out_of_the_step(P, Q, u, i, r, learning_rate, ridge):
    P_new, Q_new, e = P.copy(), Q.copy(), r - P[u] @ Q[i]
    P_new[u] = P[u] + learning_rate * e * Q[i] - ridge * P[u]
    Q_new[i] = Q[i] + learning_rate * e * P[u] - ridge * Q[i]
    return P_new, Q_new


def forgets_the_error(P, Q, u, i, r, learning_rate, ridge):
    P_new, Q_new = P.copy(), Q.copy()
    P_new[u] = P[u] + learning_rate * (Q[i] - ridge * P[u])
    Q_new[i] = Q[i] + learning_rate * (P[u] - ridge * Q[i])
    return P_new, Q_new


def climbs(P, Q, u, i, r, learning_rate, ridge):
    P_new, Q_new, e = P.copy(), Q.copy(), r - P[u] @ Q[i]
    P_new[u] = P[u] - learning_rate * (e * Q[i] - ridge * P[u])
    Q_new[i] = Q[i] - learning_rate * (e * P[u] - ridge * Q[i])
    return P_new, Q_new


def regresses_on_all(r, known, Q, ridge):
    return np.linalg.inv(Q.T @ Q + ridge * np.eye(Q.shape[1])) @ Q.T @ r


def adds_the_ridge_everywhere(r, known, Q, ridge):
    A = Q[known].T @ Q[known] + ridge
    return np.linalg.solve(A, Q[known].T @ r[known])


def forgets_the_ridge(r, known, Q, ridge):
    return np.linalg.pinv(Q[known]) @ r[known]


def weighs_the_ridge(r, known, Q, ridge):
    X = Q[known]
    return np.linalg.solve(X.T @ X + ridge * len(X) * np.eye(X.shape[1]), X.T @ r[known])


def masks_the_right_side_alone(r, known, Q, ridge):
    return np.linalg.solve(Q.T @ Q + ridge * np.eye(Q.shape[1]), Q.T @ (known * r))


def averages_both_sides(r, known, Q, ridge):
    X = Q[known]
    return np.linalg.solve(X.T @ X / len(X) + ridge * np.eye(X.shape[1]), X.T @ r[known] / len(X))


def gives_the_right_side(r, known, Q, ridge):
    return Q[known].T @ r[known]


def keeps_the_last_unless_stopped(validation, patience):
    lowest, kept, waited = np.inf, 0, 0
    for epoch, error in enumerate(validation, start=1):
        if error < lowest:
            lowest, kept, waited = error, epoch, 0
        else:
            waited += 1
            if waited == patience:
                return kept
    return len(validation)


def goes_back_by_patience(validation, patience):
    lowest, waited = np.inf, 0
    for epoch, error in enumerate(validation, start=1):
        waited = 0 if error < lowest else waited + 1
        lowest = min(lowest, error)
        if waited == patience:
            return epoch - patience
    return len(validation)


def looks_patience_ahead(validation, patience):
    for epoch in range(len(validation) - patience):
        if min(validation[epoch + 1 : epoch + 1 + patience]) >= validation[epoch]:
            return epoch + 1
    return len(validation)


def looks_ahead(validation, patience):
    return validation.argmin() + 1


def says_when_it_stopped(validation, patience):
    lowest, waited = np.inf, 0
    for epoch, error in enumerate(validation, start=1):
        waited = 0 if error < lowest else waited + 1
        lowest = min(lowest, error)
        if waited == patience:
            return epoch
    return len(validation)


def counts_from_zero(validation, patience):
    return keep_with_counter(validation, patience) - 1


def counts_rises(validation, patience):
    kept, rises = 0, 0
    for epoch in range(1, len(validation)):
        rises = rises + 1 if validation[epoch] >= validation[epoch - 1] else 0
        if validation[epoch] < validation[kept]:
            kept = epoch
        if rises == patience:
            break
    return kept + 1


def never_resets_the_counter(validation, patience):
    lowest, kept, waited = np.inf, 0, 0
    for epoch, error in enumerate(validation, start=1):
        if error < lowest:
            lowest, kept = error, epoch
        else:
            waited += 1
        if waited == patience:
            break
    return kept


def starts_from_one(validation, patience):
    low, kept, waited = 1.0, 1, 0
    for epoch, error in enumerate(validation, start=1):
        if error < low:
            low, kept, waited = error, epoch, 0
        else:
            waited += 1
            if waited == patience:
                break
    return kept


def starts_from_one_and_keeps_none(validation, patience):
    low, kept, waited = 1.0, 0, 0
    for epoch, error in enumerate(validation, start=1):
        waited = 0 if error < low else waited + 1
        if error < low:
            low, kept = error, epoch
        if waited == patience:
            break
    return kept


def starts_from_a_hundred(validation, patience):
    low, best = 100.0, 0
    for epoch, error in enumerate(validation):
        if error < low:
            low, best = error, epoch
        if epoch - best >= patience:
            break
    return best + 1


def keeps_the_last_of_equals(validation, patience):
    lowest, kept = np.inf, 0
    for epoch, error in enumerate(validation, start=1):
        if error <= lowest:
            lowest, kept = error, epoch
        elif epoch - kept == patience:
            break
    return kept


def stops_too_early(validation, patience):
    best = 0
    for epoch, error in enumerate(validation, start=1):
        if error < validation[best]:
            best = epoch - 1
        if epoch - best >= patience:
            break
    return best + 1


def stops_early_with_a_counter(validation, patience):
    lowest, kept, waited = np.inf, 0, 0
    for epoch, error in enumerate(validation, start=1):
        if error < lowest:
            lowest, kept, waited = error, epoch, 0
        else:
            waited += 1
            if waited >= patience - 1:
                break
    return kept


def clips_the_weights(values, propensity, clip):
    w = np.minimum(1 / propensity, clip)
    return (w * values).sum() / w.sum()


def clips_above_the_line(values, propensity, clip):
    return (values / np.maximum(propensity, clip)).sum() / (1 / propensity).sum()


def clips_below_the_line(values, propensity, clip):
    return (values / propensity).sum() / (1 / np.maximum(propensity, clip)).sum()


def adds_the_clip(values, propensity, clip):
    return np.average(values, weights=1 / (propensity + clip))


def forgets_to_weigh(values, propensity, clip):
    return sum(values) / len(values)


def weighs_by_propensity(values, propensity, clip):
    w = np.maximum(propensity, clip)
    return (w * values).sum() / w.sum()


def divides_by_n(values, propensity, clip):
    return np.mean(values / np.maximum(propensity, clip))


def clips_from_above(values, propensity, clip):
    w = 1 / np.minimum(propensity, clip)
    return (w * values).sum() / w.sum()


def never_clips(values, propensity, clip):
    return np.average(values, weights=1 / propensity)


WRONG = {
    "5.1": [
        (sums_all_cells, "You counted all cells"),
        (masks_by_zero, "A centered rating of 0 is a rating"),
        (forgets_to_square_the_norm, "not the squared norms"),
        (takes_the_mean, "You averaged the squared errors"),
        (forgets_to_regularize, "The regularization is missing"),
        (lets_only_items_pay, "Only Q pays"),
        (halves_the_loss, "half of the loss"),
        (halves_the_ridge, "You halved the regularization"),
        (lets_the_unrated_off, "without ratings pays"),
        (lets_unrated_items_off, "An item without ratings pays"),
        (lets_unrated_users_off, "A user without ratings pays"),
        (forgets_the_square, "The result differs"),
        (pays_at_each_rating, "once per rating"),
    ],
    "5.2": [
        (goes_downhill, "The gradient points uphill"),
        (exchanges_p_and_q, "You exchanged p and q"),
        (keeps_the_two, "Of half the loss"),
        (forgets_the_biases, "Your error leaves the biases out"),
        (adds_the_error, "The error has the wrong sign"),
    ],
    "5.3": [
        (uses_the_new_p, "with the p that had moved already"),
        (works_in_place, "changed its argument P"),
        (returns_the_rows, "Return all rows of P and Q"),
        (returns_the_updated_rows_in_a_list, "Return all rows of P and Q"),
        (forgets_the_error, "The result differs"),
        (takes_the_ridge_out_of_the_step, "learning_rate multiplies the ridge too"),
        (climbs, "You went uphill"),
    ],
    "5.4": [
        (regresses_on_all, "You used all items"),
        (adds_the_ridge_everywhere, "ridge belongs on the diagonal"),
        (forgets_the_ridge, "The ridge is missing"),
        (weighs_the_ridge, "Your ridge counts once for each rating"),
        (averages_both_sides, "or your sums are means"),
        (masks_the_right_side_alone, "The left side, too"),
        (gives_the_right_side, "the right side alone"),
    ],
    "5.5": [
        (looks_ahead, "the lowest of all epochs"),
        (keeps_the_last_unless_stopped, "you keep the last epoch"),
        (goes_back_by_patience, "you keep the last epoch"),
        (looks_patience_ahead, "you keep the last epoch"),
        (says_when_it_stopped, "the epoch where training stops"),
        (counts_from_zero, "yours are counted from 0"),
        (counts_rises, "You counted rises in a row"),
        (never_resets_the_counter, "never goes back to 0"),
        (starts_from_one, "not from a fixed number"),
        (starts_from_one_and_keeps_none, "you keep epoch 0"),
        (starts_from_a_hundred, "The result differs"),
        (keeps_the_last_of_equals, "Of equal errors keep the first"),
        (stops_too_early, "one epoch too early"),
        (stops_early_with_a_counter, "one epoch too early where"),
    ],
    "5.6": [
        (forgets_to_weigh, "That is the plain mean"),
        (weighs_by_propensity, "You weighted by the propensity"),
        (divides_by_n, "You divided by the number of values"),
        (clips_from_above, "You clipped from the wrong side"),
        (never_clips, "Nothing is clipped"),
        (clips_the_weights, "not the weight"),
        (clips_above_the_line, "but not in the sum of the weights"),
        (clips_below_the_line, "but not in the sum of the values"),
        (adds_the_clip, "You added clip to each propensity"),
    ],
}
