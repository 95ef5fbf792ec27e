"""Which questions to ask a newcomer. Built in chapter 14."""

from __future__ import annotations

import numpy as np

from recsys_teach._validation import check_binary, check_integer, check_number

# --- an interview ---------------------------------------------------------------------------------------------


def greedy_question(covariance: np.ndarray, candidates: np.ndarray, targets: np.ndarray, noise: float) -> int:
    """Choose the question whose answer takes most variance off the targets. Built by hand in chapter 14.

    The answer to question q takes C_tq² / (C_qq + noise) off the variance of t.

    Parameters
    ----------
    covariance : array C, shape (n_items, n_items). What is still uncertain, symmetric.
    candidates, targets : array of int. Positions that may be asked, and that we want to know.
    noise : float above 0. Variance of an answer that says nothing.

    Returns
    -------
    int. A position of ``candidates``' items; the first one if several take off as much.
    """
    gains = (covariance[np.ix_(targets, candidates)] ** 2).sum(axis=0) / (np.diag(covariance)[candidates] + noise)
    return int(candidates[gains.argmax()])


def posterior_covariance(covariance: np.ndarray, question: int, noise: float) -> np.ndarray:
    """Give what is still uncertain once a question has been answered: C − C_q C_qᵀ / (C_qq + noise). Chapter 14."""
    column = covariance[:, question]
    return covariance - np.outer(column, column) / (column[question] + noise)


def plan_interview(
    covariance: np.ndarray, n_questions: int, candidates: np.ndarray, targets: np.ndarray, noise: float = 0.1
) -> np.ndarray:
    """Plan the questions one after the other, each given those before, shape (n_questions,). Built in chapter 14.

    A normal model's uncertainty depends on what is asked and not on what is answered, so one plan serves everybody.

    Raises
    ------
    ValueError
        If there are fewer candidates than questions, or the noise is not above 0.

    References
    ----------
    Rashid et al. (2002), "Getting to know you: learning new user preferences in recommender systems", for the
    question; Krause, Singh and Guestrin (2008) for greedy choice under a normal model.
    """
    check_integer("n_questions", n_questions, 0, len(candidates))
    check_number("noise", noise, above=0)
    questions: list[int] = []
    for _ in range(n_questions):
        left = np.setdiff1d(candidates, questions)
        questions.append(greedy_question(covariance, left, targets, noise))
        covariance = posterior_covariance(covariance, questions[-1], noise)
    return np.array(questions, dtype=int)


def posterior_mean(
    mean: np.ndarray, covariance: np.ndarray, questions: np.ndarray, answers: np.ndarray, noise: float = 0.1
) -> np.ndarray:
    """Give what is expected of every item once questions are answered, yes or no. Used in chapter 14.

    Parameters
    ----------
    mean, covariance : arrays, shapes (n_items,), (n_items, n_items). Of the rows of other users.
    questions : array of int, shape (n_questions,).
    answers : array of 0 and 1, shape (n, n_questions). One row for each person asked.

    Returns
    -------
    array, shape (n, n_items).
    """
    answers = check_binary("answers", answers)
    check_number("noise", noise, above=0)
    asked = covariance[np.ix_(questions, questions)] + noise * np.eye(len(questions))
    return mean + (answers - mean[questions]) @ np.linalg.solve(asked, covariance[questions])
