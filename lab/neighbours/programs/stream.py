"""How does a program with Quix Streams run? It reads a topic, and sends what your steps make of it.

    python stream.py SERVERS READINGS RESULTS STEPS.py STATE GUARANTEE once [TABLE]

It needs the environment of the neighbour `streams`. STEPS.py has a function `results(readings)`, or with a
second topic, TABLE, `results(readings, table)`. With `once` the program ends when it has read all that was
there when it began; with `forever` it goes on.
"""

import runpy
import sys
from datetime import datetime

from confluent_kafka import TopicPartition
from quixstreams import Application


def measured_at(value: dict, *_: object) -> int:
    """When a reading was measured, in milliseconds. Kafka's own time is that of its arrival."""
    return round(datetime.fromisoformat(value["ts"]).timestamp() * 1000)


def main(
    servers: str, readings: str, results: str, steps: str, state: str, guarantee: str, how: str, *tables: str
) -> None:
    """Run the steps."""
    app = Application(
        broker_address=servers,
        consumer_group=results,
        auto_offset_reset="earliest",
        processing_guarantee=guarantee,  # "exactly-once" or "at-least-once"
        state_dir=state,
        commit_every=100,  # messages; or after so many seconds:
        commit_interval=30,
        # Started again, it is the same member and the same producer: nobody waits for the dead ones. A
        # transaction lasts from one commit to the next, so its time-out must be longer than that.
        consumer_extra_config={"group.instance.id": results},
        producer_extra_config={"transactional.id": results, "transaction.timeout.ms": 90_000},
        on_message_processed=lambda *place: stop_at_the_end(app, left, *place),
    )
    sources = [
        app.topic(name, key_deserializer="str", timestamp_extractor=measured_at)
        for name in (readings, *tables)
    ]
    left = unread(app, readings) if how == "once" else {-1: 0}
    made = runpy.run_path(steps)["results"](*map(app.dataframe, sources))
    if made is ... or made is None:
        sys.exit("results() returns nothing yet")
    made.to_topic(app.topic(results, key_serializer="str"))
    if left:
        app.run()


def unread(app: Application, topic: str) -> dict[int, int]:
    """{partition: its end}, of those that this program has not read up to there."""
    with app.get_consumer() as consumer:
        numbers = consumer.list_topics(topic).topics[topic].partitions
        committed = consumer.committed([TopicPartition(topic, number) for number in numbers])
        left = {}
        for each in committed:
            begin, end = consumer.get_watermark_offsets(each)
            if max(begin, each.offset) < end:  # below 0: nothing was committed
                left[each.partition] = end
    return left


def stop_at_the_end(app: Application, left: dict[int, int], topic: str, partition: int, offset: int) -> None:
    """Called after each message."""
    if offset + 1 >= left.get(partition, offset + 2):
        del left[partition]
    if not left:
        app.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
