"""Several tasks at once: what they share, and how their losses are weighed. Built by hand in chapters 11 and 12."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach._validation import check_integer
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


def at_least_one(**sizes: int) -> None:
    """Raise if a size is not an integer of at least 1."""
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
        at_least_one(n_features=n_features, n_tasks=n_tasks, width=width, head_width=head_width)
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
        at_least_one(n_features=n_features, n_tasks=n_tasks, n_experts=n_experts, width=width, head_width=head_width)
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

    def __init__(
        self, n_in: int, n_tasks: int, n_task_experts: int, n_shared_experts: int, width: int, *, pass_shared: bool
    ):
        super().__init__()
        self.task_experts = nn.ModuleList(Experts(n_in, n_task_experts, width) for _ in range(n_tasks))
        self.shared_experts = Experts(n_in, n_shared_experts, width) if n_shared_experts else None
        self.gate = nn.ModuleList(
            nn.Linear(n_in, n_task_experts + n_shared_experts, bias=False) for _ in range(n_tasks)
        )
        n_all = n_tasks * n_task_experts + n_shared_experts
        self.shared_gate = nn.Linear(n_in, n_all, bias=False) if pass_shared and n_shared_experts else None

    def gates(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return each task's gate over its own experts, then the shared ones."""
        return [torch.softmax(gate(x), dim=1) for gate, x in zip(self.gate, inputs, strict=False)]

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Take a tensor a task and one for the shared part, (n, n_in); give as many, (n, width)."""
        by_task = [experts(x) for experts, x in zip(self.task_experts, inputs, strict=False)]
        shared = [] if self.shared_experts is None else [self.shared_experts(inputs[-1])]
        mixed = [
            torch.einsum("ne,new->nw", gate, torch.cat([experts, *shared], dim=1))
            for gate, experts in zip(self.gates(inputs), by_task, strict=True)
        ]
        if self.shared_gate is None:
            return [*mixed, inputs[-1]]
        share = torch.softmax(self.shared_gate(inputs[-1]), dim=1)
        return [*mixed, torch.einsum("ne,new->nw", share, torch.cat([*by_task, *shared], dim=1))]


class PLE(nn.Module):
    """Progressive layered extraction: experts of each task's own beside shared ones, in levels. Built in chapter 11.

    Without shared experts it is one model a task; with one level it is customized gate control (CGC).

    Parameters
    ----------
    n_features, n_tasks : int.
    n_task_experts, n_shared_experts, width : int. Experts of each task, experts of all tasks, units of each.
    n_levels : int. Levels of experts on top of each other.
    head_width : int.

    Raises
    ------
    ValueError
        If a size is below 1; n_shared_experts may be 0.

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
        n_task_experts: int = 2,
        n_shared_experts: int = 4,
        width: int = 16,
        n_levels: int = 1,
        head_width: int = 8,
    ):
        super().__init__()
        at_least_one(
            n_features=n_features,
            n_tasks=n_tasks,
            n_task_experts=n_task_experts,
            width=width,
            n_levels=n_levels,
            head_width=head_width,
        )
        check_integer("n_shared_experts", n_shared_experts, 0)
        self.levels = nn.ModuleList(
            CGC(
                width if level else n_features,
                n_tasks,
                n_task_experts,
                n_shared_experts,
                width,
                pass_shared=level < n_levels - 1,
            )
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
