"""The message: what is a reading comes through unchanged, and all else is refused with a reason."""

import gzip
import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab.errors import InvalidReading
from lab.readings import Reading, decode_reading, encode_reading
from tests.support.marks import few

GOOD = {
    "sensor_id": "temperature-1",
    "val": 21.5,
    "unit": "°C",
    "status": "OK",
    "ts": "2026-01-31T12:00:00+00:00",
}
READING = Reading("temperature-1", 21.5, "°C", "OK", datetime(2026, 1, 31, 12, tzinfo=UTC))
FIELDS = "expected an object with the fields sensor_id, val, unit, status, ts"
A_TIME = "ts: expected a time with its offset, such as 2026-01-31T12:00:00+00:00, found"


def message(**changes) -> bytes:
    """A good message with some fields changed; ... removes one."""
    fields = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return json.dumps(fields, ensure_ascii=False).encode()


def reason(value: bytes | None) -> str:
    with pytest.raises(InvalidReading) as refused:
        decode_reading(value)
    return str(refused.value)


def test_a_good_message_is_read():
    assert decode_reading(message()) == READING


def test_a_reading_is_written_as_one_json_object():
    assert json.loads(encode_reading(READING)) == GOOD | {"ts": "2026-01-31T12:00:00Z"}


def test_a_field_that_we_do_not_know_is_ignored():
    """A newer producer does not break an older reader."""
    assert decode_reading(message(battery=0.9)) == READING


def test_a_time_elsewhere_is_turned_into_utc():
    assert decode_reading(message(ts="2026-01-31T17:30:00+05:30")).ts.isoformat() == GOOD["ts"]


