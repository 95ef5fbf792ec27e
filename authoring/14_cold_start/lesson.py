# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "14"
#     minutes: {reading: 20, doing: 48}
# ---

# %% [markdown]
# # 14 · Cold start and exploration
#
# Jonas opens a streaming service for the first time. It knows his age band and that he watches on a phone. In this
# notebook we find out what to show him, what to ask, and when to risk a mistake.
#
# ## What you will be able to do
#
# - **O14.1** Give a newcomer a damped prior from their profile
# - **O14.2** Fold a few ratings into a prior
# - **O14.3** Drop the factors of whole rows, as DropoutNet does in training
# - **O14.4** Choose the questions of an interview greedily
# - **O14.5** Explore by UCB1, Thompson sampling and LinUCB
#
# You need covariance, normal equations, and chapters 03, 06 and 10.

# %%
import numpy as np
import pandas as pd
import torch

from recsys_teach.data import Interactions, movielens
from recsys_teach.data.world import load_world, make_world
from recsys_teach.evaluation import evaluate, ndcg_at_k, top_k
from recsys_teach.figures import BLACK, BLUE, GREEN, MODEL_STYLES, ORANGE, VERMILION, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reveal
from recsys_teach.models import IALS, ContentProfile, Popularity, UserKNN
from recsys_teach.models.features import feature_matrix, feature_names

# %% [markdown]
# ## Predict first
#
# Write a letter in quotes in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "c"
### END SOLUTION
predict("P14.1", guess)

# %% [markdown]
# ## Three cold starts
#
# - A **new user**: Jonas. His row is empty; his profile may be known.
# - A **new item**: its column is empty; its genre is known.
# - A **new system**: nobody has clicked anything.
#
# ## By hand: a prior from the profile
#
# Four people, three titles, 1 for "met"; the first two are under 25, as Jonas is.

# %%
met = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 1]], dtype=float)  # (4 people, 3 titles)
young = np.array([True, True, False, False])
print("everybody:   ", met.mean(axis=0))
print("under 25:    ", met[young].mean(axis=0))

# %% [markdown]
# Two people are few. A **damped** share acts as if $\beta$ (`damping`) average people joined the group. With $n_g$
# people in it, of whom $n_{gi}$ met item $i$, and everybody's share $p_i$:
#
# $$p_{gi} = \frac{n_{gi} + \beta \, p_i}{n_g + \beta}$$
#
# Chapter 02 damped toward 0; this **prior** pulls toward everybody: an empty group gets $p_i$.
#
# ### Exercise 14.1 · A damped prior from the profile (warm-up, 5 minutes)
#
# Give $p_{gi}$ for all items. Input: `met`, 0 and 1, shape (n_users, n_items); `group`, bool, shape (n_users,);
# `damping`. Output: shape (n_items,). Example: above, with `damping = 2`, the first title: $(2 + 2 \cdot .75) / 4$ =
# .875; all three: `[.875, .375, .25]`. Stuck? Run `hint("14.1")`.


# %%
def damped_shares(met, group, damping):
    """Share of a group that met each item, as if average people had joined it."""
    ### BEGIN SOLUTION
    everybody = met.mean(axis=0)
    return (met[group].sum(axis=0) + damping * everybody) / (group.sum() + damping)
    ### END SOLUTION


check("14.1", damped_shares)

# %% [markdown] tags=["solution"]
# **Why it works.** Average people add $\beta p_i$ meetings. **Another way.** Weights: each person of the group 1, and
# everybody $\beta / n$ more; then a weighted mean. **Typical mistake.** Damping below the fraction line only: that
# pulls to 0.

# %% [markdown]
# `ProfilePopularity` multiplies $p_i$ by a lift, $p_{gi} / p_i$, for age band, region and device. Jonas' first title
# gets $.75 \cdot (.875 / .75)$ for his age, times the lift of his phone, as if each told something new (**naive
# Bayes**).
#
# ## A test without leaks
#
# `split_newcomers` holds whole people out, and tests those with 15 clicks or more. Of each, the first ten may become
# known, and the later ones are scored, the same for $k$ = 0, 1, 2, 5 and 10 known clicks.

# %%
from recsys_teach.models.cold_start import ProfilePopularity, damped_shares, first_events, split_newcomers

log = make_world(2000).clicks()
profile_columns, genre_columns = ["age_band", "region", "device"], ["genre", "second_genre"]
fold = np.random.default_rng(0).permutation(2000) % 5
train, split = split_newcomers(log, np.flatnonzero(fold == 0))
known = {k: first_events(split.train, k) for k in (0, 1, 2, 5, 10)}
active = np.flatnonzero(train.matrix().sum(axis=1))  # who is not held out
phone = (log.users["device"] == "phone").to_numpy()[active]
profile = ProfilePopularity(profile_columns).fit(train)
lift = np.exp(profile.lifts_[profile.features_.index("device=phone")])  # p_gi / p_i of all titles
assert np.allclose(profile.shares_ * lift, damped_shares(train.matrix()[active], phone, damping=50))
print(split.name)

