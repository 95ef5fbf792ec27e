"""The autoencoders: their losses by hand and beside PyTorch, a set has no order, and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from recsys_teach.data import Interactions
from recsys_teach.models import AutoRec, MultDAE, MultVAE
from recsys_teach.models.autoencoder import kl_to_normal, log_likelihood, masked_loss

TWO_TASTES = np.kron(np.eye(2), np.ones((10, 4)))
RATINGS = np.random.default_rng(0).integers(0, 6, size=(12, 9)).astype(float)
CLICK_MODELS = [MultDAE(4, n_epochs=60, learning_rate=0.03), MultVAE(4, n_epochs=60, learning_rate=0.03, n_anneal=60)]
each_click_model = pytest.mark.parametrize("model", CLICK_MODELS, ids=["Mult-DAE", "Mult-VAE"])


def normals(seed: int, *shape: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).normal(size=shape))


def test_masked_loss_by_hand() -> None:
    outputs, targets = torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    assert masked_loss(outputs, targets, torch.tensor([[1.0, 0.0], [1.0, 1.0]])).item() == 5


def test_masked_loss_does_not_move_what_is_not_known() -> None:
    outputs = normals(0, 3, 4).requires_grad_()
    known = torch.tensor(np.random.default_rng(1).random((3, 4)) < 0.5)
    masked_loss(outputs, normals(2, 3, 4), known).backward()
    assert (outputs.grad[~known] == 0).all()
    assert (outputs.grad[known] != 0).all()


def test_log_likelihood_agrees_with_cross_entropy_and_with_the_multinomial_of_torch() -> None:
    scores, rows = normals(0, 4, 6), torch.tensor(np.random.default_rng(1).integers(0, 3, (4, 6)) + np.eye(4, 6))
    ours = log_likelihood(scores, rows)
    torch.testing.assert_close(ours, -F.cross_entropy(scores, rows, reduction="none"))
    for row, row_scores, value in zip(rows, scores, ours, strict=True):
        n_events = int(row.sum())
        constant = torch.lgamma(torch.tensor(n_events + 1.0)) - torch.lgamma(row + 1).sum()
        multinomial = torch.distributions.Multinomial(n_events, logits=row_scores)
        torch.testing.assert_close(multinomial.log_prob(row), value + constant)


def test_log_likelihood_stands_large_scores_and_no_shift_moves_it() -> None:
    scores, rows = torch.tensor([[1000.0, 0.0]]), torch.tensor([[1.0, 1.0]])
    assert log_likelihood(scores, rows).item() == -1000
    assert log_likelihood(scores - 1000, rows).item() == -1000


def test_kl_agrees_with_torch_and_is_zero_for_standard_normals_alone() -> None:
    mean, log_variance = normals(0, 5, 3), normals(1, 5, 3)
    normal, standard = torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    torch.testing.assert_close(
        kl_to_normal(mean, log_variance), torch.distributions.kl_divergence(normal, standard).sum(dim=1)
    )
    assert (kl_to_normal(mean, log_variance) > 0).all()
    assert kl_to_normal(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0


@each_click_model
def test_a_newcomer_is_recommended_what_their_kind_met(model) -> None:
    model.fit(Interactions.from_matrix(TWO_TASTES))
    one_item = np.zeros((2, 8))
    one_item[0, 0] = one_item[1, 7] = 1
    scores = model.fold_in(one_item)
    assert scores[0, :4].min() > scores[0, 4:].max()
    assert scores[1, 4:].min() > scores[1, :4].max()


@each_click_model
def test_folding_in_a_row_of_training_gives_its_score(model) -> None:
    model.fit(Interactions.from_matrix(RATINGS))
    rows = (RATINGS > 0).astype(float)
    np.testing.assert_allclose(model.fold_in(rows[[4, 1]]), model.score(np.array([4, 1])), atol=1e-5)


@each_click_model
def test_order_and_times_of_the_events_change_nothing(model) -> None:
    log = Interactions.from_matrix(RATINGS).log
    mixed = log.sample(frac=1, random_state=1).assign(time=np.random.default_rng(2).permutation(len(log)))
    axes = {"user_ids": np.arange(12), "item_ids": np.arange(9)}
    one, other = (model.fit(Interactions.from_log(each, **axes)).score(np.arange(12)) for each in (log, mixed))
    np.testing.assert_array_equal(one, other)


@each_click_model
def test_users_without_a_history_teach_nothing(model) -> None:
    padded = Interactions.from_log(Interactions.from_matrix(RATINGS).log, user_ids=np.arange(20), item_ids=np.arange(9))
    with_them = model.fit(padded).score(np.arange(12))
    np.testing.assert_array_equal(with_them, model.fit(Interactions.from_matrix(RATINGS)).score(np.arange(12)))


@each_click_model
def test_validation_chooses_the_epoch(model) -> None:
    scores = iter(range(60, 0, -1))
    model.fit(Interactions.from_matrix(RATINGS), validate=lambda fitted: next(scores))
    assert model.best_epoch_ == 1
    first = model.score(np.arange(12))
    once = type(model)(**model.get_params() | {"n_epochs": 1}).fit(Interactions.from_matrix(RATINGS))
    np.testing.assert_array_equal(first, once.score(np.arange(12)))


@each_click_model
def test_a_validated_model_can_recommend_while_it_is_trained(model) -> None:
    shapes = []

    def validate(fitted) -> float:
        shapes.append(fitted.recommend(np.arange(3), 2).shape)
        return 0.0

    model.fit(Interactions.from_matrix(RATINGS), validate=validate)
    assert set(shapes) == {(3, 2)}


def test_kl_weight_grows_from_zero_to_beta_and_stays() -> None:
    network = MultVAE(2, beta=0.4, n_anneal=10)._network(4).eval()
    rows = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    kl = kl_to_normal(*network.encode(rows)).item()
    losses = []
    for step in (0, 5, 10, 1000):
        torch.manual_seed(0)
        losses.append(network.loss(rows, torch.tensor(step)).item())
    np.testing.assert_allclose(np.diff(losses), [0.2 * kl, 0.2 * kl, 0], atol=1e-5)


def test_autorec_predicts_the_reconstruction_of_the_items_column() -> None:
    model = AutoRec(3, n_epochs=5).fit(Interactions.from_matrix(RATINGS))
    users, items = RATINGS.nonzero()
    scores = model.score(np.arange(12))
    np.testing.assert_allclose(model.predict(users, items), np.clip(scores[users, items], 1, 5), atol=1e-5)
    assert ((model.item_factors_ > 0) & (model.item_factors_ < 1)).all()


def test_autorec_learns_ratings_that_two_tastes_explain() -> None:
    ratings = 1 + 4 * np.kron(np.array([[1.0, 0.0], [0.0, 1.0]]), np.ones((10, 6)))
    ratings[0, 0] = 0  # hidden; it was a 5
    model = AutoRec(8, dropout=0.0, weight_decay=0.001, n_epochs=200, batch_size=4).fit(
        Interactions.from_matrix(ratings)
    )
    assert model.predict(np.array([0]), np.array([0]))[0] > 4


def test_autorec_is_moved_by_known_cells_alone() -> None:
    log = pd.DataFrame({"user": [0, 0, 1, 1], "item": [0, 1, 0, 1], "rating": [5.0, 1.0, 5.0, 1.0]})
    one = AutoRec(2, n_epochs=3).fit(Interactions.from_log(log, user_ids=range(3), item_ids=range(2)))
    assert one.user_biases_[2] == pytest.approx(0, abs=1)  # as it started, or less
    assert np.isfinite(one.score(np.array([2]))).all()


@pytest.mark.parametrize("model", [AutoRec, MultDAE, MultVAE])
@pytest.mark.parametrize("dropout", [-0.1, 1.0, float("nan")])
def test_dropout_that_is_no_share_is_refused(model, dropout: float) -> None:
    with pytest.raises(ValueError, match="dropout must be a finite number at least 0 and below 1; got"):
        model(2, dropout=dropout).fit(Interactions.from_matrix(RATINGS))


@pytest.mark.parametrize("model", [AutoRec, MultDAE, MultVAE])
@pytest.mark.parametrize("name", ["n_factors", "n_epochs", "batch_size", "learning_rate"])
def test_sizes_that_are_not_above_zero_are_refused(model, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*; got 0"):
        model(**{name: 0}).fit(Interactions.from_matrix(RATINGS))


@pytest.mark.parametrize(
    ("options", "said"), [({"beta": -1}, "at least 0; got -1"), ({"n_anneal": 0}, "n_anneal must")]
)
def test_a_price_that_cannot_be_is_refused(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MultVAE(2, **options).fit(Interactions.from_matrix(RATINGS))


@each_click_model
@pytest.mark.parametrize("rows", [np.zeros((2, 3)), np.zeros(9), np.full((1, 9), np.nan)], ids=["wide", "flat", "NaN"])
def test_folding_in_refuses_rows_that_are_none(model, rows) -> None:
    model.fit(Interactions.from_matrix(RATINGS))
    with pytest.raises(ValueError, match=r"Expected rows of shape \(n, 9\)|NaN or infinity"):
        model.fold_in(rows)
