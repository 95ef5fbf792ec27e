# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "02"
#     minutes: {reading: 20, doing: 48}
# ---

# %% [markdown]
# # 02 · Neighbors and content
#
# Ada has not seen *Waltz*. Should she? She can ask what people give it on average, ask those who share her taste, or
# read the poster. In this notebook we build all three answers, and find out when to trust which.
#
# ## What you will be able to do
#
# - **O2.1** Compute damped means, so that a few values move them only a little
# - **O2.2** Measure how alike two films are by their cosine, and shrink what few people say
# - **O2.3** Predict a rating and rank a catalog from item neighbors
# - **O2.4** Weight words by TF-IDF, and rank by content
#
# You need chapter 01 and the dot product of two vectors.

# %%
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from recsys_teach.data import Split, movielens, split_per_user
from recsys_teach.data.world import load_world, make_world
from recsys_teach.evaluation import evaluate, ndcg_at_k, rmse, top_k
from recsys_teach.figures import BLUE, MODEL_STYLES, ORANGE, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, predict, progress, quiz, reveal

# %% [markdown]
# ## Predict first
#
# New titles come to **the world**, our made-up service where genres explain most of what sets titles apart, and to
# **MovieLens**, with 18 genres and the words of titles. *Words* rank what is described like the things you met; *user
# neighbors* rank what people like you met.

# %%
### BEGIN SOLUTION
guess = "b"
### END SOLUTION
predict("P2.1", guess)

# %% [markdown]
# ## First answer: what people give it on average
#
# The table of chapter 01; a 0 means "not rated".

# %% tags=["claim"]
people, films = ["Ada", "Ben", "Cleo", "Dan", "Eve"], ["Chase", "Heist", "Waltz", "Letter"]
R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
rated = R > 0
mu = R[rated].mean()
print(f"mean of all 16 ratings: {mu:.2f}")
for i, film in enumerate(films):
    print(f"{film:7} mean {R[rated[:, i], i].mean():.2f} of {rated[:, i].sum()} ratings")
claim("Waltz, in stars below the mean of all", mu - R[rated[:, 2], 2].mean(), near=0.5, within=0.01)

# %% [markdown]
# First answer for Ada: 2.75, half a star below the mean of all: rather not. On MovieLens-100K, look at what the
# highest means stand on:

# %%
ml = movielens.load()
ml_rating = ml.log["rating"].to_numpy(float)  # (100000,)
n_ratings = np.bincount(ml.item_pos, minlength=ml.n_items)  # (1682,)
means = np.bincount(ml.item_pos, ml_rating, minlength=ml.n_items) / n_ratings
best = np.argsort(-means, kind="stable")[:6]
print(pd.DataFrame({"title": ml.items["title"].to_numpy(), "mean": means, "n": n_ratings}).iloc[best].to_string())

# %% [markdown]
# One to three happy people are enough. The mend: pretend that each film has $d$ more ratings (`damping`), all equal to
# the mean of all:
#
# $$b_i = \frac{\sum_{u} (r_{ui} - \mu)}{n_i + d}$$
#
# $\mu$ is the mean of all ratings (`mu`), $n_i$ how many film $i$ has, and the sum runs over those who rated it.
# $b_i$ is the film's **bias**, in stars above or below $\mu$.
#
# ### Exercise 2.1 · Damped means (core, 6 minutes)
#
# Give the damped mean of each group: the sum of its values over (their number + `damping`). Example: `[2, 1, -1]`,
# `[0, 2, 2]`, `3`, `5` give `[2 / 6, 0, 0]`: a single 2 is hardly believed, and group 1 is empty.


# %%
def damped_means(values, groups, n_groups, damping):
    """Mean of each group, as if it held damping more values of 0.

    values, groups : shape (n,), such as r_ui - mu, and the group of each, from 0 to n_groups - 1
    damping : number above 0
    returns : shape (n_groups,)
    """
    ### BEGIN SOLUTION
    total = np.bincount(groups, values, minlength=n_groups)
    count = np.bincount(groups, minlength=n_groups)
    return total / (count + damping)
    ### END SOLUTION


check("2.1", damped_means)

# %% [markdown] tags=["solution"]
# **Why it works.** What is added is 0, so it changes only the number of values. **Another way.** A loop over groups
# with a mask. **Typical mistake.** Forgetting `minlength`: films at the end that nobody rated get no place.

# %% [markdown]
# From here on we use the package's version. People differ too: the **user bias** $b_u$ is the damped mean of what $\mu$
# and $b_i$ leave. Then the $b_i$ are taken again, given the $b_u$; after five rounds we predict $\mu + b_u + b_i$, as
# the package's `DampedBiases` does.

# %%
from recsys_teach.models import DampedBiases
from recsys_teach.models.biases import damped_means

