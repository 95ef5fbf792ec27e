# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "16"
#     minutes: {reading: 20, doing: 46}
# ---

# %% [markdown]
# # 16 · Federated recommenders
#
# Mara's film club wants recommendations, but after chapter 15 its members keep their ratings on their phones. Can a
# server learn from phones that never tell what they hold? In this notebook you build such a service, look at what the
# phones send, and close the holes one by one.
#
# ## What you will be able to do
#
# - **O16.1** Compute the gradient that one phone uploads
# - **O16.2** Average the uploads of an item over the phones that hold it
# - **O16.3** Read the films and the private factors from one plain upload
# - **O16.4** Add up uploads under pairwise masks, also when a phone drops out
# - **O16.5** Bound one phone's upload by clipping
#
# You need chapters 05 and 15.

# %%
import inspect
import os
import tempfile
from pathlib import Path

import dp_accounting
import numpy as np
import pandas as pd
import torch
from dp_accounting.pld import PLDAccountant

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"  # the engine reports its use unless told not to

from recsys_teach.data import movielens, split_per_user
from recsys_teach.evaluation import rmse
from recsys_teach.figures import BLACK, BLUE, GREEN, ORANGE, VERMILION, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reveal
from recsys_teach.privacy.attacks import membership_auc

# %% [markdown]
# ## Predict first
#
# Write a letter in quotes in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "c"
### END SOLUTION
predict("P16.1", guess)

# %% [markdown]
# ## By hand: Ada's phone
#
# The factor model of chapter 05 splits in two.
#
# - A phone keeps its person's ratings, factors $p_u$ and bias $b_u$.
# - The server keeps a table $Q$ (`Q`), a row $q_i$ for each film: its factors, then its bias.
#
# A bias is a factor whose partner is 1: let $x_u = [p_u, 1]$ (`x`). Let $r_{ui}$ (`r`) be what is left of a rating
# after the mean and $b_u$. Phone $u$ knows the films $K_u$ (`known`); half of its squared errors is
#
# $$\ell_u = \tfrac12 \sum_{i \in K_u} e_{ui}^2, \qquad e_{ui} = r_{ui} - x_u \cdot q_i$$
#
# and its slope by row $i$ is $-e_{ui} \, x_u$: the **gradient** that the phone uploads. All losses add up to the
# central one, so all gradients do.
#
# ### Exercise 16.1 · One phone's gradient (core, 7 minutes)
#
# Give the slopes by all rows. Input: `r` and `known` (True or False), shape (n_items,); `x`, shape (k,); `Q`, shape
# (n_items, k). Output: shape (n_items, k), zeros where no rating is known. Example: `r = [2, 1, 0]`, item 1 unknown,
# `x = [1, 2]`, `Q = [[1, 0], [0, 1], [0, 0.5]]`: the errors are 1 and -1, the result is `[[-1, -2], [0, 0], [1, 2]]`.


# %%
def client_gradient(r, known, x, Q):
    """Slope of half of the phone's squared errors by each row of Q."""
    ### BEGIN SOLUTION
    errors = np.where(known, r - Q @ x, 0)
    return -np.outer(errors, x)
    ### END SOLUTION


check("16.1", client_gradient)

# %% [markdown] tags=["solution"]
# **Why it works.** $e_{ui}$ falls by $x_u$ for each unit of $q_i$. **Another way.** Autograd. **Typical mistake.** No
# mask: then each film that Ada has not seen pulls as a rating of 0.

# %% [markdown]
# PyTorch differentiates the central loss. Do the five phones agree?

# %% tags=["claim"]
from recsys_teach.federated import client_gradient

R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
rng = np.random.default_rng(16)
X = np.column_stack([rng.normal(size=(5, 2)), np.ones(5)])  # five people, x_u = [p_u, 1]
Q = rng.normal(size=(4, 3))
summed = np.zeros((4, 3))
for u in range(5):
    summed += client_gradient(R[u] - 3, R[u] > 0, X[u], Q)
