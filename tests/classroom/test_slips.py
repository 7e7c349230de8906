"""What does the kit say to an everyday slip? One line: what was found, and what to type."""

import inspect
import pickle

import numpy
import pytest

import lab
from lab.consumer import consume
from lab.errors import LabError, WarehouseError
from lab.topics import Partition, Topic

NOBODY = {"bootstrap_servers": "127.0.0.1:1"}  # a slip is found before anything is asked of Kafka
TOPIC = Topic("mine", "id", (Partition(0, 1, (1,), (1,)),))
READINGS = next(lab.simulate_readings(3, seed=1))
OPEN = "open it first, by warehouse = Warehouse(settings.warehouse_url)."

SLIPS = {
    "create_topic was not told where Kafka is: add **settings.kafka as its last argument.": [
        lambda: lab.create_topic("mine"),
        lambda: lab.create_topic("mine", num_partitions=4),
        lambda: lab.create_topic("mine", kafka=NOBODY),
    ],
    "read_records was not told where Kafka is: add **settings.kafka as its last argument.": [
        lambda: lab.read_records("mine")
    ],
    "produce was not told where Kafka is: add **settings.kafka as its last argument.": [
        lambda: lab.produce("mine", [READINGS])
    ],
    "Dashboard was not told where Kafka is: add **settings.kafka as its last argument.": [
        lambda: lab.Dashboard("mine", "warehouse.db")
    ],
    "describe_topic was given settings.kafka without its two stars: write **settings.kafka.": [
        lambda: lab.describe_topic("mine", NOBODY),
        lambda: lab.describe_topic(NOBODY),
    ],
    "produce was given settings.kafka without its two stars: write **settings.kafka.": [
        lambda: lab.produce("mine", NOBODY),
        lambda: lab.produce("mine", [READINGS], NOBODY),
    ],
    "produce has no argument max_batch: did you mean max_batches?": [
        lambda: lab.produce("mine", [READINGS], max_batch=10, **NOBODY)
    ],
    "create_topic has no argument partitions: did you mean num_partitions?": [
        lambda: lab.create_topic("mine", partitions=4, **NOBODY)
    ],
    "create_topic has no argument retention_ms: help(create_topic) lists them. "
    "A setting of the topic goes into configs={'retention.ms': ...}.": [
        lambda: lab.create_topic("mine", retention_ms=1, **NOBODY)
    ],
    "describe_topic has no argument bootstrap_server: did you mean bootstrap_servers?": [
        lambda: lab.describe_topic("mine", bootstrap_server="localhost:9092")
    ],
    "describe_topic has no argument zzz: help(describe_topic) lists them.": [
        lambda: lab.describe_topic("mine", zzz=1, **NOBODY)
    ],
    "num_partitions is the text '4': write num_partitions=4, without the quotes.": [
        lambda: lab.create_topic("mine", num_partitions="4", **NOBODY)
    ],
    "interval is the text '0.5': write interval=0.5, without the quotes.": [
        lambda: lab.produce("mine", [READINGS], interval="0.5", **NOBODY)
    ],
    "max_batches is the text '10': write max_batches=10, without the quotes.": [
        lambda: lab.produce("mine", [READINGS], max_batches="10", **NOBODY)
    ],
    "max_batches is 1.5: give a whole number, such as max_batches=10.": [
        lambda: lab.produce("mine", [READINGS], max_batches=1.5, **NOBODY)
    ],
    "interval is the text 'often': give a number.": [
        lambda: lab.produce("mine", [READINGS], interval="often", **NOBODY)
    ],
    "sensors is a list: give a number, such as sensors=10.": [lambda: lab.simulate_readings([1, 2])],
    "topic is a list: give a name, such as topic='my-first'.": [
        lambda: lab.describe_topic(["mine"], **NOBODY)
    ],
    "topic is the name 'mine', and a Topic is needed: write describe_topic('mine', **settings.kafka)"
    " instead.": [lambda: lab.plot_replicas("mine")],
    f"warehouse is a text, and an open warehouse is needed: {OPEN}": [
        lambda: lab.consume("mine", "sqlite:///warehouse.db", **NOBODY),
        lambda: lab.list_dead_letters("sqlite:///warehouse.db"),
    ],
    "produce takes batches, that is lists of readings, and found a reading by itself: write [readings]"
    " instead of readings.": [
        lambda: lab.produce("mine", READINGS, **NOBODY),
        lambda: lab.produce("mine", iter(READINGS), **NOBODY),
    ],
    "produce takes lists of readings, and found a text: make it a reading, by"
    " Reading(sensor_id, val, unit, status, ts).": [
        lambda: lab.produce("mine", ["hello"], **NOBODY),
        lambda: lab.produce("mine", [["hello"]], **NOBODY),
    ],
    "produce takes lists of readings, and found a dict: make it a reading, by"
    " Reading(sensor_id, val, unit, status, ts).": [lambda: lab.produce("mine", [{"val": 1}], **NOBODY)],
    "batches is a function without its (): give lists of readings, such as batches=simulate_readings(3).": [
        lambda: lab.produce("mine", lab.simulate_readings, **NOBODY)
    ],
    "batches is None: give lists of readings, such as batches=simulate_readings(3).": [
        lambda: lab.produce("mine", None, **NOBODY)
    ],
}