mu = ml_rating.mean()
user_bias = np.zeros(ml.n_users)
for _ in range(5):
    item_bias = damped_means(ml_rating - mu - user_bias[ml.user_pos], ml.item_pos, ml.n_items, 5)
    user_bias = damped_means(ml_rating - mu - item_bias[ml.item_pos], ml.user_pos, ml.n_users, 5)
biases = DampedBiases(damping=5).fit(ml)
assert np.allclose(biases.item_biases_, item_bias) and np.allclose(biases.user_biases_, user_bias)
print(f"user biases from {user_bias.min():.1f} to {user_bias.max():.1f} stars")

# %% [markdown]
# Which $d$? We hide a random fifth of each person's ratings, in five splits, and judge the damped mean twice. How far
# off is it (**RMSE**, the root of the mean squared error, in stars)? How well does it order films that the person has
# not rated (**nDCG@10**: 1 if hidden films fill the top of a list of ten, 0 if none is on it; chapter 03 computes it)?
# Will one $d$ be best for both?

# %%
dampings = [0, 1, 5, 25, 100, 400, 10000]
splits = [split_per_user(ml, random_state=seed) for seed in range(5)]
random_scores = np.random.default_rng(2).random(ml.shape)
rows = []
for split in splits:
    train, test = split.train, split.test
    above = (train.log["rating"] - train.log["rating"].mean()).to_numpy()
    off = test.log["rating"] - train.log["rating"].mean()
    # evaluate asks for the scores of some users, shape (len(users), n_items)
    row = {"random": evaluate(lambda users: random_scores[users], split, name="random").mean("nDCG@10")}
    for d in dampings:
        b = damped_means(above, train.item_pos, ml.n_items, d)  # (1682,)
        row["RMSE", d] = rmse(off, b[test.item_pos])
        row["nDCG@10", d] = evaluate(lambda users, b=b: np.tile(b, (len(users), 1)), split, name="b").mean("nDCG@10")
    plain = damped_means(above, train.item_pos, ml.n_items, 0)
    row["raters"] = np.bincount(train.item_pos)[np.argsort(-plain, kind="stable")[:10]].max()  # of its top ten
    rows.append(row)
by_split = pd.DataFrame(rows)  # a row for each split

# %% tags=["claim"]
fig, axes = new_axes(columns=2, width=8.5, height=3.2)
for ax, metric, better in zip(axes, ["RMSE", "nDCG@10"], ["stars; less", "more"], strict=True):
    values = [by_split[metric, d].mean() for d in dampings]
    ax.plot(range(len(dampings)), values, **MODEL_STYLES["mean rating"])
    ax.set(xticks=range(len(dampings)), xticklabels=dampings, xlabel="damping d (ratings)")
    ax.set_ylabel(f"{metric} ({better} is better)")
show(
    fig,
    caption="Film means: one damping for stars, another for order.",
    alt="Two line charts against the damping from 0 to 10000. The RMSE is lowest at a damping of one to five and rises "
    "after that; nDCG at 10 starts at zero and rises all the way.",
)
by_order = {d: by_split["nDCG@10", d] for d in dampings}
best_d = min(dampings, key=lambda d: by_split["RMSE", d].mean())
claim("nDCG@10 of random order, mean of 5 splits", by_split["random"].mean(), near=0.015, within=0.003)
claim("Ranking by the plain mean is below random order in each split", bool((by_order[0] < by_split["random"]).all()))
claim("nDCG@10 of the mean with d = 5", by_order[5].mean(), near=0.081, within=0.009)
claim("nDCG@10 of the mean with d = 400", by_order[400].mean(), near=0.168, within=0.009)
claim("nDCG@10 of the mean with d = 10000", by_order[10000].mean(), near=0.184, within=0.009)
claim("Most raters of a film in the plain mean's top ten", int(by_split["raters"].max()), below=4)
claim("RMSE is smallest with d = 1 or 5", best_d in (1, 5))

# %% [markdown]
# No. The stars want little damping, the order a lot. The plain mean ranks worse than chance: its top ten are films with
# one to three raters, which hardly anybody has hidden. With ever more damping the order nears that of
# $n_i (\bar r_i - \mu)$, a popularity of sorts.
#
# ## Second answer: neighbors
#
# Which films are like *Waltz*? The **cosine** of two columns is large if the same people rate both high:
#
# $$s_{ij} = \frac{\sum_u r_{ui} r_{uj}}{\lVert r_i \rVert \, \lVert r_j \rVert}$$
#
# $r_i$ is column $i$ (`R[:, i]`) and $\lVert r_i \rVert$ its **norm**, the root of the sum of its squares
# (`np.linalg.norm`), over *all* ratings of the film. A blank adds nothing to any of these sums.
#
# ### Exercise 2.2 · Cosine of two columns (warm-up, 4 minutes)
#
# Example: *Chase* `[5, 4, 1, 0, 5]` and *Heist* `[4, 5, 0, 1, 5]` have the product 20 + 20 + 25 = 65 and the norms √67
# and √67: the cosine is 65 / 67 ≈ 0.970.


