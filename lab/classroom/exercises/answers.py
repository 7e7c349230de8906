"""What does an answer say? Any way to write it counts: of Python, numpy or pandas, alone or in a list."""

from collections.abc import Mapping
from datetime import datetime
from numbers import Number
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def is_given(answer: Any) -> bool:
    """Whether it is something else than the `...` or `None` of the learner's cell."""
    return answer is not None and answer is not ...


def name_of(answer: Any) -> str:
    """The name of a topic, from the name or from a Topic."""
    return str(getattr(answer, "name", answer))


def number_of(answer: Any) -> float:
    """A number, also as the only value of a list, a set, a dict, a Series, an array or a table.

    Raises ValueError or TypeError for anything else.
    """
    values = values_of(answer)
    if len(values) != 1:
        raise ValueError(f"{len(values)} values instead of one number")
    if isinstance(values[0], bool | datetime):
        raise TypeError(f"{values[0]!r} is not a number")
    return float(values[0]) if values[0] == values[0] else float("nan")


def values_of(answer: Any) -> list[Any]:
    """The values in it, flat: those of a table row by row; one value stands for itself."""
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    for to_list in ("to_numpy", "tolist"):
        answer = getattr(answer, to_list, lambda same=answer: same)()
    if isinstance(answer, str | bytes) or not hasattr(answer, "__iter__"):
        return [answer]
    return [value for part in answer for value in values_of(part)]


def times_of(answer: Any) -> "set[pd.Timestamp]":
    """Times in UTC, also from a column, an index, rows with a column `ts`, or texts. Without a zone: UTC."""
    import pandas as pd  # here, because it takes a second, and most checks do without it

    if isinstance(answer, pd.DataFrame):
        answer = answer.get("ts", answer.index)
    if isinstance(answer, str) or not hasattr(answer, "__iter__"):
        answer = [answer]
    times = [getattr(time, "ts", time) for time in answer]
    if any(isinstance(time, Number) for time in times):  # for pandas, 3 is a time in 1970
        raise TypeError("a number is not a time")
    return {pd.to_datetime(time, utc=True) for time in times}
