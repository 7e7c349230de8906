"""What does each command do? `python -m lab ...`, from the arguments to the exit code."""

import argparse
import errno
import io
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

import lab
from lab.cli.arguments import (
    assignment,
    command,
    group_id,
    number,
    option,
    parse,
    picture,
    seconds,
)
from lab.clients.connection import address, connect, is_answering
from lab.clients.groups import partition_owners, two_groups_fault
from lab.clients.offsets import lags
from lab.consumer import ConsumeSummary
from lab.databases import queries
from lab.dead_letters import fix_value, list_dead_letters
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.choose import start_broker
from lab.embedded.neighbours import other_kit
from lab.embedded.nodes import unknown_processes
from lab.embedded.ports import HOST, another_address
from lab.errors import LabError, SettingsError
from lab.readings import Reading
from lab.settings import Settings
from lab.system.signals import interrupted_once
from lab.text.commandline import kit
from lab.text.printable import printable
from lab.topics import describe_topics, wait_until_in_sync
from lab.watching.gaps import list_gaps, skip_unreadable

if TYPE_CHECKING:
    from tqdm import tqdm


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 a fault, 2 a wrong call, 130 interrupted."""
    sys.stdout = sys.stdout or _nowhere()  # None where they are closed, as by `>&-`
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a cp1252 console lacks the signs of some units
    try:
        code = _run(arguments)
        sys.stdout.flush()  # what it could not print shows here, while somebody can be told
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        code = _explain(error)
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    return code


def _run(arguments: list[str] | None) -> int:
    settings = Settings()
    try:
        options = parse(arguments)
        settings = Settings.from_environment()
        if options.run is not doctor:  # which makes no file: perhaps it cannot, and then says why
            _log_to(settings.home)
        return options.run(settings, options) or 0
    except SystemExit as end:  # of the parser, which has said what there is to say
        return int(end.code or 0)
    except LabError as error:
        _say(f"error: {error}")
    except KafkaError as error:
        _say(
            f"error: Kafka at {settings.bootstrap_servers} cannot be used: {error}. "
            f"More in {settings.home / 'kafka-python.log'}; {kit()} doctor looks for the cause."
        )
    return 1


def _explain(error: OSError) -> int:
    """What the system refused, in a line; the exit code."""
    # The reader of our output has enough, as in `| head`. Windows calls that an invalid argument.
    unnamed = os.name == "nt" and error.errno == errno.EINVAL and error.filename is None
    if isinstance(error, BrokenPipeError) or unnamed:
        return 0
    place = error.filename or "The output"  # a stream has no name
    _say(f"error: {place} cannot be used: {error.strerror or error}. Choose another place.")
    return 1


def _let_go(stream: IO[str]) -> None:
    """Let what cannot be written lead nowhere, or Python would fail over it once more as it ends."""
    try:
        stream.flush()
    except OSError:
        with _nowhere() as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def _nowhere() -> IO[str]:
    return Path(os.devnull).open("w", encoding="utf-8")


# What one machine, and one second, can take.
MOST_BROKERS, MOST_PARTITIONS, MOST_COPIES, MOST_SENSORS = 9, 1000, 100, 10_000
CHART = option(
    "--output",
    "where the chart goes: .png, .pdf or .svg (default %(default)s)",
    type=picture,
    default="sensor_logs.png",
    metavar="FILE",
)
QUIET = option("--quiet", "a progress bar instead of a line for each reading", action="store_true")


@command("demo", "the whole pipeline once, up to a chart", CHART)
def run_demo_command(settings: Settings, options: argparse.Namespace) -> None:
    from lab.cli.demo import run_demo  # here, for pandas and matplotlib take a second to import

    run_demo(settings, options.output.resolve())


@command("doctor", "find what is wrong with a set-up, and how to mend it")
def doctor(settings: Settings, options: argparse.Namespace) -> int:
    findings = lab.diagnose(settings)
    print(findings)
    faults = sum(not finding.ok for finding in findings)
    print(f"\n{faults} fault(s) found." if faults else "\nEverything is in order.")
    return 1 if faults else 0


@command(
    "broker start",
    "start it in the background",
    option(
        "--brokers",
        "how many nodes; default: as before, or one for each address in LAB_BOOTSTRAP_SERVERS",
        type=number(1, MOST_BROKERS),
        metavar="N",
    ),
    option(
        "--listen",
        "an address of this machine, at which others may reach it as well, with no password",
        metavar="ADDRESS",
    ),
)
def broker_start(settings: Settings, options: argparse.Namespace) -> None:
    with interrupted_once():
        broker = start_broker(settings.bootstrap_servers, settings.home, options.brokers, options.listen)
    print(f"{broker!r}{'' if broker.started_here else ' (it was there before)'}")
    if broker.other_kit:
        _say(f"It may end with that kit. For one of your own: {another_address(settings.bootstrap_servers)}")
    if options.listen:
        _say(f"Every machine that reaches {options.listen} can read and write it, with no password.")
        _say(f"They, and you, take it by LAB_BOOTSTRAP_SERVERS={broker.bootstrap_servers}")
        return
    if broker.bootstrap_servers.count(",") > settings.bootstrap_servers.count(","):
        _say(f"To reach it also when one node is gone: LAB_BOOTSTRAP_SERVERS={broker.bootstrap_servers}")


NODE = option("--node", "one node of several, by its number", type=number(1), metavar="N")


@command(
    "broker stop",
    "stop it, or one node of it; its data stays",
    NODE,
    option("--force", "also while other programs are connected to it", action="store_true"),
)
def broker_stop(settings: Settings, options: argparse.Namespace) -> None:
    broker = _embedded(settings, options.node)
    was_running = broker.is_running()
    if not (options.force or options.node) and (clients := broker.clients()):
        raise LabError(
            f"The broker of {settings.home} goes on: it is used by {', '.join(clients)}. End that, or stop "
            "it all the same: python -m lab broker stop --force."
        )
    broker.stop(options.node)
    print("Stopped." if was_running else f"No embedded broker of {settings.home} is running.")


@command(
    "broker kill", "end it at once, or one node of it, as a crash would", NODE, example="broker kill --node 2"
)
def broker_kill(settings: Settings, options: argparse.Namespace) -> None:
    _embedded(settings, options.node).kill(options.node)
    print(f"Killed. '{kit()} broker start' starts what is not running.")


@command("broker restart", "stop and start its nodes in turn, so that the topics stay in use", NODE)
def broker_restart(settings: Settings, options: argparse.Namespace) -> None:
    broker = _embedded(settings, options.node)
    for node in [node.id for node in broker.nodes() if options.node in (None, node.id)]:
        broker.stop(node)
        broker.start()
        kafka: dict[str, Any] = {**settings.kafka, "bootstrap_servers": broker.bootstrap_servers}
        wait_until_in_sync(**kafka)
        print(f"node {node}: restarted, every copy in sync")


@command("broker status", "is it running, where, who leads, which copies are in sync")
def broker_status(settings: Settings, options: argparse.Namespace) -> int:
    broker = _embedded(settings)
    nodes, servers = broker.nodes(), settings.bootstrap_servers
    if {node.port for node in nodes} & {address(server)[1] for server in servers.split(",")}:
        servers = broker.bootstrap_servers  # all of them, for the one that was named may be gone
    for node in nodes:
        state = f"running, process {node.pid}" if node.process else "stopped"
        print(f"node {node.id}: {node.address}, {state}")
    for lost in unknown_processes(broker.home, nodes):
        print(f"process {lost.pid}: none of these nodes; '{kit()} broker stop' ends it")
    print(f"data: {settings.home}" if nodes else f"{settings.home} has no embedded broker.")
    answering = is_answering(servers, security_protocol=settings.security_protocol)
    print(f"{servers}: {'a broker answers' if answering else 'no broker answers'}")
    if answering:
        running = sum(bool(node.process) for node in nodes)
        if 0 < running <= len(nodes) / 2:
            print("Too few run to agree on anything: what follows is what they last knew.")
        rows = [
            (topic.name, p.partition, p.leader, _join(p.replicas), _join(p.isr))
            for topic in describe_topics(**{**settings.kafka, "bootstrap_servers": servers})
            for p in topic.partitions
        ]
        print()
        _table(["topic", "partition", "leader", "replicas", "isr"], rows)
    return 0 if answering else 1


@command("broker reset", "stop it and remove its topics and messages")
def broker_reset(settings: Settings, options: argparse.Namespace) -> None:
    _embedded(settings).reset()
    print(f"Stopped; its topics and messages in {settings.home} are removed. The warehouse is untouched.")


@command("reset", "back to the start: remove all topics, messages and stored rows; notebooks stay")
def reset(settings: Settings, options: argparse.Namespace) -> None:
    _embedded(settings).reset()
    print(f"Kafka is stopped, and empty: {settings.home}")
    url = settings.warehouse_url
    file = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:"):
        print("The warehouse is on a server, and stays as it is.")
    elif file.exists():
        with lab.Warehouse(url, create=False) as warehouse:  # else it is another program's, and stays
            rows = queries.count_sensor_logs(warehouse)
        try:
            for ending in ("", "-wal", "-shm"):
                file.with_name(file.name + ending).unlink(missing_ok=True)
        except PermissionError as error:  # Windows, while somebody has it open
            raise LabError(f"{file} is in use: end consumers and notebooks, and try again.") from error
        print(f"The warehouse is removed, with {rows} rows: {file}")


def _embedded(settings: Settings, node: int | None = None) -> EmbeddedBroker:
    """The broker of this home as it was started; LabError if it has no such node."""
    nodes = EmbeddedBroker(settings.home).nodes()
    if node and node not in [each.id for each in nodes]:
        raise LabError(f"There is no node {node}: the broker of {settings.home} has {len(nodes)}.")
    port = nodes[0].port if nodes else address(settings.bootstrap_servers.split(",")[0])[1]
    host = nodes[0].host if nodes else HOST
    return EmbeddedBroker(settings.home, port, max(1, len(nodes)), host=host)


@command(
    "topic create",
    "make the topic, if it is not there",
    option(
        "--partitions",
        "how many partitions (default %(default)s)",
        type=number(1, MOST_PARTITIONS),
        default=1,
        metavar="N",
    ),
    option(
        "--min-insync-replicas",
        "how many of them must have a message before it is acknowledged; default: the broker's",
        type=number(1, MOST_COPIES),
        metavar="N",
    ),
    option(
        "--replication-factor",
        "how many brokers keep each partition (default %(default)s)",
        type=number(1, MOST_COPIES),
        default=1,
        metavar="N",
    ),
    example="topic create --partitions 3",
)
def topic_create(settings: Settings, options: argparse.Namespace) -> None:
    topic = lab.create_topic(
        settings.topic,
        num_partitions=options.partitions,
        replication_factor=options.replication_factor,
        configs={"min.insync.replicas": least} if (least := options.min_insync_replicas) else None,
        **settings.kafka,
    )
    found = len(topic.partitions), len(topic.partitions[0].replicas)
    if found != (options.partitions, options.replication_factor):
        print("It was there before, and stays as it is:")
    print(f"{topic.name}: {found[0]} partition(s), replication factor {found[1]}, id {topic.topic_id}")


@command("topic describe", "its id, partitions and offsets")
def topic_describe(settings: Settings, options: argparse.Namespace) -> None:
    topic = lab.describe_topic(settings.topic, **settings.kafka)
    offsets = lab.topic_offsets(settings.topic, **settings.kafka)
    print(f"{topic.name}, id {topic.topic_id}")
    rows = [
        (p.partition, p.leader, _join(p.replicas), _join(p.isr), *offsets[p.partition])
        for p in topic.partitions
    ]
    _table(["partition", "leader", "replicas", "isr", "first offset", "end offset"], rows)


@command(
    "produce",
    "send readings, a batch every second",
    option("--batches", "how many batches; default: until Ctrl-C", type=number(0), metavar="N"),
    option(
        "--interval",
        "seconds between two batches; 0: as fast as it goes (default %(default)s)",
        type=seconds,
        default=1.0,
        metavar="S",
    ),
    option(
        "--sensors",
        "how many sensors, one reading each in a batch (default %(default)s)",
        type=number(1, MOST_SENSORS),
        default=3,
        metavar="N",
    ),
    option("--seed", "the same seed sends the same values", type=int, metavar="N"),
    option("--plants", "send a simulated day, with faults to be found", action="store_true"),
    QUIET,
    example="produce --batches 60",
)
def produce_command(settings: Settings, options: argparse.Namespace) -> int:
    _say_whose_broker(settings)
    plants: dict[str, Any] = {"start": lab.DAY, "plants": lab.PLANTS} if options.plants else {}
    total = options.batches * options.sensors if options.batches else None
    with _bar("produced", total, options.quiet) as bar:
        summary = lab.produce(
            settings.topic,
            lab.simulate_readings(options.sensors, seed=options.seed, **plants),
            interval=options.interval,
            max_batches=options.batches,
            on_batch=_show("Sent", bar, options.quiet),
            **settings.kafka,
        )
    _say(f"{summary.acknowledged} readings acknowledged, {summary.unsent} not, in {summary.seconds:.1f} s")
    for error in summary.errors:
        _say(f"error: {error}")
    return 1 if summary.unsent else 0


@command(
    "consume",
    "store every reading, once",
    option("--max-messages", "end after so many; default: go on until Ctrl-C", type=number(1), metavar="N"),
    option("--idle-timeout", "end after so many seconds without a message", type=seconds, metavar="S"),
    option("--group", "the consumer group; default: LAB_GROUP", type=group_id, metavar="ID"),
    option(
        "--metrics-port",
        "serve its numbers to Prometheus, on this machine only",
        type=number(1, 65535),
        metavar="PORT",
    ),
    QUIET,
    example="consume --idle-timeout 10",
)
def consume_command(settings: Settings, options: argparse.Namespace) -> None:
    _say_whose_broker(settings)
    summary = ConsumeSummary()
    with (
        lab.Warehouse(settings.warehouse_url) as warehouse,
        _metrics(summary, options.metrics_port),
        _bar("stored", options.max_messages, options.quiet) as bar,
    ):
        lab.consume(
            settings.topic,
            warehouse,
            group_id=options.group or settings.group,
            max_messages=options.max_messages,
            idle_timeout=options.idle_timeout,
            on_stored=_show("Stored", bar, options.quiet),
            summary=summary,
            **settings.kafka,
        )
    lag = ", ".join(f"{messages} in partition {n}" for n, messages in sorted(summary.lag.items()))
    _say(
        f"{summary.processed} messages in {summary.seconds:.1f} s ({summary.per_second:,.0f} a second): "
        f"{summary.stored} stored, {summary.dead_letters} dead letters, {summary.fenced} fenced, "
        f"{summary.lost_to_retention} gone from the log, {summary.reconnects} reconnects, "
        f"{summary.rebalances} rebalances ({summary.paused:.2f} s); "
        f"lag: {lag or 'not known'}"
    )
    if summary.truncated:
        _say(f"{summary.truncated} messages had been stored before Kafka lost them; their rows stay")


def _say_whose_broker(settings: Settings) -> None:
    """To who did not choose a topic: who did, knows."""
    if settings.topic != Settings.topic:
        return
    if home := other_kit(settings.bootstrap_servers, settings.home, settings.security_protocol):
        _say(
            f"Kafka at {settings.bootstrap_servers} is that of another kit, in {home}, whose topic "
            f"{settings.topic} this may be. Set LAB_TOPIC to one of your own, or start a broker of your own: "
            f"{kit()} broker start, with {another_address(settings.bootstrap_servers)}"
        )


@contextmanager
def _metrics(summary: ConsumeSummary, port: int | None) -> Generator[None]:
    if port is None:
        yield
        return
    from lab.watching.metrics import serve_metrics  # here, for few ask for it

    with serve_metrics(summary, port) as url:
        _say(f"Metrics at {url}")
        yield


@command(
    "skip",
    "go past messages that cannot be read, and record the gap",
    option("--partition", "where they are, as the error says", type=number(0), required=True, metavar="N"),
    option("--offset", "the first of them, as the error says", type=number(0), required=True, metavar="N"),
    example="skip --partition 0 --offset 41",
)
def skip(settings: Settings, options: argparse.Namespace) -> None:
    with lab.Warehouse(settings.warehouse_url) as warehouse:
        there = skip_unreadable(
            settings.topic, options.partition, options.offset, warehouse, **settings.kafka
        )
    print(
        f"{settings.topic}, partition {options.partition}: went past offsets {options.offset} to "
        f"{there - 1}, and recorded the gap. Go on with: {kit()} consume"
    )


@command("status", "rows, dead letters, what each consumer did, offsets and lag")
def status(settings: Settings, options: argparse.Namespace) -> int:
    with lab.Warehouse(settings.warehouse_url, create=False) as warehouse:
        print(f"Warehouse {warehouse.name}")
        _table(["sensor", "rows", "last reading"], queries.count_by_sensor(warehouse))
        letters = list_dead_letters(warehouse)
        print(f"dead letters: {len(letters)}, of which replayed: {sum(bool(x.replayed) for x in letters)}\n")
        if gaps := list_gaps(warehouse):
            print("Gaps in the log")
            rows = [(f"{x.topic}-{x.partition}", x.first_offset, x.next_offset, x.reason, x.ts) for x in gaps]
            _table(["partition", "first offset", "next offset", "reason", "at"], rows)
            print()
        print("Consumers, each as it last wrote")
        header = ["group", "member", "at", "processed", "stored", "dead letters", "fenced", "reconnects"]
        found = queries.consumers(warehouse)
        rows = [(*row[:-1], round(row[3] / row[-1], 1) if row[-1] else 0) for row in found]
        _table([*header, "a second"], rows)
        with connect(KafkaAdminClient, **settings.kafka) as admin:
            for line in two_groups_fault(settings.topic, warehouse.running_consumers(), admin) or ():
                print(f"{line[0].upper()}{line[1:].rstrip('.')}.")
        print()
        topic = lab.describe_topic(settings.topic, **settings.kafka)
        stored = warehouse.next_offsets(topic.topic_id)
    offsets = lab.topic_offsets(settings.topic, **settings.kafka)
    owners = partition_owners(settings.topic, settings.group, **settings.kafka)
    lag = lags(offsets, stored)
    rows = [(n, end, stored.get(n, 0), lag[n], owners.get(n, "nobody")) for n, (_, end) in offsets.items()]
    print(f"Topic {topic.name} at {settings.bootstrap_servers}")
    _table(["partition", "end offset", "stored offset", "lag", f"owner in {settings.group}"], rows)
    for partition, (_, end) in offsets.items():
        if stored.get(partition, 0) > end:
            print(
                f"Partition {partition}: Kafka lost messages that are stored; 'consume' goes on from there."
            )
    return 0


@command("dead-letters list", "show them, with the reasons")
def dead_letters_list(settings: Settings, options: argparse.Namespace) -> None:
    with lab.Warehouse(settings.warehouse_url, create=False) as warehouse:
        letters = list_dead_letters(warehouse)
    rows = [
        (x.id, f"{x.topic}-{x.partition}@{x.offset}", _short(x.value), x.error, x.replayed or "")
        for x in letters
    ]
    _table(["id", "where", "value", "reason", "replayed as"], rows)


@command(
    "dead-letters replay",
    "send one to the topic again",
    option("id", "its number in the list", type=int),
    option(
        "--set", "change a field of it", type=assignment, action="append", default=[], metavar="FIELD=VALUE"
    ),
    option("--value", "send this instead", metavar="JSON"),
    example="dead-letters replay 1 --set val=21.5",
)
def dead_letters_replay(settings: Settings, options: argparse.Namespace) -> None:
    with lab.Warehouse(settings.warehouse_url) as warehouse:
        # What is no text in the terminal's encoding is passed on, and refused with its reason.
        value = None if options.value is None else options.value.encode("utf-8", "surrogatepass")
        if options.set:
            values = {letter.id: letter.value for letter in list_dead_letters(warehouse)}
            value = fix_value(values.get(options.id) if value is None else value, dict(options.set))
        place = lab.replay(warehouse, options.id, value, **settings.kafka)
    print(f"Dead letter {options.id} was sent again, as {place}.")


@command(
    "chart",
    "the values of each sensor as a picture",
    CHART,
    option(
        "--sensor",
        "only this one; can be given again for another",
        action="append",
        default=[],
        metavar="ID",
    ),
    example="chart --sensor temperature-1",
)
def chart_command(settings: Settings, options: argparse.Namespace) -> None:
    from lab.charts import plot_sensor_logs, thin_sensor_logs  # here, for they take a second to import

    logs, gaps, left_out = thin_sensor_logs(settings.warehouse_url, sensors=options.sensor)
    chart = plot_sensor_logs(logs, gaps, left_out)
    chart.savefig(options.output)
    for line in chart.left_out:
        _say(f"Not shown: {line}")
    print(f"{logs['readings'].sum()} readings: {options.output.resolve()}")


# How it is said.


def _show(verb: str, bar: "tqdm", quiet: bool) -> Callable[[list[Reading]], None]:
    def show(readings: list[Reading]) -> None:
        if quiet:
            bar.update(len(readings))
        elif readings:
            lines = (f"{verb}: {printable(x.sensor_id)} at {x.ts.isoformat()}\n" for x in readings)
            sys.stdout.write("".join(lines))
            sys.stdout.flush()

    return show


def _bar(label: str, total: int | None, quiet: bool) -> "tqdm":
    from tqdm import tqdm  # here, for most commands show no bar

    return tqdm(desc=label, total=total, unit=" readings", disable=None if quiet else True)


def _say(line: str) -> None:
    with suppress(OSError):  # nobody hears it
        print(line, file=sys.stderr)


def _say_above_the_bar(line: str) -> None:
    from tqdm import tqdm  # here, for most commands show no bar

    with suppress(OSError):  # nobody hears it, and the work goes on
        tqdm.write(printable(line), file=sys.stderr)


def _table(header: list[str], rows: Iterable[tuple]) -> None:
    lines = [header, *[[printable(str(cell)) for cell in row] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def _short(value: bytes | None) -> str:
    text = repr(value.decode(errors="replace"))[1:-1] if value is not None else "(none)"
    return text if len(text) <= 40 else text[:37] + "..."


def _join(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


class _File(logging.FileHandler):
    """Says once that the file cannot be written, for example on a full disk, and then leaves it alone."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # it cannot be opened
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        self.setLevel(logging.CRITICAL + 1)
        reason = getattr(sys.exc_info()[1], "strerror", None) or sys.exc_info()[1]
        # Not through a logger: from Python 3.13 on, what a handler logs itself is dropped.
        _say_above_the_bar(f"{self.baseFilename} cannot be written: {reason}.")


class _Terminal(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _say_above_the_bar(record.getMessage())


def _log_to(home: Path) -> None:
    """Our own words go to the terminal; those of kafka-python, hundreds in an outage, to a file."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=home).close()  # to ask for the permission would not do on Windows
    except OSError as error:
        raise SettingsError(f"LAB_HOME: {home} cannot be used: {error.strerror}. Choose another.") from error
    logging.getLogger("lab").addHandler(_Terminal())
    file = _File(home / "kafka-python.log", encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    kafka = logging.getLogger("kafka")
    kafka.addHandler(file)
    kafka.setLevel(logging.WARNING)
    kafka.propagate = False
