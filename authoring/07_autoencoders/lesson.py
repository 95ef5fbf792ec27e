# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "07"
#     minutes: {reading: 18, doing: 48}
# ---

# %% [markdown]
# # 07 · Autoencoders
#
# Yusuf runs the evening desk of a film club. Somebody joins, ticks some films they know, and wants the next one now,
# without waiting for a model to be trained. In this notebook we build networks that read a whole history at once,
# squeeze it, and give it back with the gaps filled in: **autoencoders**.
#
# ## What you will be able to do
#
# - **O7.1** Write an autoencoder's loss over the known cells, and train it with a loop of your own
# - **O7.2** Compare what decoders span by their projectors, whatever their weights are
# - **O7.3** Drop inputs so that a wide autoencoder cannot copy, and say what that costs in closed form
# - **O7.4** Write the two parts of a Mult-VAE's loss: a multinomial likelihood and an annealed KL term
#
# You need matrix products, logarithms, SVD (chapter 04), gradients (chapter 05) and EASE (chapter 06).

# %%
import numpy as np
import pandas as pd
import torch
from scipy.special import expit as sigmoid
from sklearn.model_selection import KFold
from torch import nn
from torch.nn import functional as F

from recsys_teach.data import Interactions, movielens
from recsys_teach.data.world import load_world
from recsys_teach.evaluation import evaluate, result_table, rmse
from recsys_teach.figures import BLUE, MODEL_STYLES, ORANGE, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reveal

# %% [markdown]
# ## Predict first
#
# At the end we rank films for people held out. Write the letter of your guess in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "b"
### END SOLUTION
predict("P7.1", guess)

# %% [markdown]
# ## By hand: squeeze a row and give it back
#
# Chapter 05's table: ratings minus their mean, 0 in the four blanks. The **encoder** $E$ (`E`, n_items × k) turns a row
# $x$ into a **code** of $k$ numbers, the **decoder** $D$ (`D`, k × n_items) the code into a number for each film:
#
# $$\hat x=\sigma(xE)\,D,\qquad\sigma(a)=\frac{1}{1+e^{-a}}$$
#
# with $\sigma$ as `sigmoid`. For two people as a loop, for all as two products:

# %%
R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
known = R > 0
X = np.where(known, R - R[known].mean(), 0)  # (5 people, 4 films)
E = np.array([[1.0], [1.0], [-1.0], [-1.0]])  # code near 1: likes the first two films
D = np.array([[2.0, 2.0, -2.0, -2.0]])
outputs = sigmoid(X @ E) @ D  # (5, 4)
for u in (0, 2):
    code = sum(X[u, i] * E[i] for i in range(4))
    assert np.allclose(outputs[u], sigmoid(code) * D[0])
print(outputs.round(2))

# %% [markdown]
# Cleo and Dan get nearly 0 everywhere: a code between 0 and 1 cannot turn $D$ round. A second code mends that.
#
# ### Exercise 7.1 · The masked autoencoder loss (core, 6 minutes)
#
# Give the squared errors over the known cells, summed, divided by the number of rows. Input: `X` and `known` (bool),
# shape (n, m); `E`, shape (m, k); `D`, shape (k, m). Output: one number. Example: `X = [[1, 0], [0, -1]]`, all known
# but row 0, column 1; `E = [[0], [0]]`, so both codes are .5; `D = [[2, 4]]` gives `[1, 2]` twice. The errors are 0, 1
# and 3: `(0 + 1 + 9) / 2 = 5`.


# %%
def masked_autoencoder_loss(X, known, E, D):
    """Squared errors of the known cells, summed and divided by the number of rows."""
    ### BEGIN SOLUTION
    errors = (sigmoid(X @ E) @ D - X)[known]
    return (errors**2).sum() / len(X)
    ### END SOLUTION


check("7.1", masked_autoencoder_loss)

# %% [markdown] tags=["solution"]
# **Why it works.** A blank goes in as 0, which adds nothing to a code, and comes out without a right answer.
# **Another way.** `(known * (outputs - X) ** 2).sum() / len(X)`. **Typical mistake.** `X != 0` as the mask: a rating
# equal to the mean is a 0 that is known.

# %% [markdown]
# In PyTorch the products are `nn.Linear` layers, weights stored transposed. The package's `masked_loss` takes the
# outputs.

# %%
from recsys_teach.models.autoencoder import masked_loss