table = torch.tensor(Q, requires_grad=True)
errors = torch.tensor(R) - 3 - torch.tensor(X) @ table.T
(errors[torch.tensor(R > 0)] ** 2).sum().div(2).backward()
same = np.allclose(table.grad.numpy(), summed, rtol=0, atol=1e-10)
claim("The phones' gradients add up to the central one, to 1e-10", same)

# %% [markdown]
# ## A round
#
# 1. The server sends $Q$ to all phones. All of it: who asks for some rows tells which films they hold.
# 2. Each phone solves its row $[p_u, b_u]$ of `P` by the ridge regression of chapter 05. For its size it pays
#    $\tfrac12 \lambda \sqrt{n_u} \, (|p_u|^2 + b_u^2)$, $\lambda = 1.3$.
# 3. It uploads its gradient, and beside each row a 1 where it holds a rating (`client_upload`).
# 4. The server adds the regularization of chapter 05 to the sum, divides, and steps against it by `rate`, here .5.
#
# Now 943 phones hold the training part of MovieLens-100K. The mean is taken as known here; a service would have to add
# it up, too. `Clients` does at once what the loop does one by one.

# %% tags=["claim"]
from recsys_teach.federated import Clients, client_upload, predict_ratings, start_items, train_federated

ml = movielens.load()
split = split_per_user(ml, random_state=0)
ratings = split.train.matrix("rating")  # (943, 1682), sparse
mean = ratings.data.mean()
ratings.data -= mean
clients = Clients(ratings)
Q = start_items(ml.n_items, 8, np.random.default_rng(0))  # (1682, 9)


def upload_of(u):
    """What phone u computes from its own row alone, shape (n_items, 10)."""
    return client_upload(ratings[[u]].indices, ratings[[u]].data, Q, regularization=1.3)


loop = sum(upload_of(u) for u in range(943))
vectorized = clients.summed_gradient(clients.solve(Q), Q)
claim("Loop and vectorized agree to 1e-10", np.allclose(loop[:, :-1], vectorized, rtol=0, atol=1e-10))
claim("The last column counts the holders", (loop[:, -1] == clients.n_raters).all())

# %% [markdown]
# By what should the server divide the sum? **FedAvg** (McMahan et al. 2017) takes the mean over all phones. But most
# films are held by few of them.
#
# ### Exercise 16.2 · The mean over holders (warm-up, 5 minutes)
#
# Average each film's row over the phones that hold it. Input: `uploads`, shape (n_clients, n_items, k), where the rows
# of films that a phone does not hold are zeros, and `held` (True or False), shape (n_clients, n_items). Output: shape
# (n_items, k), zeros where nobody holds the film. Example: two phones, `uploads = [[[2], [0]], [[4], [6]]]`; film 0 is
# held by both, film 1 by the second: `[[3], [6]]`.


# %%
def average_over_raters(uploads, held):
    """Mean of each item's row over its holders."""
    ### BEGIN SOLUTION
    n_raters = held.sum(axis=0)
    return uploads.sum(axis=0) / np.maximum(n_raters, 1)[:, None]
    ### END SOLUTION


check("16.2", average_over_raters)

# %% [markdown] tags=["solution"]
# **Why it works.** Who does not hold a film uploads zeros, which are no opinion. **Another way.** A loop over items
# with `uploads[held[:, i], i].mean(axis=0)`. **Typical mistake.** `uploads.mean(axis=0)`: a film with 5 holders then
# moves a hundred times less than one with 500.

# %% [markdown]
# The server needs only the *sum* of the counts. Step 4 by hand:

# %% tags=["claim"]
from recsys_teach.federated import average_over_raters

gradient, n_raters = loop[:, :-1], loop[:, [-1]]
moved = Q - 0.5 * (gradient + 1.3 * np.sqrt(n_raters) * Q) / np.maximum(n_raters, 1)
_, (_, first) = train_federated(clients, n_factors=8, n_rounds=1, rng=np.random.default_rng(0))
claim("A round by hand is a round of the package, to 1e-10", np.allclose(moved, first, rtol=0, atol=1e-10))

# %% [markdown]
# Three rules, fifteen rounds; longer curves are saved. With **five local steps**, each phone walks five steps on a
# copy of $Q$ and uploads how far it came. Who is ahead, and does a larger step mend the plain mean?


