"""What do the checks look at? The broker and the database, never the learner's code."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from lab.classroom.exercises.answers import is_given, name_of, number_of
from lab.classroom.exercises.exercise import Exercise, Step
from lab.clients.connection import connect
from lab.clients.offsets import lags
from lab.clients.workarounds import ConsumerRecord
from lab.errors import InvalidReading
from lab.readings import decode_reading
from lab.topics import describe_topic, read_records, topic_offsets

NEW_NAME = "An existing topic keeps what it has. Run your whole cell again: its first line makes a new name."


def about_topic(topic: Any, kafka: dict[str, Any], *steps: Step) -> Exercise:
    """An exercise that makes a topic: it is attempted when the topic exists."""
    name = name_of(topic)
    return Exercise(
        lambda: bool(describe_topic(name, **kafka)), f"The broker has no topic {name} yet.", steps
    )


def about_messages(topic: Any, kafka: dict[str, Any], *steps: Step) -> Exercise:
    """An exercise that sends messages to a topic: it is attempted when the topic has one."""
    name = name_of(topic)
    return Exercise(lambda: len(messages_of(name, kafka)) > 0, f"Topic {name} has no message yet.", steps)


def about_number(name: str, answer: Any, *steps: Step) -> Exercise:
    """An exercise whose answer is a number in the variable `name`."""
    number = Step(
        "your answer is a number",
        lambda: number_of(answer) is not None,
        (f"Set {name} to one number: the last line of your cell is {name} = ...",),
        found=lambda: type(answer).__name__,
    )
    return Exercise(lambda: is_given(answer), f"{name} has no value yet.", (number, *steps))


def messages_of(topic: str, kafka: dict[str, Any]) -> list[ConsumerRecord]:
    """Every message of a topic."""
    return list(read_records(topic, **kafka))


def num_partitions(topic: str, kafka: dict[str, Any]) -> int:
    """How many partitions it has."""
    return len(describe_topic(topic, **kafka).partitions)


def lag_of(warehouse: Any, topic: str, kafka: dict[str, Any]) -> dict[int, int]:
    """{partition: messages that are in the log but not in the warehouse}."""
    stored = warehouse.next_offsets(describe_topic(topic, **kafka).topic_id)
    return lags(topic_offsets(topic, **kafka), stored)


def ask(database: str | Path, sql: str) -> list[tuple]:
    """The rows of a SELECT in an existing SQLite file."""
    with closing(sqlite3.connect(f"{Path(database).resolve().as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def topic_config(topic: str, name: str, **kafka: Any) -> str:
    """One setting of a topic, as text."""
    with connect(KafkaAdminClient, **kafka) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        found = admin.describe_configs([resource], config_filter="all")  # with what nobody set
    return found[ConfigResourceType.TOPIC.name.lower()][topic][name]["value"]


def is_reading_of(value: bytes | None, sensor_id: str) -> bool:
    """Whether these bytes are a reading of that sensor."""
    return fault_of(value) is None and decode_reading(value).sensor_id == sensor_id


def fault_of(value: bytes | None) -> str | None:
    """Why these bytes are no reading; None if they are one."""
    try:
        decode_reading(value)
    except InvalidReading as error:
        return str(error)
    return None
