"""Store a fitted model without pickle, and serve recommendations over HTTP on this machine. Built in chapter 19."""

import hashlib
import hmac
import io
import json
import re
import secrets
import threading
import zipfile
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach._validation import check_integer
from recsys_teach.data.interactions import Interactions
from recsys_teach.evaluation.ranking import top_k
from recsys_teach.files import write_whole
from recsys_teach.models.base import Recommender, check_parameters
from recsys_teach.models.ease import EASE
from recsys_teach.models.implicit import IALS
from recsys_teach.models.popularity import Popularity
from recsys_teach.security import AuditLog

# The models that can be stored, with the axes of each fitted array. Nothing else is ever created from a file.
LAYOUTS: dict[type[Recommender], dict[str, tuple[str, ...]]] = {
    Popularity: {"popularity_": ("items",)},
    EASE: {"item_weights_": ("items", "items")},
    IALS: {"user_factors_": ("users", "factors"), "item_factors_": ("items", "factors")},
}
CARD = "card.json"
MAX_K = 100  # longest list in one request
MAX_EVENTS = 10_000  # new events that a service keeps in memory
HOST = "127.0.0.1"  # this machine alone


class StoredModel(NamedTuple):
    """A model that was loaded, with the ids of its axes and the digest of its card."""

    model: Recommender
    user_ids: pd.Index
    item_ids: pd.Index
    digest: str


def save_model(model: Recommender, interactions: Interactions, folder: Path) -> str:
    """Write a fitted model as plain arrays and a card in JSON. Built by hand in chapter 19.

    The arrays go to a new file whose name is its SHA-256, and then the card is replaced in one step. A reader sees the
    old model or the new one, never half of each.

    Parameters
    ----------
    model : Popularity, EASE or IALS
        A fitted model.
    interactions : Interactions
        The training set, with integer ids, which names the rows and columns.
    folder : Path
        Where to write. It is created if it is missing.

    Returns
    -------
    str
        The digest of the card, which stands for the whole model: keep it where the folder's writer cannot write.

    Raises
    ------
    TypeError
        If the model is of another class.
    ValueError
        If the model is not fitted, was fitted to another number of users or items, or ids are not integers.
    """
    if type(model) not in LAYOUTS:
        raise TypeError(f"Expected one of {', '.join(_names())}; got {type(model).__name__}. Add it to LAYOUTS.")
    shape = model.seen_.shape if hasattr(model, "seen_") else None
    if shape != interactions.shape:
        raise ValueError(
            f"Expected a model fitted to {interactions.shape} users x items; got {shape or 'one without fit'}. "
            "Pass the interactions of its fit."
        )
    axes = {"user_ids": interactions.user_ids, "item_ids": interactions.item_ids}
    for name, ids in axes.items():
        if not pd.api.types.is_integer_dtype(ids):
            raise ValueError(f"Expected integer {name}; got {ids.dtype}. Build the interactions with integer ids.")
    arrays = {name: np.asarray(getattr(model, name)) for name in LAYOUTS[type(model)]}
    arrays |= {name: np.asarray(ids, dtype=np.int64) for name, ids in axes.items()}
    arrays |= {"seen_indptr": model.seen_.indptr, "seen_indices": model.seen_.indices}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    name = hashlib.sha256(buffer.getvalue()).hexdigest()
    card = {"model": type(model).__name__, "parameters": model.get_params(), "sha256": name}
    text = json.dumps(card, indent=1, sort_keys=True) + "\n"
    write_whole(Path(folder) / f"{name}.npz", buffer.getvalue())
    write_whole(Path(folder) / CARD, text)
    return hashlib.sha256(text.encode()).hexdigest()


