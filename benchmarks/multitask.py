"""MMoE, PLE and ESMM beside torch-rechub's and deepctr-torch's: the same answers with copied weights, and the speed.

    .venv-benchmarks/bin/python -m benchmarks.multitask

makes sure that the forward passes agree, then prints the seconds of one epoch of MMoE on 200,000 rows of 100 features
(batches of 500, Adam, two regressions, one thread; median of three, in turns). It takes about a minute and 1 GB.
The peers are optional: benchmarks/setup.py installs them.

What differs on purpose: torch-rechub has a batch norm after each layer, also in the gates. Before the weights are
copied, it is put to mean 0, variance 1, which in evaluation mode changes nothing. deepctr-torch asks a server for its
newest version at import, which is prevented here, and its heads and gates have no last bias; its PLE is left out, for
it makes the shared experts with the number of the specific ones.
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
    """Give the linear layers of a module in their order."""
    return [part for part in module.modules() if isinstance(part, nn.Linear)]


def copy_layer(to: nn.Linear, weight: Tensor, bias: Tensor | None) -> None:
    """Write weights into a layer; a bias that ours does not have becomes 0."""
    with torch.no_grad():
        to.weight.copy_(weight)
        if to.bias is not None:
            to.bias.copy_(torch.zeros_like(to.bias) if bias is None else bias)


def copy_experts(experts: Any, peers: Iterable[nn.Module]) -> None:
    """Copy our experts, which lie side by side in one layer, into the peer's."""
    n_experts, width = experts.shape
    weights = experts.layer.weight.view(n_experts, width, -1)
    for peer, weight, bias in zip(peers, weights, experts.layer.bias.view(n_experts, width), strict=True):
        copy_layer(linears(peer)[0], weight, bias)


def copy_heads(heads: Any, peers: Iterable[nn.Module]) -> None:
    """Copy heads of two layers."""
    for peer, head in zip(peers, heads.heads, strict=True):
        for to, ours in zip(linears(peer), linears(head), strict=True):
            copy_layer(to, ours.weight, ours.bias)


def without_batch_norm(module: nn.Module) -> Any:
    """Let each batch norm pass on what it gets, in evaluation mode."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.eps = 0.0
    return module.eval()


def rechub_features(n_features: int = N_FEATURES) -> list:
    """Describe one dense field."""
    from torch_rechub.basic.features import DenseFeature

    return [DenseFeature("x", embed_dim=n_features)]


def rechub_mmoe(n_features: int = N_FEATURES) -> nn.Module:
    """Make torch-rechub's MMOE with our sizes."""
    from torch_rechub.models.multi_task import MMOE

    return MMOE(
        rechub_features(n_features), ["regression"] * 2, 8, {"dims": [16], "activation": "relu"}, [{"dims": [8]}] * 2
    )


@torch.no_grad()
def compare_rechub() -> dict[str, float]:
    """Largest difference between our answers and torch-rechub's, weights copied."""
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
    """Two small networks side by side, as torch-rechub's ESMM has them: of the click, and of what follows."""

    def __init__(self, n_in: int):
        super().__init__()
        self.click, self.follow = (nn.Sequential(nn.Linear(n_in, 8), nn.ReLU(), nn.Linear(8, 1)) for _ in range(2))

    def forward(self, X: Tensor) -> Tensor:
        """(n, n_in) to (n, 2)."""
        return torch.cat([self.click(X), self.follow(X)], dim=1)


@torch.no_grad()
def compare_esmm() -> float:
    """Largest difference in P(follow | click), P(click) and their product, and in the loss of the chain."""
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
    together = torch.stack([click_follow[:, 1], click_follow[:, 0], click_follow.prod(dim=1)], dim=1)
    click = torch.randint(2, (64,)).float()
    follow = click * torch.randint(2, (64,)).float()
    chain = F.binary_cross_entropy(answers[:, 2], follow)
    off = [(together - answers).abs().max(), (ours.losses([X], click, follow)[1] - chain).abs()]
    return float(torch.stack(off).max())


@torch.no_grad()
def compare_deepctr() -> float:
    """Largest difference between our MMoE and deepctr-torch's, weights copied, last biases 0."""
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
    for prediction in theirs.out:  # each has a bias of its own
        nn.init.zeros_(prediction.bias)
    X = torch.randn(64, 12)
    return float((ours(X) - theirs(X)).abs().max())


def epoch_seconds(network: nn.Module, forward: Callable[[Tensor], Tensor], X: Tensor, Y: Tensor) -> float:
    """Train one epoch; give the seconds."""
    optimizer = torch.optim.Adam(network.parameters())
    start = time.perf_counter()
    for rows in torch.from_numpy(np.random.default_rng(0).permutation(len(X))).split(BATCH):
        loss = task_losses(forward(X[rows]), Y[rows], ["regression"] * 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


def report(name: str, off: float) -> None:
    """Print one line; stop if the answers differ."""
    print(f"{name:34s} largest difference {off:.1e}")
    if not off < TOLERANCE:
        raise SystemExit(f"{name}: the answers differ by more than {TOLERANCE:g}.")


def main() -> None:
    """Compare everything that is installed."""
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
        for name, off in compare_rechub().items():
            report(name, off)
        report("ESMM, torch-rechub", compare_esmm())
        peers["torch-rechub"] = rechub
    except ImportError:
        print("torch-rechub is not installed: python benchmarks/setup.py, to see it beside ours")
    try:
        report("MMoE, deepctr-torch", compare_deepctr())
    except ImportError:
        print("deepctr-torch is not installed: python benchmarks/setup.py, to see it beside ours")
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
