# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "03"
#     minutes: {reading: 20, doing: 40}
# ---

# %% [markdown]
# # 03 · Measuring honestly
#
# Mara runs a small streaming service and has to choose between two recommenders. One team reports a hit rate of .71,
# the other .23, on the same data. Both are right, and among all films the second model finds more. In this notebook we
# find out how that can be, and what to ask before a number decides.
#
# ## What you will be able to do
#
# - **O3.1** Compute precision, recall and nDCG of a list
# - **O3.2** Put an interval around a mean, and compare two models on the same people
# - **O3.3** Find what a split leaks
# - **O3.4** Compute what sampled negatives do to a rank
#
# You need chapter 01; of the models, the names are enough.

# %%
from itertools import permutations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import hypergeom

from recsys_teach.data import movielens, split_global_time, split_per_user, split_per_user_time
from recsys_teach.data.world import load_world
from recsys_teach.evaluation import evaluate, result_table
from recsys_teach.figures import BLACK, BLUE, MODEL_STYLES, VERMILION, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, predict, progress, quiz, reveal
from recsys_teach.models import EASE, DampedBiases, ItemKNN, Popularity, PureSVD

# %% [markdown]
# ## Predict first
#
# **nDCG@10** says from 0 to 1 how good ten places are. ItemKNN stands in chapter 02, PureSVD in 04, EASE in 06. Write
# your letter in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "c"
### END SOLUTION
predict("P3.1", guess)

# %% [markdown]
# ## By hand: one list, six numbers
#
# Noor is new, and four films are **relevant** to her: she will like them. A list of $k = 5$ places finds three of them,
# at places 1, 3 and 5. We write $h_p$ (`hits`) for 1 if place $p$ holds a relevant film, else 0, and $q$
# (`n_relevant`) for the number of relevant films.
#
# - **Precision@k**, $\sum_p h_p / k$: how many places were well used.
# - **Recall@k**, $\sum_p h_p / q$: how much of what is relevant was found.
# - **Hit rate@k**: 1 if there is any hit, else 0; averaged over people.
# - **MRR@k**, *mean reciprocal rank*: one over the place of the first hit, or 0; averaged.
# - **MAP@k**, *mean average precision*: the precision up to each hit, added up and divided by $\min(k, q)$; averaged.
#   Some libraries divide by the hits found, so ask.

# %%
hits, n_relevant = np.array([1, 0, 1, 0, 1]), 4
k = len(hits)
first_hit, precisions, n_hits = 0, 0, 0
for place in range(1, k + 1):
    if hits[place - 1]:
        n_hits += 1
        first_hit = first_hit or place
        precisions += n_hits / place
reciprocal = 1 / first_hit if first_hit else 0
average_precision = precisions / min(k, n_relevant)

places = np.arange(1, k + 1)  # the same without a loop
assert reciprocal == (hits / places).max()
assert np.isclose(average_precision, (np.cumsum(hits) / places * hits).sum() / min(k, n_relevant))
print(f"hit rate {int(n_hits > 0)}, MRR {reciprocal:.2f}, MAP {average_precision:.3f}")

# %% [markdown]
# MAP added $1/1 + 2/3 + 3/5$ and divided by 4. The other two are yours.
#
# ### Exercise 3.1 · Precision and recall (warm-up, 3 minutes)
#
# Input: `hits`, shape (k,), zeros and ones, and `n_relevant`, at least 1 and never less than the hits. Output: two
# numbers, precision first. Example: `hits = [1, 0, 1, 0, 1]` and `n_relevant = 4` give `0.6, 0.75`.


# %%
def precision_recall(hits, n_relevant):
    """Precision and recall of one list."""
    ### BEGIN SOLUTION
    return hits.sum() / len(hits), hits.sum() / n_relevant
    ### END SOLUTION


check("3.1", precision_recall)

# %% [markdown] tags=["solution"]
# **Why it works.** One count, divided by what was offered and by what there was. **Another way.** `hits.mean()` is the
# precision. **Typical mistake.** Dividing both by `k`.

