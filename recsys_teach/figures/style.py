"""One style for every figure: readable, colorblind-safe, with a caption and a description in words."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito's colors can be distinguished with every common kind of color blindness.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
GRAY = "#666666"

# Each model has the same style in the whole course; marker and line distinguish it without color.
MODEL_STYLES: dict[str, dict[str, Any]] = {
    "random": {"color": "#777777", "marker": "x", "linestyle": ":"},
    "mean rating": {"color": ORANGE, "marker": "v", "linestyle": "--"},
    "popularity": {"color": BLACK, "marker": "s", "linestyle": "--"},
    "PureSVD": {"color": BLUE, "marker": "o", "linestyle": "-"},
    "ItemKNN": {"color": "#A6761D", "marker": "D", "linestyle": "-."},
    "UserKNN": {"color": "#332288", "marker": "d", "linestyle": "--"},
    "content": {"color": "#882255", "marker": "h", "linestyle": "-"},
    "BiasedMF": {"color": "#117733", "marker": "X", "linestyle": "--"},
    "EASE": {"color": VERMILION, "marker": "^", "linestyle": "-"},
    "iALS": {"color": SKY, "marker": "P", "linestyle": "-"},
    "BPR": {"color": PURPLE, "marker": "<", "linestyle": "--"},
    "Mult-DAE": {"color": "#7B3294", "marker": "8", "linestyle": "-"},
    "Mult-VAE": {"color": "#008080", "marker": "+", "linestyle": "-."},
    "Markov": {"color": "#AA4499", "marker": "1", "linestyle": ":"},
    "co-visitation": {"color": "#999933", "marker": "p", "linestyle": "-."},
    "GRU": {"color": "#44AA99", "marker": ">", "linestyle": "-"},
    "SASRec": {"color": "#661100", "marker": "H", "linestyle": "-"},
    "two towers": {"color": "#DDAA33", "marker": "2", "linestyle": "--"},
    "oracle": {"color": GREEN, "marker": "*", "linestyle": "-."},
}

STYLE: dict[str, Any] = {  # of matplotlib; set with the first figure, not on import
    "figure.dpi": 90,
    "figure.constrained_layout.use": True,
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2,
    "lines.markersize": 6,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
}


def new_axes(columns: int = 1, width: float = 7.0, height: float = 4.0) -> tuple[Figure, Any]:
    """Create a figure in the style of the course with one axes, or an array of several side by side.

    From then on all new figures of this Python have this style: texts and lines are added after the axes.

    Parameters
    ----------
    columns : int
        Number of axes.
    width, height : float
        Size of the figure in inches.
    """
    plt.rcParams.update(STYLE)  # type: ignore[arg-type]
    return plt.subplots(1, columns, figsize=(width, height))


def show(fig: Figure, *, caption: str, alt: str) -> None:
    """Display a figure with a visible caption of at most twelve words and a description of 15 to 60 words.

    Raises
    ------
    ValueError
        If the caption or the description has the wrong length.
    """
    _check_words(caption, alt)
    png = _png(fig)
    bundle = {"text/html": _html(png, caption, alt), "image/png": png, "text/plain": f"Figure: {caption} ({alt})"}
    display(bundle, raw=True)


def slider(
    draw: Callable[[int], Figure], *, name: str, low: int, high: int, start: int, caption: str,
    alt: Callable[[int], str],
) -> None:  # fmt: skip
    """Display a slider that redraws a figure; put a static picture of the same thing beside it.

    Parameters
    ----------
    draw : function of an int
        Returns the figure for a value of the slider.
    name : str
        Label of the slider.
    low, high, start : int
        Range and first value of the slider.
    caption : str
        Visible under the figure.
    alt : function of an int
        Returns the description of the figure for a value of the slider.
    """
    _check_words(caption, alt(start))
    control = widgets.IntSlider(start, low, high, description=name, continuous_update=False)

    def picture(value: int) -> str:
        return _html(_png(draw(value)), caption, alt(value))

    figure = widgets.HTML(picture(start))
    control.observe(lambda change: setattr(figure, "value", picture(change["new"])), names="value")
    display(widgets.VBox([control, figure]))


def label_bars(ax: Axes, pattern: str = "{:.3f}") -> None:
    """Write the value beside each bar."""
    for bars in ax.containers:
        ax.bar_label(bars, fmt=pattern, padding=3)  # type: ignore[arg-type]


def _check_words(caption: str, alt: str) -> None:
    n_caption, n_alt = len(caption.split()), len(alt.split())
    if not 1 <= n_caption <= 12:
        raise ValueError(f"Expected a caption of 1 to 12 words; got {n_caption}: {caption!r}.")
    if not 15 <= n_alt <= 60:
        raise ValueError(f"Expected an alt text of 15 to 60 words; got {n_alt}: {alt!r}.")


def _png(fig: Figure) -> str:
    """Render in 128 colors and close; no date or version in the file, so the same figure gives the same bytes."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png")
    plt.close(fig)
    small = io.BytesIO()
    Image.open(buffer).convert("RGB").quantize(128).save(small, format="png", optimize=True)
    return base64.b64encode(small.getvalue()).decode("ascii")


def _html(png: str, caption: str, alt: str) -> str:
    return (
        f'<figure><img src="data:image/png;base64,{png}" alt="{html.escape(alt)}">'
        f"<figcaption>{html.escape(caption)}"
        f"<details><summary>Description</summary>{html.escape(alt)}</details></figcaption></figure>"
    )
