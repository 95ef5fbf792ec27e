# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "19"
#     edition: 2
#     minutes: {reading: 95, doing: 85}
# ---

# %% [markdown]
# # 19 · Serve and keep safe
#
# Lena runs the film page of a club with 943 members. Her model is a variable in a notebook, and nobody but her can ask
# it anything. She wants to put it on a computer that answers everybody. Before she does, she asks three questions: "How
# does a model become a service? Can somebody buy a place on our lists? And would I notice if somebody changed
# something?"
#
# Each sitting of this chapter answers one question.
#
# ## What you will be able to do
#
# - **O19.1** Turn a fitted model into a service that answers, refuses bad requests and agrees with training
# - **O19.2** Compute how many people an A/B test needs before it starts
# - **O19.3** Push an item with fake profiles, and say which models can be pushed
# - **O19.4** Find fake profiles by statistics, and say what such a detector can and cannot promise
# - **O19.5** Name the threats to a service, with a measure against each and a test that shows the measure
#
# There are three sittings of about 60 minutes. You need EASE and iALS (chapter 06), biased factors (chapter 05), and
# intervals (chapter 03). No exercise needs a network. If one resists, call `hint("19.1")` with its number in a new
# cell.

# %%
import hashlib
import json
import math
import pickle
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd

from recsys_teach.data import movielens
from recsys_teach.evaluation import top_k

# %% tags=["setup"]
from recsys_teach.figures import BLUE, GRAY, VERMILION, Diagram, curves, interval_dots, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reference, reveal
from recsys_teach.models import EASE
from recsys_teach.security import AuditLog, degree_of_similarity, fake_profiles, inject, link, rating_deviation
from recsys_teach.serving import RecommendationService, load_model, save_model

# %% [markdown]
# The club is made up, and its ratings are those of MovieLens-100K.

# %%
ml = movielens.load()
titles = ml.items["title"].str.split(":| \\(| or").str[0].to_numpy()  # without subtitles
seen = ml.matrix()  # (943 people, 1682 films), 1 where there is a rating
ease = EASE().fit(ml)

# %% [markdown]
# # Sitting 1 · How does a model become a service?
#
# ## 1 · A table, or a calculation?
#
# The simplest service needs no model at all. Lena computes ten films for each member tonight and stores them in a
# table. Tomorrow the service looks up a row. This is called **precomputing**. The other way is to compute a list when
# somebody asks for it, *on demand*.
#
# A table is fast, and it can be checked before anybody sees it. Its weakness is shown by one event. Member 7 opens the
# page at noon and watches the first film of the list. In the evening the table still recommends that film.

# %%
member = ml.user_ids.get_loc(7)
table = ease.recommend(np.arange(ml.n_users), 10)  # precomputed, (943, 10)
row = seen[[member]].toarray()
row[0, table[member, 0]] = 1  # the new event
scores = np.array(ease.fold_in(row))
scores[row > 0] = -np.inf
on_demand = top_k(scores, 10)[0]
pd.DataFrame({"precomputed": titles[table[member]], "on demand, after the event": titles[on_demand]})


# %% tags=["claim"]
def claim_on_fold_in():
    """State that folding in nearly equals training again, for five members."""
    shared = []
    for user in range(5):
        new = seen[[user]].toarray()
        new[0, table[user, 0]] = 1
        scores = np.array(ease.fold_in(new))
        scores[new > 0] = -np.inf
        log = pd.concat([ml.log[["user", "item"]], pd.DataFrame({"user": [ml.user_ids[user]],
                                                                 "item": [ml.item_ids[table[user, 0]]]})])  # fmt: skip
        again = EASE().fit(type(ml).from_log(log, user_ids=ml.user_ids, item_ids=ml.item_ids))
        shared.append(len({*top_k(scores, 10)[0]} & {*again.recommend(np.array([user]), 10)[0]}))
    claim("For five members, at least 9 of 10 films are the same after folding in as after training again",
          bool(min(shared) >= 9))  # fmt: skip
    claim("The film that was watched is on the table, and not on the new list",
          bool(table[member, 0] not in on_demand))  # fmt: skip


claim_on_fold_in()

# %% [markdown]
# The right column took the event into account a moment after it happened. Nothing was trained: the weights of EASE are
# the old ones, and only the row of this member is new. This is *folding in* (chapter 06). It hardly differs from
# training again, because one event out of 100,000 hardly moves the weights.
#
# With 1,682 films we score all of them. With ten million films a service works in stages. An index of nearest neighbors
# finds some hundred **candidates** (chapter 10), a second model ranks them (chapter 13), and a last step re-ranks the
# page (chapter 17). Here is the service that this sitting builds:


# %% tags=["diagram"]
def draw_service():
    """Draw what happens between a request and a response."""
    diagram = Diagram(10.4, 3.4)
    client = diagram.box(1.0, 2.3, "client", "neutral", width=1.4)
    handler = diagram.box(3.7, 2.3, "handler:\nis the request valid?", "task 1", width=2.1, height=0.8)
    rows = diagram.box(6.5, 2.3, "row: history\n+ new events", "shared", width=1.7, height=0.8)
    model = diagram.box(9.1, 2.3, "model:\nscore and rank", "task 2", width=1.8, height=0.8)
    store = diagram.box(9.1, 0.6, "stored model,\nchecked", "noise", width=1.8, height=0.8)
    events = diagram.box(6.5, 0.6, "POST /event", "neutral", width=1.7)
    diagram.arrow(client, handler, "request")
    diagram.arrow(handler, rows, "user, k")
    diagram.arrow(rows, model, "(1, n)")
    diagram.arrow(store, model, "")
    diagram.arrow(events, rows, "")
    diagram.arrow((8.6, 2.75), (1.0, 2.6), "200 and k ids, or 404, 422, 503", bend=0.12)
    return diagram.figure


show(
    draw_service(),
    caption="From a request to a list, and what can be refused.",
    alt="A client sends a request to the handler, which checks it. The row of the user is built from history and new "
    "events, the model scores and ranks it, and a list of ids returns to the client, or a status that refuses.",
)

# %% [markdown]
# ## 2 · A request is text
#
# A browser or a program asks a service by an address such as `/recommend?user=7&k=3`. The part behind the question mark
# is the *query*. It arrives as text, and anybody can write anything into it: `k=many`, `k=-1`, or no user at all. The
# answer has a *status*, a number with a fixed meaning:
#
# | status | meaning |
# |---|---|
# | 200 | here is the answer |
# | 404 | the request is well formed, but there is no such user |
# | 422 | the request cannot be understood |
# | 503 | the service has too much to do, try again later |
#
# Two idioms that you need:

# %%
print(dict(parse_qsl("user=7&k=3")))  # a query as a dict of texts
print([text.isdecimal() for text in ("12", "-1", "1.5", "")])  # True if int(text) is a whole number from 0 on

# %% [markdown]
# ### Exercise 19.1 · A handler (warm-up, 10 minutes)
#
# Write the function that answers a request. It needs no network.
#
# - Input:
#   - `query`: a dict of texts. `"user"` is needed; `"k"` is optional, and without it k is 10
#   - `lists`: a dict from the id of a user, an `int`, to a list of film ids, best first
# - Output: a status and a list:
#   - 422 and `[]` if a text is missing that is needed, is not a whole number, or k is below 1
#   - otherwise 404 and `[]` if the user is not in `lists`
#   - otherwise 200 and the first k ids
# - Mini-case with `lists = {7: [30, 10, 20]}`:
#   - `{"user": "7", "k": "2"}` gets `(200, [30, 10])`
#   - `{"user": "8"}` gets `(404, [])`, and `{"user": "7", "k": "many"}` gets `(422, [])`


