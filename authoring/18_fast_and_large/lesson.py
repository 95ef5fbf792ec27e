# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   recsys_teach:
#     chapter: "18"
#     edition: 2
#     minutes: {reading: 100, doing: 85}
# ---

# %% [markdown]
# # 18 · Fast and large
#
# Ines runs a small film service. Her recommender is the matrix factorization of chapter 05, which she wrote in one
# evening, with loops. It learns from 100,000 ratings of 943 people, and that is fast enough. On Thursday a partner
# signs a contract: from Monday on, the service has a thousand times as many people and ratings. Her boss has one
# question: "How many servers do we have to rent?"
#
# A thousand times 100,000 is a hundred million ratings. That is the size of the Netflix Prize, a competition that began
# in 2006 with 100,480,507 ratings. Does Ines need faster code, another model, or more machines? Each sitting answers
# one part.
#
# ## What you will be able to do
#
# - **O18.1** Profile a slow loop, and predict from exponents what is slow at a larger size
# - **O18.2** Solve many small systems in one batch, and compare a time with the floor of memory traffic
# - **O18.3** Spend a budget for tuning by successive halving, and report a score that the choice did not inflate
# - **O18.4** Cut a factorization into shards, and decide by arithmetic when a cluster pays
#
# There are three sittings of about 90, 70 and 65 minutes. You need alternating least squares (chapter 05), and iALS
# (chapter 06) for sitting 2. If an exercise resists, call `hint("18.1")` with its number in a new cell. For sitting 3
# the program Spark is useful and not necessary: without it you see a saved run.

# %%
import cProfile
import pstats

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach import scale
from recsys_teach.data import movielens
from recsys_teach.figures import BLUE, GRAY, GREEN, ORANGE, VERMILION, Diagram, interval_dots, new_axes, show, style_of
from recsys_teach.learn import TODO, check, claim, hint, load_saved_run, predict, progress, quiz, reference, reveal

# %% [markdown]
# # Sitting 1 · Fast
#
# ## 1 · Where does the time go?
#
# Alternating least squares goes back and forth. With the films' vectors fixed, it computes the vector of every person;
# then the same with people and films exchanged. We look at one such **pass** over the people. The vector $p_u$ of a
# person minimizes $\sum_i (r_{ui} - p_u \cdot q_i)^2 + \lambda \lVert p_u \rVert^2$ over the rated films $i$. Here
# $r_{ui}$ is the rating minus the mean of all ratings, $q_i$ (`Q[i]`) is the vector of the film, and $\lambda$ is the
# `regularization`. The solution is a small system of equations:
#
# $$A \, p_u = b \quad \text{with} \quad A = \lambda I + \sum_i q_i q_i^\top, \qquad b = \sum_i r_{ui} \, q_i$$
#
# The smallest example has vectors of length 1. A person gave 3 to a film with $q = 1$ and 4 to a film with $q = 2$, and
# λ = 1. Then A = 1 + 1 · 1 + 2 · 2 = 6 and b = 3 · 1 + 4 · 2 = 11, so p = 11 / 6 = 1.83. Ines wrote this pass as three
# functions:


# %%
def find_ratings(users, u):
    """Return the places in the log where the ratings of person u are."""
    return np.flatnonzero(users == u)


def add_rating(A, b, q, r):
    """Add one rating to both sides of the equations, in place."""
    A += np.outer(q, q)
    b += r * q


def solve_person(A, b):
    """Return the vector of one person."""
    return np.linalg.solve(A, b)


# %%
def pass_by_loop(users, items, values, n_users, Q, regularization):
    """Return the vectors of all people, shape (n_users, n_factors)."""
    n_factors = Q.shape[1]
    P = np.zeros((n_users, n_factors))
    for u in range(n_users):
        A, b = regularization * np.eye(n_factors), np.zeros(n_factors)
        for place in find_ratings(users, u):
            add_rating(A, b, Q[items[place]], values[place])
        P[u] = solve_person(A, b)
    return P


# %%
ml = movielens.load()
users, items = ml.user_pos, ml.item_pos  # (100000,) who rated what
values = ml.log["rating"].to_numpy(float)
values = values - values.mean()  # (100000,) the ratings minus their mean
Q = np.random.default_rng(18).normal(size=(ml.n_items, 16)) / 4  # any vectors will do for measuring time
regularization = 5.0

# %% [markdown]
# Before you run the program: which of the three functions takes most of the time? Many people suspect the equations,
# because they look like the hardest mathematics. Write your guess as a letter.
#
# - `a`: finding the ratings of each person in the log
# - `b`: adding the ratings to the sums, one by one
# - `c`: solving the equations

# %%
### BEGIN SOLUTION
guess = "b"
### END SOLUTION
predict("P18.1", guess)

# %% [markdown]
# A **profile** answers the question by measurement. It lists how often each function was called and how much time was
# spent in it. Python has a profiler, `cProfile`. The cell runs the pass with the profiler. This makes the pass slower,
# because the profiler adds some work to each call, so a function that is called very often looks slower than
# it is. A profile shows where to look; how large a share really is must be measured with a clock. `pstats` reads the
# result.

# %%
profile = cProfile.Profile()
P_loop = profile.runcall(pass_by_loop, users, items, values, ml.n_users, Q, regularization)

calls, seconds = {}, {}
for (_, _, name), (_, n_calls, _, total, _) in pstats.Stats(profile).stats.items():
    if name in ("find_ratings", "add_rating", "solve_person"):
        calls[name], seconds[name] = n_calls, total  # total counts what the function itself has called, too

letters = {"a": "find_ratings", "b": "add_rating", "c": "solve_person"}
reveal("P18.1", {letter: seconds[name] for letter, name in letters.items()})
pd.DataFrame({"calls": pd.Series(calls)}).loc[list(letters.values())]


# %% tags=["figure"]
def draw_profile():
    """Draw the share of each function in the time of this run."""
    fig, ax = new_axes(width=8, height=2.4)
    names = ["find_ratings", "add_rating", "solve_person"]
    shares = [100 * seconds[name] / sum(seconds.values()) for name in names]
    bars = ax.barh(names[::-1], shares[::-1], color=[GRAY, VERMILION, BLUE], height=0.6)
    ax.bar_label(bars, fmt="%.0f %%", padding=4)
    ax.set(xlabel="share of the time of the three functions on this machine (%)", xlim=(0, 110))
    ax.grid(visible=False, axis="y")
    return fig


show(
    draw_profile(),
    caption="The profile of the loop on this machine.",
    alt="Three horizontal bars with the share of the time. Adding the ratings takes by far the most; finding the "
    "ratings takes much less, and solving the equations takes the least.",
)

# %% [markdown]
# The equations take almost nothing. The time goes into 100,000 small steps. Each call of `add_rating` does a few
# hundred multiplications. The processor needs less than a microsecond for them, but Python needs several microseconds
# to organize them.
#
# It is a common mistake to spend an evening on a function that takes 3 % of the time. If a part with the share $s$ of
# the time becomes free, the total falls to $1 - s$, and the program is $1 / (1 - s)$ times faster. This is
# **Amdahl's law**. With s = 0.03 the best possible speed-up is 1 / 0.97 = 1.03. With s = 0.8 it is 1 / 0.2 = 5.
#
# ## 2 · Tomorrow's hot spot
#
# The profile speaks about today. Which function will be slow on Monday? Look at what each of them does. `add_rating` is
# called once for each rating: a thousand times the ratings take a thousand times as long. `find_ratings` is called once
# for each person, and each time it compares *all* ratings: 943 · 100,000 comparisons = 94 million. With a thousand
# times the people *and* a thousand times the ratings, that becomes a million times as much.
#
# Such a law of growth is called the **complexity** of a program. We write it as a power: cost = $c \cdot n^p$, where
# $n$ is the size, $c$ a constant and $p$ the **exponent**. `add_rating` has p = 1, `find_ratings` has p = 2. If
# the size doubles, the cost is multiplied by $2^p$: by 2 or by 4.
#
# How do we measure an exponent? Take logarithms of both sides: $\log \text{cost} = \log c + p \log n$. In logarithms
# the law is a straight line, and the exponent is its slope. `np.polyfit(x, y, 1)` fits the best line and returns two
# numbers, slope and intercept. Here it fits the line y = 1 + 2x:

# %%
x = np.array([0.0, 1.0, 2.0])
print("slope and intercept:", np.polyfit(x, 1 + 2 * x, 1).round(6))

# %% [markdown]
# ### Exercise 18.1 · The exponent of a cost (warm-up, 6 minutes)
#
# Fit the power law to measured costs, and return its exponent.
#
# - Input:
#   - `sizes`, shape (n,): numbers above 0, in any order
#   - `costs`, shape (n,): the cost at each size, above 0
# - Output: one number, the slope of log cost over log size, fitted to all values.
# - Mini-case:
#   - `sizes = [1, 2, 4]`
#   - `costs = [3, 12, 48]`: each doubling multiplies the cost by 4
#   - result: `2`


