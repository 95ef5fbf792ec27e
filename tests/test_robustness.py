"""What every model and metric does with slips: wrong parameters, odd rows, settings of torch, a fork."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from test_every_model import EVERYBODY, MODELS, RATINGS, READ_IN_ORDER, TRAINED_BY_TORCH, from_matrix

from recsys_teach._validation import check_binary, check_integer, check_number, check_numbers
from recsys_teach.bandits import EpsilonGreedy, LinUCB, Thompson, run_bandit
from recsys_teach.data import Interactions
from recsys_teach.evaluation import metrics
from recsys_teach.federated import Clients, average_over_raters, client_gradient, train_federated, unmasked_sum
from recsys_teach.models import ContentProfile
from recsys_teach.models.biases import DampedBiases
from recsys_teach.models.cold_start import damped_shares, posterior_mean
from recsys_teach.models.multitask import PLE, GradNorm, MMoE, PairInput, SharedBottom, UncertaintyWeights
from recsys_teach.models.neighbors import BiasedItemKNN
from recsys_teach.models.two_stage import TwoStageRecommender
from recsys_teach.privacy.anonymization import generalize
from recsys_teach.privacy.attacks import candidates, kept_share, linkage_scores, membership_auc, uniqueness
from recsys_teach.privacy.mechanisms import gaussian, laplace, randomized_response, true_share
from recsys_teach.retrieval import InvertedFile
from recsys_teach.training import seeded, shuffled, train

EVERY = {
    **MODELS,
    "content": ContentProfile(["title"]),
    "system": TwoStageRecommender({"rating": "regression"}, gate=None, n_epochs=1, n_factors=4),
}
USE_TORCH = (*TRAINED_BY_TORCH, "BPR", "MF by SGD", "system")
FOLD_IN_ROWS = sorted(name for name, model in EVERY.items() if hasattr(model, "fold_in") and name not in READ_IN_ORDER)
NUMBERS = {  # of each model, the parameters that are numbers
    name: [key for key, value in model.get_params().items() if type(value) in (int, float) or key == "patience"]
    for name, model in EVERY.items()
}


def data() -> Interactions:
    interactions = from_matrix(RATINGS)
    titles = pd.DataFrame({"title": [f"film{i} word{i % 3}" for i in range(9)]}, index=interactions.item_ids)
    return Interactions.from_log(
        interactions.log, user_ids=interactions.user_ids, item_ids=interactions.item_ids, items=titles
    )


def quick(name: str, **changes: Any):
    """Give a fresh model that trains for one epoch."""
    model = clone(EVERY[name])
    short = {key: 1 for key in ("n_epochs", "n_epochs") if key in model.get_params()}
    return model.set_params(**{**short, **changes})


# --- parameters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in EVERY if NUMBERS[name]])
def test_each_number_of_the_constructor_is_checked_by_fit(name: str) -> None:
    interactions = data()
    for parameter in NUMBERS[name]:
        bad: list[Any] = ["8", "", np.nan, np.inf, -np.inf, -1, True, np.True_, [4], np.array([4]), 1j, np.float64(-2)]
        if parameter != "patience":
            bad.append(None)
        if type(EVERY[name].get_params()[parameter]) is int or parameter == "patience":
            bad += [64.0, 2.5, np.float64(3), 1e3]
        if parameter == "random_state":
            bad += [2**32, np.random.RandomState(0), np.random.default_rng(0)]
        for value in bad:
            if parameter in ("damping", "shrinkage", "alpha") and isinstance(value, float) and 0 < value < np.inf:
                continue  # a real number whose default happens to be whole
            model = quick(name, **{parameter: value})
            with pytest.raises((ValueError, TypeError), match=rf"^{parameter} must be .*; got "):
                model.fit(interactions)
            with pytest.raises(ValueError, match="not fitted"):
                model.score(EVERYBODY)


@pytest.mark.parametrize("name", [name for name in EVERY if NUMBERS[name]])
def test_numbers_of_numpy_do_what_those_of_python_do(name: str) -> None:
    given = quick(name).get_params()
    numpys = {
        key: (np.int64 if isinstance(given[key], int) else np.float64)(given[key])
        for key in NUMBERS[name]
        if given[key] is not None
    }
    expected = quick(name).fit(data()).score(EVERYBODY)
    np.testing.assert_array_equal(quick(name, **numpys).fit(data()).score(EVERYBODY), expected)


@pytest.mark.parametrize(("name", "parameter"), [("two towers", "correct"), ("system", "behavior")])
@pytest.mark.parametrize("value", ["False", 0, None])
def test_switches_are_true_or_false(name: str, parameter: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"{parameter} must be True or False; got {value!r}"):
        quick(name, **{parameter: value}).fit(data())


@pytest.mark.parametrize("weight", ["2", None, np.nan, True])
def test_weights_of_a_system_are_numbers(weight: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"weights\['rating'\] must be a finite number; got"):
        quick("system", weights={"rating": weight}).fit(data())


@pytest.mark.parametrize("bad", ["8", None, np.nan, -1, 64.0, True])
def test_numbers_of_functions_are_checked_by_name(bad: Any) -> None:
    rng, module = np.random.default_rng(0), torch.nn.Linear(2, 1)
    clients = Clients(sparse.csr_array(np.eye(3)))
    calls = {
        "batch_size": lambda: list(shuffled(5, bad, rng)),
        "n_epochs": lambda: train(module, lambda rng: [], module, n_epochs=bad),
        "random_state": lambda: seeded(bad).__enter__(),
        "width": lambda: SharedBottom(3, 2, width=bad),
        "n_cells": lambda: InvertedFile(bad).fit(np.eye(70)),
        "n_steps": lambda: run_bandit(Thompson(), np.array([0.5]), bad),
        "n_runs": lambda: run_bandit(Thompson(), np.array([0.5]), 3, bad),
        "n_rounds": lambda: list(train_federated(clients, 2, bad, rng=rng)),
        "n_factors": lambda: list(train_federated(clients, bad, 1, rng=rng)),
        "n_known": lambda: uniqueness(np.eye(3), bad, rng),
        "zip_digits": lambda: generalize(pd.DataFrame({"age": [5], "zip_code": ["1"]}), 1, bad),
    }
    for name, call in calls.items():
        with pytest.raises((ValueError, TypeError), match=f"^{name} must be .*; got "):
            call()


def test_checks_name_range_value_and_fix() -> None:
    with pytest.raises(
        TypeError, match=r"^k must be an integer, at least 1; got 64\.0\. Write 64, or .*int\(\.\.\.\)\.$"
    ):
        check_integer("k", 64.0)
    with pytest.raises(ValueError, match=r"^k must be an integer from 1 to 5; got 6\.$"):
        check_integer("k", 6, 1, 5)
    with pytest.raises(ValueError, match=r"^q must be a finite number at least 0 and below 1; got 1\.$"):
        check_number("q", 1, low=0, below=1)
    for value in (0, 0.5, np.float32(0.5), np.int8(0)):
        check_number("q", value, low=0, below=1)


@pytest.mark.parametrize("rng", [None, 0, np.random.RandomState(0)])
def test_what_is_no_generator_is_refused(rng: Any) -> None:
    for call in (
        lambda: randomized_response([True], 1, rng),
        lambda: laplace(1, 1, 1, rng),
        lambda: gaussian(1, 1, 1, 1e-5, rng),
        lambda: uniqueness(np.eye(3), 1, rng),
    ):
        with pytest.raises(TypeError, match=r"rng must be a numpy Generator; got .*np\.random\.default_rng\(0\)"):
            call()


# --- settings of torch ----------------------------------------------------------------------------------------


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    try:
        yield
        assert torch.get_default_dtype() == dtype, "what was set is still set"
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device(device: str) -> Iterator[None]:
    torch.set_default_device(device)
    try:
        yield
        assert torch.get_default_device().type == device
    finally:
        torch.set_default_device(None)


@contextmanager
def without_gradients() -> Iterator[None]:
    torch.set_grad_enabled(False)
    try:
        yield
        assert not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)


@contextmanager
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield
        assert torch.is_inference_mode_enabled()


SETTINGS = {
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "meta": lambda: default_device("meta"),
    "no gradients": without_gradients,
    "inference": inference,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}
settings = pytest.mark.parametrize("setting", SETTINGS)


def answers(name: str, model) -> list[np.ndarray]:
    """Ask a model in every way that runs a network."""
    asked = [model.score(EVERYBODY), model.recommend(EVERYBODY, 3)]
    if name in READ_IN_ORDER:
        asked.append(model.fold_in([[0, 1], []]))
    elif hasattr(model, "fold_in"):
        asked.append(model.fold_in(RATINGS))
    if name == "two towers":
        asked.append(model.new_items(pd.DataFrame(index=range(2))))
    return asked


@settings
@pytest.mark.parametrize("name", USE_TORCH)
def test_models_do_not_depend_on_settings_of_torch(name: str, setting: str) -> None:
    before = quick(name).fit(data())
    with SETTINGS[setting]():
        inside = quick(name).fit(data())
        found = [*answers(name, inside), *answers(name, before)]
    expected = answers(name, before)
    for one, other in zip([*found, *answers(name, inside)], expected * 3, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@settings
def test_networks_and_training_do_not_depend_on_settings_of_torch(setting: str) -> None:
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32))

    def losses() -> list[float]:
        with seeded(0):
            module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(), torch.nn.Linear(4, 3))
            return train(
                module, lambda rng: [(rows,)], lambda x: ((module(x) - torch.ones(3)) ** 2).mean(), n_epochs=3
            ).losses

    expected = losses()
    with SETTINGS[setting]():
        assert losses() == expected
        built = [
            SharedBottom(3, 2), MMoE(3, 2), PLE(3, 2), PairInput(3, 2, 2), UncertaintyWeights(2), GradNorm(2),
        ]  # fmt: skip
    for module in built:
        for parameter in module.parameters():
            assert (parameter.dtype, parameter.device.type) == (torch.float32, "cpu")
            assert parameter.requires_grad and not parameter.is_inference()


@pytest.mark.parametrize("setting", ["meta", "inference"])
def test_a_module_that_cannot_be_trained_is_refused_with_the_fix(setting: str) -> None:
    with SETTINGS[setting]():
        module = torch.nn.Linear(3, 1)
    with pytest.raises(ValueError, match=r"Build it inside `with seeded\(random_state\)`"):
        train(module, lambda rng: [(torch.ones(2, 3),)], lambda x: module(x).mean(), n_epochs=1)


FORKED = """
import multiprocessing as mp, sys
import numpy as np, torch
from recsys_teach.data.interactions import Interactions
from recsys_teach.models import BPR, BiasedMF
torch.set_num_threads(2)
data = Interactions.from_matrix(np.random.default_rng(0).random((200, 600)) < 0.05)
models = {"BPR": BPR(64, n_epochs=1), "MF": BiasedMF(64, solver="sgd", n_epochs=1)}
def fit(name): return float(np.abs(models[name].fit(data).score(np.arange(3))).sum())
here = fit(sys.argv[1])
with mp.get_context("fork").Pool(1) as pool:
    there = pool.map_async(fit, [sys.argv[1]]).get(timeout=60)
