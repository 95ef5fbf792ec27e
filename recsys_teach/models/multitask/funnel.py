"""Tasks that follow each other: a click, and what follows it. Built in chapter 12."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach.models.multitask.networks import at_least_one
from recsys_teach.training import torch_defaults


class PairInput(nn.Module):
    """A row for each pair of a user and an item: both vectors, and their product coordinate by coordinate.

    Parameters
    ----------
    n_users, n_items, n_factors : int. The row has 3 · n_factors numbers.
    """

    @torch_defaults()
    def __init__(self, n_users: int, n_items: int, n_factors: int):
        super().__init__()
        at_least_one(n_users=n_users, n_items=n_items, n_factors=n_factors)
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
