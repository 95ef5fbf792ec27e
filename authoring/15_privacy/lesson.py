# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "15"
#     minutes: {reading: 20, doing: 50}
# ---

# %% [markdown]
# # 15 · Privacy: attack, then defend
#
# A university asks Mara, who runs the database of a film club, for its ratings. She has replaced each name by a random
# number. May she send the file? In this notebook you break such a file, defend it, and attack each defense again.
#
# ## What you will be able to do
#
# - **O15.1** Single people out of a log without names, and link a noisy handful of ratings to them
# - **O15.2** Measure what share of a row a model keeps, which tells members from others
# - **O15.3** Count how many rows of a table share the same values (k-anonymity)
# - **O15.4** Estimate a share by randomized response, and release counts by the Laplace mechanism
# - **O15.5** Bound ε from below by the hits and false alarms of an attack
#
# You need variance, logarithms, and chapters 04 and 05.

# %%
import os

import dp_accounting
import numpy as np
import opendp.prelude as dp
import pandas as pd
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scipy.sparse.linalg import eigsh
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from recsys_teach.data import movielens
from recsys_teach.data.world import load_world
from recsys_teach.figures import BLACK, BLUE, ORANGE, VERMILION, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reveal

# %% [markdown]
# ## Predict first
#
# MovieLens-100K has 943 people without names. Write a letter in quotes in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "c"
### END SOLUTION
predict("P15.1", guess)

# %% [markdown]
# ## By hand: which row is Ada's?
#
# The table of chapter 01, with numbers for names. You know of Ada that she gave *Chase* five stars and *Heist* four.

# %%
R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]])  # 4 films, Letter last
numbers = np.random.default_rng(15).permutation(5)
masked = R[numbers]
fits = []
for row in range(5):
    if masked[row, 0] == 5 and masked[row, 1] == 4:
        fits.append(row)
print("rows that fit:", fits, " that row, whole:", masked[fits[0]])

# %% [markdown]
# One row fits, so it is Ada's, and you read that she gave *Letter* one star. Replacing names, called **masking**, has
# hidden nothing.
#
# ### Exercise 15.1 · Rows that fit (warm-up, 4 minutes)
#
# Find the rows with exactly the known ratings. Input: `R`, shape (n_users, n_items), 0 where there is none; `items`,
# positions, and `ratings`, both of shape (n_known,). Output: positions of the rows, rising. Example: on our `R`, items
# `[0, 2]` and ratings `[5, 0]` fit row 0 alone. Stuck? Run `hint("15.1")` in a new cell.


# %%
def candidates(R, items, ratings):
    """Positions of the rows that hold exactly these ratings."""
    ### BEGIN SOLUTION
    return np.flatnonzero((R[:, items] == ratings).all(axis=1))
    ### END SOLUTION


check("15.1", candidates)

# %% [markdown] tags=["solution"]
# **Why it works.** Each known rating crosses out everybody who differs. **Another way.** A loop that starts with
# all rows and keeps those that fit. **Typical mistake.** `any`, where all have to fit.

# %% [markdown]
# Now real people: of each we draw four ratings. Does one row alone fit?

# %% tags=["claim"]
from recsys_teach.privacy.attacks import candidates, uniqueness

ml = movielens.load()
stars = ml.matrix("rating").toarray().astype(np.int8)  # (943, 1682)
rng, alone = np.random.default_rng(0), 0
for row in stars:
    items = rng.choice(np.flatnonzero(row), 4, replace=False)
    alone += len(candidates(stars, items, row[items])) == 1
four = [uniqueness(stars, 4, np.random.default_rng(seed)) for seed in range(5)]
assert alone / 943 == four[0]
reveal("P15.1", np.mean(four))
claim("Singled out by 4 ratings, mean of 5 draws", np.mean(four), near=0.884, within=0.015)

# %% [markdown]
# An attacker rarely knows so exactly. Narayanan and Shmatikov (2008) asked which row fits *best*. In our simpler score
# each known film that a row has rated within one star adds a weight; a film with fewer raters, $n_i$ (`n_raters[i]`),
# weighs more:
#
# $$\text{score}(u) = \sum_{i \text{ fits in row } u} \frac{1}{\ln(1 + n_i)}$$
#
# We attack row 7:

# %%
n_raters = (stars > 0).sum(axis=0)
rng = np.random.default_rng(15)
items = rng.choice(np.flatnonzero(stars[7]), 6, replace=False)  # six that an attacker knows
noisy = stars[7, items] + rng.integers(-1, 2, size=6)  # off by a star at most
loop = np.zeros(943)
for user in range(943):
    for item, rating in zip(items, noisy, strict=True):
        if stars[user, item] > 0 and abs(stars[user, item] - rating) <= 1:
            loop[user] += 1 / np.log(1 + n_raters[item])
