"""Predict the next item by self-attention over the earlier positions of a history. Built by hand in chapter 09."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach.models.sequence import NextItemModel, NextItemNetwork


def causal_mask(length: int, device: torch.device | None = None) -> Tensor:
    """Build the mask that lets each position read itself and earlier positions. Built in chapter 09.

    Parameters
    ----------
    length : int
        Number of positions.
    device : torch.device, optional
        Device of the mask; by default the default device of PyTorch.

    Returns
    -------
    Tensor of bool, shape (length, length)
        True where the position of the row may read the position of the column.
    """
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def attention_weights(queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
    """Compute the attention of each position to those it may read: the softmax of q · k / √d. Built in chapter 09.

    Parameters
    ----------
    queries, keys : Tensor of float, shape (…, length, d)
        One query and one key for each position.
    mask : Tensor of bool, shape (length, length) or (…, length, length), optional
        True where the position of the row may read the position of the column; :func:`causal_mask` by default.

    Returns
    -------
    Tensor, shape (…, length, length)
        Each row sums to 1; it is 0 where the mask is False.

    Raises
    ------
    ValueError
        If the shapes do not match, the mask is not of bool, or a row of the mask is False everywhere.
    """
    length = queries.shape[-2] if queries.ndim > 1 else 0
    if not length or keys.shape != queries.shape:
        raise ValueError(
            f"Expected queries and keys of one shape (…, length, d); got {(*queries.shape,)} and {(*keys.shape,)}."
        )
    mask = causal_mask(length, queries.device) if mask is None else mask
    if mask.dtype != torch.bool or mask.shape[-2:] != (length, length):
        raise ValueError(
            f"Expected a mask of dtype torch.bool and shape ({length}, {length}), True where a position may be read; "
            f"got {mask.dtype} of shape {(*mask.shape,)}. Convert it with mask.bool(), or use causal_mask({length})."
        )
    if not mask.any(dim=-1).all():
        raise ValueError(
            "Expected a mask that lets each position read at least one; got a row of False. Set its diagonal to True."
        )
    logits = queries @ keys.mT / keys.shape[-1] ** 0.5  # (…, length, length)
    return logits.masked_fill(~mask, -torch.inf).softmax(dim=-1)


def causal_attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Average, for each position, the values of the positions that it may read. Built in chapter 09.

    Parameters
    ----------
    queries, keys : Tensor of float, shape (…, length, d)
        One query and one key for each position.
    values : Tensor of float, shape (…, length, d_values)
        One value for each position.
    mask : Tensor of bool, shape (length, length) or (…, length, length), optional
        See :func:`attention_weights`. With a mask other than the default, the result may depend on later positions.

    Returns
    -------
    Tensor, shape (…, length, d_values)
        The same as ``torch.nn.functional.scaled_dot_product_attention``.

    Raises
    ------
    ValueError
        As in :func:`attention_weights`, or if there is not one value for each key.

    References
    ----------
    Vaswani et al. (2017), "Attention is all you need", section 3.2.1.
    """
    if values.shape[:-1] != keys.shape[:-1]:
        raise ValueError(f"Expected one value for each key; got {(*values.shape,)} and {(*keys.shape,)}.")
    return attention_weights(queries, keys, mask) @ values


