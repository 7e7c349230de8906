"""What do the checks look at? The broker and the database, never the learner's code."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from lab.classroom.checks.steps import Step
from lab.clients.connection import connect
from lab.errors import InvalidReading
from lab.readings import decode_reading
from lab.topics import describe_topic


def topic_is_there(topic: str, kafka: dict[str, Any]) -> Step:
    """The first step of many exercises."""
    return Step(
        f"the broker has a topic {topic}",
        lambda: bool(describe_topic(topic, **kafka)),
        "create_topic makes it; pass the name from the exercise.",
    )


def ask(database: str | Path, sql: str) -> list[tuple]:
    """The rows of a SELECT in an existing SQLite file."""
    with closing(sqlite3.connect(f"{Path(database).resolve().as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def topic_config(topic: str, name: str, **kafka: Any) -> str:
    """One setting of a topic, as text."""
    with connect(KafkaAdminClient, **kafka) as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return found[ConfigResourceType.TOPIC.name.lower()][topic][name]["value"]


def is_reading_of(value: bytes | None, sensor_id: str) -> bool:
    """Whether these bytes are a reading of that sensor."""
    try:
        return decode_reading(value).sensor_id == sensor_id
    except InvalidReading:
        return False
