"""Several tasks in one network: masked losses, who sees whom, equal budgets, and tasks whose relation is known."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import log_loss, mean_squared_error

from recsys_teach.learn.chapters import load_part
from recsys_teach.models.multitask import (
    CGC,
    PLE,
    MMoE,
    PairInput,
    SharedBottom,
    label_correlation,
    n_parameters,
    related_tasks,
    task_losses,
)
from recsys_teach.training import seeded, shuffled, train

NAN = float("nan")
SAVED_RUN = load_part("11", "saved_run")
ALL = {
    "shared bottom": lambda: SharedBottom(6, 3, width=10),
    "MMoE": lambda: MMoE(6, 3, n_experts=4, width=5),
    "CGC": lambda: PLE(6, 3, n_task_experts=2, n_shared_experts=2, width=5),
    "PLE": lambda: PLE(6, 3, n_task_experts=2, n_shared_experts=2, width=5, n_levels=3),
    "PLE, nothing shared": lambda: PLE(6, 3, n_task_experts=2, n_shared_experts=0, width=5, n_levels=2),
}
each_network = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def made(make, seed: int = 0):
    with seeded(seed):
        return make()


def rows(n: int = 7, n_features: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, n_features))).float()


# --- losses ---------------------------------------------------------------------------------------------------


def test_losses_of_two_rows_worked_by_hand() -> None:
    outputs = torch.tensor([[0.0, 1.0, 0.0], [0.0, 4.0, 9.0]])
    labels = torch.tensor([[1.0, 3.0, 1.0], [0.0, 4.0, NAN]])
    losses = task_losses(outputs, labels, ["binary", "regression", "binary"])
    torch.testing.assert_close(losses, torch.tensor([np.log(2), 2.0, np.log(2)], dtype=torch.float32))


def test_losses_equal_scikit_learns_on_the_known_rows() -> None:
    rng = np.random.default_rng(1)
    outputs, labels = rng.normal(size=(50, 2)), rng.integers(0, 2, size=(50, 2)).astype(float)
    labels[rng.random((50, 2)) < 0.4] = NAN
    losses = task_losses(torch.from_numpy(outputs), torch.from_numpy(labels), ["binary", "regression"])
    first, second = (~np.isnan(labels)).T
    chance = 1 / (1 + np.exp(-outputs[first, 0]))
    assert float(losses[0]) == pytest.approx(log_loss(labels[first, 0], chance))
    assert float(losses[1]) == pytest.approx(mean_squared_error(labels[second, 1], outputs[second, 1]))


def test_an_unknown_label_pulls_at_nothing() -> None:
    outputs = torch.randn(4, 2, requires_grad=True)
    labels = torch.tensor([[1.0, NAN], [0.0, 1.0], [NAN, 0.0], [NAN, NAN]])
    task_losses(outputs, labels, ["binary", "binary"]).sum().backward()
    assert outputs.grad is not None
    assert ((outputs.grad == 0) == labels.isnan()).all()


def test_a_task_without_a_label_has_loss_zero_and_a_gradient_of_zero() -> None:
    outputs = torch.randn(3, 2, requires_grad=True)
    labels = torch.tensor([[1.0, NAN]] * 3)
    losses = task_losses(outputs, labels, ["binary", "regression"])
    losses.sum().backward()
    assert losses[1] == 0 and outputs.grad is not None and (outputs.grad[:, 1] == 0).all()


def test_losses_refuse_what_they_cannot_use() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, n_tasks\) with 2 tasks; got \(3, 2\) and \(3, 1\)"):
        task_losses(torch.zeros(3, 2), torch.zeros(3, 1), ["binary", "binary"])
    with pytest.raises(ValueError, match="'binary' or 'regression'; got 'rank'"):
        task_losses(torch.zeros(3, 1), torch.zeros(3, 1), ["rank"])


# --- what a network shares -------------------------------------------------------------------------------------


@each_network
def test_each_row_is_answered_alone_and_for_each_task(make) -> None:
    network, X = made(make), rows()
    assert network(X).shape == (7, 3)
    torch.testing.assert_close(network(X.flip(0)).flip(0), network(X))
    torch.testing.assert_close(network(X[:1]), network(X)[:1])
    assert network(X[:0]).shape == (0, 3)


@each_network
def test_network_learns(make) -> None:
    X = rows(200)
    Y = torch.stack([X[:, 0], -X[:, 0], X[:, 1].abs()], dim=1)
    with seeded(0):
        network = make()
        history = train(
            network,
            lambda rng: ((X[g], Y[g]) for g in shuffled(200, 50, rng)),
            lambda x, y: task_losses(network(x), y, ["regression"] * 3).sum(),
            n_epochs=20,
            learning_rate=0.02,
        )
    assert history.losses[-1] < history.losses[0] / 2


def test_mmoe_with_one_expert_is_a_shared_bottom() -> None:
    single, bottom = made(lambda: MMoE(6, 3, n_experts=1, width=9)), made(lambda: SharedBottom(6, 3, width=9), 1)
    bottom.bottom[0].load_state_dict(single.experts.layer.state_dict())
    bottom.heads.load_state_dict(single.heads.state_dict())
    torch.testing.assert_close(single(rows()), bottom(rows()))


def test_mmoe_equals_the_formula_row_by_row() -> None:
    network, X = made(lambda: MMoE(6, 2, n_experts=3, width=4, head_width=5)), rows()
    W, b = (part.detach().numpy() for part in network.experts.layer.parameters())
    gates = network.gate.weight.detach().numpy().reshape(2, 3, 6)
    for r, x in enumerate(X.numpy()):
        experts = np.maximum(W @ x + b, 0).reshape(3, 4)
        for task in range(2):
            mixed = torch.from_numpy(softmax(gates[task] @ x) @ experts).float()
            torch.testing.assert_close(network(X)[r, task], network.heads.heads[task](mixed)[0])


def test_shares_of_a_gate_sum_to_one() -> None:
    shares = made(lambda: MMoE(6, 3)).gates(rows())
    assert shares.shape == (7, 3, 8) and (shares > 0).all()
    torch.testing.assert_close(shares.sum(dim=2), torch.ones(7, 3))
    for level in made(ALL["PLE"]).levels[:1]:
        for share in level.gates([rows()] * 4):
            torch.testing.assert_close(share.sum(dim=1), torch.ones(7))


def test_order_of_the_experts_changes_nothing() -> None:
    network, turned, X = made(ALL["MMoE"]), made(ALL["MMoE"]), rows()
    order = torch.tensor([2, 0, 3, 1])
    units = (order[:, None] * 5 + torch.arange(5)).ravel()
    with torch.no_grad():
        turned.experts.layer.weight.copy_(network.experts.layer.weight[units])
        turned.experts.layer.bias.copy_(network.experts.layer.bias[units])
        turned.gate.weight.copy_(network.gate.weight.view(3, 4, 6)[:, order].reshape(12, 6))
    torch.testing.assert_close(turned(X), network(X))


def moved_by(network, task: int) -> list[str]:
    """Names of the parameters that the output of a task depends on."""
    names, parameters = zip(*network.named_parameters(), strict=True)
    found = torch.autograd.grad(network(rows(40))[:, task].sum(), parameters, allow_unused=True)
    return [name for name, part in zip(names, found, strict=True) if part is not None and part.abs().max() > 0]


def test_one_level_shows_a_task_its_own_experts_and_the_shared_ones() -> None:
    moved = " ".join(moved_by(made(ALL["CGC"]), 1))
    assert "task_experts.1" in moved and "shared_experts." in moved and "gate.1" in moved and "heads.1" in moved
    for other in ("task_experts.0", "task_experts.2", "gate.0", "gate.2", "heads.0", "heads.2"):
        assert other not in moved


def test_two_levels_reach_other_tasks_by_the_shared_path_alone() -> None:
    moved = " ".join(moved_by(made(lambda: PLE(6, 3, width=5, n_levels=2)), 1))
    assert "levels.0.task_experts.0" in moved, "through the shared mixture of the first level, as in the paper"
    assert "levels.1.task_experts.0" not in moved and "levels.0.gate.0" not in moved


def test_without_shared_experts_each_task_is_a_model_of_its_own() -> None:
    network = made(ALL["PLE, nothing shared"])
    parts = [set(moved_by(network, task)) for task in range(3)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    single, X = PLE(6, 1, n_task_experts=2, n_shared_experts=0, width=5, n_levels=2), rows()
    state = network.state_dict()
    of_task_2 = {name: re.sub(r"(task_experts|gate|heads)\.0", r"\1.2", name) for name in single.state_dict()}
    single.load_state_dict({name: state[source] for name, source in of_task_2.items()})
    torch.testing.assert_close(single(X)[:, 0], network(X)[:, 2])


def test_a_level_worked_by_hand() -> None:
    level = CGC(1, 2, 1, 1, 1, pass_shared=False)
    with torch.no_grad():
        for experts, said in zip([*level.task_experts, level.shared_experts], (1.0, 10.0, 5.0), strict=True):
            experts.layer.weight.fill_(0)
            experts.layer.bias.fill_(said)
        for gate in level.gate:
            gate.weight.fill_(0)
    first, second, _ = level([torch.ones(1, 1)] * 3)
    assert (first.item(), second.item()) == pytest.approx((3.0, 7.5))


# --- budgets --------------------------------------------------------------------------------------------------


def test_parameters_of_the_paper_sizes_counted_by_hand() -> None:
    experts, gates, heads = 8 * 16 * 101, 2 * 8 * 100, 2 * (17 * 8 + 9)
    assert n_parameters(MMoE(100, 2)) == experts + gates + heads == 14_818
    assert n_parameters(SharedBottom(100, 2)) == 113 * 101 + 2 * (114 * 8 + 9)


def test_budgets_of_the_long_run_on_the_generator_are_equal_within_one_per_cent() -> None:
    counts = [n_parameters(make()) for make in SAVED_RUN.GENERATOR.values()]
    counts.append(2 * n_parameters(SharedBottom(100, 1, width=SAVED_RUN.SINGLE_WIDTH)))
    assert max(counts) / min(counts) < 1.01


@pytest.mark.parametrize("n_factors", SAVED_RUN.WIDTHS)
def test_budgets_of_the_long_run_on_the_world_are_equal_within_one_per_cent(n_factors) -> None:
    counts = [
        n_parameters(SAVED_RUN.make_ranker(name, n_factors)) * (3 if name == "single task" else 1)
        for name in SAVED_RUN.WIDTHS[n_factors]
    ]
    assert max(counts) / min(counts) < 1.01


# --- pairs ----------------------------------------------------------------------------------------------------


def test_a_pair_is_both_vectors_and_their_product() -> None:
    pairs = made(lambda: PairInput(3, 4, 2))
    row = pairs(torch.tensor([2]), torch.tensor([1]))[0]
    user, item = pairs.users.weight[2], pairs.items.weight[1]
    torch.testing.assert_close(row, torch.cat([user, item, user * item]))


# --- tasks whose relation is known ----------------------------------------------------------------------------


@pytest.mark.parametrize("cosine", [0.0, 0.5, 0.9, 1.0, -0.5])
def test_label_correlation_matches_the_closed_form(cosine) -> None:
    _, Y, waves = related_tasks(50_000, cosine, n_features=10, random_state=3)
    assert np.corrcoef(Y.T)[0, 1] == pytest.approx(label_correlation(cosine, waves), abs=0.02)


def test_label_correlation_of_one_sine_equals_numerical_integration() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    first, second = np.meshgrid(nodes, nodes, indexing="ij")
    share = np.outer(weights, weights) / (2 * np.pi)
    alpha, beta, p = 1.3, 0.4, 0.6
    z1, z2 = first, p * first + np.sqrt(1 - p**2) * second
    y1, y2 = z1 + np.sin(alpha * z1 + beta), z2 + np.sin(alpha * z2 + beta)
    covariance = (share * y1 * y2).sum() - (share * y1).sum() * (share * y2).sum()
    variance = (share * y1**2).sum() - (share * y1).sum() ** 2
    expected = covariance / (variance + 0.01)
    assert label_correlation(p, np.array([[alpha], [beta]])) == pytest.approx(expected, abs=1e-8)


def test_label_correlation_rises_with_the_cosine_to_all_but_the_noise() -> None:
    waves = np.random.default_rng(0).normal(size=(2, 10))
    values = [label_correlation(p, waves) for p in np.linspace(0, 1, 6)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(0, abs=1e-12)
    assert 0.99 < values[-1] < 1


def test_equal_tasks_have_equal_labels_but_for_the_noise() -> None:
    _, Y, _ = related_tasks(5_000, 1.0, random_state=0)
    assert np.std(Y[:, 0] - Y[:, 1]) == pytest.approx(0.1 * np.sqrt(2), rel=0.05)


def test_generator_repeats_itself_and_another_seed_differs() -> None:
    first, again, other = (related_tasks(20, 0.5, random_state=seed) for seed in (4, 4, 5))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
    assert first[0].dtype == first[1].dtype == np.float32


def test_a_cosine_that_is_none_is_refused() -> None:
    for cosine in (1.1, -2, NAN):
        with pytest.raises(ValueError, match="correlation must be a finite number at least -1 and at most 1"):
            related_tasks(10, cosine)


@pytest.mark.parametrize("make", [SharedBottom, MMoE, PLE], ids=lambda make: make.__name__)
def test_sizes_below_one_are_refused(make) -> None:
    with pytest.raises(ValueError, match="n_features must be an integer, at least 1; got 0"):
        make(0, 2)
    with pytest.raises(ValueError, match="width must be an integer, at least 1; got 0"):
        make(3, 2, width=0)