# %% [markdown]
# Three of the five forget the order. **nDCG@k**, the normalized discounted cumulative gain, lets a hit at place $p$
# gain $1 / \log_2(p + 1)$ and divides by the gain of the best possible list:
#
# $$\text{nDCG@}k = \frac{\sum_{p=1}^{k} h_p / \log_2(p + 1)}{\sum_{p=1}^{\min(k, q)} 1 / \log_2(p + 1)}$$
#
# ### Exercise 3.2 · nDCG of a list (core, 8 minutes)
#
# Input and contract as before; output: one number. Example: `hits = [1, 0, 1, 0, 1]` gains $1 + 1/2 + .387$. If
# `n_relevant = 3`, the best list gains $1 + .631 + 1/2$, and nDCG@5 is .8855.


# %%
def ndcg(hits, n_relevant):
    """Normalized discounted cumulative gain of one list."""
    ### BEGIN SOLUTION
    discounts = 1 / np.log2(np.arange(1, len(hits) + 1) + 1)  # (k,)
    return (hits * discounts).sum() / discounts[:n_relevant].sum()
    ### END SOLUTION


check("3.2", ndcg)

# %% [markdown] tags=["solution"]
# **Why it works.** A slice ends where the array ends, so `[:n_relevant]` is $\min(k, q)$ places. **Another way.** Any
# base of the logarithm, for it cancels. **Typical mistake.** A best list made of the hits that were found: then one
# film of ten, at place 1, is perfect.

# %% [markdown]
# The package measures all people at once: `ranked` holds item positions, shape (n_users, k), and a sparse `relevant` of
# shape (n_users, n_items) stores what is relevant to whom. Who has nothing to find gets NaN. Here is Noor beside
# somebody to whom only film 6 is relevant:

# %%
from recsys_teach.evaluation import hit_rate_at_k, map_at_k, mrr_at_k, ndcg_at_k, precision_at_k, recall_at_k

ranked = np.array([[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]])
relevant = sparse.csr_array(np.array([[1, 0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1]]))
measures = [precision_at_k, recall_at_k, hit_rate_at_k, mrr_at_k, map_at_k, ndcg_at_k]
table = pd.DataFrame({measure.__name__: measure(ranked, relevant) for measure in measures}, index=["Noor", "other"])
assert np.allclose(table.loc["Noor"].iloc[2:5], [1, reciprocal, average_precision])  # loop and package agree
table.round(3)

# %% [markdown]
# ### Ties
#
# The five people of chapter 01 gave *Chase* and *Heist* three likes each, *Waltz* and *Letter* two. Omar is new and
# will like *Heist* alone. The order within a tie is an accident, and nDCG@1 is 0 or 1.
#
# McSherry and Najork (2008) take the mean over all orders, and need not list them: films with one score share the mean
# discount of the places that they fill, which is 0 beyond $k$. *Chase* and *Heist* fill places 1 and 2: with $k = 1$
# each gets $(1 + 0) / 2$.

# %% tags=["claim"]
from recsys_teach.evaluation import tied_ndcg_at_k

R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]])
likes = (R >= 4).sum(axis=0)  # (4,)
omar = sparse.csr_array(np.array([[0, 1, 0, 0]]))
orders = [order for order in permutations(range(4)) if (np.diff(likes[list(order)]) <= 0).all()]
each = [float(ndcg_at_k(np.array([order[:1]]), omar)[0]) for order in orders]
shared = tied_ndcg_at_k(likes[None], omar, k=1)[0]
print("orders that fit:", len(orders), " nDCG@1 of each:", each)
claim("Tie-averaged nDCG@1 equals the mean over all orders", bool(np.isclose(shared, np.mean(each))))
claim("Tie-averaged nDCG@1 of popularity for Omar", shared, near=0.5, within=1e-9)

# %% [markdown]
# The course's `evaluate` breaks ties by the order of the catalog, which will matter soon.
#
# ## Where the truth is known: how sure is a mean?
#
# Mara can ask 100 people; the world can ask everybody who has hidden clicks. Their mean nDCG@10 is the truth.

