"""Each line "With Kafka's own tools: ..." of a lesson works as it is written, after that lesson."""

import os
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka import KafkaConsumer, KafkaProducer

import lab
from tests.support.tool_lines import lines_of, run_line

TYPED = "21.5 °C\nin the café\n"
# {lesson: what its line must print}. That of lesson 03 prints nothing: it sends what is typed.
PRINTED = {
    "01": r"^sensor-data$",
    "02": r"Topic: sensor-data\tTopicId: .+PartitionCount: 1\t.*\n.*Leader: 1\tReplicas: 1\tIsr: 1",
    "03": r"",
    "04": r'^{"sensor_id":"temperature-1",.+"unit":"°C",[^§]+Processed a total of 5 messages',
    "05": r"^lesson-05-\w+:0:9$",
    # Java writes the fields of a line in any order.
    "06": r'^(?=.*"value":"4")(?=.*"offset":4\b).*"producer_send_success"[^§]*^(?=.*"sent":5\b).*"acked":5\b',
    "07": r"^NO_HEADERS\twarm today\n[^§]*^dead-letter:4\t{}$",
    "08": r"GROUP +TOPIC .+CURRENT-OFFSET +LOG-END-OFFSET +LAG[^§]+^(lesson-08-\w+) +\1 +0 +6 +9 +3 ",
    "09": r"^LeaderId: +1\n[^§]*^CurrentVoters: .*CONTROLLER",
}


def test_each_lesson_has_one():
    assert {lesson: len(lines_of(lesson)) for lesson in PRINTED} == dict.fromkeys(PRINTED, 1)


@pytest.fixture
def left(own_broker):
    """A broker with what the lessons leave on it."""
    kafka = {"bootstrap_servers": own_broker.bootstrap_servers}
    lab.create_topic("sensor-data", **kafka)
    topics = {
        n: lab.create_topic(lab.fresh_name(f"lesson-{n}"), **kafka).name for n in ("04", "05", "07", "08")
    }
    for number, batches in (("04", 5), ("05", 3), ("08", 3)):
        lab.produce(topics[number], lab.simulate_readings(3), interval=0, max_batches=batches, **kafka)
    with KafkaProducer(**kafka) as producer:
        for _ in range(66):
            producer.send(topics["07"], b"warm today")
        producer.send(topics["07"], b"{}", headers=[("dead-letter", b"4")])
    group = {"group_id": topics["08"], "auto_offset_reset": "earliest", "enable_auto_commit": False}
    with KafkaConsumer(topics["08"], **group, **kafka) as consumer:
        lab.wait_until(lambda: consumer.poll(timeout_ms=500, max_records=6))
        consumer.commit()
    return own_broker


def test_each_works_as_it_is_written(left, tmp_path, capsys):
    typed = {lesson: lines_of(lesson)[0] for lesson in PRINTED}
    place = {"LAB_BOOTSTRAP_SERVERS": left.bootstrap_servers, "LAB_HOME": str(tmp_path)}
    with ThreadPoolExecutor(2) as pool:
        said = dict(zip(typed, pool.map(lambda line: run_line(line, place, TYPED), typed.values())))
    for lesson, expected in PRINTED.items():
        assert re.search(expected, said[lesson], re.MULTILINE), f"{typed[lesson]}\n{said[lesson]}"
    sent = [r.value.decode() for r in lab.read_records("typed", bootstrap_servers=left.bootstrap_servers)]
    assert sent == TYPED.splitlines()
    show_the_segment(left, capsys)


def show_the_segment(broker, capsys):
    """As lesson 01 does. The first line is the command: typed again, it would print the same."""
    log = next(broker.home.glob("broker-1/data/typed-0/*.log"))
    lab.kafka_tool("dump-log", "--print-data-log", "--files", log)
    command, _, *said = capsys.readouterr().out.splitlines()
    typed = subprocess.list2cmdline([str(log)]) if os.name == "nt" else shlex.quote(str(log))
    assert command == f"python -m lab kafka dump-log --print-data-log --files {typed}"
    messages = [line for line in said if line.startswith("| offset: ")]
    assert [line.partition(" payload: ")[2] for line in messages] == TYPED.splitlines()
