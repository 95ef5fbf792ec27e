"""Answers to the exercises of chapter 12: right ones, written differently from the references, and wrong ones."""

import numpy as np
import torch


def weigh_by_loop(losses, s):
    total = 0.0
    for loss, log_variance in zip(losses, s, strict=True):
        total += loss / (2 * np.exp(log_variance)) + log_variance / 2
    return total


def weigh_by_product(losses, s):
    return 0.5 * (np.exp(-s) @ losses) + 0.5 * s.sum()


def lengths_by_loop(lengths, losses, first, alpha):
    left = [now / then for now, then in zip(losses, first, strict=True)]
    mean_left, mean_length = sum(left) / len(left), sum(lengths) / len(lengths)
    return [mean_length * (share / mean_left) ** alpha for share in left]


def lengths_by_logs(lengths, losses, first, alpha):
    left = losses / first
    return np.exp(np.log(np.mean(lengths)) + alpha * (np.log(left) - np.log(np.mean(left))))


def two_by_cases(a, b):
    if np.dot(a, b) >= 0:
        return a + b
    return a - np.dot(a, b) / np.dot(b, b) * b + b - np.dot(a, b) / np.dot(a, a) * a


def two_by_clip(a, b):
    against = min(0.0, float(a @ b))
    return (a + b - against * (b / (b**2).sum() + a / (a**2).sum())).tolist()


def many_by_loop(G, orders):
    total = np.zeros(G.shape[1])
    for task in range(len(G)):
        g = G[task].copy()
        for other in orders[task]:
            against = min(0.0, g @ G[other])
            g -= against / (G[other] @ G[other]) * G[other]
        total += g
    return total


def many_on_units(G, orders):
    U = G / np.linalg.norm(G, axis=1, keepdims=True)
    total = np.zeros(G.shape[1])
    for task, order in enumerate(orders):
        g = G[task]
        for other in order:
            g = g - min(0, g @ U[other]) * U[other]
        total = total + g
    return total


def many_by_directions(G, orders):
    units = G / np.linalg.norm(G, axis=1, keepdims=True)
    total = 0
    for row, order in zip(G, orders, strict=True):
        for other in order:
            along = row @ units[other]
            row = row - along * units[other] if along < 0 else row
        total = total + row
    return torch.from_numpy(total)


def chain_by_product(click_logit, follow_logit, click, follow):
    p, q = 1 / (1 + np.exp(-click_logit)), 1 / (1 + np.exp(-follow_logit))
    clicks = -np.mean(click * np.log(p) + (1 - click) * np.log(1 - p))
    both = -np.mean(follow * np.log(p * q) + (1 - follow) * np.log(1 - p * q))
    return clicks, both


def chain_by_torch(click_logit, follow_logit, click, follow):
    p, q = (torch.sigmoid(torch.from_numpy(x)) for x in (click_logit, follow_logit))
    entropy = torch.nn.functional.binary_cross_entropy
    return torch.stack([entropy(p, torch.from_numpy(click)), entropy(p * q, torch.from_numpy(follow))])


RIGHT = {
    "12.1": [weigh_by_loop, weigh_by_product],
    "12.2": [lengths_by_loop, lengths_by_logs],
    "12.3": [two_by_cases, two_by_clip],
    "12.4": [many_by_loop, many_by_directions, many_on_units],
    "12.5": [chain_by_product, chain_by_torch],
    "12.6": [
        ["watch_share", "liked", "item_rate", "user_finishes"],
        {"liked", "item_rate", "user_finishes", "watch_share"},
    ],
}


def grows_with_variance(losses, s):
    return 0.5 * (np.exp(s) @ losses + s.sum())


def forgets_the_price(losses, s):
    return 0.5 * np.exp(-s) @ losses


def takes_s_for_a_variance(losses, s):
    with np.errstate(all="ignore"):
        return np.sum(0.5 * losses / s + 0.5 * np.log(s))


def gives_each_task(losses, s):
    return (np.exp(-s) * losses + s) / 2


def forgets_alpha(lengths, losses, first, alpha):
    left = losses / first
    return lengths.mean() * left / left.mean()