# %%
def cosine(a, b):
    """Cosine of two columns of ratings.

    a, b : shape (n_users,), 0 for "not rated"; each film has a rating
    returns : one number
    """
    ### BEGIN SOLUTION
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    ### END SOLUTION


check("2.2", cosine)

# %% [markdown] tags=["solution"]
# **Why it works.** It is the dot product of two unit vectors. **Another way.** `a / np.linalg.norm(a)` first, the same
# for `b`, then `@`. **Typical mistake.** `np.corrcoef(a, b)`, which takes the zeros for opinions.

# %% [markdown]
# With columns of length 1, one product gives all cosines. The loop agrees.

# %%
cosines = np.zeros((4, 4))
for i in range(4):
    for j in range(4):
        norms = np.linalg.norm(R[:, i]) * np.linalg.norm(R[:, j])
        cosines[i, j] = sum(R[u, i] * R[u, j] for u in range(5)) / norms
unit = R / np.linalg.norm(R, axis=0)  # (5, 4), columns of length 1
assert np.allclose(unit.T @ unit, cosines)
print(pd.DataFrame(cosines, films, films).round(2).to_string())

# %% [markdown]
# *Chase* and *Waltz* have opposite friends, and a cosine above 0, since all stars are positive. **Pearson's
# correlation** is the cosine of the *deviations* from each film's mean, over the common raters. It runs from -1 to 1.


# %% tags=["claim"]
def pearson(a, b):
    """Correlation of the ratings of those who rated both; not a number if there is nothing to compare."""
    both = (a > 0) & (b > 0)
    if both.sum() < 2 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return np.nan
    a, b = a[both] - a[both].mean(), b[both] - b[both].mean()
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


with_chase = [pearson(R[:, 0], R[:, i]) for i in range(4)]
print("Chase with each film:", np.round(with_chase, 2))
claim("Chase with Waltz and with Letter, the larger", max(with_chase[2:]), below=-0.9)
claim("Chase with Heist", with_chase[1], near=-0.5, within=0.01)

# %% [markdown]
# Now the sign speaks: *Waltz* and *Letter* are below -0.9. But *Heist*, nearest by cosine, gets -0.5: three common
# raters differ by a star here and there, an accident of three people. How often does this happen? We correlate *Star
# Wars* with every film that shares raters with it. Where would you look for those that truly resemble it? Ignore the
# dashed curve for now: it is no correlation but a share, and comes next.

# %%
stars = ml.matrix("rating").toarray()  # (943, 1682)
titles = ml.items["title"].to_numpy()
star_wars = int(np.flatnonzero(titles == "Star Wars")[0])
with_star_wars = np.array([pearson(stars[:, star_wars], stars[:, i]) for i in range(ml.n_items)])
with_star_wars[star_wars] = np.nan
common = ((stars > 0) & (stars[:, [star_wars]] > 0)).sum(axis=0)  # (1682,) people who rated both

# %% tags=["claim"]
fig, ax = new_axes(height=3.8)
ax.scatter(common, with_star_wars, s=12, color=BLUE, alpha=0.6)
ax.plot(np.arange(1, 600), np.arange(1, 600) / (np.arange(1, 600) + 50), color=ORANGE, linestyle="--")
ax.text(200, 0.9, "share believed, n / (n + 50)", ha="right")
for film in ["Empire Strikes Back, The", "Return of the Jedi", "Raiders of the Lost Ark"]:
    at = int(np.flatnonzero(titles == film)[0])
    label = film.removesuffix(", The").removesuffix(" of the Lost Ark")
    ax.text(common[at] * 1.1, with_star_wars[at], label, va="bottom" if film[0] == "E" else "top")
ax.set(xscale="log", xlabel="people who rated both (log scale)", ylabel="correlation with Star Wars")
ax.set(xticks=[1, 10, 100, 500], xticklabels=["1", "10", "100", "500"], xlim=(0.8, 6000))
show(
    fig,
    caption="Few common raters, extreme correlations.",
    alt="Scatter plot of films by the number of people who rated them and Star Wars. Correlations spread from minus "
    "one to one on the left and narrow to the right; a dashed curve rises from zero to nearly one.",
)
extreme = np.abs(with_star_wars) > 0.999
claim("Films that correlate perfectly, one way or the other, with Star Wars", int(extreme.sum()), above=40)
claim("Most common raters that any of them has", int(common[extreme].max()), below=10)

