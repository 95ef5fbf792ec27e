# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "15"
#     edition: 2
#     minutes: {reading: 130, doing: 80}
# ---

# %% [markdown]
# # 15 · Privacy: attack, then defend
#
# Mara runs the database of a film club with 943 members. A university asks her for their ratings: it wants to build
# a recommender for its own students. Mara has replaced every name by a random number. May she send the file? If not,
# what could she send instead?
#
# In this notebook you first play the attacker, because a defense can only be judged against somebody who knows
# something and wants something. Then you build defenses, and attack again. Each sitting ends with an answer for Mara.
#
# ## What you will be able to do
#
# - **O15.1** Link a few remembered ratings to a row of a file without names
# - **O15.2** Measure a membership attack by its AUC and by its true positives at few false positives
# - **O15.3** Count how many rows share their quasi-identifiers, and say which attacker each defense stops
# - **O15.4** Estimate a share from randomized answers, and release clipped counts with Laplace noise
# - **O15.5** Compare a release with the definition of its promise, add up ε, and find the step that breaks the promise
#
# The sittings take about 70, 65 and 65 minutes, without "Going further". You need variance, logarithms, and chapters 01
# to 06. If an exercise resists, run `hint("15.1")` with its number. Do the exercises in the order in which you find
# them; their numbers are only names.

# %%
import os

import numpy as np
import pandas as pd
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recsys_teach.data import movielens, split_per_user
from recsys_teach.data.world import load_world
from recsys_teach.figures import BLACK, BLUE, GRAY, ORANGE, VERMILION, Diagram, curves, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reference, reveal

# %% [markdown]
# # Sitting 1 · Attacks
#
# ## 1 · A file without names
#
# We begin with the five people and four films of chapter 01. The rows are shuffled and numbered, as in Mara's file; 0
# means that there is no rating.

# %%
films = ["Chase", "Heist", "Waltz", "Letter"]
R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]])  # Ada, Ben, Cleo, Dan, Eve
order = np.random.default_rng(15).permutation(5)
numbered = R[order]  # only Mara knows who is who
pd.DataFrame(numbered, columns=films)

# %% [markdown]
# You are a friend of Ada, and last week she told you that she gave *Chase* five stars and *Heist* four. Which row is
# hers?


# %% tags=["diagram"]
def draw_linkage():
    """Draw the file, what the friend knows, and what the friend learns."""
    diagram = Diagram(10.2, 3.3)
    row = int(np.flatnonzero((numbered[:, [0, 1]] == [5, 4]).all(axis=1))[0])
    roles = [
        ["highlight" if i == row and j < 2 else "task 1" if i == row else None for j in range(4)] for i in range(5)
    ]
    known = diagram.box(1.3, 2.07, "A friend knows of Ada:\nChase 5, Heist 4", "highlight", width=2.2, height=0.8)
    table = diagram.grid(
        4.1,
        2.7,
        numbered,
        roles=roles,
        rows=range(5),
        columns=["Ch.", "He.", "Wa.", "Le."],
        title="Mara's file, numbers for names",
    )
    learned = diagram.box(
        8.5, 2.07, "The friend learns:\nAda gave Letter 1 star\nand did not rate Waltz", "task 1", width=2.6, height=1.0
    )
    diagram.arrow(known, (3.75, 2.07), "compare")
    diagram.arrow((table.x + table.width / 2, 2.07), learned, "one row fits")
    return diagram.figure


show(
    draw_linkage(),
    caption="Two known ratings lead to a row, and the row tells more.",
    alt="A box with two ratings that a friend knows is compared with a table of five numbered rows. One row fits, and "
    "from it the friend reads that Ada gave Letter one star.",
)

# %% [markdown]
# Only one row begins with 5, 4, so the friend now knows Ada's other ratings, although her name was never in the file.
# This is a **linkage attack**: something known from elsewhere is linked to a row. For every attack we will ask who
# attacks, what this person knows, and what they want.
#
# | attacker | knows | wants |
# |---|---|---|
# | a friend of Ada | the file; that Ada is in it; two of her ratings, exactly | her other ratings |
#
# For the exercise you need three tools of numpy. Here they answer another question: on which days was it warmer than 20
# degrees in Ulm, or warmer than 25 degrees in Bonn?

# %%
degrees = np.array([[22, 25, 21], [12, 14, 16], [18, 19, 30]])  # one row for each day; columns: Ulm, Rome, Bonn
warmer = degrees[:, [0, 2]] > [20, 25]  # columns 0 and 2, each compared with its own limit
print(warmer)
print("warmer in one of the two:", warmer.any(axis=1))  # one answer for each row
print("days:", np.flatnonzero(warmer.any(axis=1)))  # the positions of True

# %% [markdown]
# ### Exercise 15.1 · Rows that fit (warm-up, 5 minutes)
#
# Find the rows that have exactly the known ratings. The tools of the example are enough, with two changes: another
# comparison, and another word for `any`.
#
# - Input: `R`, shape (n_users, n_items), 0 where there is no rating; `items`, the positions of the known films, and
#   `ratings`, what the person gave them, both of shape (n_known,).
# - Output: the positions of the rows that fit, in increasing order.
# - Mini-case: take `R` as it was before the shuffle, so that Ada is row 0 with `[5, 4, 0, 1]`. Then
#   `items = [0, 2]` (*Chase* and *Waltz*) and `ratings = [5, 0]` (five stars, not rated) fit only her row: `[0]`.


# %%
def candidates(R, items, ratings):
    """Return the positions of the rows that have exactly these ratings."""
    ### BEGIN SOLUTION
    return np.flatnonzero((R[:, items] == ratings).all(axis=1))
    ### END SOLUTION


check("15.1", candidates)

# %% [markdown] tags=["solution"]
# **Why it works.** Each known rating rules out everybody who differs in it, and `all` keeps the rows that nothing has
# ruled out. **Another way.** Start with all positions and, film by film, keep those whose rating is equal.
# **Typical mistake.** `any` in place of `all`: then one equal rating is enough.

# %% [markdown]
# From now on MovieLens-100K, with 943 people, stands for Mara's file. Somebody learns four ratings of a person,
# drawn at random from this person's row. For what share of the people does only one row fit? Guess first: `a`, less
# than a fifth; `b`, about a half; `c`, more than seven in ten.

# %%
### BEGIN SOLUTION
guess = "c"
### END SOLUTION
predict("P15.1", guess)

# %%
from recsys_teach.privacy.attacks import uniqueness  # share of people for whom one row alone is a candidate

ml = movielens.load()
stars = ml.matrix("rating").toarray().astype(np.int8)  # (943, 1682)
table = pd.DataFrame(index=["share of people singled out"])
for n_known in (2, 3, 4, 6):
    draws = [uniqueness(stars, n_known, np.random.default_rng(seed)) for seed in range(5)]
    table[f"{n_known} known"] = np.mean(draws)
reveal("P15.1", table["4 known"].iloc[0])
table.round(2)

# %% tags=["claim"]
claim(
    f"Four exact ratings single out {100 * table['4 known'].iloc[0]:.0f} % of the people",
    bool(abs(table["4 known"].iloc[0] - 0.88) < 0.02),
)

# %% [markdown]
# Four ratings are enough for nearly nine people in ten. The reason is that the table is wide: with 1,682 films and five
# possible ratings, hardly any two people agree on four of them.
#
# In the European Union's data protection law (GDPR, article 4 and recital 26), replacing names is called
# **pseudonymization**. It does not make data anonymous. As long as somebody can link the ratings to a person, they are
# *personal data* for this somebody, and the law must allow Mara to pass them on (consent is one way). For a recipient
# who cannot link them, courts judge case by case.
#
# ## 2 · The memory is noisy
#
# "Nobody remembers ratings exactly," says Mara. In 2006 Netflix published some 100 million ratings of 480,000 customers
# without names, for a contest: the Netflix Prize. It believed that nobody could be recognized, because it had left out
# many ratings and changed some others. Narayanan and Shmatikov (2008) took a few ratings of each person, with their
# dates, and made some of them wrong. Eight ratings were enough to single out 99 of 100 people in the file, even if two
# of the ratings were wrong and the dates were up to two weeks off. They compared the file with reviews that people had
# written on the Internet Movie Database *under their names*, and found the rows of two of these people with great
# confidence. In 2010, after a lawsuit, Netflix canceled a second contest.
#
# | attacker | knows | wants |
# |---|---|---|
# | a reader of public reviews | the file; a name with some ratings, some of them wrong | the row of this name |
#
# The attack now asks which row fits *best*. A known film fits if the row has a rating of it within one star. Each film
# that fits adds a weight. Films with few ratings add more, because having seen a rare film says more about a person
# than having seen *Star Wars*.
#
# Suppose the attacker remembers four stars for *Chase*, five for *Heist* and one for *Waltz*. The picture shows three
# rows of another small file, in which *Chase* and *Heist* have four ratings each and *Waltz* has two. With the weight
# 1 / ln(1 + number of ratings), the weights are 1 / ln 5 = .62, again .62, and 1 / ln 3 = .91.


# %% tags=["diagram"]
def draw_score():
    """Draw ratings, which of them fit, the weights and the scores of three rows."""
    diagram = Diagram(10.2, 2.9)
    ratings, known = np.array([[5, 4, 0], [5, 3, 1], [0, 5, 3]]), np.array([4, 5, 1])
    fits = (ratings > 0) & (np.abs(ratings - known) <= 1)
    weights = 1 / np.log(1 + np.array([4, 4, 2]))
    names = ["Ch.", "He.", "Wa."]
    roles = [["task 1" if cell else None for cell in row] for row in fits]
    diagram.grid(
        1.2, 2.2, ratings, roles=roles, rows=["row 0", "row 1", "row 2"], columns=names, title="ratings (0: none)"
    )
    diagram.grid(3.7, 2.2, fits.astype(int), roles=roles, columns=names, title="fits")
    diagram.note(5.5, 1.57, "×", size=15)
    diagram.grid(6.1, 2.2, [[f"{w:.2f}"] for w in weights], cell=0.42, rows=names, title="weights")
    diagram.note(7.15, 1.57, "=", size=15)
    scores = fits @ weights
    diagram.grid(
        8.0,
        2.2,
        [[f"{s:.2f}"] for s in scores],
        roles=[["highlight" if s == scores.max() else None] for s in scores],
        title="scores",
    )
    diagram.note(3.0, 0.35, "known: Chase 4, Heist 5, Waltz 1. Blue: rated, and within one star.")
    return diagram.figure


show(
    draw_score(),
    caption="The score of a row adds the weights of what fits.",
    alt="A table of ratings becomes a table of zeros and ones that mark what fits. Multiplied by the weights it gives "
    "a "
    "score for each row; row 1 has the highest, although one of its ratings does not fit.",
)

# %% [markdown]
# Row 0 fits in two films: .62 + .62 = 1.24. Row 1 misses *Heist* by two stars, fits in the rare *Waltz*, and wins with
# .62 + .91 = 1.53. One wrong memory did not ruin the attack; it only cost its own weight. This simplifies the score of
# Narayanan and Shmatikov. In symbols, with $n_i$ (`n_raters[i]`) the number of ratings of film $i$:
#
# $$\text{score}(u) = \sum_{i \text{ fits in row } u} \frac{1}{\ln(1 + n_i)}$$
#
# ### Exercise 15.2 · Which row fits best? (core, 9 minutes)
#
# Compute this score for each row. A loop is fine; without a loop, use the matrix product of the picture.
#
# - Input: `R`, `items` and `ratings` as before; `n_raters`, shape (n_items,), all at least 1.
# - Output: shape (n_users,).
# - Mini-case: in `R` (before the shuffle) each film has four ratings. `items = [0, 2]`, `ratings = [4, 1]` and
#   `n_raters = [4, 4, 4, 4]` give `[.62, 1.24, 0, 0, 1.24]`. Ada (row 0) fits in *Chase*; she has not rated *Waltz*.


# %%
def linkage_scores(R, items, ratings, n_raters):
    """Return the score of each row: a film that is rated within one star adds 1 / ln(1 + its number of raters)."""
    ### BEGIN SOLUTION
    fits = (R[:, items] > 0) & (np.abs(R[:, items] - ratings) <= 1)  # (n_users, n_known)
    return fits @ (1 / np.log(1 + n_raters[items]))
    ### END SOLUTION


check("15.2", linkage_scores)

# %% [markdown] tags=["solution"]
# **Why it works.** `fits` has a 1 where a film fits, and the product with the weights adds them up row by row.
# **Another way.** Two loops, over rows and known films, with an `if`. **Typical mistake.** Forgetting that 0 means "no
# rating": 0 lies within one star of 1, so people who never saw the film would fit.

# %% [markdown]
# Now we attack real rows. The known ratings are off by −1, 0 or 1 star, and one film in four is wrong altogether: a
# popular film that this person has not rated. We count a person as found if their row *alone* has the best score.
# (`reference` returns the course's function in place of yours, so the notebook runs even if your exercise is not
# finished.) The figure also shows two attackers who make no mistake. For the one who knows exact stars, a row fits if
# it has all of these stars. For the one who knows only titles, a row fits if it has a rating of each of them. Both
# count a person as found if no other row fits.

