# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "12"
#     minutes: {reading: 20, doing: 46}
# ---

# %% [markdown]
# # 12 · Balancing and funnels
#
# Nadia picks the film at the top of a start page. It should be clicked, watched for long, finished and liked. Her model
# has a loss for each: what is a minute worth against a click? Here we weigh losses, look at their gradients, learn what
# follows a click, and hunt columns that know too much.
#
# ## What you will be able to do
#
# - **O12.1** Weight the losses of several tasks by their variances
# - **O12.2** Calculate the gradient lengths that GradNorm wants
# - **O12.3** Recognize gradients that oppose each other, and remove the conflict
# - **O12.4** Write the losses of a funnel by its chain rule
# - **O12.5** Find the columns of a table that leak what was not known yet
#
# You need chapters 11, 06 (AUC) and 05 (inverse propensities).

# %%
import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from recsys_teach.data.world import FIRST_ITEM_ID, load_world, make_world
from recsys_teach.figures import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reveal
from recsys_teach.models.multitask import SharedBottom, task_gradients, task_losses
from recsys_teach.training import seeded, shuffled, train

# %% [markdown]
# ## Predict first
#
# The second half asks for P(finish | click), the chance that an opened film is finished. Only clicked films have that
# label. Write a letter in quotes.

# %%
### BEGIN SOLUTION
guess = "b"
### END SOLUTION
predict("P12.1", guess)

# %% [markdown]
# ## By hand: whose gradient wins
#
# The tiny table is a log: all 20 cells were shown, each star is 20 minutes, 0 is no click. One shared number $b$
# (`b`) starts at 0; it is the guess of the minutes *and* the logit of a click.

# %%
R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]])
b = torch.tensor(0.0, requires_grad=True)
stars = torch.tensor(R, dtype=torch.float32)
watch = ((b - 20 * stars) ** 2).mean()
click = F.binary_cross_entropy_with_logits(b.expand(5, 4), (stars > 0).float())
pull = {name: torch.autograd.grad(loss, b)[0].item() for name, loss in {"watch": watch, "click": click}.items()}
print({name: round(value, 2) for name, value in pull.items()})

# %% [markdown]
# The sum listens to the minutes. No one decided that: the unit did. Now the world: click, finish and like
# are binary, watch time is a regression, and all but the click have labels on clicks only. The features are the true
# tastes: only the balance is at stake.


# %%
def rows_of(world):
    """Features (n, 18) and labels (n, 4): click, minutes, finish, like; positions of users and items."""
    log, truth = world.impressions, world.truth
    u, i = log["user"].to_numpy() - 1, log["item"].to_numpy() - FIRST_ITEM_ID
    length = world.items["minutes"].to_numpy()[i]
    tastes = [truth.user_factors[u] * table[i] for table in (truth.item_factors, truth.finish_factors)]
    X = np.column_stack([*tastes, truth.quality[i], length])
    Y = np.column_stack([log["click"], log["watch_share"] * length, log["finish"], log["like"]]).astype(float)
    Y[Y[:, 0] == 0, 1:] = np.nan
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return torch.tensor(X).float(), torch.tensor(Y).float(), u, i


KINDS = ["binary", "regression", "binary", "binary"]
X, Y, _, _ = rows_of(load_world())
with seeded(12):
    network = SharedBottom(X.shape[1], 4, width=16)

# %% [markdown]
# How long is each loss's gradient at the layer that all share?

# %%
shared = [network.bottom[0].weight]
seen = Y[:, 1][~Y[:, 1].isnan()]
units = {"minutes": (0, 1), "hours": (0, 60), "standardized": (seen.mean(), seen.std())}
table = {}
for unit, (shift, scale) in units.items():
    labels = Y.clone()
    labels[:, 1] = (Y[:, 1] - shift) / scale
    table[unit] = task_gradients(task_losses(network(X), labels, KINDS), shared).norm(dim=1).double().numpy()
lengths = pd.DataFrame(table, index=["click", "watch", "finish", "like"])
print(lengths.round(2).to_string())

# %% tags=["claim"]
claim("Tiny table: pull of the minutes, in pulls of the click", pull["watch"] / pull["click"], above=300)
share = lengths.loc["watch"] / lengths.sum()
claim("World: share of the watch time in the lengths, in minutes", float(share["minutes"]), above=0.95)
claim("World: the same after standardizing", float(share["standardized"]), near=0.7, within=0.2)
watch_length = lengths.loc["watch"]
claim(
    "Length of watch time, minutes over standardized", watch_length["minutes"] / watch_length["standardized"], above=50
)