# %% [markdown]
# Perfect agreement comes from a few common raters, by chance; the relatives stand far right. So we multiply a
# similarity by the dashed share, $n_{ij} / (n_{ij} + \lambda)$: $n_{ij}$ people rated both films, and $\lambda$ is the
# **shrinkage** (`shrinkage`), in people.
#
# ### Exercise 2.3 · Shrunken similarities (core, 8 minutes)
#
# Give all pairs of films their cosine times this share, and 0 on the diagonal. Example: in
# `R = [[4, 2], [0, 3], [4, 0]]` the cosine is 8 / (√32 √13), and one person rated both. With `shrinkage = 4` a fifth of
# it stays, ≈ 0.078.


# %%
def shrunk_similarities(R, shrinkage):
    """Cosines of all pairs of columns, shrunk by the number of common raters.

    R : shape (n_users, n_items), 0 for "not rated"; each column holds a rating
    shrinkage : number above 0
    returns : shape (n_items, n_items)
    """
    ### BEGIN SOLUTION
    unit = R / np.linalg.norm(R, axis=0)
    rated = (R > 0).astype(float)
    n = rated.T @ rated  # (n_items, n_items) people who rated both
    S = (unit.T @ unit) * n / (n + shrinkage)
    np.fill_diagonal(S, 0)
    return S
    ### END SOLUTION


check("2.3", shrunk_similarities)

# %% [markdown] tags=["solution"]
# **Why it works.** The product of two columns of 0 and 1 counts the rows where both are 1. **Another way.** Two
# loops over films. **Typical mistake.** `(R > 0).T @ (R > 0)`: a product of truth values is one, so n is 1 at most.

# %% [markdown]
# The package's `nearest` does this for a sparse matrix and keeps the `k` largest above 0 in each row. Instead of
# Pearson, which looks at common raters only, we give it **residuals**, what the biases leave of each rating, and keep
# the norms of whole columns. Who is near *Star Wars* now?

# %%
from recsys_teach.models.neighbors import nearest

by_package = nearest(sparse.csr_array(R), k=4, shrinkage=1).toarray()
assert np.isclose(by_package[0, 1], cosines[0, 1] * 3 / (3 + 1))  # three people rated both Chase and Heist
residuals = ml.matrix("rating")
residuals.data -= biases.expected(*residuals.tocoo().coords)
near = nearest(residuals, k=100, shrinkage=50)  # (1682, 1682), row i holds the neighbors of film i
of_star_wars = near[[star_wars]].toarray()[0]
print(pd.Series(of_star_wars, titles).nlargest(5).round(2).to_string())

# %% [markdown]
# The two sequels lead, and the perfect strangers are gone. To predict a rating, start from what the biases expect, and
# add how far off they were on the film's neighbors:
#
# $$\hat r_{ui} = \mu + b_u + b_i + \frac{\sum_{j} s_{ij} \, e_{uj}}{p + \sum_{j} s_{ij}}$$
#
# $j$ runs over the neighbors of $i$ that $u$ rated, $e_{uj}$ is the residual there (`residuals`), and $p$ (`prior`)
# is the similarity of one more neighbor, on which the biases were right.
#
# ### Exercise 2.4 · A rating from neighbors (core, 6 minutes)
#
# Give the predicted rating. Example: `3.2`, `[0.5, 0.25, 0, 0.5]`, `[1, -1, 2, NaN]`, `0.25`. Above the line stands
# 0.5 - 0.25 = 0.25, below it 0.25 + 0.5 + 0.25 = 1, and the prediction is 3.45.


# %%
def from_neighbors(expected, similar, residuals, prior):
    """Predict a rating, one number: expected (by the biases), corrected by the neighbors; prior is above 0.

    similar : shape (n_items,), similarities to the film, 0 where there is no neighbor
    residuals : shape (n_items,), NaN where the person has not rated (np.isnan tells)
    """
    ### BEGIN SOLUTION
    rated = ~np.isnan(residuals)
    above = (similar[rated] * residuals[rated]).sum()
    return expected + above / (prior + similar[rated].sum())
    ### END SOLUTION


check("2.4", from_neighbors)

# %% [markdown] tags=["solution"]
# **Why it works.** A weighted mean, in which the prior is a vote for the biases. **Another way.** `np.nansum` above,
# and below the similarities times `~np.isnan(residuals)`. **Typical mistake.** `np.nan_to_num`: then films
# that were not rated count below the line, as if the biases were right about them.

# %% [markdown]
# For all films at once, each sum is a product of tables: one with the residuals, one with a 1 for each rating. The
# package's `BiasedItemKNN` agrees, once we cut to the scale, 1 to 5.

# %%
from recsys_teach.models import BiasedItemKNN, ContentProfile, ItemKNN, Popularity, UserKNN

