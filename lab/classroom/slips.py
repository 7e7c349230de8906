"""Is that what the function takes? Everyday slips at the door, each an error of one line.

The functions and classes that `lab` exports check their arguments, by their annotations, and by their names
where these say more. What is meant all the same (a numpy integer, a Topic for its name) is converted.
"""

import inspect
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from functools import cache, partial, wraps
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from lab.errors import LabError

Rule = Callable[[Any, str], Any]  # (value, name of the argument) -> the value to pass on
CLIENTS = (KafkaAdminClient, KafkaConsumer, KafkaProducer)


class ArgumentError(LabError):
    """A function was given something else than it takes."""


@cache  # so that a name of the door is the same function each time
def checked(thing: Any) -> Any:
    """A function or class that checks its arguments before it runs; anything else unchanged."""
    if inspect.isclass(thing) and inspect.isfunction(vars(thing).get("__init__")):
        thing.__init__ = checked(thing.__init__)
    if not inspect.isfunction(thing):
        return thing
    signature = inspect.signature(thing)
    found = {name: _rule_of(each, thing) for name, each in signature.parameters.items()}
    rules = {name: rule for name, rule in found.items() if rule}
    if not rules:
        return thing

    @wraps(thing)
    def check(*values: Any, **named: Any) -> Any:
        if "kafka" in rules:
            _refuse_settings_without_stars(values, _called(thing))
        try:
            given = signature.bind(*values, **named)
        except TypeError:
            return thing(*values, **named)  # Python says what is missing or too much
        if "kafka" in rules:
            given.arguments.setdefault("kafka", {})
        for name in filter(given.arguments.__contains__, rules):
            given.arguments[name] = rules[name](given.arguments[name], name)
        return thing(*given.args, **given.kwargs)

    check.__module__ = "lab"  # there it is found again, for example by pickle
    return check


def _called(function: Any) -> str:
    """What is typed to call it."""
    return function.__qualname__.removesuffix(".__init__")


def _rule_of(parameter: inspect.Parameter, function: Callable) -> Rule | None:
    """The rule for an argument of a function; None if it may be anything."""
    wanted = parameter.annotation
    if parameter.kind is parameter.VAR_KEYWORD:
        return partial(_kafka, function=function) if parameter.name == "kafka" else None
    if parameter.name == "batches":
        return _batches
    if wanted is str:
        return {"topic": _name, "group_id": _name, "warehouse": _url}.get(parameter.name)
    if wanted in (int, int | None):
        return _whole_number
    if wanted in (float, float | None):
        return _number
    return {"Topic": _topic, "Warehouse": _warehouse, "Sink": _warehouse}.get(getattr(wanted, "__name__", ""))


# How to reach Kafka.


def _refuse_settings_without_stars(values: Iterable[Any], function: str) -> None:
    if any(isinstance(value, dict) and "bootstrap_servers" in value for value in values):
        raise ArgumentError(
            f"{function} was given settings.kafka without its two stars: write **settings.kafka."
        )


def _kafka(given: dict[str, Any], name: str, function: Callable) -> dict[str, Any]:
    """The arguments for the client of Kafka: also where a misspelt argument ends up."""
    called = _called(function)
    own = [each for each in inspect.signature(function).parameters if each != name]
    known = {each for client in CLIENTS for each in client.DEFAULT_CONFIG}
    for unknown in (each for each in given if each not in known and each != name):
        close = get_close_matches(unknown, own, n=1) or get_close_matches(unknown, known, n=1, cutoff=0.8)
        fix = f"did you mean {close[0]}?" if close else f"help({called}) lists them."
        if "configs" in own and not close:
            fix += f" A setting of the topic goes into configs={{'{unknown.replace('_', '.')}': ...}}."
        raise ArgumentError(f"{called} has no argument {unknown}: {fix}")
    if "bootstrap_servers" not in given:
        raise ArgumentError(
            f"{called} was not told where Kafka is: add **settings.kafka as its last argument."
        )
    return given


# Numbers.


def _whole_number(value: Any, name: str) -> Any:
    value = _number(value, name)
    try:
        return value if value is None else operator.index(value)
    except TypeError:
        if float(value).is_integer():
            return int(value)
        raise ArgumentError(f"{name} is {value}: give a whole number, such as {name}=10.") from None


def _number(value: Any, name: str) -> Any:
    if value is None or (type(value) in (int, float) and not math.isnan(value)):
        return value
    if isinstance(value, str):
        text = value.strip()
        fix = f"write {name}={text}, without the quotes." if _is_number(text) else "give a number."
        raise ArgumentError(f"{name} is the text {value!r}: {fix}")
    if not _is_number(value) or math.isnan(value):
        raise ArgumentError(f"{name} is {_kind(value)}: give a number, such as {name}=10.")
    return value if hasattr(value, "__index__") else float(value)


def _is_number(value: Any) -> bool:
    try:
        float(value)
        return True
    except (TypeError, ValueError):
        return False


# Names and things.


def _name(value: Any, name: str) -> str:
    """A name; of a Topic, its name."""
    if hasattr(value, "topic_id"):
        value = value.name
    if not isinstance(value, str):
        raise ArgumentError(f"{name} is {_kind(value)}: give a name, such as {name}='my-first'.")
    return value


def _topic(value: Any, name: str) -> Any:
    if isinstance(value, str):
        fix = f"write describe_topic({value!r}, **settings.kafka)"
        raise ArgumentError(f"{name} is the name {value!r}, and a Topic is needed: {fix} instead.")
    return value


def _warehouse(value: Any, name: str) -> Any:
    if not hasattr(value, "store") and not hasattr(value, "query"):
        fix = "open it first, by warehouse = Warehouse(settings.warehouse_url)."
        raise ArgumentError(f"{name} is {_kind(value)}, and an open warehouse is needed: {fix}")
    return value


def _url(value: Any, name: str) -> Any:
    if hasattr(value, "query"):
        fix = "give what it was opened with, such as settings.warehouse_url."
        raise ArgumentError(f"{name} is an open warehouse, and its URL is needed: {fix}")
    return value


def _batches(value: Any, name: str) -> Iterator[Any]:
    """The batches, each checked when it is taken, for there may be no end of them."""
    if callable(value) or not isinstance(value, Iterable):
        raise ArgumentError(
            f"{name} is {_kind(value)}: give lists of readings, such as {name}=simulate_readings(3)."
        )
    return map(_batch, value)


def _batch(batch: Any) -> Any:
    if hasattr(batch, "sensor_id"):
        raise ArgumentError(
            "produce takes batches, that is lists of readings, and found a reading by itself: "
            "write [readings] instead of readings."
        )
    odd = batch if isinstance(batch, str | dict) or not isinstance(batch, Iterable) else _first(batch)
    if odd is not None and not hasattr(odd, "sensor_id"):
        fix = "make it a reading, by Reading(sensor_id, val, unit, status, ts)."
        raise ArgumentError(f"produce takes lists of readings, and found {_kind(odd)}: {fix}")
    return batch


def _first(batch: Iterable[Any]) -> Any:
    """Its first thing; None if there is none, or if looking at it would take it away."""
    return None if isinstance(batch, Iterator) else next(iter(batch), None)


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    name = {"str": "text", "function": "function without its ()"}.get(
        type(value).__name__, type(value).__name__
    )
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"
