# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "13"
#     minutes: {reading: 20, doing: 47}
# ---

# %% [markdown]
# # 13 · The whole system
#
# It is day 180. Mara opens the streaming service: 600 titles, ten places on her screen. Which titles, in which
# order? In this notebook we join the models of the last chapters into one system, test it at its seams, and take it
# apart again.
#
# ## What you will be able to do
#
# - **O13.1** Combine the answers of several heads into one utility, and say what its weights decide
# - **O13.2** Give each impression the history before it, so that nothing leaks
# - **O13.3** Chain candidates, ranking and re-ranking, in positions of the catalogue
# - **O13.4** Test a system at its interfaces, with tests that can fail
# - **O13.5** Measure what each part adds by an ablation, under the truth and on the log
#
# You need chapters 03, 08 and 10 to 12.

# %%
import io
from functools import partial

import numpy as np
import pandas as pd
import torch

from recsys_teach import movielens
from recsys_teach.evaluation import bootstrap_interval
from recsys_teach.figures import BLACK, BLUE, GREEN, MODEL_STYLES, ORANGE, new_axes, show
from recsys_teach.files import REPOSITORY
from recsys_teach.interactions import Interactions, split_global_time
from recsys_teach.learn import TODO, check, claim, hint, predict, progress, quiz, reveal
from recsys_teach.metrics import ndcg_at_k
from recsys_teach.models import Popularity
from recsys_teach.models.multitask import task_losses
from recsys_teach.models.two_tower import in_batch_softmax
from recsys_teach.ranking import rank_unseen
from recsys_teach.world import DAY, load_world

# %% [markdown]
# ## Predict first
#
# The **log** says what was shown and clicked. The world's **truth** says what Mara would click if it were shown. Write
# a letter in quotes in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "b"
### END SOLUTION
predict("P13.1", guess)

# %% [markdown]
# ## By hand: three parts and one pair
#
# The **behaviour model** (chapter 08) reads a history into a state $h$ (`h`). The **interest model** (chapter 10) has a
# vector $u$ (`u`) of the user and $v$ (`v`) of the item. The **recommendation model** (chapter 11) answers several
# tasks for a row that holds all of them, and the products with the item:
#
# $$\text{row} = [\, h,\; u,\; v,\; h \odot v,\; u \odot v \,]$$
#
# With two numbers in each vector:

# %%
h, u = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]])  # Ada, after Chase and Heist
films = {"Letter": torch.tensor([[0.0, 2.0]]), "Runner": torch.tensor([[2.0, 0.0]])}
for name, v in films.items():
    row = torch.cat([h, u, v, h * v, u * v], dim=1)  # (1, 10)
    print(name, row.tolist()[0])

# %% [markdown]
# Anything that takes and gives the same shapes may stand in for a part. That promise is an **interface**:
#
# | part | takes | gives |
# |---|---|---|
# | behaviour | histories (n, length) | states (n, n_factors) |
# | interest | users (n,), items (n,) | two vectors (n, n_factors) |
# | recommendation | rows (n, 5 n_factors) | one answer a task (n, n_tasks) |
#
# > **Reading the source critically.** The diagram in the two articles that this course grew from has these three boxes
# > and arrows between them. It leaves open which loss trains which box, and where the candidates come from. And it adds
# > the vectors of different boxes. Each box, trained alone, may turn its space as it likes: no inner product inside
# > changes. What does turning do to a sum?

# %%
turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])  # a quarter turn of the interest model's space: u and all v
for name, v in films.items():
    before, after = u @ v.T, (u @ turn) @ (v @ turn).T
    summed, turned = (h + u) @ v.T, (h + u @ turn) @ (v @ turn).T
    print(f"{name}: u·v {before.item():.0f}, turned {after.item():.0f}; "
          f"(h+u)·v {summed.item():.0f}, turned {turned.item():.0f}")  # fmt: skip

