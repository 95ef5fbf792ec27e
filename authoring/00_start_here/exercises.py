"""Chapter 00, Start here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question

SHOWN = pd.DataFrame({"item": [7, 7, 8, 7, 9], "click": [1, 0, 1, 1, 0]})
SHOWN_LATER = pd.DataFrame({"item": [4, 5, 5, 5, 5], "click": [0, 1, 1, 1, 0]}, index=range(20, 25))


def mean_rating(ratings: np.ndarray) -> float:
    """Give the mean of the ratings that are there; 0 means "not rated"."""
    return float(ratings[ratings > 0].mean())


def click_rate(impressions: pd.DataFrame, item: int) -> float:
    """Share of an item's impressions that were clicked."""
    return float(impressions.loc[impressions["item"] == item, "click"].mean())


def _clicks(impressions: pd.DataFrame, item: int) -> int:
    return impressions.loc[impressions["item"] == item, "click"].sum()


def _same_chapters(expected: set[str], got: Any, atol: float) -> str:
    """Compare sets of chapter numbers, written as "04", "4" or 4, alone or several."""
    if isinstance(got, str):
        got = re.findall(r"\w+", got)
    several = got if isinstance(got, Iterable) else [got]
    numbers = {str(number).strip().zfill(2) for number in several}
    if not all(re.fullmatch(r"\d\d", number) for number in numbers):
        return "expected a list of chapter numbers, as in ['01', '04']."
    return "" if numbers == expected else f"missing: {expected - numbers}; too many: {numbers - expected}."


def _draw_impressions(rng: np.random.Generator) -> tuple:
    items = np.append(rng.integers(1, 4, size=9), [1, 2, 3])
    return pd.DataFrame({"item": items, "click": rng.integers(0, 2, size=12)}), int(rng.integers(1, 4))