# %%
world = load_world()
split = split_per_user(world.clicks())
factors = evaluate(PureSVD(8).fit(split.train).score, split, name="PureSVD")
popular = evaluate(Popularity().fit(split.train).score, split, name="popularity")
a, b = factors.per_user["nDCG@10"].to_numpy(), popular.per_user["nDCG@10"].to_numpy()  # both (n_users,)
print(f"everybody, {len(a)} people: PureSVD {a.mean():.3f}, popularity {b.mean():.3f}")

# %% [markdown]
# The **bootstrap** (Efron 1979) asks how far a mean would move with other people, by drawing groups from those there
# are. Each group is as large as the sample, and somebody may come twice. The middle 95 % of the groups' means is the
# **95 % interval**.
#
# ### Exercise 3.3 · Bootstrap interval (core, 8 minutes)
#
# Input: `values`, shape (n,), one number a person, and `drawn`, shape (n_samples, n), whose rows are groups of
# positions in `values`. Output: low and high, the quantiles `0.025` and `0.975` (`np.quantile`) of the groups' means.
# Example: `values = [2, 4]`, `drawn = [[0, 0], [0, 1], [1, 0], [1, 1]]` has the means `[2, 3, 3, 4]` and gives
# `2.075, 3.925`.


# %%
def bootstrap(values, drawn):
    """95 % percentile interval of the mean."""
    ### BEGIN SOLUTION
    means = values[drawn].mean(axis=1)  # (n_samples,)
    low, high = np.quantile(means, [0.025, 0.975])
    return low, high
    ### END SOLUTION


check("3.3", bootstrap)

# %% [markdown] tags=["solution"]
# **Why it works.** Drawing from the sample imitates drawing new people. **Another way.** Count how often each person
# was drawn: the means are `counts @ values / n`, as in the package. **Typical mistake.** Quantiles of the people: those
# do not narrow with more people.

# %% [markdown]
# Does it hold what it promises? We send Mara out 200 times.

# %% tags=["claim"]
from recsys_teach.evaluation import bootstrap_interval

rng = np.random.default_rng(0)
asked = rng.choice(len(a), size=(200, 100))  # 200 surveys of 100 people
of_a, of_b, of_difference = (
    np.array([bootstrap_interval(values[people]) for people in asked]) for values in (a, b, a - b)
)  # each (200, 2): low, high
held = ((of_a[:, 0] <= a.mean()) & (a.mean() <= of_a[:, 1])).mean()
claim("Share of the intervals that hold the true mean", held, near=0.955, within=0.04)

# %% [markdown]
# How many of 60 intervals do you expect to miss the dashed line, the truth?

# %% tags=["figure"]
fig, ax = new_axes(height=3.8)
for survey, (low, high) in enumerate(of_a[:60]):
    missed = not low <= a.mean() <= high
    ax.plot([survey, survey], [low, high], color=VERMILION if missed else BLUE, linewidth=4 if missed else 2)
ax.axhline(a.mean(), color=BLACK, linestyle="--")
ax.text(60, a.mean(), "truth", va="bottom")
ax.set(xlabel="survey of 100 people", ylabel="nDCG@10 of PureSVD", xlim=(-1, 66), ylim=(0, 0.3))
show(
    fig,
    caption="Sixty surveys, sixty intervals; thick ones miss the truth.",
    alt="Sixty vertical bars, one for each survey of a hundred people, show 95 percent intervals of nDCG at 10. "
    "Nearly all cross the dashed line of the true mean; the few thick ones miss it.",
)

# %% [markdown]
# You expect 3; here 2 of 60 miss, and 9 of all 200: about one in twenty, as promised. The interval covers the luck of
# *which people came*, and knows nothing of another split or season.
#
# ### Exercise 3.4 · Paired difference (core, 6 minutes)
#
# Which model is better? Somebody who is hard for one is often hard for the other, so look at the difference for each
# person. Input: `a` and `b`, shape (n,), two models' values for the same people, and `drawn` as before. Output: the
# mean of a - b, then low and high of its interval (call `bootstrap`, or use `np.quantile` here). Example:
# `a = [0.9, 0.2]`, `b = [0.8, 0.1]` gives `0.1, 0.1, 0.1` for any draw.