network = nn.Sequential(nn.Linear(4, 1, bias=False), nn.Sigmoid(), nn.Linear(1, 4, bias=False)).double()
network[0].weight.data, network[2].weight.data = torch.tensor(E.T), torch.tensor(D.T)
cells, mask = torch.tensor(X), torch.tensor(known)
by_torch = F.mse_loss(network(cells)[mask], cells[mask], reduction="sum") / 5
by_package = masked_loss(network(cells), cells, mask)
assert np.isclose(by_torch.item(), (((outputs - X)[known]) ** 2).sum() / 5)
assert np.isclose(by_package.item(), by_torch.item())
print(f"by PyTorch {by_torch.item():.3f}, by the package {by_package.item():.3f}")

# %% [markdown]
# ## The training loop
#
# PyTorch finds the slopes: `value.backward()` adds to each parameter's `.grad` how fast `value` grows with it. An
# **optimizer** steps against them. **Adam** divides each slope by its usual size, so its first step is as long as the
# learning rate. One step, for a weight that should turn 1 into 1:

# %%
weight = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.Adam([weight], lr=0.1)
value = ((weight * 1 - 1) ** 2).sum()
value.backward()
optimizer.step()
print(f"loss {value.item()}, slope {weight.grad.item()}, weight after the step {weight.item():.1f}")

# %% [markdown]
# An **epoch** makes one step for each batch.
#
# ### Exercise 7.2 · The training loop (core, 9 minutes)
#
# Train `module` with `torch.optim.Adam(module.parameters(), lr=learning_rate)`, and give a list: for each epoch the
# mean of the batches' losses, each noted before its step, as a float (`value.item()`). Input: `batches`, a list of
# tensors; `loss(module, batch)`, a tensor with one number; `n_epochs`. `optimizer.zero_grad()` clears old slopes,
# `optimizer.step()` makes the step. Example: a module that multiplies by a weight, now 0; one batch `[[1]]`; squared
# error; `learning_rate = 0.1`. The loss is 1; the step above takes the weight to .1; the loss is .81: `[1, 0.81]`.


