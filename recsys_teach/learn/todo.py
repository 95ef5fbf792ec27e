"""The placeholder in every unsolved cell."""

from __future__ import annotations

from typing import Any, NoReturn

ADVICE = "TODO is still here: replace it by your own code, run that cell, then run this one again."


class TodoError(TypeError):
    """Raised when somebody computes with TODO."""


class _Todo:
    """Stand for an answer that is not written yet."""

    def __repr__(self) -> str:
        return f"<{ADVICE}>"

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TodoError(ADVICE)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __neg__ = __abs__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __getitem__ = __iter__ = __len__ = __call__ = __bool__ = __float__ = __int__ = __array__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name.startswith("_repr") or name.startswith("_ipython"):
            raise AttributeError(name)
        raise TodoError(ADVICE)


TODO: Any = _Todo()