assert np.isclose(here, there, rtol=1e-3), (here, there)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("name", ["BPR", "MF"])
def test_a_model_can_be_fitted_in_a_child_that_was_forked_after_a_fit(name: str) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED, name], check=True, timeout=180)


# --- rows of new users, and of relevant items -----------------------------------------------------------------


def disguises(rows: np.ndarray) -> dict[str, Any]:
    """Give the same rows as other containers hold them."""
    user, item = np.nonzero(rows)
    zero_user, zero_item = (places[:4] for places in np.nonzero(rows == 0))
    with_zeros = sparse.coo_array(
        (
            np.concatenate([rows[user, item], np.zeros(len(zero_user))]),
            (np.concatenate([user, zero_user]), np.concatenate([item, zero_item])),
        ),
        shape=rows.shape,
    )
    order = np.lexsort((-item, user))  # rising rows, falling columns, each cell in two halves
    halves = np.repeat(rows[user, item][order] / 2, 2)
    starts = 2 * np.searchsorted(user, np.arange(len(rows) + 1))
    doubled = sparse.csr_array((halves, np.repeat(item[order], 2), starts), shape=rows.shape)
    return {
        "sparse": sparse.csr_array(rows),
        "stored zeros": with_zeros.tocsr(),
        "doubled cells": doubled,
        "masked": np.ma.masked_array(np.where(rows == 0, 7.0, rows), mask=rows == 0),
        "coordinates": with_zeros,
        "columns": sparse.csc_array(rows),
        "frame": pd.DataFrame(rows),
        "list": rows.tolist(),
        "integers": rows.astype(np.int8),
    }


