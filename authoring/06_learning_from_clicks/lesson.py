# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "06"
#     minutes: {reading: 19, doing: 43}
# ---

# %% [markdown]
# # 06 · Learning from clicks
#
# Mira chooses what a cinema's website shows each visitor first. Nobody gives stars there: the log says who opened which
# film's page, and how often. Ada has opened *Chase* five times and *Waltz* never. Is that a no, and does *Chase* count
# five-fold? Here we build three models that learn from such counts.
#
# ## What you will be able to do
#
# - **O6.1** Split counts into preference and confidence, and weight every cell by it
# - **O6.2** Solve a row of iALS, alternate, and watch the objective fall
# - **O6.3** Derive the gradient of BPR's loss, and sample unseen items
# - **O6.4** Write EASE in closed form
#
# You need derivatives of a square and the chain rule, matrix products, and chapters 01 to 04.

# %%
import numpy as np
import pandas as pd
from scipy.stats import rankdata

from recsys_teach.data import Interactions, movielens, split_per_user
from recsys_teach.data.world import load_world
from recsys_teach.evaluation import evaluate, paired_difference, result_table
from recsys_teach.figures import BLACK, MODEL_STYLES, SKY, new_axes, show
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reveal

# %% [markdown]
# ## Predict first
#
# The three models are **iALS** (implicit alternating least squares), **BPR** (Bayesian personalized ranking) and
# **EASE** (embarrassingly shallow autoencoder). Write your guess in place of `TODO`.

# %%
### BEGIN SOLUTION
guess = "c"
### END SOLUTION
predict("P6.1", guess)

# %% [markdown]
# ## By hand: a count is confidence
#
# We read the table of chapter 01 as such counts. A count $r_{ui}$ (`counts[u, i]`) is split in two (Hu, Koren and
# Volinsky 2008):
#
# - the **preference** $p_{ui}$ is 1 if $r_{ui} > 0$, else 0: what a score should be;
# - the **confidence** $c_{ui} = 1 + \alpha r_{ui}$ (`alpha`): how much a miss costs. An empty cell is a weak no.

# %%
people, films = ["Ada", "Ben", "Cleo", "Dan", "Eve"], ["Chase", "Heist", "Waltz", "Letter"]
counts = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
alpha = 1.0
preference = (counts > 0).astype(float)  # (5 people, 4 films)
confidence = 1 + alpha * counts
print(pd.DataFrame({"count": counts[0], "preference": preference[0], "confidence": confidence[0]}, index=films))

# %% [markdown]
# ### Exercise 6.1 · Confidence from counts (warm-up, 4 minutes)
#
# Give the **weighted loss** $\sum_{ui} c_{ui} (p_{ui} - s_{ui})^2$ over all cells, where $s_{ui}$ is `scores[u, i]`.
# Input: `counts` and `scores`, both (n_users, n_items), and `alpha`. Output: one number. Example: `counts = [[2, 0]]`,
# `scores = [[.5, .5]]`, `alpha = 1` gives $3\cdot.25+1\cdot.25=1$.


# %%
def weighted_loss(counts, scores, alpha):
    """Squared errors of the preferences, weighted by confidence, summed over all cells."""
    ### BEGIN SOLUTION
    preference = counts > 0
    confidence = 1 + alpha * counts
    return (confidence * (preference - scores) ** 2).sum()
    ### END SOLUTION


check("6.1", weighted_loss)

# %% [markdown] tags=["solution"]
# **Why it works.** The count sets the weight, never the target. **Another way.** Squared errors of all cells plus
# `alpha` times those of the cells met, weighted by the count. **Typical mistake.** Dropping the 1: then empty cells
# weigh nothing, and a score of 1 everywhere is perfect.

# %% [markdown]
# ## iALS: one person at a time
#
# A score is $w_u \cdot h_i$: `W` (n_users, n_factors) for people, `H` (n_items, n_factors) for films. We minimize the
# weighted loss plus a **ridge** $\lambda$ (`ridge`) times all squared factors. With `H` fixed, each person is a problem
# of their own. $C$ holds Ada's confidences $c$ on its diagonal, $p$ her preferences. We set the slope along $w$ to
# zero:
#
# $$-2H^\top C(p-Hw)+2\lambda w=0\quad\Longrightarrow\quad(H^\top CH+\lambda I)\,w=H^\top Cp$$
#
# These **normal equations** are linear.
#
# ### Exercise 6.2 · One step of ALS (core, 8 minutes)
#
# Solve them for one person. Input: `counts`, shape (n_items,), `H`, `alpha`, `ridge`. Output: $w$, shape
# (n_factors,). Use `np.linalg.solve(A, b)`; $H^\top C$ is `H.T * c`, column $i$ times `c[i]`. Example:
# `counts = [1, 0]`, `H = [[1], [1]]`, `alpha = 2`, `ridge = 1` give $5w=3$, so `w = [.6]`.


