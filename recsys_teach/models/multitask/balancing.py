"""Weights and gradients of several losses. Built in chapter 12."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach._validation import check_generator, check_number
from recsys_teach.models.multitask.networks import at_least_one
from recsys_teach.training import torch_defaults


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


def set_gradient(parameters: Sequence[Tensor], gradient: Tensor) -> None:
    """Set the gradients of parameters from one vector, in the order of the parameters.

    Parameters
    ----------
    parameters : sequence of tensors
    gradient : Tensor, shape (number of all parameters,)
    """
    parts = gradient.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter).clone()


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
        at_least_one(n_tasks=n_tasks)
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
        at_least_one(n_tasks=n_tasks)
        check_number("alpha", alpha, low=0)
        self.alpha = alpha
        self.weights = nn.Parameter(torch.ones(n_tasks))
        self.first: Tensor | None = None

    def forward(self, losses: Tensor, shared: Sequence[Tensor]) -> Tensor:
        """Give the weighed loss, plus what moves the weights (and them alone) toward the wanted lengths.

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
