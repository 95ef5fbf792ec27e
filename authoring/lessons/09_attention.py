# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "09"
#     minutes: {reading: 19, doing: 51}
# ---

# %% [markdown]
# # 09 · Attention, and why the loss matters more
#
# Cleo has watched ten films and wants an eleventh. The GRU of chapter 08 squeezed her evenings into one state, item by
# item. **Attention** keeps them all and asks, for each choice: which of them matter now? In this notebook we build it,
# catch it reading the future, and then ask what makes the lists better: the network, or the loss?
#
# ## What you will be able to do
#
# - **O9.1** Write scaled dot-product attention for one query, then causal and batched, and match PyTorch's
# - **O9.2** Test whether a model notices order, and say what attention needs for it
# - **O9.3** Find a leak from the future by changing the future
# - **O9.4** Write the full and the sampled loss, and tell their effect from that of the network
#
# You need the softmax, matrix products, and chapters 03 and 08.

# %%
import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from recsys_teach import movielens
from recsys_teach.evaluation import Result, evaluate, paired_difference, result_table
from recsys_teach.figures import BLACK, BLUE, MODEL_STYLES, ORANGE, new_axes, show
from recsys_teach.files import REPOSITORY
from recsys_teach.interactions import split_last_out
from recsys_teach.learn import TODO, check, claim, hint, predict, progress, quiz, reveal
from recsys_teach.models import EASE, CoVisitation, MarkovChain
from recsys_teach.ranking import rank_unseen
from recsys_teach.training import seeded
from recsys_teach.world import make_world

# %% [markdown]
# ## Predict first
#
# Write your guess, a letter in quotes, in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "a"
### END SOLUTION
predict("P9.1", guess)

# %% [markdown]
# ## By hand: one question to an evening
#
# Eve watched *Chase*, *Heist*, *Waltz*. Each film has a **key**, a vector that says what it can be found by, and a
# **value**, what it hands over. The next choice asks with a **query**. The better a key fits the query, the more of
# its value comes out:

# %%
films = ["Chase", "Heist", "Waltz"]
query = np.array([2.0, 0.0])  # asks for action
keys = np.array([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0]])  # action, romance
values = np.array([[0.0], [1.0], [9.0]])
fits = keys @ query / np.sqrt(2)  # (3,)
weights = np.exp(fits) / np.exp(fits).sum()
print(pd.DataFrame({"fit": fits, "weight": weights, "value": values[:, 0]}, films).round(2))
print("mixed value:", (weights @ values).round(2))

# %% [markdown]
# In a formula, with the query $q$ (`query`), keys $k_j$ and values $v_j$ (rows of `keys`, `values`), and $d$ the length
# of the query:
#
# $$w_j = \frac{e^{q \cdot k_j / \sqrt d}}{\sum_i e^{q \cdot k_i / \sqrt d}}, \qquad \text{result} = \sum_j w_j v_j$$
#
# Why $\sqrt d$? A product of two random vectors of length $d$ is a sum of $d$ numbers, and spreads like $\sqrt d$.
# Without the division, long vectors would give one key all the weight from the start.

# %%
rng = np.random.default_rng(9)
for d in (4, 64):
    products = (rng.normal(size=(10_000, d)) * rng.normal(size=(10_000, d))).sum(axis=1)
    print(f"d = {d}: products spread by {products.std():.1f}, divided by the root by {products.std() / d**0.5:.1f}")

# %% [markdown]
# ### Exercise 9.1 · Attention for one query (warm-up, 6 minutes)
#
# Give the result. Input: `query` (d,), `keys` (length, d), `values` (length, n_values). Output: (n_values,). Example:
# `query = [2, 0, 0, 0]`, `keys = [[ln 3, 0, 0, 0], [0, 5, 0, 0]]`, `values = [[4], [8]]`: the products over $\sqrt 4$
# are ln 3 and 0, the weights 3/4 and 1/4, so `[5]`. Stuck? Run `hint("9.1")` in a new cell.


