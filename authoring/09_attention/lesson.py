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
# item. **Attention** keeps them all and asks, for each choice: which matter now? In this notebook we build it, catch it
# reading the future, and ask what makes the lists better: the network, or the loss?
#
# ## What you will be able to do
#
# - **O9.1** Write scaled dot-product attention for one query, then causal and batched
# - **O9.2** Test whether a model notices the order of its items
# - **O9.3** Find a leak from the future by changing the future
# - **O9.4** Write the full and the sampled loss, and derive what the sampled one estimates
#
# You need the softmax and chapters 03 and 08.

# %%
import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from recsys_teach.data import movielens, split_last_out
from recsys_teach.data.world import make_world
from recsys_teach.evaluation import Result, evaluate, paired_difference, rank_unseen, result_table
from recsys_teach.figures import BLACK, BLUE, MODEL_STYLES, ORANGE, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reference, reveal
from recsys_teach.models import EASE, CoVisitation, MarkovChain
from recsys_teach.training import seeded

# %% [markdown]
# ## Predict first
#
# Write a letter in quotes in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "b"
### END SOLUTION
predict("P9.1", guess)

# %% [markdown]
# ## By hand: one question to an evening
#
# Eve watched *Chase*, *Heist*, *Waltz*. Each film has a **key**, what it can be found by, and a **value**, what it
# hands over: here, its number of car chases. The next choice asks with a **query**. The better a key fits it, the more
# the value counts:

# %%
films = ["Chase", "Heist", "Waltz"]
query = np.array([2.0, 0.5])  # asks for action, and a little romance
keys = np.array([[1.0, 0.2], [0.7, 0.0], [0.0, 1.0]])  # action, romance
values = np.array([[4.0], [2.0], [0.0]])  # car chases
fits = keys @ query / np.sqrt(len(query))  # (3,)
weights = np.exp(fits) / np.exp(fits).sum()
print(pd.DataFrame({"fit": fits, "weight": weights, "value": values[:, 0]}, films).round(2))
print("mixed value:", (weights @ values).round(2))

# %% [markdown]
# The weights are the **softmax** of the fits. With the query $q$ (`query`), keys $k_j$ and values $v_j$ (rows of
# `keys`, `values`), and $d$ the length of the query:
#
# $$w_j=\frac{e^{q\cdot k_j/\sqrt{d}}}{\sum_i e^{q\cdot k_i/\sqrt{d}}},\qquad\text{result}=\sum_j w_j v_j$$
#
# Why $\sqrt d$? A product of two random vectors of length $d$ is a sum of $d$ numbers, and spreads like $\sqrt d$.
# Undivided, long vectors would give one key all the weight.

# %%
rng = np.random.default_rng(9)
for d in (4, 64):
    products = (rng.normal(size=(10_000, d)) * rng.normal(size=(10_000, d))).sum(axis=1)
    print(f"d = {d}: products spread by {products.std():.1f}; over the root of d, by {products.std() / d**0.5:.1f}")

# %% [markdown]
# ### Exercise 9.1 · Attention for one query (warm-up, 6 minutes)
#
# Give the result. Input: `query` (d,), `keys` (length, d), `values` (length, n_values). Output: (n_values,). Example:
# `query = [2, 0, 0, 0]`, `keys = [[ln 3, 0, 0, 0], [0, 5, 0, 0]]`, `values = [[4], [8]]`: the products over $\sqrt 4$
# are $\ln 3$ and 0, the weights 3/4 and 1/4, so `[5]`.


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
# keys that adds `weight * value`. **Typical mistake.** Forgetting the root: nothing fails, but with
# long vectors one key takes nearly all the weight.

# %% [markdown]
# ## Every place asks, none looks ahead
#
# In **self-attention** each place of a row asks. Three matrices, learned in training (here random), turn its vector
# into a query, a key and a value. To predict the next item, a place may read itself and those before, never what comes
# after: the **causal mask** sets the other products to $-\infty$, and $e^{-\infty} = 0$. In a loop, place `t` reads the
# first `t + 1` keys.