# %% [markdown]
# **Standardize** a regression first: subtract the mean of the training labels, divide by their standard deviation. That
# takes out the unit, but does not make tasks equal: watch time still has .7 of the lengths.
#
# ## Weights that are learned
#
# Kendall, Gal and Cipolla (2018) give each task a variance $\sigma_k^2 = e^{s_k}$ (`s`) and learn it with the network.
# For losses $L_k$ (`losses`):
#
# $$\ell = \sum_k \Big[ \tfrac12 e^{-s_k} L_k + \tfrac12 s_k \Big]$$
#
# For a squared error this is minus the log-likelihood of a normal label, up to a constant; else a rule of thumb.
#
# ### Exercise 12.1 · Weigh losses by their variance (warm-up, 5 minutes)
#
# Write $\ell$. Input: `losses` and `s`, shape (n_tasks,). Output: one number. Example: `losses = [4, 1]` gives 2.5
# with `s = [0, 0]`, and 1.693 with `s = [ln 4, 0]`: the first loss is then divided by 4.


# %%
def weighted_loss(losses, s):
    """Losses weighed by variances exp(s)."""
    ### BEGIN SOLUTION
    return np.sum(np.exp(-s) * losses + s) / 2
    ### END SOLUTION


check("12.1", weighted_loss)

# %% [markdown] tags=["solution"]
# **Why it works.** A loss that stays large gets a large variance and so a small weight; $s$ is the price.
# **Another way.** `(losses / variance + np.log(variance)).sum() / 2` with `variance = np.exp(s)`. **Typical mistake.**
# Learning the weights without the price: they all go to 0.

# %% [markdown]
# The derivative by $s_k$ is 0 where $e^{s_k} = L_k$. What remains is $\ell = \sum_k \tfrac12 (1 + \ln L_k)$: another
# unit adds a constant, and the gradient of the network stays. We find that place with the package.

# %%
from recsys_teach.models.multitask import UncertaintyWeights

weigh, L = UncertaintyWeights(2), torch.tensor([4.0, 0.25])
assert np.isclose(weigh(L).item(), (4 + 0.25) / 2)  # s is 0 at the start
for _ in range(200):
    (slope,) = torch.autograd.grad(weigh(L), weigh.log_variances)
    weigh.log_variances.data -= 0.5 * slope
print("variances:", weigh.log_variances.exp().detach().numpy().round(3))

# %% [markdown]
# It is no judge of importance: a task learned to near 0 gets a weight without bound.
#
# **GradNorm** (Chen et al. 2018) looks at gradients. With $G_k$ (`lengths`) the length of the weighed gradient of
# task $k$ at the shared layer, and $r_k = L_k / L_k^{\text{first}}$ the share of its first loss that is left, it moves
# the weights so that $G_k$ comes to
#
# $$\bar G \cdot \left( r_k / \bar r \right)^\alpha$$
#
# with means $\bar G$, $\bar r$ over the tasks and a power $\alpha$ (`alpha`).
#
# ### Exercise 12.2 · The lengths that GradNorm wants (core, 6 minutes)
#
# Give the wanted lengths. Input: `lengths`, `losses`, `first` (the first losses), each of shape (n_tasks,), and
# `alpha`. Output: shape (n_tasks,). Example: `lengths = [3, 1]`, `losses = [1, 0.5]`, `first = [2, 2]`: the shares
# left, .5 and .25, are 4/3 and 2/3 of their mean. `alpha = 0` gives `[2, 2]`, `alpha = 1` gives `[2.667, 1.333]`.


# %%
def wanted_lengths(lengths, losses, first, alpha):
    """Mean length, times the relative share left to the power alpha."""
    ### BEGIN SOLUTION
    left = losses / first
    return lengths.mean() * (left / left.mean()) ** alpha
    ### END SOLUTION


check("12.2", wanted_lengths)

# %% [markdown] tags=["solution"]
# **Why it works.** Equal lengths are the base; who is behind gets more. **Another way.** A loop over the tasks.
# **Typical mistake.** `first / losses`: then the task that is ahead gets more.

# %% [markdown]
# The package's `GradNorm` adds $\sum_k |G_k - \text{wanted}_k|$, in which only the weights can move, to a weighed loss
# in which they are held fixed. A toy: losses whose gradients by one shared `w` are 3 and 1.

# %%
from recsys_teach.models.multitask import GradNorm

w, balance = torch.ones(1, requires_grad=True), GradNorm(2, alpha=1.0)
balance.initial_losses = torch.tensor([6.0, 2.0])
losses = torch.cat([3 * w, 2 + w - 1.5])  # 3 and 1.5: a half and three quarters are left
value = balance(losses, [w])
wanted = np.mean([3, 1]) * np.array([0.5, 0.75]) / 0.625
assert np.isclose(value.item(), 4.5 + np.abs(np.array([3, 1]) - wanted).sum())
value.backward()
print("wanted lengths:", wanted.round(1), " slope of the weights:", balance.weights.grad.numpy())

