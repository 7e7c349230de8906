"""`python -m lab`: every part of the kit from a terminal."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka.errors import KafkaError
from tqdm import tqdm

import lab
from lab.broker import EmbeddedBroker, start_broker
from lab.connection import address, is_answering
from lab.consumer import ConsumeSummary
from lab.dead_letters import fix_value, list_dead_letters
from lab.doctor import diagnose
from lab.errors import LabError
from lab.readings import Reading
from lab.settings import Settings

Command = Callable[[Settings, argparse.Namespace], int | None]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 a fault, 2 a wrong call, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a cp1252 console lacks the signs of some units
    options = parser().parse_args(arguments)
    settings = Settings()
    try:
        settings = Settings.from_environment()
        _log_to(settings.home)
        return options.run(settings, options) or 0
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KafkaError as error:
        print(
            f"error: Kafka at {settings.bootstrap_servers} cannot be used: {error}. "
            f"More in {settings.home / 'kafka-python.log'}; python -m lab doctor looks for the cause.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = argparse.ArgumentParser(
        prog="python -m lab",
        description="Learn Apache Kafka with Python: a broker, a producer, a consumer, a warehouse.",
        epilog="Settings: LAB_BOOTSTRAP_SERVERS, LAB_TOPIC, LAB_GROUP, LAB_WAREHOUSE, LAB_HOME (README.md).",
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = _command(commands, "demo", run_demo_command, "the whole pipeline once, up to a chart", "demo")
    _option(demo, "--output", Path("sensor_logs.png"), "FILE", "where the chart goes")

    _command(commands, "doctor", doctor, "find what is wrong with a set-up, and how to mend it", "doctor")

    broker = _group(commands, "broker", "the embedded Kafka: start, stop, status, reset", "broker start")
    start = _command(broker, "start", broker_start, "start it in the background", "broker start")
    _option(
        start, "--brokers", None, "N", "how many nodes; default: one per address in LAB_BOOTSTRAP_SERVERS"
    )
    _command(broker, "stop", broker_stop, "stop it; its data stays", "broker stop")
    _command(broker, "status", broker_status, "is it running, where, since when", "broker status")
    _command(broker, "reset", broker_reset, "stop it and remove its topics and messages", "broker reset")

    topic = _group(commands, "topic", "the topic: create, describe", "topic create")
    create = _command(
        topic, "create", topic_create, "make the topic, if it is not there", "topic create --partitions 3"
    )
    _option(create, "--partitions", 1, "N", "how many partitions")
    _option(create, "--replication-factor", 1, "N", "how many brokers keep each partition")
    _command(topic, "describe", topic_describe, "its id, partitions and offsets", "topic describe")

    produce = _command(
        commands, "produce", produce_command, "send readings, a batch every second", "produce --batches 60"
    )
    _option(produce, "--batches", None, "N", "how many batches; default: until Ctrl-C", kind=whole_number)
    _option(
        produce, "--interval", 1.0, "S", "seconds between two batches; 0: as fast as it goes", kind=seconds
    )
    _option(
        produce, "--sensors", 3, "N", "how many sensors, one reading each in a batch", kind=positive_number
    )
    _option(produce, "--seed", None, "N", "the same seed sends the same values", kind=int)
    produce.add_argument(
        "--plants", action="store_true", help="send a simulated day, with faults to be found"
    )
    produce.add_argument("--quiet", action="store_true", help="a progress bar instead of a line a batch")

    consume = _command(
        commands, "consume", consume_command, "store every reading, once", "consume --idle-timeout 10"
    )
    _option(
        consume,
        "--max-messages",
        None,
        "N",
        "end after so many; default: go on until Ctrl-C",
        kind=positive_number,
    )
    _option(consume, "--idle-timeout", None, "S", "end after so many seconds without a message", kind=seconds)
    _option(consume, "--metrics-port", None, "PORT", "serve its numbers to Prometheus, on this machine only")
    _option(consume, "--group", None, "ID", "the consumer group; default: LAB_GROUP", kind=str)
    consume.add_argument("--quiet", action="store_true", help="a progress bar instead of a line a row")

    _command(commands, "status", status, "offsets, lag, rows, dead letters", "status")

    letters = _group(
        commands, "dead-letters", "messages that were no readings: list, replay", "dead-letters list"
    )
    _command(letters, "list", dead_letters_list, "show them, with the reasons", "dead-letters list")
    replay = _command(
        letters,
        "replay",
        dead_letters_replay,
        "send one to the topic again",
        "dead-letters replay 1 --set val=21.5",
    )
    replay.add_argument("id", type=int, help="its number in the list")
    replay.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of it"
    )
    replay.add_argument("--value", metavar="JSON", help="send this instead")

    chart = _command(commands, "chart", chart_command, "the values of each sensor as a picture", "chart")
    _option(chart, "--output", Path("sensor_logs.png"), "FILE", "where it goes; .png, .pdf or .svg")
    return top


def run_demo_command(settings: Settings, options: argparse.Namespace) -> None:
    from lab.demo import run_demo  # here, for pandas and matplotlib take a second to import

    run_demo(settings, options.output.resolve())


def doctor(settings: Settings, options: argparse.Namespace) -> int:
    findings = diagnose(settings)
    for finding in findings:
        print(finding)
    faults = sum(not finding.ok for finding in findings)
    print(f"\n{faults} fault(s) found." if faults else "\nEverything is in order.")
    return 1 if faults else 0


def broker_start(settings: Settings, options: argparse.Namespace) -> None:
    broker = start_broker(settings.bootstrap_servers, settings.home, options.brokers)
    print(f"{broker!r}{'' if broker.started_here else ' (it was there before)'}")


def _embedded(settings: Settings) -> EmbeddedBroker:
    servers = settings.bootstrap_servers.split(",")
    return EmbeddedBroker(settings.home, address(servers[0])[1], len(servers))


def broker_stop(settings: Settings, options: argparse.Namespace) -> None:
    broker = _embedded(settings)
    was_running = broker.is_running()
    broker.stop()
    print("Stopped." if was_running else f"No embedded broker of {settings.home} is running.")


def broker_status(settings: Settings, options: argparse.Namespace) -> int:
    running = [node for node in _embedded(settings).nodes() if node.process]
    for node in running:
        print(f"node {node.id}: running at 127.0.0.1:{node.port}, process {node.pid}, data {settings.home}")
    if not running:
        print(f"No embedded broker of {settings.home} is running.")
    answering = is_answering(settings.bootstrap_servers)
    print(f"{settings.bootstrap_servers}: {'a broker answers' if answering else 'no broker answers'}")
    return 0 if answering else 1


def broker_reset(settings: Settings, options: argparse.Namespace) -> None:
    _embedded(settings).reset()
    print(f"Stopped; its topics and messages in {settings.home} are removed. The warehouse is untouched.")


def topic_create(settings: Settings, options: argparse.Namespace) -> None:
    topic = lab.create_topic(
        settings.topic,
        num_partitions=options.partitions,
        replication_factor=options.replication_factor,
        **settings.kafka,
    )
    found = len(topic.partitions), len(topic.partitions[0].replicas)
    if found != (options.partitions, options.replication_factor):
        print("It was there before, and stays as it is:")
    print(f"{topic.name}: {found[0]} partition(s), replication factor {found[1]}, id {topic.topic_id}")


def topic_describe(settings: Settings, options: argparse.Namespace) -> None:
    topic = lab.describe_topic(settings.topic, **settings.kafka)
    offsets = lab.topic_offsets(settings.topic, **settings.kafka)
    print(f"{topic.name}, id {topic.topic_id}")
    rows = [
        (p.partition, p.leader, _join(p.replicas), _join(p.isr), *offsets[p.partition])
        for p in topic.partitions
    ]
    _table(["partition", "leader", "replicas", "isr", "first offset", "end offset"], rows)


def produce_command(settings: Settings, options: argparse.Namespace) -> int:
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


def consume_command(settings: Settings, options: argparse.Namespace) -> None:
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
        f"{summary.lost_to_retention} gone from the log, {summary.reconnects} reconnects; "
        f"lag: {lag or 'not known'}"
    )


@contextmanager
def _metrics(summary: ConsumeSummary, port: int | None) -> Generator[None]:
    if port is None:
        yield
        return
    from lab.metrics import serve_metrics  # here, for few ask for it

    with serve_metrics(summary, port) as url:
        _say(f"Metrics at {url}")
        yield


def status(settings: Settings, options: argparse.Namespace) -> int:
    with lab.Warehouse(settings.warehouse_url, create=False) as warehouse:
        print(f"Warehouse {warehouse.path}")
        sql = "SELECT sensor_id, count(*), max(ts) FROM sensor_logs GROUP BY sensor_id ORDER BY sensor_id"
        _table(["sensor", "rows", "last reading"], warehouse.query(sql))
        letters = list_dead_letters(warehouse)
        print(f"dead letters: {len(letters)}, of which replayed: {sum(bool(x.replayed) for x in letters)}\n")
        print("Consumers, each as it last wrote")
        sql = (
            "SELECT group_id, member, ts, stored + dead_letters, stored, dead_letters, fenced, reconnects,"
            " round((stored + dead_letters) / seconds, 1) FROM consumers ORDER BY ts"
        )
        header = ["group", "member", "at", "processed", "stored", "dead letters", "fenced", "reconnects"]
        _table([*header, "a second"], warehouse.query(sql))
        print()
        topic = lab.describe_topic(settings.topic, **settings.kafka)
        stored = warehouse.next_offsets(topic.topic_id)
    offsets = lab.topic_offsets(settings.topic, **settings.kafka)
    rows = [(n, end, stored.get(n, 0), end - stored.get(n, first)) for n, (first, end) in offsets.items()]
    print(f"Topic {topic.name} at {settings.bootstrap_servers}")
    _table(["partition", "end offset", "stored offset", "lag"], rows)
    return 0


def dead_letters_list(settings: Settings, options: argparse.Namespace) -> None:
    with lab.Warehouse(settings.warehouse_url, create=False) as warehouse:
        letters = list_dead_letters(warehouse)
    rows = [
        (x.id, f"{x.topic}-{x.partition}@{x.offset}", _short(x.value), x.error, x.replayed or "")
        for x in letters
    ]
    _table(["id", "where", "value", "reason", "replayed as"], rows)


def dead_letters_replay(settings: Settings, options: argparse.Namespace) -> None:
    with lab.Warehouse(settings.warehouse_url) as warehouse:
        value = options.value.encode() if options.value else None
        if options.set:
            values = {letter.id: letter.value for letter in list_dead_letters(warehouse)}
            value = fix_value(value or values.get(options.id), dict(map(_assignment, options.set)))
        place = lab.replay(warehouse, options.id, value, **settings.kafka)
    print(f"Dead letter {options.id} was sent again, as {place}.")


def chart_command(settings: Settings, options: argparse.Namespace) -> None:
    logs = lab.read_sensor_logs(settings.warehouse_url)
    lab.plot_sensor_logs(logs).savefig(options.output)
    print(f"{len(logs)} readings: {options.output.resolve()}")


# How it is said.


def _show(verb: str, bar: tqdm, quiet: bool) -> Callable[[list[Reading]], None]:
    def show(readings: list[Reading]) -> None:
        if quiet:
            bar.update(len(readings))
        elif readings:
            lines = (f"{verb}: {reading.sensor_id} at {reading.ts.isoformat()}\n" for reading in readings)
            sys.stdout.write("".join(lines))
            sys.stdout.flush()

    return show


def _bar(label: str, total: int | None, quiet: bool) -> tqdm:
    return tqdm(desc=label, total=total, unit=" readings", disable=None if quiet else True)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _table(header: list[str], rows: Iterable[tuple]) -> None:
    lines = [header, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def _short(value: bytes | None) -> str:
    text = repr(value.decode(errors="replace"))[1:-1] if value is not None else "(none)"
    return text if len(text) <= 40 else text[:37] + "..."


def _join(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


class _Terminal(logging.Handler):
    """Writes above a progress bar, not into it."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(record.getMessage(), file=sys.stderr)


