# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "04"
#     minutes: {reading: 20, doing: 38}
# ---

# %% [markdown]
# # 04 · SVD: a few directions that explain most
#
# Noor has joined a film club this evening. She has rated one film, with five stars, and asks what to watch next.
# The club knows five people and four films. In this notebook we find out how much of such a table a few
# **directions** of taste explain, and how they rank films for somebody new.
#
# ## What you will be able to do
#
# - **O4.1** Take a matrix apart with the SVD, build its best approximation of rank k and say how far off it is
# - **O4.2** Choose k from the singular values and from held-out items
# - **O4.3** Explain what filling with zeros does, and measure ratings and rankings separately
# - **O4.4** Fold in a person who was not there when the model was fitted
# - **O4.5** Find the strongest direction without a library, by power iteration
#
# You need matrix products and what an orthogonal vector is. The interaction matrix comes from chapter 01.

# %%
import numpy as np
import pandas as pd

from recsys_teach import movielens
from recsys_teach.evaluation import evaluate, result_table
from recsys_teach.figures import BLUE, MODEL_STYLES, ORANGE, label_bars, new_axes, show, slider
from recsys_teach.interactions import split_per_user
from recsys_teach.learn import TODO, check, claim, hint, predict, progress, quiz, reveal
from recsys_teach.metrics import rmse
from recsys_teach.world import load_world

# %% [markdown]
# ## Predict first
#
# Further down we compare four ways to recommend on real data. **Mean rating** ranks films by their average
# star, **popularity** by how many people rated them. **PureSVD**, the model of this chapter, treats every
# missing rating as a 0. Write the letter of your guess in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "c"
### END SOLUTION
predict("P4.1", guess)

# %% [markdown]
# ## By hand: four films and five people
#
# Rows are people, columns are films, a number is a rating from 1 to 5 and a 0 means "not rated". Two people like
# the first two films, two like the last two, and the fifth likes the first two very much.

# %%
R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
U, s, Vt = np.linalg.svd(R, full_matrices=False)
print("singular values:", s.round(3))
print("first two rows of Vt:")
print(Vt[:2].round(2))

# %% [markdown]
# The **singular value decomposition** (SVD) writes the table as
#
# $$R = U \Sigma V^\top = \sum_i \sigma_i \, u_i v_i^\top$$
#
# - $v_i$ (`Vt[i]`) is a direction over films, a unit vector. In the first all films have the same sign: how much
#   somebody rates at all. The second sets the first two films against the last two.
# - $u_i$ (`U[:, i]`) says how strongly each person goes along that direction.
# - $\sigma_i$ (`s[i]`), the **singular value**, says how much of the table the direction carries. They come
#   sorted, largest first.
#
# The sum has one **layer** for each direction. As a loop:

# %%
layers = np.zeros_like(R)
for i in range(len(s)):
    layers += s[i] * np.outer(U[:, i], Vt[i])  # (5, 4)
assert np.allclose(layers, R)
assert np.allclose(layers, (U * s) @ Vt)  # the same as one product: U * s gives each column its size
coordinates = (U * s)[:, :2]  # (5 people, 2 directions)
print(coordinates.round(2))

# %% [markdown]
# The table is back, by the loop and by one product. Printed are the coordinates of the five people on the first
# two directions. Where do people and films lie when we draw only those two? Look for two groups.

# %%
fig, ax = new_axes(height=4.2)
ax.scatter(*coordinates.T, s=60, color=BLUE)
for x, y in 6 * Vt[:2].T:
    ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": ORANGE, "linewidth": 2})
labels = {"persons 0, 1": (-6.3, 2.5), "person 4": (-7.6, 0.9), "persons 2, 3": (-3.5, -6.2)}
labels |= {"films 0, 1": (-3.6, 2.1), "films 2, 3": (-1.6, -4.3)}
for name, (x, y) in labels.items():
    ax.text(x, y, name)