# %%
def causal_by_loop(Q, K, V):  # each (length, d)
    out = np.zeros_like(V)
    for t in range(len(Q)):
        w = np.exp(K[: t + 1] @ Q[t] / np.sqrt(Q.shape[-1]))
        out[t] = w / w.sum() @ V[: t + 1]
    return out


x = rng.normal(size=(2, 5, 3))  # two rows of five places
W_q, W_k, W_v = rng.normal(size=(3, 3, 3))
Q, K, V = x @ W_q, x @ W_k, x @ W_v  # (2, 5, 3) each
print("first value:", V[0, 0].round(2), causal_by_loop(Q[0], K[0], V[0]).round(2), sep="\n")

# %% [markdown]
# The first place reads only itself: it gets its own value.
#
# ### Exercise 9.2 · Causal and batched (core, 9 minutes)
#
# Do that without a loop, **batched**: n rows at once, along the first axis. Input: `Q`, `K` (n, length, d), `V` (n,
# length, n_values). Output: (n, length, n_values). `A @ B` multiplies the last two axes, `K.swapaxes(-1, -2)` turns
# them round, `np.tril` clears all above the diagonal, `np.where(mask, A, -np.inf)` forbids. Example:
# `Q = K = [[[0], [0]]]`, `V = [[[2], [6]]]`: the first place gets 2, the second the mean, `[[[2], [4]]]`.


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
# The loop, PyTorch and the package agree:

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
# `items = [1, 2, 5]`, the last state is $1 + 4 + 15 = 20$. Swapping 1 and 2, the one possible pair, gives
# $2 + 2 + 15 = 19$: the answer is 1.


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
# The package's **SASRec** network adds to each item's vector a learned vector of its **place**. Then come **blocks**:
# causal attention, then two layers at each place alone. Each of the two first gives every vector mean 0 and spread 1
# (**layer norm**); its result, random numbers of which are set to 0 while training (**dropout**), is *added* to what
# came in.
#
# Does order matter to one block, or to two? `reference` takes the course's own answer, so the cell runs whatever yours
# does; to try yours, leave out that line:

# %% tags=["claim"]

order_gap = reference("9.3")
row = np.array([0, 1, 3, 2, 5])


def reader(network):
    """Give what exercises 9.3 and 9.4 call `read`."""

    def read(items):
        with torch.no_grad():
            return network.hidden(torch.from_numpy(np.array(items))[None])[0].numpy()

    return read


with seeded(9):  # items, factors, places, blocks, dropout
    one, two = (SASRecNetwork(6, 8, 5, n_blocks, 0.2).eval() for n_blocks in (1, 2))
claim("With vectors of the places order matters", order_gap(reader(one), row) > 0.01)
for network in (one, two):
    torch.nn.init.zeros_(network.position_embeddings.weight)
claim("Without them it does not, to one block", order_gap(reader(one), row) < 1e-5)
claim("To two blocks it does", order_gap(reader(two), row) > 0.01)

# %% [markdown]
# Two blocks notice something without places: after a swap a state in the middle has met other items, and the last place
# reads it.
#
# ## Catch it reading the future
#
# A mask off by one lets place $t$ read item $t + 1$: the very item to predict. No error is raised; a test tells:
# **change the future, and nothing before may move**.
#
# ### Exercise 9.4 · How far does it look ahead? (core, 9 minutes)
#
# Put `other` at each place $j$, one at a time, and see which states at places $i < j$ move. Give the largest $j - i$, 0
# if none moves. Input: `read` as before, `items` (length,), `other`, not among them. Output: a whole number. Compare
# with `np.allclose`. Example: with `read` giving at each place the sum up to the *next* item, `items = [1, 2, 5]` and
# `other = 9`: changing place 1 moves state 0, changing place 2 state 1, not 0. The answer is 1.


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
# Three masks, one also in two blocks. Which would you deploy?


# %% tags=["claim"]
class OffByOne(SASRecNetwork):
    def mask(self, length):
        return torch.ones(length, length, dtype=torch.bool).tril(1)  # 1: one above the diagonal


class NoMask(SASRecNetwork):
    def mask(self, length):
        return torch.ones(length, length, dtype=torch.bool)