# %%
def attend(query, keys, values):
    """Weighted mean of the values, by how well each key fits the query."""
    ### BEGIN SOLUTION
    weights = np.exp(keys @ query / np.sqrt(len(query)))  # (length,)
    return weights / weights.sum() @ values
    ### END SOLUTION


check("9.1", attend)

# %% [markdown] tags=["solution"]
# **Why it works.** The softmax makes weights of any numbers: above 0, with sum 1. **Another way.** A loop over the
# keys that adds `weight * value`. **Typical mistake.** Forgetting the root: nothing fails, and training is slow.

# %% [markdown]
# ## Every place asks, none looks ahead
#
# In **self-attention** each place of a row asks. Three matrices turn its vector $x_t$ into a query, a key and a value.
# But a place should predict the next item, so it may read itself and those before, never what comes after: the
# **causal mask** sets the other products to $-\infty$, and $e^{-\infty} = 0$. A loop says it plainly: place `t` reads
# the first `t + 1` keys.


# %%
def causal_by_loop(Q, K, V):  # each (length, d)
    out = np.zeros_like(V)
    for t in range(len(Q)):
        w = np.exp(K[: t + 1] @ Q[t] / np.sqrt(Q.shape[1]))
        out[t] = w / w.sum() @ V[: t + 1]
    return out


x = rng.normal(size=(2, 5, 3))  # two rows of five places
W_q, W_k, W_v = rng.normal(size=(3, 3, 3))
Q, K, V = x @ W_q, x @ W_k, x @ W_v  # (2, 5, 3) each
print(causal_by_loop(Q[0], K[0], V[0]).round(2))

# %% [markdown]
# The first place can read only itself, so it gets its own value.
#
# ### Exercise 9.2 · Causal and batched (core, 9 minutes)
#
# Do that without a loop. Input: `Q`, `K` (n, length, d), `V` (n, length, n_values). Output: (n, length, n_values).
# `A @ B` multiplies the last two axes, `K.swapaxes(-1, -2)` turns them round, `np.tril` clears all above the diagonal,
# `np.where(mask, A, -np.inf)` forbids. Example: `Q = K = [[[0], [0]]]`, `V = [[[2], [6]]]`: the first place gets 2, the
# second the mean, `[[[2], [4]]]`.


# %%
def causal_attention(Q, K, V):
    """Attention of each place to itself and those before."""
    ### BEGIN SOLUTION
    logits = Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1])  # (n, length, length)
    allowed = np.tril(np.ones(logits.shape[-2:], dtype=bool))
    weights = np.exp(np.where(allowed, logits, -np.inf))
    return weights / weights.sum(axis=-1, keepdims=True) @ V
    ### END SOLUTION


check("9.2", causal_attention)

# %% [markdown] tags=["solution"]
# **Why it works.** Row $t$ of the products belongs to the query at place $t$; what it may not read weighs exactly 0.
# **Another way.** `np.tril(np.exp(logits))`, then divide by the sums. **Typical mistake.** Writing 0 where $-\infty$
# belongs: $e^0 = 1$.

# %% [markdown]
# The loop, PyTorch's `scaled_dot_product_attention` and the package's `causal_attention` give the same:

# %% tags=["claim"]
from recsys_teach.models.attention import SASRec, SASRecNetwork, attention_weights
from recsys_teach.models.attention import causal_attention as by_package

q, k, v = (torch.from_numpy(part) for part in (Q, K, V))
by_torch = F.scaled_dot_product_attention(q, k, v, is_causal=True)
looped = torch.from_numpy(np.stack([causal_by_loop(*row) for row in zip(Q, K, V, strict=True)]))
claim("The loop agrees with PyTorch", torch.allclose(looped, by_torch))
claim("The package agrees with PyTorch", torch.allclose(by_package(q, k, v), by_torch))
claim("Rows of weights sum to 1", torch.allclose(attention_weights(q, k).sum(dim=-1), torch.ones(2, 5).double()))

