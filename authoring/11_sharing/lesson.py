# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "11"
#     minutes: {reading: 20, doing: 51}
# ---

# %% [markdown]
# # 11 · Sharing
#
# Noor has half an hour before bed. *Chase* she would click, and leave after five minutes. *Letter* she would finish,
# and like. Which belongs first? One score cannot say. In this notebook one network answers several questions at once,
# and we measure when it should.
#
# ## What you will be able to do
#
# - **O11.1** Write the losses of several tasks so that unknown labels are left out
# - **O11.2** Mix experts by a gate, and write the forward pass of an MMoE
# - **O11.3** Mix each task's own experts with the shared ones, as a level of PLE does
# - **O11.4** Draw the weights of two tasks with a given cosine
# - **O11.5** Count the parameters of a model, so that budgets can be equal
#
# You need the softmax, PyTorch's modules and chapter 03.

# %%
import numpy as np
import pandas as pd
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score
from torch import nn

from recsys_teach.data.world import make_world
from recsys_teach.figures import BLUE, GREEN, ORANGE, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reference, reveal
from recsys_teach.training import seeded, shuffled, train

# %% [markdown]
# ## Predict first
#
# Write a letter in quotes in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "b"
### END SOLUTION
predict("P11.1", guess)

# %% [markdown]
# ## By hand: what a task is
#
# A **task** is a *label*, a *loss* that compares it with what a model says, and the *data*: the rows where the label
# is known. Our five people make two: was the film opened, and if so, did it get five stars?

# %%
people, films = ["Ada", "Ben", "Cleo", "Dan", "Eve"], ["Chase", "Heist", "Waltz", "Letter"]
R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]])
click = (R > 0).astype(float).ravel()  # (20,) pairs
loved = np.where(click == 1, R.ravel() == 5, np.nan)
labels = np.stack([click, loved], axis=1)  # (20 rows, 2 tasks)
print(pd.DataFrame(labels[:4], [f"Ada, {film}" for film in films], ["click", "loved"]))
print("rows with a label:", (~np.isnan(labels)).sum(axis=0))

# %% [markdown]
# Ada never opened *Waltz*. Whether she loves it is unknown (NaN), not 0. A model gives a **logit** $o_{rk}$
# (`outputs[r, k]`) for row $r$ and task $k$, whose sigmoid $p = \sigma(o)$ is the chance. One line of algebra turns the
# cross-entropy of two classes, $-y \ln p - (1 - y) \ln(1 - p)$, into $\ln(1 + e^o) - y \, o$. With $M_k$ the rows that
# have a label $y_{rk}$ (`labels[r, k]`) of task $k$, the loss of the task is
#
# $$L_k = \frac{1}{|M_k|} \sum_{r \in M_k} \big[ \ln(1 + e^{o_{rk}}) - y_{rk} \, o_{rk} \big]$$
#
# ### Exercise 11.1 · Losses of several tasks (core, 8 minutes)
#
# Give the loss of each task. Input: `outputs` and `labels`, shape (n, n_tasks), labels 0, 1 or NaN; each task has a
# known label. Output: shape (n_tasks,). Example: `outputs` of zeros and `labels = [[1, 1], [0, nan]]`: both losses are
# $\ln 2$ = .693, the second from one row.


# %%
def masked_losses(outputs, labels):
    """Mean cross-entropy of each task over the rows that have its label."""
    ### BEGIN SOLUTION
    losses = []
    for k in range(outputs.shape[1]):
        known = ~np.isnan(labels[:, k])
        o, y = outputs[known, k], labels[known, k]
        losses.append(np.mean(np.log(1 + np.exp(o)) - y * o))
    return np.array(losses)
    ### END SOLUTION


check("11.1", masked_losses)

# %% [markdown] tags=["solution"]
# **Why it works.** It is the mean cross-entropy over known rows. **Another way.** `np.nanmean` of the formula over
# `axis=0`: NaN labels make NaN losses. **Typical mistake.** `np.nan_to_num(labels)`: then the model learns that nobody
# loves what they never opened. Or a product with a mask: NaN times 0 is NaN.

# %% [markdown]
# The package's version takes tensors, and the kind of each task: `"binary"`, or `"regression"` for the squared error.
# How does Ada's *Waltz* pull at the two outputs?

# %%
from recsys_teach.models.multitask import task_losses

outputs = torch.linspace(-1, 1, 40).reshape(20, 2).requires_grad_()
losses = task_losses(outputs, torch.tensor(labels), ["binary", "binary"])
losses.sum().backward()
print("losses:", losses.detach().numpy().round(3))
print("gradient at Ada, Waltz:", outputs.grad[2].numpy().round(3))
assert (outputs.grad[labels[:, 0] == 0, 1] == 0).all()  # what is unknown pulls at nothing

