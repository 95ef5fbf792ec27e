"""Several tasks at once: what they share, and how their losses are weighed. Built by hand in chapters 11 and 12."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach._validation import check_generator, check_integer, check_number, check_seed
from recsys_teach.training import torch_defaults


def task_losses(outputs: Tensor, labels: Tensor, kinds: Sequence[str]) -> Tensor:
    """Give the mean loss of each task over the rows that have its label. Built by hand in chapter 11.

    Parameters
    ----------
    outputs : shape (n, n_tasks). A logit for a binary task, a value for a regression.
    labels : shape (n, n_tasks). NaN where a row has no label of a task: nobody can finish what was not opened.
    kinds : sequence of n_tasks texts. "binary" for cross-entropy, "regression" for the squared error.

    Returns
    -------
    Tensor, shape (n_tasks,). 0 for a task without a label in these rows.

    Raises
    ------
    ValueError
        If shapes do not fit, or a kind is unknown.
    """
    if outputs.shape != labels.shape or outputs.shape[1:] != (len(kinds),):
        raise ValueError(
            f"Expected outputs and labels of shape (n, n_tasks) with {len(kinds)} tasks; came {tuple(outputs.shape)}, "
            f"{tuple(labels.shape)}."
        )
    losses = []
    for output, label, kind in zip(outputs.T, labels.T, kinds, strict=True):
        known = ~label.isnan()
        if kind not in ("binary", "regression"):
            raise ValueError(f"A task is 'binary' or 'regression'; came {kind!r}.")
        each = F.binary_cross_entropy_with_logits if kind == "binary" else F.mse_loss
        losses.append(each(output[known], label[known], reduction="sum") / known.sum().clamp(min=1))
    return torch.stack(losses)


def n_parameters(module: nn.Module) -> int:
    """Count the numbers that a module learns."""
    return sum(parameter.numel() for parameter in module.parameters())


def _at_least_one(**sizes: int) -> None:
    for name, size in sizes.items():
        check_integer(name, size)


class Heads(nn.Module):
    """One small network for each task, from its own row of input to one number."""

    def __init__(self, n_in: int, n_tasks: int, width: int):
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, 1)) for _ in range(n_tasks)
        )

    def forward(self, inputs: Iterable[Tensor]) -> Tensor:
        """Take a tensor (n, n_in) for each task; give (n, n_tasks)."""
        return torch.cat([head(x) for head, x in zip(self.heads, inputs, strict=True)], dim=1)


class Experts(nn.Module):
    """Layers of equal width side by side, each with a ReLU."""

    def __init__(self, n_in: int, n_experts: int, width: int):
        super().__init__()
        self.shape = (n_experts, width)
        self.layer = nn.Linear(n_in, n_experts * width)

    def forward(self, X: Tensor) -> Tensor:
        """(n, n_in) to (n, n_experts, width)."""
        return F.relu(self.layer(X)).unflatten(1, self.shape)


class SharedBottom(nn.Module):
    """One layer for all tasks, then a head for each. With one task: the single-task model. Built in chapter 11.

    Parameters
    ----------
    n_features, n_tasks : int.
    width : int. Units of the shared layer.
    head_width : int. Units of the hidden layer of each head.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    Caruana (1997), "Multitask learning".
    """

    @torch_defaults()
    def __init__(self, n_features: int, n_tasks: int, *, width: int = 113, head_width: int = 8):
        super().__init__()
        _at_least_one(n_features=n_features, n_tasks=n_tasks, width=width, head_width=head_width)
        self.bottom = nn.Sequential(nn.Linear(n_features, width), nn.ReLU())
        self.heads = Heads(width, n_tasks, head_width)
        self.n_tasks = n_tasks

    def forward(self, X: Tensor) -> Tensor:
        """(n, n_features) to (n, n_tasks), logits or values."""
        return self.heads([self.bottom(X)] * self.n_tasks)


class MMoE(nn.Module):
    """Experts for all tasks, mixed anew for each task and row by a gate, then a head. Built in chapter 11.

    Parameters
    ----------
    n_features, n_tasks : int.
    n_experts, width : int. Number of experts, units of each.
    head_width : int.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    Ma et al. (2018), "Modeling task relationships in multi-task learning with multi-gate mixture-of-experts", KDD.
    """

    @torch_defaults()
    def __init__(self, n_features: int, n_tasks: int, *, n_experts: int = 8, width: int = 16, head_width: int = 8):
        super().__init__()
        _at_least_one(n_features=n_features, n_tasks=n_tasks, n_experts=n_experts, width=width, head_width=head_width)
        self.experts = Experts(n_features, n_experts, width)
        self.gate = nn.Linear(n_features, n_tasks * n_experts, bias=False)
        self.heads = Heads(width, n_tasks, head_width)
        self.shape = (n_tasks, n_experts)

    def gates(self, X: Tensor) -> Tensor:
        """Give the share of each expert, (n, n_tasks, n_experts); shares of a task sum to 1."""
        return torch.softmax(self.gate(X).unflatten(1, self.shape), dim=2)

    def forward(self, X: Tensor) -> Tensor:
        """(n, n_features) to (n, n_tasks), logits or values."""
        mixed = self.gates(X) @ self.experts(X)  # (n, n_tasks, width)
        return self.heads(mixed.unbind(dim=1))


class CGC(nn.Module):
    """One level of :class:`PLE`: each task mixes its own experts and the shared ones, and no task sees another's."""

    def __init__(self, n_in: int, n_tasks: int, n_own: int, n_shared: int, width: int, *, pass_shared: bool):
        super().__init__()
        self.own = nn.ModuleList(Experts(n_in, n_own, width) for _ in range(n_tasks))
        self.shared = Experts(n_in, n_shared, width) if n_shared else None
        self.gate = nn.ModuleList(nn.Linear(n_in, n_own + n_shared, bias=False) for _ in range(n_tasks))
        n_all = n_tasks * n_own + n_shared
        self.shared_gate = nn.Linear(n_in, n_all, bias=False) if pass_shared and n_shared else None

    def gates(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Give each task's share of its own experts, then of the shared ones, (n, n_own + n_shared)."""
        return [torch.softmax(gate(x), dim=1) for gate, x in zip(self.gate, inputs, strict=False)]

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Take a tensor a task and one for the shared part, (n, n_in); give as many, (n, width)."""
        own = [experts(x) for experts, x in zip(self.own, inputs, strict=False)]
        shared = [] if self.shared is None else [self.shared(inputs[-1])]
        mixed = [
            torch.einsum("ne,new->nw", gate, torch.cat([experts, *shared], dim=1))
            for gate, experts in zip(self.gates(inputs), own, strict=True)
        ]
        if self.shared_gate is None:
            return [*mixed, inputs[-1]]
        share = torch.softmax(self.shared_gate(inputs[-1]), dim=1)
        return [*mixed, torch.einsum("ne,new->nw", share, torch.cat([*own, *shared], dim=1))]


class PLE(nn.Module):
    """Progressive layered extraction: experts of each task's own beside shared ones, in levels. Built in chapter 11.

    Without shared experts it is one model a task; with one level it is customised gate control (CGC).

    Parameters
    ----------
    n_features, n_tasks : int.
    n_own, n_shared, width : int. Experts of each task, experts of all tasks, units of each.
    n_levels : int. Levels of experts on top of each other.
    head_width : int.

    Raises
    ------
    ValueError
        If a size is below 1; n_shared may be 0.

    References
    ----------
    Tang et al. (2020), "Progressive layered extraction (PLE): a novel multi-task learning model for personalized
    recommendations", RecSys.
    """

    @torch_defaults()
    def __init__(
        self,
        n_features: int,
        n_tasks: int,
        *,
        n_own: int = 2,
        n_shared: int = 4,
        width: int = 16,
        n_levels: int = 1,
        head_width: int = 8,
    ):
        super().__init__()
        _at_least_one(
            n_features=n_features, n_tasks=n_tasks, n_own=n_own, width=width, n_levels=n_levels, head_width=head_width
        )
        check_integer("n_shared", n_shared, 0)
        self.levels = nn.ModuleList(
            CGC(width if level else n_features, n_tasks, n_own, n_shared, width, pass_shared=level < n_levels - 1)
            for level in range(n_levels)
        )
        self.heads = Heads(width, n_tasks, head_width)
        self.n_tasks = n_tasks

    def forward(self, X: Tensor) -> Tensor:
        """(n, n_features) to (n, n_tasks), logits or values."""
        states = [X] * (self.n_tasks + 1)
        for level in self.levels:
            states = level(states)
        return self.heads(states[:-1])


class PairInput(nn.Module):
    """A row for each pair of a user and an item: both vectors, and their product coordinate by coordinate.

    Parameters
    ----------
    n_users, n_items, n_factors : int. The row has 3 · n_factors numbers.
    """

    @torch_defaults()
    def __init__(self, n_users: int, n_items: int, n_factors: int):
        super().__init__()
        _at_least_one(n_users=n_users, n_items=n_items, n_factors=n_factors)
        self.users, self.items = nn.Embedding(n_users, n_factors), nn.Embedding(n_items, n_factors)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, user_pos: Tensor, item_pos: Tensor) -> Tensor:
        """(n,), (n,) to (n, 3 · n_factors)."""
        users, items = self.users(user_pos), self.items(item_pos)
        return torch.cat([users, items, users * items], dim=1)


class ESMM(nn.Module):
    """A click, then what follows it, learned over everything that was shown. Built by hand in chapter 12.

    The second output of the network becomes P(follow | click) without a label of its own: only the chain
    P(click and follow) = P(click) · P(follow | click) is compared with what happened.

    Parameters
    ----------
    network : Module with two outputs, (…) to (n, 2): the logits of a click, and of what follows given a click.

    References
    ----------
    Ma et al. (2018), "Entire space multi-task model: an effective approach for estimating post-click conversion
    rate", SIGIR.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        """Give P(click) and P(follow | click), (n, 2)."""
        return torch.sigmoid(self.network(*inputs))

    def losses(self, inputs: Sequence[Tensor], click: Tensor, follow: Tensor) -> Tensor:
        """Give the cross-entropy of the clicks and of the chain, shape (2,); labels of shape (n,), 0 or 1."""
        first, second = self.network(*inputs).unbind(dim=1)
        log_click = F.logsigmoid(first)
        log_both = log_click + F.logsigmoid(second)
        log_not_both = torch.logaddexp(F.logsigmoid(-first), log_click + F.logsigmoid(-second))  # no click, or no more
        chain = -(follow * log_both + (1 - follow) * log_not_both).mean()
        return torch.stack([F.binary_cross_entropy_with_logits(first, click), chain])


def task_gradients(losses: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Give the gradient of each loss, shape (n_tasks, number of all parameters). Built by hand in chapter 12."""
    rows = []
    for loss in losses:
        parts = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([part.ravel() for part in parts]))
    return torch.stack(rows)