print("best rows:", np.argsort(-loop)[:3])

# %% [markdown]
# ### Exercise 15.2 · Which row fits best? (core, 6 minutes)
#
# Give this score of each row, without a loop over rows. Input: `R`, `items`, `ratings` as before; `n_raters`, shape
# (n_items,), none 0. Output: shape (n_users,). Example: on our `R`, items `[0, 2]`, ratings `[4, 1]` and
# `n_raters = [4, 4, 4, 4]` give `[.62, 1.24, 0, 0, 1.24]`.


# %%
def linkage_scores(R, items, ratings, n_raters):
    """Score of each row: rated and within a star, a film adds 1 / ln(1 + its raters)."""
    ### BEGIN SOLUTION
    fits = (R[:, items] > 0) & (np.abs(R[:, items] - ratings) <= 1)  # (n_users, n_known)
    return fits @ (1 / np.log(1 + n_raters[items]))
    ### END SOLUTION


check("15.2", linkage_scores)

# %% [markdown] tags=["solution"]
# **Why it works.** `fits` has a 1 for each film that fits, and the product with the weights adds them up.
# **Another way.** Start with zeros and add, film by film, a weight where the column fits. **Typical mistake.**
# Forgetting that 0 is no rating: it lies within a star of 1.

# %% [markdown]
# Now a quarter of the films are wrong: popular ones that this person has not rated. How much does an attacker need to
# know? Beside it: how often one row alone fits, by exact stars or titles alone.

# %%
from recsys_teach.privacy.attacks import linkage_scores

assert np.allclose(linkage_scores(stars, items, noisy, n_raters), loop)
popularity = n_raters / n_raters.sum()


def linked(n_known, rng):
    """Share of 300 people whom a noisy handful, a quarter of it wrong, finds at the top; others may fit, too."""
    found = 0
    for user in rng.choice(943, 300, replace=False):
        items = rng.choice(np.flatnonzero(stars[user]), n_known, replace=False)
        noisy = stars[user, items] + rng.integers(-1, 2, size=n_known)
        unrated = np.where(stars[user] > 0, 0, popularity)
        n_wrong = n_known // 4
        items[:n_wrong] = rng.choice(ml.n_items, n_wrong, replace=False, p=unrated / unrated.sum())
        found += linkage_scores(stars, items, noisy, n_raters).argmax() == user
    return found / 300


knows = [1, 2, 3, 4, 6, 8, 12, 16]
rng = np.random.default_rng(0)
curves = {
    "exact stars": [uniqueness(stars, n, rng) for n in knows],
    "noisy": [np.nan] * 3 + [linked(n, rng) for n in knows[3:]],  # of four films, one is wrong
    "films alone": [uniqueness(stars > 0, n, rng) for n in knows],
}

# %% tags=["figure"]
fig, ax = new_axes()
for (name, curve), color, marker in zip(curves.items(), (VERMILION, BLUE, BLACK), "os^", strict=True):
    ax.plot(knows, curve, color=color, marker=marker)
    ax.text(16.4, curve[-1], name, va="center")
ax.set(xlabel="films known to the attacker", ylabel="share of people found", xlim=(0, 20), ylim=(0, 1.05), xticks=knows)
show(
    fig,
    caption="Who is found, by what is known of them.",
    alt="Line chart of the share of people found against films known. Exact stars rise to nearly all at six films; "
    "noisy ratings and bare film names rise more slowly, to most people at sixteen.",
)

# %% tags=["claim"]
claim("Found by 16 noisy ratings, a quarter of them wrong", curves["noisy"][-1], near=0.9, within=0.05)
claim("Found by 8 noisy ratings", curves["noisy"][5], near=0.58, within=0.07)
claim("Found by 8 films without stars", curves["films alone"][5], near=0.39, within=0.03)
claim("Found by 16 films without stars", curves["films alone"][-1], near=0.79, within=0.03)

