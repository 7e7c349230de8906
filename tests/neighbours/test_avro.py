"""A message in Avro is what its schema says, and each fault is one line."""

import json
from datetime import UTC, datetime

import pytest

from lab.errors import InvalidReading, LabError
from lab.neighbours.avro import decode_avro, encode_avro
from lab.neighbours.neighbour import FOLDER, NEIGHBOURS, fault
from lab.readings import Reading, decode_reading

fetched = pytest.mark.skipif(bool(fault(NEIGHBOURS["avro"])), reason=fault(NEIGHBOURS["avro"]))
MOMENT = {"type": "long", "logicalType": "timestamp-micros"}
FIELDS = [
    {"name": "sensor_id", "type": "string"},
    {"name": "val", "type": "double"},
    {"name": "unit", "type": "string"},
    {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["OK", "WARNING", "CRITICAL"]}},
    {"name": "ts", "type": MOMENT},
]
FIRST = {"type": "record", "name": "Reading", "fields": FIELDS}
READING = Reading("temperature-1", 21.5, "°C", "WARNING", datetime(2026, 1, 31, 12, 0, 0, 1, UTC))
ROW = {name: getattr(READING, name) for name in READING.__struct_fields__}


@fetched
def test_a_reading_comes_back_as_it_was_and_takes_a_third_of_json():
    written = encode_avro(READING, FIRST)
    assert decode_avro(written, FIRST) == ROW
    assert encode_avro(ROW, FIRST) == written
    # A length and 13 letters; 8 bytes; a length and 3 bytes; the second symbol; some of 8 bytes.
    assert written.startswith(b"\x1atemperature-1") and len(written) == 14 + 8 + 4 + 1 + 8


@fetched
def test_a_reader_gets_the_fields_of_its_own_schema():
    battery = {"name": "battery", "type": ["null", "double"], "default": None}
    second = FIRST | {"fields": [battery, *reversed(FIELDS)]}
    assert decode_avro(encode_avro(READING, FIRST), FIRST, second) == ROW | {"battery": None}
    newer = encode_avro(ROW | {"battery": 3.1}, second)
    assert decode_avro(newer, second, FIRST) == ROW


@fetched
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda value: value[:20], "Expected|too early"),
        (lambda value: b"", "it ends too early"),
        (lambda value: value + b"more", "4 bytes are left over"),
        (lambda value: b"\0\0\0\0\1" + value, "."),
    ],
)
def test_bytes_that_are_no_such_message_are_refused_in_one_line(change, said):
    """Also if more bytes are there than the schema wants: else a newer message would be a wrong reading."""
    expected = f"^the message cannot be read with this schema: .*({said})"
    with pytest.raises(InvalidReading, match=expected) as error:
        decode_avro(change(encode_avro(READING, FIRST)), FIRST)
    assert "\n" not in str(error.value)


@fetched
def test_schemas_that_do_not_fit_are_named_and_not_shown_whole():
    said = "^the message cannot be read with this schema: .*Schema mismatch: Reading is not Another$"
    with pytest.raises(InvalidReading, match=said):
        decode_avro(encode_avro(READING, FIRST), FIRST, FIRST | {"name": "Another"})


@fetched
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sensor_id": "a"}, "val"),
        (ROW | {"val": "warm"}, "warm"),
        (ROW | {"status": "BROKEN"}, "BROKEN"),
        (ROW | {"battery": 3.1}, "battery"),
        (None, "."),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_in_one_line(fields, said):
    with pytest.raises(LabError, match=f"^This does not fit the schema: .*{said}") as error:
        encode_avro(fields, FIRST)
    assert "\n" not in str(error.value)


@fetched
@pytest.mark.parametrize("schema", [{"type": "recor"}, {}, 5, {1, 2}])
def test_a_schema_that_is_none_is_one_line(schema):
    with pytest.raises(LabError, match=r"^This is no Avro schema: \w+") as error:
        encode_avro(ROW, schema)
    assert "\n" not in str(error.value)


@fetched
def test_a_schema_may_be_changed_and_used_again():
    """What was parsed for the old one is not taken for the new one."""
    mine = json.loads(json.dumps(FIRST))
    encode_avro(READING, mine)
    mine["fields"].append({"name": "battery", "type": "double"})
    with pytest.raises(LabError, match="battery"):
        encode_avro(READING, mine)
    assert encode_avro(ROW | {"battery": 1.0}, mine)


@fetched
def test_the_kit_names_the_form_of_what_it_cannot_read():
    value = encode_avro(READING, FIRST)
    with pytest.raises(InvalidReading, match="it looks like a binary form, such as Protobuf or Avro"):
        decode_reading(value)
    with pytest.raises(InvalidReading, match=r"a schema registry's header \(schema id 7\)"):
        decode_reading(b"\0\0\0\0\7" + value)


def test_without_it_a_message_says_what_to_type(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr("lab.neighbours.avro._module", [])
    monkeypatch.setattr("lab.neighbours.avro._parsed", {})
    with pytest.raises(LabError, match=r"^fastavro 1\.13\.1 is not here: .* lab fetch avro \(4 MB, once\)"):
        encode_avro(ROW, FIRST)
