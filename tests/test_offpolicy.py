"""Off-policy estimates: by hand, exact expectations over all logs, and what right propensities or models guarantee."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_teach.offpolicy import doubly_robust, ips, snips

REWARDS, TARGET, LOGGING = np.array([1, 0, 1, 0]), np.array([0.2, 0.8, 0.2, 0.8]), np.array([0.5, 0.5, 0.4, 0.8])
OLD, NEW, RATES = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7]), np.array([0.2, 0.5, 0.9])


def expectation(estimate):
    """Return the expected value of an estimate from one event: the mean over all actions and rewards."""
    return sum(
        OLD[a] * (RATES[a] if reward else 1 - RATES[a]) * estimate(np.array([reward]), a)
        for a in range(3)
        for reward in (1, 0)
    )


def test_ips_and_snips_by_hand():
    weights = [0.4, 1.6, 0.5, 1.0]
    assert ips(REWARDS, TARGET, LOGGING) == pytest.approx((0.4 + 0.5) / 4)
    assert snips(REWARDS, TARGET, LOGGING) == pytest.approx((0.4 + 0.5) / sum(weights))


def test_doubly_robust_by_hand():
    predicted, expected = np.array([0.5, 0.1, 0.5, 0.1]), np.full(4, 0.18)
    terms = 0.18 + np.array([0.5 * 0.4, -0.1 * 1.6, 0.5 * 0.5, -0.1 * 1.0])
    assert doubly_robust(REWARDS, TARGET, LOGGING, predicted, expected) == pytest.approx(terms.mean())


def test_ips_is_unbiased_with_the_right_propensities_only():
    value = NEW @ RATES
    assert expectation(lambda r, a: ips(r, NEW[[a]], OLD[[a]])) == pytest.approx(value)
    guess = np.full(3, 1 / 3)
    assert expectation(lambda r, a: ips(r, NEW[[a]], guess[[a]])) != pytest.approx(value, rel=0.05)


@pytest.mark.parametrize(("propensity", "model", "right"), [
    (OLD, np.array([0.9, 0.9, 0.1]), True),
    (np.full(3, 1 / 3), RATES, True),
    (np.full(3, 1 / 3), np.array([0.9, 0.9, 0.1]), False),
])  # fmt: skip
def test_doubly_robust_is_unbiased_if_one_of_its_two_parts_is_right(propensity, model, right):
    found = expectation(lambda r, a: doubly_robust(r, NEW[[a]], propensity[[a]], model[[a]], np.array([NEW @ model])))
    assert (found == pytest.approx(NEW @ RATES)) == right


def test_snips_stays_within_the_rewards_and_ips_does_not():
    rewards, target, logging = np.array([1, 1]), np.array([0.9, 0.9]), np.array([0.1, 0.1])
    assert snips(rewards, target, logging) == 1
    assert ips(rewards, target, logging) == pytest.approx(9)


def test_snips_without_any_weight_is_nan():
    assert np.isnan(snips(np.array([1]), np.array([0.0]), np.array([0.5])))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ips(REWARDS, TARGET[:2], LOGGING), "shape"),
        (lambda: ips(np.array([]), np.array([]), np.array([])), "one row per event|shape"),
        (lambda: ips(REWARDS, TARGET * 3, LOGGING), "target probabilities from 0 to 1"),
        (lambda: snips(REWARDS, TARGET, LOGGING * 0), "propensities above 0"),
        (lambda: doubly_robust(REWARDS, TARGET, LOGGING, np.ones(2), np.ones(4)), "Use one row per event"),
    ],
)
def test_bad_input_is_refused_with_a_fix(call, message):
    with pytest.raises(ValueError, match=message):
        call()
