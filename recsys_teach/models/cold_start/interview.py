"""Choose the questions to ask a new user. Built in chapter 14."""

from __future__ import annotations

import numpy as np

from recsys_teach._validation import check_binary, check_integer, check_number


def greedy_question(covariance: np.ndarray, candidates: np.ndarray, targets: np.ndarray, noise: float) -> int:
    """Choose the question whose answer reduces the variance of the targets most. Built by hand in chapter 14.

    The answer to question q reduces the variance of target t by C_tq² / (C_qq + noise).

    Parameters
    ----------
    covariance : array, shape (n_items, n_items)
        C, the current uncertainty; symmetric.
    candidates : array of int
        Positions of the items that may be asked about.
    targets : array of int
        Positions of the items to predict.
    noise : float
        Variance of an answer that carries no information, above 0.

    Returns
    -------
    int
        One of the candidates; the first of them if several reduce the variance equally.
    """
    gains = (covariance[np.ix_(targets, candidates)] ** 2).sum(axis=0) / (np.diag(covariance)[candidates] + noise)
    return int(candidates[gains.argmax()])


def posterior_covariance(covariance: np.ndarray, question: int, noise: float) -> np.ndarray:
    """Compute the covariance after one question is answered. Built in chapter 14.

    The result is C − C_q C_qᵀ / (C_qq + noise). It does not depend on the answer.

    Parameters
    ----------
    covariance : array, shape (n_items, n_items)
        C, the uncertainty before the answer; symmetric.
    question : int
        q, the position of the item of the question.
    noise : float
        Variance of an answer that carries no information, at least 0.

    Returns
    -------
    array, shape (n_items, n_items)
        The uncertainty after the answer.
    """
    column = covariance[:, question]
    return covariance - np.outer(column, column) / (column[question] + noise)


def plan_interview(
    covariance: np.ndarray, n_questions: int, candidates: np.ndarray, targets: np.ndarray, noise: float = 0.1
) -> np.ndarray:
    """Choose questions greedily, each given those before it. Built in chapter 14.

    The uncertainty of a normal model depends on the questions, but not on the answers, so one plan is used for all
    users.

    Parameters
    ----------
    covariance : array, shape (n_items, n_items)
        The uncertainty before the interview; symmetric.
    n_questions : int
        Number of questions, from 0 to the number of candidates.
    candidates : array of int
        Positions of the items that may be asked about.
    targets : array of int
        Positions of the items to predict.
    noise : float, default=0.1
        Variance of an answer that carries no information, above 0.

    Returns
    -------
    array of int, shape (n_questions,)
        Item positions in the order of the questions.

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
        remaining = np.setdiff1d(candidates, questions)
        questions.append(greedy_question(covariance, remaining, targets, noise))
        covariance = posterior_covariance(covariance, questions[-1], noise)
    return np.array(questions, dtype=int)


def posterior_mean(
    mean: np.ndarray, covariance: np.ndarray, questions: np.ndarray, answers: np.ndarray, noise: float = 0.1
) -> np.ndarray:
    """Compute the expected value of every item, given the answers to the questions. Used in chapter 14.

    Parameters
    ----------
    mean : array, shape (n_items,)
        Mean of the rows of other users.
    covariance : array, shape (n_items, n_items)
        Covariance of the rows of other users.
    questions : array of int, shape (n_questions,)
        Item positions of the questions.
    answers : array, shape (n, n_questions)
        0 or 1; one row for each user.
    noise : float, default=0.1
        Variance of an answer that carries no information, above 0.

    Returns
    -------
    array, shape (n, n_items)
        Expected values.

    Raises
    ------
    ValueError
        If an answer is not 0 or 1, or the noise is not above 0.
    """
    answers = check_binary("answers", answers)
    check_number("noise", noise, above=0)
    answer_covariance = covariance[np.ix_(questions, questions)] + noise * np.eye(len(questions))
    return mean + (answers - mean[questions]) @ np.linalg.solve(answer_covariance, covariance[questions])
