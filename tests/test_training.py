"""The training loop: what is kept, what is drawn from where, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from recsys_teach.training import History, seeded, shuffled, train

ROWS = torch.tensor(np.random.default_rng(0).normal(size=(20, 3)), dtype=torch.float32)


def squeeze(random_state: int = 0) -> nn.Module:
    with seeded(random_state):
        return nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5), nn.Linear(2, 3))


def fit(module: nn.Module, random_state: int = 0, n_epochs: int = 4, **options):
    def batches(rng):
        return ((ROWS[group],) for group in shuffled(len(ROWS), 6, rng))

    with seeded(random_state):
        return train(
            module,
            batches,
            lambda rows: ((module(rows) - rows) ** 2).mean(),
            n_epochs=n_epochs,
            random_state=random_state,
            **options,
        )


def weights(module: nn.Module) -> list[np.ndarray]:
    return [parameter.detach().numpy().copy() for parameter in module.parameters()]


def test_loop_takes_the_steps_of_a_bare_loop() -> None:
    module, twin = nn.Linear(3, 3), nn.Linear(3, 3)
    twin.load_state_dict(module.state_dict())
    history = train(
        module, lambda rng: [(ROWS[:10],), (ROWS[10:],)], lambda x: (module(x) ** 2).mean(), n_epochs=3,
        learning_rate=0.1,
    )  # fmt: skip
    adam, losses = torch.optim.Adam(twin.parameters(), lr=0.1), []
    for _ in range(3):
        for rows in (ROWS[:10], ROWS[10:]):
            value = (twin(rows) ** 2).mean()
            adam.zero_grad()
            value.backward()
            adam.step()
            losses.append(value.item())
    np.testing.assert_allclose(history.losses, np.reshape(losses, (3, 2)).mean(axis=1), rtol=1e-6)
    for ours, theirs in zip(weights(module), weights(twin), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_loss_falls() -> None:
    losses = fit(squeeze(), n_epochs=30, learning_rate=0.03).losses
    assert losses[-1] < 0.9 * losses[0]


def test_parameters_of_the_best_epoch_are_kept() -> None:
    module, scores, seen = squeeze(), iter([0.1, 0.5, 0.3, 0.4]), []

    def validate() -> float:
        seen.append(weights(module))
        return next(scores)

    history = fit(module, validate=validate)
    assert history.scores == [0.1, 0.5, 0.3, 0.4]
    assert history.best_epoch == 2
    for kept, best, last in zip(weights(module), seen[1], seen[3], strict=True):
        np.testing.assert_array_equal(kept, best)
        assert not np.array_equal(kept, last)


def test_of_equal_scores_the_first_epoch_is_kept() -> None:
    scores = iter([0.2, 0.5, 0.5])
    assert fit(squeeze(), n_epochs=3, validate=lambda: next(scores)).best_epoch == 2


def test_patience_stops_after_epochs_without_a_better_score() -> None:
    scores = iter([0.1, 0.5, 0.3, 0.4, 0.9])
    history = fit(squeeze(), n_epochs=5, validate=lambda: next(scores), patience=2)
    assert history.scores == [0.1, 0.5, 0.3, 0.4]
    assert history.best_epoch == 2


def test_without_validation_the_last_epoch_is_kept() -> None:
    history = fit(squeeze())
    assert (history.best_epoch, len(history.losses), history.scores) == (4, 4, [])


def test_validation_sees_evaluation_mode_and_no_slopes_and_training_goes_on_after_it() -> None:
    module, modes = squeeze(), []

    def loss(rows):
        modes.append(module.training)
        return (module(rows) ** 2).mean()

    def validate() -> float:
        assert not module.training
        assert not module(ROWS).requires_grad
        return 0.0

    train(module, lambda rng: [(ROWS,)], loss, n_epochs=3, validate=validate)
    assert modes == [True] * 3
    assert not module.training


def test_same_seed_same_parameters_and_another_seed_others() -> None:
    runs = [squeeze(seed) for seed in (1, 1, 2)]
    histories = [fit(module, seed) for module, seed in zip(runs, (1, 1, 2), strict=True)]
    assert histories[0] == histories[1] != histories[2]
    for one, same, other in zip(*map(weights, runs), strict=True):
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)


def test_torch_random_state_outside_is_untouched() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(squeeze(1), 1)
    assert torch.equal(torch.rand(3), expected)


def test_seeded_restores_the_random_state_after_an_error() -> None:
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), seeded(3):
        torch.rand(2)
        raise RuntimeError
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("n", "size"), [(10, 3), (3, 10), (8, 4), (1, 1)])
def test_shuffled_gives_each_position_once_in_batches_of_at_most_that_size(n: int, size: int) -> None:
    batches = list(shuffled(n, size, np.random.default_rng(0)))
    assert sorted(torch.cat(batches).tolist()) == list(range(n))
    assert max(map(len, batches)) <= size


def test_each_epoch_has_an_order_of_its_own() -> None:
    rng = np.random.default_rng(0)
    first, second = (torch.cat(list(shuffled(50, 8, rng))) for _ in range(2))
    assert not torch.equal(first, second)


def test_weight_decay_makes_parameters_smaller() -> None:
    sizes = []
    for decay in (0.0, 1.0):
        module = squeeze()
        fit(module, n_epochs=50, learning_rate=0.03, weight_decay=decay)
        sizes.append(sum(np.abs(part).sum() for part in weights(module)))
    assert sizes[1] < 0.8 * sizes[0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_finite_number_is_refused_with_what_to_do(bad: float) -> None:
    module = nn.Linear(3, 1)
    with pytest.raises(ValueError, match=r"loss became -?(nan|inf) in epoch 1; .*Lower the learning rate.*NaN"):
        train(module, lambda rng: [(ROWS,)], lambda rows: module(rows).mean() * bad, n_epochs=2)


def test_no_batches_are_refused() -> None:
    module = nn.Linear(3, 1)
    with pytest.raises(ValueError, match="at least one mini-batch per epoch, got none"):
        train(module, lambda rng: [], lambda rows: module(rows).mean(), n_epochs=2)


@pytest.mark.parametrize("options", [{"n_epochs": 0}, {"learning_rate": 0.0}, {"learning_rate": float("nan")}])
def test_epochs_and_learning_rate_out_of_range_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=r"(n_epochs|learning_rate) must be .*; got"):
        fit(squeeze(), **options)


@pytest.mark.parametrize("options", [{"patience": 2}, {"patience": 0, "validate": lambda: 0.0}])
def test_patience_needs_validation_and_at_least_one_epoch(options: dict) -> None:
    with pytest.raises(ValueError, match=r"patience (counts epochs without|must be an integer, at least 1; got 0)"):
        fit(squeeze(), **options)


def test_progress_bar_is_silent_if_tqdm_is_disabled() -> None:
    code = "from torch import nn, ones; from recsys_teach.training import train; module = nn.Linear(3, 1); "
    code += "train(module, lambda rng: [(ones(2, 3),)], lambda rows: module(rows).mean(), n_epochs=2)"
    told = {}
    for disabled in ("", "1"):
        env = {**os.environ, "TQDM_DISABLE": disabled}
        run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        told[disabled] = run.stdout + run.stderr
    assert told["1"] == ""
    assert "Linear" in told[""]


def test_history_plots_losses_against_epochs_from_one() -> None:
    history = History([3.0, 2.0, 1.0], [0.1, 0.3, 0.2])
    fig, ax = plt.subplots()
    history.plot(ax, color="black")
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[1, 3], [2, 2], [3, 1]]]
    assert ax.lines[0].get_color() == "black"
    assert ax.get_xlabel() == "epoch"
    plt.close(fig)