# %% [markdown]
# ## Alone, or with a shared bottom
#
# First the baseline: a **single-task model** for each task, here one hidden layer and a small **head** that ends in one
# number. In a **shared bottom** (Caruana 1997) only the heads are a task's own. A task with few labels then learns from
# the labels of the others, or is pulled away.
#
# ## Experts and gates
#
# **Experts** are several small layers side by side. For each task a **gate** decides, anew for each row, how much of
# each the task gets. With $f_e(x)$ (`experts[:, e]`) the output of expert $e$ and $W_k$ (`gates[k]`) the weights of the
# gate of task $k$:
#
# $$g_k(x) = \text{softmax}(x W_k), \qquad m_k(x) = \sum_e g_{ke}(x) \, f_e(x)$$
#
# ### Exercise 11.2 · Mix experts by a gate (warm-up, 6 minutes)
#
# Mix. Input: `gate_logits`, shape (n, n_experts), the $x W_k$; `experts`, shape (n, n_experts, width). Output: shape
# (n, width). Example: logits `[[0, log 3]]` give the shares 1/4 and 3/4, so `experts = [[[1, 0], [0, 1]]]` give
# `[[.25, .75]]`.


# %%
def mix(gate_logits, experts):
    """Mixture of the experts of each row."""
    ### BEGIN SOLUTION
    shares = np.exp(gate_logits)
    shares = shares / shares.sum(axis=1, keepdims=True)  # (n, n_experts), rows sum to 1
    return (shares[:, :, None] * experts).sum(axis=1)
    ### END SOLUTION


check("11.2", mix)

# %% [markdown] tags=["solution"]
# **Why it works.** `[:, :, None]` gives all units of an expert one share. **Another way.**
# `np.einsum("ne,new->nw", shares, experts)`. **Typical mistake.** `axis=0`: the rows of a batch then compete.

# %% [markdown]
# The **multi-gate mixture of experts** (**MMoE**, Ma et al. 2018) is that, with a head for each task at the end, here
# by loops. (`reference` takes the course's own version of an exercise, which replaces yours from here on.)

# %%
mix = reference("11.2")

rng = np.random.default_rng(11)
X, W = rng.normal(size=(5, 4)), rng.normal(size=(3, 4, 2))  # 5 rows of 4 features; 3 experts of 2 units
gates, heads = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 2))  # 2 tasks
said = np.zeros((5, 2))
for r in range(5):
    experts = np.array([np.maximum(X[r] @ W[e], 0) for e in range(3)])  # (3, 2), with ReLU
    for k in range(2):
        shares = np.exp(X[r] @ gates[k])
        said[r, k] = (shares / shares.sum()) @ experts @ heads[k]

# %% [markdown]
# ### Exercise 11.3 · The forward pass of an MMoE (core, 10 minutes)
#
# Write it for any sizes, best without a loop over rows. Input: `X`, shape (n, n_features); `W`, shape (n_experts,
# n_features, width), whose result goes through a ReLU, without biases; `gates`, shape (n_tasks, n_features, n_experts);
# `heads`, shape (n_tasks, width), one layer. Output: shape (n, n_tasks). You may call `mix`. Example: one row `[[1,
# -1]]`, two experts of one unit that pass on feature 0 and feature 1, so 1 and 0 after the ReLU; gates of zeros mix
# them to .5, and `heads = [[2], [6]]` say `[[1, 3]]`.


# %%
def mmoe_forward(X, W, gates, heads):
    """What each task says of each row."""
    ### BEGIN SOLUTION
    experts = np.maximum(np.einsum("nf,efw->new", X, W), 0)  # (n, n_experts, width), for all tasks
    said = [mix(X @ gates[k], experts) @ heads[k] for k in range(len(gates))]
    return np.stack(said, axis=1)
    ### END SOLUTION


check("11.3", mmoe_forward)

# %% [markdown] tags=["solution"]
# **Why it works.** The experts are computed once, and each task mixes them its own way. **Another way.**
# `np.stack([X @ matrix for matrix in W], axis=1)` in place of the `einsum`. **Typical mistake.** The ReLU after the
# mixing: experts of opposite sign then cancel.

# %% [markdown]
# The package's `MMoE` has biases, and heads of two layers. Put together by hand, its parts agree with it. And what is
# left of an MMoE with *one* expert? A softmax over one number is 1.

# %%
from recsys_teach.models.multitask import PLE, MMoE, SharedBottom, n_parameters

