# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "01"
#     minutes: {reading: 20, doing: 41}
# ---

# %% [markdown]
# # 01 · The interaction matrix
#
# Ada has an evening and four films to choose from. She has rated three, and the fourth is a blank: a film she would
# hate, or one she has never heard of? In this notebook we turn a log of events into a matrix, look hard at its
# blanks, and make a first recommendation.
#
# ## What you will be able to do
#
# - **O1.1** Measure how full a matrix is: the share of its cells that are stored
# - **O1.2** Measure how unequal popularity is with the Lorenz curve and the Gini coefficient
# - **O1.3** Clean a log of duplicate and impossible events
# - **O1.4** Say what a dense matrix costs, and notice swapped axes
# - **O1.5** Recommend popular films that a person has not seen
#
# You need numpy arrays and a little pandas.

# %%
import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach.data import Interactions, movielens, split_per_user
from recsys_teach.data.world import load_world
from recsys_teach.figures import BLACK, BLUE, ORANGE, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, predict, progress, quiz, reveal

# %% [markdown]
# ## Predict first
#
# **The world** is the course's made-up streaming service, whose truth is known (chapter 00 introduces it). It keeps a
# record that few real services keep: everything it has *shown*, clicked or not. Write the letter of your guess in
# place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "b"
### END SOLUTION
predict("P1.1", guess)

# %% [markdown]
# ## By hand: five people and four films
#
# A service collects an **event log**: one row per event, with a user, an item, a behavior (here a rating) and a
# time. We write a small table `R` as a shuffled log. Going back is one loop: the **position** (0, 1, 2, …) of the
# user's id is the row, that of the item's id the column.

# %%
user_ids = np.array(["Ada", "Ben", "Cleo", "Dan", "Eve"])
item_ids = np.array(["Chase", "Heist", "Waltz", "Letter"])
R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]])  # (5 users, 4 items)
rows, columns = R.nonzero()
log = pd.DataFrame({"user": user_ids[rows], "item": item_ids[columns], "rating": R[rows, columns]})
log = log.sample(frac=1, random_state=0).assign(time=range(len(log)))
print(log.head(3).to_string(index=False))

table = np.zeros((5, 4), dtype=int)
for event in log.itertuples():
    u, i = list(user_ids).index(event.user), list(item_ids).index(event.item)
    table[u, i] = event.rating
assert (table == R).all()
print(pd.DataFrame(table, index=user_ids, columns=item_ids))

# %% [markdown]
# A cell can hold three kinds of thing:
#
# - An **explicit** value: the person was asked, and answered. Ada's 1 for *Letter* says "no".
# - An **implicit** value: the person did something, and we watched: a click, a purchase, minutes of play.
# - A **missing** value: nothing is known. Ada's 0 for *Waltz* is our way to write that down, not her opinion.
#
# The **density** is the share of the cells that hold something. With $n$ users and $m$ items (`n_users`, `n_items`),
# and $r_{ui}$ the cell of user $u$ and item $i$ (`R[u, i]`):
#
# $$d = \frac{|\{(u, i) : r_{ui} \text{ known}\}|}{n \cdot m}$$

# %%
n_users, n_items = R.shape
known = 0
for u in range(n_users):
    for i in range(n_items):
        known += R[u, i] > 0
assert np.isclose(known / (n_users * n_items), (R > 0).mean())  # the loop and numpy agree
print(f"{known} of {n_users * n_items} cells, density {(R > 0).mean():.2f}")

# %% [markdown]
# ### Exercise 1.1 · Density of a sparse matrix (warm-up, 3 minutes)
#
# Give the density of a **sparse matrix**, which stores only the cells that hold something. Input: a `csr_array` of
# shape (n_users, n_items); `matrix.nnz` counts its stored cells, a stored 0 included. Output: a share from 0 to 1.
# Example: 16 cells of 5 x 4 give 0.8. Stuck? Run `hint("1.1")` in a new cell.


# %%
def density(matrix):
    """Share of the cells of a sparse matrix that are stored."""
    ### BEGIN SOLUTION
    return matrix.nnz / (matrix.shape[0] * matrix.shape[1])
    ### END SOLUTION


check("1.1", density)