ahead = {}
for kind, n_blocks in [(SASRecNetwork, 1), (OffByOne, 1), (OffByOne, 2), (NoMask, 1)]:
    with seeded(9):
        network = kind(6, 8, 5, n_blocks, 0.2).eval()
    ahead[f"{kind.__name__}, blocks: {n_blocks}"] = reference("9.4")(reader(network), row, 4)
print(pd.Series(ahead, name="steps ahead"))
claim("Only the package's network keeps to the past", list(ahead.values()) == [0, 1, 2, 4])

# %% [markdown]
# Leaks of blocks add up; 4 is the whole row of five.
#
# ## What a leak looks like in training
#
# In chapter 08's world the next genre depends on the last *two*, and the best possible hit rate is known. We train two
# networks there, honest and off by one.

# %%
from recsys_teach.models.sequence import histories

world = make_world(4000, 120, 15, sequence_strength=1, personalization=0, exposure_bias=0)
world_split = split_last_out(world.exposed())
everybody, seen = np.arange(4000), world_split.train.matrix()
last_two = np.array([np.append([-1, -1], items)[-2:] for items in histories(world_split.train)])
times = np.zeros(4000)
times[world_split.test.user_pos] = world_split.test.log["time"]
probabilities = world.truth.next_item(everybody, last_two, seen.toarray() > 0, times)  # (4000, 120)
law = -np.log(probabilities[world_split.test.user_pos, world_split.test.item_pos]).mean()  # what the truth itself costs


def hit_probability(score):
    """Expected hit rate@10 by the world's own chances, as in chapter 08."""
    lists = rank_unseen(score, everybody, 10, seen)
    return float(np.take_along_axis(probabilities, lists, axis=1).sum(axis=1).mean())


# %% [markdown]
# `watch` notes the true hit rate after each epoch, and returns its number, so that the last is kept. The leaky network
# stops after two: by then its loss is near 0.


# %%
class LeakySASRec(SASRec):
    def _network(self, n_items):
        return OffByOne(n_items, self.n_factors, self.max_length, self.n_blocks, self.dropout)


def trained(model):
    curve = []

    def watch(model):
        curve.append(hit_probability(model.score))
        return len(curve)

    return model.fit(world_split.train, watch), curve


settings = {"n_blocks": 1, "max_length": 14, "dropout": 0.1, "batch_size": 32, "learning_rate": 1e-2}
honest, honest_curve = trained(SASRec(48, n_epochs=5, **settings))
leaky, leaky_curve = trained(LeakySASRec(48, n_epochs=2, **settings))

# %% [markdown]
# Which would you have chosen by the training loss?

# %% tags=["figure"]
ceiling, chain = hit_probability(probabilities.__getitem__), hit_probability(MarkovChain().fit(world_split.train).score)
fig, axes = new_axes(2, height=3.4)
for model, curve, look, color in [(honest, honest_curve, "o-", BLUE), (leaky, leaky_curve, "s--", ORANGE)]:
    for ax, values in zip(axes, [model.loss_history_, curve], strict=True):
        ax.plot(range(1, len(values) + 1), values, look, color=color)
        name, shift = ("off by one", (10, 0)) if model is leaky else ("honest", (-40, -14))
        ax.annotate(name, (len(values), values[-1]), shift, textcoords="offset points", va="center")
        ax.set(xlabel="epoch", xticks=range(1, 6))
for ax, value, name in [(axes[0], law, "the law"), (axes[1], ceiling, "ceiling"), (axes[1], chain, "Markov chain")]:
    ax.axhline(value, color=BLACK, linestyle=":")
    ax.annotate(name, (5, value), (0, -14 if ax is axes[0] else 4), textcoords="offset points", ha="right")
axes[0].set(ylabel="training loss", ylim=(0, 5.5))
axes[1].set(ylabel="expected hit rate@10", ylim=(0, 0.75))
show(
    fig,
    caption="A leak: a splendid loss, useless lists.",
    alt="Two line charts over epochs. The dashed loss of the leaky network falls to nearly zero, far below the law's; "
    "the honest one stays above. The honest hit rate climbs toward the ceiling, the leaky one stays below the chain.",
)