ax.set(xlabel="first direction (stars)", ylabel="second direction (stars)", xlim=(-9.5, 1), ylim=(-7, 4.5))
show(
    fig,
    caption="People (points) and films (arrows) on two directions.",
    alt="Scatter plot of five people on two directions with arrows for the films. Persons 0, 1 and 4 lie where the "
    "arrows of films 0 and 1 point, persons 2 and 3 where films 2 and 3 point.",
)

# %% [markdown]
# A person likes a film when their point lies in the direction of its arrow. Persons 0 and 1 share one point: two
# directions cannot tell them apart. That is what is lost.
#
# ## The best approximation of rank k
#
# Keep the first $k$ layers and drop the rest: $R_k = U_k \Sigma_k V_k^\top$. **Eckart and Young** proved in 1936
# that no other matrix of rank $k$ comes closer, and the distance is known in advance:
#
# $$\lVert R - R_k \rVert_F = \sqrt{\sum_{i > k} \sigma_i^2}$$
#
# The **Frobenius norm** $\lVert \cdot \rVert_F$ is the root of the sum of all squared cells
# (`np.linalg.norm`). With $k = 2$ the two values left out are both $\sqrt 2$, so the error is
# $\sqrt{2 + 2} = 2$. "No other matrix" can be tried out: a thousand projections on two random directions.

# %% tags=["claim"]
R_2 = (U[:, :2] * s[:2]) @ Vt[:2]
error = float(np.linalg.norm(R - R_2))
rng = np.random.default_rng(4)
others = []
for _ in range(1000):
    Q, _ = np.linalg.qr(rng.normal(size=(4, 2)))  # two random orthonormal directions
    others.append(np.linalg.norm(R - R @ Q @ Q.T))
claim("Frobenius error of rank 2 on the tiny table", error, near=2, within=1e-9)
claim("The formula gives the same", np.isclose(error, np.sqrt((s[2:] ** 2).sum())))
claim("Smallest error of 1,000 other projections", float(min(others)), above=2.0)

# %% [markdown]
# ### Exercise 4.1 · Error of a truncation (warm-up, 4 minutes)
#
# Give the Frobenius error of the best approximation of rank `k`, from the singular values alone.
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
# Build $R_k$. Input: `R`, shape (n_users, n_items), and `k`. Output: an array of the shape of `R`. Use
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
# From here on we use the version of the package, so that the rest of the chapter runs whatever you wrote. It is
# what you built, with an error message for a `k` that does not fit.

# %%
from recsys_teach.models import Popularity, PureSVD, rank_k

print(rank_k(R, 2).round(2))

# %% [markdown]
# Look at person 0, film 2: not rated, and now .5. As a prediction of a rating from 1 to 5 that is absurd. As a
# place in a list it is sensible: below the films of their own group, and above nothing.
#
# > **Reading the source critically.** The articles that this course grew from write the truncated SVD as
# > $U \approx U_k U_k^\top$, $P \approx P_k P_k^\top$ and $R \approx R_k R_k^\top$. Let us try the last two.

# %%
U_k = U[:, :2]  # (5, 2)
print("R:", R.shape, " U:", U.shape, " U_k U_kᵀ:", (U_k @ U_k.T).shape, " R_k R_kᵀ:", (R_2 @ R_2.T).shape)
print("largest difference between R_k and U_k U_kᵀ R:", np.abs(R_2 - U_k @ U_k.T @ R).max().round(6))

# %% [markdown]
# > $U_k U_k^\top$ is people × people, and so is $R_k R_k^\top$: neither can approximate a table of people × films.
# > $U_k U_k^\top$ is a **projector**. It says where a person's column lands, and only its product with the table
# > is an approximation. Correct is $R_k = U_k \Sigma_k V_k^\top = U_k U_k^\top R = R V_k V_k^\top$ (Eckart and Young
# > 1936; Golub and Van Loan, *Matrix Computations*, section 2.4).
#
# ## What filling with zeros means
#
# The SVD needs every cell. Writing 0 into the empty ones tells it that Noor and everybody else hate what they
# have not seen. Two questions follow, and they have different answers: how far off are the predicted
# *ratings*, and how good is the *order*?
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
# The order is judged by **nDCG@10**, the normalised discounted cumulative gain of the first ten places. A hidden
# film that turns up at place $r$ gains $1 / \log_2(r + 1)$: 1 at the top, less further down. The sum is divided by
# that of a perfect list, so that 1 is best. By hand, for a list whose places 1 and 3 are hits, of two possible:

# %%
hits = np.array([1, 0, 1, 0, 0])
discounts = 1 / np.log2(np.arange(1, 6) + 1)  # one for each place
gained, perfect = (hits * discounts).sum(), discounts[:2].sum()
print(f"gained {gained:.3f} of {perfect:.3f}: nDCG@5 = {gained / perfect:.3f}")

# %% [markdown]
# ## Where the truth is known: the world
#
# The course's made-up streaming service knows what everybody would like: its **affinity** table was built from
# 8 directions of taste. We add noise to each cell, as a real measurement would, and look at the singular values.
# Can you see the 8?

# %%
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

# %% [markdown]
# Eight values stand above the dashed line and the rest lies on it: the **singular gap** shows the planted rank.
# The line is no guess: for noise of standard deviation $\sigma$ (here 2) in $m \times n$ cells, the largest singular
# value is close to $\sigma(\sqrt m + \sqrt n)$.

# %% tags=["claim"]
claim("Singular values above the noise", int((s_world > 1.05 * edge).sum()), near=8, within=0)
claim("The eighth against the ninth", float(s_world[7] / s_world[8]), above=1.8)

# %% [markdown]
# ### Exercise 4.4 · The smallest k that is enough (core, 6 minutes)
#
# A second way to choose: keep enough **energy**, the sum of squared singular values. Give the smallest `k` whose
# first `k` directions hold at least a `share` of it. Input: `s`, largest first, and `share` from 0 to 1.
# Output: an int. Example: `s = [4, 3, 2, 1]` has the energies 16, 9, 4, 1, in all 30; the first two hold 25 / 30,
# the first three 29 / 30, so `share = 0.9` needs `k = 3`.


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
# The service does not know the affinities. It sees **clicks**, and only on what it showed. Most cells are empty, and
# the gap drowns. What still works is to hide some clicks and see which `k` ranks them best. Each person's clicks
# are split 80 to 20 at random, and all items without a training click compete.

# %%
train, test = split_per_user(world.clicks(), random_state=0)
split = "the world's clicks, per-user random 80/20"


def ndcg(score, name):
    """Mean nDCG@10 of a score function on the held-out clicks."""
    return evaluate(score, train, test, name=name, split=split).mean("nDCG@10")


ks = [1, 2, 4, 8, 16, 32, 64]
by_k = [ndcg(PureSVD(k).fit(train).score, f"k = {k}") for k in ks]
print(pd.Series(by_k, index=ks).round(2).to_string())

# %% [markdown]
# Where is the peak, and how far is it from the best that any model could reach? The truth gives that too: the
# **oracle** ranks by how probable it is that an item is shown and clicked.

# %%
oracle = ndcg(world.truth.score, "oracle")
popular = ndcg(Popularity().fit(train).score, "popularity")
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
# The curve peaks near the planted rank. Beyond it PureSVD copies the noise of the training clicks, until it is worse
# than popularity. The oracle stays well above: so few clicks do not show all of a person's taste.

# %% tags=["claim"]
claim("Best k on the world's held-out clicks", ks[int(np.argmax(by_k))], near=6, within=2)
claim("PureSVD at its peak against popularity", max(by_k) / popular, above=1.2)
claim("PureSVD with k = 64 against popularity", by_k[-1] / popular, below=0.8)
claim("The oracle against PureSVD at its peak", oracle / max(by_k), above=1.4)

# %% [markdown]
# ## Real people: MovieLens-100K
#
# Real people and films. First play: a corner with the 60 busiest people and the 60 most rated films, and what is
# left of it with five directions. In JupyterLab, the slider below draws any other `k`. From which on do you
# recognise the corner?