@pytest.mark.parametrize("kind", disguises(RATINGS))
@pytest.mark.parametrize("name", FOLD_IN_ROWS)
def test_fold_in_reads_the_values_of_rows_however_they_are_stored(name: str, kind: str) -> None:
    model = quick(name).fit(data())
    rows = disguises(RATINGS)[kind]
    np.testing.assert_allclose(model.fold_in(rows), model.fold_in(RATINGS), rtol=1e-6, atol=1e-9)
    if sparse.issparse(rows):
        assert rows.nnz == disguises(RATINGS)[kind].nnz, "what was given is not changed"


@pytest.mark.parametrize("name", FOLD_IN_ROWS)
def test_rows_that_are_no_numbers_are_refused(name: str) -> None:
    model = quick(name).fit(data())
    for rows in (RATINGS.astype(str), RATINGS.astype(object), RATINGS.astype(complex)):
        with pytest.raises(TypeError, match=r"Expected rows of numbers; got dtype .*astype\(float\)"):
            model.fold_in(rows)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="NaN or infinity"):
            model.fold_in(np.where(RATINGS == 0, bad, RATINGS))


@pytest.mark.parametrize("kind", disguises(RATINGS))
@pytest.mark.parametrize(
    "metric",
    [metrics.precision_at_k, metrics.recall_at_k, metrics.hit_rate_at_k, metrics.mrr_at_k, metrics.map_at_k,
     metrics.ndcg_at_k, metrics.hits_at_k,
     lambda ranked, relevant: metrics.tied_ndcg_at_k(RATINGS.round(-1), relevant, 4)],
)  # fmt: skip
def test_metrics_count_relevant_items_by_value(metric, kind: str) -> None:
    ranked = np.argsort(np.random.default_rng(5).random(RATINGS.shape), axis=1)[:, :4]
    np.testing.assert_array_equal(metric(ranked, disguises(RATINGS)[kind]), metric(ranked, sparse.csr_array(RATINGS)))


