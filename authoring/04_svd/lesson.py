# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "04"
#     minutes: {reading: 20, doing: 43}
# ---

# %% [markdown]
# # 04 · SVD: a few directions that explain most
#
# Noor has joined a film club this evening. She has rated one film, with five stars, and asks what to watch next. The
# club knows five people and four films. In this notebook we find out how much of such a table a few **directions** of
# taste explain, and what they tell her.
#
# ## What you will be able to do
#
# - **O4.1** Take a matrix apart with the SVD, build its best approximation of rank k and say how far off it is
# - **O4.2** Choose the smallest k whose directions hold enough of the energy
# - **O4.3** Measure predicted ratings on the cells that have one
# - **O4.4** Fold in a person who was not there when the model was fitted
# - **O4.5** Find the strongest direction without a library, by power iteration
#
# You need matrix products, orthogonal vectors, and chapter 01.

# %%
import numpy as np
import pandas as pd

from recsys_teach.data import movielens, split_per_user
from recsys_teach.data.world import load_world, make_world
from recsys_teach.evaluation import evaluate, result_table, rmse
from recsys_teach.figures import BLUE, MODEL_STYLES, ORANGE, label_bars, new_axes, show, slider
from recsys_teach.learn import TODO, check, claim, hint, predict, progress, quiz, reveal

# %% [markdown]
# ## Predict first
#
# Further down we compare four ways to recommend. **Mean rating** ranks films by their average star, **popularity** by
# how many people rated them. **PureSVD**, the model of this chapter, treats every missing rating as a 0. Run the cell
# to see the question, then write your guess, a letter in quotes, in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "c"
### END SOLUTION
predict("P4.1", guess)

# %% [markdown]
# ## By hand: four films and five people
#
# The table of chapter 01: rows are people, columns are films, a 0 means "not rated". Ada and Ben like the first two
# films, Cleo and Dan the last two, and Eve likes the first two very much.

# %%
people, films = ["Ada", "Ben", "Cleo", "Dan", "Eve"], ["Chase", "Heist", "Waltz", "Letter"]
R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
U, s, Vt = np.linalg.svd(R, full_matrices=False)  # full_matrices: without the columns of U that nothing needs
sign = np.sign(Vt[:, 0] + (np.abs(Vt[:, 0]) < 1e-9))  # a direction and its opposite are the same: we pick one
U, Vt = U * sign, Vt * sign[:, None]
print("singular values:", s.round(3))
print(pd.DataFrame(Vt[:2], columns=films).round(2).to_string())

# %% [markdown]
# The **singular value decomposition** (SVD) writes the table as
#
# $$R = U \Sigma V^\top = \sum_i \sigma_i \, u_i v_i^\top$$
#
# where $i$ counts from 0, as in the code.
#
# - $v_i$ (`Vt[i]`) is a direction over films, a unit vector. In the first all films have the same sign: how much
#   somebody rates at all. The second sets the first two films against the last two.
# - $u_i$ (`U[:, i]`) says how strongly each person goes along that direction.
# - $\sigma_i$ (`s[i]`), the **singular value**, says how much of the table the direction carries. They come sorted,
#   largest first.
#
# The sum has one **layer** for each direction. As a loop, and then as one product:

# %%
layers = np.zeros_like(R)
for i in range(len(s)):
    layers += s[i] * np.outer(U[:, i], Vt[i])  # (5, 4)
assert np.allclose(layers, R)
assert np.allclose(layers, (U * s) @ Vt)  # the same as one product: U * s gives each column its size
coordinates = (U * s)[:, :2]  # (5 people, 2 directions)
print(coordinates.round(2))

# %% [markdown]
# The table is back. Printed are the coordinates of the five people on the first two directions. We draw only those two:
# look for two groups.

# %% tags=["figure"]
fig, ax = new_axes(height=4.2)
ax.scatter(*coordinates.T, s=60, color=BLUE)
for x, y in 6 * Vt[:2].T:
    ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": ORANGE, "linewidth": 2})