def load_model(folder: Path, *, digest: str | None = None) -> StoredModel:
    """Read a model that :func:`save_model` wrote, and check every part of it. Built by hand in chapter 19.

    The file is read as arrays of numbers; nothing in it is executed.

    Parameters
    ----------
    folder : Path
        The folder of the model.
    digest : str, optional
        What ``save_model`` returned. Without it, damage is found, but not a model that somebody else wrote with care.

    Returns
    -------
    StoredModel
        The model and its ids.

    Raises
    ------
    FileNotFoundError
        If there is no card, or the file that it names is missing.
    ValueError
        If the digest, the bytes, the class, a parameter, a name or a shape is not as expected.
    """
    folder = Path(folder)
    card = _read(folder / CARD)
    got = hashlib.sha256(card).hexdigest()
    if digest is not None and not hmac.compare_digest(digest, got):
        raise ValueError(
            f"Expected a model with the digest {digest[:12]}…; got {got[:12]}…. Somebody changed it: ask who, or pass "
            "the digest of the new one."
        )
    model_class, parameters, name = _checked_card(card)
    data = _read(folder / f"{name}.npz")  # read once, so what was checked is what is used
    if hashlib.sha256(data).hexdigest() != name:
        raise ValueError(
            f"Expected the bytes whose SHA-256 is the file's name, {name[:12]}…; got other bytes. The file was changed "
            "or damaged: save the model again."
        )
    arrays = _arrays(data, {*LAYOUTS[model_class], "user_ids", "item_ids", "seen_indptr", "seen_indices"})
    model = model_class(**parameters)
    check_parameters(model)
    _fill(model, arrays)
    return StoredModel(model, pd.Index(arrays["user_ids"]), pd.Index(arrays["item_ids"]), got)


def _names() -> list[str]:
    return [model_class.__name__ for model_class in LAYOUTS]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected the file {path.name} in {path.parent}; it is missing. Write it with save_model(model, "
            "interactions, folder)."
        ) from None


def _checked_card(data: bytes) -> tuple[type[Recommender], dict[str, Any], str]:
    """Return the class, its parameters and the name of the file, after checking each."""
    try:
        card = json.loads(data)
        wanted, parameters, name = card["model"], dict(card["parameters"]), str(card["sha256"])
    except (ValueError, TypeError, KeyError):
        raise ValueError(
            f"Expected in {CARD} the model, its parameters and a SHA-256; got something else. Save the model again."
        ) from None
    classes = {model_class.__name__: model_class for model_class in LAYOUTS}
    if wanted not in classes:
        raise ValueError(f"Expected one of the models {', '.join(classes)}; got {wanted!r}. Do not load this file.")
    known = classes[wanted]().get_params()
    if set(parameters) != set(known):
        raise ValueError(
            f"Expected the parameters {', '.join(sorted(known))}; got {', '.join(sorted(parameters)) or 'none'}. "
            "Save the model again with this version of the course."
        )
    if not re.fullmatch("[0-9a-f]{64}", name):  # a path such as ../../other must not leave the folder
        raise ValueError(f"Expected a SHA-256 of 64 hexadecimal digits; got {name[:80]!r}. Do not load this file.")
    return classes[wanted], parameters, name