# %%
def fit(module, batches, loss, n_epochs, learning_rate):
    """Train the module in place; mean loss of the batches of each epoch."""
    ### BEGIN SOLUTION
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    history = []
    for _ in range(n_epochs):
        values = []
        for batch in batches:
            value = loss(module, batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            values.append(value.item())
        history.append(np.mean(values))
    return history
    ### END SOLUTION


check("7.2", fit)

# %% [markdown] tags=["solution"]
# **Why it works.** Four lines a batch: loss, clear, slopes, step. **Another way.** `module.zero_grad()`, which clears
# the same slopes. **Typical mistake.** No `zero_grad()`: `backward()` adds, so every step repeats the ones before.

# %% [markdown]
# The package's `train` is this loop with **early stopping**: given a `validate` function, it keeps the parameters of
# the best epoch. It takes a function that draws an epoch's batches, each a tuple, and a loss of what a tuple holds.
# `seeded` fixes what layers start from. First the example, then the table:

# %%
from recsys_teach.training import seeded, train

one = nn.Linear(1, 1, bias=False)
nn.init.zeros_(one.weight)
example = train(one, lambda rng: [(torch.ones(1, 1),)], lambda x: (one(x) - x) ** 2, n_epochs=2, learning_rate=0.1)
print("example:", [round(value, 2) for value in example.losses])


def loss_of_table(x):
    return masked_loss(network(x), x, mask)


with seeded(7):
    network = nn.Sequential(nn.Linear(4, 2), nn.Sigmoid(), nn.Linear(2, 4)).double()
losses = train(network, lambda rng: [(cells,)], loss_of_table, n_epochs=200, learning_rate=0.05).losses
print(f"table: loss {losses[0]:.1f} at first, {losses[-1]:.1f} after 200 epochs")

# %% [markdown]
# ## AutoRec: ratings of real people
#
# **AutoRec** (Sedhain et al. 2015) is this network with biases. Its better version reads *columns*: a film's ratings by
# all people go in, a number for each person comes out. One of chapter 05's five folds:

# %% tags=["claim"]
from recsys_teach.models import AutoRec, BiasedMF, DampedBiases

ml = movielens.load()
fitted_on, held_out = next(iter(KFold(5, shuffle=True, random_state=0).split(np.arange(len(ml)))))
ratings, hidden = ml.take(fitted_on), ml.take(held_out)
errors = {}
for name, model in {"damped biases": DampedBiases(), "AutoRec": AutoRec(), "BiasedMF": BiasedMF()}.items():
    predicted = model.fit(ratings).predict(hidden.user_pos, hidden.item_pos)
    errors[name] = rmse(hidden.log["rating"], predicted)
print(pd.Series(errors).round(3).to_string())
claim("RMSE of AutoRec minus that of the biases, in stars", errors["AutoRec"] - errors["damped biases"], below=-0.005)
claim("RMSE of AutoRec minus that of BiasedMF", errors["AutoRec"] - errors["BiasedMF"], above=0.005)

# %% [markdown]
# It beats the biases, not chapter 05's factors. Its decoder holds a column for each person: it *is* a factor model,
# whose film factors are computed from ratings. A new film is served at once, a newcomer is not; from here on we read
# rows.
#
# ## What does the narrow layer find?
#
# Take the sigmoid away, and let every cell be known: $\hat X = X E D$ has rank $k$. By chapter 04 its squared error is
# at least the sum of the squared singular values left out. How near does training get, on the world's noisy affinity
# table, made from 8 directions?

# %% tags=["figure"]
world = load_world()
affinity = world.truth.affinity(np.arange(1000))  # (1000 people, 600 items)
table = affinity + np.random.default_rng(7).normal(0, 2, size=affinity.shape)
table -= table.mean(axis=0)
U, s, Vt = np.linalg.svd(table, full_matrices=False)
floor = (s[8:] ** 2).sum() / 1000
rows = torch.tensor(table, dtype=torch.float32)


def squared_error(x):
    return ((linear(x) - x) ** 2).sum() / len(x)


with seeded(7):
    linear = nn.Sequential(nn.Linear(600, 8, bias=False), nn.Linear(8, 600, bias=False))
    history = train(linear, lambda rng: [(rows,)], squared_error, n_epochs=200, learning_rate=0.01)

fig, ax = new_axes(height=3.4)
history.plot(ax, color=BLUE)
ax.axhline(floor, color=ORANGE, linestyle="--")
ax.text(200, floor - 280, "SVD of rank 8 (dashed)", ha="right")
ax.text(45, 3200, "linear autoencoder")
ax.set(ylabel="squared error a person", ylim=(1800, 5500))
show(
    fig,
    caption="Training ends where the SVD begins.",
    alt="Line chart of the squared error of a linear autoencoder over 200 epochs. It falls fast and flattens on a "
    "dashed horizontal line, the error of the best approximation of rank eight.",
)

# %% [markdown]
# It gets there (Bourlard and Kamp 1988). **PCA**, principal component analysis, is the SVD of a table whose column
# means are 0. The decoder's rows need not be the singular vectors: with any invertible $A$, $E A$ and $A^{-1} D$ give
# the same outputs. Only the **span** of the rows of $D$, all their mixes, is fixed.
#
# ### Exercise 7.3 · What a decoder spans (core, 6 minutes)
#
# Two spans are equal if their **projectors** are: the matrix $P$ for which $xP$ is the nearest mix of the rows of $D$
# to $x$. If the rows are orthonormal, $P = D^\top D$. In general the nearest mix $cD$ solves the normal equations
# $c \, D D^\top = x D^\top$. Input: `D`, shape (k, m), rows independent. Output: shape (m, m). Example: `D = [[1, 1]]`
# gives `[[.5, .5], [.5, .5]]`, and so does `[[3, 3]]`.


# %%
def projector(D):
    """Matrix that takes a row to the nearest mix of the rows of D."""
    ### BEGIN SOLUTION
    return D.T @ np.linalg.inv(D @ D.T) @ D
    ### END SOLUTION


check("7.3", projector)

# %% [markdown] tags=["solution"]
# **Why it works.** $c = x D^\top (D D^\top)^{-1}$, times $D$. **Another way.** `np.linalg.pinv(D) @ D`, or an
# orthonormal basis by `np.linalg.qr(D.T)`. **Typical mistake.** $D^\top D$: right only for orthonormal rows.

# %% [markdown]
# By `pinv`, so that the cell runs whatever you wrote: the rows differ, the span agrees.

# %% tags=["claim"]
decoder = linear[1].weight.detach().numpy().T.astype(float)  # detach: numbers without slopes; (8, 600)
by_training, by_svd = np.linalg.pinv(decoder) @ decoder, Vt[:8].T @ Vt[:8]  # (600, 600)
unit = decoder / np.linalg.norm(decoder, axis=1, keepdims=True)
claim("Loss of the linear autoencoder, in multiples of the SVD's", history.losses[-1] / floor, near=1, within=0.01)
claim("Distance of the two projectors, largest singular value", np.linalg.norm(by_training - by_svd, 2), below=0.1)
claim("Best match of a decoder row with a singular vector, largest cosine", np.abs(unit @ Vt[:8].T).max(), below=0.97)

# %% [markdown]
# A linear narrow layer is PCA by a longer way; a network adds mask, sigmoid, noise and loss.
#
# ## A wide layer copies
#
# With $k \ge m$ an autoencoder can copy: $ED = I$ has loss 0, and says nothing of unseen films. EASE (chapter 06)
# forbids the diagonal; a **denoising** autoencoder blanks some inputs and still has to give *all* back, so each film
# must be told from the others.
#
# ### Exercise 7.4 · Drop inputs (warm-up, 4 minutes)
#
# Blank each cell with probability `rate`, and divide what stays by `1 - rate`: expectations stay as they were. Input:
# `X`, `rate`, and `uniform`, random numbers from 0 to 1 of the shape of `X`; a cell is blanked where its number is
# below `rate`. Output: shape of `X`. Example: `X = [[1, 1, 1, 1]]`, `rate = 0.5`, `uniform = [[.3, .9, .6, .1]]` gives
# `[[0, 2, 2, 0]]`.


# %%
def drop_inputs(X, rate, uniform):
    """Blank cells at random and scale up those that stay."""
    ### BEGIN SOLUTION
    return np.where(uniform >= rate, X / (1 - rate), 0)
    ### END SOLUTION


check("7.4", drop_inputs)

# %% [markdown] tags=["solution"]
# **Why it works.** A cell stays with probability $1 - $ rate, so on average it is itself. **Another way.**
# `X * (uniform >= rate) / (1 - rate)`. **Typical mistake.** No scaling: then the codes of training are smaller than
# those of later, when nothing is blanked.

# %% [markdown]
# PyTorch calls this **dropout**; let $\tilde X$ be `X` after it. For a linear model we need not draw. A cell of
# $\tilde X$ is 0 with chance $p$ (`rate`), else $x / (1 - p)$: its mean is $x$, its variance $x^2 p / (1 - p)$. So with
# weights $B$ (`B`, m × m), $B_i$ its row $i$, and $G = X^\top X$, the expected loss has a term for each:
#
# $$\mathbb{E}\,\lVert X-\tilde XB\rVert^2=\lVert X-XB\rVert^2+\frac{p}{1-p}\sum_iG_{ii}\,|B_i|^2$$
#
# ### Exercise 7.5 · The price of dropping (core, 5 minutes)
#
# Give this loss. Input: `X`, shape (n, m); `B`, shape (m, m); `rate`. Output: one number. Example: `X = [[1, 2]]`, `B`
# the identity, `rate = 0.5`: the copy errs by 0, its noise costs $1 \cdot (1 + 4) = 5$.


# %%
def expected_loss(X, B, rate):
    """Expected squared error of X from dropped inputs times B."""
    ### BEGIN SOLUTION
    ridge = (X**2).sum(axis=0) @ (B**2).sum(axis=1)
    return ((X - X @ B) ** 2).sum() + rate / (1 - rate) * ridge
    ### END SOLUTION


check("7.5", expected_loss)

# %% [markdown] tags=["solution"]
# **Why it works.** The noise has mean 0 and is drawn for each cell alone, so only its variance is left, times the
# square of what it meets: its film's row of $B$. **Another way.** `np.trace(B.T @ np.diag(np.diag(G)) @ B)` for the
# ridge. **Typical mistake.** The columns of $B$ for its rows.

# %% [markdown]
# Dropout is a ridge, weighted by popularity (Steck 2020), so the best $B$ is
# $\big(G + \tfrac{p}{1 - p} \operatorname{diag} G\big)^{-1} G$. Least squares on twenty thousand draws finds the same:

# %% tags=["claim"]
tiny_clicks = torch.tensor((R >= 4).astype(np.float32))  # (5, 4)
with seeded(7):
    dropped = F.dropout(tiny_clicks.expand(20_000, 5, 4), 0.4)  # (20000, 5, 4)
by_draws = np.linalg.lstsq(dropped.reshape(-1, 4).numpy(), tiny_clicks.repeat(20_000, 1).numpy())[0]
G = (tiny_clicks.T @ tiny_clicks).numpy()
closed = np.linalg.solve(G + 0.4 / 0.6 * np.diag(np.diag(G)), G)
print(closed.round(2))
claim("Best B of 20,000 draws, largest distance from the closed form", np.abs(by_draws - closed).max(), below=0.02)

# %% [markdown]
# ## People held out whole
#
# Does it help Yusuf? So far we hid events of people whom we trained on. `split_users` holds out *people*: they fold in
# four fifths of their events and hide the rest. This is **strong generalization** (Marlin 2004). By hand:

# %%
from recsys_teach.data import split_users

log = world.clicks()
draws = [split_users(log, 250, random_state=seed) for seed in range(5)]
others, split = draws[0]
met, wanted = split.train.matrix(), split.test.matrix()  # both (1000, 600), rows of 250 people
chosen = np.random.default_rng(0).choice(np.unique(log.user_pos), 250, replace=False)
assert not np.isin(others.user_pos, chosen).any()
assert np.isin(np.concatenate([split.train.user_pos, split.test.user_pos]), chosen).all()
print(f"{len(others):,} clicks to train on; {met.nnz:,} folded in, {wanted.nnz:,} hidden; {split.name}")

# %% [markdown]
# Which rate is best, on the mean of five draws of people, and how much of itself does a film copy then (the diagonal of
# $B$)?

# %%
from recsys_teach.models import EASE


def ndcg(score, split):
    """Mean nDCG@10 of a function of rows, on what the held-out people hide."""
    rows = split.train.matrix()
    return evaluate(lambda users: score(rows[users]), split, name="model").mean("nDCG@10")


rates = [0.01, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98]
by_rate, copied, ease = np.zeros((5, len(rates))), np.zeros(len(rates)), np.zeros(5)
for seed, (train_on, test_on) in enumerate(draws):
    dense = train_on.matrix().toarray()
    G = dense.T @ dense + 1e-6 * np.eye(600)  # so that a film which nobody clicked has no 0 on the diagonal
    for place, rate in enumerate(rates):
        B = np.linalg.solve(G + rate / (1 - rate) * np.diag(np.diag(G)), G)
        copied[place] += np.diag(B).mean() / 5
        by_rate[seed, place] = ndcg(lambda rows, B=B: rows @ B, test_on)
    ease[seed] = ndcg(EASE(300).fit(train_on).fold_in, test_on)  # the best of 100, 300 and 600 here
print(pd.DataFrame({"nDCG@10": by_rate.mean(axis=0), "diagonal": copied}, index=rates).round(3))

# %% tags=["figure"]
fig, ax = new_axes(height=3.6)
ax.plot(rates, by_rate.mean(axis=0), color=BLUE, marker="o")
ax.axhline(ease.mean(), color=MODEL_STYLES["EASE"]["color"], linestyle="--")
ax.text(0.02, ease.mean() + 0.004, "EASE (dashed)")
ax.text(0.45, 0.085, "linear, denoising")
ax.set(xlabel="share of the inputs that is dropped", ylabel="nDCG@10", ylim=(0.03, 0.18))
show(
    fig,
    caption="Most of the inputs must go, but not all.",
    alt="Line chart of nDCG at 10 against the share of inputs dropped. The curve starts low, rises to just below the "
    "dashed line of EASE at nine tenths and .95, and falls a little after.",
)

# %% tags=["claim"]
claim("nDCG@10 with a hundredth dropped, largest of five draws", by_rate[:, 0].max(), below=0.08)
claim("Best rate, smallest of five draws", rates[int(by_rate.argmax(axis=1).min())], above=0.85)
claim("EASE minus the best rate, mean of five draws", (ease - by_rate.max(axis=1)).mean(), near=0.004, within=0.004)

# %% [markdown]
# Dropout holds copying back, EASE's zero diagonal forbids it. Even if each draw's test people pick the rate, EASE is
# .004 ahead on average.
#
# ## Clicks: items compete
#
# Squared error asks each film for a 0 or 1. The **multinomial** likelihood asks for shares: the softmax
# $\pi_i = e^{s_i} / \sum_j e^{s_j}$ of the scores $s$ (`scores`) is the chance that an event of this person is film
# $i$, and a row $x$ (`rows`) has
#
# $$\ln p(x)=\sum_ix_i\ln\pi_i+\text{const}$$
#
# Shares add up to 1: a film rises at others' expense, as in a ranking.
#
# ### Exercise 7.6 · The multinomial log-likelihood (core, 6 minutes)
#
# Give $\sum_i x_i \ln \pi_i$ for each row. Input: `scores` and `rows`, shape (n, m). Output: shape (n,). `np.exp(1000)`
# overflows, but adding one number to all scores of a row changes no share. Examples: scores `[0, 0]`, row `[1, 0]` give
# $\ln .5$; scores `[1000, 0]`, row `[1, 1]` give $0 - 1000$.


# %%
def log_likelihood(scores, rows):
    """Log-likelihood of each row's events under the softmax of its scores."""
    ### BEGIN SOLUTION
    s = scores - scores.max(axis=1, keepdims=True)
    log_shares = s - np.log(np.exp(s).sum(axis=1, keepdims=True))  # (n, m)
    return (rows * log_shares).sum(axis=1)
    ### END SOLUTION


check("7.6", log_likelihood)

# %% [markdown] tags=["solution"]
# **Why it works.** Subtracting the largest leaves the shares alone, and the sum is at least 1. **Another way.**
# `scipy.special.log_softmax(scores, axis=1)`. **Typical mistake.** `np.log(softmax)`: a share that rounds to 0 has
# the logarithm $-\infty$.

# %% [markdown]
# **Mult-DAE** (Liang et al. 2018) is a denoising autoencoder with this likelihood: rows scaled to length 1, dropout,
# $\tanh$, all items out. **Mult-VAE**, *variational*, encodes a person as a normal distribution for each factor, mean
# $\mu$ and variance $v$ (stored as $\ln v$), and decodes a *draw* $z = \mu + \sqrt v \, \varepsilon$, with
# $\varepsilon$ standard normal, so that slopes reach $\mu$ and $v$. Nothing would stop $v$ from going to 0; so a code
# pays for what it tells beyond a standard normal, the **Kullback-Leibler divergence** (KL):
#
# $$\mathrm{KL}=\tfrac12\sum_f\big(v_f+\mu_f^2-1-\ln v_f\big)$$
#
# The loss is the mean over rows of minus the log-likelihood given the draw, plus $\beta_t \mathrm{KL}$. For ranking
# nothing is drawn: $z = \mu$. At full price from the start, all codes may become standard normal before they say
# anything. So $\beta_t$, the weight at step $t$, is **annealed**: it grows in a straight line from 0 at step 0 to
# $\beta$ at step `n_anneal`, and stays.
#
# ### Exercise 7.7 · The annealed KL term (core, 7 minutes)
#
# Give the mean over rows of the KL divergence, times the weight of this step. Input: `mean` and `log_variance`, shape
# (n, k); `step`, `n_anneal`, `beta`. Output: one number. Example: `mean = [[1, 0]]`, `log_variance = [[0, 0]]`: both
# variances are 1, KL is $\tfrac12$; `step = 50`, `n_anneal = 100`, `beta = 0.2` weigh it by .1: `0.05`.


# %%
def kl_cost(mean, log_variance, step, n_anneal, beta):
    """Mean divergence from the standard normal, times a weight that grows to beta."""
    ### BEGIN SOLUTION
    kl = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=1)  # (n,)
    return beta * min(1, step / n_anneal) * kl.mean()
    ### END SOLUTION