# %%
def als_row(counts, H, alpha, ridge):
    """Factors of one person, given those of all items."""
    ### BEGIN SOLUTION
    preference, confidence = counts > 0, 1 + alpha * counts
    A = (H.T * confidence) @ H + ridge * np.eye(H.shape[1])  # (n_factors, n_factors)
    b = H.T @ (confidence * preference)  # (n_factors,)
    return np.linalg.solve(A, b)
    ### END SOLUTION


check("6.2", als_row)

# %% [markdown] tags=["solution"]
# **Why it works.** The loss of one row is a bowl with one lowest point, where its slope is zero. **Another way.**
# `np.linalg.lstsq` on rows multiplied by the root of their confidence. **Typical mistake.** Summing over the films met
# only.

# %% [markdown]
# ## The Gram trick
#
# $H^\top C H = \sum_i c_i h_i h_i^\top$ runs over all films, for each person anew. But $c_i$ is 1 plus something
# that is 0 where nothing was met:
#
# $$H^\top CH=H^\top H+\sum_{i\text{ met}}\alpha r_{ui}\,h_ih_i^\top$$
#
# The **Gram matrix** $H^\top H$ is the same for everybody. A loop over all films, then the trick:

# %%
rng = np.random.default_rng(6)
H = rng.normal(size=(4, 2))
gram = H.T @ H  # (2, 2), once for all people
for row in counts:
    dense = np.zeros((2, 2))
    for i in range(4):
        dense += (1 + alpha * row[i]) * np.outer(H[i], H[i])
    met = row > 0
    by_trick = gram + (H[met].T * (alpha * row[met])) @ H[met]
    assert np.allclose(dense, by_trick)

# %% [markdown]
# Nothing is approximated. On MovieLens-100K, where any rating counts as a click and a random fifth of each person's are
# hidden, $n$ people times $m$ films become $m$ films once, plus the cells that hold something:

# %% tags=["claim"]
ml = movielens.load()
split = split_per_user(ml)
seen, (n, m) = split.train.matrix(), ml.shape  # seen: (943, 1682)
saved = n * m / (m + seen.nnz)
claim("Outer products over all cells, in multiples of those by the trick", saved, near=19.5, within=0.5)

# %% [markdown]
# ## Conjugate gradients: do not even build the matrix
#
# With $d$ factors, building $A$ costs $d^2$ for each film met, and solving about $d^3$. The **conjugate gradient**
# method never builds $A$. It only asks for $A v$, which is $H^\top (c \circ (H v))$ plus the ridge: two products with
# $H$. The residual $b - A w$ says which way to go. Each step goes along a direction that keeps what the earlier steps
# have won: $d$ of them end at the solution, and a few come near.


# %%
def conjugate_gradient(times_A, b, w, n_steps):
    """Improve w toward the solution of A w = b; times_A(v) gives A v."""
    residual = direction = b - times_A(w)
    for _ in range(n_steps):
        moved = times_A(direction)
        step = (residual @ residual) / (direction @ moved)
        w, new_residual = w + step * direction, residual - step * moved
        direction = new_residual + (new_residual @ new_residual) / (residual @ residual) * direction
        residual = new_residual
    return w


ada, ridge = counts[0], 0.5
A = (H.T * (1 + alpha * ada)) @ H + ridge * np.eye(2)
b = H.T @ ((1 + alpha * ada) * (ada > 0))


def times_A(v):
    return gram @ v + H.T @ (alpha * ada * (H @ v)) + ridge * v  # the films not met have a 0 here


assert np.allclose(times_A(b), A @ b)
assert np.allclose(conjugate_gradient(times_A, b, np.zeros(2), n_steps=2), np.linalg.solve(A, b))

# %% [markdown]
# ## Back and forth
#
# Films are the rows of `counts.T`, with `W` fixed. `solve_rows` solves all rows at once, and `objective`
# is what both sides minimize.


# %%
def solve_rows(counts, H, alpha, ridge):
    """Factors of every row, shape (n_rows, n_factors), given those of the columns."""
    extra = np.einsum("ui,ik,il->ukl", alpha * counts, H, H)  # (n_rows, n_factors, n_factors)
    A = H.T @ H + extra + ridge * np.eye(H.shape[1])
    b = ((1 + alpha * counts) * (counts > 0)) @ H  # (n_rows, n_factors)
    return np.linalg.solve(A, b[..., None])[..., 0]


