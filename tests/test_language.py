"""Plain words: one list of words that the course avoids, for code, documents and rewritten chapters.

The list follows the course's rules for its English: the field's terms, contemporary words in their usual sense, and
American spelling. A chapter is checked once the front matter of its lesson has the line ``edition: 2``.

To change the list, edit :data:`AVOIDED`. A use that is right goes to :data:`ALLOWED`, with the reason.
"""

import ast
import io
import re
import tokenize

import pytest
from conftest import LESSONS, REPOSITORY

# What is avoided -> what to write instead. A space in a pattern stands for any white space, also a line break.
AVOIDED = {
    # a common word in a rare sense
    r"came": "got, returned, arrived, occurred",
    r"mend(?:s|ed|ing)?": "fix, correct",
    r"weigh(?:s|ed|ing)?": "weight, weights, weighted",
    r"anew": "again",
    r"told (?:from|apart)": "distinguished from",
    r"tell(?:s|ing)? (?:\w+ ){0,3}apart": "distinguish",
    r"tell(?:s|ing)? (?:it|them|one|both|each|the two) from": "distinguish from",
    r"holds?": "contains, has, stores",
    r"held": "contained, had, stored",
    r"met": "interacted with",
    r"chances?": "probability",
    r"said": "output, returned, wrote",
    r"r[au]n(?:s|ning)? away": "diverged",
    r"pull(?:s|ed|ing)?": "gradient, moves",
    r"dear(?:er|est)?": "costly, expensive",
    r"of (?:its|their|his|her|\w+['’]s|\w+s['’]) own": "separate, used only by ...",
    r"stands?|stood": "is, is listed, appears",
    r"whole": "all, complete",
    r"twins?": "single-task baseline",
    r"well-kept": "well-maintained",
    # words that add nothing
    r"simply|obviously|drastically|just|clearly|trivially|of course": "nothing: leave the word out",
    r"(?<=\w)!(?= |$|[\"')])": "a period",
    # British spelling
    r"(?:behavi|col|fav|flav|harb|hon|hum|lab|neighb|rum|vap|vig)our\w*": "-or",
    r"(?:anal|catal|paral)ys(?:e[ds]?|ing)": "-yze",
    r"(?:anonym|categor|character|emphas|equal|factor|final|general|initial|local|maxim|memor|minim|normal|optim|"
    r"organ|parametr|penal|personal|polar|prior|priorit|quant|random|real|recogn|regular|serial|special|standard|"
    r"summar|token|util|vector|visual)is(?:e|ed|er|ers|es|ing|ation|ations)": "-ize",
    r"(?:cancel|label|level|model|signal|total|travel|tunnel)l(?:ed|er|ers|ing)": "one l",
    r"(?:cent|fib|lit|met|theat)re[ds]?": "-er",
    r"(?:catalog|analog)ue[ds]?": "-og",
    r"(?:defen|licen|offen|preten)ce[ds]?": "-se",
    r"(?:acknowledge|judge)ment\w*": "-dgment",
    r"grey(?:s|ed|er)?": "gray",
    r"artefacts?|fulfil|skilful|ageing|programmes?|cheques?|tyres?": "the American spelling",
    r"learnt|spelt|whilst|amongst|towards|practis(?:e[ds]?|ing)": "the American form",
}

# A right use -> why. It is blanked out before the list is applied.
ALLOWED = {
    r"came (?:true|from|(?:soon |right |next )?(?:after|before)|first|last|next|soon|out of|up)": "to come",
    r"h[eo]ld(?:s|ing)?[ -]out": "the field's term",
    r"(?:does|do|did|must|should|will|would|to) (?:not )?hold(?= [a-z]+ seeds|[.,;:) ]*$)": "a statement that holds",
    r"h[eo]lds? (?:a|the) lock": "the usual verb for locks",
    r"\[(?:does not )?holds?(?: here)?\]": "the mark of a claim",
    r"holds?(?=[.,;:)]| (?:for|if|when|with|only|here|over|everywhere|true|whatever|within|and)\b)": "is true",
    r"h[eo]ld (?:\w+ ){0,3}(?:fixed|constant)": "a variable that is held fixed",
    r"(?:goal|condition|requirement|target|criteri)\w* (?:\w+ ){0,2}met|met (?:by|the) (?:goal|condition|target)s?":
        "a requirement that is met",
    r"\0\s*met\s*\0": "the complete text of a string: the verdict on a goal",
    r"(?:by|than|to|of|pure) chance|chance (?:level|to)": "luck, or an opportunity",
    r"(?:(?-i:[A-Z][a-z]+)|he|she|they|who|people|authors?) said|that said,|as said": "what a person said",
    r"git pull|pull requests?": "commands and terms of git",
    r"pull(?:s|ed|ing)? (?:\w+ ){0,3}(?:toward|down|up)": "a mean or weight that is moved",
    r"stands? (?:for|in for)|standing": "represents, or replaces",
    r"whole numbers?|as a whole|on the whole": "integers, and fixed phrases",
    r"(?:an?|the|this|that|one|its|their|your|each) whole [a-z]+(?<!s)": "one thing, complete",
    r"just (?:before|after|above|below|as|like|arrived|joined|created|made|finished)": "a place, a time, a comparison",
    r"uncertainty to weigh losses": "the title of an article",
    r"held :|\0\s*held\s*\0": "the name of an argument",
    r"nearest_neighbours": "a module of the library implicit",
    r"\*Harbour\*|Letter Harbour|Neighbour Wedding": "titles of films in the world, which are data",
}  # fmt: skip