# %%
def exponent(sizes, costs):
    """Return the exponent p of cost = c · size^p."""
    ### BEGIN SOLUTION
    slope, _ = np.polyfit(np.log(sizes), np.log(costs), 1)
    return slope
    ### END SOLUTION


check("18.1", exponent)

# %% [markdown] tags=["solution"]
# **Why it works.** A power law becomes a line in logarithms, and the constant $c$ only shifts the line.
# **Another way.** `scipy.stats.linregress(np.log(sizes), np.log(costs)).slope`. **Typical mistake.** Fitting the raw
# numbers: then the largest size decides everything, and the slope has the unit seconds per rating.

# %% [markdown]
# Let us use it. The saved run has measured the loop on a quarter, a half and all of the people. It has also measured
# the loop without the search, on a log that is sorted by person (section 3). The difference of the two times is the
# search. All times in this chapter's tables are processor time of one core, measured on one machine: another machine
# has other seconds and nearly the same proportions. (The code is in `authoring/18_fast_and_large/saved_run.py`.)

# %%
exponent = reference("18.1")
saved = load_saved_run("18")
steps = saved["steps"]
times = steps.pivot_table(index="ratings", columns="version", values="seconds")
small = times.loc[times.index <= 100_000, ["loop", "sorted"]]
small = small.assign(search=small["loop"] - small["sorted"])
print("exponents:", small.apply(lambda column: exponent(column.index, column)).round(1).to_dict())
small.round(2)

# %% [markdown]
# At 100,000 ratings the search takes 0.19 of 1.44 seconds, so it looks harmless: it is 0.19 / 1.44 = 13 % of the time.
# (This was measured with a clock. The profiler shows a smaller share, because it makes the 100,000 calls of
# `add_rating` slower.) Its measured exponent is 1.6 and not yet 2: at these sizes a call of `find_ratings` also has
# costs that do not grow with the log. For a thousand times as many people *and* ratings the comparisons decide, and
# theory says that the search takes a million times as long: 190,000 seconds, or 53 hours. The rest is a thousand times
# as long, 1.25 · 1,000 = 1,250 seconds, about 21 minutes. So the part that nobody would have looked at takes 99 % of
# the time.
#
# ### Exercise 18.A · Which function first? (decision, 5 minutes)
#
# Jonas, a colleague, has profiled his program with 1,000, 2,000 and 4,000 people. Seconds spent in its three functions:
#
# | function | 1,000 | 2,000 | 4,000 |
# |---|---|---|---|
# | `load` | 6.0 | 12.0 | 24.0 |
# | `pairs` | 0.5 | 2.0 | 8.0 |
# | `sort` | 1.0 | 2.1 | 4.4 |
#
# His service will have 64,000 people. Answer with a list of three texts:
#
# 1. Which function takes the most time at 4,000 people?
# 2. Which one will take the most at 64,000?
# 3. How many times faster would the program be at 4,000 people, at most, if `load` took no time: "1.5", "2.9", "24" or
#    "36"?

# %%
### BEGIN SOLUTION
first = ["load", "pairs", "2.9"]
### END SOLUTION
check("18.A", first)

# %% [markdown] tags=["solution"]
# **Why.** From 4,000 to 64,000 people are four doublings. `load` grows by 2⁴ to 24 · 16 = 384 s, and `pairs` by 4⁴ to 8
# · 256 = 2,048 s. Without `load`, 36.4 s become 12.4 s, and 36.4 / 12.4 = 2.9. **Another way.** Fit the exponents:
# about 1, 2 and 1.07. **Typical mistake.** Improving today's hot spot for tomorrow's size.

# %% [markdown]
# What happens to the other models of this course when more people arrive and the catalog stays? Theory first.
# Popularity counts each event once. A pass of ALS touches each event once, and so does an epoch of a neural network:
# exponent 1. `UserKNN` compares all pairs of people: exponent 2. `ItemKNN` and EASE compare pairs of *films*, whose
# number stays; what they add up for each new person costs the same again, so their exponent is 1. (If the *catalog*
# grew, EASE would be the expensive one: it inverts a table of films by films, with exponent 3.) Do the measurements
# agree? They come from the made-up world with a growing number of people:

# %%
growth = saved["growth"]
measured = {name: exponent(part["events"], part["seconds"]) for name, part in growth.groupby("model", sort=False)}
theory = {name: 2.0 if name == "UserKNN" else 1.0 for name in measured}


# %% tags=["figure"]
def draw_exponents():
    """Draw the measured exponent of each model beside the one of theory."""
    fig, ax = new_axes(width=8.6, height=5.4)
    names = sorted(measured, key=measured.get)
    places = range(len(names))
    ax.plot([theory[name] for name in names], places, "D", color="white", markeredgecolor=GRAY, markersize=11,
            label="theory, for large data")  # fmt: skip
    ax.plot([measured[name] for name in names], places, "o", color=BLUE, markersize=7, label="measured")
    for place, name in enumerate(names):
        ax.plot([measured[name], theory[name]], [place, place], color=GRAY, linewidth=1, zorder=0)
    ax.set_yticks(list(places), names)
    ax.set(xlabel="exponent of the fitting time over the number of events", xlim=(0, 2.4))
    ax.legend(loc="lower right")
    return fig


show(
    draw_exponents(),
    caption="Exponents of all models when people are added.",
    alt="One row for each model with its measured exponent beside the exponent of theory. All models but one are at "
    "or below about one. Only UserKNN, which compares all pairs of people, is near two.",
)


# %% tags=["claim"]
def claim_on_exponents():
    """State which models grow faster than the data."""
    others = [value for name, value in measured.items() if name != "UserKNN"]
    claim("UserKNN has an exponent above 1.5, and no other model has one", measured["UserKNN"] > 1.5 > max(others))
    claim("The median exponent of the other models is below 1.25", bool(np.median(others) < 1.25))


claim_on_exponents()

# %% [markdown]
# An exponent below 1 does not promise cheap growth forever. At small sizes a program also has costs that do not grow,
# and they flatten the line. With more data the exponent rises toward the one of theory. So a measured exponent predicts
# well only near the sizes at which it was measured.
#
# For Ines this is good news: matrix factorization grows like the data, exponent 1. Her *model* is not the problem. Her
# code is.
#
# ## 3 · Sort once, then work on arrays
#
# First we remove the search. If the log is sorted by person, the ratings of person $u$ are next to each other, and
# two numbers say where they begin and end. This is the compressed sparse row format of chapter 01. Its array `indptr`
# has the beginnings:

# %%
tiny = sparse.csr_array(([3.0, 4.0, 5.0], ([0, 0, 2], [0, 1, 1])), shape=(3, 2))  # values, (people, films)
print("indptr:", tiny.indptr, " films:", tiny.indices, " values:", tiny.data)
print("person 0:", tiny.data[tiny.indptr[0] : tiny.indptr[1]], " person 1:", tiny.data[tiny.indptr[1] : tiny.indptr[2]])

# %% [markdown]
# Then we replace the loop over the ratings of a person by one operation on arrays. This is called **vectorization**.
# Let X be the table of the vectors of the rated films, one row each, with $k$ = 16 columns (`n_factors`). The sum of
# all $q q^\top$ is the product $X^\top X$, and the sum of all $r q$ is $X^\top r$. In the example of section 1, X has
# the rows 1 and 2, so $X^\top X$ = 1 · 1 + 2 · 2 = 5, as before. One call of numpy now does the work of a hundred calls
# of `add_rating`.


# %%
def pass_vectorized(matrix, Q, regularization):
    """Return the vectors of all people from a sparse matrix, one matrix product for each person."""
    P = np.zeros((matrix.shape[0], Q.shape[1]))
    penalty = regularization * np.eye(Q.shape[1])
    for u in range(matrix.shape[0]):
        mine = slice(matrix.indptr[u], matrix.indptr[u + 1])
        X, r = Q[matrix.indices[mine]], matrix.data[mine]  # (n_rated, n_factors), (n_rated,)
        P[u] = np.linalg.solve(X.T @ X + penalty, X.T @ r)
    return P


matrix = sparse.csr_array((values, (users, items)), shape=(ml.n_users, ml.n_items))
print("Both passes agree:", np.allclose(pass_vectorized(matrix, Q, regularization), P_loop))

# %% [markdown]
# ## 4 · Many people at once
#
# One loop is left, over the people. The ratings of one person keep numpy busy for some microseconds only, so again a
# good part of the time is organization. The remedy is to put many people into one array and to call numpy once for all
# of them. This is a **batch**; $m$ is the number of people in it. The difficulty is that people have different
# numbers of ratings. We fill the short rows up with a film that does not exist and that has the vector 0. Filling up is
# called **padding**.