# %% [markdown]
# ## A few clicks: fold them into a prior
#
# Jonas clicks one title. The fold-in of chapter 06 takes what he has not met for a weak no; but he has hardly looked.
# So we start from his prior $p$ (`prior`), and let only what is known speak:
#
# $$\min_w \sum_{i \text{ known}} (1 - p_i - h_i \cdot w)^2 + \nu |w|^2, \qquad s = p + H w$$
#
# $H$ (`H`, n_items × n_factors) says along which directions people differ from their priors; $\nu$ (`noise`) is the
# variance that it does not explain. An expected click, $p_i$ near 1, moves little. The normal equations, as a loop:

# %%
prior, H, seen_by_jonas, noise = np.array([0.5, 0.5, 0.2]), np.array([[1.0], [1.0], [0.0]]), [0], 1.0
A, b = noise * np.eye(1), np.zeros(1)
for i in seen_by_jonas:
    A += np.outer(H[i], H[i])
    b += (1 - prior[i]) * H[i]
h = H[seen_by_jonas]
assert np.allclose(A, h.T @ h + noise * np.eye(1)) and np.allclose(b, h.T @ (1 - prior[seen_by_jonas]))
print("score:", prior + H @ np.linalg.solve(A, b))

# %% [markdown]
# ### Exercise 14.2 · Fold into a prior (core, 8 minutes)
#
# Give $s$. Input: `prior`, shape (n_items,); `H`; `known`, an array of positions, possibly empty; `noise`. Output:
# shape (n_items,). Example: as printed, `[.75, .75, .2]`: the second title goes along with the first. Without known
# items, the prior.


# %%
def fold_into_prior(prior, H, known, noise):
    """Scores of all items once some are known to be met."""
    ### BEGIN SOLUTION
    h = H[known]  # (n_known, n_factors)
    w = np.linalg.solve(h.T @ h + noise * np.eye(H.shape[1]), h.T @ (1 - prior[known]))
    return prior + H @ w
    ### END SOLUTION


check("14.2", fold_into_prior)

# %% [markdown] tags=["solution"]
# **Why it works.** $w$ explains the surprise, $1 - p$, and the penalty keeps it small while little is known.
# **Another way.** $p + H H_k^\top (H_k H_k^\top + \nu I)^{-1} (1 - p_k)$, where $k$ marks what is known: as many
# equations as known items. **Typical mistake.** Aiming at 1, as if there were no prior.

# %% [markdown]
# `HybridFactors` takes the profile as prior and subtracts it from everybody's row. $H$ holds the 30 strongest
# eigenvectors of the covariance of what is left, each times the root of its eigenvalue, so $H H^\top$ is nearly that
# covariance. Which model leads, for which $k$?

# %%
from recsys_teach.models.cold_start import HybridFactors, crossover, fold_into_prior

models = {"content": ContentProfile(genre_columns).fit(train), "factors": IALS(32, n_epochs=8).fit(train)}
popular = Popularity().fit(train)
hybrid = HybridFactors(columns=profile_columns, noise=0.03).fit(train)  # noise chosen on newcomers cut from train
scorers = {"popularity": lambda k, users: popular.score(users), "profile": lambda k, users: profile.score(users)}
for name, model in models.items():
    scorers[name] = lambda k, users, model=model: model.fold_in(known[k][users])
scorers["hybrid"] = lambda k, users: hybrid.fold_in(known[k][users], log.users.iloc[users])
scorers["chance"] = lambda k, users: np.zeros((len(users), 600))
ties = 1e-7 * np.random.default_rng(0).random(log.shape)  # equal scores are ordered by chance


def newcomers(score):
    """NDCG@10 of each newcomer, a column for each number of known clicks."""
    results = {k: evaluate(lambda u, k=k: score(k, u) + ties[u], split, name="newcomers") for k in known}
    return pd.DataFrame({k: result.per_user["nDCG@10"] for k, result in results.items()})


found = {name: newcomers(score) for name, score in scorers.items()}
pd.DataFrame({name: table.mean() for name, table in found.items()}).T.round(2)

# %% [markdown]
# The hybrid starts where the profile stands and leads from one click on; in the saved runs its lead is gone at ten.
#
# From how many clicks on do factors beat the profile? We draw the people again (chapter 03), and look where the mean
# difference crosses 0, on a straight line between two $k$: 1.8 means at 2, not yet at 1. In the **saved** table
# everybody is a newcomer once.