# %% [markdown] tags=["solution"]
# **Why it works.** The number of stored cells counts, not what is in them. **Another way.** `len(matrix.data)`
# counts them as well. **Typical mistake.** `matrix.size`, which in a sparse matrix is `nnz` again, or
# `(matrix.toarray() != 0).mean()`, which passes over a stored 0.

# %% [markdown]
# ## Where the truth is known: what a blank means
#
# From here on we use the package's `density`, so the rest runs whatever you wrote. The world logs each
# **impression**: a film that was shown, and what the person then did. Users and items have features besides.

# %%
from recsys_teach.evaluation import density

world = load_world()
shown, clicks = world.exposed().matrix(), world.clicks().matrix()  # both (1000 users, 600 items)
print(world.impressions.head(3).to_string(index=False))
print("user features:", *world.users.columns)
print("item features:", *world.items.columns)
print(f"density of what was shown {density(shown):.3f}, of what was clicked {density(clicks):.3f}")

# %% [markdown]
# `click` and `watch_share` are implicit, `like` is explicit. If only clicks are kept, a blank has two possible
# stories: shown and ignored, or never shown.
#
# Data are **missing at random** if the chance that a value is missing does not depend on that value, given what was
# observed. Here we can ask the truth: how likely is a click where a film was shown, and elsewhere?

# %% tags=["claim"]
n_blank = clicks.shape[0] * clicks.shape[1] - clicks.nnz
n_ignored = shown.nnz - clicks.nnz  # every click was shown
never_shown = 1 - n_ignored / n_blank
click_probability = world.truth.click_probability(np.arange(len(world.users)))  # (1000, 600)
was_shown = shown.toarray() > 0
here, elsewhere = click_probability[was_shown].mean(), click_probability[~was_shown].mean()

reveal("P1.1", never_shown)
print(f"true click probability where shown {here:.3f}, elsewhere {elsewhere:.3f}")
claim("Share of the blanks that were never shown", never_shown, near=0.92, within=0.02)
claim("Click probability where shown, minus elsewhere", here - elsewhere, above=0.03)

# %% [markdown]
# Most blanks are no answer at all: nobody asked. And the service shows what it expects to please, so the data are
# **missing not at random**.
#
# Do a film's clicks tell how good it is, then, or how often it was shown? The **rank correlation** of two columns is 1
# if they put the films in the same order, and near 0 if one order says nothing about the other.

# %% tags=["claim"]
click_counts = np.bincount(clicks.indices, minlength=clicks.shape[1])  # (600,) clicks on each film
per_film = pd.DataFrame({"clicks": click_counts, "shown": np.bincount(shown.indices, minlength=shown.shape[1])})
per_film["appeal"] = click_probability.mean(axis=0)  # the truth: click probability, averaged over all people
follows = per_film.corr("spearman")["clicks"]
claim("Rank correlation of clicks with how often a film was shown", follows["shown"], above=0.9)
claim("Rank correlation of clicks with true appeal", follows["appeal"], below=0.45)

# %% [markdown]
# Clicks follow above all what was shown.
#
# > **Reading the source critically.** The two introductory articles that this course grew from name the volume of data
# > as a problem, as if more were the cure. We estimate the click probability of an average cell from more and more
# > logged impressions, and from 400 cells drawn at random. Which comes near the dashed line, the truth?

# %% tags=["claim"]
rng = np.random.default_rng(0)
sizes = [600, 6_000, 60_000]
clicked = world.impressions["click"].to_numpy()  # (n_impressions,)
logged = np.array([rng.choice(clicked, (100, n)).mean(axis=1) for n in sizes])  # (3 sizes, 100 samples)
drawn = rng.choice(click_probability.ravel(), (100, 400))  # 100 samples of 400 cells
at_random = (rng.random(drawn.shape) < drawn).mean(axis=1)  # (100,)
truth = click_probability.mean()
claim("Mean error of 60,000 logged impressions", abs(logged[-1] - truth).mean(), above=0.04)
claim("Mean error of 400 cells drawn at random", abs(at_random - truth).mean(), below=0.03)