# %%
linkage_scores = reference("15.2")
n_raters = (stars > 0).sum(axis=0)


def found_by(n_known, rng):
    """Return the share of 300 people whose row alone has the best score."""
    found = 0
    for user in rng.choice(943, 300, replace=False):
        items = rng.choice(np.flatnonzero(stars[user]), n_known, replace=False)
        noisy = stars[user, items] + rng.integers(-1, 2, size=n_known)
        unrated = np.where(stars[user] > 0, 0, n_raters)  # a wrong film is more likely the more popular it is
        n_wrong = n_known // 4
        items[:n_wrong] = rng.choice(1682, n_wrong, replace=False, p=unrated / unrated.sum())
        scores = linkage_scores(stars, items, noisy, n_raters)
        found += scores[user] > np.delete(scores, user).max() + 1e-9
    return found / 300


# %% tags=["setup"]
known_films = [4, 8, 12, 16]
shares_found = {
    "stars, all exact": [[uniqueness(stars, n, np.random.default_rng(seed)) for n in known_films] for seed in range(2)],
    "stars, some wrong": [[found_by(n, np.random.default_rng(seed)) for n in known_films] for seed in range(5)],
    "titles, none wrong": [
        [uniqueness(stars > 0, n, np.random.default_rng(seed)) for n in known_films] for seed in range(2)
    ],
}
print("Three attackers were tried, each with", known_films, "known films.")


# %% tags=["figure"]
def draw_found():
    """Draw the share of people found against the number of known films."""
    fig, ax = new_axes(width=9.0, height=3.8)
    curves(ax, known_films, shares_found)
    ax.set(xlabel="films that the attacker knows", ylabel="share of people found", ylim=(0, 1.03), xticks=known_films)
    return fig


show(
    draw_found(),
    caption="People whose row alone fits best; bands: all random draws.",
    alt="Line chart of the share of people found against the number of films known. Exact stars start near nine "
    "tenths and "
    "reach all; noisy memories rise from a sixth to nine tenths; bare titles rise to eight tenths.",
)


# %% tags=["claim"]
def claims_on_noise():
    """State what the curves show at 16 films."""
    noisy, titles = (np.mean(shares_found[name], axis=0) for name in list(shares_found)[1:])
    claim(
        f"Sixteen noisy ratings, a quarter wrong, find {100 * noisy[3]:.0f} % of the people",
        bool(abs(noisy[3] - 0.90) < 0.04),
    )
    claim(
        f"Titles without stars find {100 * titles[1]:.0f} % with eight films, and {100 * titles[3]:.0f} % with sixteen",
        bool(abs(titles[1] - 0.38) < 0.05 and abs(titles[3] - 0.79) < 0.04),
    )


claims_on_noise()

# %% [markdown]
# Mistakes slow the attack down and do not stop it: sixteen noisy ratings find about as many people as four exact ones.
# Right titles without any stars need more films: eight find fewer than half of the people, sixteen find most.
#
# ## 3 · A model in place of the file
#
# Mara has a second idea: the university needs recommendations, so she could fit a PureSVD (chapter 04) to her table of
# zeros and ones and send only its directions, the matrix $V$ (`V`, shape (n_items, k), orthonormal columns). A student
# with row $x$ is then recommended what is largest in $x V V^\top$. No member's row leaves the club, so is that safe?
#
# Perhaps it is a secret that somebody is a member at all. Think of a club for people with an illness. A **membership
# inference** attack asks whether a person was in the training data.
#
# | attacker | knows | wants |
# |---|---|---|
# | an employee of the university | `V`; *all* films that Ada rated, also from her account there | is Ada a member? |
#
# Why should $V$ tell? PureSVD chose these directions so that the *members'* rows lose as little as possible, and an
# outsider's row had no say. So the attacker measures how much of a row the directions keep.


# %% tags=["diagram"]
def draw_membership():
    """Draw how a model is made and attacked, and a row beside the direction that keeps a part of it."""
    diagram = Diagram(10.4, 3.2)
    rows = diagram.box(1.15, 2.5, "members' rows", "task 1")
    model = diagram.box(3.75, 2.5, "PureSVD")
    attacker = diagram.box(3.75, 0.9, "attacker", "highlight")
    ada = diagram.box(1.15, 0.9, "Ada's full row", "task 2")
    diagram.arrow(rows, model, "(n, n_items)")
    diagram.arrow(model, attacker, "V (n_items, k)")
    diagram.arrow(ada, attacker, "(n_items,)")
    diagram.arrow(attacker, (5.5, 0.9), role="highlight")
    diagram.note(5.6, 0.9, "member?", align="left")
    x, y, unit = 7.4, 0.7, 0.5
    diagram.arrow((x, y), (x + 3 * unit, y + 4 * unit), role="task 2", width=2.5)
    diagram.arrow((x, y), (x + 3 * unit, y), role="shared", width=3)
    diagram.ax.plot([x + 3 * unit] * 2, [y, y + 4 * unit], color=GRAY, linestyle=":")
    diagram.note(x + 0.35, y + 1.55, "row [3, 4]\nlength 5")
    diagram.note(x + 0.75, y - 0.25, "kept: 3, along V")
    diagram.note(x + 3 * unit + 0.15, y + 1.0, "lost: 4", align="left")
    diagram.note(x + 1.0, 3.0, "what a direction keeps of a row", bold=True)
    diagram.note(2.5, 3.0, "the attack", bold=True)
    return diagram.figure


show(
    draw_membership(),
    caption="The attack, and a row of which the direction keeps 3.",
    alt="Left, members' rows go into PureSVD, and the attacker receives V and Ada's full row. Right, the row with "
    "entries 3 "
    "and 4 has length 5; the direction V keeps 3 of it, and 4 is lost.",
)

# %% [markdown]
# In the picture the row is [3, 4], and $V$ has one direction, the horizontal one. The squared length of the row is 9 +
# 16 = 25, and the part along $V$ has 9, so the share that is kept is 9/25 = .36. In general
#
# $$\text{kept}(x) = \frac{\lVert x V \rVert^2}{\lVert x \rVert^2}$$
#
# We draw half of the people as members, fit 100 directions to them, and compute the share for everybody. The attacker
# accuses everybody whose share lies above a threshold. We set the threshold so that four of the 472 outsiders are
# accused, which is less than one percent. (A real attacker does not know them, and would set the threshold on other
# people who are not members.)

# %%
zero_one = (stars > 0).astype(float)


def kept_share(rows, V):
    """Return the share of each row's squared length along the columns of V; no row may be empty."""
    return ((rows @ V) ** 2).sum(axis=1) / (rows**2).sum(axis=1)


def train_directions(seed):
    """Return who is a member (True or False for each person) and all directions, as rows, most important first."""
    member = np.random.default_rng(seed).permutation(943) < 471
    return member, np.linalg.svd(zero_one[member], full_matrices=False)[2]


member, directions = train_directions(0)
kept = kept_share(zero_one, directions[:100].T)
print(f"mean share kept: members {kept[member].mean():.2f}, outsiders {kept[~member].mean():.2f}")


# %% tags=["setup"]
accused = kept > np.sort(kept[~member])[::-1][4]  # the threshold that exercise 15.8 asks for
n_films = zero_one.sum(axis=1)
print(f"accused: {accused[member].sum()} members and {accused[~member].sum()} outsiders")
print(f"median number of films: {np.median(n_films[member & accused]):.0f} of the accused members,", end=" ")
print(f"{np.median(n_films[member & ~accused]):.0f} of the other members")


# %% tags=["figure"]
def draw_exposed():
    """Draw the shares of members and outsiders as histograms, and against the number of films."""
    fig, (left, right) = new_axes(columns=2, width=10.4, height=3.8)
    threshold = np.sort(kept[~member])[::-1][4] + 1e-9
    bins = threshold + 0.025 * np.arange(-24, 15)  # no bar lies on both sides of the threshold
    left.hist(kept[~member], bins, color=GRAY, alpha=0.55, label="472 outsiders")
    left.hist(kept[member], bins, histtype="step", color=BLUE, linewidth=2.5, label="471 members")
    left.axvline(threshold, color=VERMILION, linestyle="--")
    left.text(
        threshold + 0.012, 82, f"accused:\n{accused[member].sum()} members\n4 outsiders", color=VERMILION, va="top"
    )
    left.set(xlabel="share of the row that is kept", ylabel="people", ylim=(0, 85), title="members keep more")
    left.legend(loc="upper left", fontsize=10)
    right.scatter(n_films[member], kept[member], s=14, color=BLUE, alpha=0.45, label="members")
    right.scatter(n_films[~member], kept[~member], s=16, color=GRAY, marker="x", label="outsiders")
    wrong = ~member & accused
    right.scatter(n_films[wrong], kept[wrong], s=60, color=BLACK, marker="x", linewidth=2.2, label="outsiders accused")
    right.axhline(threshold, color=VERMILION, linestyle="--")
    right.text(18, threshold + 0.012, "accused", color=VERMILION)
    right.set(xscale="log", xticks=[20, 50, 100, 200, 500], xticklabels=[20, 50, 100, 200, 500])
    right.set(xlabel="films of this person (log scale)", ylabel="share kept", title="who is exposed")
    right.minorticks_off()
    right.legend(loc="lower right", fontsize=10)
    return fig


show(
    draw_exposed(),
    caption="Beyond the dashed line: accused. They are members with many films.",
    alt="Left, overlapping histograms of the share kept; members lie further right, and a dashed line leaves a good "
    "third of them and four outsiders on its right. Right, the share against the number of films: most members above "
    "the dashed line have a hundred films or more.",
)


# %% tags=["claim"]
claim(
    "Accused members have more than three times as many films as the other members (medians)",
    bool(np.median(n_films[member & accused]) > 3 * np.median(n_films[member & ~accused])),
)

# %% [markdown]
# The right panel shows who is exposed: the members with long rows. These rows have the largest weight in the
# matrix, so the directions follow them.
#
# How good is this attack? One number is the **AUC** of chapter 06: the probability that a random member has a higher
# score than a random outsider; guessing gives .5.
#
# A small example: the members Ada, Ben and Cleo have the scores .9, .6 and .3, and the outsiders Dan and Eve have .8
# and .5. To compute the AUC, compare each member with each outsider. Ada beats both, Ben beats Eve, and Cleo beats
# nobody: that is 3 of 6 pairs, so the AUC is .5. By this number the attack is worth nothing. But look at Ada: her score
# is above that of every outsider.
#
# The AUC is an average over everybody, and averages can hide harm to a few. So we also ask: if almost no outsider may
# be accused, how many members are found? The share of outsiders who are accused is the **false positive rate**
# (**FPR**), and the share of members who are accused is the **true positive rate** (**TPR**). Carlini et al. (2022)
# recommend the **TPR at a low FPR**.
#
# In the example: if no outsider may be accused, the threshold must be .8, and only Ada lies above it: TPR 1/3. If one
# may be accused, the threshold drops to .5, Dan is wrongly accused, and Ada and Ben are found: TPR 2/3.
#
# ### Exercise 15.8 · True positives at few false positives (core, 9 minutes)
#
# Choose the threshold as in the example: it is the score of an outsider. If no outsider may be accused, it is the
# highest of their scores. If one outsider may be accused, it is the second highest, and so on. Everybody *above* it is
# accused; a score equal to it is not. Compute the TPR.
#
# - Input: `members` and `outsiders`, their scores, in any order; `n_false`, an int from 0 to `len(outsiders) - 1`.
# - Output: one number, the share of members who are accused.
# - Mini-case: `members = [4, 1, 7]`, `outsiders = [5, 2, 6, 3]` and `n_false = 2` give `.667`: the threshold is 3, the
#   outsiders 6 and 5 are accused, and so are the members 4 and 7. (`np.sort(x)` sorts from low to high.)


# %%
def true_positive_rate(members, outsiders, n_false):
    """Return the share of members above the threshold that accuses at most n_false outsiders."""
    ### BEGIN SOLUTION
    threshold = np.sort(outsiders)[::-1][n_false]
    return np.mean(members > threshold)
    ### END SOLUTION


check("15.8", true_positive_rate)

# %% [markdown] tags=["solution"]
# **Why it works.** Sorted from high to low, the outsider at position `n_false` has at most `n_false` others above it.
# **Another way.** A member is accused if at most `n_false` outsiders have a score as high as theirs or higher: count
# them in a loop. **Typical mistake.** `>=`: then the outsider at the threshold is accused, too, and one more is accused
# than is allowed.

# %% [markdown]
# ### Exercise 15.D · What an accusation is worth (decision, 7 minutes)
#
# Two attacks, red and blue, were tried on the same model, with two members and five outsiders:
#
# | attack | scores of the members | scores of the outsiders |
# |---|---|---|
# | red | .9, .1 | .8, .6, .5, .3, .2 |
# | blue | .7, .6 | .8, .5, .3, .2, .1 |
#
# Write a list of five values in this order.
#
# - `auc_red` and `auc_blue`: the AUC of each attack, a number with one decimal.
# - `tpr_red` and `tpr_blue`: the TPR of each attack if no outsider may be accused.
# - `town`: a third attack has a TPR of .4 at an FPR of .01. It is tried on a town of 100,000 people, of whom 100 are
#   members. What share of all the people whom it accuses are members: `"most"`, `"half"` or `"few"`?