# %% [markdown]
# > The inner products stay, and the sum puts the other film first. So vectors of two boxes may meet only where one loss
# > trains both, as in our row: then the shared loss, not chance, sets how the spaces lie.
#
# ## One number from several heads
#
# Four heads answer for each pair: click, watch time (a share), finish and like, the last three *given a click*. A list
# needs one number. A **utility** says what a service wants. Ours counts a click as 1 and adds for what follows it:
#
# $$\text{utility} = P(\text{click}) \, \big( 1 + w_f \, P(\text{finish} \mid \text{click})
# + w_l \, P(\text{like} \mid \text{click}) \big)$$
#
# with the weights $w_f$ (`w_finish`) and $w_l$ (`w_like`). Watch time gets none: finish says nearly the same.
#
# ### Exercise 13.1 · One number from three heads (warm-up, 5 minutes)
#
# Give the utility. Input: `click`, `finish` and `like`, arrays of one shape, and the two weights. Output: an array of
# that shape. Example: click .5, finish .4, like .1, weights 1 and 2: .5 · (1 + .4 + .2) = .8. Stuck? Run
# `hint("13.1")`.


# %%
def utility(click, finish, like, w_finish, w_like):
    """Expected worth of showing each item."""
    ### BEGIN SOLUTION
    return click * (1 + w_finish * finish + w_like * like)
    ### END SOLUTION


check("13.1", utility)

# %% [markdown] tags=["solution"]
# **Why it works.** P(click and finish) is P(click) · P(finish | click), the chain of chapter 12. **Another way.** Sum
# the three products one by one. **Typical mistake.** Adding the heads: a title that nobody opens, loved by the few who
# do, then comes first.

# %% [markdown]
# No log can teach the weights: they say what the service is for. The package's version takes heads by name:

# %%
from recsys_teach.system import utility as package_utility

heads = {"click": np.array([0.5, 0.3]), "finish": np.array([0.1, 0.9]), "like": np.array([0.0, 0.4])}
by_loop = [c * (1 + f + g) for c, f, g in zip(*heads.values(), strict=True)]
assert np.allclose(package_utility(heads, {"finish": 1.0, "like": 1.0}), by_loop)
for weight in (0.0, 1.0):
    print(f"weights {weight}:", package_utility(heads, {"finish": weight, "like": weight}).round(2))

# %% [markdown]
# With weights 0 the first title wins; with weights 1 the second, which people finish.
#
# ## What was known before
#
# For each impression, the behaviour model reads the items that this person clicked *before*. If the row holds the
# click on the item that is shown, or later ones, the loss is splendid and the system useless.
#
# ### Exercise 13.2 · What was known before (core, 9 minutes)
#
# Give each impression its history. Input: `users`, `items`, `times`, `clicks` (bool), each of shape (n,), rows in order
# of time; `length`; `padding`. Output: shape (n, length): the last `length` items that the same user clicked at a
# *smaller* time, old to new, `padding` behind. Example: one user, `items = [4, 5, 6]`, `times = [1, 1, 2]`, all
# clicked, `length = 2`, `padding = 9`: `[[9, 9], [9, 9], [4, 5]]`. A loop over impressions is fine.


# %%
def history_before(users, items, times, clicks, length, padding):
    """What each impression may know of its user."""
    ### BEGIN SOLUTION
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        before = (users == users[n]) & (times < times[n]) & clicks
        last = items[before][-length:]
        rows[n, : len(last)] = last
    return rows
    ### END SOLUTION


check("13.2", history_before)

# %% [markdown] tags=["solution"]
# **Why it works.** Three conditions: own, earlier, clicked. **Another way.** Walk through the log once and keep a list
# for each user. **Typical mistake.** `<=` in place of `<`: the answer stands in the question.

# %% [markdown]
# Now the world. Impressions before day 180 train, later ones test. Everybody has come and every title is out by then.
# The package's `histories_before` sorts once in place of the loop:

# %%
from recsys_teach.system import histories_before

world = load_world()
exposed = world.exposed()
early = (exposed.log["time"] < 180 * DAY).to_numpy()
train, test = exposed.take(early), exposed.take(~early)
users, items, times = train.user_pos, train.item_pos, train.log["time"].to_numpy()
clicked = train.log["click"].to_numpy(dtype=bool)
rows = histories_before((users[clicked], items[clicked], times[clicked]), users, times, 10, 600)  # (n, 10)
for n in range(0, len(users), 2000):
    own = items[(users == users[n]) & (times < times[n]) & clicked][-10:]
    assert (rows[n, : len(own)] == own).all() and (rows[n, len(own) :] == 600).all()
