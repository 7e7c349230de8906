"""What is looked at in the exercises of lesson 15, schemas?"""

import json
import struct
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

from lab.classroom.exercises.answers import is_given, name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import messages_of
from lab.errors import LabError
from lab.neighbours.avro import decode_avro, encode_avro

HEADER = struct.Struct(">bI")  # a zero, and the id of the schema
FORWARD = {"FORWARD", "FORWARD_TRANSITIVE"}
PLACE = "hall"
FIELD = 'A field with a default: {"name": "place", "type": "string", "default": "hall"}.'


@exercise("15.1")
def another_field(third: Any, first: Mapping, second: Mapping, old: bytes, new: bytes) -> Exercise:
    """The schema `third` has a field more, and reads what was written with `first` and with `second`."""
    earlier = ((old[HEADER.size :], first), (new[HEADER.size :], second))

    def places() -> list[str]:
        return [decode_avro(value, writer, third)["place"] for value, writer in earlier]

    def is_unchanged(value: bytes, writer: Mapping) -> bool:
        return decode_avro(value, writer, third).items() >= decode_avro(value, writer).items()

    return Exercise(
        lambda: is_given(third),
        "third has no value yet.",
        (
            _is_as_it_was(earlier),
            Step(
                "it is a record with the fields of second, and the field place",
                lambda: _fields(third) == {*_fields(second), "place"},
                ('third = second | {"fields": [*second["fields"], ...]} adds a field.', FIELD),
                found=lambda: ", ".join(sorted(_fields(third))),
            ),
            Step(
                f"in an old message, the place is {PLACE}",
                lambda: places() == [PLACE, PLACE],
                ("A field that a message does not have gets the default of the reader's schema.", FIELD),
                found=lambda: _said(lambda: repr(places()[0])),
            ),
            Step(
                "everything else in the old messages is as it was",
                lambda: all(is_unchanged(value, writer) for value, writer in earlier),
                ("Change nothing in the other fields.",),
            ),
            _older_readers_understand(third, second, (first, second), earlier[1][0]),
        ),
    )


def _is_as_it_was(earlier: tuple) -> Step:
    return Step(
        "first and second are as they were",
        lambda: all(decode_avro(value, writer) for value, writer in earlier),
        (
            "append has changed the list in second. Choose Run > Run All Above Selected Cell.",
            'third = second | {"fields": [*second["fields"], ...]} makes a new list.',
        ),
    )


def _older_readers_understand(third: Any, writer: Mapping, readers: tuple, value: bytes) -> Step:
    def understands(reader: Mapping) -> bool:
        fields = decode_avro(value, writer) | {"place": "attic"}
        found = decode_avro(encode_avro(fields, third), third, reader)
        return found == {name: fields[name] for name in _fields(reader)}

    return Step(
        "what is written with it, programs with first and second understand",
        lambda: all(map(understands, readers)),
        ('The type of place is "string", and the record keeps its name.',),
    )


@exercise("15.2")
def batteries_of(batteries: Any, mixed: Any, schemas: Mapping[int, Mapping], **kafka: Any) -> Exercise:
    """The battery of each message of the topic, in its order; None where the message has none."""

    def right() -> list[float | None]:
        values = [record.value for record in messages_of(name_of(mixed), kafka)]
        read = [(HEADER.unpack_from(value)[1], value[HEADER.size :]) for value in values]
        return [decode_avro(value, schemas[number]).get("battery") for number, value in read]

    def given() -> list[float | None]:
        return [None if each is None or each != each else float(each) for each in batteries]

    return Exercise(
        lambda: is_given(batteries),
        "batteries has no value yet.",
        (
            Step(
                "it has a value for each message",
                lambda: len(batteries) == len(right()),
                (
                    "Begin with batteries = [], and append one value for each record in it.",
                    "The value of a message without a battery is None.",
                ),
                found=lambda: f"{len(batteries)} for {len(right())} messages",
            ),
            _are_numbers_or_none(batteries),
            Step(
                "None stands where the message has no battery, and nowhere else",
                lambda: [each is None for each in given()] == [each is None for each in right()],
                (
                    "The id in the first five bytes says which schema the message was written with.",
                    "decode_avro(record.value[5:], schemas[number], second)['battery']",
                ),
            ),
            Step(
                "each number is the one in the message",
                lambda: given() == right(),
                ("The values stand in the order of the log.",),
            ),
        ),
    )