# %% tags=["diagram"]
def draw_batch():
    """Draw how three people become one padded batch, and which shapes follow."""
    diagram = Diagram(10.6, 3.9)
    roles = [["task 1", "task 1", "neutral"], ["task 1", "task 1", "task 1"], ["task 1", "neutral", "neutral"]]
    diagram.note(1.45, 3.65, "films, (m, length)", size=10.5)
    films = diagram.grid(0.8, 3.4, [["4", "7", "pad"], ["0", "2", "7"], ["5", "pad", "pad"]], roles=roles, cell=0.48,
                         rows=["Ada", "Ben", "Cleo"])  # fmt: skip
    diagram.note(1.45, 1.75, "values, (m, length)", size=10.5)
    stars = diagram.grid(0.8, 1.5, [["1", "−2", "0"], ["2", "0", "1"], ["−1", "0", "0"]], roles=roles, cell=0.48)
    X = diagram.box(4.1, 2.65, "X\n(m, length, k)", "task 2", width=1.6, height=0.8)
    diagram.arrow(films, X, "look up Q")
    A = diagram.box(6.7, 2.65, "A = XᵀX + λI\n(m, k, k)", "shared", width=1.7, height=0.8)
    b = diagram.box(6.7, 0.8, "b = Xᵀr\n(m, k)", "shared", width=1.7, height=0.8)
    diagram.arrow(X, A, "np.matmul")
    diagram.arrow(X, b)
    diagram.arrow(stars, b)
    P = diagram.box(9.5, 1.75, "P\n(m, k)", "highlight", width=1.2, height=0.8)
    diagram.arrow(A, P)
    diagram.arrow(b, P)
    diagram.note(8.55, 0.6, "np.linalg.solve", size=10)
    return diagram.figure


show(
    draw_batch(),
    caption="A batch of three people; a pad reads zeros.",
    alt="Three people with two, three and one ratings fill a table of films whose missing places are pads, and a "
    "table of values that are zero there. Looking up the vectors gives X, from it the matrices A and the right "
    "sides b, and one call solves all three systems.",
)

# %% [markdown]
# A padded place has the vector 0 and the value 0. It adds 0 · 0 to every sum, so the result does not change.
#
# The tools: `np.matmul` and `np.linalg.solve` treat an array of shape (m, k, k) as a stack of m matrices and do the
# same with each. `swapaxes(1, 2)` transposes every matrix of a stack. `np.linalg.solve` wants the right sides as a
# stack of columns, shape (m, k, 1): `[..., None]` adds the last axis, and `[..., 0]` takes it away.

# %%
stack = np.array([[[2.0, 1.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 5.0]]])  # (2 matrices, 2, 2)
right = np.array([[4.0, 8.0], [3.0, 10.0]])  # (2 right sides, 2)
print(np.linalg.solve(stack, right[..., None])[..., 0])  # one solution in each row
print(np.matmul(right[:, None], stack)[:, 0])  # each row times its matrix: (2, 1, 2) times (2, 2, 2)

# %% [markdown]
# ### Exercise 18.2 · Solve a batch (core, 12 minutes)
#
# Compute the vectors of a batch of people, without a loop.
#
# - Input:
#   - `columns`, shape (m, length): the films of each person; the number `len(Q)` is a pad
#   - `values`, shape (m, length): the ratings minus their mean, 0 at a pad
#   - `Q`, shape (n_films, n_factors): the vectors of the films, without a row for the pad
#   - `regularization`: λ, a number above 0
# - Output: shape (m, n_factors), for each person the solution of $(X^\top X + \lambda I) \, p = X^\top r$.
# - Mini-case with two people, two films and vectors of length 1:
#   - `Q = [[1], [2]]`, so 2 is the pad
#   - `columns = [[0, 1], [1, 2]]` and `values = [[3, 4], [5, 0]]`
#   - `regularization = 1`
#   - result: `[[11 / 6], [2]]`. The second person has A = 1 + 4 = 5 and b = 2 · 5 = 10.
# - `np.vstack([Q, np.zeros_like(Q[:1])])` is Q with a row of zeros below.


# %%
def solve_batch(columns, values, Q, regularization):
    """Return the vectors of several people, one in each row."""
    ### BEGIN SOLUTION
    X = np.vstack([Q, np.zeros_like(Q[:1])])[columns]  # (m, length, k)
    A = np.matmul(X.swapaxes(1, 2), X) + regularization * np.eye(Q.shape[1])  # (m, k, k)
    b = np.matmul(values[:, None], X)[:, 0]  # (m, k)
    return np.linalg.solve(A, b[..., None])[..., 0]
    ### END SOLUTION


check("18.2", solve_batch)

# %% [markdown] tags=["solution"]
# **Why it works.** The first axis numbers the people; `matmul` and `solve` repeat their work for each of them in
# compiled code. **Another way.** `np.einsum("bli,blj->bij", X, X)` computes all $X^\top X$. **Typical mistake.** Adding
# λ to the complete matrix: `A + regularization` adds it to every entry, and only the diagonal should get it.

# %% [markdown]
# How large should a batch be? If a person with 700 ratings shares a batch with people who have 20, nearly everything is
# padding. So `padded_blocks`, which the package's models use, sorts people by their number of ratings first. And it
# cuts blocks whose array X has about one megabyte. Such a block fits into the **cache**, a small memory next to the
# processor that is much faster than the main memory. X is read several times, so this pays. The package does all that
# in `scale.ridge_pass`:

# %%
from recsys_teach.models.factors import padded_blocks

blocks = padded_blocks(matrix, Q.shape[1])
P_batched, _ = scale.ridge_pass(blocks, Q, np.full(ml.n_users, regularization))
print("blocks:", len(blocks), " people in the first and the last:", len(blocks[0][0]), len(blocks[-1][0]))
print("The batched pass agrees with the loop:", np.allclose(P_batched, P_loop, atol=1e-6))

# %% [markdown]
# Here are the saved times of all versions. The last one uses `float32`, four bytes for each number in place of eight.

# %%
versions = ["loop", "sorted", "one product per person", "batched", "batched, float32"]
at_100k = steps[steps["ratings"] == 100_000].set_index("version").loc[versions, ["seconds", "difference"]]
at_100k.insert(1, "times faster", (at_100k["seconds"].iloc[0] / at_100k["seconds"]).round(0))
at_100k


# %% tags=["figure"]
def draw_versions():
    """Draw the seconds of each version over the number of ratings, and where Monday is."""
    fig, ax = new_axes(width=9.2, height=4.4)
    for position, name in enumerate(["loop", "one product per person", "batched, float32"]):
        part = steps[steps["version"] == name]
        ax.plot(part["ratings"], part["seconds"], label=name, **style_of(name, position))
    ax.axvline(1e8, color=GRAY, linestyle=":")
    ax.annotate("Monday", (1e8, 0.02), (-6, 0), textcoords="offset points", ha="right", color=GRAY)
    n = np.geomspace(1e5, 1e8, 31)
    search, rest = small.loc[100_000, "search"], small.loc[100_000, "sorted"]
    onward = (("loop", rest * n / 1e5 + search * (n / 1e5) ** 2, "about 53 hours"),
              ("batched, float32", times.loc[10_000_000, "batched, float32"] * n / 1e7, "about 19 s"))  # fmt: skip
    for (name, seconds, end), position in zip(onward, (0, 2), strict=True):
        part = n >= (1e5 if name == "loop" else 1e7)
        color = style_of(name, position)["color"]
        ax.plot(n[part], seconds[part], ":", color=color)
        ax.annotate(end, (1e8, seconds[-1]), (6, 0), textcoords="offset points", va="center", color=color)
    ax.set(xscale="log", yscale="log", xlabel="ratings (log scale)", ylabel="processor seconds (log scale)")
    ax.set(xlim=(2e4, 3e9), ylim=(0.004, 1e6), xticks=[1e5, 1e6, 1e7, 1e8])
    ax.legend(loc="upper left")
    return fig


show(
    draw_versions(),
    caption="One pass in three versions; dotted: not measured, calculated for Monday.",
    alt="Lines of seconds over ratings, both on log scales. The loop is measured up to 100,000 ratings, one product "
    "per person up to a million, the batched pass in float32 up to ten million. Dotted lines lead to a hundred "
    "million: "
    "the loop bends upward to about 53 hours, the batched pass goes on to 19 seconds.",
)


# %% tags=["claim"]
def claims_on_versions():
    """State what the changes have gained and what they have not changed."""
    gain = times.loc[100_000, "loop"] / times.loc[100_000, "batched, float32"]
    claim("The batched pass in float32 is at least 25 times as fast as the loop", bool(gain > 25))
    growing = steps[(steps["version"] == "batched, float32") & (steps["ratings"] >= 100_000)]
    p = exponent(growing["ratings"], growing["seconds"])
    claim("From 100,000 to ten million ratings its exponent is 1.0, within 0.15", abs(p - 1) < 0.15)
    claim("No version differs from the loop by more than a millionth", bool(at_100k["difference"].max() < 1e-6))


claims_on_versions()

# %% [markdown]
# The pass does the same calculation 75 times as fast: 1.44 / 0.019 = 75. The order of the steps matters. We removed the
# bad exponent first, then the Python loops, and only then thought of bytes. Ten million ratings take 1.9 seconds. With
# exponent 1, a hundred million take ten times as long, about 19 seconds.
#
# A last step is to **approximate**: to compute something else that is nearly as good. Chapter 06 did not solve the
# equations of iALS exactly but took three steps of the conjugate gradient. The rule is to measure both sides of the
# trade. For iALS with 64 factors, over eight splits of MovieLens:

# %%
approximate = saved["approximate"]
by_steps = approximate.groupby("steps")[["seconds", "ndcg"]].mean()
exact = approximate[approximate["steps"] == 64].set_index("seed")["ndcg"]
loss = {n: part.set_index("seed")["ndcg"] - exact for n, part in approximate.groupby("steps")}
by_steps["ndcg minus exact"] = pd.Series({n: d.mean() for n, d in loss.items()})
by_steps["± (95 %)"] = pd.Series({n: 2.36 * d.std() / 8**0.5 for n, d in loss.items()})  # t with 7 degrees of freedom
by_steps.round({"seconds": 2, "ndcg": 3, "ndcg minus exact": 4, "± (95 %)": 4})

# %% [markdown]
# Three steps cost a twelfth of the time of 64 steps (which solve the equations almost exactly), and the difference of
# .0001 ± .0004 in nDCG@10 is too small to matter here. One step costs less still, and loses .014. Whether an
# approximation is good enough was answered here by a metric on held-out films, not by the error of the equations.
#
# ## 5 · The floor
#
# When is code fast enough? Each byte that a computation needs has to travel from the main memory to the processor, and
# the speed of this transport, the **bandwidth**, is limited. The bytes that must move, divided by the bandwidth, are a
# **floor** for the time: no code on this machine can be faster. If a program is near its floor, only moving fewer bytes
# can help. If it is far above, something else limits it.
#
# A pass reads every rating once, with 4 bytes for the position of the film and 4 (float32) or 8 (float64) for the
# value. It writes the vector of every person once. The vectors of the films stay in the cache. With 10 million ratings,
# 94,300 people, 16 factors and float32, these are 10,000,000 · 8 + 94,300 · 16 · 4 bytes = 0.086 gigabytes. (A
# gigabyte, GB, has 10⁹ bytes.)
#
# ### Exercise 18.3 · The floor of a pass (core, 6 minutes)
#
# Compute the floor of a pass over the people.
#
# - Input:
#   - `n_ratings`, `n_users`, `n_factors`: sizes
#   - `bytes_per_number`: 4 or 8, for each value and each factor. The position of a film always has 4 bytes.
#   - `bandwidth`: in gigabytes per second
# - Output: seconds, one number.
# - Mini-case: a million ratings, 10,000 people, 20 factors, 4 bytes, 4 GB per second:
#   - read: 1,000,000 · (4 + 4) = 8,000,000 bytes
#   - written: 10,000 · 20 · 4 = 800,000 bytes
#   - result: 8,800,000 / 4,000,000,000 = `0.0022`


# %%
def floor_seconds(n_ratings, n_users, n_factors, bytes_per_number, bandwidth):
    """Return the seconds in which the bytes of one pass can move."""
    ### BEGIN SOLUTION
    read = n_ratings * (4 + bytes_per_number)
    written = n_users * n_factors * bytes_per_number
    return (read + written) / (bandwidth * 1e9)
    ### END SOLUTION


check("18.3", floor_seconds)

# %% [markdown] tags=["solution"]
# **Why it works.** Bytes divided by bytes per second are seconds. **Another way.** Add two times, one for reading and
# one for writing. **Typical mistake.** Forgetting that a sparse matrix also stores positions: half of the bytes of a
# rating say *which* film it is.

# %% [markdown]
# The saved run measured the bandwidth by copying an array, and then three tasks beside their floors:

# %%
floors = saved["floor"].copy()
floors["times the floor"] = (floors["seconds"] / floors["floor"]).round(1)
floors.round(3)


# %% tags=["claim"]
def claims_on_floor():
    """State which task is near its floor."""
    ratio = floors.set_index(["task", "dtype"])["times the floor"]
    claim("Adding numbers takes less than 4 times its floor, in float64 and in float32",
          bool(ratio.loc["add 50 million ratings"].max() < 4))  # fmt: skip
    claim(
        "The pass takes more than 30 times its floor", bool(ratio.loc["one pass over 10 million ratings"].iloc[0] > 30)
    )


claims_on_floor()

# %% [markdown]
# Adding numbers is near the floor, because there is hardly anything to do for each byte. There, `float32` helps, since
# it halves the bytes: here it is 0.037 / 0.024 = 1.5 times as fast, because some of the cost stays. The pass is far
# above its floor: for each rating it does 2 · 16² = 512 multiplications and additions. Its limit is arithmetic and the
# traffic between cache and processor. So it gains from fewer factors or fewer steps, and from more cores, but not from
# a faster main memory.
#
# **Settled for today.** Ines does not need another model: its cost grows like the data. She needs other code. One pass
# over the people takes about 19 seconds for a hundred million ratings, on one core. (We measured up to ten million and
# went on with exponent 1; the 19 seconds include the building of the blocks, which the table of section 5 leaves out.)
# The pass over the films takes about as long, and ten rounds of both take 2 · 10 · 19 = 380 seconds. "How many
# servers?" The one on her desk, unless memory ends first. That is a question for sitting 3.
#
# ## Pause · End of sitting 1
#
# Keep in mind: profile first, look at exponents, then sort, vectorize and batch. You may forget the details of
# `matmul`. When you return, run all cells above first; it takes less than a minute.
#
# # Sitting 2 · Choose
#
# ## 6 · A budget for tuning
#
# A model has settings, the hyperparameters, and new data need new settings. For the start page Ines uses iALS of
# chapter 06. It has a weight α for clicks and a regularization λ. Which values are best for her service? Each trial
# costs a training run, and on Monday's data the nightly computer has time for 96 epochs in all, for example 6 settings
# with 16 epochs each. How should she spend them?
#
# Two simple plans are a **grid search**, which combines a few values of each hyperparameter, and a **random search**,
# which draws each setting at random. Both hyperparameters live on a logarithmic scale: from .25 to 64 and from .0003 to
# .3, so that the step from 1 to 2 is as large as that from 10 to 20.


# %% tags=["diagram"]
def draw_searches():
    """Draw a grid of two by three, six random points and 32 random points of a halving in the same square."""
    rng = np.random.default_rng(4)
    fig, axes = new_axes(columns=3, width=10.4, height=3.6)
    grid = np.array([((i + 0.5) / 3, (j + 0.5) / 2) for j in range(2) for i in range(3)])
    many, alive = rng.random((32, 2)), rng.permutation(32)
    axes[0].plot(*grid.T, "s", color=BLUE, markersize=11)
    axes[1].plot(*rng.random((6, 2)).T, "o", color=ORANGE, markersize=11)
    for n, size in ((32, 4), (16, 6), (8, 8.5), (4, 11.5), (2, 15)):
        axes[2].plot(*many[alive[:n]].T, "o", color=GREEN, markersize=size, markeredgecolor="white")
    titles = ("grid: 6 × 16 epochs", "random: 6 × 16 epochs", "halving: 32 start, 2 get 16 epochs")
    for ax, title in zip(axes, titles, strict=True):
        ax.set(xlim=(0, 1), ylim=(0, 1), title=title, xlabel="λ (log scale)")
        ax.set_xticks([0, 1], [".0003", ".3"])
        ax.set_yticks([0, 1], [".25", "64"])
        ax.spines[:].set_visible(True)
    axes[0].set_ylabel("α (log scale)")
    return fig


show(
    draw_searches(),
    caption="Three ways to spend 96 epochs; a larger dot is trained longer.",
    alt="Three squares of alpha over lambda. The first has a regular grid of two by three points, the second six "
    "random points, the third 32 random points of which half, a quarter and so on are drawn larger, down to two "
    "large ones.",
)

# %% [markdown]
# The settings are compared by their nDCG@10 on **validation** people, whose hidden films the model has not seen. In our
# experiment these are 100 people, drawn at random. The other 843 are the *test* people: they tell afterward what the
# choice was worth. (All 943 are in the training set with four fifths of their ratings. The hidden fifth is what we
# score.)
#
# ## 7 · The winner's curse
#
# Before we compare plans, a warning. Suppose three settings are equally good: each would have the nDCG .40 over very
# many people. But people differ in *which* setting finds their films, and on 100 of them it is .41, .37 and .42. (The
# mean is right, (.41 + .37 + .42) / 3 = .40.) We choose the third one and report .42. Next month, with other people, it
# has .40 again. Nothing got worse: we had chosen it *because* it suited these 100 people by luck.
#
# This is the **winner's curse**: the best of several noisy scores is too high on average. It grows with the number $n$
# of candidates. Suppose that the scores of the candidates have independent normal noise with the standard deviation σ.
# How far above the truth is the best of n equal candidates, on average? Measured in σ, the cell estimates it by
# simulation:

# %%
noise = np.random.default_rng(18).normal(size=(20_000, 64))  # 20,000 repetitions, 64 equal candidates
pd.DataFrame(
    {"expected lead of the best, in σ": {n: noise[:, :n].max(axis=1).mean() for n in (1, 2, 4, 16, 64)}}
).round(1)