mmoe_forward = reference("11.3")

assert np.allclose(mmoe_forward(X, W, gates, heads), said)
x = torch.from_numpy(X).float()
with seeded(11):
    network, single, bottom = MMoE(4, 2), MMoE(4, 2, n_experts=1), SharedBottom(4, 2, width=16)
mixed = torch.einsum("nke,new->nkw", network.gates(x), network.experts(x))
assert torch.allclose(network(x), network.heads(mixed.unbind(dim=1)))
bottom.bottom[0].load_state_dict(single.experts.layer.state_dict())  # copy what both have
bottom.heads.load_state_dict(single.heads.state_dict())
assert torch.allclose(single(x), bottom(x), atol=1e-6)
print("An MMoE with one expert is a shared bottom.")

# %% [markdown]
# ## Experts of one's own
#
# In an MMoE every task moves every expert. **Progressive layered extraction** (**PLE**, Tang et al. 2020) gives each
# task experts of its own beside shared ones. One level of it is called **customized gate control**, CGC: the gate of a
# task sees its own experts, then the shared ones, and no others.
#
# ### Exercise 11.4 · Who may see which expert (core, 8 minutes)
#
# Mix one level. Input: `own`, shape (n_tasks, n, n_task_experts, width); `shared`, shape (n, n_shared_experts,
# width); `gate_logits`, shape (n_tasks, n, n_task_experts + n_shared_experts), own first. Output: shape (n_tasks, n,
# width). Example: one row, one own expert of one unit each, saying 1 for task 0 and 10 for task 1; a shared one
# saying 5; logits of zeros: `[[[3]], [[7.5]]]`.


# %%
def cgc_step(own, shared, gate_logits):
    """Each task's mixture of its own and the shared experts."""
    ### BEGIN SOLUTION
    mixed = []
    for mine, logits in zip(own, gate_logits, strict=True):
        mixed.append(mix(logits, np.concatenate([mine, shared], axis=1)))
    return np.stack(mixed)
    ### END SOLUTION


check("11.4", cgc_step)

# %% [markdown] tags=["solution"]
# **Why it works.** What is not on the table of a task can neither help nor disturb it. **Another way.** All experts for
# all, with logits of minus infinity for those of others. **Typical mistake.** Two softmaxes: the shares then sum to 2.

# %% [markdown]
# A gradient proves who sees whom: it is exactly 0 where no path leads. Task 0 is click, task 1 like: how does like pull
# at the experts of click?


# %% tags=["claim"]
def pull(network, part):
    """Largest gradient of the second task's outputs by the weights of this part."""
    gradient = torch.autograd.grad(network(x)[:, 1].sum(), part.layer.weight, allow_unused=True)[0]
    return 0.0 if gradient is None else float(gradient.abs().max())


with seeded(11):
    ple, alone = PLE(4, 2), PLE(4, 2, n_shared_experts=0)
level = ple.levels[0]
claim("Like moves the experts of click in an MMoE", pull(network, network.experts) > 0)
claim("In PLE it moves the shared ones", pull(ple, level.shared_experts) > 0)
claim("and not those of click", pull(ple, level.task_experts[0]) == 0)
before = alone(x)[:, 1]
with torch.no_grad():
    alone.levels[0].task_experts[0].layer.weight.add_(1.0)
claim("PLE without shared experts is one model a task", bool((alone(x)[:, 1] == before).all()))

# %% [markdown]
# ## Two tasks whose relation we choose
#
# When does sharing pay? Ma et al. (2018) generate tasks. Two weights of length 1 have the cosine $p$ (`cosine`), and
# label $k$ is a line plus waves, with $z_k = w_k \cdot x$:
#
# $$w_1 = u_1, \quad w_2 = p \, u_1 + \sqrt{1 - p^2} \, u_2, \qquad
# y_k = z_k + \sum_i \sin(\alpha_i z_k + \beta_i) + \varepsilon$$
#
# Here $u_1$ and $u_2$ have length 1 and stand at a right angle. At $p = 1$ both tasks are one.
#
# ### Exercise 11.5 · Two weights with a known cosine (core, 8 minutes)
#
# Give $w_1$ and $w_2$. Input: vectors `a` and `b`, shape (n_features,), not parallel, and `cosine`, from −1 to 1. $u_1$
# points along `a`; $u_2$ along what is left of `b` without its part along $u_1$. Output: shape (2, n_features).
# Example: `a = [2, 0]`, `b = [1, 1]`, cosine .6: $u_1$ = `[1, 0]`, $u_2$ = `[0, 1]`, so `[[1, 0], [.6, .8]]`.