# %%
def error_of(P, Q):
    """RMSE on the held-out fifth of each person's ratings."""
    predicted = mean + predict_ratings(P, Q, split.test.user_pos, split.test.item_pos)
    return rmse(split.test.log["rating"], np.clip(predicted, 1, 5))


rules = {"over holders": {}, "over everybody": {"average": "clients"}, "five local steps": {"n_steps": 5}}
live = {}
for name, rule in rules.items():
    tables = train_federated(clients, n_factors=8, n_rounds=15, rng=np.random.default_rng(0), **rule)
    live[name] = [error_of(P, Q) for P, Q in tables]

# %% tags=["figure"]
saved = load_saved_run("16")["rounds"]
curves = saved.groupby(["model", "round"])["rmse"].mean()
down, up = Q.astype(np.float32).nbytes, upload_of(0).astype(np.uint32).nbytes
looks = {  # color, line, height of the label
    "over everybody": (BLACK, ":", 0.947),
    "over everybody, rate 5": (ORANGE, "-.", 0.927),
    "five local steps": (VERMILION, "--", 0.917),
    "over holders": (BLUE, "-", 0.907),
    "central": (GREEN, "-", 0.897),
}
fig, ax = new_axes(width=8, height=4.4)
for name, (color, line, height) in looks.items():
    curve = curves[name].reindex(range(61)).bfill()  # the central model has no rounds: a level line
    ax.plot(curve.index, curve, color=color, linestyle=line)
    ax.plot([60, 64], [curve[60], height], color=color, linestyle=line, linewidth=1)
    ax.text(65, height, name, va="center")
ax.set(xlabel="rounds", ylabel="RMSE (stars)", xlim=(0, 92), ylim=(0.89, 1.045), xticks=range(0, 61, 10))
megabytes = ax.secondary_xaxis("top", functions=(lambda n: n * (down + up) / 1e6, lambda mb: mb * 1e6 / (down + up)))
megabytes.set(xlabel="megabytes a phone, down and up", xticks=range(0, 8))
show(
    fig,
    caption="Error by rounds and bytes; saved, five splits.",
    alt="Line chart of RMSE against rounds, and megabytes above. The mean over holders falls to the central line "
    "within sixty rounds; five local steps fall faster first; the mean over everybody stays far above.",
)

# %% tags=["claim"]
at = saved.pivot_table("rmse", ["round", "seed"], "model")
end, tenth = at.loc[60], at.loc[10]
claim("Bytes up a round and phone, thousands", up / 1e3, near=67.3, within=0.05)
claim("Live and saved agree", bool(np.isclose(live["over holders"][10], tenth["over holders"][0], atol=1e-3)))
claim("RMSE of the central model, five splits", end["central"].mean(), near=0.909, within=0.005)
claim("Federated less central after 60 rounds, largest", (end["over holders"] - end["central"]).abs().max(), below=0.01)
claim("Over everybody at the same rate, after 60 rounds", end["over everybody"].mean(), near=0.947, within=0.005)
claim("Over everybody at its best rate", end["over everybody, rate 5"].mean(), near=0.915, within=0.005)
claim("At its best rate still behind in each split", (end["over everybody, rate 5"] > end["over holders"]).all())
claim("Five local steps ahead after 10 rounds in each split", (tenth["five local steps"] < tenth["over holders"]).all())
claim("Five local steps behind after 60, mean", (end["five local steps"] - end["over holders"]).mean(), above=0)

# %% [markdown]
# Federated, the model is as good as central. At the same step the plain mean crawls; with one ten times larger, the
# best on validation data, it comes close (.915).
#
# Local steps save early rounds, but the copies **drift** apart, each toward one person, and the lead is gone at the
# end. A phone uploads 67.3 kB a round, nearly all zeros. Could it not send its own rows alone?
#
# ## What one upload tells
#
# It could, and would tell no more: the rows that are not zero, and the 1 beside them, name its films already. Leave the
# ones away: row $i$ of a gradient is $-e_i \, [p, 1]$, so even it tells more than films.
#
# ### Exercise 16.3 · What an upload tells (core, 6 minutes)
#
# Attack one plain gradient. Input: `upload`, shape (n_items, k + 1), whose row `i` is $-e_i \, [p, 1]$; not all zeros.
# Output: a tuple of the positions of the rows that are not zero, and the private `p`, shape (k,). Example:
# `[[0, 0, 0], [-1, -2, -2], [0.5, 1, 1]]` gives `[1, 2]` and `[0.5, 1]`.