# %% [markdown]
# To see the curse in real results we need two numbers for each choice: the score for which the winner was chosen, and
# the score of the same setting on the test people. With a table of repetitions by settings, one needs one entry from
# each row. Two index arrays do that:

# %%
table = np.array([[7, 9, 8], [4, 1, 2]])
column = table.argmax(axis=1)  # the place of the largest entry in each row; in a tie the first
print(column, table[np.arange(2), column])  # row 0 with its column, row 1 with its column

# %% [markdown]
# ### Exercise 18.4 · What the winner is worth (core, 8 minutes)
#
# A choice is repeated several times. Compute what the winners promised, and what they were worth.
#
# - Input: `validation` and `test`, both of shape (n_repetitions, n_settings). Higher is better.
# - Output: two numbers.
#   - the mean over the repetitions of the best validation score
#   - the mean test score of the settings that won
# - In a tie the first setting wins.
# - Mini-case with two repetitions and two settings:
#   - `validation = [[.3, .5], [.6, .2]]`: setting 1 wins the first choice, setting 0 the second
#   - `test = [[.4, .3], [.1, .7]]`
#   - result: `(0.55, 0.2)`, from (.5 + .6) / 2 and (.3 + .1) / 2


# %%
def best_of_n(validation, test):
    """Return the mean validation score of the winners and the mean of their test scores."""
    ### BEGIN SOLUTION
    rows, winner = np.arange(len(validation)), validation.argmax(axis=1)
    return validation[rows, winner].mean(), test[rows, winner].mean()
    ### END SOLUTION


check("18.4", best_of_n)

# %% [markdown] tags=["solution"]
# **Why it works.** The index arrays pick one entry of each row, the same one from both tables. **Another way.** A loop
# over `zip(validation, test)`. **Typical mistake.** `test.max(axis=1)`: it chooses again, now by the test scores, and
# reports what nobody could have chosen.

# %% [markdown]
# Now the experiment. The saved run fitted the *same* setting of iALS 64 times and changed only the random start. The 64
# models are equally good by construction, or nearly so. Suppose Ines takes the start with the best validation score.
# Predict: how much better is its test score than that of an average start?
#
# - `a`: less than 0.002 better, or not at all
# - `b`: from 0.002 to 0.02 better
# - `c`: more than 0.02 better

# %%
### BEGIN SOLUTION
guess = "a"
### END SOLUTION
predict("P18.2", guess)

# %% [markdown]
# The experiment is repeated on eight splits of MovieLens, with five draws of the validation people each. As a second
# case we take 64 settings drawn at random, which really differ. One more detail. Some draws of 100 people are easier
# than others for *all* settings alike. This has nothing to do with the choice, so we remove it: we subtract the mean of
# all 64 candidates, and ask by how much the winner's two scores exceed this mean.

# %% tags=["setup"]
best_of_n = reference("18.4")
settings = saved["settings"]


def tables(kind, split):
    """Return validation and test scores after 16 epochs, shape (5 draws, n settings), minus the mean of each draw."""
    part = settings[(settings["kind"] == kind) & (settings["seed"] == split)]
    pair = [part.pivot_table(index="draw", columns="setting", values=name) for name in ("epochs_16", "test")]
    return [scores.to_numpy() - scores.to_numpy().mean(axis=1, keepdims=True) for scores in pair]


def gains(kind, n, n_orders=50):
    """Return the winner's mean lead on validation and on test over the mean setting, a row for each split."""
    rows, rng = [], np.random.default_rng(0)
    for split in settings["seed"].unique():
        validation, test = tables(kind, split)
        orders = [rng.permutation(64)[:n] for _ in range(n_orders)]  # which n of the 64 settings are tried
        rows.append(np.mean([best_of_n(validation[:, order], test[:, order]) for order in orders], axis=0))
    return np.array(rows)  # (8 splits, 2)


# %%
counts = [1, 2, 4, 16, 64]
leads = {kind: np.array([gains(kind, n) for n in counts]) for kind in ("start", "random")}  # (5, 8, 2) each
reveal("P18.2", leads["start"][-1, :, 1].mean())

names = {"start": "64 random starts", "random": "64 settings"}
rows = {}
for kind, name in names.items():
    for place, part in enumerate(("validation", "test")):
        rows[f"{name}, {part}"] = leads[kind][:, :, place].mean(axis=1)
pd.DataFrame(rows, index=pd.Index(counts, name="tried")).round(4)


# %% tags=["figure"]
def draw_curse():
    """Draw the winner's lead on validation and on test over the number of candidates."""
    fig, axes = new_axes(columns=2, width=10.4, height=3.9)
    titles = ("the same setting, other random starts", "settings that really differ (ten times the scale)")
    for ax, kind, title in zip(axes, ("start", "random"), titles, strict=True):
        for place, (name, color, style) in enumerate((("validation", VERMILION, "o--"), ("test", BLUE, "s-"))):
            lines = leads[kind][:, :, place]
            ax.plot(range(len(counts)), lines.mean(axis=1), style, color=color, label=name)
            ax.fill_between(range(len(counts)), lines.min(axis=1), lines.max(axis=1), color=color, alpha=0.15)
        ax.set(xticks=range(len(counts)), xticklabels=counts, xlabel="candidates tried, n", title=title)
        ax.axhline(0, color=GRAY, linewidth=1)
    axes[0].set_ylabel("nDCG@10 of the winner\nminus that of the average candidate")
    axes[0].legend(loc="upper left")
    return fig


show(
    draw_curse(),
    caption="What the winner promises and what it is worth; bands: eight splits.",
    alt="Two plots over the number of candidates. For random starts the winner's validation score rises with the "
    "number while its test score stays near zero. For settings that differ both rise together, and validation "
    "ends a little above test.",
)


# %% tags=["claim"]
def claims_on_curse():
    """State the lead of the best of 64 on validation and on test."""
    for kind, name in names.items():
        promised, worth = leads[kind][-1, :, 0], leads[kind][-1, :, 1]
        gap = promised - worth
        half = 2.36 * gap.std(ddof=1) / 8**0.5
        claim(f"{name}: the best of 64 promises {promised.mean():.3f} and is worth {worth.mean().round(3) + 0.0:.3f}; "
              f"inflated by {gap.mean():.4f} ± {half:.4f}", bool(gap.mean() > half))  # fmt: skip
    worth = leads["start"][-1, :, 1]
    claim("On test, the best of 64 starts gains less than 0.002", bool(worth.mean() < 0.002))


claims_on_curse()

# %% [markdown]
# The best of 64 starts promises .009 more than the average start, and on the test people it is worth nothing more. All
# of its lead was luck. Trying random seeds until a result looks good is therefore not tuning, and a reported score of
# this kind cannot be repeated.
#
# With settings that really differ the picture is kinder. The best of 64 is worth .089 more than the average setting.
# Its promise is too high by .007 here, a small part of its lead. So tuning pays, and the number to report is still not
# the one for which the setting was chosen.
#
# ### Exercise 18.B · Which number goes into the report? (decision, 4 minutes)
#
# In another service Ines tried 64 settings on 100 validation people. The best validation score was .41, of setting 17.
# On the test people setting 17 has .36. Afterward she computed the test scores of all 64 settings, and the best of them
# is .38, of setting 40. Which number may she report as the quality of her tuned model?
#
# - `a`: .41, the validation score of setting 17, because that is how it was chosen
# - `b`: .36, the test score of setting 17
# - `c`: .38, the test score of setting 40, because it is the best on people who had no part in the choice of 17
# - `d`: (.41 + .36) / 2, because more people are more reliable
# - `e`: none of them; she should draw new validation people and report the best of the 64 new validation scores

# %%
### BEGIN SOLUTION
report = "b"
### END SOLUTION
check("18.B", report)

# %% [markdown] tags=["solution"]
# **Why.** Setting 17 was fixed before anybody looked at the test people, so luck had no part in this number.
# **Another way.** A third group of people, used once for setting 40, would also give an honest number.
# **Typical mistake.** `c`: choosing by the test set makes it a validation set.

# %% [markdown]
# ## 8 · Stop the losers early
#
# Both searches waste epochs: a bad setting can often be recognized long before its last epoch. **Successive halving**
# (Jamieson and Talwalkar, 2016) starts with many settings and little training, keeps the better half, trains it twice
# as long, and so on.


