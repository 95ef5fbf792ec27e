# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "10"
#     minutes: {reading: 20, doing: 45}
# ---

# %% [markdown]
# # 10 · Item features and two towers: the interest model
#
# Ines looks after the new titles of a streaming service. *Harbour* came out this morning: crime and drama, clicked by
# nobody. Who should see it? EASE and the SVD have no answer: its column is empty. In this notebook we build a model
# that reads **features**, and that finds the best of very many items quickly.
#
# ## What you will be able to do
#
# - **O10.1** Cross features by inner products, and sum all crosses without a double loop
# - **O10.2** Write the in-batch softmax of two towers, and say what the temperature does
# - **O10.3** Correct that loss for popularity, and measure which log-odds it then learns
# - **O10.4** Score an item that nobody has met from its features, and test it against chance
# - **O10.5** Retrieve the best items by inner product, exactly and from an inverted file, and measure the recall
#
# You need logarithms, the softmax of chapter 07, and chapters 03, 04 and 06.

# %%
import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from torch.nn import functional as F

from recsys_teach import movielens
from recsys_teach.evaluation import evaluate, paired_difference, result_table
from recsys_teach.figures import BLACK, BLUE, MODEL_STYLES, ORANGE, new_axes, show
from recsys_teach.files import REPOSITORY
from recsys_teach.interactions import Interactions, split_last_out, split_per_user
from recsys_teach.learn import TODO, check, claim, hint, predict, progress, quiz, reveal
from recsys_teach.models import EASE, Popularity, PureSVD
from recsys_teach.training import seeded, shuffled, train
from recsys_teach.world import load_world

# %% [markdown]
# ## Predict first
#
# The loss that we build corrects for how popular each item is. What happens without that? Write a letter in quotes in
# place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "a"
### END SOLUTION
predict("P10.1", guess)

# %% [markdown]
# ## By hand: features and their crosses
#
# A **feature** is a number that describes a user or an item; a genre becomes a 0 or a 1. A pair of features, such as
# young and crime, is a **cross**. A weight for each pair needs data on each pair. A **factorisation machine** (Rendle
# 2010) gives each feature a vector $V_a$ (`V[a]`) instead, and the pair gets the inner product:
#
# $$\text{crosses}(x) = \sum_{a < b} (V_a \cdot V_b) \, x_a x_b$$
#
# where $x$ (`x`) holds all features of a user and an item. Even a pair that never occurred gets a value.

# %%
names = ["young", "likes crime", "crime", "drama"]  # two of the person, two of the film
V = np.array([[1.0, 0.0], [2.0, 1.0], [1.5, 0.5], [0.0, -1.0]])  # (4 features, 2 factors)
x = np.array([1.0, 1.0, 1.0, 0.0])
crosses = 0.0
for a in range(4):
    for b in range(a + 1, 4):
        crosses += (V[a] @ V[b]) * x[a] * x[b]
print("all crosses:", crosses)

# %% [markdown]
# With thousands of features the double loop is slow. But $(a + b + c)^2$ holds each pair twice and each square once,
# so, with a sum over the coordinates $f$:
#
# $$\sum_{a < b} (V_a \cdot V_b) \, x_a x_b
# = \frac12 \sum_f \Big[ \big( \sum_a V_{af} x_a \big)^2 - \sum_a V_{af}^2 x_a^2 \Big]$$
#
# ### Exercise 10.1 · All crosses at once (core, 7 minutes)
#
# Give the sum of all crosses of each row. Input: `X`, shape (n, n_features), any numbers, and `V`, shape (n_features,
# n_factors). Output: shape (n,). No loop over pairs. Example: `X = [[1, 1, 0]]`, `V = [[2, 0], [0, 1], [1, 1]]`: the
# one cross is `[2, 0] · [0, 1] = 0`; with `X = [[1, 1, 1]]` it is 0 + 2 + 1 = 3. Stuck? Run `hint("10.1")`.