# %% [markdown]
# ## Order has to be told
#
# A weighted mean does not know where its parts stood. Does attention notice whether *Chase* came before *Heist*?
#
# ### Exercise 9.3 · Does order matter? (core, 7 minutes)
#
# Swap two **earlier** items, in all possible pairs, and give the largest change of any number of the **last** state.
# Input: `read`, a function of a row of items (length,) to its states (length, n_factors); `items`, such a row, all
# different. Output: one number. Example: with `read` giving at each place the sum of `(place + 1) * item` so far and
# `items = [1, 2, 5]`, the last state is 1 + 4 + 15 = 20. Swapping 1 and 2, the one possible pair, gives 2 + 2 + 15 =
# 19: the answer is 1.


# %%
def order_gap(read, items):
    """Largest change of the last state when two earlier items swap."""
    ### BEGIN SOLUTION
    last, gap = read(items)[-1], 0.0
    for j in range(len(items) - 1):
        for i in range(j):
            swapped = items.copy()
            swapped[[i, j]] = items[[j, i]]
            gap = max(gap, np.abs(read(swapped)[-1] - last).max())
    return gap
    ### END SOLUTION


check("9.3", order_gap)

# %% [markdown] tags=["solution"]
# **Why it works.** A state that no swap moves knows a set. **Another way.** `itertools.combinations` for the pairs.
# **Typical mistake.** Swapping the last item as well: that changes who asks.

# %% [markdown]
# The package's **SASRec** network (Kang and McAuley 2018) adds to each item's vector a learned vector of its
# **place**. Then come **blocks**: causal attention, and two layers at each place alone; each adds its result to what
# came in, after **layer norm**, which gives every vector mean 0 and spread 1, and with **dropout**, which sets random
# numbers to 0 while training. We take one block, with and without the vectors of the places:

# %% tags=["claim"]
from recsys_teach.learn.exercises import ch09

row = np.array([0, 1, 3, 2, 5])


def reader(network):
    """Give what exercises 9.3 and 9.4 call `read`."""

    def read(items):
        with torch.no_grad():
            return network.hidden(torch.from_numpy(np.array(items))[None])[0].numpy()

    return read


with seeded(9):
    network = SASRecNetwork(6, 8, 5, 1, 0.2).eval()  # items, factors, places, blocks, dropout
claim("With vectors of the places order matters", ch09.order_gap(reader(network), row) > 0.01)
torch.nn.init.zeros_(network.place_factors.weight)
claim("Without them it does not", ch09.order_gap(reader(network), row) < 1e-5)

# %% [markdown]
# ## Catch it reading the future
#
# A mask that is off by one lets place $t$ read item $t + 1$: the very item that it should predict. No error is raised.
# A test catches it: **change the future, and nothing before may move**.
#
# ### Exercise 9.4 · How far does it look ahead? (core, 9 minutes)
#
# Put `other` at each place $j$ in turn, one at a time, and see which states at places $i < j$ move. Give the largest
# $j - i$ of them, 0 if there is none. Input: `read` as before, `items` (length,), `other`, an item that is not among
# them. Output: a whole number. Compare with `np.allclose`. Example: with `read` giving at each place the sum up to the
# *next* item, `items = [1, 2, 5]` and `other = 9`: changing place 1 moves state 0, changing place 2 moves state 1 and
# not state 0. The answer is 1.


# %%
def steps_ahead(read, items, other):
    """How many places ahead of itself a state reads, at most."""
    ### BEGIN SOLUTION
    before, ahead = read(items), 0
    for j in range(len(items)):
        changed = items.copy()
        changed[j] = other
        after = read(changed)
        for i in range(j):
            if not np.allclose(before[i], after[i]):
                ahead = max(ahead, j - i)
    return ahead
    ### END SOLUTION


check("9.4", steps_ahead)

# %% [markdown] tags=["solution"]
# **Why it works.** A state that moved has read what changed; nothing else did. **Another way.** Begin with the largest
# distance and return at the first state that moves. **Typical mistake.** Counting states after $j$: they may move.

