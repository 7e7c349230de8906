"""Which tables does the warehouse have? They are defined as data; each database maps the types to its own.

A column that was added later is missing in a warehouse of an older kit. It is added when that warehouse is
opened for writing, and read as NULL when it is only read. So such a column may be NULL.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Column(NamedTuple):
    """A column of a table. `type` is one of id, text, integer, real, bytes and time."""

    name: str
    type: str = "text"
    null: bool = False
    came_later: bool = False

    def sql(self, types: Mapping[str, str]) -> str:
        """Its definition for CREATE TABLE and ALTER TABLE; `types` are those of the database."""
        required = "" if self.null or self.type == "id" else " NOT NULL"
        return f'"{self.name}" {types[self.type]}{required}'


class Table(NamedTuple):
    """A table of the warehouse."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()  # empty if a column of type id is the key

    def sql(self, types: Mapping[str, str]) -> str:
        """The statement that creates it if it does not exist."""
        parts = [column.sql(types) for column in self.columns]
        if self.primary_key:
            parts.append(f"PRIMARY KEY ({names(self.primary_key)})")
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({', '.join(parts)})"


def names(columns: tuple[str, ...]) -> str:
    """The names of columns for SQL, in quotes because some of them are SQL keywords."""
    return ", ".join(f'"{name}"' for name in columns)


def later(name: str, type: str = "text") -> Column:
    """A column that was added in a later version of the kit."""
    return Column(name, type, null=True, came_later=True)


TABLES = (
    Table(
        "sensor_logs",
        (
            Column("id", "id"),
            Column("sensor_id"),
            Column("val", "real"),
            Column("unit"),
            Column("status"),
            Column("ts", "time"),
        ),
    ),
    Table(
        "offsets",
        (
            Column("topic_id"),
            Column("partition", "integer"),
            Column("topic"),
            Column("next_offset", "integer"),
            later("last_offset", "integer"),
            later("last_timestamp", "integer"),
            later("last_checksum", "integer"),
        ),
        primary_key=("topic_id", "partition"),
    ),
    Table(
        "dead_letters",
        (
            Column("id", "id"),
            Column("topic"),
            Column("partition", "integer"),
            Column("offset", "integer"),
            Column("key", "bytes", null=True),
            Column("value", "bytes", null=True),
            Column("error"),
            Column("ts", "time"),
            Column("replayed", null=True),
            later("headers"),
        ),
    ),
    Table(
        "gaps",
        (
            Column("id", "id"),
            Column("topic"),
            Column("topic_id"),
            Column("partition", "integer"),
            Column("first_offset", "integer"),
            Column("next_offset", "integer"),
            Column("ts", "time"),
            later("reason"),
            later("last_timestamp", "integer"),
        ),
    ),
    Table(
        "consumers",
        (
            Column("group_id"),
            Column("member"),
            Column("stored", "integer"),
            Column("dead_letters", "integer"),
            Column("fenced", "integer"),
            Column("reconnects", "integer"),
            Column("seconds", "real"),
            Column("ts", "time"),
        ),
        primary_key=("group_id", "member"),
    ),
)