# %% [markdown]
# The slope is positive for the task that is too loud, so its weight falls.
#
# ## When gradients oppose each other
#
# Weights change lengths. What if directions disagree? The **cosine** of two gradients, $a \cdot b / (|a| |b|)$, is
# below 0 if a small step for one task alone makes the other worse. **PCGrad** (Yu et al. 2020) then takes from each
# gradient its part along the other, and adds what is left:
#
# $$a' = a - \frac{a \cdot b}{b \cdot b} \, b \quad \text{if } a \cdot b < 0$$
#
# ### Exercise 12.3 · Two gradients without their conflict (core, 7 minutes)
#
# Give $a' + b'$, where $b'$ is made in the same way from $b$ and the first $a$. Input: `a`, `b`, shape (n,). Output:
# shape (n,). Example: `a = [1, 0]`, `b = [-1, 1]`: $a \cdot b = -1$, so $a'$ = `[.5, .5]`, $b'$ = `[0, 1]`, and the sum
# is `[.5, 1.5]`. With `b = [1, 1]` there is no conflict, and the sum is `[2, 1]`.


# %%
def two_gradients(a, b):
    """Sum of both, each without what opposes the other."""
    ### BEGIN SOLUTION
    if a @ b >= 0:
        return a + b
    return a - (a @ b) / (b @ b) * b + b - (a @ b) / (a @ a) * a
    ### END SOLUTION


check("12.3", two_gradients)

# %% [markdown] tags=["solution"]
# **Why it works.** What is left of `a` is at a right angle to `b`. **Another way.** `against = min(0, a @ b)`, without
# `if`. **Typical mistake.** Projecting `b` on the new `a`: they no longer conflict, so `b` stays as it was.

# %% [markdown]
# ### Exercise 12.4 · Several gradients (stretch, 9 minutes)
#
# Each task $k$ starts with its row of `G`, shape (n_tasks, n), and meets the others in the order `orders[k]`, a list of
# their row numbers. If what is *left of it by then* opposes the other's row *as it came*, it loses that part. Output:
# the sum over the tasks. Example: `G = [[1, 0], [-1, 1]]`, `orders = [[1], [0]]` gives `[.5, 1.5]` again.


# %%
def many_gradients(G, orders):
    """PCGrad: sum of the rows, each without what opposes the others."""
    ### BEGIN SOLUTION
    total = np.zeros(G.shape[1])
    for task, order in enumerate(orders):
        g = G[task]
        for other in order:
            against = min(0.0, g @ G[other])
            g = g - against / (G[other] @ G[other]) * G[other]
        total = total + g
    return total
    ### END SOLUTION


check("12.4", many_gradients)

# %% [markdown] tags=["solution"]
# **Why it works.** Each projection removes one conflict (and may bring an earlier one back: the order is random for
# that reason). **Another way.** With the rivals brought to length 1, `U = G / |G|`, no division is needed:
# `g = g - min(0, g @ U[other]) * U[other]`, where `g` starts as the row of `G`, not of `U`. **Typical mistake.**
# `g -= ...` on a view changes `G` itself.

# %% [markdown]
# The package draws the orders. We compare it on the example, then measure cosines along a training.

# %%
from recsys_teach.models.multitask import gradient_cosines, pcgrad

G = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
assert torch.allclose(pcgrad(G, np.random.default_rng(0)), torch.tensor([0.5, 1.5]))
assert np.isclose(gradient_cosines(G)[0, 1].item(), -1 / np.sqrt(2))

X, Y, _, _ = rows_of(make_world(500, task_correlation=0))
Y = Y[:, :2]  # click and watch time, whose tastes have nothing in common here
Y[:, 1] = (Y[:, 1] - Y[:, 1].nanmean()) / Y[:, 1][~Y[:, 1].isnan()].std()


def cosines_along(width, seed=0):
    """Cosine of the two gradients at the shared layer, at each 20th step of two epochs."""
    with seeded(seed):
        network = SharedBottom(X.shape[1], 2, width=width)
    steps, cosines = [], []

    def loss(x, y):
        if len(steps) % 20 == 0:
            everything = task_losses(network(X), Y, KINDS[:2])
            cosines.append(gradient_cosines(task_gradients(everything, [network.bottom[0].weight]))[0, 1].item())
        steps.append(len(x))
        return task_losses(network(x), y, KINDS[:2]).sum()

    def batches(rng):
        return ((X[group], Y[group]) for group in shuffled(len(X), 128, rng))

    train(network, batches, loss, n_epochs=2, learning_rate=1e-2, random_state=seed)
    return cosines


# %% [markdown]
# Do you expect a conflict with one shared unit? With sixteen?

# %% tags=["figure"]
cosines = {width: cosines_along(width) for width in (1, 16)}
fig, ax = new_axes(height=3.6)
for (width, values), color, line in zip(cosines.items(), (VERMILION, BLUE), ("--", "-"), strict=True):
    ax.plot(np.arange(len(values)) * 20, values, color=color, linestyle=line, marker="." if width == 1 else "")