# %%
def related_weights(a, b, cosine):
    """Two weights of length 1 with this cosine."""
    ### BEGIN SOLUTION
    u1 = a / np.linalg.norm(a)
    rest = b - (b @ u1) * u1
    u2 = rest / np.linalg.norm(rest)
    return np.stack([u1, cosine * u1 + np.sqrt(1 - cosine**2) * u2])
    ### END SOLUTION


check("11.5", related_weights)

# %% [markdown] tags=["solution"]
# **Why it works.** $w_1 \cdot w_2 = p$, and the squares of both parts sum to 1. **Another way.** `np.linalg.qr` of both
# columns gives $u_1$ and $u_2$, up to signs. **Typical mistake.** `b` itself for $u_2$: the cosine is then wrong.

# %% [markdown]
# The cosine of the weights is not the correlation of the *labels*. For $x$ from a normal distribution a pair of waves
# has a closed form:
#
# $$\text{E}[\sin(\alpha z_1 + \beta) \sin(\alpha' z_2 + \beta')] = \tfrac12 e^{-(\alpha^2 + \alpha'^2)/2}
# \big[ e^{\alpha \alpha' p} \cos(\beta - \beta') - e^{-\alpha \alpha' p} \cos(\beta + \beta') \big]$$

# %%
from recsys_teach.models.multitask import label_correlation, related_tasks

related_weights = reference("11.5")

a1, b1, a2, b2, p = 1.2, 0.3, -0.7, 0.8, 0.5  # α, β, α', β'
minus, plus = np.exp(a1 * a2 * p) * np.cos(b1 - b2), np.exp(-a1 * a2 * p) * np.cos(b1 + b2)
exact = np.exp(-(a1**2 + a2**2) / 2) * (minus - plus) / 2
z = rng.normal(size=(200_000, 2)) @ related_weights(np.array([1.0, 0.0]), np.array([0.0, 1.0]), p).T
drawn = np.mean(np.sin(a1 * z[:, 0] + b1) * np.sin(a2 * z[:, 1] + b2))
assert abs(drawn - exact) < 0.01

# %% [markdown]
# The package sums over the line and all pairs of ten waves. The paper gives neither their number nor their
# distribution; we take ten, with $\alpha, \beta$ from N(0, 1).

# %% tags=["claim"]
for p in (0.0, 0.5, 0.9, 1.0):
    _, Y, waves = related_tasks(50_000, p, n_features=20, random_state=11)
    exact, drawn = label_correlation(p, waves), np.corrcoef(Y.T)[0, 1]
    print(f"cosine {p}: label correlation {exact:.2f} by the closed form, {drawn:.2f} drawn")
    claim("The two differ by", float(abs(drawn - exact)), below=0.02)

# %% [markdown]
# ## Equal budgets
#
# A larger network may win by its size alone.
#
# > **Reading the source critically.** The two articles behind this course assume that sharing
# > helps, and compare no sizes. The MMoE paper counts: 8
# > experts of 16 units and heads of 8, the package's defaults, beside a shared bottom of 113. That comes out of 13,056
# > weights, without gates, biases and last layers. With them the MMoE has 13.5 % more, and the equal width is 126.
#
# ### Exercise 11.6 · Count the parameters (warm-up, 6 minutes)
#
# Count all numbers that the package's `MMoE` learns. Input: `n_features`, `n_tasks`, `n_experts`, `width`,
# `head_width`. Experts have biases, gates have none, and a head goes from `width` to `head_width` to 1, both with
# biases. Output: a whole number. Example: sizes 2, 2, 2, 3, 2: experts 2 · 3 · 3 = 18, gates 2 · 2 · 2 = 8, heads 2 ·
# (8 + 3) = 22, so 48.


# %%
def count_mmoe(n_features, n_tasks, n_experts, width, head_width):
    """Number of parameters of an MMoE."""
    ### BEGIN SOLUTION
    experts = n_experts * (n_features + 1) * width
    gates = n_tasks * n_features * n_experts
    heads = n_tasks * ((width + 1) * head_width + head_width + 1)
    return experts + gates + heads
    ### END SOLUTION


check("11.6", count_mmoe)

# %% [markdown] tags=["solution"]
# **Why it works.** A layer from a to b numbers has a · b weights and b biases. **Another way.** `n_parameters(MMoE(2,
# 2, n_experts=2, width=3, head_width=2))`. **Typical mistake.** Leaving out the gates, as in the box.