# %% [markdown]
# Three networks, equal but for the mask. Which one would you deploy?


# %% tags=["claim"]
class OffByOne(SASRecNetwork):
    def mask(self, length):
        return torch.ones(length, length, dtype=torch.bool).tril(1)  # 1: one above the diagonal


class NoMask(SASRecNetwork):
    def mask(self, length):
        return torch.ones(length, length, dtype=torch.bool)


ahead = {}
for kind in (SASRecNetwork, OffByOne, NoMask):
    with seeded(9):
        ahead[kind.__name__] = ch09.steps_ahead(reader(kind(6, 8, 5, 1, 0.2).eval()), row, 4)
print(ahead)
claim("Only the package's network keeps to the past", list(ahead.values()) == [0, 1, 4])

# %% [markdown]
# With two blocks off by one, leaks add up: two places ahead.
#
# ## What a leak looks like in training
#
# In chapter 08's world the next genre depends on the last *two*, and the best possible hit rate is known. We train the
# honest network there, and the one that is off by one.

# %%
from recsys_teach.models.sequence import histories

world = make_world(4000, 120, 15, sequence_strength=1, personalisation=0, exposure_bias=0)
world_split = split_last_out(world.exposed())
everybody, seen = np.arange(4000), world_split.train.matrix()
last_two = np.array([np.append([-1, -1], items)[-2:] for items in histories(world_split.train)])
times = np.zeros(4000)
times[world_split.test.user_pos] = world_split.test.log["time"]
chances = world.truth.next_item(everybody, last_two, seen.toarray() > 0, times)  # (4000, 120)


def hit_chance(score):
    """Expected hit rate@10 by the world's own chances, as in chapter 08."""
    lists = rank_unseen(score, everybody, 10, seen)
    return float(np.take_along_axis(chances, lists, axis=1).sum(axis=1).mean())


# %% [markdown]
# `watch` writes down the truth after each epoch; it returns the number of the epoch, so that the last one is kept.


# %%
class LeakySASRec(SASRec):
    def _network(self, n_items):
        return OffByOne(n_items, self.n_factors, self.max_length, self.n_blocks, self.dropout)


def trained(model):
    curve = []

    def watch(model):
        curve.append(hit_chance(model.score))
        return len(curve)

    return model.fit(world_split.train, watch), curve


settings = {"n_blocks": 1, "max_length": 14, "dropout": 0.1, "batch_size": 32, "learning_rate": 1e-2}
honest, honest_curve = trained(SASRec(48, n_epochs=5, **settings))
leaky, leaky_curve = trained(LeakySASRec(48, n_epochs=2, **settings))

# %% [markdown]
# Which of the two would you have chosen by the training loss?

# %%
ceiling, chain = hit_chance(chances.__getitem__), hit_chance(MarkovChain().fit(world_split.train).score)
fig, axes = new_axes(2, height=3.4)
for model, curve, look, colour in [(honest, honest_curve, "o-", BLUE), (leaky, leaky_curve, "s--", ORANGE)]:
    for ax, values in zip(axes, [model.training_.losses, curve], strict=True):
        ax.plot(range(1, len(values) + 1), values, look, color=colour)
        name, shift = ("off by one", (10, 0)) if model is leaky else ("honest", (-40, -14))
        ax.annotate(name, (len(values), values[-1]), shift, textcoords="offset points", va="center")
        ax.set(xlabel="epoch", xticks=range(1, 6))
for value, name in [(ceiling, "ceiling"), (chain, "Markov chain")]:
    axes[1].axhline(value, color=BLACK, linestyle=":")
    axes[1].text(5, value + 0.01, name, ha="right")
axes[0].set(ylabel="training loss", ylim=(0, 5.5))
axes[1].set(ylabel="expected hit rate@10", ylim=(0, 0.75))
show(
    fig,
    caption="A leak: a splendid loss, useless lists.",
    alt="Two line charts over epochs. The dashed loss of the leaky network falls to nearly zero, the honest one stays "
    "high. The honest hit rate climbs towards the ceiling, the leaky one stays far below the Markov chain.",
)