def gradient_cosines(gradients: Tensor) -> Tensor:
    """Give the cosine of each pair of rows, shape (n_tasks, n_tasks): below 0, two tasks pull against each other."""
    directions = F.normalize(gradients, dim=1)
    return directions @ directions.T


def pcgrad(gradients: Tensor, rng: np.random.Generator) -> Tensor:
    """Take from each task's gradient what opposes another's, then add them up. Built by hand in chapter 12.

    Parameters
    ----------
    gradients : shape (n_tasks, n_parameters).
    rng : numpy Generator. For each task, the others come in a random order; with two tasks it changes nothing.

    Returns
    -------
    Tensor, shape (n_parameters,).

    References
    ----------
    Yu et al. (2020), "Gradient surgery for multi-task learning", algorithm 1.
    """
    if not hasattr(rng, "permutation"):
        check_generator(rng)
    total = torch.zeros_like(gradients[0])
    for task, gradient in enumerate(gradients):
        for other in rng.permutation(len(gradients)):
            against = gradient @ gradients[other]
            if other != task and against < 0:
                gradient = gradient - against / gradients[other].square().sum() * gradients[other]
        total = total + gradient
    return total


def with_gradient(value: Tensor, parameters: Sequence[Tensor], gradient: Tensor) -> Tensor:
    """Give a loss of this value whose gradient by the parameters is this one, for :func:`recsys_teach.training.train`.

    Parameters
    ----------
    value : one number.
    parameters : sequence of tensors.
    gradient : shape (number of all parameters,), in the order of the parameters.
    """
    flat = torch.cat([parameter.ravel() for parameter in parameters])
    inner = flat @ gradient.detach()
    return value.detach() + inner - inner.detach()