@pytest.mark.parametrize("model", [DampedBiases(2), BiasedItemKNN(5, 1)], ids=lambda model: type(model).__name__)
def test_a_rating_of_zero_in_the_log_is_a_rating(model) -> None:
    log = from_matrix(RATINGS).log
    lower = log.assign(rating=log["rating"] - 3)  # some are 0 now
    scores, lowered = (
        clone(model).fit(Interactions.from_log(part, user_ids=EVERYBODY, item_ids=np.arange(9))).score(EVERYBODY)
        for part in (log, lower)
    )
    np.testing.assert_allclose(lowered, scores - 3, atol=1e-9)


@pytest.mark.parametrize("name", READ_IN_ORDER)
def test_histories_that_are_no_positions_are_refused(name: str) -> None:
    model = quick(name).fit(data())
    masked = np.ma.masked_array([1, 2], mask=[False, True])
    for history in ([0.0, 1.0], [-1], [9], ["1"], [True], [[1, 2]], 3, None, [np.nan], masked):
        with pytest.raises(ValueError, match=r"^Expected histories"):
            model.fold_in([[0], history])
    for histories in (3, None, sparse.csr_array(RATINGS)):
        with pytest.raises(TypeError, match=r"^Expected a list of histories"):
            model.fold_in(histories)
    expected = model.fold_in([np.array([1, 2]), np.array([], dtype=int)])
    np.testing.assert_array_equal(model.fold_in([[1, 2], []]), expected)
    np.testing.assert_array_equal(model.fold_in([pd.Series([1, 2], index=[7, 8]), ()]), expected)


# --- answers that are yes or no -------------------------------------------------------------------------------

NEITHER = {
    "text": ["no", "yes"],
    "text of digits": ["0", "1"],
    "NaN": [np.nan, 1.0],
    "other numbers": [0, 2],
    "shares": [0.5, 1.0],
    "objects": np.array([True, False], dtype=object),
    "missing": pd.array([True, None], dtype="boolean"),
    "masked": np.ma.masked_array([True, False], mask=[True, False]),
}