# %%
def paired(a, b, drawn):
    """Mean difference over the same people and its 95 % interval."""
    ### BEGIN SOLUTION
    difference = a - b
    low, high = np.quantile(difference[drawn].mean(axis=1), [0.025, 0.975])
    return difference.mean(), low, high
    ### END SOLUTION


check("3.4", paired)

# %% [markdown] tags=["solution"]
# **Why it works.** What both models share in a person cancels before anything is drawn. **Another way.** Draw once and
# subtract the two means of each group. **Typical mistake.** Asking whether the two intervals overlap.

# %% [markdown]
# In the world PureSVD *is* better than popularity. In what share of the surveys do two separate intervals see that, and
# in what share the interval of the difference?

# %% tags=["claim"]
apart = (of_a[:, 0] > of_b[:, 1]).mean()
seen_in_pairs = (of_difference[:, 0] > 0).mean()
claim("Share of surveys in which two separate intervals do not touch", apart, near=0.135, within=0.1)
claim("Share of surveys in which the paired interval lies above 0", seen_in_pairs, near=0.525, within=0.1)

# %% [markdown]
# Separate intervals see it in 14 % of the surveys, pairs in 52 %. A hundred people are still few: in nearly half even
# pairing says "not sure", which is not "no difference".
#
# A good place to stop: *Run All Above Selected Cell* in the *Run* menu brings you back.
#
# ## Real people: which question does a split ask?
#
# - **Per-user random** (`split_per_user`): a random fifth of each person's events. Can the model fill gaps?
# - **Per-user time** (`split_per_user_time`): each person's latest fifth; or the last event alone (`split_last_out`).
#   What comes next for a known person?
# - **Global time** (`split_global_time`): the latest fifth of the log. What if we had gone live at that moment?
#
# A split **leaks** if the model learns from something that happened after an event it is tested on: nobody can do that
# in use. Random leaks a person's own future. Per-user time leaks the future of others: one person's latest events may
# lie before another's first. Only global time leaks nothing, and there newcomers appear.
#
# ### Exercise 3.5 · Two of these leak (core, 4 minutes)
#
# Mara's `log` has the columns `user`, `item` and `time`, sorted by `time`, without ties. The
# model learns from `train` and, where it stands there, from `popularity`. Output: a list of two letters. Example: if a
# and b leaked, `["a", "b"]`.
#
# ```python
# # a
# train, test = log[:80_000], log[80_000:]
#
# # b
# test = log.groupby("user").tail(1)
# train = log.drop(test.index)
#
# # c
# popularity = log["item"].value_counts()
# train, test = log[:80_000], log[80_000:]
#
# # d
# train, validation, test = log[:70_000], log[70_000:80_000], log[80_000:]
# popularity = train["item"].value_counts()
# ```

# %%
### BEGIN SOLUTION
leaking = ["b", "c"]
### END SOLUTION
check("3.5", leaking)

# %% [markdown] tags=["solution"]
# **Why it works.** In b, Ada's last event may be of May while Ben's training runs on to December; in c, the popularity
# counts the test part. **Another way.** Compare the latest time learned from with the earliest tested.
# **Typical mistake.** Looking at the split alone: features leak as well.

# %% [markdown]
# Now four models under three of these splits. `evaluate` ranks all items that a person has not met in training.

# %%
ml = movielens.load()
splits = {"random": split_per_user(ml), "per-user time": split_per_user_time(ml), "global time": split_global_time(ml)}


def fitted(train):
    models = {"popularity": Popularity(), "ItemKNN": ItemKNN(), "PureSVD": PureSVD(20), "EASE": EASE()}
    return {name: model.fit(train) for name, model in models.items()}