# %%
def handle(query, lists):
    """Return a status and a list of ids, whatever the query contains."""
    ### BEGIN SOLUTION
    user, k = query.get("user", ""), query.get("k", "10")
    if not user.isdecimal() or not k.isdecimal() or int(k) < 1:
        return 422, []
    if int(user) not in lists:
        return 404, []
    return 200, lists[int(user)][: int(k)]
    ### END SOLUTION


check("19.1", handle)

# %% [markdown] tags=["solution"]
# **Why it works.** Every text is checked before it is used, so no query raises an error. **Another way.** `try:
# int(...)` and `except ValueError`, with a test for negative numbers. **Typical mistake.** Answering an unknown user
# with 200 and an empty list. The client cannot see that something is wrong.

# %% [markdown]
# ## 3 · The same row in both places
#
# In the notebook a row of 0 and 1 goes into the model. The service builds this row a second time, often in other code
# by another person. If the two rows differ, the model gets inputs that it was not trained for. No error is raised, and
# the lists get worse. This is **training-serving skew**.
#
# Three programmers wrote a service for Lena's model, and each made one of these mistakes:
#
# - `order`: the columns are sorted by the film ids *as text*, so "10" comes before "9"
# - `event`: the newest event of a member is missing
# - `cut`: only the first 50 films of a history are used
#
# Lena compares the lists with those of the notebook. The table shows the share of members whose ten films are the same,
# for members with short and long histories, with and without a new event.


# %% tags=["setup"]
def three_services():
    """Return the share of equal lists for three services with a mistake and four groups of members."""
    groups, shares = {}, {}
    lengths = np.diff(seen.indptr)
    fresh = np.arange(ml.n_users) % 2 == 0
    dense = seen.toarray()
    right = dense.copy()
    right[fresh, table[fresh, 0]] = 1  # every other member has a new event
    text_order = np.argsort(ml.item_ids.astype(str))
    cut = np.where(np.cumsum(right, axis=1) <= 50, right, 0)
    newest = np.arange(ml.n_items) == table[:, [0]]
    cut[fresh] = np.where(newest[fresh], 1, np.where(np.cumsum(dense[fresh], axis=1) <= 50, dense[fresh], 0))
    rows = {"A": dense, "B": right[:, text_order], "C": cut}
    groups = {(size, event): (lengths <= 50 if size == "up to 50 films" else lengths > 50) & (fresh == (event == "one"))
              for size in ("up to 50 films", "more than 50 films") for event in ("none", "one")}  # fmt: skip

    def lists(given):
        scores = np.array(ease.fold_in(given), dtype=float)
        scores[right > 0] = -np.inf
        return np.sort(top_k(scores, 10), axis=1)

    wanted = lists(right)
    for name, given in rows.items():
        same = (lists(given) == wanted).all(axis=1)
        shares[name] = [same[group].mean() for group in groups.values()]
    return pd.DataFrame(shares, index=pd.MultiIndex.from_tuples(groups, names=["history", "new events"])).round(2)


three_services()

# %% [markdown]
# ### Exercise 19.A · Three services, three mistakes (decision, 6 minutes)
#
# Which mistake did the programmers of A, B and C make? Write a list of three words, in this order, from `"order"`,
# `"event"` and `"cut"`.

# %%
### BEGIN SOLUTION
mistakes = ["event", "order", "cut"]
### END SOLUTION
check("19.A", mistakes)

# %% [markdown] tags=["solution"]
# **Why.** A missing event changes the rows of members who have one. Wrong columns change every row. A cut changes long
# histories. **Another way.** Compare the rows themselves before the lists. **Typical mistake.** Blaming the model: all
# three use the same weights.

# %% [markdown]
# Such a comparison is a test that can run each night. Our package has it: `tests/test_serving.py` asks the service and
# the model for the same lists and fails on the first difference.
#
# ## 4 · A model file that cannot run code
#
# The service needs the fitted model as a file. Python's usual way is **pickle**, and it has a property that surprises
# many people: reading a pickle *runs* what its author put into it.


# %%
class Surprise:
    """An object whose pickle calls a function when somebody loads it."""

    def __reduce__(self):
        return print, ("This line was run by the file, not by the notebook.",)


received = pickle.dumps(Surprise())  # imagine that this arrived as model.pkl
nothing = pickle.loads(received)

# %% [markdown]
# Here the file printed a line. It could as well have deleted a folder. So we store arrays of numbers and a small text,
# and rebuild the model from a list of classes that *we* know. `np.savez` writes arrays, and `np.load(file,
# allow_pickle=False)` refuses everything else.
#
# How do we notice that a file was changed? A **hash function** computes a short number from any bytes, the **digest**.
# The same bytes always have the same digest. With SHA-256 nobody knows how to find other bytes with the same one.

# %%
for text in (b"Casablanca 5", b"Casablanca 5", b"Casablanca 4"):
    print(text.decode(), hashlib.sha256(text).hexdigest()[:16], "...")

# %% [markdown]
# Both ideas together are `save_model` and `load_model` of the package. The arrays go to a file whose name is its
# digest, and a card in JSON has the class, its parameters and that name. Let us store the model, flip one bit, and try
# to load it.

# %%
temporary = tempfile.TemporaryDirectory()  # deleted when the notebook ends
folder = Path(temporary.name)
digest = save_model(ease, ml, folder)
print("on the card:", sorted(json.loads((folder / "card.json").read_text())))
arrays_file = next(folder.glob("*.npz"))
whole = arrays_file.read_bytes()
arrays_file.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])  # one bit is another one
try:
    load_model(folder)
except ValueError as error:
    print("refused:", str(error).split("bytes. ")[1])
arrays_file.write_bytes(whole)
stored = load_model(folder, digest=digest)


# %% tags=["claim"]
def claims_on_the_file():
    """State that the loaded model is the saved one, and that a stranger's card is refused."""
    users = np.arange(ml.n_users)
    claim("The loaded model recommends the same 9,430 films as the saved one",
          bool((stored.model.recommend(users, 10) == table).all()))  # fmt: skip
    try:
        load_model(folder, digest="0" * 64)
        refused = False
    except ValueError:
        refused = True
    claim("A model with another digest than the expected one is refused", refused)


claims_on_the_file()

# %% [markdown]
# One sentence in small print: the digest on the card finds *damage*. Somebody who may write to the folder can replace
# the arrays *and* the card. Against that, Lena writes down the digest that `save_model` returned, in a place that the
# other person cannot change, and passes it to `load_model`.
#
# ## 5 · The service
#
# `RecommendationService` of the package is your handler with a stored model behind it. It builds the row from the
# history and the new events, and a new model is put in place by one assignment. A request that is under way keeps the
# old one, so none fails.

# %%
service = RecommendationService(folder, digest=digest)
before = service.recommend(7, 3)["items"]
service.add_event(7, before[0])
after = service.recommend(7, 3)["items"]
print("before the event:", titles[ml.item_ids.get_indexer(before)].tolist())
print("after the event: ", titles[ml.item_ids.get_indexer(after)].tolist())

# %% [markdown]
# `create_app` connects it to HTTP with the library FastAPI. You can try it in a terminal, with a folder that you wrote
# by `save_model`; nothing in this chapter depends on it:
#
# ```
# python course.py serve my_work/model --port 8000
# curl "http://127.0.0.1:8000/recommend?user=7&k=3"
# ```
#
# The address `127.0.0.1` is this computer itself; no other one can reach it. How fast is it? Lena wants an answer
# within 50 milliseconds. The saved table has 600 requests for a list of ten, from 1, 4 and 16 clients at once, on two
# processor cores that had other work, too. *p50* is the median time, and *p95* is the time that 95 % of the requests do
# not exceed.

# %%
latency = load_saved_run("19")["latency"]
latency.set_index("clients")