# %% tags=["claim"]
point, low, high = crossover(list(known), (found["factors"] - found["profile"]).to_numpy())
print(f"this fifth: factors pass the profile at {point:.1f} known clicks, 95 % interval {low:.1f} to {high:.1f}")
crossings = load_saved_run("14")["crossovers"]
crossings = crossings.set_index(["data", "new", "order", "ahead", "behind"]).sort_index()
saved = crossings.loc["world", "people", "time", "factors"]
print("saved, everybody with 15 clicks a newcomer once: known clicks from which factors beat the other, and interval")
print(saved.to_string())
claim("Clicks from which factors beat the profile, saved", saved.loc["profile", "known"], near=1.8, within=0.2)
claim("Upper end of its interval", saved.loc["profile", "high"], below=3)
claim("Upper end for content: known clicks from which factors beat it", saved.loc["content", "high"], below=1)
hybrid_leads = found["hybrid"].mean() - found["factors"].mean()
claim("Hybrid minus factors, least of k up to 5", float(hybrid_leads.loc[:5].min()), above=0)
claim("Hybrid minus profile at 1 click", (found["hybrid"] - found["profile"])[1].mean(), above=0)

# %% [markdown]
# > **Reading the source critically.** The two articles behind this course offer user-based collaborative filtering for
# > cold start: find similar users. Let us ask it.

# %% tags=["claim"]
print("cosine of Jonas, who met the first title, with the four:", (met[:, 0] / np.sqrt(met.sum(axis=1))).round(2))
by_neighbors = {}
for k in known:
    model = UserKNN(100).fit(Interactions.from_matrix(train.matrix() + known[k]))
    by_neighbors[k] = evaluate(lambda u, m=model: m.score(u) + ties[u], split, name="neighbors").mean("nDCG@10")
print("nDCG@10 of user neighbors:", {k: round(value, 2) for k, value in by_neighbors.items()})
claim("Popularity minus neighbors at 0 clicks", found["popularity"][0].mean() - by_neighbors[0], above=0.05)
claim("Profile minus neighbors at 1 click", found["profile"][1].mean() - by_neighbors[1], above=0)
claim("Factors minus neighbors at 1", found["factors"][1].mean() - by_neighbors[1], near=0, within=0.02)
claim("Neighbors minus popularity at 1 click", by_neighbors[1] - found["popularity"][1].mean(), above=0.01)

# %% [markdown]
# > Neighbors are *found by* ratings: without a click all cosines are 0, and the list is chance. With one, the nearest
# > met that title and nothing else; a hundred still pass popularity and equal factors, but not the profile. So they
# > help from the first click on, not before. What needs no history does: profile, features, questions (Schein et al.
# > 2002).
#
# ## A network that does without
#
# **DropoutNet** (Volkovs et al. 2017) takes factors $U$, $V$ of a finished model, here iALS, and features
# $x$, $y$. Two networks read both, and try to give the finished model's scores:
#
# $$\min \sum_{ui} \big( U_u \cdot V_i - f([U_u, x_u]) \cdot g([V_i, y_i]) \big)^2$$
#
# That alone would copy $U$ and $V$. So in each batch some people and items lose **all** their factors.
#
# ### Exercise 14.3 · Drop whole rows of factors (warm-up, 4 minutes)
#
# Put factors and features side by side, with 0 for the factors of dropped rows. Input, as numpy: `factors`, shape
# (n, n_factors); `features`, shape (n, n_features); `kept`, bool, shape (n,). Output: shape
# (n, n_factors + n_features); no scaling.
# Example: `factors = [[1, 2], [3, 4]]`, `features = [[1], [5]]`, `kept = [True, False]` gives
# `[[1, 2, 1], [0, 0, 5]]`.


# %%
def drop_rows(factors, features, kept):
    """Factors and features side by side; rows that are not kept have factors 0."""
    ### BEGIN SOLUTION
    return np.hstack([factors * kept[:, None], features])
    ### END SOLUTION


check("14.3", drop_rows)

# %% [markdown] tags=["solution"]
# **Why it works.** The network meets in training what it will meet in a newcomer. **Another way.**
# `np.where(kept[:, None], factors, 0)`. **Typical mistake.** Dividing by the share kept, as dropout against copying
# does (chapter 07): here a 0 is not noise, it says "not known".

# %% [markdown]
# Now the second cold start. We take *all* clicks on a fifth of the titles away, and rank those for the people who did
# click some. Chance and popularity have an AUC of a half (chapter 06).

# %% tags=["claim"]
from recsys_teach.models.cold_start import DropoutNet, drop_rows