# %% tags=["diagram"]
def draw_halving():
    """Draw four settings, of which two and then one survive, with the epochs that each round costs."""
    diagram = Diagram(10.2, 3.3)
    scores = [["0: .20", "1: .40", "2: .10", "3: .30"], ["1: .30", "3: .50"], ["3"]]
    places = {}
    for column, (x, names) in enumerate(zip((2.0, 5.2, 8.4), scores, strict=True)):
        for row, name in enumerate(names):
            y = 2.75 - row * 0.6 if column == 0 else 2.45 - row * 0.6 if column == 1 else 2.15
            kept = name[0] in ("1", "3") if column == 0 else name[0] == "3"
            places[column, name[0]] = diagram.box(x, y, name, "shared" if kept else "neutral", width=1.1, height=0.46)
    diagram.note(2.0, 0.5, "round 0: 4 · 1 = 4 epochs", size=10.5)
    diagram.note(5.2, 0.5, "round 1: 2 · 1 more = 2 epochs", size=10.5)
    diagram.note(8.4, 0.5, "winner: setting 3,\n6 epochs spent", size=10.5)
    for name in ("1", "3"):
        diagram.arrow(places[0, name], places[1, name])
    diagram.arrow(places[1, "3"], places[2, "3"])
    return diagram.figure


show(
    draw_halving(),
    caption="Successive halving of four settings: number and validation score.",
    alt="Four settings with the scores .20, .40, .10 and .30 after one epoch. Settings 1 and 3 go on and have .30 "
    "and .50 after two epochs; setting 3 wins. The rounds cost four and two epochs.",
)

# %% [markdown]
# In the picture `first` = 1: in round 0 all four settings are trained for one epoch. Settings 1 and 3 have the better
# scores. In round 1 these two go on to 2 epochs, so each of them costs one more. After the last round the best survivor
# wins. Notice the risk: setting 0 was dropped after one epoch. Perhaps it would have had .90 after two.
#
# ### Exercise 18.5 · Successive halving (core, 13 minutes)
#
# Run the procedure on a table of scores. The table contains what each setting *would* have after each round. Your
# function may only read the scores of settings that are still alive.
#
# - Input:
#   - `scores`, shape (n_settings, n_rounds): `scores[s, j]` is the score of setting s after first · 2^j epochs. There
#     are enough settings that each round has at least one.
#   - `first`: the epochs of round 0
# - In round j, train all survivors up to first · 2^j epochs and read their scores. If j is the last round, the best of
#   them wins. Otherwise keep the best `len(alive) // 2`. In a tie the setting with the smaller number is better.
# - Output: two whole numbers, the number of the winner and the epochs spent in all. A survivor goes on training, so it
#   costs only the additional epochs.
# - Mini-case, the picture with what setting 0 and 2 would have had:
#   - `scores = [[.2, .9], [.4, .3], [.1, .8], [.3, .5]]` and `first = 1`
#   - result: `(3, 6)`
# - `np.argsort(-x, kind="stable")` sorts from the largest to the smallest and keeps the order in ties.


# %%
def successive_halving(scores, first):
    """Return the number of the winner and the epochs spent."""
    ### BEGIN SOLUTION
    alive, spent, trained = np.arange(len(scores)), 0, 0
    n_rounds = scores.shape[1]
    for j in range(n_rounds):
        spent += len(alive) * (first * 2**j - trained)
        trained = first * 2**j
        order = np.argsort(-scores[alive, j], kind="stable")
        n_kept = len(alive) // 2 if j < n_rounds - 1 else 1
        alive = np.sort(alive[order[:n_kept]])
    return alive[0], spent
    ### END SOLUTION


check("18.5", successive_halving)

# %% [markdown] tags=["solution"]
# **Why it works.** `alive` always contains numbers of settings, so `scores[alive, j]` reads only survivors, and
# `alive[order]` translates places back into numbers. **Another way.** A list of numbers and `sorted(alive, key=...)`.
# **Typical mistake.** Returning the place among the last survivors, `order[0]`, in place of `alive[order[0]]`.

# %% [markdown]
# With 32 settings and five rounds, `first` = 1, the rounds cost 32 · 1 + 16 · 1 + 8 · 2 + 4 · 4 + 2 · 8 = 96 epochs:
# the same as 6 settings with 16 epochs each. So the budgets are equal, and halving has looked at 32 settings in place
# of 6. We let the four plans run on each of the eight splits. Each plan chooses on validation people and is judged on
# test people. The fourth plan is a grid that is shifted at random, for a reason that you will see.

# %% tags=["setup"]
successive_halving = reference("18.5")
EPOCHS = ["epochs_1", "epochs_2", "epochs_4", "epochs_8", "epochs_16"]


def choices(split, draw, rng):
    """Return the test score of the setting that each plan chooses."""
    here = settings[(settings["seed"] == split) & (settings["draw"] == draw)]
    drawn = here[here["kind"] == "random"].iloc[rng.permutation(64)]
    shifted = here[here["kind"] == "shifted grid"].iloc[6 * rng.integers(3) + np.arange(6)]
    few, many = drawn.head(6), drawn.head(32)
    winner, _ = successive_halving(many[EPOCHS].to_numpy(), 1)
    plans = {"grid": here[here["kind"] == "grid"], "shifted grid": shifted, "random": few}
    found = {name: part["test"].iloc[part["epochs_16"].argmax()] for name, part in plans.items()}
    return found | {"halving": many["test"].iloc[winner]}


rng, rows = np.random.default_rng(0), []
for split in settings["seed"].unique():
    rows.append(pd.DataFrame([choices(split, draw, rng) for draw in range(5) for _ in range(20)]).mean())
by_plan = pd.DataFrame(rows)  # (8 splits, 4 plans): mean test nDCG@10
by_plan.mean().to_frame("test nDCG@10").round(4)


# %% tags=["figure"]
def draw_plans():
    """Draw the gain of each plan over random search, with intervals over the splits."""
    fig, ax = new_axes(width=9, height=2.6)
    gain = by_plan.sub(by_plan["random"], axis=0)[["halving", "grid", "shifted grid"]]
    half = 2.36 * gain.std() / 8**0.5
    interval_dots(
        ax, {name: (m, m - half[name], m + half[name]) for name, m in gain.mean().items()}, zero=True, digits=4
    )
    ax.set_xlim(-0.002, 0.026)
    ax.set_xlabel("test nDCG@10 minus that of random search (mean of eight splits, 95 %)")
    return fig


show(
    draw_plans(),
    caption="Plans at 96 epochs, compared with random search.",
    alt="Intervals of the difference to random search. Halving lies above zero. The centered grid lies further "
    "above. The grid that is shifted at random lies between the two, also above zero.",
)


# %% tags=["claim"]
def claims_on_plans():
    """State the differences between plans, with intervals over eight splits."""
    for one, other in (("halving", "random"), ("grid", "halving"), ("grid", "shifted grid")):
        difference = by_plan[one] - by_plan[other]
        mean, half = difference.mean(), 2.36 * difference.std() / 8**0.5
        claim(f"{one} minus {other}: {mean:+.4f} ± {half:.4f} nDCG@10", bool(mean > half))
    grid = settings[settings["kind"] == "grid"]
    best = grid.loc[grid.groupby(["seed", "draw"])["epochs_16"].idxmax()]
    share = ((best["alpha"] == 1) & (best["regularization"] == 0.0095)).mean()
    claim(f"The grid chooses α = 1, λ = 0.0095 in {100 * share:.0f} % of the cases", bool(share > 0.5))
    difference = by_plan["halving"] - by_plan["shifted grid"]
    mean, half = difference.mean(), 2.36 * difference.std() / 8**0.5
    claim(f"halving minus shifted grid: {mean:+.4f} ± {half:.4f}, so no difference is shown", bool(abs(mean) < half))


claims_on_plans()

# %% [markdown]
# Halving is better than random search by .0079 ± .0025: 32 quick looks are worth more than 6 complete ones. But the
# best plan was the plain grid, and that needs an explanation. Its six points lie where we put them, in the middles of
# six fields, and one of them (α = 1, λ = .0095) happens to be close to the best setting. If the same grid is shifted at
# random, it loses .0048 ± .0023. It still beats random search, because its points never lie close together. It is then
# as good as halving as far as eight splits can tell: halving minus shifted grid is .0019 ± .0024, an interval that
# includes 0. So a grid is as good as your knowledge of where to put it, and halving needs no such knowledge.
#
# One more limit. Here only two hyperparameters are tuned, and both matter. Bergstra and Bengio (2012) explain when
# random search beats a grid: with many hyperparameters of which few matter, a grid tries the same few values of the
# important ones again and again. We have not tested that case.
#
# **Settled for today.** Ines spends her 96 epochs on successive halving, or on a grid around the settings that worked
# before, with 100 validation people. She reports the score of the winner on people without a part in the choice.
#
# ## Pause · End of sitting 2
#
# Keep in mind: equal budgets, an honest number from people without a part in the choice, and halving as a cheap way to
# look at many settings. You may forget the code of the experiments. When you return, run all cells above first.
#
# # Sitting 3 · Large
#
# ## 9 · Cut the work into shards
#
# Ines's boss has read that "big data need a cluster", a group of computers that work on one job. What would it take to
# run her pass on a **cluster**?
#
# In a pass over the people nobody needs the ratings of anybody else. So we can deal the people out to several
# computers, the **workers**. The part of the data that belongs together is a **shard**. Each worker keeps its shard in
# memory, and for a pass it needs only the vectors of the films. It returns the vectors of its people. This way of
# working is called **map-reduce**: the same function is applied to each shard (*map*), and the results are combined
# (*reduce*). Sending the same table to all workers is called a **broadcast**.


