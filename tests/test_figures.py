"""Figures: a caption, a description, one look, and the same bytes twice."""

from __future__ import annotations

import base64
import html
import re
import subprocess
import sys
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from recsys_teach import figures
from recsys_teach.figures import (
    MODEL_STYLES,
    Diagram,
    curves,
    interval_dots,
    label_bars,
    labeled_bars,
    new_axes,
    ranked_lists,
    show,
    slider,
    style_of,
)
from recsys_teach.figures.diagrams import ROLES

CAPTION = "Few films hold most ratings"
ALT = (
    "Line chart: films sorted by popularity on the horizontal axis, their number of ratings on the vertical axis; "
    "the line falls steeply and then runs flat."
)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list:
    """Collect what is displayed."""
    things: list = []
    monkeypatch.setattr("recsys_teach.figures.style.display", lambda thing, **options: things.append((thing, options)))
    return things


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    plt.close("all")
    yield
    assert not plt.get_fignums()


def draw(slope: float = 1.0):
    fig, ax = new_axes()
    ax.plot([0, 1, 2], [0, slope, 4 * slope], **MODEL_STYLES["PureSVD"])
    ax.set_xlabel("rank k")
    return fig


def words(n: int) -> str:
    return " ".join(["word"] * n)


# --- show -----------------------------------------------------------------------------------------------------


def test_show_displays_a_picture_with_caption_and_description(shown: list) -> None:
    show(draw(), caption=CAPTION, alt=ALT)
    [(bundle, options)] = shown
    assert options == {"raw": True}
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["image/png"] in bundle["text/html"]
    assert f"<figcaption>{CAPTION}" in bundle["text/html"]
    assert CAPTION in bundle["text/plain"]
    assert ALT in bundle["text/plain"]


@pytest.mark.parametrize("n", [0, 13])
def test_a_caption_has_at_most_twelve_words(shown: list, n: int) -> None:
    with pytest.raises(ValueError, match=f"caption of 1 to 12 words; got {n}"):
        show(draw(), caption=words(n), alt=ALT)
    assert not shown
    plt.close("all")


@pytest.mark.parametrize("n", [0, 14, 61])
def test_a_description_has_15_to_60_words(shown: list, n: int) -> None:
    with pytest.raises(ValueError, match=f"alt text of 15 to 60 words; got {n}"):
        show(draw(), caption=CAPTION, alt=words(n))
    assert not shown
    plt.close("all")


@pytest.mark.parametrize(("n_caption", "n_alt"), [(1, 15), (12, 60)])
def test_the_shortest_and_the_longest_words_are_accepted(shown: list, n_caption: int, n_alt: int) -> None:
    show(draw(), caption=words(n_caption), alt=words(n_alt))
    assert len(shown) == 1


def test_caption_and_description_are_escaped(shown: list) -> None:
    show(draw(), caption='Is "a<b" & so?', alt='x" onerror="alert(1) <script> & ' + ALT)
    page = shown[0][0]["text/html"]
    assert "<script>" not in page
    assert '" onerror' not in page
    assert "Is &quot;a&lt;b&quot; &amp; so?" in page
    alt = re.search(r'alt="([^"]*)"', page)[1]
    assert html.unescape(alt).startswith('x" onerror="alert(1) <script> & Line chart')


def test_the_description_can_be_read_on_the_page_and_not_only_heard(shown: list) -> None:
    show(draw(), caption=CAPTION, alt=ALT)
    assert re.sub(r'alt="[^"]*"', "", shown[0][0]["text/html"]).count(ALT) == 1


def test_the_same_figure_gives_the_same_bytes_and_another_one_others(shown: list) -> None:
    for slope in (1.0, 1.0, 2.0):
        show(draw(slope), caption=CAPTION, alt=ALT)
    one, again, other = (bundle for bundle, _ in shown)
    assert one == again
    assert one["image/png"] != other["image/png"]


# --- slider ---------------------------------------------------------------------------------------------------


def make_slider(shown: list) -> tuple:
    slider(
        draw, name="rank k", low=1, high=20, start=4, caption=CAPTION,
        alt=lambda value: f"At {value} singular values: <{ALT}>",
    )  # fmt: skip
    [(box, _)] = shown
    return box.children