print(f"{len(train):,} impressions train, {len(test):,} test; {(rows[:, 0] == 600).mean():.0%} have an empty history")

# %% [markdown]
# ## One training for three parts
#
# The package's `System` holds the parts and trains them with one sum: the four task losses of chapter 11, each over the
# rows that have the label, plus the in-batch softmax of chapter 10 over clicked pairs.

# %%
from recsys_teach.system import FUNNEL, System

features = dict(user_columns=["age_band", "region", "device"], item_columns=["genre", "second_genre"])
whole = dict(weights={"finish": 1.0, "like": 1.0}, group_column="genre", **features)
system = System(**whole).fit(train)
print("mean loss of each epoch:", np.round(system.training_.losses, 1))

# %% [markdown]
# Which loss trains which part? We take one batch, and ask for each loss whether its gradient reaches a part.

# %% tags=["claim"]
parts = system.parts_
batch = torch.arange(0, len(users), 100)
who, what = torch.tensor(users)[batch], torch.tensor(items)[batch]
labels = torch.tensor(train.log[list(FUNNEL)].to_numpy(dtype=np.float32))[batch]
labels[labels[:, 0] == 0, 1:] = torch.nan  # nobody can finish what was not opened
answers = parts(who, what, torch.tensor(rows)[batch])  # (n, 4)
losses = dict(zip(FUNNEL, task_losses(answers, labels, list(FUNNEL.values())), strict=True))
taken = labels[:, 0] == 1
losses["in-batch"] = in_batch_softmax(parts.interest.users(who[taken]) @ parts.interest.items(what[taken]).T)
reached = {}
for name, loss in losses.items():
    parts.zero_grad()
    loss.backward(retain_graph=True)
    reached[name] = {
        part: any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in module.parameters())
        for part, module in parts.named_children()
    }
print(pd.DataFrame(reached).T.replace({True: "yes", False: "-"}))
claim("Every task trains all three parts", all(all(reached[task].values()) for task in FUNNEL))
claim("The in-batch softmax trains the towers alone", list(reached["in-batch"].values()) == [False, True, False])

# %% [markdown]
# That is what the diagram left open. Now we draw it, with shapes that the tensors say: a **hook** is a function that
# PyTorch calls when a part has run.

# %%
shapes = {}


def note(name, module, given, gave):
    shapes[name] = tuple(given[0].shape), tuple(gave.shape)


hooked = {"behaviour": parts.behaviour, "user tower": parts.interest.users, "item tower": parts.interest.items,
          "experts": parts.recommendation.experts, "heads": parts.recommendation}  # fmt: skip
hooks = [module.register_forward_hook(partial(note, name)) for name, module in hooked.items()]
with torch.no_grad():
    parts(who, what, torch.tensor(rows)[batch])
for hook in hooks:
    hook.remove()
print("experts:", shapes["experts"][0], "to", shapes["experts"][1])

# %%
fig, ax = new_axes(width=9.6, height=4.4)
boxes = {"behaviour": (2.6, 3, BLUE), "user tower": (2.6, 2, GREEN), "item tower": (2.6, 1, GREEN),
         "row": (5.3, 2, BLACK), "experts": (7.8, 2, ORANGE), "heads": (10, 2, ORANGE)}  # fmt: skip
inputs = {"histories": "behaviour", "users": "user tower", "items": "item tower"}
gives = {name: shape[1] for name, shape in shapes.items()} | {"row": shapes["heads"][0]}
for name, (x, y, colour) in boxes.items():
    label = f"{name}\n{gives[name]}"
    ax.text(x, y, label, ha="center", va="center", bbox=dict(boxstyle="round", fc="white", ec=colour, lw=2))