new = np.random.default_rng(14).permutation(600) < 120
old_titles = log.take(~new[log.item_pos])
wanted = log.matrix().toarray()[:, new] > 0  # (2000, 120)
people = np.flatnonzero(wanted.any(axis=1) & (old_titles.matrix().sum(axis=1) > 0))
auc = {}
for dropout in (0.5, 0.0):
    net = DropoutNet(32, profile_columns, genre_columns, dropout=dropout, n_epochs=10).fit(old_titles)
    scores = zip(net.score(people)[:, new], wanted[people], strict=True)
    auc[dropout] = float(np.mean([(s[w][:, None] > s[~w]).mean() for s, w in scores]))
# the package's drop_rows takes tensors
example = drop_rows(torch.ones(2, 2), torch.full((2, 1), 5.0), torch.tensor([True, False]))
assert example.tolist() == [[1, 1, 5], [0, 0, 5]]
claim("AUC of titles that nobody has met", auc[0.5], above=0.56)
claim("The same, trained without dropping", auc[0.0], below=0.5)

# %% [markdown]
# Without dropping it is worse than chance: the network never met factors of 0.
#
# ## Everybody a newcomer once
#
# Five such splits and MovieLens: **saved** by `saved_run.py`. On MovieLens, from how many ratings on do
# factors beat popularity?

# %% tags=["figure"]
curves = load_saved_run("14")["newcomers"]
by_fold = curves.pivot_table(index=["data", "new", "order", "fold"], columns=["model", "known"], values="ndcg")
looks = MODEL_STYLES | {"profile": {"color": "#B35900", "marker": "d", "linestyle": "--"}}
looks |= {"factors": MODEL_STYLES["iALS"], "hybrid": {"color": VERMILION, "marker": "*", "linestyle": "-"}}
looks |= {"DropoutNet": {"color": "#4B0092", "marker": "^", "linestyle": "-."}}


def draw_newcomers(who):
    """Two panels of nDCG@10 against the number of known events, averaged over the five folds."""
    fig, axes = new_axes(columns=2, width=8.8, height=4.4)
    for ax, data in zip(axes, ("world", "ml-100k"), strict=True):
        table = curves[(curves[["data", "new", "order"]] == [data, who, "time"]).all(axis=1)]
        table = table.pivot_table(index="model", columns="known", values="ndcg")
        for name in ("popularity", "profile", "content", "factors", "hybrid", "DropoutNet"):
            ax.plot(range(5), table.loc[name], label=name, **looks[name])
        ax.set(title=data, xticks=range(5), xticklabels=table.columns, xlabel="known events", ylim=(0, None))
    axes[0].set_ylabel("nDCG@10")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=11)
    return fig


show(
    draw_newcomers("people"),
    caption="New people: nDCG@10 by known events; saved runs.",
    alt="Two line charts against 0 to 10 known events. On the world factors rise from chance past popularity and "
    "profile, and the hybrid leads until ten. On MovieLens factors stay below popularity; the hybrid leads at ten.",
)

# %% [markdown]
# More than ten: the first ratings there say little of later ones. The network trusts them and falls until five; the
# hybrid stays near the profile until five, and at ten it leads all (.47). If the known ones are *drawn at random*,
# factors pass the profile at about 2.8.

# %% tags=["claim"]
folds = by_fold.loc["ml-100k", "people"]
claim("Factors below popularity at all k, in each fold", bool(
    (folds.loc["time"]["factors"] < folds.loc["time"]["popularity"]).to_numpy().all()
))  # fmt: skip
ml = folds.loc["time"].mean()  # by model and known ratings
claim("MovieLens: hybrid at 10 ratings", ml["hybrid", 10], near=0.47, within=0.01)
claim("The same minus the best other model", ml["hybrid", 10] - ml.drop("hybrid").xs(10, level="known").max(), above=0)
claim("Hybrid minus profile, most of 0 to 5", (ml["hybrid"] - ml["profile"]).loc[:5].abs().max(), below=0.02)
claim("DropoutNet at 5 minus at 0 ratings", ml["DropoutNet", 5] - ml["DropoutNet", 0], below=0)
drawn = crossings.loc["ml-100k", "people", "random", "factors", "profile"]
claim("Ratings drawn at random from which factors beat the profile", drawn["known"], near=2.8, within=0.1)
world_folds = by_fold.loc["world", "people", "time"]
gain = (world_folds["hybrid"] - world_folds["factors"]).mean()
claim("World: hybrid minus factors, least of 0 to 5 clicks", float(gain.loc[:5].min()), above=0.005)
claim("World: the same at 10 clicks", float(gain[10]), near=0, within=0.01)

# %% [markdown]
# And new *items*? Exchange users and items: a new title is a row, its profile is its genre, and popularity means the
# most active people.

