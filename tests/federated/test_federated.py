"""What the federated tools of chapter 16 promise; arithmetic is held against Flower's, ε against dp-accounting's."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from flwr.common.secure_aggregation import ndarrays_arithmetic, secaggplus_utils
from flwr.supercore.differential_privacy import clip_inputs_inplace
from scipy import sparse

from recsys_teach.federated import (
    MODULUS,
    Clients,
    average_over_raters,
    client_gradient,
    client_upload,
    clip_upload,
    decode,
    encode,
    masked_upload,
    pad,
    predict_ratings,
    read_upload,
    server_step,
    shared_pads,
    start_items,
    train_federated,
    unmasked_sum,
)


@pytest.fixture
def rng():
    return np.random.default_rng(16)


def some_clients(rng, n=12, m=9):
    """Return ratings around 0 on a third of the cells, at least one per client, and the clients that have them."""
    cells = rng.random((n, m)) < 0.35
    cells[np.arange(n), rng.integers(m, size=n)] = True
    cells[:, 0] = False  # an item without ratings
    cells[:, 1] = False
    cells[3, 1] = True  # an item with one rater
    users, items = cells.nonzero()
    table = sparse.csr_array((rng.normal(size=len(users)), (users, items)), shape=cells.shape)
    return table, Clients(table)


def uploads_of(table, Q, regularization=1.3):
    return np.array([client_upload(table[[u]].indices, table[[u]].data, Q, regularization) for u in range(len(Q) + 3)])


def test_gradient_is_the_slope_of_half_the_squared_errors(rng):
    r, known, x, Q = rng.normal(size=5), rng.random(5) < 0.6, rng.normal(size=3), rng.normal(size=(5, 3))

    def loss(table):
        return 0.5 * ((r - table @ x)[known] ** 2).sum()

    slopes = np.zeros_like(Q)
    for place in np.ndindex(Q.shape):
        step = np.zeros_like(Q)
        step[place] = 1e-5
        slopes[place] = (loss(Q + step) - loss(Q - step)) / 2e-5
    np.testing.assert_allclose(client_gradient(r, known, x, Q), slopes, atol=1e-8)


def test_clients_one_by_one_add_up_to_all_at_once(rng):
    table, clients = some_clients(rng)
    Q = rng.normal(size=(9, 4))
    uploads = uploads_of(table, Q)
    np.testing.assert_allclose(uploads[..., :-1].sum(axis=0), clients.summed_gradient(clients.solve(Q), Q), atol=1e-10)
    np.testing.assert_array_equal(uploads[..., -1].sum(axis=0), clients.n_raters)


def test_several_local_steps_are_what_a_client_would_walk(rng):
    table, clients = some_clients(rng)
    Q = rng.normal(size=(9, 3))
    P, rate, walked = clients.solve(Q), 0.1, np.zeros((9, 3))
    for u in range(12):
        items, r, x = table[[u]].indices, table[[u]].data - P[u, -1], np.append(P[u, :-1], 1)
        known, whole = np.isin(np.arange(9), items), np.zeros(9)
        whole[items] = r
        own = Q.copy()
        for _ in range(4):
            own -= rate * client_gradient(whole, known, x, own)
        walked += (Q - own) / rate
    np.testing.assert_allclose(clients.summed_gradient(P, Q, n_steps=4, learning_rate=rate), walked, atol=1e-10)


def test_clipping_all_at_once_is_clipping_one_by_one(rng):
    table, clients = some_clients(rng)
    Q = rng.normal(size=(9, 3))
    one_by_one = sum(clip_upload(upload[:, :-1], 0.7) for upload in uploads_of(table, Q))
    np.testing.assert_allclose(clients.summed_gradient(clients.solve(Q), Q, clip=0.7), one_by_one, atol=1e-10)


def test_clip_agrees_with_flower_and_never_stretches(rng):
    for length in (0.5, 3.0, 100.0):
        upload = rng.normal(size=(6, 4))
        theirs = [upload.copy()]
        clip_inputs_inplace(theirs, length)
        np.testing.assert_allclose(clip_upload(upload, length), theirs[0])
    np.testing.assert_array_equal(clip_upload(np.zeros((2, 2)), 1.0), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="above 0"):
        clip_upload(upload, 0)


def test_mean_over_raters_by_hand_and_step(rng):
    uploads, rated = np.array([[[2.0], [0.0]], [[4.0], [6.0]]]), np.array([[True, False], [True, True]])
    np.testing.assert_array_equal(average_over_raters(uploads, rated), [[3.0], [6.0]])
    table, clients = some_clients(rng)
    Q = rng.normal(size=(9, 3))
    everything = uploads_of(table, Q)
    mean = average_over_raters(everything[..., :-1], everything[..., -1] > 0)
    stepped = server_step(Q, everything[..., :-1].sum(axis=0), clients.n_raters, clients.n_raters, 0.5, 0)
    np.testing.assert_allclose(stepped, Q - 0.5 * mean)


def test_median_is_that_of_the_raters(rng):
    table, clients = some_clients(rng)
    Q = rng.normal(size=(9, 3))
    uploads = uploads_of(table, Q)
    fakes = np.zeros((2, 9, 3))
    fakes[:, 4] = [[9.0, 9, 9], [-9, 9, 0]]
    middle = clients.median_gradient(clients.solve(Q), Q, fakes)
    for item in range(9):
        rows = list(uploads[uploads[:, item, -1] > 0, item, :-1]) + [fake[item] for fake in fakes if fake[item].any()]
        np.testing.assert_allclose(middle[item], np.median(rows, axis=0) if rows else 0, atol=1e-10)


def test_plain_upload_gives_away_items_and_factors(rng):
    table, clients = some_clients(rng)
    Q = rng.normal(size=(9, 4))
    P = clients.solve(Q)
    for u, upload in enumerate(uploads_of(table, Q)):
        items, p = read_upload(upload[:, :-1])
        np.testing.assert_array_equal(items, np.sort(table[[u]].indices))
        np.testing.assert_allclose(p, P[u, :-1], atol=1e-8)
    with pytest.raises(ValueError, match="empty"):
        read_upload(np.zeros((3, 2)))


def test_ring_holds_negative_numbers_and_refuses_what_does_not_fit():
    np.testing.assert_array_equal(encode(np.array([1.5, -2.0]), 1), [3, MODULUS - 4])
    values = np.array([0.0, 1.25, -1.25, 30_000, -30_000])
    np.testing.assert_array_equal(decode(encode(values)), values)
    for bad in (40_000.0, np.nan, -np.inf):
        with pytest.raises(ValueError, match=r"below 32768|finite numbers"):
            encode(np.array([bad]))


def test_pad_is_aes_in_counter_mode_and_never_repeats():
    seed = bytes(range(16))
    blocks = b"".join((3).to_bytes(8, "big") + n.to_bytes(8, "big") for n in range(2))
    expected = Cipher(algorithms.AES(seed), modes.ECB()).encryptor().update(blocks)
    assert pad(seed, 8, round_number=3).tobytes() == expected
    drawn = [pad(seed, 5000, number) for number in range(3)] + [pad(bytes(16), 5000)]
    assert len(np.unique(np.concatenate(drawn))) > 19_900, "nothing is shared between rounds or seeds"


def test_masked_upload_is_what_flowers_arithmetic_gives(rng):
    n, values = 4, rng.normal(size=(4, 6))
    pads = np.zeros((n, n, 6), dtype=np.int64)
    for u in range(n):
        for v in range(u):
            pads[u, v] = pads[v, u] = secaggplus_utils.pseudo_rand_gen(rng.bytes(32), MODULUS, [(6,)])[0]
    for u in range(n):
        theirs = [encode(values[u]).astype(np.int64)]
        for v in range(n):
            if v > u:
                theirs = ndarrays_arithmetic.parameters_addition(theirs, [pads[u, v]])
            elif v < u:
                theirs = ndarrays_arithmetic.parameters_subtraction(theirs, [pads[u, v]])
        theirs = ndarrays_arithmetic.parameters_mod(theirs, MODULUS)
        np.testing.assert_array_equal(masked_upload(values[u], u, pads[u]), theirs[0])


@pytest.mark.parametrize("gone", [[], [0], [4], [1, 3]])
def test_sum_is_exact_whoever_drops_out(rng, gone):
    values = rng.normal(scale=50, size=(5, 7))
    pads = shared_pads(5, 7, rng)
    uploads = np.array([masked_upload(values[u], u, pads[u]) for u in range(5)])
    alive = ~np.isin(np.arange(5), gone)
    uploads[~alive] = 12345  # never read
    expected = decode(encode(values[alive])).sum(axis=0)
    np.testing.assert_array_equal(unmasked_sum(uploads, alive, pads), expected)


def test_masked_upload_is_spread_over_the_whole_ring(rng):
    pads = shared_pads(3, 20_000, rng)
    sent = masked_upload(np.zeros(20_000), 1, pads[1]) / MODULUS
    counts, _ = np.histogram(sent, bins=10, range=(0, 1))
    assert abs(counts - 2000).max() < 250


def test_training_is_seeded_lowers_the_loss_and_refuses_bad_rules(rng):
    table, clients = some_clients(rng)
    users, items = table.tocoo().coords

    def losses(**rule):
        tables = train_federated(
            clients, 2, 30, rng=np.random.default_rng(0), regularization=0.1, learning_rate=0.3, **rule
        )
        return [float(((table.tocoo().data - predict_ratings(P, Q, users, items)) ** 2).sum()) for P, Q in tables]

    curve = losses()
    assert curve == losses()
    assert len(curve) == 31 and curve[-1] < 0.8 * curve[0]
    with pytest.raises(ValueError, match="average must be one of"):
        losses(average="mode")
    with pytest.raises(ValueError, match="without clipping"):
        losses(noise_multiplier=1.0)


def test_noise_has_the_size_that_the_promise_needs(rng):
    _, clients = some_clients(rng)
    moved = []
    for seed in range(300):
        generator = np.random.default_rng(seed)
        (_, start), (_, end) = train_federated(
            clients,
            1,
            1,
            learning_rate=1,
            regularization=0,
            average="clients",
            clip=1e-9,
            noise_multiplier=2e9,
            rng=generator,
        )
        moved.append((start - end) * 12)  # the clipped sum is next to nothing, so this is the noise
    assert np.std(moved) == pytest.approx(2, rel=0.05)


def test_liar_moves_its_item_unless_clipped(rng):
    _, clients = some_clients(rng)
    fake = np.zeros((1, 9, 3))
    fake[0, 4, -1] = -1000

    def bias(**rule):
        *_, (_, Q) = train_federated(clients, 2, 3, rng=np.random.default_rng(0), **rule)
        return Q[4, -1]

    assert bias(fakes=fake) > 20
    assert abs(bias(fakes=fake, clip=0.5)) < 1
    assert abs(bias(fakes=fake, average="median")) < 2


def test_clients_without_ratings_are_refused():
    with pytest.raises(ValueError, match="at least one rating per client; got clients without ratings, for example 1"):
        Clients(sparse.csr_array(np.array([[1.0, 0], [0, 0]])))
    with pytest.raises(ValueError, match="at least one"):
        client_upload(np.array([], dtype=int), np.array([]), start_items(3, 2, np.random.default_rng(0)), 1.0)
    with pytest.raises(ValueError, match="Expected Q"):
        client_gradient(np.zeros(3), np.zeros(3, dtype=bool), np.zeros(2), np.zeros((2, 3)))


def test_without_factors_the_biases_are_learned() -> None:
    clients = Clients(sparse.csr_array(np.array([[1.0, -1.0], [1.5, -0.5]])))
    *_, (P, Q) = train_federated(clients, 0, 60, rng=np.random.default_rng(0), regularization=0.01)
    assert P.shape == (2, 1) and Q.shape == (2, 1)
    assert Q[0, 0] > Q[1, 0]