models = {kind: fitted(split.train) for kind, split in splits.items()}
results = {
    kind: [evaluate(model.score, split, name=name) for name, model in models[kind].items()]
    for kind, split in splits.items()
}
result_table(results["random"])

# %%
result_table(results["global time"])

# %% [markdown]
# Compare your guess. Then: three models fall at each step. Which one ends higher than it began?

# %% tags=["figure"]
means = pd.DataFrame({kind: {r.name: r.mean("nDCG@10") for r in of_kind} for kind, of_kind in results.items()})
reveal("P3.1", means["global time"])
fig, ax = new_axes(height=4.2)
for shift, name in zip([-0.06, -0.02, 0.02, 0.06], means.index, strict=True):
    look = MODEL_STYLES[name]
    ends = np.array([next(r for r in of_kind if r.name == name).interval("nDCG@10") for of_kind in results.values()])
    ax.plot(np.arange(3) + shift, means.loc[name], **look)
    ax.vlines(np.arange(3) + shift, *ends.T, color=look["color"])
for name, height in {"EASE": 0.475, "PureSVD": 0.44, "ItemKNN": 0.39, "popularity": 0.22}.items():
    ax.text(-0.12, height, name, ha="right", va="center")
ax.set(xticks=range(3), xticklabels=means.columns, xlabel="split", ylabel="nDCG@10", xlim=(-0.7, 2.3), ylim=(0, 0.52))
show(
    fig,
    caption="One log, three questions (bars: 95 % intervals).",
    alt="Line chart of nDCG at 10 of four models under three splits. EASE, PureSVD and ItemKNN fall by half and more "
    "from random to time splits; popularity is last in the first two and first under global time.",
)

# %% tags=["claim"]
from recsys_teach.evaluation import paired_difference

by_kind = {kind: {result.name: result for result in of_kind} for kind, of_kind in results.items()}
folds = [split_per_user(ml, random_state=seed) for seed in range(5)]
ease = [evaluate(EASE().fit(fold.train).score, fold, name="EASE").mean("nDCG@10") for fold in folds]
print(means.round(3))
claim("nDCG@10 of EASE, mean of five random splits", np.mean(ease), near=0.45, within=0.01)
claim("nDCG@10 of EASE, per-user time", means.loc["EASE", "per-user time"], near=0.205, within=0.01)
claim("nDCG@10 of EASE, global time", means.loc["EASE", "global time"], near=0.169, within=0.01)
claim("nDCG@10 of popularity, global time", means.loc["popularity", "global time"], near=0.34, within=0.01)
limits = {}
for kind in ["random", "per-user time"]:
    mean, low, high = paired_difference(by_kind[kind]["EASE"], by_kind[kind]["PureSVD"], "nDCG@10")
    limits[kind] = low, high
    print(f"EASE - PureSVD, {kind}: {mean:.3f}, 95 % interval {low:.3f} to {high:.3f}")
claim("Random: the interval lies above 0", limits["random"][0] > 0)
claim("Per-user time: 0 lies inside the interval", limits["per-user time"][0] < 0 < limits["per-user time"][1])

# %% [markdown]
# EASE goes from .45 to .205 to .17: same model, another question. Under per-user time its lead over PureSVD may be
# luck, and under global time popularity wins with .34. The protocol says why: most people tested are new. For them
# three models score every film 0, and a tie decides:

# %% tags=["claim"]
late = splits["global time"]
n_events, n_hidden = (np.diff(part.matrix().indptr) for part in (late.train, late.test))  # both (943,)
tested = np.flatnonzero(n_hidden)  # (301,)
people = pd.DataFrame({name: by_kind["global time"][name].per_user["nDCG@10"] for name in ("EASE", "popularity")})
people["hidden"], people["new"] = n_hidden[tested], n_events[tested] == 0
by_kind_of_person = people.groupby(np.where(people["new"], "newcomers", "with a history"))
kinds = by_kind_of_person[["EASE", "popularity"]].mean().round(3)
print(kinds.assign(people=by_kind_of_person.size(), median_hidden=by_kind_of_person["hidden"].median()))