some = np.arange(5)
ones = residuals.copy()
ones.data[:] = 1.0
above, below = (residuals[some] @ near.T).toarray(), (ones[some] @ near.T).toarray()  # both (5, 1682)
by_hand = biases.expected(some[:, None], np.arange(ml.n_items)) + above / (0.1 + below)
biased_knn = BiasedItemKNN(k=100, shrinkage=50, prior=0.1).fit(ml)
pairs = np.repeat(some, ml.n_items), np.tile(np.arange(ml.n_items), 5)
assert np.allclose(np.clip(by_hand, 1, 5).ravel(), biased_knn.predict(*pairs))  # no rating lies outside 1 to 5

# %% [markdown]
# To *rank*, `ItemKNN` takes a matrix of 0 and 1 and the sum alone, not divided: film $i$ scores $\sum_j s_{ij}$ over
# what the person met, so many neighbors beat one.
#
# ### Exercise 2.5 · Rank from neighbors (core, 5 minutes)
#
# Give the `k` films with the largest sum of similarities to what somebody met, best first, without the films met; a
# tie goes to the lower position. Example: `met = [1, 1, 0, 0]`, row 2 is `[0.25, 0.25, 0, 0]`, row 3 is
# `[0.75, 0, 0.5, 0]`. The scores are 0.5 and 0.75, and `k = 2` gives `[3, 2]`.


# %%
def rank_from_neighbors(met, similar, k):
    """Rank the k items with the largest sum of similarities to what was met; returns k positions.

    met : shape (n_items,), 1 for met, else 0
    similar : shape (n_items, n_items), row i holds the neighbors of film i
    k : at most the number of other films
    """
    ### BEGIN SOLUTION
    scores = similar @ met  # (n_items,)
    scores[met > 0] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]
    ### END SOLUTION


check("2.5", rank_from_neighbors)

# %% [markdown] tags=["solution"]
# **Why it works.** The product adds up, in each row, what stands in the columns of the films met. **Another way.**
# `similar[:, met > 0].sum(axis=1)`. **Typical mistake.** `met @ similar`: films may be neighbors one way only, as each
# keeps its own nearest.

# %% [markdown]
# `UserKNN` compares people: film $i$ scores $\sum_v s_{uv}$ over the neighbors $v$ of $u$ who met it. On the tiny
# table, with 4 stars and more as "met":

# %%
liked = sparse.csr_array((R >= 4).astype(float))
by_items = liked @ nearest(liked, k=4).T  # what Ada met, times similarities of films
by_people = nearest(liked.T.tocsr(), k=5) @ liked  # similarities of people, times what they met
for name, scores in {"item neighbors": by_items, "user neighbors": by_people}.items():
    print(f"{name}, Ada:", dict(zip(films, scores.toarray()[0].round(2).tolist(), strict=True)))

# %% [markdown]
# Second answer for Ada: no, twice. Nobody near her likes *Waltz*, and nothing that she likes is near it.
#
# ## Third answer: what is on the poster
#
# A film that nobody met has no neighbors. It has words. We count them:

# %%
posters = ["action chase", "action crime heist", "music romance waltz", "drama letter romance"]
vectorizer = CountVectorizer()
counts = vectorizer.fit_transform(posters).toarray()  # (4 films, 9 words)
print(pd.DataFrame(counts, films, vectorizer.get_feature_names_out()).to_string())

# %% [markdown]
# A rare word tells more than a frequent one. **TF-IDF** (term frequency, inverse document frequency) multiplies each
# count by the weight of its word, and then makes each row a unit vector:
#
# $$\mathrm{idf}_w = \ln \frac{1 + m}{1 + d_w} + 1$$
#
# $m$ is the number of films (`len(counts)`), $d_w$ in how many of them word $w$ stands, and $\ln$ is `np.log`. The last
# 1 keeps words that are everywhere.
#
# ### Exercise 2.6 · TF-IDF weights (core, 8 minutes)
#
# Example: in `[[1, 1], [0, 1]]` the first word stands in one film of two and weighs ln(3 / 2) + 1, the second in both
# and weighs 1. The rows are `[1.405, 1]` over its norm, ≈ `[0.815, 0.580]`, and `[0, 1]`.


# %%
def tfidf(counts):
    """TF-IDF weights, each row of length 1.

    counts : whole numbers, shape (n_items, n_words); each row and each column holds one above 0
    returns : same shape
    """
    ### BEGIN SOLUTION
    d = (counts > 0).sum(axis=0)  # (n_words,) films that have the word
    idf = np.log((1 + len(counts)) / (1 + d)) + 1
    weights = counts * idf
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)
    ### END SOLUTION


check("2.6", tfidf)

# %% [markdown] tags=["solution"]
# **Why it works.** The idf depends on the word alone, so it multiplies a column; the length belongs to the row.
# **Another way.** scikit-learn's `TfidfTransformer`. **Typical mistake.** `counts.sum(axis=0)` for $d_w$: a word that
# one film repeats would look frequent.