# %% tags=["claim"]
show(
    draw_newcomers("items"),
    caption="New items: nDCG@10 by known events; saved runs.",
    alt="Two line charts against 0 to 10 known events of new items. Profile, from genres, starts above popularity; "
    "factors start at chance and reach it only after eight or ten events; DropoutNet ends highest.",
)
of_items = crossings.xs("items", level="new").xs("profile", level="behind").xs("factors", level="ahead")
print(of_items.to_string())  # inf: not by ten
claim("World: events until factors beat the features of an item", of_items.loc["world", "known"].item(), above=8)
item_folds = by_fold.xs("items", level="new")
lead = item_folds["profile"][0] - item_folds["popularity"][0]
claim("Features minus popularity for items without events, least of ten folds", float(lead.min()), above=0.02)
lead = item_folds["DropoutNet"][10] - item_folds["hybrid"][10]
claim("DropoutNet minus hybrid for items with ten events, least of ten folds", float(lead.min()), above=0)

# %% [markdown]
# Features carry a new title through its first clicks; the network, which reads both, gains most.
#
# ## An interview
#
# May we ask Jonas: "Have you seen this film?" An answer helps where it *varies with* what we want to know. Let $C$
# (`C`, n_items × n_items) be the covariance of other people's rows. A normal model says what the answer to question $q$
# takes off the variance of target $t$, and what stays uncertain:
#
# $$\text{gain}(q) = \sum_{t} \frac{C_{tq}^2}{C_{qq} + \nu}, \qquad C \leftarrow C - \frac{C_q C_q^\top}{C_{qq} + \nu}$$
#
# with column $q$ as $C_q$. **Greedy** takes the largest gain, updates $C$, and goes on: two parts of a series are not
# both asked.
#
# ### Exercise 14.4 · The most telling question (core, 8 minutes)
#
# Give the best question and the new $C$. Input: `C`; `candidates` and `targets`, arrays of positions; `noise` ($\nu$).
# Output: an item position and an array of the shape of `C`. `C[np.ix_(rows, columns)]` cuts a block. Example:
# `C = [[1, .5, 0], [.5, 1, .9], [0, .9, 1]]`, `candidates = [0, 1]`, `targets = [2]`, `noise = 1`: gains 0 and
# $.81 / 2$, so question 1; the new $C$ starts with $1 - .25 / 2$ = .875.


# %%
def interview_step(C, candidates, targets, noise):
    """The candidate that takes most variance off the targets, and the covariance after its answer."""
    ### BEGIN SOLUTION
    gains = (C[np.ix_(targets, candidates)] ** 2).sum(axis=0) / (C[candidates, candidates] + noise)
    q = candidates[gains.argmax()]
    return q, C - np.outer(C[:, q], C[:, q]) / (C[q, q] + noise)
    ### END SOLUTION


check("14.4", interview_step)

# %% [markdown] tags=["solution"]
# **Why it works.** $C_{tq}^2 / (C_{qq} + \nu)$ is the variance of $t$ that a regression on the answer explains.
# **Another way.** Compute the new $C$ for each candidate, and take the smallest trace over the targets.
# **Typical mistake.** Returning `gains.argmax()`, a place among the candidates.

# %% [markdown]
# MovieLens: half of the films may be asked about, the *other* half is scored. A fifth of the people are interviewed,
# twice.

# %%
from recsys_teach.models.cold_start import plan_interview, posterior_mean

seen_films = movielens.load().matrix().toarray()  # (943, 1682)
n_asked = [0, 1, 2, 5, 10, 20]


def interviews(seed):
    """Squared error and nDCG@10 on the scored films by way of asking and number of questions."""
    rng = np.random.default_rng(seed)
    people, films = rng.permutation(943), rng.permutation(1682)
    asked, others, may_ask, scored = people[:189], people[189:], films[:841], films[841:]
    mean, C = seen_films[others].mean(axis=0), np.cov(seen_films[others].T, bias=True)
    plans = {"greedy": plan_interview(C, 20, may_ask, scored)}
    plans |= {"popular": may_ask[np.argsort(-mean[may_ask])][:20], "random": rng.permutation(may_ask)[:20]}
    truth, rows = seen_films[asked][:, scored], []  # posterior_mean is the regression of all films on the answers
    for name, plan in plans.items():
        for n in n_asked:
            expected = posterior_mean(mean, C, plan[:n], seen_films[asked][:, plan[:n]])[:, scored]
            ndcg = np.nanmean(ndcg_at_k(top_k(expected, 10), Interactions.from_matrix(truth).matrix()))
            rows.append((name, n, ((expected - truth) ** 2).sum(axis=1).mean(), ndcg))
    return pd.DataFrame(rows, columns=["way", "questions", "error", "nDCG@10"])


repeats = pd.concat([interviews(seed).assign(seed=seed) for seed in (0, 1)])
asked = repeats.pivot_table(index="questions", columns="way", values=["error", "nDCG@10"])

# %% [markdown]
# Popular films first, random ones, or greedy?