# %% tags=["claim"]
budgets = {
    "MMoE": n_parameters(MMoE(100, 2)),
    "shared bottom of 113": n_parameters(SharedBottom(100, 2, width=113)),
    "shared bottom of 126": n_parameters(SharedBottom(100, 2, width=126)),
    "PLE": n_parameters(PLE(100, 2, head_width=19)),
    "two single-task models of 68": 2 * n_parameters(SharedBottom(100, 1, width=68)),
}
print(pd.Series(budgets).to_string())
fair = np.delete(np.array(list(budgets.values())), 1)
claim("The four that we compare lie within 1 %", bool(fair.max() / fair.min() < 1.01))
paper = MMoE(100, 2)
weights = paper.experts.layer.weight.numel() + sum(head[0].weight.numel() for head in paper.heads.heads)
claim("Weights of the MMoE's experts and first head layers", weights, near=13_056)
claim("divided by 100 + 2 · 8, the weights of a unit of the shared bottom", weights / 116, near=112.6, within=0.1)
claim("What gates, biases and last layers add, in %", 100 * (budgets["MMoE"] / weights - 1), near=13.5, within=0.1)

# %% [markdown]
# ## The gates made visible
#
# We train two MMoEs on the generator, one at cosine .5, one where the tasks are the same. Do the two tasks open their
# gates to the same experts?


# %%
def fit(make, X, Y):
    """Train a network that `make` builds on all columns of Y, squared errors summed."""
    kinds = ["regression"] * Y.shape[1]
    with seeded(1):
        network = make()
        train(
            network,
            lambda rng: ((X[rows], Y[rows]) for rows in shuffled(len(X), 500, rng)),
            lambda x, y: task_losses(network(x), y, kinds).sum(),
            n_epochs=15,
            learning_rate=0.01,
            random_state=1,
        )
    return network


opened = {}
for p in (0.5, 1.0):
    inputs, targets = (torch.from_numpy(part) for part in related_tasks(15_000, p, random_state=1)[:2])
    trained = fit(lambda: MMoE(100, 2), inputs[:10_000], targets[:10_000])
    with torch.no_grad():
        opened[p] = trained.gates(inputs[10_000:]).numpy()  # (5000, 2 tasks, 8 experts)

# %% tags=["figure"]
fig, axes = new_axes(columns=2, width=8.4, height=3.4)
for ax, (p, shares) in zip(axes, opened.items(), strict=True):
    for task, (color, marker) in enumerate([(BLUE, "o"), (ORANGE, "^")]):
        ax.plot(range(1, 9), 100 * shares.mean(axis=0)[task], marker, color=color, markersize=9 - 2 * task)
    ax.set(title=f"cosine {p}", xlabel="expert", xticks=range(1, 9), ylim=(0, 34))
axes[0].set_ylabel("mean share (%)")
axes[0].text(0.8, 30, "circles: task 0, triangles: task 1")
show(
    fig,
    caption="Mean share of each expert in the two tasks.",
    alt="Two dot plots of the mean share in per cent against eight experts, circles for task 0, triangles for task 1. "
    "With cosine 0.5 circles and triangles lie apart; with cosine 1 they nearly coincide.",
)

# %% [markdown]
# Where tasks differ they open to different experts; where they are one, mostly to the same (one run each: a picture,
# not a proof). What share moves?

# %% tags=["claim"]
moved = {p: np.abs(shares[:, 0] - shares[:, 1]).sum(axis=1).mean() / 2 for p, shares in opened.items()}
claim("Share that the two gates give to different experts, cosine 0.5", float(moved[0.5]), above=0.4)
claim("The same, cosine 1.0", float(moved[1.0]), below=0.4)

# %% [markdown]
# ## Who wins? Pairs, not single runs
#
# Four models of equal budget. Each **draw** makes new data, weights and waves, and each model starts from two seeds.
# Draws differ in how hard they are, so we subtract *within* a draw, average over its seeds, and take the interval over
# draws. The runs were **saved** by `saved_run.py`. An error is the mean squared error on new rows, as a
# share of the label's variance.


# %%
def interval(differences):
    """Mean and the half-width of its 95 % interval (Student's t), one number a draw."""
    n = len(differences)
    return np.mean(differences), stats.t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / np.sqrt(n)


saved = load_saved_run("11")["generator"]
runs = saved.pivot_table(index=["cosine", "draw", "seed"], columns="model", values="error")  # mean of both tasks
by_draw = runs.groupby(["cosine", "draw"]).mean()
gain = by_draw.rsub(by_draw["shared bottom"], axis=0).drop(columns="shared bottom")