# %%
### BEGIN SOLUTION
two_attacks = [0.5, 0.8, 0.5, 0, "few"]
### END SOLUTION
check("15.D", two_attacks)

# %% [markdown] tags=["solution"]
# **Why it works.** Of the ten pairs, red wins the five of its first member; blue wins four with each member. But in
# both attacks the best outsider has .8, and only red has a member above it. In the town the attack accuses 40 of the
# 100 members and 999 of the 99,900 others, so only 4 % of the accused are members. **Another way.** Sort all seven
# scores from high to low and write M or O for each: red is M O O O O O M, blue is O M M O O O O. The TPR without a
# false accusation looks only at the letters before the first O. **Typical mistake.** Reading an FPR of 1 % as "99 of
# 100 accusations are right". How many are right also depends on how rare members are. (With five outsiders, a score
# above all of them may be luck, too.)

# %% [markdown]
# We repeat the attack for models of different sizes, five times with other members. What would guessing find? Write the
# scores of the 472 outsiders in a line, from low to high. They leave 473 gaps: 471 between two of them, one to the left
# of the lowest and one to the right of the highest. If scores say nothing, a member is equally likely to lie in each
# gap. The threshold, for `n_false = 4`, is the fifth highest outsider, and five gaps lie above it: guessing finds 5 /
# 473 = .011 of the members.

# %%
from recsys_teach.privacy.attacks import membership_auc

true_positive_rate = reference("15.8")
ranks = [1, 5, 20, 50, 100, 200, 400]
auc, tpr = np.zeros((5, len(ranks))), np.zeros((5, len(ranks)))
for seed in range(5):
    inside, V_all = train_directions(seed)
    for place, k in enumerate(ranks):
        share = kept_share(zero_one, V_all[:k].T)
        auc[seed, place] = membership_auc(share[inside], share[~inside])
        tpr[seed, place] = true_positive_rate(share[inside], share[~inside], 4)
print("TPR at 5 directions:  ", tpr[:, 1].round(3), "mean", tpr[:, 1].mean().round(3))
print("TPR at 100 directions:", tpr[:, 4].round(3), "mean", tpr[:, 4].mean().round(3))


# %% tags=["figure"]
def draw_ranks():
    """Draw AUC and TPR against the number of directions."""
    fig, ax = new_axes(width=8.4, height=3.6)
    colors = {"AUC": (auc, BLUE, "o"), "TPR at 4 of 472": (tpr, ORANGE, "s")}
    for name, (values, color, marker) in colors.items():
        ax.fill_between(ranks, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0)
        ax.plot(ranks, values.mean(axis=0), color=color, marker=marker, label=name)
    ax.axhline(0.5, color=BLUE, linestyle=":")
    ax.text(1, 0.44, "AUC of guessing: .5", color=BLUE, va="top")
    ax.axhline(5 / 473, color=ORANGE, linestyle=":")
    ax.text(1, 0.08, "TPR of guessing: .011", color=ORANGE)
    ax.set(xscale="log", xticks=ranks, xticklabels=ranks, ylim=(0, 1.03), xlabel="directions k (log scale)")
    ax.set_ylabel("AUC, or share of the members")
    ax.legend(loc="center left", bbox_to_anchor=(0, 0.75))
    ax.minorticks_off()
    return fig


show(
    draw_ranks(),
    caption="Membership attack on PureSVD; bands: five choices of members.",
    alt="Two curves against the number of directions, each with a dotted line for guessing. The AUC is near one half "
    "up to five directions and rises to one. The true positive rate is a little above guessing up to five and also "
    "rises to one at four hundred.",
)


# %% tags=["claim"]
def claims_on_membership():
    """State what the attack reaches at three sizes."""
    claim(
        f"At 5 directions the attack is weak, and not nothing: AUC {auc[:, 1].mean():.2f} (guessing .50), "
        f"mean TPR {tpr[:, 1].mean():.3f} (guessing .011)",
        bool(abs(auc[:, 1].mean() - 0.52) < 0.03 and 0.011 < tpr[:, 1].mean() < 0.06),
    )
    claim(
        f"At 100 directions the attack finds {100 * tpr[:, 4].mean():.0f} % of the members while it accuses 4 "
        f"outsiders",
        bool(abs(tpr[:, 4].mean() - 0.37) < 0.06),
    )
    claim("At 400 directions the AUC is above .99: the model has stored nearly everybody", bool(auc[:, 6].min() > 0.99))


claims_on_membership()

# %% [markdown]
# The more a model can store, the more it tells. Five directions describe the crowd, and four hundred describe 471
# people one by one. And if Ada asks Mara to delete her data, deleting her row does not remove her from $V$. Mara may
# have to train again without Ada, or use a method of **machine unlearning**; such methods are judged by attacks like
# this one.
#
# ## Settled for today: what Mara may send
#
# Not the file: four remembered ratings, or sixteen poor ones, lead to a row. Not a large model: with 100 directions
# more than a third of the members are accused, and only four outsiders. The members with many films are in the greatest
# danger. With five directions *this* attack finds few: about 3 % of the members, where guessing finds 1 %. But a better
# attack may exist.
#
# ## Pause · End of sitting 1
#
# Keep three ideas: an attacker is described by what they know and want, a row is found by what fits best, and a model
# that stores people tells about them. You may forget the formulas. When you return, first run all cells above (half a
# minute).
#
# # Sitting 2 · Defenses, without and with a promise
#
# ## 4 · Coarser tables
#
# Mara's file has a second part: the gender, age and zip code of each member. None of these is a name, and together they
# are almost one. Columns that somebody can know from elsewhere, and that together single people out, are called
# **quasi-identifiers**. The first defense makes them coarser, until several people share each combination.


# %% tags=["diagram"]
def draw_coarser():
    """Draw six members before and after their quasi-identifiers were made coarser."""
    diagram = Diagram(10.2, 3.6)
    before = [
        ["F", 23, "94110"],
        ["F", 31, "94043"],
        ["F", 38, "94301"],
        ["M", 42, "10003"],
        ["M", 47, "10025"],
        ["M", 55, "10011"],
    ]
    after = [["F", "20-39", "9"]] * 3 + [["M", "40-59", "1"]] * 3
    ill = [["yes"], ["yes"], ["yes"], ["no"], ["yes"], ["no"]]
    names = ["gender", "age", "zip"]
    for x, rows, groups, title in (
        (0.4, before, [None] * 6, "before: each row is alone"),
        (5.4, after, ["task 1"] * 3 + ["task 2"] * 3, "after: groups of three"),
    ):
        for j, name in enumerate([*names, "ill"]):
            cells = [[row[j]] for row in rows] if j < 3 else ill
            roles = (
                [[group] for group in groups]
                if j < 3
                else [["highlight" if i < 3 and x > 5 else None] for i in range(6)]
            )
            wide(diagram, x + 0.95 * j + 0.3 * (j == 3), 2.9, cells, roles, name)
        diagram.note(x + 2.1, 0.25, title, bold=True)
    diagram.arrow((4.65, 1.85), (5.25, 1.85))
    return diagram.figure


def wide(diagram, x, y, cells, roles, name):
    """Draw one column of wide cells with its name on top."""
    from matplotlib.patches import Rectangle

    from recsys_teach.figures.diagrams import ROLES

    for i, (value,) in enumerate(cells):
        edge, face = ROLES[roles[i][0]] if roles[i][0] else (GRAY, "white")
        diagram.ax.add_patch(Rectangle((x, y - 0.37 * (i + 1)), 0.95, 0.37, facecolor=face, edgecolor=edge, zorder=3))
        diagram.ax.text(x + 0.475, y - 0.37 * (i + 0.5), value, ha="center", va="center", fontsize=10.5, zorder=4)
    diagram.ax.text(x + 0.475, y + 0.08, name, ha="center", fontsize=10.5)


show(
    draw_coarser(),
    caption="Coarser columns hide rows; the column ill may still tell.",
    alt="Left, six members with different gender, age and zip code. Right, ages in bands and zip codes cut to one "
    "digit give two "
    "groups of three. In the first group all three members are ill.",
)

# %% [markdown]
# Before, an attacker who knows that Ada is female, 31 and lives in 94043 finds one row, and after, three rows are
# possible. A table is **k-anonymous** if every combination of quasi-identifiers that occurs is shared by at least k
# rows (Sweeney, 2002). The table on the right is 3-anonymous.
#
# | attacker | knows | wants |
# |---|---|---|
# | a neighbor of Ada | the table; her gender, age and zip code | which row is hers |
#
# To check a table we need, for each row, the size of its group. pandas can return one number per *group* or one per
# *row*. Here it is the mean temperature of each town; `"size"` in place of `"mean"` counts the rows, and `groupby` also
# takes a list of columns.

# %%
towns = pd.DataFrame({"town": ["Ulm", "Bonn", "Ulm"], "degrees": [12, 25, 18]})
print(towns.groupby("town")["degrees"].mean().to_dict())  # one number for each group
print(towns.groupby("town")["degrees"].transform("mean").to_numpy())  # one for each row, in the order of the table

# %% [markdown]
# ### Exercise 15.4 · How many share each row? (core, 7 minutes)
#
# Count for each row how many rows have the same values in *all* the given columns, itself included.
#
# - Input: `table`, a DataFrame with any index; `columns`, a list of column names.
# - Output: an array of int, shape (len(table),), in the order of the table.
# - Mini-case: Ada (F, 20), Ben (M, 20) and Cleo (F, 20), with `columns = ["gender", "age"]`, give `[2, 1, 2]`. The
#   table is not 2-anonymous, because of Ben.


# %%
def group_sizes(table, columns):
    """Return for each row how many rows share its values in these columns."""
    ### BEGIN SOLUTION
    return table.groupby(columns)[columns[0]].transform("size").to_numpy()
    ### END SOLUTION


check("15.4", group_sizes)

# %% [markdown] tags=["solution"]
# **Why it works.** `groupby` forms the groups, and `transform` returns for each row the size of its group.
# **Another way.** Turn each row into a tuple and count the tuples with a `Counter`. **Typical mistake.**
# `groupby(columns).size()` alone: it has one number for each group, so nobody knows which row is in danger.

# %% [markdown]
# Now we apply this to Mara's members: ages become bands of 20 years, zip codes keep one character, and rows whose group
# is still smaller than five are left out (**suppression**).

# %%
from recsys_teach.privacy.anonymization import generalize, suppress

group_sizes = reference("15.4")
profile = ["gender", "age", "zip_code"]
coarse = generalize(ml.users, age_years=20, zip_digits=1)
safe = suppress(coarse, profile, k=5)
rows = []
for users in (ml.users, coarse, safe):
    sizes = group_sizes(users, profile)
    rows.append([len(users), sizes.min(), 100 * (sizes == 1).mean()])
columns = ["people", "smallest group", "alone, in %"]
pd.DataFrame(rows, ["as it is", "coarser", "coarser, groups below 5 left out"], columns).round(1)


# %% tags=["claim"]
def claims_on_profiles():
    """State what the profiles tell, and what the ratings of those who are left still tell."""
    claim(f"Gender, age and zip code single out {rows[0][2]:.1f} % of the members", bool(abs(rows[0][2] - 97.2) < 0.1))
    left = stars[ml.user_ids.isin(safe.index)]
    alone = uniqueness(left, 4, np.random.default_rng(0))
    claim(f"Four ratings still single out {100 * alone:.0f} % of those who are left", bool(abs(alone - 0.88) < 0.02))


claims_on_profiles()

# %% [markdown]
# The profiles are safer, at the price that 76 members with rare profiles are missing. The ratings are not safer: four
# of them still single out nearly nine in ten. In the table of ratings each of the 1,682 columns is a quasi-identifier,
# and making them all coarse would destroy it.
#
# The picture of the six members ("before" and "after") shows a second limit. In the first group of the table "after",
# *all three* are ill. The neighbor cannot find Ada's row and does not need to: whichever row it is, Ada is ill. One
# remedy is called **l-diversity**: each group must have at least l different values of the sensitive column
# (Machanavajjhala et al., 2007). Here the second group has two values, and the first has only one. (It is not a
# complete remedy: the values of a group may be different and yet all bad news.)
#
# ## 5 · Encryption
#
# "Then I encrypt the file," says Mara, "and send it that way." She should encrypt it, but encryption has another job.
# The picture shows where the ratings can be read.


# %% tags=["diagram"]
def draw_encryption():
    """Draw the places that the data pass, and whether they can be read there."""
    diagram = Diagram(10.4, 2.6)
    places = [
        ("backup disk", "shared", "locked"),
        ("Mara's server,\ntrains V in memory", "highlight", "readable"),
        ("network,\ncarries the file", "shared", "locked"),
        ("university,\nhas the key", "highlight", "readable"),
    ]
    boxes = [
        diagram.box(1.3 + 2.6 * n, 1.5, text, role, width=1.95, height=0.8) for n, (text, role, _) in enumerate(places)
    ]
    for n, (_, _, state) in enumerate(places):
        diagram.note(1.3 + 2.6 * n, 0.75, state, bold=True)
        if n:
            diagram.arrow(boxes[n - 1], boxes[n])
    diagram.note(5.2, 2.3, "Encryption protects the data where the key is not.")
    return diagram.figure


