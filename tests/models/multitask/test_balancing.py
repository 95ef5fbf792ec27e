"""How losses are weighed and gradients mended, and what a funnel learns."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from recsys_teach.models.multitask import (
    ESMM,
    GradNorm,
    SharedBottom,
    UncertaintyWeights,
    gradient_cosines,
    pcgrad,
    set_gradient,
    task_gradients,
)
from recsys_teach.training import seeded, shuffled, train

# --- gradients of each task -----------------------------------------------------------------------------------


def test_task_gradients_are_those_of_each_loss_alone() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    v = torch.tensor([3.0], requires_grad=True)
    losses = torch.stack([(w**2).sum(), (w * v).sum()])
    expected = torch.tensor([[2.0, 4.0, 0.0], [3.0, 3.0, 3.0]])  # the first loss does not know v
    torch.testing.assert_close(task_gradients(losses, [w, v]), expected)


def test_task_gradients_sum_to_the_gradient_of_the_sum() -> None:
    with seeded(0):
        network, X, y = SharedBottom(5, 3, width=4), torch.randn(20, 5), torch.randn(20, 3)
    losses = ((network(X) - y) ** 2).mean(dim=0)
    parameters = list(network.parameters())
    total = task_gradients(losses, parameters).sum(dim=0)
    losses.sum().backward()
    torch.testing.assert_close(total, torch.cat([parameter.grad.ravel() for parameter in parameters]))


def test_cosines_of_equal_opposite_and_orthogonal_gradients() -> None:
    gradients = torch.tensor([[1.0, 0.0], [5.0, 0.0], [-2.0, 0.0], [0.0, 3.0]])
    np.testing.assert_allclose(gradient_cosines(gradients)[0], [1, 1, -1, 0], atol=1e-6)


def test_cosines_do_not_depend_on_the_units_of_a_loss() -> None:
    gradients = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 6)))
    torch.testing.assert_close(
        gradient_cosines(gradients), gradient_cosines(gradients * torch.tensor([[60.0], [1], [9]]))
    )


# --- PCGrad ---------------------------------------------------------------------------------------------------


def test_pcgrad_of_the_worked_case() -> None:
    gradients = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
    assert pcgrad(gradients, np.random.default_rng(0)).tolist() == [0.5, 1.5]


def test_pcgrad_without_conflict_is_the_sum() -> None:
    gradients = torch.from_numpy(np.random.default_rng(1).uniform(size=(4, 5)))
    torch.testing.assert_close(pcgrad(gradients, np.random.default_rng(0)), gradients.sum(dim=0))


def test_pcgrad_of_two_never_works_against_either() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        gradients = torch.from_numpy(rng.normal(size=(2, 3)))
        assert (gradients @ pcgrad(gradients, rng) > -1e-9).all()


def test_pcgrad_of_two_does_not_depend_on_the_order_of_the_tasks() -> None:
    gradients = torch.tensor([[2.0, 1.0, 0.0], [-1.0, 0.5, 1.0]])
    swapped = pcgrad(gradients.flip(0), np.random.default_rng(0))
    torch.testing.assert_close(pcgrad(gradients, np.random.default_rng(5)), swapped)


def test_pcgrad_leaves_its_input_and_bears_a_task_without_gradient() -> None:
    gradients = torch.tensor([[1.0, 0.0], [-1.0, 1.0], [0.0, 0.0]])
    before = gradients.clone()
    assert pcgrad(gradients, np.random.default_rng(0)).tolist() == [0.5, 1.5]
    assert torch.equal(gradients, before)


def test_gradients_are_set_from_one_vector() -> None:
    w, v = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([[3.0]], requires_grad=True)
    set_gradient([w, v], torch.tensor([0.5, -1.0, 4.0]))
    assert w.grad.tolist() == [0.5, -1.0]
    assert v.grad.tolist() == [[4.0]]


def test_pcgrad_trains_through_the_hook_of_train() -> None:
    target = torch.tensor([[1.0, -1.0]])
    linear = torch.nn.Linear(1, 2, bias=False)
    parameters, rng = list(linear.parameters()), np.random.default_rng(0)

    def backward(losses: torch.Tensor) -> None:
        set_gradient(parameters, pcgrad(task_gradients(losses, parameters), rng))

    def loss(x: torch.Tensor) -> torch.Tensor:
        return ((linear(x) - target) ** 2).mean(dim=0)

    train(linear, lambda rng: [(torch.ones(1, 1),)], loss, n_epochs=300, learning_rate=0.05, backward=backward)
    torch.testing.assert_close(linear.weight.detach(), torch.tensor([[1.0], [-1.0]]), atol=1e-2, rtol=0)


def test_the_hook_of_train_alone_decides_the_step() -> None:
    linear = torch.nn.Linear(1, 2, bias=False)
    before, parameters = linear.weight.detach().clone(), list(linear.parameters())

    def backward(losses: torch.Tensor) -> None:
        assert losses.shape == (2,)
        set_gradient(parameters, torch.tensor([1.0, -1.0]))  # whatever the losses say

    def loss(x: torch.Tensor) -> torch.Tensor:
        return (linear(x) ** 2).mean(dim=0)

    train(linear, lambda rng: [(torch.ones(1, 1),)], loss, n_epochs=10, learning_rate=0.05, backward=backward)
    moved = linear.weight.detach() - before  # Adam moves by the learning rate where a gradient never changes
    torch.testing.assert_close(moved, torch.tensor([[-0.5], [0.5]]), atol=1e-4, rtol=0)


# --- weights by variance --------------------------------------------------------------------------------------


def test_uncertainty_weights_of_the_worked_case() -> None:
    weigh = UncertaintyWeights(2)
    assert weigh(torch.tensor([4.0, 1.0])).item() == 2.5
    weigh.log_variances.data[0] = np.log(4)
    assert weigh(torch.tensor([4.0, 1.0])).item() == pytest.approx(1 + np.log(4) / 2)


def test_learned_variances_become_the_losses() -> None:
    weigh, losses = UncertaintyWeights(3), torch.tensor([5.0, 0.3, 1.0])
    optimizer = torch.optim.SGD(weigh.parameters(), lr=0.5)
    for _ in range(300):
        optimizer.zero_grad()
        weigh(losses).backward()
        optimizer.step()
    torch.testing.assert_close(weigh.log_variances.exp().detach(), losses, rtol=1e-3, atol=0)


def test_at_its_best_a_unit_does_not_move_the_gradient_of_the_network() -> None:
    pulls = []
    for unit in (1.0, 60.0):
        w = torch.tensor(2.0, requires_grad=True)
        weigh, loss = UncertaintyWeights(1), (unit * w) ** 2
        weigh.log_variances.data[0] = float(loss.detach().log())
        weigh(loss[None]).backward()
        pulls.append(w.grad.item())
    assert pulls[0] == pytest.approx(pulls[1], rel=1e-5)


# --- GradNorm -------------------------------------------------------------------------------------------------


def two_losses(scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses 1 and 1 of which the first has a gradient ``scale`` times as long."""
    w = torch.ones(1, requires_grad=True)
    return w, torch.cat([scale * w - scale + 1, w])