arrow = dict(arrowstyle="->", lw=1.5, shrinkA=40, shrinkB=44)
for text, name in inputs.items():
    x, y, _ = boxes[name]
    ax.text(0, y, f"{text}\n{shapes[name][0]}", ha="center", va="center")
    ax.annotate("", (x, y), (0, y), arrowprops=arrow)
    ax.annotate("", boxes["row"][:2], (x, y), arrowprops=arrow)
for name, following in [("row", "experts"), ("experts", "heads")]:
    ax.annotate("", boxes[following][:2], boxes[name][:2], arrowprops=arrow)
ax.text(2.6, 0.35, "u · v fetches candidates", ha="center", va="center")
ax.text(10, 1.45, "\n".join(["click", "watch time", "finish", "like"]), ha="center", va="top")
ax.set(xlim=(-0.9, 11), ylim=(0, 3.6))
ax.axis("off")
show(
    fig,
    caption="How a batch flows; shapes read from the tensors.",
    alt="Boxes and arrows: histories enter the behaviour model, users and items the two towers; their vectors join in "
    "a row, which experts and then four heads turn into answers; each box carries its tensor shape.",
)

# %% [markdown]
# ## Candidates, then ranking
#
# Four heads for millions of titles are too slow. So the interest model **fetches** 100 unseen titles by $u \cdot v$,
# and only those are **ranked** by utility.
#
# ### Exercise 13.3 · Two stages (core, 7 minutes)
#
# For one user, give positions in the *catalogue* of the best `k`. Input: `interest` and `value`, shape (n_items,);
# `seen`, bool, shape (n_items,); `n_candidates`; `k`. Fetch the unseen `n_candidates` of most interest, then order
# them by `value`. Example: `interest = [.9, .1, .7, .8, .6]`, `value = [.9, .8, .4, .1, .6]`, item 0 seen,
# 3 candidates: they are 3, 2, 4, and with `k = 2` the answer is `[4, 2]`.


# %%
def two_stages(interest, value, seen, n_candidates, k):
    """The k best by value among the candidates that the interest fetches."""
    ### BEGIN SOLUTION
    fetched = np.argsort(-np.where(seen, -np.inf, interest))[:n_candidates]
    return fetched[np.argsort(-value[fetched])[:k]]
    ### END SOLUTION


check("13.3", two_stages)

# %% [markdown] tags=["solution"]
# **Why it works.** `fetched[...]` turns a place in the short list back into an item. **Another way.** Values of minus
# infinity for all that was not fetched. **Typical mistake.** Returning `np.argsort(-value[fetched])`: places 0 to 99,
# which are other titles of the catalogue.

# %% [markdown]
# The package does it for many users at once. The first ten people, by the loop:

# %% tags=["claim"]
everybody, seen = np.arange(train.n_users), train.matrix()
fetched = system.candidates(everybody, 100)  # (1000, 100)
ranked = system.rank(everybody, fetched)
interest, value, met = system.interest(everybody[:10]), system.score(everybody[:10]), seen[:10].toarray() > 0
for user in range(10):
    unseen = np.flatnonzero(~met[user])
    short = sorted(unseen, key=lambda item: -interest[user][item])[:100]
    assert sorted(short, key=lambda item: -value[user][item])[:5] == ranked[user, :5].tolist()
claim("Each list is a new order of the candidates", bool((np.sort(ranked) == np.sort(fetched)).all()))

# %% [markdown]
# ## Re-ranking: a list is more than its items
#
# Ten crime films may be the ten best titles for Mara, and a poor screen. **Re-ranking** looks at the list as a whole.
# The smallest rule: at most two titles of a genre in the first ten.
#
# ### Exercise 13.4 · At most two of a genre (core, 8 minutes)
#
# Walk down `ranked` and take an item unless `cap` items of its genre are taken already; what you pass over fills the
# places that are left at the end, in its old order. Input: `ranked`, item positions, best first, at least `k` of them;
# `genres`, shape (n_items,), one text an item; `k`; `cap`. Output: `k` positions. Example: genres
# `["crime", "crime", "drama", "crime"]`, `ranked = [0, 1, 3, 2]`, `cap = 2`: with `k = 3` `[0, 1, 2]`, with `k = 4`
# `[0, 1, 2, 3]`.


