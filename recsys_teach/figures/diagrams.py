"""Diagrams: boxes, arrows with the shapes of arrays on them, grids of numbers, in one style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from recsys_teach.figures.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, VERMILION, new_axes

Role = Literal["neutral", "task 1", "task 2", "shared", "noise", "highlight"]

# What a color means in every diagram: (edge and arrow, face).
ROLES: dict[str, tuple[str, str]] = {
    "neutral": (GRAY, "#eeeeee"),
    "task 1": (BLUE, "#d6e8f5"),  # click, the user side, the encoder
    "task 2": (ORANGE, "#fdeccb"),  # like, the item side, the decoder
    "shared": (GREEN, "#d3efe5"),  # experts, shared layers, states
    "noise": (PURPLE, "#f3e1ec"),  # whatever is random
    "highlight": (VERMILION, "#fbe3d4"),  # what the text speaks about
}


@dataclass(frozen=True)
class Box:
    """A box of a diagram: its center and its size, in inches."""

    x: float
    y: float
    width: float
    height: float

    def border(self, x: float, y: float, half_width: float = 0.0) -> tuple[float, float]:
        """Return the middle of the side that faces a point, or a box of this half width around it.

        The left or right side if there is room for an arrow beside the box, the top or bottom otherwise.
        """
        if abs(x - self.x) > self.width / 2 + half_width + 0.15:
            return self.x + np.sign(x - self.x) * self.width / 2, self.y
        return self.x, self.y + np.sign(y - self.y) * self.height / 2


class Diagram:
    """A drawing area in inches, with the origin at the lower left.

    Parameters
    ----------
    width, height : float
        Size of the figure; a laptop shows about 10 inches.
    """

    def __init__(self, width: float, height: float):
        self.figure: Figure
        self.figure, self.ax = new_axes(width=width, height=height)
        self.ax.set(xlim=(0, width), ylim=(0, height))
        self.ax.set_axis_off()
        self.figure.set_layout_engine("none")
        self.ax.set_position((0, 0, 1, 1))

    def box(
        self, x: float, y: float, text: str, role: Role = "neutral", *, width: float = 1.4, height: float = 0.5
    ) -> Box:
        """Draw a box with rounded corners around a text.

        Parameters
        ----------
        x, y : float
            Its center.
        text : str
            What it says; several lines are possible.
        role : {"neutral", "task 1", "task 2", "shared", "noise", "highlight"}
            Decides the colors, the same in all diagrams of the course.
        width, height : float
            Its size.

        Returns
        -------
        Box
            To draw arrows from and to.
        """
        edge, face = ROLES[role]
        corner, shape = (x - width / 2, y - height / 2), "round,pad=0,rounding_size=0.1"
        self.ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle=shape, facecolor=face, edgecolor=edge,
                                         linewidth=1.8, zorder=3))  # fmt: skip
        self.ax.text(x, y, text, ha="center", va="center", fontsize=11, zorder=4)
        return Box(x, y, width, height)

    def arrow(
        self,
        start: Box | tuple[float, float],
        end: Box | tuple[float, float],
        text: str = "",
        role: Role = "neutral",
        *,
        width: float = 1.6,
        dashed: bool = False,
        at: float = 0.5,
        bend: float = 0.0,
    ) -> None:
        """Draw an arrow between two boxes or points, with a text on it, such as the shape of an array.

        Parameters
        ----------
        start, end : Box or (x, y)
            An arrow touches the side of a box that faces the other end.
        text : str
            Written on the arrow.
        role : str
            As for :meth:`box`.
        width : float
            Line width; a thicker arrow carries more.
        dashed : bool
            For what controls and does not flow, such as the weights of a gate.
        at : float
            Where the text is: 0 at the start, 1 at the end.
        bend : float
            Curvature; positive bends to the right of the direction.
        """
        color = ROLES[role][0]
        first, last = _end_of_arrow(start, end), _end_of_arrow(end, start)
        self.ax.add_patch(FancyArrowPatch(
            first, last, arrowstyle="-|>", mutation_scale=12, color=color, linewidth=width,
            linestyle="--" if dashed else "-", shrinkA=1, shrinkB=1, zorder=2, connectionstyle=f"arc3,rad={bend}",
        ))  # fmt: skip
        if text:
            x, y = (a + at * (b - a) for a, b in zip(first, last, strict=True))
            dx, dy = last[0] - first[0], last[1] - first[1]
            too_short = abs(dx) < 0.085 * len(text) + 0.45 and abs(dy) < 0.3
            self.note(x + bend * dy / 2, y - bend * dx / 2 + 0.2 * too_short, text, size=10)

    def note(
        self, x: float, y: float, text: str, *, size: float = 11, bold: bool = False, align: str = "center"
    ) -> None:
        """Write a text on a white background, aligned "left", "center" or "right" of the point."""
        background = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        weight = "bold" if bold else "normal"
        self.ax.text(x, y, text, ha=align, va="center", fontsize=size, fontweight=weight, zorder=5, bbox=background)

    def grid(
        self,
        x: float,
        y: float,
        values: Sequence[Sequence[object]] | np.ndarray,
        *,
        cell: float = 0.42,
        roles: Sequence[Sequence[Role | None]] | None = None,
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
        title: str = "",
    ) -> Box:
        """Draw a table of cells, its upper left corner at a point.

        Parameters
        ----------
        x, y : float
            The upper left corner.
        values : table of numbers or texts
            NaN and None leave a hatched cell: an unknown value.
        cell : float
            Side of a cell.
        roles : table of roles, optional
            Color of each cell; None is white.
        rows, columns : sequence of str
            Names at the left and on top.
        title : str
            Written below, for example a name and a shape.

        Returns
        -------
        Box
            The table as a whole, to draw arrows from and to.
        """
        table = [list(row) for row in values]
        n_rows, n_columns = len(table), len(table[0])
        for i, row in enumerate(table):
            for j, value in enumerate(row):
                unknown = value is None or (isinstance(value, float | np.floating) and np.isnan(value))
                role = roles[i][j] if roles else None
                edge, face = ROLES[role] if role else (GRAY, "white")
                corner = (x + j * cell, y - (i + 1) * cell)
                hatch, face = ("////", "#eeeeee") if unknown else (None, face)
                patch = Rectangle(
                    corner, cell, cell, facecolor=face, edgecolor=edge, hatch=hatch, linewidth=1, zorder=3
                )
                self.ax.add_patch(patch)
                text = "" if unknown else f"{value:g}" if isinstance(value, int | float | np.number) else str(value)
                self.ax.text(corner[0] + cell / 2, corner[1] + cell / 2, text, ha="center", va="center", fontsize=10.5,
                             zorder=4)  # fmt: skip
        for i, name in enumerate(rows):
            self.ax.text(x - 0.08, y - (i + 0.5) * cell, name, ha="right", va="center", fontsize=10.5)
        for j, name in enumerate(columns):
            self.ax.text(x + (j + 0.5) * cell, y + 0.08, name, ha="center", va="bottom", fontsize=10.5)
        if title:
            self.ax.text(
                x + n_columns * cell / 2, y - n_rows * cell - 0.18, title, ha="center", va="center", fontsize=11
            )
        return Box(x + n_columns * cell / 2, y - n_rows * cell / 2, n_columns * cell, n_rows * cell)


def _end_of_arrow(here: Box | tuple[float, float], there: Box | tuple[float, float]) -> tuple[float, float]:
    """Return where an arrow between two places touches the first one."""
    if not isinstance(here, Box):
        return here
    if isinstance(there, Box):
        return here.border(there.x, there.y, there.width / 2)
    return here.border(*there)
