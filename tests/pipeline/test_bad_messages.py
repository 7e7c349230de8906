"""Ten thousand messages of every kind through the real pipeline: each is a row or a dead letter."""

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kafka import KafkaProducer

import lab
from lab.warehouse import Warehouse
from tests.support.ledger import take_ledger

GOOD = {"sensor_id": "s", "val": 1.5, "unit": "°C", "status": "OK", "ts": "2026-01-01T00:00:00+00:00"}
# What each field must never be. The reason in the dead letter begins with the field's name.
NEVER = {
    "sensor_id": st.one_of(st.none(), st.integers(), st.just(""), st.just("x" * 201), st.lists(st.text())),
    "val": st.one_of(st.none(), st.text(), st.booleans(), st.just([]), st.sampled_from([10**400])),
    "unit": st.one_of(st.none(), st.integers(), st.just("x" * 51)),
    "status": st.one_of(st.none(), st.text().filter(lambda text: text not in ("OK", "WARNING", "CRITICAL"))),
    "ts": st.one_of(
        st.none(), st.booleans(), st.just("2026-01-01T00:00:00"), st.just("2026-02-30T00:00:00Z")
    ),
}
good = st.builds(
    lambda number, val: GOOD | {"sensor_id": f"sensor-{number}", "val": val},
    st.integers(0, 99),
    st.floats(allow_nan=False, allow_infinity=False),
)
one_field_wrong = st.sampled_from(sorted(NEVER)).flatmap(
    lambda name: st.tuples(st.just(name), NEVER[name].map(lambda value: GOOD | {name: value}))
)
one_field_missing = st.sampled_from(sorted(GOOD)).map(
    lambda name: (name, {other: GOOD[other] for other in GOOD if other != name})
)
# (bytes or None, what must become of it): "row", the name of the wrong field, or "bad".
message = st.one_of(
    good.map(lambda fields: (as_json(fields), "row")),
    st.one_of(one_field_wrong, one_field_missing).map(lambda wrong: (as_json(wrong[1]), wrong[0])),
    st.binary(max_size=60).filter(lambda value: not value.strip().startswith(b"{")).map(lambda v: (v, "bad")),
    good.map(lambda fields: (as_json(fields)[:-3], "bad")),
    st.text(st.characters(codec="utf-16", exclude_categories=())).map(
        lambda text: (json.dumps([text]).encode(), "bad")
    ),
    st.just((None, "bad")),
)


def as_json(fields: dict) -> bytes:
    return json.dumps(fields).encode()


def generate(number: int) -> list[tuple[bytes | None, str]]:
    """So many messages; the same ones in every run, for hypothesis is told to be deterministic."""
    made = []

    @settings(
        max_examples=number // 20,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(message, min_size=20, max_size=20))
    def collect(messages):
        made.extend(messages)

    collect()
    return made


@pytest.fixture(scope="module")
def messages():
    return generate(10_000)


@pytest.mark.broker
def test_the_messages_are_of_every_kind(messages):
    kinds = Counter(kind for _, kind in messages)
    assert set(kinds) == {"row", "bad", *GOOD}
    assert kinds.total() >= 9_000
    assert min(kinds.values()) > 100


def test_each_is_a_row_or_a_dead_letter_with_its_bytes_and_a_reason(messages, kafka, tmp_path):
    topic, url = lab.fresh_name("bad"), str(tmp_path / "warehouse.db")
    lab.create_topic(topic, num_partitions=3, **kafka)
    with KafkaProducer(**kafka) as producer:
        for number, (value, _) in enumerate(messages):
            producer.send(topic, value, key=str(number).encode(), headers=[("n", b"1")])
    with Warehouse(url) as warehouse:
        summary = lab.consume(
            topic, warehouse, group_id=topic, max_messages=len(messages), idle_timeout=10, **kafka
        )
        letters = {int(letter.key): letter for letter in lab.list_dead_letters(warehouse)}
        rows = Counter(warehouse.query("SELECT sensor_id, val FROM sensor_logs"))
    assert summary.processed == len(messages)
    assert summary.reconnects == 0
    expected = {number: value for number, (value, kind) in enumerate(messages) if kind != "row"}
    assert {number: letter.value for number, letter in letters.items()} == expected
    for number, letter in letters.items():
        kind = messages[number][1]
        assert kind in ("bad", letter.error.split()[0].rstrip(":")), (messages[number], letter.error)
    stored = (json.loads(value) for value, kind in messages if kind == "row")
    assert rows == Counter((fields["sensor_id"], fields["val"]) for fields in stored)
    assert take_ledger(topic, kafka["bootstrap_servers"], url).clean