check("7.7", kl_cost)

# %% [markdown] tags=["solution"]
# **Why it works.** The divergences of independent factors add up. **Another way.** `np.clip(step / n_anneal, 0, 1)`
# for the weight. **Typical mistake.** No `min`: the price rises for ever, and in the end no code says anything.

# %% [markdown]
# The package agrees with PyTorch's distributions:

# %%
from recsys_teach.models import MultDAE, MultVAE, Popularity
from recsys_teach.models.autoencoder import kl_to_normal
from recsys_teach.models.autoencoder import log_likelihood as package_likelihood

with seeded(7):
    mean, log_variance, scores = torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 4)
normal, standard = torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
by_torch = torch.distributions.kl_divergence(normal, standard).sum(dim=1)
assert torch.allclose(by_torch, kl_to_normal(mean, log_variance), atol=1e-5)
print(f"KL of the first row: by PyTorch {by_torch[0]:.3f}, by the package {kl_to_normal(mean, log_variance)[0]:.3f}")
for row, row_scores, ours in zip(tiny_clicks, scores, package_likelihood(scores, tiny_clicks), strict=True):
    n_events = int(row.sum())
    constant = torch.lgamma(torch.tensor(n_events + 1.0)) - torch.lgamma(row + 1).sum()  # no score moves it
    multinomial = torch.distributions.Multinomial(n_events, logits=row_scores)
    assert torch.isclose(multinomial.log_prob(row), ours + constant, atol=1e-5)