# %% tags=["figure"]
fig, axes = new_axes(columns=2, width=8.6, height=3.6)
ways = {"greedy": (VERMILION, "o-"), "popular": (BLACK, "s--"), "random": ("#777777", "x:")}
units = {"error": "squared error a person (films)", "nDCG@10": "nDCG@10"}
for ax, (what, unit) in zip(axes, units.items(), strict=True):
    for way, (color, look) in ways.items():
        ax.plot(n_asked, asked[what, way], look, color=color)
        ax.text(20.5, asked[what, way][20], way, va="bottom" if way == "popular" else "top")
    ax.set(xlabel="questions asked", ylabel=unit, xlim=(-0.5, 27), xticks=[0, 5, 10, 20])
show(
    fig,
    caption="Error and nDCG@10 after an interview, by plan.",
    alt="Two line charts against the number of questions. Greedy lowers the squared error fastest throughout. Its nDCG "
    "leads for the first questions, then popular ones catch up; random questions lag far behind.",
)

# %% tags=["claim"]
by_seed = repeats[repeats["questions"] > 0].pivot_table(index=["seed", "questions"], columns="way", values="error")
claim("Error of popular minus greedy, least of all", float((by_seed["popular"] - by_seed["greedy"]).min()), above=0.5)
error, ndcg = asked["error"], asked["nDCG@10"]
for half in (1, 5, 10):
    share = error["greedy"][half] / error["popular"][2 * half]
    claim(f"Error with {half} greedy as a share of that with {2 * half} popular", share, below=1.05)
claim("nDCG@10 of greedy minus popular at 1 question", float((ndcg["greedy"] - ndcg["popular"])[1]), above=0.01)
claim("The same at 20 questions", float((ndcg["greedy"] - ndcg["popular"])[20]), near=0, within=0.03)

# %% [markdown]
# By the error that it minimizes, greedy needs half as many questions. By nDCG the lead is gone at ten: the first places
# are popular films.
#
# ## A new system: try, and pay
#
# A **bandit** shows one of several **arms**, here titles, sees a click or none, and chooses again. In the world the
# chances $\theta_a$ of a click are known, so we can count the **regret**: the clicks lost against always showing the
# best, $\sum_t (\max_a \theta_a - \theta_{a_t})$.
#
# **Greedy** shows the best mean so far. **ε-greedy** shows any arm in a share ε of the steps. **UCB1** (Auer et al.
# 2002) adds to the mean a bonus for what is little known. With $c_a$ clicks among $n_a$
# showings (`clicks`, `shown`) and $t = \sum_a n_a$:
#
# $$\text{index}_a = \frac{c_a}{n_a} + \sqrt{\frac{2 \ln t}{n_a}}$$
#
# ### Exercise 14.5 · The index of UCB1 (core, 5 minutes)
#
# Give it for all arms, and infinity (`np.inf`) for an arm never shown. Input: `clicks`, `shown`, shape (n_arms,).
# Output: shape (n_arms,). Example: `clicks = [3, 1]`, `shown = [6, 2]`: both means are .5, $t$ is 8, the index is
# `[1.333, 1.942]`: the arm less known leads.


# %%
def ucb1_index(clicks, shown):
    """Mean plus bonus of each arm; infinity if it was never shown."""
    ### BEGIN SOLUTION
    index, met = np.full(len(shown), np.inf), shown > 0
    index[met] = clicks[met] / shown[met] + np.sqrt(2 * np.log(shown.sum()) / shown[met])
    return index
    ### END SOLUTION


check("14.5", ucb1_index)

# %% [markdown] tags=["solution"]
# **Why it works.** A bound that holds with growing certainty: an arm is dropped only when even its best case is worse.
# **Another way.** `np.where` with both parts, which divides by 0 and warns. **Typical mistake.** $\ln n_a$ for $\ln t$:
# then an arm once unlucky is never tried again.

# %% [markdown]
# **Thompson sampling** (1933) draws instead. If any rate from 0 to 1 was equally likely, then after $c_a$ clicks among
# $n_a$ showings it has the posterior Beta($1 + c_a$, $1 + n_a - c_a$), with mean $(1 + c_a) / (2 + n_a)$, narrower the
# more is known. Draw a rate for each arm, show the largest.
#
# ### Exercise 14.6 · A step of Thompson sampling (core, 6 minutes)
#
# Choose an arm in each of many runs. Input: `clicks`, `shown`, both (n_runs, n_arms), and `rng`. Draw all rates in one
# call of `rng.beta(a, b)`. Output: arms, shape (n_runs,). Example: `clicks = [[8, 1]]`, `shown = [[10, 10]]`: draws
# from Beta(9, 3) and Beta(2, 10), so nearly always arm 0.