# %% [markdown]
# The leaky network learned to copy the answer. When it has to recommend there is no answer to copy, and it ends far
# below a chain that counts steps. A loss far below what can be true is a symptom.

# %% tags=["claim"]
claim("The leaky training loss is below 1 after two epochs", leaky.training_.losses[-1] < 1)
claim("The honest one is above 3.5 after five", honest.training_.losses[-1] > 3.5)
claim("The leaky hit rate is below 0.6 of the chain's", leaky_curve[-1] < 0.6 * chain)
claim("The honest one is above the chain's", honest_curve[-1] > 1.1 * chain)

# %% [markdown]
# ## Where does it look?
#
# The law knows two things: the last genre and the one before. Each place has its own item anyway, for a block adds to
# what came in. What should it fetch by attention?

# %%
net = honest.network_
rows = torch.from_numpy(np.array([items[:10] for items in honest.histories_ if len(items) >= 10]))
with torch.no_grad():
    x = net.blocks[0].norm_attention(net.embedded(rows))
    looks = attention_weights(net.blocks[0].query(x), net.blocks[0].key(x))[:, 5:]  # places 5 to 9, (n, 5, 10)
back = np.array([looks[:, range(5), range(5 - b, 10 - b)].mean().item() for b in range(6)])
fig, ax = new_axes(height=3.2)
ax.bar(range(6), back, color=BLUE)
ax.set(xlabel="places back (0: the place itself)", ylabel="mean weight of attention", ylim=(0, 1.05))
show(
    fig,
    caption="Trained on a law of order two.",
    alt="Bar chart of the mean attention weight by how many places back it looks, zero to five. Most weight goes one "
    "place back; the place itself and places further back get little.",
)

# %% tags=["claim"]
claim("More than half of the weight goes one place back", back[1] > 0.5)

# %% [markdown]
# One place back: exactly what was missing. Do not conclude that weights explain a model in general. Here we know the
# law; with more blocks, what is read is a mixture.
#
# ## Two losses
#
# Both networks of this course end alike: a state $h$ scores each item by $s_j = h \cdot v_j$. The **full softmax**
# holds the right item against all others. The **sampled** loss draws a few, evenly, and asks of each alone: right or
# drawn? With $\sigma(s) = 1 / (1 + e^{-s})$, right costs $-\ln \sigma(s)$, drawn $-\ln \sigma(-s)$. SASRec as
# published draws one.
#
# ### Exercise 9.5 · Two losses for one state (core, 8 minutes)
#
# Give both: the mean of $-\ln$ softmax over the states, and the mean of the n · (1 + n_drawn) costs of the sampled
# loss, for which you compute only the scores that it needs. Input: `states` (n, n_factors), `vectors` (n_items,
# n_factors), `right` (n,), `drawn` (n, n_drawn). Output: two numbers. To multiply each state with its drawn items:
# `np.einsum("nd,nkd->nk", states, vectors[drawn])`.
#
# Example: `states = [[1]]`, `vectors = [[0], [0], [ln 2]]`, `right = [2]`, `drawn = [[0]]`. The scores are 0, 0, ln 2.
# Full: the softmax of item 2 is 2/4, so ln 2 ≈ 0.693. Sampled: $\sigma(\ln 2)$ = 2/3 and $\sigma(0)$ = 1/2, so
# (ln 3/2 + ln 2) / 2 ≈ 0.549.


# %%
def two_losses(states, vectors, right, drawn):
    """Mean loss of the full softmax, and of the sampled items."""
    ### BEGIN SOLUTION
    scores = states @ vectors.T  # (n, n_items)
    s_right = (states * vectors[right]).sum(axis=1)  # (n,)
    s_drawn = np.einsum("nd,nkd->nk", states, vectors[drawn])  # (n, n_drawn)
    full = (np.log(np.exp(scores).sum(axis=1)) - s_right).mean()
    costs = np.log1p(np.exp(np.column_stack([-s_right, s_drawn])))
    return full, costs.mean()
    ### END SOLUTION