ax.text(0.02, 0.93, "dashed: 1 shared unit;  solid: 16 shared units", transform=ax.transAxes)
ax.axhline(0, color=BLACK, linewidth=1)
ax.set(xlabel="step", ylabel="cosine of click and watch time", ylim=(-1, 1))
show(
    fig,
    caption="Cosine of two gradients while both tasks are learned.",
    alt="Line chart of the cosine of two gradients against training steps. The dashed line of one shared unit swings "
    "widely, about as often above zero as below; the solid line of sixteen units stays close to zero.",
)

# %% tags=["claim"]
size = {width: float(np.abs(values).mean()) for width, values in cosines.items()}
claim("Mean size of the cosine with one unit", size[1], above=0.15)
claim("Mean size of the cosine with sixteen units", size[16], below=0.1)
one, sixteen = (np.array(cosines[width]) for width in (1, 16))
claim("One unit: share of steps with a cosine below -.1", np.mean(one < -0.1), above=0.25)
claim("One unit: share of steps with a cosine above .1", np.mean(one > 0.1), above=0.1)
claim("One unit: the least cosine", one.min(), below=-0.3)
claim("Sixteen units: share of steps with a cosine below -.1", np.mean(sixteen < -0.1), below=0.15)

# %% [markdown]
# With one unit the cosine swings: at some steps the tasks pull the same way, at others against each other. One unit
# holds one direction, and each task wants its own. With sixteen, the gradients are nearly at right angles, and PCGrad
# has almost nothing to take out: the conflict belongs to the *sharing*.
#
# A warning: at the minimum of a sum of two losses the gradients add to 0, so their cosine is -1 (unless both are 0),
# whatever the tasks are.
#
# ## The seesaw
#
# If one task gains what the other loses, that is a **seesaw**. `saved_run.py` trained both tasks in five
# worlds, with each method and ten fixed weights of watch time, .01 to .99 (the click has the rest); the results are
# **saved**. **R²** is the share of the variance of watch time that is explained: 1 is perfect, 0 no better than the
# mean. Where are the points?

# %% tags=["figure"]
seesaw = load_saved_run("12")["seesaw"]
means = seesaw.groupby(["width", "method", "weight"], dropna=False)[["click_auc", "watch_r2"]].mean().reset_index()
looks = {"minutes": (VERMILION, "X"), "uncertainty": (BLUE, "o"), "GradNorm": (GREEN, "s"), "PCGrad": (PURPLE, "^")}
offsets = {"minutes": (-6, -20), "uncertainty": (-12, 11), "GradNorm": (-30, -21), "PCGrad": (10, -14)}
fig, axes = new_axes(columns=2, width=9.4, height=4)
for ax, (width, part) in zip(axes, means.groupby("width"), strict=True):
    part = part.set_index("method")
    ax.plot(
        *part.loc["weights", ["click_auc", "watch_r2"]].to_numpy().T, "o", color=BLACK, markersize=13, fillstyle="none"
    )
    for name, (color, marker) in looks.items():
        x, y = part.loc[name, ["click_auc", "watch_r2"]].astype(float)
        ax.plot(x, y, marker, color=color, markersize=10)
        if width == 1 or name == "minutes":
            side = "left" if width == 1 else "right"
            ax.annotate(name, (x, y), offsets[name], textcoords="offset points", ha=side)
    ax.axvline(part.loc["click alone", "click_auc"], color=BLACK, linestyle="--", linewidth=1)
    ax.axhline(part.loc["watch alone", "watch_r2"], color=BLACK, linestyle="--", linewidth=1)
    ax.set(title=f"{width} shared unit{'s' * (width > 1)}", xlabel="AUC of click", xlim=(0.47, 0.9), ylim=(-0.1, 0.8))
axes[0].set_ylabel("R² of watch time")
axes[1].text(0.49, 0.35, "uncertainty, GradNorm, PCGrad:\nall at the crossing")
show(
    fig,
    caption="Two tasks, many balances; saved, mean of five worlds.",
    alt="Two scatter plots of R squared of watch time against AUC of click. With one unit most points lie at either "
    "end, GradNorm and one weight between, all far from where dashed lines cross; with sixteen nearly all lie there.",
)

# %% [markdown]
# Rings are fixed weights (many on each other), dashed lines each task alone. With one unit the fixed weights tip: up to
# .1 the click has it, from .3 on watch time has it. Only .2 and GradNorm lie between, far from the crossing. With
# sixteen there is no seesaw: nearly every balance reaches the crossing, but not watch time left in minutes.


# %% tags=["claim"]
def kept(row):
    """Smaller of the shares that two tasks keep of what each has alone (of an AUC, what lies above one half)."""
    alone = seesaw[(seesaw["width"] == row["width"]) & (seesaw["seed"] == row["seed"])].set_index("method")
    of_click = (row["click_auc"] - 0.5) / (alone.loc["click alone", "click_auc"] - 0.5)
    return min(of_click, row["watch_r2"] / alone.loc["watch alone", "watch_r2"])