# %% tags=["figure"]
fig, axes = new_axes(columns=3, width=9.6, height=3.4)
names = ["single task", "MMoE", "PLE"]
for ax, (p, table) in zip(axes, gain.groupby("cosine"), strict=True):
    for place, name in enumerate(names):
        ax.plot(table[name], np.full(len(table), place), "o", color=BLUE, alpha=0.5)
        mean, half = interval(table[name])
        ax.plot([mean - half, mean + half], [place + 0.25] * 2, color=ORANGE)
    ax.axvline(0, color="#777777", linestyle="--")
    ax.set(title=f"cosine {p}", yticks=range(3), ylim=(-0.5, 2.6), xlim=(-0.3, 0.2), yticklabels=[""] * 3)
axes[0].set_yticklabels(names)
axes[0].text(-0.29, 1.4, "bars: 95 %\nintervals")
axes[1].set_xlabel("error of the shared bottom minus error of the model (right is better)")
show(
    fig,
    caption="Gain over a shared bottom, draw by draw; saved runs.",
    alt="Three dot plots, one for each cosine, of the gain over a shared bottom in each draw for single-task models, "
    "MMoE and PLE, with 95 per cent intervals as bars; right of the dashed line is better.",
)

# %% [markdown]
# The intervals:

# %% tags=["claim"]
for p, table in gain.groupby("cosine"):
    print(f"cosine {p}:", *(f"{name} {m:+.3f} ± {h:.3f}" for name in names for m, h in [interval(table[name])]))
    low = {name: np.subtract(*interval(table[name])) for name in names}
    claim("The intervals of MMoE and PLE lie above 0", bool(min(low["MMoE"], low["PLE"]) > 0))
    claim("That of the single-task models holds 0", bool(low["single task"] < 0 < sum(interval(table["single task"]))))
for name in ("MMoE", "PLE"):
    mean, half = interval(gain.loc[0.5, name] - gain.loc[1.0, name])
    claim(f"{name}'s gain at .5 minus that at 1, {mean:.3f} ± {half:.3f}: the interval holds 0", bool(abs(mean) < half))
spread = runs.groupby(["cosine", "draw"]).std().groupby("draw").mean()  # from seed to seed
for name in ("MMoE", "PLE"):
    mean, half = interval(spread[name] - spread["shared bottom"])
    claim(f"Spread over seeds, {name} minus shared bottom: the interval holds 0", bool(abs(mean) < half))

# %% [markdown]
# MMoE and PLE beat a shared bottom of their size, also where both tasks are *one* (MMoE by a hair): there, no
# difference between tasks can be the reason. Do they gain more at .5? An interval that holds 0 does not say no: ten
# draws cannot tell. Nor can they tell what sharing alone does: single task's intervals hold 0 and reach ± .06. Nor,
# with two seeds, whether experts vary less by seed.

# %% [markdown]
# ## The world: three tasks of one service
#
# Few impressions are clicked, so finish and like have few labels. `task_correlation` is a dial: how much the taste
# behind finish and like is the taste behind the click. At 1 they are one taste.

# %%
world = make_world(600, 150, 80, n_factors=3, task_correlation=1, random_state=0)
log, truth = world.impressions, world.truth
users, items = world.users.index.get_indexer(log["user"]), world.items.index.get_indexer(log["item"])
world_labels = log[["click", "finish", "like"]].to_numpy(dtype=np.float32, copy=True)
world_labels[world_labels[:, 0] == 0, 1:] = np.nan  # unknown without a click
tables = (truth.click_probability, truth.finish_given_click, truth.like_given_click)
probabilities = np.stack([table(np.arange(600))[users, items] for table in tables], axis=1)  # the truth, (n, 3)
part = np.random.default_rng(0).choice(["train", "validation", "test"], size=len(log), p=[0.7, 0.1, 0.2])
known = ~np.isnan(world_labels)
counts = {"labels": known.sum(axis=0), "share of ones": np.nanmean(world_labels, axis=0).round(2)}
print(pd.DataFrame(counts, ["click", "finish", "like"]))

# %% [markdown]
# A row of features is a user's vector, an item's vector and their product (`PairInput`), all learned, with a network of
# tasks on top. Each known label counts once: $L_k$ is weighed by the share of rows that have it.


# %%
from recsys_teach.models.multitask import PairInput


class Ranker(nn.Module):
    def __init__(self, n_factors, network):
        super().__init__()
        self.pairs, self.network = PairInput(600, 150, n_factors), network

    def forward(self, users, items):
        return self.network(self.pairs(users, items))


u, i, y = torch.from_numpy(users), torch.from_numpy(items), torch.from_numpy(world_labels)


