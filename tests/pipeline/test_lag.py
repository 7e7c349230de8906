"""The lag is one number, wherever it is shown."""

import os
import re

import pytest
from kafka import KafkaAdminClient, TopicPartition

import lab
from lab.clients.offsets import lag, lags
from lab.readings import Batch
from tests.support.programs import running
from tests.support.samples import numbered_readings


@pytest.mark.parametrize(
    ("stored", "first", "end", "expected"),
    [
        (None, 0, 150, 150),  # nothing is stored yet
        (None, 100, 150, 50),  # and what retention removed cannot be
        (40, 100, 150, 110),  # as Kafka's own tools count it: end offset minus stored offset
        (150, 100, 150, 0),
        (180, 100, 150, 0),  # the log was cut short
        (None, 0, 0, 0),
    ],
)
def test_the_lag_is_the_end_offset_minus_the_stored_one(stored, first, end, expected):
    assert lag(stored, first, end) == expected
    assert lags({3: (first, end)}, {} if stored is None else {3: stored}) == {3: expected}


def test_everything_that_shows_the_lag_shows_the_same(kafka, tmp_path, monkeypatch):
    """Also where retention removed messages that are not stored: log 100 to 150, stored up to 40."""
    monkeypatch.delenv("LAB_CHECK")  # it names the state of the exercises in the tests of the notebooks
    topic, path = lab.fresh_name("lag"), tmp_path / "warehouse.db"
    topic_id = lab.create_topic(topic, **kafka).topic_id
    lab.produce(topic, numbered_readings(), interval=0, max_batches=15, **kafka)
    with KafkaAdminClient(**kafka) as admin:
        admin.delete_records({TopicPartition(topic, 0): 100})
    assert lab.topic_offsets(topic, **kafka) == {0: (100, 150)}
    with lab.Warehouse(str(path)) as warehouse:
        warehouse.store(topic, topic_id, [Batch(0, None, 40)])
        assert lab.check("10.2", warehouse, topic, {0: 110}, **kafka).state == "done"
    now, _ = lab.Dashboard(topic, str(path), **kafka).look()
    assert now.lag == {0: 110}
    place = {"LAB_TOPIC": topic, "LAB_WAREHOUSE": str(path)}
    place["LAB_BOOTSTRAP_SERVERS"] = kafka["bootstrap_servers"]
    with running("status", output=tmp_path / "status.txt", **os.environ | place) as status:
        assert status.wait() == 0
        assert re.search(r"^0 +150 +40 +110 +nobody$", status.text, re.MULTILINE), status.text
