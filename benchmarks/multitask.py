"""Compare MMoE, PLE and ESMM with those of torch-rechub and deepctr-torch: their outputs and their speed.

    .venv-benchmarks/bin/python -m benchmarks.multitask

checks that the forward passes agree if the weights are equal, then prints the seconds of one epoch of MMoE on 200,000
rows of 100 features (batches of 500, Adam, two regressions, one thread; median of three runs, in turn). It takes about
a minute and 1 GB of memory. The other libraries are optional; benchmarks/setup.py installs them.

The implementations differ on purpose. torch-rechub has a batch normalization after each layer, also in the gates. With
mean 0, variance 1 and no epsilon, it changes nothing in evaluation mode. deepctr-torch requests its newest version from
a server at import, which is prevented here, and the last layers of its heads and gates have no bias. Its PLE is not
compared, because it creates as many shared experts as specific ones.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach.models.multitask import ESMM, PLE, MMoE, related_tasks, task_losses

N_ROWS, N_FEATURES, BATCH, N_RUNS = 200_000, 100, 500, 3
TOLERANCE = 1e-5


def linears(module: Any) -> list[nn.Linear]:
    """Return the linear layers of a module in their order.

    Parameters
    ----------
    module : Module
        Any module.

    Returns
    -------
    list of Linear
        The layers.
    """
    return [part for part in module.modules() if isinstance(part, nn.Linear)]


def copy_layer(to: nn.Linear, weight: Tensor, bias: Tensor | None) -> None:
    """Copy weights to a layer.

    Parameters
    ----------
    to : Linear
        The layer that is changed.
    weight : Tensor, shape (n_out, n_in)
        The weights.
    bias : Tensor, shape (n_out,), or None
        The bias; None sets the bias of the layer to 0.
    """
    with torch.no_grad():
        to.weight.copy_(weight)
        if to.bias is not None:
            to.bias.copy_(torch.zeros_like(to.bias) if bias is None else bias)


def copy_experts(experts: Any, peers: Iterable[nn.Module]) -> None:
    """Copy our experts, which are slices of one layer, to those of another library.

    Parameters
    ----------
    experts : Module
        Our experts.
    peers : iterable of Module
        The experts that are changed.
    """
    n_experts, width = experts.shape
    weights = experts.layer.weight.view(n_experts, width, -1)
    for peer, weight, bias in zip(peers, weights, experts.layer.bias.view(n_experts, width), strict=True):
        copy_layer(linears(peer)[0], weight, bias)


def copy_heads(heads: Any, peers: Iterable[nn.Module]) -> None:
    """Copy our heads, which have two layers each, to those of another library.

    Parameters
    ----------
    heads : Module
        Our heads.
    peers : iterable of Module
        The heads that are changed.
    """
    for peer, head in zip(peers, heads.heads, strict=True):
        for to, ours in zip(linears(peer), linears(head), strict=True):
            copy_layer(to, ours.weight, ours.bias)


def without_batch_norm(module: nn.Module) -> Any:
    """Make each batch normalization return its input, in evaluation mode.

    Parameters
    ----------
    module : Module
        A new module, which is changed.

    Returns
    -------
    Module
        The same module, in evaluation mode.
    """
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.eps = 0.0
    return module.eval()


def rechub_features(n_features: int = N_FEATURES) -> list:
    """Return torch-rechub's description of one dense field.

    Parameters
    ----------
    n_features : int, default=100
        Number of features.

    Returns
    -------
    list of DenseFeature
        One field with the name "x".
    """
    from torch_rechub.basic.features import DenseFeature

    return [DenseFeature("x", embed_dim=n_features)]


def rechub_mmoe(n_features: int = N_FEATURES) -> nn.Module:
    """Build torch-rechub's MMOE with our sizes.

    Parameters
    ----------
    n_features : int, default=100
        Number of features.

    Returns
    -------
    Module
        The network.
    """
    from torch_rechub.models.multi_task import MMOE

    return MMOE(
        rechub_features(n_features), ["regression"] * 2, 8, {"dims": [16], "activation": "relu"}, [{"dims": [8]}] * 2
    )


@torch.no_grad()
def compare_rechub() -> dict[str, float]:
    """Compute the largest difference between our outputs and those of torch-rechub with the same weights.

    Returns
    -------
    dict of str to float
        Largest difference for each architecture.
    """
    from torch_rechub.models.multi_task import PLE as RechubPLE

    X = torch.randn(64, 12)
    ours, theirs = MMoE(12, 2), without_batch_norm(rechub_mmoe(12))
    copy_experts(ours.experts, theirs.experts)
    for peer, weight in zip(theirs.gates, ours.gate.weight.view(2, 8, 12), strict=True):
        copy_layer(linears(peer)[0], weight, None)
    copy_heads(ours.heads, theirs.towers)
    found = {"MMoE, torch-rechub": float((ours(X) - theirs({"x": X})).abs().max())}

    sizes = {"dims": [16], "activation": "relu"}
    deep: Any = PLE(12, 2, n_task_experts=2, n_shared_experts=3, n_levels=2)
    peer = without_batch_norm(RechubPLE(rechub_features(12), ["regression"] * 2, 2, 2, 3, sizes, [{"dims": [8]}] * 2))
    for level, cgc in zip(deep.levels, peer.cgc_layers, strict=True):
        for task, experts in enumerate(level.task_experts):
            copy_experts(experts, cgc.experts_specific[2 * task : 2 * task + 2])
            copy_layer(linears(cgc.gates_specific[task])[0], level.gate[task].weight, None)
        copy_experts(level.shared_experts, cgc.experts_shared)
        if level.shared_gate is not None:
            copy_layer(linears(cgc.gate_shared)[0], level.shared_gate.weight, None)
    copy_heads(deep.heads, peer.towers)
    found["PLE of two levels, torch-rechub"] = float((deep(X) - peer({"x": X})).abs().max())
    return found


class TwoTowersOfLogits(nn.Module):
    """Two separate networks, as in torch-rechub's ESMM: one for the click, one for the event after the click.

    Parameters
    ----------
    n_in : int
        Number of features.
    """

    def __init__(self, n_in: int):
        super().__init__()
        self.click, self.follow = (nn.Sequential(nn.Linear(n_in, 8), nn.ReLU(), nn.Linear(8, 1)) for _ in range(2))

    def forward(self, X: Tensor) -> Tensor:
        """Compute the logits of both events.

        Parameters
        ----------
        X : Tensor, shape (n, n_in)
            Features.

        Returns
        -------
        Tensor, shape (n, 2)
            Logits of the click and of the event after it.
        """
        return torch.cat([self.click(X), self.follow(X)], dim=1)


@torch.no_grad()
def compare_esmm() -> float:
    """Compute the largest difference between our ESMM and that of torch-rechub with the same weights.

    Returns
    -------
    float
        Largest difference in P(follow | click), P(click), their product, and the loss of the product.
    """
    from torch_rechub.basic.features import SparseFeature
    from torch_rechub.models.multi_task import ESMM as RechubESMM

    fields = [SparseFeature(name, vocab_size=20, embed_dim=6) for name in ("user", "item")]
    theirs = without_batch_norm(RechubESMM(fields[:1], fields[1:], {"dims": [8]}, {"dims": [8]}))
    ours: Any = ESMM(TwoTowersOfLogits(12))
    for part, tower in ((ours.network.click, theirs.tower_ctr), (ours.network.follow, theirs.tower_cvr)):
        for to, source in zip(linears(tower), linears(part), strict=True):
            copy_layer(to, source.weight, source.bias)
    batch = {"user": torch.randint(20, (64,)), "item": torch.randint(20, (64,))}
    X = theirs.embedding(batch, fields, squeeze_dim=True)
    click_follow, answers = ours(X), theirs(batch)
    ours_stacked = torch.stack([click_follow[:, 1], click_follow[:, 0], click_follow.prod(dim=1)], dim=1)
    click = torch.randint(2, (64,)).float()
    follow = click * torch.randint(2, (64,)).float()
    chain = F.binary_cross_entropy(answers[:, 2], follow)
    differences = [(ours_stacked - answers).abs().max(), (ours.losses([X], click, follow)[1] - chain).abs()]
    return float(torch.stack(differences).max())


@torch.no_grad()
def compare_deepctr() -> float:
    """Compute the largest difference between our MMoE and that of deepctr-torch with the same weights.

    Returns
    -------
    float
        Largest difference; the biases of the last layers are 0.
    """
    # No thread starts during the import, because deepctr-torch would look for its newest version on the network.
    start, threading.Thread.start = threading.Thread.start, lambda thread: None  # type: ignore
    try:
        from deepctr_torch.inputs import DenseFeat
        from deepctr_torch.models.multitask.mmoe import MMOE
    finally:
        threading.Thread.start = start  # type: ignore
    theirs = MMOE(
        [DenseFeat("x", 12)], num_experts=8, expert_dnn_hidden_units=(16,), gate_dnn_hidden_units=(),
        tower_dnn_hidden_units=(8,), task_types=["regression"] * 2, task_names=["a", "b"],
    ).eval()  # fmt: skip
    ours: Any = MMoE(12, 2)
    copy_experts(ours.experts, theirs.expert_dnn)
    for task, head in enumerate(ours.heads.heads):
        hidden, last = linears(head)
        copy_layer(last, last.weight, None)
        copy_layer(theirs.gate_dnn_final_layer[task], ours.gate.weight.view(2, 8, 12)[task], None)
        copy_layer(linears(theirs.tower_dnn[task])[0], hidden.weight, hidden.bias)
        copy_layer(theirs.tower_dnn_final_layer[task], last.weight, None)
    for prediction in theirs.out:  # each prediction layer has a separate bias
        nn.init.zeros_(prediction.bias)
    X = torch.randn(64, 12)
    return float((ours(X) - theirs(X)).abs().max())


def epoch_seconds(network: nn.Module, forward: Callable[[Tensor], Tensor], X: Tensor, Y: Tensor) -> float:
    """Measure the time of one epoch of training.

    Parameters
    ----------
    network : Module
        The network that is trained.
    forward : function of Tensor to Tensor
        Computes the outputs for a batch.
    X : Tensor, shape (n, n_features)
        Features.
    Y : Tensor, shape (n, 2)
        Targets of both tasks.

    Returns
    -------
    float
        Seconds.
    """
    optimizer = torch.optim.Adam(network.parameters())
    start = time.perf_counter()
    for rows in torch.from_numpy(np.random.default_rng(0).permutation(len(X))).split(BATCH):
        loss = task_losses(forward(X[rows]), Y[rows], ["regression"] * 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


def report(name: str, difference: float) -> None:
    """Print a difference; exit if it is too large.

    Parameters
    ----------
    name : str
        What was compared.
    difference : float
        Largest difference.
    """
    print(f"{name:34s} largest difference {difference:.1e}")
    if not difference < TOLERANCE:
        raise SystemExit(f"{name}: expected outputs that differ by less than {TOLERANCE:g}; got {difference:.1e}.")


def main() -> None:
    """Compare with every library that is installed."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    peers: dict[str, Callable[[], tuple[nn.Module, Callable]]] = {}

    def ours() -> tuple[nn.Module, Callable]:
        network = MMoE(N_FEATURES, 2)
        return network, network

    def rechub() -> tuple[nn.Module, Callable]:
        network = rechub_mmoe().train()
        return network, lambda x: network({"x": x})

    peers["ours"] = ours
    try:
        for name, difference in compare_rechub().items():
            report(name, difference)
        report("ESMM, torch-rechub", compare_esmm())
        peers["torch-rechub"] = rechub
    except ImportError:
        print("torch-rechub is not installed. To compare with it, type: python benchmarks/setup.py")
    try:
        report("MMoE, deepctr-torch", compare_deepctr())
    except ImportError:
        print("deepctr-torch is not installed. To compare with it, type: python benchmarks/setup.py")
    X, Y, _ = (torch.from_numpy(part) for part in related_tasks(N_ROWS, 0.5, n_features=N_FEATURES))
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for turn in range(N_RUNS):
        for name in list(peers)[:: -1 if turn % 2 else 1]:
            network, forward = peers[name]()
            seconds[name].append(epoch_seconds(network, forward, X, Y))
    for name, several in seconds.items():
        print(f"{name:14s} one epoch of MMoE, {N_ROWS:,} rows: {statistics.median(several):5.2f} s")
    if "torch-rechub" in seconds:
        ratio = statistics.median(a / b for a, b in zip(seconds["ours"], seconds["torch-rechub"], strict=True))
        print(f"ours / torch-rechub {ratio:.2f} (goal: at most 1)")


if __name__ == "__main__":
    main()