def objective(counts, W, H, alpha, ridge):
    """Weighted loss plus ridge times all squared factors."""
    loss = ((1 + alpha * counts) * ((counts > 0) - W @ H.T) ** 2).sum()
    return loss + ridge * ((W**2).sum() + (H**2).sum())


W = solve_rows(counts, H, alpha, ridge)
assert np.allclose(W[0], np.linalg.solve(A, b))  # the row of Ada, as before

# %% [markdown]
# ### Exercise 6.3 · The objective never rises (core, 7 minutes)
#
# Alternate: in each round solve for the users, then for the items, and note the objective after each of the two.
# Input: `counts`, a first `H`, `alpha`, `ridge`, `n_rounds`. Output: a list of 2 · `n_rounds` numbers. Call
# `solve_rows` and `objective`. Example: `counts = [[1, 0], [0, 2]]`, `H = [[1], [.5]]`, `alpha = 1`, `ridge = .5` and
# one round give `[3.170, 2.737]`.


# %%
def alternate(counts, H, alpha, ridge, n_rounds):
    """Objective after each half step: users, items, users, items, …"""
    ### BEGIN SOLUTION
    history = []
    for _ in range(n_rounds):
        W = solve_rows(counts, H, alpha, ridge)
        history.append(objective(counts, W, H, alpha, ridge))
        H = solve_rows(counts.T, W, alpha, ridge)
        history.append(objective(counts, W, H, alpha, ridge))
    return history
    ### END SOLUTION


check("6.3", alternate)

# %% [markdown] tags=["solution"]
# **Why it works.** A half step finds the lowest point along one side, so it cannot end above its start.
# **Another way.** One loop over `(counts, counts.T)` that swaps the sides. **Typical mistake.** Watching the loss
# without the ridge, which may rise.

# %% [markdown]
# The package's `IALS` does this with conjugate gradients, each pass from where the last one ended. Its ridge of a row
# is $\lambda\sum_i c_{ui}$, here $.02\,(m+4\cdot\text{films met})$, so that it grows with the row's weight; otherwise a
# busy row would hardly feel it. How many steps does a row of 32 factors need?

# %% tags=["figure"]
from recsys_teach.models import BPR, EASE, IALS, Popularity, PureSVD

fits = {steps: IALS(32, n_epochs=8, n_steps=steps).fit(split.train) for steps in (1, 3, 32)}
fig, ax = new_axes(height=3.6)
for model, look, color in zip(fits.values(), ["o:", "s-", "x--"], [BLACK, SKY, BLACK], strict=True):
    ax.plot(range(2, 9), np.array(model.loss_history_[1:]) / 1000, look, color=color)
ax.text(4.6, 203, "1 step (dotted)")
ax.text(3.6, 178.5, "3 steps (solid) and 32 steps (dashed)")
ax.set(xlabel="iteration (the first, near 320, left out)", ylabel="objective (thousands)", ylim=(175, 235))
show(
    fig,
    caption="Three steps fall as fast as a full solution.",
    alt="Line chart of the objective over iterations 2 to 8. The curves of three and of 32 conjugate-gradient steps "
    "lie on each other and fall fast; the dotted curve of one step falls too, but stays above.",
)

# %% [markdown]
# Three steps do what the full solution does: an exact answer to a question that changes in the next half step is
# wasted.

# %% tags=["claim"]
last = {steps: model.loss_history_[-1] for steps, model in fits.items()}
claim("Three steps against 32: objective higher by a share of", last[3] / last[32] - 1, near=0, within=0.002)
claim("No objective ever rises", all((np.diff(model.loss_history_) < 0).all() for model in fits.values()))
row = seen[[7]].toarray()[0]
factors = fits[3].item_factors_.astype(float)
confidence_sum = m + 4.0 * row.sum()
w = solve_rows(row[None], factors, 4.0, 0.02 * confidence_sum)[0]
by_package = fits[3].fold_in(row[None])[0]  # (1682,) scores
claim("The package's fold-in gives what the normal equations give", np.allclose(by_package, factors @ w, atol=1e-4))

# %% [markdown]
# ## BPR: only the order counts
#
# **BPR** asks less of a click: a film met should score *above* one that was not. Factors are named as in chapter 05:
# $p$ (`p`) for the person, $w$ until now; $q$ (`q_met`, `q_other`) for the films, $h$ until now. The margin of a pair
# is $x = p \cdot (q_\text{met} - q_\text{other})$, and the loss
#
# $$\ell=-\ln\sigma(x),\qquad\sigma(x)=\frac{1}{1+e^{-x}},\qquad\frac{d\ell}{dx}=-\sigma(-x)$$
#
# A pair in the wrong order pulls hard, one that is safely right hardly at all. A wrong gradient often still trains,
# only badly, so we check by **finite differences**: move one number a little, both ways, and see what the loss does.


