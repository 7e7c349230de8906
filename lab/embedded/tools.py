"""Which command-line tools does Kafka have, and how is one of them run?

Each has the name of its script in Kafka, `kafka-topics.sh` or `kafka-topics.bat`, without `kafka-`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.clients.connection import wait_until_answering
from lab.embedded.client_properties import properties_file
from lab.embedded.java import environment, java_command
from lab.system.signals import SIGNALS, handled

PACKAGE = "org.apache.kafka.tools."
MORE_MEMORY = "-Xmx512m"  # a test of speed needs more than Kafka itself
UTF_8 = ("-Dstdout.encoding=UTF-8", "-Dstderr.encoding=UTF-8")
CONNECT_SECONDS = 10.0
ADDRESS, CONFIG = "--bootstrap-server", "--command-config"
ADDRESSES = (ADDRESS, "--bootstrap-controller")
# Also the older names, which some tools still take.
CONFIGS = {CONFIG, "--config-file", "--consumer.config", "--consumer-config", "--producer.config"}
NEEDS_NO_BROKER = {"--help", "-h", "--version", "-v"}


@dataclass(frozen=True)
class Tool:
    """One of Kafka's programs. `address_at`: the place of `--bootstrap-server`; None if it takes none."""

    main_class: str
    does: str
    address_at: int | None = 0


TOOLS = {
    "acls": Tool(PACKAGE + "AclCommand", "Who may do what: list, add and remove rights."),
    "broker-api-versions": Tool(
        PACKAGE + "BrokerApiVersionsCommand", "Which requests each broker understands."
    ),
    "client-metrics": Tool(
        PACKAGE + "ClientMetricsCommand", "Which figures clients are to send to the brokers."
    ),
    "cluster": Tool(PACKAGE + "ClusterTool", "The id of the cluster, and its endpoints.", 1),
    "configs": Tool(PACKAGE + "ConfigCommand", "Show or change settings of topics and brokers."),
    "console-consumer": Tool(PACKAGE + "consumer.ConsoleConsumer", "Print the messages of a topic."),
    "console-producer": Tool(PACKAGE + "ConsoleProducer", "Send each line that you type as a message."),
    "console-share-consumer": Tool(
        PACKAGE + "consumer.ConsoleShareConsumer", "Print messages as a member of a share group."
    ),
    "consumer-groups": Tool(
        PACKAGE + "consumer.group.ConsumerGroupCommand", "Members, offsets and lag of groups; reset them."
    ),
    "consumer-perf-test": Tool(PACKAGE + "ConsumerPerformance", "How fast can messages be read?"),
    "delegation-tokens": Tool(PACKAGE + "DelegationTokenCommand", "Tokens for clients without a password."),
    "delete-records": Tool(PACKAGE + "DeleteRecordsCommand", "Delete the messages before an offset."),
    "dump-log": Tool(PACKAGE + "DumpLogSegments", "Show what is in the files of a partition.", None),
    "e2e-latency": Tool(PACKAGE + "EndToEndLatency", "How long is a message on its way?"),
    "features": Tool(PACKAGE + "FeatureCommand", "Which features of Kafka are switched on."),
    "get-offsets": Tool(PACKAGE + "GetOffsetShell", "The offsets of topics: first, end, or at a time."),
    "groups": Tool(PACKAGE + "GroupsCommand", "List the groups of every kind."),
    "jmx": Tool(PACKAGE + "JmxTool", "The figures that a Java program offers by JMX.", None),
    "leader-election": Tool(PACKAGE + "LeaderElectionCommand", "Let partitions elect a leader."),
    "log-dirs": Tool(PACKAGE + "LogDirsCommand", "How large each partition is, and in which folder."),
    "metadata-quorum": Tool(PACKAGE + "MetadataQuorumCommand", "The controllers: who leads, who follows."),
    "producer-perf-test": Tool(PACKAGE + "ProducerPerformance", "How fast can messages be sent?"),
    "reassign-partitions": Tool(
        PACKAGE + "reassign.ReassignPartitionsCommand", "Move partitions to other brokers."
    ),
    "replica-verification": Tool(
        PACKAGE + "ReplicaVerificationTool", "Are all replicas alike? It takes --broker-list.", None
    ),
    "share-consumer-perf-test": Tool(
        PACKAGE + "ShareConsumerPerformance", "How fast can a share group read messages?"
    ),
    "share-groups": Tool(
        PACKAGE + "consumer.group.ShareGroupCommand", "Share groups: members, offsets, reset."
    ),
    "storage": Tool("kafka.tools.StorageTool", "Format the folder of a broker; make a random id.", None),
    "streams-application-reset": Tool(
        PACKAGE + "StreamsResetter", "Let a Kafka Streams program begin from the start."
    ),
    "streams-groups": Tool(
        PACKAGE + "streams.StreamsGroupCommand", "Groups of Kafka Streams: members, offsets."
    ),
    "topics": Tool(PACKAGE + "TopicCommand", "List, describe, create, change and delete topics."),
    "transactions": Tool(PACKAGE + "TransactionsCommand", "Find transactions, and abort one that hangs."),
    "verifiable-consumer": Tool(PACKAGE + "VerifiableConsumer", "Read messages; report each step as JSON."),
    "verifiable-producer": Tool(PACKAGE + "VerifiableProducer", "Send numbers; report each answer as JSON."),
    "verifiable-share-consumer": Tool(
        PACKAGE + "VerifiableShareConsumer", "Read in a share group; report each step as JSON."
    ),
}