def takes_the_power_first(lengths, losses, first, alpha):
    left = (losses / first) ** alpha
    return lengths.mean() * left / left.mean()


def upside_down(lengths, losses, first, alpha):
    return lengths_by_loop(lengths, first, losses, alpha)


def does_not_compare(lengths, losses, first, alpha):
    return np.mean(lengths) * (losses / first) ** alpha


def keeps_own_lengths(lengths, losses, first, alpha):
    left = losses / first
    return lengths * (left / left.mean()) ** alpha


def projects_always(a, b):
    return a - (a @ b) / (b @ b) * b + b - (a @ b) / (a @ a) * a


def projects_one_after_the_other(a, b):
    if a @ b < 0:
        a = a - (a @ b) / (b @ b) * b
    if a @ b < -1e-12:
        b = b - (a @ b) / (a @ a) * a
    return a + b


def projects_b_on_what_is_left(a, b):
    if a @ b < 0:
        a = a - (a @ b) / (b @ b) * b
        b = b - (a @ b) / (a @ a) * a
    return a + b


def projects_if_any_sign_differs(a, b):
    return projects_always(a, b) if (a * b < 0).any() else a + b


def projects_if_most_signs_differ(a, b):
    return projects_always(a, b) if np.sum(np.sign(a) * np.sign(b)) < 0 else a + b


def projects_if_first_signs_differ(a, b):
    return projects_always(a, b) if a[0] * b[0] < 0 else a + b


def divides_by_its_own_length(a, b):
    if a @ b >= 0:
        return a + b
    return a - (a @ b) / (a @ a) * b + b - (a @ b) / (b @ b) * a


def divides_by_length(a, b):
    against = min(0.0, a @ b)
    return a + b - against * (b / np.linalg.norm(b) + a / np.linalg.norm(a))


def measures_once(G, orders):
    total = 0
    for task, order in enumerate(orders):
        g = G[task]
        for other in order:
            g = g - min(0.0, G[task] @ G[other]) / (G[other] @ G[other]) * G[other]
        total = total + g
    return total


def changes_the_rivals(G, orders):
    G = G.copy()
    for task, order in enumerate(orders):
        for other in order:
            if G[task] @ G[other] < 0:
                G[task] -= (G[task] @ G[other]) / (G[other] @ G[other]) * G[other]
    return G.sum(axis=0)


def starts_with_length_one(G, orders):
    return many_by_loop(G / np.linalg.norm(G, axis=1, keepdims=True), orders)


def projects_each_time(G, orders):
    total = 0
    for g, order in zip(G, orders, strict=True):
        for other in order:
            g = g - (g @ G[other]) / (G[other] @ G[other]) * G[other]
        total = total + g
    return total


def asks_the_first(G, orders):
    total = 0
    for row, order in zip(G, orders, strict=True):
        g = row
        for other in order:
            if row @ G[other] < 0:
                g = g - (g @ G[other]) / (G[other] @ G[other]) * G[other]
        total = total + g
    return total


def goes_in_its_own_order(G, orders):
    return many_by_loop(G, [sorted(order) for order in orders])


def forgets_the_click(click_logit, follow_logit, click, follow):
    return chain_by_product(click_logit, follow_logit, click, follow)[0], chain_by_product(
        follow_logit, follow_logit, follow, follow
    )[0]


def adds_the_logits(click_logit, follow_logit, click, follow):
    both = click_logit + follow_logit
    return [chain_by_product(x, x, y, y)[0] for x, y in ((click_logit, click), (both, follow))]


def multiplies_the_logits(click_logit, follow_logit, click, follow):
    both = click_logit * follow_logit
    return [chain_by_product(x, x, y, y)[0] for x, y in ((click_logit, click), (both, follow))]


def multiplies_on_clicks(click_logit, follow_logit, click, follow):
    opened = click > 0
    clicks = chain_by_product(click_logit, click_logit, click, click)[0]
    return clicks, chain_by_product(*(x[opened] for x in (click_logit, follow_logit, click, follow)))[1]


def neither_happened(click_logit, follow_logit, click, follow):
    p, q = 1 / (1 + np.exp(-click_logit)), 1 / (1 + np.exp(-follow_logit))
    both = np.where(follow == 1, np.log(p * q), np.log(1 - p) + np.log(1 - q))
    return chain_by_product(click_logit, follow_logit, click, follow)[0], -both.mean()