# %% [markdown]
# Mistakes cost the attacker about four times as many films, 16 for 4; hidden stars more. Neither protects.
#
# ## Attack the model
#
# Mara publishes only the directions $V$ of a PureSVD (`V`, shape (n_items, k), orthonormal columns; chapter 04).
# **Membership inference** asks: was this person in? The directions keep the energy of rows they were fitted to, so a
# large share kept speaks for a member:
#
# $$\text{kept}(x) = \frac{\lVert x V \rVert^2}{\lVert x \rVert^2}$$
#
# ### Exercise 15.3 · The share that a model keeps (core, 6 minutes)
#
# Give that share for each row. Input: `rows`, shape (n, n_items), none empty, and `V`. Output: shape (n,). Example:
# `rows = [[3, 4]]`, `V = [[1], [0]]`: the direction keeps 9 of 25, so `[.36]`.


# %%
def kept_share(rows, V):
    """Share of each row's energy that lies along the columns of V."""
    ### BEGIN SOLUTION
    return ((rows @ V) ** 2).sum(axis=1) / (rows**2).sum(axis=1)
    ### END SOLUTION


check("15.3", kept_share)

# %% [markdown] tags=["solution"]
# **Why it works.** `rows @ V` are the coordinates, and orthonormal columns keep lengths. **Another way.** The squared
# length of `rows @ V @ V.T`. **Typical mistake.** Forgetting to divide: then busy people look like members.

# %% [markdown]
# Half of the people are members. The attack is judged by its **AUC**: the chance that a member scores above an
# outsider, .5 if it only guesses. Where will it rise?

# %% tags=["claim"]
from recsys_teach.privacy.attacks import kept_share, membership_auc

zero_one = (stars > 0).astype(float)
ranks = [1, 5, 20, 50, 100, 200, 400]
auc = np.zeros((5, len(ranks)))
for seed in range(5):
    member = np.random.default_rng(seed).permutation(943) < 471
    Vt = np.linalg.svd(zero_one[member], full_matrices=False)[2]
    for place, k in enumerate(ranks):
        kept = kept_share(zero_one, Vt[:k].T)
        auc[seed, place] = membership_auc(kept[member], kept[~member])
claim("AUC at rank 5, mean of 5 draws", auc[:, 1].mean(), near=0.52, within=0.02)
claim("AUC at rank 50", auc[:, 3].mean(), near=0.65, within=0.02)
claim("AUC at rank 100", auc[:, 4].mean(), near=0.76, within=0.02)
claim("AUC at rank 400", auc[:, 6].mean(), above=0.99)

# %% tags=["figure"]
fig, ax = new_axes(height=3.4)
ax.plot(ranks, auc.mean(axis=0), color=BLUE, marker="o")
ax.fill_between(ranks, auc.min(axis=0), auc.max(axis=0), color=BLUE, alpha=0.3)
ax.axhline(0.5, color=BLACK, linestyle="--")
ax.text(400, 0.51, "guessing", ha="right", va="bottom")
ax.set(xlabel="directions k (log scale)", ylabel="AUC of the attack", xscale="log", ylim=(0.4, 1.03))
ax.set(xticks=ranks, xticklabels=ranks)
ax.minorticks_off()
show(
    fig,
    caption="Membership attack on PureSVD; band: five draws.",
    alt="Line chart of the attack's AUC against the number of directions on a logarithmic axis. It lies on the dashed "
    "line of guessing up to five directions, then climbs to one at four hundred.",
)

# %% [markdown]
# The more a model can store, the more it tells: few directions describe the crowd, many describe people.
#
# **Attribute inference** reads what the log never says. The world has `chronic_illness`, which moves tastes and is
# written into no event. Those who told train a classifier on clicks; it then reads the others. For gender, too:

# %% tags=["claim"]
world = load_world()


def infer(table, attribute):
    """AUC of a logistic regression on rows of length 1, each person predicted from the other folds."""
    rows = table / np.sqrt(np.maximum(table.sum(axis=1, keepdims=True), 1))
    told = cross_val_predict(LogisticRegression(), rows, attribute, cv=5, method="decision_function")
    return membership_auc(told[attribute], told[~attribute])


ill = world.users["chronic_illness"].to_numpy()
claim("AUC for the illness, from clicks", infer(world.clicks().matrix().toarray(), ill), near=0.67, within=0.05)
claim("AUC for gender, from films rated", infer(zero_one, (ml.users["gender"] == "F").to_numpy()), above=0.74)

# %% [markdown]
# ## Defense 1: make the table coarser
#
# A table is **k-anonymous** in some columns if at least k people share each combination that occurs (Sweeney 2002).
#
# ### Exercise 15.4 · How many share each row? (core, 6 minutes)
#
# Give the size of each row's group. Input: `table`, a DataFrame, and `columns`, a list of names. Output: an
# array of int, shape (len(table),), each row counting itself. Example: the rows `(F, 20), (M, 20), (F, 20)` give
# `[2, 1, 2]`: not 2-anonymous.