both = seesaw[~seesaw["method"].str.contains("alone")]
both = both.assign(kept=both.apply(kept, axis=1), method=both["method"].where(both["weight"].isna(), "best weights"))
both = both.groupby(["width", "method", "seed"])["kept"].max()
print(both.groupby(level=[0, 1]).mean().round(2).to_string())
one_unit = means[means["width"] == 1].set_index("method")
fixed = one_unit.loc["weights"].set_index("weight")
click_lost = one_unit.loc["click alone", "click_auc"] - fixed.loc[0.1, "click_auc"]
watch_lost = one_unit.loc["watch alone", "watch_r2"] - fixed.loc[0.3, "watch_r2"]
claim("One unit, weight .1: AUC of click below that of click alone", click_lost, below=0.02)
claim("One unit, weight .3: R² below that of watch alone", watch_lost, below=0.02)
claim("One unit: most that any balance keeps of both tasks, five worlds", both[1].max(), below=0.7)
learned = both[16].loc[["uncertainty", "GradNorm", "PCGrad"]]
claim("Sixteen units: least that a learned balance keeps", learned.min(), above=0.95)
claim("Sixteen units: what a sum with minutes keeps, mean", both[16].loc["minutes"].mean(), below=0.95)

# %% [markdown]
# With one unit no recipe keeps much of both. Before you tune a balance, standardize, and give room.
#
# ## Real people: rating and like
#
# On MovieLens we learn the rating and like, 4 stars or more. Do their gradients agree?

# %%
from recsys_teach.data import movielens
from recsys_teach.models.multitask import PairInput

ml = movielens.load()
rating = torch.tensor(ml.log["rating"].to_numpy()).float()
labels = torch.stack([(rating - rating.mean()) / rating.std(), (rating >= 4).float()], dim=1)
users, items = torch.tensor(ml.user_pos).long(), torch.tensor(ml.item_pos).long()
with seeded(12):
    pairs, shared_net = PairInput(ml.n_users, ml.n_items, 8), SharedBottom(24, 2, width=16)
agree = []


def ml_loss(u, i, y):
    losses = task_losses(shared_net(pairs(u, i)), y, ["regression", "binary"])
    agree.append(gradient_cosines(task_gradients(losses, [shared_net.bottom[0].weight]))[0, 1].item())
    return losses.sum()


def ml_batches(rng):
    return ((users[g], items[g], labels[g]) for g in shuffled(len(rating), 1000, rng))


history = train(torch.nn.ModuleList([pairs, shared_net]), ml_batches, ml_loss, n_epochs=1, learning_rate=1e-2)

# %% tags=["claim"]
claim("MovieLens: mean cosine of the gradients of rating and like", float(np.mean(agree)), above=0.3)
real = load_saved_run("12")["movielens"].pivot_table(["rmse", "like_auc"], "seed", "method")
gain = {"RMSE": real["rmse"]["sum"] - real["rmse"]["rating alone"]}
gain["AUC of like"] = real["like_auc"]["sum"] - real["like_auc"]["like alone"]
for metric, difference in gain.items():
    claim(f"Saved, five seeds: {metric}, both together minus alone", float(difference.mean()), near=0, within=0.006)

# %% [markdown]
# They agree, and yet learning both gains nothing that five seeds could show: a like is a coarser copy of the rating.
#
# ## What follows a click
#
# A **funnel** is a row of steps, each possible only after the one before. In the tiny table, 4 stars or more count as
# finished.

# %%
p_click, p_finish_given_click, p_both = (R > 0).mean(), (R >= 4).sum() / (R > 0).sum(), (R >= 4).mean()
assert np.isclose(p_click * p_finish_given_click, p_both)
print(f"{p_click} · {p_finish_given_click} = {p_both}")

# %% [markdown]
# That is the **chain rule**, P(click) · P(finish | click) = P(click and finish). The first and the last are seen on
# every row shown. **ESMM** (Ma et al. 2018) learns those two, and so the middle one. With logits $a$ (`click_logit`)
# and $b$ (`follow_logit`), $p = 1 / (1 + e^{-a})$, $q = 1 / (1 + e^{-b})$, and $H$ the mean cross-entropy of a chance
# with its label:
#
# $$\ell_1 = H(p, \text{click}), \qquad \ell_2 = H(p \, q, \text{click and follow})$$
#
# ### Exercise 12.5 · The two losses of a funnel (core, 8 minutes)
#
# Give both. Input: `click_logit`, `follow_logit`, `click`, `follow` (1 only if clicked), each of shape (n,). Output:
# two numbers. Recall $H = -\frac1n \sum y \ln p + (1 - y) \ln (1 - p)$. Example: one row, both logits 0:
# $p = q = .5$ and $p \, q = .25$. Clicked and followed, the losses are $\ln 2$ = .693 and $\ln 4$ = 1.386; clicked and
# not followed, the second is $-\ln .75$ = .288.