def counts_ones_only(click_logit, follow_logit, click, follow):
    p, q = 1 / (1 + np.exp(-click_logit)), 1 / (1 + np.exp(-follow_logit))
    return -(click * np.log(p)).mean(), -(follow * np.log(p * q)).mean()


def counts_follows_only(click_logit, follow_logit, click, follow):
    return (
        chain_by_product(click_logit, follow_logit, click, follow)[0],
        counts_ones_only(click_logit, follow_logit, click, follow)[1],
    )


def looks_at_clicks(click_logit, follow_logit, click, follow):
    opened = click == 1
    q, label = follow_logit[opened], follow[opened]
    return [chain_by_product(x, x, y, y)[0] for x, y in ((click_logit, click), (q, label))]


EVERY_COLUMN = {"minutes", "item_age", "item_rate", "item_rate_before", "user_clicks_before", "user_finishes"}
EVERY_COLUMN |= {"watch_share", "liked"}

WRONG = {
    "12.1": [
        (grows_with_variance, "must count less"),
        (forgets_the_price, "price s / 2 is missing"),
        (gives_each_task, "expected one number"),
        (lambda losses, s: np.sum(np.exp(-s) * losses / 2 + s), "halved the loss only"),
        (lambda losses, s: np.sum(np.exp(-s) * losses + s / 2), "halved s only"),
        (lambda losses, s: np.sum(losses / np.exp(s) ** 2 + s) / 2, "logarithm of σ"),
        (takes_s_for_a_variance, "You took s for the variance"),
    ],
    "12.2": [
        (upside_down, "upside down"),
        (does_not_compare, "Divide by the mean share"),
        (keeps_own_lengths, "own length"),
        (forgets_alpha, "does not depend on alpha"),
        (takes_the_power_first, "mean of powers"),
    ],
    "12.3": [
        (projects_always, "project always"),
        (projects_one_after_the_other, "In effect only `a` was changed"),
        (projects_b_on_what_is_left, "In effect only `a` was changed"),
        (projects_if_any_sign_differs, "whether any single entries"),
        (projects_if_most_signs_differ, "counted the signs"),
        (projects_if_first_signs_differ, "first entry only"),
        (divides_by_its_own_length, "gradient you project on"),
        (divides_by_length, "squared length"),
    ],
    "12.4": [
        (measures_once, "after the last projection"),
        (changes_the_rivals, "changed already"),
        (starts_with_length_one, "Only the rivals"),
        (projects_each_time, "You project always"),
        (asks_the_first, "You ask the first gradient"),
        (goes_in_its_own_order, "did not follow the orders"),
    ],
    "12.5": [
        (forgets_the_click, "Compare the product"),
        (adds_the_logits, "You added the logits"),
        (looks_at_clicks, "clicks only"),
        (multiplies_the_logits, "You multiplied the logits"),
        (multiplies_on_clicks, "compared it on clicked rows"),
        (neither_happened, "(1 - p)(1 - q)"),
        (counts_ones_only, "the rows with label 1 only"),
        (counts_follows_only, "the rows with a follow only"),
    ],
    "12.6": [
        (["watch_share"], "the loudest one"),
        (["watch_share", "liked"], "Two more are counts"),
        (["watch_share", "liked", "item_rate", "user_finishes", "item_rate_before"], "`item_rate_before` is honest"),
        (["minutes", "watch_share", "liked", "item_rate", "user_finishes"], "`minutes` is honest"),
        (["watch_share", "item_rate"], "2 of the four leaks found: item_rate, watch_share"),
        (["watch_share", "liked", "user_finishes"], "An item's rate"),
        (["like"], "'like' is no column of the table"),
        ("watch_share, liked", "one text"),
        (["watch_share", "item_rate", "item_rate_before", "liked"], "with an AUC above .6"),
        (["minutes", "item_age", "item_rate_before", "user_clicks_before"], "the four honest columns"),
        (EVERY_COLUMN, "all eight columns"),
        (["minutes", "watch_share"], "That is not it"),
    ],
}