def test_gradnorm_of_the_worked_case() -> None:
    w, losses = two_losses(3.0)
    balance = GradNorm(2, alpha=1.0)
    balance.initial_losses = torch.tensor([2.0, 4.0])  # a half and a quarter are left, so 8 / 3 and 4 / 3 are wanted
    value = balance(losses, [w])
    assert value.item() == pytest.approx(2 + (3 - 8 / 3) + (4 / 3 - 1))


def test_gradnorm_moves_the_weights_toward_the_wanted_lengths_and_the_network_by_the_weighed_loss_alone() -> None:
    w, losses = two_losses(3.0)
    balance = GradNorm(2)
    balance.weights.data = torch.tensor([0.5, 1.5])
    balance(losses, [w]).backward()
    assert w.grad.item() == pytest.approx(0.5 * 3 + 1.5 * 1)
    w, losses = two_losses(3.0)
    balance = GradNorm(2)
    balance(losses, [w]).backward()
    assert balance.weights.grad[0] > 0 > balance.weights.grad[1]  # a step down makes the loud task quieter


def test_gradnorm_ends_with_equal_lengths_where_alpha_is_0() -> None:
    balance = GradNorm(2, alpha=0.0)
    optimizer = torch.optim.SGD(balance.parameters(), lr=0.01)
    for _ in range(300):
        w, losses = two_losses(3.0)
        optimizer.zero_grad()
        balance(losses, [w]).backward()
        optimizer.step()
    w, losses = two_losses(3.0)
    balance(losses, [w])  # which scales the weights
    assert balance.weights.sum().item() == pytest.approx(2)
    assert (balance.weights[0] * 3).item() == pytest.approx(balance.weights[1].item(), rel=0.1)