# %%
def pair_loss(p, q_met, q_other):
    return np.log1p(np.exp(-p @ (q_met - q_other)))  # -ln σ(x)


def finite_differences(loss, vector, eps=1e-6):
    """Slope of loss(vector) along each of its numbers."""
    steps = eps * np.eye(len(vector))
    return np.array([(loss(vector + step) - loss(vector - step)) / (2 * eps) for step in steps])


p, q_met, q_other = np.array([1.0, 0.0]), np.array([1.0, 2.0]), np.array([1.0, 0.0])
print("slope along p:", finite_differences(lambda v: pair_loss(v, q_met, q_other), p).round(4))

# %% [markdown]
# ### Exercise 6.4 · Gradient of a pair (core, 7 minutes)
#
# Give the gradient of $\ell$ along `p`, `q_met` and `q_other`. Input: three vectors of shape (n_factors,). Output:
# three such vectors. Example: for those above $x = 0$ and $\sigma(0) = .5$, so the gradient along `p` is $[0,-1]$, as
# printed; the others are $[-.5,0]$ and $[.5,0]$.


# %%
def bpr_gradient(p, q_met, q_other):
    """Gradients of -ln σ(p · (q_met - q_other)) along p, q_met, q_other."""
    ### BEGIN SOLUTION
    gap = q_met - q_other
    push = 1 / (1 + np.exp(p @ gap))  # σ(-x)
    return -push * gap, -push * p, push * p
    ### END SOLUTION


check("6.4", bpr_gradient)

# %% [markdown] tags=["solution"]
# **Why it works.** Chain rule: $-\sigma(-x)$ times the slope of $x$, which is linear in each vector. **Another way.**
# `1 - sigmoid(x)` for `sigmoid(-x)`. **Typical mistake.** $\sigma(x)$ in its place: then pairs that are right already
# pull most.

# %% [markdown]
# Which film is the other one? BPR draws it evenly from those **not** met. So that nothing is drawn in vain, draw a
# number `r` below the number of unseen films, and take unseen film number `r`.
#
# ### Exercise 6.5 · Sample an unseen item (core, 5 minutes)
#
# Give the positions of the unseen items number `r`. Input: `seen`, the positions that a person has met, sorted;
# `n_items`; and `r`, an array of numbers that count from 0. Output: positions, shape of `r`. Example: with
# `seen = [1, 2, 4]`, `n_items = 6` the unseen ones are 0, 3, 5, so `r = [2, 1]` gives `[5, 3]`. `np.setdiff1d(a, b)`
# gives what is in `a` and not in `b`.


# %%
def unseen_items(seen, n_items, r):
    """Positions of the unseen items number r, counted from 0."""
    ### BEGIN SOLUTION
    return np.setdiff1d(np.arange(n_items), seen)[r]
    ### END SOLUTION


check("6.5", unseen_items)

# %% [markdown] tags=["solution"]
# **Why it works.** Every unseen item has one number, so an even `r` gives an even choice. **Another way.**
# `r + np.searchsorted(seen - np.arange(len(seen)), r, side="right")`, without a list of the unseen.
# **Typical mistake.** Adding the number of seen items up to `r` once: the place you land on may be a seen one.

# %% [markdown]
# The package draws alike for many people at once. An epoch of its `BPR` takes each click once, beside a film so
# drawn, and steps against your gradient.

# %%
from recsys_teach.models.implicit import sample_unseen

met = seen[[7]].indices  # films that one person met
unseen = np.setdiff1d(np.arange(m), met)
drawn = sample_unseen(seen, np.full(3000, 7), np.random.default_rng(0))  # (3000,) films for that person
r = np.random.default_rng(0).integers(0, np.full(3000, len(unseen)))  # the same numbers
assert (drawn == unseen[r]).all()
print(f"{len(np.unique(drawn))} of {len(unseen)} unseen films drawn, {np.isin(drawn, met).sum()} of those met")