# %%
def cap_list(ranked, genres, k, cap):
    """The first k, at most cap of a genre where that is possible."""
    ### BEGIN SOLUTION
    kept, passed = [], []
    for item in ranked:
        full = sum(genres[other] == genres[item] for other in kept) >= cap
        (passed if full else kept).append(item)
    return (kept + passed)[:k]
    ### END SOLUTION


check("13.4", cap_list)

# %% [markdown] tags=["solution"]
# **Why it works.** Each item waits only while its genre is full, so the order stays otherwise. **Another way.** Count
# for each item how many of its genre stand before it, and sort stably by `count >= cap`. **Typical mistake.** Cutting
# to `k` first: nothing from further down can come up.

# %% tags=["claim"]
from recsys_teach.system import cap_groups

genres = world.items["genre"].to_numpy()
lists = system.recommend(everybody, 10)  # fetch, rank, re-rank
assert all((cap_groups(row, genres, 10, 2) == chosen).all() for row, chosen in zip(ranked, lists, strict=True))
most = max(np.unique(genres[row], return_counts=True)[1].max() for row in lists)
without, with_rule = (np.mean([len(set(genres[row])) for row in table]) for table in (ranked[:, :10], lists))
claim("Titles of one genre in a list, at most", int(most), below=3)
claim("Genres that the rule adds to a list, on average", float(with_rule - without), above=2)

# %% [markdown]
# ## Tests at the seams
#
# Many defects sit between parts, where a shape fits and a meaning does not. So we test what must hold whatever was
# learned. First a test of your own.
#
# ### Exercise 13.5 · A test that can fail (core, 6 minutes)
#
# Do people who are asked for in another order get the same lists, in that order? Input: `recommend`, a function of user
# positions (n,) that gives lists (n, k); `users`, shape (n,); `order`, a permutation of 0 … n - 1. Output: `True` or
# `False`. Example: users `[5, 3, 8]` get lists A, B, C. With `order = [2, 0, 1]` we ask for `[8, 5, 3]`: C, A, B is
# right; A, B, C again is a defect.


# %%
def keeps_rows_apart(recommend, users, order):
    """Whether each row of the answer belongs to its own user."""
    ### BEGIN SOLUTION
    return np.array_equal(recommend(users[order]), recommend(users)[order])
    ### END SOLUTION


check("13.5", keeps_rows_apart)

# %% [markdown] tags=["solution"]
# **Why it works.** `users[order]` and `lists[order]` move in the same way. **Another way.** Compare row by row:
# `turned[n] == straight[order[n]]`. **Typical mistake.** A test that nothing can fail, such as comparing shapes. Try
# each test on a broken system.

# %% [markdown]
# Now the system. It may read no future and bring back nothing seen, must manage without clicks or history, and can be
# saved: `weights_only=True` loads numbers and runs no code of the file.

# %% tags=["claim"]
order = np.random.default_rng(13).permutation(200)
claim(
    "The rows belong to their users", np.array_equal(system.recommend(order), system.recommend(np.sort(order))[order])
)
claim("No seen item comes back", bool((seen[everybody[:, None], lists].toarray() == 0).all()))
never = np.bincount(items[clicked], minlength=600) == 0
claim("Titles that nobody clicked yet", int(never.sum()), near=78, within=0)
claim("Some of them are recommended", bool(never[lists].sum() > 20))
no_history = (system.histories_ == 600).all(axis=1)
claim("People without a history who get ten titles", int((lists[no_history] >= 0).all(axis=1).sum()), near=58, within=0)
later = np.where(times < 90 * DAY, items, 0)  # another future
other = histories_before((users[clicked], later[clicked], times[clicked]), users, times, 10, 600)
claim("Another future leaves the past alone", bool((rows == other)[times < 90 * DAY].all()))
ends = [parts.behaviour(torch.tensor([row])) for row in ([4, 7, 600], [4, 7, 600, 600, 600])]
claim("More padding changes no state", torch.allclose(*ends, atol=1e-6))