for name, (x, y), up in zip(["Ada, Ben", "Cleo, Dan", "Eve"], coordinates[[0, 2, 4]], [0.3, 0.3, -0.8], strict=True):
    ax.text(x + 0.15, y + up, name)
for name, (x, y) in zip(["Chase, Heist", "Waltz, Letter"], 6 * Vt[:2, [0, 2]].T, strict=True):
    ax.text(x - 0.2, y + np.sign(y) * 0.6, name, ha="right", va="center")
ax.set(xlabel="first direction (stars)", ylabel="second direction (stars)", xlim=(-1, 9), ylim=(-7, 4.5))
show(
    fig,
    caption="People (points) and films (arrows, six times longer).",
    alt="Scatter plot of five people on two directions with arrows for the films. Ada, Ben and Eve lie where the "
    "arrows of Chase and Heist point, Cleo and Dan where those of Waltz and Letter point.",
)

# %% [markdown]
# What two directions say of a person and a film is the dot product of point and arrow. Ada and Ben share one point: two
# directions cannot tell them apart. That is what is lost.
#
# ## The best approximation of rank k
#
# A matrix has **rank** $k$ if it is a sum of $k$ layers and of no fewer. Keep the first $k$ layers and drop the rest:
# $R_k = U_k \Sigma_k V_k^\top$. **Eckart and Young** proved in 1936 that no matrix of rank $k$ comes closer, and the
# distance is known in advance:
#
# $$\lVert R - R_k \rVert_F = \sqrt{\sum_{i \ge k} \sigma_i^2}$$
#
# As $i$ counts from 0, `s[k]` is the first value left out. The **Frobenius norm** $\lVert \cdot \rVert_F$ is the root
# of the sum of all squared cells (`np.linalg.norm`). With $k = 2$ both values left out are $\sqrt 2$, so the error is
# $\sqrt{2 + 2} = 2$. A thousand random projections of rank 2 do worse:

# %% tags=["claim"]
R_2 = (U[:, :2] * s[:2]) @ Vt[:2]
error = float(np.linalg.norm(R - R_2))
rng = np.random.default_rng(4)
others = []
for _ in range(1000):
    Q, _ = np.linalg.qr(rng.normal(size=(4, 2)))  # qr makes two random vectors orthogonal, of length 1
    others.append(np.linalg.norm(R - R @ Q @ Q.T))
claim("Frobenius error of rank 2 on the tiny table", error, near=2, within=1e-9)
claim("The formula gives the same", np.isclose(error, np.sqrt((s[2:] ** 2).sum())))
print(f"smallest error of the others: {min(others):.2f}")

# %% [markdown]
# ### Exercise 4.1 · Error of a truncation (warm-up, 4 minutes)
#
# Give the Frobenius error of the best approximation of rank `k` from the singular values.
# Input: `s`, shape (r,), largest first, and `k` from 0 to r. Output: one number.
# Example: `s = [4, 3, 2, 1]`, `k = 2` leaves out 2 and 1, so the error is √(4 + 1) ≈ 2.236.


# %%
def truncation_error(s, k):
    """Frobenius error of the best approximation of rank k."""
    ### BEGIN SOLUTION
    return np.sqrt((s[k:] ** 2).sum())
    ### END SOLUTION


check("4.1", truncation_error)

# %% [markdown] tags=["solution"]
# **Why it works.** The layers are orthogonal to each other, so Pythagoras holds: squared errors add up.
# **Another way.** `np.linalg.norm(s[k:])`. **Typical mistake.** Adding the singular values, not their squares.