# %%
def group_sizes(table, columns):
    """How many rows share each row's values in these columns."""
    ### BEGIN SOLUTION
    return table.groupby(columns)[columns[0]].transform("size").to_numpy()
    ### END SOLUTION


check("15.4", group_sizes)

# %% [markdown] tags=["solution"]
# **Why it works.** `transform` gives each row its group's answer. **Another way.** Count tuples with a `Counter`.
# **Typical mistake.** `groupby(columns).size()` alone, which has one number a group: who is in danger is lost.

# %% [markdown]
# Gender, age and zip code single out nearly everybody. So ages become bands of 20 years, zip codes their first
# character, and groups below 5 are left out.

# %% tags=["claim"]
from recsys_teach.privacy.anonymization import generalize, group_sizes, suppress

profile = ["gender", "age", "zip_code"]
alone = (group_sizes(ml.users, profile) == 1).mean()
claim("Singled out by gender, age and zip code", alone, near=0.972, within=0.0005)
coarse = ml.users.assign(age=ml.users["age"] // 20 * 20, zip_code=ml.users["zip_code"].str[:1])
assert coarse.equals(generalize(ml.users, age_years=20, zip_digits=1))
kept = suppress(coarse, profile, k=5)
claim("Smallest group of what is left", int(kept.groupby(profile).size().min()), above=4)
claim("Share of people left out, in percent", 100 * (1 - len(kept) / 943), near=8.06, within=0.01)
rows_left = stars[ml.user_ids.isin(kept.index)]
again = uniqueness(rows_left, 4, np.random.default_rng(0))
claim("Singled out by 4 ratings, of those who are left", again, near=0.884, within=0.02)

# %% [markdown]
# The profile is safer, the log is not: each of its 1,682 columns helps to identify.
#
# > **Reading the source critically.** The two articles that this course grew from protect users by masking, now
# > broken, and encryption. That has its own job, so do it well: **AES-GCM** with a fresh **nonce** (a number used
# > once) each time.

# %% tags=["claim"]
key = AESGCM.generate_key(bit_length=256)  # in earnest from a key service; never in the file, the code or the log
label, content = b"ratings, version 1", stars.tobytes()  # the label ("associated data") is not secret, but bound


def seal(content, label):
    nonce = os.urandom(12)  # one nonce used twice with one key breaks GCM
    return nonce + AESGCM(key).encrypt(nonce, content, label)


def opens(sealed, label):
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], label) == content
    except InvalidTag:
        return False


sealed = seal(content, label)
tampered = sealed[:-1] + bytes([sealed[-1] ^ 1])
claim("It opens; not if one bit or the label has changed",
      opens(sealed, label) and not opens(tampered, label) and not opens(sealed, b"version 2"))  # fmt: skip
claim("The same content never looks the same twice", seal(content, label) != sealed)

# %% [markdown]
# > That stops a thief of the disk. The university gets the key, and all attacks above work, on the model, too.
# > Masking and encryption are not privacy.
#
# ## Defense 2: a promise about any attack
#
# A random mechanism $M$ is **(ε, δ)-differentially private** if for all data $D$ and $D'$ that differ by one *unit*
# added or removed, and each set $S$ of outputs,
#
# $$P(M(D) \in S) \le e^\varepsilon \, P(M(D') \in S) + \delta$$
#
# Small ε (`epsilon`): the output is about as likely without you. δ (`delta`) is a chance of failure. The unit must be
# named: **example level** hides one rating, **user level** one person with all ratings.
#
# **Randomized response** (Warner 1965) asks each person: with probability $p = e^\varepsilon / (1 + e^\varepsilon)$
# tell the truth, else the opposite. It hides an answer, not who takes part: here alone the unit is *changed*. The two
# chances of any answer differ by the factor $p / (1 - p)$, so $\varepsilon = \ln \frac{p}{1 - p}$. If $\pi$ is the true
# share of yes, $\lambda = p \pi + (1 - p)(1 - \pi)$ say yes.
#
# ### Exercise 15.5 · The true share from lies (core, 7 minutes)
#
# Estimate $\pi$ without bias. Input: `answers`, shape (n,), True or False, and `epsilon`. Output: one number; do not
# cut it off at 0 or 1. Example: for `epsilon` = ln 3, $p = .75$; half yes give $(.5 - .25) / .5$ = .5.