def test_a_slider_shows_its_range_and_the_first_picture(shown: list) -> None:
    control, picture = make_slider(shown)
    assert (control.min, control.max, control.value, control.description) == (1, 20, 4, "rank k")
    assert "data:image/png;base64," in picture.value
    assert CAPTION in picture.value
    assert "At 4 singular values: &lt;Line chart" in picture.value


def test_moving_the_slider_changes_picture_and_description(shown: list) -> None:
    control, picture = make_slider(shown)
    first = picture.value
    control.value = 9
    assert "At 9 singular values" in picture.value
    assert re.search('base64,[^"]*', picture.value)[0] != re.search('base64,[^"]*', first)[0]
    control.value = 4
    assert picture.value == first


@pytest.mark.parametrize(("caption", "alt"), [(words(13), ALT), (CAPTION, words(14))], ids=["caption", "description"])
def test_a_slider_wants_the_same_lengths_of_words_as_a_figure(shown: list, caption: str, alt: str) -> None:
    with pytest.raises(ValueError, match="words; got"):
        slider(draw, name="rank k", low=1, high=3, start=1, caption=caption, alt=lambda value: alt)
    plt.close("all")


def test_moving_the_slider_leaves_no_figure_open(shown: list) -> None:
    control, _ = make_slider(shown)
    for value in (5, 6, 7):
        control.value = value
    assert not plt.get_fignums()


# --- the look -------------------------------------------------------------------------------------------------


def test_the_colors_of_the_palette_differ() -> None:
    names = ("BLACK", "ORANGE", "SKY", "GREEN", "YELLOW", "BLUE", "VERMILION", "PURPLE")
    palette = [to_rgb(getattr(figures, name)) for name in names]
    assert len(set(palette)) == len(palette)
    assert len({style["color"] for style in MODEL_STYLES.values()}) == len(MODEL_STYLES)


def test_models_are_told_apart_without_color() -> None:
    assert all(set(style) == {"color", "marker", "linestyle"} for style in MODEL_STYLES.values())
    looks = Counter((style["marker"], style["linestyle"]) for style in MODEL_STYLES.values())
    assert max(looks.values()) == 1
    assert len({style["marker"] for style in MODEL_STYLES.values()}) == len(MODEL_STYLES)


def test_lines_are_two_points_wide_and_no_text_is_under_eleven() -> None:
    fig, ax = new_axes()
    (line,) = ax.plot([0, 1], [2, 3], label="popularity")
    bars = ax.bar([0, 1], [2, 3])
    ax.set(title="title", xlabel="k", ylabel="nDCG@10")
    ax.annotate("label", (0, 2))
    ax.legend()
    label_bars(ax)
    fig.canvas.draw()
    assert line.get_linewidth() == 2
    assert len(bars) == 2
    texts = [text for text in fig.findobj(plt.Text) if text.get_text()]
    assert {"label", "k", "nDCG@10", "title", "popularity", "3.000"} <= {text.get_text() for text in texts}
    assert min(text.get_fontsize() for text in texts) >= 11
    plt.close(fig)


def test_several_axes_stand_side_by_side() -> None:
    fig, axes = new_axes(columns=3, width=9, height=2)
    assert axes.shape == (3,)
    assert fig.get_size_inches().tolist() == [9, 2]
    plt.close(fig)


def test_bars_carry_their_value() -> None:
    fig, ax = new_axes()
    ax.barh(["popularity", "PureSVD"], [0.2, 0.4346])
    label_bars(ax)
    assert {text.get_text() for text in ax.texts} == {"0.200", "0.435"}
    label_bars(ax, pattern="{:.1f}")
    assert "0.4" in {text.get_text() for text in ax.texts}
    plt.close(fig)