def _are_numbers_or_none(batteries: Any) -> Step:
    def others() -> list[Any]:
        return [each for each in batteries if each is not None and not isinstance(each, Real)]

    return Step(
        "each value is a number or None",
        lambda: not others(),
        ("decode_avro gives all fields of a message as a dict; ['battery'] takes one of them.",),
        found=lambda: repr(others()[0]),
    )


@exercise("15.3")
def renamed(registry: Any, subject: str, first: Mapping, data: bytes) -> Exercise:
    """The subject has a schema in which `val` is called `value`, and which reads old messages."""
    asked = _Subject(registry, subject)

    def read() -> dict[str, Any]:
        return decode_avro(data, first, asked.newest())

    def right() -> dict[str, Any]:
        return {"value" if name == "val" else name: value for name, value in decode_avro(data, first).items()}

    return Exercise(
        lambda: asked.newest() != first,
        asked.missing(),
        (
            Step(
                "its newest schema has a field value, and none that is called val",
                lambda: "value" in _fields(asked.newest()) and "val" not in _fields(asked.newest()),
                (
                    '{"name": "value", ...} takes the place of fields[1].',
                    "registry.register(subject, schema) makes a schema the newest one.",
                ),
                found=lambda: ", ".join(sorted(_fields(asked.newest()))),
            ),
            Step(
                "an old message is read with it, and value is what val was",
                lambda: read() == right(),
                (
                    'A field may have other names, by which it is found in old messages: "aliases": ["val"].',
                    "Keep the type, and all other fields.",
                ),
                found=lambda: _said(lambda: repr(read().get("value"))),
            ),
            asked.has_rule({"BACKWARD"}, "The rule of the subject was BACKWARD. Leave it."),
        ),
    )


@exercise("15.4")
def writers_first(registry: Any, writers: str, first: Mapping, data: bytes) -> Exercise:
    """Old readers understand the new schema of the subject `writers`, and its rule makes sure of that."""
    asked = _Subject(registry, writers)

    def added() -> list[Mapping]:
        return [each for each in asked.newest()["fields"] if each["name"] not in _fields(first)]

    def is_understood() -> bool:
        fields = decode_avro(data, first)
        written = encode_avro(fields | {"battery": 3.1}, asked.newest())
        return decode_avro(written, asked.newest(), first) == fields

    return Exercise(
        lambda: asked.newest() != first or asked.rule() != "BACKWARD",
        asked.missing(),
        (
            asked.has_rule(
                FORWARD,
                "Which rule lets old readers read what new writers write? The table above has it.",
                'registry.rest("PUT", f"/config/{writers}", {"compatibility": "FORWARD"})',
            ),
            Step(
                "its newest schema has one field more: battery, without a default",
                lambda: [(each["name"], "default" in each) for each in added()] == [("battery", False)],
                (
                    "A field that is always there needs no default. It is one of the five changes above.",
                    'registry.register(writers, changes["required"])',
                ),
                found=lambda: ", ".join(each["name"] for each in added()) or "no field more",
            ),
            Step(
                "a reader with first understands what is written with it",
                is_understood,
                ('The type of battery is "double", and all other fields stay.',),
            ),
        ),
    )


class _Subject:
    """What a registry says of a subject."""

    def __init__(self, registry: Any, name: str):
        self.registry, self.name = registry, name

    def newest(self) -> dict[str, Any]:
        return json.loads(self.registry.rest("GET", f"/subjects/{self.name}/versions/latest")["schema"])

    def rule(self) -> str:
        return self.registry.rest("GET", f"/config/{self.name}")["compatibilityLevel"]

    def missing(self) -> str:
        """What a learner is told who has changed nothing, or who has no registry."""
        try:
            self.newest()
            return f"The subject {self.name} is as it was."
        except LabError as error:
            return str(error)

    def has_rule(self, rules: set[str], *hints: str) -> Step:
        return Step(f"its rule is {min(rules)}", lambda: self.rule() in rules, hints, found=self.rule)


def _fields(schema: Any) -> set[str]:
    return {each["name"] for each in schema["fields"]}


def _said(question: Callable[[], str]) -> str:
    """The answer, or the error in its words."""
    try:
        return question()
    except LabError as error:
        return str(error)