known = people[~people["new"]]
low, high = bootstrap_interval((known["EASE"] - known["popularity"]).to_numpy())
print(f"EASE - popularity, people with a history: 95 % interval {low:.3f} to {high:.3f}")
claim("With a history, 0 lies inside the interval", low < 0 < high)
newcomers = tested[people["new"]]
scores = models["global time"]["EASE"].score(newcomers)  # (192, 1682), all 0
by_catalog = people.loc[people["new"], "EASE"].mean()
tie_averaged = tied_ndcg_at_k(scores, late.test.matrix()[newcomers], k=10).mean()
claim("Newcomers among the people tested", len(newcomers), near=192)
claim("EASE for newcomers, ties by the order of the catalog", by_catalog, near=0.166, within=0.01)
claim("EASE for newcomers, tie-averaged: pure chance", tie_averaged, near=0.053, within=0.01)

# %% [markdown]
# Newcomers are 192 of 301 people, half of them with 58 hidden ratings or more, so popular films hit often: .45. Low ids
# happen to be popular, too: the order of the catalog gives EASE .166, three times what chance does. For the 109 with
# a history EASE has .17 and popularity .15, and the interval of the difference holds 0. One average hid two kinds of
# people.
#
# ## Sampled negatives: a warning
#
# To save time, some papers rank each hidden item among 99 drawn at random. How much does that flatter?
#
# ### Exercise 3.6 · Expected sampled rank (core, 6 minutes)
#
# An item stands at `rank` among `n_items`, itself included. We draw `n_negatives` of the others, each at most once, and
# rank the item among those. Output: its expected rank. Example: third of 5, with 2 drawn: two of the four others are
# better, so each drawn one is with chance 1/2, and the rank is $1 + 2 \cdot 1/2 = 2$.


# %%
def sampled_rank(rank, n_items, n_negatives):
    """Expected rank among n_negatives others, drawn without replacement."""
    ### BEGIN SOLUTION
    return 1 + n_negatives * (rank - 1) / (n_items - 1)
    ### END SOLUTION


check("3.6", sampled_rank)

# %% [markdown] tags=["solution"]
# **Why it works.** Expectations add up, even if draws depend on each other. **Another way.**
# `1 + hypergeom(n_items - 1, rank - 1, n_negatives).mean()`. **Typical mistake.** Forgetting the item's own place.

# %% [markdown]
# The number of better items among those drawn follows the **hypergeometric distribution** (draws without replacement),
# so the chance of a hit is known exactly. How far down may a film stand and still count?

# %% tags=["claim"]
ranks = np.arange(1, 401)
chance = hypergeom.cdf(9, 1681, ranks - 1, 99)  # at most 9 better ones among 99 drawn from 1,681
claim("Last rank with a chance above one half", ranks[chance > 0.5].max(), near=164)
claim("Chance that the 101st of 1,682 films is a sampled top-10 hit", chance[100], near=0.9356, within=0.0001)

fig, ax = new_axes(height=3.6)
ax.step(ranks, ranks <= 10, where="mid", color=BLACK, linestyle="--")
ax.plot(ranks, chance, color=BLUE)
ax.text(18, 0.08, "all films ranked")
ax.text(190, 0.5, "99 sampled films")
ax.set(xlabel="true rank among 1,682 films", ylabel="chance of a top-10 hit")
show(
    fig,
    caption="What counts as a hit among the first ten.",
    alt="Line chart of hit chance against true rank, 1 to 400. The dashed step (all films) ends at 10. The solid "
    "curve for 99 sampled stays near one until rank 80, passes half at 164, and nears zero at 300.",
)

# %% [markdown]
# Rank 101 is a hit with chance .9356; down to rank 164 of 1,682, about the first tenth, the chance is above one half.
# A model good at that need not be good at ten places.
#
# So, 20 or 150 neighbors for ItemKNN? We rank each hidden film alone among those that the person has not rated, ties
# by chance. That gives its full hit rate, and by the formula the expected sampled one.
#
# Careful: in the tables above (.93 for ItemKNN) a person counts once, and any film is enough. Here each hidden film
# counts, and must alone reach the first ten.