# %% [markdown]
# ## EASE: four lines
#
# **EASE** has no factors. With `X` (n_users, n_items) of 0 and 1, it looks for **weights** $B$ (`B`, n_items × n_items)
# such that $XB$ gives $X$ back:
#
# $$\min_B\;\lVert X-XB\rVert^2+\lambda\lVert B\rVert^2\quad\text{with }B_{jj}=0$$
#
# Without the zero diagonal each film would predict itself; with it, column $j$ is the ridge regression of film $j$ on
# all *others*. We add $2 \gamma_j B_{jj}$ to the loss for each zero (a **Lagrange multiplier**: a price, raised until
# the diagonal is 0). Half the slope is $-X^\top (X - XB) + \lambda B + \mathrm{diag}(\gamma)$. With
# $P = (X^\top X + \lambda I)^{-1}$, it is 0 where
#
# $$P^{-1}B=X^\top X-\mathrm{diag}(\gamma)=P^{-1}-\mathrm{diag}(\lambda+\gamma)$$
#
# Multiply by $P$: $B = I - P \, \mathrm{diag}(\lambda + \gamma)$. A zero diagonal demands
# $\lambda + \gamma_j = 1 / P_{jj}$, so elsewhere $B_{ij} = -P_{ij} / P_{jj}$.
#
# ### Exercise 6.6 · EASE in closed form (core, 7 minutes)
#
# Give the weights. Input: `X` and `lam` ($\lambda$). Output: $B$, shape (n_items, n_items). Use `np.linalg.inv`, and
# `np.fill_diagonal(B, 0)`, which changes `B` and returns None. Example: `X = [[1, 1], [1, 0]]`, `lam = 1`:
# $X^\top X + I=[[3,1],[1,2]]$, its inverse $[[2,-1],[-1,3]]/5$, so `B = [[0, 1/3], [1/2, 0]]`.


# %%
def ease_weights(X, lam):
    """Item-to-item weights of EASE."""
    ### BEGIN SOLUTION
    P = np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1]))
    B = -P / np.diag(P)  # numpy divides column j by P[j, j]
    np.fill_diagonal(B, 0)
    return B
    ### END SOLUTION


check("6.6", ease_weights)

# %% [markdown] tags=["solution"]
# **Why it works.** One inverse holds the regressions of all columns. **Another way.** One `solve` a column, on the
# other columns: slow, and a good test. **Typical mistake.** Plain ridge regression with its diagonal erased
# afterward: there each film has already explained itself.

# %% [markdown]
# We keep the films opened four times or more, and let everybody meet *Heist*, on a poster. **Cosine** (chapter 02)
# compares two columns alone. Look at the row of *Chase*: what does EASE see that cosine cannot?

# %% tags=["figure"]
X = (counts >= 4).astype(float)
X[:, 1] = 1  # the poster
B = EASE(1.0).fit(Interactions.from_matrix(X)).item_weights_  # (4, 4)
others = [0, 2, 3]  # column 1 as a regression on the others
assert np.allclose(B[others, 1], np.linalg.solve(X[:, others].T @ X[:, others] + np.eye(3), X[:, others].T @ X[:, 1]))
lengths = np.linalg.norm(X, axis=0)
cosine = X.T @ X / np.outer(lengths, lengths) * (1 - np.eye(4))

fig, axes = new_axes(columns=2, width=8.2, height=3.6)
for ax, table, title in zip(axes, (cosine, B), ("cosine", "EASE"), strict=True):
    ax.imshow(table, cmap="PuOr_r", vmin=-1, vmax=1)
    for i, j in np.ndindex(4, 4):
        ax.text(j, i, f"{table[i, j]:.2f}", ha="center", va="center", color="white" if table[i, j] > 0.7 else BLACK)
    ax.set(title=title, xlabel="weight for this film", xticks=range(4), yticks=range(4), yticklabels=films)
    ax.set_xticklabels(films, fontsize=11)
    ax.grid(False)
axes[0].set_ylabel("if this was met")
show(
    fig,
    caption="Cosine never goes below 0; EASE takes back.",
    alt="Two heat maps of four films by four. Cosine has no value below zero. EASE has negative weights between Chase "
    "on one side and Waltz and Letter on the other, and smaller positive ones from Heist.",
)

# %% [markdown]
# *Heist* speaks for *Waltz* in both tables. EASE's *Chase* speaks against it: who met *Chase* belongs to the other
# group, so their *Heist* is no sign of taste for *Waltz*. A negative weight **explains away**.

# %% tags=["claim"]
claim("Weight of Chase for Waltz", float(B[0, 2]), below=-0.15)
claim("Ada's score of Waltz by EASE", float(X[0] @ B[:, 2]), below=0.1)
claim("Ada's score of Waltz by cosine", float(X[0] @ cosine[:, 2]), above=0.5)

# %% [markdown]
# ## Where the truth is known: the world
#
# Settings chosen on the test part flatter whoever tried most. We cut a **validation** part from the training part,
# three times, and take what ranks best on average. BPR's grid takes longer: `saved_run.py` saved it.

# %%
world = load_world()
world_split = split_per_user(world.clicks())
parts = [split_per_user(world_split.train, random_state=seed) for seed in range(3)]


def ndcg(model, split):
    """Mean nDCG@10 on the held-out events of a model fitted on the others."""
    return evaluate(model.fit(split.train).score, split, name="model").mean("nDCG@10")


