"""Share layers between tasks by shared bottom, MMoE and PLE. Built by hand in chapter 11."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach._validation import check_integer
from recsys_teach.training import torch_defaults


def task_losses(outputs: Tensor, labels: Tensor, kinds: Sequence[str]) -> Tensor:
    """Compute the mean loss of each task over the rows that have its label. Built by hand in chapter 11.

    Parameters
    ----------
    outputs : Tensor, shape (n, n_tasks)
        A logit for a binary task, a value for a regression.
    labels : Tensor, shape (n, n_tasks)
        NaN where a row has no label of a task: an item that was not opened can neither be finished nor abandoned.
    kinds : sequence of {"binary", "regression"}
        The kind of each task: "binary" for cross-entropy, "regression" for the squared error.

    Returns
    -------
    Tensor, shape (n_tasks,)
        The losses; 0 for a task without a label in these rows.

    Raises
    ------
    ValueError
        If the shapes do not match, or a kind is unknown.
    """
    if outputs.shape != labels.shape or outputs.shape[1:] != (len(kinds),):
        raise ValueError(
            f"Expected outputs and labels of shape (n, n_tasks) with {len(kinds)} tasks; got {tuple(outputs.shape)} "
            f"and {tuple(labels.shape)}. Use one column for each of the kinds."
        )
    losses = []
    for output, label, kind in zip(outputs.T, labels.T, kinds, strict=True):
        known = ~label.isnan()
        if kind not in ("binary", "regression"):
            raise ValueError(f"Expected tasks of the kinds 'binary' or 'regression'; got {kind!r}.")
        loss = F.binary_cross_entropy_with_logits if kind == "binary" else F.mse_loss
        losses.append(loss(output[known], label[known], reduction="sum") / known.sum().clamp(min=1))
    return torch.stack(losses)


def n_parameters(module: nn.Module) -> int:
    """Count the learned parameters of a module.

    Parameters
    ----------
    module : Module
        The module whose parameters are counted.

    Returns
    -------
    int
        The total number of scalars in all parameters.
    """
    return sum(parameter.numel() for parameter in module.parameters())


def at_least_one(**sizes: int) -> None:
    """Raise if a size is not an integer of at least 1.

    Parameters
    ----------
    **sizes : int
        The sizes to check, by name.

    Raises
    ------
    TypeError
        If a size is not an integer.
    ValueError
        If a size is below 1.
    """
    for name, size in sizes.items():
        check_integer(name, size)


class Heads(nn.Module):
    """Apply one small network (tower) for each task, from the input of the task to one number.

    Parameters
    ----------
    n_in : int
        Number of inputs of each head.
    n_tasks : int
        Number of tasks.
    width : int
        Number of units of the hidden layer of each head.
    """

    def __init__(self, n_in: int, n_tasks: int, width: int):
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(n_in, width), nn.LeakyReLU(), nn.Linear(width, 1)) for _ in range(n_tasks)
        )

    def forward(self, inputs: Iterable[Tensor]) -> Tensor:
        """Compute the output of each task.

        Parameters
        ----------
        inputs : iterable of Tensor, shape (n, n_in)
            One tensor for each task.

        Returns
        -------
        Tensor, shape (n, n_tasks)
            Logits or values.
        """
        return torch.cat([head(x) for head, x in zip(self.heads, inputs, strict=True)], dim=1)


class Experts(nn.Module):
    """Apply several layers of equal width in parallel, each followed by a ReLU.

    Parameters
    ----------
    n_in : int
        Number of inputs.
    n_experts : int
        Number of experts.
    width : int
        Number of units of each expert.
    """

    def __init__(self, n_in: int, n_experts: int, width: int):
        super().__init__()
        self.shape = (n_experts, width)
        self.layer = nn.Linear(n_in, n_experts * width)

    def forward(self, X: Tensor) -> Tensor:
        """Compute the output of each expert.

        Parameters
        ----------
        X : Tensor, shape (n, n_in)
            One row of inputs for each example.

        Returns
        -------
        Tensor, shape (n, n_experts, width)
            The outputs, at least 0.
        """
        return F.relu(self.layer(X)).unflatten(1, self.shape)


class SharedBottom(nn.Module):
    """Share one layer between all tasks, followed by a head for each task. Built in chapter 11.

    With one task it is the single-task model.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_tasks : int
        Number of tasks.
    width : int, default=113
        Number of units of the shared layer.
    head_width : int, default=8
        Number of units of the hidden layer of each head.

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
        """Compute the outputs of all tasks.

        Parameters
        ----------
        X : Tensor, shape (n, n_features)
            One row of features for each example.

        Returns
        -------
        Tensor, shape (n, n_tasks)
            Logits or values.
        """
        return self.heads([self.bottom(X)] * self.n_tasks)