# %%
def chain_losses(click_logit, follow_logit, click, follow):
    """Cross-entropy of the clicks, and of click and follow."""
    ### BEGIN SOLUTION
    p, q = 1 / (1 + np.exp(-click_logit)), 1 / (1 + np.exp(-follow_logit))
    both = p * q
    clicks = -np.mean(click * np.log(p) + (1 - click) * np.log(1 - p))
    chain = -np.mean(follow * np.log(both) + (1 - follow) * np.log(1 - both))
    return np.array([clicks, chain])
    ### END SOLUTION


check("12.5", chain_losses)

# %% [markdown] tags=["solution"]
# **Why it works.** Every row shown has both labels, so no row is left out. **Another way.** `F.binary_cross_entropy` of
# `p` and of `p * q`. **Typical mistake.** Comparing `q` with `follow` on all rows: that learns P(click and follow).

# %% [markdown]
# PyTorch and the package agree:

# %%
from recsys_teach.models.multitask import ESMM

logits, click, follow = torch.tensor([[0.0, 1.0], [2.0, 0.0], [-1.0, 0.5]]), torch.tensor([1.0, 1, 0]), torch.eye(3)[1]
p, q = torch.sigmoid(logits).T
by_torch = torch.stack([F.binary_cross_entropy(p, click), F.binary_cross_entropy(p * q, follow)])
assert torch.allclose(ESMM(torch.nn.Identity()).losses((logits,), click, follow), by_torch, atol=1e-6)

# %% [markdown]
# ## Who is missing: two dials and the truth
#
# A model that learns from clicks only, and scores all that is shown, meets other rows: that is **selection**. Does it
# bias the estimate? The world knows the truth, P(finish | do(click)), as if everybody had to open the film. And it has
# a dial, `confounding`: a hidden mood that moves both click and finish.


# %%
def fit_funnel(name, X, click, finish):
    """ESMM on all rows, or the same network on clicked rows only; about 500 steps each."""
    with seeded(0):
        model = ESMM(SharedBottom(X.shape[1], 2, width=32, head_width=16))
    use = torch.ones(len(X), dtype=torch.bool) if name == "ESMM" else click > 0
    data = [part[use] for part in (X, click, finish)]

    def loss(x, click, finish):
        if name == "ESMM":
            return model.losses((x,), click, finish).sum()
        return F.binary_cross_entropy_with_logits(model.network(x)[:, 1], finish)

    n = int(use.sum())
    train(model, lambda rng: ([part[g] for part in data] for g in shuffled(n, 256, rng)), loss,
          n_epochs=round(500 * 256 / n), learning_rate=5e-3)  # fmt: skip
    return model


# %% [markdown]
# A quarter of the rows is the test part. The truth without `do` is that of those who do click: the mood makes the two
# differ.

# %%
found = {}
for confounding in (0, 2):
    world = make_world(500, confounding=confounding)
    X, Y, u, i = rows_of(world)
    test = torch.arange(len(X)) % 4 == 0
    found[confounding] = {
        f"truth, P(finish | {'do(click)' if do else 'click'})":
            world.truth.finish_given_click(np.arange(500), do=do)[u, i][test.numpy()].mean()
        for do in (True, False)
    }  # fmt: skip
    for name in ("clicks only", "ESMM"):
        model = fit_funnel(name, X[~test], Y[~test, 0], Y[~test, 2].nan_to_num())
        found[confounding][name] = model(X[test])[:, 1].mean().item()
print(pd.DataFrame(found).rename_axis(columns="confounding").round(2).to_string())

# %% tags=["claim"]
for name in ("clicks only", "ESMM"):
    gap = {dial: values[name] - values["truth, P(finish | do(click))"] for dial, values in found.items()}
    claim(f"No hidden mood: {name} minus the truth", gap[0], near=0, within=0.07)
    claim(f"Hidden mood: {name} minus the truth", gap[2], near=0.23, within=0.09)

# %% [markdown]
# The saved run has five worlds, four volumes. **Inverse propensity** weighs a clicked row by 1 / P(click), the true
# one, which no service has. On the right the model sees genre and profile, no tastes. Where should more clicks not cure
# the bias?