def _arrays(data: bytes, names: set[str]) -> dict[str, np.ndarray]:
    """Read exactly the named arrays. Pickled objects are refused by numpy."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            if set(file.files) != names:
                raise ValueError(f"it has the arrays {', '.join(sorted(file.files))}")
            return {name: file[name] for name in names}
    except (ValueError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(
            f"Expected the arrays {', '.join(sorted(names))}, of numbers; got a file that cannot be used: {error}. "
            "Do not load it: save the model again."
        ) from None


def _fill(model: Recommender, arrays: dict[str, np.ndarray]) -> None:
    """Set the fitted arrays of a model, after checking their shapes and values."""
    sizes = {"users": arrays["user_ids"].size, "items": arrays["item_ids"].size}
    axes = {**LAYOUTS[type(model)], "user_ids": ("users",), "item_ids": ("items",)}
    if "factors" in str(axes):
        sizes["factors"] = model.get_params()["n_factors"]
    for name, dimensions in axes.items():
        expected = tuple(sizes[dimension] for dimension in dimensions)
        array, kind = arrays[name], "i" if name.endswith("_ids") else "f"
        if array.shape != expected or array.dtype.kind != kind or not np.isfinite(array).all():
            raise ValueError(
                f"Expected {name} as finite numbers of shape {expected}; got shape {array.shape} and dtype "
                f"{array.dtype}. Save the model again."
            )
        if kind == "f":
            setattr(model, name, array)
        elif len(np.unique(array)) < len(array):
            raise ValueError(f"Expected each of the {name} once; got one twice. Save the model again.")
    indptr, indices = arrays["seen_indptr"], arrays["seen_indices"]
    try:
        ones = np.ones(indices.shape)
        model.seen_ = sparse.csr_array((ones, indices, indptr), shape=(sizes["users"], sizes["items"]))
        model.seen_.check_format(full_check=True)
    except (ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"Expected the histories of {sizes['users']} users with positions of {sizes['items']} items; got arrays "
            f"that do not fit: {error}. Save the model again."
        ) from None
    if isinstance(model, EASE):
        model.matrix_ = model.seen_


class RecommendationService:
    """Answer requests with a stored model, fold in new events, and swap the model. Built by hand in chapter 19.

    It knows nothing about HTTP: :func:`create_app` connects it to requests. Its methods may run in several threads.

    Parameters
    ----------
    folder : Path
        The folder of the model.
    digest : str, optional
        The digest that the first model must have.

    Attributes
    ----------
    audit : AuditLog
        The digests of the models that were served.
    """

    def __init__(self, folder: Path, *, digest: str | None = None):
        self.folder = Path(folder)
        self.audit = AuditLog()
        self._stored = load_model(self.folder, digest=digest)
        # ids, not positions, because another model may order its items differently
        self._events: dict[int, set[int]] = {}
        self._n_events = 0
        self._lock = threading.Lock()
        self.audit.append({"what": "start", "digest": self._stored.digest})

    @property
    def digest(self) -> str:
        """The digest of the model that is served."""
        return self._stored.digest

    def recommend(self, user: int, k: int = 10) -> dict[str, Any]:
        """Rank the k best items for a user, without those that the user has interacted with.

        Parameters
        ----------
        user : int
            Id of the user.
        k : int, default=10
            Length of the list, from 1 to ``MAX_K``; the list is shorter if the catalog is.

        Returns
        -------
        dict
            "user", "items" (ids, best first) and "model" (the digest). No scores: they would help to copy the model.

        Raises
        ------
        LookupError
            If the user is neither in the model nor in a new event.
        """
        check_integer("k", k, 1, MAX_K)
        stored = self._stored  # once: a swap during this request has no effect on it
        with self._lock:
            new = sorted(self._events.get(user, ()))
        row = np.zeros((1, len(stored.item_ids)))
        if user in stored.user_ids:
            row[0, stored.model.seen_[[stored.user_ids.get_loc(user)]].indices] = 1
        elif not new:
            raise LookupError(
                f"Expected the id of a user with a history; got {user}, who has none. Send an event of this user first."
            )
        positions = stored.item_ids.get_indexer(new)
        row[0, positions[positions >= 0]] = 1
        ranked = top_k(_score(stored.model, row), min(k, row.shape[1]), sparse.csr_array(row))[0]
        return {"user": user, "items": stored.item_ids[ranked[ranked >= 0]].tolist(), "model": stored.digest}

    def add_event(self, user: int, item: int) -> dict[str, Any]:
        """Remember an interaction, so that the next list of the user takes it into account.

        Parameters
        ----------
        user : int
            Id of a user, who may be new.
        item : int
            Id of an item of the model.

        Returns
        -------
        dict
            "user" and "n_new", the number of new items of the user.

        Raises
        ------
        LookupError
            If the item is unknown.
        OverflowError
            If ``MAX_EVENTS`` are in memory.
        """
        if item not in self._stored.item_ids:
            raise LookupError(f"Expected the id of an item of the catalog; got {item}. Train a model with it first.")
        with self._lock:
            items = self._events.setdefault(user, set()) if self._n_events < MAX_EVENTS else self._events.get(user)
            if items is None or (item not in items and self._n_events >= MAX_EVENTS):
                raise OverflowError(
                    f"Expected at most {MAX_EVENTS} new events; got one more. Train a model with them and restart."
                )
            self._n_events += item not in items
            items.add(item)
            return {"user": user, "n_new": len(items)}

    def reload(self, digest: str | None = None) -> dict[str, Any]:
        """Load the model of the folder again and serve it from the next request on.

        If the new model is refused, the old one stays.

        Parameters
        ----------
        digest : str, optional
            The digest that the new model must have.

        Returns
        -------
        dict
            "model", the digest that is served now.

        Raises
        ------
        FileNotFoundError, ValueError
            As :func:`load_model`.
        """
        try:
            stored = load_model(self.folder, digest=digest)
        except (ValueError, FileNotFoundError) as error:
            with self._lock:
                self.audit.append({"what": "refused", "reason": str(error)})
            raise
        with self._lock:
            self._stored = stored  # one assignment: every request sees the old model or the new one
            self.audit.append({"what": "reload", "digest": stored.digest})
        return {"model": stored.digest}


def _score(model: Recommender, row: np.ndarray) -> np.ndarray:
    """Score all items for one row, shape (1, n_items)."""
    return model.popularity_[None] if isinstance(model, Popularity) else model.fold_in(row)


class _Limit:
    """Refuse a request with 503 if too many are in flight. It runs in one thread, so counting needs no lock."""

    def __init__(self, app: Any, limit: int):
        self.app, self.limit, self.in_flight = app, limit, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.responses import JSONResponse

        if scope["type"] != "http" or scope["path"] == "/health":  # a monitor must get through
            await self.app(scope, receive, send)
        elif self.in_flight >= self.limit:
            message = {"detail": f"{self.limit} requests are in flight already. Try again in a second."}
            await JSONResponse(message, 503, headers={"Retry-After": "1"})(scope, receive, send)
        else:
            self.in_flight += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self.in_flight -= 1


def create_app(service: RecommendationService, *, token: str, max_in_flight: int = 32) -> Any:
    """Connect a service to HTTP: GET /recommend and /health, POST /event and /reload. Built in chapter 19.

    Parameters
    ----------
    service : RecommendationService
        What answers.
    token : str
        The secret without which /reload is refused, at least 16 characters.
    max_in_flight : int, default=32
        Number of requests at once; the next one gets status 503 with "Retry-After".

    Returns
    -------
    FastAPI
        The application. A value of a wrong type is answered by status 422, an unknown user or item by 404.

    Raises
    ------
    ImportError
        If FastAPI is not installed.
    ValueError
        If the token is too short.
    """
    try:
        from fastapi import Body, FastAPI, Header, HTTPException, Query
        from starlette.middleware.trustedhost import TrustedHostMiddleware
    except ImportError:
        raise ImportError(
            "Expected the package fastapi, which flwr brings; it is missing. Type: python course.py doctor"
        ) from None
    check_integer("max_in_flight", max_in_flight)
    if len(token) < 16:
        raise ValueError(f"Expected a token of at least 16 characters; got {len(token)}. Use secrets.token_urlsafe().")
    app = FastAPI(title="recsys_teach", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_Limit, limit=max_in_flight)
    # A page on the internet can point its own name to this machine; a request that asks for that name is refused.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok", "model": service.digest}

    @app.get("/recommend")
    def recommend(user: int, k: Annotated[int, Query(ge=1, le=MAX_K)] = 10) -> dict[str, Any]:
        try:
            return service.recommend(user, k)
        except LookupError as error:
            raise HTTPException(404, str(error)) from None

    @app.post("/event")
    def event(user: Annotated[int, Body()], item: Annotated[int, Body()]) -> dict[str, Any]:
        try:
            return service.add_event(user, item)
        except LookupError as error:
            raise HTTPException(404, str(error)) from None
        except OverflowError as error:
            raise HTTPException(507, str(error)) from None

    @app.post("/reload")
    def reload(
        authorization: Annotated[str, Header()] = "", digest: Annotated[str | None, Query()] = None
    ) -> dict[str, Any]:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(403, "Expected the header 'Authorization: Bearer TOKEN' with the service's token.")
        try:
            return service.reload(digest)
        except (ValueError, FileNotFoundError) as error:
            raise HTTPException(409, str(error)) from None

    return app


def serve(folder: Path, port: int = 8000, *, digest: str | None = None, token: str | None = None) -> None:
    """Serve a model on this machine until the process is stopped.

    Parameters
    ----------
    folder : Path
        The folder of the model.
    port : int, default=8000
        The port on 127.0.0.1. Other machines cannot reach it.
    digest : str, optional
        The digest that the model must have.
    token : str, optional
        The secret for /reload. By default a new one is drawn and printed.

    Raises
    ------
    ImportError
        If FastAPI or uvicorn is not installed.
    FileNotFoundError, ValueError
        If the model is missing or refused.
    """
    check_integer("port", port, 1, 65535)
    service = RecommendationService(folder, digest=digest)
    own = token or secrets.token_urlsafe()
    app = create_app(service, token=own)
    try:
        import uvicorn
    except ImportError:
        raise ImportError(
            "Expected the package uvicorn, which flwr brings; it is missing. Type: python course.py doctor"
        ) from None
    print(f"Serving the model {service.digest[:12]} on http://{HOST}:{port}. Press Ctrl-C to stop.", flush=True)
    if token is None:
        print(f"Token for /reload: {own}", flush=True)
    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False)