def test_importing_the_module_changes_no_setting_of_matplotlib() -> None:
    code = (
        "import matplotlib.pyplot as plt; before = dict(plt.rcParams); import recsys_teach.figures; "
        "assert dict(plt.rcParams) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- result plots ---------------------------------------------------------------------------------------------


def texts_of(ax) -> set[str]:
    return {text.get_text() for text in ax.texts}


def test_interval_dots_write_value_and_interval_beside_each_row() -> None:
    _, ax = new_axes()
    interval_dots(ax, {"EASE": (0.445, 0.43, 0.46), "my model": (0.3, 0.29, 0.31)})
    assert texts_of(ax) == {"0.445 (0.430 to 0.460)", "0.300 (0.290 to 0.310)"}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["EASE", "my model"]
    assert ax.get_yticks().tolist() == [1, 0], "the first row is on top"
    plt.close("all")


def test_differences_have_signs_and_a_line_at_zero() -> None:
    _, ax = new_axes()
    interval_dots(ax, {"EASE": (0.02, -0.01, 0.05)}, zero=True, digits=2)
    assert texts_of(ax) == {"+0.02 (-0.01 to +0.05)"}
    assert any(list(line.get_xdata()) == [0, 0] for line in ax.lines if len(np.atleast_1d(line.get_xdata())) == 2)
    plt.close("all")


def test_labeled_bars_have_the_first_on_top_and_the_color_of_the_model() -> None:
    _, ax = new_axes()
    labeled_bars(ax, {"EASE": 1234.5, "popularity": 2}, digits=1, unit=" s")
    assert texts_of(ax) == {"1,234.5 s", "2.0 s"}
    top = max(ax.patches, key=lambda bar: bar.get_y())
    assert to_rgb(top.get_facecolor()) == to_rgb(MODEL_STYLES["EASE"]["color"])
    plt.close("all")


def test_curves_name_each_line_once_and_show_a_band_for_repetitions() -> None:
    _, ax = new_axes()
    curves(ax, [1, 2, 3], {"GRU": [[1, 2, 3], [3, 4, 5]], "Markov": [3, 4, 4]}, ceiling=6)
    assert texts_of(ax) == {"GRU", "Markov", "best possible"}
    assert ax.lines[0].get_ydata().tolist() == [2, 3, 4]
    assert len(ax.collections) == 1
    places = [text.xy[1] for text in ax.texts if text.get_text() != "best possible"]
    assert abs(places[0] - places[1]) > 0.1, "labels of lines that end together do not overlap"
    plt.close("all")


def test_ranked_lists_mark_titles_without_color_too() -> None:
    _, ax = new_axes()
    ranked_lists(ax, {"popularity": ["Chase", "Waltz"], "EASE": ["Waltz"]}, marked=["Waltz"])
    assert texts_of(ax) == {"popularity", "EASE", "1  Chase", "2  Waltz  ★", "1  Waltz  ★"}
    plt.close("all")


def test_styles_of_names_that_are_no_models_differ() -> None:
    styles = [style_of("no model", position) for position in range(6)]
    assert len({(s["color"], s["marker"]) for s in styles}) == 6
    assert style_of("EASE", 3) == MODEL_STYLES["EASE"]


# --- diagrams -------------------------------------------------------------------------------------------------


def test_an_arrow_touches_the_sides_of_boxes_that_face_each_other() -> None:
    diagram = Diagram(6, 4)
    left, right, below = diagram.box(1, 3, "x"), diagram.box(4, 3, "y"), diagram.box(1.2, 1, "z")
    assert left.border(right.x, right.y, right.width / 2) == (left.x + left.width / 2, 3)
    assert left.border(below.x, below.y, below.width / 2) == (1, 3 - left.height / 2)
    diagram.arrow(left, right, "(n, F)")
    diagram.arrow(left, (5, 1), role="noise", dashed=True, bend=0.2)
    assert "(n, F)" in texts_of(diagram.ax)
    plt.close("all")


def test_a_short_arrow_has_its_text_above_it() -> None:
    diagram = Diagram(6, 4)
    diagram.arrow((1, 2), (1.5, 2), "(n, width)")
    diagram.arrow((2, 2), (5, 2), "(n, width)")
    short, long = diagram.ax.texts
    assert short.get_position()[1] > long.get_position()[1] == 2
    plt.close("all")


def test_unknown_cells_of_a_grid_are_hatched_and_empty() -> None:
    diagram = Diagram(4, 3)
    table = diagram.grid(1, 2, [[5, np.nan], [0.5, None]], cell=0.5, rows=["Ada", "Ben"], columns=["x", "y"], title="R")
    assert (table.x, table.y, table.width, table.height) == (1.5, 1.5, 1, 1)
    assert sum(patch.get_hatch() is not None for patch in diagram.ax.patches) == 2
    assert {"5", "0.5", "Ada", "Ben", "x", "y", "R"} <= texts_of(diagram.ax)
    plt.close("all")


def test_roles_have_colors_that_differ() -> None:
    edges = [edge for edge, _ in ROLES.values()]
    assert len(set(edges)) == len(edges)
