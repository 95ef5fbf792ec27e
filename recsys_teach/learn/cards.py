"""Cards: what check, hint, predict, quiz, claim and progress display, as HTML in a notebook and as text elsewhere."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Sequence

from IPython.display import display

# Symbol and color of each kind of card. The words are on the card, too, so neither is needed to read it.
LOOKS = {
    "ok": ("✓", "#00704f"),
    "claim": ("✓", "#00704f"),
    "to do": ("○", "#00589b"),
    "not yet": ("✗", "#b34700"),
    "hint": ("?", "#6a3d9a"),
    "progress": ("▸", "#555555"),
}
_CARD = "border:1px solid #88888880;border-left:6px solid {color};border-radius:4px;padding:6px 12px;margin:4px 0;"
_WRAP = "max-width:64em;overflow-wrap:anywhere;line-height:1.45"
_ICON = "display:inline-block;width:1.4em;text-align:center;border-radius:4px;color:white;background:{color}"
_CELL = "text-align:left;padding:1px 12px;border-bottom:1px solid #88888860"


class Card:
    """Something to display: HTML for a notebook, and lines of text for terminals, tests and screen readers.

    Parameters
    ----------
    text : str
        All that the card says.
    page : str
        The same as HTML.
    """

    def __init__(self, text: str, page: str):
        self.text, self.page = text, page

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.page}

    def show(self) -> None:
        """Display the card in a notebook, or print its text."""
        display(self)


def card(kind: str, title: str, text: str, parts: Sequence[str] = (), *, tag: str | None = None) -> Card:
    """Build a card.

    Parameters
    ----------
    kind : str
        A key of :data:`LOOKS`.
    title : str
        Its first line.
    text : str
        The whole card as text.
    parts : sequence of str
        Pieces of HTML that follow the title.
    tag : str, optional
        What is in brackets before the title; the kind, if it is not given, and nothing if it is "".
    """
    symbol, color = LOOKS[kind]
    shown = kind if tag is None else tag
    label = f"<strong>[{html.escape(shown)}]</strong> " if shown else ""
    head = f'<div><span aria-hidden="true" style="{_ICON.format(color=color)}">{symbol}</span> {label}'
    head += f"<strong>{inline(title)}</strong></div>"
    return Card(text, f'<div style="{_CARD.format(color=color)}{_WRAP}">{head}{"".join(parts)}</div>')


def line(kind: str, text: str, sentence: str) -> Card:
    """Build a card of one line, for a claim."""
    symbol, color = LOOKS[kind]
    icon = f'<span aria-hidden="true" style="{_ICON.format(color=color)}">{symbol}</span>'
    return Card(text, f'<div style="{_WRAP};margin:2px 0">{icon} {inline(sentence)}</div>')


def inline(text: str) -> str:
    """Escape a text, and turn what is between backticks into code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def paragraph(text: str) -> str:
    """Turn a text into a paragraph."""
    return f'<p style="margin:4px 0">{inline(text)}</p>'


def preformatted(text: str) -> str:
    """Keep line ends and blanks, as of an array, and wrap what is too long."""
    style = "margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere;background:none;padding:0"
    return f'<pre style="{style}">{html.escape(text)}</pre>'


def beside_as_text(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows of (place, expected, got) under each other; the first difference is marked.

    Parameters
    ----------
    rows : sequence of (place, expected, got)
        Texts; a row whose expected and got are equal does not differ.
    """
    table = [("", "expected", "got"), *map(tuple, rows)]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    first = _first_difference(rows)
    lines = []
    for number, row in enumerate(table, start=-1):
        cells = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        lines.append(f"    {'>' if number == first else ' '} {cells}" + "  <- first difference" * (number == first))
    return lines


def beside_as_html(rows: Sequence[Sequence[str]]) -> str:
    """Write rows of (place, expected, got) as a table; the first difference is marked."""
    first = _first_difference(rows)
    header = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in ("", "expected", "got"))
    body = ""
    for number, (place, expected, got) in enumerate(rows):
        marked = number == first
        style = _CELL + (";font-weight:bold;background:#b3470022" if marked else "")
        note = " ← first difference" if marked else ""
        cells = "".join(f'<td style="{style}"><code>{html.escape(text)}</code></td>' for text in (expected, got))
        cells = cells.removesuffix("</td>") + note + "</td>"
        body += f'<tr><th scope="row" style="{style}">{html.escape(place)}</th>{cells}</tr>'
    return f'<table style="margin:4px 0;border-collapse:collapse"><tr>{header}</tr>{body}</table>'


def _first_difference(rows: Sequence[Sequence[str]]) -> int:
    return next((number for number, (_, expected, got) in enumerate(rows) if expected != got), -2)


def indented(text: str) -> list[str]:
    """Wrap a text into lines of at most 100 characters, four blanks before each."""
    return textwrap.wrap(text, 100, initial_indent="    ", subsequent_indent="    ")