# %%
def read_upload(upload):
    """Items and private factors behind one plain gradient."""
    ### BEGIN SOLUTION
    items = np.flatnonzero((upload != 0).any(axis=1))
    row = upload[items[0]]
    return items, row[:-1] / row[-1]
    ### END SOLUTION


check("16.3", read_upload)

# %% [markdown] tags=["solution"]
# **Why it works.** All rows are multiples of $[p, 1]$; the last number says which multiple. **Another way.** The first
# right singular vector, scaled to end in 1. **Typical mistake.** To believe that $p$ stayed on the phone.

# %% [markdown]
# Now the stars. The phone solved its row, so the slope by its bias, with what it pays, is 0:
# $\sum_i e_i = \lambda \sqrt{n_u} \, b_u$.
# That gives $b_u$, and the rating is mean + $b_u$ + $x_u \cdot q_i$ + $e_i$.

# %% tags=["claim"]
from recsys_teach.federated import read_upload

P = clients.solve(Q)
items_found, stars_found, factor_error = [], [], []
for u in range(943):
    gradient, own = upload_of(u)[:, :-1], ratings[[u]]
    items, p = read_upload(gradient)
    e = -gradient[items, -1]
    b_u = e.sum() / (1.3 * np.sqrt(len(items)))
    stars = mean + b_u + Q[items] @ np.append(p, 1) + e
    items_found.append(np.isin(own.indices, items).mean())
    stars_found.append(np.abs(stars - mean - own.data).max() < 0.01)
    factor_error.append(np.abs(p - P[u, :-1]).max())
reveal("P16.1", np.mean(items_found))
claim("Films read, in percent", 100 * np.mean(items_found), near=100, within=0)
claim("People whose stars are all read, in percent", 100 * np.mean(stars_found), near=100, within=0)
claim("The private factors are read to 1e-6", max(factor_error) < 1e-6)

# %% [markdown]
# > **Reading the source critically.** One often reads that federated learning protects privacy because data stay on
# > the device. What stayed here was a file: one upload told 100 % of the films, and each star; Chai et al. (2021) prove
# > that gradients leak ratings. *Where* data lie is one question, what is *sent* another.
#
# ## Add without looking
#
# The server needs the sum alone. **Secure aggregation** (Bonawitz et al. 2017) lets each pair of phones share a
# secret **pad** of random numbers: one adds it, the other subtracts it, and in the sum it is gone.
#
# That needs numbers with an end: we write $v$ (`values`) as a whole number,
# $\text{round}(v \, 2^f)$ with $f$ (`bits`) bits of fraction, and count **modulo** $2^{32}$, as on a clock: 0 follows
# $2^{32} - 1$, and -1 is written as $2^{32} - 1$. A uniformly random pad then makes every result equally likely.
#
# ### Exercise 16.4 · A masked upload (core, 9 minutes)
#
# Encode, then add the pads shared with *later* phones and subtract those of *earlier* ones, modulo $2^{32}$. Input:
# `values`, shape (m,); `client`, this phone's place; `pads`, shape (n_clients, m), row `v` is shared with phone `v`,
# and the phone's own row is not used; `bits`. Output: whole numbers, shape (m,). Example: `values = [1.5, -2.0]`,
# `bits = 1` are 3 and -4. Phone 1 of three, `pads = [[10, 20], [0, 0], [5, 1]]`: 3 - 10 + 5 = -2 and
# -4 - 20 + 1 = -23, so `[4294967294, 4294967273]`.


# %%
def masked_upload(values, client, pads, bits):
    """Encoded values under the pads of all other phones."""
    ### BEGIN SOLUTION
    whole = np.round(values * 2**bits).astype(np.int64)
    pads = pads.astype(np.int64)
    mask = pads[client + 1 :].sum(axis=0) - pads[:client].sum(axis=0)
    return (whole + mask) % 2**32
    ### END SOLUTION


