"""The one loop that trains every PyTorch model of the course. Built by hand in chapter 07."""

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
    """What happened in one training run.

    Parameters
    ----------
    losses : list of float. Mean loss over the batches of each epoch.
    scores : list of float. Validation score after each epoch, higher is better; empty without validation.
    """

    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """Number of the epoch whose parameters were kept, from 1: of the best score, or the last one."""
        return int(np.argmax(self.scores)) + 1 if self.scores else len(self.losses)

    def plot(self, ax: Axes, **style: object) -> None:
        """Draw the losses against the epochs."""
        ax.plot(range(1, len(self.losses) + 1), self.losses, **style)  # type: ignore[arg-type]
        ax.set_xlabel("epoch")


if hasattr(os, "register_at_fork"):
    # The threads of torch's OpenMP do not survive a fork, and a child that asks for them waits for ever
    # (pytorch issues 2245 and 17199). One thread needs no others; torch's own DataLoader does the same in its workers.
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@contextmanager
def torch_defaults() -> Iterator[None]:
    """Compute in float32, on the CPU and with gradients inside the block, whatever was set outside of it.

    A notebook or a library may have set another default dtype or device, disabled gradients or entered
    ``torch.inference_mode`` or ``torch.autocast``. All of that is back when the block ends. As a decorator,
    ``@torch_defaults()``, it makes a function independent of these settings.
    """
    dtype, on_cpu = torch.get_default_dtype(), torch.get_default_device().type == "cpu"
    device = nullcontext() if on_cpu else torch.device("cpu")  # as a context it would slow each operation a little
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False), device:
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


@contextmanager
def seeded(random_state: int) -> Iterator[None]:
    """Let torch draw from this seed inside the block, and leave its random state outside as it was.

    The block has :func:`torch_defaults`, too: a network that is built in it can be trained.
    """
    check_seed("random_state", random_state)
    with torch_defaults(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random_state))
        yield


def shuffled(n: int, batch_size: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Cut the positions 0 … n - 1, in an order drawn anew, into batches of at most ``batch_size``."""
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
    """Fit the parameters of a module with Adam; its parameters end as they were after the best epoch.

    Build the module inside ``with seeded(random_state)``, and call this there, too: then what the module starts from
    and what its dropout draws are the same in every run.

    Parameters
    ----------
    module : torch Module. Changed in place; in evaluation mode at the end.
    batches : function of a numpy Generator that gives the batches of one epoch, tuples of tensors.
    loss : function of the tensors of a batch that returns what is minimized: a number, or several that are added up.
    n_epochs : int, at least 1.
    learning_rate, weight_decay : float. Of Adam.
    validate : function without arguments, optional. Called after each epoch; a higher score is better.
    patience : int, optional. Stop after so many epochs without a better score; needs ``validate``.
    backward : function of the loss, optional. Called in place of ``loss.sum().backward()``; it sets the gradients.
    random_state : int. Seed of the order of the batches.

    Raises
    ------
    ValueError
        If a parameter is out of its range, there is no batch, or the loss is no longer a finite number.

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
        raise ValueError("patience counts epochs without a better score: expected validate, too; got None.")
    if any(parameter.is_meta or parameter.is_inference() for parameter in module.parameters()):
        raise ValueError(
            "Expected a module whose parameters can be trained; got one that was built on the device 'meta' or inside "
            "torch.inference_mode(). Build it inside `with seeded(random_state)`."
        )
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate, weight_decay=weight_decay)
    rng = np.random.default_rng(random_state)
    history = History()
    best = copy.deepcopy(module.state_dict())
    silent = bool(os.environ.get("TQDM_DISABLE"))  # tqdm itself reads this in a terminal, and not in a notebook
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
    """Take a step for each batch, and return the mean loss."""
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
        raise ValueError("There is not one batch to learn from: the log is empty, or each history is too short.")
    mean = float(torch.stack(values).mean())
    if not np.isfinite(mean):
        raise ValueError(f"The loss became {mean} in epoch {epoch}. Lower the learning rate; look for NaN in the data.")
    return mean