NOT_JSON = "the message is not JSON: JSON is malformed: invalid character (byte {})"
NO_PAIR = "the message is not JSON: JSON is malformed: invalid utf-16 surrogate pair (byte 21)"
NUL = "sensor_id or unit: found the character NUL, which no database keeps in a text"
LOOKS = "the message is not JSON: it looks like {}"
BINARY = LOOKS.format("a binary form, such as Protobuf or Avro")
REGISTRY = LOOKS.format("Avro, or another form, with a schema registry's header (schema id 7)")
BAD = {
    "empty": (b"", "the message is empty"),
    "tombstone": (None, "the message has no value at all (a tombstone)"),
    "not UTF-8": (
        message().decode().encode("latin-1"),
        "the message is not UTF-8 text: invalid start byte",
    ),
    "not JSON": (b"warm today", NOT_JSON.format(0)),
    "cut off": (message()[:-9], "the message is not JSON: Input data was truncated"),
    "a list": (b"[]", f"{FIELDS}: Expected `object`, got `array`"),
    "null": (b"null", f"{FIELDS}: Expected `object`, got `null`"),
    "no field": (b"{}", "sensor_id: missing; expected a text of 1 to 200 characters"),
    "no val": (message(val=...), "val: missing; expected a finite number"),
    "val a text": (message(val="21.5"), 'val: expected a finite number, found "21.5"'),
    "val null": (message(val=None), "val: expected a finite number, found null"),
    "val true": (message(val=True), "val: expected a finite number, found true"),
    "no name": (message(sensor_id=""), 'sensor_id: expected a text of 1 to 200 characters, found ""'),
    "name a number": (message(sensor_id=7), "sensor_id: expected a text of 1 to 200 characters, found 7"),
    "status unknown": (message(status="ok"), 'status: expected OK, WARNING or CRITICAL, found "ok"'),
    "NaN": (message(val=float("nan")), NOT_JSON.format(38)),
    "infinite": (message(val=float("inf")), NOT_JSON.format(38)),
    "infinite once read": (
        message().replace(b"21.5", b"1e999"),
        "val: expected a finite number, found 1e999",
    ),
    "no time": (message(ts="yesterday"), f'{A_TIME} "yesterday"'),
    "time without offset": (message(ts="2026-01-31T12:00:00"), f'{A_TIME} "2026-01-31T12:00:00"'),
    "time a number": (message(ts=1769860800), f"{A_TIME} 1769860800"),
    "time before year 1": (message(ts="0001-01-01T00:00:00+14:00"), f"{A_TIME} a year out of range"),
    "0.9 MB in a field": (
        message(unit="x" * 900_000),
        f'unit: expected a text of at most 50 characters, found "{"x" * 56}...',
    ),
    "0.9 MB of zeros": (b"\0" * 900_000, BINARY),
    "100,000 brackets": (b"[" * 100_000, f"{FIELDS}: Expected `object`, got `array`"),
    # So many that Python 3.14 gives up too, which counts the memory and not the depth.
    "450,000 brackets in val": (
        message().replace(b"21.5", b"[" * 450_000 + b"]" * 450_000),
        "val: expected a finite number, found something else",
    ),
    "900,000 brackets in a field of others": (
        b'{"a":' + b"[" * 900_000,
        "the message is nested too deeply to be a reading",
    ),
    "NUL in a name": (message(sensor_id="a\0"), NUL),
    "NUL in a unit": (message(unit="\0"), NUL),
    "half a character": (message(sensor_id="\\udc00").replace(b"\\\\", b"\\"), NO_PAIR),
    "half a character, as bytes": (
        message(sensor_id="?").replace(b"?", b"\xed\xb0\x80"),
        "the message is not UTF-8 text: invalid continuation byte",
    ),
    "Avro of a schema registry": (b"\0\0\0\0\7\x1atemperature-1\0\0\0\0\0\x805@", REGISTRY),
    "JSON of a schema registry": (b"\0\0\0\0\7" + message(), REGISTRY),
    "Avro alone": (b"\x1atemperature-1\0\0\0\0\0\x805@", BINARY),
    "an Avro file": (b"Obj\1\4\x16avro.schema", LOOKS.format("an Avro file")),
    "an Avro object": (
        b"\xc3\1" + b"\x91" * 8 + b"\x1atemperature-1",
        LOOKS.format("an Avro object with the fingerprint of its schema"),
    ),
    "Protobuf": (b"\x0a\x0dtemperature-1\x11\0\0\0\0\0\x805@", BINARY),
    "MessagePack": (msgspec.msgpack.encode(GOOD), LOOKS.format("MessagePack")),
    "gzip": (gzip.compress(message()), LOOKS.format("gzip")),
    "UTF-16": (message().decode().encode("utf-16"), LOOKS.format("UTF-16 text")),
    "a byte order mark": (
        b"\xef\xbb\xbf" + message(),
        LOOKS.format("UTF-8 text behind a byte order mark"),
    ),
    "a control character in JSON": (message().replace(b"OK", b"\x1b[2J"), NOT_JSON.format(70)),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_message_is_refused_with_its_exact_reason(name):
    value, expected = BAD[name]
    assert reason(value) == expected


def test_the_largest_texts_are_taken_and_no_larger():
    assert decode_reading(message(sensor_id="x" * 200, unit="y" * 50)).unit == "y" * 50
    assert reason(message(sensor_id="x" * 201)).startswith("sensor_id: expected a text of 1 to 200")
    assert reason(message(unit="y" * 51)).startswith("unit: expected a text of at most 50")


@pytest.mark.parametrize("val", [b"[1,\n2]", b"[1,\r2]", '"\u202e"'.encode(), '"\x9b2J"'.encode()], ids=repr)
def test_a_reason_is_one_line_that_can_be_printed(val):
    """It quotes the message, and is shown in a table on a terminal."""
    assert reason(message().replace(b"21.5", val)).isprintable()


ODD_TEXTS = {
    "a family": "👨\u200d👩\u200d👧",
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dष",
    "wipes a terminal": "a\x1b[2J",
    "written backwards": "\u202etxt.exe",
    "two lines": "a\nStored: b",
    "a space that does not break": "1\u00a0000",
}


@pytest.mark.parametrize("name", ODD_TEXTS)
def test_a_name_is_any_text_that_a_database_holds(name):
    """What it could do to a terminal is a matter of who prints it: see lab.text.printable."""
    text = ODD_TEXTS[name]
    assert decode_reading(message(sensor_id=text, unit=text)) == msgspec.structs.replace(
        READING, sensor_id=text, unit=text
    )


# Whatever comes: a Reading, or InvalidReading.


def decodes_or_is_refused(value: bytes) -> None:
    try:
        reading = decode_reading(value)
    except InvalidReading as refused:
        assert str(refused)
    else:
        assert (type(reading), reading.ts.tzinfo) == (Reading, UTC)
        assert decode_reading(encode_reading(reading)) == reading


@few
@given(st.binary())
def test_arbitrary_bytes(value):
    decodes_or_is_refused(value)


@few
@given(st.integers(0, len(message())), st.integers(0, 4), st.binary(max_size=4))
def test_a_good_message_with_a_wound(at, removed, put):
    decodes_or_is_refused(message()[:at] + put + message()[at + removed :])


hostile = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["OK", "ok", "", "\0", "\x1b[2J", "\u202e", "' OR 1=1 --", "x" * 300, 10**400]),
    st.datetimes(timezones=st.sampled_from([None, UTC])).map(lambda ts: ts.isoformat()),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"]),
    st.recursive(st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5),
)


@few
@given(st.fixed_dictionaries({}, optional={name: st.just(GOOD[name]) | hostile for name in GOOD}))
@example(GOOD | {"val": -0.0})
def test_nearly_valid_json(fields):
    decodes_or_is_refused(json.dumps(fields, ensure_ascii=True).encode())


@few
@given(st.sampled_from(sorted(GOOD)), st.text(st.characters(), min_size=1))
def test_hostile_text_in_any_field(name, text):
    value = json.dumps(GOOD | {name: text}, ensure_ascii=False).encode(errors="surrogatepass")
    decodes_or_is_refused(value)


letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@few
@given(
    st.builds(
        Reading,
        st.text(letters, min_size=1, max_size=200),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(letters, max_size=50),
        st.sampled_from(["OK", "WARNING", "CRITICAL"]),
        st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=offsets),
    )
)
def test_what_is_encoded_is_decoded_as_it_was(reading):
    decoded = decode_reading(encode_reading(reading))
    assert decoded == reading
    assert decoded.ts.isoformat() == reading.ts.astimezone(UTC).isoformat()