# %% tags=["figure"]
fig, ax = new_axes(height=3.8)
ax.errorbar(sizes, logged.mean(axis=1), 2 * logged.std(axis=1), fmt="o-", color=BLUE, capsize=5)
ax.errorbar(400, at_random.mean(), 2 * at_random.std(), fmt="s", color=ORANGE, capsize=5)
ax.axhline(truth, color=BLACK, linestyle="--")
ax.text(9_000, 0.28, "from the log")
ax.text(450, 0.175, "cells at random")
ax.text(9_000, truth + 0.005, "truth")
ax.set(xscale="log", xlabel="impressions or cells used (log scale)", ylabel="estimated click probability")
show(
    fig,
    caption="More log: surer, not nearer (bars: two standard deviations).",
    alt="Error bars of two standard deviations over the number of impressions. Estimates from the log narrow to a "
    "value well above the dashed truth line; 400 cells drawn at random have a wide bar that covers the line.",
)

# %% [markdown]
# Each point is the mean of 100 samples. A hundred times more of the log makes it surer, not nearer.
#
# > The correct statement: *which* cells are known comes before *how many*. Songs drawn at random get ratings very
# > unlike those of songs that listeners choose (Marlin et al. 2007, abstract), and the absence of a
# > rating is itself informative (Steck 2010, abstract).
#
# ## Real people, and a picture
#
# MovieLens-100K holds explicit ratings. We sort people by activity and films by popularity, and draw how full each
# patch of the matrix is. How would it look if the blanks were spread evenly?

# %% tags=["claim"]
ml = movielens.load()
ml_ratings = ml.matrix("rating")  # (943 users, 1682 items)
counts = np.bincount(ml.item_pos, minlength=ml.n_items)  # (1682,) ratings of each film
activity = np.bincount(ml.user_pos, minlength=ml.n_users)  # (943,)
claim("Density of MovieLens-100K", density(ml_ratings), near=0.06305, within=0.00001)
claim("Films with exactly one rating", int((counts == 1).sum()), near=141)

# %% tags=["figure"]
in_order = ml.matrix().toarray()[np.argsort(-activity)][:, np.argsort(-counts)]
patches = in_order[:940, :1680].reshape(94, 10, 168, 10).mean(axis=(1, 3))  # share filled of 10 x 10 cells
fig, ax = new_axes(height=3.8)
image = ax.imshow(patches, cmap="Greys", aspect="auto", extent=(0, 1680, 940, 0), vmin=0, vmax=1)
fig.colorbar(image, ax=ax, label="share filled")
ax.annotate("crowded", (40, 40), (330, 260), arrowprops={"arrowstyle": "->", "linewidth": 2})
ax.text(1000, 600, "nearly empty")
ax.set(xlabel="films, most rated first (position)", ylabel="people, most active first (position)")
ax.grid(visible=False)
show(
    fig,
    caption="MovieLens-100K: known cells (dark) crowd into one corner.",
    alt="Image of the rating matrix, people sorted by activity and films by popularity. The corner of active people "
    "and popular films is dark, and most of the remaining area is white; a bar gives the scale.",
)

# %% [markdown]
# Blanks spread evenly would give one grey. Instead a few films hold much, and a **long tail** of films holds little.
# Sort the films, least popular first, and add up: the **Lorenz curve** says which share of all events the $j$ least
# popular films hold together.
#
# $$L_j = \frac{\sum_{i \le j} c_{(i)}}{\sum_i c_{(i)}}, \quad L_0 = 0$$
#
# Here $c_{(i)}$ is the $i$-th smallest count (`np.sort(counts)`) and $L$ is `lorenz(counts)`. In our small table we
# count likes: 4 stars or more.


# %%
def lorenz_loop(counts):
    shares, running = [0.0], 0
    for count in sorted(counts):
        running += count
        shares.append(running / sum(counts))
    return np.array(shares)  # (n_items + 1,)


def lorenz(counts):
    return np.append(0, np.cumsum(np.sort(counts))) / np.sum(counts)  # (n_items + 1,)


likes = (R >= 4).sum(axis=0)  # (4,)
assert np.allclose(lorenz_loop(likes), lorenz(likes))
print("likes", likes, " Lorenz curve", lorenz(likes))

# %% [markdown]
# ### Exercise 1.2 · Gini coefficient (core, 6 minutes)
#
# The **Gini coefficient** is twice the area between the diagonal and the Lorenz curve: 0 if all films are equal,
# near 1 if one holds everything.
#
# $$G = 1 - \frac{1}{m} \sum_{j=1}^{m} (L_{j-1} + L_j)$$
#
# Input: `counts`, shape (n_items,), in any order; $m$ is `len(counts)`. Output: one number. Example: `[3, 3, 2, 2]` has
# the curve `[0, .2, .4, .7, 1]`, the sum is $.2 + .6 + 1.1 + 1.7 = 3.6$, and $G = 1 - 3.6 / 4 = .1$.