# %% tags=["figure"]
funnel = load_saved_run("12")["funnel"]
panels = {
    "sees the tastes": ("tastes", 0),
    "and a hidden mood": ("tastes", 2),
    "sees genre, profile": ("genre and profile", 0),
}
styles = {"clicks only": (BLACK, "s", "-"), "ESMM": (BLUE, "o", "--"), "inverse propensity": (ORANGE, "^", ":")}
fig, axes = new_axes(columns=3, width=10.5, height=3.8)
for ax, (title, (sees, dial)) in zip(axes, panels.items(), strict=True):
    part = funnel[(funnel["sees"] == sees) & (funnel["confounding"] == dial)]
    for shift, (name, (color, marker, line)) in zip((0.92, 1, 1.08), styles.items(), strict=True):
        bias = part[part["model"] == name].pivot_table("bias", "clicks", "seed")
        half = 2.776 * bias.std(axis=1) / np.sqrt(5)  # 95 % by Student's t with 4 degrees of freedom
        ax.errorbar(bias.index * shift, bias.mean(axis=1), half, color=color, marker=marker, linestyle=line, capsize=3)
    ax.axhline(0, color=BLACK, linewidth=1)
    ax.set(title=title, xscale="log", xlabel="clicks", ylim=(-0.2, 0.4), xticks=[250, 1000, 4000, 16000])
    ax.set_xticklabels(["250", "1,000", "4,000", "16,000"], rotation=30)
    ax.minorticks_off()
axes[0].set_ylabel("mean estimate minus truth")
axes[0].text(0.04, 0.72, "solid: clicks only\ndashed: ESMM\ndotted: propensity", transform=axes[0].transAxes)
show(
    fig,
    caption="Bias against the truth; saved, 95 % over five worlds.",
    alt="Three line charts of bias against the number of clicks, for three models. With tastes seen all come to zero; "
    "with a hidden mood all stay far above; with genre and profile only, inverse propensity alone reaches zero.",
)

# %% tags=["claim"]
columns = ["bias", "bias_given_click", "auc"]
last = funnel[funnel["clicks"] == 16_000].pivot_table(columns, "seed", ["sees", "confounding", "model"])
print(last["bias"].agg(["mean", "std"]).T.round(3).to_string())
reveal("P12.1", float(last["bias"]["tastes"][0.0]["clicks only"].mean()))
mean = last.mean()
left, middle, right = (mean["bias"][sees, dial] for sees, dial in panels.values())
claim("Left, 16,000 clicks: largest bias of the three, either way", left.abs().max(), below=0.03)
seen = funnel[funnel["sees"].eq("tastes") & funnel["confounding"].eq(0)]
auc = seen.pivot_table("auc", ["clicks", "seed"], "model")
worse = (auc["ESMM"] - auc["clicks only"])[250]  # paired, five worlds
claim("Left, 250 clicks: AUC of ESMM minus clicks only", worse.mean(), near=-0.04, within=0.02)
claim("Its 95 % interval lies below 0", bool(worse.mean() + 2.776 * worse.std() / np.sqrt(5) < 0))
bias = seen.pivot_table("bias", "clicks", "model")
claim("Left: most that ESMM is above the truth, mean of five worlds", bias["ESMM"].max(), below=0.03)
claim("Middle: least bias of the three", middle.min(), above=0.18)
claim(
    "Middle: largest distance from P(finish | click)", mean["bias_given_click"]["tastes", 2.0].abs().max(), below=0.04
)
claim("Right: clicks only", right["clicks only"], above=0.06)
claim("Right: ESMM", right["ESMM"], above=0.06)
claim("Right: inverse propensity", right["inverse propensity"], near=0, within=0.03)

# %% [markdown]
# **Left.** All three come to the truth; with few clicks ESMM ranks worse than clicks alone. Clicked rows differ from
# the others (**covariate shift**), but among rows with the same features nothing hidden tells them apart.
#
# **Middle.** All three stay far too high, however many clicks. They learn P(finish | click), and who clicks is in the
# mood. It is not P(finish | do(click)).
#
# **Right.** Unseen tastes are a hidden cause, too. True propensities know them, and repair the mean; ESMM does not.
#
# > **Reading the source critically.** The abstract of ESMM says that learning on everything shown can eliminate the
# > bias of selection; that of ESCM² (Wang et al. 2022), that ESMM's estimate is inherently too high. Neither holds as
# > a rule. Left: no such bias to eliminate, and ESMM is not above the truth. Middle, right: ESMM is above it, as is the
# > model of clicks alone. Correct: with enough data the chain fixes P(finish | click, *what the model sees*).
#
# ## Columns that know too much
#
# Nadia's colleague predicts `finish` for clicked films from a table, with a splendid score. The log is sorted by time,
# the last fifth the test part.

# %%
world = load_world()
log = world.impressions[world.impressions["click"]].reset_index(drop=True)
log = log.astype({"finish": float, "like": float})
log["over"] = log["time"] + log["watch_share"] * log["item"].map(world.items["minutes"]) * 60  # seconds


def rate_before(log):
    """Share of a film's earlier clicks that were finished, of those whose watching was over by then."""
    clicks = log[["item", "time"]].assign(n=0, finish=0.0)
    labels = log[["item", "finish"]].assign(time=log["over"], n=1)
    events = pd.concat([clicks, labels]).sort_values("time", kind="stable")
    so_far = events.groupby("item")[["n", "finish"]].cumsum()[events["n"] == 0].sort_index()
    return (so_far["finish"] + 2) / (so_far["n"] + 4)


