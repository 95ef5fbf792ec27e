"""Every term that a lesson sets in bold is in the glossary, with the chapter where it is bold first."""

import re
import unicodedata

import jupytext
from conftest import LESSONS, REPOSITORY

GLOSSARY = REPOSITORY / "authoring" / "glossary.md"
ROW = re.compile(r"^\| (?P<term>[^|]+?) \| (?P<chapter>\d\d) \| (?P<definition>.+?) \|$", re.M)
BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", re.S)

# Bold, but no term. A chapter that is rewritten uses italics for emphasis, and needs no line here.
NO_TERMS = {
    "labels of the second edition": """noisy popularity; sum of its similarities to the films that she watched; unit; δ;
        ε; ε adds up""",
    "emphasis": """all; clicks; earlier; fetches; for each visitor; last; not; old; ranked; saved""",
    "labels in lists": """behavior; change the future, and nothing before may move; k at full rank; one task;
        without the future; world 3""",
}
# Another form of a term -> the form in the glossary.
FORMS = {
    "annealed": "annealing",
    "approximate": "approximate search",
    "backs off": "backing off",
    "batched": "batch",
    "centered": "centering",
    "damped": "damping",
    "denoising": "denoising autoencoder",
    "explains away": "explaining away",
    "explicit": "explicit feedback",
    "five local steps": "local steps",
    "global time": "global time split",
    "greedy": "greedy choice",
    "implicit": "implicit feedback",
    "leaks": "leakage",
    "mean rating": "mean-rating baseline",
    "missing": "missing value",
    "multinomial": "multinomial likelihood",
    "per-user random": "per-user random split",
    "per-user time": "per-user time split",
    "popularity": "popularity baseline",
    "rényi": "Rényi differential privacy",
    "sampled": "sampled loss",
    "shifted by one": "shifted targets",
    "standardize": "standardization",
    "k-anonymous": "k-anonymity",
    "inverse propensity": "inverse propensity weighting",
    "self-normalizing": "self-normalized estimator",
    "pooled": "pooling",
    "relevant": "relevant item",
    "eckart and young": "Eckart-Young theorem",
    "sherman and morrison": "Sherman-Morrison formula",
    "compressed sparse rows": "compressed sparse row format",
    "gaussian": "Gaussian mechanism",
    "ε-differentially private": "differential privacy",
    "central": "central differential privacy",
    "local": "local differential privacy",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
    "leakyrelu": "LeakyReLU",
    "cgc": "customized gate control",
    "folded": "folded cell",
}


def key(term):
    """Normalize a term: case, a leading "the", simple plurals, and the k of a metric."""
    term = " ".join(term.split()).casefold()
    term = {form.casefold(): known.casefold() for form, known in FORMS.items()}.get(term, term)
    term = re.sub(r"@\d+", "@k", term.removeprefix("the "))
    return re.sub(r"(?<=[^s])s$", "", term)


def place(term):
    """Return what entries are sorted by: letters and digits alone, Greek letters by their names."""
    spelled = "".join(
        unicodedata.name(letter).split()[-1] if "GREEK" in unicodedata.name(letter) else letter for letter in term
    )
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", spelled).casefold())


NO_TERM_KEYS = {key(term) for terms in NO_TERMS.values() for term in terms.split(";")}


def bold_terms(markdown):
    """Return the keys of the bold terms of a text; labels end in a period, objectives have ids, scores no letter."""
    text = re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", " ", markdown, flags=re.S)
    text = re.sub(r"^> ?", "", text, flags=re.M)
    found = [" ".join(bold.split()) for bold in BOLD.findall(text)]
    no_term = re.compile(r".*[.:?]|[OPQ]\d+\.\d+|[\W\d_]*")
    return [key(bold) for bold in found if not no_term.fullmatch(bold) and key(bold) not in NO_TERM_KEYS]


def first_chapters():
    """Return {key of a term: number of the first chapter where it is bold}."""
    first = {}
    for lesson in LESSONS:
        cells = jupytext.read(lesson, fmt="py:percent").cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        for term in bold_terms(text):
            first.setdefault(term, lesson.parent.name[:2])
    return first


def entries():
    """Return the rows of the glossary as (term, chapter, definition)."""
    rows = [match.groups() for match in ROW.finditer(GLOSSARY.read_text(encoding="utf-8"))]
    return [(term.replace("\\|", "|"), chapter, definition) for term, chapter, definition in rows]


def test_every_bold_term_is_listed_with_its_first_chapter():
    listed = {key(term): chapter for term, chapter, _ in entries()}
    first = first_chapters()
    missing = sorted(f"{chapter}: {term}" for term, chapter in first.items() if term not in listed)
    row = "\nAdd a row in alphabetical order: | term | chapter | a sentence that defines it |"
    assert not missing, "bold in a lesson and not in the glossary:\n" + "\n".join(missing) + row
    wrong = [f"{term}: {listed[term]}, not {chapter}" for term, chapter in first.items() if listed[term] != chapter]
    assert not wrong, "first bold in another chapter (listed, right):\n" + "\n".join(wrong)


def test_every_entry_occurs_in_a_lesson():
    first = first_chapters()
    assert [term for term, _, _ in entries() if key(term) not in first] == []


def test_every_row_of_the_table_is_an_entry():
    rows = [line for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert len(rows) == len(entries()) + 2 > 100


def test_entries_are_sorted_and_none_is_repeated():
    terms = [term for term, _, _ in entries()]
    assert terms == sorted(terms, key=place)
    assert len({key(term) for term in terms}) == len(terms)


def test_every_definition_is_one_sentence():
    for term, _, definition in entries():
        assert re.match(r"[A-Z0-9`$]", definition) and definition.endswith("."), f"{term}: {definition}"
        assert not re.search(r"[.!?] [A-Z`$]", definition), f"{term}: more than one sentence"
        assert 5 <= len(definition.split()) <= 60, f"{term}: {len(definition.split())} words"


def test_every_exception_occurs_in_a_lesson():
    text = "\n".join(lesson.read_text(encoding="utf-8") for lesson in LESSONS).casefold()
    text = re.sub(r"\n# (> ?)?", " ", text)
    exceptions = [term.strip() for terms in NO_TERMS.values() for term in terms.split(";")] + list(FORMS)
    assert [term for term in exceptions if f"**{' '.join(term.split())}" not in text] == []


def test_labels_objectives_and_code_are_no_terms():
    text = (
        "**Why it works.** **O1.2** `2**31 % 2**32` a **gate**, the **Gates**, and **KL\ndivergence**, **.65** **No:**"
    )
    assert bold_terms(text) == ["gate", "gate", "kl divergence"]