show(
    draw_encryption(),
    caption="Green: unreadable without the key. Orange: in plain text.",
    alt="Four places that the ratings pass. On the backup disk and in the network they are locked. In the memory of "
    "the server, which trains V, and at the university, which has the key, they can be read.",
)

# %% [markdown]
# The standard tool is **AES-GCM**. It hides the content, and it refuses to open a file in which a single bit has
# changed. It needs a secret key and, for each message, a fresh **nonce** (a number that is used once). A label, here
# "ratings, version 1", can be added; it is not secret, but the file opens only together with the same label.

# %%
key = AESGCM.generate_key(bit_length=256)  # in a real service it comes from a key service, never from the code
nonce = os.urandom(12)  # a nonce that is used twice with one key breaks the protection
sealed = AESGCM(key).encrypt(nonce, stars.tobytes(), b"ratings, version 1")
changed = bytes([sealed[0] ^ 1]) + sealed[1:]  # one bit is different

print("opens with the key:", AESGCM(key).decrypt(nonce, sealed, b"ratings, version 1") == stars.tobytes())
try:
    AESGCM(key).decrypt(nonce, changed, b"ratings, version 1")
except InvalidTag:
    print("one changed bit: refused")

# %% [markdown]
# ### Exercise 15.A · Which defense stops whom? (decision, 6 minutes)
#
# Mara has encrypted her disks and transfers. She has made the profiles 5-anonymous (not l-diverse) and left the ratings
# as they are. For each attacker choose what stops them: `"encryption"`, `"k-anonymity"` or `"neither"`.
#
# - `disk`: a thief with a stolen backup disk; the key is elsewhere.
# - `row`: a neighbor who received the coarse profiles and knows Ben's gender, age and zip code; wants Ben's row.
# - `illness`: the same neighbor; Ben's group has nine members, and the table says that all nine are ill.
# - `ratings`: a researcher who was given the file and the key, and knows four ratings of a student.
# - `model`: a stranger with a published `V` of 400 directions and Ada's full row.
#
# Write a list of five texts in this order.

# %%
### BEGIN SOLUTION
stopped_by = ["encryption", "k-anonymity", "neither", "neither", "neither"]
### END SOLUTION
check("15.A", stopped_by)

# %% [markdown] tags=["solution"]
# **Why it works.** Ask of each attacker what they may read. The thief reads noise. The neighbor reads nine equal
# profiles, and one equal illness. The researcher and the stranger read what they were *meant* to receive.
# **Another way.** Go through the defenses: encryption ends where the key is, and k-anonymity ends at the columns that
# were made coarse. **Typical mistake.** "The model was trained on an encrypted file." Training needs the plain numbers,
# and `V` is computed from these.

# %% [markdown]
# ## 6 · A lie with a known probability
#
# So far each defense fails once the attacker knows a little more. A defense that does not depend on what they know
# exists, and it needs randomness. The oldest example is a survey (Warner, 1965).
#
# Mara wants to know how many members have a chronic illness. Nobody likes to answer, so each member secretly draws one
# of four cards. Three of the cards say "tell the truth", and the fourth says "say the opposite". This is called
# **randomized response**.


# %% tags=["diagram"]
def draw_randomized_response():
    """Draw the two possible truths, the answers with their probabilities, and the same as bars."""
    diagram = Diagram(10.4, 3.0)
    ill = diagram.box(1.2, 2.1, "truth: ill", "task 1")
    well = diagram.box(1.2, 0.9, "truth: not ill", "task 2", width=1.6)
    yes = diagram.box(4.6, 2.1, "says yes", "noise")
    no = diagram.box(4.6, 0.9, "says no", "noise")
    diagram.arrow(ill, yes, "3/4", "task 1", width=3)
    diagram.arrow(well, no, "3/4", "task 2", width=3)
    diagram.arrow((1.9, 1.95), (3.9, 1.0), "1/4", "task 1", at=0.25)
    diagram.arrow((2.0, 1.05), (3.9, 1.95), "1/4", "task 2", at=0.25)
    ax = diagram.ax
    for x, p, role in ((6.6, 0.75, BLUE), (7.1, 0.25, ORANGE), (8.6, 0.25, BLUE), (9.1, 0.75, ORANGE)):
        ax.bar(x, 2 * p, 0.45, bottom=0.8, color=role, hatch="//" if role == ORANGE else None, edgecolor="white")
        diagram.note(x, 0.95 + 2 * p, f"{p:.2f}"[1:])
    ax.plot([6.2, 9.5], [0.8, 0.8], color=GRAY)
    diagram.note(6.85, 0.55, "answer: yes")
    diagram.note(8.85, 0.55, "answer: no")
    diagram.note(7.85, 2.85, "one bar at most 3 times its partner", bold=True)
    return diagram.figure


show(
    draw_randomized_response(),
    caption="Randomized response: blue if ill, orange (hatched) if not.",
    alt="Left, arrows from the two truths to the two answers with probabilities three quarters and one quarter. "
    "Right, bars of "
    "each answer for both truths: .75 and .25 for yes, .25 and .75 for no.",
)

# %% [markdown]
# Ada's "yes" has probability .75 if she is ill and .25 if she is not, so its ratio is 3. A "no" has the same ratio, the
# other way round. The survey promises that no answer has a ratio above 3, *whatever else you know about Ada*. The
# logarithm of this bound is called **ε** (epsilon): here ε = ln 3 = 1.10. If the truth is told with probability $p$,
# then
#
# $$\varepsilon = \ln \frac{p}{1 - p}, \qquad p = \frac{e^\varepsilon}{1 + e^\varepsilon}$$
#
# With ε = 0 the bars are equal, and the answer says nothing. The larger ε is, the more an answer reveals. (The
# logarithm will be convenient in sitting 3: ratios multiply, so their logarithms add up.)
#
# | attacker | knows | wants |
# |---|---|---|
# | *anybody*, even Mara | Ada's answer, and everything else except her card | is Ada ill? |
#
# Mara does not learn who is ill, but she can estimate *how many* are. Suppose 20 of 100 members are ill. On average 15
# of them say yes, and so do 1/4 of the 80 others, which are 20, so 35 of all 100 members say yes. Mara goes backward.
# If nobody was ill, 25 would say yes, and if everybody was ill, 75 would. The 35 that she counted lie 10 above the
# lower end, and the two ends are 50 apart. So the share is 10 / 50 = .2.
#
# ### Exercise 15.5 · The true share from lies (core, 8 minutes)
#
# Write this calculation for any ε.
#
# - Input: `answers`, shape (n,), True (yes) or False; `epsilon`, a number above 0.
# - Output: one number, the estimated share of true yeses. It may lie below 0 or above 1: leave it so, because cutting
#   it off would make the estimates wrong on average.
# - Mini-case: `epsilon = ln 3`, so p = .75; two of four say yes: (.5 − .25) / .5 = .5.


# %%
def true_share(answers, epsilon):
    """Return the unbiased estimate of the share of true yeses."""
    ### BEGIN SOLUTION
    p = np.exp(epsilon) / (1 + np.exp(epsilon))
    return (np.mean(answers) - (1 - p)) / (2 * p - 1)
    ### END SOLUTION


check("15.5", true_share)

# %% [markdown] tags=["solution"]
# **Why it works.** If the true share is s, the expected share of yeses is p s + (1 − p)(1 − s). Solve for s.
# **Another way.** Give each yes the value p / (2p − 1) and each no the value (p − 1) / (2p − 1), and take the mean.
# **Typical mistake.** Dividing the share of yeses by p: this forgets the yeses of people who are not ill.

# %% [markdown]
# What does the promise cost? For each ε we simulate 1,000 surveys. Each asks 1,000 people who are drawn with
# replacement from the 1,000 people of the course's world. What is the same spread worth? The spread of an estimate from
# $n$ people is proportional to 1/√n, so an honest survey of 250 people has twice the spread of one of 1,000 people. If
# 1,000 randomized answers have twice the spread of 1,000 honest ones, they are therefore worth 1,000 / 2² = 250 honest
# answers.

# %%
from recsys_teach.privacy.mechanisms import randomized_response, truth_probability

true_share = reference("15.5")
ill = load_world().users["chronic_illness"].to_numpy()  # 1,000 people, True or False
rng = np.random.default_rng(15)
rows = []
for epsilon in (0.5, np.log(3), 3.0):
    estimates = [true_share(randomized_response(rng.choice(ill, 1000), epsilon, rng), epsilon) for _ in range(1000)]
    plain = np.sqrt(ill.mean() * (1 - ill.mean()) / 1000)  # spread of an honest survey of 1,000 people
    rows.append(
        [truth_probability(epsilon), np.mean(estimates), np.std(estimates), 1000 * (plain / np.std(estimates)) ** 2]
    )
columns = ["truth told with", "mean estimate", "spread", "worth so many honest answers"]
survey = pd.DataFrame(rows, ["ε = 0.5", "ε = ln 3", "ε = 3"], columns)
survey.round({"truth told with": 2, "mean estimate": 2, "spread": 3, "worth so many honest answers": -1})

# %% tags=["claim"]
claim(
    f"At ε = ln 3 the estimates are right on average ({survey.iloc[1, 1]:.3f}; the truth is {ill.mean():.3f})",
    bool(abs(survey.iloc[1, 1] - ill.mean()) < 0.004),
)

# %% [markdown]
# The estimate is right on average for every ε, and the price is the spread. At ε = ln 3, a thousand randomized answers
# are worth about 190 honest ones. The promise protects the *answer*; that Ada took part is visible.
#
# Here each member adds the randomness before anybody sees the answer, so nobody needs to trust Mara. This is the
# **local** model of privacy. In the rest of the chapter Mara sees the raw rows and adds noise to what she publishes.
# This is the **central** model: it needs trust in Mara, and far less noise, as section 8 will show.
#
# ## 7 · The promise, drawn
#
# The idea of the two bars works for any output. Let Mara publish the number of members who have seen *Letter*, plus
# some random noise. She does this many times with your row and many times without it, and we look at both histograms.

# %%
epsilon = np.log(2)
rng = np.random.default_rng(15)
without_you = 100 + rng.laplace(scale=1 / epsilon, size=200_000)  # section 8 explains this noise
with_you = 101 + rng.laplace(scale=1 / epsilon, size=200_000)


# %% tags=["figure"]
def draw_promise():
    """Draw the histograms of a noisy count with and without one row, and mark the ratio of two pairs of bars."""
    fig, ax = new_axes(width=8.8, height=3.8)
    edges = np.arange(92.5, 109.5)
    middle = edges[:-1] + 0.5
    gray, blue = (np.histogram(values, edges)[0] / 200_000 for values in (without_you, with_you))
    ax.bar(middle - 0.2, gray, 0.4, color=GRAY, label="without you")
    ax.bar(middle + 0.2, blue, 0.4, color=BLUE, hatch="//", edgecolor="white", label="with you")
    for place, text, shift in ((98, "blue is 1/2 of gray", -1.5), (103, "blue is 2 × gray", 1.5)):
        top = max(gray[place - 93], blue[place - 93])
        arrow = {"arrowstyle": "->", "color": VERMILION}
        ends = (place, top + 0.005), (place + shift, top + 0.09)
        ax.annotate(text, *ends, arrowprops=arrow, color=VERMILION, ha="center")
    ax.set(xlabel="published number", ylabel="share of the releases", xticks=middle[1::2])
    ax.legend()
    return fig


show(
    draw_promise(),
    caption="The blue bars stay between half and twice the gray ones.",
    alt="Bars of a noisy count without a person, centered at 100, and with the person, centered at 101. Each blue bar "
    "is between half and twice as high as the gray bar beside it; two pairs are marked.",
)

# %% [markdown]
# Somebody sees one published number, say 103, and wants to know whether you are in the data. At 103 the blue bar is
# about twice the gray one. Apart from the luck of drawing, one bar is nowhere more than twice the other. So no number
# that Mara publishes is more than twice as likely with you as without you, or the other way round.
#
# This is **differential privacy** (Dwork et al., 2006). A random release is **ε-differentially private** if no bar of
# one histogram is more than $e^\varepsilon$ times the same bar of the other, for *any* data and *any* person; in the
# picture ε = ln 2. As a formula, $D'$ is the data set $D$ with one person added or removed, $M$ is the release, and $S$
# is any set of outputs (a bar, or several):
#
# $$P(M(D) \in S) \le e^\varepsilon \, P(M(D') \in S)$$
#
# No attacker appears in this formula, so it makes no difference what the attacker knows or computes. It does not
# promise that nothing can be learned *about* you: a study that shows that smoking harms tells something about every
# smoker, also about those who did not take part.
#
# We must say what differs between $D$ and $D'$, the **unit**. At **user level** it is one person with all their
# ratings, and at **example level** it is a single rating. An ε without its unit means nothing. In this chapter the unit
# is *added or removed*. (Some authors replace a person by another one, and then the same noise can have up to twice the
# ε.)
#