def make_table(log):
    """Eight columns for each click."""
    by_item, by_user = log.groupby("item")["finish"], log.groupby("user")["finish"]
    return pd.DataFrame({
        "minutes": log["item"].map(world.items["minutes"]),
        "item_age": log["time"] / 86_400 - log["item"].map(world.items["release_day"]),
        "item_rate": by_item.transform("mean"),
        "item_rate_before": rate_before(log),
        "user_clicks_before": by_user.cumcount(),
        "user_finishes": by_user.transform("sum"),
        "watch_share": log["watch_share"],
        "liked": log["like"],
    })  # fmt: skip


table, finish, cut = make_table(log), log["finish"], int(0.8 * len(log))
auc = {name: roc_auc_score(finish[cut:], values[cut:]) for name, values in table.items()}
print(pd.Series(auc).sort_values(ascending=False).round(2).to_string())

# %% [markdown]
# `transform` counts over the whole group, `cumcount` what has come so far, `rate_before` the labels that had arrived: a
# film clicked minutes ago is not finished yet.
#
# ### Exercise 12.6 · The leak hunt (core, 6 minutes)
#
# Which columns hold what is not known when the film is clicked? Read `make_table` and each column's AUC. Write a list
# of names, such as `["minutes"]`.

# %%
### BEGIN SOLUTION
leaks = ["watch_share", "liked", "item_rate", "user_finishes"]
### END SOLUTION
check("12.6", leaks)

# %% [markdown] tags=["solution"]
# **Why it works.** `watch_share` and `liked` come after the click; `watch_share` is above .9 exactly if finished. The
# other two count later rows and the row itself. **Another way.** The test below. **Typical mistake.** Asking only for a
# high AUC: `user_finishes` looks like an honest column.

# %% [markdown]
# A test that needs no eye: rebuild the table **without the future**. For some test rows, cut the log after the row,
# blank labels that had not arrived, compare. A column that changes has leaked.

# %%
changed = set()
for row in range(cut, cut + 40):
    known = log.iloc[: row + 1].copy()
    known.loc[known["over"] >= log["time"][row], ["finish", "like", "watch_share", "over"]] = np.nan
    rebuilt = make_table(known).loc[row]
    changed |= set(table.columns[~np.isclose(rebuilt, table.loc[row])])
honest = [name for name in table if name not in changed]


def auc_with(columns):
    """AUC on the last fifth of a logistic regression that learned from the rest."""
    known = table[columns][:cut]
    Z = (table[columns] - known.mean()) / known.std()
    model = LogisticRegression(max_iter=1000).fit(Z[:cut], finish[:cut])
    return float(roc_auc_score(finish[cut:], model.decision_function(Z[cut:])))


# %% tags=["claim"]
claim("The test finds the same four", changed == {"watch_share", "liked", "item_rate", "user_finishes"})
claim("AUC with all columns", auc_with(list(table)), above=0.99)
claim(
    "AUC without `watch_share` and `liked`, so with two quiet leaks",
    auc_with([*honest, "item_rate", "user_finishes"]),
    above=0.68,
)
claim("AUC of the honest columns", auc_with(honest), near=0.61, within=0.04)

# %% [markdown]
# With all columns the score is perfect, and worthless: when Nadia has to choose, the leaks are empty. The quiet ones
# are dangerous: their AUC looks like good work.
#
# ## What goes wrong
#
# - **Losses in units.** The longest gradient wins, and nobody chose it.
# - **All rows as a cure.** ESMM sees them; it does not see hidden causes.
# - **A splendid AUC.** Ask of each column when it was known.
#
# ## Recap
#
# - **O12.1:** you saw minutes win by their unit, and weighed losses by learned variances.
# - **O12.2:** you calculated GradNorm's wanted lengths, and saw that one shared unit makes the seesaw.
# - **O12.3:** you saw cosines along a training, and projected conflicts away.
# - **O12.4:** you wrote the chain of a funnel, and saw which bias stays.
# - **O12.5:** you found four leaks, by eye and by a test.
#
# Five questions: write one letter for each, as in `["a", "b", ...]`.

# %%
### BEGIN SOLUTION
answers = ["b", "a", "c", "b", "a"]
### END SOLUTION
quiz("12", answers)
progress("12")

# %% [markdown]
# ## Further reading
#
# - Kendall, Gal, Cipolla (2018), *Multi-Task Learning Using Uncertainty to Weigh Losses*.
# - Chen et al. (2018), *GradNorm*.
# - Yu et al. (2020), *Gradient Surgery for Multi-Task Learning*: PCGrad.
# - Ma et al. (2018), *Entire Space Multi-Task Model*.
# - Wang et al. (2022), *ESCM²*.
#
# **Next.** Chapter 13 puts the parts together into one system.