# %% [markdown]
# ### Exercise 4.2 · Rank-k reconstruction (core, 6 minutes)
#
# Build $R_k$. Input: `R`, shape (n_users, n_items), and `k`, at least 1. Output: an array of the shape of `R`. Use
# `np.linalg.svd(R, full_matrices=False)`. Example: on our table, `rank_k(R, 2)` starts with the row
# `[4.5, 4.5, 0.5, 0.5]`. If you are stuck, run `hint("4.2")` in a new cell.


# %%
def rank_k(R, k):
    """Best approximation of R of rank k."""
    ### BEGIN SOLUTION
    U, s, Vt = np.linalg.svd(R, full_matrices=False)
    return (U[:, :k] * s[:k]) @ Vt[:k]
    ### END SOLUTION


check("4.2", rank_k)

# %% [markdown] tags=["solution"]
# **Why it works.** The k largest triples lose least. **Another way.** `U[:, :k] @ np.diag(s[:k]) @ Vt[:k]`, which
# builds a k × k matrix for nothing. **Typical mistake.** Leaving `s` out: then every direction counts the same.

# %% [markdown]
# From here on we use the version of the package, so that the chapter runs whatever you wrote.

# %%
from recsys_teach.models import Popularity, PureSVD, rank_k

print(rank_k(R, 2).round(2))

# %% [markdown]
# Look at Ada and *Waltz*: not rated, and now .5. As a rating that is absurd, as a place in a list it
# makes sense: below the films of her own group.
#
# > **Reading the source critically.** The two articles that this course grew from write the truncated SVD as
# > $U \approx U_k U_k^\top$ and $R \approx R_k R_k^\top$. Let us try both.

# %%
U_k = U[:, :2]  # (5, 2)
print("R:", R.shape, " U_k U_kᵀ:", (U_k @ U_k.T).shape, " R_k R_kᵀ:", (R_2 @ R_2.T).shape)
full_U = np.linalg.svd(R)[0]  # (5, 5)
print("U Uᵀ with all columns is the identity, not U:", np.allclose(full_U @ full_U.T, np.eye(5)))
print("largest difference between R_k and U_k U_kᵀ R:", np.abs(R_2 - U_k @ U_k.T @ R).max().round(6))

# %% [markdown]
# > Both are people × people, so neither can approximate a table of people × films. $U_k U_k^\top$ is a **projector**:
# > it takes each column, a film's ratings by all people, to its shadow on $k$ directions. Only its product with the
# > table is an approximation. Correct is $R_k = U_k \Sigma_k V_k^\top = U_k U_k^\top R = R V_k V_k^\top$ (Eckart and
# > Young 1936, for the Frobenius norm), and it is unique if $\sigma_{k-1} > \sigma_k$.
#
# ## What filling with zeros means
#
# Writing 0 into the empty cells tells the SVD that everybody hates what they have not seen. Two questions follow: how
# far off are the predicted *ratings*, and how good is the *order*?
#
# ### Exercise 4.3 · Error on the ratings that exist (core, 6 minutes)
#
# Give the root of the mean squared error (**RMSE**) over the cells of `R` that hold a rating, that is, are above 0.
# Input: `R` and `R_hat`, both of shape (n_users, n_items). Output: one number, in stars.
# Example: `R = [[5, 0], [0, 1]]`, `R_hat = [[3, 1], [2, 1]]` has two ratings, errors 2 and 0, RMSE √2.


# %%
def observed_rmse(R, R_hat):
    """RMSE over the cells that hold a rating."""
    ### BEGIN SOLUTION
    rated = R > 0
    return np.sqrt(((R[rated] - R_hat[rated]) ** 2).mean())
    ### END SOLUTION


check("4.3", observed_rmse)

# %% [markdown] tags=["solution"]
# **Why it works.** Only a cell with a rating has a right answer. **Another way.** `np.nanmean` after writing NaN
# into the empty cells. **Typical mistake.** Averaging over all cells, where the zeros look like ratings.