check("9.5", two_losses)

# %% [markdown] tags=["solution"]
# **Why it works.** $-\ln \sigma(s) = \ln(1 + e^{-s})$; a drawn item turns the sign. **Another way.** `F.cross_entropy`
# and `F.binary_cross_entropy_with_logits`, as below. **Typical mistake.** The same sign for both: all scores grow.

# %% tags=["claim"]
states, vectors = (torch.from_numpy(rng.normal(size=(n, 8))) for n in (5, 20))
right, drawn = (torch.from_numpy(rng.integers(20, size=shape)) for shape in ((5,), (5, 3)))
scores = states @ vectors.T
few = scores.gather(1, torch.hstack([right[:, None], drawn]))  # (5, 4), the right one first
labels = torch.tensor([1.0, 0, 0, 0], dtype=torch.double).expand(5, 4)
by_torch = F.cross_entropy(scores, right).item(), F.binary_cross_entropy_with_logits(few, labels).item()
by_hand = ch09.two_losses(*(part.numpy() for part in (states, vectors, right, drawn)))
claim("Both losses agree with PyTorch", np.allclose(by_hand, by_torch))

# %% [markdown]
# ## What the sampled loss believes
#
# Suppose that after some history film $j$ is the next with chance $p_j$ (`p[j]`). Of $m$ films (`len(p)`) we draw
# $n_\text{drawn}$ (`n_drawn`) evenly. Then film $j$ stands there as the right one $p_j$ times, and as a drawn one
# $n_\text{drawn} / m$ times, on average. Its part of the sampled loss (not yet averaged) is
#
# $$-p_j \ln \sigma(s) - \frac{n_\text{drawn}}{m} \ln \sigma(-s)$$
#
# ### Exercise 9.6 · What the sampled loss believes (core, 7 minutes)
#
# Which $\sigma(s)$ makes it smallest, for each film? Input: `p` (n_items,), `n_drawn`. Output: (n_items,). The slope of
# $\ln \sigma(s)$ is $1 - \sigma(s)$, that of $\ln \sigma(-s)$ is $-\sigma(s)$. Example: four films,
# `p = [.5, .25, .25, 0]`, one drawn: a film stands there as drawn 1/4 of the time, so `[2/3, 1/2, 1/2, 0]`.


# %%
def believed(p, n_drawn):
    """What σ(s) should be, by the sampled loss, where the true chance is p."""
    ### BEGIN SOLUTION
    return p / (p + n_drawn / len(p))
    ### END SOLUTION


check("9.6", believed)

# %% [markdown] tags=["solution"]
# **Why it works.** $-p (1 - \sigma) + q \sigma = 0$ with $q = n_\text{drawn} / m$. **Another way.** By the score:
# $s = \ln p + \ln m - \ln n_\text{drawn}$. **Typical mistake.** Expecting $p$ itself.

# %% [markdown]
# So $\sigma(s)$ is not the chance that a film comes next: Petrov and Macdonald (2023) speak of **overconfidence**. But
# the best $s$ is $\ln p$ plus the same constant for every film, so the softmax of the scores gives `p` back.

# %% tags=["claim"]
m = 1682
p = np.append(0.01, np.full(m - 1, 0.99 / (m - 1)))  # one film of 1 %, the others share the rest
sigma = ch09.believed(p, 1)
scores = np.log(sigma) - np.log(1 - sigma)  # s, from σ(s)
claim("What the sampled loss believes of a film of 1 %, of 1,682", sigma[0], near=0.944, within=0.001)
claim("The softmax of the scores is p", np.allclose(np.exp(scores) / np.exp(scores).sum(), p))
ml = movielens.load()
split = split_last_out(ml)
n_targets = len(split.train) - ml.n_users
claim("Times that a film is drawn as wrong, in one epoch with one draw", n_targets / m, near=58.3, within=0.1)

