"""Chapter 14, Cold start and exploration."""

from __future__ import annotations

import numpy as np

from recsys_teach.bandits import sherman_morrison, ucb1_index
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.models.cold_start import damped_shares, fold_into_prior, greedy_question, posterior_covariance

MET = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 1.0]])
FIRST_TWO = np.array([True, True, False, False])
NOBODY = np.zeros(4, dtype=bool)
C_SMALL = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.9], [0.0, 0.9, 1.0]])
C_LARGE = np.array([
    [4.0, 0.5, 0.2, 0.1],
    [0.5, 1.0, 0.6, 0.7],
    [0.2, 0.6, 1.0, 0.3],
    [0.1, 0.7, 0.3, 1.5],
])  # fmt: skip
C_RARE = np.array([[0.25, 0.0, 0.4], [0.0, 4.0, 1.0], [0.4, 1.0, 1.0]])  # without noise question 0 would win
# 0 varies most, 1 varies most with 3, and 2 tells most about 3
C_THREE = np.array([
    [9.0, 0.0, 0.0, 0.5],
    [0.0, 4.0, 0.0, 1.2],
    [0.0, 0.0, 1.0, 1.0],
    [0.5, 1.2, 1.0, 4.0],
])  # fmt: skip
C_SIGNS = np.array([
    [1.0, 0.0, 0.6, -0.6],
    [0.0, 1.0, 0.4, 0.4],
    [0.6, 0.4, 1.0, 0.0],
    [-0.6, 0.4, 0.0, 1.0],
])  # fmt: skip
CLICKS = np.array([[5.0, 4.0, 1.0, 0.0], [3.0, 3.0, 3.0, 3.0], [9.0, 2.0, 0.0, 1.0], [2.0, 1.0, 2.0, 1.0]])
SHOWN = np.array([[10.0, 10.0, 4.0, 1.0], [9.0, 8.0, 6.0, 5.0], [20.0, 4.0, 0.0, 2.0], [6.0, 2.0, 7.0, 3.0]])