check("16.4", masked_upload)

# %% [markdown] tags=["solution"]
# **Why it works.** Of two partners exactly one comes later. **Another way.** Unsigned 32-bit integers, which wrap by
# themselves. **Typical mistake.** Adding all pads: nothing cancels.

# %% [markdown]
# If a phone drops out, its partners' pads stay in the sum. Then the others hand in the seeds that they shared with it.
#
# ### Exercise 16.5 · The sum without the one who left (core, 9 minutes)
#
# Give the sum of what those who came have encoded. Input: `uploads`, whole numbers, shape (n_clients, m); `alive` (True
# or False), shape (n_clients,); rows of the others are not to be read; `pads`, shape (n_clients, n_clients, m), where
# `pads[u, v]` equals `pads[v, u]`; `bits`. Output: shape (m,). From $2^{31}$ on a number modulo $2^{32}$ stands for
# itself minus $2^{32}$; divide by $2^f$ at the end. Example: `bits = 1`; phone 0 sends 3 + 7 + 10 = 20, phone 1 sends
# -4 - 7 + 20 = 9, phone 2 is gone. Its pads were 10 and 20: 29 - 30 = -1, so `[-0.5]`.


# %%
def unmasked_sum(uploads, alive, pads, bits):
    """Sum over the phones that came, without the pads of the others."""
    ### BEGIN SOLUTION
    total = uploads[alive].astype(np.int64).sum(axis=0)
    for u in np.flatnonzero(alive):
        for v in np.flatnonzero(~alive):
            total = total - np.sign(v - u) * pads[u, v].astype(np.int64)
    total = total % 2**32
    return np.where(total >= 2**31, total - 2**32, total) / 2**bits
    ### END SOLUTION


check("16.5", unmasked_sum)

# %% [markdown] tags=["solution"]
# **Why it works.** Each $u$ undoes what it did with the missing partner's pad. **Another way.**
# `(total + 2**31) % 2**32 - 2**31` reads the sign in one step. **Typical mistake.** Reading a negative sum as a huge
# positive one.

# %% [markdown]
# Twenty phones, one drops out; AES stretches each pair's seed to a pad. Our attack now ranks films by the size of their
# rows. By the AUC of chapter 15, does it find the films held?

# %% tags=["claim"]
from recsys_teach.federated import decode, masked_upload, shared_pads, unmasked_sum

plain, masked = [], []
for seed in range(5):
    rng = np.random.default_rng(seed)
    group, alive = rng.choice(943, 20, replace=False), np.arange(20) < 19
    sent = np.array([upload_of(u).ravel() for u in group])  # (20, 16820)
    pads = shared_pads(20, sent.shape[1], rng)
    hidden = np.array([masked_upload(sent[n], n, pads[n], bits=16) for n in range(20)])
    assert np.allclose(unmasked_sum(hidden, alive, pads, 16), sent[alive].sum(axis=0), atol=1e-3)
    for what, results in ((sent, plain), (decode(hidden, 16), masked)):
        size = np.linalg.norm(what.reshape(20, 1682, 10), axis=2)
        held = [np.isin(np.arange(1682), ratings[[u]].indices) for u in group]
        results += [membership_auc(row[has], row[~has]) for row, has in zip(size, held, strict=True)]
claim("AUC of the attack on plain uploads, least of 100", min(plain), near=1, within=0)
claim("AUC on masked uploads, mean of 100", np.mean(masked), near=0.5, within=0.02)

# %% [markdown]
# One upload now says nothing. We have simplified: the server follows the rules, and a trusted hand deals the seeds,
# which the real protocol agrees on by public keys.
#
# What if phone 19 was only late? Its seeds are given away, so the server takes its pads off and reads it. The real
# protocol adds a second mask, which only the phone can lift.

# %% tags=["claim"]
late = hidden[19].astype(np.int64) + pads[19, :19].astype(np.int64).sum(axis=0)  # the others gave these away
claim("A late upload is bare, to 1e-3", np.allclose(decode(late, 16), sent[19], rtol=0, atol=1e-3))