class UncertaintyWeights(nn.Module):
    """Weigh each loss by a variance that is learned: Σ exp(-s_k) L_k / 2 + s_k / 2. Built in chapter 12.

    s_k is the logarithm of the variance of task k. At its best exp(s_k) = L_k: each weighed loss is then 1 / 2.

    Parameters
    ----------
    n_tasks : int.

    References
    ----------
    Kendall, Gal and Cipolla (2018), "Multi-task learning using uncertainty to weigh losses for scene geometry and
    semantics", CVPR, for regressions.
    """

    @torch_defaults()
    def __init__(self, n_tasks: int):
        super().__init__()
        _at_least_one(n_tasks=n_tasks)
        self.log_variances = nn.Parameter(torch.zeros(n_tasks))

    def forward(self, losses: Tensor) -> Tensor:
        """Shape (n_tasks,) to one number."""
        return (torch.exp(-self.log_variances) * losses + self.log_variances).sum() / 2


class GradNorm(nn.Module):
    """Weigh the losses so that their gradients have lengths that suit their progress. Built in chapter 12.

    Each weighed gradient is to have the mean length, times (how much of its first loss a task still has, beside the
    mean) to the power alpha. The weights sum to n_tasks.

    Parameters
    ----------
    n_tasks : int.
    alpha : float. 0 makes all lengths equal; the larger, the more a slow task gets.

    References
    ----------
    Chen et al. (2018), "GradNorm: gradient normalization for adaptive loss balancing in deep multitask networks",
    ICML, algorithm 1.
    """

    @torch_defaults()
    def __init__(self, n_tasks: int, alpha: float = 1.0):
        super().__init__()
        _at_least_one(n_tasks=n_tasks)
        check_number("alpha", alpha, low=0)
        self.alpha = alpha
        self.weights = nn.Parameter(torch.ones(n_tasks))
        self.first: Tensor | None = None

    def forward(self, losses: Tensor, shared: Sequence[Tensor]) -> Tensor:
        """Give the weighed loss, plus what moves the weights (and them alone) towards the wanted lengths.

        Parameters
        ----------
        losses : shape (n_tasks,).
        shared : parameters at which the gradients are measured; usually of the last layer that all tasks share.
        """
        with torch.no_grad():
            self.weights.clamp_(min=1e-3)
            self.weights.mul_(len(losses) / self.weights.sum())
        self.first = losses.detach() if self.first is None else self.first
        lengths = self.weights * task_gradients(losses, shared).detach().norm(dim=1)
        left = losses.detach() / self.first
        wanted = lengths.mean().detach() * (left / left.mean()) ** self.alpha
        return (self.weights.detach() * losses).sum() + (lengths - wanted).abs().sum()