# %% [markdown]
# The leaky network learned to copy the answer. To recommend, there is none to copy: it ends far below a chain that
# counts steps, and after the same two epochs the honest one hits over twice as often. A loss far below what can be true
# is a symptom: on the test films the law itself costs about 3.3.

# %% tags=["claim"]
claim("The leaky training loss is below 1 after two epochs", leaky.loss_history_[-1] < 1)
claim("The honest one is above 3.5 after five", honest.loss_history_[-1] > 3.5)
claim("The law, on the test films", law, near=3.31, within=0.01)
claim("After two epochs the honest one hits over twice as often", honest_curve[1] > 2 * leaky_curve[1])
claim("The leaky hit rate is below 0.6 of the chain's", leaky_curve[-1] < 0.6 * chain)
claim("The honest one is above the chain's", honest_curve[-1] > 1.1 * chain)

# %% [markdown]
# ## Where does it look?
#
# The law knows the last two genres. Its own item each place keeps, for a block adds to what came in. What should
# attention fetch?

# %% tags=["figure"]
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
    caption="A law of order two: attention goes one place back.",
    alt="Bar chart of the mean attention weight by how many places back it looks, zero to five. The bar one place "
    "back is the highest by far; most others are close to 0.",
)

# %% tags=["claim"]
claim("Most of the weight goes one place back", back[1] > 0.6)

# %% [markdown]
# One place back: what was missing. (In some runs a part of the weight goes two places back.) But weights explain no
# model in general: with more blocks, what is read is a mixture.
#
# ## Two losses
#
# Both networks end alike: a state $h$ scores each item by $s_j = h \cdot v_j$, where $v_j$ is now the item's vector, as
# in chapter 08. The **full softmax** holds the right item against all others. The **sampled** loss draws a few of all
# items, evenly (one that hits the right item stays in), and asks of each alone: right or drawn? With
# $\sigma(s) = 1 / (1 + e^{-s})$, right costs $-\ln \sigma(s)$, drawn $-\ln \sigma(-s)$. SASRec as published draws one.
#
# ### Exercise 9.5 · Two losses for one state (core, 8 minutes)
#
# Give both: the mean of $-\ln$ softmax over the states, and the mean of the $n (1 + n_\text{drawn})$ costs of the
# sampled loss, for which you compute only the scores that it needs. Input: `states` (n, n_factors), `vectors` (n_items,
# n_factors), `right` (n,), `drawn` (n, n_drawn). Output: two numbers. `np.einsum("nd,nkd->nk", states, vectors[drawn])`
# multiplies each state with its drawn items.
#
# Example: `states = [[1]]`, `vectors = [[0], [0], [ln 2]]`, `right = [2]`, `drawn = [[0]]`. The scores are
# $0, 0, \ln 2$. Full: the softmax of item 2 is 2/4, so $\ln 2$ ≈ 0.693. Sampled: $\sigma(\ln 2) = 2/3$ and
# $\sigma(0) = 1/2$, so $(\ln 3/2 + \ln 2) / 2$ ≈ 0.549.


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
by_hand = reference("9.5")(*(part.numpy() for part in (states, vectors, right, drawn)))
claim("Both losses agree with PyTorch", np.allclose(by_hand, by_torch))

# %% [markdown]
# ## What the sampled loss believes
#
# Suppose that after some history film $j$ is next with chance $p_j$ (`p[j]`). Of $m$ films (`len(p)`) we draw
# $n_\text{drawn}$ (`n_drawn`) evenly, the right one not excluded. On average film $j$ stands there $p_j$ times as the
# right one, and $n_\text{drawn} / m$ times as a drawn one. Its part of the sampled loss, not yet averaged, is
#
# $$-p_j\ln\sigma(s)-\frac{n_\text{drawn}}{m}\ln\sigma(-s)$$
#
# ### Exercise 9.6 · What the sampled loss believes (core, 7 minutes)
#
# Which $\sigma(s)$ makes it smallest, for each film? There its slope along $s$ is 0; the slope of $\ln \sigma(s)$ is
# $1 - \sigma(s)$, that of $\ln \sigma(-s)$ is $-\sigma(s)$. Input: `p` (n_items,), `n_drawn`. Output: (n_items,).
# Example: four films, `p = [.5, .25, .25, 0]`, one drawn: each stands there as drawn 1/4 of the time, so
# `[2/3, 1/2, 1/2, 0]`.


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
# So $\sigma(s)$ is not the chance of a film: Petrov and Macdonald (2023) speak of **overconfidence**. But
# $\sigma / (1 - \sigma) = p \, m / n_\text{drawn}$, so the best $s$ is $\ln p + \ln(m / n_\text{drawn})$: the same
# constant for every film, and the softmax of the scores gives `p` back.