# %%
def fm_pairs(X, V):
    """Sum of the crosses of all pairs of features, for each row."""
    ### BEGIN SOLUTION
    square_of_sum = (X @ V) ** 2  # (n, n_factors)
    sum_of_squares = X**2 @ V**2
    return (square_of_sum - sum_of_squares).sum(axis=1) / 2
    ### END SOLUTION


check("10.1", fm_pairs)

# %% [markdown] tags=["solution"]
# **Why it works.** The square of a sum is the squares plus twice the pairs. **Another way.** `G = V @ V.T`, then
# `(x @ G @ x - x**2 @ np.diag(G)) / 2`, which is quadratic in the number of features. **Typical mistake.** Squaring
# `V` and not `X`: right until a feature is not 0 or 1.

# %% [markdown]
# ## Two towers
#
# Only crosses between a *user's* and an *item's* feature change which item a user should get. If we keep only those,
# the sum falls apart into one vector for each side:
#
# $$\sum_{a \text{ of user}} \sum_{b \text{ of item}} (V_a \cdot V_b) x_a x_b = u \cdot v, \qquad
# u = \sum_{a} V_a x_a, \quad v = \sum_{b} V_b x_b$$
#
# That is the smallest pair of **towers**: one function makes $u$ (`u`) from what is known of a user, another makes $v$
# (`v`) from what is known of an item, and they meet in one inner product.

# %%
from recsys_teach.models.two_tower import fm_pairs

person, film = x * [1, 1, 0, 0], x * [0, 0, 1, 1]
u, v = person @ V, film @ V  # (2,) each
within = fm_pairs(person[None], V)[0] + fm_pairs(film[None], V)[0]
assert np.isclose(fm_pairs(x[None], V)[0], crosses)
assert np.isclose(u @ v, crosses - within)  # all crosses, less those inside one side
print("u · v =", u @ v)

# %% [markdown]
# Covington, Adams and Sargin (2016) put layers of a network into a tower. Ours add the vector of the id to those of the
# features, and scale the sum to length 1.
#
# ## The in-batch softmax
#
# A softmax over millions of items is slow. The trick: a **batch** holds $b$ pairs of a user and the item taken, and
# each user chooses among the items *of the batch*. With rows $u_r$ of `U` and $v_c$ of `V`, both (b, n_factors), and
# the **temperature** $\tau$ (`temperature`):
#
# $$s_{rc} = \frac{u_r \cdot v_c}{\tau}, \qquad
# \ell = \frac1b \sum_r \Big[ \ln \sum_c e^{s_{rc}} - s_{rr} \Big]$$
#
# The right answers stand on the diagonal. A small $\tau$ makes differences large, so the softmax looks at the strongest
# wrong answers; a large one looks at all alike. As a loop:

# %%
U, V = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), np.array([[0.8, 0.6], [0.0, 1.0], [1.0, 0.0]])
for temperature in (2.0, 0.5, 0.1):
    loss = 0.0
    for r in range(3):
        weights = [np.exp(U[r] @ V[c] / temperature) for c in range(3)]
        loss -= np.log(weights[r] / sum(weights)) / 3
    print(f"temperature {temperature}: loss {loss:.3f}, last row", np.round(np.array(weights) / sum(weights), 3))

# %% [markdown]
# The last person's own item scores lowest. With a low temperature that one mistake makes most of the loss.
#
# ### Exercise 10.2 · In-batch softmax (core, 8 minutes)
#
# Write the loss without a loop. Input: `U` and `V`, row r of each from the same pair, and `temperature`. Output: one
# number. Use `np.diag(scores)`, and `axis=1` for sums along rows. Example: with
# `U = V = [[1, 0], [0, 1]]` and temperature 1 each row is `[1, 0]` or `[0, 1]`, and the loss is
# $\ln(e + 1) - 1$ = .313.