# %% tags=["claim"]
def claim_on_latency():
    """State what the saved run shows on latency."""
    table = latency.set_index("clients")
    claim("From 4 to 16 clients the p50 grows more than threefold, and the number of answers per second does not grow",
          bool(table.loc[16, "p50 (ms)"] > 3 * table.loc[4, "p50 (ms)"]
               and table.loc[16, "requests per second"] < 1.1 * table.loc[4, "requests per second"]))  # fmt: skip


claim_on_latency()

# %% [markdown]
# With four clients 95 % of the answers arrive within 30 ms, so Lena has what she wants. Now look at the last row. Four
# times as many clients get no more answers per second; they wait four times as long, and half of them more than 50 ms.
# With 100 clients everybody would wait for seconds, and many would give up and ask again, which makes it worse. It is
# better to refuse early. This is **back-pressure**: count the requests in flight, and answer the next one with 503 and
# the advice to come back in a second.

# %%
limit, in_flight, statuses = 2, 0, []
for event in ("arrives", "arrives", "arrives", "leaves", "arrives"):
    if event == "leaves":
        in_flight -= 1
    elif in_flight < limit:
        in_flight += 1
        statuses.append(200)
    else:
        statuses.append(503)  # refused at once, and not counted
print(statuses)

# %% [markdown]
# ## 6 · Is the new model better? Compute the sample first
#
# Lena has a second model. She first runs it in the *shadow* of the old one: it computes lists that nobody sees, and
# she looks for errors. Whether people like the lists can only be found by showing them. In an **A/B test** a random
# half of the people gets the new lists. How many people does she need?
#
# Suppose 10 % of the visits lead to a click, and a rise to 12 % would be worth having. The rate in a group of n people
# is noisy. Its variance is p(1 − p) / n, so .10 · .90 = .09 and .12 · .88 = .1056 divided by n. The variance of the
# difference is their sum, .1956 / n. We want a difference of .02 to be 2.8 standard errors: 1.96 so that no effect is
# rarely taken for one (5 %), and .84 so that a true effect is found in 80 % of the tests, its **power**. So
# $.02 = 2.8 \sqrt{.1956 / n}$, and n = 2.8² · .1956 / .02² = 7.84 · .1956 / .0004 = 3,834 people in each group. In
# symbols, with $p$ (`p_old`), $q$ (`p_new`) and $z = 2.8$:
#
# $$n = \frac{z^2 \, (p(1-p) + q(1-q))}{(q - p)^2}$$
#
# ### Exercise 19.2 · How many people? (core, 8 minutes)
#
# Compute the number of people in *each* group, rounded up.
#
# - Input: `p_old` and `p_new`, two rates that differ; `z`, a number above 0
# - Output: a whole number
# - Mini-case: `p_old = .10`, `p_new = .12`, `z = 2.8`
#   - 7.84 · .1956 / .0004 = 3833.76
#   - result: `3834`


# %%
def sample_size(p_old, p_new, z):
    """Return the number of people in each group of an A/B test."""
    ### BEGIN SOLUTION
    variance = p_old * (1 - p_old) + p_new * (1 - p_new)
    return math.ceil(z**2 * variance / (p_new - p_old) ** 2)
    ### END SOLUTION


check("19.2", sample_size)

# %% [markdown] tags=["solution"]
# **Why it works.** It solves "difference = z standard errors" for n. **Another way.** Increase n in a loop until the
# standard error is small enough. **Typical mistake.** Forgetting the square of the difference: half the effect needs
# four times the people.

# %% [markdown]
# The club has 943 members, so Lena cannot find a rise of two points. It is better to know that before. Does the formula
# keep its promise? We simulate 4,000 tests with a true rise, and 4,000 without any. In a second column Lena looks after
# every tenth of the people and stops as soon as she sees a "significant" difference.


