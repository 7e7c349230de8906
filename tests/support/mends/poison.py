"""What learners do about a message that is no reading."""

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from lab.classroom.incidents.system import System
from lab.clients.connection import connect
from lab.clients.groups import group_assignments
from tests.support.mends import edit, for_a_while, more_partitions, restart
from tests.support.waiting import wait_for

READ = "    reading = json.loads(message.value)\n"
TRY = "    try:\n        reading = json.loads(message.value)\n    except ValueError:\n        continue\n"


def step_over_it(system: System) -> None:
    edit(system, "storer.py", READ, TRY)
    system.restart("storer")


def a_message_further(system: System) -> None:
    """Commit the next offset in each partition where the message is none: what is there once, this time."""
    wait_for(lambda: not group_assignments(system.group, **system.kafka))  # else Kafka refuses the commit
    with connect(KafkaConsumer, group_id=system.group, **system.kafka) as consumer:
        places = [TopicPartition(system.topic, n) for n in consumer.partitions_for_topic(system.topic)]
        consumer.assign(places)
        for place in places:
            offset = consumer.committed(place) or 0
            consumer.seek(place, offset)
            while not (records := consumer.poll(1000, max_records=1).get(place)):
                pass
            if not records[0].value.startswith(b"{"):
                consumer.commit({place: OffsetAndMetadata(offset + 1, "", -1)})
            consumer.pause(place)
    system.restart("storer")


WRONG = {
    "restart the program": restart("storer"),
    "restart all": restart("kafka", "sender", "storer"),
    "a new group that begins at the end": for_a_while(
        "storer", kafka={"group_id": "new", "auto_offset_reset": "latest"}
    ),
    "more partitions": more_partitions,
}
RIGHT = {"step over it": step_over_it, "commit the next offset": a_message_further}