# %%
def in_batch_loss(U, V, temperature):
    """Mean of -ln softmax of each user's own item among the items of the batch."""
    ### BEGIN SOLUTION
    scores = U @ V.T / temperature  # (b users, b items)
    return np.mean(np.log(np.exp(scores).sum(axis=1)) - np.diag(scores))
    ### END SOLUTION


check("10.2", in_batch_loss)

# %% [markdown] tags=["solution"]
# **Why it works.** $-\ln(e^{s_{rr}} / \sum_c e^{s_{rc}})$ is the difference in the formula. **Another way.**
# `F.cross_entropy(scores, torch.arange(b))`. **Typical mistake.** `axis=0`: then each item chooses among users.

# %% [markdown]
# PyTorch calls this the cross-entropy with the right classes 0, 1, 2, …; the package's version is that line.

# %%
from recsys_teach.models.two_tower import TwoTower, in_batch_softmax

scores = torch.from_numpy(U @ V.T / 0.1)
by_torch = F.cross_entropy(scores, torch.arange(3))
assert np.isclose(float(by_torch), loss)  # the loop, at its last temperature
assert torch.equal(in_batch_softmax(scores), by_torch)

# %% [markdown]
# ## Who comes into a batch: the correction for popularity
#
# The wrong answers are other people's items, so a popular item is a wrong answer often. With $q_c$ (`q[c]`), the
# share of all pairs that have the item of column $c$, the loss learns
#
# $$s(u, i) = \ln P(i \mid u) - \ln q_i + \text{a constant of } u$$
#
# Popularity has been divided out. The mend (Bengio and Senécal 2008, for words; Yi et al. 2019, for items): let the
# softmax see $s_{rc} - \ln q_c$, and $s$ itself becomes $\ln P(i \mid u)$ up to that constant. Recommendations use $s$,
# without the correction.
#
# ### Exercise 10.3 · The correction for popularity (core, 7 minutes)
#
# Give the in-batch loss with the correction. Input: `scores`, shape (b, b), already divided by the temperature, and
# `q`, shape (b,), the share of the item of each column. Output: one number. Example: `scores` of zeros and
# `q = [.5, .25]`: the weights are 1 / q = 2 and 4 in both rows, and the loss $-(\ln \frac26 + \ln \frac46) / 2$ = .752.


# %%
def corrected_loss(scores, q):
    """In-batch loss after log q has been taken off."""
    ### BEGIN SOLUTION
    corrected = scores - np.log(q)  # one number off each column
    return np.mean(np.log(np.exp(corrected).sum(axis=1)) - np.diag(corrected))
    ### END SOLUTION


check("10.3", corrected_loss)

# %% [markdown] tags=["solution"]
# **Why it works.** An item that comes $q$ times as often counts $1/q$ each time. **Another way.** Weights
# `np.exp(scores) / q`, normalised along rows. **Typical mistake.** Taking it off the rows, where a softmax
# notices nothing.

# %% [markdown]
# Does it find the truth? We plant two kinds of people and four films, draw 20,000 clicks, and learn one free score for
# each kind and film. We compare **log-odds**, here scores less the mean of their row, with the planted ones.

# %%
P = np.array([[0.60, 0.20, 0.15, 0.05], [0.60, 0.05, 0.15, 0.20]])  # P(film | kind)