lams, n_factors = [300, 1000, 3000], [4, 8, 16]
by_lam = [np.mean([ndcg(EASE(lam), part) for part in parts]) for lam in lams]
by_factors = [np.mean([ndcg(IALS(d), part) for part in parts]) for d in n_factors]
print("EASE, by lam:    ", dict(zip(lams, np.round(by_lam, 4).tolist(), strict=True)))
print("iALS, by factors:", dict(zip(n_factors, np.round(by_factors, 4).tolist(), strict=True)))
best_lam, best_d = lams[int(np.argmax(by_lam))], n_factors[int(np.argmax(by_factors))]

# %% [markdown]
# These numbers are lower than those to come: fewer clicks to learn from, fewer films hidden. Compare within a row only.
#
# Now the test part, once, beside the **oracle** that knows every taste. The world was made from 8 directions of taste:
# which model should that favor?

# %%
chosen = {"popularity": Popularity(), "EASE": EASE(best_lam), "iALS": IALS(best_d), "BPR": BPR(8, 0.2, 0.05)}
world_results = [evaluate(world.truth.score, world_split, name="oracle")]
for name, model in chosen.items():
    world_results.append(evaluate(model.fit(world_split.train).score, world_split, name=name))
result_table(world_results)

# %% tags=["claim"]
rows = []
for seed in range(5):
    fold = split_per_user(world.clicks(), random_state=seed)
    rows.append({"EASE": ndcg(EASE(best_lam), fold), "iALS": ndcg(IALS(best_d), fold)})
world_folds = pd.DataFrame(rows)
print(world_folds.agg(["mean", "std"]).round(3))
claim("iALS beats EASE in each of five splits of the world", bool((world_folds["iALS"] > world_folds["EASE"]).all()))
oracle = world_results[0].mean("nDCG@10")
claim("The oracle, in multiples of iALS on the first split", oracle / world_folds["iALS"].iloc[0], above=1.35)
at_300 = ndcg(EASE(300), world_split) - world_results[-1].mean("nDCG@10")
claim("EASE with lam 300 minus BPR, on the first split", at_300, near=0.002, within=0.005)

# %% [markdown]
# Factors suit a world made of factors. BPR and EASE are too close here to rank: with $\lambda = 300$ EASE would pass
# BPR. The oracle is far ahead: much of taste does not show in so few clicks.
#
# ## Real people
#
# Small grids on a validation part, saved in `06_bpr.csv`, chose EASE's $\lambda$, iALS's factors, BPR's rate and ridge.
# PureSVD's 20 factors are level with 10; BPR would like 128, at twice the work, and keeps the 64 of iALS. The $\alpha$
# and ridge of iALS are not tuned here.

# %%
models = {"popularity": Popularity(), "PureSVD": PureSVD(20), "EASE": EASE(400)}
models |= {"BPR": BPR(64, 0.2, 0.02, n_epochs=30), "iALS": IALS(64, alpha=4.0, regularization=0.02)}
results = {}
for name, model in models.items():
    results[name] = evaluate(model.fit(split.train).score, split, name=name)
reveal("P6.1", pd.Series({name: result.mean("nDCG@10") for name, result in results.items()}))
result_table(list(results.values()))

# %% [markdown]
# BPR, the one that learns an order, comes last of the four. Luck of who was tested? We pair results within each person
# (chapter 03): that asks about people, not about time to train. And we repeat the fast models on five splits.

# %% tags=["claim"]
_, low, _ = paired_difference(results["PureSVD"], results["BPR"], "nDCG@10")
claim("The 95 % interval of PureSVD minus BPR lies above 0", low > 0)
rows = [{name: results[name].mean("nDCG@10") for name in ("PureSVD", "iALS", "EASE")}]
for seed in range(1, 5):
    fold = split_per_user(ml, random_state=seed)
    quick = {"PureSVD": PureSVD(20), "iALS": IALS(64), "EASE": EASE(400)}
    rows.append({name: ndcg(model, fold) for name, model in quick.items()})
folds = pd.DataFrame(rows)
print(folds.agg(["mean", "std"]).round(3))
lead = folds["iALS"] - folds["EASE"]
print("iALS minus EASE:", lead.round(4).tolist())
_, low, high = paired_difference(results["iALS"], results["EASE"], "nDCG@10")
claim(f"On the first split its interval over people, {low:.3f} to {high:.3f}, contains 0", low < 0 < high)
claim("iALS is ahead of EASE in each split", bool((lead > 0).all()))
claim("iALS minus EASE, mean of 5 splits", lead.mean(), near=0.003, within=0.002)
claim("Both beat PureSVD in each split", bool((folds[["EASE", "iALS"]].min(axis=1) > folds["PureSVD"]).all()))