# %% [markdown]
# A film with a true chance of 1 % is believed at 94 %. Yet with endless data both losses would put the films into the
# same order. But data end: in one epoch over MovieLens the sampled loss sets each film against a right one about 58
# times, mostly an easy win; the full softmax does so nearly 100,000 times.
#
# ## Loss against architecture
#
# To tell two causes apart, cross them: two networks, two losses, one protocol. The runs take minutes, so they are
# **saved**: `benchmarks/long_run_08.py` trained the GRU and `long_run_09.py` SASRec, five seeds each; settings and
# epoch were chosen on each person's last film but one. Before you look: which of the four curves will lie together?

# %%
folder = REPOSITORY / "datasets" / "long_runs"
saved = {"GRU": pd.read_csv(folder / "08_test.csv", index_col="user")}
saved["SASRec"] = pd.read_csv(folder / "09_test.csv", index_col="user")
fig, ax = new_axes(height=4)
for network, number in [("GRU", "08"), ("SASRec", "09")]:
    curves = pd.read_csv(folder / f"{number}_curves.csv")
    for loss, line in [("softmax", "-"), ("sampled", "--")]:
        mean = curves[curves["loss"] == loss].groupby("epoch")["validation_ndcg"].mean()
        ax.plot(mean, color=MODEL_STYLES[network]["color"], linestyle=line)
        ax.text(mean.index[-1] + 0.5, mean.iloc[-1], f"{network}, {loss}", va="center")
ax.set(xlabel="epoch", ylabel="nDCG@10, last film but one", xlim=(0, 53), ylim=(0, 0.14))
show(
    fig,
    caption="Saved curves: two networks, two losses, five seeds each.",
    alt="Line chart of mean validation nDCG at 10 against epochs, saved from long runs. The two solid curves, full "
    "softmax, rise fast and high; the two dashed ones, one sampled film, rise slowly and stay lower.",
)

# %% [markdown]
# The loss, not the network, says which curves lie together. Now the test films, which chose nothing. Each person's
# nDCG is the mean of five seeds; co-visitation and EASE have the settings of chapter 08.

# %%
ndcg = {(n, loss): saved[n].filter(like=loss) for n in saved for loss in ("softmax", "sampled")}
by_seed = pd.DataFrame({f"{n}, {loss}": runs.mean().to_numpy() for (n, loss), runs in ndcg.items()})
print(by_seed.agg(["mean", "std", "min"]).T.round(3))
models = {"EASE": EASE(100), "co-visitation": CoVisitation()}
results = {name: evaluate(model.fit(split.train).score, split, name=name) for name, model in models.items()}


def result(name, per_user):
    return Result(name, results["EASE"].protocol, pd.DataFrame({"nDCG@10": per_user}))


four = {pair: runs.mean(axis=1) for pair, runs in ndcg.items()}
counted = [result(name, r.per_user["nDCG@10"]) for name, r in results.items()]
result_table(counted + [result(", ".join(pair), per_user) for pair, per_user in four.items()])

# %% [markdown]
# What is gained by the full softmax in each network, and what by the GRU with each loss? A gain is a difference person
# by person, against nothing. Which intervals leave the zero line?

# %%
gains = {
    "full softmax, in the GRU": four["GRU", "softmax"] - four["GRU", "sampled"],
    "full softmax, in SASRec": four["SASRec", "softmax"] - four["SASRec", "sampled"],
    "GRU, with full softmax": four["GRU", "softmax"] - four["SASRec", "softmax"],
    "GRU, with one sampled film": four["GRU", "sampled"] - four["SASRec", "sampled"],
}
nothing = result("nothing", 0 * four["GRU", "softmax"])
intervals = [paired_difference(result(name, gain), nothing, "nDCG@10") for name, gain in gains.items()]
mean, low, high = np.array(intervals).T
fig, ax = new_axes(height=3.2)
ax.errorbar(mean, range(4), xerr=[mean - low, high - mean], fmt="o", color=BLUE)
ax.axvline(0, color=BLACK, linestyle="--")
ax.set(yticks=range(4), yticklabels=gains, xlabel="gain in nDCG@10, 95 % interval over people", ylim=(3.5, -0.5))
show(
    fig,
    caption="What is gained by the loss, and by the network.",
    alt="Dot chart of four gains with paired intervals. Both gains of the full softmax lie well right of the dashed "
    "zero line; those of the GRU over SASRec are smaller and lie near it.",
)