def learn_scores(seed, correct):
    """Scores (2, 4) that the in-batch softmax learns from clicks drawn with these chances."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(2, size=20_000)
    film = (rng.random((20_000, 1)) > P[kind].cumsum(axis=1)[:, :3]).sum(axis=1)
    log_q = torch.tensor(np.log(np.bincount(film) / 20_000)).float() if correct else torch.zeros(4)
    kinds, films, table = torch.from_numpy(kind), torch.from_numpy(film), torch.nn.Embedding(2, 4)
    torch.nn.init.zeros_(table.weight)
    train(
        table,
        lambda rng: ((kinds[group], films[group]) for group in shuffled(20_000, 250, rng)),
        lambda k, f: in_batch_softmax(table(k)[:, f], log_q[f]),
        n_epochs=2,
        learning_rate=0.05,
        random_state=seed,
    )
    return table.weight.detach().numpy()


def log_odds(scores):
    return scores - scores.mean(axis=1, keepdims=True)


truth, without_popularity = log_odds(np.log(P)), log_odds(np.log(P) - np.log(P.mean(axis=0)))
off = [np.abs(log_odds(learn_scores(seed, correct=True)) - truth).max() for seed in range(5)]
uncorrected = log_odds(learn_scores(0, correct=False))
print("planted:     ", truth[0].round(1), "\nnot corrected:", uncorrected[0].round(1))

# %% tags=["claim"]
claim("With the correction: largest error of five seeds", float(max(off)), below=0.2)
claim("Without it: how far from the planted ones", float(np.abs(uncorrected - truth).max()), above=0.8)
claim("Without it: how far from log P(i|u) - log q", float(np.abs(uncorrected - without_popularity).max()), below=0.25)

# %% [markdown]
# Without the correction the first film, which everybody clicks most, stands in the middle.
#
# ## Where the truth is known: the world
#
# Now the package's `TwoTower` on the world's clicks. The towers read the id, age band, region and device of a user, and
# the id and genres of an item. What does a score say of popularity? Each point is an item clicked 20 times or more; its
# height is its mean score over all users.

# %%
world = load_world()
split = split_per_user(world.clicks())
settings = dict(n_factors=16, temperature=0.3, weight_decay=1e-3, batch_size=256, n_epochs=8)
features = dict(user_columns=["age_band", "region", "device"], item_columns=["genre", "second_genre"])
corrected = TwoTower(**settings, **features).fit(split.train)
plain = TwoTower(**settings, **features, correct=False).fit(split.train)

n_clicks = split.train.matrix().sum(axis=0)  # (600,)
often, everybody = n_clicks >= 20, np.arange(1000)
heights = {"with": corrected.score(everybody)[:, often].mean(axis=0)}
heights["without"] = plain.score(everybody)[:, often].mean(axis=0)
fig, axes = new_axes(columns=2, width=8.4, height=3.6)
for ax, (kind, height), colour in zip(axes, heights.items(), (BLUE, ORANGE), strict=True):
    ax.scatter(n_clicks[often], height - height.mean(), s=14, color=colour)
    ax.set(title=f"{kind} the correction", xlabel="clicks (log scale)", xscale="log", ylim=(-1.5, 2))
    ax.set(xticks=[20, 50, 100, 200], xticklabels=[20, 50, 100, 200])
    ax.minorticks_off()
axes[0].set_ylabel("mean score, centred")
show(
    fig,
    caption="Mean score of an item against its clicks.",
    alt="Two scatter plots of an item's mean score against its clicks on a logarithmic axis. With the correction the "
    "points rise along a straight line; without it they form a flat band.",
)

# %% [markdown]
# With the correction the height rises with the logarithm of the clicks, with slope about 1, as a log probability must.
# Without it popularity has gone. Your guess:

# %% tags=["claim"]
place = rankdata(-n_clicks, method="ordinal")  # 1 is the most popular
median_place = [float(np.median(place[model.recommend(everybody, 10)])) for model in (corrected, plain)]
reveal("P10.1", median_place)
claim("Median place, with the correction", median_place[0], below=110)
claim("Median place, without", median_place[1], above=200)
slopes = {kind: np.polyfit(np.log(n_clicks[often]), height, 1)[0] for kind, height in heights.items()}
claim("Slope on log clicks, with the correction", float(slopes["with"]), near=1, within=0.2)
claim("Slope on log clicks, without", float(slopes["without"]), near=0, within=0.2)
ndcg = {
    name: evaluate(model.score, split, name=name).mean("nDCG@10")
    for name, model in {"with": corrected, "without": plain}.items()
}
claim("nDCG@10 with the correction, in multiples of that without", ndcg["with"] / ndcg["without"], above=2.5)

# %% [markdown]
# Which is right depends on the question: the next click needs popularity; what is *theirs more than others'* does not.
#
# ## Nobody has met it: score from features
#
# The id of *Harbour* has taught nothing yet. Its genres have vectors that other films taught.
#
# ### Exercise 10.4 · An item that nobody has met (core, 6 minutes)
#
# Give the sum of the vectors of its genres. Input: `genres`, a list of texts; `names`, the known genres; `W`, shape
# (len(names), n_factors), their vectors. An unknown genre adds nothing. Output: shape (n_factors,).
# Example: `names = ["crime", "drama", "romance"]`, `W = [[2, 0], [.5, .5], [0, 3]]`: `["crime", "drama"]` gives
# `[2.5, .5]`, and `["romance", "western"]` gives `[0, 3]`.


# %%
def new_item_vector(genres, names, W):
    """Vector of an item from the genres that are known."""
    ### BEGIN SOLUTION
    vector = np.zeros(W.shape[1])
    for genre in genres:
        if genre in names:
            vector = vector + W[names.index(genre)]
    return vector
    ### END SOLUTION


check("10.4", new_item_vector)

# %% [markdown] tags=["solution"]
# **Why it works.** The tower adds, so a part that is missing is a 0. **Another way.** `np.isin(names, genres) @ W`.
# **Typical mistake.** `get_indexer` gives -1 for what it does not know, and `W[-1]` is the last genre.

# %% [markdown]
# The package's `new_items` does this and scales to length 1. Now the test: we hide *all* clicks of a fifth of the
# items, train, and rank those for each user who clicked some. By AUC (chapter 06) chance is a half; a tower of ids
# alone scores each of them 0.

# %%
clicks = world.clicks()
new = np.random.default_rng(10).permutation(600) < 120  # 120 of 600 items
known = clicks.take(~new[clicks.item_pos])
towers = TwoTower(**settings, **features).fit(known)
harbour = pd.DataFrame({"genre": ["crime"], "second_genre": ["drama"]})
W = towers.towers_["item"].features.detach().numpy()
by_hand = sum(W[towers.item_features_.index(name)] for name in ("genre=crime", "second_genre=drama"))
assert np.allclose(towers.new_items(harbour)[0], by_hand / np.linalg.norm(by_hand), atol=1e-5)

wanted = clicks.matrix().toarray()[:, new] > 0
users = np.flatnonzero(wanted.any(axis=1) & (known.matrix().sum(axis=1) > 0))
scores, wanted = towers.score(users)[:, new], wanted[users]
n_wanted = wanted.sum(axis=1)
below = (rankdata(scores, axis=1) * wanted).sum(axis=1) - n_wanted * (n_wanted + 1) / 2
auc = np.mean(below / (n_wanted * (120 - n_wanted)))

# %% tags=["claim"]
claim("AUC of items that nobody has met", float(auc), near=0.64, within=0.03)
affinity = world.truth.affinity(users)[:, new]
close = np.mean([np.corrcoef(row, true)[0, 1] for row, true in zip(scores, affinity, strict=True)])
claim("Mean correlation with a user's true tastes for them", float(close), near=0.5, within=0.1)
saved = pd.read_csv(REPOSITORY / "datasets" / "long_runs" / "10_two_towers.csv")
five = saved[saved["data"] == "world"].pivot_table(index="seed", columns=["metric", "model"], values="value")
auc_five = five["AUC of new items"]
claim("Five other worlds, saved: least AUC from features", float(auc_five["features"].min()), above=0.58)
claim("Ids alone: always at chance", bool(np.allclose(auc_five["ids alone"], 0.5)))

# %% [markdown]
# Features find much of the taste for a new item before its first click. Its popularity is not in them.
#
# > **Reading the source critically.** The two articles that this course grew from add the vector of a user's behaviour
# > to the features of an item, and take a softmax of the sum. Let us see what that ranks.

# %%
behaviour, item_features = np.array([1.0, 0.5, -1.0]), np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # 2 items
summed = behaviour + item_features  # (2 items, 3 features)
print("softmax of the sum:", torch.softmax(torch.from_numpy(summed), dim=1).numpy().round(2).tolist())
print("scores u · v:      ", (item_features @ behaviour).tolist())

# %% [markdown]
# > Each row sums to 1 over *feature coordinates*: it ranks the coordinates of one item, not the items. Correct: each
# > item gets one number, $s_j = u \cdot v_j$, and the softmax runs over items (Covington et al. 2016; Yi et al. 2019).
#
# ## Retrieval: the best of many
#
# Because the towers meet only in an inner product, all $v_j$ can be made in advance. **Retrieval** finds the $k$ items
# with the largest $u \cdot v_j$; a slower model may then **rank** them.
#
# ### Exercise 10.5 · Exact retrieval (warm-up, 4 minutes)
#
# Give the positions of the `k` items with the largest inner product with `u`, best first. Input: `u`, shape
# (n_factors,), `V`, shape (n_items, n_factors), and `k`. Output: shape (k,). Example: `u = [0, 1]`,
# `V = [[0, 1], [2, 2], [0, -4]]`, `k = 2`: the scores are 1, 2, -4, so `[1, 0]`, although item 0 points
# the way of `u`.


# %%
def best_items(u, V, k):
    """Positions of the k items with the largest inner product."""
    ### BEGIN SOLUTION
    return np.argsort(-(V @ u))[:k]
    ### END SOLUTION


check("10.5", best_items)

# %% [markdown] tags=["solution"]
# **Why it works.** It looks for what the model ranks by. **Another way.** `np.argpartition(-scores, k - 1)[:k]`, then
# sort those k: no need to sort all. **Typical mistake.** Dividing by the lengths: that is the cosine.

# %% [markdown]
# Millions of products for each request are too many. An **inverted file** puts items of similar direction into
# **cells** by k-means, each with its mean direction, the **centroid**. A query opens the few cells (`n_probe`) whose
# centroids score best with it, and compares only with the items in them. It is **approximate**: it may miss some.
#
# ### Exercise 10.6 · One probe of an inverted file (core, 8 minutes)
#
# Search. Input: `u`, `V` as above; `centroids`, shape (n_cells, n_factors); `cells`, a list of arrays of item
# positions; `n_probe`; `k`. Output: positions of the best `k` items in the opened cells, best first. Use
# `np.concatenate`. Example: `u = [1, 0]`, `V = [[1, 0], [0, 5], [3, 0]]`, `cells = [[1], [0, 2]]`,
# `centroids = [[0, 5], [2, 0]]`, `n_probe = 1`, `k = 1`: the second cell suits best, and in it item 2, so `[2]`.


# %%
def probe(u, V, centroids, cells, n_probe, k):
    """Positions of the best k items among those in the n_probe best cells."""
    ### BEGIN SOLUTION
    opened = np.argsort(-(centroids @ u))[:n_probe]
    items = np.concatenate([cells[cell] for cell in opened])
    return items[np.argsort(-(V[items] @ u))[:k]]
    ### END SOLUTION


check("10.6", probe)

# %% [markdown] tags=["solution"]
# **Why it works.** A cell's mean score is the centroid's score. **Another way.** Scores of minus infinity outside the
# opened cells. **Typical mistake.** Returning places in the short list, not positions in the catalogue.

# %% [markdown]
# Now the package's `InvertedFile`. We make up 50,000 items of 200 kinds, with lengths that differ, and 100 people near
# one kind each. How many of their true best 100 do we find, for how much work?

# %%
from recsys_teach.models.two_tower import InvertedFile, exact_search, search_recall

rng = np.random.default_rng(10)
kinds = rng.normal(size=(200, 32))
many = kinds[rng.integers(200, size=50_000)] + 0.6 * rng.normal(size=(50_000, 32))
many = (many * rng.lognormal(0, 0.3, size=(50_000, 1))).astype(np.float32)  # (50000, 32)
queries = (kinds[rng.integers(200, size=100)] + rng.normal(size=(100, 32))).astype(np.float32)
exact = exact_search(queries, many, 100)  # (100, 100)
index = InvertedFile(n_cells=200).fit(many)
sizes = np.diff(index.starts_)
probes, recalls, shares = [1, 2, 4, 8, 16, 32], [], []
for n_probe in probes:
    recalls.append(search_recall(index.search(queries, 100, n_probe), exact))
    opened = exact_search(queries, index.centroids_, n_probe)
    shares.append(sizes[opened].sum(axis=1).mean() / len(many))
lengths = np.linalg.norm(many, axis=1, keepdims=True)
by_cosine = search_recall(exact_search(queries, many / lengths, 100), exact)

# %%
fig, ax = new_axes(height=3.8)
ax.plot(np.array(shares) * 100, recalls, color=BLUE, marker="o")
ax.axhline(by_cosine, color=ORANGE, linestyle="--")
ax.text(8, by_cosine + 0.02, "every item, by cosine")
ax.text(5, 0.82, "inverted file, by inner product")
ax.set(xlabel="items compared (%)", ylabel="recall of the best 100", ylim=(0, 1.05))
show(
    fig,
    caption="Recall against work, for 1 to 32 opened cells.",
    alt="Line chart of recall of the best hundred items against the percentage of items compared. The curve rises "
    "steeply and is near one at a small share of the items; a dashed line for cosine lies far below.",
)

# %% [markdown]
# A few cells find most of the best items. The dashed line looks at *everything* and asks the wrong question: lengths
# matter here. (Our towers' vectors have length 1, so for them both orders agree.)

# %% tags=["claim"]
claim("Recall with 32 of 200 cells", recalls[5], above=0.96)
claim("Share of the items that were compared", float(shares[5]), below=0.2)
claim("Recall of an exact search by cosine", by_cosine, below=0.4)
claim("With all cells the search is exact", search_recall(index.search(queries, 100, 200), exact), above=0.9999)

# %% [markdown]
# ## Real people: MovieLens-100K
#
# We hold out the last film of each person (chapter 03). The towers read ids, gender, occupation, age band and genres.
# The settings were chosen on the last film but one.

# %%
ml = movielens.load()
bands = pd.cut(ml.users["age"], [0, 17, 24, 34, 44, 54, 120]).astype(str)
ml = Interactions(ml.log, ml.user_ids, ml.item_ids, ml.users.assign(age_band=bands), ml.items)
ml_split = split_last_out(ml)
models = {"popularity": Popularity(), "PureSVD": PureSVD(20), "EASE": EASE(400)}
models["two towers"] = TwoTower(32, ["gender", "occupation", "age_band"], ["genres"])
results = {name: evaluate(model.fit(ml_split.train).score, ml_split, name=name) for name, model in models.items()}
result_table(list(results.values()))

# %% [markdown]
# Better than popularity, and level with the closed forms. What do the features add? Five seeds take longer than a
# notebook may; these were **saved** by `benchmarks/long_run_10.py`.

# %% tags=["claim"]
by_seed = saved[saved["data"] == "ml-100k"].pivot_table(index="seed", columns="model", values="value")
print(by_seed.agg(["mean", "std"]).T.round(3).to_string())
_, low, _ = paired_difference(results["two towers"], results["popularity"], "nDCG@10")
claim("The 95 % interval of two towers minus popularity lies above 0", low > 0)
gap, low, high = paired_difference(results["two towers"], results["EASE"], "nDCG@10")
claim("The 95 % interval of two towers minus EASE holds 0", low < 0 < high)
added = by_seed["two towers"] - by_seed["ids alone"]
claim("What features add, mean of five seeds", float(added.mean()), near=0, within=0.01)
claim("Saved nDCG@10 without the correction, mean", float(by_seed["uncorrected"].mean()), below=0.04)

# %% [markdown]
# Here features add next to nothing: an id with many ratings knows more than its genres. They pay where ids are thin, as
# on the world, whose clicks are few. By how much?

# %%
fig, ax = new_axes(height=3.4)
world_five = five["nDCG@10"]
for y, (table, name) in enumerate([(by_seed, "ids alone"), (by_seed, "two towers"), (world_five, "ids alone"),
                                   (world_five, "corrected")]):  # fmt: skip
    ax.plot(table[name].dropna(), np.full(5, y), "o", color=BLUE if y % 2 else BLACK, alpha=0.6)
ax.set(yticks=range(4), xlabel="nDCG@10, five seeds", xlim=(0, 0.22), ylim=(-0.5, 3.5))
ax.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
ax.set_yticklabels(["MovieLens: ids", "MovieLens: ids, features", "world: ids", "world: ids, features"])
show(
    fig,
    caption="With and without features; saved runs, five seeds.",
    alt="Dot plot of nDCG at 10 for five seeds in four rows. On MovieLens the dots with and without features overlap; "
    "on the world those with features lie a little further right.",
)

# %% [markdown]
# A little, in each of five worlds. Last, **retrieval then ranking**: the towers fetch 100 films for each person, and
# EASE ranks only those.

# %% tags=["claim"]
claim("Worlds of five where features raise nDCG@10", int((world_five["corrected"] > world_five["ids alone"]).sum()),
      near=5, within=0)  # fmt: skip
fetched = models["two towers"].recommend(np.arange(ml.n_users), 100)  # (943, 100)


def rank_fetched(users):
    """EASE's scores of the films that were fetched, and minus infinity elsewhere."""
    scores = np.full((len(users), ml.n_items), -np.inf)
    rows = np.arange(len(users))[:, None]
    scores[rows, fetched[users]] = models["EASE"].score(users)[rows, fetched[users]]
    return scores


