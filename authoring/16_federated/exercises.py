"""Chapter 16, Federated recommenders."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_teach.federated import (
    MODULUS,
    average_over_raters,
    client_gradient,
    clip_upload,
    masked_upload,
    read_upload,
    unmasked_sum,
)
from recsys_teach.learn.compare import same
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question


def same_ring(expected: Any, answer: Any, atol: float) -> str:
    """Compare whole numbers exactly, and show them whole: one off counts, although they have ten digits."""
    reason, wanted = same(expected, answer, atol), np.asarray(expected).astype(np.int64)
    try:
        got = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return reason
    if got.shape != wanted.shape:
        return reason
    wrong = np.flatnonzero(wanted != got)
    if not len(wrong):
        return ""
    place = wrong[0]
    close = "" if reason else " Whole numbers have to be exact."  # so close that other numbers would count as equal
    return f"position {place}: expected {wanted[place]}, got {got[place]:.15g}.{close}"


def _draw_phone(rng: np.random.Generator) -> tuple:
    return rng.normal(size=5), rng.permutation(5) < 3, rng.normal(size=2), rng.normal(size=(5, 2))


def _draw_uploads(rng: np.random.Generator) -> tuple:
    held = rng.random((4, 5)) < 0.5
    held[:2, 0], held[:, 4] = True, False
    return rng.normal(size=(4, 5, 2)) * held[..., None], held


def _draw_gradient(rng: np.random.Generator) -> tuple:
    known = rng.permutation(6) < 3
    return (-np.outer(known * rng.uniform(0.5, 2, size=6) * rng.choice([-1, 1], 6), [*rng.normal(size=2), 1]),)


def _symmetric_pads(n: int, m: int, rng: np.random.Generator) -> np.ndarray:
    pads = rng.integers(0, MODULUS, size=(n, n, m))
    upper = np.triu(np.ones((n, n), dtype=int), 1)[..., None] * pads
    return upper + upper.swapaxes(0, 1)


def _draw_mask(rng: np.random.Generator) -> tuple:
    values = rng.normal(scale=3, size=3).round(2)
    return values, int(rng.integers(1, 3)), rng.integers(1, MODULUS, size=(4, 3)), int(rng.integers(4, 10))


def _draw_sum(rng: np.random.Generator) -> tuple:
    values, bits, pads = rng.normal(scale=3, size=(4, 2)).round(2), int(rng.integers(4, 10)), _symmetric_pads(4, 2, rng)
    uploads = np.array([masked_upload(values[u], u, pads[u], bits) for u in range(4)], dtype=np.int64)
    alive = np.ones(4, dtype=bool)
    alive[rng.choice(4, size=rng.integers(1, 3), replace=False)] = False  # one leaves, or two
    return uploads, alive, pads, bits


def _draw_clip(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(3, 2)), float(rng.uniform(0.5, 4))


def _masked(values: np.ndarray, signs: np.ndarray, pads: np.ndarray, scale: float) -> np.ndarray:
    whole = np.round(values * scale).astype(np.int64)
    return (whole + (signs[:, None] * pads.astype(np.int64)).sum(axis=0)) % MODULUS


def _signs(client: int, pads: np.ndarray) -> np.ndarray:
    return np.sign(np.arange(len(pads)) - client)


def _ring_sum(
    uploads: np.ndarray, alive: np.ndarray, pads: np.ndarray, sign: int = -1, order: bool = True, most: int = 9
) -> np.ndarray:
    total = uploads[alive].sum(axis=0)
    for u in np.flatnonzero(alive):
        for v in np.flatnonzero(~alive)[:most]:
            total = total + sign * (np.sign(v - u) if order else 1) * pads[u, v]
    return total % MODULUS


def _signed(ring: np.ndarray, first: int = MODULUS // 2) -> np.ndarray:
    return np.where(ring >= first, ring - MODULUS, ring)


def _outcome(share: float) -> str:
    return "a" if share < 0.1 else "b" if share < 0.9 else "c"


VALUES, PADS = np.array([1.5, -2.0]), np.array([[10, 20], [0, 0], [5, 1]])
THREE = np.array([[[0], [7], [10]], [[7], [0], [20]], [[10], [20], [0]]])

CHAPTER = Chapter(
    number="16",
    title="Federated recommenders",
    objectives={
        "O16.1": "Compute the gradient that one phone uploads",
        "O16.2": "Average the uploads of an item over the phones that hold it",
        "O16.3": "Read the films and the private factors from one plain upload",
        "O16.4": "Add up uploads under pairwise masks, also when a phone drops out",
        "O16.5": "Bound one phone's upload by clipping",
    },
    exercises=[
        Exercise(
            "16.1", "One phone's gradient", objective="O16.1", level="core", minutes=7,
            reference=client_gradient,
            cases=[
                (np.array([2.0, 1.0, 0.0]), np.array([True, False, True]), np.array([1.0, 2.0]),
                 np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.5]])),
                (np.array([1.0, 3.0]), np.array([False, True]), np.array([2.0]), np.array([[1.0], [0.5]])),
                (np.array([0.0, -1.0]), np.array([True, False]), np.array([1.0, -1.0, 2.0]),
                 np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]])),  # a known rating of 0
                (np.array([4.0]), np.array([False]), np.array([2.0, 1.0]), np.array([[1.0, 0.0]])),  # nothing known
            ],
            draw=_draw_phone,
            why="Each known rating pulls its own item's row along x, as far as the error says; other rows stay.",
            hints=(
                "What is the error of each known item? And how does it change if the item's row grows a little?",
                "The slope by row i is -e_i x. Errors of unknown items must not count: set them to 0.",
                "errors = np.where(known, r - Q @ x, 0); return -np.outer(errors, x)",
            ),
            misconceptions={
                "You counted the errors of unknown items, too. Only known ratings have an error: set the others to 0.":
                    lambda r, known, x, Q: -np.outer(r - Q @ x, x),
                "The sign is reversed: the slope by row i is -e_i x, for a larger x·q_i lowers a positive error.":
                    lambda r, known, x, Q: -client_gradient(r, known, x, Q),
                "The sign is reversed, and unknown items count: the slope is -e_i x for known items, and 0 for the "
                "others.":
                    lambda r, known, x, Q: np.outer(r - Q @ x, x),
                "That is the slope of the whole squared error. Of half of it no 2 is left.":
                    lambda r, known, x, Q: 2 * client_gradient(r, known, x, Q),
                "That is the slope by x, with Q in place of x. The phone uploads the slope by the item rows.":
                    lambda r, known, x, Q: -np.where(known, r - Q @ x, 0)[:, None] * Q,
                "You added the items up. Each item's row has a slope of its own.":
                    lambda r, known, x, Q: client_gradient(r, known, x, Q).sum(axis=0),
                "Those are the rows of the known items alone. Send all rows, zeros for the others.":
                    lambda r, known, x, Q: client_gradient(r, known, x, Q)[known],
            },
        ),
        Exercise(
            "16.2", "The mean over holders", objective="O16.2", level="warm-up", minutes=5,
            reference=average_over_raters,
            cases=[
                (np.array([[[2.0], [0.0]], [[4.0], [6.0]]]), np.array([[True, False], [True, True]])),
                (np.array([[[0.0], [0.0]], [[4.0], [0.0]]]), np.array([[True, False], [True, False]])),
                (
                    np.array([[[3.0, -3.0], [0.0, 0.0], [2.0, 8.0]], [[6.0, 0.0], [0.0, 0.0], [0.0, 0.0]]]),
                    np.array([[True, True, True], [True, False, False]]),
                ),
                (np.array([[[3.0]], [[0.0]], [[9.0]]]), np.array([[True], [False], [True]])),
            ],
            draw=_draw_uploads,
            why="A phone without the film has nothing to say about it, so it does not belong into the mean.",
            hints=(
                "How many phones hold each item? That is a count for each column of held.",
                "Add the uploads over phones (axis 0), then divide row i by its count; where it is 0, divide by 1.",
                "uploads.sum(axis=0) / np.maximum(held.sum(axis=0), 1)[:, None]",
            ),
            misconceptions={
                "You divided by all phones. Those that do not hold the item add nothing, so they do not count.":
                    lambda uploads, held: uploads.mean(axis=0),
                "That is the sum. Divide each item's row by the number of its holders.":
                    lambda uploads, held: uploads.sum(axis=0),
                "An item that nobody holds has no mean: give zeros there, not NaN.":
                    lambda uploads, held: _plain_ratio(uploads, held.sum(axis=0)[:, None]),
                "A held row can be all zero, if its rating was predicted exactly: count by held.":
                    lambda uploads, held: uploads.sum(axis=0)
                    / np.maximum((uploads != 0).any(axis=2).sum(axis=0), 1)[:, None],
                "You counted the films of each phone, held.sum(axis=1). Count the phones of each film, axis 0.":
                    lambda uploads, held: uploads.sum(axis=0) / np.maximum(held.sum(axis=1), 1)[:, None],
                "You divided each upload by the number of its own items. Count the phones of each item.":
                    lambda uploads, held: (uploads / np.maximum(held.sum(axis=1), 1)[:, None, None]).sum(axis=0),
            },
        ),
        Exercise(
            "16.3", "What an upload tells", objective="O16.3", level="core", minutes=6,
            reference=read_upload,
            cases=[
                (np.array([[0.0, 0.0, 0.0], [-1.0, -2.0, -2.0], [0.5, 1.0, 1.0]]),),
                (np.array([[2.0, -2.0], [0.0, 0.0], [-1.0, 1.0], [0.0, 0.0]]),),
                (np.array([[0.0, -2.0, -1.0], [0.0, 0.0, 0.0], [0.0, 4e-4, 2e-4]]),),
                (np.array([[-2.0, 1.0, -1.0], [2.0, -1.0, 1.0], [0.0, 0.0, 0.0]]),),  # the errors cancel
                (np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [6.0, -2.0]]),),
            ],
            draw=_draw_gradient,
            why="Each row that is not zero names a film, and all of them are multiples of [p, 1].",
            hints=(
                "Which rows can a phone change at all? And what do those rows have in common?",
                "A row is -e_i [p, 1]. Its last number is -e_i: divide by it, and [p, 1] is left.",
                "items = np.flatnonzero((upload != 0).any(axis=1)); row = upload[items[0]]; row[:-1] / row[-1]",
            ),
            misconceptions={
                "p is still multiplied by the error. Divide the row by its last number, which is the error alone.":
                    lambda upload: (read_upload(upload)[0], upload[read_upload(upload)[0][0], :-1]),
                "The 1 at the end is the partner of the bias, not a factor: p is what stands before it.":
                    lambda upload: (read_upload(upload)[0], np.append(read_upload(upload)[1], 1)),
                "You divided the sum of the rows by the sum of their last numbers. Errors of both signs cancel there: "
                "divide one "
                "row.": lambda upload: (
                    read_upload(upload)[0], _plain_ratio(upload[:, :-1].sum(axis=0), upload[:, -1].sum())
                ),
                "You read p from row 0, which may be all zeros. Take a row of the items that you found.":
                    lambda upload: (read_upload(upload)[0], _plain_ratio(upload[0, :-1], upload[0, -1])),
                "np.nonzero of the table lists a row once for each of its numbers. Ask for rows: .any(axis=1) first.":
                    lambda upload: (np.nonzero(upload)[0], read_upload(upload)[1]),
                "That is one True or False a row. Asked are the positions of the rows: np.flatnonzero.":
                    lambda upload: ((upload != 0).any(axis=1), read_upload(upload)[1]),
                "The sign of p is reversed: -e p divided by -e is p.":
                    lambda upload: (read_upload(upload)[0], -read_upload(upload)[1]),
                "A row may start with 0 and still not be zero: look at all its numbers.":
                    lambda upload: (np.flatnonzero(upload[:, 0]), read_upload(upload)[1]),
                "A row may add up to 0 and still not be zero: look at its numbers, not at their sum.":
                    lambda upload: (np.flatnonzero(upload.sum(axis=1)), read_upload(upload)[1]),
                "A small row is a film, too, one that was predicted well: ask for all rows that are not zero.":
                    lambda upload: (np.flatnonzero(np.abs(upload).max(axis=1) > 1e-3), read_upload(upload)[1]),
                "You divided by the length of the row. Its last number is the one that should become 1.":
                    lambda upload: (read_upload(upload)[0], _by_length(upload)),
            },
        ),
        Exercise(
            "16.4", "A masked upload", objective="O16.4", level="core", minutes=9,
            reference=masked_upload,
            cases=[
                (VALUES, 1, PADS, 1),
                (np.array([0.4, -0.4]), 0, np.array([[99, 99], [2, 3]]), 2),
                (np.array([1.0, 2.0]), 1, np.array([[2**32 - 1, 5], [0, 0]]), 0),
                (np.array([0.75]), 0, np.array([[3], [1], [2]]), 3),
                (np.array([1.5, -2.0, 0.0]), 2, np.array([[1, 0, 7], [0, 0, 2], [7, 7, 7]]), 1),
            ],
            draw=_draw_mask,
            compare=same_ring,
            why="Seen alone, the number is a random one; in the sum two partners' pads cancel.",
            hints=(
                "First the whole number: values times 2**bits, rounded. Then + pads of later phones, - of earlier.",
                "Rows after client: pads[client + 1 :].sum(axis=0); rows before: pads[:client].sum(axis=0). "
                "% 2**32 comes last.",
                "whole = np.round(values * 2**bits).astype(int); "
                "(whole + pads[client + 1 :].sum(axis=0) - pads[:client].sum(axis=0)) % 2**32",
            ),
            misconceptions={
                "You added all pads. Both partners would add the same pad, and nothing cancels: one has to subtract.":
                    lambda values, client, pads, bits: _masked(values, np.abs(_signs(client, pads)), pads, 2.0**bits),
                "Your % applies to the pads alone, for it binds more strongly than +. Put the sum in brackets: (a + "
                "b) % 2**32.":
                    lambda values, client, pads, bits: np.round(values * 2.0**bits).astype(np.int64)
                    + (_signs(client, pads)[:, None] * pads.astype(np.int64)).sum(axis=0) % MODULUS,
                "Your signs are reversed: add the pads of later phones, subtract those of earlier ones.":
                    lambda values, client, pads, bits: _masked(values, -_signs(client, pads), pads, 2.0**bits),
                "Nothing is multiplied by 2**bits, so the fraction is lost.":
                    lambda values, client, pads, bits: _masked(values, _signs(client, pads), pads, 1.0),
                "The fraction is lost: multiply by 2**bits before you round.":
                    lambda values, client, pads, bits: _masked(values.round(), _signs(client, pads), pads, 2.0**bits),
                "bits is the exponent: multiply by 2**bits.":
                    lambda values, client, pads, bits: _masked(values, _signs(client, pads), pads, bits),
                "bits is the exponent: 2**bits, not 2 * bits.":
                    lambda values, client, pads, bits: _masked(values, _signs(client, pads), pads, 2 * bits),
                "You went down to the next whole number. Round: going down moves every number one way, and sums drift.":
                    lambda values, client, pads, bits: _masked(
                        np.floor(values * 2.0**bits), _signs(client, pads), pads, 1.0
                    ),
                "Take the result modulo 2**32: outside of 0 to 2**32 - 1 its size gives hints.":
                    lambda values, client, pads, bits: np.round(values * 2.0**bits).astype(np.int64)
                    + (_signs(client, pads)[:, None] * pads).sum(axis=0),
                "You cut the fraction off. Round: cutting moves every number the same way, and sums drift.":
                    lambda values, client, pads, bits: _masked(
                        np.trunc(values * 2.0**bits), _signs(client, pads), pads, 1.0
                    ),
                "You added the phone's row of pads for itself. It shares pads with the other phones only.":
                    lambda values, client, pads, bits: _masked(
                        values, np.where(np.arange(len(pads)) >= client, 1, -1), pads, 2.0**bits
                    ),
                "There are no pads in it: that is the encoded upload, for everybody to read.":
                    lambda values, client, pads, bits: _masked(values, 0 * _signs(client, pads), pads, 2.0**bits),
            },
        ),
        Exercise(
            "16.5", "The sum without the one who left", objective="O16.4", level="core", minutes=9,
            reference=unmasked_sum,
            cases=[
                (np.array([[20], [9], [0]]), np.array([True, True, False]), THREE, 1),
                (np.array([[20], [0], [2**32 - 28]]), np.array([True, False, True]), THREE, 1),
                (np.array([[20], [9], [2**32 - 28]]), np.array([True, True, True]), THREE, 1),
                (np.array([[0], [9], [0]]), np.array([False, True, False]), THREE, 1),
                (np.array([[2**31 - 5, 2**30], [5, 2]]), np.array([True, True]), np.zeros((2, 2, 2), dtype=int), 1),
                (np.array([[105], [0]]), np.array([True, False]), np.array([[[0], [100]], [[100], [0]]]), 2),
                (np.array([[3, 3], [2**32 - 8, 1]]), np.array([False, True]),
                 np.array([[[0, 0], [4, 5]], [[4, 5], [0, 0]]]), 3),
            ],
            draw=_draw_sum,
            why="Pads between two that came cancel by themselves; those with a missing partner are taken off by hand.",
            hints=(
                "Add the rows that came. Which pads have found no partner, and with which sign are they in the sum?",
                "For each u that came and v that did not: u added pads[u, v] if v is later, else subtracted it. "
                "Undo that; then modulo 2**32, and what is at least 2**31 is negative.",
                "total = uploads[alive].sum(axis=0); total -= np.sign(v - u) * pads[u, v] for each such pair; "
                "total %= 2**32; np.where(total >= 2**31, total - 2**32, total) / 2**bits",
            ),
            misconceptions={
                "The pads of the phone that left are still in the sum: take them off.":
                    lambda uploads, alive, pads, bits: _signed(uploads[alive].sum(axis=0) % MODULUS) / 2.0**bits,
                "You put the pads in a second time. What a phone added has to be subtracted.":
                    lambda uploads, alive, pads, bits: _signed(_ring_sum(uploads, alive, pads, sign=1)) / 2.0**bits,
                "You subtracted every pad. A phone that comes after the one that left had subtracted it: add it back.":
                    lambda uploads, alive, pads, bits: (
                        _signed(_ring_sum(uploads, alive, pads, order=False)) / 2.0**bits
                    ),
                "You removed the pads of the first missing phone only. Go through all phones that are missing.":
                    lambda uploads, alive, pads, bits: (
                        _signed(_ring_sum(uploads, alive, pads, most=1)) / 2.0**bits
                    ),
                "2**31 itself is negative already: ask for >= 2**31.":
                    lambda uploads, alive, pads, bits: (
                        _signed(_ring_sum(uploads, alive, pads), MODULUS // 2 + 1) / 2.0**bits
                    ),
                "Numbers below 2**31 stay positive. Yours become negative earlier.":
                    lambda uploads, alive, pads, bits: _signed(_ring_sum(uploads, alive, pads), 2**30) / 2.0**bits,
                "A number modulo 2**32 that is 2**31 or more stands for a negative one: subtract 2**32 from it.":
                    lambda uploads, alive, pads, bits: _ring_sum(uploads, alive, pads) / 2.0**bits,
                "Those are whole numbers still. Divide by 2**bits.":
                    lambda uploads, alive, pads, bits: _signed(_ring_sum(uploads, alive, pads)).astype(float),
                "Take the total modulo 2**32 before you read it: sums of pads exceed 2**32 many times.":
                    lambda uploads, alive, pads, bits: _without_modulo(uploads, alive, pads) / 2.0**bits,
            },
        ),
        Exercise(
            "16.6", "Clip an upload", objective="O16.5", level="core", minutes=5,
            reference=clip_upload,
            cases=[
                (np.array([[3.0, 0.0], [0.0, 4.0]]), 1.0),
                (np.array([[3.0, 0.0], [0.0, 4.0]]), 10.0),
                (np.zeros((2, 2)), 1.0),
                (np.array([[3.0, 4.0], [6.0, 8.0]]), 5.0),
                (np.array([[1.0, -2.0, 2.0]]), 1.5),
                (np.array([[0.3], [-0.4]]), 0.5),  # exactly as long as allowed
            ],
            draw=_draw_clip,
            why="The direction stays, the length is bounded: nobody moves the sum by more than C.",
            hints=(
                "How long is the whole upload, all numbers together? What if it is shorter than allowed?",
                "np.linalg.norm(upload) is the root of the sum of all squares. Shrink only if it is above longest.",
                "length = np.linalg.norm(upload); upload * longest / length if length > longest else upload",
            ),
            misconceptions={
                "You cut each number separately: all together they may still be far longer than C.":
                    lambda upload, longest: np.clip(upload, -longest, longest),
                "You shortened each row separately. The upload of a phone with many films may still be far longer "
                "than C.":
                    lambda upload, longest: upload
                    * np.minimum(1, longest / np.maximum(np.linalg.norm(upload, axis=1, keepdims=True), 1e-12)),
                "A short upload must stay as it is: you stretched it to length C.":
                    lambda upload, longest: upload * longest / max(float(np.linalg.norm(upload)), 1e-12),
                "A short upload must stay as it is, and one of zeros has no length to divide by.":
                    lambda upload, longest: _plain_ratio(upload * longest, np.linalg.norm(upload)),
                "That is the squared length: take the root.":
                    lambda upload, longest: upload * min(1, longest / max(float((upload**2).sum()), 1e-12)),
                "You measured by the sum of absolute values. Gaussian noise goes by the root of the sum of squares.":
                    lambda upload, longest: upload * min(1, longest / max(float(np.abs(upload).sum()), 1e-12)),
                "An upload of zeros has length 0: do not divide by it, give zeros.":
                    lambda upload, longest: _plain_ratio(upload, max(1, np.linalg.norm(upload) / longest))
                    if upload.any()
                    else upload * np.nan,
                "You threw the long upload away. Shorten it: its direction is still good.":
                    lambda upload, longest: upload * (np.linalg.norm(upload) <= longest),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P16.1",
            "A phone sends no rating, only the slopes of its loss by the film factors. What share of its films can the "
            "server read from that?",
            {
                "a": "hardly any",
                "b": "about a half, those that were predicted badly",
                "c": "all of them",
            },
            outcome=_outcome,
        ),
    ],
    quiz=[
        Question(
            "O16.1", "What does the server need to make the same step as a central one would?",
            {
                "a": ("All ratings.", "No: they are only needed where they are."),
                "b": ("The sum of the phones' gradients.", "Right: the loss is a sum over people, so is its gradient."),
                "c": ("All people's factors.", "Each phone solves its own; the gradient has done its work there."),
            },
            answer="b",
        ),
        Question(
            "O16.2", "Why do rarely rated films move so slowly under the plain mean over all phones?",
            {
                "a": ("Their phones are slow.", "All phones answer in the same round."),
                "b": ("Their gradients are noisy.", "Noise is no reason for a short step."),
                "c": ("Nearly all phones send zeros for them, and these are counted.",
                      "Right: the sum is divided by everybody."),
            },
            answer="c",
        ),
        Question(
            "O16.3", "An upload is sent over an encrypted connection to the server, unmasked. Who can read the films?",
            {
                "a": ("The server.", "Right: it holds the key of the connection, and the rows name the films."),
                "b": ("Nobody: only gradients were sent.", "The gradient's non-zero rows are the films."),
                "c": ("Only the phone.", "Then the server could not use the upload."),
            },
            answer="a",
        ),
        Question(
            "O16.4", "A phone sends its masked upload, but late: the others have given its seeds away. What follows?",
            {
                "a": ("Nothing, the pads are random.", "The server knows those seeds now."),
                "b": ("The server can take the pads off and read it.",
                      "Right: therefore the full protocol has a second mask."),
                "c": ("The sum is wrong.", "The sum was finished without it."),
            },
            answer="b",
        ),
        Question(
            "O16.5", "Uploads are clipped to C and the sum gets noise; ε = 8 at user level. Which statement is right?",
            {
                "a": ("Somebody with 700 ratings has the same promise as somebody with 20.",
                      "Right: the whole upload is clipped, so the whole person is hidden."),
                "b": ("It protects one rating at ε = 8, and a person of 700 ratings by 700 times as much.",
                      "That holds at example level."),
                "c": ("It protects the films and not the stars.", "It makes no such difference."),
            },
            answer="a",
        ),
    ],
)  # fmt: skip


def _plain_ratio(a: np.ndarray, b: Any) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(a.sum(axis=0) if a.ndim == 3 else a) / b


def _by_length(upload: np.ndarray) -> np.ndarray:
    row = upload[np.abs(upload[:, -1]).argmax()]
    return row[:-1] / np.linalg.norm(row)


def _without_modulo(uploads: np.ndarray, alive: np.ndarray, pads: np.ndarray) -> np.ndarray:
    total = uploads[alive].sum(axis=0)
    for u in np.flatnonzero(alive):
        for v in np.flatnonzero(~alive):
            total = total - np.sign(v - u) * pads[u, v]
    return total