# %% tags=["diagram"]
def draw_units():
    """Draw a table with one cell marked, and the same table with one row marked."""
    diagram = Diagram(10.2, 2.9)
    people = ["Ada", "Ben", "Cleo", "Dan", "Eve"]
    for left, level, text, marked in (
        (0.8, "example level", "hides one rating:\nAda's 4 for Heist", [(0, 1)]),
        (5.9, "user level", "hides one person:\nall ratings of Ada", [(0, i) for i in range(4)]),
    ):
        roles = [["highlight" if (u, i) in marked else None for i in range(4)] for u in range(5)]
        diagram.grid(left, 2.4, R, roles=roles, rows=people, cell=0.42)
        diagram.note(left + 0.84, 2.65, level, bold=True)
        diagram.note(left + 2.0, 1.9, text, align="left", size=10.5)
    return diagram.figure


show(
    draw_units(),
    caption="The unit: what is added or removed between D and D'.",
    alt="The table of five people twice. On the left one cell of Ada is marked, the unit at example level. On the "
    "right all cells of Ada's row are marked, the unit at user level.",
)

# %% [markdown]
# Is ε = 1 small? Then the factor is $e^1$ = 2.72. Suppose the attacker thinks it equally likely that you are in or out,
# odds of 1 to 1. After the release the odds are at most 2.72 to 1, a belief of 2.72 / 3.72 = 73 %. The factor also
# limits every membership attack. Let $S$ be all outputs after which the attacker accuses you. With you in the data, the
# probability of $S$ is the TPR, and without you it is the FPR. So the TPR is at most 2.72 times the FPR: whoever
# accuses 1 % of the outsiders finds at most 2.7 % of the members. With ε = 4 the factor is 55, and with ε = 8 it is
# 2,981: that guarantee is nearly empty.
#
# Some releases break the promise only in outputs that hardly ever occur. How badly? For each output compare the blue
# bar with $e^\varepsilon$ times the gray one. If the blue bar is higher, the difference *sticks out*. Add up what
# sticks out over all outputs. Then exchange the colors, and compare the gray bars with $e^\varepsilon$ times the blue
# ones in the same way. The larger of the two sums is called **δ** (`delta`). A tiny δ is acceptable; a δ near 1
# promises nothing.
#
# ### Exercise 15.E · Which release keeps the promise? (decision, 6 minutes)
#
# Three releases have three outputs each. The table shows the probability of each output.
#
# | output | first, with you | first, without | second, with you | second, without | third, with you | third, without |
# |---|---|---|---|---|---|---|
# | low | .5 | .2 | .51 | .5 | 0 | 0 |
# | middle | .3 | .3 | .49 | .49 | 0 | 1 |
# | high | .2 | .5 | 0 | .01 | 1 | 0 |
#
# - `first`, `second`, `third`: does this release keep ε = 1? Choose `"yes"`, `"with delta"` (only with a δ, and it is
#   below .05) or `"no"` (it would need a larger δ). (This limit keeps the numbers round. Section 10 shows that a real δ
#   must be much smaller.)
# - `delta`: the δ that the *second* release needs at ε = 1.
#
# Write a list of four values in this order.

# %%
### BEGIN SOLUTION
kept_promises = ["yes", "with delta", "no", 0.01]
### END SOLUTION
check("15.E", kept_promises)

# %% [markdown] tags=["solution"]
# **Why it works.** In the first release no ratio is above .5 / .2 = 2.5, which is less than 2.72. In the second, "high"
# occurs only without you, so no factor is enough; what sticks out is .01. The third release is the exact answer: all of
# "high" sticks out, δ = 1. **Another way.** Ask for each output what an attacker learns who sees it. "High" of the
# second release proves that you are *not* in the data, but it is rare. **Typical mistake.** Comparing in one direction
# only: with you, no bar of the second release sticks out.

# %% [markdown]
# ## 8 · How much noise? Sensitivity
#
# Mara wants to publish how many members have seen *Letter*. If you join, the count changes by at most 1. The largest
# change that one unit can cause, in any data set, is the **sensitivity** Δ (`sensitivity`), and the noise has to hide
# it.
#
# Which noise makes the histograms of section 7? We need a curve that, shifted by Δ, changes nowhere by more than a
# factor $e^\varepsilon$. For ε = ln 2 and Δ = 1 the factor is 2, so the curve may fall by half with each step of 1 away
# from the peak: heights 1, 1/2, 1/4, 1/8. Now shift the curve one step to the right. Everywhere to the right of both
# peaks the shifted curve is twice as high as the old one, and everywhere to the left it is half as high. Between the
# peaks the ratio lies between 1/2 and 2.


# %% tags=["figure"]
def draw_laplace():
    """Draw the Laplace density for two counts, with the ratio at two places, and for three ε."""
    fig, (left, right) = new_axes(columns=2, width=10.2, height=3.6)
    x = np.linspace(94, 107, 1301)
    scale = 1 / np.log(2)
    for count, color, style, name in ((100, GRAY, "-", "without you"), (101, BLUE, "--", "with you")):
        left.plot(x, np.exp(-np.abs(x - count) / scale) / (2 * scale), color=color, linestyle=style, label=name)
    for place in (102, 104):
        low, high = (np.exp(-abs(place - count) / scale) / (2 * scale) for count in (100, 101))
        left.plot([place, place], [0, high], color=VERMILION, linewidth=1)
        left.plot([place, place], [low, high], "o", color=VERMILION, markersize=5)
        left.annotate("× 2", (place, high), (5, 3), textcoords="offset points", color=VERMILION)
    left.set(xlabel="published number", ylabel="density", title="ε = ln 2: each step halves the curve")
    left.legend(loc="upper left", fontsize=10)
    x = np.linspace(-8, 8, 801)
    for epsilon, color, style in ((2, VERMILION, ":"), (1, BLUE, "-"), (0.5, ORANGE, "--")):
        right.plot(
            x, epsilon / 2 * np.exp(-np.abs(x) * epsilon), color=color, linestyle=style, label=f"ε = {epsilon:g}"
        )
    right.set(xlabel="noise, for sensitivity 1", title="a smaller ε needs wider noise")
    right.legend(fontsize=10)
    return fig


show(
    draw_laplace(),
    caption="The Laplace curve: a shift changes it by a bounded factor.",
    alt="Left, two pointed curves with peaks at 100 and 101; at two marked places the second is twice the first. "
    "Right, the "
    "noise for ε of 2, 1 and 0.5; it becomes wider as ε becomes smaller.",
)

# %% [markdown]
# This curve is the **Laplace distribution**. Its density is proportional to $e^{-|z|/b}$, where $b$ is its scale
# (`scale`). With
#
# $$b = \frac{\Delta}{\varepsilon}$$
#
# a shift by Δ changes it by at most $e^{\Delta / b} = e^\varepsilon$. To add such noise is called the **Laplace
# mechanism** (Dwork et al., 2006). In numpy, `rng.laplace(scale=b)` draws it; noise that was drawn with scale 1 and is
# multiplied by $b$ has scale $b$. Its standard deviation is $\sqrt{2} \, b$: for Δ = 1 and ε = 1 the count is off by
# about 1.4, which hardly matters if hundreds have seen a film. Compare the survey: at ε = ln 3 its spread was .03, or
# 30 of 1,000 people. A central count with the same ε is off by about √2 / 1.10 = 1.3.
#
# ## Settled for today: what Mara may promise
#
# Mara encrypts disks and transfers against thieves, and she makes the profiles coarser if she must pass them on. For
# the log neither is enough. Two releases are possible with a promise that depends on no attacker: the survey about the
# illness (ε = ln 3), and the number of members who have seen one film (ε = ln 2). Can a *recommender* have such a
# promise? That is sitting 3.
#
# ## Pause · End of sitting 2
#
# Keep the picture of the two histograms, and that the scale of the noise is sensitivity / ε. You may forget l-diversity
# and the survey's formula. When you return, run all cells above first.
#
# # Sitting 3 · A private recommender and its price
#
# ## 9 · Clipping: a bound for everybody
#
# One count needs noise of scale Δ / ε, with Δ = 1. But the university would like the counts of *all* films. If you
# join, each film that you have seen changes its count by 1. The sensitivity of a list is the sum of all absolute
# changes (the **L1 distance**). The busiest member has 737 films, so is Δ = 737? There are two problems: noise of scale
# 737 drowns every count, and 737 is read from the data. If this member left, the noise would shrink and reveal it. So
# the bound must not depend on who is in the data. The list of films must not depend on it either; we take the public
# catalog.
#
# The remedy is **clipping**: of each row only the first `most` films are counted. Then one person moves at most `most`
# counts by 1 each, whoever it is, and Δ = `most`.


# %% tags=["diagram"]
def draw_clipping():
    """Draw rows that are clipped to two films, their counts, and the noise."""
    diagram = Diagram(10.2, 2.7)
    before, after = [[1, 1, 1, 1], [0, 1, 0, 0], [0, 1, 1, 1]], [[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0]]
    roles = [
        ["highlight" if b != a else "task 1" if b else None for b, a in zip(*rows, strict=True)]
        for rows in zip(before, after, strict=True)
    ]
    kept_roles = [["task 1" if a else None for a in row] for row in after]
    first = diagram.grid(0.8, 2.2, before, roles=roles, rows=["Ada", "Ben", "Cleo"], title="rows")
    second = diagram.grid(4.0, 2.2, after, roles=kept_roles, title="at most 2 films each")
    counts = diagram.grid(7.3, 1.78, [[1, 3, 1, 0]], roles=[["shared"] * 4], title="counts")
    diagram.arrow(first, second, "clip")
    diagram.arrow(second, counts, "add up")
    noise = diagram.box(8.15, 0.45, "+ noise of scale 2/ε", "noise", width=2.2)
    diagram.arrow(noise, (8.15, 0.95), role="noise")
    return diagram.figure


show(
    draw_clipping(),
    caption="Clip each row to two films, count, add noise.",
    alt="Three rows of films; orange cells beyond the second film of a row are dropped. The remaining cells are added "
    "up to four counts, "
    "which receive noise of scale two over epsilon.",
)

# %% [markdown]
# One numpy function finds the first films of a row. `np.cumsum` adds up along the row, so it numbers the ones:

# %%
row = np.array([[0, 1, 0, 1, 1]])
print("running count:", np.cumsum(row, axis=1), " at most 2:", np.cumsum(row, axis=1) <= 2)

# %% [markdown]
# ### Exercise 15.6 · Popularity, private for people (core, 10 minutes)
#
# Release the number of people who have seen each film, ε-differentially private at user level (one person is added or
# removed).
#
# - Input: `table`, shape (n_users, n_items), entries 0 and 1; `most`, an int of at least 1; `epsilon`; `noise`, shape
#   (n_items,), drawn from the Laplace distribution with scale 1, so multiply it by the scale that is needed.
# - Output: shape (n_items,). Of each row count only the first `most` ones, from the left. Leave negative results as
#   they are.
# - Mini-case: Ada has `[1, 1, 1]`, Ben has `[0, 1, 0]`, and `most = 2`. The counts are `[1, 2, 0]`. With `epsilon = 1`
#   and `noise = [1, 0, -1]` the result is `[3, 2, -2]`.


# %%
def private_counts(table, most, epsilon, noise):
    """Return the counts of the items with Laplace noise that hides one person."""
    ### BEGIN SOLUTION
    kept = table * (np.cumsum(table, axis=1) <= most)
    return kept.sum(axis=0) + noise * most / epsilon
    ### END SOLUTION


check("15.6", private_counts)

# %% [markdown] tags=["solution"]
# **Why it works.** After clipping, whoever joins or leaves moves at most `most` counts by 1, so Δ = `most` and the
# scale is `most / epsilon`. **Another way.** On a copy, set `row[np.flatnonzero(row)[most:]] = 0` for each row.
# **Typical mistake.** Scale 1/ε, "because a count changes by 1": this hides a single rating, and a person has many.

# %% [markdown]
# How many films per person should Mara count? She may not find out on her own file, because no noise protects its true
# counts. So she rehearses on public data. For this rehearsal MovieLens changes its role. So far it was Mara's file.
# From here on it is the table of *another* club of the same size, which is public. Looking at its true counts costs
# Mara's members nothing.
#
# We compare the top 20 of the release with the true top 20, at ε = 1, in 20 draws. (The films that are kept are drawn
# at random from each row, so that films on the left have no advantage.)


# %%
def top_20(counts):
    """Return the positions of the 20 largest counts as a set."""
    return set(np.argsort(-counts, kind="stable")[:20])


def clip_rows(table, most, rng):
    """Return a table that keeps at most `most` random films of each row."""
    clipped = np.zeros_like(table)
    for user, row in enumerate(table):
        films = rng.permutation(np.flatnonzero(row))
        clipped[user, films[:most]] = 1
    return clipped


