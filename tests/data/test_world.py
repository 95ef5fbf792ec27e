"""The world is reproducible, obeys the truth it states, and each parameter does what it says."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from recsys_teach.data import split_per_user
from recsys_teach.data.world import (
    DAY,
    FIRST_ITEM_ID,
    GENRES,
    WorldConfig,
    calibration,
    load_world,
    make_world,
    save_world,
    world_folder,
)


@cache
def world_of(n_users=1_000, **config):
    return make_world(n_users, **config)


def positions(world):
    """User and item position of each impression, ordered by user and then by time."""
    log = world.impressions.sort_values(["user", "time"], kind="stable")
    return log["user"].to_numpy() - 1, log["item"].to_numpy() - FIRST_ITEM_ID, log


def genre_triples(world):
    """Genres of every three consecutive impressions of one user, shape (3, n)."""
    user, item, _ = positions(world)
    genre = world.truth.genre[item].astype(int)
    same = user[2:] == user[:-2]
    return np.stack([genre[:-2], genre[1:-1], genre[2:]])[:, same]


def information(context, following):
    """Mutual information in bits, less the bias that a finite sample adds (Miller and Madow)."""
    table = np.zeros((context.max() + 1, following.max() + 1))
    np.add.at(table, (context, following), 1)
    p = table / table.sum()
    expected = p.sum(axis=1, keepdims=True) * p.sum(axis=0)
    bits = (p[p > 0] * np.log2(p[p > 0] / expected[p > 0])).sum()
    return bits - (table.shape[0] - 1) * (table.shape[1] - 1) / (2 * table.sum() * np.log(2))


def ndcg_at_10(scores, train, test):
    scores = np.array(scores, dtype=float)
    scores[train.matrix().nonzero()] = -np.inf
    top = np.argsort(-scores, axis=1)[:, :10]
    relevant = test.matrix().toarray()
    discount = 1 / np.log2(np.arange(10) + 2)
    n_relevant = relevant.sum(axis=1).astype(int)
    some = n_relevant > 0
    ideal = np.cumsum(discount)[np.minimum(n_relevant[some], 10) - 1]
    return ((np.take_along_axis(relevant, top, axis=1) * discount).sum(axis=1)[some] / ideal).mean()


# --- the same again


def test_same_seed_gives_the_same_world():
    one, two = make_world(200), make_world(200)
    pd.testing.assert_frame_equal(one.impressions, two.impressions)
    pd.testing.assert_frame_equal(one.users, two.users)
    pd.testing.assert_frame_equal(one.items, two.items)


def test_another_seed_gives_another_world():
    one, two = world_of(200), world_of(200, random_state=1)
    assert not np.allclose(one.truth.item_factors, two.truth.item_factors)
    assert not one.items["title"].equals(two.items["title"])


@pytest.mark.parametrize("n_users", [1, 499, 501])
def test_users_do_not_depend_on_how_many_follow(n_users):
    small, large = make_world(n_users), world_of()
    pd.testing.assert_frame_equal(small.users, large.users.head(n_users))
    log = large.impressions[large.impressions["user"] <= n_users].reset_index(drop=True)
    pd.testing.assert_frame_equal(small.impressions, log)


def test_shipped_world_is_the_default_world():
    shipped, made = load_world(), world_of()
    assert shipped.config == made.config == WorldConfig()
    pd.testing.assert_frame_equal(shipped.items, made.items)
    assert shipped.truth.user_factors == pytest.approx(made.truth.user_factors, abs=1e-5)
    assert shipped.truth.next_genre == pytest.approx(made.truth.next_genre)
    assert shipped.impressions.dtypes.equals(made.impressions.dtypes)
    sums = [
        pd.util.hash_pandas_object(world.impressions, index=False).groupby(world.impressions["user"]).sum()
        for world in (shipped, made)
    ]
    # Another CPU may round the last bit of a weight otherwise, which changes the rest of that user's history.
    assert (sums[0] == sums[1]).mean() >= 0.99


def test_saved_world_comes_back_whole(tmp_path):
    world = make_world(30, n_items=60, n_factors=3, confounding=0.5)
    save_world(world, tmp_path)
    back = load_world(tmp_path)
    pd.testing.assert_frame_equal(back.impressions, world.impressions)
    pd.testing.assert_frame_equal(back.users, world.users)
    pd.testing.assert_frame_equal(back.items, world.items)
    assert back.config == world.config
    everyone = np.arange(30)
    assert np.array_equal(back.truth.score(everyone), world.truth.score(everyone))
    assert not list(tmp_path.glob("*.part"))


def test_saving_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_world(world_of(200), tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_damaged_or_missing_files_are_refused(tmp_path):
    save_world(make_world(5, n_items=50), tmp_path)
    file = tmp_path / "truth.npz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"truth.npz is damaged.*git checkout"):
        load_world(tmp_path)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"no .*truth.npz.*python -m recsys_teach.data.world"):
        load_world(tmp_path)


CHANGES = {  # what git and office programs do to a text
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "CR": lambda data: data.replace(b"\n", b"\r"),
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "both": lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"),
    "UTF-16": lambda data: data.decode().replace("\n", "\r\n").encode("utf-16"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_line_ends_and_encodings_changed_on_the_way_do_no_harm(tmp_path, change):
    world = make_world(5, n_items=50)
    save_world(world, tmp_path)
    for name in ("config.json", "SHA256SUMS"):
        (tmp_path / name).write_bytes(change((tmp_path / name).read_bytes()))
    loaded = load_world(tmp_path)
    assert loaded.config == world.config
    pd.testing.assert_frame_equal(loaded.impressions, world.impressions)


@pytest.mark.parametrize("text", [b"", b"nothing\n", b"{}"])
def test_a_list_of_checksums_that_is_none_is_refused(tmp_path, text):
    save_world(make_world(5, n_items=50), tmp_path)
    (tmp_path / "SHA256SUMS").write_bytes(text)
    with pytest.raises(ValueError, match=r"SHA256SUMS is damaged.*git checkout"):
        load_world(tmp_path)


def test_a_changed_value_is_damage_and_no_line_end(tmp_path):
    save_world(make_world(5, n_items=50), tmp_path)
    file = tmp_path / "config.json"
    file.write_bytes(file.read_bytes().replace(b"50", b"51"))
    with pytest.raises(ValueError, match=r"config.json is damaged: .*line endings .* do not explain.*git checkout"):
        load_world(tmp_path)


def test_shipped_files_are_small():
    assert sum(file.stat().st_size for file in world_folder().iterdir()) < 2_000_000


# --- the log obeys its rules


def test_no_item_is_shown_twice_to_a_user():
    assert not world_of().impressions.duplicated(["user", "item"]).any()


def test_nothing_is_shown_before_user_and_item_are_there():
    world = world_of()
    log = world.impressions
    assert (log["time"] >= world.users["arrival_day"].loc[log["user"]].to_numpy() * DAY).all()
    assert (log["time"] >= world.items["release_day"].loc[log["item"]].to_numpy() * DAY).all()


def test_log_is_sorted_and_each_user_has_one_impression_a_second():
    log = world_of().impressions
    assert log["time"].is_monotonic_increasing
    assert not log.duplicated(["user", "time"]).any()


def test_funnel_only_narrows():
    log = world_of().impressions
    assert not (log[["finish", "like"]].any(axis=1) & ~log["click"]).any()
    assert (log["watch_share"] > 0).equals(log["click"])
    assert (log["watch_share"] < 1).all()
    assert (log["watch_share"] > 0.9005).equals(log["finish"])


def test_interactions_keep_all_users_and_items():
    world = world_of()
    exposed, clicks = world.exposed(), world.clicks()
    assert exposed.shape == clicks.shape == (1_000, 600)
    assert len(exposed) == len(world.impressions)
    assert len(clicks) == world.impressions["click"].sum()
    pd.testing.assert_frame_equal(clicks.items, world.items)
    with pytest.raises(ValueError, match="swapped"):
        type(clicks).from_log(clicks.log.rename(columns={"user": "item", "item": "user"}), users=world.users,
                              items=world.items)  # fmt: skip


def test_titles_differ_also_in_a_large_catalog():
    assert make_world(2, n_items=3_000).items["title"].is_unique


# --- the truth is the truth


def test_exposure_and_next_item_are_distributions():
    truth = world_of().truth
    everyone = np.arange(50)
    assert truth.exposure(everyone).sum(axis=1) == pytest.approx(np.ones(50))
    seen = np.zeros((50, 600), dtype=bool)
    seen[:, [3, 4]] = True
    following = truth.next_item(everyone, np.tile([3, 4], (50, 1)), seen, np.full(50, 90 * DAY))
    assert following.sum(axis=1) == pytest.approx(np.ones(50))
    assert (following[:, [3, 4]] == 0).all()
    assert (following[:, truth.release_day > 90] == 0).all()
    assert (following[:, truth.release_day <= 90] > 0).sum() == 50 * ((truth.release_day <= 90).sum() - 2)


def test_affinity_has_exactly_the_planted_rank():
    for n_factors in (3, 8):
        truth = world_of(300, mean_impressions=5, n_factors=n_factors).truth
        values = np.linalg.svd(truth.affinity(np.arange(300)), compute_uv=False)
        assert values[n_factors - 1] > 0.1 * values[0]
        assert values[n_factors] < 1e-9 * values[0]


@pytest.mark.parametrize("confounding", [0.0, 1.5])
def test_labels_occur_as_often_as_the_truth_says(confounding):
    world = world_of(500, confounding=confounding)
    user, item, log = positions(world)
    everyone = np.arange(len(world.users))
    clicked = log["click"].to_numpy()
    cases = [
        (world.truth.click_probability(everyone), clicked, np.ones_like(clicked)),
        (world.truth.finish_given_click(everyone), log["finish"].to_numpy(), clicked),
        (world.truth.like_given_click(everyone), log["like"].to_numpy(), clicked),
    ]
    for probability, label, among in cases:
        p, happened = probability[user, item][among], label[among]
        quality = world.truth.quality[item][among]
        for part in np.array_split(np.argsort(p), 10) + np.array_split(np.argsort(quality), 10):
            error = 4 * np.sqrt((p[part] * (1 - p[part])).sum()) / len(part)
            assert happened[part].mean() == pytest.approx(p[part].mean(), abs=error)


def test_next_item_is_the_law_that_drew_the_log():
    world = world_of()
    user, item, log = positions(world)
    time = log["time"].to_numpy()
    first = np.flatnonzero(np.diff(user, prepend=-1))[:400]
    step = 12
    long_enough = [f for f in first if user[f + step] == user[f]]
    seen = np.zeros((len(long_enough), 600), dtype=bool)
    for row, f in enumerate(long_enough):
        seen[row, item[f : f + step]] = True
    at = np.array(long_enough) + step
    p = world.truth.next_item(user[at], np.stack([item[at - 2], item[at - 1]], axis=1), seen, time[at])
    drawn = p[np.arange(len(at)), item[at]]
    assert (drawn > 0).all()
    # The log-likelihood of what was drawn is, in the mean, the negative entropy of the law.
    log_p = np.log(np.where(p > 0, p, 1))
    mean, spread = (p * log_p).sum(axis=1), np.sqrt((p * log_p**2).sum(axis=1) - (p * log_p).sum(axis=1) ** 2)
    assert np.log(drawn).sum() == pytest.approx(mean.sum(), abs=4 * np.sqrt((spread**2).sum()))
    # The genres, too, come as often as the law says.
    genre = np.eye(len(GENRES))[world.truth.genre]
    expected, came = p @ genre, genre[item[at]]
    error = np.sqrt((expected * (1 - expected)).sum(axis=0))
    assert (np.abs((came - expected).sum(axis=0)) < 4 * error).all()


@pytest.mark.parametrize("sequence_strength", [0.0, 0.5])
def test_shown_probability_says_what_was_shown(sequence_strength):
    world = world_of(500, sequence_strength=sequence_strength)
    p = world.truth.shown_probability(np.arange(500))
    assert p.sum(axis=1) == pytest.approx(world.truth.n_impressions)
    shown = world.exposed().matrix().toarray()
    for part in np.array_split(np.argsort(p, axis=None), 10):
        said = p.flat[part].mean()
        assert shown.flat[part].mean() == pytest.approx(said, abs=0.03 * said + 4 * np.sqrt(said / len(part)))


def test_history_lengths_are_those_of_the_truth():
    world = world_of()
    lengths = world.impressions["user"].value_counts().sort_index()
    assert np.array_equal(lengths, world.truth.n_impressions)


def test_oracle_beats_svd_and_svd_beats_popularity():
    world = world_of()
    train, test, _ = split_per_user(world.clicks())
    matrix = train.matrix().toarray()
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    popularity = ndcg_at_10(np.tile(matrix.sum(axis=0), (1_000, 1)), train, test)
    pure_svd = ndcg_at_10((u[:, :8] * s[:8]) @ vt[:8], train, test)
    oracle = ndcg_at_10(world.truth.score(np.arange(1_000)), train, test)
    assert pure_svd > popularity + 0.02
    assert oracle > pure_svd + 0.05


# --- each parameter does what it says


def test_taste_strength_is_the_spread_of_the_affinity():
    spreads = [
        world_of(500, mean_impressions=5, taste_strength=s, sensitive_strength=0).truth.affinity(np.arange(500)).std()
        for s in (1, 3)
    ]
    assert spreads[0] == pytest.approx(1, rel=0.15)
    assert spreads[1] == pytest.approx(3 * spreads[0])


@pytest.mark.parametrize("strength", [0.0, 0.7, 1.0])
def test_content_strength_is_the_share_that_genres_explain(strength):
    world = world_of(2, n_items=4_000, content_strength=strength)
    factors = pd.DataFrame(world.truth.item_factors)
    pair = [world.items["genre"].to_numpy(), world.items["second_genre"].to_numpy()]
    within = (factors - factors.groupby(pair).transform("mean")).to_numpy()
    total = (factors.to_numpy() ** 2).sum()
    assert 1 - (within**2).sum() / total == pytest.approx(strength, abs=0.05)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_profile_strength_is_the_share_that_profiles_explain(strength):
    world = world_of(4_000, n_items=50, mean_impressions=5, profile_strength=strength, sensitive_strength=0)
    dummies = pd.get_dummies(world.users[["age_band", "region", "device"]]).to_numpy(dtype=float)
    factors = world.truth.user_factors
    fitted = dummies @ np.linalg.lstsq(dummies, factors, rcond=None)[0]
    # The twelve effects are drawn once a world, so the share itself varies between worlds.
    assert ((factors - fitted) ** 2).mean() == pytest.approx(1 - strength, abs=0.03)


@pytest.mark.parametrize("strength", [0.0, 1.0, 3.0])
def test_sensitive_strength_moves_the_taste(strength):
    world = world_of(4_000, n_items=50, mean_impressions=5, sensitive_strength=strength)
    ill = world.users["chronic_illness"].to_numpy()
    shift = world.truth.user_factors[ill].mean(axis=0) - world.truth.user_factors[~ill].mean(axis=0)
    assert np.linalg.norm(shift) == pytest.approx(strength, abs=0.15)


def test_exposure_bias_concentrates_what_is_shown():
    flat, steep = (world_of(500, exposure_bias=b, personalization=0).truth for b in (0, 2))
    assert flat.exposure(np.arange(3)) == pytest.approx(np.full((3, 600), 1 / 600))
    assert steep.exposure(np.arange(3)).max(axis=1).min() > 0.05
    ginis = [
        calibration(world_of(500, exposure_bias=b, personalization=0))["Gini of clicks over items"] for b in (0, 1, 2)
    ]
    assert ginis[0] + 0.1 < ginis[1] < ginis[2] - 0.05


def test_personalization_raises_the_click_rate():
    rates = [world_of(500, personalization=p).impressions["click"].mean() for p in (0, 0.5, 1)]
    assert rates[0] + 0.05 < rates[1] < rates[2] - 0.05
    same = world_of(500, personalization=0).truth.exposure(np.arange(10))
    assert same == pytest.approx(np.tile(same[0], (10, 1)))


def test_sequence_law_is_of_second_order():
    before, last, following = genre_triples(world_of(500, sequence_strength=1))
    one, two = information(last, following), information(12 * before + last, following)
    assert two > 1.0
    assert 0.05 < one < two / 3


def test_without_sequence_strength_the_past_tells_nothing():
    # With no personal taste either, as a shared taste would make a user's genres alike.
    before, last, following = genre_triples(world_of(500, sequence_strength=0, personalization=0))
    assert information(12 * before + last, following) < 0.01


def test_full_sequence_strength_follows_the_table():
    world = world_of(sequence_strength=1, exposure_bias=0, personalization=0, mean_impressions=10)
    before, last, following = genre_triples(world)
    table = np.zeros((12, 12, 12))
    np.add.at(table, (before, last, following), 1)
    expected = world.truth.next_genre * table.sum(axis=2, keepdims=True)
    # Short histories from a flat exposure hardly use up a genre: the frequencies are those of the law.
    assert np.abs(table - expected).sum() / table.sum() < 0.2
    assert world.truth.next_genre.sum(axis=2) == pytest.approx(np.ones((12, 12)))


def test_task_correlation_is_the_correlation_of_the_two_tastes():
    for correlation in (0.0, 0.5, 1.0):
        truth = world_of(2, n_items=4_000, task_correlation=correlation).truth
        one, two = truth.item_factors.ravel(), truth.finish_factors.ravel()
        assert np.corrcoef(one, two)[0, 1] == pytest.approx(correlation, abs=0.12)
    assert np.array_equal(truth.item_factors, truth.finish_factors)


def test_confounding_separates_seeing_from_doing():
    everyone = np.arange(100)
    plain, hidden = (world_of(500, confounding=c).truth for c in (0.0, 1.5))
    assert plain.finish_given_click(everyone) == pytest.approx(plain.finish_given_click(everyone, do=True))
    assert (hidden.finish_given_click(everyone) > hidden.finish_given_click(everyone, do=True) + 0.01).mean() > 0.99
    # The quadrature agrees with a plain average over the hidden variable.
    z = np.random.default_rng(0).normal(size=(20_000, 1))
    logit = np.log(plain.finish_given_click(everyone) / (1 - plain.finish_given_click(everyone)))[0, :20]
    by_hand = expit(logit + 1.5 * z).mean(axis=0)
    assert hidden.finish_given_click(everyone, do=True)[0, :20] == pytest.approx(by_hand, abs=0.01)


@pytest.mark.parametrize("mean", [10, 30])
def test_mean_impressions_is_the_mean_history(mean):
    assert world_of(2_000, n_items=400, mean_impressions=mean).truth.n_impressions.mean() == pytest.approx(
        mean, rel=0.1
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"n_users": 0}, "n_users must be an integer from 1 to 1000000; got 0"),
        ({"n_items": 60.5}, "n_items must be an integer from 50"),
        ({"n_users": True}, "n_users must be an integer"),
        ({"sequence_strength": 1.2}, "sequence_strength must be a finite number at least 0 and at most 1; got 1.2"),
        ({"task_correlation": -0.1}, "task_correlation must be a finite number at least 0 and at most 1; got -0.1"),
        ({"confounding": float("nan")}, "confounding must be a finite number at least 0 and at most 3; got nan"),
        ({"exposure_bias": "1"}, "exposure_bias must be a finite number"),
        ({"random_state": None}, "random_state must be an integer from 0 to 4294967295; got None"),
        ({"sequence_strenght": 1}, "parameters of WorldConfig, got 'sequence_strenght'. Use one of"),
    ],
)
def test_bad_parameters_are_refused(config, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make_world(**config)


# --- the data card


def card_rows():
    lines = (world_folder() / "README.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| statistic | value | tolerance |") + 2
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:] if line.startswith("|")]
    return {name: (float(value.replace(",", "")), float(tolerance)) for name, value, tolerance in rows}


def test_card_states_what_the_past_tells():
    before, last, following = genre_triples(world_of())
    assert information(last, following) == pytest.approx(0.08, abs=0.01)
    assert information(12 * before + last, following) == pytest.approx(0.52, abs=0.02)


def test_card_states_every_statistic():
    assert set(card_rows()) == set(calibration(load_world()))


@pytest.mark.parametrize("name", card_rows())
def test_card_number_holds(name):
    value, tolerance = card_rows()[name]
    assert calibration(world_of())[name] == pytest.approx(value, abs=tolerance)