two_stages = evaluate(rank_fetched, ml_split, name="two stages").mean("nDCG@10")
claim("nDCG@10 of the two stages as a share of EASE on all", two_stages / results["EASE"].mean("nDCG@10"), above=0.9)

# %% [markdown]
# Six films in a hundred were enough. What the first stage misses, no second stage can bring back.
#
# ## What goes wrong
#
# - **The correction left on when recommending.** It belongs to the loss.
# - **A random id vector for a new item.** Ours is 0.
# - **The wrong metric in the index.** Measure its recall against the exact search.
#
# ## Recap
#
# - **O10.1:** you summed all crosses by squares, and found two towers among them.
# - **O10.2:** you wrote the in-batch softmax, as PyTorch has it, and turned the temperature.
# - **O10.3:** you corrected it, and recovered planted log-odds.
# - **O10.4:** you scored items that nobody had met, better than chance.
# - **O10.5:** you searched exactly and in cells, and measured what is missed.
#
# Five questions: write one letter for each, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "a", "c", "b", "a"]
### END SOLUTION
quiz("10", answers)
progress("10")

# %% [markdown]
# ## Further reading
#
# - Rendle (2010), *Factorization Machines*: crosses, and the identity.
# - Covington, Adams, Sargin (2016), *Deep Neural Networks for YouTube Recommendations*: two stages at scale.
# - Yi et al. (2019), *Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations*: shares from a
#   stream.
# - Bengio and Senécal (2008), *Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic Language
#   Model*: where the correction comes from.
#
# **Next.** Chapter 11 gives one model several tasks at once.