# %%
def true_share(answers, epsilon):
    """Unbiased estimate of the true share of yes."""
    ### BEGIN SOLUTION
    p = np.exp(epsilon) / (1 + np.exp(epsilon))
    return (np.mean(answers) - (1 - p)) / (2 * p - 1)
    ### END SOLUTION


check("15.5", true_share)

# %% [markdown] tags=["solution"]
# **Why it works.** Solve $\lambda = p\pi + (1-p)(1-\pi)$ for $\pi$; the mean of answers has expectation $\lambda$.
# **Another way.** Give a yes the value $p / (2p - 1)$, a no $(p - 1) / (2p - 1)$, and take the mean.
# **Typical mistake.** Dividing the yeses by $p$, which forgets the false ones.

# %% [markdown]
# If the people are drawn at random, too, the variance is $\lambda (1 - \lambda) / (n (2p - 1)^2)$. A thousand surveys
# on illness, people drawn with replacement:

# %% tags=["claim"]
from recsys_teach.privacy.mechanisms import laplace, noise_multiplier, randomized_response, share_error, true_share

epsilon = np.log(3)
rng = np.random.default_rng(15)
loop = [bool(rng.choice([yes, not yes], p=[0.75, 0.25])) for yes in ill]  # one person at a time
many = [true_share(randomized_response(ill[rng.integers(1000, size=1000)], epsilon, rng), epsilon) for _ in range(1000)]
claim("Share of ill people, in truth", ill.mean(), near=0.224, within=0.0005)
claim("Mean of the estimates", np.mean(many), near=0.224, within=0.004)
claim("Their spread, by the formula", share_error(ill.mean(), 1000, epsilon), near=0.0304, within=0.0005)
claim("Their spread, measured", np.std(many), near=0.0304, within=0.003)
assert abs(true_share(loop, epsilon) - ill.mean()) < 0.12
loop = np.array(loop)
claim("AUC of believing each answer", membership_auc(loop[ill], loop[~ill]), near=0.75, within=0.05)

# %% [markdown]
# Believing each answer attacks with AUC $p$. A trusted hand that adds noise once, to the sum, needs less. The
# **sensitivity** $\Delta$ (`sensitivity`) of a release is the largest L1 distance, the sum of absolute changes, that
# one unit can cause, in any table. The **Laplace mechanism** adds noise of scale $\Delta / \varepsilon$ to each number.
#
# ### Exercise 15.6 · Popularity, private for people (core, 8 minutes)
#
# Release how many people met each film, ε-private when one person is added or removed. First bound what a person can
# do: of each row keep the first `most` ones, from the left. Input: `table`, shape (n_users, n_items), 0 and 1; `most`,
# an int; `epsilon`; `noise`, shape (n_items,), drawn with scale 1. Output: shape (n_items,). Example:
# `table = [[1, 1, 1], [0, 1, 0]]`, `most = 2`: counts `[1, 2, 0]`, and with `epsilon` 1 and `noise = [1, 0, -1]` the
# release is `[3, 2, -2]`.


# %%
def private_counts(table, most, epsilon, noise):
    """Counts of items with Laplace noise that hides one person."""
    ### BEGIN SOLUTION
    kept = table * (np.cumsum(table, axis=1) <= most)
    return kept.sum(axis=0) + noise * most / epsilon
    ### END SOLUTION


check("15.6", private_counts)

# %% [markdown] tags=["solution"]
# **Why it works.** Whoever comes or goes now moves at most `most` counts by 1. **Another way.** Cut each row in a
# loop: `row[np.flatnonzero(row)[most:]] = 0` on a copy. **Typical mistake.** Sensitivity 1, which hides one rating,
# not one person.

# %% [markdown]
# Floating-point numbers break this promise (Mironov 2012). Look at the last bits of a count with noise:

# %% tags=["claim"]
rng = np.random.default_rng(15)


def betrays(outputs):
    """Near 0, with bits finer than 2^-53: noise alone has them; 1 + noise is rounded to multiples of 2^-53."""
    return (np.abs(outputs) < 0.5) & (np.ldexp(outputs, 53) % 1 > 0)


zero, one = (laplace(np.full(10_000, count), 1, 1, rng) for count in (0.0, 1.0))
claim("Count 0 told for certain, share of outputs", betrays(zero).mean(), near=0.27, within=0.03)
claim("Count 1 taken for 0", int(betrays(one).sum()), near=0, within=0)

# %% [markdown]
# A quarter of the outputs betrays the count, whatever ε says. For use take OpenDP, in whole numbers:

