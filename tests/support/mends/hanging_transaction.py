"""What learners do about a transaction that stays open."""

import sqlite3
from contextlib import closing

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import AbortTransactionSpec

from lab.classroom.incidents.system import System
from lab.clients.connection import connect
from lab.embedded.tools import run_tool
from tests.support.mends import for_a_while, hiding, restart


def read_all(system: System):
    """Also what is not committed. To take it back, its row is deleted."""
    back = for_a_while("storer", kafka={"isolation_level": "read_uncommitted"})(system)

    def take_back() -> None:
        with closing(sqlite3.connect(system.folder / "charts.db", timeout=30)) as db:
            db.execute("DELETE FROM sensor_logs WHERE status = 'corrected'")
            db.commit()
        back()

    return take_back


def open_transaction(system: System) -> AbortTransactionSpec:
    with connect(KafkaAdminClient, **system.kafka) as admin:
        places = [TopicPartition(system.topic, number) for number in range(3)]
        found = admin.describe_producers(places)
    return next(
        AbortTransactionSpec(place, each.producer_id, each.producer_epoch)
        for place in places
        for each in found[place].active_producers
        if each.current_transaction_start_offset >= 0
    )


def abort(system: System) -> None:
    with connect(KafkaAdminClient, **system.kafka) as admin:
        admin.abort_transaction(open_transaction(system))


def abort_by_tool(system: System) -> None:
    place = open_transaction(system).topic_partition
    with connect(KafkaAdminClient, **system.kafka) as admin:
        state = admin.describe_producers([place])[place]
    start = max(each.current_transaction_start_offset for each in state.active_producers)
    words = f"abort --topic {place.topic} --partition {place.partition} --start-offset {start}"
    assert run_tool("transactions", words.split(), system.kafka) == 0


def end_by_its_name(system: System) -> None:
    words = "forceTerminateTransaction --transactionalId corrections"
    assert run_tool("transactions", words.split(), system.kafka) == 0


def begin_again(system: System) -> None:
    """As the program would when it starts again."""
    with connect(KafkaProducer, transactional_id="corrections", **system.kafka) as producer:
        producer.init_transactions()


def let_it_finish(system: System) -> None:
    system.program("corrector").change(pause=0)
    system.restart("corrector")


WRONG = {
    "restart all": restart("kafka", "sender", "storer"),
    "read what is not committed": hiding(read_all),
    "another group": for_a_while("storer", kafka={"group_id": "new"}),
}
RIGHT = {
    "abort": abort,
    "abort by Kafka's tool": abort_by_tool,
    "end it by its name": end_by_its_name,
    "a producer of the same name": begin_again,
    "start the program that died": let_it_finish,
}