# Parts of names, split at underscores and capitals; and names that another library asks for.
ALLOWED_NAMES = {"pull_messages"}  # Flower
AVOIDED_IN_NAMES = r"came|mend|mended|weighed|anew|met|chances?|said|dear|twins?|pulls?|pulled"
BRITISH = "|".join(pattern for pattern in AVOIDED if AVOIDED[pattern].startswith(("-", "one l", "gray", "the Amer")))

CODE = "\0"  # what separates one text from the next
DOCSTRING_VERB = re.compile(r"\"\"\"\s*(Gives?)\b")


def pattern(text):
    return text.replace(" ", r"\s+")


WORDS = {
    re.compile(rf"(?<![\w-])(?:{pattern(text)})(?![\w-])", re.I): write
    for text, write in AVOIDED.items()
    if "!" not in text
}
WORDS |= {re.compile(pattern(text)): write for text, write in AVOIDED.items() if "!" in text}
RIGHT = re.compile("|".join(rf"(?<!\w)(?:{pattern(text)})" for text in ALLOWED), re.I | re.M)
NAME = re.compile(rf"(?:{AVOIDED_IN_NAMES}|{BRITISH})", re.I)


def blank(match):
    """Keep the length and the lines of a text that does not count."""
    return re.sub(r"\S", CODE, match[0])


def prose_of_python(source):
    """Return the source with all but comments and strings blanked out, character for character."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    masked = list(re.sub(r"[^\s]", CODE, source))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind not in ("COMMENT", "STRING", "FSTRING_MIDDLE", "TSTRING_MIDDLE", "FSTRING_START", "FSTRING_END"):
            continue
        text = token.string
        if kind in ("FSTRING_START", "FSTRING_END"):
            text = " " * len(text)
        elif kind == "COMMENT":
            text = re.sub(r"^#+", lambda marks: " " * len(marks[0]), text)
        elif kind == "STRING":
            text = re.sub(r"^\w*", lambda prefix: " " * len(prefix[0]), text)
            text = re.sub(r"^(\s*)(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')$", lambda quote: " " * len(quote[0]), text)
            if "f" in token.string.split(token.string.lstrip("rRbBfFuU")[0])[0].lower():
                text = re.sub(r"\{[^{}]*\}", blank, text)
        text = re.sub(r"\\[ntr]", "  ", text)
        start = starts[token.start[0] - 1] + token.start[1]
        masked[start : start + len(text)] = text
    return re.sub(r"``[^`]+``|`[^`\n]+`|https?://\S+", blank, "".join(masked))


def prose_of_markdown(source):
    """Return a document with its code, links and formulas blanked out, character for character."""
    return re.sub(r"```.*?```|`[^`\n]+`|https?://[^\s)]+|\]\([^)]*\)|\$[^$\n]+\$", blank, source, flags=re.S)


def words_in(prose):
    """Yield (line, word, what to write) for each avoided word of a text."""
    prose = RIGHT.sub(blank, prose)
    for word, write in WORDS.items():
        for found in word.finditer(prose):
            yield prose.count("\n", 0, found.start()) + 1, " ".join(found[0].split()), write


def names_in(source):
    """Yield (line, name, what to write) for each name that is defined and has an avoided part."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = node.attr
        else:
            continue
        parts = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).split("_")
        if name not in ALLOWED_NAMES and any(map(NAME.fullmatch, parts)):
            yield node.lineno, name, "another name"