def predictions(make, tasks):
    """Logits of all impressions, from a ranker that learns these tasks and keeps its best epoch."""
    labeled = known[:, tasks].any(axis=1)
    rows, valid = (torch.from_numpy(np.flatnonzero(labeled & (part == name))) for name in ("train", "validation"))
    share = torch.from_numpy(known[rows][:, tasks].mean(axis=0)).float()
    with seeded(0):
        ranker = make()

        def loss(r):
            return (task_losses(ranker(u[r], i[r]), y[r][:, tasks], ["binary"] * len(tasks)) * share).sum()

        train(
            ranker,
            lambda rng: ((rows[batch],) for batch in shuffled(len(rows), 1024, rng)),
            loss,
            n_epochs=16,
            learning_rate=0.03,
            weight_decay=2e-4,
            validate=lambda: -float(loss(valid)),
        )
    with torch.no_grad():
        return ranker(u, i).numpy()


# %% [markdown]
# We rank the held-out rows by AUC (chapter 06). The world knows each row's chance, so no coin is tossed: a row counts
# as a 1 with its chance, and as a 0 with the rest. The truth is the ceiling.
#
# Three single-task **twins** are together as large as the shared network: each has *one* number for each user and item
# where that has three. **Roomy twins** have three each.


# %%
def auc(scores, task):
    """AUC over the held-out rows of a task, if their labels were drawn again and again."""
    here = known[:, task] & (part == "test")
    weights = np.concatenate([probabilities[here, task], 1 - probabilities[here, task]])
    return roc_auc_score(np.repeat([1, 0], here.sum()), np.tile(scores[here], 2), sample_weight=weights)


def twins(n_factors, width):
    """Logits of three networks, each of which learns one task alone."""
    made = [predictions(lambda: Ranker(n_factors, SharedBottom(3 * n_factors, 1, width=width)), [k]) for k in range(3)]
    return np.hstack(made)


models = {
    "twins": twins(1, 29),
    "roomy twins": twins(3, 31),
    "shared": predictions(lambda: Ranker(3, SharedBottom(9, 3, width=31)), [0, 1, 2]),
    "truth": probabilities,
}
aucs = {name: [auc(scores[:, task], task) for task in range(3)] for name, scores in models.items()}
aucs = pd.DataFrame(aucs, index=["click", "finish", "like"])

# %% [markdown]
# Your guess:

# %% tags=["claim"]
reveal("P11.1", tuple(aucs["shared"] - aucs["twins"]))
print(aucs.round(2))
sizes = [3 * n_parameters(Ranker(n, SharedBottom(3 * n, 1, width=width))) for n, width in [(1, 29), (3, 31)]]
print("numbers to learn:", *sizes, n_parameters(Ranker(3, SharedBottom(9, 3, width=31))))
for task, row in aucs.iterrows():
    claim(f"AUC of {task}, shared minus twins", float(row["shared"] - row["twins"]), above=0)
room = aucs["roomy twins"] - aucs["twins"]
claim("Click: roomy twins minus twins", float(room["click"]), above=0)
claim("Highest AUC of a model below that of the truth", bool((aucs["shared"] < aucs["truth"]).all()))

# %% [markdown]
# At equal size sharing wins on every task. One reason is *room*: with three numbers of its own, click alone comes most
# of the way. The other is *labels*: finish and like gain little from room, much from others' labels.
#
# Is that a law? We turn one dial at a time: first 12 numbers for each user and item, then *two* unrelated tastes. Five
# worlds each, **saved**. Which marks lie right of the dashed line, and which right of the diamonds?

# %%
worlds = load_saved_run("11")["world"]
measured = worlds.pivot_table(index=["setting", "task", "seed"], columns="model", values="auc")
settings = ["one taste, 3 numbers", "one taste, 12 numbers", "two tastes, 12 numbers"]
looks = {"roomy twins": ("#777777", "D"), "shared bottom": (BLUE, "o"), "MMoE": (ORANGE, "^"), "PLE": (GREEN, "s")}
measured = measured.rename(columns={"single task": "twins", "single task, roomy": "roomy twins"})
gains = measured[list(looks)].sub(measured["twins"], axis=0)

# %% tags=["figure"]
fig, axes = new_axes(columns=3, width=10.5, height=4.2)
for ax, setting in zip(axes, settings, strict=True):
    for place, task in enumerate(["like", "finish", "click"]):
        for step, (name, (color, marker)) in enumerate(looks.items()):
            values = gains.loc[(setting, task), name]
            ax.plot(values, np.full(5, place + 0.3 - 0.2 * step), marker, color=color, alpha=0.7)
    ax.axvline(0, color="#777777", linestyle="--")
    ax.set(title=setting, yticks=range(3), yticklabels=[""] * 3, xticks=[0, 0.1, 0.2], xlim=(-0.05, 0.23))
    ax.set_ylim(-0.5, 2.6)