# %%
def gini(counts):
    """Twice the area between the diagonal and the Lorenz curve of the counts."""
    ### BEGIN SOLUTION
    curve = lorenz(counts)
    return 1 - (curve[:-1] + curve[1:]).sum() / len(counts)
    ### END SOLUTION


check("1.2", gini)

# %% [markdown] tags=["solution"]
# **Why it works.** Between two points the curve is straight: each strip is a trapezoid of width $1/m$. **Another way.**
# `1 - 2 * np.trapezoid(curve, dx=1 / len(counts))`. **Typical mistake.** Not sorting, or leaving out films that nobody
# met.

# %% [markdown]
# Is the world more or less equal than MovieLens? Look at which curve hangs lower.

# %% tags=["claim"]
from recsys_teach.evaluation import gini

claim("Gini of MovieLens-100K over films", gini(counts), near=0.629, within=0.0005)
claim("Gini of the world's clicks over films", gini(click_counts), near=0.598, within=0.01)
claim("MovieLens is the less equal of the two", gini(counts) > gini(click_counts))
four_fifths = int(0.8 * len(counts))
print(f"share of the most popular fifth in MovieLens-100K: {1 - lorenz(counts)[four_fifths]:.3f}")

# %% tags=["figure"]
fig, ax = new_axes(height=4.2)
ax.plot([0, 1], [0, 1], color=BLACK, linestyle=":")
ax.plot(np.linspace(0, 1, len(counts) + 1), lorenz(counts), color=BLUE)
ax.plot(np.linspace(0, 1, len(click_counts) + 1), lorenz(click_counts), color=ORANGE, linestyle="--")
ax.text(0.13, 0.42, "all equal (dotted)")
ax.text(0.72, 0.12, "MovieLens\n(solid)")
ax.text(0.42, 0.2, "world's clicks\n(dashed)")
ax.set(xlabel="share of films, least popular first", ylabel="share of events")
show(
    fig,
    caption="Lorenz curves: how unequal films are.",
    alt="Line chart of Lorenz curves. The dotted diagonal is equality; the solid curve of MovieLens and the dashed "
    "curve of the world's clicks hang far below it, close to each other.",
)

# %% [markdown]
# Both hang far below the diagonal. MovieLens has the lower curve over most of the length, and so the larger Gini
# coefficient. Among the most popular films the two nearly meet.
#
# ## What goes wrong: dirty logs
#
# An app sends a click twice, a wrong clock makes an event travel in time, a **bot** clicks through the whole
# catalog. We plant all three in the world's clicks and look for each with one rule.

# %%
now = world.impressions["time"].max()
clean = world.clicks().log[["user", "item", "time"]]
retries = clean.sample(200, random_state=0).eval("time = time + 2")  # sent again two seconds later
future = clean.sample(50, random_state=1).eval("time = time + 400 * 86_400")  # a clock that is a year ahead
bot = pd.DataFrame({"user": 5_000, "item": world.items.index, "time": now - np.arange(600)})  # one a second
dirty = pd.concat([clean, retries, future, bot], ignore_index=True).sample(frac=1, random_state=2)