# %% [markdown]
# ## Where the truth is known: newcomers of the world
#
# Do networks, with 32 factors and 40 epochs throughout, pass EASE here? We fit the first draw;
# `saved_run.py` saved all five.

# %%
people, held = draws[0]


def scorer(model, held):
    """Score held-out people by what they fold in."""
    rows = held.train.matrix()
    return lambda users: model.fold_in(rows[users])


popular = Popularity().fit(people).popularity_
results = [evaluate(world.truth.score, held, name="oracle")]
results.append(evaluate(lambda users: np.tile(popular, (len(users), 1)), held, name="popularity"))
dae, vae = MultDAE(32).fit(people), MultVAE(32).fit(people)
for name, model in {"EASE": EASE(300).fit(people), "Mult-DAE": dae, "Mult-VAE": vae}.items():
    results.append(evaluate(scorer(model, held), held, name=name))
result_table(results)

# %% tags=["claim"]
saved = load_saved_run("07")["world"]
in_world = saved[saved["metric"] == "nDCG@10"].pivot_table("value", "seed", "model")
print(in_world.drop(columns="collapsed").agg(["mean", "std"]).round(3).to_string())
claim("Mult-VAE is above EASE in each draw", bool((in_world["Mult-VAE"] > in_world["EASE"]).all()))
claim("Draws in which Mult-DAE is above EASE, of five", (in_world["Mult-DAE"] > in_world["EASE"]).sum(), above=3)
oracle = results[0].mean("nDCG@10")
claim("The oracle, in multiples of Mult-DAE on the first draw", oracle / in_world["Mult-DAE"].iloc[0], above=1.3)

