"""Serving: stored models that are checked, and a real server process on a free port of this machine."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import REPOSITORY

from recsys_teach import serving
from recsys_teach.data import Interactions
from recsys_teach.models import EASE, IALS, ItemKNN, Popularity
from recsys_teach.serving import RecommendationService, create_app, load_model, save_model

RNG = np.random.default_rng(0)
DATA = Interactions.from_matrix(
    (RNG.random((60, 25)) < 0.25) * np.linspace(1, 2, 25) // 1, user_ids=np.arange(1, 61), item_ids=np.arange(500, 525)
)
MODELS = {"Popularity": Popularity(), "EASE": EASE(5.0), "IALS": IALS(4, n_epochs=3)}
TOKEN = "a-token-for-tests-only"


@pytest.fixture
def folder(tmp_path):
    """A folder with a stored EASE."""
    save_model(EASE(5.0).fit(DATA), DATA, tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_recommends_what_the_saved_one_did(name, tmp_path):
    model = MODELS[name].fit(DATA)
    digest = save_model(model, DATA, tmp_path)
    stored = load_model(tmp_path, digest=digest)
    users = np.arange(60)
    assert type(stored.model) is type(model)
    assert stored.model.get_params() == model.get_params()
    np.testing.assert_array_equal(stored.model.recommend(users, 5), model.recommend(users, 5))
    assert stored.item_ids.tolist() == DATA.item_ids.tolist()
    assert stored.digest == digest


def arrays_file(folder):
    return folder / f"{json.loads((folder / 'card.json').read_text())['sha256']}.npz"


def rewrite(folder, change=None, **card):
    """Write the arrays again after a change, with a card whose SHA-256 fits, as a careful attacker would."""
    with np.load(arrays_file(folder)) as file:
        arrays = dict(file)
    if change:
        change(arrays)
    np.savez(folder / "new.npz", **arrays)
    name = hashlib.sha256((folder / "new.npz").read_bytes()).hexdigest()
    (folder / "new.npz").rename(folder / f"{name}.npz")
    old = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**old, "sha256": name, **card}))


@pytest.mark.parametrize("at", [0, 100, -200, -1])
def test_one_changed_byte_is_found(folder, at):
    path = arrays_file(folder)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="changed or damaged: save the model again"):
        load_model(folder)


def test_a_replaced_model_is_found_by_the_kept_digest(folder):
    digest = hashlib.sha256((folder / "card.json").read_bytes()).hexdigest()
    rewrite(folder, lambda arrays: arrays["item_weights_"].__setitem__((slice(None), 3), 9))
    assert load_model(folder).model.item_weights_[0, 3] == 9
    with pytest.raises(ValueError, match=r"Expected a model with the digest .*Somebody changed it"):
        load_model(folder, digest=digest)


class Bomb:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_a_pickled_object_is_refused_and_never_run(folder, tmp_path):
    bomb = Bomb(tmp_path / "exploded")
    pickle.loads(pickle.dumps(bomb))  # the bomb works
    (tmp_path / "exploded").rmdir()
    rewrite(folder, lambda arrays: arrays.update(item_weights_=np.array([bomb], dtype=object)))
    with pytest.raises(ValueError, match=r"cannot be used.*Do not load it"):
        load_model(folder)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("change", "card", "message"),
    [
        (None, {"model": "os.system"}, "Expected one of the models Popularity, EASE, IALS; got 'os.system'"),
        (None, {"parameters": {"reg": 1}}, "Expected the parameters regularization; got reg"),
        (None, {"parameters": {"regularization": "x"}}, "regularization must be"),
        (None, {"sha256": "../../secret"}, "64 hexadecimal digits"),
        (lambda a: a.update(item_weights_=a["item_weights_"][:, 1:]), {}, r"shape \(25, 25\); got shape \(25, 24\)"),
        (lambda a: a["item_weights_"].__setitem__((0, 1), np.nan), {}, "finite numbers"),
        (lambda a: a.update(extra=np.ones(1)), {}, "it has the arrays extra"),
        (lambda a: a.pop("seen_indptr"), {}, "Expected the arrays"),
        (lambda a: a["seen_indices"].__setitem__(0, 99), {}, "Expected the histories of 60 users"),
        (lambda a: a["item_ids"].__setitem__(0, 501), {}, "each of the item_ids once"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_a_fix(folder, change, card, message):
    rewrite(folder, change, **card)
    with pytest.raises((ValueError, TypeError), match=message):
        load_model(folder)


def test_files_that_are_missing_or_no_card_at_all(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="Write it with save_model"):
        load_model(tmp_path / "nowhere")
    arrays_file(folder).unlink()
    with pytest.raises(FileNotFoundError, match="it is missing"):
        load_model(folder)
    (folder / "card.json").write_text("[1]")
    with pytest.raises(ValueError, match="Save the model again"):
        load_model(folder)


def test_only_fitted_models_of_known_classes_are_saved(tmp_path):
    with pytest.raises(TypeError, match="Expected one of Popularity, EASE, IALS; got ItemKNN"):
        save_model(ItemKNN().fit(DATA), DATA, tmp_path)
    with pytest.raises(ValueError, match="one without fit"):
        save_model(EASE(), DATA, tmp_path)
    words = Interactions.from_matrix(DATA.matrix(), item_ids=[f"film {i:02}" for i in range(25)])
    with pytest.raises(ValueError, match="Expected integer item_ids"):
        save_model(EASE(5.0).fit(words), words, tmp_path)


@pytest.mark.parametrize("name", MODELS)
def test_the_service_answers_as_the_model_does_in_training(name, tmp_path):
    """No training-serving skew: the same user gets the same list from the service and from the model."""
    model = MODELS[name].fit(DATA)
    save_model(model, DATA, tmp_path)
    service = RecommendationService(tmp_path)
    row = (DATA.matrix()[[16]].toarray() > 0).astype(float)
    scores = model.popularity_[None].copy() if name == "Popularity" else np.array(model.fold_in(row))
    scores[row > 0] = -np.inf
    expected = DATA.item_ids[np.argsort(-scores[0], kind="stable")[:6]].tolist()
    assert service.recommend(17, 6)["items"] == expected


def test_an_event_changes_the_next_list_and_a_new_user_gets_one(folder):
    service = RecommendationService(folder)
    first = service.recommend(3, 5)["items"]
    service.add_event(3, first[0])
    assert first[0] not in service.recommend(3, 25)["items"]
    with pytest.raises(LookupError, match="got 999, who has none"):
        service.recommend(999)
    service.add_event(999, 505)
    row = (DATA.item_ids == 505).astype(float)[None]
    scores = np.array(service._stored.model.fold_in(row))[0]
    scores[5] = -np.inf
    assert service.recommend(999, 3)["items"] == DATA.item_ids[np.argsort(-scores, kind="stable")[:3]].tolist()


def test_the_number_of_events_in_memory_is_bounded(folder, monkeypatch):
    monkeypatch.setattr(serving, "MAX_EVENTS", 2)
    service = RecommendationService(folder)
    service.add_event(1, 500)
    service.add_event(1, 501)
    assert service.add_event(1, 501)["n_new"] == 2  # known already
    for user in (1, 7):
        with pytest.raises(OverflowError, match="at most 2 new events"):
            service.add_event(user, 502)


def test_a_refused_model_leaves_the_old_one_in_place(folder):
    service = RecommendationService(folder)
    before, served = service.recommend(5, 5), service.digest
    rewrite(folder, model="Unknown")
    with pytest.raises(ValueError, match="Do not load this file"):
        service.reload()
    assert service.recommend(5, 5) == before
    assert [entry["what"] for entry, _ in service.audit.lines] == ["start", "refused"]
    assert service.audit.first_broken() is None
    assert service.audit.lines[0][0]["digest"] == served


def test_a_short_token_is_refused(folder):
    with pytest.raises(ValueError, match="at least 16 characters; got 3"):
        create_app(RecommendationService(folder), token="abc")


# From here on: a real process.


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client:
    """Requests to one port."""

    def __init__(self, port):
        self.port = port

    def __call__(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        if body is not None and "content_type" not in headers:
            headers["content_type"] = "application/json"
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        connection.request(method, path, text, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, json.loads(data) if data[:1] in b"[{" else data, dict(response.getheaders())


def start(command):
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "RECSYS_TEACH_TOKEN": TOKEN}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_until_up(process, port):
    client = Client(port)
    for _ in range(600):
        assert process.poll() is None, process.stdout.read().decode()
        try:
            client("GET", "/health")
            return client
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not start in a minute")


def stop(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def server(folder):
    """A server of the stored EASE, started by the course's own command."""
    port = free_port()
    process = start([sys.executable, "-m", "recsys_teach", "serve", str(folder), "--port", str(port)])
    try:
        yield wait_until_up(process, port)
    finally:
        stop(process)
    with socket.socket() as probe:  # the process has ended, and nobody listens
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_requests_of_every_kind(server, folder):
    service = RecommendationService(folder)
    assert server("GET", "/recommend?user=9&k=4")[:2] == (200, service.recommend(9, 4))
    for path in ("?user=abc", "?k=3", "?user=1&k=0", "?user=1&k=101", "?user=1&k=many"):
        assert server("GET", f"/recommend{path}")[0] == 422
    status, message, _ = server("GET", "/recommend?user=12345")
    assert status == 404
    assert "got 12345, who has none" in message["detail"]
    assert server("GET", f"/recommend?user={10**30}")[0] in (404, 422)
    assert server("POST", "/event", {"user": 12345, "item": 510})[:2] == (200, {"user": 12345, "n_new": 1})
    service.add_event(12345, 510)
    assert server("GET", "/recommend?user=12345")[1] == service.recommend(12345)
    status, message, _ = server("POST", "/event", {"user": 1, "item": 9})
    assert status == 404
    assert "got 9" in message["detail"]
    for body in ({"user": 1}, {"user": "x", "item": 510}, "no json"):
        assert server("POST", "/event", body)[0] == 422
    assert server("GET", "/docs")[0] == 404