axes[0].set_yticklabels(["like", "finish", "click"])
axes[1].set_xlabel("AUC minus that of the twin of equal total size")
axes[2].text(0.055, 1.7, "diamond: roomy twin\ncircle: shared bottom\ntriangle: MMoE\nsquare: PLE")
show(
    fig,
    caption="Gain over single-task twins in five worlds each; saved runs.",
    alt="Three dot plots of the gain in AUC over twins in five worlds. Roomy twins gain on click, with three numbers "
    "only; sharing gains on finish and like everywhere, and its circles for click fall below zero with two tastes.",
)

# %% [markdown]
# What is left over roomy twins is sharing. In pairs:

# %%
over = measured[list(looks)[1:]].sub(measured["roomy twins"], axis=0)
for name, table in {"twins": gains, "roomy twins": over}.items():
    shown = table.groupby(["setting", "task"]).agg(lambda values: "{:+.3f} ± {:.3f}".format(*interval(values)))
    print(f"AUC minus that of the {name}:\n{shown}\n")

# %% tags=["claim"]
left = over.groupby(["setting", "task"]).agg(lambda values: np.subtract(*interval(values)))  # lower ends
one, roomy, two = ((setting, "click") for setting in settings)
claim(
    "Finish and like gain over roomy twins, each model and setting",
    bool((left.drop("click", level=1) > 0).all(axis=None)),
)
claim(
    "One taste, 3 numbers: what room gives click, lower end",
    np.subtract(*interval(gains.loc[one, "roomy twins"])),
    above=0.05,
)
claim(
    "Over roomy twins, the shared bottom and MMoE still gain",
    bool((left.loc[one, ["shared bottom", "MMoE"]] > 0).all()),
)
for name in ("shared bottom", "MMoE", "PLE"):
    mean, half = interval(gains.loc[roomy, name])
    claim(f"12 numbers: the interval of {name} for click holds 0", bool(abs(mean) < half))
mean, half = interval(over.loc[one, "PLE"])
claim("3 numbers: that of PLE over roomy twins holds 0", bool(abs(mean) < half))
mean, half = interval(over.loc[two, "shared bottom"])
claim("Two tastes: that of the shared bottom over roomy twins holds 0", bool(abs(mean) < half))
claim("Two tastes: upper end for click, shared bottom", sum(interval(gains.loc[two, "shared bottom"])), below=0)
less = over.loc[settings[2], "shared bottom"] - over.loc[settings[1], "shared bottom"]
claim("Two tastes minus one, shared bottom, finish: upper end", sum(interval(less["finish"])), below=0)
alike = measured.loc[one, "shared bottom, tasks alike"] - measured.loc[one, "twins"]
claim("One taste, each task weighed alike: upper end for click", sum(interval(alike)), below=0)

# %% [markdown]
# Finish and like gain over roomy twins in every setting: that is what others' labels bring. (In one world finish's twin
# failed: the outlier.) Click's gain is mostly room: over roomy twins the shared bottom and MMoE keep a little, and
# PLE's interval holds 0. With 12 numbers all three intervals for click hold 0 beside the twins.
#
# With two tastes finish gains less, and in the shared bottom click pays. (Beside roomy twins that interval holds 0; of
# so many intervals a few miss by chance.)
#
# Sharing lends labels to the poor and may cost the rich. Weights matter too: if each *task* counts alike, click loses
# even with one taste.

# %% [markdown]
# ## What goes wrong
#
# - **NaN read as 0.** Finish then learns what gets clicked.
# - **One run each, unequal sizes.** Count, pair, and add roomy twins.
# - **Only a mean of tasks.** A gain of like may hide a loss of click.
#
# ## Recap
#
# - **O11.1:** you took a task apart, and wrote losses in which unknown labels pull at nothing.
# - **O11.2:** you mixed experts by gates, and built the forward pass of an MMoE.
# - **O11.3:** you told who sees whom in PLE, and gradients proved it.
# - **O11.4:** you drew tasks of a known relation, and met the closed form.
# - **O11.5:** you counted budgets, and told in pairs what is room and what is sharing.
#
# Five questions: write one letter for each, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "c", "a", "b", "a"]
### END SOLUTION
quiz("11", answers)
progress("11")

# %% [markdown]
# ## Further reading
#
# - Caruana (1997), *Multitask Learning*.
# - Ma et al. (2018), *Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts*.
# - Tang et al. (2020), *Progressive Layered Extraction (PLE)*.
#
# **Next.** Chapter 12 weighs the losses.