# %% [markdown]
# The order is judged by **nDCG@10**, the normalized discounted cumulative gain of ten places. A hidden film at place
# $p$ gains $1 / \log_2(p + 1)$, and the sum is divided by that of a perfect list, so that 1 is best. By hand, for a
# list whose places 1 and 3 are hits, of two possible:

# %%
hits = np.array([1, 0, 1, 0, 0])
discounts = 1 / np.log2(np.arange(1, 6) + 1)  # one for each place
gained, perfect = (hits * discounts).sum(), discounts[:2].sum()
print(f"gained {gained:.3f} of {perfect:.3f}: nDCG@5 = {gained / perfect:.3f}")

# %% [markdown]
# ## Where the truth is known: the world
#
# The world, our made-up streaming service, knows what everybody would like: its **affinity** table was built from 8
# directions of taste. We add noise to each cell. Can you see the 8?

# %% tags=["claim"]
world = load_world()
affinity = world.truth.affinity(np.arange(1000))  # (1000 users, 600 items)
noise = np.random.default_rng(4).normal(0, 2, size=affinity.shape)
s_world = np.linalg.svd(affinity + noise, compute_uv=False)
edge = 2 * (np.sqrt(1000) + np.sqrt(600))  # the largest singular value of the noise alone

fig, ax = new_axes()
ax.plot(np.arange(1, 21), s_world[:20], color=BLUE, marker="o")
ax.axhline(edge, color=ORANGE, linestyle="--")
ax.text(20, edge + 12, "noise alone reaches up to here", ha="right")
ax.set(xlabel="direction", ylabel="singular value", xticks=[1, 4, 8, 12, 16, 20], ylim=(0, None))
show(
    fig,
    caption="Singular values of the noisy affinity table.",
    alt="Line chart of the first twenty singular values. The first eight fall from about 690 to 270, then the curve "
    "drops to a flat line of about 110, where a dashed line marks the noise.",
)
claim("Singular values above the noise", int((s_world > 1.05 * edge).sum()), near=8, within=0)
claim("The eighth against the ninth", float(s_world[7] / s_world[8]), above=1.8)

# %% [markdown]
# Eight values stand above the dashed line and the rest lies on it: the **singular gap** shows the planted rank. The
# line is no guess: for noise of standard deviation $\tau$ (here 2) in $n \times m$ cells, the largest singular value is
# close to $\tau(\sqrt n + \sqrt m)$.
#
# ### Exercise 4.4 · The smallest k that is enough (core, 6 minutes)
#
# A second way to choose: keep enough **energy**, the sum of squared singular values. Give the smallest `k` whose first
# `k` directions hold at least a `share` of it. Input: `s`, largest first, and `share`, above 0 and at most 1.
# Output: an int. Example: `s = [4, 3, 2, 1]` has the energies 16, 9, 4, 1, in all 30; the first two hold 25 / 30, the
# first three 29 / 30, so `share = 0.9` needs `k = 3`.


# %%
def smallest_k(s, share):
    """Smallest k whose directions hold at least this share of the energy."""
    ### BEGIN SOLUTION
    shares = np.cumsum(s**2) / (s**2).sum()
    return int((shares < share - 1e-12).sum()) + 1
    ### END SOLUTION


check("4.4", smallest_k)

# %% [markdown] tags=["solution"]
# **Why it works.** The squared error of $R_k$ is the energy left out. **Another way.** `np.searchsorted(shares,
# share) + 1`. **Typical mistake.** Returning the position, which starts at 0, where a number of directions is asked.

# %% [markdown]
# The service does not know the affinities. It sees **clicks**, and only on what it showed; most cells are empty. So we
# hide some clicks and see which `k` ranks them best. (In earnest `k` is chosen on a third part: chapter 03.)

# %%
split = split_per_user(world.clicks())


def ndcg(score, split):
    """Mean nDCG@10 of a score function on the held-out events."""
    return evaluate(score, split, name="model").mean("nDCG@10")


