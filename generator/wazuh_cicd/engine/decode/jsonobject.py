"""The values of JSON as plain Python.

A module of its own, for it stays Python where the rest of the evaluator is compiled: a class that the compiler makes
cannot be a tuple.
"""

from __future__ import annotations

from typing import Any


class JsonObject(tuple[tuple[str, Any], ...]):
    """The members of an object as (name, value) pairs."""

    __slots__ = ()


Json = JsonObject | list[Any] | str | float | bool | None
