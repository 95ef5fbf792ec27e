"""The result plots that recur in the chapters: intervals, bars, curves and ranked lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from recsys_teach.figures.style import BLACK, BLUE, GRAY, GREEN, MODEL_STYLES, ORANGE, PURPLE, VERMILION

# The look of names that are no models, in this order: with colors, markers and lines that differ.
_OTHERS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "marker": "o", "linestyle": "-"},
    {"color": ORANGE, "marker": "^", "linestyle": "--"},
    {"color": GREEN, "marker": "s", "linestyle": "-."},
    {"color": VERMILION, "marker": "D", "linestyle": ":"},
    {"color": PURPLE, "marker": "v", "linestyle": "-"},
    {"color": BLACK, "marker": "P", "linestyle": "--"},
)


def style_of(name: str, position: int = 0) -> dict[str, Any]:
    """Return color, marker and line style of a model, or of the name at this position of a figure."""
    return MODEL_STYLES.get(name, _OTHERS[position % len(_OTHERS)])


def interval_dots(
    ax: Axes, rows: Mapping[str, tuple[float, float, float]], *, zero: bool = False, digits: int = 3
) -> None:
    """Draw a dot and an interval for each row, the first row on top, with the value beside it.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    rows : mapping from a name to (value, low, high)
        For example the metric of each model with its bootstrap interval.
    zero : bool
        Whether a dashed line marks 0, for differences.
    digits : int
        Digits behind the decimal point of the values.
    """
    places = range(len(rows))[::-1]
    sign = "+" if zero else ""
    for position, (place, (name, (value, low, high))) in enumerate(zip(places, rows.items(), strict=True)):
        style = style_of(name, position)
        ax.plot([low, high], [place, place], color=style["color"], linewidth=3, solid_capstyle="butt")
        ax.plot(value, place, color=style["color"], marker=style["marker"], markersize=9, linestyle="none")
        label = f"{value + 0.0:{sign}.{digits}f} ({low + 0.0:{sign}.{digits}f} to {high + 0.0:{sign}.{digits}f})"
        ax.annotate(label, (high, place), (8, 0), textcoords="offset points", va="center")
    if zero:
        ax.axvline(0, color=GRAY, linestyle="--", linewidth=1.5, zorder=0)
    ax.set_yticks(list(places), list(rows))
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.35 if len(rows) else 0.05)


def labeled_bars(ax: Axes, values: Mapping[str, float], *, digits: int = 3, unit: str = "") -> None:
    """Draw a horizontal bar for each name, the first on top, with its value at the end.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    values : mapping from a name to a number
        The lengths of the bars.
    digits : int
        Digits behind the decimal point of the values.
    unit : str
        Text after each value, for example " %".
    """
    values = dict(values)  # of a Series, too
    names = list(values)[::-1]
    colors = [style_of(name, list(values).index(name))["color"] for name in names]
    bars = ax.barh(names, [values[name] for name in names], color=colors, height=0.65)
    ax.bar_label(bars, fmt=lambda value: f"{value:,.{digits}f}{unit}", padding=4)
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.15)


def curves(
    ax: Axes,
    x: Sequence[float],
    lines: Mapping[str, Sequence[float] | np.ndarray],
    *,
    ceiling: float | None = None,
    ceiling_name: str = "best possible",
) -> None:
    """Draw a line for each name, with its name at the right end, and optionally a ceiling.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    x : sequence of float
        Horizontal positions, the same for all lines.
    lines : mapping from a name to values, shape (len(x),) or (n_repetitions, len(x))
        With repetitions, the line is their mean and a band shows the smallest and the largest.
    ceiling : float, optional
        A value that no line can exceed, drawn as a dotted line.
    ceiling_name : str
        What is written on the ceiling.
    """
    ends = []
    for position, (name, values) in enumerate(lines.items()):
        table, style = np.atleast_2d(values), style_of(name, position)
        mean = table.mean(axis=0)
        if len(table) > 1:
            ax.fill_between(x, table.min(axis=0), table.max(axis=0), color=style["color"], alpha=0.18, linewidth=0)
        ax.plot(x, mean, **style)
        ends.append((mean[-1], name, style["color"]))
    if ceiling is not None:
        ax.axhline(ceiling, color=GRAY, linestyle=":")
        ax.annotate(ceiling_name, (0.01, ceiling), (0, 4), xycoords=("axes fraction", "data"),
                    textcoords="offset points", color=GRAY)  # fmt: skip
    low, high = ax.get_ylim()
    gap, previous = (high - low) * 0.06, -np.inf
    for value, name, color in sorted(ends):  # from the lowest on; labels that would overlap move up
        previous = max(value, previous + gap)
        ax.annotate(name, (1.01, previous), xycoords=("axes fraction", "data"), va="center", color=color,
                    annotation_clip=False)  # fmt: skip


def ranked_lists(ax: Axes, lists: Mapping[str, Sequence[str]], *, marked: Sequence[str] = ()) -> None:
    """Draw lists of titles side by side, best first, with some titles marked.

    Parameters
    ----------
    ax : Axes
        Where to draw; its axes are hidden.
    lists : mapping from a heading to titles
        For example the first titles that each of two models recommends.
    marked : sequence of str
        Titles in a frame with a star, for example those that are relevant.
    """
    longest = max(map(len, lists.values()))
    for column, (heading, titles) in enumerate(lists.items()):
        ax.text(column, 0, heading, fontweight="bold", ha="left", va="center")
        for place, title in enumerate(titles, start=1):
            frame = {"facecolor": "#d3efe5", "edgecolor": GREEN, "boxstyle": "round,pad=0.2"}
            star = "  ★" if title in marked else ""
            text = ax.text(column, place, f"{place}  {title}{star}", ha="left", va="center")
            if star:
                text.set_bbox(frame)
    ax.set(xlim=(-0.05, len(lists)), ylim=(longest + 0.6, -0.6))
    ax.set_axis_off()