# %% tags=["claim"]
m = 1682
p = np.append(0.01, np.full(m - 1, 0.99 / (m - 1)))  # one film of 1 %, the others share the rest
sigma = reference("9.6")(p, 1)
scores = np.log(sigma) - np.log(1 - sigma)  # s, from σ(s)
claim("What the sampled loss believes of a film of 1 %, of 1,682", sigma[0], near=0.944, within=0.001)
claim("The softmax of the scores is p", np.allclose(np.exp(scores) / np.exp(scores).sum(), p))
ml = movielens.load()
split = split_last_out(ml)
n_targets = len(split.train) - ml.n_users
claim("Times that a film is drawn as wrong, in one epoch with one draw", n_targets / m, near=58.3, within=0.1)

# %% [markdown]
# A film of 1 % is believed at 94 %. With endless data both losses would still order the films alike. But data end: in
# one epoch over MovieLens the sampled loss sets each film against a right one about 58 times, mostly an easy win; the
# full softmax nearly 100,000 times.
#
# ## Loss against architecture
#
# To tell two causes apart, cross them: two networks, two losses, five seeds each. The runs are **saved**
# (`saved_run.py` of chapters 08 and 09).
#
# Not all is equal. Each network has its own settings, chosen on each person's last film but one, for both losses alike:
# the GRU reads the last 50 films, SASRec 20, and their learning rates differ. Full runs have 20 epochs, sampled ones
# 40; each keeps its best. So compare the losses inside a network; between networks there is no verdict. Which of the
# four curves will lie together?

# %% tags=["figure"]
saved = {"GRU": load_saved_run("08")["test"].set_index("user")}
saved["SASRec"] = load_saved_run("09")["test"].set_index("user")
fig, ax = new_axes(height=4)
for network, number in [("GRU", "08"), ("SASRec", "09")]:
    curves = load_saved_run(number)["curves"]
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
# The solid ones lie close together, above the dashed ones. These part: the GRU seems ahead, on films that also chose
# settings and epochs. And on the test films, which chose nothing? Co-visitation and EASE are set as in chapter 08.

# %%
ndcg = {(n, loss): saved[n].filter(like=loss) for n in saved for loss in ("softmax", "sampled")}
by_seed = pd.DataFrame({f"{n}, {loss}": runs.mean().to_numpy() for (n, loss), runs in ndcg.items()})
print("nDCG@10, over five seeds:", by_seed.agg(["mean", "std"]).T.round(3), sep="\n")
models = {"EASE": EASE(100), "co-visitation": CoVisitation()}
results = {name: evaluate(model.fit(split.train).score, split, name=name) for name, model in models.items()}


def result(name, per_user):
    return Result(name, results["EASE"].protocol, pd.DataFrame({"nDCG@10": per_user}))


four = {pair: runs.mean(axis=1) for pair, runs in ndcg.items()}
counted = [result(name, r.per_user["nDCG@10"]) for name, r in results.items()]
result_table(counted + [result(", ".join(pair), per_user) for pair, per_user in four.items()])

# %% [markdown]
# On the test films it is the other way round: 0.086 and 0.085 with one sampled film, 0.115 and 0.105 with the full
# softmax. The sampled GRU's large `std` comes from one seed. Which gains leave the zero line: those of the full
# softmax, those of the GRU?