def related_tasks(
    n: int, correlation: float, *, n_features: int = 100, n_sines: int = 10, scale: float = 1.0, random_state: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw two regressions whose weights have a known cosine. Built by hand in chapter 11.

    y_k = z_k + Σ_i sin(α_i z_k + β_i) + ε with z_k = w_k · x, x and all α, β from N(0, 1), ε of variance .01, w_1 and
    w_2 of length ``scale`` and with cosine ``correlation``.

    Parameters
    ----------
    n : int. Number of rows.
    correlation : float from -1 to 1. The cosine of the weights, not the correlation of the labels.
    n_features, n_sines, scale : m sines; the paper of the generator does not give their number, nor the scale c.

    Returns
    -------
    X : array, shape (n, n_features), float32.
    Y : array, shape (n, 2), float32.
    waves : array, shape (2, n_sines). The α and the β.

    Raises
    ------
    ValueError
        If the cosine is not between -1 and 1.

    References
    ----------
    Ma et al. (2018); Tang et al. (2020) for the scale, the number of sines and their distribution.
    """
    check_number("correlation", correlation, low=-1, high=1)
    check_number("scale", scale, above=0)
    check_integer("n", n)
    check_integer("n_features", n_features, 2)
    check_integer("n_sines", n_sines, 0)
    check_seed("random_state", random_state)
    rng = np.random.default_rng(random_state)
    directions = np.linalg.qr(rng.normal(size=(n_features, 2)))[0].T  # u1, u2: of length 1, at a right angle
    mixing = np.array([[1, 0], [correlation, np.sqrt(1 - correlation**2)]])
    waves = rng.normal(size=(2, n_sines))
    X = rng.normal(size=(n, n_features))
    z = X @ (scale * mixing @ directions).T  # (n, 2)
    Y = z + np.sin(z[:, :, None] * waves[0] + waves[1]).sum(axis=2) + rng.normal(scale=0.1, size=(n, 2))
    return X.astype(np.float32), Y.astype(np.float32), waves


def label_correlation(correlation: float, waves: np.ndarray, scale: float = 1.0) -> float:
    """Give the exact correlation of the two labels of :func:`related_tasks`. Built by hand in chapter 11.

    Parameters
    ----------
    correlation : float. Cosine of the weights.
    waves : array, shape (2, n_sines). The α and the β.
    scale : float. Length of the weights.
    """
    alpha, beta = waves
    variance = scale**2

    def covariance(p: float) -> float:
        """Of the labels without noise: the lines, twice a line with the sines, and all pairs of sines."""
        cross = alpha[:, None] * alpha * p * variance
        damp = np.exp(-variance * (alpha[:, None] ** 2 + alpha**2) / 2)
        minus, plus = np.cos(beta[:, None] - beta), np.cos(beta[:, None] + beta)
        sines = damp * ((np.exp(cross) - 1) * minus - (np.exp(-cross) - 1) * plus) / 2
        lines = p * variance * alpha * np.cos(beta) * np.exp(-variance * alpha**2 / 2)
        return p * variance + 2 * lines.sum() + sines.sum()

    return covariance(correlation) / (covariance(1.0) + 0.01)
