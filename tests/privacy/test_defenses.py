"""Defenses, held against independent counts, exact formulas, OpenDP and dp-accounting; what is ours is for learning."""

import dp_accounting
import numpy as np
import opendp.prelude as dp
import pandas as pd
import pytest
from dp_accounting import rdp
from scipy import stats

from recsys_teach.privacy.accountant import epsilon_spent, gaussian_rdp
from recsys_teach.privacy.anonymization import generalize, group_sizes, suppress
from recsys_teach.privacy.attacks import epsilon_lower_bound
from recsys_teach.privacy.mechanisms import (
    gaussian,
    gaussian_delta,
    laplace,
    noise_multiplier,
    randomized_response,
    share_error,
    true_share,
    truth_probability,
)

PROFILE = ["gender", "age", "zip_code"]


@pytest.fixture
def rng():
    return np.random.default_rng(15)


@pytest.fixture
def people(rng):
    n = 400
    zips = rng.integers(0, 99_999, n).astype(str)
    return pd.DataFrame({"gender": rng.choice(["F", "M"], n), "age": rng.integers(7, 74, n), "zip_code": zips})


def test_group_sizes_equal_the_count_of_pandas(people):
    table = generalize(people, 20, 1)
    expected = table.groupby(PROFILE)["age"].transform("size").to_numpy()
    assert np.array_equal(group_sizes(table, PROFILE), expected)


def test_missing_values_are_a_group_of_their_own():
    table = pd.DataFrame({"gender": ["F", None, None], "age": [20, 20, 20]})
    assert group_sizes(table, ["gender", "age"]).tolist() == [1, 2, 2]


def test_group_sizes_follow_the_rows(people, rng):
    order = rng.permutation(len(people))
    sizes = group_sizes(generalize(people, 20, 1), PROFILE)
    assert np.array_equal(group_sizes(generalize(people.iloc[order], 20, 1), PROFILE), sizes[order])


def test_group_sizes_name_the_columns_that_exist(people):
    with pytest.raises(ValueError, match="columns of the table"):
        group_sizes(people, ["sex"])


@pytest.mark.parametrize("k", [2, 5, 10])
def test_suppressed_table_is_k_anonymous_by_an_independent_count(people, k):
    kept = suppress(generalize(people, 20, 1), PROFILE, k)
    assert 0 < len(kept) < len(people)
    assert kept.groupby(PROFILE).size().min() >= k
    assert set(kept.index) <= set(people.index)


def test_coarser_tables_have_larger_groups(people):
    finer, coarser = group_sizes(generalize(people, 10, 2), PROFILE), group_sizes(generalize(people, 20, 1), PROFILE)
    assert (coarser >= finer).all()


def test_generalized_age_is_the_lower_end_of_its_band(people):
    table = generalize(people, 20, 0)
    assert ((people["age"] - table["age"]).between(0, 19) & (table["age"] % 20 == 0)).all()
    assert (table["zip_code"] == "").all()
    with pytest.raises(ValueError, match="age_years"):
        generalize(people, 0, 1)
    with pytest.raises(ValueError, match="k must be an integer, at least 1"):
        suppress(people, PROFILE, 0)


def test_randomized_response_keeps_its_promise():
    assert truth_probability(np.log(3)) == pytest.approx(0.75)
    for epsilon in (0.1, 1, 5):
        p = truth_probability(epsilon)
        assert np.log(p / (1 - p)) == pytest.approx(epsilon)


def test_true_share_is_unbiased_with_the_error_of_the_formula(rng):
    truth, epsilon, n = 0.2, 1.0, 400
    estimates = [true_share(randomized_response(rng.random(n) < truth, epsilon, rng), epsilon) for _ in range(4000)]
    error = share_error(truth, n, epsilon)
    assert np.mean(estimates) == pytest.approx(truth, abs=4 * error / np.sqrt(4000))
    assert np.std(estimates) == pytest.approx(error, rel=0.05)


def test_true_share_is_not_cut_off():
    assert true_share(np.zeros(10, dtype=bool), 1.0) < 0
    assert true_share(np.ones(10, dtype=bool), 1.0) > 1


def test_an_attack_on_randomized_response_proves_no_more_than_its_epsilon(rng):
    n, epsilon = 20_000, 1.0
    hits = randomized_response(np.ones(n, dtype=bool), epsilon, rng).sum()
    false_alarms = randomized_response(np.zeros(n, dtype=bool), epsilon, rng).sum()
    assert 0.9 < epsilon_lower_bound(hits, n, false_alarms, n) < epsilon


def test_laplace_has_the_scale_of_sensitivity_over_epsilon(rng):
    noise = laplace(np.zeros(20_000), 3.0, 0.5, rng)
    assert stats.kstest(noise, stats.laplace(scale=6).cdf).pvalue > 0.01