@pytest.mark.parametrize(("slip", "said"), [(slip, said) for said, slips in SLIPS.items() for slip in slips])
def test_a_slip_is_answered_by_one_line(slip, said):
    with pytest.raises(LabError) as caught:
        slip()
    assert str(caught.value) == said


def test_max_messages_as_text(tmp_path):
    with lab.Warehouse(str(tmp_path / "w.db")) as warehouse, pytest.raises(LabError, match="max_messages=5"):
        lab.consume("mine", warehouse, max_messages="5", **NOBODY)


def test_an_open_warehouse_where_its_url_is_meant(tmp_path):
    said = "warehouse is an open warehouse, and its URL is needed"
    with lab.Warehouse(str(tmp_path / "w.db")) as warehouse, pytest.raises(LabError, match=said):
        lab.read_sensor_logs(warehouse)


USES = {
    "consume": lambda warehouse: lab.consume("mine", warehouse, **NOBODY),
    "query": lambda warehouse: warehouse.query("SELECT 1"),
    "execute": lambda warehouse: warehouse.execute("DELETE FROM sensor_logs"),
    "next_offsets": lambda warehouse: warehouse.next_offsets("id"),
    "list_dead_letters": lab.list_dead_letters,
    "replay": lambda warehouse: lab.replay(warehouse, 1, **NOBODY),
}


@pytest.mark.parametrize("use", USES)
def test_a_closed_warehouse_says_how_to_open_it_again(use, database, tmp_path):
    warehouse = lab.Warehouse(database or str(tmp_path / "w.db"))
    warehouse.close()
    warehouse.close()
    with pytest.raises(WarehouseError) as caught:
        USES[use](warehouse)
    assert str(caught.value) == f"{warehouse.name} is closed. Open it again: warehouse = Warehouse(url)."


def test_a_topic_where_its_name_is_meant_and_numbers_of_numpy_work(kafka, tmp_path):
    topic = lab.create_topic(lab.fresh_name("slips"), num_partitions=numpy.int64(2), **kafka)
    assert len(topic.partitions) == 2
    assert lab.create_topic(topic, **kafka) == lab.describe_topic(topic, **kafka) == topic
    batches = lab.simulate_readings(numpy.int32(2), seed=numpy.int64(1))
    sent = lab.produce(topic, batches, interval=numpy.float64(0), max_batches=numpy.int64(3), **kafka)
    assert sent.acknowledged == 6
    assert sum(end for _, end in lab.topic_offsets(topic, **kafka).values()) == 6
    assert len(list(lab.read_records(topic, **kafka))) == 6
    with lab.Warehouse(str(tmp_path / "w.db")) as warehouse:
        found = lab.consume(topic, warehouse, group_id=topic, max_messages=numpy.int64(6), **kafka)
    assert found.stored == 6
    assert sum(lab.group_offsets(topic, topic, **kafka).values()) == 6


def test_a_batch_is_not_taken_before_it_is_sent(kafka):
    """So that the next call goes on with the rest."""
    topic, batches = lab.fresh_name("slips"), iter([READINGS] * 5)
    lab.create_topic(topic, **kafka)
    lab.produce(topic, batches, interval=0, max_batches=2, **kafka)
    assert len(list(batches)) == 3


def test_a_batch_may_be_a_generator_or_empty(kafka):
    topic = lab.fresh_name("slips")
    lab.create_topic(topic, **kafka)
    batches = [(reading for reading in READINGS), [], tuple(READINGS)]
    assert lab.produce(topic, batches, interval=0, **kafka).acknowledged == 6


def test_python_says_itself_what_is_missing():
    with pytest.raises(TypeError, match=r"produce\(\) missing 1 required positional argument: 'batches'"):
        lab.produce("mine", **NOBODY)


def test_a_function_of_the_door_is_always_the_same_and_knows_its_help():
    assert lab.consume is lab.consume
    assert pickle.loads(pickle.dumps(lab.consume)) is lab.consume
    assert lab.consume.__doc__ == consume.__doc__
    assert inspect.signature(lab.consume) == inspect.signature(consume)