# --- the funnel -----------------------------------------------------------------------------------------------


def draw_funnel(n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(3)
    click = torch.from_numpy(rng.integers(0, 2, size=n).astype(float))
    return torch.from_numpy(rng.normal(size=(n, 2))), click, click * torch.from_numpy(rng.integers(0, 2, size=n))


def test_esmm_losses_are_the_cross_entropies_of_the_click_and_of_the_chain() -> None:
    logits, click, follow = draw_funnel(40)
    probabilities = torch.sigmoid(logits)
    expected = [
        F.binary_cross_entropy(probabilities[:, 0], click),
        F.binary_cross_entropy(probabilities.prod(dim=1), follow),
    ]
    torch.testing.assert_close(ESMM(nn.Identity()).losses((logits,), click, follow), torch.stack(expected))


def test_esmm_losses_do_not_depend_on_the_order_of_the_rows() -> None:
    logits, click, follow = draw_funnel(40)
    model, order = ESMM(nn.Identity()), torch.arange(39, -1, -1)
    torch.testing.assert_close(
        model.losses((logits,), click, follow), model.losses((logits[order],), click[order], follow[order])
    )


def test_esmm_losses_and_slopes_stay_finite_for_extreme_logits() -> None:
    values = torch.tensor([-200.0, -20.0, 0.0, 20.0, 200.0])
    logits = torch.cartesian_prod(values, values).requires_grad_()
    for click, follow in [(1.0, 1.0), (1.0, 0.0), (0.0, 0.0)]:
        labels = torch.full((25,), click), torch.full((25,), follow)
        losses = ESMM(nn.Identity()).losses((logits,), *labels)
        (slope,) = torch.autograd.grad(losses.sum(), logits)
        assert losses.isfinite().all()
        assert slope.isfinite().all()


def test_esmm_sure_and_wrong_is_still_pulled_back() -> None:
    logits = torch.tensor([[30.0, 30.0]], requires_grad=True)
    loss = ESMM(nn.Identity()).losses((logits,), torch.ones(1), torch.zeros(1))[1]
    (slope,) = torch.autograd.grad(loss, logits)
    assert slope.sum().item() == pytest.approx(1, rel=1e-3)


def test_esmm_learns_what_follows_a_click_without_a_label_of_its_own() -> None:
    rng = np.random.default_rng(4)
    kind = rng.integers(2, size=20_000)
    click = rng.random(20_000) < np.array([0.2, 0.6])[kind]
    follow = click & (rng.random(20_000) < np.array([0.7, 0.3])[kind])
    rows, labels = torch.from_numpy(kind), torch.tensor(np.column_stack([click, follow]), dtype=torch.float32)
    with seeded(0):
        model = ESMM(nn.Embedding(2, 2))
    train(
        model,
        lambda rng: ((rows[group], labels[group]) for group in shuffled(20_000, 500, rng)),
        lambda x, y: model.losses((x,), y[:, 0], y[:, 1]).sum(),
        n_epochs=8,
        learning_rate=0.05,
    )
    learned = model(torch.arange(2)).detach()
    np.testing.assert_allclose(learned, [[0.2, 0.7], [0.6, 0.3]], atol=0.05)


def test_a_network_with_another_number_of_outputs_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        ESMM(nn.Identity()).losses((torch.zeros(4, 3),), torch.zeros(4), torch.zeros(4))
