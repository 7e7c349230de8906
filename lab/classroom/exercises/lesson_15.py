"""What is looked at in the exercises of lesson 15, schemas?"""

import json
import struct
from collections.abc import Callable, Mapping
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

    def read(message: bytes, writer: Mapping) -> dict[str, Any]:
        return decode_avro(message[HEADER.size :], writer, third)

    def goes_back(fields: dict[str, Any], reader: Mapping) -> bool:
        """Whether a reader that does not know the new field understands the new program."""
        found = decode_avro(encode_avro(fields, third), third, reader)
        return found == {name: fields[name] for name in found}

    return Exercise(
        lambda: is_given(third),
        "third has no value yet.",
        (
            Step(
                "it is a record with the fields of second, and the field place",
                lambda: _fields(third) == {*_fields(second), "place"},
                ('third = second | {"fields": [*second["fields"], ...]} adds a field.', FIELD),
                found=lambda: ", ".join(sorted(_fields(third))),
            ),
            Step(
                f"in an old message, the place is {PLACE}",
                lambda: read(old, first)["place"] == read(new, second)["place"] == PLACE,
                ("A field that a message does not have gets the default of the reader's schema.", FIELD),
                found=lambda: _said(lambda: repr(read(old, first)["place"])),
            ),
            Step(
                "everything else in the old messages is as it was",
                lambda: all(
                    read(message, writer).items() >= decode_avro(message[HEADER.size :], writer).items()
                    for message, writer in ((old, first), (new, second))
                ),
                ("Change nothing in the other fields.",),
            ),
            Step(
                "what is written with it, the older readers understand",
                lambda: all(
                    goes_back(read(new, second) | {"place": "attic"}, reader) for reader in (first, second)
                ),
                ('The type of place is "string", and the record keeps its name.',),
            ),
        ),
    )


@exercise("15.2")
def batteries_of(batteries: Any, mixed: Any, schemas: Mapping[int, Mapping], **kafka: Any) -> Exercise:
    """The battery of each message of the topic, in its order; None where the message has none."""

    def right() -> list[float | None]:
        found = []
        for record in messages_of(name_of(mixed), kafka):
            number = HEADER.unpack_from(record.value)[1]
            found.append(decode_avro(record.value[HEADER.size :], schemas[number]).get("battery"))
        return found

    def given() -> list[float | None]:
        return [None if each is None or each != each else float(each) for each in batteries]

    return Exercise(
        lambda: is_given(batteries),
        "batteries has no value yet.",
        (
            Step(
                "it has a value for each message",
                lambda: len(given()) == len(right()),
                (
                    "Begin with batteries = [], and append one value in a loop over read_records(mixed, ...).",
                    "The value of a message without a battery is None.",
                ),
                found=lambda: f"{len(batteries)} for {len(right())} messages",
            ),
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


@exercise("15.3")
def renamed(registry: Any, subject: str, first: Mapping, data: bytes) -> Exercise:
    """The subject has a schema in which `val` is called `value`, and which reads old messages."""
    newest = _newest(registry, subject)

    def read() -> dict[str, Any]:
        return decode_avro(data, first, newest())

    return _about_subject(
        registry,
        subject,
        lambda: newest() != dict(first),
        Step(
            "its newest schema has a field value, and none that is called val",
            lambda: "value" in _fields(newest()) and "val" not in _fields(newest()),
            ('{"name": "value", ...} takes the place of fields[1].', "registry.register(subject, schema)"),
            found=lambda: ", ".join(sorted(_fields(newest()))),
        ),
        Step(
            "an old message is read with it, and value is what val was",
            lambda: read() == _moved(decode_avro(data, first), "val", "value"),
            (
                'A field may have other names, by which it is found in old messages: "aliases": ["val"].',
                "Keep the type, and all other fields.",
            ),
            found=lambda: _said(lambda: repr(read().get("value"))),
        ),
        _level(registry, subject, {"BACKWARD"}, "The rule of the subject was BACKWARD. Leave it."),
    )


@exercise("15.4")
def writers_first(registry: Any, subject: str, first: Mapping, data: bytes) -> Exercise:
    """Old readers understand the new schema of the subject, and its rule makes sure of that."""
    newest = _newest(registry, subject)

    def added() -> list[Mapping]:
        return [each for each in newest()["fields"] if each["name"] not in _fields(first)]

    def is_read() -> bool:
        fields = decode_avro(data, first)
        written = encode_avro(fields | {"battery": 3.1}, newest())
        return decode_avro(written, newest(), first) == fields

    return _about_subject(
        registry,
        subject,
        lambda: newest() != dict(first) or _level_of(registry, subject) != "BACKWARD",
        _level(
            registry,
            subject,
            FORWARD,
            "Which rule lets old readers read what new writers write? The table above has it.",
            'registry.rest("PUT", f"/config/{subject}", {"compatibility": "FORWARD"})',
        ),
        Step(
            "its newest schema has the field battery, without a default",
            lambda: [(each["name"], "default" in each) for each in added()] == [("battery", False)],
            (
                'registry.register(subject, changes["required"])',
                "A field that is always there needs no default.",
            ),
            found=lambda: ", ".join(each["name"] for each in added()) or "the fields of first",
        ),
        Step(
            "an old reader understands what is written with it",
            is_read,
            ('The type of battery is "double", and all other fields stay.',),
        ),
    )


def _about_subject(
    registry: Any, subject: str, attempted: Callable[[], bool], *steps: Step
) -> Exercise:
    """An exercise in which a subject of the registry changes."""
    try:
        registry.rest("GET", f"/subjects/{subject}/versions")
        missing = f"The subject {subject} is as it was."
    except LabError as error:
        missing = str(error)
    return Exercise(attempted, missing, steps)


def _newest(registry: Any, subject: str) -> Callable[[], dict[str, Any]]:
    return lambda: json.loads(registry.rest("GET", f"/subjects/{subject}/versions/latest")["schema"])


def _level(registry: Any, subject: str, levels: set[str], *hints: str) -> Step:
    return Step(
        f"the rule of the subject is {min(levels)}",
        lambda: _level_of(registry, subject) in levels,
        hints,
        found=lambda: _level_of(registry, subject),
    )


def _level_of(registry: Any, subject: str) -> str:
    return registry.rest("GET", f"/config/{subject}")["compatibilityLevel"]


def _fields(schema: Any) -> set[str]:
    return {each["name"] for each in schema["fields"]}


def _moved(fields: dict[str, Any], name: str, new: str) -> dict[str, Any]:
    """The fields, one of them under another name."""
    return {new if each == name else each: value for each, value in fields.items()}


def _said(question: Callable[[], str]) -> str:
    """The answer, or the error in its words."""
    try:
        return question()
    except LabError as error:
        return str(error)
