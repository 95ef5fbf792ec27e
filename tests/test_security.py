"""Security: fake profiles, statistics that find them, and a log in which every change is found."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from scipy import sparse

from recsys_teach.data import Interactions
from recsys_teach.security import (
    ATTACKS,
    START,
    AuditLog,
    degree_of_similarity,
    fake_profiles,
    inject,
    link,
    rating_deviation,
)

RNG = np.random.default_rng(0)
RATINGS = sparse.csr_array(RNG.integers(1, 6, (40, 30)) * (RNG.random((40, 30)) < 0.4).astype(float))


def dense_deviation(ratings):
    """The definition, one user at a time."""
    table = ratings.toarray()
    counts = (table > 0).sum(axis=0)
    means = np.array([table[table[:, i] > 0, i].mean() if counts[i] else 0 for i in range(table.shape[1])])
    result = []
    for row in table:
        items = np.flatnonzero(row)
        result.append(np.mean(np.abs(row[items] - means[items]) / counts[items]) if len(items) else 0.0)
    return np.array(result)


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_profile_pushes_the_target_and_has_the_fillers(attack):
    profiles = fake_profiles(RATINGS, 7, 12, attack=attack, n_filler=9, n_popular=4, random_state=3)
    assert profiles.shape == (12, 30)
    assert (profiles[:, [7]].toarray() == 5).all()
    assert (np.diff(profiles.indptr) == 10 + 4 * (attack == "bandwagon")).all()
    assert set(profiles.data) <= {1, 2, 3, 4, 5}
    same = fake_profiles(RATINGS, 7, 12, attack=attack, n_filler=9, n_popular=4, random_state=3)
    assert (same != profiles).nnz == 0


def test_bandwagon_gives_the_most_popular_items_the_highest_rating():
    counts = np.bincount(RATINGS.indices, minlength=30)
    popular = [i for i in np.argsort(-counts, kind="stable") if i != 7][:3]
    profiles = fake_profiles(RATINGS, 7, 5, attack="bandwagon", n_filler=2, n_popular=3).toarray()
    assert (profiles[:, popular] == 5).all()


def test_fillers_follow_the_mean_that_the_attack_knows():
    split = np.where(np.arange(60) < 30, 1.0, 5.0)  # half of the catalog is disliked by all
    ratings = sparse.csr_array(np.tile(split, (20, 1)) + (np.arange(20) == 0)[:, None] * (split == 1))
    for attack, apart in (("random", False), ("average", True), ("popular", True)):
        profiles = fake_profiles(ratings, 0, 50, attack=attack, n_filler=20).toarray()[:, 1:]
        low, high = (part[part > 0].mean() for part in (profiles[:, :29], profiles[:, 29:]))
        assert bool(high - low > 2) is apart


def test_popular_attack_prefers_popular_fillers():
    counts = np.bincount(RATINGS.indices, minlength=30)
    means = {a: (fake_profiles(RATINGS, 0, 300, attack=a, n_filler=3) != 0).toarray().sum(axis=0) @ counts
             for a in ("random", "popular")}  # fmt: skip
    assert means["popular"] > means["random"]


def test_injected_users_come_last_and_real_ones_stay():
    real = Interactions.from_matrix(RATINGS, user_ids=np.arange(10, 50), item_ids=np.arange(100, 130))
    profiles = fake_profiles(RATINGS, 7, 6, n_filler=5)
    both = inject(real, profiles)
    assert both.shape == (46, 30)
    assert both.user_ids[40:].tolist() == list(range(50, 56))
    np.testing.assert_array_equal(both.matrix("rating").toarray(), np.vstack([RATINGS.toarray(), profiles.toarray()]))
    assert real.n_users == 40


def test_rating_deviation_agrees_with_its_definition():
    with_empty = sparse.csr_array(np.vstack([RATINGS.toarray(), np.zeros(30)]))
    np.testing.assert_allclose(rating_deviation(with_empty), dense_deviation(with_empty))


def test_degree_of_similarity_agrees_with_a_loop():
    table = RATINGS.toarray()
    centered = np.array([np.where(row > 0, row - row[row > 0].mean(), 0) for row in table])
    similar = centered @ centered.T / np.outer(*[np.linalg.norm(centered, axis=1)] * 2)
    expected = [np.sort(np.delete(similar[u], u))[-3:].mean() for u in range(40)]
    np.testing.assert_allclose(degree_of_similarity(RATINGS, k=3), expected)


def test_a_user_with_equal_ratings_is_similar_to_nobody():
    ratings = sparse.csr_array(np.array([[4.0, 4, 0], [1, 5, 3], [1, 5, 2]]))
    similar = degree_of_similarity(ratings, k=1)
    assert similar[0] == 0
    assert similar[1] > 0.9


def log_of(n):
    log = AuditLog()
    for number in range(n):
        log.append({"number": number, "who": f"user {number % 7}", "value": number * 0.5})
    return log


def test_the_digest_is_the_one_of_hashlib():
    entry = {"b": 1, "a": "x"}
    assert link(START, entry) == hashlib.sha256((START + json.dumps(entry, sort_keys=True)).encode()).hexdigest()
    assert AuditLog().head == START


def test_each_of_a_thousand_random_changes_is_found():
    rng = np.random.default_rng(1)
    whole = log_of(50)
    assert whole.first_broken() is None
    for _ in range(1000):
        lines = list(whole.lines)
        kind, at = rng.integers(4), int(rng.integers(49))
        if kind == 0:  # one value
            lines[at] = ({**lines[at][0], "value": float(rng.random())}, lines[at][1])
        elif kind == 1:  # a line is deleted, not the last one
            del lines[at]
        elif kind == 2:  # two neighbors change places
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
        else:  # a line is added
            lines.insert(at, ({"number": -1}, lines[at][1]))
        assert AuditLog(lines).first_broken() == at


def test_what_the_chain_alone_does_not_show_and_a_kept_head_does():
    whole = log_of(20)
    cut = AuditLog(whole.lines[:15])
    assert cut.first_broken() is None
    assert cut.first_broken(whole.head) == 15
    rewritten = AuditLog()
    for entry, _ in whole.lines:
        rewritten.append({**entry, "who": "nobody"})
    assert rewritten.first_broken() is None
    assert rewritten.first_broken(whole.head) == 20
    assert whole.first_broken(whole.head) is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fake_profiles(RATINGS, 0, 5, attack="clever"), ValueError, "attack must be one of"),
        (lambda: fake_profiles(RATINGS, 30, 5), ValueError, "item positions from 0 to 29"),
        (lambda: fake_profiles(RATINGS, 0, 0), ValueError, "n_profiles must be"),
        (lambda: fake_profiles(RATINGS, 0, 5, n_filler=30), ValueError, "Lower n_filler"),
        (lambda: inject(Interactions.from_matrix(RATINGS), RATINGS[:, :5]), ValueError, "with 30 items; got 5"),
        (lambda: inject(Interactions.from_matrix(RATINGS, user_ids=[f"u{i:02}" for i in range(40)]), RATINGS),
         ValueError, "integer user ids"),
        (lambda: degree_of_similarity(RATINGS, k=40), ValueError, "k must be an integer from 1 to 39"),
        (lambda: AuditLog().append({"value": float("nan")}), TypeError, "finite numbers"),
        (lambda: AuditLog().append({"value": {1, 2}}), TypeError, "Convert its values"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_a_fix(call, error, message):
    with pytest.raises(error, match=message):
        call()