# %% [markdown]
# iALS is ahead of EASE in every split, but by .003 only, and on the first split the interval of the difference over
# people, −.002 to .010, contains 0. Too little to choose by.
#
# Does BPR need more epochs? More take too long here; these runs were **saved** by `saved_run.py`.

# %% tags=["claim"]
saved = load_saved_run("06")["bpr"].fillna({"setting": ""})
tested = saved[saved["part"] == "test"].pivot_table("ndcg", "seed", ["model", "setting"])
print(tested.agg(["mean", "std"]).T.round(3))
bpr = tested["BPR"]  # (5 splits, 3 numbers of epochs)
of_120 = saved[saved["setting"] == "120"]
claim("PureSVD minus BPR of 30 epochs, mean of 5 splits", (tested["PureSVD"] - bpr["30"]).mean(), above=0.008)
claim("PureSVD minus BPR of 120 epochs, mean of 5 splits", of_120["behind"].mean(), near=0.003, within=0.002)
contain = (of_120["low"] < 0) & (of_120["high"] > 0)
claim("In each split the interval of that contains 0", bool(contain.all()))
grid = saved[(saved["data"] == "ml") & (saved["part"] == "validation")].set_index("setting")["ndcg"]
more, kept = grid["128 factors, rate 0.2, ridge 0.02"], grid["64 factors, rate 0.2, ridge 0.02"]
claim("On validation BPR of 128 factors passes that of 64", bool(more > kept))
behind = np.minimum(tested["iALS"], tested["EASE"]) > bpr["120"]
claim("BPR of 120 epochs is behind iALS and EASE in each split", bool(behind.all()))

# %% [markdown]
# With 30 epochs BPR comes last. With 120, four times the work, it is level with PureSVD, and still behind iALS and
# EASE: it is slow, not hopeless. One reason: a pair in the wrong order costs the same at the top of the list as at its
# end, and nDCG@10 sees the top only. The **AUC** sees all: the share of pairs of a hidden film and another unseen one
# that stand in the right order.


# %% tags=["claim"]
def auc(model, split):
    """Mean over people of the share of pairs (hidden, other unseen) in the right order."""
    train, hidden = split.train.matrix().toarray() > 0, split.test.matrix().toarray() > 0  # (943, 1682)
    scores = np.where(train, -np.inf, model.score(np.arange(len(train))))
    ranks = rankdata(scores, axis=1) - train.sum(axis=1, keepdims=True)  # 1 for the worst unseen film
    n_hidden, n_unseen = hidden.sum(axis=1), (~train).sum(axis=1)
    below = (ranks * hidden).sum(axis=1) - n_hidden * (n_hidden + 1) / 2  # others under each hidden one, summed
    return np.mean(below / (n_hidden * (n_unseen - n_hidden)))


aucs = {name: auc(model, split) for name, model in models.items()}
print(pd.Series(aucs).round(3).to_string())
claim("AUC of BPR minus that of EASE", float(aucs["BPR"] - aucs["EASE"]), near=0.007, within=0.003)
claim("AUC of iALS minus that of BPR", float(aucs["iALS"] - aucs["BPR"]), above=0)

# %% [markdown]
# By AUC BPR passes EASE, though not iALS: which model wins depends on the metric, and a loss close to a metric does not
# ensure the best value of it. What does EASE lose if its negative weights are set to 0?

# %% tags=["claim"]
ease = models["EASE"]
B_ml = ease.item_weights_  # (1682, 1682)
star_wars = pd.Series(B_ml[ml.items["title"].tolist().index("Star Wars")], index=ml.items["title"]).sort_values()
print("having met Star Wars adds")
print(pd.concat([star_wars.tail(3)[::-1], star_wars.head(3)]).round(3).to_string())
clipped = evaluate(lambda users: seen[users] @ np.maximum(B_ml, 0), split, name="clipped").mean("nDCG@10")
claim("Share of the weights below 0", float((B_ml < 0).mean()), near=0.52, within=0.02)
claim("nDCG@10 lost without them", results["EASE"].mean("nDCG@10") - clipped, near=0.014, within=0.005)

# %% [markdown]
# About half are negative. Each is small; together they matter.
#
# ## Quality against work
#
# Seconds depend on the machine, multiplications do not. With $N$ clicks (`n_clicks`) and $d$ factors:
#
# - EASE, once: $\frac12 n m^2$ for $X^\top X$, dense as in the package (over the clicks alone, next to nothing), and
#   $\frac12 m^3$ for the inverse, which alone costs more than all of iALS;
# - iALS: $(n + m) d^2$ for two Gram matrices and $4 (4 N d + (n + m) d^2)$ for start and three steps, each iteration;
# - BPR: about $6 N d$ each epoch.
#
# Which curve is higher for the same work?

