"""The training loop of every PyTorch model of the course. Built by hand in chapter 07."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn
from tqdm.auto import tqdm

from recsys_teach._validation import check_integer, check_number, check_seed, optional

Batches = Callable[[np.random.Generator], Iterable[tuple[Tensor, ...]]]


@dataclass
class History:
    """Losses and validation scores of one training run.

    Attributes
    ----------
    losses : list of float
        Mean loss over the batches of each epoch.
    scores : list of float
        Validation score after each epoch; higher is better. Empty without validation.
    """

    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """Number of the epoch whose parameters were kept, counted from 1: the best one, or the last without scores."""
        return int(np.argmax(self.scores)) + 1 if self.scores else len(self.losses)

    def plot(self, ax: Axes, **style: object) -> None:
        """Plot the loss of each epoch.

        Parameters
        ----------
        ax : Axes
            Where to plot.
        **style : object
            Keyword arguments of ``Axes.plot``.
        """
        ax.plot(range(1, len(self.losses) + 1), self.losses, **style)  # type: ignore[arg-type]
        ax.set_xlabel("epoch")


if hasattr(os, "register_at_fork"):
    # The OpenMP threads of torch do not survive a fork, and a child process that uses them deadlocks
    # (pytorch issues 2245 and 17199). With a single thread this cannot happen; the DataLoader of torch also sets one
    # thread in its workers.
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@contextmanager
def torch_defaults() -> Iterator[None]:
    """Use float32, the CPU and enabled gradients inside a ``with`` block, regardless of the settings outside of it.

    A notebook or a library may have set another default dtype or device, disabled gradients, or entered
    ``torch.inference_mode`` or ``torch.autocast``. These settings are restored when the block ends. As a decorator,
    ``@torch_defaults()``, it makes a function independent of them.

    Yields
    ------
    None
        Control, while the default settings are active.
    """
    dtype, on_cpu = torch.get_default_dtype(), torch.get_default_device().type == "cpu"
    device = nullcontext() if on_cpu else torch.device("cpu")  # this context slows each operation, so skip it on a CPU
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False), device:
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


@contextmanager
def seeded(random_state: int) -> Iterator[None]:
    """Seed torch inside a ``with`` block, and restore its random state afterward.

    :func:`torch_defaults` are active inside the block, so a network that is built there can be trained.

    Parameters
    ----------
    random_state : int
        Seed of torch inside the block.

    Yields
    ------
    None
        Control, while the seed is active.
    """
    check_seed("random_state", random_state)
    with torch_defaults(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random_state))
        yield


def shuffled(n: int, batch_size: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Shuffle the positions 0 … n - 1 and split them into mini-batches.

    Parameters
    ----------
    n : int
        Number of positions.
    batch_size : int
        Size of each mini-batch; the last one may be smaller.
    rng : Generator
        Source of the order, which differs in each call.

    Yields
    ------
    Tensor of int, shape (batch_size,)
        The positions of one mini-batch.
    """
    check_integer("batch_size", batch_size)
    yield from torch.from_numpy(rng.permutation(n)).split(int(batch_size))


@torch_defaults()
def train(
    module: nn.Module,
    batches: Batches,
    loss: Callable[..., Tensor],
    *,
    n_epochs: int,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    validate: Callable[[], float] | None = None,
    patience: int | None = None,
    backward: Callable[[Tensor], None] | None = None,
    random_state: int = 0,
) -> History:
    """Fit the parameters of a module with Adam, and keep those of the epoch with the best validation score.

    Build the module inside ``with seeded(random_state)``, and call this function in the same block: then the initial
    parameters and the dropout masks are the same in every run.

    Parameters
    ----------
    module : Module
        The network. It is changed in place, and is in evaluation mode at the end.
    batches : callable
        Function of a numpy Generator that returns the mini-batches of one epoch, each a tuple of tensors.
    loss : callable
        Function of the tensors of a mini-batch that returns the loss: one number, or several that are added up.
    n_epochs : int
        Number of epochs, at least 1.
    learning_rate, weight_decay : float
        Parameters of Adam.
    validate : callable, optional
        Function without arguments that returns a score; higher is better. It is called after each epoch. Without it,
        the parameters of the last epoch are kept.
    patience : int, optional
        Early stopping: stop after this number of epochs without a better score. Requires ``validate``.
    backward : callable, optional
        Function of the loss that sets the gradients. It replaces ``loss.sum().backward()``.
    random_state : int, default=0
        Seed of the order of the mini-batches.

    Returns
    -------
    History
        Loss and validation score of each epoch.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a parameter is out of range, there is no mini-batch, or the loss is no longer finite.

    References
    ----------
    Kingma and Ba (2015), "Adam: a method for stochastic optimization".
    """
    check_integer("n_epochs", n_epochs)
    check_number("learning_rate", learning_rate, above=0)
    check_number("weight_decay", weight_decay, low=0)
    optional(check_integer)("patience", patience)
    check_seed("random_state", random_state)
    if patience is not None and validate is None:
        raise ValueError(
            "patience counts epochs without a better score, so expected validate; got None. Pass validate, or leave "
            "patience out."
        )
    if any(parameter.is_meta or parameter.is_inference() for parameter in module.parameters()):
        raise ValueError(
            "Expected a module with trainable parameters; got one that was built on the device 'meta' or inside "
            "torch.inference_mode(). Build it inside `with seeded(random_state)`."
        )
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate, weight_decay=weight_decay)
    rng = np.random.default_rng(random_state)
    history = History()
    best = copy.deepcopy(module.state_dict())
    silent = bool(os.environ.get("TQDM_DISABLE"))  # tqdm reads this variable in a terminal, but not in a notebook
    bar = tqdm(range(1, n_epochs + 1), desc=type(module).__name__, unit="epoch", leave=False, disable=silent)
    for epoch in bar:
        module.train()
        history.losses.append(_one_epoch(batches(rng), loss, backward, optimizer, epoch))
        bar.set_postfix(loss=f"{history.losses[-1]:.3f}")
        if validate is None:
            continue
        module.eval()
        with torch.no_grad():
            history.scores.append(validate())
        if history.best_epoch == epoch:
            best = copy.deepcopy(module.state_dict())
        elif patience is not None and epoch - history.best_epoch >= patience:
            break
    bar.close()
    if validate is not None:
        module.load_state_dict(best)
    module.eval()
    return history


def _one_epoch(
    batches: Iterable[tuple[Tensor, ...]],
    loss: Callable[..., Tensor],
    backward: Callable[[Tensor], None] | None,
    optimizer: torch.optim.Optimizer,
    epoch: int,
) -> float:
    """Take an optimizer step for each mini-batch, and return the mean loss."""
    values = []
    for batch in batches:
        value = loss(*batch)
        optimizer.zero_grad()
        if backward is None:
            value.sum().backward()
        else:
            backward(value)
        optimizer.step()
        values.append(value.detach().sum())
    if not values:
        raise ValueError(
            "Expected at least one mini-batch per epoch, got none: the log is empty, or each history is too short. "
            "Check the filter before this call."
        )
    mean = float(torch.stack(values).mean())
    if not np.isfinite(mean):
        raise ValueError(
            f"The loss became {mean} in epoch {epoch}; expected a finite number. Lower the learning rate, and look for "
            "NaN in the data."
        )
    return mean