CHAPTER = Chapter(
    number="00",
    title="Start here",
    objectives={
        "O0.1": "Run cells, answer an exercise, and use what check and hint say",
        "O0.2": "Find your way in the world of the course, where the truth is known",
        "O0.3": "Update the course without losing what you wrote",
    },
    exercises=[
        Exercise(
            "0.1", "Mean of the given ratings", objective="O0.1", level="warm-up", minutes=3,
            reference=mean_rating,
            cases=[
                (np.array([5.0, 4.0, 0.0, 1.0]),),
                (np.array([0.0, 3.0]),),
                (np.array([2.0, 4.0]),),
                (np.array([0.0, 2.0, 0.0, 5.0, 5.0]),),
            ],
            draw=lambda rng: (np.append(rng.integers(0, 6, size=6), 4).astype(float),),
            why="A missing rating says nothing, so it belongs neither in the sum nor in the count.",
            hints=(
                "Which of the four numbers are ratings, and which one says that there is none?",
                "Pick the entries above 0 first, then average what is left.",
                "ratings > 0 is a mask; ratings[mask] keeps the entries where it is True; .mean() averages.",
            ),
            misconceptions={
                'You averaged over all entries: a 0 here means "not rated", and it pulls the mean down.':
                    lambda ratings: ratings.mean(),
                "That is the sum of the ratings. Divide by how many there are.":
                    lambda ratings: ratings.sum(),
                "You removed a single 0. All of them go: none of them is a rating.":
                    lambda ratings: ratings.sum() / (len(ratings) - (0 in ratings)),
                "You left out a rating although it is not 0: the lowest entry may be a rating.":
                    lambda ratings: np.sort(ratings)[1:].mean(),
                "You counted equal ratings once. Each of them is a rating.":
                    lambda ratings: np.unique(ratings[ratings > 0]).mean(),
                "That is the middle rating (the median), not the mean.":
                    lambda ratings: np.median(ratings[ratings > 0]),
            },
        ),
        Exercise(
            "0.2", "Click rate of an item", objective="O0.2", level="warm-up", minutes=4,
            reference=click_rate,
            cases=[(SHOWN, 7), (SHOWN, 9), (SHOWN_LATER, 5)],
            draw=_draw_impressions,
            why="Of all times that the item was shown, the share that ended in a click.",
            hints=(
                "Which rows of the table speak of this item?",
                'impressions["item"] == item is a mask of rows. In those rows, look at the column "click".',
                "The mean of a column of zeros and ones is the share of ones.",
            ),
            misconceptions={
                "That is the number of clicks. A rate divides by how often the item was shown.":
                    lambda impressions, item: _clicks(impressions, item),
                "You divided by all impressions. Only those of this item count.":
                    lambda impressions, item: _clicks(impressions, item) / len(impressions),
                "That is the item's share of all clicks. Divide by how often the item was shown.":
                    lambda impressions, item: _clicks(impressions, item) / impressions["click"].sum(),
                "That is a percentage. The contract asks for a share between 0 and 1.":
                    lambda impressions, item: 100 * click_rate(impressions, item),
                "That is the share of impressions that were not clicked.":
                    lambda impressions, item: 1 - click_rate(impressions, item),
                "That is the click rate of all items together. Keep the rows of this item first.":
                    lambda impressions, item: impressions["click"].mean(),
                "That is how often the item was shown, as a share of all impressions.":
                    lambda impressions, item: (impressions["item"] == item).mean(),
            },
        ),
        Exercise(
            "0.3", "After the update", objective="O0.3", level="warm-up", minutes=1,
            reference=lambda: {"04"}, compare=_same_chapters,
            why="Your version is copied where a new one arrived; elsewhere it stays in its place.",
            hints=(
                "The paragraph above says when a chapter is copied, and when it stays as it is.",
                "For which of the two chapters do your version and a new one meet?",
            ),
            misconceptions={
                "A chapter without a new version stays where it is, in chapters/, with what you wrote.": {"01"},
                "Not both: where no new version arrived, nothing has to be set aside.": {"01", "04"},
                "Something is set aside: a new version arrived for a chapter that you worked in.": set(),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P0.1", "Of a hundred titles that the service shows somebody, how many are clicked?",
            {"a": "fewer than 10", "b": "between 10 and 50", "c": "more than 50"},
            outcome=lambda rate: "a" if rate < 0.1 else "b" if rate <= 0.5 else "c",
        ),
    ],
    quiz=[
        Question(
            "O0.1", "check says [not yet] and shows a case. What is it?",
            {
                "a": ("An input on which your answer and the right one differ.",
                      "Right: try your function on exactly that input and compare by hand."),
                "b": ("An error in your Python installation.", "That is a matter for doctor. check looks at results."),
                "c": ("The solution.", "A check never prints the solution; the hints lead there step by step."),
            },
            answer="a",
        ),
        Question(
            "O0.1", "You restart the kernel half-way through a chapter. What is lost?",
            {
                "a": ("Everything since you opened the notebook.",
                      "The notebook's text is in its file, and what you have shown is in your progress file."),
                "b": ("The variables. What you wrote and what you have shown stay.",
                      "Right: run the cells from the top again, and go on."),
                "c": ("Your progress.", "It lies in a file of its own in your data folder, and outlives every kernel."),
            },
            answer="b",
        ),
        Question(
            "O0.2", "Somebody was never shown a title, so there is no click. What do we know in the world?",
            {
                "a": ("That they do not like it.", "A missing click is no dislike: nobody asked."),
                "b": ("Nothing, as in every real service.", "Real services are so. Here the truth can be asked for."),
                "c": ("How probable a click would have been.",
                      "Right: world.truth.click_probability gives it for every person and item."),
            },
            answer="c",
        ),
        Question(
            "O0.2", "Why does the course use a made-up service beside real data?",
            {
                "a": ("Because real data are secret.", "Some are public, and the course uses them too."),
                "b": ("Because there we can compare every model with the truth.",
                      "Right: the best that any model could reach stands in the same table."),
                "c": ("Because models score higher there.", "Often they score lower: the world is noisy on purpose."),
            },
            answer="b",
        ),
        Question(
            "O0.3", "Where is what you have shown, such as a right answer to 0.1, kept?",
            {
                "a": ("In the notebook.", "The notebook holds what you wrote. An update may set it aside."),
                "b": ("In a file of your own data folder, on your machine alone.",
                      "Right: no update touches it, and nothing of it is sent anywhere."),
                "c": ("On a server of the course.", "There is none. Nothing leaves your machine."),
            },
            answer="b",
        ),
    ],
)  # fmt: skip