# %%
buffer = io.BytesIO()  # in place of a file
torch.save(parts.state_dict(), buffer)
twin = System(**whole, n_epochs=1, random_state=1).fit(train.take(np.arange(len(train)) % 4 == 0)).read(train)
assert not np.allclose(twin.score(everybody[:5]), system.score(everybody[:5]), atol=0.01)
buffer.seek(0)
twin.parts_.load_state_dict(torch.load(buffer, weights_only=True))
assert np.allclose(twin.score(everybody[:5]), system.score(everybody[:5]), atol=1e-6)

# %% [markdown]
# ## What people get
#
# In the world, `P[u, i]` is the true chance that person u clicks item i; a list is worth the sum of its chances.
#
# ### Exercise 13.6 · What one list gives more than another (core, 7 minutes)
#
# For each user, give the expected clicks of the first list less those of the second. Input: `lists` and `others`, item
# positions, shape (n, k), where -1 is an empty place; `P`, shape (n, n_items). Output: shape (n,). Example: `P = [[.5,
# .1, .3]]`, `lists = [[0, 2]]`, `others = [[1, -1]]`: .5 + .3 - .1 = .7. Use `np.take_along_axis`.


# %%
def gain(lists, others, P):
    """Expected clicks of lists minus those of others, for each user."""
    ### BEGIN SOLUTION
    worth = [np.where(t >= 0, np.take_along_axis(P, np.maximum(t, 0), axis=1), 0).sum(axis=1) for t in (lists, others)]
    return worth[0] - worth[1]
    ### END SOLUTION


check("13.6", gain)

# %% [markdown] tags=["solution"]
# **Why it works.** Clicks are counted, and an expected count is a sum of chances. **Another way.** A column of zeros
# behind `P`: position -1 finds it. **Typical mistake.** Taking position -1 for what it says: the last item.

# %% [markdown]
# Beside the system we put popularity, the interest model alone, and the truth, which ranks by the true utility: no list
# can be worth more. The log's judge is nDCG@10 on what was clicked from day 180 on.

# %% tags=["claim"]
P = world.truth.click_probability(everybody)
true_utility = P * (1 + world.truth.finish_given_click(everybody) + world.truth.like_given_click(everybody))
tables = {"whole": lists, "interest alone": fetched[:, :10]}
tables["popularity"] = rank_unseen(Popularity().fit(train.take(clicked)).score, everybody, 10, seen)
tables["truth"] = rank_unseen(lambda users: true_utility[users], everybody, 10, seen)
wanted = test.take(test.log["click"].to_numpy(dtype=bool)).matrix()
some = np.flatnonzero(np.diff(wanted.indptr))  # who clicked later
clicks_of = {name: np.take_along_axis(P, t, axis=1).sum(axis=1) for name, t in tables.items()}  # (1000,) each
result = pd.DataFrame({"clicks": {name: clicks.mean() for name, clicks in clicks_of.items()}})
result["utility"] = [np.take_along_axis(true_utility, t, axis=1).sum(axis=1).mean() for t in tables.values()]
result["nDCG@10 on the log"] = [ndcg_at_k(t[some], wanted[some]).mean() for t in tables.values()]
shown = result.assign(**{c: (100 * result[c] / result.loc["truth", c]).round() for c in ("clicks", "utility")})
print("clicks and utility in % of the truth's\n", shown.round(2))
reveal("P13.1", {name: tuple(result.loc[name, ["nDCG@10 on the log", "clicks"]]) for name in ("whole", "popularity")})

# %% [markdown]
# The two judges disagree, and the log even puts popularity before the truth. Both are right. The log holds clicks on
# what the *old* service showed, mostly popular titles, so nDCG rewards guessing what was shown. What people would click
# is another question, and a real service needs an experiment to ask it.

# %% tags=["claim"]
log_judge, clicks_judge = result["nDCG@10 on the log"], result["clicks"]
claim(
    "On the log popularity beats the system, and the truth",
    log_judge["popularity"] > log_judge[["whole", "truth"]].max(),
)
claim("Clicks of the system in multiples of popularity's", float(clicks_judge["whole"] / clicks_judge["popularity"]),
      near=1.9, within=0.2)  # fmt: skip
