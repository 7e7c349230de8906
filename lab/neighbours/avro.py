"""How is a message written and read in Avro? By fastavro, with a schema that both sides know."""

import json
import re
from collections.abc import Mapping
from io import BytesIO
from types import ModuleType
from typing import Any

import msgspec

from lab.errors import InvalidReading, LabError
from lab.neighbours.neighbour import require
from lab.neighbours.packages import use_packages

Schema = Mapping[str, Any]
_module: list[ModuleType] = []
_parsed: dict[str, Any] = {}
_NAMED = re.compile(
    r"\{'type': '\w+', 'name': '([\w.]+)'.*?\}(?= is not |$)"
)  # a whole schema, as fastavro shows it


def encode_avro(reading: Any, schema: Schema) -> bytes:
    """A reading, or a dict of fields, as Avro: its values in the order of the schema, and no names.

    Raises LabError if a value does not fit the schema, or the schema is none.
    """
    fields = msgspec.structs.asdict(reading) if isinstance(reading, msgspec.Struct) else reading
    written = BytesIO()
    parsed = parse_schema(schema)
    try:
        _fastavro().schemaless_writer(written, parsed, fields, strict_allow_default=True)
    except Exception as error:  # fastavro lets through what Python says
        raise LabError(f"This does not fit the schema: {_words(error)}") from error
    return written.getvalue()


def decode_avro(value: bytes, writer: Schema, reader: Schema | None = None) -> dict[str, Any]:
    """The fields of an Avro message that was written with the schema `writer`.

    With the schema of a `reader`, what the reader does not know is left out, and what the writer did not
    know has the default of the reader's schema.
    Raises InvalidReading if the bytes do not fit the schema, or if the two schemas do not fit.
    """
    schemas = parse_schema(writer), parse_schema(reader) if reader is not None else None
    given = BytesIO(value)
    try:
        fields = _fastavro().schemaless_reader(given, *schemas)
    except Exception as error:  # fastavro lets through what Python says
        raise InvalidReading(f"the message cannot be read with this schema: {_words(error)}") from error
    if left := len(value) - given.tell():
        raise InvalidReading(f"the message cannot be read with this schema: {left} bytes are left over")
    return fields


def parse_schema(schema: Schema) -> Any:
    """The schema as fastavro works with it; parsed once, for a topic has many messages.

    Raises LabError, with the place, if the schema is none.
    """
    try:
        text = json.dumps(schema)
        if text not in _parsed:
            _parsed[text] = _fastavro().parse_schema(json.loads(text))
    except LabError:
        raise
    except Exception as error:
        raise LabError(f"This is no Avro schema: {_words(error)}") from error
    return _parsed[text]


def _fastavro() -> ModuleType:
    if not _module:
        use_packages(require("avro"))
        import fastavro

        _module.append(fastavro)
    return _module[0]


def _words(error: Exception) -> str:
    """The error in one line; fastavro leaves some without words, and says others with two whole schemas."""
    if isinstance(error, EOFError):
        return "it ends too early"
    said = _NAMED.sub(r"\1", str(error))
    return " ".join(f"{type(error).__name__}: {said}".split())