ks = [1, 2, 4, 8, 16, 32, 64]
by_k = [ndcg(PureSVD(k).fit(split.train).score, split) for k in ks]
print(f"{split.name}; all unseen items ranked; nDCG@10")
print(pd.Series(by_k, index=ks).round(2).to_string())

# %% [markdown]
# Where is the peak? For comparison: an **oracle** that knows every taste and what tends to be shown, but not the log.

# %% tags=["figure"]
oracle = ndcg(world.truth.score, split)
popular = ndcg(Popularity().fit(split.train).score, split)
fig, ax = new_axes()
ax.plot(ks, by_k, **MODEL_STYLES["PureSVD"])
ax.text(70, by_k[-1], "PureSVD")
for height, name in [(oracle, "oracle"), (popular, "popularity")]:
    ax.axhline(height, color=MODEL_STYLES[name]["color"], linestyle=MODEL_STYLES[name]["linestyle"])
    ax.text(70, height, name, va="bottom")
ax.set(xscale="log", xticks=ks, xticklabels=ks, xlabel="number of directions k", ylabel="nDCG@10")
ax.set(xlim=(0.9, 150), ylim=(0, 0.3))
ax.minorticks_off()
show(
    fig,
    caption="Held-out clicks of the world, by number of directions.",
    alt="Line chart of nDCG at 10 against k on a logarithmic axis. PureSVD rises to a peak between four and eight "
    "directions, then falls below the flat popularity line; the oracle lies far above.",
)

# %% [markdown]
# The curve peaks early and falls below popularity. The peak is where the clicks run out, not where the taste ends: in a
# world with 16 directions it comes no later. The oracle knows what so few clicks do not show.

# %% tags=["claim"]
claim("The best k on the world's held-out clicks is 4 or 8", ks[int(np.argmax(by_k))] in (4, 8))
claim("PureSVD at its peak, in multiples of popularity", max(by_k) / popular, above=1.2)
claim("PureSVD with k = 64, in multiples of popularity", by_k[-1] / popular, below=0.8)
claim("The oracle, in multiples of PureSVD at its peak", oracle / max(by_k), above=1.4)
rich = split_per_user(make_world(n_factors=16).clicks())
rich_by_k = [ndcg(PureSVD(k).fit(rich.train).score, rich) for k in ks]
claim("The best k in a world of 16 directions is at most 8", ks[int(np.argmax(rich_by_k))] <= 8)

# %% [markdown]
# ## Real people: MovieLens-100K
#
# First, a look: the 60 busiest people and the 60 most rated films, and what five directions keep of them. In
# JupyterLab, the slider below draws any other `k`. From which on do you recognize the table?

# %% tags=["figure"]
ml = movielens.load()
full = ml.matrix("rating").toarray()  # (943, 1682)
busy, known = (np.argsort(-(full > 0).sum(axis=axis), kind="stable")[:60] for axis in (1, 0))
corner = full[np.ix_(busy, known)]  # (60, 60)


def draw_rank(k):
    """Draw the corner beside its approximation of rank k."""
    fig, axes = new_axes(columns=2, width=8.2, height=3.6)
    for ax, table, title in zip(axes, (corner, rank_k(corner, k)), ("ratings", f"k = {k}"), strict=True):
        image = ax.imshow(table, cmap="cividis", vmin=0, vmax=5)
        ax.set(title=title, xlabel="film", xticks=[], yticks=[])
        ax.grid(False)
    axes[0].set_ylabel("person")
    fig.colorbar(image, ax=axes, label="stars (0: none)", shrink=0.8)
    return fig


show(
    draw_rank(5),
    caption="Sixty people and films: ratings, and five directions.",
    alt="Two square heat maps side by side. Left the ratings of sixty people, dark where there is none. Right the "
    "approximation with five directions: blurred, with the same bright and dark stripes.",
)