# %% [markdown]
# Mult-VAE does in each draw, Mult-DAE in four of five. But in the world what comes next hangs on the last two films. We
# shuffle all events, and deal the times out anew. What changes?

# %% tags=["claim"]
from recsys_teach.models.sequence import histories

rng = np.random.default_rng(7)
mixed = people.log.sample(frac=1, random_state=7).assign(time=rng.permutation(people.log["time"]))
shuffled_log = Interactions.from_log(mixed, user_ids=people.user_ids, item_ids=people.item_ids)
one, other = (MultDAE(32, n_epochs=5).fit(each) for each in (people, shuffled_log))
folded = held.train.matrix()[np.unique(held.train.user_pos)]  # (250, 600)
claim("All scores are equal, bit by bit", bool((one.fold_in(folded) == other.fold_in(folded)).all()))
pairs = zip(histories(people), histories(shuffled_log), strict=True)
moved = np.mean([not np.array_equal(before, after) for before, after in pairs if len(before) > 1])
claim("Share of the people whose sequence is another now", float(moved), above=0.9)

# %% [markdown]
# Nothing: a row is a **set** of films, without order.
#
# > **Reading the source critically.** The two articles that this course grew from offer an "autoencoder or RNN" for the
# > user's sequence, as if one could stand for the other. We give both (recurrent networks: chapter 08) a history
# > and its reverse.