# %% [markdown]
# `reveal` takes the gain of the loss, averaged over both networks, minus that of the network, averaged over both
# losses.

# %% tags=["claim"]
by_loss = (gains["full softmax, in the GRU"] + gains["full softmax, in SASRec"]) / 2
by_network = (gains["GRU, with full softmax"] + gains["GRU, with one sampled film"]) / 2
reveal("P9.1", paired_difference(result("loss", by_loss), result("network", by_network), "nDCG@10"))
claim("SASRec with full softmax, mean of five seeds", by_seed["SASRec, softmax"].mean(), above=0.1)
claim("The full softmax gains in the GRU", low[0] > 0)
claim("The full softmax gains in SASRec", low[1] > 0)
claim("With full softmax the GRU is above SASRec", low[2] > 0)
claim("With one sampled film they cannot be told apart", low[3] < 0 < high[3])
old = four["GRU", "softmax"] - four["SASRec", "sampled"]
claim(
    "GRU with full softmax is above SASRec as published", paired_difference(result("", old), nothing, "nDCG@10")[1] > 0
)
network = result("SASRec", four["SASRec", "softmax"])
claim("SASRec with full softmax is above EASE", paired_difference(network, counted[0], "nDCG@10")[1] > 0)
_, worst, best = paired_difference(network, counted[1], "nDCG@10")
claim("SASRec with full softmax cannot be told from co-visitation", worst < 0 < best)

# %% [markdown]
# The loss gains in both networks, and more than the network does. An older network with the better loss beats SASRec
# with the loss that it was published with. And ten lines of counting cannot be told from SASRec. That the GRU
# leads by a little is no verdict on attention: the interval barely leaves zero, for 943 people.
#
# > **Reading the source critically.** The two articles that this course grew from walk from one architecture to the
# > next and measure none. Research fell into a subtler trap: for years SASRec, trained with one sampled item, was
# > compared with BERT4Rec, trained with the full softmax, and lost. Klenitskiy and Vasilev (2023) gave both the same
# > loss, and SASRec won. A comparison tells of what it varies only if all else is equal.
#
# ## What goes wrong
#
# - **A mask off by one.** Nothing fails; the loss is too good.
# - **0 for minus infinity.** The future keeps some weight.
# - **No places.** One block of attention then reads a set.
# - **σ(s) taken for a chance.** After the sampled loss it is far too sure.
# - **Two changes at once.** A new network with a new loss explains nothing.
#
# ## Recap
#
# - **O9.1:** you wrote attention for one query, then causal and batched, as PyTorch does.
# - **O9.2:** you saw that attention knows no order until places are added.
# - **O9.3:** you found leaks by changing the future, and saw what they do to a loss.
# - **O9.4:** you wrote both losses, and told their effect from that of the network.
#
# Five questions: write one letter for each, as in `["a", "b", "c", "a", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "c", "a", "b", "c"]
### END SOLUTION
quiz("09", answers)
progress("09")

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. (2017), *Attention Is All You Need*: section 3.2 is what you wrote.
# - Kang and McAuley (2018), *Self-Attentive Sequential Recommendation*: the network of this chapter.
# - Petrov and Macdonald (2023), *gSASRec*: why one negative makes a model too sure, and a mend that keeps sampling.
# - Klenitskiy and Vasilev (2023), *Turning Dross Into Gold Loss*: the same network with the other loss.
#
# **Next.** Chapter 10 gives items and people features, and a tower to each.