# %%
truth, rows = top_20(n_raters), []
for most in (1, 5, 20, 100, 737):
    right = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        counts = clip_rows(stars, most, rng).sum(axis=0)
        noisy = counts + rng.laplace(scale=most / 1.0, size=1682)  # ε = 1
        right.append([len(truth & top_20(counts)), len(truth & top_20(noisy))])
    rows.append([*np.mean(right, axis=0), np.std(right, axis=0)[1]])
columns = ["right of 20, clipped", "right of 20, clipped and noisy", "spread of the noisy"]
pd.DataFrame(rows, [1, 5, 20, 100, 737], columns).rename_axis("most").round(1)


# %% tags=["claim"]
def claims_on_clipping():
    """State that middle values are best."""
    noisy = [row[1] for row in rows]
    claim("Without clipping, noise leaves fewer than one right film of 20", bool(noisy[4] < 1))
    claim(
        "With 5 or with 20 films per person, 8 to 11 of 20 are right on average, more than with 1 or with 100",
        bool(max(noisy[0], noisy[3]) < min(noisy[1:3]) and min(noisy[1:3]) > 8 and max(noisy[1:3]) < 11),
    )


claims_on_clipping()

# %% [markdown]
# Clipping alone distorts: with one film per person fewer than 10 of 20 are right. Noise grows with `most`: without
# clipping (737) nothing is left. In between lies a plateau: the difference between 5 and 20 is smaller than the spread
# of one release. Every private method makes such a compromise. It is easier for a larger club, because its counts are
# larger and the noise stays as it is.
#
# ## 10 · Gaussian noise for long lists
#
# Half of a list is not much. Can the noise be smaller? Laplace noise pays for the *sum* of the changes. **Gaussian**
# (normal) noise pays for the *length* of the vector of changes, the **L2 sensitivity**. Twenty counts that change by 1
# have the sum 20, and the length √20 = 4.47.
#
# There is a price. Far out, a normal curve falls faster and faster. So if we shift it to the right, then far enough to
# the right the shifted curve is more than $e^\varepsilon$ times as high as the old one, for any ε:


# %% tags=["figure"]
def draw_delta():
    """Draw two normal curves and the part of one that exceeds e times the other."""
    fig, ax = new_axes(width=8.8, height=3.6)
    x = np.linspace(-3.5, 4.5, 801)
    without, with_you = (np.exp(-((x - c) ** 2) / 2) / np.sqrt(2 * np.pi) for c in (0, 1))
    ax.plot(x, without, color=GRAY, label="without you")
    ax.plot(x, with_you, color=BLUE, linestyle="--", label="with you")
    ax.plot(x, np.e * without, color=VERMILION, linestyle=":", label="e × without you")
    out = with_you > np.e * without
    ax.fill_between(x, np.e * without, with_you, where=out, color=VERMILION, alpha=0.35, hatch="//")
    ax.annotate("this area is δ", (1.95, 0.2), (2.7, 0.33), arrowprops={"arrowstyle": "->"}, color=VERMILION)
    ax.set(xlabel="published number minus the count without you (σ = 1)", ylabel="density", ylim=(0, 0.6))
    ax.legend(loc="upper left", fontsize=10)
    return fig


show(
    draw_delta(),
    caption="Normal noise at ε = 1: the shaded part sticks out.",
    alt="Two normal curves, one shifted by one. A dotted line shows e times the unshifted curve. Right of 1.5 the "
    "shifted curve lies above the dotted line; the area between them is shaded and called delta.",
)

# %% [markdown]
# What sticks out is the δ of section 7. A promise with such a δ is **(ε, δ)-differential privacy**:
#
# $$P(M(D) \in S) \le e^\varepsilon \, P(M(D') \in S) + \delta$$
#
# The bound on attacks becomes TPR ≤ $e^\varepsilon$ FPR + δ. We measure δ by adding up what sticks out:

# %%
x = np.linspace(-40, 40, 400_001)
for sigma in (1.0, 3.7301):
    without, shifted = (np.exp(-(((x - center) / sigma) ** 2) / 2) for center in (0, 1))
    sticks_out = np.maximum(shifted - np.e * without, 0).sum() / without.sum()  # ε = 1, so the factor is e
    print(f"σ = {sigma:.2f}: δ = {sticks_out:.5f}")

# %% [markdown]
# With σ = 1 an eighth of the curve sticks out, and with σ = 3.73 nearly nothing. How small must δ be? Imagine a
# "release" that publishes each person's row, unprotected, with probability δ, and otherwise nothing. The output "your
# row" has probability δ with you and 0 without you, so exactly δ sticks out, and the definition is satisfied. But of
# $n$ people it exposes $n \delta$ on average. So $n \delta$ must be far below 1. We use δ = .00001: 943 · .00001 =
# .009.
#
# The **Gaussian mechanism** adds normal noise whose standard deviation is a multiplier, here 3.73, times the L2
# sensitivity.

# %%
from recsys_teach.privacy.mechanisms import noise_multiplier

delta = 1e-5
multiplier = noise_multiplier(1.0, delta)  # standard deviation per unit of L2 sensitivity, at ε = 1
print(f"standard deviation: {multiplier:.2f} times the L2 sensitivity")

# %% [markdown]
# Compare standard deviations at ε = 1. For one number Laplace noise is smaller: √2 · 1 = 1.4 against 3.73 · 1 = 3.7.
# If a person changes 200 numbers by 1, Gaussian noise is smaller: √2 · 200 = 282.8 against 3.73 · √200 = 52.8. Models
# with many parameters are therefore trained with Gaussian noise. And Mara's counts?

# %%
right_gaussian = pd.DataFrame(index=range(20))
for most in (20, 100, 737):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        counts = clip_rows(stars, most, rng).sum(axis=0)
        noisy = counts + rng.normal(scale=multiplier * np.sqrt(most), size=1682)  # ε = 1, δ = .00001
        right_gaussian.loc[seed, f"most = {most}"] = len(truth & top_20(noisy))
right_gaussian.agg(["mean", "std"]).round(1)

# %% tags=["claim"]
claim(
    "With Gaussian noise and 100 films per person, 14 to 16 of 20 are right on average",
    bool(14 < right_gaussian["most = 100"].mean() < 16),
)

# %% [markdown]
# With the same ε and a tiny δ, 15 of 20 films are right in place of 9.
#
# ## 11 · Adding up
#
# Mara publishes the counts today and again next month. What is promised about both together? If Ada answers the
# randomized question twice, "yes, yes" has probability .75 · .75 if she is ill and .25 · .25 if not. The ratio is 3 · 3
# = 9, and ln 9 = ln 3 + ln 3. Ratios multiply, so **ε adds up**. This is called **composition**, and the total that
# Mara is willing to spend is her **privacy budget**.
#
# Four rules are enough for daily work:
#
# - *Sequential:* several releases about the same people, each with its own fresh noise, cost the sum of their ε. The
#   noise must be fresh: if two counts receive the same noise, it cancels out in their difference.
# - *Parallel:* releases about groups that share nobody cost the largest ε of them, because each person is in one group.
# - *Post-processing:* what is computed from a private release alone costs nothing more.
# - *Looks:* a noisy result that Mara looked at and threw away costs as much as one that she published. If she looked at
#   the raw rows to choose something, for example `most`, no noise covers this choice, and no ε can be computed for it.
#
# ### Exercise 15.B · The budget (decision, 7 minutes)
#
# Each plan is user level with δ = 0. Which ε can Mara promise to *every* member at the end of each plan?
#
# - `mondays`: the same counts on four Mondays, each with ε = .5 and fresh noise.
# - `tries`: three settings of a private model, each trained on all members with ε = 1; Mara looks at all three and
#   publishes the one that she likes best.
# - `clubs`: the counts of the 500 members of the East club with ε = 1, and those of the 443 members of the West club
#   with ε = .5; nobody is in both clubs. Then the counts of all 943 members together, with ε = .5.
# - `poster`: the counts once with ε = 1; then negative counts are set to 0, and the ten best are printed on a poster
#   and on a web page.
#
# Write a list of four numbers in this order.

# %%
### BEGIN SOLUTION
spent = [2, 3, 1.5, 1]
### END SOLUTION
check("15.B", spent)

# %% [markdown] tags=["solution"]
# **Why it works.** Follow one person, say Ada. Her row enters four Monday releases (4 · .5 = 2), three trained models
# (3), and one count (1). In `clubs` a member of East pays 1 + .5 and a member of West .5 + .5; the larger sum counts.
# **Another way.** Ask of each step whether it touches the raw rows; only these steps cost. **Typical mistake.**
# Counting published results: an unpublished look costs as much as a published one.

# %% [markdown]
# ## 12 · Private recommenders
#
# Now Mara can build recommenders. We compare four: two that hide one rating, and two that hide one person.
#
# **Private biases** predict a rating as 3.5 + film bias + person bias (chapter 02), and each bias is a damped mean. A
# mean is a sum divided by a count, and we know how to release both; McSherry and Mironov (2009) did so for Netflix's
# ratings. There are two stages: first the film biases, and then the person biases, computed from what the film biases
# leave. Each stage spends half of ε. In a stage all sums and all counts form one long list. What is averaged is a
# difference, such as rating − 3.5, clipped to at most 2 above or below 0. So at *example level* one rating moves one
# sum by at most 2 and one count by 1. By the rule of section 9 the changes add up: Δ = 2 + 1 = 3. The noise is Laplace
# noise, so δ = 0. The damping of a stage is 10 divided by the ε of this stage, so that a film with few ratings gets a
# bias near 0.


# %%
def noisy_means(values, groups, n_groups, epsilon, rng):
    """Return damped means of values clipped to ±2, ε-private for one value."""
    scale = (2 + 1) / epsilon  # one sum moves by at most 2, one count by 1
    total = np.bincount(groups, np.clip(values, -2, 2), minlength=n_groups) + rng.laplace(scale=scale, size=n_groups)
    count = np.bincount(groups, minlength=n_groups) + rng.laplace(scale=scale, size=n_groups)
    return total / (np.maximum(count, 0) + 10 / epsilon)  # the 10 was tuned on other splits of MovieLens


def private_biases(user, item, rating, epsilon, rng):
    """Return film and person biases; each stage spends half of ε."""
    film_bias = noisy_means(rating - 3.5, item, 1682, epsilon / 2, rng)
    return film_bias, noisy_means(rating - 3.5 - film_bias[item], user, 943, epsilon / 2, rng)


# %% [markdown]
# **Noisy popularity** and **DP-SVD** work at *user level*, and begin in the same way: each row is divided by its
# length. Then a person with 737 films has a row of length 1, like everybody else. This bounds each person, as clipping
# does.


# %% tags=["diagram"]
def draw_dp_svd():
    """Draw how rows of length 1 lead to noisy popularity and to the directions of DP-SVD."""
    diagram = Diagram(10.4, 2.9)
    rows = diagram.box(0.9, 1.5, "rows", "task 1", width=1.0)
    unit = diagram.box(3.2, 1.5, "rows x of\nlength 1", "task 2", width=1.4, height=0.75)
    total = diagram.box(5.9, 2.35, "sum of x\n(n_items,)", "shared", width=1.8, height=0.75)
    moments = diagram.box(5.9, 0.65, "sum of x xᵀ\n(n_items, n_items)", "shared", width=1.8, height=0.75)
    popularity = diagram.box(9.2, 2.35, "noisy popularity", "neutral", width=1.9)
    directions = diagram.box(9.2, 0.65, "main directions V", "neutral", width=1.9)
    first = diagram.box(7.55, 1.78, "noise", "noise", width=0.9, height=0.4)
    second = diagram.box(7.55, 1.22, "noise", "noise", width=0.9, height=0.4)
    diagram.arrow(rows, unit, "÷ length")
    diagram.arrow(unit, total)
    diagram.arrow(unit, moments)
    diagram.arrow(total, popularity)
    diagram.arrow(moments, directions)
    diagram.arrow(first, (7.55, 2.33), role="noise")
    diagram.arrow(second, (7.55, 0.67), role="noise")
    return diagram.figure


show(
    draw_dp_svd(),
    caption="Two releases: bound each row, add up, add noise.",
    alt="Rows are divided by their length. Their sum plus Gaussian noise is noisy popularity; the sum of "
    "their matrices x times x transposed plus noise leads to the main directions V.",
)

# %% [markdown]
# The sum of these rows is a popularity in which everybody has the same weight. One person changes it by a vector of
# length 1, so its L2 sensitivity is 1.
#
# For directions, one sum is not enough: they depend on which films are seen *together*. Multiply each entry of a row
# $x$ by each entry of the same row, itself included, and put the products into a matrix, $x x^\top$. For $x$ = [.6, .8]
# its entries are .6 · .6 = .36, .6 · .8 = .48, .48 again, and .8 · .8 = .64. The sum of these matrices over all people
# is $X^\top X$, where $X$ is the table whose rows are the $x$. Its most important directions (eigenvectors) are those
# that PureSVD finds for $X$. How far can one person move this sum? We need the length of $x x^\top$, taken as one long
# list of numbers: the squares add up to .13 + .23 + .23 + .41 = 1. So the L2 sensitivity is 1 again, and Gaussian noise
# on each entry is enough ("Analyze Gauss", Dwork et al., 2014). Whatever is computed from the noisy matrix is
# post-processing and costs nothing more. What Mara publishes is $V$. A list that is computed from $V$ and a student's
# own row is shown to this student alone, so it needs no noise.


