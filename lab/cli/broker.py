"""How is the embedded Kafka started, inspected and stopped? `python -m lab broker ...`."""

from typing import Any

import click

from lab.cli.command import Group
from lab.cli.options import MAX_BROKERS, number
from lab.cli.output import say, table
from lab.clients.connection import address, is_answering
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.choose import start_broker
from lab.embedded.nodes import Node, unknown_processes
from lab.embedded.ports import HOST, another_address
from lab.errors import LabError
from lab.settings import Settings
from lab.system.programs import Program, end, left_over, read_programs
from lab.system.signals import interrupted_once
from lab.text.commandline import kit
from lab.topics import describe_topics
from lab.watching.replicas import wait_until_in_sync

one_node = click.option("--node", type=number(1), metavar="N", help="One node of several, by its number.")


@click.group("broker", cls=Group)
def command() -> None:
    """The embedded Kafka: start, stop, kill, restart, status, reset."""


@command.command("start")
@click.option(
    "--brokers",
    type=number(1, MAX_BROKERS),
    metavar="N",
    help="How many nodes; default: as before, or one for each address in LAB_BOOTSTRAP_SERVERS.",
)
@click.option(
    "--listen",
    metavar="ADDRESS",
    help="An address of this machine at which other machines can reach it too, without a password.",
)
@click.pass_obj
def start(settings: Settings, brokers: int | None, listen: str | None) -> None:
    """Start it in the background."""
    with interrupted_once():
        broker = start_broker(settings.bootstrap_servers, settings.home, brokers, listen)
    print(f"{broker!r}{'' if broker.started_here else ' (it was there before)'}")
    if broker.other_kit:
        say(f"It may end with that kit. For one of your own: {another_address(settings.bootstrap_servers)}")
    if listen:
        say(f"Every machine that reaches {listen} can read and write it, without a password.")
        say(f"To use it, they and you set LAB_BOOTSTRAP_SERVERS={broker.bootstrap_servers}")
        return
    if broker.bootstrap_servers.count(",") > settings.bootstrap_servers.count(","):
        say(f"To reach it also when one node is gone: LAB_BOOTSTRAP_SERVERS={broker.bootstrap_servers}")


@command.command("stop")
@one_node
@click.option("--force", is_flag=True, help="Also while other programs are connected to it.")
@click.pass_obj
def stop(settings: Settings, node: int | None, force: bool) -> None:
    """Stop it, or one of its nodes, and the programs of notebooks; its data is kept."""
    broker = embedded_broker(settings, node)
    was_running = broker.is_running()
    end_programs(left_over(settings.home))
    programs = [] if node else read_programs(settings.home)
    own = [program.process.pid for program in programs]
    if not (force or node) and (clients := broker.clients(besides=own)):
        raise LabError(
            f"The broker of {settings.home} goes on: it is used by {', '.join(clients)}. End that, or stop "
            "it anyway: python -m lab broker stop --force."
        )
    end_programs(programs)
    broker.stop(node)
    print("Stopped." if was_running else f"No embedded broker of {settings.home} is running.")


@command.command("kill", example="--node 2")
@one_node
@click.pass_obj
def kill(settings: Settings, node: int | None) -> None:
    """End it, or one of its nodes, at once, as a crash would."""
    embedded_broker(settings, node).kill(node)
    print(f"Killed. '{kit()} broker start' starts what is not running.")


@command.command("restart")
@one_node
@click.pass_obj
def restart(settings: Settings, node: int | None) -> None:
    """Restart its nodes one by one, so that the topics stay available."""
    broker = embedded_broker(settings, node)
    for each in [found.id for found in broker.nodes() if node in (None, found.id)]:
        broker.stop(each)
        broker.start()
        kafka: dict[str, Any] = {**settings.kafka, "bootstrap_servers": broker.bootstrap_servers}
        wait_until_in_sync(**kafka)
        print(f"node {each}: restarted, every copy in sync")


@command.command("status")
@click.pass_obj
def status(settings: Settings) -> int:
    """Show whether it is running, where, who leads, and which copies are in sync."""
    broker = embedded_broker(settings)
    nodes, servers = broker.nodes(), settings.bootstrap_servers
    if {node.port for node in nodes} & {address(server)[1] for server in servers.split(",")}:
        servers = broker.bootstrap_servers  # all of them, because the configured one may be down
    _show_nodes(broker, nodes)
    print(f"data: {settings.home}" if nodes else f"{settings.home} has no embedded broker.")
    answering = is_answering(servers, security_protocol=settings.security_protocol)
    print(f"{servers}: {'a broker answers' if answering else 'no broker answers'}")
    if not answering:
        return 1
    if 0 < sum(bool(node.process) for node in nodes) <= len(nodes) / 2:
        print("Too few nodes run for a majority: the following is the last known state.")
    print()
    _show_topics({**settings.kafka, "bootstrap_servers": servers})
    return 0


def _show_nodes(broker: EmbeddedBroker, nodes: list[Node]) -> None:
    for node in nodes:
        state = f"running, process {node.pid}" if node.process else "stopped"
        print(f"node {node.id}: {node.address}, {state}")
    for lost in unknown_processes(broker.home, nodes):
        print(f"process {lost.pid}: none of these nodes; '{kit()} broker stop' ends it")


def _show_topics(kafka: dict[str, Any]) -> None:
    rows = [
        (topic.name, p.partition, p.leader, p.replicas, p.isr)
        for topic in describe_topics(**kafka)
        for p in topic.partitions
    ]
    table(["topic", "partition", "leader", "replicas", "isr"], rows)


@command.command("reset")
@click.pass_obj
def reset(settings: Settings) -> None:
    """Stop it and remove its topics and messages."""
    end_programs(read_programs(settings.home))
    embedded_broker(settings).reset()
    print(f"Stopped; its topics and messages in {settings.home} are removed. The warehouse is untouched.")


def end_programs(programs: list[Program]) -> None:
    """End programs of notebooks, and print which."""
    for program in end(programs):
        print(f"Ended, of a notebook: {program}")


def embedded_broker(settings: Settings, node: int | None = None) -> EmbeddedBroker:
    """The broker of this home, as it was last started; LabError if it has no such node."""
    nodes = EmbeddedBroker(settings.home).nodes()
    if node and node not in [each.id for each in nodes]:
        raise LabError(f"There is no node {node}: the broker of {settings.home} has {len(nodes)}.")
    port = nodes[0].port if nodes else address(settings.bootstrap_servers.split(",")[0])[1]
    host = nodes[0].host if nodes else HOST
    return EmbeddedBroker(settings.home, port, max(1, len(nodes)), host=host)