# %%
def thompson_step(clicks, shown, rng):
    """Arm of each run, by one draw from each posterior."""
    ### BEGIN SOLUTION
    return rng.beta(1 + clicks, 1 + shown - clicks).argmax(axis=1)
    ### END SOLUTION


check("14.6", thompson_step)

# %% [markdown] tags=["solution"]
# **Why it works.** An arm is shown as often as it is likely to be the best. **Another way.** A loop over runs, and in
# it over arms, in the order in which one call draws. **Typical mistake.** The posterior mean in place of a draw: that
# is greedy.

# %% [markdown]
# The package plays many runs in step. Ten random titles, 5,000 visitors, 100 services:

# %% tags=["claim"]
from recsys_teach.bandits import UCB1, EpsilonGreedy, LinUCB, Thompson, run_bandit, sherman_morrison, ucb1_index

world = load_world()
titles = np.random.default_rng(0).choice(600, 10, replace=False)
probabilities = world.truth.click_probability(np.arange(1000))[:, titles]  # (1000 people, 10 titles)
mean_chance = probabilities.mean(axis=0)
bandits = {"greedy": EpsilonGreedy(0), "ε-greedy": EpsilonGreedy(0.1), "UCB1": UCB1(), "Thompson": Thompson()}
regrets = {name: run_bandit(bandit, mean_chance, 5000, 100) for name, bandit in bandits.items()}  # (100, 5000) each
worse = np.diff(regrets["greedy"][:, 2500:], axis=1) > 0  # in the second half, is a worse title shown?
locked = float(worse.all(axis=1).mean())
reveal("P14.1", locked)
assert np.isinf(ucb1_index(np.zeros(2), np.zeros(2))).all()
claim("Share of greedy services that are locked in", locked, above=0.4)
many = load_saved_run("14")["bandits"]
many = many.pivot_table(index="seed", columns="bandit", values=["regret", "locked"])
claim("The same, least of five draws of ten titles, saved", float(many["locked", "greedy"].min()), above=0.4)
shares = many["regret"].div(many["regret"]["Thompson"], axis=0)  # in multiples of Thompson's
claim("Regret of greedy in multiples of Thompson's, least of the draws", float(shares["greedy"].min()), above=2)
claim("Of UCB1", float(shares["UCB1"].min()), above=2)
claim("Of ε-greedy, least", float(shares["epsilon"].min()), above=0.9)
claim("Of ε-greedy, mean", float(shares["epsilon"].mean()), above=1.2)

# %% [markdown]
# Now let the regret count against the best title **for each visitor**, whose profile is known.
#
# **LinUCB** (Li et al. 2010) gives each arm a ridge regression on the visitor's features $x$ (`x`): with
# $A = I + \sum x x^\top$ and $b = \sum \text{reward} \cdot x$ over those who saw it, $\theta = A^{-1} b$. It shows the
# arm of the largest $\theta \cdot x + \alpha \sqrt{x^\top A^{-1} x}$. The root is large for visitors unlike those who
# saw the arm; $\alpha$ says how strongly to explore. The inverse follows by **Sherman and Morrison**:
# with $m = A^{-1} x$,
#
# $$(A + x x^\top)^{-1} = A^{-1} - \frac{m m^\top}{1 + x \cdot m}$$
#
# ### Exercise 14.7 · One visitor for LinUCB (core, 7 minutes)
#
# Update one arm. Input: `inverse`, which is $A^{-1}$, shape (d, d); `b` and `x`, shape (d,); `reward`, 0 or 1. Output:
# the new $A^{-1}$ and $b$. Example: `inverse` the identity, `b = [0, 0]`, `x = [1, 1]`, `reward = 1`: $m = x$, so
# `[[2/3, -1/3], [-1/3, 2/3]]` and `[1, 1]`.


# %%
def linucb_update(inverse, b, x, reward):
    """A⁻¹ and b of an arm after one more visitor."""
    ### BEGIN SOLUTION
    m = inverse @ x
    return inverse - np.outer(m, m) / (1 + x @ m), b + reward * x
    ### END SOLUTION


check("14.7", linucb_update)

# %% [markdown] tags=["solution"]
# **Why it works.** One visitor changes $A$ by a matrix of rank 1. **Another way.**
# `np.linalg.inv(np.linalg.inv(inverse) + np.outer(x, x))`, which costs $d^3$ and not $d^2$. **Typical mistake.**
# Learning from clicks alone: a no is an answer, too.

# %% [markdown]
# `LinUCB` reads here a 1 and the visitor's profile.