# %% tags=["nbval-ignore-output"]
slider(
    draw_rank,
    name="k",
    low=1,
    high=60,
    start=2,
    caption="Move k, and watch what returns first.",
    alt=lambda k: f"Two heat maps: left the ratings of sixty people, right their approximation with {k} directions.",
)

# %% [markdown]
# Rows and columns that are bright as a whole return first; single cells need nearly all directions.
#
# Now the experiment that you made a guess about. First the ratings: we predict each hidden one by the film's mean and
# by PureSVD with 20 directions.

# %% tags=["claim"]
ml_split = split_per_user(ml)
R_train, hidden = ml_split.train.matrix("rating"), ml_split.test
n_ratings = ml_split.train.matrix().sum(axis=0)  # (1682,)
mean_rating = R_train.sum(axis=0) / np.maximum(n_ratings, 1)
mean_rating[n_ratings == 0] = R_train.data.mean()
svd = PureSVD(20, value="rating").fit(ml_split.train)

predicted = svd.score(np.arange(ml.n_users))[hidden.user_pos, hidden.item_pos]
rmse_svd = rmse(hidden.log["rating"], predicted)
rmse_mean = rmse(hidden.log["rating"], mean_rating[hidden.item_pos])
claim("RMSE of the zero-filled SVD, in stars", rmse_svd, above=2.0)
claim("RMSE of the film's mean, in stars", rmse_mean, near=1.02, within=0.03)
first = np.corrcoef(np.abs(svd.item_factors_[:, 0]), n_ratings)[0, 1]
claim("Correlation of the first direction with the number of ratings", first, above=0.9)

# %% [markdown]
# As a predictor of ratings PureSVD is hopeless: it expects nearly nothing of a film that somebody has not rated. Now
# the order.

# %%
random_scores = np.random.default_rng(4).random((ml.n_users, ml.n_items))
scorers = {
    "random": lambda users: random_scores[users],
    "mean rating": lambda users: np.tile(mean_rating, (len(users), 1)),
    "popularity": Popularity().fit(ml_split.train).score,
    "PureSVD": svd.score,
}
results = [evaluate(score, ml_split, name=name) for name, score in scorers.items()]
result_table(results)

# %% [markdown]
# And your guess?

# %% tags=["figure"]
ndcgs = pd.Series({result.name: result.mean("nDCG@10") for result in results})
reveal("P4.1", ndcgs)
fig, axes = new_axes(columns=2, width=8.5, height=3.2)
for ax, values in zip(axes, (pd.Series({"mean rating": rmse_mean, "PureSVD": rmse_svd}), ndcgs), strict=True):
    ax.barh(values.index, values, color=[MODEL_STYLES[name]["color"] for name in values.index])
    label_bars(ax, "{:.2f}" if ax is axes[0] else "{:.3f}")
    ax.margins(x=0.25)
    ax.grid(False)
axes[0].set(xlabel="RMSE (stars; less is better)")
axes[1].set(xlabel="nDCG@10 (more is better)")
show(
    fig,
    caption="PureSVD: far off on ratings, first in ranking.",
    alt="Two bar charts. Left, RMSE: PureSVD is far worse than the film's mean. Right, nDCG at 10: PureSVD leads, "
    "popularity has about half, random order and mean rating are near zero.",
)

# %% [markdown]
# Ranking by mean rating is worse than random order: its first places go to films that one or two people gave five
# stars, and hardly anybody goes on to see those. Does this hang on the split, or on what we call a hit? We repeat it
# with five splits, with PureSVD on the stars and on the bare 0 and 1 of who rated what. A hit is any hidden rating, or
# one of 4 or 5 stars.

# %%
rows = []
for seed in range(5):
    fold = split_per_user(ml, random_state=seed)
    stars, zero_one = PureSVD(20, value="rating").fit(fold.train), PureSVD(20).fit(fold.train)
    row = {"popularity": ndcg(Popularity().fit(fold.train).score, fold)}
    for hit, least in {"any": None, "liked": 4}.items():
        row[f"stars, {hit}"] = evaluate(stars.score, fold, name="stars", min_rating=least).mean("nDCG@10")
        row[f"0/1, {hit}"] = evaluate(zero_one.score, fold, name="0/1", min_rating=least).mean("nDCG@10")
    rows.append(row)