# %%
ratings = movielens.load()
full = ratings.matrix("rating").toarray()
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

# %%
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
# Rows and columns that are bright as a whole return first: who rates much, and what is rated much. Single cells
# need nearly all directions.
#
# Now the experiment that you made a guess about, with the same kind of split. First the ratings: we predict each
# hidden one by the film's mean and by PureSVD.

# %% tags=["claim"]
train, test = split_per_user(ratings, random_state=0)
R_train, rated = train.matrix("rating"), train.matrix()
n_ratings = rated.sum(axis=0)  # (1682,)
mean_rating = R_train.sum(axis=0) / np.maximum(n_ratings, 1)
mean_rating[n_ratings == 0] = R_train.data.mean()
svd = PureSVD(20, value="rating").fit(train)

hidden = test.log["rating"]
predicted = svd.score(np.arange(ratings.n_users))[test.user_pos, test.item_pos]
rmse_svd, rmse_mean = rmse(hidden, predicted), rmse(hidden, mean_rating[test.item_pos])
claim("RMSE of the zero-filled SVD", rmse_svd, above=2.0)
claim("RMSE of the film's mean", rmse_mean, near=1.02, within=0.03)

# %% [markdown]
# As a predictor of ratings PureSVD is hopeless: it expects nearly nothing of a film that somebody has not rated.
# Now the order. Every film that a person has not rated in training competes for their ten places.

# %%
split = "ML-100K, per-user random 80/20, seed 0"
chance = np.random.default_rng(4)
scorers = {
    "random": lambda users: chance.random((len(users), ratings.n_items)),
    "mean rating": lambda users: np.tile(mean_rating, (len(users), 1)),
    "popularity": Popularity().fit(train).score,
    "PureSVD": svd.score,
}
results = [evaluate(score, train, test, name=name, split=split) for name, score in scorers.items()]
result_table(results)

# %% [markdown]
# And your guess? The picture puts both measures side by side.

# %%
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
    caption="The worst rating predictor is the best ranker.",
    alt="Two bar charts. Left, RMSE: PureSVD is far worse than the film's mean. Right, nDCG at 10: PureSVD leads, "
    "popularity has about half, random order and mean rating are near zero.",
)

# %% [markdown]
# Ranking by mean rating is worse than random order: its first places go to films that one person gave five stars,
# and hardly anybody goes on to see those. Does all this hang on one split? We repeat it with five.

# %%
rows = []
for seed in range(5):
    train_s, test_s = split_per_user(ratings, random_state=seed)
    models = {"PureSVD": PureSVD(20, value="rating"), "PureSVD, 0 and 1": PureSVD(20), "popularity": Popularity()}
    rows.append(
        {
            name: evaluate(model.fit(train_s).score, train_s, test_s, name=name, split=split).mean("nDCG@10")
            for name, model in models.items()
        }
    )
folds = pd.DataFrame(rows)
folds.agg(["mean", "std"]).round(3)

# %% [markdown]
# "0 and 1" is PureSVD on the bare fact that somebody rated a film, without the stars. It ranks at least as well:
# what people *chose* to rate says more about what they choose next than the stars do.

# %% tags=["claim"]
claim("nDCG@10 of PureSVD on stars, mean of 5 splits", float(folds["PureSVD"].mean()), near=0.425, within=0.01)
claim("nDCG@10 of PureSVD on 0 and 1", float(folds["PureSVD, 0 and 1"].mean()), near=0.4346, within=0.01)
claim("Popularity in the best split", float(folds["popularity"].max()), below=float(folds["PureSVD"].min()))
claim("Mean rating against random order", ndcgs["mean rating"] < ndcgs["random"])