# %% [markdown]
# Somebody's **profile** is the mean of the vectors of what they liked. As rows have length 1, a product with it orders
# films as the cosine does.
#
# ### Exercise 2.7 · Rank by content (core, 6 minutes)
#
# Give the `k` films nearest to the profile, ranked as in 2.5, without those liked. Example: with your `tfidf(counts)`,
# whoever liked only *Chase* (`[0]`) gets `[1, 2]` for `k = 2`: *Heist* shares "action", and *Waltz* ties with *Letter*
# at 0.


# %%
def rank_by_content(liked, vectors, k):
    """Rank the k items nearest to the mean of the liked ones; returns k positions.

    liked : positions, at least one
    vectors : shape (n_items, n_words), rows of length 1
    k : at most the number of other films
    """
    ### BEGIN SOLUTION
    profile = vectors[liked].mean(axis=0)  # (n_words,)
    scores = vectors @ profile  # (n_items,)
    scores[liked] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]
    ### END SOLUTION


check("2.7", rank_by_content)

# %% [markdown] tags=["solution"]
# **Why it works.** The profile is a point among the films. **Another way.** The sum instead of the mean: it points the
# same way. **Typical mistake.** Cutting after `k` first and removing the liked films then.

# %% [markdown]
# The package's `ContentProfile` does both, with scikit-learn's weights. What reads like Ada's two films, and like *Star
# Wars*?

# %%
weights = TfidfTransformer().fit_transform(counts).toarray()
profile = weights[R[0] >= 4].mean(axis=0)  # (9,) of Ada
print("Ada:", dict(zip(films, (weights @ profile).round(2).tolist(), strict=True)))
content = ContentProfile(["genres", "title"]).fit(ml)
like_star_wars = (content.item_vectors_ @ content.item_vectors_[[star_wars]].T).toarray()[:, 0]
print(pd.Series(like_star_wars, titles).drop("Star Wars").nlargest(5).round(2).to_string())

# %% [markdown]
# Third answer for Ada: the poster of *Waltz* shares no word with what she liked, so no. "Star" is a rare word, so films
# with it in the title come first, among them *Star Kid*, of the three ratings at the top of this chapter, whose raters
# never rated *Star Wars*. Words do not say how good or how known a film is.
#
# ## Where the truth is known: the world
#
# We rank all unseen titles for each person, in five splits of the clicks.

# %% tags=["claim"]
world = load_world()
clicks = world.clicks()
genres = ["genre", "second_genre"]


def ndcgs(models, data):
    """nDCG@10 of each model in five splits."""
    found = {name: [] for name in models}
    for seed in range(5):
        split = split_per_user(data, random_state=seed)
        for name, model in models.items():
            score = model.fit(split.train).score
            found[name].append(evaluate(score, split, name=name).mean("nDCG@10"))
    return pd.DataFrame(found)


contestants = {"popularity": Popularity(), "item neighbors": ItemKNN(), "user neighbors": UserKNN()}
in_world = ndcgs({**contestants, "words": ContentProfile(genres)}, clicks)
print(f"{splits[0].name.rsplit(',', 1)[0]}, seeds 0 to 4; all unseen items ranked; nDCG@10")
print(in_world.agg(["mean", "min", "max"]).T.round(3).to_string())
claim("nDCG@10 of item neighbors", in_world["item neighbors"].mean(), near=0.145, within=0.009)
claim("nDCG@10 of user neighbors", in_world["user neighbors"].mean(), near=0.149, within=0.009)
claim("nDCG@10 of words", in_world["words"].mean(), near=0.034, within=0.005)
ahead = in_world["item neighbors"] > in_world["popularity"]
claim("Item neighbors beat popularity in each split", bool(ahead.all()))
claim("Words are below popularity in each split", bool((in_world["words"] < in_world["popularity"]).all()))

# %% [markdown]
# Are words useless, then? They cannot know what the service shows, and clicks follow that (chapter 01). To be fair, we
# rank a **shelf**: a hundred titles that keep 0, 2, 8 or 32 clicks each, the others hidden. Shrinkage is off for items:
# of a similarity from two clicks it would leave a sixth.