# %% tags=["figure"]
d, n_clicks = 64, seen.nnz


def ials_work(m, n_clicks, n_epochs):
    return n_epochs * ((n + m) * d**2 + 4 * (4 * n_clicks * d + (n + m) * d**2))


def ease_work(m):
    return n * m**2 / 2 + m**3 / 2


iterations, epochs, long = [1, 2, 5], [3, 10], bpr.iloc[0]  # the saved epochs of the first split
ials_curve = [ndcg(IALS(d, n_epochs=t), split) for t in iterations] + [results["iALS"].mean("nDCG@10")]
bpr_curve = [ndcg(BPR(d, 0.2, n_epochs=t), split) for t in epochs]
bpr_curve += [results["BPR"].mean("nDCG@10"), long["60"], long["120"]]
ials_x = [ials_work(m, n_clicks, t) / 1e9 for t in [*iterations, 15]]
bpr_x = [6 * n_clicks * d * t / 1e9 for t in [*epochs, 30, 60, 120]]
fig, ax = new_axes(height=3.8)
ax.plot(ials_x, ials_curve, **MODEL_STYLES["iALS"])
ax.plot(bpr_x, bpr_curve, **MODEL_STYLES["BPR"])
ax.plot(ease_work(m) / 1e9, results["EASE"].mean("nDCG@10"), **MODEL_STYLES["EASE"] | {"markersize": 10})
for x, y, text in [(0.22, 0.425, "iALS"), (0.4, 0.375, "BPR"), (3.2, 0.466, "EASE")]:
    ax.text(x, y, text)
ax.set(xscale="log", xlabel="multiplications (billions, log scale)", ylabel="nDCG@10", ylim=(0.2, 0.5))
ax.set(xticks=[0.1, 0.3, 1, 3], xticklabels=[0.1, 0.3, 1, 3])
ax.minorticks_off()
show(
    fig,
    caption="Quality against counted work on MovieLens-100K.",
    alt="Line chart of nDCG at 10 against multiplications on a logarithmic axis. iALS rises steeply and levels off; "
    "BPR starts above it and then rises slower, up to 120 epochs; EASE is one point, high, at the right.",
)

# %% [markdown]
# Each point of BPR is a training of its own, whose rate falls to 0 at its end; the last two are saved. BPR leads only
# at the start; iALS is there after a few iterations; EASE pays once, as much as 120 epochs of BPR. Ten times the films
# and clicks, with the same people:

# %% tags=["claim"]
claim("iALS: nDCG@10 after 5 iterations, as a share of that after 15", ials_curve[2] / ials_curve[-1], above=0.97)
claim("EASE: ten times the films, multiples of the work", ease_work(10 * m) / ease_work(m), near=677, within=5)
growth = ials_work(10 * m, 10 * n_clicks, 1) / ials_work(m, n_clicks, 1)
claim("iALS: ten times the films and clicks, multiples of the work", growth, below=10)
claim("One matrix of EASE with the 27,278 films of MovieLens-20M, in GB", 27_278**2 * 4 / 1e9, near=2.98, within=0.01)

# %% [markdown]
# > **Reading the source critically.** The two articles that this course grew from go from the SVD straight to recurrent
# > networks and autoencoders, and measure nothing on the way. Yet of 12 neural models that could be reproduced, 11 can
# > be outperformed by simple methods (Ferrari Dacrema et al. 2021, abstract). The correct statement: a tuned closed
# > form comes first, and what is deeper has to beat it.
#
# ## What goes wrong
#
# - **Settings of other data.** The world wants 8 factors, MovieLens 64.
# - **Clicks are not tastes.** All three learn what was shown, too (chapter 01).
#
# ## Recap
#
# - **O6.1:** you split counts into preference and confidence.
# - **O6.2:** you solved one row, saw what the Gram trick saves, and watched the objective fall.
# - **O6.3:** you derived BPR's gradient, checked it, and drew unseen films.
# - **O6.4:** you wrote EASE, saw what a negative weight takes back, and compared fairly.
#
# Five questions: a list of letters.

# %%
### BEGIN SOLUTION
answers = ["b", "a", "c", "b", "c"]
### END SOLUTION
quiz("06", answers)
progress("06")

# %% [markdown]
# ## Further reading
#
# - Hu, Koren, Volinsky (2008), *Collaborative Filtering for Implicit Feedback Datasets*.
# - Rendle et al. (2009), *BPR: Bayesian Personalized Ranking from Implicit Feedback*.
# - Steck (2019), *Embarrassingly Shallow Autoencoders for Sparse Data*.
#
# **Next.** Chapter 07 gives EASE a hidden layer: autoencoders.