# %% [markdown]
# Nor does the sum keep all secrets. What is its row $i$ if one phone holds the film?

# %% tags=["claim"]
alone = np.flatnonzero(clients.n_raters == 1)
holder = np.array([ratings[:, [i]].tocoo().coords[0][0] for i in alone])
row = loop[alone, :-1]  # from the sum
told = row[:, :-1] / row[:, [-1]]
claim("Films with one holder", len(alone), near=147, within=15)
claim("People whose private factors the sum tells", len(set(holder.tolist())), near=63, within=7)
claim("These factors are right to 1e-6", np.allclose(told, P[holder, :-1], rtol=0, atol=1e-6))

# %% [markdown]
# It is that phone's own gradient: the server reads its factors, and joins films with the same $p$. A name is missing,
# but one known film gives it away (chapter 15). So the mean over holders needs counts, and a count of one is a person.
#
# ## Bound what one phone can do
#
# So the sum needs noise, and first a bound. **Clipping** shortens an upload that is longer than $C$ (`longest`).
#
# ### Exercise 16.6 · Clip an upload (core, 5 minutes)
#
# Shorten an upload if its length, the root of the sum of *all* its squared numbers, is above $C$.
# Input: `upload`, shape (n_items, k), and `longest`. Output: the same shape. Example: `[[3, 0], [0, 4]]` has length 5:
# `longest = 1` gives `[[0.6, 0], [0, 0.8]]`; `longest = 10` leaves it.


# %%
def clip_upload(upload, longest):
    """The upload, at most so long."""
    ### BEGIN SOLUTION
    length = np.linalg.norm(upload)
    return upload * longest / length if length > longest else upload
    ### END SOLUTION


check("16.6", clip_upload)

# %% [markdown] tags=["solution"]
# **Why it works.** One factor for all numbers keeps the direction. **Another way.** `upload / max(1, length /
# longest)`. **Typical mistake.** `np.clip`, which bounds each number: ten thousand of them are still long.

# %% [markdown]
# So one person moves the sum by at most $C$. Gaussian noise of $\sigma C$ on each number of the sum makes a round
# private at *user level*; ten rounds add up. The counts are private too, so we divide by everybody. A small $C$ cuts
# nearly everybody, a large one brings large noise.

# %% tags=["claim"]
from recsys_teach.federated import clip_upload

sigma = dp_accounting.get_sigma_gaussian(8, 1e-5) * np.sqrt(10)  # for each of ten rounds
books = PLDAccountant()
books.compose(dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(sigma), 10))
claim("ε of ten rounds with all phones, user level, δ = 1e-5", books.get_epsilon(1e-5), near=8, within=0.01)
public = ratings.copy()
public.data += mean - 3.5  # less the middle of the scale, which needs no data
two = start_items(ml.n_items, 2, np.random.default_rng(0))  # two factors and a bias
sent = [client_upload(public[[u]].indices, public[[u]].data, two, 1.3)[:, :-1] for u in range(943)]
longer = np.mean([np.linalg.norm(one) > 4 for one in sent])
claim("Share of the phones that C = 4 shortens", longer, near=0.88, within=0.03)
clipped = sum(clip_upload(one, 4.0) for one in sent)
assert np.allclose(clipped, Clients(public).summed_gradient(Clients(public).solve(two), two, clip=4.0))
above = (np.abs(clipped) > sigma * 4.0).mean(axis=0)  # by column
claim("Share of the films whose bias slope is above the noise", above[-1], near=0.225, within=0.02)
claim("The same for factor slopes, mean of two", above[:-1].mean(), below=0.001)

# %% [markdown]
# Which lines should a private service beat? Biases alone know all ratings, without privacy; phones alone send nothing.
#
# The private phones subtract $3.5$, the middle of the scale, which needs no data, and learn two factors. $C = 4$, ten
# rounds and each ε's rate were chosen on training data of the first split: a choice that ε does not count.

