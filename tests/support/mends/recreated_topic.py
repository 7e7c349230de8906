"""What learners do about the gap after a topic was made anew."""

import json
import sqlite3
from contextlib import closing

from kafka import KafkaAdminClient
from kafka.admin import OffsetSpec

from lab.classroom.incidents.ledger import stored
from lab.classroom.incidents.system import System
from lab.clients.connection import connect
from lab.clients.groups import group_assignments
from lab.embedded.tools import run_tool
from lab.topics import read_records
from tests.support.mends import change, more_partitions, once, restart
from tests.support.waiting import wait_for


def end_storer(system: System) -> None:
    """And wait until its group has no member: else Kafka takes no offsets for it."""
    system.end("storer")
    wait_for(lambda: not group_assignments(system.group, **system.kafka))


def reset(system: System, to: OffsetSpec = OffsetSpec.EARLIEST) -> None:
    end_storer(system)
    with connect(KafkaAdminClient, **system.kafka) as admin:
        places = admin.list_group_offsets(system.group)[system.group]
        admin.reset_group_offsets(system.group, dict.fromkeys(places, to))
    system.restart("storer")


def reset_by_tool(system: System) -> None:
    end_storer(system)
    words = f"--group {system.group} --topic {system.topic} --reset-offsets --to-earliest --execute"
    assert run_tool("consumer-groups", words.split(), system.kafka) == 0
    system.restart("storer")


def forget_the_group(system: System) -> None:
    end_storer(system)
    with connect(KafkaAdminClient, **system.kafka) as admin:
        admin.delete_groups([system.group])
    change("storer", kafka={"auto_offset_reset": "earliest"})(system)


def store_what_is_missing(system: System) -> None:
    """With a program of one's own, beside the storer."""
    rows = stored(system.folder)
    readings = [json.loads(message.value) for message in read_records(system.topic, **system.kafka)]
    with closing(sqlite3.connect(system.folder / "charts.db", timeout=30)) as db:
        for reading in readings:
            if not rows[reading["sensor_id"], reading["ts"]]:
                db.execute(
                    "INSERT INTO sensor_logs (sensor_id, val, unit, status, ts) "
                    "VALUES (:sensor_id, :val, :unit, :status, :ts)",
                    reading,
                )
        db.commit()


WRONG = {
    "restart the programs": restart("sender", "storer"),
    "begin at the first one, next time": change("storer", kafka={"auto_offset_reset": "earliest"}),
    "reset, and leave what is there twice": lambda system: reset(system),
    "more partitions": more_partitions,
}
RIGHT = {
    "reset the offsets": once(reset),
    "reset the offsets by Kafka's tool": once(reset_by_tool),
    "another group, from the start": once(
        change("storer", kafka={"group_id": "new", "auto_offset_reset": "earliest"})
    ),
    "forget the group": once(forget_the_group),
    "store what is missing": store_what_is_missing,
}