# %% tags=["diagram"]
def draw_map_reduce():
    """Draw the driver, three shards and what travels between them in a pass over the people."""
    diagram = Diagram(10.6, 4.4)
    driver = diagram.box(1.2, 2.0, "driver:\nfilms' vectors Q", "task 2", width=1.9, height=0.9)
    table = diagram.box(9.3, 2.0, "people's vectors P\nand the loss", "highlight", width=2.2, height=0.9)
    for y, rows in ((3.4, "people 0, 3, 6"), (2.0, "people 1, 4, 7"), (0.6, "people 2, 5")):
        shard = diagram.box(5.1, y, f"shard: ratings of\n{rows}", "task 1", width=2.2, height=0.8)
        diagram.arrow(driver, shard, "Q" if y == 2.0 else "", "task 2", dashed=True)
        diagram.arrow(shard, table, "rows, vectors, loss" if y == 2.0 else "", "task 1", at=0.45)
    diagram.note(2.7, 4.2, "broadcast", bold=True, size=10.5)
    diagram.note(5.1, 4.2, "map: solve each shard", bold=True, size=10.5)
    diagram.note(8.3, 4.2, "reduce: put together", bold=True, size=10.5)
    return diagram.figure


show(
    draw_map_reduce(),
    caption="One pass as map-reduce: ratings stay, factors travel.",
    alt="The driver broadcasts the films' vectors to three shards, each with the ratings of some people. Each shard "
    "solves its people and sends rows, vectors and loss to the table of people's vectors. The ratings do not "
    "move.",
)

# %% [markdown]
# People with many ratings are more work. If one shard gets all of them, the others wait. So the people are dealt out
# like cards, the most active first: the first to shard 0, the next to shard 1, and so on. A shard must therefore
# remember which row each of its people has in the complete table. That is all that *reduce* needs.
#
# ### Exercise 18.6 · Put the shards together (core, 7 minutes)
#
# Write the reduce step.
#
# - Input:
#   - `parts`: a list with one entry `(rows, solved, loss)` for each shard, in the order of arrival. `solved[0]` is the
#     vector of person `rows[0]`, and so on; `rows` need not be sorted. `loss` is a number.
#   - `n_rows`: the number of people. Each of them is in exactly one shard.
# - Output: the table of vectors, shape (n_rows, n_factors), row u for person u; and the sum of the losses.
# - Mini-case with vectors of length 1:
#   - first part: `rows = [2, 0]`, `solved = [[5], [6]]`, `loss = 1.5`
#   - second part: `rows = [1]`, `solved = [[7]]`, `loss = 2`
#   - result: `[[6], [7], [5]]` and `3.5`


# %%
def assemble(parts, n_rows):
    """Return the vectors of all people in their order, and the total loss."""
    ### BEGIN SOLUTION
    factors, total = np.zeros((n_rows, parts[0][1].shape[1])), 0.0
    for rows, solved, loss in parts:
        factors[rows] = solved
        total += loss
    return factors, total
    ### END SOLUTION


check("18.6", assemble)

# %% [markdown] tags=["solution"]
# **Why it works.** `factors[rows] = solved` writes each vector to the row of its person, whatever the order.
# **Another way.** Concatenate everything, and sort it with `solved[np.argsort(rows)]`. **Typical mistake.**
# `solved[rows]`, which *reads* row `rows[0]` first; it looks right when the rows are a swap, and is wrong in general.

# %% [markdown]
# Let us try it without any cluster. A loop plays the workers. `cut_into_shards` deals out the people and pads their
# ratings into blocks; `solve_shard` is the map step, with the pass of sitting 1 inside.

# %%
assemble = reference("18.6")
penalties = np.full(ml.n_users, regularization)
shards = scale.cut_into_shards(matrix, penalties, 4, n_factors=16)
n_ratings = [int(np.diff(matrix.indptr)[shard.rows].sum()) for shard in shards]

parts = [scale.solve_shard(shard, Q) for shard in shards]  # map
P_shards, loss = assemble(parts, ml.n_users)  # reduce
print("ratings in each shard:", n_ratings)
print("Four shards agree with one process:", np.allclose(P_shards, P_batched, atol=1e-5))

# %% [markdown]
# ## 10 · The same on Spark
#
# **Spark** is a widely used program for such work. It starts the workers, keeps the shards in their memory, sends the
# broadcasts, collects the results, and repeats the work of a worker that failed. Your Python process is the *driver*.
# In *local mode* Spark plays the workers on your own computer, which is enough to see that everything fits together.
# Spark needs Java. If one of them is missing here, the next cell says how to add it and uses the result of a saved run.
# Everything below works in both cases.
#
# These are the commands. `parallelize` hands the shards out, and `cache` keeps them with the workers, so that they
# travel once and not in each pass. `broadcast` sends the films' vectors. `map` only notes what is to be done: `collect`
# starts it and returns the results.


# %%
def pass_on_spark(context, shards, Q, n_rows):
    """Solve all people on the workers of Spark."""
    distributed = context.parallelize(shards, len(shards)).cache()
    sent = context.broadcast(Q)
    parts = distributed.map(lambda shard: scale.solve_shard(shard, sent.value)).collect()
    return assemble(parts, n_rows)


missing = scale.why_no_spark()
if missing is None:
    with scale.local_session(n_threads=1) as session:  # starts Spark, and ends it with the block
        P_spark, _ = pass_on_spark(session.sparkContext, shards, Q, ml.n_users)
    agreement = np.abs(P_spark - P_batched).max()
    print("[live run] Spark ran on this computer.")
else:
    agreement = saved["spark"]["difference"].max()
    print(f"[saved run] {missing}")


# %% tags=["claim"]
def claim_on_spark():
    """State that Spark and one process agree, live or in the saved run."""
    claim("One process and Spark agree within 0.00001", bool(agreement < 1e-5))


claim_on_spark()

# %% [markdown]
# Spark is not another model: it is another way to organize the same sums. The order of the additions may differ, and
# with it the last digits.
#
# Spark also brings a factorization, in its library MLlib (class `ALS`). It is the same method with one difference in
# the penalty: λ is multiplied by the number of ratings of each person. The tests of this course check that its people's
# vectors are what our pass computes from its films' vectors, within 0.00001. They also start a real cluster of one
# master and two workers, in separate processes, and compare its result with one process.
#
# ## 11 · When does it pay?
#
# Spark costs something: it starts Java, moves data between Java and Python, and packs them for the way. The saved run
# fitted ten epochs at three sizes, in one process and on Spark with one thread. Look at the difference of the seconds,
# and at the memory. (The seconds are processor seconds of all processes together. The megabytes are not of the same
# kind: for one process they are what the fit *adds* at its peak, and for Spark the *total* of Java and of all Python
# processes at the end. So compare how they grow, not how large they are.)

# %%
spark = saved["spark"].pivot_table(index="ratings", columns="engine", values=["seconds", "megabytes"]).astype(float)
spark.round(1)


# %% tags=["claim"]
def claims_on_spark_costs():
    """State that Spark costs more processor time at each measured size, and how it grows."""
    seconds = spark["seconds"]
    claim("At every size Spark needs more processor time than one process",
          bool((seconds["Spark, one thread"] > seconds["one process"]).all()))  # fmt: skip
    ratio = seconds["Spark, one thread"] / seconds["one process"]
    claim("The ratio falls as the data grow: the start of Spark matters less", bool(ratio.is_monotonic_decreasing))


claims_on_spark_costs()

# %% [markdown]
# Spark needs about 22 seconds before the size matters. From one to five million ratings it needs 35.5 − 24.6 = 10.9
# seconds more, and one process 7.9 − 1.8 = 6.1 seconds more. So in processor time Spark never catches up. What it can
# do is divide the time among many cores. Here is a rough estimate of the waiting time. Suppose that the first 22
# seconds cannot be divided, that the rest is divided perfectly among $c$ cores, and that both costs go on growing in
# proportion to the data. One process then takes 20 · 7.9 = 158 seconds for a hundred million ratings. (Sitting 1 had
# 380 seconds: there the blocks were built again in each pass, here only once.) On Spark each further million takes 10.9
# / 4 = 2.7 seconds, so a hundred million take 22 + 100 · 2.7 / c seconds: with two cores 22 + 135 = 157. So about two
# cores are break-even at this size. With ten million ratings one process takes 16 seconds, less than the start of
# Spark, so no number of cores helps. (Java's start uses several threads, so 22 processor seconds are less than 22
# seconds of waiting; we did not measure waiting times.) And the same cores can also work for one process, with threads
# and without the start.
#
# A cluster pays in two cases: the data do not fit into one computer, or the time is too long with all the cores of one
# computer. Neither is true for Ines. (A larger computer can be the simpler answer: the service of section 12 would fit
# into one with 64 GB.)
#
# ## 12 · On paper: a billion ratings
#
# How large is too large? A service with a billion ratings, a hundred million people and a million items is out of reach
# for the laptop. Before anybody rents anything, we calculate. Each rating has 8 bytes (4 for a position, 4 for a
# value), and it is stored twice, sorted by person for one pass and by item for the other: 16 bytes. A vector has 4
# bytes for each factor.
#
# ### Exercise 18.7 · A cluster on paper (core, 10 minutes)
#
# Plan the cluster of section 9, in which each pass broadcasts the table of the other side to every worker.
#
# - Input: `n_ratings`, `n_users`, `n_items`, `n_factors`, and `memory_gb`, the memory of a worker in GB (10⁹ bytes)
# - Output, three results:
#   - `n_workers`: half of each memory is for ratings, 16 bytes each. How many workers are needed? Round up.
#   - `network_gb`: what travels in an epoch, in GB. An epoch has two passes, so both tables are sent to every worker,
#     and each table returns once, in parts. In all that is (n_workers + 1) times both tables.
#   - `fits`: `True` if the larger one of the two tables fits into the other half of a memory, otherwise `False`
# - Mini-case: 900 million ratings, 1 million people, 100,000 items, 10 factors, 8 GB:
#   - ratings: 14.4 GB, in halves of 4 GB: 14.4 / 4 = 3.6, so `4` workers
#   - tables: 0.04 GB (people) and 0.004 GB (items), so (4 + 1) · 0.044 = `0.22` GB travel
#   - 0.04 is smaller than 4: `True`
# - `import math` and `math.ceil(x)` round up.


