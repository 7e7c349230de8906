"""Dead letters: listed, mended, and sent again once, on a real broker."""

import threading
from contextlib import contextmanager

import pytest
from kafka import KafkaProducer

import lab
from lab.dead_letters import HEADER, SENDING, ReplayError
from lab.errors import InvalidReading
from lab.readings import Batch, DeadLetter
from tests.support.ledger import read_log

GOOD = b'{"sensor_id":"t-1","val":21.5,"unit":"C","status":"OK","ts":"2026-01-31T12:00:00+00:00"}'
BAD = GOOD.replace(b"21.5", b'"warm"')
HEADERS = [("trace", b"\x00\xff 7"), ("trace", b"again"), ("Müller \x00", b""), (HEADER, b"one before")]


@pytest.fixture
def topic(kafka):
    topic = lab.fresh_name("letters")
    lab.create_topic(topic, num_partitions=2, **kafka)
    return topic


@pytest.fixture
def letter(topic, warehouse, kafka):
    """One dead letter, and nothing else, in the topic and in the warehouse."""
    with KafkaProducer(**kafka) as producer:
        producer.send(topic, BAD, b"t-1", headers=list(HEADERS)).get(timeout=10)
    consume(topic, warehouse, kafka)
    (letter,) = lab.list_dead_letters(warehouse)
    return letter


def consume(topic, warehouse, kafka, messages=1):
    return lab.consume(topic, warehouse, group_id=topic, max_messages=messages, idle_timeout=10, **kafka)


def test_a_letter_has_the_message_as_it_was_and_the_reason(letter, topic):
    assert (letter.topic, letter.key, letter.value, letter.replayed) == (topic, b"t-1", BAD, None)
    assert letter.error == 'val: expected a finite number, found "warm"'
    assert (letter.offset, letter.headers) == (0, HEADERS)


# Fixing.


def test_some_fields_are_changed_and_the_others_stay():
    fixed = lab.decode_reading(lab.fix_value(BAD, {"val": 21.5}))
    assert fixed == lab.decode_reading(GOOD)


@pytest.mark.parametrize("value", [None, b"", b"warm today", b"[]", b"[" * 100_000])
def test_without_fields_there_is_nothing_to_change(value):
    with pytest.raises(ReplayError, match=r"There are no fields to change .+: give a whole new value"):
        lab.fix_value(value, {"val": 1})


# Sending it again.


def test_a_header_without_a_value_is_kept_and_sent_as_an_empty_one(topic, warehouse, kafka):
    """Other clients send such; kafka-python takes none."""
    letter = DeadLetter(0, b"t-1", BAD, "no reading", [("trace", None)])
    warehouse.store(topic, "id-of-the-topic", [Batch(0, None, 1, dead_letters=[letter])])
    assert [x.headers for x in lab.list_dead_letters(warehouse)] == [[("trace", None)]]
    lab.replay(warehouse, 1, GOOD, **kafka)
    assert [record.headers[0] for record in read_log(topic, **kafka)] == [("trace", b"")]


def test_a_mended_letter_is_stored_marked_and_traceable(letter, topic, warehouse, kafka):
    place = lab.replay(warehouse, letter.id, GOOD, **kafka)
    assert consume(topic, warehouse, kafka).stored == 1
    assert warehouse.query("SELECT sensor_id, val FROM sensor_logs") == [("t-1", 21.5)]
    assert [x.replayed for x in lab.list_dead_letters(warehouse)] == [place]
    record = next(r for r in read_log(topic, **kafka) if r.value == GOOD)
    assert place == f"{topic}-{record.partition}@{record.offset}"
    assert record.key == b"t-1"
    assert record.headers == [*HEADERS, (HEADER, letter.name.encode())]


def test_a_second_replay_is_refused_and_names_the_first(letter, topic, warehouse, kafka):
    place = lab.replay(warehouse, letter.id, GOOD, **kafka)
    with pytest.raises(ReplayError, match=f"Dead letter 1 was replayed before, as {place}"):
        lab.replay(warehouse, letter.id, GOOD, **kafka)
    assert len(read_log(topic, **kafka)) == 2


def test_a_letter_that_is_still_no_reading_is_not_sent(letter, topic, warehouse, kafka):
    with pytest.raises(InvalidReading, match="val: expected a finite number"):
        lab.replay(warehouse, letter.id, **kafka)
    assert len(read_log(topic, **kafka)) == 1
    assert [x.replayed for x in lab.list_dead_letters(warehouse)] == [None]


def test_a_letter_that_is_not_there_is_said(warehouse, kafka):
    with pytest.raises(ReplayError, match="There is no dead letter 7 in"):
        lab.replay(warehouse, 7, GOOD, **kafka)


@contextmanager
def crash_while_sending(monkeypatch, was_sent):
    """The program dies between sending a message and writing that down."""
    real = lab.dead_letters._send

    def send(*arguments):
        if was_sent:
            real(*arguments)
        raise SystemExit("dies")

    with monkeypatch.context() as patch:
        patch.setattr("lab.dead_letters._send", send)
        yield


@pytest.mark.parametrize("was_sent", [True, False])
def test_a_crash_in_the_middle_still_sends_it_once(letter, topic, warehouse, kafka, monkeypatch, was_sent):
    with crash_while_sending(monkeypatch, was_sent), pytest.raises(SystemExit):
        lab.replay(warehouse, letter.id, GOOD, **kafka)
    assert [x.replayed for x in lab.list_dead_letters(warehouse)] == [SENDING]
    place = lab.replay(warehouse, letter.id, GOOD, **kafka)
    assert [r.value for r in read_log(topic, **kafka)].count(GOOD) == 1
    assert [x.replayed for x in lab.list_dead_letters(warehouse)] == [place]


def test_of_two_who_replay_at_once_one_sends(letter, topic, warehouse, kafka):
    said, start = [], threading.Barrier(2)

    def replay():
        with lab.Warehouse(str(warehouse.name)) as own:
            start.wait(10)
            try:
                said.append(lab.replay(own, letter.id, GOOD, **kafka))
            except ReplayError as error:
                said.append(str(error))

    threads = [threading.Thread(target=replay) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum("was replayed before" in line for line in said) == 1
    assert len(read_log(topic, **kafka)) == 2