# %%
def tests(p_old, p_new, n, rng):
    """Return two shares of 4,000 tests that find a difference: at the end, and at one of ten looks."""
    so_far = n // 10 * np.arange(1, 11)
    a, b = (rng.binomial(n // 10, p, (4000, 10)).cumsum(axis=1) / so_far for p in (p_old, p_new))
    error = np.sqrt((a * (1 - a) + b * (1 - b)) / so_far)
    found = np.abs(b - a) > 1.96 * error
    return found[:, -1].mean(), found.any(axis=1).mean()


rng = np.random.default_rng(0)
n = reference("19.2")(0.10, 0.12, 2.8)
settings = {"a rise to 12 %": (0.12, n), "a rise, a quarter of the people": (0.12, n // 4), "no difference": (0.10, n)}
results = {name: tests(0.10, p_new, size, rng) for name, (p_new, size) in settings.items()}
pd.DataFrame(results, ["found at the end", "found at one of ten looks"]).T.round(2)


# %% tags=["claim"]
def claims_on_tests():
    """State the power, and the price of looking early."""
    power, few, none = results.values()
    claim("With the computed number, about 80 % of the tests find the rise", bool(abs(power[0] - 0.8) < 0.03))
    claim("With a quarter of the people, fewer than a third do", bool(few[0] < 0.33))
    claim("Without any difference, one look finds one in about 5 % of the tests, ten looks in more than 15 %",
          bool(abs(none[0] - 0.05) < 0.015 and none[1] > 0.15))  # fmt: skip


claims_on_tests()

# %% [markdown]
# The last row is a warning. Ten looks are ten opportunities to be fooled, so the size is fixed first and the result
# is read once.
#
# ## 7 · Settled for today: how a model becomes a service
#
# Lena's first answer: a service is a function from text to a status and a list. It checks every text, builds the same
# row as in training, loads a model that cannot run code, takes a new one while it serves, and refuses what it cannot
# answer in time. To find a rise of two points she would need four times the members of her club in each group.
#
# **A pause is possible here.** Remember: skew, digest, back-pressure, and the sample size before the test. You can
# forget the status numbers. To resume, run all cells above.

# %% [markdown]
# # Sitting 2 · Can somebody buy a place on the lists?
#
# ## 8 · Thirty people who do not exist
#
# A distributor offers money for a place on the club's lists. Accounts are free. So somebody registers thirty people,
# and each of them gives the film a 5. Take a film with ten ratings and the mean 3.0. With thirty more ratings of 5 its
# mean is (10 · 3 + 30 · 5) / 40 = 4.5.
#
# A person who rated a single film looks odd. So each fake person also rates other films, the **fillers**, in a way that
# looks ordinary. The set of ratings of one fake person is a *fake profile*, and the attack is called **profile
# injection** or shilling (Lam and Riedl 2004).


# %% tags=["diagram"]
def draw_profiles():
    """Draw real rows and the rows of two attacks."""
    diagram = Diagram(10.0, 3.7)
    values = [["4", "", "2", "", "3", ""], ["5", "3", "", "1", "", "4"], ["4", "3", "3", "", "", "5"],
              ["", "3", "2", "1", "3", "5"], ["5", "", "4", "", "2", "5"]]  # fmt: skip
    roles = [[None] * 6, [None] * 6] + [["task 2" if value else None for value in row[:5]] + ["highlight"]
                                        for row in values[2:]]  # fmt: skip
    roles[4][0] = "shared"
    diagram.grid(3.6, 3.0, values, cell=0.5, roles=roles,
                 rows=["a member", "a member", "random attack", "average attack", "bandwagon attack"],
                 columns=["hit", "f 2", "f 3", "f 4", "f 5", "target"])  # fmt: skip
    diagram.note(7.0, 1.75, "fillers around the mean of all ratings", align="left", size=10)
    diagram.note(7.0, 1.25, "fillers around the mean of each film", align="left", size=10)
    diagram.note(7.0, 0.75, "a 5 for films that everybody knows", align="left", size=10)
    return diagram.figure


show(
    draw_profiles(),
    caption="Fake profiles: one pushed film, and fillers as a disguise.",
    alt="A table with the ratings of two members and three fake people. All fake people give the target film a 5. The "
    "random attack rates fillers around the overall mean, the average attack around each film's mean, and the "
    "bandwagon attack adds a 5 for a popular film.",
)

# %% [markdown]
# The rows of the picture differ in what the attacker knows:
#
# - In a *random attack* the fillers are rated around the mean of *all* ratings. Anybody can guess it.
# - In an *average attack* each filler is rated around the mean of *that film*. Many services print these means.
# - In a *bandwagon attack* some films that everybody knows get a 5 as well, so that the fake people resemble many.
#
# For the mean of the known ratings of a column:

# %%
small = np.array([[4, 0, 2], [5, 0, 0], [3, 0, 1]])  # 0: no rating
column = small[:, 2]
print("mean of film 2:", column[column > 0].mean(), "  mean of all:", small[small > 0].mean())
print(np.rint([3.4, 3.6]))  # the nearest whole numbers

# %% [markdown]
# ### Exercise 19.3 · A fake profile (core, 10 minutes)
#
# Build one profile of an average attack. To make it checkable, each filler gets exactly the rounded mean.
#
# - Input:
#   - `ratings`, shape (n_users, n_items): 0 where there is no rating
#   - `target`: the pushed film; `filler`: a list of films; `high`: the highest rating
# - Output: shape (n_items,)
#   - the rounded mean of the known ratings for each filler; the mean of *all* known ratings if nobody rated it
#   - `high` for the target, also if it is among the fillers, and 0 elsewhere
# - Mini-case with the ratings above, `target = 1`, `filler = [0, 2]`, `high = 5`:
#   - film 0 has the mean (4 + 5 + 3) / 3 = 4, film 2 has 1.5, which `np.rint` makes a 2
#   - result: `[4, 5, 2]`


# %%
def fake_profile(ratings, target, filler, high):
    """Return the ratings of one fake person of an average attack."""
    ### BEGIN SOLUTION
    profile = np.zeros(ratings.shape[1])
    for film in filler:
        column = ratings[:, film]
        known = column[column > 0] if column.any() else ratings[ratings > 0]
        profile[film] = np.rint(known.mean())
    profile[target] = high
    return profile
    ### END SOLUTION


check("19.3", fake_profile)

# %% [markdown] tags=["solution"]
# **Why it works.** Apart from one film, the profile agrees with everybody. **Another way.** Sums and counts of all
# columns at once, with `np.where(counts > 0, sums / np.maximum(counts, 1), overall)`. **Typical mistake.**
# `ratings.mean(axis=0)`, which counts missing ratings as 0.

# %% [markdown]
# ## 9 · Which models can be pushed?
#
# `fake_profiles` of the package does the same with random fillers and some noise. We attack five models. In each of
# eight runs another film with 10 to 30 ratings is pushed by fake people with 50 fillers each. We count the lists of ten
# that contain the film, among the real members who have not rated it.

# %%
### BEGIN SOLUTION
guess = "e"
### END SOLUTION
predict("P19.1", guess)

# %%
attacks = load_saved_run("19")["attacks"]
average = attacks[attacks["attack"].isin(["none", "average"])]
reached = average.pivot_table(index="n_fakes", columns="model", values="lists")
reveal("P19.1", reached.loc[30].idxmax())
(100 * reached[["Popularity", "ItemKNN", "EASE", "iALS", "BiasedMF"]]).round(1)


# %%
def mean_and_interval(values):
    """Return the mean of eight runs, and the limits of its 95 % interval."""
    half = 2.365 * np.std(values, ddof=1) / np.sqrt(8)
    low, high = np.clip(np.mean(values) + np.array([-half, half]), 0, 100)  # a share lies between 0 and 100 %
    return float(np.mean(values)), float(low), float(high)


# %% tags=["figure"]
def draw_reach():
    """Draw the share of lists by model, for 30 and 300 fake people."""
    fig, axes = new_axes(columns=2, width=10.6, height=3.6)
    for ax, n in zip(axes, (30, 300), strict=True):
        runs = average[average["n_fakes"] == n]
        names = ["Popularity", "ItemKNN", "EASE", "iALS", "BiasedMF"]
        interval_dots(ax, {name: mean_and_interval(100 * runs.loc[runs["model"] == name, "lists"]) for name in names},
                      digits=1)  # fmt: skip
        ax.set(title=f"{n} fake people among 943", xlabel="% of lists with the film", xlim=(-3, 165))
        ax.set_xticks(range(0, 101, 25))
    return fig


show(
    draw_reach(),
    caption="Share of lists with the pushed film, average attack, eight films.",
    alt="Two panels of intervals for five models. With 30 fake people BiasedMF has the film on 37 percent of the lists "
    "and the others on almost none. With 300 it is on nearly all lists of BiasedMF and on 15 percent of Popularity.",
)


# %% tags=["claim"]
def claims_on_reach():
    """State which models can be pushed."""
    share = 100 * reached
    runs = average[(average["n_fakes"] == 30) & (average["model"] == "BiasedMF")]["lists"]
    mean, low, high = mean_and_interval(100 * runs)
    claim(f"30 fake people put the film on {mean:.0f} % of the lists of BiasedMF (interval {low:.0f} to {high:.0f}; "
          f"from {100 * runs.min():.0f} to {100 * runs.max():.0f} in single runs)", bool(low > 10))  # fmt: skip
    others = share.loc[30, ["Popularity", "ItemKNN", "EASE", "iALS"]]
    claim("With the same 30 people each other model has it on less than 1 % of the lists", bool(others.max() < 1))
    claim("Even 300 fake people put it on less than 3 % of the lists of ItemKNN, EASE and iALS",
          bool(share.loc[300, ["ItemKNN", "EASE", "iALS"]].max() < 3))  # fmt: skip


claims_on_reach()

# %% [markdown]
# The difference is large. BiasedMF predicts *how much* people like a film and ranks by that number, and thirty ratings
# of 5 beside ten to thirty honest ones decide the prediction. The other models count *who* interacted with what. For
# them thirty events are few beside the hundreds of a popular film. Popularity gives in once the fake people are nearly
# as many as the fans of its top films.
#
# Does that mean that EASE is safe? We know that these attacks, with these films and settings, did not work. They were
# invented against models of ratings. The next table has more of them, each with 100 fake people:
#
# - `random`, `average` and `bandwagon` are those of section 8.
# - `popular` draws the fillers in proportion to their popularity, and rates them around the mean of each film.
# - `short` profiles contain three very popular films and the target, all with a 5.
# - `copied` profiles are those of real members, with the target added.

# %%
kinds = attacks[attacks["n_fakes"] == 100]
(100 * kinds.pivot_table(index="attack", columns="model", values="lists")).round(1)


# %% tags=["claim"]
def claims_on_kinds():
    """State what the other attacks reach."""
    table = 100 * kinds.pivot_table(index="attack", columns="model", values="lists")
    claim("None of the six attacks with 100 fake people reaches 1 % of the lists of EASE, ItemKNN or iALS",
          bool(table[["EASE", "ItemKNN", "iALS"]].max().max() < 1))  # fmt: skip
    ratio = table.loc["random", "BiasedMF"] / table.loc["average", "BiasedMF"]
    claim("For BiasedMF it matters what the attacker knows: random fillers reach about half of the lists, film means "
          "about nine in ten", bool(0.3 < ratio < 0.8))  # fmt: skip


claims_on_kinds()

# %% [markdown]
# ## 10 · What a fake person cannot hide
#
# A random attack has a weakness. Its fillers are rated around the mean of all ratings, so they disagree with everybody
# about films that are loved or hated. And many fillers are films that hardly anybody rated. Let us measure
# disagreement, and let it count more for rare films.
#
# Take one member with two ratings: a 5 for a film whose three ratings have the mean 3, and a 2 for a film whose two
# ratings have the mean 3. The parts are |5 − 3| / 3 = .67 and |2 − 3| / 2 = .5, and their mean is .58. This is the
# **rating deviation from mean agreement** (RDMA; Chirita, Nejdl and Zamfir 2005). In symbols, $I_u$ are the films that
# user $u$ rated, $\bar r_i$ (`means`) is the mean rating of film $i$ and $n_i$ (`counts`) is how many ratings it has:
#
# $$\text{RDMA}_u = \frac{1}{|I_u|} \sum_{i \in I_u} \frac{|r_{ui} - \bar r_i|}{n_i}$$
#
# ### Exercise 19.4 · Rating deviation from mean agreement (core, 12 minutes)
#
# Compute the statistic for every user.
#
# - Input: `ratings`, shape (n_users, n_items), with 0 where there is no rating. A film may have no ratings
# - Output: shape (n_users,), 0 for a user without ratings
# - Mini-case with 2 users: `ratings = [[4, 0, 2], [5, 3, 0]]`
#   - film 0 has the mean 4.5 and 2 ratings; films 1 and 2 have one rating each, which is their mean
#   - both users have the parts .5 / 2 = .25 and 0, with the mean .125
#   - result: `[.125, .125]`


# %%
def deviation(ratings):
    """Return the RDMA of every user."""
    ### BEGIN SOLUTION
    known = ratings > 0
    counts = np.maximum(known.sum(axis=0), 1)
    parts = np.abs(ratings - ratings.sum(axis=0) / counts) / counts
    return (parts * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    ### END SOLUTION


check("19.4", deviation)

# %% [markdown] tags=["solution"]
# **Why it works.** Multiplying by `known` removes the parts of films that a user did not rate. **Another way.** A
# masked array: `np.ma.masked_equal(ratings, 0)` has means and counts that skip the zeros. **Typical mistake.** Dividing
# by 0 for a film or a user without ratings, which gives NaN.

# %% [markdown]
# Here are the members and thirty fake people of two attacks, `random` and `popular`. The target: *Ghost in the Shell*.
# In the figure the dashed line has 99 % of the members on its left.

# %%
ratings = ml.matrix("rating")
target = 1239  # a film with 26 ratings
found = {}
for attack in ("random", "popular"):
    attacked = inject(ml, fake_profiles(ratings, target, 30, attack=attack, random_state=0)).matrix("rating")
    found[attack] = reference("19.4")(attacked.toarray())
    limit = np.quantile(found[attack][:943], 0.99)
    print(f"{attack}: {(found[attack][943:] > limit).sum()} of 30 fake people are above 99 % of the members")


# %% tags=["figure"]
def draw_deviations():
    """Draw the deviation of members and fake people for two attacks."""
    fig, axes = new_axes(columns=2, width=10.4, height=3.2)
    edges = np.linspace(0, 0.16, 41)
    for ax, (attack, values) in zip(axes, found.items(), strict=True):
        for part, label, look in (
            (values[:943], "943 members", {"color": BLUE, "alpha": 0.7}),
            (values[943:], "30 fake people", {"color": VERMILION, "alpha": 0.8, "hatch": "//"}),
        ):
            ax.hist(part, edges, weights=np.full(len(part), 100 / len(part)), label=label, **look)
        ax.axvline(np.quantile(values[:943], 0.99), color=GRAY, linestyle="--")
        ax.set(title=f"{attack} attack", xlabel="rating deviation", ylabel="% of each group")
        ax.legend()
    return fig


show(
    draw_deviations(),
    caption="A random attack is visible, a popular one hides in the crowd.",
    alt="Two histograms of the rating deviation. In the random attack the thirty fake people are far to the right of "
    "nearly all members. In the popular attack they are inside the bulk of the members.",
)


# %% tags=["claim"]
def claims_on_statistics():
    """State that the package computes the same, and what the figure shows."""
    attacked = inject(ml, fake_profiles(ratings, target, 30, attack="random", random_state=0)).matrix("rating")
    claim("The package's rating deviation is that of exercise 19.4",
          bool(np.allclose(rating_deviation(attacked), found["random"])))  # fmt: skip
    above = {name: (values[943:] > np.quantile(values[:943], 0.99)).sum() for name, values in found.items()}
    claim("Of the random attack more than 25 of 30 are above the line, of the popular one at most 2",
          bool(above["random"] > 25 and above["popular"] <= 2))  # fmt: skip


claims_on_statistics()

# %% [markdown]
# A second statistic looks at neighbors. The **degree of similarity** of a user is the mean similarity to the 25 most
# similar other users. Random profiles resemble nobody, so theirs is *low*. A group of profiles that are made by one
# recipe resemble each other, so theirs can be *high*. A rule that looks at both ends is called two-sided.

# %%
centered = np.array([[1.0, -1, 0], [2, -2, 0], [0, 1, -1]])  # ratings minus the user's mean, 0 if unknown
unit = centered / np.linalg.norm(centered, axis=1, keepdims=True)
similar = unit @ unit.T
np.fill_diagonal(similar, -np.inf)  # nobody is a neighbor of themselves
print("mean similarity to the 1 nearest:", np.sort(similar, axis=1)[:, -1:].mean(axis=1))

# %% [markdown]
# ## 11 · Precision and recall of a detector
#
# Two rules, written while we looked at random attacks only. `deviation` flags who is above the 99 % quantile of known
# real members. `two-sided` also flags who is outside the middle 99 % of their degree of similarity. The quantiles are
# taken from one half of the members. The rules are then used on the other half together with 30 fake people.
# **Recall** is the share of fake people that are flagged, and **precision** is the share of flagged people who are
# fake.

# %%
detection = load_saved_run("19")["detection"]
thirty = detection[detection["n_fakes"] == 30].pivot_table(
    index="attack", columns="rule", values=["flagged", "hits"], aggfunc="sum"
)
recall, precision = thirty["hits"] / (8 * 30), thirty["hits"] / thirty["flagged"]
pd.concat({"recall": recall, "precision": precision}, axis=1).round(2)


# %% tags=["claim"]
def claims_on_detection():
    """State where the rules work and where they fail."""
    claim("On the attack that it was written for, rule deviation finds more than 95 % of the fake people",
          bool(recall.loc["random", "deviation"] > 0.95))  # fmt: skip
    claim("Of short, popular and copied profiles it finds less than 2 %",
          bool(recall["deviation"].loc[["short", "popular", "copied"]].max() < 0.02))  # fmt: skip
    claim("The two-sided rule finds more than 80 % of four kinds, and less than 10 % of popular and copied profiles",
          bool(recall["two-sided"].loc[["random", "average", "bandwagon", "short"]].min() > 0.8
               and recall["two-sided"].loc[["popular", "copied"]].max() < 0.1))  # fmt: skip


claims_on_detection()

# %% [markdown]
# Read the table by rows. The first rule is excellent on what it was written for, and blind to three other attacks. The
# second one adds a statistic and finds a fourth kind. Popular and copied profiles pass both. A detector is a promise
# about attacks that were *tried*.
#
# ### Exercise 19.B · A flag is not a proof (decision, 6 minutes)
#
# A large service has 100,000 real people and 30 fake ones. A rule flags 1 % of the real people and all 30 fake ones.
# Write a list of two values.
#
# - First, the share of flagged people who are fake: `"0.03"`, `"0.5"`, `"0.97"` or `"0.99"`
# - Second, what to do with flagged people: `"delete"` their ratings, `"look"` at them further, or `"ignore"` the flags

# %%
### BEGIN SOLUTION
verdict = ["0.03", "look"]
### END SOLUTION
check("19.B", verdict)

# %% [markdown] tags=["solution"]
# **Why.** 1 % of 100,000 is 1,000, and 30 / (1,000 + 30) = .03. **Another way.** Imagine a room with all flagged
# people: about thirty-three members for each fake one. **Typical mistake.** Reading "1 % of the real people are
# flagged" as "1 % of the flagged people are real".

# %% [markdown]
# ## 12 · One step further: look at the film
#
# Whatever disguise a profile wears, it has to praise the *film*. So let us stop looking at people. For each film we
# compare its new ratings with what the old ones led us to expect.
#
# A film has ten old ratings with the mean 3.0. Old means of few ratings are unreliable, so we add five imaginary
# ratings of the overall mean 3.5, as in chapter 05: (10 · 3.0 + 5 · 3.5) / 15 = 3.17. Thirty new ratings of 5 lie 1.83
# above that, each. A single rating varies with a standard deviation of 1.1. So the mean of thirty varies by
# 1.1 / √30 = .20, and the film is 1.83 / .20 = 9 standard errors above what we expected.


# %%
def surprise(old, new):
    """Return for each film how many standard errors its new ratings are above the old, damped mean."""
    overall, n_new = old[old > 0].mean(), (new > 0).sum(axis=0)
    expected = (old.sum(axis=0) + 5 * overall) / ((old > 0).sum(axis=0) + 5)
    gap = new.sum(axis=0) - n_new * expected
    return gap / (old[old > 0].std() * np.sqrt(np.maximum(n_new, 1)))


half = np.random.default_rng(0).permutation(943) < 471  # members who were here before
dense = ratings.toarray()
fakes = fake_profiles(ratings, target, 30, attack="popular", random_state=0).toarray()
z = surprise(dense[half], np.vstack([dense[~half], fakes]))
order = np.argsort(-z)[:4]
pd.DataFrame({"film": titles[order], "is pushed": order == target, "standard errors": z[order]}).round(1)

# %% [markdown]
# The pushed film is far ahead of all others, although its fans passed both rules. In the saved runs this check is done
# for all six attacks:

# %%
detection.pivot_table(index="attack", columns="n_fakes", values="film_rank", aggfunc=["median", "max"])


# %% tags=["claim"]
def claims_on_the_film():
    """State that the check of films finds what the check of people does not."""
    claim("In 8 runs with 6 attacks and two sizes the pushed film is first or second of 1,682 each time",
          bool(detection["film_rank"].max() <= 2 and detection["film_rank"].median() == 1))  # fmt: skip
    cleaned = load_saved_run("19")["cleaned"].pivot_table(index="attack", columns="removed by", values="lists")
    claim("Removing the people whom the two-sided rule flags undoes the random attack on BiasedMF, not the copied one",
          bool(cleaned.loc["random", "two-sided"] < 0.01
               and cleaned.loc["copied", "two-sided"] > 0.5 * cleaned.loc["copied", "nobody removed"]))  # fmt: skip


claims_on_the_film()

# %% [markdown]
# Is the race won? No. The check needs old ratings that are known to be honest, and a new film has none. An attacker can
# use few accounts a week. And honest enthusiasm looks the same: if a film wins a prize, the new ratings rise as well.
# The check says *where to look*.
#
# ## 13 · Could the mean defend itself?
#
# The mean of a film moves with every fake rating. **Robust statistics** move less. The median is the middle of the
# sorted ratings. A trimmed mean leaves out the lowest and the highest fifth. Here are ten honest ratings and up to
# twenty fake ones:

# %%
honest = [1, 2, 2, 3, 3, 3, 3, 4, 4, 5]


def summaries(n_fakes):
    """Return mean, trimmed mean and median of the honest ratings and some of 5."""
    values = np.sort(honest + [5] * n_fakes)
    cut = len(values) // 5
    return values.mean(), values[cut : len(values) - cut].mean(), np.median(values)


pd.DataFrame({n: summaries(n) for n in (0, 3, 5, 10)}, ["mean", "trimmed mean", "median"]).round(2)


# %% tags=["figure"]
def draw_robust():
    """Draw three summaries against the number of fake ratings."""
    fig, ax = new_axes(width=7.6, height=3.4)
    counts = list(range(21))
    values = np.array([summaries(n) for n in counts])
    curves(ax, counts, {"mean": values[:, 0], "trimmed mean": values[:, 1], "median": values[:, 2]})
    ax.set(xlabel="fake ratings of 5 beside ten honest ones", ylabel="summary", ylim=(2.8, 5.1))
    ax.set_xticks(range(0, 21, 5))
    return fig


show(
    draw_robust(),
    caption="The median resists three fake ratings, and gives in to nine.",
    alt="Mean, trimmed mean and median of ten honest ratings against the number of fake ratings of 5. The mean rises "
    "from the first one on, the trimmed mean a little faster. The median stays at 3 for three fake ratings and is "
    "5 from nine on.",
)

# %% [markdown]
# The median stays at 3 for the first three fake ratings, and is 5 from nine on. The trimmed mean is a surprise: with
# five fake ratings it is *higher* than the plain mean. All fake ratings lie on one side. Trimming removes some of them,
# and as many of the honest low ratings, which were what spoke against the film.
#
# A pushed film is one with *few* honest ratings, so robust summaries protect exactly those films least. The median also
# silences an honest minority. In this example robustness buys protection against three accounts, not against thirty.
#
# ## 14 · Settled for today: can a place be bought?
#
# Lena's second answer: "From a service that ranks by predicted ratings, yes, with thirty accounts. From one that counts
# who watched what, not with the attacks that we tried. Statistics of people find the clumsy attackers. A check of
# films found the careful ones too, as long as they are in a hurry."
#
# **A pause is possible here.** Remember: a detector is judged on attacks that it was not built on, and a rare thing is
# rare among the alarms. You can forget the formula of RDMA. To resume, run all cells above.

# %% [markdown]
# # Sitting 3 · Would I notice a change?
#
# ## 15 · A log that cannot be changed quietly
#
# Lena writes down what happens to the service: who loaded which model, and when. Such an **audit log** is only useful
# if nobody can change it later without being noticed, not even the person who keeps it.
#
# The idea is to chain the lines. The digest of a line is computed from its entry *and* from the digest of the line
# before. Let us begin with a toy digest of two digits: seven times the digest before, plus the entry, and of that the
# last two digits. In Python this is `(7 * before + entry) % 100`; before the first line there is 0.


# %% tags=["diagram"]
def draw_chain():
    """Draw three lines of a chained log."""
    diagram = Diagram(10.2, 2.9)
    start = diagram.box(0.8, 1.0, "0", "neutral", width=0.8)
    boxes = [start]
    for place, (entry, digest, sum_) in enumerate(
        ((5, 5, "7 · 0 + 5 = 5"), (1, 36, "7 · 5 + 1 = 36"), (8, 60, "7 · 36 + 8 = 260"))
    ):
        x = 3.0 + 2.9 * place
        top = diagram.box(x, 2.3, f"entry {entry}", "task 1", width=1.4)
        box = diagram.box(x, 1.0, f"digest {digest}", "task 2", width=1.5)
        diagram.arrow(top, box, "", "task 1")
        diagram.arrow(boxes[-1], box, "", "task 2")
        diagram.note(x, 0.35, sum_, size=10)
        boxes.append(box)
    return diagram.figure


show(
    draw_chain(),
    caption="Each digest depends on its entry and on all before it.",
    alt="Three lines of a log. The entry 5 and the start 0 give the digest 5. The entry 1 and the digest 5 give 36. "
    "The entry 8 and the digest 36 give 260, of which the last two digits 60 are kept.",
)

# %% [markdown]
# Somebody changes the second entry from 1 to 2. Now 7 · 5 + 2 = 37, and the stored digest is 36: the line is broken. So
# they change the digest to 37 as well. Then the third line breaks: 7 · 37 + 8 = 267, whose last digits are 67, and
# stored is 60. To hide one change they have to rewrite everything after it.
#
# ### Exercise 19.5 · Where does the chain break? (core, 8 minutes)
#
# Count how many lines, from the start, follow from each other.
#
# - Input: `lines`, a list of pairs (entry, digest) of whole numbers; it may be empty
# - Output: the number of lines before the first one whose digest is not `(7 * before + entry) % 100`; the length of the
#   list if there is none
# - Mini-case:
#   - `[(5, 5), (2, 36), (8, 60)]` has the result `1`, because 7 · 5 + 2 = 37 is not 36
#   - `[(5, 5), (1, 36)]` has the result `2`


# %%
def intact(lines):
    """Return the number of lines before the first broken one."""
    ### BEGIN SOLUTION
    before = 0
    for position, (entry, digest) in enumerate(lines):
        if (7 * before + entry) % 100 != digest:
            return position
        before = digest
    return len(lines)
    ### END SOLUTION


check("19.5", intact)

# %% [markdown] tags=["solution"]
# **Why it works.** A line is right if it follows from the stored digest before it, and the start is known.
# **Another way.** Compute the chain again from the entries alone and compare with the stored digests.
# **Typical mistake.** Counting later lines that match again: after a break nothing before them is certain.

# %% [markdown]
# With two digits, one change in a hundred goes unnoticed. SHA-256 has 64 hexadecimal digits, and an entry can be any
# text. `link` and `AuditLog` of the package are your function with this digest. We change a log of 50 lines in 1,000
# random ways, and then in two ways that the chain alone cannot show.

# %%
log = AuditLog()
for number in range(50):
    log.append({"number": number, "who": f"user {number % 7}", "what": "reload"})
rng, noticed = np.random.default_rng(0), 0
for _ in range(1000):
    lines, at = list(log.lines), int(rng.integers(49))
    if rng.random() < 0.5:
        lines[at] = ({**lines[at][0], "number": int(rng.integers(1000, 2000))}, lines[at][1])  # a value
    else:
        del lines[at]  # a line, not the last one
    noticed += AuditLog(lines).first_broken() == at
print("found, at the right line:", noticed, "of 1000")

# %%
cut = AuditLog(log.lines[:40])  # the end is missing
rewritten = AuditLog()
for entry, _ in log.lines:
    rewritten.append({**entry, "who": "nobody"})  # everything is written again
for name, other in (("cut off", cut), ("written again", rewritten)):
    print(f"{name}: broken at {other.first_broken()}; with the kept head: at {other.first_broken(log.head)}")


# %% tags=["claim"]
def claims_on_the_chain():
    """State what the chain shows and what it does not."""
    digest = hashlib.sha256(("0" * 64 + json.dumps({"a": 1})).encode()).hexdigest()
    claim(
        "The package's digest is the SHA-256 of the digest before and of the entry", link("0" * 64, {"a": 1}) == digest
    )
    claim("Each of 1,000 random changes is found at the right line", noticed == 1000)
    claim("A log that was cut off, or written again from the start, shows nothing by itself",
          cut.first_broken() is None and rewritten.first_broken() is None)  # fmt: skip
    claim("With one digest that was kept elsewhere both are found",
          cut.first_broken(log.head) == 40 and rewritten.first_broken(log.head) == 50)  # fmt: skip


claims_on_the_chain()

# %% [markdown]
# The last digest is called the **head**. It depends on every entry. So Lena sends the head to a friend each evening: 64
# characters that the keeper of the log cannot change. The chain does not say whether an entry was *true* when it was
# written, and it hides nothing: everybody who has the log can read it.
#
# ## 16 · Who may do what
#
# A service has different people around it, and each needs something else. **Least privilege** means that each gets
# exactly what the task needs.
#
# | who | may | may not | how in our service |
# |---|---|---|---|
# | a member | ask for a list, send an event | change the model | no token is needed for these two |
# | the operator | load a new model | choose another folder by a request | `/reload` needs a token and takes no path |
# | the service | read the model's folder | write to it | a system account; not done by our code |
# | other computers | nothing | connect | the service listens on `127.0.0.1` only |
#
# The token is a *secret*. It comes from the environment or is drawn at the start, and is never in the code, in the
# log or in a notebook. Two strings are compared by `hmac.compare_digest`, which takes the same time wherever they
# differ; with `==` an attacker could in principle measure how many characters were right.
#
# One line is missing in this table, and it is the largest hole of our service: a member should only ask for *their own*
# list. Our service believes whatever number is in `user=`. On a computer that only Lena reaches this may do. On the
# internet each member needs a login.
#
# ## 17 · Copying a model by asking
#
# A competitor does not want to change the model but to have it. Suppose the service returned *scores*. EASE's scores
# for a person who watched a single film are one row of its weights. So 1,682 questions, one for each film, copy the
# model exactly. Our service returns ranked ids only. Does that help? The thief gives the first film of each list the
# weight 1 / log₂ 2 = 1, the second one 1 / log₂ 3 = .63, and so on, and recommends with these weights.

# %%
answers = np.array(ease.fold_in(np.eye(ml.n_items)), dtype=float)  # one question for each film
print("largest error with scores:", float(np.abs(answers - ease.item_weights_).max()))
np.fill_diagonal(answers, -np.inf)
overlap = {}
for k in (10, 100):
    lists = top_k(answers, k)
    copy = np.zeros((ml.n_items, ml.n_items))
    np.put_along_axis(copy, lists, 1 / np.log2(np.arange(k) + 2), axis=1)
    stolen = top_k(seen.astype(float) @ copy, 10, seen)
    overlap[f"lists of {k}"] = np.mean([len({*a} & {*b}) / 10 for a, b in zip(stolen, table, strict=True)])
popular = top_k(np.tile(seen.sum(axis=0), (ml.n_users, 1)).astype(float), 10, seen)
overlap["popularity, no question"] = np.mean([len({*a} & {*b}) / 10 for a, b in zip(popular, table, strict=True)])
pd.Series(overlap, name="share of the ten films that agree").to_frame().round(2)


# %% tags=["claim"]
def claims_on_copies():
    """State how well a copy agrees."""
    exact = np.abs(np.array(ease.fold_in(np.eye(ml.n_items))) - ease.item_weights_).max() < 1e-6
    claim("1,682 questions that are answered with scores copy the weights of EASE", bool(exact))
    claim("Answered with lists of ten, the copy agrees in more than half of the films, and with lists of 100 in more "
          "than two thirds", bool(overlap["lists of 10"] > 0.5 and overlap["lists of 100"] > 0.66))  # fmt: skip
    claim("Popularity alone agrees in about a quarter", bool(abs(overlap["popularity, no question"] - 0.25) < 0.05))


claims_on_copies()

# %% [markdown]
# Hiding scores helps, and shorter lists help, and neither prevents a copy. What remains is to make questions slow. A
# **rate limit** gives each account a budget. The usual form is a **token bucket**. A bucket has room for some tokens
# and is full at first. A request takes one; without a token it is refused. Tokens drip back at a fixed rate. So a short
# burst is fine, and a long one is slow. In our service each invented
# person needs an event before the first list. With one token a second, 1,682 events and 1,682 lists take
# 3,364 / 60 = 56 minutes. That prevents nothing, but it is time in which somebody can look.
#
# Suppose the bucket has room for 2 tokens, and one token comes back every two seconds, a rate of .5. Three requests
# arrive at once: the third is refused. One second later the bucket has .5 token, not enough; after two seconds it has
# one.
#
# ### Exercise 19.6 · A token bucket (core, 12 minutes)
#
# Decide which requests are answered.
#
# - Input:
#   - `times`: when the requests arrive, in seconds from 0 on, in order
#   - `capacity`: the room of the bucket, which is full at time 0
#   - `rate`: tokens that come back per second, up to the capacity; also fractions of a token
# - Output: a list with True (answered) or False for each request. A request is answered if there is at least one token;
#   only then one token is taken
# - Mini-case: `times = [0, 0, 0, 1, 2]`, `capacity = 2`, `rate = .5`
#   - before the requests there are 2, 1, 0, .5 and 1 tokens
#   - result: `[True, True, False, False, True]`


# %%
def allowed(times, capacity, rate):
    """Return for each request whether it is answered."""
    ### BEGIN SOLUTION
    tokens, last, answers = capacity, 0, []
    for now in times:
        tokens = min(capacity, tokens + rate * (now - last))
        last = now
        answers.append(tokens >= 1)
        if answers[-1]:
            tokens -= 1
    return answers
    ### END SOLUTION


check("19.6", allowed)

# %% [markdown] tags=["solution"]
# **Why it works.** Two numbers per account are enough, whatever the number of requests. **Another way.** Count the
# refill from the last answered request; in between nothing is taken. **Typical mistake.** Letting the bucket grow
# without limit, so that an account that waits a day may ask 86,400 questions at once.

# %% [markdown]
# A patient thief opens many accounts, so a limit per account has the weakness of section 8: accounts are free.
#
# ## 18 · An audit is a list of tests
#
# "Our service was audited" is a word. The same service with a list of threats, a measure against each and a *test that
# fails without the measure* is an audit that anybody can repeat. This is the list of the course's own service; the
# tests are in `tests/test_serving.py` and `tests/test_security.py`:
#
# | threat | measure | test |
# |---|---|---|
# | a text that is no number | 422 with a message | `test_requests_of_every_kind` |
# | a model file that runs code | arrays only | `test_a_pickled_object_is_refused_and_never_run` |
# | a damaged file | SHA-256 as its name | `test_one_changed_byte_is_found` |
# | a file replaced with care | a digest kept elsewhere | `test_a_replaced_model_is_found_by_the_kept_digest` |
# | a path in a request or card | no path is read | `test_reload_needs_the_token_and_takes_no_path` |
# | a stranger swaps the model | a token | `test_reload_needs_the_token_and_takes_no_path` |
# | a web page asks from a browser | hosts and JSON are checked | `test_requests_of_a_foreign_web_page_are_refused` |
# | too many requests | 503 | `test_more_requests_than_allowed_get_503_and_a_time_to_wait` |
# | memory filled by events | a limit | `test_the_number_of_events_in_memory_is_bounded` |
# | skew | same lists as the model | `test_the_service_answers_as_the_model_does_in_training` |
# | a changed log | the chain | `test_each_of_a_thousand_random_changes_is_found` |
# | one member asks for another | none | no test: open |
# | a request of a gigabyte | none | no test: open |
# | arrays that unpack to gigabytes | none without a digest kept elsewhere | no test: open |
# | fake profiles | none in the service | no test: open |
#
# And the notebook in which you are reading this:
#
# | threat | measure | test |
# |---|---|---|
# | others use your JupyterLab | loopback and a token, Jupyter's defaults, left on | none of ours: open |
# | JupyterLab as root | refused outside a container | `test_root_outside_a_container_gets_an_error_with_the_option` |
# | a chapter connects to others | blocked in the tests | `test_connections_to_other_machines_are_blocked` |
# | a notebook from a stranger | none: running it runs its code | no test: read it first |
#
# The lines without a test are the most useful ones. They say what is *not* protected.
#
# ### Exercise 19.C · Which measure helps? (decision, 5 minutes)
#
# Four events. Write a list of four measures, in this order, from `"encryption"` (of the disk), `"digest"` (kept
# elsewhere), `"limit"` (of requests) and `"film check"` (section 12):
#
# - a laptop with the ratings is stolen
# - a colleague who may write to the folder replaces the model
# - somebody asks for the lists of 1,682 invented people
# - thirty new accounts praise the same film

# %%
### BEGIN SOLUTION
measures = ["encryption", "digest", "limit", "film check"]
### END SOLUTION
check("19.C", measures)

# %% [markdown] tags=["solution"]
# **Why.** The thief reads, the colleague changes, the competitor asks, and the accounts rate. **Another way.** Ask for
# each measure which of the four it would *not* have stopped: each time three. **Typical mistake.** Encryption as the
# answer to everything: it hides bytes from people without the key, and three of these four people do not need it.

# %% [markdown]
# ## 19 · Settled for today: would Lena notice?
#
# Lena's third answer: "A changed model, yes, by the digest that I keep. A changed log, yes, by the head that my friend
# keeps. A copy of my model, only if I look at who asks how often. And I have a list of what nobody would notice." The
# list is the honest end of an audit.
#
# ## Going further
#
# - **Your own service.** Start `python course.py serve` with a model of yours, and send it the bad requests of section
#   18 by `curl`.
# - **A stronger attacker.** Find fillers that push a film into the lists of EASE; nobody says that it is impossible.
#   Measure over several films before you believe it.
# - **Signatures.** A digest has to be kept somewhere. A digital signature needs only a public key; the package
#   `cryptography` of chapter 15 has Ed25519.
#
# ## Recap
#
# - **O19.1:** a service checks every text, builds the row of training, and loads arrays and no pickle. Folding in takes
#   an event into account at once.
# - **O19.2:** the sample size grows with the variance and with one over the squared difference. It is fixed before the
#   test, which is read once.
# - **O19.3:** thirty fake people pushed a film in a model that ranks by predicted ratings, and not in models that count
#   interactions.
# - **O19.4:** a detector finds the attacks it was tried on. Few fakes among many people mean many false alarms.
# - **O19.5:** a chain of digests shows changes if its head is kept elsewhere. Least privilege, secrets, limits: each
#   with a test, and an open line where there is none.

# %%
### BEGIN SOLUTION
answers_to_quiz = ["b", "b", "a", "c", "a"]
### END SOLUTION
quiz("19", answers_to_quiz)

# %%
progress("19")

# %% [markdown]
# ## Reading the source critically
#
# The two articles that this course grew from make three statements about systems in use.
#
# *"The volume of data makes traditional algorithms useless."* One pass of iALS or of biased factors over the ratings
# costs time in proportion to their number (chapter 18 measures it). Twice the data take twice the time. What volume
# does is to punish algorithms that look at all *pairs* of people.
#
# *"Encrypt the data, and they are safe."* Encryption protects a stolen disk and a tapped line. The service itself has
# the key. Of the four events of exercise 19.C it helps against one.
#
# *"A security audit"* is mentioned as a step, without what is audited. Section 18 shows the smallest form in which the
# word means something: threat, measure, test, and the open lines.
#
# ## Further reading
#
# - Lam, Riedl (2004), *Shilling Recommender Systems for Fun and Profit*: the attacks of section 8.
# - Chirita, Nejdl, Zamfir (2005), *Preventing Shilling Attacks in Online Recommender Systems*: both statistics of
#   section 10.
# - Sculley et al. (2015), *Hidden Technical Debt in Machine Learning Systems*: what surrounds a model in a service.
# - Kohavi, Tang, Xu (2020), *Trustworthy Online Controlled Experiments*: the book on A/B tests.
# - Tramèr et al. (2016), *Stealing Machine Learning Models via Prediction APIs*: more on section 17.
#
# ## Next
#
# Chapter 20 hands you a service that nobody has seen, and asks for your best lists.