# %%
watched = F.one_hot(torch.tensor([[0, 1, 2, 3]]), 4).float()  # Chase, Heist, Waltz, Letter: (1, 4 events, 4 films)
with seeded(7):
    rnn, autoencoder = nn.GRU(4, 3, batch_first=True), nn.Linear(4, 3)
for name, events in {"as it was": watched, "reversed": watched.flip(1)}.items():
    state, code = rnn(events)[1][0, 0], autoencoder(events.sum(dim=1))[0]
    print(f"{name}: recurrent {state.detach().numpy().round(2) + 0}, autoencoder {code.detach().numpy().round(2) + 0}")

# %% [markdown]
# > The recurrent state differs, the code does not. An autoencoder answers "what belongs to this set?", a recurrent
# > network "what comes next?".
#
# ## What goes wrong: a code that says nothing
#
# Let the price be too high: $\beta = 10$ from the first step. How far are codes from the standard normal, in **nats**
# (natural logarithms), and how far do scores differ between people?

# %%
collapsed = MultVAE(32, beta=10, n_anneal=1).fit(people)
inputs, found = torch.tensor(folded.toarray(), dtype=torch.float32), {}
for name, model in {"collapsed": collapsed, "as above": vae}.items():
    with torch.no_grad():  # no slopes are needed
        kl = kl_to_normal(*model.network_.encode(inputs)).mean().item()
    given = model.fold_in(folded)  # (250, 600)
    spread = {"spread over people": given.std(axis=0).mean(), "spread over films": given.std(axis=1).mean()}
    found[name] = {"KL": kl, **spread, "nDCG@10": ndcg(model.fold_in, held)}
print(pd.DataFrame(found).round(3).to_string())
losses = collapsed.loss_history_
print(f"loss when collapsed: {losses[0]:.1f} at first, {losses[-1]:.1f} at the end")

# %% tags=["claim"]
popularity = results[1].mean("nDCG@10")
claim("KL of a collapsed code in nats", found["collapsed"]["KL"], below=0.1)
claim("nDCG@10, collapsed minus popularity", found["collapsed"]["nDCG@10"] - popularity, near=-0.004, within=0.02)
claim("nDCG@10, collapsed minus Mult-VAE", found["collapsed"]["nDCG@10"] - found["as above"]["nDCG@10"], below=-0.03)

