"""Models that read histories in their order: worked by hand, against PyTorch's parts, and what must change nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from recsys_teach.data import Interactions, split_last_out
from recsys_teach.evaluation import evaluate
from recsys_teach.models.sequence import (
    CoVisitation,
    GRUNetwork,
    GRURecommender,
    MarkovChain,
    following,
    histories,
    padded,
    windows,
)
from recsys_teach.training import seeded

EVENINGS = [[0, 1, 3], [0, 1, 2], [2, 3, 0], [2, 3, 1], [0, 1, 2, 3]]
ALL = [MarkovChain(), CoVisitation(3), GRURecommender(4, n_epochs=2), GRURecommender(4, loss="sampled", n_epochs=2)]
each_model = pytest.mark.parametrize("model", ALL, ids=["chain", "co-visitation", "GRU", "GRU sampled"])


def from_sequences(sequences, n_items=None, times=None) -> Interactions:
    """Give the interactions of one sequence a user, one event a second unless times are given."""
    rows = [(user, item, place) for user, items in enumerate(sequences) for place, item in enumerate(items)]
    log = pd.DataFrame(rows, columns=["user", "item", "time"])
    if times is not None:
        log["time"] = times
    n_items = n_items or int(log["item"].max()) + 1
    return Interactions.from_log(log, user_ids=range(len(sequences)), item_ids=range(n_items))


def random_sequences(seed: int, n_users: int = 30, n_items: int = 8) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.permutation(n_items)[: rng.integers(1, n_items)] for _ in range(n_users)]


# --- histories, rows and windows ------------------------------------------------------------------------------


def test_histories_follow_the_time_and_not_the_log() -> None:
    interactions = from_sequences([[5, 3, 4], [1, 2]], 6, times=[30, 10, 20, 7, 7])
    assert [items.tolist() for items in histories(interactions)] == [[3, 4, 5], [1, 2]]


def test_ties_in_time_keep_the_order_of_the_log() -> None:
    log = pd.DataFrame({"user": [0, 1, 0, 1, 0], "item": [4, 0, 2, 3, 1], "time": [5, 5, 5, 5, 5]})
    assert [items.tolist() for items in histories(Interactions.from_log(log, item_ids=range(5)))] == [[4, 2, 1], [0, 3]]


def test_a_user_without_events_has_an_empty_history() -> None:
    assert [len(items) for items in histories(from_sequences([[1, 0], [], [2]]))] == [2, 0, 1]


def test_a_log_without_time_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the column 'time'"):
        histories(Interactions.from_matrix(np.eye(3)))


def test_padding_stands_behind_the_last_items() -> None:
    rows = padded([np.array([4, 7, 2, 8]), np.array([5]), np.array([], dtype=int)], 3, 9)
    assert rows.tolist() == [[7, 2, 8], [5, 9, 9], [9, 9, 9]]


@pytest.mark.parametrize("length", [1, 2, 3, 7, 50])
def test_windows_make_each_item_but_the_first_a_target_exactly_once(length: int) -> None:
    sequences = [np.arange(n) for n in (0, 1, 2, 3, 4, 7, 8, 15)]
    for sequence in sequences:
        targets = [item for piece in windows([sequence], length) for item in piece[1:]]
        assert targets == sequence[1:].tolist()
    assert all(2 <= len(piece) <= length + 1 for piece in windows(sequences, length))


# --- the chain and the pairs ----------------------------------------------------------------------------------


def test_following_counts_steps_of_the_tiny_evenings() -> None:
    steps = following([np.array(items) for items in EVENINGS], 4).toarray()
    assert steps.tolist() == [[0, 3, 0, 0], [0, 0, 2, 1], [0, 0, 0, 3], [1, 1, 0, 0]]


def test_markov_chain_by_hand() -> None:
    scores = MarkovChain(1.0).fit(from_sequences(EVENINGS)).fold_in([np.array([0, 1]), np.array([3])])
    np.testing.assert_allclose(scores, [[1 / 16, 1 / 16, 9 / 16, 5 / 16], [5 / 12, 5 / 12, 1 / 12, 1 / 12]])


def test_markov_chain_knows_the_last_item_only_and_its_scores_sum_to_1() -> None:
    model = MarkovChain(2.5).fit(from_sequences(random_sequences(0)))
    scores = model.fold_in([np.array([1, 2, 5]), np.array([7, 5]), np.array([5])])
    np.testing.assert_array_equal(scores, scores[[0, 0, 0]])
    np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_markov_chain_falls_back_on_popularity() -> None:
    model = MarkovChain().fit(from_sequences([[0, 1], [0, 2], [0, 1], [2]], n_items=4))
    popularity = np.array([3, 2, 2, 0]) / 7
    np.testing.assert_allclose(model.fold_in([np.array([], dtype=int), np.array([1])]), [popularity, popularity])


def test_covisitation_by_hand() -> None:
    model = CoVisitation(window=2, decay=0.5).fit(from_sequences([[0, 1, 2, 3]]))
    weights = model.item_weights_.toarray()
    assert weights.tolist() == [[0, 1, 0.5, 0], [0, 0, 1, 0.5], [0, 0, 0, 1], [0, 0, 0, 0]]
    np.testing.assert_allclose(model.fold_in([np.array([3, 0, 1])]), [weights[1] + 0.5 * weights[0]])


def test_covisitation_with_a_window_of_1_ranks_by_steps() -> None:
    interactions = from_sequences(random_sequences(1))
    pairs, chain = CoVisitation(1, 1.0).fit(interactions), MarkovChain().fit(interactions)
    np.testing.assert_array_equal(pairs.item_weights_.toarray(), chain.transitions_.toarray())


def test_covisitation_agrees_with_a_double_loop() -> None:
    sequences = random_sequences(2)
    expected = np.zeros((8, 8))
    for items in sequences:
        for p in range(len(items)):
            for q in range(p + 1, min(len(items), p + 5)):
                expected[items[p], items[q]] += 0.7 ** (q - p - 1)
    model = CoVisitation(4, 0.7).fit(from_sequences(sequences, 8))
    np.testing.assert_allclose(model.item_weights_.toarray(), expected)


@pytest.mark.parametrize("model", [MarkovChain(), CoVisitation(3)], ids=["chain", "co-visitation"])
def test_other_numbers_for_the_items_change_nothing_but_the_columns(model) -> None:
    sequences, order = random_sequences(3), np.random.default_rng(4).permutation(8)
    renamed = [order[items] for items in sequences]
    scores = model.fit(from_sequences(sequences, 8)).fold_in(sequences)
    np.testing.assert_allclose(model.fit(from_sequences(renamed, 8)).fold_in(renamed)[:, order], scores)


# --- the GRU --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> GRUNetwork:
    with seeded(0):
        return GRUNetwork(n_items=9, n_factors=5, dropout=0.3).eval()


def by_hand(network: GRUNetwork, items: list[int]) -> np.ndarray:
    """Score what comes after each item with the equations of the unit, in numpy."""
    weights = {name: value.detach().numpy().astype(float) for name, value in network.gru.named_parameters()}
    vectors = network.item_factors.weight.detach().numpy().astype(float)
    h, scores = np.zeros(5), []
    for item in items:
        of_input = np.split(weights["weight_ih_l0"] @ vectors[item] + weights["bias_ih_l0"], 3)
        of_state = np.split(weights["weight_hh_l0"] @ h + weights["bias_hh_l0"], 3)
        r, z = (1 / (1 + np.exp(-(of_input[gate] + of_state[gate]))) for gate in (0, 1))
        h = (1 - z) * np.tanh(of_input[2] + r * of_state[2]) + z * h
        scores.append(vectors[:-1] @ h)
    return np.array(scores)


def test_gru_agrees_with_the_equations_worked_in_numpy(network: GRUNetwork) -> None:
    items = [3, 1, 4, 0, 8]
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.tensor([items]))[0], by_hand(network, items), atol=1e-5)


def test_gru_agrees_with_the_cell_of_torch_with_copied_weights(network: GRUNetwork) -> None:
    cell = torch.nn.GRUCell(5, 5)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in network.gru.state_dict().items()})
    h, row = torch.zeros(1, 5), torch.tensor([[2, 7, 7, 5]])
    with torch.no_grad():
        for place, state in enumerate(network.hidden(row)[0]):
            h = cell(network.item_factors(row[:, place]), h)
            torch.testing.assert_close(state, h[0])


def test_later_items_do_not_change_earlier_scores(network: GRUNetwork) -> None:
    one, other = torch.tensor([[0, 1, 3, 2, 5]]), torch.tensor([[0, 1, 3, 8, 9]])
    with torch.no_grad():
        torch.testing.assert_close(network(one)[:, :3], network(other)[:, :3])


def test_padding_does_not_change_the_scores_after_a_row(network: GRUNetwork) -> None:
    items = np.array([3, 1, 4])
    with torch.no_grad():
        short, long = (network.last(torch.from_numpy(padded([items], length, 9))) for length in (3, 12))
    torch.testing.assert_close(short, long)


def test_padding_is_a_vector_of_zeros_that_is_never_learned() -> None:
    model = GRURecommender(4, n_epochs=3).fit(from_sequences(EVENINGS))
    assert not model.network_.item_factors.weight[-1].any()


def test_rows_of_a_batch_do_not_touch_each_other(network: GRUNetwork) -> None:
    rows = torch.from_numpy(padded([np.array([1, 2]), np.array([5, 0, 7, 3]), np.array([8])], 4, 9))
    with torch.no_grad():
        together = network.last(rows)
        for row, scores in zip(rows, together, strict=True):
            torch.testing.assert_close(network.last(row[None])[0], scores)


def test_softmax_loss_is_the_cross_entropy_of_the_real_targets() -> None:
    model = GRURecommender(4, dropout=0.0, n_epochs=1).fit(from_sequences(EVENINGS))
    rows = torch.from_numpy(padded([np.array(items) for items in EVENINGS], 6, 4))
    with torch.no_grad():
        expected = F.cross_entropy(model.network_(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten(), ignore_index=4)
        came = model._loss(rows[:, :-1], rows[:, 1:], torch.zeros(5, 5, dtype=torch.int64))
    torch.testing.assert_close(came, expected)


def test_sampled_loss_is_the_binary_cross_entropy_of_right_and_drawn() -> None:
    model = GRURecommender(4, loss="sampled", dropout=0.0, n_epochs=1).fit(from_sequences(EVENINGS))
    rows = torch.from_numpy(padded([np.array([0, 1, 2]), np.array([3, 0])], 3, 4))
    drawn = torch.tensor([[3, 1], [2, 0]])
    with torch.no_grad():
        logits = model.network_(rows[:, :-1])
        margins = [logits[0, 0, 1], -logits[0, 0, 3], logits[0, 1, 2], -logits[0, 1, 1], logits[1, 0, 0],
                   -logits[1, 0, 2]]  # fmt: skip
        expected = F.softplus(-torch.stack(margins)).mean()
        torch.testing.assert_close(model._loss(rows[:, :-1], rows[:, 1:], drawn), expected)


def test_gru_learns_a_law_of_second_order_that_a_chain_cannot() -> None:
    rng = np.random.default_rng(5)
    sequences = []
    for a, b in rng.integers(0, 3, size=(150, 2)):
        items = [a, b]
        for _ in range(8):
            items.append((items[-1] + items[-2]) % 3)
        sequences.append(np.array(items))
    asked = [np.array([0, 1]), np.array([1, 1]), np.array([2, 1])]  # then 1, 2, 0
    interactions = from_sequences(sequences, 3)
    gru = GRURecommender(16, dropout=0.0, n_epochs=20, learning_rate=0.02).fit(interactions)
    assert gru.fold_in(asked).argmax(axis=1).tolist() == [1, 2, 0]
    assert len(set(MarkovChain().fit(interactions).fold_in(asked).argmax(axis=1))) == 1


def test_another_seed_gives_another_model() -> None:
    interactions = from_sequences(EVENINGS)
    one, other = (GRURecommender(4, n_epochs=1, random_state=seed).fit(interactions).score([0]) for seed in (0, 1))
    assert not np.allclose(one, other)


def test_training_leaves_the_random_state_of_torch_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    GRURecommender(4, n_epochs=1).fit(from_sequences(EVENINGS))
    torch.testing.assert_close(torch.rand(3), expected)


# --- what holds for all ---------------------------------------------------------------------------------------


@each_model
def test_score_is_the_fold_in_of_the_history(model) -> None:
    sequences = random_sequences(6)
    fitted = model.fit(from_sequences(sequences, 8))
    np.testing.assert_allclose(fitted.score(np.array([3, 0])), fitted.fold_in([sequences[3], sequences[0]]), atol=1e-6)


@pytest.mark.parametrize("model", ALL[1:], ids=["co-visitation", "GRU", "GRU sampled"])
def test_an_empty_history_scores_0(model) -> None:
    fitted = model.fit(from_sequences([*EVENINGS, []]))
    np.testing.assert_array_equal(fitted.score(np.array([5])), np.zeros((1, 4)))


@each_model
def test_only_the_order_of_the_times_matters(model) -> None:
    n_events = sum(map(len, EVENINGS))
    slow = from_sequences(EVENINGS, times=np.cumsum(np.random.default_rng(7).integers(1, 9, n_events)))
    np.testing.assert_array_equal(model.fit(slow).score([0, 1]), model.fit(from_sequences(EVENINGS)).score([0, 1]))


@each_model
@pytest.mark.parametrize("history", [[4], [-1], [0.5], [[0, 1]]], ids=["one too many", "negative", "float", "nested"])
def test_histories_that_are_none_are_refused(model, history: list) -> None:
    with pytest.raises(ValueError, match="item positions from 0 to 3 each"):
        model.fit(from_sequences(EVENINGS)).fold_in([np.array(history)])


@each_model
def test_no_histories_get_no_scores(model) -> None:
    assert model.fit(from_sequences(EVENINGS)).fold_in([]).shape == (0, 4)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (MarkovChain(0), "back_off must be a finite number above 0"),
        (CoVisitation(0), "window must be an integer, at least 1"),
        (CoVisitation(decay=0), "decay must be a finite number above 0"),
        (CoVisitation(decay=1.1), "at most 1"),
        (GRURecommender(0), "n_factors must be an integer, at least 1"),
        (GRURecommender(max_length=0), "max_length must be an integer, at least 1"),
        (GRURecommender(dropout=1.0), "dropout must be a finite number at least 0 and below 1"),
        (GRURecommender(loss="hinge"), r"loss must be one of \['softmax', 'sampled'\]; got 'hinge'"),
        (GRURecommender(n_epochs=0), "n_epochs must be an integer, at least 1"),
    ],
)
def test_parameters_out_of_range_are_refused(model, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model.fit(from_sequences(EVENINGS))


def test_a_gru_without_anything_to_predict_says_so() -> None:
    with pytest.raises(ValueError, match="got histories of at most one item"):
        GRURecommender(4).fit(from_sequences([[0], [1], []]))


def test_covisitation_on_movielens_reaches_what_the_chapter_says(movielens: Interactions) -> None:
    split = split_last_out(movielens)
    result = evaluate(CoVisitation().fit(split.train).score, split, name="co-visitation")
    assert result.mean("nDCG@10") == pytest.approx(0.095, abs=0.003)