def findings(path):
    """List the avoided words and names of a file, as "file:line: word (write: ...)"."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        found = {*words_in(prose_of_python(source)), *names_in(source)}
        for verb in DOCSTRING_VERB.finditer(source):
            line = source.count("\n", 0, verb.start(1)) + 1
            found.add((line, verb[1], "return, compute, build, as the first word of a docstring"))
    else:
        found = set(words_in(prose_of_markdown(source)))
    name = path.relative_to(REPOSITORY).as_posix() if path.is_relative_to(REPOSITORY) else path.name
    return [f"{name}:{line}: {word} (write: {write})" for line, word, write in sorted(found)]


def is_second_edition(lesson):
    """Whether the front matter of a lesson has the line ``edition: 2``."""
    front = re.match(r"# ---\n(?:#.*\n)*?# ---\n", lesson.read_text(encoding="utf-8"))
    return bool(front and re.search(r"^#\s+edition: 2\s*$", front[0], re.M))


DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "authoring/conventions.md", "authoring/glossary.md")
FILES = [
    *(REPOSITORY / name for name in DOCUMENTS),
    REPOSITORY / "course.py",
    *sorted((REPOSITORY / "recsys_teach").rglob("*.py")),
    *sorted((REPOSITORY / "authoring").glob("*.py")),
    *sorted((REPOSITORY / "benchmarks").glob("*.py")),
]
REWRITTEN = [
    file for lesson in LESSONS if is_second_edition(lesson) for file in (lesson, lesson.with_name("exercises.py"))
]


@pytest.mark.parametrize("path", [*FILES, *REWRITTEN], ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_no_avoided_word(path):
    found = findings(path)
    assert not found, "\n" + "\n".join(found)


# --- the lint itself --------------------------------------------------------------------------------------------


def found_in(tmp_path, text, name="made_up.py"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return [finding.partition(" (write")[0] for finding in findings(tmp_path / name)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('x = 1\nraise ValueError("Expected a; came b")', ["made_up.py:2: came"]),
        ('x = (\n    "a film that they "\n    "met"\n)', ["made_up.py:3: met"]),
        ("x = 1  # the chance of a click", ["made_up.py:1: chance"]),
        ('f"the row {i} holds {x}"', ["made_up.py:1: holds"]),
        ('"""Sum up.\n\nEach task has experts of\nits own.\n"""', ["made_up.py:3: of its own"]),
        ('def f():\n    """Give the mean."""', ["made_up.py:2: Give"]),
        ("n_met = 1", ["made_up.py:1: n_met"]),
        ("def f(twin_auc): ...", ["made_up.py:1: twin_auc"]),
        ("self.colour = 1", ["made_up.py:1: colour"]),
        ("# normalised by the neighbours", ["made_up.py:1: neighbours", "made_up.py:1: normalised"]),
        ("# whole rows", ["made_up.py:1: whole"]),
        ("# what the model said", ["made_up.py:1: said"]),
        ('"It works!"', ["made_up.py:1: !"]),
    ],
)
def test_a_planted_word_is_found_with_its_line(tmp_path, source, expected):
    assert found_in(tmp_path, source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "# Hold out a fifth of the events; the held-out part is scored",
        "# the claim holds for every seed",
        "# a whole number, and the whole catalog",
        "# the gain may be due to chance",
        "# a pull request",
        "# u stands for a user",
        "# three goals are met",
        'verdict = "met" if seconds < 1 else "missed"',
        "# Ada said so",
        '"""Return what the model gives."""',
        "metric = method = passed = 1",
        "import numpy as np\nnp.met.said(x)",
        'f"the row {met}"',
        "# ``came`` is avoided",
        'x != 1 and "!=" != "a != b"',
        "# prediction, promise, precise, exercise, otherwise, parameter",
    ],
)
def test_an_allowed_use_is_not_found(tmp_path, source):
    assert found_in(tmp_path, source) == []


def test_documents_are_read_without_their_code(tmp_path):
    text = "# Title\n\nWrite `came` in code, and\n```\nthe chance\n```\nnot the chance.\n"
    assert found_in(tmp_path, text, "made_up.md") == ["made_up.md:7: chance"]


def test_a_chapter_counts_once_its_front_matter_says_second_edition(tmp_path):
    lesson = tmp_path / "lesson.py"
    head = '# ---\n# jupyter:\n#   recsys_teach:\n#     chapter: "11"\n{}# ---\n\n# %% [markdown]\n# edition: 2\n'
    lesson.write_text(head.format("#     edition: 2\n"), encoding="utf-8")
    assert is_second_edition(lesson)
    lesson.write_text(head.format(""), encoding="utf-8")
    assert not is_second_edition(lesson)


def test_every_allowed_use_has_a_reason_and_names_what_is_avoided():
    assert all(ALLOWED.values()) and all(AVOIDED.values())