per_minute = dirty.groupby(["user", dirty["time"] // 60]).size().groupby("user").max()
print("repeats of a pair:", dirty.duplicated(["user", "item"]).sum())
print("events after the end of the log:", (dirty["time"] > now).sum())
print("most events per minute, by account:", per_minute.nlargest(3).to_dict())

# %% [markdown]
# The repeats are the 200 retries and the 50 copies from the future: one event can break two rules.
#
# ### Exercise 1.3 · Clean a log (core, 8 minutes)
#
# Remove what lies in the future, and keep the last event of each pair of user and item. Input: a DataFrame with
# `user`, `item`, `rating`, `time`, rows in any order, and `now`; an event at `now` has happened. Output: a DataFrame
# with the same columns. Example: user 2 rates item 11 with 4 at time 6 and with 2 at time 99; if `now = 20`, the 4
# stays.


# %%
def clean_log(log, now):
    """Drop events after now, then keep the last event of each (user, item) pair."""
    ### BEGIN SOLUTION
    happened = log[log["time"] <= now]
    return happened.sort_values("time").drop_duplicates(["user", "item"], keep="last")
    ### END SOLUTION


check("1.3", clean_log)

# %% [markdown] tags=["solution"]
# **Why it works.** "Last" means something only among events that happened. **Another way.** `groupby` the pair, then
# `idxmax` of the time. **Typical mistake.** Removing duplicates first: the impossible 2 wins, and the 4 goes with it.

# %% [markdown]
# The next cell takes the package's `clean_log`, and calls an account a bot if it has more than five events in a minute.
# Would that be fair to the people of MovieLens?

# %% tags=["claim"]
from recsys_teach.data import clean_log

people = per_minute.index[per_minute <= 5]
mended = clean_log(dirty[dirty["user"].isin(people)], now)
claim("After cleaning as many clicks are left as before the planting", len(mended) == len(clean))

ml_per_minute = ml.log.groupby(["user", ml.log["time"] // 60]).size().groupby("user").max()
by_person = ml.log.sort_values(["user", "time"], kind="stable").groupby("user")["time"]
same_second = by_person.diff().dropna() == 0
minutes = (by_person.max() - by_person.min()) / 60
claim("Share of MovieLens people whom the same rule throws out", (ml_per_minute > 5).mean(), above=0.7)
claim("Share of consecutive ratings of a person in the same second", same_second.mean(), near=0.51, within=0.005)
claim("Median length of a history in minutes", minutes.median(), near=49, within=0.5)

# %% [markdown]
# Nobody watches films that fast: the times say when people typed, not when they watched, and the order within a second
# is unknown. A rule that finds bots in one service throws out honest people in another.
#
# This is a good place to stop. Later, click here and choose *Run All Above Selected Cell* in the *Run* menu.
#
# ## From log to sparse matrix
#
# A dense array of `float64` takes 8 bytes per cell, blank or not.
#
# ### Exercise 1.4 · A dense MovieLens-20M (warm-up, 3 minutes)
#
# MovieLens-20M has 138,493 users and 27,278 films. How many gigabytes (of 10⁹ bytes) would its dense matrix take?
# Output: one number, right to the first decimal. Example: 1,000 users and 600 films give `0.0048`.

# %%
### BEGIN SOLUTION
gigabytes = 138_493 * 27_278 * 8 / 10**9
### END SOLUTION
check("1.4", gigabytes)

# %% [markdown] tags=["solution"]
# **Why it works.** Users times items times bytes per cell. **Another way.** `np.dtype("float64").itemsize` knows the 8.
# **Typical mistake.** Taking bits for bytes, or ratings for cells.

# %% [markdown]
# **Compressed sparse rows** (CSR) store only what is known, in three arrays. By hand for `R`:
#
# - `data`: the values row by row, 5 4 1, then 4 5 1, …
# - `indices`: the column of each, 0 1 3, then 0 1 2, …
# - `indptr`: where each row begins, 0, 3, 6, … Row $u$ is `indices[indptr[u]:indptr[u + 1]]`.
#
# A loop builds them from triples of row, column and value. The package's `Interactions` keeps a log and the ids of its
# users and items, and looks up their positions.


# %%
def csr_loop(user_pos, item_pos, ratings, n_users):
    indptr, indices, data = [0], [], []
    for u in range(n_users):
        row = sorted((i, r) for v, i, r in zip(user_pos, item_pos, ratings, strict=True) if v == u)
        indices += [i for i, _ in row]
        data += [r for _, r in row]
        indptr.append(len(indices))
    return np.array(indptr), np.array(indices), np.array(data)


tiny = Interactions.from_log(log, user_ids=user_ids, item_ids=item_ids)
triples = tiny.user_pos, tiny.item_pos, log["rating"].to_numpy()  # three arrays of shape (16,)
by_loop = csr_loop(*triples, n_users=5)
for name, array in zip(["indptr", "indices", "data"], by_loop, strict=True):
    print(f"{name:8}", array)

# %% [markdown]
# The loop reads the whole log for each user. Sorting once and counting each user's events does the same:


# %%
def csr(user_pos, item_pos, ratings, n_users):
    order = np.lexsort((item_pos, user_pos))  # by user, then by item
    n_events = np.bincount(user_pos, minlength=n_users)  # (n_users,)
    indptr = np.append(0, np.cumsum(n_events))  # (n_users + 1,)
    return indptr, item_pos[order], ratings[order]


theirs = sparse.coo_array((triples[2], triples[:2]), shape=R.shape).tocsr()
for ours, looped, expected in zip(
    csr(*triples, n_users=5), by_loop, (theirs.indptr, theirs.indices, theirs.data), strict=True
):
    assert (ours == looped).all() and (ours == expected).all()
assert (tiny.matrix("rating") != theirs).nnz == 0

ml_arrays = csr(ml.user_pos, ml.item_pos, ml.log["rating"].to_numpy(float), ml.n_users)
print(f"MovieLens-100K dense {ml_ratings.toarray().nbytes / 1e6:.1f} MB")
print(f"MovieLens-100K in CSR {sum(array.nbytes for array in ml_arrays) / 1e6:.1f} MB")

# %% [markdown]
# ### Exercise 1.5 · Swapped axes (core, 6 minutes)
#
# A swapped log gives a matrix too, of nonsense. Say whether a log is swapped: it does *not* fit the ids as it stands,
# and *does* once its columns are exchanged. Input: `log` with the columns `user` and `item`, and the known
# ids. Output: `True` or `False`. Example: with users 1, 2 and items 1, 2, 3, a log of the one event (2, 3) is fine.
# One of (3, 2) is swapped: there is no user 3, and (2, 3) would fit.


# %%
def axes_swapped(log, user_ids, item_ids):
    """Say whether the log fits the ids only once its two columns are exchanged."""
    ### BEGIN SOLUTION
    fits = log["user"].isin(user_ids).all() and log["item"].isin(item_ids).all()
    fits_exchanged = log["item"].isin(user_ids).all() and log["user"].isin(item_ids).all()
    return bool(fits_exchanged and not fits)
    ### END SOLUTION


check("1.5", axes_swapped)

# %% [markdown] tags=["solution"]
# **Why it works.** Only an exchange that mends the log proves the swap. **Another way.** Sets and `<=`.
# **Typical mistake.** Looking at one column only: user 7 and item 7 may both exist, and the other column decides.

# %% [markdown]
# Where all ids overlap, nobody can tell. `Interactions` asks your question of every log:

# %%
try:
    Interactions.from_log(log.rename(columns={"user": "item", "item": "user"}), user_ids=user_ids, item_ids=item_ids)
except ValueError as error:
    print(error)

# %% [markdown]
# ## A first recommendation
#
# The **popularity baseline** counts how many people met a film, and offers the most popular ones that are new to
# somebody. By hand, with the likes as what was seen:

# %%
liked = sparse.csr_array(R * (R >= 4))  # (5, 4)
popularity = np.bincount(liked.indices, minlength=4)  # (4,) people for each film
order = np.argsort(-popularity, kind="stable")  # a tie goes to the lower position
for u, name in enumerate(user_ids):
    seen = liked.indices[liked.indptr[u] : liked.indptr[u + 1]]
    print(f"{name:5}", [str(item_ids[i]) for i in order if i not in seen])

# %% [markdown]
# ### Exercise 1.6 · Popular and unseen (core, 10 minutes)
#
# Do this for any matrix, and cut after `k`. Input: `seen`, a `csr_array` of shape (n_users, n_items) whose stored
# cells, whatever their values, are what each user met. Output: item positions, shape (n_users, k), best first, a tie
# to the lower position; where fewer than `k` are left, the row ends in -1. Example: for `liked` and `k = 3`, Ada's
# row is `[2, 3, -1]` and Cleo's `[0, 1, -1]`.


# %%
def popular_unseen(seen, k):
    """Rank for each user the k most popular items that the user has not met."""
    ### BEGIN SOLUTION
    popularity = np.bincount(seen.indices, minlength=seen.shape[1])  # (n_items,)
    order = np.argsort(-popularity, kind="stable")
    ranked = np.full((seen.shape[0], k), -1)
    for u in range(seen.shape[0]):
        row = seen.indices[seen.indptr[u] : seen.indptr[u + 1]]
        unseen = order[~np.isin(order, row)][:k]
        ranked[u, : len(unseen)] = unseen
    return ranked
    ### END SOLUTION


check("1.6", popular_unseen)

# %% [markdown] tags=["solution"]
# **Why it works.** Seen films leave the race before the cut, so the next ones move up. **Another way.** Scores of
# $-\infty$ for what is seen, then one sort for all users, as `top_k` does. **Typical mistake.** Cutting first.

# %% [markdown]
# **Recall@k** is the share of a person's hidden films among the $k$ recommended. If films 1 and 3 are hidden and the
# list is `[2, 3]`, one of two is found: recall@2 = .5.
#
# A number needs its **protocol**. Ours:
#
# - Split: a random fifth of each person's ratings is hidden; popularity is counted on the others.
# - Candidates: all films that the person has not rated among those others.
# - Mean: over people, in each of five splits.
#
# Line 2 of the table breaks the second point on purpose. The package's `top_k` does what you did, for any scores.

# %% tags=["claim"]
from recsys_teach.evaluation import recall_at_k, top_k

recalls = {"popular, unseen": [], "popular, seen too": [], "random, unseen": []}
for seed in range(5):
    train, test, _ = split_per_user(ml, test_fraction=0.2, random_state=seed)
    seen, hidden = train.matrix(), test.matrix()  # both (943, 1682)
    scores = np.tile(np.bincount(train.item_pos, minlength=ml.n_items), (ml.n_users, 1))
    random_scores = np.random.default_rng(seed).random(scores.shape)
    lists = top_k(scores, 10, exclude=seen), top_k(scores, 10), top_k(random_scores, 10, exclude=seen)
    for name, ranked in zip(recalls, lists, strict=True):
        recalls[name].append(recall_at_k(ranked, hidden).mean())
table = pd.DataFrame(recalls).agg(["mean", "min", "max"]).T
print(table.round(3))
claim("recall@10 of popular, unseen films", table["mean"].iloc[0], near=0.114, within=0.01)
claim("The worst split without seen films beats the best with them", table["min"].iloc[0] > table["max"].iloc[1])
claim("recall@10 of random films", table["mean"].iloc[2], below=0.01)

# %% [markdown]
# Popularity finds far more than chance, and a film rated already wastes a place. Later models have to beat the first
# line, under its protocol.
#
# > **Reading the source critically.** The two introductory articles that this course grew from take a count of actions
# > as a degree of liking. Hu, Koren and Volinsky (2008, section 1) answer with a film that somebody loves and watches
# > once, and a series that they quite like and watch every week. Ada has opened 8 episodes and one film.

# %%
opened = np.array([8, 1])  # r_ui of Ada: series, film
alpha = 40
preference = (opened > 0).astype(int)
confidence = 1 + alpha * opened
print("preference", preference, " confidence", confidence)

# %% [markdown]
# > By counts Ada likes the series eight times as much; by preference she chose both. The correct statement: a count is
# > **confidence**, not preference. The three authors (section 4) split a count $r_{ui}$ in two: the preference is 1 if
# > $r_{ui} > 0$, else 0; the confidence is $1 + \alpha r_{ui}$. On their data $\alpha = 40$ (`alpha`) served well.
#
# ## Recap
#
# You told explicit, implicit and missing values apart and measured density (O1.1), measured inequality by Lorenz curve
# and Gini (O1.2), cleaned a log and tested a rule against bots (O1.3), turned a log into a sparse matrix and noticed
# swapped axes (O1.4), and recommended popular unseen films, measured by recall@10 (O1.5).
#
# Five questions: write a list of five letters in place of `TODO`.

# %%
### BEGIN SOLUTION
answers = ["b", "c", "a", "c", "b"]
### END SOLUTION
quiz("01", answers)
progress("01")

# %% [markdown]
# ## Further reading
#
# - Hu, Koren, Volinsky (2008), *Collaborative Filtering for Implicit Feedback Datasets*: counts as confidence.
# - Marlin et al. (2007), *Collaborative Filtering and the Missing at Random Assumption*: the assumption tested.
# - Steck (2010), *Training and Testing of Recommender Systems on Data Missing Not at Random*: what a blank tells.
# - Harper, Konstan (2015), *The MovieLens Datasets: History and Context*: how the ratings came about.
#
# **Next:** chapter 02 asks who resembles Ada, and which films resemble hers.