# %%
import math


def plan(n_ratings, n_users, n_items, n_factors, memory_gb):
    """Return the number of workers, the GB on the network in an epoch, and whether the larger table fits."""
    ### BEGIN SOLUTION
    half = memory_gb * 1e9 / 2
    n_workers = math.ceil(16 * n_ratings / half)
    table_users, table_items = 4 * n_factors * n_users, 4 * n_factors * n_items
    network_gb = (n_workers + 1) * (table_users + table_items) / 1e9
    return n_workers, network_gb, max(table_users, table_items) <= half
    ### END SOLUTION


check("18.7", plan)

# %% [markdown] tags=["solution"]
# **Why it works.** Ratings are divided among the workers, and tables are copied to all of them. **Another way.**
# Compute everything in GB from the beginning. **Typical mistake.** Treating a broadcast like the ratings, as if it
# became smaller with more workers.

# %% [markdown]
# Now Ines's service, and the large one with 64 factors, on workers of 16 GB:

# %%
plan = reference("18.7")
services = {
    "Ines on Monday, 16 factors": (1e8, 943_000, 1_682, 16, 16),
    "a billion ratings, 64 factors": (1e9, 1e8, 1e6, 64, 16),
}
pd.DataFrame({name: plan(*sizes) for name, sizes in services.items()}, ["workers", "network, GB", "table fits"]).T


# %% tags=["claim"]
def claims_on_plan():
    """State what the plan finds for both services."""
    monday, billion = (plan(*sizes) for sizes in services.values())
    claim("Ines needs one worker: her ratings fit into half of 16 GB", monday[0] == 1 and monday[2])
    claim("For a billion ratings the table of the people does not fit on a worker", not billion[2])


claims_on_plan()

# %% [markdown]
# Ines's ratings have 16 · 100,000,000 = 1,600,000,000 bytes or 1.6 GB. With the padding and the temporary arrays of our
# own code it is more: 175 MB at five million ratings, so about 3.5 GB. In both cases one computer is enough.
#
# In the large service the surprise is not the ratings: these fill two workers. It is the table of the people: 4 · 64 ·
# 100,000,000 = 25,600,000,000 bytes or 25.6 GB. It is larger than the ratings themselves, and the plan wants a copy of
# it on every worker.
#
# ### Exercise 18.C · Change one thing (decision, 5 minutes)
#
# A billion ratings, a hundred million people, a million items, workers of 16 GB, of which half is for broadcasts. The
# model may not change: the number of factors stays 64. Which single change makes it work?
#
# - `a`: rent more workers, so that each has fewer ratings
# - `b`: rent workers with 32 GB
# - `c`: broadcast numbers of two bytes (float16) in place of four
# - `d`: use 16 factors
# - `e`: leave the vectors of the people on the workers that have their ratings, and send only tables of the size of
#   the items

# %%
### BEGIN SOLUTION
change = "e"
### END SOLUTION
check("18.C", change)

# %% [markdown] tags=["solution"]
# **Why.** The table of the items has only 4 · 64 · 1,000,000 = 256,000,000 bytes, 0.256 GB. **Another way.** MLlib
# sends to each shard only those vectors that occur in it. **Typical mistake.** `a`: a broadcast does not become
# smaller when there are more workers; in fact the network carries more copies.

# %% [markdown]
# How can the pass over the items work if the people's vectors do not travel? The equations of an item are sums over
# people, $A = \lambda I + \sum_u p_u p_u^\top$. Each worker adds up its own people, and *reduce* adds the workers'
# sums. A complete matrix A for each item would be too much: 64 · 64 numbers for a million items have 64 · 64 · 4 ·
# 1,000,000 bytes = 16.4 GB. But the conjugate gradient of chapter 06 never needs A itself. It needs A times a vector,
# and that is a sum over people of $p_u (p_u \cdot x)$: one vector of length 64 for each item, 0.256 GB for all.
#
# Let us count. The workers must store ratings and people's vectors, 16 + 25.6 = 41.6 GB, so six halves of 16 GB: 41.6 /
# 8 = 5.2. One step of the conjugate gradient sends a table to six workers and adds up one from each: 2 · 6 · 0.256 =
# 3.1 GB. A pass over the items has three steps and a start, 4 · 3.1 = 12.4 GB. The pass over the people sends the table
# once, 6 · 0.256 = 1.5 GB, and nothing returns. Together that is about 14 GB for an epoch. A network with 1 GB per
# second needs 14 seconds for it. What made it possible is not the cluster, but the decision about what may travel.
#
# **Settled for today.** "How many servers do we have to rent?" None. Ines writes to her boss: "The loop would have
# needed more than two days for one pass. The new code needs about 19 seconds on my computer, and the data fit in its
# memory. If we grow a hundredfold again, here is the calculation for the cluster, and these tests show that its result
# is the same."
#
# ## Recap
#
# - **O18.1:** A profile shows where the time goes today. Exponents show where it will go at a larger size: the search
#   that took 13 % would have taken 99 %.
# - **O18.2:** Sorting, vectorizing and batching made the pass 75 times as fast with the same result. The floor says
#   when to stop: bytes that must move, divided by the bandwidth.
# - **O18.3:** The best of many validation scores contains luck. Report the test score of the setting that was fixed
#   before. At equal budgets successive halving found better settings than random search, and a grid that happened to
#   lie well was better still.
# - **O18.4:** Shards stay, tables travel. A cluster pays when memory ends or when very many cores are needed, and what
#   must be broadcast decides whether it works.

# %%
### BEGIN SOLUTION
answers = ["b", "b", "b", "a", "b"]
### END SOLUTION
quiz("18", answers)

# %%
progress("18")

# %% [markdown]
# ## Reading the source critically
#
# One of the two articles that this course grew from says that "data volume makes traditional algorithms useless". For
# most of them the opposite was measured here. A model that passes over the observed events (popularity, ALS, `ItemKNN`
# and EASE with a fixed catalog) costs time in proportion to the events. `UserKNN` is the exception among our models.
# The volume made the *loop* useless, not the algorithm. The networks of parts III and IV have the same exponent 1, with
# a larger constant: in our growth table one epoch of SASRec takes several times as long as five epochs of iALS.
#
# Nor do more data of the same kind always make a model better. That is a question for a learning curve.
#
# ## Going further
#
# - *More than one core.* The blocks of sitting 1 are independent, so threads can share them; `map_blocks` in
#   `recsys_teach.models.factors` does. Try this before a cluster.
# - *Hyperband* (Li et al., 2018) runs successive halving several times with different values of `first`, as insurance
#   against slow starters. Libraries such as Optuna offer it together with methods that learn where to search.
# - *Data past the memory.* A pass over the people needs one block at a time. Blocks can be read from the disk one after
#   the other, and one computer carries more data than its memory.
#
# ## Further reading
#
# - Bergstra and Bengio (2012), *Random Search for Hyper-Parameter Optimization*: why grids waste trials when few
#   hyperparameters matter.
# - Jamieson and Talwalkar (2016), *Non-stochastic Best Arm Identification and Hyperparameter Optimization*: successive
#   halving.
# - Williams, Waterman and Patterson (2009), *Roofline*: the floor of memory and that of arithmetic in one picture.
# - Zaharia et al. (2010), *Spark: Cluster Computing with Working Sets*: the idea of Spark; section 3.3 is ALS with a
#   broadcast.
# - McSherry, Isard and Murray (2015), *Scalability, but at what COST* (printed with other punctuation): how many cores
#   a system needs to beat one thread.
#
# ## Next
#
# The recommender is fast enough to train. Chapter 19 lets it answer: a service in 50 milliseconds, and people who try
# to deceive it.