def started(bandit):
    bandit.reset(2, 3, 1)
    return bandit


@pytest.mark.parametrize("kind", NEITHER)
def test_what_is_neither_yes_nor_no_is_refused(kind: str) -> None:
    values, rng, arms = NEITHER[kind], np.random.default_rng(0), np.array([0, 1])
    column = values if kind in ("objects", "missing", "masked") else np.array(values)
    calls = {
        "answers": [
            lambda: randomized_response(values, 1, rng),
            lambda: true_share(values, 1),
            lambda: posterior_mean(np.ones(4) / 2, np.eye(4), np.array([0, 1]), values),
        ],
        "rewards": [
            lambda: started(Thompson()).update(arms, values),
            lambda: started(EpsilonGreedy()).update(arms, values),
            lambda: started(LinUCB()).update(arms, values, np.ones((2, 1))),
        ],
        "group": [lambda: damped_shares(np.eye(2), column, 1.0)],
        "known": [lambda: client_gradient(np.ones(2), column, np.ones(1), np.ones((2, 1)))],
        "rated": [lambda: average_over_raters(np.ones((2, 2, 1)), values)],
        "alive": [lambda: unmasked_sum(np.ones((2, 3)), values, np.ones((2, 2, 3)))],
    }
    for name, some in calls.items():
        for call in some:
            with pytest.raises((TypeError, ValueError), match=f"^{name} must be True and False, or 1 and 0; got"):
                call()


@pytest.mark.parametrize(
    "values", [[True, False], [1, 0], [1.0, 0.0], pd.Series([1, 0], index=[5, 6]), np.array([1, 0], np.uint8)]
)
def test_yes_and_no_are_taken_in_every_plain_form(values: Any) -> None:
    assert check_binary("answers", values).tolist() == [True, False]
    assert randomized_response(values, 50, np.random.default_rng(0)).tolist() == [True, False]


@pytest.mark.parametrize("values", [["1", "2"], [np.nan, 1.0], [np.inf, 1.0], [None, 1.0]], ids=str)
def test_text_and_gaps_are_refused_where_numbers_are_meant(values: Any) -> None:
    rng = np.random.default_rng(0)
    for call in (
        lambda: check_numbers("values", values),
        lambda: laplace(values, 1, 1, rng),
        lambda: gaussian(values, 1, 1, 1e-5, rng),
        lambda: membership_auc(values, [1.0]),
        lambda: membership_auc([1.0], values),
        lambda: candidates(np.eye(2), np.array([0, 1]), values),
        lambda: linkage_scores(np.eye(2), np.array([0, 1]), values, np.ones(2)),
        lambda: run_bandit(Thompson(), values, 3),
    ):
        with pytest.raises((TypeError, ValueError), match=r"^\w+ must be finite numbers; got"):
            call()


def test_tables_of_text_are_refused_by_attacks_and_anonymizers() -> None:
    text = np.array([["5", "0"], ["0", "3"]])
    for call in (
        lambda: candidates(text, np.array([0]), [5]),
        lambda: uniqueness(text, 1, np.random.default_rng(0)),
        lambda: linkage_scores(text, np.array([0]), [5], np.ones(2)),
        lambda: kept_share(text, np.ones((2, 1))),
    ):
        with pytest.raises(TypeError, match="Expected a numpy array of numbers"):
            call()
    with pytest.raises(TypeError, match="Expected a column 'age' of numbers"):
        generalize(pd.DataFrame({"age": ["25"], "zip_code": ["12345"]}))
    with pytest.raises(TypeError, match="Expected a column 'zip_code' of text"):
        generalize(pd.DataFrame({"age": [25], "zip_code": [12345]}))


def test_a_doubled_cell_of_a_client_is_one_rating() -> None:
    rows = np.array([[1.0, 0.0], [0.5, -0.5]])
    once, twice = Clients(sparse.csr_array(rows)), Clients(disguises(rows)["doubled cells"])
    Q = np.random.default_rng(0).normal(size=(2, 3))
    np.testing.assert_array_equal(once.n_raters, twice.n_raters)
    np.testing.assert_allclose(once.solve(Q), twice.solve(Q))