# %%
def shelf(data, models, seed, keep=(0, 2, 8, 32), size=100, least=48):
    """nDCG@10 on a shelf of titles that keep a few of their events each; a row for each number kept."""
    rng = np.random.default_rng(seed)
    n_events = np.bincount(data.item_pos, minlength=data.n_items)
    titles = rng.choice(np.flatnonzero(n_events >= least), size, replace=False)
    on_shelf = np.isin(data.item_pos, titles)
    # each event's place in a random order of its title's: 1, 2, … (a title keeps the first n)
    place = pd.Series(rng.random(len(data))).groupby(data.item_pos).rank().to_numpy()
    hidden = data.take(on_shelf & (place > max(keep))).matrix()[:, titles]  # the same for every n
    users = np.flatnonzero(np.diff(hidden.indptr))  # those with something to find
    found = []
    for n in keep:
        train = data.take(~on_shelf | (place <= n))
        seen = train.matrix()[users][:, titles]  # what they met on the shelf is not recommended
        ties = 1e-9 * rng.random((len(users), size))  # too small for anything but ties, which it breaks by chance
        scores = {name: model.fit(train).score(users)[:, titles] + ties for name, model in models.items()}
        found.append({name: ndcg_at_k(top_k(s, 10, seen), hidden[users]).mean() for name, s in scores.items()})
    return pd.DataFrame(found, index=list(keep))


# %%
def shelves(data, columns, seeds, least):
    """Mean of several shelves."""
    models = {"words": ContentProfile(columns), "item neighbors": ItemKNN(shrinkage=0), "user neighbors": UserKNN()}
    return pd.concat([shelf(data, models, seed, least=least) for seed in range(seeds)]).groupby(level=0).mean()


on_shelves = {"world": shelves(clicks, genres, 3, 48), "MovieLens": shelves(ml, ["genres", "title"], 2, 100)}
reveal("P2.1", {name: found.loc[32, "user neighbors"] > found.loc[32, "words"] for name, found in on_shelves.items()})

# %% [markdown]
# Where do the lines cross? On the left no title has a click, and neighbors order by chance.

# %% tags=["claim"]
looks = {
    "words": MODEL_STYLES["content"],
    "item neighbors": MODEL_STYLES["ItemKNN"],
    "user neighbors": MODEL_STYLES["UserKNN"],
}
fig, axes = new_axes(columns=2, width=8.6, height=3.6)
for ax, (place, found) in zip(axes, on_shelves.items(), strict=True):
    for name, look in looks.items():
        ax.plot(range(4), found[name], **look)
    ax.set(title=place, xticks=range(4), xticklabels=found.index, ylim=(0, None))
axes[0].set(xlabel="clicks on each title", ylabel="nDCG@10 on the shelf")
axes[1].set(xlabel="ratings of each title")
for name, x, y in [("words", 1.0, 0.175), ("user neighbors", 0.2, 0.127), ("item neighbors", 1.4, 0.075)]:
    axes[0].text(x, y, name)
for name, x, y in [("words", 2.2, 0.295), ("both neighbors", 0.7, 0.4)]:
    axes[1].text(x, y, name)
show(
    fig,
    caption="Words first; in MovieLens neighbors soon pass.",
    alt="Two line charts of nDCG at 10 by clicks on each title. In the world, words stay above both kinds of "
    "neighbors up to 32 clicks. In MovieLens both pass the words after a few ratings.",
)

# %% tags=["claim"]
on_shelves["mute"] = shelves(make_world(content_strength=0).clicks(), genres, 1, 48)  # genres that say nothing
lead = {place: found["words"] / found["user neighbors"] for place, found in on_shelves.items()}
claim("World, no click: words, in multiples of chance", lead["world"][0], above=1.5)
claim("World, 32 clicks: words, in multiples of user neighbors", lead["world"][32], above=1.05)
claim("MovieLens, no rating: words, in multiples of chance", lead["MovieLens"][0], above=1.4)
claim("MovieLens, 8 ratings: words, in multiples of user neighbors", lead["MovieLens"][8], below=0.95)
claim("Genres say nothing, no click: words, in multiples of chance", lead["mute"][0], below=1.2)
claim("Genres say nothing, 8 clicks: words, in multiples of user neighbors", lead["mute"][8], below=0.8)
in_world_2, in_ml_8 = on_shelves["world"].loc[2], on_shelves["MovieLens"].loc[8]
claim("World, 2 clicks: user neighbors beat item neighbors", in_world_2.iloc[2] > in_world_2.iloc[1])
claim("MovieLens, 8 ratings: item neighbors beat words", in_ml_8.iloc[1] > in_ml_8.iloc[0])

# %% [markdown]
# New titles need words: without a click, nothing else is known. How long that lasts is no law. In the world words stay
# ahead up to 32 clicks; in MovieLens eight ratings are enough; where genres say nothing (claims above), words are
# chance. At two clicks in the world, user neighbors beat item neighbors: one click by somebody near is enough, while
# an item's similarities rest on those two alone.
#
# ## Real people: stars and order
#
# All models, in the five splits from above. *Item neighbors of stars* is `BiasedItemKNN`.

# %% tags=["claim"]
models = {
    "damped biases": DampedBiases(),
    "item neighbors of stars": BiasedItemKNN(),
    **contestants,
    "words": ContentProfile(["genres", "title"]),
}
found = []
for split in splits:
    for name, model in models.items():
        model.fit(split.train)
        row = {"model": name, "nDCG@10": evaluate(model.score, split, name=name).mean("nDCG@10")}
        if hasattr(model, "predict"):
            row["RMSE"] = rmse(split.test.log["rating"], model.predict(split.test.user_pos, split.test.item_pos))
        found.append(row)