# %% [markdown]
# Cremonesi, Koren and Turrin (2010, section 5) found the same on MovieLens and Netflix: models tuned for RMSE lose
# to PureSVD in top-N lists. The zeros are no error of measurement. People pick what they watch, so what is missing
# is **missing not at random**, and a model that looks at the holes learns from them.
#
# ## Somebody new: fold-in
#
# Noor's row was not there when the model was fitted. Nothing has to be fitted again: `row @ V` are her coordinates
# on the directions that the others gave, and one more product goes back to films.
#
# ### Exercise 4.5 · Fold in a new person (core, 8 minutes)
#
# Give the scores of all items for a person, $r V_k V_k^\top$. Input: `row`, shape (n_items,), and `V`, shape
# (n_items, k), orthonormal columns. Output: shape (n_items,). Example: with the two directions of our table and
# `row = [5, 0, 0, 0]` the scores are `[2.5, 2.5, 0, 0]`: film 1, which belongs to film 0, comes next.


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
# The package's `PureSVD` has the same under the name `fold_in`, for many rows at once; for somebody who was there it
# gives what the model gives. A newcomer who gave five stars to two films gets ten more:

# %% tags=["claim"]
liked = ["Star Wars", "Empire Strikes Back, The"]
titles = ratings.items["title"]
row = np.where(titles.isin(liked), 5.0, 0.0)  # (1682,)
scores = np.where(row > 0, -np.inf, svd.fold_in(row[None])[0])
print(titles.iloc[np.argsort(-scores)[:10]].to_string(index=False))
own = svd.fold_in(R_train[[7]])
claim("Fold-in of a known person equals the model's score", np.allclose(own, svd.score(np.array([7]))))

# %% [markdown]
# ## Without a library: power iteration
#
# Where do directions come from? Take any vector over items, carry it to the people with $R$, back to the items with
# $R^\top$, make it a unit vector, repeat. Each round multiplies the share of direction $i$ by $\sigma_i^2$, so the
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
# normalisation at the end, which overflows after many steps. **Typical mistake.** Building `R.T @ R`, which is
# n_items × n_items, where two thin products do.

# %% [markdown]
# One vector at a time is slow. **Randomised SVD** (Halko, Martinsson and Tropp 2011, section 1.6) takes
# $k$ plus a few random vectors at once: `Q`, an orthonormal basis of what a few rounds make of them, holds the strong
# directions, and the SVD of the small matrix `Q.T @ R` finishes the work.

# %% tags=["claim"]
rng = np.random.default_rng(4)
Y = R_train @ rng.normal(size=(ratings.n_items, 40))  # (943, 40): 20 directions and 20 to spare
for _ in range(4):
    Q, _ = np.linalg.qr(Y)
    Y = R_train @ (R_train.T @ Q)
Q, _ = np.linalg.qr(Y)
s_sketch = np.linalg.svd((R_train.T @ Q).T, compute_uv=False)[:20]  # the SVD of a 40 x 1682 matrix
difference = np.abs(s_sketch / svd.singular_values_ - 1).max()
claim("Largest relative error of 20 singular values from the sketch", float(difference), below=0.02)

# %% [markdown]
# ## What goes wrong
#
# - **Signs.** $u_i$ and $v_i$ may both change sign, so never compare factors of two fits cell by cell. Compare
#   products, or directions up to sign.
# - **The first direction is popularity.** It points at what everybody rates, which the next cell shows.
# - **Too large a k** gives the row back: every unseen film scores 0, and the list becomes arbitrary.

# %% tags=["claim"]
correlation = np.corrcoef(np.abs(svd.item_factors_[:, 0]), n_ratings)[0, 1]
claim("Correlation of the first direction with the number of ratings", float(correlation), above=0.9)

# %% [markdown]
# ## Recap
#
# You have taken a table apart and built its best approximation (O4.1), chosen k from a gap, an energy share and
# held-out clicks (O4.2), seen one model be the worst predictor and the best ranker (O4.3), folded in somebody
# new (O4.4), and found a direction with products alone (O4.5). Five questions: write one letter for each, as in
# `["a", "b", "a", "c", "b"]`. Under them stands what you have shown so far.

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
# - Golub, Van Loan, *Matrix Computations*, chapter 2: the SVD and its geometry in a few pages.
#
# **Next.** Chapter 05 learns factors from the ratings alone, without pretending that the empty cells are zeros.