folds = pd.DataFrame(rows)
folds.agg(["mean", "std"]).round(3)

# %% [markdown]
# If any rating is a hit, 0 and 1 rank slightly better: what people *chose* says which films they choose. If only liked
# films are, the stars win in all five splits. So a protocol has to say what a hit is. Energy is no good guide here: 90
# % of it needs so many directions that popularity wins.

# %% tags=["claim"]
claim("nDCG@10 of PureSVD on 0 and 1, mean of 5 splits", folds["0/1, any"].mean(), near=0.434, within=0.01)
claim("nDCG@10 of PureSVD on the stars, mean of 5 splits", folds["stars, any"].mean(), near=0.425, within=0.01)
claim("0 and 1 rank better in each split if any rating is a hit", bool((folds["0/1, any"] > folds["stars, any"]).all()))
claim("The stars do if only 4 and 5 are hits", bool((folds["stars, liked"] > folds["0/1, liked"]).all()))
claim("PureSVD beats popularity in each split", bool((folds["stars, any"] > folds["popularity"]).all()))
s_ml = np.linalg.svd(R_train.toarray(), compute_uv=False)
k_90 = int((np.cumsum(s_ml**2) / (s_ml**2).sum() < 0.9).sum()) + 1  # your smallest_k
claim("Directions that hold 90 % of the energy", k_90, near=287, within=5)
claim("nDCG@10 with so many", ndcg(PureSVD(k_90, value="rating").fit(ml_split.train).score, ml_split), below=0.2)

# %% [markdown]
# Cremonesi, Koren and Turrin (2010) found this on MovieLens and Netflix with another test: does a film with five stars
# come out among the first of a thousand unrated ones? What is missing is missing not at random (chapter 01), and
# PureSVD learns from the holes.
#
# ## Somebody new: fold-in
#
# Noor's row was not there at the fit. Nothing is fitted again: `row @ V` are her coordinates, and one more product goes
# back to films.
#
# ### Exercise 4.5 · Fold in a new person (core, 8 minutes)
#
# Give the scores of all items for a person with the row $x$: $x V_k V_k^\top$. Input: `row`, shape (n_items,), and `V`,
# shape (n_items, k), orthonormal columns. Output: shape (n_items,). Example: Noor gave five stars to *Chase*. With the
# two directions of our table, `row = [5, 0, 0, 0]` gives `[2.5, 2.5, 0, 0]`: *Heist* comes next.


# %%
def fold_in(row, V):
    """Scores of all items for a person who is not in the matrix."""
    ### BEGIN SOLUTION
    coordinates = row @ V  # (k,)
    return coordinates @ V.T  # (n_items,)
    ### END SOLUTION


check("4.5", fold_in)

# %% [markdown] tags=["solution"]
# **Why it works.** $V_k V_k^\top$ projects any row on the directions, also one that nobody has seen.
# **Another way.** `V @ (V.T @ row)`. Never build `V @ V.T` first: it is n_items × n_items.
# **Typical mistake.** Stopping at the coordinates.

# %% [markdown]
# The package's `PureSVD` has this under the name `fold_in`, for many rows at once. Noor goes on to the films of 1997
# and gives five stars to two of them:

# %% tags=["claim"]
liked = ["Star Wars", "Empire Strikes Back, The"]
titles = ml.items["title"]
row = np.where(titles.isin(liked), 5.0, 0.0)  # (1682,)
scores = np.where(row > 0, -np.inf, svd.fold_in(row[None])[0])
print(titles.iloc[np.argsort(-scores)[:8]].to_string(index=False))
own = svd.fold_in(R_train[[7]])[0]
claim(
    "Fold-in of a known person equals their row of R_k", np.allclose(own, rank_k(R_train.toarray(), 20)[7], atol=1e-6)
)

