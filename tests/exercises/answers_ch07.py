"""Right answers to the exercises of chapter 07, written differently from the references."""

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
    optimiser = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = np.zeros(n_epochs)
    for epoch in range(n_epochs):
        for batch in batches:
            value = loss(module, batch)
            value.backward()
            optimiser.step()
            optimiser.zero_grad()
            history[epoch] += value.item() / len(batches)
    return history


def fit_by_autograd(module, batches, loss, n_epochs, learning_rate):
    parameters = list(module.parameters())
    optimiser = torch.optim.Adam(parameters, lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        values = []
        for batch in batches:
            value = loss(module, batch)
            for parameter, slope in zip(parameters, torch.autograd.grad(value, parameters), strict=True):
                parameter.grad = slope
            optimiser.step()
            values.append(value.detach())
        history.append(torch.stack(values).mean())
    return torch.stack(history)


def projector_by_pinv(D):
    return np.linalg.pinv(D) @ D


def projector_by_qr(D):
    Q = np.linalg.qr(D.T)[0]
    return Q @ Q.T


def drop_by_where(X, rate, uniform):
    return np.where(uniform < rate, 0, X / (1 - rate))


def drop_by_copy(X, rate, uniform):
    dropped = X.astype(float)
    dropped[uniform < rate] = 0
    return dropped / (1 - rate)


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
    "7.2": [fit_clearing_last, fit_by_autograd],
    "7.3": [projector_by_pinv, projector_by_qr],
    "7.4": [drop_by_where, drop_by_copy],
    "7.5": [likelihood_by_loop, likelihood_by_torch],
    "7.6": [kl_by_torch, kl_by_loop],
}


def counts_blanks(X, known, E, D):
    return np.sum((sigmoid(X @ E) @ D - X) ** 2) / len(X)


def masks_by_value(X, known, E, D):
    return np.sum((sigmoid(X @ E) @ D - X)[X != 0] ** 2) / len(X)


def forgets_the_bend(X, known, E, D):
    return np.sum((X @ E @ D - X)[known] ** 2) / len(X)


def takes_the_mean(X, known, E, D):
    return np.mean((sigmoid(X @ E) @ D - X)[known] ** 2)


def never_clears(module, batches, loss, n_epochs, learning_rate):
    optimiser = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        values = []
        for batch in batches:
            value = loss(module, batch)
            value.backward()
            optimiser.step()
            values.append(value.item())
        history.append(sum(values) / len(values))
    return history


def steps_once_an_epoch(module, batches, loss, n_epochs, learning_rate):
    optimiser = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        optimiser.zero_grad()
        values = []
        for batch in batches:
            value = loss(module, batch)
            value.backward()
            values.append(value.item())
        optimiser.step()
        history.append(np.mean(values))
    return history


def notes_the_last(module, batches, loss, n_epochs, learning_rate):
    optimiser = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        for batch in batches:
            value = loss(module, batch)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
        history.append(value.item())
    return history


def never_steps(module, batches, loss, n_epochs, learning_rate):
    return [np.mean([loss(module, batch).item() for batch in batches]) for _ in range(n_epochs)]


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


def overflows(scores, rows):
    with np.errstate(all="ignore"):
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return (rows * np.log(shares)).sum(axis=1)


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


WRONG = {
    "7.1": [
        (counts_blanks, "You counted all cells"),
        (masks_by_value, "Your mask is X != 0"),
        (forgets_the_bend, "The sigmoid is missing"),
        (takes_the_mean, "divided by the number of known cells"),
    ],
    "7.2": [
        (never_clears, "The slopes pile up"),
        (steps_once_an_epoch, "one step an epoch"),
        (notes_the_last, "the last batch alone"),
        (never_steps, "The loss never changes"),
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
    ],
    "7.5": [
        (overflows, "infinite or NaN"),
        (adds_shares, "You added shares"),
        (item_by_item, "logistic likelihood"),
        (gives_the_loss, "That is the loss"),
    ],
    "7.6": [
        (grows_for_ever, "stop at beta"),
        (full_price, "not annealed"),
        (takes_log_sd, "logarithm of the variance for that"),
    ],
}