def test_requests_of_a_foreign_web_page_are_refused(server):
    assert server("GET", "/recommend?user=1", Host="evil.example")[0] == 400
    assert server("POST", "/event", '{"user": 1, "item": 510}', content_type="text/plain")[0] == 422
    status, _, headers = server("GET", "/recommend?user=1", Origin="http://evil.example")
    assert status == 200
    assert not any(name.lower() == "access-control-allow-origin" for name in headers)  # a browser hides the answer


def test_reload_needs_the_token_and_takes_no_path(server, folder):
    before = server("GET", "/health")[1]["model"]
    for header in ({}, {"Authorization": "Bearer wrong-token-of-somebody"}, {"Authorization": TOKEN}):
        assert server("POST", "/reload?folder=/tmp", **header)[0] == 403
    digest = save_model(EASE(50.0).fit(DATA), DATA, folder)
    status, message, _ = server("POST", f"/reload?digest={before}", Authorization=f"Bearer {TOKEN}")
    assert status == 409
    assert "Somebody changed it" in message["detail"]
    assert server("GET", "/health")[1]["model"] == before
    assert server("POST", f"/reload?digest={digest}", Authorization=f"Bearer {TOKEN}")[:2] == (200, {"model": digest})
    assert server("GET", "/health")[1]["model"] == digest