class AttentionBlock(nn.Module):
    """Apply attention, then two layers at each position; both have residual connections.

    Layer normalization comes before each of the two parts.
    """

    def __init__(self, n_factors: int, dropout: float):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(n_factors, n_factors, bias=False) for _ in range(3))
        self.wide = nn.Sequential(
            nn.Linear(n_factors, n_factors), nn.ReLU(), nn.Dropout(dropout), nn.Linear(n_factors, n_factors)
        )
        self.norm_attention, self.norm_wide = nn.LayerNorm(n_factors), nn.LayerNorm(n_factors)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Let each position read those that the mask allows.

        Parameters
        ----------
        states : Tensor, shape (n, length, n_factors)
            One state for each position.
        mask : Tensor of bool, shape (length, length)
            True where the position of the row may read the position of the column.

        Returns
        -------
        Tensor, shape (n, length, n_factors)
            The new states.
        """
        x = self.norm_attention(states)
        states = states + self.dropout(causal_attention(self.query(x), self.key(x), self.value(x), mask))
        return states + self.dropout(self.wide(self.norm_wide(states)))


class SASRecNetwork(NextItemNetwork):
    """Compute the hidden states by blocks of causal attention over item and positional embeddings."""

    def __init__(self, n_items: int, n_factors: int, max_length: int, n_blocks: int, dropout: float):
        super().__init__(n_items, n_factors)
        self.position_embeddings = nn.Embedding(max_length, n_factors)
        nn.init.normal_(self.position_embeddings.weight, std=n_factors**-0.5)
        self.blocks = nn.ModuleList(AttentionBlock(n_factors, dropout) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(n_factors)
        self.dropout = nn.Dropout(dropout)

    def mask(self, length: int) -> Tensor:
        """Return the mask of a row; padding is at the end, so the causal mask hides it from the items.

        Parameters
        ----------
        length : int
            Number of positions.

        Returns
        -------
        Tensor of bool, shape (length, length)
            True where the position of the row may read the position of the column.
        """
        return causal_mask(length, self.position_embeddings.weight.device)

    def embedded(self, rows: Tensor) -> Tensor:
        """Add item and positional embeddings, the input of the first block.

        Parameters
        ----------
        rows : Tensor of int, shape (n, length)
            Item positions, followed by ``n_items`` as padding.

        Returns
        -------
        Tensor, shape (n, length, n_factors)
            The scaled sums, with dropout in training.

        Raises
        ------
        ValueError
            If a row is longer than the number of positional embeddings.
        """
        length, max_length = rows.shape[1], self.position_embeddings.num_embeddings
        if length > max_length:
            raise ValueError(
                f"Expected rows of at most {max_length} items, the number of positional embeddings; got rows of "
                f"{length}. Use the last {max_length} items of each history."
            )
        index = torch.arange(length, device=rows.device)
        positions = F.embedding(index, self.position_embeddings.weight)  # (length, n_factors)
        # so that the input is about as large as what a block adds to it
        scale = self.position_embeddings.embedding_dim**0.5
        return self.dropout(scale * (self.item_factors(rows) + positions))

    def hidden(self, rows: Tensor) -> Tensor:
        """Compute the hidden state at each position of a history.

        Parameters
        ----------
        rows : Tensor of int, shape (n, length)
            Item positions, followed by ``n_items`` as padding; at most ``max_length`` columns.

        Returns
        -------
        Tensor, shape (n, length, n_factors)
            The hidden states after the last block.
        """
        states = self.embedded(rows)
        for block in self.blocks:
            states = block(states, self.mask(rows.shape[1]))
        return self.norm(states)


class SASRec(NextItemModel):
    """Rank the next item by self-attention. Built in chapter 09.

    The fitted attributes are those of :class:`~recsys_teach.models.sequence.NextItemModel`.

    Parameters
    ----------
    n_factors : int, default=64
        Length of the embeddings and of the hidden states, at least 1.
    n_blocks : int, default=1
        Number of attention blocks, at least 1.
    max_length : int, default=20
        Number of items of a history that are read, the last ones, at least 1.
    loss : {"softmax", "sampled"}, default="softmax"
        Cross-entropy over all items, or binary cross-entropy against one negative item, drawn uniformly for each
        target.
    dropout : float, default=0.3
        Dropout rate, at least 0 and below 1.
    n_epochs : int, default=20
        Maximum number of passes over the histories, at least 1.
    batch_size : int, default=64
        Number of windows in a batch, at least 1.
    learning_rate : float, default=4e-3
        Learning rate of Adam, above 0.
    patience : int, optional
        Number of epochs without a better validation score after which training stops.
    random_state : int, default=0
        Seed of the initial weights, the batches, the dropout and the negative items.

    References
    ----------
    Kang and McAuley (2018), "Self-attentive sequential recommendation", which samples one negative for each target;
    Klenitskiy and Vasilev (2023), "Turning dross into gold loss: is BERT4Rec really better than SASRec?", for the full
    softmax. One head, as in the first.
    """

    def __init__(
        self,
        n_factors: int = 64,
        *,
        n_blocks: int = 1,
        max_length: int = 20,
        loss: str = "softmax",
        dropout: float = 0.3,
        n_epochs: int = 20,
        batch_size: int = 64,
        learning_rate: float = 4e-3,
        patience: int | None = None,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.n_blocks = n_blocks
        self.max_length = max_length
        self.loss = loss
        self.dropout = dropout
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.random_state = random_state

    def _network(self, n_items: int) -> NextItemNetwork:
        return SASRecNetwork(n_items, self.n_factors, self.max_length, self.n_blocks, self.dropout)