def _log_to(home: Path) -> None:
    """Our own words go to the terminal; those of kafka-python, hundreds in an outage, to a file."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    logging.getLogger("lab").addHandler(_Terminal())
    file = logging.FileHandler(home / "kafka-python.log", encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    kafka = logging.getLogger("kafka")
    kafka.addHandler(file)
    kafka.setLevel(logging.WARNING)
    kafka.propagate = False


# How it is asked.


def _group(commands: Any, name: str, text: str, example: str) -> Any:
    group = commands.add_parser(name, help=text, description=text, epilog=_example(example))
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _command(commands: Any, name: str, run: Command, text: str, example: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text, epilog=_example(example))
    command.set_defaults(run=run)
    return command


def _example(example: str) -> str:
    return f"Example: python -m lab {example}"


def _option(command: argparse.ArgumentParser, name: str, default, metavar: str, text: str, kind=None) -> None:
    shown = f" (default {default})" if default is not None else ""
    kind = kind or (Path if isinstance(default, Path) else positive_number)
    command.add_argument(name, type=kind, default=default, metavar=metavar, help=text + shown)


def _assignment(text: str) -> tuple[str, Any]:
    """'val=21.5' as ('val', 21.5): a number where it is one, else a text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise LabError(f"--set {text}: expected FIELD=VALUE, for example val=21.5.")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def whole_number(text: str) -> int:
    return _at_least(0, int(text))


def positive_number(text: str) -> int:
    return _at_least(1, int(text))


def seconds(text: str) -> float:
    return _at_least(0, float(text))


def _at_least(least: int, number):
    if not least <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{number} is not {least} or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
