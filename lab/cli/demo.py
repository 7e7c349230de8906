"""What does the whole pipeline look like? `python -m lab demo`: broker, topic, producer, consumer, chart."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import click
from kafka import KafkaAdminClient

from lab.cli.command import Command
from lab.cli.options import output
from lab.cli.output import progress
from lab.clients.connection import ask_again, connect
from lab.clients.groups import is_joined
from lab.clients.offsets import lags
from lab.consumer import ConsumeSummary, consume
from lab.databases.queries import next_free_day
from lab.embedded.choose import Broker, start_broker
from lab.embedded.ports import another_address
from lab.errors import BrokerError, LabError
from lab.producer import ProduceSummary, produce
from lab.settings import Settings
from lab.simulation import PLANTED_FAULTS, SAMPLE_DAY, count_readings, simulate_readings
from lab.system.signals import interrupted_once, stop_on_signals
from lab.text.commandline import START, kit, start
from lab.topics import Topic, create_topic, topic_offsets
from lab.warehouse import Warehouse

log = logging.getLogger("lab")
BATCHES = 1440  # one per minute, for a day
INTERVAL = 0.004  # seconds between two batches, so that the progress can be seen
LINGER_MS = 100  # many batches in one request: with one for each, the demo takes twice the processor time


@click.command("demo", cls=Command)
@output
@click.pass_obj
def command(settings: Settings, output: Path) -> None:
    """Run the whole pipeline once, up to a chart."""
    run_demo(settings, output.resolve())


def run_demo(settings: Settings, output: Path) -> None:
    """Send a simulated day through Kafka into the warehouse, draw it, and report what was done.

    A broker that was not running before is stopped at the end, unless other programs use it by then. Each
    run uses the next day, so that the readings of two runs do not overlap. Raises LabError, and sends
    nothing, if the readings would go to the broker of another kit.
    """
    began = time.monotonic()
    print(f"1  Kafka at {settings.bootstrap_servers}: starting, or using the one there", flush=True)
    with interrupted_once():
        broker = start_broker(settings.bootstrap_servers, settings.home)
        try:
            _refuse_another_kit(broker, settings)
            with Warehouse(settings.warehouse_url) as warehouse:
                day, sent, stored = _send_a_day(settings, warehouse)
        finally:
            left = _end(broker)
    print("4  Chart", flush=True)
    rows = _draw(settings, day, output)
    print(
        f"\nDone in {time.monotonic() - began:.1f} s.\n"
        f"  produced      {sent.acknowledged} readings, {sent.per_second:.0f} a second\n"
        f"  stored        {stored.stored} rows in sensor_logs, {rows} of that day\n"
        f"  dead letters  {stored.dead_letters}\n"
        f"  warehouse     {warehouse.name}\n"
        f"  chart         {output}\n"
        f"  broker        {left or 'stopped'}\n"
        f"\nLook at the chart, then {_next_step()}"
    )


def _send_a_day(settings: Settings, warehouse: Warehouse) -> tuple[datetime, ProduceSummary, ConsumeSummary]:
    topic = create_topic(settings.topic, **settings.kafka)
    print(f"2  Topic {topic.name}: {len(topic.partitions)} partition(s)", flush=True)
    day = next_free_day(warehouse, SAMPLE_DAY)
    print(f"3  Producer and consumer: the readings of {day:%d %B %Y}, {day:%A}", flush=True)
    if waiting := _waiting(settings, topic, warehouse):
        print(f"   and {waiting} that wait in the topic; for a topic of your own, set LAB_TOPIC", flush=True)
    return day, *_run(settings, warehouse, topic, day)


def _draw(settings: Settings, day: datetime, output: Path) -> int:
    """Draw the readings of a day; return their number."""
    from lab.charts import plot_sensor_logs, read_sensor_logs  # here, because they take a second to import

    logs = read_sensor_logs(settings.warehouse_url)
    logs = logs[(logs["ts"] >= day) & (logs["ts"] < day + timedelta(days=1))]
    plot_sensor_logs(logs).savefig(output)
    return len(logs)


def _next_step() -> str:
    if START.exists():
        return f"learn how it works: {start('lab')}"
    return f"see what else there is: {kit()} --help"


def _refuse_another_kit(broker: Broker, settings: Settings) -> None:
    if broker.other_kit:
        raise BrokerError(
            f"Kafka at {settings.bootstrap_servers} is that of another kit, in {broker.other_kit}: what is "
            f"sent to topic {settings.topic} may be read there, and it may be stopped. For a broker of your "
            f"own set {another_address(settings.bootstrap_servers)}; if that kit is yours too, LAB_HOME."
        )


def _end(broker: Broker) -> str:
    """Stop a broker that was started here, unless others use it. Returns why it was left running, if so."""
    if not broker.started_here:
        return "left running, as it was"
    if clients := broker.clients():
        log.warning("The broker keeps running, because others use it: %s.", ", ".join(clients))
        return f"left running, because others use it; to stop it later: {kit()} broker stop"
    broker.stop()
    return ""


def _run(
    settings: Settings, warehouse: Warehouse, topic: Topic, day: datetime
) -> tuple[ProduceSummary, ConsumeSummary]:
    """Produce and consume at the same time, until all messages of the topic are stored."""
    total = count_readings(BATCHES, plants=PLANTED_FAULTS)
    with (
        stop_on_signals() as stop,
        progress("   produced", "   stored", total=total) as (produced, consumed),
        ThreadPoolExecutor(1) as pool,
    ):
        consumer = pool.submit(
            consume,
            topic.name,
            warehouse,
            group_id=settings.group,
            stop=stop,
            on_stored=lambda readings: consumed(len(readings)),
            **settings.kafka,
        )
        try:
            sent = _produce(settings, warehouse, topic, day, consumer, stop, produced)
            is_interrupted = stop.is_set()
        finally:
            stop.set()
        stored = consumer.result()
    if is_interrupted:  # raise it again here; inside the block it would only set the event again
        signal.raise_signal(signal.SIGINT)
    return sent, stored


def _produce(
    settings: Settings,
    warehouse: Warehouse,
    topic: Topic,
    day: datetime,
    consumer: Future,
    stop: threading.Event,
    produced: Callable[[int], None],
) -> ProduceSummary:
    """Send the readings of a day once the consumer has joined, and wait until it has stored them."""
    # Wait before anything is sent: if the group stores into another warehouse, the consumer refuses to join.
    _wait(lambda: _is_joined(settings, topic, warehouse), settings, consumer, stop)
    if consumer.done():
        consumer.result()
    sent = produce(
        topic.name,
        simulate_readings(seed=day.toordinal(), start=day, plants=PLANTED_FAULTS),
        interval=INTERVAL,
        max_batches=BATCHES,
        stop=stop,
        on_batch=lambda batch: produced(len(batch)),
        linger_ms=LINGER_MS,
        **settings.kafka,
    )
    ends = {n: end for n, (_, end) in topic_offsets(topic.name, **settings.kafka).items()}
    with Warehouse(settings.warehouse_url, create=False) as reader:
        _wait(lambda: _is_stored(reader, topic, ends), settings, consumer, stop)
    return sent


def _waiting(settings: Settings, topic: Topic, warehouse: Warehouse) -> int:
    """The messages that are in the topic before the first is sent, but not in the warehouse."""
    stored = warehouse.next_offsets(topic.topic_id)
    return sum(lags(topic_offsets(topic.name, **settings.kafka), stored).values())


@ask_again  # a new broker needs a moment for its first group
def _is_joined(settings: Settings, topic: Topic, warehouse: Warehouse) -> bool:
    with connect(KafkaAdminClient, **settings.kafka) as admin:
        group = admin.describe_groups([settings.group])[settings.group]
    return is_joined(group, topic.name, warehouse.identity)


def _is_stored(warehouse: Warehouse, topic: Topic, ends: dict[int, int]) -> bool:
    stored = warehouse.next_offsets(topic.topic_id)
    return all(stored.get(number, 0) >= end for number, end in ends.items())


def _wait(
    condition: Callable[[], bool],
    settings: Settings,
    consumer: Future,
    stop: threading.Event,
    timeout: float = 60,
) -> None:
    """Wait until the condition is true or the consumer has ended."""
    until = time.monotonic() + timeout
    while not consumer.done() and not stop.wait(0.1) and not condition():
        if time.monotonic() > until:
            raise LabError(
                f"Not everything was stored within {timeout:.0f} s. Does another consumer of group "
                f"{settings.group} have the partition? Stop it, or set LAB_GROUP to another name."
            )