low, _ = bootstrap_interval(clicks_of["whole"] - clicks_of["interest alone"])
claim("Lower end of the paired interval, clicks of the system less those of the interest alone", low, above=0.1)

# %% [markdown]
# ## Take it apart
#
# An **ablation** leaves out one part and trains again. These runs over five worlds were **saved** by
# `benchmarks/long_run_13.py`. Each world gives a paired difference to the whole system, with a bootstrap interval over
# its 1,000 people. The single task has wider experts, and so as many parameters.
#
# Which part is worth most to people, in utility?

# %%
saved = pd.read_csv(REPOSITORY / "datasets" / "long_runs" / "13_ablation.csv")
worlds = saved[saved["data"] == "world"].set_index("model")
left_out = ["without re-ranking", "without behaviour", "single task", "without features", "popularity"]
fig, ax = new_axes(width=8, height=3.8)
for y, name in enumerate(left_out[::-1]):
    rows_of = worlds.loc[name].query("metric == 'utility'")
    for n, run in enumerate(rows_of.itertuples()):
        ax.plot([run.low, run.high], [y + (n - 2) / 8] * 2, color=BLUE)
        ax.plot(run.difference, y + (n - 2) / 8, "o", color=BLUE, markersize=4)
ax.axvline(0, color=BLACK, linewidth=1)
ax.set(yticks=range(5), xlabel="utility of ten titles, less that of the whole system")
ax.set_yticklabels(left_out[::-1])
show(
    fig,
    caption="What is lost without a part; saved runs, five worlds.",
    alt="Interval chart with five rows of five short intervals of the difference in utility to the whole system. "
    "Without re-ranking lies right of zero, without behaviour near zero, the others left, popularity farthest.",
)

# %% tags=["claim"]
by_world = worlds.reset_index().pivot_table(index="seed", columns=["metric", "model"], values="difference")
error = 2.776 * by_world.std() / np.sqrt(5)  # Student's t for five worlds
for metric in ("clicks", "utility"):
    mean, half = by_world[metric].mean()[left_out], error[metric][left_out]
    print(pd.DataFrame({f"{metric}: mean": mean, "low": mean - half, "high": mean + half}).round(2))
lost = by_world["utility"]
claim("Utility that re-ranking costs, mean", float(lost["without re-ranking"].mean()), near=1.2, within=0.1)
whole_of = worlds.query("metric == 'utility'").pivot_table(index="seed", columns="model", values="value")
claim(
    "Utility of popularity as a share of the system's, most",
    (whole_of["popularity"] / whole_of["whole"]).max(),
    below=0.5,
)
claim("Genres that it adds to ten titles, mean", -float(by_world["genres"]["without re-ranking"].mean()), above=2)
claim("Worlds of five where features add utility", int((lost["without features"] < -1).sum()), near=5, within=0)
claim("Without behaviour: largest difference in a world", float(lost["without behaviour"].abs().max()), below=0.2)
claim("Its sign is not the same in all worlds", len(set(np.sign(lost["without behaviour"]))) == 2)
claim("Utility of the single task, median of five worlds", float(lost["single task"].median()), below=0)
claim("The same in its worst world", float(lost["single task"].min()), below=-1)
ndcg = worlds.query("metric == 'nDCG@10'").pivot_table(index="seed", columns="model", values="value")
before = {name: int((ndcg["popularity"] > ndcg[name]).sum()) for name in ("truth", "whole")}
claim("Worlds where the log puts popularity before the truth", before["truth"], near=4, within=0)
claim("And before the system", before["whole"], near=3, within=0)

# %% [markdown]
# - **Features** are worth most: ids with few clicks know little.
# - **Re-ranking** costs utility, which does not know that people tire of a genre. Variety has to be wanted.
# - **One task** alone gives less utility in most worlds: what follows a click was never asked. In the worst world its
#   one head *died*: all its ReLUs stayed at 0, every title got one number, and the list is the interest model's order.
# - **Behaviour** adds nothing that we can tell from 0. The interval over the people of one world may exclude 0, and
#   that of the next lie on the other side: it knows the luck of who came, not that of the training. And this world's
#   clicks do not depend on order; the law of chapter 08 moves what is *shown*.
#
# The log preferred popularity in three of the five worlds; under the truth it had less than half in each.
#
# ## Real people: MovieLens-100K
#
# Nobody noted what MovieLens showed: every row is a rating. Two heads remain, the rating and the like (four stars or
# more), both *given that somebody rates*. The chance of that comes from the interest
# model, in the place of the click: utility $= P(i \mid u) \, (1 + P(\text{like}))$. The last fifth of the log is the
# test part.