# %% [markdown]
# **Posterior collapse**: all codes are nearly one, so everybody gets nearly the same scores, those of the biases:
# about popularity. The loss still falls, so look at the KL term by itself.
#
# ## Real people
#
# MovieLens-100K, 150 of the 943 people held out. Live we train 200 factors for ten epochs:

# %%
ml_people, ml_held = split_users(ml, 150, random_state=0)
watched_by = Popularity().fit(ml_people).popularity_
ml_results = [evaluate(lambda users: np.tile(watched_by, (len(users), 1)), ml_held, name="popularity")]
for name, model in {"EASE": EASE(200), "Mult-DAE": MultDAE(n_epochs=10)}.items():
    ml_results.append(evaluate(scorer(model.fit(ml_people), ml_held), ml_held, name=name))
result_table(ml_results)

# %% [markdown]
# A network needs more epochs. The saved run holds out two groups of 150, five times anew: on one it chooses the epoch,
# at most 40, and EASE's $\lambda$ (and, in two draws, the networks' other settings), on the other it measures, once.

# %% tags=["figure"]
curves, final = load_saved_run("07")["curves"], load_saved_run("07")["results"]
by_epoch = curves.pivot_table("ndcg", "epoch", "model")  # mean of five draws
fig, ax = new_axes(height=3.8)
for name, place in {"Mult-DAE": (9, 0.335), "Mult-VAE": (4, 0.4)}.items():
    ax.plot(by_epoch[name].dropna(), markevery=3, **MODEL_STYLES[name])
    ax.text(*place, name)
level = by_epoch["EASE"].mean()
ax.axhline(level, color=MODEL_STYLES["EASE"]["color"], linestyle="--")
ax.text(1, level + 0.006, "EASE (dashed)")
ax.set(xlabel="epoch", ylabel="validation nDCG@10", ylim=(0.12, 0.5))
show(
    fig,
    caption="Saved curves: mean of five draws of people.",
    alt="Line chart of validation nDCG at 10 against the epoch for Mult-DAE and Mult-VAE, mean of five draws. At epoch "
    "40 Mult-VAE is almost flat below the dashed line of EASE; Mult-DAE is higher and still rises.",
)

# %% tags=["claim"]
test = final[final["metric"] == "nDCG@10"].pivot_table("value", "seed", "model")
reveal("P7.1", test.mean())
print(test.agg(["mean", "std"]).round(3).to_string())
gaps = test[["Mult-DAE", "Mult-VAE"]].sub(test["EASE"], axis=0)
claim("nDCG@10 of Mult-DAE minus EASE, mean of five draws", gaps["Mult-DAE"].mean(), near=-0.011, within=0.009)
claim("Mult-VAE is below EASE in each draw", bool((gaps["Mult-VAE"] < 0).all()))
gains = by_epoch.loc[37:40].mean() - by_epoch.loc[29:32].mean()
claim("Gain of Mult-DAE in its last eight epochs", gains["Mult-DAE"], above=0.005)
claim("Gain of Mult-VAE in its last eight epochs", gains["Mult-VAE"], below=0.004)
folds = final[final["model"] == "AutoRec"]["value"]
claim("RMSE of AutoRec, mean of five folds", folds.mean(), near=0.92, within=0.01)

# %% [markdown]
# After 40 epochs Mult-DAE is still rising, Mult-VAE almost flat; neither beats one inverse by then. In the world both
# did. Try the closed form first.
#
# ## Recap
#
# - **O7.1:** you wrote the masked loss and the training loop.
# - **O7.2:** a linear autoencoder reached the SVD's error and its span, with other weights.
# - **O7.3:** dropped inputs cost a ridge weighted by popularity; EASE forbids the copy.
# - **O7.4:** you wrote the multinomial likelihood and the annealed KL term, and judged people held out whole.
#
# Five questions: write one letter for each, as in `["a", "b", "a", "c", "b"]`.

# %%
### BEGIN SOLUTION
answers = ["b", "c", "a", "b", "c"]
### END SOLUTION
quiz("07", answers)
progress("07")

# %% [markdown]
# ## Further reading
#
# - Sedhain et al. (2015), *AutoRec*.
# - Liang et al. (2018), *Variational Autoencoders for Collaborative Filtering*: why $\beta < 1$.
# - Steck (2020), *Autoencoders That Don't Overfit Toward the Identity*.
# - Bourlard and Kamp (1988), *Auto-association by Multilayer Perceptrons and SVD*.
#
# **Next.** Chapter 08 reads the events in their order.