def drop_rows(factors: np.ndarray, features: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Factors and features side by side, the factors of the rows that are not kept replaced by 0."""
    return np.hstack([factors * kept[:, None], features])


def interview_step(C: np.ndarray, candidates: np.ndarray, targets: np.ndarray, noise: float) -> tuple[int, np.ndarray]:
    """Choose the next question, and say what is uncertain after it."""
    question = greedy_question(C, candidates, targets, noise)
    return question, posterior_covariance(C, question, noise)


def thompson_step(clicks: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Arm of each run, by one draw from each posterior."""
    return rng.beta(1 + clicks, 1 + shown - clicks).argmax(axis=1)


def linucb_update(inverse: np.ndarray, b: np.ndarray, x: np.ndarray, reward: float) -> tuple[np.ndarray, np.ndarray]:
    """A⁻¹ and b of an arm, once a visitor x has answered with the reward."""
    return sherman_morrison(inverse, x), b + reward * x


def _step_by(gains: np.ndarray, covariance: np.ndarray, candidates: np.ndarray, noise: float) -> tuple:
    question = int(candidates[gains.argmax()])
    return question, posterior_covariance(covariance, question, noise)


def _asked(C: np.ndarray, candidates: np.ndarray, targets: np.ndarray, noise: float) -> tuple[int, float]:
    """Give the best question, and its variance plus noise."""
    question = greedy_question(C, candidates, targets, noise)
    return question, C[question, question] + noise


def _place(C: np.ndarray, candidates: np.ndarray, targets: np.ndarray, noise: float) -> tuple[int, np.ndarray]:
    """Take the place of the best question for an item, here and in the update."""
    place = list(candidates).index(greedy_question(C, candidates, targets, noise))
    return place, posterior_covariance(C, place, noise)


def _arms_first(clicks: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.beta(1 + clicks.T, 1 + (shown - clicks).T).argmax(axis=0)


def _visitor_by(taken: np.ndarray, inverse: np.ndarray, b: np.ndarray, x: np.ndarray, reward: float) -> tuple:
    return inverse - taken / (1 + x @ inverse @ x), b + reward * x


def _gains(covariance: np.ndarray, candidates: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return (covariance[np.ix_(targets, candidates)] ** 2).sum(axis=0)


def _bonus(clicks: np.ndarray, shown: np.ndarray) -> np.ndarray:
    index = ucb1_index(clicks, shown)
    means = np.divide(clicks, shown, out=np.zeros(len(shown)), where=shown > 0)
    return np.where(shown > 0, index - means, np.inf)


def _means(clicks: np.ndarray, shown: np.ndarray) -> np.ndarray:
    return np.divide(clicks, shown, out=np.full(len(shown), np.inf), where=shown > 0)


def _draw_group(rng: np.random.Generator) -> tuple:
    met = (rng.random((7, 5)) < 0.5).astype(float)
    met[:, 0], met[0, 0] = 1, 0
    return met, np.arange(7) < rng.integers(2, 5), float(rng.uniform(1, 6))


def _draw_prior(rng: np.random.Generator) -> tuple:
    known = rng.choice(6, size=int(rng.integers(1, 4)), replace=False)
    return rng.uniform(0.1, 0.6, size=6), rng.normal(size=(6, 2)), known, float(rng.uniform(0.2, 0.6))


def _draw_rows(rng: np.random.Generator) -> tuple:
    kept = rng.permutation([True, True, False, False])
    return rng.normal(size=(4, 4)), rng.normal(size=(4, 3)), kept  # square: factors * kept runs, and blanks columns


def _draw_interview(rng: np.random.Generator) -> tuple:
    root = rng.normal(size=(6, 6)) * rng.uniform(0.4, 2, size=(6, 1))
    parts = rng.permutation(6)
    return root @ root.T / 6, np.sort(parts[:4]), np.sort(parts[4:]), float(rng.uniform(0.3, 1))


def _draw_arms(rng: np.random.Generator) -> tuple:
    shown = rng.integers(2, 30, size=5).astype(float)
    shown[rng.integers(5)] = 0
    return np.floor(shown * rng.uniform(0.2, 0.9, size=5)), shown


def _draw_posteriors(rng: np.random.Generator) -> tuple:
    shown = rng.integers(0, 9, size=(12, 4)).astype(float)
    clicks = np.floor(shown * rng.uniform(0.2, 0.8, size=(12, 4)))
    return clicks, shown, np.random.default_rng(int(rng.integers(1000)))


def _draw_visitor(rng: np.random.Generator) -> tuple:
    seen = rng.normal(size=(5, 3))
    return np.linalg.inv(np.eye(3) + seen.T @ seen), rng.normal(size=3), rng.normal(size=3), float(rng.integers(2))


CHAPTER = Chapter(
    number="14",
    title="Cold start and exploration",
    objectives={
        "O14.1": "Give a newcomer a damped prior from their profile",
        "O14.2": "Fold a few ratings into a prior",
        "O14.3": "Drop the factors of whole rows, as DropoutNet does in training",
        "O14.4": "Choose the questions of an interview greedily",
        "O14.5": "Explore by UCB1, Thompson sampling and LinUCB",
    },
    exercises=[
        Exercise(
            "14.1", "A damped prior from the profile", objective="O14.1", level="warm-up", minutes=5,
            reference=damped_shares,
            cases=[
                (MET, FIRST_TWO, 2.0),
                (MET, ~FIRST_TWO, 1.0),
                (np.tile(MET, (3, 1)), np.tile(NOBODY, 3), 3.0),
                (np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]), np.arange(5) == 0, 0.5),
            ],
            draw=_draw_group,
            why="A small group is mostly everybody, a large one mostly itself; damping says what small means.",
            hints=(
                "As if `damping` average people joined the group: what would each of them have met?",
                "everybody = met.mean(axis=0) is what an average person met; met[group].sum(axis=0) counts the group.",
                "(met[group].sum(axis=0) + damping * everybody) / (group.sum() + damping)",
            ),
            misconceptions={
                "That is the group's own share: damping has no effect. Let `damping` people join who met what "
                "everybody met on "
                "average, met.mean(axis=0).":
                    lambda met, group, damping: met[group].mean(axis=0),
                "You damp toward 0, as if the people who join had met nothing. Add damping times everybody's share.":
                    lambda met, group, damping: met[group].sum(axis=0) / (group.sum() + damping),
                "You damp toward one half. An average person met what everybody met on average.":
                    lambda met, group, damping: (met[group].sum(axis=0) + damping / 2) / (group.sum() + damping),
                "You add the counts of everybody. The people who join bring shares: met.mean(axis=0).":
                    lambda met, group, damping:
                    (met[group].sum(axis=0) + damping * met.sum(axis=0)) / (group.sum() + damping),
                "Everybody means all people, those of the group too, not only the others.":
                    lambda met, group, damping:
                    (met[group].sum(axis=0) + damping * met[~group].mean(axis=0)) / (group.sum() + damping),
                "The people of the group are divided by all people. Divide by group.sum() + damping.":
                    lambda met, group, damping:
                    (met[group].sum(axis=0) + damping * met.mean(axis=0)) / (len(met) + damping),
            },
        ),
        Exercise(
            "14.2", "Fold into a prior", objective="O14.2", level="core", minutes=8,
            reference=fold_into_prior,
            cases=[
                (np.array([0.5, 0.5, 0.2]), np.array([[1.0], [1.0], [0.0]]), np.array([0]), 1.0),
                (np.array([0.9, 0.5, 0.2]), np.array([[1.0, 0.0], [0.5, 1.0], [0.0, 2.0]]), np.array([0, 2]), 0.5),
                (np.linspace(0.1, 0.6, 6), np.linspace(0, 1, 12).reshape(6, 2), np.array([], dtype=int), 0.25),
            ],
            draw=_draw_prior,
            why="Only the surprise, 1 - prior, moves w; where nothing is known, w = 0 and the prior stands.",
            hints=(
                "The unknown is w. Which rows of H, and which surprises, belong to the items that are known?",
                "h = H[known]; the equations are (hᵀh + noise I) w = hᵀ(1 - prior[known]).",
                "w = np.linalg.solve(h.T @ h + noise * np.eye(H.shape[1]), h.T @ (1 - prior[known])); prior + H @ w",
            ),
            misconceptions={
                "You aim at 1. The prior is there already: what w has to explain is 1 - prior.":
                    lambda prior, H, known, noise: prior + fold_into_prior(0 * prior, H, known, noise),
                "That is H w, how far the prior moves. The score is prior + H w.":
                    lambda prior, H, known, noise: fold_into_prior(prior, H, known, noise) - prior,
                "You counted every item that is not known as a no. Sum over H[known] only.":
                    lambda prior, H, known, noise: prior + H @ np.linalg.solve(
                        H.T @ H + noise * np.eye(H.shape[1]), H.T @ (np.isin(np.arange(len(H)), known) - prior)
                    ),
                "That is w, one number for each column of H. Go back to items: prior + H @ w.":
                    lambda prior, H, known, noise:
                    np.linalg.lstsq(H, fold_into_prior(prior, H, known, noise) - prior, rcond=None)[0],
                "The noise is in the wrong place: more noise must move the prior less.":
                    lambda prior, H, known, noise: fold_into_prior(prior, H, known, 1 / noise),
                "You added the noise to every cell of hᵀh. It belongs on the diagonal: noise * np.eye(n_factors).":
                    lambda prior, H, known, noise: prior + H @ np.linalg.solve(
                        H[known].T @ H[known] + noise, H[known].T @ (1 - prior[known])
                    ),
            },
        ),
        Exercise(
            "14.3", "Drop whole rows of factors", objective="O14.3", level="warm-up", minutes=4,
            reference=drop_rows,
            cases=[
                (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [5.0]]), np.array([True, False])),
                (np.array([[1.0], [3.0], [5.0]]), np.eye(3), np.array([False, True, True])),
            ],
            draw=_draw_rows,
            why="A newcomer has no factors at all: that is what the network must see in training.",
            hints=(
                "Which part of a row is missing for a newcomer: one number, all factors, or the features?",
                "kept[:, None] has shape (n, 1), so factors * kept[:, None] blanks whole rows.",
                "np.hstack([factors * kept[:, None], features])",
            ),
            misconceptions={
                "You scaled up what was kept. That is for dropping cells; here a 0 means that nothing is known.":
                    lambda factors, features, kept: drop_rows(factors / kept.mean(), features, kept),
                "The features went, too. They are all that a newcomer has.":
                    lambda factors, features, kept: drop_rows(factors, features, kept) * kept[:, None],
                "You kept what should go: kept is True for rows that keep their factors.":
                    lambda factors, features, kept: drop_rows(factors, features, ~kept),
                "You blanked columns. kept[:, None] has one row for each person, and blanks rows.":
                    lambda factors, features, kept: np.hstack([factors * kept, features]),
                "You left the rows out. They stay, with their features, and a 0 for each factor.":
                    lambda factors, features, kept: np.hstack([factors, features])[kept],
                "You filled in the mean of the others. Here what is not known is 0.":
                    lambda factors, features, kept:
                    np.hstack([np.where(kept[:, None], factors, factors[kept].mean(axis=0)), features]),
                "Factors first, then features.":
                    lambda factors, features, kept: np.hstack([features, factors * kept[:, None]]),
                "You blanked the features, and the factors stayed.":
                    lambda factors, features, kept: np.hstack([factors, features * kept[:, None]]),
            },
        ),
        Exercise(
            "14.4", "The most telling question", objective="O14.4", level="core", minutes=8,
            reference=interview_step,
            cases=[
                (C_SMALL, np.array([0, 1]), np.array([2]), 1.0),
                (C_LARGE, np.array([0, 1]), np.array([2, 3]), 0.5),
                (C_LARGE, np.array([1, 2, 3]), np.array([0, 2]), 0.5),
                (C_RARE, np.array([0, 1]), np.array([2]), 1.0),
                (C_SIGNS, np.array([0, 1]), np.array([2, 3]), 0.5),
                (C_THREE, np.array([0, 1, 2]), np.array([3]), 1.0),
                (C_SMALL, np.array([1, 2]), np.array([0]), 1.0),
            ],
            draw=_draw_interview,
            why="An answer helps where it varies with what we want to know; what it told need not be asked again.",
            hints=(
                "For each candidate q, add up C[t, q]² over the targets, and divide by C[q, q] + noise.",
                "C[np.ix_(targets, candidates)] is the block; q = candidates[gains.argmax()] is an item, not a place.",
                "q as above; return q, C - np.outer(C[:, q], C[:, q]) / (C[q, q] + noise)",
            ),
            misconceptions={
                "You asked what is most uncertain itself. Ask what varies most with the targets.":
                    lambda C, candidates, targets, noise: _step_by(np.diag(C)[candidates], C, candidates, noise),
                "You did not divide by the answer's own variance plus noise.":
                    lambda C, candidates, targets, noise:
                    _step_by(_gains(C, candidates, targets), C, candidates, noise),
                "You summed over all items. Only the targets count: what we ask for is not what we want to know.":
                    lambda C, candidates, targets, noise: interview_step(C, candidates, np.arange(len(C)), noise),
                "You return a place in the list of candidates. Turn it into an item: candidates[place].":
                    lambda C, candidates, targets, noise: (
                        list(candidates).index(interview_step(C, candidates, targets, noise)[0]),
                        interview_step(C, candidates, targets, noise)[1],
                    ),
                "You used a place in the list of candidates as an item. The item is candidates[place].": _place,
                "v * v.T of a vector v is v * v, which is subtracted from every row: np.outer(v, v) is the table.":
                    lambda C, candidates, targets, noise: (
                        (asked := _asked(C, candidates, targets, noise))[0], C - C[:, asked[0]] ** 2 / asked[1]
                    ),
                "You may ask only about the candidates.":
                    lambda C, candidates, targets, noise: interview_step(C, np.arange(len(C)), targets, noise),
                "Square each covariance, then sum over the targets: plus and minus must not cancel.":
                    lambda C, candidates, targets, noise: _step_by(
                        C[np.ix_(targets, candidates)].sum(axis=0) ** 2 / (np.diag(C)[candidates] + noise),
                        C, candidates, noise,
                    ),
                "The noise is missing below the fraction line of the gain.":
                    lambda C, candidates, targets, noise: _step_by(
                        _gains(C, candidates, targets) / np.diag(C)[candidates], C, candidates, noise
                    ),
                "The question first, then the new C.":
                    lambda C, candidates, targets, noise: interview_step(C, candidates, targets, noise)[::-1],
                "What was told must leave C: the second thing is C after the answer.":
                    lambda C, candidates, targets, noise: (interview_step(C, candidates, targets, noise)[0], C),
                "The noise is missing below the fraction line of the new C.":
                    lambda C, candidates, targets, noise: (
                        interview_step(C, candidates, targets, noise)[0],
                        posterior_covariance(C, interview_step(C, candidates, targets, noise)[0], 0.0),
                    ),
                "The sign of the update is wrong: an answer lowers the uncertainty.":
                    lambda C, candidates, targets, noise: (
                        interview_step(C, candidates, targets, noise)[0],
                        2 * C - interview_step(C, candidates, targets, noise)[1],
                    ),
            },
        ),
        Exercise(
            "14.5", "The index of UCB1", objective="O14.5", level="core", minutes=5,
            reference=ucb1_index,
            cases=[
                (np.array([3.0, 1.0]), np.array([6.0, 2.0])),
                (np.array([0.0, 2.0, 0.0]), np.array([1.0, 3.0, 0.0])),
                (np.array([4.0, 3.0, 0.0, 0.0]), np.array([4.0, 12.0, 0.0, 0.0])),
            ],
            draw=_draw_arms,
            why="The bonus is large where little is known, so an arm is shown until it is known to be worse.",
            hints=(
                "Two parts: the mean of each arm, and a bonus that shrinks as the arm is shown more often.",
                "t = shown.sum(); the bonus is np.sqrt(2 * np.log(t) / shown). Which arms divide by 0?",
                "index = np.full(len(shown), np.inf); met = shown > 0; index[met] = clicks[met] / shown[met] + bonus",
            ),
            misconceptions={
                "Only the bonus is left: add the mean, clicks / shown.": _bonus,
                "`//` cuts the mean off to a whole number. Divide with /.":
                    lambda clicks, shown: np.where(
                        shown > 0, clicks // np.maximum(shown, 1) + _bonus(clicks, shown), np.inf
                    ),
                "For an arm that was never shown your index is 0 / 0, which is NaN. Set it to np.inf.":
                    lambda clicks, shown: np.where(shown > 0, ucb1_index(clicks, shown), np.nan),
                "That is the mean alone, which is greedy: the bonus is missing.": _means,
                "An arm that was never shown gets infinity, so that it is shown; 0 buries it.":
                    lambda clicks, shown: np.where(shown > 0, ucb1_index(clicks, shown), 0),
                "You subtract the bonus: that is the lower end. Exploring means hoping: take the upper end.":
                    lambda clicks, shown: 2 * _means(clicks, shown) - np.where(shown > 0, ucb1_index(clicks, shown), 0),
                "The logarithm is of t, how often all arms were shown together, not of the arm's own count.":
                    lambda clicks, shown: np.where(
                        shown > 0,
                        _means(clicks, shown) + np.sqrt(2 * np.log(np.maximum(shown, 1)) / np.maximum(shown, 1)),
                        np.inf,
                    ),
                "The 2 under the root is missing.":
                    lambda clicks, shown: np.where(
                        shown > 0, _means(clicks, shown) + _bonus(clicks, shown) / 2**0.5, np.inf
                    ),
                "The root is missing.":
                    lambda clicks, shown: np.where(
                        shown > 0, _means(clicks, shown) + _bonus(clicks, shown) ** 2, np.inf
                    ),
                "You added clicks, not their mean: divide by shown.":
                    lambda clicks, shown: np.where(shown > 0, clicks + _bonus(clicks, shown), np.inf),
            },
        ),
        Exercise(
            "14.6", "A step of Thompson sampling", objective="O14.5", level="core", minutes=6,
            reference=thompson_step,
            cases=[
                (np.array([[8.0, 1.0]]), np.array([[10.0, 10.0]]), np.random.default_rng(0)),
                (np.array([[3.0, 2, 1], [1, 2, 1], [2, 1, 3]]), np.array([[5.0, 4, 3], [4, 4, 3], [4, 3, 5]]),
                 np.random.default_rng(4)),
                (CLICKS, SHOWN, np.random.default_rng(1)),
                (np.tile(CLICKS, (3, 1)), np.tile(SHOWN, (3, 1)), np.random.default_rng(2)),
            ],
            draw=_draw_posteriors,
            why="An arm is drawn on top exactly as often as it is likely to be the best, given what was seen.",
            hints=(
                "What do c clicks among n showings say of a click rate, if every rate was as likely before?",
                "The posterior is Beta(1 + clicks, 1 + shown - clicks): without the 1 an arm without clicks would have "
                "no distribution. rng.beta takes whole arrays.",
                "rng.beta(1 + clicks, 1 + shown - clicks).argmax(axis=1)",
            ),
            misconceptions={
                "The 1 is missing in both parameters: Beta(1 + clicks, 1 + shown - clicks).":
                    lambda clicks, shown, rng: rng.beta(clicks, shown - clicks).argmax(axis=1),
                "argmax() without an axis searches the table of all runs. One arm for each run: axis=1.":
                    lambda clicks, shown, rng: rng.beta(1 + clicks, 1 + shown - clicks).argmax(),
                "The second parameter counts those who did not click: 1 + shown - clicks.":
                    lambda clicks, shown, rng: rng.beta(1 + clicks, 1 + shown).argmax(axis=1),
                "You swapped the two parameters: the first counts clicks.":
                    lambda clicks, shown, rng: rng.beta(1 + shown - clicks, 1 + clicks).argmax(axis=1),
                "You took the posterior mean. That is greedy: draw from it.":
                    lambda clicks, shown, rng: ((1 + clicks) / (2 + shown)).argmax(axis=1),
                "You took the smallest draw.":
                    lambda clicks, shown, rng: rng.beta(1 + clicks, 1 + shown - clicks).argmin(axis=1),
                "That is the best run of each arm. One arm for each run: axis=1.":
                    lambda clicks, shown, rng: rng.beta(1 + clicks, 1 + shown - clicks).argmax(axis=0),
                "That is the largest draw of each run. Return its arm: argmax.":
                    lambda clicks, shown, rng: rng.beta(1 + clicks, 1 + shown - clicks).max(axis=1),
                "Right in distribution, but in another order of draws: use one call for all.": _arms_first,
                "Those are the draws. Return the arm that has the largest one in each run.":
                    lambda clicks, shown, rng: rng.beta(1 + clicks, 1 + shown - clicks),
            },
        ),
        Exercise(
            "14.7", "One visitor for LinUCB", objective="O14.5", level="core", minutes=7,
            reference=linucb_update,
            cases=[
                (np.eye(2), np.zeros(2), np.array([1.0, 1.0]), 1.0),
                (np.array([[0.5, 0.0], [0.0, 1.0]]), np.array([1.0, 0.0]), np.array([1.0, 2.0]), 0.0),
                (np.array([[0.5, 0.0], [0.0, 1.0]]), np.array([1.0, 0.0]), np.array([1.0, 2.0]), 1.0),
                (np.diag([1.0, 0.5, 0.25]), np.array([0.0, -1.0, 2.0]), np.array([1.0, 2.0, 0.0]), 1.0),
                (np.array([[0.5]]), np.array([-3.0]), np.array([2.0]), 0.0),
            ],
            draw=_draw_visitor,
            why="One visitor adds one outer product to A, and its inverse follows without solving anew.",
            hints=(
                "A grows by x xᵀ whatever the visitor does; b grows by x only if the visitor clicks.",
                "With m = inverse @ x, the new inverse is inverse - m mᵀ / (1 + x·m).",
                "m = inverse @ x; return inverse - np.outer(m, m) / (1 + x @ m), b + reward * x",
            ),
            misconceptions={
                "You added x xᵀ to the inverse. It is A that grows, and its inverse shrinks.":
                    lambda inverse, b, x, reward: (inverse + np.outer(x, x), b + reward * x),
                "The 1 below the fraction line is missing: 1 + x·m.":
                    lambda inverse, b, x, reward: (
                        inverse - np.outer(inverse @ x, inverse @ x) / (x @ inverse @ x), b + reward * x
                    ),
                "The sign is wrong: knowing more makes the inverse smaller.":
                    lambda inverse, b, x, reward: (2 * inverse - sherman_morrison(inverse, x), b + reward * x),
                "A grows with every visitor, also with one who did not click: a no is an answer, too.":
                    lambda inverse, b, x, reward: (
                        sherman_morrison(inverse, x) if reward else inverse, b + reward * x
                    ),
                "b grows by reward · x. Yours counts every visitor as a click.":
                    lambda inverse, b, x, reward: (sherman_morrison(inverse, x), b + x),
                "m * m.T of a vector m is m * m, which is subtracted from every row: np.outer(m, m) is the table.":
                    lambda inverse, b, x, reward: _visitor_by((inverse @ x) ** 2, inverse, b, x, reward),
                "m @ m is one number, which is subtracted from every cell: np.outer(m, m) is the table.":
                    lambda inverse, b, x, reward: _visitor_by(x @ inverse @ inverse @ x, inverse, b, x, reward),
                "The product is of m = inverse @ x with itself, not of x.":
                    lambda inverse, b, x, reward: _visitor_by(np.outer(x, x), inverse, b, x, reward),
                "You added the reward to each part of b. It grows by reward · x.":
                    lambda inverse, b, x, reward: (sherman_morrison(inverse, x), b + reward),
                "That is θ = A⁻¹ b. Return b itself, from which θ is computed when it is needed.":
                    lambda inverse, b, x, reward: (
                        sherman_morrison(inverse, x), sherman_morrison(inverse, x) @ (b + reward * x)
                    ),
                "That is A itself. The function gets its inverse and returns its inverse.":
                    lambda inverse, b, x, reward: (np.linalg.inv(inverse) + np.outer(x, x), b + reward * x),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P14.1",
            "Ten titles, 5,000 visitors, 100 services that each start from nothing. A greedy service shows each title "
            "once, then always the one with the best mean so far. In how many of the services does a worse title fill "
            "the whole second half of the time?",
            {"a": "fewer than one in ten", "b": "between one in ten and four in ten", "c": "more than four in ten"},
            outcome=lambda share: "a" if share < 0.1 else "b" if share <= 0.4 else "c",
        ),
    ],
    quiz=[
        Question(
            "O14.1", "A group of three people has met a title that hardly anybody else has. What does damping do?",
            {
                "a": ("It removes the title from the list.", "It leaves a share; only less of it."),
                "b": ("It pulls the group's share toward everybody's, until the group is large enough.",
                      "Right: three people say little, three hundred would hardly be damped."),
                "c": ("It makes the group's share count more.", "It counts less the fewer they are."),
            },
            answer="b",
        ),
        Question(
            "O14.2", "Why are the same later clicks scored, whatever number k is known?",
            {
                "a": ("So that nothing differs between two k but what the model knows.",
                      "Right: else easy titles would leave the list of candidates as k grows."),
                "b": ("Because scoring fewer clicks is faster.", "Speed is not the point here."),
                "c": ("So that the model can train on them.", "Then they would leak."),
            },
            answer="a",
        ),
        Question(
            "O14.3", "What does DropoutNet drop?",
            {
                "a": ("Single factors, scaled up where they stay.", "That is dropout against copying (chapter 07)."),
                "b": ("The features of people who have factors.", "The features are what must do in the end."),
                "c": ("All factors of some people and items, so that features must do.",
                      "Right: in training it meets what it will meet in a newcomer."),
            },
            answer="c",
        ),
        Question(
            "O14.4", "The two films that tell most, each on its own, are parts one and two of a series. Ask both?",
            {
                "a": ("Yes: they tell most.", "Each tells nearly what the other told."),
                "b": ("No: after the first answer the second tells little, and another film tells more.",
                      "Right: what was told leaves C, what is uncertain."),
                "c": ("No: films of a series are never worth asking.", "One of them may be the best question."),
            },
            answer="b",
        ),
        Question(
            "O14.5", "Why may greedy show a worse title for ever?",
            {
                "a": ("One unlucky start of the best title, and nothing ever shows it again.",
                      "Right: its mean cannot recover without being shown."),
                "b": ("It explores too long.", "It never explores."),
                "c": ("Means do not converge.", "They do, for the title that is shown."),
            },
            answer="a",
        ),
    ],
)  # fmt: skip