# %%
def popularity_and_directions(table, k, sigma, rng):
    """Return two private releases, popularity and V, each with Gaussian noise; each costs its own ε."""
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)  # each row has length 1 (no row may be empty)
    n_items = table.shape[1]
    popularity = unit.sum(axis=0) + rng.normal(scale=sigma, size=n_items)
    noise = np.triu(rng.normal(scale=sigma, size=(n_items, n_items)))  # the upper triangle; the rest repeats it
    _, vectors = np.linalg.eigh(unit.T @ unit + noise + np.triu(noise, 1).T)  # from the least important on
    return popularity, vectors[:, -k:]


for sigma in (0, multiplier):  # without noise, and at ε = 1
    popularity, V = popularity_and_directions((R > 0).astype(float), 1, sigma, np.random.default_rng(15))
    print(f"σ = {sigma:.2f}  popularity {popularity.round(1)}  |V| {np.abs(V[:, 0]).round(1)}")

# %% [markdown]
# (`|V|` because the sign of a direction is arbitrary.) With five people the noise of ε = 1 is larger than the
# popularity; 943 people are easier to protect.
#
# **DP-SGD** (Abadi et al., 2016) makes any training by gradients private. Nothing bounds a gradient, so each one is
# clipped, like the rows in section 9:


# %% tags=["diagram"]
def draw_dp_sgd():
    """Draw one step of DP-SGD from a batch to the new weights."""
    diagram = Diagram(10.4, 3.2)
    batch = diagram.box(0.95, 1.5, "random\nbatch", width=1.2, height=0.7)
    each = []
    for n, y in enumerate((2.45, 1.5, 0.55)):
        gradient = diagram.box(3.1, y, ("[3, 4]", "[.3, .4]", "[0, −2]")[n], "task 1", width=1.4)
        clipped = diagram.box(5.25, y, ("[.6, .8]", "[.3, .4]", "[0, −1]")[n], "task 2", width=1.4)
        diagram.arrow(batch, gradient)
        diagram.arrow(gradient, clipped, "clip" if n == 0 else "")
        each.append(clipped)
    diagram.note(3.1, 2.98, "gradients")
    diagram.note(5.25, 2.98, "length at most C = 1")
    total = diagram.box(7.35, 1.5, "sum\n[.9, .2]", "shared", width=1.1, height=0.7)
    for clipped in each:
        diagram.arrow(clipped, total)
    noise = diagram.box(7.35, 0.4, "noise, size σ C", "noise", width=1.7)
    diagram.arrow(noise, total, role="noise")
    step = diagram.box(9.4, 1.5, "step of\nthe weights", width=1.4, height=0.7)
    diagram.arrow(total, step)
    return diagram.figure


show(
    draw_dp_sgd(),
    caption="One step of DP-SGD: clip each gradient, add, add noise.",
    alt="A random batch leads to three gradients, one for each rating. The gradient 3, 4 becomes .6, .8, and no "
    "clipped one is longer than 1. They are added up, noise proportional to C is added, and the sum moves the weights.",
)

# %%
gradients, C, sigma = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, -2.0]]), 1.0, 1.0  # one row for each rating
lengths = np.linalg.norm(gradients, axis=1, keepdims=True)  # 5, 0.5 and 2
clipped = gradients * np.minimum(1, C / lengths)  # a row longer than C is scaled down to length C
step = clipped.sum(axis=0) + np.random.default_rng(15).normal(scale=sigma * C, size=2)
print(clipped.round(1).tolist(), " sum:", clipped.sum(axis=0).round(1))

# %% [markdown]
# The gradient [3, 4] of length 5 becomes [.6, .8] of length 1, and the short one stays. After clipping, one rating
# moves the sum by at most $C$ (`C`), so noise of size σC (`sigma * C`) covers it. Training takes hundreds of such
# steps, and an **accountant** is a program that adds up what they cost ("Going further" shows how). It assumes that
# each rating enters each batch independently with the same probability, which is called **Poisson sampling**. For
# batches from a shuffled table this ε is not valid.
#
# The model that we train in this way is a small matrix factorization (chapter 04): rating − 3.5 is predicted by the two
# biases plus the product of two vectors of 8 numbers, with the squared error as loss. We take ten epochs, batches of
# 4,000 ratings on average, $C$ = .5 and δ = .00001. The learning rates were chosen among few values. (The unit is one
# rating here, and there are about 70,000 of them, so $n \delta$ = .7. By the rule of section 10 this δ is too large; a
# smaller one would need more noise.)
#
# ### Exercise 15.C · Find the broken promise (decision, 5 minutes)
#
# A colleague writes a step of DP-SGD. `B` is the batch size that is expected on average, a constant. The accountant
# uses `sigma`, and says ε = 1.
#
# ```python
# gradients = gradient_of_each_rating(batch)                      # line 1, a row for each rating of the batch
# mean = gradients.sum(axis=0) / B                                 # line 2
# mean = mean * min(1, C / np.linalg.norm(mean))                   # line 3
# noisy = mean + rng.normal(scale=sigma * C / B, size=n_weights)   # line 4
# weights = (weights - learning_rate * noisy).round(3)             # line 5
# ```
#
# Which sentence is right?
#
# - `a`: Line 3 clips at the wrong place: one rating can still move the mean by more than the noise is made for.
# - `b`: Line 4 is wrong: the scale must be `sigma * C`, although `mean` is a mean.
# - `c`: Line 5 is wrong: the published weights need separate noise, and rounding after the noise changes the bars.
# - `d`: Nothing is wrong: the length of `mean` is at most `C`, and the noise is made for `C`.

# %%
### BEGIN SOLUTION
broken = "a"
### END SOLUTION
check("15.C", broken)

# %% [markdown] tags=["solution"]
# **Why it works.** Let B = 100 and C = 1, and let one gradient have length 50 while all others are 0. Their mean has
# length .5, so line 3 leaves it. With this rating the mean is .5, without it 0; the noise is made for a change of C / B
# = .01. **Another way.** Ask at each line: how far can *one* rating move this? Only clipping row by row, between lines
# 1 and 2, answers it. **Typical mistake.** Taking a bound on the *result* for a bound on each person's *influence*.

# %% [markdown]
# Now we measure, on MovieLens, what privacy costs a club of 943 people. For lists of films (nDCG@10, chapter 03) the
# unit is one person. We compare DP-SVD (five directions) with noisy popularity. Which is better at ε = 1? Guess before
# you look: `a`, DP-SVD, because it is personal; `b`, noisy popularity; `c`, they are about equal.

# %%
### BEGIN SOLUTION
bill_guess = "b"
### END SOLUTION
predict("P15.2", bill_guess)

# %% tags=["setup"]
saved = load_saved_run("15")  # DP-SGD and DP-SVD take minutes; authoring/15_privacy/saved_run.py made these tables
print("saved tables:", ", ".join(sorted(saved)))


def training_and_test_part(seed):
    """Return user, item and rating of the training part that DP-SGD had in the saved run, and of the test part."""
    split = split_per_user(ml, random_state=seed)
    rng = np.random.default_rng(seed)
    n = len(split.train)
    audited = rng.permutation(n) < 20_000
    kept = ~audited | (rng.random(n) < 0.5)
    return [
        (part.user_pos, part.item_pos, part.log["rating"].to_numpy(float))
        for part in (split.train.take(kept), split.test)
    ]


# %%
rows = []
for seed in range(5):
    train, (user, item, rating) = training_and_test_part(seed)  # the splits of the saved run
    for epsilon in (0.5, 1, 2, 4, 8):
        film_bias, person_bias = private_biases(*train, epsilon, np.random.default_rng(1000 + seed))
        predicted = np.clip(3.5 + film_bias[item] + person_bias[user], 1, 5)
        rows.append(["private biases", epsilon, seed, np.sqrt(np.mean((predicted - rating) ** 2))])
biases = pd.DataFrame(rows, columns=["model", "epsilon", "seed", "rmse"])
stars_bill = pd.concat([saved["example_level"], biases])


# %% tags=["figure"]
def draw_bill():
    """Draw RMSE against ε at example level and nDCG@10 against ε at user level."""
    fig, axes = new_axes(columns=2, width=10.4, height=4.4)
    looks = {  # name, color, marker, and where the name is written
        "DP-SGD": ("DP-SGD", "#117733", "X", (2.1, 0.977)),
        "private biases": ("private biases", ORANGE, "v", (0.48, 0.965)),
        "DP-SVD": ("DP-SVD", BLUE, "o", (4.4, 0.25)),
        "DP popularity": ("noisy popularity", BLACK, "s", (0.48, 0.15)),
        "factorization": ("factorization, not private", "#117733", "", (0.48, 0.9175)),
        "biases alone": ("biases, not private", ORANGE, "", (0.48, 0.937)),
        "PureSVD": ("PureSVD, not private", BLUE, "", (0.48, 0.413)),
        "popularity": ("popularity, not private", BLACK, "", (0.48, 0.23)),
    }
    panels = [
        (stars_bill, "rmse", "RMSE in stars (less is better)", "unit: one rating"),
        (saved["user_level"], "ndcg", "nDCG@10 (more is better)", "unit: one person, with all ratings"),
    ]
    for ax, (table, column, what, title) in zip(axes, panels, strict=True):
        for model, part in table.groupby("model"):
            name, color, marker, place = looks[model]
            ax.text(*place, name, color=color, fontsize=10.5)
            if part["epsilon"].isna().all():
                ax.axhline(part[column].mean(), color=color, linestyle="--", linewidth=1.3)
                continue
            curve = part.groupby("epsilon")[column].agg(["mean", "min", "max"])
            ax.fill_between(curve.index, curve["min"], curve["max"], color=color, alpha=0.2, linewidth=0)
            ax.plot(curve.index, curve["mean"], color=color, marker=marker, markersize=8)
        ax.set(
            xscale="log",
            xticks=[0.5, 1, 2, 4, 8],
            xticklabels=[0.5, 1, 2, 4, 8],
            ylabel=what,
            title=title,
        )
        ax.set_xlabel("ε (log scale)")
        ax.minorticks_off()
    always = np.sqrt(np.mean((rating - 3.5) ** 2))
    axes[0].text(8.3, 1.004, f"always 3.5: {always:.2f} (off the scale)", ha="right", color=GRAY, fontsize=10.5)
    return fig


show(
    draw_bill(),
    caption="The bill: five seeds (bands); dashed lines have no privacy.",
    alt="Left, the error of private biases lies below that of DP-SGD at every ε, and above the lines without privacy. "
    "Right, noisy popularity "
    "is flat near .2; DP-SVD starts near zero, reaches it at ε of 2, and passes .3 at 8.",
)


# %%
user_bill = saved["user_level"].pivot_table("ndcg", "model", "epsilon")
reveal("P15.2", (user_bill.loc["DP popularity", 1.0], user_bill.loc["DP-SVD", 1.0]))


# %% tags=["claim"]
def claims_on_bill():
    """State who wins in each seed."""
    error = stars_bill.pivot_table("rmse", ["epsilon", "seed"], "model")
    claim(
        "Private biases have less error than DP-SGD at each ε, in all five seeds",
        bool((error["private biases"] < error["DP-SGD"]).all()),
    )
    cost = error["private biases"][2].mean() - stars_bill.query("model == 'biases alone'")["rmse"].mean()
    claim(f"At ε = 2 privacy costs the biases {cost:.3f} stars of RMSE", bool(0.005 < cost < 0.025))
    quality = saved["user_level"].pivot_table("ndcg", ["epsilon", "seed"], "model")
    better = quality["DP popularity"] > quality["DP-SVD"]
    claim(
        "At user level noisy popularity wins in all five seeds at ε = 1, and DP-SVD in all five at ε = 4",
        bool(better[1.0].all() and not better[4.0].any()),
    )
    full = saved["user_level"].query("model == 'popularity'")["ndcg"].mean()
    bare = saved["membership"].query("n_directions == 0")["ndcg"].mean()
    noisy = {epsilon: quality.loc[epsilon]["DP popularity"].mean() for epsilon in (8.0, 1.0, 0.5)}
    claim(
        f"nDCG@10 of popularity: {full:.3f} without privacy, {bare:.3f} with rows of length 1, and with noise "
        f"{noisy[8.0]:.3f} at ε = 8, {noisy[1.0]:.3f} at ε = 1, {noisy[0.5]:.3f} at ε = .5",
        bool(full > bare > noisy[1.0] > noisy[0.5] and full - bare > bare - noisy[0.5]),
    )


claims_on_bill()

