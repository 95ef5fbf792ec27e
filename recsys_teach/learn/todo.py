"""The placeholder in every unsolved cell."""

from __future__ import annotations

from typing import Any, NoReturn

ADVICE = "TODO is still here: replace it by your own answer, then run the cell again."


class TodoError(TypeError):
    """Raised when somebody computes with TODO."""


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise TodoError(ADVICE)


class _Todo:
    """Stand for an answer that is not written yet."""

    def __repr__(self) -> str:
        return f"<{ADVICE}>"

    def __format__(self, spec: str) -> str:
        return _refuse() if spec else repr(self)

    def __reduce__(self) -> str:  # a copy that is sent to the judge process is this object there
        return "TODO"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # numpy, IPython and copy ask whether such names exist
            raise AttributeError(name)
        raise TodoError(ADVICE)


# fmt: off
_BINARY = [
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "and", "or", "xor", "lshift",
    "rshift",
]
_OTHER = [
    "neg", "pos", "abs", "invert", "lt", "le", "gt", "ge", "bool", "int", "float", "complex", "index", "round", "trunc",
    "floor", "ceil", "array", "getitem", "setitem", "delitem", "iter", "next", "len", "contains", "call",
]
# fmt: on
for _name in [*_BINARY, *(f"r{name}" for name in _BINARY), *_OTHER]:
    setattr(_Todo, f"__{_name}__", _refuse)

TODO: Any = _Todo()