class MMoE(nn.Module):
    """Mix experts of all tasks by a separate gate for each task, followed by a head. Built in chapter 11.

    The weights of the experts depend on the task and on the row.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_tasks : int
        Number of tasks.
    n_experts : int, default=8
        Number of experts.
    width : int, default=16
        Number of units of each expert.
    head_width : int, default=8
        Number of units of the hidden layer of each head.

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
        """Compute the weight of each expert for each task.

        Parameters
        ----------
        X : Tensor, shape (n, n_features)
            One row of features for each example.

        Returns
        -------
        Tensor, shape (n, n_tasks, n_experts)
            The weights of a task sum to 1 in each row.
        """
        return torch.softmax(self.gate(X).unflatten(1, self.shape), dim=2)

    def forward(self, X: Tensor) -> Tensor:
        """Compute the outputs of all tasks.

        Parameters
        ----------
        X : Tensor, shape (n, n_features)
            One row of features for each example.

        Returns
        -------
        Tensor, shape (n, n_tasks)
            Logits or values.
        """
        mixed = self.gates(X) @ self.experts(X)  # (n, n_tasks, width)
        return self.heads(mixed.unbind(dim=1))


class CGC(nn.Module):
    """Mix, for each task, its task-specific experts and the shared experts; it is one level of :class:`PLE`.

    No task uses the task-specific experts of another task.

    Parameters
    ----------
    n_in : int
        Number of inputs.
    n_tasks : int
        Number of tasks.
    n_task_experts : int
        Number of experts of each task.
    n_shared_experts : int
        Number of experts of all tasks; it may be 0.
    width : int
        Number of units of each expert.
    pass_shared : bool
        Whether to compute a shared state for the next level, from the experts of all tasks and the shared ones.
    """

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
        """Compute the weights of the experts for each task.

        Parameters
        ----------
        inputs : sequence of Tensor, shape (n, n_in)
            One tensor for each task; further ones are ignored.

        Returns
        -------
        list of Tensor, shape (n, n_task_experts + n_shared_experts)
            One tensor for each task: the weights of its task-specific experts, then those of the shared experts.
        """
        return [torch.softmax(gate(x), dim=1) for gate, x in zip(self.gate, inputs, strict=False)]

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Compute the state of each task and the shared state.

        Parameters
        ----------
        inputs : sequence of Tensor, shape (n, n_in)
            One tensor for each task, and the shared one last.

        Returns
        -------
        list of Tensor, shape (n, width)
            One tensor for each task, and the shared one last; without a shared gate the shared input is passed on
            unchanged.
        """
        by_task = [experts(x) for experts, x in zip(self.task_experts, inputs, strict=False)]
        shared = [] if self.shared_experts is None else [self.shared_experts(inputs[-1])]
        mixed = [
            torch.einsum("ne,new->nw", gate, torch.cat([experts, *shared], dim=1))
            for gate, experts in zip(self.gates(inputs), by_task, strict=True)
        ]
        if self.shared_gate is None:
            return [*mixed, inputs[-1]]
        shared_weights = torch.softmax(self.shared_gate(inputs[-1]), dim=1)
        # The shared gate mixes the experts of all tasks, so a task reaches the others through the shared state.
        return [*mixed, torch.einsum("ne,new->nw", shared_weights, torch.cat([*by_task, *shared], dim=1))]


class PLE(nn.Module):
    """Extract features by levels of task-specific and shared experts. Built in chapter 11.

    PLE is progressive layered extraction. Without shared experts it is a separate model for each task. With one level
    it is customized gate control (CGC).

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_tasks : int
        Number of tasks.
    n_task_experts : int, default=2
        Number of experts of each task in each level.
    n_shared_experts : int, default=4
        Number of experts of all tasks in each level, at least 0.
    width : int, default=16
        Number of units of each expert.
    n_levels : int, default=1
        Number of levels of experts.
    head_width : int, default=8
        Number of units of the hidden layer of each head.

    Raises
    ------
    ValueError
        If a size is below 1, or ``n_shared_experts`` below 0.

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
        """Compute the outputs of all tasks.

        Parameters
        ----------
        X : Tensor, shape (n, n_features)
            One row of features for each example.

        Returns
        -------
        Tensor, shape (n, n_tasks)
            Logits or values.
        """
        states = [X] * (self.n_tasks + 1)
        for level in self.levels:
            states = level(states)
        return self.heads(states[:-1])