# %% [markdown]
# ## Without a library: power iteration
#
# Where do directions come from? Take almost any vector over items, carry it to the people with $R$, back to the items
# with $R^\top$, make it a unit vector, repeat. Each round multiplies the share of direction $i$ by $\sigma_i^2$, so the
# strongest wins.
#
# ### Exercise 4.6 · Power iteration (core, 8 minutes)
#
# Return the unit vector after `n_steps` rounds. Input: `R`, shape (n_users, n_items), `v`, shape (n_items,), and
# `n_steps`, at least 1. Output: shape (n_items,), norm 1; either sign is accepted, because $-v$ is the same
# direction. Example: `R = [[2, 0], [0, 1]]`, `v = [1, 1]`, one step: `[4, 1]` divided by √17, about `[.97, .243]`.


# %%
def power_iteration(R, v, n_steps):
    """Unit vector after n_steps rounds of v <- RᵀR v."""
    ### BEGIN SOLUTION
    for _ in range(n_steps):
        v = R.T @ (R @ v)
        v = v / np.linalg.norm(v)
    return v
    ### END SOLUTION


check("4.6", power_iteration)

# %% [markdown] tags=["solution"]
# **Why it works.** After t rounds the share of direction i is multiplied by $\sigma_i^{2t}$. **Another way.** One
# normalization at the end, which overflows after many steps. **Typical mistake.** Building `R.T @ R`, which is
# n_items × n_items, where two thin products do.

# %% [markdown]
# **Randomized SVD** (Halko, Martinsson and Tropp 2011, section 1.6) takes 2k vectors at once: (1) carry random ones to
# the people, (2) a few rounds as above, made orthogonal by `qr`, (3) describe the table in the directions `Q` that are
# left, (4) take the SVD of that small matrix.

# %% tags=["claim"]
rng = np.random.default_rng(4)
Y = R_train @ rng.normal(size=(ml.n_items, 40))  # (1) shape (943, 40), for k = 20
for _ in range(4):  # (2)
    Q, _ = np.linalg.qr(Y)
    Y = R_train @ (R_train.T @ Q)
Q, _ = np.linalg.qr(Y)
small = R_train.T @ Q  # (3) shape (1682, 40)
s_sketch = np.linalg.svd(small, compute_uv=False)[:20]  # (4)
difference = np.abs(s_sketch / svd.singular_values_ - 1).max()
claim("Largest relative error of 20 singular values", difference, below=0.03)

# %% [markdown]
# ## What goes wrong
#
# - **Signs.** $u_i$ and $v_i$ may both change sign, so compare products of two fits, not their factors.
# - **The first direction is popularity.** The claim under the RMSE showed it.
# - **k at full rank** gives the row back: every unseen film scores 0.
#
# ## Recap
#
# - **O4.1:** you took a table apart, and built its best approximation.
# - **O4.2:** you chose k from a gap, energy and held-out clicks, and saw them disagree.
# - **O4.3:** you saw one model far off on ratings and first in ranking, and why.
# - **O4.4:** you folded in somebody new.
# - **O4.5:** you found a direction with products alone.
#
# Five questions: write one letter for each, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["a", "a", "b", "a", "b"]
### END SOLUTION
quiz("04", answers)
progress("04")

# %% [markdown]
# ## Further reading
#
# - Cremonesi, Koren, Turrin (2010), *Performance of Recommender Algorithms on Top-N Recommendation Tasks*: PureSVD,
#   and why RMSE misleads.
# - Halko, Martinsson, Tropp (2011), *Finding Structure with Randomness*: the sketch above, with error bounds.
#
# **Next.** Chapter 05 learns factors from the ratings alone, without zeros.
