"""What a consumer can be given in place of a warehouse, as CONTRIBUTING.md shows it."""

import re
from pathlib import Path

from kafka import KafkaProducer

import lab
from lab.clients.connection import connect

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"


def test_the_retry_topic_of_the_page_sends_on_what_is_no_reading(kafka, warehouse):
    (code,) = re.findall(
        r"```python\n(class RetryTopic.+?)```", CONTRIBUTING.read_text(encoding="utf-8"), re.DOTALL
    )
    names: dict = {}
    exec(code, names)
    topic = lab.fresh_name("sinks")
    lab.produce(topic, lab.simulate_readings(seed=1), interval=0, max_batches=2, **kafka)
    with connect(KafkaProducer, **kafka) as producer:
        producer.send(topic, b"no reading", b"key", headers=[("from", b"the attic")]).get(10)
        sink = names["RetryTopic"](warehouse, producer, f"{topic}-retry")
        summary = lab.consume(topic, sink, group_id=topic, max_messages=7, **kafka)
    assert (summary.stored, summary.dead_letters) == (6, 1)
    (sent,) = lab.read_records(f"{topic}-retry", **kafka)
    (letter,) = lab.list_dead_letters(warehouse)
    assert (sent.value, sent.key) == (letter.value, letter.key) == (b"no reading", b"key")
    assert sent.headers == [("from", b"the attic"), ("reason", letter.error.encode())]