print("per-user random 80% to 20%, seeds 0 to 4; all unseen items ranked; any rating is a hit")
in_ml = pd.DataFrame(found).groupby("model", sort=False)
print(in_ml.agg(["mean", "std"]).round(3).to_string(na_rep=""))
by_model = in_ml.mean()
claim("RMSE of damped biases, in stars", by_model.loc["damped biases", "RMSE"], near=0.940, within=0.006)
claim("RMSE of item neighbors of stars", by_model.loc["item neighbors of stars", "RMSE"], near=0.905, within=0.006)
claim("Their nDCG@10", by_model.loc["item neighbors of stars", "nDCG@10"], near=0.088, within=0.009)
claim("nDCG@10 of item neighbors", by_model.loc["item neighbors", "nDCG@10"], near=0.400, within=0.009)
claim("nDCG@10 of user neighbors", by_model.loc["user neighbors", "nDCG@10"], near=0.398, within=0.009)
claim("nDCG@10 of popularity", by_model.loc["popularity", "nDCG@10"], near=0.222, within=0.008)
claim("nDCG@10 of words", by_model.loc["words", "nDCG@10"], near=0.068, within=0.006)

# %% [markdown]
# The two neighbors rank about equally, far above popularity. The best predictor of stars ranks below popularity (.088
# against .222): it says what a film would get *if* rated, and the list is judged by *which* films are.
#
# > **Reading the source critically.** The two articles that this course grew from name collaborative filtering,
# > content-based methods and deep learning as the main multi-task algorithms. That is a category error. The first two
# > are kinds of **signal** (who met what; what a thing is like), the third a kind of **model**. A **task** is something
# > to predict, such as click or like. Here item neighbors predict one task, the like.

# %% tags=["claim"]
found = []
for seed in range(5):
    train, test, name = split_per_user(clicks, random_state=seed)
    of_likes = Split(train, test.take(test.log["like"].to_numpy()), name)
    clicked = train.matrix()  # (1000, 600)
    liked = train.take(train.log["like"].to_numpy()).matrix()
    by_like, by_click = nearest(liked, 150, 10), nearest(clicked, 150, 10)
    variants = {
        "likes": (liked, by_like),
        "likes, similarities from likes and clicks": (liked, by_like + by_click),
        "clicks": (clicked, by_click),
    }
    scorers = {name: lambda users, x=x, s=s: (x[users] @ s.T).toarray() for name, (x, s) in variants.items()}
    found.append({name: evaluate(score, of_likes, name=name).mean("nDCG@10") for name, score in scorers.items()})
print("item neighbors; seeds 0 to 4; all titles not clicked ranked; a like is a hit; nDCG@10")
by_behavior = pd.DataFrame(found)
print(by_behavior.agg(["mean", "min", "max"]).T.round(3).to_string())
likes_alone, helped, clicks_alone = by_behavior.to_numpy().T
claim("Clicks in the similarities, in multiples of likes alone, worst split", (helped / likes_alone).min(), above=1.1)
claim("Clicks alone beat both in each split", bool((clicks_alone > helped).all()))

# %% [markdown]
# > Where likes are few, clicks help to find neighbors; clicks alone do even better. This is one task with two
# > behaviors, not yet multi-task learning: that trains several tasks together (Caruana 1997). Chapter 11 begins there.
#
# ## What goes wrong
#
# - **Norms over common raters only**: a film with one rater is everybody's twin.
# - **A ranking score divided by the similarities**: one weak neighbor then counts like twenty.
# - **A stale table**: a new film has no neighbors until the next fit.
#
# ## Recap
#
# - **O2.1:** you predicted from damped means; stars want little damping, order a lot.
# - **O2.2:** you compared films by their cosine, and shrank what few people say.
# - **O2.3:** you predicted a rating and ranked from item neighbors, and saw people rank.
# - **O2.4:** you weighed words, ranked by content, and saw where neighbors pass words.
#
# Five questions: write one letter for each, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "b", "c", "a", "b"]
### END SOLUTION
quiz("02", answers)
progress("02")

# %% [markdown]
# ## Further reading
#
# - Koren (2010), *Factor in the Neighbors*: biases, shrinkage, residuals.
# - Sarwar et al. (2001), *Item-Based Collaborative Filtering Recommendation Algorithms*.
# - Pazzani, Billsus (2007), *Content-Based Recommendation Systems*: profiles.
# - Caruana (1997), *Multitask Learning*: when a second task helps.
#
# **Next.** Chapter 03 asks what all these numbers are worth: splits, ties, intervals, and what leaks.