def test_laplace_has_the_distribution_of_opendp(rng):
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l1_distance(T=float)
    theirs = dp.m.make_laplace(*space, scale=6.0)
    assert theirs.map(3.0) == pytest.approx(0.5)
    ours = laplace(np.zeros(4000), 3.0, 0.5, rng)
    assert stats.ks_2samp(ours, theirs([0.0] * 4000)).pvalue > 1e-4  # OpenDP takes no seed


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1, 2, 4, 8])
@pytest.mark.parametrize("delta", [1e-3, 1e-5, 1e-7])
def test_gaussian_noise_agrees_with_dp_accounting(epsilon, delta):
    sigma = noise_multiplier(epsilon, delta)
    assert sigma == pytest.approx(dp_accounting.get_sigma_gaussian(epsilon, delta), rel=1e-3)
    assert gaussian_delta(sigma, epsilon) == pytest.approx(delta, rel=1e-6)


def test_gaussian_scales_with_sensitivity(rng):
    noise = gaussian(np.zeros(20_000), 3.0, 1.0, 1e-5, rng)
    expected = stats.norm(scale=3 * noise_multiplier(1.0, 1e-5))
    assert stats.kstest(noise, expected.cdf).pvalue > 0.01


@pytest.mark.parametrize("add", [lambda value, rng: laplace(value, 1, 1, rng),
                                 lambda value, rng: gaussian(value, 1, 1, 1e-5, rng)])  # fmt: skip
def test_mechanisms_take_numbers_and_arrays_and_leave_them(add, rng):
    value = np.zeros((2, 3))
    assert add(value, rng).shape == (2, 3) and not value.any()
    assert np.isscalar(add(1.0, rng)) or np.ndim(add(1.0, rng)) == 0


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf])
def test_mechanisms_refuse_an_epsilon_that_promises_nothing(bad, rng):
    for call in (
        lambda: laplace(0, 1, bad, rng),
        lambda: laplace(0, bad, 1, rng),
        lambda: gaussian(0, bad, 1, 1e-5, rng),
        lambda: randomized_response(np.ones(3), bad, rng),
        lambda: noise_multiplier(bad, 1e-5),
        lambda: noise_multiplier(1, bad),
    ):
        with pytest.raises(ValueError, match=r"above 0|below 1"):
            call()


def books(sigma, rate, n_steps):
    """What dp-accounting says. Its fractional orders fail to converge at times and are then left out, with a log."""
    step = dp_accounting.GaussianDpEvent(sigma)
    step = step if rate == 1 else dp_accounting.PoissonSampledDpEvent(rate, step)
    accountant = rdp.RdpAccountant()
    accountant.compose(step, n_steps)
    return accountant.get_epsilon(1e-5)


GRID = [  # with larger ε dp-accounting leaves out orders that do not converge, and ours is the lower one
    (sigma, rate, n_steps)
    for sigma in (0.8, 1, 2, 5)
    for rate in (0.01, 0.05, 0.2, 1)
    for n_steps in (1, 300)
    if rate * np.sqrt(n_steps) / sigma < 2
]


@pytest.mark.parametrize(("sigma", "rate", "n_steps"), GRID)
def test_accountant_is_within_one_percent_of_dp_accounting(sigma, rate, n_steps):
    assert epsilon_spent(sigma, rate, n_steps, 1e-5) == pytest.approx(books(sigma, rate, n_steps), rel=0.01)


def test_divergence_of_one_gaussian_step_is_the_closed_form_and_sampling_can_only_help():
    assert gaussian_rdp(2.0, 1, 8) == pytest.approx(8 / (2 * 4))
    assert gaussian_rdp(2.0, 1 - 1e-9, 8) == pytest.approx(1, rel=1e-5)
    spent = [gaussian_rdp(2.0, rate, 8) for rate in (0.01, 0.1, 0.5, 1)]
    assert spent == sorted(spent)


def test_accountant_is_never_below_the_exact_epsilon_of_gaussian_noise():
    for sigma in (1, 2, 5):
        assert epsilon_spent(sigma, 1, 1, 1e-5) >= dp_accounting.get_epsilon_gaussian(sigma, 1e-5) - 1e-9


@pytest.mark.parametrize(("arguments", "message"), [
    ((0, 0.1, 1, 1e-5), "noise_multiplier"), ((1, 0, 1, 1e-5), "sampling_rate"), ((1, 1.5, 1, 1e-5), "sampling_rate"),
    ((1, 0.1, 0, 1e-5), "n_steps"), ((1, 0.1, 1, 0), "delta"), ((1, 0.1, 1, 1), "delta"),
])  # fmt: skip
def test_accountant_refuses_what_is_no_setting(arguments, message):
    with pytest.raises(ValueError, match=message):
        epsilon_spent(*arguments)
