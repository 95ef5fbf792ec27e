"""Answers to the exercises of chapter 14: right ones, written differently from the references, and wrong ones."""

import numpy as np


def share_by_loop(met, group, damping):
    shares = []
    for item in range(met.shape[1]):
        everybody = met[:, item].sum() / len(met)
        shares.append((met[group, item].sum() + damping * everybody) / (group.sum() + damping))
    return shares


def share_by_weights(met, group, damping):
    weight = group + damping / len(met)  # everybody joins a little
    return weight @ met / weight.sum()


def moved_by_covariance(prior, H, known, noise):
    h = H[known]
    surprise = np.linalg.solve(h @ h.T + noise * np.eye(len(known)), 1 - prior[known])
    return prior + H @ h.T @ surprise


def moved_by_loop(prior, H, known, noise):
    A, b = noise * np.eye(H.shape[1]), np.zeros(H.shape[1])
    for i in known:
        A = A + np.outer(H[i], H[i])
        b = b + (1 - prior[i]) * H[i]
    return prior + H @ np.linalg.inv(A) @ b


def drop_by_where(factors, features, kept):
    return np.column_stack([np.where(kept.reshape(-1, 1), factors, 0), features])


def drop_by_loop(factors, features, kept):
    rows = []
    for row, feature, stays in zip(factors, features, kept, strict=True):
        rows.append([*(row if stays else [0] * len(row)), *feature])
    return np.array(rows)


def question_by_trace(C, candidates, targets, noise):
    def after(q):
        return C - C[:, [q]] @ C[[q], :] / (C[q, q] + noise)

    q = min(candidates, key=lambda q: np.trace(after(q)[np.ix_(targets, targets)]))
    return q, after(q)


def question_by_loop(C, candidates, targets, noise):
    best, most = None, -1.0
    for q in candidates:
        gain = sum(C[t, q] ** 2 for t in targets) / (C[q, q] + noise)
        if gain > most:
            best, most = int(q), gain
    return best, C - np.outer(C[:, best], C[best]) / (C[best, best] + noise)


def index_by_loop(clicks, shown):
    t = sum(shown)
    return [c / n + (2 * np.log(t) / n) ** 0.5 if n else np.inf for c, n in zip(clicks, shown, strict=True)]


def index_by_mask(clicks, shown):
    index, met = np.full(len(shown), np.inf), shown > 0
    index[met] = clicks[met] / shown[met] + np.sqrt(2 * np.log(shown.sum()) / shown[met])
    return index


def thompson_by_loop(clicks, shown, rng):
    arms = []
    for c, n in zip(clicks, shown, strict=True):
        draws = [rng.beta(1 + yes, 1 + all_ - yes) for yes, all_ in zip(c, n, strict=True)]
        arms.append(int(np.argmax(draws)))
    return arms


def thompson_by_names(clicks, shown, rng):
    misses = shown - clicks
    rates = rng.beta(a=clicks + 1, b=misses + 1, size=clicks.shape)
    return np.argmax(rates, axis=-1)


def visitor_by_inverse(inverse, b, x, reward):
    A = np.linalg.inv(inverse) + np.outer(x, x)
    return np.linalg.inv(A), b + x * reward


def visitor_by_columns(inverse, b, x, reward):
    m = (inverse @ x)[:, None]
    return [inverse - m @ m.T / (1 + float(x @ m[:, 0])), b + reward * x]


RIGHT = {
    "14.1": [share_by_loop, share_by_weights],
    "14.2": [moved_by_covariance, moved_by_loop],
    "14.3": [drop_by_where, drop_by_loop],
    "14.4": [question_by_trace, question_by_loop],
    "14.5": [index_by_loop, index_by_mask],
    "14.6": [thompson_by_loop, thompson_by_names],
    "14.7": [visitor_by_inverse, visitor_by_columns],
}


def forgets_damping(met, group, damping):
    return met[group].sum(axis=0) / group.sum()


def damps_toward_itself(met, group, damping):
    n = group.sum()
    return (met[group].sum(axis=0) + damping * met[group].sum(axis=0) / n) / (n + damping)


def damps_toward_zero(met, group, damping):
    return np.sum(met[group], axis=0) / (np.sum(group) + damping)


def damps_toward_the_others(met, group, damping):
    return (met[group].sum(0) + damping * met[~group].mean(0)) / (group.sum() + damping)


def adds_counts(met, group, damping):
    return (met[group].sum(0) + damping * met.sum(0)) / (group.sum() + damping)


def aims_at_one(prior, H, known, noise):
    h = H[known]
    return prior + H @ np.linalg.solve(h.T @ h + noise * np.eye(H.shape[1]), h.sum(axis=0))


def forgets_the_prior(prior, H, known, noise):
    h = H[known]
    return H @ np.linalg.solve(h.T @ h + noise * np.eye(H.shape[1]), h.T @ (1 - prior[known]))