# %%
def event_ranks(scores, split, rng):
    seen, hidden = split.train.matrix(), split.test.matrix()
    scores = scores + 1e-9 * rng.random(scores.shape)  # ties by chance
    ranks, n_rivals = [], []
    for u in range(len(scores)):
        wanted, met = (m.indices[m.indptr[u] : m.indptr[u + 1]] for m in (hidden, seen))
        rivals = np.delete(scores[u], np.concatenate([wanted, met]))
        ranks += [1 + (rivals > scores[u, i]).sum() for i in wanted]
        n_rivals += [len(rivals)] * len(wanted)
    return np.array(ranks), np.array(n_rivals)  # both (n_hidden,)


# %% tags=["claim"]
rows = []
for seed, fold in enumerate(folds):
    row = {}
    for n_neighbors in (20, 150):
        scores = ItemKNN(n_neighbors).fit(fold.train).score(np.arange(ml.n_users))
        ranks, n_rivals = event_ranks(scores, fold, np.random.default_rng(seed))
        row[f"all films, {n_neighbors}"] = (ranks <= 10).mean()
        row[f"99 sampled, {n_neighbors}"] = hypergeom.cdf(9, n_rivals, ranks - 1, 99).mean()
    rows.append(row)
rates = pd.DataFrame(rows)
print(rates.agg(["mean", "min", "max"]).T.round(3))
claim("All films: 150 neighbors win in each split", bool((rates["all films, 150"] > rates["all films, 20"]).all()))
claim("99 sampled: 20 win in each split", bool((rates["99 sampled, 20"] > rates["99 sampled, 150"]).all()))
of_people = by_kind["random"]["ItemKNN"].mean("hit rate@10")
claim("Hit rate@10 of ItemKNN where a person counts once", of_people, near=0.932, within=0.01)
claim("Hit rate@10 among all films, 150 neighbors", rates["all films, 150"].mean(), near=0.227, within=0.01)
claim("Hit rate@10 among all films, 20 neighbors", rates["all films, 20"].mean(), near=0.216, within=0.01)
claim("Hit rate@10 among 99 sampled films, 20 neighbors", rates["99 sampled, 20"].mean(), near=0.71, within=0.01)

# %% [markdown]
# The winner changes in each of five splits, and no luck of the draw is in it: these are expectations. In an example of
# Krichene and Rendle (2020), one of 10,000 items is wanted in each of five cases. Three models rank it:

# %% tags=["claim"]
cases = {
    "A": [100, 100, 100, 100, 100],
    "B": [40, 40, 8437, 9266, 4482],
    "C": [212, 2, 743, 5342, 1548],
}
better = np.arange(100)  # better items among 99 drawn
toy = pd.DataFrame({"all items": {name: np.mean(1 / np.array(ranks)) for name, ranks in cases.items()}})
toy["99 sampled"] = [
    np.mean([hypergeom.pmf(better, 9999, rank - 1, 99) @ (1 / (better + 1)) for rank in ranks])
    for ranks in cases.values()
]
print(toy.round(3))
claim("C is best among all items, in multiples of A", toy.loc["C", "all items"] / toy.loc["A", "all items"], above=9)
claim("A is best beside 99 sampled items, in multiples of C", toy.loc["A"].iloc[1] / toy.loc["C"].iloc[1], above=1.8)

# %% [markdown]
# With one relevant item MAP is one over the rank. C is ten times as good as A, and half as good when sampled.
#
# ## What an average hides
#
# A better nDCG says nothing about what a model shows: the **coverage** of the catalog, the Gini coefficient of how
# often each film is shown, and the **novelty**, the mean of $-\log_2(\text{share of people who met the film})$, in
# bits. By hand, for two lists from five films:

# %%
from recsys_teach.evaluation import coverage, gini, novelty, recommended_gini, rmse