def test_a_model_is_swapped_under_load_without_a_failed_request(server, folder):
    digests = {server("GET", "/health")[1]["model"]}
    stop_now, answers, milliseconds = threading.Event(), [], []

    def ask(worker):
        while not stop_now.is_set():
            begin = time.perf_counter()
            answers.append(server("GET", f"/recommend?user={worker + 1}&k=5")[:2])
            milliseconds.append(1000 * (time.perf_counter() - begin))

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(ask, number) for number in range(4)]
        try:
            for strength in (10.0, 20.0, 40.0, 80.0, 160.0):
                digests.add(save_model(EASE(strength).fit(DATA), DATA, folder))
                assert server("POST", "/reload", Authorization=f"Bearer {TOKEN}")[0] == 200
                time.sleep(0.1)
        finally:
            stop_now.set()
        for worker in workers:
            worker.result()
    assert {status for status, _ in answers} == {200}
    assert {answer["model"] for _, answer in answers} <= digests
    assert all(len(answer["items"]) == 5 for _, answer in answers)
    assert len(digests) == 6
    p50, p95 = np.quantile(milliseconds, [0.5, 0.95])  # measured, never asserted: times depend on the machine
    print(f"{len(answers)} requests, p50 {p50:.1f} ms, p95 {p95:.1f} ms")


SLOW = """
import sys, time, pathlib, uvicorn
from recsys_teach.serving import RecommendationService, create_app
gate = pathlib.Path(sys.argv[3])
class Slow(RecommendationService):
    def recommend(self, user, k=10):
        (gate / f"in-{user}").touch()
        while not (gate / "open").exists():
            time.sleep(0.02)
        return super().recommend(user, k)
app = create_app(Slow(sys.argv[1]), token="a-token-for-tests-only", max_in_flight=2)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""


def test_more_requests_than_allowed_get_503_and_a_time_to_wait(folder, tmp_path):
    port = free_port()
    process = start([sys.executable, "-c", SLOW, str(folder), str(port), str(tmp_path)])
    try:
        server = wait_until_up(process, port)
        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(server, "GET", f"/recommend?user={user}") for user in (1, 2)]
            while not all((tmp_path / f"in-{user}").exists() for user in (1, 2)):
                time.sleep(0.02)
            status, message, headers = server("GET", "/recommend?user=3")
            assert status == 503
            assert {name.lower(): value for name, value in headers.items()}["retry-after"] == "1"
            assert "2 requests are in flight" in message["detail"]
            assert server("GET", "/health")[0] == 200
            (tmp_path / "open").touch()
            assert [result.result()[0] for result in waiting] == [200, 200]
        assert server("GET", "/recommend?user=3")[0] == 200
    finally:
        stop(process)


def test_the_command_refuses_a_model_with_another_digest(folder):
    command = [sys.executable, "-m", "recsys_teach", "serve", str(folder), "--digest", "0" * 64]
    process = start(command)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"Expected a model with the digest 000000000000" in output
    assert b"Traceback" not in output


def test_the_server_listens_on_this_machine_only():
    assert serving.HOST == "127.0.0.1"


def test_fastapi_that_is_missing_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(ImportError, match=r"Expected the package fastapi.*doctor"):
        create_app(RecommendationService(folder), token=TOKEN)
    shutil.rmtree(folder)
