"""Balance the losses of several tasks by weights and gradients. Built in chapter 12."""

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
    """Compute the gradient of each loss. Built by hand in chapter 12.

    Parameters
    ----------
    losses : Tensor, shape (n_tasks,)
        The loss of each task. The graph is kept, so that it can be used again.
    parameters : sequence of Tensor
        The parameters to differentiate by.

    Returns
    -------
    Tensor, shape (n_tasks, total number of parameters)
        One flattened gradient for each loss, in the order of the parameters; 0 for a parameter that a loss does not
        use.
    """
    rows = []
    for loss in losses:
        parts = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([part.ravel() for part in parts]))
    return torch.stack(rows)


def gradient_cosines(gradients: Tensor) -> Tensor:
    """Compute the cosine of each pair of gradients; below 0, the gradients of two tasks conflict.

    Parameters
    ----------
    gradients : Tensor, shape (n_tasks, n_parameters)
        One gradient for each task.

    Returns
    -------
    Tensor, shape (n_tasks, n_tasks)
        The cosines.
    """
    directions = F.normalize(gradients, dim=1)
    return directions @ directions.T


def pcgrad(gradients: Tensor, rng: np.random.Generator) -> Tensor:
    """Project out the conflicting parts of each task's gradient, then sum the gradients. Built by hand in chapter 12.

    Parameters
    ----------
    gradients : Tensor, shape (n_tasks, n_parameters)
        One gradient for each task.
    rng : numpy Generator
        Source of the random order of the other tasks, drawn for each task. With two tasks the order changes nothing.

    Returns
    -------
    Tensor, shape (n_parameters,)
        The sum of the projected gradients.

    References
    ----------
    Yu et al. (2020), "Gradient surgery for multi-task learning", algorithm 1.
    """
    if not hasattr(rng, "permutation"):
        check_generator(rng)
    total = torch.zeros_like(gradients[0])
    for task, gradient in enumerate(gradients):
        for other in rng.permutation(len(gradients)):
            product = gradient @ gradients[other]  # with the original gradient of the other task, as in the paper
            if other != task and product < 0:
                gradient = gradient - product / gradients[other].square().sum() * gradients[other]
        total = total + gradient
    return total


def set_gradient(parameters: Sequence[Tensor], gradient: Tensor) -> None:
    """Set the gradients of parameters from one vector, in the order of the parameters.

    Parameters
    ----------
    parameters : sequence of Tensor
        The parameters whose ``grad`` is set.
    gradient : Tensor, shape (total number of parameters,)
        The flattened gradient.
    """
    parts = gradient.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter).clone()


class UncertaintyWeights(nn.Module):
    """Weight each loss by a learned variance: Σ exp(-s_k) L_k / 2 + s_k / 2. Built in chapter 12.

    s_k is the logarithm of the variance of task k. At the optimum exp(s_k) = L_k, so each weighted loss is 1 / 2.

    Parameters
    ----------
    n_tasks : int
        Number of tasks.

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
        """Compute the weighted sum of the losses plus the penalty of the variances.

        Parameters
        ----------
        losses : Tensor, shape (n_tasks,)
            The loss of each task.

        Returns
        -------
        Tensor
            One number.
        """
        return (torch.exp(-self.log_variances) * losses + self.log_variances).sum() / 2


class GradNorm(nn.Module):
    """Weight the losses so that the norms of their gradients depend on the progress of the tasks. Built in chapter 12.

    The target norm of each weighted gradient is the mean norm times r_k^alpha, where r_k is the share of its initial
    loss that task k still has, divided by the mean share. The weights sum to n_tasks.

    Parameters
    ----------
    n_tasks : int
        Number of tasks.
    alpha : float, default=1.0
        At least 0. With 0 all norms become equal; with a larger value slow tasks get larger weights.

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
        self.initial_losses: Tensor | None = None  # the losses of the first call

    def forward(self, losses: Tensor, shared: Sequence[Tensor]) -> Tensor:
        """Compute the weighted loss, plus a term that moves only the weights, toward the target norms.

        Parameters
        ----------
        losses : Tensor, shape (n_tasks,)
            The loss of each task. The first call stores them as the initial losses.
        shared : sequence of Tensor
            The parameters at which the gradients are measured, usually those of the last shared layer.

        Returns
        -------
        Tensor
            One number.
        """
        with torch.no_grad():
            self.weights.clamp_(min=1e-3)
            self.weights.mul_(len(losses) / self.weights.sum())
        self.initial_losses = losses.detach() if self.initial_losses is None else self.initial_losses
        norms = self.weights * task_gradients(losses, shared).detach().norm(dim=1)
        ratios = losses.detach() / self.initial_losses  # share of the initial loss that remains
        targets = norms.mean().detach() * (ratios / ratios.mean()) ** self.alpha
        # detach() separates the two terms: the first moves only the network, the second only the weights.
        return (self.weights.detach() * losses).sum() + (norms - targets).abs().sum()