def counts_the_unknown(prior, H, known, noise):
    x = np.zeros(len(prior))
    x[known] = 1
    return prior + H @ np.linalg.solve(H.T @ H + noise * np.eye(H.shape[1]), H.T @ (x - prior))


def stops_at_w(prior, H, known, noise):
    h = H[known]
    return np.linalg.solve(h.T @ h + noise * np.eye(H.shape[1]), h.T @ (1 - prior[known]))


def scales_up(factors, features, kept):
    return np.hstack([factors * kept[:, None] / np.mean(kept), features])


def drops_everything(factors, features, kept):
    return np.hstack([factors, features]) * kept[:, None]


def turns_round(factors, features, kept):
    return np.hstack([np.where(kept[:, None], 0, factors), features])


def blanks_columns(factors, features, kept):
    return np.hstack([factors * kept, features])


def leaves_rows_out(factors, features, kept):
    return np.hstack([factors[kept], features[kept]])


def asks_the_uncertain(C, candidates, targets, noise):
    q = candidates[np.argmax(C[candidates, candidates])]
    return q, C - np.outer(C[:, q], C[:, q]) / (C[q, q] + noise)


def returns_a_place(C, candidates, targets, noise):
    gains = (C[np.ix_(targets, candidates)] ** 2).sum(axis=0) / (C[candidates, candidates] + noise)
    place = int(gains.argmax())
    q = candidates[place]
    return place, C - np.outer(C[:, q], C[:, q]) / (C[q, q] + noise)


def updates_by_the_place(C, candidates, targets, noise):
    g = (C[np.ix_(targets, candidates)] ** 2).sum(axis=0) / (C[candidates, candidates] + noise)
    q = int(np.argmax(g))
    return q, C - np.outer(C[:, q], C[:, q]) / (C[q, q] + noise)


def transposes_a_vector(C, candidates, targets, noise):
    q = question_by_loop(C, candidates, targets, noise)[0]
    return q, C - C[:, q] * C[:, q].T / (C[q, q] + noise)


def asks_about_anything(C, candidates, targets, noise):
    q = int(np.argmax([(C[targets, i] ** 2).sum() / (C[i, i] + noise) for i in range(len(C))]))
    return q, C - np.outer(C[:, q], C[:, q]) / (C[q, q] + noise)


def sums_before_squaring(C, candidates, targets, noise):
    gains = [C[targets, i].sum() ** 2 / (C[i, i] + noise) for i in candidates]
    q = candidates[int(np.argmax(gains))]
    return q, C - np.outer(C[:, q], C[:, q]) / (C[q, q] + noise)


def forgets_the_noise_in_the_gain(C, candidates, targets, noise):
    q = question_by_loop(C, candidates, targets, 0.0)[0]
    return q, C - np.outer(C[:, q], C[:, q]) / (C[q, q] + noise)


def returns_c_first(C, candidates, targets, noise):
    q, after = question_by_loop(C, candidates, targets, noise)
    return after, q


def changes_c(C, candidates, targets, noise):
    q = question_by_loop(C, candidates, targets, noise)[0]
    C -= np.outer(C[:, q], C[:, q]) / (C[q, q] + noise)
    return q, C


def keeps_the_table(C, candidates, targets, noise):
    gains = (C[np.ix_(targets, candidates)] ** 2).sum(axis=0) / (C[candidates, candidates] + noise)
    return candidates[gains.argmax()], C


def returns_the_question_alone(C, candidates, targets, noise):
    return question_by_loop(C, candidates, targets, noise)[0]


def is_greedy(clicks, shown):
    return np.where(shown > 0, clicks / np.maximum(shown, 1), np.inf)


