"""Model tasks that follow each other: a click, and a label that exists only after it. Built in chapter 12."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach.models.multitask.networks import at_least_one
from recsys_teach.training import torch_defaults


class PairInput(nn.Module):
    """Build a row for each pair of a user and an item: both embeddings and their elementwise product.

    Parameters
    ----------
    n_users, n_items : int
        Number of embeddings.
    n_factors : int
        Length of an embedding. The row has 3 · n_factors numbers.
    """

    @torch_defaults()
    def __init__(self, n_users: int, n_items: int, n_factors: int):
        super().__init__()
        at_least_one(n_users=n_users, n_items=n_items, n_factors=n_factors)
        self.users, self.items = nn.Embedding(n_users, n_factors), nn.Embedding(n_items, n_factors)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, user_pos: Tensor, item_pos: Tensor) -> Tensor:
        """Build the rows of pairs.

        Parameters
        ----------
        user_pos, item_pos : Tensor of int, shape (n,)
            Positions of the users and items, not ids.

        Returns
        -------
        Tensor, shape (n, 3 · n_factors)
            User embedding, item embedding and their product.
        """
        users, items = self.users(user_pos), self.items(item_pos)
        return torch.cat([users, items, users * items], dim=1)


class ESMM(nn.Module):
    """Learn a click and a label that follows it from all exposures. Built by hand in chapter 12.

    The second output of the network becomes P(follow | click) without a separate loss: only the product
    P(click and follow) = P(click) · P(follow | click) is compared with the labels. So both tasks are trained on all
    exposures, not only on the clicked ones.

    Parameters
    ----------
    network : Module
        A network with two outputs, (…) to (n, 2): the logits of a click, and of the following label given a click.

    References
    ----------
    Ma et al. (2018), "Entire space multi-task model: an effective approach for estimating post-click conversion
    rate", SIGIR.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        """Compute P(click) and P(follow | click).

        Parameters
        ----------
        *inputs : Tensor
            The inputs of the network.

        Returns
        -------
        Tensor, shape (n, 2)
            Probabilities.
        """
        return torch.sigmoid(self.network(*inputs))

    def losses(self, inputs: Sequence[Tensor], click: Tensor, follow: Tensor) -> Tensor:
        """Compute the cross-entropy of the clicks, and of the product P(click) · P(follow | click).

        Parameters
        ----------
        inputs : sequence of Tensor
            The inputs of the network.
        click : Tensor, shape (n,)
            1 where the item was clicked, 0 elsewhere.
        follow : Tensor, shape (n,)
            1 where the item was clicked and the following label is 1, 0 elsewhere.

        Returns
        -------
        Tensor, shape (2,)
            The two mean losses.
        """
        first, second = self.network(*inputs).unbind(dim=1)
        log_click = F.logsigmoid(first)
        log_both = log_click + F.logsigmoid(second)
        # 1 − p q = (1 − p) + p (1 − q): no click, or a click that nothing follows. A sum of logs avoids 1 − p q = 0.
        log_not_both = torch.logaddexp(F.logsigmoid(-first), log_click + F.logsigmoid(-second))
        chain = -(follow * log_both + (1 - follow) * log_not_both).mean()
        return torch.stack([F.binary_cross_entropy_with_logits(first, click), chain])