# %%
ml = movielens.load()
bands = pd.cut(ml.users["age"], [0, 17, 24, 34, 44, 54, 120]).astype(str)
log = ml.log.assign(like=(ml.log["rating"] >= 4).astype(int))
split = split_global_time(Interactions(log, ml.user_ids, ml.item_ids, ml.users.assign(age_band=bands), ml.items))
films = System(
    {"rating": "regression", "like": "binary"}, gate=None, weights={"like": 1.0}, temperature=0.1, n_epochs=1,
    user_columns=["gender", "occupation", "age_band"], item_columns=["genres"], batch_size=1024,
).fit(split.train)  # fmt: skip
hits = split.test.matrix()
ml_users = np.flatnonzero(np.diff(hits.indptr))
every = np.arange(split.train.n_items)
by_like = rank_unseen(lambda users: films.outputs(users, np.tile(every, (len(users), 1)))["like"], ml_users, 10,
                      split.train.matrix())  # fmt: skip
by_utility = films.recommend(ml_users, 10)

# %% [markdown]
# One epoch trains here; the saved runs have three.

# %% tags=["claim"]
measured = {name: ndcg_at_k(table, hits[ml_users]).mean() for name, table in
            {"utility": by_utility, "like alone": by_like}.items()}  # fmt: skip
claim(
    "nDCG@10 by P(like) alone, as a share of that by utility", measured["like alone"] / measured["utility"], below=0.7
)
five = saved[saved["data"] == "ml-100k"].pivot_table(index="seed", columns="model", values="value")
print(five.agg(["mean", "std"]).T.round(3))
claim("Saved: nDCG@10 by utility, mean", float(five["whole"].mean()), near=0.36, within=0.02)
claim("Saved: by P(like) alone, mean", float(five["like alone"].mean()), below=0.25)
claim("Saved: utility less interest alone, mean", float((five["whole"] - five["interest alone"]).mean()), below=0.015)
claim("Saved: whole less that without behaviour, mean", float((five["whole"] - five["without behaviour"]).mean()),
      near=0, within=0.01)  # fmt: skip

# %% [markdown]
# A head that learned from rated films says how much somebody likes what they *rate*, and puts films first that hardly
# anybody opens: the chain needs its first link. Otherwise the like and the behaviour change little here.
#
# ## What goes wrong
#
# - **A leak through the history.** Strictly before, or not at all.
# - **Places for positions.** Each stage hands on positions of the catalogue.
# - **Old logs as judges of new lists.** They know what was shown.
#
# ## Recap
#
# - **O13.1:** you joined three heads by a chain and weights that somebody has to choose.
# - **O13.2:** you gave each impression its history, strictly before.
# - **O13.3:** you fetched, ranked and re-ranked, in positions of the catalogue.
# - **O13.4:** you wrote a test that fails where it should, and ran the others.
# - **O13.5:** you took the system apart, and saw that two judges may disagree.
#
# Five questions: write one letter for each, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "a", "c", "b", "c"]
### END SOLUTION
quiz("13", answers)
progress("13")

# %% [markdown]
# ## Further reading
#
# - Covington, Adams, Sargin (2016), *Deep Neural Networks for YouTube Recommendations*: two stages at scale.
# - Zhao et al. (2019), *Recommending What Video to Watch Next: A Multitask Ranking System*: many heads, one utility.
# - Steck (2018), *Calibrated Recommendations*: beyond a cap.
# - Sculley et al. (2015), *Hidden Technical Debt in Machine Learning Systems*.
#
# **Next.** Chapter 14 meets people and titles of whom nothing is known.
