"""Causal attention and SASRec: what they promise, and that they agree with PyTorch."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from torch.nn import functional as F

from recsys_teach.data import Interactions
from recsys_teach.models import SASRec
from recsys_teach.models.attention import SASRecNetwork, attention_weights, causal_attention, causal_mask
from recsys_teach.models.sequence import padded
from recsys_teach.training import seeded

N_ITEMS, MAX_LENGTH = 7, 6


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@pytest.fixture(params=[1, 2], ids=["one block", "two blocks"])
def network(request: pytest.FixtureRequest) -> SASRecNetwork:
    with seeded(3):
        return SASRecNetwork(N_ITEMS, 8, MAX_LENGTH, request.param, dropout=0.5).eval()


def states(network: SASRecNetwork, items: list[int]) -> np.ndarray:
    with torch.no_grad():
        return network.hidden(torch.tensor([items]))[0].numpy()


def last(network: SASRecNetwork, items: list[int], length: int) -> np.ndarray:
    with torch.no_grad():
        return network.last(torch.from_numpy(padded([np.array(items, dtype=int)], length, N_ITEMS)))[0].numpy()


# --- attention ------------------------------------------------------------------------------------------------


def test_two_places_worked_by_hand() -> None:
    keys = torch.tensor([[2 * float(np.log(3)), 0, 0, 0], [0.0, 0, 0, 0]])  # q · k / √4 is ln 3 and 0
    queries = torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0]])
    values = torch.tensor([[4.0], [8.0]])
    assert attention_weights(queries, keys)[1].tolist() == pytest.approx([0.75, 0.25])
    assert causal_attention(queries, keys, values).ravel().tolist() == pytest.approx([4, 5])


@pytest.mark.parametrize("shape", [(1, 3), (5, 4), (2, 5, 4), (2, 3, 6, 1)], ids=str)
def test_attention_agrees_with_pytorch(shape: tuple[int, ...]) -> None:
    queries, keys = drawn(*shape), drawn(*shape, seed=1)
    values = drawn(*shape[:-1], 3, seed=2)
    grade = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    torch.testing.assert_close(causal_attention(queries, keys, values), grade)


@pytest.mark.parametrize("shape", [(5, 5), (2, 5, 5)], ids=["one mask for all", "a mask for each"])
def test_attention_with_another_mask_agrees_with_pytorch(shape: tuple[int, ...]) -> None:
    queries, keys, values = drawn(2, 5, 4), drawn(2, 5, 4, seed=1), drawn(2, 5, 4, seed=2)
    mask = (drawn(*shape, seed=3) > 0) | torch.eye(5, dtype=torch.bool)
    grade = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    torch.testing.assert_close(causal_attention(queries, keys, values, mask), grade)


def test_gradients_agree_with_pytorch() -> None:
    sent = [[drawn(2, 5, 4, seed=seed).requires_grad_() for seed in range(3)] for _ in range(2)]
    causal_attention(*sent[0]).square().sum().backward()
    F.scaled_dot_product_attention(*sent[1], is_causal=True).square().sum().backward()
    for ours, grade in zip(*sent, strict=True):
        torch.testing.assert_close(ours.grad, grade.grad)


def test_rows_of_weights_sum_to_one_and_none_goes_to_the_future() -> None:
    weights = attention_weights(1000 * drawn(3, 6, 4), drawn(3, 6, 4, seed=1))  # large enough to overflow an exp
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 6, dtype=torch.double))
    assert (weights >= 0).all()
    assert (weights.triu(1) == 0).all()


def test_what_is_masked_may_hold_anything() -> None:
    queries, keys, values = drawn(4, 3), drawn(4, 3, seed=1), drawn(4, 3, seed=2)
    other_keys, other_values = keys.clone(), values.clone()
    other_keys[2:], other_values[2:] = 1e6, -1e6
    before, after = (causal_attention(queries, k, v)[:2] for k, v in [(keys, values), (other_keys, other_values)])
    assert torch.equal(before, after)


def test_mask_lets_each_place_read_itself_and_those_before() -> None:
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]


@pytest.mark.parametrize(
    ("queries", "keys", "values", "mask", "message"),
    [
        (drawn(3, 2), drawn(4, 2), drawn(4, 2), None, r"one shape.*got \(3, 2\) and \(4, 2\)"),
        (drawn(2), drawn(2), drawn(2), None, "one value for each key|one shape"),
        (drawn(0, 2), drawn(0, 2), drawn(0, 2), None, "one shape"),
        (drawn(3, 2), drawn(3, 2), drawn(4, 2), None, r"one value for each key; got \(4, 2\) and \(3, 2\)"),
        (drawn(3, 2), drawn(3, 2), drawn(3, 2), torch.ones(3, 3), "dtype torch.bool.*got torch.float32"),
        (drawn(3, 2), drawn(3, 2), drawn(3, 2), causal_mask(2), r"shape \(3, 3\)"),
        (drawn(3, 2), drawn(3, 2), drawn(3, 2), causal_mask(3).tril(-1), "got a row of False"),
    ],
    ids=["lengths", "one axis", "no place", "values", "floats", "size", "empty row"],
)
def test_attention_refuses_what_does_not_fit(queries, keys, values, mask, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        causal_attention(queries, keys, values, mask)


# --- the network ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("future", [[5, 4, 3], [4, 5, 3], [0, 0, 0], [N_ITEMS] * 3], ids=str)
def test_another_future_leaves_the_states_before_it_alone(network: SASRecNetwork, future: list[int]) -> None:
    before, after = states(network, [0, 1, 2, 3, 4, 5]), states(network, [0, 1, 2, *future])
    np.testing.assert_array_equal(before[:3], after[:3])
    assert np.abs(before[3:] - after[3:]).max() > 1e-3


@pytest.mark.parametrize("n", range(1, MAX_LENGTH))
def test_padding_changes_no_score(network: SASRecNetwork, n: int) -> None:
    items = list(range(n))
    np.testing.assert_allclose(last(network, items, n), last(network, items, MAX_LENGTH), atol=1e-5)


def test_a_row_does_not_depend_on_the_rows_beside_it(network: SASRecNetwork) -> None:
    alone = states(network, [3, 2, 1])
    with torch.no_grad():
        together = network.hidden(torch.tensor([[0, 0, 0], [3, 2, 1]]))[1].numpy()
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_order_matters(network: SASRecNetwork) -> None:
    assert np.abs(states(network, [0, 1, 2])[-1] - states(network, [1, 0, 2])[-1]).max() > 1e-3


def test_without_places_one_block_reads_a_set_and_the_last_item() -> None:
    with seeded(3):
        network = SASRecNetwork(N_ITEMS, 8, MAX_LENGTH, 1, dropout=0).eval()
    torch.nn.init.zeros_(network.position_embeddings.weight)
    np.testing.assert_allclose(states(network, [0, 1, 2])[-1], states(network, [1, 0, 2])[-1], atol=1e-5)


def test_a_row_longer_than_there_are_places_is_refused(network: SASRecNetwork) -> None:
    with pytest.raises(ValueError, match=r"at most 6 items.*got rows of 7"):
        network.hidden(torch.zeros(1, 7, dtype=torch.long))


# --- the model ------------------------------------------------------------------------------------------------


def circle(n_users: int = 40) -> Interactions:
    """Each person walks on from item to item round a circle of seven, from where they begin."""
    rows = [(user, (user + time) % N_ITEMS, time) for user in range(n_users) for time in range(5)]
    return Interactions.from_log(pd.DataFrame(rows, columns=["user", "item", "time"]))


@pytest.fixture(scope="module", params=["softmax", "sampled"])
def fitted(request: pytest.FixtureRequest) -> SASRec:
    model = SASRec(16, max_length=5, loss=request.param, dropout=0.1, n_epochs=60, learning_rate=0.01, batch_size=20)
    return model.fit(circle())


def test_a_rule_is_learned_with_either_loss(fitted: SASRec) -> None:
    after = fitted.fold_in([np.array([(start + step) % N_ITEMS for step in range(4)]) for start in range(N_ITEMS)])
    assert after.argmax(axis=1).tolist() == [(start + 4) % N_ITEMS for start in range(N_ITEMS)]


def test_only_the_last_items_of_a_long_history_are_read(fitted: SASRec) -> None:
    items = np.array([0, 1, 2, 3, 4])
    long = np.concatenate([[6, 6, 5], items])
    np.testing.assert_array_equal(fitted.fold_in([long]), fitted.fold_in([items]))


def test_nobody_known_scores_zero(fitted: SASRec) -> None:
    assert not fitted.fold_in([np.array([], dtype=int)]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_blocks": 0}, "n_blocks must be an integer, at least 1"),
        ({"n_factors": 0}, "n_factors must be an integer, at least 1"),
        ({"max_length": 0}, "max_length must be an integer, at least 1"),
        ({"loss": "hinge"}, "loss must be one of"),
        ({"dropout": 1.0}, "dropout"),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clone(SASRec(4, n_epochs=1)).set_params(**change).fit(circle(5))
