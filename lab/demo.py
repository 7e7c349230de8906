"""The whole pipeline at once: broker, topic, producer, Kafka, consumer, warehouse, chart."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from tqdm import tqdm

from lab.broker import start_broker
from lab.charts import plot_sensor_logs, read_sensor_logs
from lab.commandline import START, kit, start
from lab.consumer import ConsumeSummary, consume
from lab.errors import LabError
from lab.producer import ProduceSummary, produce
from lab.settings import Settings
from lab.simulation import DAY, PLANTS, simulate_readings
from lab.stopping import stop_on_signals
from lab.topics import Topic, create_topic, topic_offsets
from lab.warehouse import Warehouse

BATCHES = 1440  # one a minute, for a day
INTERVAL = 0.004  # seconds between two batches, so that there is something to see


def run_demo(settings: Settings, output: Path) -> None:
    """Send a simulated day through Kafka into the warehouse, chart it, and say what was done.

    A broker that was not running before is stopped at the end. Each run takes the next day, so
    that two runs do not lie on top of each other.
    """
    began = time.monotonic()
    print(f"1  Kafka at {settings.bootstrap_servers}: starting, or using the one there", flush=True)
    broker = start_broker(settings.bootstrap_servers, settings.home)
    try:
        topic = create_topic(settings.topic, **settings.kafka)
        print(f"2  Topic {topic.name}: {len(topic.partitions)} partition(s)", flush=True)
        with Warehouse(settings.warehouse_url) as warehouse:
            day = _next_day(warehouse)
            print(f"3  Producer and consumer: the readings of {day:%d %B %Y}, {day:%A}", flush=True)
            sent, stored = _run(settings, warehouse, topic, day)
    finally:
        if broker.started_here:
            broker.stop()
    print("4  Chart", flush=True)
    logs = read_sensor_logs(settings.warehouse_url)
    logs = logs[(logs["ts"] >= day) & (logs["ts"] < day + timedelta(days=1))]
    plot_sensor_logs(logs).savefig(output)
    print(
        f"\nDone in {time.monotonic() - began:.1f} s.\n"
        f"  produced      {sent.acknowledged} readings, {sent.per_second:.0f} a second\n"
        f"  stored        {stored.stored} rows in sensor_logs, {len(logs)} of that day\n"
        f"  dead letters  {stored.dead_letters}\n"
        f"  warehouse     {settings.warehouse_url.removeprefix('sqlite:///')}\n"
        f"  chart         {output}\n"
        f"  broker        {'stopped' if broker.started_here else 'left running, as it was'}\n"
        f"\nLook at the chart, then {_next_step()}"
    )


def _next_step() -> str:
    if START.exists():
        return f"learn how it works: {start('lab')}"
    return f"see what else there is: {kit()} --help"


def _run(
    settings: Settings, warehouse: Warehouse, topic: Topic, day: datetime
) -> tuple[ProduceSummary, ConsumeSummary]:
    """Produce and consume side by side, until all that is in the topic is stored."""
    batches = simulate_readings(seed=day.toordinal(), start=day, plants=PLANTS)
    with (
        stop_on_signals() as stop,
        tqdm(desc="   produced", total=BATCHES * 3, unit=" readings", disable=None) as produced,
        tqdm(desc="   stored  ", total=BATCHES * 3, unit=" readings", disable=None) as consumed,
        ThreadPoolExecutor(1) as pool,
    ):
        consumer = pool.submit(
            consume,
            topic.name,
            warehouse,
            group_id=settings.group,
            stop=stop,
            on_stored=lambda readings: consumed.update(len(readings)),
            **settings.kafka,
        )
        try:
            sent = produce(
                topic.name,
                batches,
                interval=INTERVAL,
                max_batches=BATCHES,
                stop=stop,
                on_batch=lambda batch: produced.update(len(batch)),
                **settings.kafka,
            )
            _wait_until_stored(settings, topic, consumer, stop)
            if stop.is_set():
                raise KeyboardInterrupt
        finally:
            stop.set()
        return sent, consumer.result()


def _wait_until_stored(
    settings: Settings, topic: Topic, consumer: Future, stop: threading.Event, timeout: float = 60
) -> None:
    ends = {number: end for number, (_, end) in topic_offsets(topic.name, **settings.kafka).items()}
    until = time.monotonic() + timeout
    with Warehouse(settings.warehouse_url, create=False) as warehouse:
        while not consumer.done() and not stop.wait(0.1):
            stored = warehouse.next_offsets(topic.topic_id)
            if all(stored.get(number, 0) >= end for number, end in ends.items()):
                return
            if time.monotonic() > until:
                raise LabError(
                    f"Not everything was stored within {timeout:.0f} s. Does another consumer of group "
                    f"{settings.group} have the partition? Stop it, or set LAB_GROUP to another name."
                )


def _next_day(warehouse: Warehouse) -> datetime:
    """The first day from DAY on of which the warehouse has nothing."""
    day = DAY
    while warehouse.query(
        "SELECT 1 FROM sensor_logs WHERE ts >= ? AND ts < ? LIMIT 1",
        day.isoformat(),
        (day + timedelta(days=1)).isoformat(),
    ):
        day += timedelta(days=1)
    return day