def cuts_the_mean_off(clicks, shown):
    n = np.maximum(shown, 1)
    return np.where(shown > 0, clicks // n + np.sqrt(2 * np.log(shown.sum()) / n), np.inf)


def forgets_the_unshown(clicks, shown):
    with np.errstate(all="ignore"):
        return clicks / shown + np.sqrt(2 * np.log(shown.sum()) / shown)


def bonus_alone(clicks, shown):
    with np.errstate(all="ignore"):
        return np.sqrt(2 * np.log(shown.sum()) / shown)


def buries_the_new(clicks, shown):
    bonus = np.sqrt(2 * np.log(shown.sum()) / np.maximum(shown, 1))
    return np.where(shown > 0, clicks / np.maximum(shown, 1) + bonus, 0)


def takes_own_logarithm(clicks, shown):
    n = np.maximum(shown, 1)
    return np.where(shown > 0, clicks / n + np.sqrt(2 * np.log(n) / n), np.inf)


def forgets_the_two(clicks, shown):
    n = np.maximum(shown, 1)
    return np.where(shown > 0, clicks / n + np.sqrt(np.log(shown.sum()) / n), np.inf)


def counts_all_as_misses(clicks, shown, rng):
    return np.argmax(rng.beta(clicks + 1, shown + 1), axis=1)


def returns_the_largest_draw(clicks, shown, rng):
    return rng.beta(1 + clicks, 1 + shown - clicks).max(axis=1)


def loops_over_arms_first(clicks, shown, rng):
    draws = np.zeros(clicks.shape)
    for arm in range(clicks.shape[1]):
        for run in range(len(clicks)):
            draws[run, arm] = rng.beta(1 + clicks[run, arm], 1 + shown[run, arm] - clicks[run, arm])
    return draws.argmax(axis=1)


def takes_the_mean(clicks, shown, rng):
    return np.argmax((clicks + 1) / (shown + 2), axis=1)


def swaps(clicks, shown, rng):
    return np.argmax(rng.beta(shown - clicks + 1, clicks + 1), axis=1)


def has_no_prior(clicks, shown, rng):
    return np.argmax(rng.beta(clicks, shown - clicks), axis=1)


def grows_the_inverse(inverse, b, x, reward):
    return inverse + x[:, None] * x, b + reward * x


def forgets_the_one(inverse, b, x, reward):
    m = inverse @ x
    return inverse - np.outer(m, m) / (x @ m), b + reward * x


def learns_from_clicks_alone(inverse, b, x, reward):
    if reward == 0:
        return inverse, b
    return visitor_by_inverse(inverse, b, x, reward)


def takes_all_for_clicks(inverse, b, x, reward):
    return visitor_by_inverse(inverse, b, x, reward)[0], b + x


def transposes_m(inverse, b, x, reward):
    m = inverse @ x
    return inverse - m * m.T / (1 + x @ m), b + reward * x


def takes_a_number_off(inverse, b, x, reward):
    m = inverse @ x
    return inverse - (m @ m) / (1 + x @ m), b + reward * x


def multiplies_x(inverse, b, x, reward):
    return inverse - np.outer(x, x) / (1 + x @ inverse @ x), b + reward * x


def adds_the_reward(inverse, b, x, reward):
    return visitor_by_inverse(inverse, b, x, reward)[0], b + reward


def returns_theta(inverse, b, x, reward):
    inverse, b = visitor_by_inverse(inverse, b, x, reward)
    return inverse, inverse @ b


WRONG = {
    "14.1": [
        (forgets_damping, "damping has no effect"),
        (damps_toward_itself, "damping has no effect"),
        (damps_toward_zero, "You damp toward 0"),
        (damps_toward_the_others, "not only the others"),
        (adds_counts, "You add the counts"),
    ],
    "14.2": [
        (aims_at_one, "You aim at 1"),
        (forgets_the_prior, "That is H w"),
        (counts_the_unknown, "as a no"),
        (stops_at_w, "That is w"),
    ],
    "14.3": [
        (scales_up, "You scaled up"),
        (drops_everything, "The features went, too"),
        (turns_round, "You kept what should go"),
        (leaves_rows_out, "You left the rows out"),
        (blanks_columns, "You blanked columns"),
    ],
    "14.4": [
        (asks_the_uncertain, "most uncertain itself"),
        (returns_a_place, "a place in the list"),
        (updates_by_the_place, "The item is candidates[place]"),
        (transposes_a_vector, "np.outer(v, v) is the table"),
        (asks_about_anything, "only about the candidates"),
        (sums_before_squaring, "plus and minus must not cancel"),
        (forgets_the_noise_in_the_gain, "fraction line of the gain"),
        (returns_c_first, "The question first"),
        (changes_c, "C.copy()"),
        (keeps_the_table, "must leave C"),
        (returns_the_question_alone, "expected 2 values"),
    ],
    "14.5": [
        (is_greedy, "That is the mean alone"),
        (cuts_the_mean_off, "`//` cuts the mean off"),
        (forgets_the_unshown, "which is NaN"),
        (bonus_alone, "Only the bonus is left"),
        (buries_the_new, "0 buries it"),
        (takes_own_logarithm, "not of the arm's own count"),
        (forgets_the_two, "The 2 under the root"),
    ],
    "14.6": [
        (counts_all_as_misses, "did not click"),
        (takes_the_mean, "That is greedy"),
        (swaps, "swapped the two parameters"),
        (returns_the_largest_draw, "Return its arm"),
        (loops_over_arms_first, "another order of draws"),
        (has_no_prior, "The 1 is missing in both parameters"),
        (lambda clicks, shown, rng: rng.beta(1 + clicks, 1 + shown - clicks).argmax(), "without an axis"),
    ],
    "14.7": [
        (grows_the_inverse, "You added x xᵀ to the inverse"),
        (forgets_the_one, "The 1 below the fraction line"),
        (learns_from_clicks_alone, "a no is an answer"),
        (takes_all_for_clicks, "counts every visitor as a click"),
        (transposes_m, "m * m.T of a vector"),
        (takes_a_number_off, "m @ m is one number"),
        (multiplies_x, "not of x"),
        (adds_the_reward, "You added the reward"),
        (returns_theta, "That is θ"),
    ],
}