# %% tags=["figure"]
gains = {
    "full softmax, in the GRU": four["GRU", "softmax"] - four["GRU", "sampled"],
    "full softmax, in SASRec": four["SASRec", "softmax"] - four["SASRec", "sampled"],
    "GRU, with full softmax": four["GRU", "softmax"] - four["SASRec", "softmax"],
    "GRU, with one sampled film": four["GRU", "sampled"] - four["SASRec", "sampled"],
}
nothing = result("nothing", 0 * four["GRU", "softmax"])
intervals = [paired_difference(result(name, gain), nothing, "nDCG@10") for name, gain in gains.items()]
mean, low, high = np.array(intervals).T
print(pd.DataFrame({"gain": mean, "from": low, "to": high}, list(gains)).round(3))
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
# `reveal` holds SASRec, with each loss, against co-visitation.

# %% tags=["claim"]
full, published = (result("SASRec", four["SASRec", loss]) for loss in ("softmax", "sampled"))
over_counting = [paired_difference(network, counted[1], "nDCG@10") for network in (full, published)]
reveal("P9.1", over_counting)
for name, near in zip(by_seed, [0.115, 0.086, 0.105, 0.085], strict=True):
    claim(f"{name}, mean of five seeds", by_seed[name].mean(), near=near, within=0.001)
by_loss, by_network = ((gains[a] + gains[b]) / 2 for a, b in [list(gains)[:2], list(gains)[2:]])
difference = paired_difference(result("loss", by_loss), result("network", by_network), "nDCG@10")
claim("Gain of the loss, over both networks", by_loss.mean(), near=0.024, within=0.001)
claim("Gain of the GRU, over both losses", by_network.mean(), near=0.006, within=0.001)
claim("The loss gains more than the network: lower end of the interval", difference[1], above=0)
claim("The full softmax gains in both networks", min(low[:2]) > 0)
claim("The GRU is above SASRec with the full softmax only", low[2] > 0 and low[3] < 0 < high[3])
old = paired_difference(result("GRU", four["GRU", "softmax"]), published, "nDCG@10")
claim("GRU with full softmax is above SASRec as published", old[1] > 0)
claim("SASRec with full softmax is above EASE", paired_difference(full, counted[0], "nDCG@10")[1] > 0)
claim("With neither loss can SASRec be told from co-visitation", all(lo < 0 < hi for _, lo, hi in over_counting))
counting = paired_difference(result("GRU", four["GRU", "softmax"]), counted[1], "nDCG@10")
claim("The GRU with full softmax is above co-visitation", counting[1] > 0)

# %% [markdown]
# The loss gains 0.024 on average, the network 0.006. The older network with the full softmax beats SASRec as published,
# and the counting, too. SASRec cannot be told from ten lines of counting, even with the full softmax. But the GRU's
# lead is no verdict on attention: it reads 50 films against 20, and the interval barely leaves zero, for 943 people.
#
# > **Reading the source critically.** The two articles that this course grew from walk from one architecture to the
# > next and measure none. Research fell into a subtler trap: for years SASRec with one sampled item lost to BERT4Rec
# > with the full softmax. Klenitskiy and Vasilev (2023) gave both the same loss, and SASRec won. A comparison tells of
# > what it varies only if all else is equal.
#
# ## What goes wrong
#
# - **A mask off by one.** Nothing fails; the loss is too good.
# - **0 for minus infinity.** The future keeps some weight.
# - **No places.** One block of attention then reads a set.
# - **σ(s) taken for a chance.** After the sampled loss it is far too sure.
#
# ## Recap
#
# - **O9.1:** you wrote attention for one query, then causal and batched, as PyTorch does.
# - **O9.2:** you saw that one block of attention knows no order until places are added.
# - **O9.3:** you found leaks by changing the future, and saw what they do to a loss.
# - **O9.4:** you wrote both losses, and told their effect from that of the network.
#
# Five questions, one letter for each, as in `["a", "b", "c", "a", "b"]`.

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
# - Kang and McAuley (2018), *Self-Attentive Sequential Recommendation*: this chapter's network.
# - Petrov and Macdonald (2023), *gSASRec*: why one negative makes a model too sure, and a mend.
# - Klenitskiy and Vasilev (2023), *Turning Dross Into Gold Loss*: the same network, the other loss.
#
# **Next.** Chapter 10 gives items and people features, and a tower to each.