# %%
x = np.array([1.0, 2.0])
assert np.allclose(sherman_morrison(np.eye(2), x), np.linalg.inv(np.eye(2) + np.outer(x, x)))
names = feature_names(world.users, profile_columns)
contexts = np.column_stack([np.ones(1000), feature_matrix(world.users, profile_columns, names)])  # (1000, 13)
learners = {"Thompson": Thompson(), "LinUCB": LinUCB(0.5)}  # alpha is .5
visited = {name: run_bandit(bandit, probabilities, 5000, 30, contexts=contexts) for name, bandit in learners.items()}
best_single = (probabilities.max(axis=1).mean() - mean_chance.max()) * np.arange(1, 5001)  # one title for all

# %% [markdown]
# Which curves still climb straight at the end? The bands hold the middle half of the runs.

# %% tags=["figure"]
fig, axes = new_axes(columns=2, width=8.8, height=4.0)
colors = {"greedy": BLACK, "ε-greedy": ORANGE, "UCB1": BLUE, "Thompson": GREEN, "LinUCB": VERMILION}
for ax, curves_of in zip(axes, (regrets, visited), strict=True):
    for name, look in zip(curves_of, ("--", "-.", ":", "-") if ax is axes[0] else ("-", "--"), strict=False):
        low, high = np.quantile(curves_of[name], [0.25, 0.75], axis=0)
        ax.fill_between(range(5000), low, high, color=colors[name], alpha=0.15)
        ax.plot(curves_of[name].mean(axis=0), look, color=colors[name])
        lower = name in ("UCB1", "LinUCB") or (name == "Thompson" and ax is axes[0])
        ax.text(5050, curves_of[name][:, -1].mean(), name, va="top" if lower else "bottom")
    ax.set(xlabel="visitors", xlim=(0, 7000), xticks=[0, 2500, 5000])
axes[1].plot(best_single, ":", color="#777777")
axes[1].text(3000, best_single[2500], "best single title")
axes[0].set(ylabel="regret (clicks)", title="against the best title")
axes[1].set(title="against each visitor's best")
show(
    fig,
    caption="Regret of bandits: mean, and middle half of runs.",
    alt="Two line charts of regret over 5000 visitors. Left, greedy climbs straight with a wide band; Thompson ends "
    "lowest. Right, Thompson ends parallel to the dotted line of the best single title, LinUCB flatter.",
)

# %% tags=["claim"]
overtakes = int(np.flatnonzero(regrets["UCB1"].mean(axis=0) > regrets["greedy"].mean(axis=0)).max())
claim("Visitors until UCB1 overtakes greedy", overtakes, near=3300, within=150)

# %% [markdown]
# Left, greedy is a straight line: most services lock in on a worse title, others by luck on the best (lower edge of the
# band). UCB1 explores so much that it overtakes greedy only after some 3,300 visitors. ε-greedy never stops paying, and
# usually ends higher than Thompson.

# %% tags=["claim"]
late = {name: float(r[:, -1].mean() - r[:, -1001].mean()) for name, r in visited.items()}  # the last 1,000 visitors
single = best_single[-1] - best_single[-1001]
claim("Lost late, Thompson as a share of the best single title", late["Thompson"] / single, near=1, within=0.05)
claim("The same for LinUCB", late["LinUCB"] / single, below=0.95)
claim("At the end, LinUCB minus the best single title", visited["LinUCB"][:, -1].mean() - best_single[-1], above=0)
gaps = many["regret"]["LinUCB, each"] / many["regret"]["Thompson, each"]
claim("Regret of LinUCB as a share of Thompson's, mean of five draws", float(gaps.mean()), below=0.95)
claim("In how many of the five it is less", int((gaps < 1).sum()), above=3)

# %% [markdown]
# Right, even a service that knew the best single title would climb along the dotted line. Thompson ends parallel to it,
# LinUCB flatter: it loses less per visitor, but in this draw has not yet earned back what learning cost. In four of
# five draws it ends below Thompson.
#
# ## What goes wrong
#
# - **Known events drawn at random.** They flatter.
# - **Exploring without a record.** Later models need what was shown, and its chance.
#
# ## Recap
#
# - **O14.1:** you told three cold starts apart, and damped a prior.
# - **O14.2:** you folded clicks into a prior, and found from how many on factors beat a profile.
# - **O14.3:** you dropped factors, and ranked titles that nobody had met.
# - **O14.4:** you chose telling questions, and compared popular ones.
# - **O14.5:** you explored three ways, and saw greedy lock in.
#
# Five letters, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "a", "c", "b", "a"]
### END SOLUTION
quiz("14", answers)
progress("14")

# %% [markdown]
# ## Further reading
#
# - Schein et al. (2002), *Methods and Metrics for Cold-Start Recommendations*.
# - Volkovs et al. (2017), *DropoutNet: Addressing Cold Start in Recommender Systems*.
# - Li et al. (2010), *A Contextual-Bandit Approach to Personalized News Article Recommendation*.
#
# **Next.** Chapter 15 attacks an anonymous log, and defends it.