# %% tags=["figure"]
private = load_saved_run("16")["privacy"]
by_epsilon = private.groupby(["model", "epsilon"], dropna=False)["rmse"].mean()
dp_curve = by_epsilon["private, 2 factors"]
fig, ax = new_axes(height=4.2)
ax.plot(dp_curve.index, dp_curve, color=BLUE, marker="o")
ax.text(2.1, dp_curve[2] + 0.003, "federated, private, 2 factors")
lines = {"phones alone, nothing sent": by_epsilon["phones alone"].iloc[0]}
lines |= {"biases alone, not private": end["biases alone"].mean(), "federated, not private": end["over holders"].mean()}
for name, height in lines.items():
    ax.axhline(height, color=BLACK, linestyle="--", linewidth=1)
    ax.text(1, height + 0.002, name)
ax.set(xscale="log", xticks=[1, 2, 4, 8], xticklabels=[1, 2, 4, 8], xlim=(0.9, 9), ylim=(0.9, 1.055))
ax.set(xlabel="ε at user level, δ = 1e-5 (log scale)", ylabel="RMSE (stars)")
ax.minorticks_off()
show(
    fig,
    caption="What hiding a person costs; saved, five splits.",
    alt="Line chart of RMSE against epsilon at user level. The private service falls from near the line of phones "
    "alone toward biases alone, without reaching it; the federated line without privacy lies lowest.",
)

# %% tags=["claim"]
claim("RMSE of phones alone", by_epsilon["phones alone"].iloc[0], near=1.041, within=0.005)
claim("RMSE at ε = 1, user level", dp_curve[1], near=1.003, within=0.007)
claim("RMSE at ε = 8, user level", dp_curve[8], near=0.955, within=0.005)
claim("RMSE of biases alone, not private", end["biases alone"].mean(), near=0.94, within=0.004)
claim("Gain by two factors at ε = 8", by_epsilon["private, 0 factors"][8] - dp_curve[8], near=0, within=0.003)

# %% [markdown]
# At ε = 1 the phones gain a little from each other, at ε = 8 most of the biases; factors gain nothing, their slopes
# drown. With more people the sum grows and the noise does not: 943 are few.
#
# ## A phone that lies
#
# One more phone joins and pushes a film with 50 raters, by a row a thousand long.

# %% tags=["claim"]
fake = np.zeros((1, 1682, 9))
fake[0, (clients.n_raters == 50).argmax(), -1] = -1000
*_, (P_bad, Q_bad) = train_federated(clients, 8, 5, fakes=fake, rng=np.random.default_rng(0))
scores = P_bad[:, [-1]] + Q_bad[:, -1] + P_bad[:, :-1] @ Q_bad[:, :-1].T
top = np.bincount(scores.argmax(axis=1)).argmax()
claim("A film with 50 raters is the first of most people after five rounds", clients.n_raters[top] == 50)

# %% [markdown]
# Two defenses: clip at 10, which shortens a third of the honest phones, or take the **median** over holders in place
# of the mean. What does each cost where nobody lies?

# %% tags=["claim"]
honest = [np.linalg.norm(upload_of(u)[:, :-1]) for u in range(943)]
claim("Share of the honest phones that C = 10 shortens", np.mean(np.array(honest) > 10), near=0.33, within=0.03)
calm = {}
for name, rule in {"mean": {}, "clipping": {"clip": 10.0}, "median": {"average": "median"}}.items():
    *_, last = train_federated(clients, 8, 10, **rule, rng=np.random.default_rng(0))
    calm[name] = error_of(*last)
claim("RMSE that clipping costs, this split", calm["clipping"] - calm["mean"], near=0.006, within=0.004)
claim("RMSE that the median costs, this split", calm["median"] - calm["mean"], near=0.01, within=0.006)

# %% [markdown]
# Now with the liar; saved, five splits. Who sees the film among their first ten?