# %% tags=["claim"]
dp.enable_features("contrib")
counting = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
release = dp.m.make_laplace(*counting, scale=20.0)
noisy_counts = release([5, 3, 0, 12])
claim("ε that OpenDP vouches for, when a person moves at most 20", release.map(20), near=1, within=1e-9)
claim("Standard deviation of the noise on counts of 0 to 12", np.sqrt(2) * 20, near=28.3, within=0.1)

# %% [markdown]
# ## Adding up
#
# Releases of (ε₁, δ₁) and (ε₂, δ₂) cost (ε₁ + ε₂, δ₁ + δ₂) together: **composition**. For Gaussian noise, which needs
# δ, there is a tighter account. With noise of $\sigma$, in units of the L2 sensitivity (the root of summed squares),
# each of $T$ steps spends $\alpha / (2 \sigma^2)$ of **Rényi** privacy of order $\alpha > 1$ (Mironov 2017). Steps add,
# each order gives a valid ε, and we take the smallest:
#
# $$\varepsilon = \min_\alpha \Big[ \frac{T \alpha}{2 \sigma^2} + \ln \Big( 1 - \frac1\alpha \Big)
# - \frac{\ln(\alpha \delta)}{\alpha - 1} \Big]$$

# %% tags=["claim"]
alpha, sigma, T, delta = np.arange(1.1, 64, 0.1), 20.0, 100, 1e-5
# of order alpha: an average of the ratio of the two chances is bounded; a large order weighs large ratios more
by_order = T * alpha / (2 * sigma**2) + np.log1p(-1 / alpha) - np.log(delta * alpha) / (alpha - 1)
plain = T * dp_accounting.get_epsilon_gaussian(sigma, delta / T)  # δ adds, too: a T-th for each step
claim("ε of 100 steps, each one's ε added; δ in all 1e-5", plain, near=21.5, within=0.1)
claim("ε of 100 steps, by Rényi; δ in all 1e-5", by_order.min(), near=2.2, within=0.1)

# %% [markdown]
# A tested accountant is dp-accounting's. It knows **sampling**: a step that sees each example with a small chance
# spends less.

# %% tags=["claim"]
from recsys_teach.privacy.accountant import epsilon_spent

assert np.isclose(epsilon_spent(sigma, 1, T, delta), by_order.min(), rtol=0.01)
accountant = dp_accounting.rdp.RdpAccountant()
accountant.compose(dp_accounting.PoissonSampledDpEvent(0.05, dp_accounting.GaussianDpEvent(1.0)), 200)
claim("200 sampled steps: ours over dp-accounting's",
      epsilon_spent(1.0, 0.05, 200, delta) / accountant.get_epsilon(delta), near=1, within=0.01)  # fmt: skip

# %% [markdown]
# ## Hold the promise against an attack
#
# Run a mechanism many times with a person and many times without; let an attack say "in". TPR is the share of runs with
# the person in which it does, FPR of those without. The promise, TPR ≤ $e^\varepsilon$ FPR + δ, turns both into a
# *lower* bound:
#
# $$\varepsilon \ge \ln \frac{\text{TPR} - \delta}{\text{FPR}}$$
#
# ### Exercise 15.7 · What an attack proves (core, 8 minutes)
#
# Give the bound with confidence: put in the *low* end of the interval of TPR and the *high* end of FPR, each from
# `binomtest(k, n).proportion_ci(0.95)` (`.low`, `.high`). If the bound is negative or does not exist (TPR's end is not
# above δ), give 0. Input: `hits` of `n_in` runs, `false_alarms` of `n_out`, `delta`. Output: one number. Example: 90 of
# 100, 10 of 100, δ = 0: the ends are `.824` and `.176`, and $\ln(.824 / .176)$ = 1.542.


# %%
def epsilon_lower_bound(hits, n_in, false_alarms, n_out, delta):
    """Least ε that these counts allow, with 95 % confidence."""
    ### BEGIN SOLUTION
    low = binomtest(hits, n_in).proportion_ci(0.95).low
    high = binomtest(false_alarms, n_out).proportion_ci(0.95).high
    return np.log((low - delta) / high) if low - delta > high else 0.0
    ### END SOLUTION


check("15.7", epsilon_lower_bound)

# %% [markdown] tags=["solution"]
# **Why it works.** Both ends favor the defense, so the bound is too low rather than too high. **Another way.** The
# ends as quantiles of beta distributions. **Typical mistake.** The bare rates: with no false alarm they prove an
# infinite ε.

# %% [markdown]
# Ada has 10 ratings; film counts promise ε = 1 at user level. One programmer uses sensitivity 10, the other 1, "since a
# count changes by 1". The attack adds the ten counts up.

