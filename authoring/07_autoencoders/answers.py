"""Answers to the exercises of chapter 07: right ones, written in other ways than the reference, and wrong ones."""

import copy
from itertools import product

import numpy as np
import torch

torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # the first one loads much, longer than a check may take


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def loss_by_loop(X, known, E, D):
    total = 0.0
    for row, mask in zip(X, known, strict=True):
        outputs = sigmoid(row @ E) @ D
        for i in np.flatnonzero(mask):
            total += (outputs[i] - row[i]) ** 2
    return total / X.shape[0]


def loss_by_nan(X, known, E, D):
    errors = np.where(known, X - sigmoid(X @ E) @ D, np.nan)
    return np.nansum(errors**2, axis=1).mean()


def fit_clearing_last(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = np.zeros(n_epochs)
    for epoch in range(n_epochs):
        for batch in batches:
            value = loss(module, batch)
            value.backward()
            optimizer.step()
            optimizer.zero_grad()
            history[epoch] += value.item() / len(batches)
    return history


def fit_by_autograd(module, batches, loss, n_epochs, learning_rate):
    parameters = list(module.parameters())
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        values = []
        for batch in batches:
            value = loss(module, batch)
            for parameter, slope in zip(parameters, torch.autograd.grad(value, parameters), strict=True):
                parameter.grad = slope
            optimizer.step()
            values.append(value.detach())
        history.append(torch.stack(values).mean())
    return torch.stack(history)


def fit_then_load(module, batches, loss, n_epochs, learning_rate):
    twin = copy.deepcopy(module)
    history = fit_clearing_last(twin, batches, loss, n_epochs, learning_rate)
    module.load_state_dict(twin.state_dict())
    return tuple(history.tolist())


def projector_by_pinv(D):
    return np.linalg.pinv(D) @ D


def projector_as_lists(D):
    return (np.linalg.pinv(D) @ D).tolist()


def projector_by_gram_schmidt(D):
    basis = []
    for row in D:
        rest = row.astype(float)
        for unit in basis:
            rest = rest - (rest @ unit) * unit
        basis.append(rest / np.sqrt(rest @ rest))
    return sum(np.outer(unit, unit) for unit in basis).tolist()


def projector_by_qr(D):
    Q = np.linalg.qr(D.T)[0]
    return Q @ Q.T


def drop_by_where(X, rate, uniform):
    return np.where(uniform < rate, 0, X / (1 - rate))


def drop_by_copy(X, rate, uniform):
    dropped = X.astype(float)
    dropped[uniform < rate] = 0
    return dropped / (1 - rate)


def drop_by_lists(X, rate, uniform):
    rows = zip(X, uniform, strict=True)
    return [[0 if u < rate else x / (1 - rate) for x, u in zip(*row, strict=True)] for row in rows]


def loss_by_all_masks(X, B, rate):
    """Weigh the loss of every mask a row can get by its chance."""
    total = 0.0
    for row in X:
        for mask in product([0, 1], repeat=len(row)):
            chance = np.prod([1 - rate if kept else rate for kept in mask])
            total += chance * ((row - row * np.array(mask) / (1 - rate) @ B) ** 2).sum()
    return total


def loss_by_trace(X, B, rate):
    G, rest = X.T @ X, np.eye(len(B)) - B
    return np.trace(rest.T @ G @ rest) + rate / (1 - rate) * np.trace(B.T @ np.diag(np.diag(G)) @ B)


def likelihood_by_loop(scores, rows):
    result = []
    for s, x in zip(scores, rows, strict=True):
        result.append(sum(count * (score - np.logaddexp.reduce(s)) for score, count in zip(s, x, strict=True)))
    return result


def likelihood_by_torch(scores, rows):
    return (torch.log_softmax(torch.tensor(scores), 1) * torch.tensor(rows)).sum(1)


def kl_by_torch(mean, log_variance, step, n_anneal, beta):
    spread = torch.tensor(np.sqrt(np.exp(log_variance)))
    normal = torch.distributions.Normal(torch.tensor(mean), spread)
    kl = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    return kl.sum(1).mean() * np.clip(step / n_anneal, 0, 1) * beta


def kl_by_loop(mean, log_variance, step, n_anneal, beta):
    weight = beta if step > n_anneal else beta * step / n_anneal
    total = 0.0
    for mu, log_v in zip(mean.ravel(), log_variance.ravel(), strict=True):
        total += (np.exp(log_v) + mu**2 - 1 - log_v) / 2
    return weight * total / len(mean)


RIGHT = {
    "7.1": [loss_by_loop, loss_by_nan],
    "7.2": [fit_clearing_last, fit_by_autograd, fit_then_load],
    "7.3": [projector_by_pinv, projector_by_qr, projector_as_lists, projector_by_gram_schmidt],
    "7.4": [drop_by_where, drop_by_copy, drop_by_lists],
    "7.5": [loss_by_all_masks, loss_by_trace],
    "7.6": [likelihood_by_loop, likelihood_by_torch],
    "7.7": [kl_by_torch, kl_by_loop],
}


def counts_blanks(X, known, E, D):
    return np.sum((sigmoid(X @ E) @ D - X) ** 2) / len(X)


def masks_by_value(X, known, E, D):
    return np.sum((sigmoid(X @ E) @ D - X)[X != 0] ** 2) / len(X)


def forgets_the_bend(X, known, E, D):
    return np.sum((X @ E @ D - X)[known] ** 2) / len(X)


def takes_the_mean(X, known, E, D):
    return np.mean((sigmoid(X @ E) @ D - X)[known] ** 2)


def divides_by_films(X, known, E, D):
    return np.sum((sigmoid(X @ E) @ D - X)[known] ** 2) / X.shape[1]


def skips_empty_rows(X, known, E, D):
    return np.sum((sigmoid(X @ E) @ D - X)[known] ** 2) / known.any(axis=1).sum()


def takes_the_root(X, known, E, D):
    return np.sqrt(np.sum((sigmoid(X @ E) @ D - X)[known] ** 2) / len(X))


def trains_a_copy(module, batches, loss, n_epochs, learning_rate):
    return fit_clearing_last(copy.deepcopy(module), batches, loss, n_epochs, learning_rate)


def spoils_the_module(module, batches, loss, n_epochs, learning_rate):
    history = fit_clearing_last(module, batches, loss, n_epochs, learning_rate)
    for parameter in module.parameters():
        parameter.data.fill_(1)
    return history


def clears_before_the_step(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        values = []
        for batch in batches:
            value = loss(module, batch)
            value.backward()
            optimizer.zero_grad()
            optimizer.step()
            values.append(value.item())
        history.append(np.mean(values))
    return history


def clears_once_an_epoch(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        optimizer.zero_grad()
        values = []
        for batch in batches:
            value = loss(module, batch)
            value.backward()
            optimizer.step()
            values.append(value.item())
        history.append(np.mean(values))
    return history


def makes_adam_anew(module, batches, loss, n_epochs, learning_rate):
    return [fit_clearing_last(module, batches, loss, 1, learning_rate)[0] for _ in range(n_epochs)]


def notes_tensors(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        values = []
        for batch in batches:
            value = loss(module, batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            values.append(value)
        history.append(sum(values) / len(values))
    return history


def weighs_by_size(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        total = 0
        for batch in batches:
            value = loss(module, batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item() * len(batch)
        history.append(total / sum(map(len, batches)))
    return history


def never_clears(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        values = []
        for batch in batches:
            value = loss(module, batch)
            value.backward()
            optimizer.step()
            values.append(value.item())
        history.append(sum(values) / len(values))
    return history


def steps_once_an_epoch(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        optimizer.zero_grad()
        values = []
        for batch in batches:
            value = loss(module, batch)
            value.backward()
            values.append(value.item())
        optimizer.step()
        history.append(np.mean(values))
    return history


def notes_the_last(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        for batch in batches:
            value = loss(module, batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        history.append(value.item())
    return history


def never_steps(module, batches, loss, n_epochs, learning_rate):
    return [np.mean([loss(module, batch).item() for batch in batches]) for _ in range(n_epochs)]


def fit_with(optimizer, module, batches, loss, n_epochs, zero=True):
    history = []
    for _ in range(n_epochs):
        values = []
        for batch in batches:
            value = loss(module, batch)
            if zero:
                optimizer.zero_grad()
            value.backward()
            optimizer.step()
            values.append(value.item())
        history.append(np.mean(values))
    return history


def decays_the_weights(module, batches, loss, n_epochs, learning_rate):
    return fit_with(torch.optim.AdamW(module.parameters(), lr=learning_rate), module, batches, loss, n_epochs)


def leaves_the_learning_rate_out(module, batches, loss, n_epochs, learning_rate):
    return fit_with(torch.optim.Adam(module.parameters()), module, batches, loss, n_epochs)


def returns_the_last_epoch(module, batches, loss, n_epochs, learning_rate):
    return fit_clearing_last(module, batches, loss, n_epochs, learning_rate)[-1]


def keeps_one_number_a_batch(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        for batch in batches:
            value = loss(module, batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            history.append(value.item())
    return history


def keeps_one_number_a_batch_and_never_clears(module, batches, loss, n_epochs, learning_rate):
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        for batch in batches:
            value = loss(module, batch)
            value.backward()
            optimizer.step()
            history.append(value.item())
    return history


def assumes_orthonormal(D):
    return D.T @ D


def only_scales_rows(D):
    unit = D / np.sqrt((D**2).sum(axis=1))[:, None]
    return unit.T @ unit


def projects_codes(D):
    return D @ D.T


def projects_wrong_side(D):
    return D @ np.linalg.inv(D.T @ D + 1e-9 * np.eye(D.shape[1])) @ D.T


def never_scales(X, rate, uniform):
    return np.where(uniform < rate, 0, X)


def keeps_the_dropped(X, rate, uniform):
    return np.where(uniform < rate, X / (1 - rate), 0)


def divides_by_rate(X, rate, uniform):
    return np.where(uniform < rate, 0, X / rate)


def blanks_the_equal(X, rate, uniform):
    return X * (uniform > rate) / (1 - rate)


def keeps_up_to_the_rate(X, rate, uniform):
    return np.where(uniform > rate, 0, X) / (1 - rate)


def takes_columns(X, B, rate):
    return ((X - X @ B) ** 2).sum() + rate / (1 - rate) * np.diag(X.T @ X) @ (B**2).sum(axis=0)


def pays_the_rate(X, B, rate):
    return ((X - X @ B) ** 2).sum() + rate * np.diag(X.T @ X) @ (B**2).sum(axis=1)


def pays_the_kept(X, B, rate):
    return ((X - X @ B) ** 2).sum() + (1 - rate) * np.diag(X.T @ X) @ (B**2).sum(axis=1)


def averages_the_error(X, B, rate):
    return ((X - X @ B) ** 2).mean() + rate / (1 - rate) * (X**2).sum(axis=0) @ (B**2).sum(axis=1)


def counts_events(X, B, rate):
    return ((X - X @ B) ** 2).sum() + rate / (1 - rate) * np.count_nonzero(X, axis=0) @ (B**2).sum(axis=1)


def sums_the_columns(X, B, rate):
    return ((X - X @ B) ** 2).sum() + rate / (1 - rate) * X.sum(axis=0) @ (B**2).sum(axis=1)


def forgets_the_noise(X, B, rate):
    return np.linalg.norm(X - X @ B) ** 2


def subtracts_the_table_maximum(scores, rows):
    with np.errstate(all="ignore"):
        s = scores - scores.max()
        return (rows * (s - np.log(np.exp(s).sum(axis=1, keepdims=True)))).sum(axis=1)


def subtracts_the_mean(scores, rows):
    with np.errstate(all="ignore"):
        s = scores - scores.mean(axis=1, keepdims=True)
        return (rows * (s - np.log(np.exp(s).sum(axis=1, keepdims=True)))).sum(axis=1)


def overflows(scores, rows):
    with np.errstate(all="ignore"):
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return (rows * np.log(shares)).sum(axis=1)


def subtracts_the_sum_once(scores, rows):
    top = scores.max(axis=1)
    return (rows * scores).sum(axis=1) - top - np.log(np.exp(scores - top[:, None]).sum(axis=1))


def forgets_keepdims(scores, rows):
    s = scores - scores.max(axis=1, keepdims=True)
    return (rows * (s - np.log(np.exp(s).sum(axis=1)))).sum(axis=1)


def forgets_keepdims_twice(scores, rows):
    s = scores - scores.max(axis=1)
    return (rows * (s - np.log(np.exp(s).sum(axis=1)))).sum(axis=1)


def adds_shares(scores, rows):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (rows * e / e.sum(axis=1, keepdims=True)).sum(axis=1)


def item_by_item(scores, rows):
    return (rows * -np.log1p(np.exp(-scores))).sum(axis=1)


def gives_the_loss(scores, rows):
    return -np.array(likelihood_by_loop(scores, rows))


def grows_for_ever(mean, log_variance, step, n_anneal, beta):
    return beta * step / n_anneal * kl_by_loop(mean, log_variance, 1, 1, 1)


def full_price(mean, log_variance, step, n_anneal, beta):
    return beta * kl_by_loop(mean, log_variance, 1, 1, 1)


def takes_log_sd(mean, log_variance, step, n_anneal, beta):
    kl = (np.exp(2 * log_variance) + mean**2 - 1 - 2 * log_variance).sum(axis=1) / 2
    return beta * min(1, step / n_anneal) * kl.mean()


def takes_log_twice(mean, log_variance, step, n_anneal, beta):
    with np.errstate(all="ignore"):
        kl = (log_variance + mean**2 - 1 - np.log(log_variance)).sum(axis=1) / 2
    return beta * min(1, step / n_anneal) * kl.mean()


def forgets_the_square(mean, log_variance, step, n_anneal, beta):
    kl = (np.exp(log_variance) + mean - 1 - log_variance).sum(axis=1) / 2
    return beta * min(1, step / n_anneal) * kl.mean()


def counts_steps_from_one(mean, log_variance, step, n_anneal, beta):
    return kl_by_loop(mean, log_variance, step + 1, n_anneal, beta)


def sums_over_people(mean, log_variance, step, n_anneal, beta):
    kl = (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=0) / 2
    return beta * min(1, step / n_anneal) * kl.mean()


WRONG = {
    "7.1": [
        (counts_blanks, "You counted all cells"),
        (masks_by_value, "Your mask is X != 0"),
        (forgets_the_bend, "The sigmoid is missing"),
        (takes_the_mean, "divided by the number of known cells"),
        (divides_by_films, "number of columns"),
        (skips_empty_rows, "counts as a row, too"),
        (takes_the_root, "You took the root"),
    ],
    "7.2": [
        (never_clears, "The slopes pile up"),
        (steps_once_an_epoch, "one step an epoch"),
        (notes_the_last, "the last batch alone"),
        (never_steps, "The loss never changes"),
        (clears_before_the_step, "not between it and the step"),
        (clears_once_an_epoch, "cleared the slopes once an epoch"),
        (makes_adam_anew, "Make the optimizer once"),
        (notes_tensors, "Note value.item()"),
        (weighs_by_size, "weighted the batches by their sizes"),
        (trains_a_copy, "has not changed"),
        (spoils_the_module, "the weights at the end are not those"),
        (decays_the_weights, "That is AdamW"),
        (leaves_the_learning_rate_out, "lr=learning_rate"),
        (returns_the_last_epoch, "the loss of the last epoch alone"),
        (keeps_one_number_a_batch, "one number for each batch"),
        (keeps_one_number_a_batch_and_never_clears, "The result differs"),
    ],
    "7.3": [
        (assumes_orthonormal, "DᵀD is right only if"),
        (only_scales_rows, "not orthogonal to each other"),
        (projects_codes, "The projector lives among the items"),
        (projects_wrong_side, "expected an array of shape"),
    ],
    "7.4": [
        (never_scales, "What is kept must grow"),
        (keeps_the_dropped, "You kept what should be dropped"),
        (divides_by_rate, "not by rate"),
        (blanks_the_equal, "equals the rate stays"),
        (keeps_up_to_the_rate, "cells stay where uniform >= rate"),
    ],
    "7.5": [
        (takes_columns, "columns of B"),
        (pays_the_rate, "rate / (1 - rate) times: what stays"),
        (pays_the_kept, "not 1 - rate times"),
        (forgets_the_noise, "The ridge is missing"),
        (averages_the_error, "You averaged the squared errors"),
        (counts_events, "You counted its events"),
        (sums_the_columns, "You did not square"),
    ],
    "7.6": [
        (overflows, "infinite or NaN"),
        (subtracts_the_table_maximum, "each row's largest score"),
        (subtracts_the_mean, "each row's largest score"),
        (adds_shares, "You added shares"),
        (item_by_item, "logistic likelihood"),
        (gives_the_loss, "That is the loss"),
        (subtracts_the_sum_once, "once for each row"),
        (forgets_keepdims, "the sums of the rows are spread"),
        (forgets_keepdims_twice, "the maxima and the sums of the rows are spread"),
    ],
    "7.7": [
        (grows_for_ever, "stop at beta"),
        (full_price, "not annealed"),
        (takes_log_sd, "logarithm of the variance for that"),
        (takes_log_twice, "log_variance is ln v already"),
        (forgets_the_square, "The mean counts squared"),
        (counts_steps_from_one, "without + 1"),
        (sums_over_people, "the other way round"),
    ],
}