# %% [markdown]
# On the left one rating is hidden. At every ε, this DP-SGD has more error than the private biases, which are two noisy
# means (and have δ = 0). Always compare with such a cheap *private* baseline. "Going further" shows that at ε = .5 and
# ε = 1 clipping costs this DP-SGD more than the noise does, so other settings may do better.
#
# On the right a person is hidden, and at ε = 1 popularity is the better use of the budget. At ε = 2 the two are about
# equal, and from ε = 4 on DP-SVD wins. But a promise with ε = 4 is weak: the factor is 55. Noisy popularity stays below
# popularity without privacy mostly because of the rows of length 1, and at a small ε also because of the noise (last
# claim). DP-SVD, too, loses a part before any noise is added: the dashed PureSVD has 20 directions and rows of full
# length. Do not compare the two panels: hiding one rating is much less than hiding a person with 737.
#
# And the counts of section 10, with at most 100 films per person? They make lists, too: the same films for everybody,
# without those that a person has seen. We measure them on the same five splits, with the noise of ε = 1:

# %% tags=["setup"]
from recsys_teach.evaluation import evaluate


def ndcg_of_counts(split, counts):
    """Return the nDCG@10 if everybody gets the films with the largest counts that they have not seen."""
    return evaluate(lambda users: np.tile(counts, (len(users), 1)), split, name="").mean("nDCG@10")


rows = []
for seed in range(5):
    split, rng = split_per_user(ml, random_state=seed), np.random.default_rng(seed)
    train = split.train.matrix().toarray()
    clipped = clip_rows(train, 100, rng).sum(axis=0)
    noisy = clipped + rng.normal(scale=multiplier * np.sqrt(100), size=1682)
    rows.append([ndcg_of_counts(split, counts) for counts in (train.sum(axis=0), clipped, noisy)])
sent = pd.DataFrame(rows, columns=["not private", "at most 100 films", "at most 100 films, with noise"])
sent.agg(["mean", "min", "max"]).round(2)


# %% tags=["claim"]
def claims_on_sent_counts():
    """State what the counts that Mara sends are worth as a recommender."""
    share = sent["at most 100 films, with noise"].mean() / sent["not private"].mean()
    claim(
        f"The lists of the noisy counts keep {100 * share:.0f} % of the nDCG@10 of popularity without privacy",
        bool(0.86 < share < 0.96),
    )
    rows_of_1 = saved["user_level"].query("model == 'DP popularity' and epsilon == 1")["ndcg"].mean()
    gap = sent["at most 100 films, with noise"].mean() - rows_of_1
    claim("Noisy counts and noisy popularity of rows of length 1 differ by less than .01", bool(abs(gap) < 0.01))


claims_on_sent_counts()

# %% [markdown]
# Clipping costs a little, and noise a little more. As lists, the counts are about as good as noisy popularity of rows
# of length 1.
#
# Finally we repeat the attack of section 3 on rows of length 1, with 5 and with 100 directions, without noise and with
# that of ε = 8 (half of the people are members; saved). The table shows the means of five draws. The nDCG@10 is
# measured with directions that were computed in the same way from the training ratings of all 943 people.

# %%
attacked = saved["membership"].query("n_directions > 0")
noise = attacked["epsilon"].map({8.0: "ε = 8"}).fillna("none")
second_attack = attacked.groupby(["n_directions", noise])[["auc", "tpr", "ndcg"]].mean()
second_attack.columns = ["AUC", "TPR at 4 of 472", "nDCG@10"]
second_attack.rename_axis(["directions", "noise"]).round({"AUC": 2, "TPR at 4 of 472": 3, "nDCG@10": 3})


# %% tags=["claim"]
def claims_on_second_attack():
    """State what is left of the membership attack, and how useful the attacked directions are."""
    table = saved["membership"].set_index(["n_directions", "seed"])
    bare, noisy = table[table["epsilon"].isna()], table[table["epsilon"] == 8]
    claim(
        "With 100 directions, noise brings the TPR from above .4 to below .05 in all five draws (guessing: .011)",
        bool(bare.loc[100, "tpr"].min() > 0.4 and noisy.loc[100, "tpr"].max() < 0.05),
    )
    claim(
        "Five directions without noise also have a TPR below .05, and a better nDCG@10, in all five draws",
        bool(bare.loc[5, "tpr"].max() < 0.05 and (bare.loc[5, "ndcg"] > noisy.loc[100, "ndcg"] + 0.02).all()),
    )


claims_on_second_attack()

# %% [markdown]
# With 100 directions and no noise the attack is even stronger than in section 3: about half of the members are found,
# so rows of length 1 alone are no protection. With noise the attack finds few members, about twice as many as guessing.
# But against five directions *without* noise it finds as few, and these make better lists. Does Mara need the
# noise? This attack cannot tell, because a better one may find members in the five directions. What the noise buys is
# the promise, which limits *every* attack, and at ε = 8 even this promise is nearly empty. (We do not know why noise
# raises the nDCG@10 of 100 directions.)
#
# ## Settled: what Mara sends
#
# Mara does not send the file, encrypted or not, and no model that stores people. She sends the counts of all films: at
# most 100 films per person, Gaussian noise, ε = 1 and δ = .00001 at user level, once. She chose 100 from the rehearsal,
# where about 15 of the top 20 were right. She does not compute this number for her own file. As a recommender, these
# counts put the same films first for every student, and in the last table their nDCG@10 is a tenth below that of
# popularity without privacy. She keeps the private biases at home, because their promise covers one rating, and some
# members have hundreds. We found no good personal model for 943 people at ε = 1.
#
# What does she promise? The count of *Letter* from section 8 would add ln 2 = .69 at user level, 1.69 in all. But the
# list of counts already contains *Letter*, so she leaves it out, and the promise about films stays at ε = 1 and δ =
# .00001 at user level: added or removed. The survey has a promise of another unit: ε = ln 3 for one *answer*, while it
# is visible who took part. It is listed beside the first promise. Somebody who wants a single number must name
# neighbors that fit both. If one member's films and answer are changed, and it is known who is a member, the film
# counts cost more than ε = 1, because a person is *replaced* there (section 7).
#
# ## Going further
#
# *What makes this DP-SGD poor?* We trained the same model again, first without the noise, then also without the
# clipping, with the same ten epochs and learning rates (saved, five splits). The table shows the mean RMSE.

# %%
noiseless = saved["noiseless"].pivot_table("rmse", ["learning_rate", "seed"], "clipped")
noiseless.columns = ["not clipped", "clipped"]  # they were False and True
with_noise = saved["example_level"].query("model == 'DP-SGD'").pivot_table("rmse", "seed", "epsilon")
parts = pd.DataFrame(
    {
        f"ε = {epsilon:g}": [with_noise[epsilon].mean(), *noiseless.loc[rate, ["clipped", "not clipped"]].mean()]
        for epsilon, rate in ((0.5, 10.0), (1.0, 20.0), (8.0, 40.0))  # the learning rates of the saved run
    },
    index=["DP-SGD", "without noise", "without noise and clipping"],
)
parts.round(3)


# %% tags=["claim"]
def claims_on_parts():
    """State what noise and clipping cost in each split."""
    noise = [with_noise[epsilon] - noiseless.loc[rate]["clipped"] for epsilon, rate in ((0.5, 10.0), (8.0, 40.0))]
    claim(
        f"Without the noise the error falls by {noise[0].mean():.3f} stars at ε = .5, by {noise[-1].mean():.3f} at 8",
        bool(abs(noise[0].mean() - 0.008) < 0.003 and abs(noise[-1].mean() - 0.001) < 0.002),
    )
    clipping = noiseless["clipped"] - noiseless["not clipped"]
    claim(
        "At learning rates 10 and 20, leaving out the clipping, too, gains more than .02 stars in all five splits",
        bool(clipping.loc[[10.0, 20.0]].min() > 0.02),
    )


claims_on_parts()

# %% [markdown]
# The noise is not the main cost. At ε = .5 and ε = 1 the clipping is: an error of only .2 stars already has a gradient
# longer than $C$ = .5 (the derivatives with respect to the two biases alone have the length 2 · √2 · .2 = .57). So
# nearly every gradient is shortened, and ten epochs of short steps are too few. At ε = 8 we took larger learning rates,
# and there the model without clipping is no better. Noise also has an indirect cost: with a fixed ε, more steps need
# more noise in each, so we chose few epochs.
#
# *What many steps cost.* The sum of the ε of hundreds of steps is too pessimistic: it assumes that every step has its
# worst luck, against the same person. For Gaussian noise on all people we can do better. Suppose Mara publishes one
# number 100 times, each time with fresh noise of σ = 20. The best that anybody can do with these numbers is to average
# them, and the mean has noise of 20 / √100 = 2. So the 100 steps together reveal as much as *one* step with σ = 2, and
# cost its ε.

# %%
import dp_accounting

n_steps, sigma = np.array([1, 10, 100, 200]), 20.0  # Gaussian noise of 20 times the L2 sensitivity in each step
costs = pd.DataFrame(index=n_steps).rename_axis("steps")
exact = dp_accounting.get_epsilon_gaussian  # ε of one Gaussian step, given its σ and δ
costs["ε of the steps, added up"] = [T * exact(sigma, delta / T) for T in n_steps]  # their δ add up, too: T · δ / T
costs["ε, as one step with σ / √T"] = [exact(sigma / np.sqrt(T), delta) for T in n_steps]
costs.round(2)

# %% tags=["claim"]
claim(
    f"100 steps cost ε = {costs.iloc[2, 0]:.1f} added up, and {costs.iloc[2, 1]:.1f} together",
    bool(costs.iloc[2, 0] > 20 and costs.iloc[2, 1] < 2.2),
)

# %% [markdown]
# Both columns describe the same steps and the same noise; the second one proves more about them.
#
# *Accountants.* DP-SGD looks at a random batch in each step, so we cannot average as above. Its accountants often use
# **Rényi differential privacy** (Mironov, 2017). The definition of section 7 limits the *largest* ratio of two bars.
# Rényi differential privacy limits a kind of *average* of this ratio, and these averages can be added up over the
# steps. And a step that sees only a random part of the data spends less (amplification by sampling).
#
# *An audit.* With δ = 0, TPR ≤ $e^\varepsilon$ FPR can be turned around: an attack that succeeds proves that ε is *at
# least* ln(TPR / FPR). Ada has ten films, and a programmer used sensitivity 1 in place of 10:

# %%
from recsys_teach.privacy.attacks import epsilon_lower_bound  # with the ends of confidence intervals for both rates

for sensitivity in (10, 1):
    rng = np.random.default_rng(15)
    hits = (1 + rng.laplace(scale=sensitivity / 1.0, size=(20_000, 10))).sum(axis=1) > 5  # her ten counts are 1
    false_alarms = rng.laplace(scale=sensitivity / 1.0, size=(20_000, 10)).sum(axis=1) > 5  # without her they are 0
    bound = epsilon_lower_bound(hits.sum(), 20_000, false_alarms.sum(), 20_000)
    print(f"sensitivity {sensitivity}: promised ε = 1, proved at least {bound:.1f}")

# %% [markdown]
# The wrong program is caught. The right one passes, although a better attack may still exist.
#
# *Real noise.* The last bits of floating-point Laplace noise reveal the count (Mironov, 2012), and a seeded generator
# can be guessed. Use OpenDP for releases, Opacus for DP-SGD and dp-accounting for the sums.
#
# *Better attacks.* Shadow models and likelihood ratios learn from many trained models how a member looks (Carlini et
# al., 2022). Others only watch how lists of recommendations change (Calandrino et al., 2011). Besides membership,
# attackers guess missing attributes, or rebuild rows from many published sums. The Census Bureau of the United States
# did so with its own tables of 2010, and then published those of 2020 with differential privacy.
#
# *Group privacy.* Hiding $m$ ratings at once costs up to $m \varepsilon$, and δ grows to $m \, e^{(m-1)\varepsilon}
# \delta$. For 737 ratings nothing is left of an example-level promise.
#
# ## Recap
#
# - **O15.1:** you found rows by what fits best, without names.
# - **O15.2:** you attacked a model, and saw that the AUC is an average while the TPR at a low FPR sees the few.
# - **O15.3:** k-anonymity protects the columns that are coarse, and encryption protects where the key is not.
# - **O15.4:** you subtracted known lies from a sum, and clipped rows so that Laplace noise covers a person.
# - **O15.5:** ε adds up over everything that touched the rows, and clipping must bound each unit before the noise.
#
# Five questions, one letter each, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "c", "a", "c", "b"]
### END SOLUTION
quiz("15", answers)
progress("15")

# %% [markdown]
# ## Reading the source critically
#
# The two articles that this course grew from protect users by masking and by encryption. Masking (a number for a name)
# is what you broke in section 1. Encryption with AES-GCM and a fresh nonce stops a thief of the disk. But whoever
# receives the key has the ratings, and all attacks of sitting 1 work, also on the model.
#
# ## Further reading
#
# - Narayanan and Shmatikov (2008), *Robust De-anonymization of Large Sparse Datasets*: the attack on Netflix's file
# - Dwork and Roth (2014), *The Algorithmic Foundations of Differential Privacy*: the textbook
# - Carlini et al. (2022), *Membership Inference Attacks From First Principles*: why a low FPR matters
# - Abadi et al. (2016), *Deep Learning with Differential Privacy*: DP-SGD
# - Ponomareva et al. (2023), *How to DP-fy ML*: practical advice on units, ε and tuning
#
# ## Next
#
# Mara's members could also keep their ratings at home. Chapter 16 leaves the data on the phones, and asks what the
# phones reveal.