# %% tags=["claim"]
from recsys_teach.privacy.attacks import epsilon_lower_bound


def audit(sensitivity, rng):
    """ε proved by 20,000 runs with Ada's ten ratings and 20,000 without."""
    with_her = laplace(np.ones((20_000, 10)), sensitivity, 1, rng).sum(axis=1) > 5
    without = laplace(np.zeros((20_000, 10)), sensitivity, 1, rng).sum(axis=1) > 5
    return epsilon_lower_bound(with_her.sum(), 20_000, without.sum(), 20_000)


right = [audit(10, np.random.default_rng(seed)) for seed in range(5)]
wrong = [audit(1, np.random.default_rng(seed)) for seed in range(5)]
claim("Proved of sensitivity 10, largest of 5 audits", max(right), below=1)
claim("Proved of sensitivity 1, smallest of 5", min(wrong), above=1)

# %% [markdown]
# The wrong program is caught. The right one passes, no proof: a better attack may come.

# %% [markdown]
# ## The bill
#
# PureSVD takes its directions from the second moments $X^\top X$. If rows have length 1, a person adds $x x^\top$,
# whose L2 norm is $\lVert x \rVert^2 = 1$. So Gaussian noise gives a **DP-SVD**, private at user level. We attack it:

# %% tags=["claim"]
rows = zero_one / np.sqrt(zero_one.sum(axis=1, keepdims=True))  # length 1
sigma = dp_accounting.get_sigma_gaussian(8, delta)  # ε = 8 at user level
assert np.isclose(sigma, noise_multiplier(8, delta), rtol=1e-3)
rng = np.random.default_rng(0)
member = rng.permutation(943) < 471
noise = np.triu(rng.normal(scale=sigma, size=(1682, 1682)))  # mirrored below, as the moments are symmetric
moments = rows[member].T @ rows[member]
auc_again = {}
for name, table in {"without": moments, "with": moments + noise + np.triu(noise, 1).T}.items():
    directions = eigsh(table, k=100, which="LA", v0=np.ones(1682))[1]
    kept = kept_share(rows, directions)  # your device does so with your row, and recommends to you
    auc_again[name] = membership_auc(kept[member], kept[~member])
claim("AUC of the attack at rank 100, rows of length 1, no noise", auc_again["without"], above=0.9)
claim("AUC of the attack at rank 100, ε = 8 at user level", auc_again["with"], near=0.5, within=0.08)

# %% [markdown]
# Length 1 alone makes it worse, .98 for the .76 of rows of 0 and 1: busy people no longer take most directions, so
# everybody is stored. Only the noise protects.
#
# **DP-SGD** (Abadi et al. 2016) makes training private: at each step each example's gradient is **clipped** to length
# $C$, the clipped ones are summed, and Gaussian noise of $\sigma C$ is added.

# %%
gradients, C = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, -2.0]]), 1.0  # one row an example
loop = np.zeros(2)
for gradient in gradients:
    loop += gradient * min(1, C / np.linalg.norm(gradient))
clipped = gradients * np.minimum(1, C / np.linalg.norm(gradients, axis=1, keepdims=True))
assert np.allclose(loop, clipped.sum(axis=0))
step = clipped.sum(axis=0) + np.random.default_rng(15).normal(scale=1.0 * C, size=2)
print("clipped lengths:", np.linalg.norm(clipped, axis=1), " sum:", clipped.sum(axis=0))

# %% [markdown]
# Opacus trained a biased factorization in this way, at *example level*: ε hides one rating. DP popularity is Gaussian
# noise on the sum of rows of length 1, at *user level*. Does a private model beat what uses far less of a person,
# biases alone or popularity?

# %% tags=["figure"]
example, user = (load_saved_run("15")[f"{level}_level"] for level in ("example", "user"))
panels = [
    (example, "rmse", "RMSE (stars; less is better)", "example level: one rating"),
    (user, "ndcg", "nDCG@10 (more is better)", "user level: one person"),
]
looks = [("DP-SGD", VERMILION, "o"), ("DP-SVD", BLUE, "s"), ("DP popularity", ORANGE, "^")]
fig, axes = new_axes(columns=2, width=9, height=4)
for ax, (table, column, what, title) in zip(axes, panels, strict=True):
    means = table.groupby(["model", "epsilon"], dropna=False)[column].mean()
    for name, color, marker in looks:
        if name in means:
            curve = means[name]
            ax.plot(curve.index, curve, color=color, marker=marker)
            up = -16 if name == "DP popularity" else 8
            ax.annotate(name, (8, curve.iloc[-1]), (0, up), textcoords="offset points", ha="right")
    for name in [name for name in table["model"].unique() if not name.startswith("DP")]:
        ax.axhline(means[name].iloc[0], color=BLACK, linestyle="--", linewidth=1)
        ax.text(0.5, means[name].iloc[0], f"{name}, not private", va="bottom", fontsize=11)
    ax.set(xscale="log", xticks=[0.5, 1, 2, 4, 8], xticklabels=[0.5, 1, 2, 4, 8], xlabel="ε (log scale)")
    ax.set(ylabel=what, title=title)
    ax.margins(y=0.08)
    ax.minorticks_off()