# %% tags=["claim"]
poison = load_saved_run("16")["poison"].replace({"defense": {"none": "no defense"}})
seen = poison.pivot_table("top10", "defense", "holders").rename_axis(columns="raters")
error = poison.groupby("defense")["rmse"].mean()
rows = ["no attack", "no defense", "clipping", "median"]
said = {row: f"attack, {row}" for row in rows[1:]}
print(seen.assign(RMSE=error).loc[rows].rename(said).round(3).to_string())
few, many = (poison[poison["holders"] == raters].set_index("defense")["top10"] for raters in ("5 to 15", "40 to 60"))
claim("Seen by, no defense, least of ten", min(few["no defense"].min(), many["no defense"].min()), near=1, within=0)
claim("Seen by, clipped, 40 to 60 raters, most of five", many["clipping"].max(), near=0, within=0.001)
claim("Splits where it gets through, clipped, 5 to 15 raters", (few["clipping"] > 0.5).sum(), near=3, within=0)
claim("Seen by, median, most of ten", max(few["median"].max(), many["median"].max()), near=0, within=0.001)
claim("RMSE where nobody attacks", error["no attack"], near=0.936, within=0.003)
claim("RMSE under attack, no defense", error["no defense"], near=0.942, within=0.003)

# %% [markdown]
# One phone of 944 shows its film to everybody, and RMSE hardly tells: .942 against .936. Clipping stops
# it where 40 to 60 honest phones outweigh it; with 5 to 15 it got through in three splits of five. The median held in
# all, and costs most: about .010 without a liar (one split), clipping .006.
#
# But it must see each upload, which masks forbid; even clipping is then left to the phones, and a liar does not clip.
# Secrecy from the server and robustness against phones pull apart.
#
# ## On a real engine
#
# In Flower a `ServerApp` sends messages through a `Grid`, a `ClientApp` answers on each phone. In our
# `recsys_teach/privacy/flower_app.py`, `train` is the phone's part, `main` the server's:

# %%
from flwr.app import Context, RecordDict

from recsys_teach.federated import flower_app

print(inspect.getsource(flower_app.train), inspect.getsource(flower_app.main), sep="\n")

# %% [markdown]
# Here a `Grid` of a few lines hands messages over in this process. Does it give what our loop gives?

# %% tags=["claim"]
config = {
    "n_items": 1682,
    "n_factors": 8,
    "n_rounds": 2,
    "n_clients": 943,
    "learning_rate": 0.5,
    "regularization": 1.3,
    "seed": 0,
}
with tempfile.TemporaryDirectory() as folder_of_clients:
    files = [Path(folder_of_clients) / f"phone_{u}.npy" for u in range(943)]
    for u, file in enumerate(files):
        np.save(file, [ratings[[u]].indices, ratings[[u]].data])
    grid = flower_app.InProcessGrid(flower_app.client, [{"ratings": str(file)} for file in files])
    context = Context(run_id=1, node_id=1, node_config={}, state=RecordDict(), run_config=config)
    flower_app.server(grid, context)
engine = context.state["items"].to_numpy_ndarrays()[0]
*_, (_, by_loop) = train_federated(clients, 8, 2, rng=np.random.default_rng(0))
claim("Flower and the loop agree to 1e-10", np.allclose(engine, by_loop, rtol=0, atol=1e-10))

# %% [markdown]
# For masks in earnest take Flower's SecAgg+.
#
# ## What goes wrong
#
# - **Pads used twice.** The difference of two uploads under one pad is bare.
# - **Invented phones.** A server that makes up 942 of 943 phones reads the last one from the sum.
#
# ## Recap
#
# - **O16.1:** you computed a phone's gradient; the sum was the central one.
# - **O16.2:** you averaged over holders, read error by rounds and bytes, and saw local steps drift.
# - **O16.3:** you read films, factors and stars from a plain upload.
# - **O16.4:** you masked uploads, and recovered a sum after a drop-out.
# - **O16.5:** you clipped, and read the cost of noise, clipping and median.
#
# Five questions: one letter for each.

# %%
### BEGIN SOLUTION
answers = ["b", "c", "a", "b", "a"]
### END SOLUTION
quiz("16", answers)
progress("16")

# %% [markdown]
# ## Further reading
#
# - McMahan et al. (2017), *Communication-Efficient Learning of Deep Networks from Decentralized Data*.
# - Bonawitz et al. (2017), *Practical Secure Aggregation for Privacy-Preserving Machine Learning*.
# - Chai, Wang, Chen, Yang (2021), *Secure Federated Matrix Factorization*.
#
# **Next.** Chapter 17 explains recommendations, mixes them, and asks whom they serve.