two_lists, n_met = np.array([[0, 1], [0, 2]]), np.array([4, 2, 1, 1, 1])  # met by so many of 4 people
times_shown = np.bincount(two_lists.ravel(), minlength=5)  # [2, 1, 1, 0, 0]
assert coverage(two_lists, 5) == (times_shown > 0).mean()
assert np.isclose(recommended_gini(two_lists, 5), gini(times_shown))
assert np.isclose(novelty(two_lists, n_met, 4), -np.log2(n_met[two_lists] / 4).mean())
print(f"times shown {times_shown}: coverage {coverage(two_lists, 5):.1f}, Gini {gini(times_shown):.2f}")
print(f"novelty {novelty(two_lists, n_met, 4):.2f} bits")

# %% [markdown]
# And predicted ratings have two **RMSEs** (root of the mean squared error, in stars): over all ratings, where busy
# people count more, or per person and then averaged.

# %% tags=["claim"]
pooled, per_person = [], []
for fold in folds:
    hidden = fold.test
    predicted = DampedBiases().fit(fold.train).predict(hidden.user_pos, hidden.item_pos)
    pooled.append(rmse(hidden.log["rating"], predicted))
    squared = pd.Series((hidden.log["rating"].to_numpy() - predicted) ** 2)
    per_person.append(np.sqrt(squared.groupby(hidden.user_pos).mean()).mean())
claim("RMSE over all ratings, mean of five random splits", np.mean(pooled), near=0.94, within=0.005)
claim("The same predictions, RMSE per person, then averaged", np.mean(per_person), near=0.93, within=0.005)

popularity = np.bincount(splits["random"].train.item_pos, minlength=ml.n_items)  # (1682,)
lists = {name: model.recommend(np.arange(ml.n_users)) for name, model in models["random"].items()}
beyond = pd.DataFrame(
    {
        "coverage": {name: coverage(ranked, ml.n_items) for name, ranked in lists.items()},
        "Gini": {name: recommended_gini(ranked, ml.n_items) for name, ranked in lists.items()},
        "novelty": {name: novelty(ranked, popularity, ml.n_users) for name, ranked in lists.items()},
    }
)
print(beyond.round(2))
claim("PureSVD shows more of the catalog than EASE, which ranks better", beyond["coverage"].idxmax() == "PureSVD")

# %% [markdown]
# > **Reading the source critically.** The two articles that this course grew from recommend families of models and
# > measure nothing at all. Would a number have settled it? Not without its protocol:

# %%
try:
    result_table([by_kind["random"]["EASE"], by_kind["global time"]["popularity"]])
except ValueError as error:
    print(error)

# %% [markdown]
# > The package refuses to compare the two. The correct statement: a claim about a recommender names the split, the
# > candidates, what a hit is, over what the mean is taken (people or hidden films), who was left out, the metric with
# > its k, and an interval. Mara's .71 was ItemKNN with 20 neighbors beside 99 films, her .23 the better one with 150,
# > beside all (.227 against .216).
#
# ## What goes wrong
#
# - **Choosing on the test part.** Tune on a third part, as d does in exercise 3.5.
# - **People left out.** Who has nothing to find is not in the mean: count them.
#
# ## Recap
#
# - **O3.1:** you wrote precision, recall and nDCG, followed the code for three more metrics and for ties, and saw
#   averages hide newcomers and busy people.
# - **O3.2:** you put an interval around a mean and saw what pairing gains.
# - **O3.3:** you saw which question each split asks, and found two leaks.
# - **O3.4:** you computed what 99 sampled films do to a rank, and saw the winner change.
#
# Five questions, one letter each, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "c", "a", "b", "c"]
### END SOLUTION
quiz("03", answers)
progress("03")

# %% [markdown]
# ## Further reading
#
# - Krichene, Rendle (2020), *On Sampled Metrics for Item Recommendation*.
# - McSherry, Najork (2008), *Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied
#   Scores*.
# - Efron, Tibshirani (1993), *An Introduction to the Bootstrap*.
#
# **Next.** Chapter 04 finds the few directions that explain most of the matrix.
