"""Producer, Kafka, consumer and warehouse together, on the real broker."""

import threading
from itertools import islice

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.abstract import ConsumerProtocolAssignment
from kafka.coordinator.assignors.range import RangePartitionAssignor

import lab
from lab.consumer import ConsumeSummary
from tests.support.ledger import read_log, row, take_ledger
from tests.support.marks import DELETES_TOPIC
from tests.support.samples import numbered_readings
from tests.support.waiting import wait_for


@pytest.fixture
def topic():
    return lab.fresh_name("pipeline")


def produced(topic, kafka, batches=10, sensors=3, **options):
    readings = list(islice(lab.simulate_readings(sensors, seed=7, start=lab.SAMPLE_DAY, **options), batches))
    summary = lab.produce(topic, readings, interval=0, **kafka)
    assert (summary.acknowledged, summary.unsent) == (batches * sensors, 0)
    return [reading for batch in readings for reading in batch]


def consumed(topic, warehouse, kafka, **options):
    idle = 30 if "max_messages" in options else 2  # on a slow machine the first message takes a while
    options = {"group_id": topic, "idle_timeout": idle} | options
    return lab.consume(topic, warehouse, **options, **kafka)


def rows(warehouse):
    return warehouse.query("SELECT sensor_id, val, unit, status, ts FROM sensor_logs ORDER BY id")


def test_what_is_produced_is_stored_in_order_as_it_was(kafka, topic, warehouse):
    readings = produced(topic, kafka)
    summary = consumed(topic, warehouse, kafka, max_messages=30)
    assert rows(warehouse) == [row(reading) for reading in readings]
    assert (summary.stored, summary.dead_letters, summary.lag) == (30, 0, {0: 0})


def test_the_key_is_the_sensor_and_keeps_it_on_one_partition(kafka, topic):
    lab.create_topic(topic, num_partitions=3, **kafka)
    produced(topic, kafka, sensors=6)
    places = {(record.key.decode(), record.partition) for record in read_log(topic, **kafka)}
    assert len(places) == 6  # six sensors, and none on two partitions
    assert len({partition for _, partition in places}) > 1


def test_a_second_run_goes_on_where_the_first_ended(kafka, topic, warehouse):
    readings = produced(topic, kafka)
    assert consumed(topic, warehouse, kafka, max_messages=12).stored == 12
    assert consumed(topic, warehouse, kafka).stored == 18
    assert consumed(topic, warehouse, kafka, idle_timeout=1).stored == 0
    assert rows(warehouse) == [row(reading) for reading in readings]


def test_another_warehouse_starts_from_the_beginning(kafka, topic, warehouse, tmp_path):
    """The place is the warehouse's: what Kafka has committed for the group does not matter."""
    produced(topic, kafka)
    consumed(topic, warehouse, kafka, max_messages=30)
    with lab.Warehouse(str(tmp_path / "other.db")) as other:
        assert consumed(topic, other, kafka, max_messages=30).stored == 30


def test_a_warehouse_behind_kafkas_committed_offset_misses_nothing(kafka, topic, warehouse):
    produced(topic, kafka)
    with KafkaConsumer(group_id=topic, **kafka) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek_to_end()
        consumer.position(TopicPartition(topic, 0))
        consumer.commit()
    assert consumed(topic, warehouse, kafka, max_messages=30).stored == 30


def test_kafkas_own_offset_follows_for_the_tools_that_show_lag(kafka, topic, warehouse):
    produced(topic, kafka)
    consumed(topic, warehouse, kafka, max_messages=20)
    with KafkaConsumer(group_id=topic, **kafka) as consumer:
        assert consumer.committed(TopicPartition(topic, 0)) == 20


def test_three_partitions_are_all_read(kafka, topic, warehouse):
    lab.create_topic(topic, num_partitions=3, **kafka)
    produced(topic, kafka, batches=50, sensors=6)
    assert consumed(topic, warehouse, kafka, max_messages=300).stored == 300
    assert take_ledger(topic, kafka["bootstrap_servers"], warehouse.name).clean
    ends = {number: end for number, (_, end) in lab.topic_offsets(topic, **kafka).items()}
    assert warehouse.next_offsets(lab.describe_topic(topic, **kafka).topic_id) == ends


def test_the_topic_need_not_be_made_first(kafka, topic, warehouse):
    """A consumer that comes before the first message gets it too."""
    stop = threading.Event()
    got = []
    consumer = threading.Thread(
        target=consumed,
        args=(topic, warehouse, kafka),
        kwargs={"idle_timeout": None, "stop": stop, "on_stored": got.extend},
    )
    consumer.start()
    readings = produced(topic, kafka)
    try:
        wait_for(lambda: len(got) == len(readings))
    finally:
        stop.set()
        consumer.join(10)
    assert got == readings


def test_produce_sends_a_batch_every_interval(kafka, topic):
    summary = lab.produce(topic, lab.simulate_readings(), interval=0.2, max_batches=4, **kafka)
    assert summary.acknowledged == 12
    stamps = sorted({record.timestamp for record in read_log(topic, **kafka)})
    first_of_batch = [stamp for n, stamp in enumerate(stamps) if n == 0 or stamp - stamps[n - 1] > 100]
    assert len(first_of_batch) == 4
    assert summary.seconds >= 0.6  # between four batches lie three intervals