def run_tool(name: str, arguments: Sequence[str], kafka: dict[str, Any]) -> int:
    """Run a tool in this terminal, with these arguments, until it ends. Returns its exit code.

    The address and the security settings of `kafka` are filled in if the tool takes them and they are not
    given. Raises BrokerError if no broker answers there.
    """
    servers = kafka["bootstrap_servers"] if wants_address(name, arguments) else None
    if servers:
        protocol = kafka.get("security_protocol", "PLAINTEXT")
        wait_until_answering(servers, timeout=CONNECT_SECONDS, security_protocol=protocol)
    java = java_command(TOOLS[name].main_class, options=(MORE_MEMORY, *_encoding()))
    with _signals_for_the_tool() as running, properties_file(kafka if servers else {}) as properties:
        words = with_address(name, arguments, servers, properties)
        running.append(subprocess.Popen(_command([*java, *words]), env=environment()))
        code = running[0].wait()
    return code if code >= 0 else 128 - code


def with_address(
    name: str, arguments: Sequence[str], servers: str | None, properties: Path | None = None
) -> list[str]:
    """The arguments, with the address and the file of properties where the tool takes them.

    `servers`: None if the arguments have an address. It may be another broker's, which must not get the
    password; so the file is not filled in either.
    """
    filled = [ADDRESS, servers] if servers else []
    if servers and properties and not CONFIGS & _options(arguments):
        filled += [CONFIG, str(properties)]
    at = TOOLS[name].address_at
    return [*arguments[:at], *filled, *arguments[at:]] if filled else list(arguments)


def wants_address(name: str, arguments: Sequence[str]) -> bool:
    """Whether the tool needs an address, and the arguments have none."""
    if not _uses_a_broker(name, arguments):
        return False
    if any(argument.startswith("bootstrap.servers=") for argument in arguments):
        return False
    # Kafka accepts shortened options. The tool `cluster` has -b and -C.
    options = {option for option in _options(arguments) if len(option) > 2 or option in ("-b", "-C")}
    return not any(address.startswith(option) for option in options for address in (*ADDRESSES, "-b", "-C"))


def _uses_a_broker(name: str, arguments: Sequence[str]) -> bool:
    """Whether the tool connects to a broker, and takes options that say how."""
    at = TOOLS[name].address_at
    if at is None or len(arguments) < at or NEEDS_NO_BROKER & set(arguments):
        return False
    # The older form of e2e-latency has no options: the address is its first argument.
    return not (name == "e2e-latency" and arguments and not arguments[0].startswith("-"))


def _options(arguments: Sequence[str]) -> set[str]:
    """The names of the options, without their values."""
    return {argument.partition("=")[0] for argument in arguments if argument.startswith("-")}


def _command(words: list[str]) -> list[str] | str:
    """The same, but on Windows as one line, in which each * and ? is in quotation marks.

    Outside them, Java puts the names of files in its place, as a shell of Linux does.
    """
    return words if os.name != "nt" else " ".join(map(_in_quotes, words))


def _in_quotes(word: str) -> str:
    """A word of a command line of Windows, in quotation marks if one of its characters needs them."""
    quoted = subprocess.list2cmdline([word])
    if quoted.startswith('"') or not {"*", "?"} & set(word):
        return quoted
    backslashes = len(word) - len(word.rstrip("\\"))
    return f'"{quoted}{backslashes * chr(92)}"'  # those before the last mark are doubled


def _encoding() -> tuple[str, ...]:
    """Java's options for what it prints: UTF-8, except in a console of Windows, which has another."""
    return () if os.name == "nt" and sys.stdout.isatty() else UTF_8


@contextmanager
def _signals_for_the_tool() -> Generator[list[subprocess.Popen]]:
    """Within the block, the tool in the list decides what a signal means.

    Ctrl-C reaches it by itself, because it is in the same terminal. A request to end is passed on.
    What is ignored stays so, as under `nohup`.
    """
    running: list[subprocess.Popen] = []

    def pass_on(number, frame):
        for tool in running if number != signal.SIGINT else ():
            tool.terminate()

    heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    with handled(heard, pass_on):
        yield running