show(
    fig,
    caption="The bill of privacy, saved, five seeds.",
    alt="Two line charts against ε. Left, one rating hidden: DP-SGD's error falls with ε but stays above both lines "
    "without privacy. Right, one person hidden: DP-SVD passes DP popularity between ε 2 and 4.",
)

# %% tags=["claim"]
dp_sgd = example[example["model"] == "DP-SGD"]
rmse = example.fillna({"epsilon": 99}).groupby(["model", "epsilon"])["rmse"].mean()
claim("RMSE of biases alone, not private", rmse["biases alone", 99], near=0.943, within=0.01)
claim("RMSE of DP-SGD at ε = 8, example level", rmse["DP-SGD", 8], near=0.96, within=0.02)
claim("RMSE of DP-SGD at ε = 1, example level", rmse["DP-SGD", 1], near=1.0, within=0.05)
claim("Biases without privacy win in each seed, at each ε",
      dp_sgd["rmse"].min() > example[example["model"] == "biases alone"]["rmse"].max())  # fmt: skip
claim("Largest ε that the attack proves of DP-SGD", dp_sgd["bound"].max(), below=0.1)
open_bounds = example[example["model"] == "factorization"]["bound"]
claim("The same of the factorization, not private", open_bounds.max(), above=0.3, below=0.5)
claim("Its smallest", open_bounds.min(), above=0.3, below=0.5)
wide = user.pivot_table("ndcg", ["seed", "epsilon"], "model").reset_index("epsilon")
claim("DP popularity wins in each seed at ε = 1, user level",
      (wide["DP popularity"] > wide["DP-SVD"])[wide["epsilon"] == 1].all())  # fmt: skip
claim("Seeds of 5 in which DP-SVD wins at ε = 2",
      int((wide["DP popularity"] < wide["DP-SVD"])[wide["epsilon"] == 2].sum()), near=2, within=0)  # fmt: skip
claim("DP-SVD wins in each seed at ε = 4",
      (wide["DP popularity"] < wide["DP-SVD"])[wide["epsilon"] == 4].all())  # fmt: skip

# %% [markdown]
# Left, no private model beats biases alone: clipping and noise cost more than factors bring. Right, 943 people are few
# to hide among: popularity is the better use of ε = 1, and 2 is a draw. Do not compare the panels: to hide $m$ ratings
# at once costs up to $m$ times the ε (**group privacy**), and the busiest person has 737.
#
# We audited the left models, too. Before training, a coin left each of some ratings in or out; the attack calls those
# with small errors "in" (Steinke, Nasr and Jagielski 2023). Of DP-SGD it proves ε of .07 at most. But of the
# factorization *without* privacy it proves only .38 to .47, less than each ε we claim. So this audit has no power: a
# broken DP-SGD would pass.
#
# ## What goes wrong
#
# - **No unit.** "ε = 1" without "one rating" or "one person" says nothing.
# - **Free looks.** A mean, a range or a parameter taken from the data costs budget, too; our choice of settings did,
#   uncounted.
#
# ## Recap
#
# - **O15.1:** you found people, even by noisy handfuls.
# - **O15.2:** you told members from a model, an illness from clicks.
# - **O15.3:** you counted groups, and saw what coarse tables and ciphers leave open.
# - **O15.4:** you released with noise, and added up ε.
# - **O15.5:** you caught a wrong program, and read two bills.
#
# So Mara does not send the file. Five questions, one letter each, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "c", "a", "c", "b"]
### END SOLUTION
quiz("15", answers)
progress("15")

# %% [markdown]
# ## Further reading
#
# - Narayanan, Shmatikov (2008), *Robust De-anonymization of Large Sparse Datasets*
# - Dwork, Roth (2014), *The Algorithmic Foundations of Differential Privacy*
# - Abadi et al. (2016), *Deep Learning with Differential Privacy*
#
# **Next.** Chapter 16 leaves the data on the devices.
