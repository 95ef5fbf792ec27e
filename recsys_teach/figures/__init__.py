"""Figures in one style: result plots, diagrams, and how they are shown with a caption and a description."""

from recsys_teach.figures.diagrams import Box, Diagram
from recsys_teach.figures.results import curves, interval_dots, labeled_bars, ranked_lists, style_of
from recsys_teach.figures.style import (
    BLACK,
    BLUE,
    GRAY,
    GREEN,
    MODEL_STYLES,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    label_bars,
    new_axes,
    show,
    slider,
)

__all__ = [
    "BLACK",
    "BLUE",
    "GRAY",
    "GREEN",
    "MODEL_STYLES",
    "ORANGE",
    "PURPLE",
    "SKY",
    "VERMILION",
    "YELLOW",
    "Box",
    "Diagram",
    "curves",
    "interval_dots",
    "label_bars",
    "labeled_bars",
    "new_axes",
    "ranked_lists",
    "show",
    "slider",
    "style_of",
]