def test_a_reading_that_nothing_follows_is_not_kept_back(kafka, topic):
    """At full speed messages wait for others. This source gives no other until the first is in the log."""
    lab.create_topic(topic, **kafka)

    def source():
        yield next(numbered_readings())[:1]
        wait_for(lambda: sum(end for _, end in lab.topic_offsets(topic, **kafka).values()) == 1)

    assert lab.produce(topic, source(), interval=0, **kafka).acknowledged == 1


def test_produce_ends_when_it_is_stopped(kafka, topic):
    stop = threading.Event()
    sent = []

    def stop_after_three(batch):
        sent.append(batch)
        if len(sent) == 3:
            stop.set()

    summary = lab.produce(
        topic, lab.simulate_readings(), interval=0, stop=stop, on_batch=stop_after_three, **kafka
    )
    assert (summary.acknowledged, summary.unsent) == (9, 0)


BAD = [b"", b"not json", b"\xff\xfe", b"{}", b"[1, 2]", b"null", None, b"[" * 100_000, b"x" * 900_000]


def test_bad_messages_become_dead_letters_byte_for_byte(kafka, topic, warehouse):
    with KafkaProducer(**kafka) as producer:
        for value in BAD:
            producer.send(topic, value, b"key")
    produced(topic, kafka)
    summary = consumed(topic, warehouse, kafka, max_messages=len(BAD) + 30)
    assert (summary.stored, summary.dead_letters) == (30, len(BAD))
    letters = lab.list_dead_letters(warehouse)
    assert [(x.topic, x.partition, x.offset, x.key, x.value) for x in letters] == [
        (topic, 0, n, b"key", value) for n, value in enumerate(BAD)
    ]
    assert all(letter.error for letter in letters)


@DELETES_TOPIC
def test_a_topic_made_anew_is_read_from_its_start(kafka, topic, warehouse):
    """Same name, other id: the old offset would skip what is there now."""
    from kafka import KafkaAdminClient

    produced(topic, kafka, batches=20)
    consumed(topic, warehouse, kafka, max_messages=60)
    with KafkaAdminClient(**kafka) as admin:
        admin.delete_topics([topic])
        wait_for(lambda: topic not in admin.list_topics())
    lab.create_topic(topic, **kafka)
    produced(topic, kafka, batches=30)
    assert consumed(topic, warehouse, kafka, max_messages=90).stored == 90
    assert len(rows(warehouse)) == 150


def test_messages_gone_from_the_log_are_a_gap_that_is_said(kafka, topic, warehouse, caplog):
    from kafka import KafkaAdminClient

    produced(topic, kafka, batches=20)
    consumed(topic, warehouse, kafka, max_messages=10)
    with KafkaAdminClient(**kafka) as admin:
        admin.delete_records({TopicPartition(topic, 0): 40})
    summary = consumed(topic, warehouse, kafka)
    assert (summary.stored, summary.lost_to_retention) == (20, 30)
    assert warehouse.query("SELECT topic, first_offset, next_offset FROM gaps") == [(topic, 10, 40)]
    assert "from offset 10 up to 39 are no longer in the log" in caplog.text


def test_two_consumers_of_one_group_share_and_repeat_nothing(kafka, topic, tmp_path):
    lab.create_topic(topic, num_partitions=4, **kafka)
    stop = threading.Event()
    summaries = []

    def consumer():
        with lab.Warehouse(str(tmp_path / "shared.db")) as warehouse:
            summaries.append(consumed(topic, warehouse, kafka, idle_timeout=None, stop=stop))

    threads = [threading.Thread(target=consumer) for _ in range(2)]
    for thread in threads:
        thread.start()
    lab.produce(topic, numbered_readings(), interval=0.01, max_batches=200, **kafka)
    try:
        wait_for(lambda: take_ledger(topic, kafka["bootstrap_servers"], tmp_path / "shared.db").lost == 0)
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    ledger = take_ledger(topic, kafka["bootstrap_servers"], tmp_path / "shared.db")
    assert (ledger.produced, ledger.stored, ledger.lost, ledger.twice) == (2000, 2000, 0, 0)
    assert sum(summary.stored for summary in summaries) == 2000


def test_partitions_that_the_group_gave_to_nobody_are_taken(kafka, topic, warehouse, monkeypatch):
    """kafka-python assigned before it knew the topic, and never looked again."""
    lab.create_topic(topic, **kafka)
    lab.produce(topic, lab.simulate_readings(seed=1), interval=0, max_batches=3, **kafka)
    real, summary = RangePartitionAssignor.assign, ConsumeSummary()

    def assign(cluster, members):
        if summary.reconnects:
            return real(cluster, members)
        nothing = ConsumerProtocolAssignment(RangePartitionAssignor.version, [], b"")
        return {member.member_id: nothing for member in members}

    monkeypatch.setattr(RangePartitionAssignor, "assign", staticmethod(assign))
    bounds = {"max_messages": 9, "idle_timeout": 40}
    lab.consume(topic, warehouse, group_id=topic, summary=summary, **bounds, **kafka)
    assert (summary.stored, summary.reconnects) == (9, 1)


def test_a_name_that_no_topic_can_have_is_refused(kafka, warehouse):
    """And not tried again for ever, as a broken client would be."""
    with pytest.raises(lab.LabError, match="'no name' cannot be the name of a topic"):
        lab.consume("no name", warehouse, idle_timeout=5, **kafka)


def test_a_summary_that_is_past_its_bound_ends_at_once(kafka, topic, warehouse):
    summary = ConsumeSummary(stored=7)
    assert lab.consume(topic, warehouse, max_messages=5, summary=summary, **kafka).stored == 7
