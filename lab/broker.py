"""A real Apache Kafka on this machine: no Docker, no Java to install, no account.

One node or several, each a Java process of its own, in KRaft mode (a Kafka that keeps its own
metadata, with no ZooKeeper). They outlive the program that started them, so that a notebook, a
terminal and the tests can share one broker. All that they write is under `home`.

A broker that already answers is used as it is and never stopped: see `start_broker`. One that was
started here, and that others use, should not be stopped under them: `EmbeddedBroker.clients` tells who.
"""

import base64
import os
import random
import re
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Collection, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePath

import psutil

from lab.connection import address, is_answering, speaks_tls
from lab.errors import BrokerError
from lab.java import drop_cache, environment, java_command, train
from lab.locks import one_at_a_time
from lab.neighbours import clients_of, home_of, listens
from lab.nodes import (
    HOST,
    STARTED,
    Node,
    all_folders,
    data_folders,
    is_locked,
    lack_of_room,
    log_file,
    node_folder,
    patiently,
    read_nodes,
    read_record,
    remove_folders,
    unknown_processes,
    write_nodes,
)

LOOPBACK = ("localhost", HOST, "::1")
LOCK_SECONDS = 150  # somewhat more than another command needs, if its own start times out
NEEDED_MB = 500  # free on the disk, for the kit to go on for a while
COMES_UP_SECONDS = 15  # for a port that is open and does not answer yet

# Below those that every system gives to outgoing connections: one of these could take a port
# between our look and Kafka's start, be it one node's own search for the next.
PORTS = range(10_000, 32_000)
MOST_COPIES = 3  # of each partition of Kafka's own topics, if there are so many nodes
# What makes Kafka small and quick enough for a laptop; the reason stands with each group.
PROPERTIES = {
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    # The first message of a new group after 0.2 s, not 3 s.
    "group.initial.rebalance.delay.ms": 0,
    # Back 2 s after a kill, not 11 s: that long a killed broker keeps its registration.
    "broker.session.timeout.ms": 1500,
    "broker.heartbeat.interval.ms": 300,
    # Half the memory: stock Kafka reserves 128 MB for its log cleaner alone.
    "log.cleaner.dedupe.buffer.size": 4194304,
    "log.cleaner.io.buffer.size": 65536,
    "log.segment.bytes": 16777216,
    "log.index.size.max.bytes": 1048576,
    "metadata.log.segment.bytes": 8388608,
    "num.network.threads": 1,
    "num.io.threads": 2,
    "background.threads": 2,
}
# Windows cannot rename a file that is open: there a delete, a clean-up or a compaction of a
# topic would stop the broker. `reset` empties everything instead (KAFKA-1194).
WINDOWS_PROPERTIES = {
    "log.retention.ms": -1,
    "log.retention.bytes": -1,
    "log.cleaner.enable": "false",
    "metadata.max.retention.ms": -1,
    "delete.topic.enable": "false",
}


class EndedError(BrokerError):
    """A process of Kafka ended by itself."""


class ExternalBroker:
    """A broker that somebody else runs: docker-compose, a cluster. Starting and stopping it is theirs.

    `home`: if it is the embedded one of another kit on this machine, where that keeps it.
    """

    started_here = False

    def __init__(self, bootstrap_servers: str, home: PurePath | None = None):
        self.bootstrap_servers = bootstrap_servers
        self.home = home

    def __repr__(self) -> str:
        by = f"another kit, for itself: {self.home}" if self.home else "somebody else"
        return f"<Kafka at {self.bootstrap_servers}, run by {by}>"

    def __enter__(self) -> "ExternalBroker":
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave it running."""

    def stop(self) -> None:
        """Leave it running."""


class EmbeddedBroker:
    """Kafka in `home`, on `port` of this machine; node n of several on `port` + n - 1.

    As a context manager it starts on entry and stops on exit.
    """

    started_here = False  # whether `start` of this very object launched it

    def __init__(
        self,
        home: Path | str = ".lab",
        port: int = 9092,
        brokers: int = 1,
        properties: Mapping[str, object] | None = None,
        host: str = HOST,
    ):
        """`properties`: further settings of `server.properties`, over the kit's own.

        `host`: the address of this machine at which clients reach it. Any but the default opens it,
        with no password, to every machine that can reach that address.
        """
        self.home = Path(home).resolve()
        self.port = port
        self.brokers = brokers
        self.properties = dict(properties or {})
        self.host = host

    @property
    def bootstrap_servers(self) -> str:
        """The addresses that clients start from, as Kafka writes them."""
        return ",".join(f"{self.host}:{self.port + n}" for n in range(self.brokers))

    @property
    def log(self) -> Path:
        """The log of the first node."""
        return self.home / "broker-1.log"

    def __repr__(self) -> str:
        state = "running" if self.is_running() else "stopped"
        return f"<embedded Kafka at {self.bootstrap_servers}, {state}>"

    def __enter__(self) -> "EmbeddedBroker":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def nodes(self) -> list[Node]:
        """The nodes as they were last started, running or not."""
        return read_nodes(self.home)

    def is_running(self) -> bool:
        """Whether a process of Kafka is alive in `home`; `is_answering` tells whether it serves."""
        nodes = self.nodes()
        return any(node.process for node in nodes) or bool(unknown_processes(self.home, nodes))

    def start(self, timeout: float = 120) -> "EmbeddedBroker":
        """Start what is not running, and return when every node answers.

        However many processes ask at once, one starts it and the others wait for it.
        Raises BrokerError, with the end of the broker's log, if it does not come up within
        `timeout` seconds; then nothing of it goes on running.
        """
        with self._lock():
            try:
                self._start(timeout)
            except (EndedError, OSError) as error:
                if fault := lack_of_room(self.home):
                    raise BrokerError(
                        f"Kafka cannot write to {self.home}: {fault}. Free at least {NEEDED_MB} MB there, "
                        "or choose a folder on another disk with LAB_HOME."
                    ) from error
                if isinstance(error, OSError):
                    raise BrokerError(f"Kafka cannot be started in {self.home}: {error}.") from error
                raise
        return self

    def stop(self, node: int | None = None, timeout: float = 10) -> None:
        """Ask a node (or all) to end, and end it after `timeout` seconds; a stopped one stays stopped.

        On Windows there is no asking a process without a window: there it is the same as `kill`. What
        was acknowledged is kept all the same, and the next start looks through the log for it.
        """
        with self._lock():
            self._end(self._running(node), timeout)

    def kill(self, node: int | None = None) -> None:
        """End a node (or all) at once with no chance to tidy up, as a crash would."""
        with self._lock():
            self._end(self._running(node), timeout=0)

    def clients(self) -> list[str]:
        """The programs that are connected to it, apart from this one: whom a stop would hit."""
        return clients_of((node.process, node.port) for node in self.nodes() if node.process)

    def reset(self) -> None:
        """Stop, and remove every topic and message. Nothing else in `home` is touched.

        Raises BrokerError, with nothing removed, if a Kafka goes on using them.
        """
        with self._lock():
            self._end(self._running(), timeout=10)
            folders = all_folders(self.home)
            if used := next(filter(is_locked, folders), None):
                raise BrokerError(
                    f"A Kafka that cannot be seen from here uses {used}: in a container, of another user "
                    "or on another machine. Stop it there; nothing was removed."
                )
            try:
                remove_folders(*folders)
                patiently(lambda: (self.home / "broker.json").unlink(missing_ok=True))
            except OSError as error:
                raise BrokerError(
                    f"{error.filename} cannot be removed: {error.strerror}. Close the program that has it "
                    "open, and do it again."
                ) from error

    # How it is done: plan the ports, format a data folder, launch Java, wait, end.

    @contextmanager
    def _lock(self):
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise BrokerError(
                f"{self.home} cannot be made: {error.strerror}. Choose another with LAB_HOME."
            ) from error
        with one_at_a_time(self.home / "broker.lock", LOCK_SECONDS):
            yield

    def _running(self, number: int | None = None) -> list[Node]:
        """What is to be ended: a node, or all, and what else runs in `home`."""
        nodes = self.nodes()
        others = unknown_processes(self.home, nodes) if number is None else []
        return [node for node in nodes if node.process and number in (None, node.id)] + others

    def _start(self, timeout: float) -> None:
        nodes = self.nodes()
        running = {node.id for node in nodes if node.process}
        self._end(unknown_processes(self.home, nodes), timeout=10)  # in the way, and of no use
        if not running:
            nodes = self._plan()
        elif (nodes[0].address, len(nodes)) != (f"{self.host}:{self.port}", self.brokers):
            raise BrokerError(
                f"The broker of {self.home} already runs, as {len(nodes)} at {nodes[0].address}. "
                "Stop it first: python -m lab broker stop."
            )
        try:
            self._launch_all(nodes, timeout)
        except BaseException:  # an interrupt too: who started it is gone, and would not stop it
            self._end([node for node in self._running() if node.id not in running], timeout=0)
            raise

    def _launch_all(self, nodes: list[Node], timeout: float) -> None:
        if nodes != read_record(self.home):  # before the first runs: we may be killed at any moment
            write_nodes(self.home, nodes)
        try:
            self._run(nodes, timeout, quick=True)
        except EndedError:
            # Perhaps for a damaged AOT cache: that must never keep Kafka from starting.
            self._run(nodes, timeout, quick=False)
            drop_cache()

    def _plan(self) -> list[Node]:
        # A start that was cut off may have formatted only some of them.
        folders = data_folders(self.home)
        formatted = max(len(self.nodes()), len(folders)) if folders else 0
        if formatted not in (0, self.brokers):
            # A majority of new nodes would know nothing of what the old ones keep.
            raise BrokerError(
                f"{self.home} has the data of {formatted} broker(s), and {self.brokers} are asked for. "
                "Remove its topics and messages with 'python -m lab broker reset', or set LAB_HOME."
            )
        ports = [self.port + n for n in range(self.brokers)]
        for port in ports:
            if is_port_open(self.host, port):
                raise BrokerError(
                    f"Port {port} is taken by {port_owner(port)}, which is not a Kafka that answers. "
                    f"End it, or choose another port: LAB_BOOTSTRAP_SERVERS=localhost:{port + 100}."
                )
        controllers = free_ports(self.brokers, avoid=ports)
        return [
            Node(n + 1, ports[n], controllers[n], host=self.host, folder=node_folder(self.home, n + 1))
            for n in range(self.brokers)
        ]

    def _run(self, nodes: list[Node], timeout: float, quick: bool) -> None:
        for node in nodes:
            if not node.process:
                nodes[node.id - 1] = self._launch(node, nodes, quick)
                write_nodes(self.home, nodes)
                self.started_here = True
        self._wait(nodes, timeout)

    def _launch(self, node: Node, nodes: list[Node], quick: bool) -> Node:
        folder, properties = node.folder, self._properties(node, nodes)
        if not folder.exists():
            self._format(folder, properties, quick)
        _write_properties(folder, properties)
        with log_file(node).open("ab") as output:
            output.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {STARTED}".encode())
            output.flush()
            child = subprocess.Popen(
                java_command("kafka.Kafka", "server.properties", quick=quick),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                **DETACHED,
            )
        _children.append(child)
        return replace(node, pid=child.pid, started=psutil.Process(child.pid).create_time())

    def _format(self, folder: Path, properties: Mapping[str, object], quick: bool) -> None:
        """Make the data folder aside and rename it, so that a crash leaves none half-made."""
        new = folder.with_name(folder.name + ".new")
        remove_folders(new)
        new.mkdir()
        _write_properties(new, properties)
        # One cluster id for all nodes. Kafka's form of it is 16 bytes in base64.
        cluster = uuid.uuid5(uuid.NAMESPACE_URL, self.home.as_uri()).bytes
        # With "=", for an id may begin with "-" and look like an option.
        cluster_id = "--cluster-id=" + base64.urlsafe_b64encode(cluster)[:22].decode()
        arguments = "format", cluster_id, "--config", "server.properties"
        done = subprocess.run(
            java_command("kafka.tools.StorageTool", *arguments, quick=quick),
            cwd=new,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(),
        )
        if done.returncode:
            output = (done.stdout + done.stderr).decode(errors="replace").strip()
            raise EndedError(f"Kafka could not format {folder}:\n{output[-2000:]}")
        patiently(lambda: new.rename(folder))

    def _properties(self, node: Node, nodes: list[Node]) -> dict[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": node.id,
            "controller.quorum.voters": ",".join(f"{n.id}@{HOST}:{n.controller_port}" for n in nodes),
            "listeners": f"PLAINTEXT://{node.address},CONTROLLER://{HOST}:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{node.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": "data",
            **PROPERTIES,
            **_replication(len(nodes)),
            **(WINDOWS_PROPERTIES if os.name == "nt" else {}),
            **self.properties,
        }

    def _wait(self, nodes: list[Node], timeout: float) -> None:
        until = time.monotonic() + timeout
        while waiting := [n for n in nodes if not _serves(n)]:
            for node in waiting:
                if not _has_ended(node):
                    continue
                if is_port_open(node.host, node.port):
                    raise BrokerError(
                        f"Port {node.port} was taken by {port_owner(node.port)} while Kafka started. "
                        f"End it, or choose another port: LAB_BOOTSTRAP_SERVERS=localhost:{node.port + 100}."
                    )
                raise EndedError(f"Kafka ended while it started.\n{self._tail(node)}")
            if time.monotonic() > until:
                raise BrokerError(f"Kafka does not answer after {timeout:.0f} s.\n{self._tail(waiting[0])}")
            time.sleep(0.05)

    def _tail(self, node: Node) -> str:
        log = log_file(node)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        return "\n".join([f"The end of its log, {log}:", *lines])

    def _end(self, nodes: list[Node], timeout: float) -> None:
        """All at once: the last node of a cluster cannot tidy up alone, and would hang for minutes."""
        ended = [node for node in nodes if node.process]
        for act in ("terminate", "kill") if timeout else ("kill",):
            for node in ended:
                _signal(node, act)
            until = time.monotonic() + (timeout or 10)
            # The port too: a killed process counts as ended a moment before it lets go of it.
            while any(n.process or (n.port and is_port_open(n.host, n.port)) for n in ended):
                if time.monotonic() > until:
                    break
                time.sleep(0.02)
        if left := next((node for node in ended if node.process), None):
            raise BrokerError(f"Kafka does not end, as process {left.pid}. End it, and do this again.")
        for child in _children:  # an ended child stays listed by the system until its parent asks
            if child.pid in {node.pid for node in ended}:
                child.wait(timeout=10)
            child.poll()  # and one that ended by itself


def start_broker(
    bootstrap_servers: str = "localhost:9092",
    home: Path | str = ".lab",
    brokers: int | None = None,
    listen: str | None = None,
) -> EmbeddedBroker | ExternalBroker:
    """The broker at this address: the one that answers there, or else an embedded one.

    `brokers`: how many nodes; by default as many as before, or one for each address given. `listen`:
    an address of this machine at which others may reach it. Raises BrokerError if nothing answers and
    the address is not on this machine.
    """
    servers = [address(server) for server in bootstrap_servers.split(",")]
    embedded = EmbeddedBroker(home, servers[0][1])
    nodes = embedded.nodes()
    embedded.brokers = brokers or max(len(servers), len(nodes))
    if listen:
        embedded.host = _own_address(listen)
        bootstrap_servers = embedded.bootstrap_servers
        servers = [address(server) for server in bootstrap_servers.split(",")]
    elif any(node.process and (node.host, node.port) in servers for node in nodes):
        embedded.host = nodes[0].host  # opened to others before
    ours = {node.port for node in nodes if node.process}
    theirs = ours.isdisjoint(port for _, port in servers)
    if theirs and (_is_kafka(bootstrap_servers) or _comes_up(bootstrap_servers)):
        return ExternalBroker(bootstrap_servers, other_kit(bootstrap_servers, embedded.home))
    if not all(host in (*LOOPBACK, embedded.host) for host, _ in servers):
        raise BrokerError(
            f"No Kafka broker answers at {bootstrap_servers}, and the kit starts one on this machine "
            "only. Check the address, or unset LAB_BOOTSTRAP_SERVERS."
        )
    try:
        return embedded.start()
    except BrokerError:
        if embedded.is_running() or not _is_kafka(bootstrap_servers):
            raise
        # Somebody was quicker.
        return ExternalBroker(bootstrap_servers, other_kit(bootstrap_servers, embedded.home))


def other_kit(bootstrap_servers: str, home: Path, security_protocol: str = "PLAINTEXT") -> PurePath | None:
    """The home of another kit on this machine, if it is its embedded broker that answers there.

    At another address than this machine's own it is meant for others: see `listen`. With a password or a
    certificate it is no embedded one, and would only be asked in vain.
    """
    if security_protocol != "PLAINTEXT":
        return None
    servers = [address(server) for server in bootstrap_servers.split(",")]
    own = {node.port for node in EmbeddedBroker(home).nodes() if node.process}
    is_here = all(host in LOOPBACK for host, _ in servers)
    if not is_here or not own.isdisjoint(port for _, port in servers) or not is_answering(bootstrap_servers):
        return None
    found = home_of(bootstrap_servers)
    return None if found == home.resolve() else found


def _own_address(listen: str) -> str:
    found = [each.address for some in psutil.net_if_addrs().values() for each in some]
    own = [each for each in found if re.fullmatch(r"[0-9.]+", each)]
    if listen not in own and not listen.startswith("127."):
        raise BrokerError(f"{listen!r} is no address of this machine. It has: {', '.join(own)}.")
    return listen


def _is_kafka(bootstrap_servers: str, timeout: float = 1) -> bool:
    """Whether a broker answers, or, behind TLS, something that may be one: a client will see."""
    return is_answering(bootstrap_servers, timeout) or speaks_tls(bootstrap_servers, timeout)


def _comes_up(bootstrap_servers: str) -> bool:
    """Whether an open port there turns out to be a Kafka: Docker opens it long before Kafka answers."""
    until = time.monotonic() + COMES_UP_SECONDS
    while any(is_port_open(*address(server)) for server in bootstrap_servers.split(",")):
        if _is_kafka(bootstrap_servers, timeout=5):
            return True
        if time.monotonic() > until:
            break
        time.sleep(0.2)
    return False


def prepare_quick_start() -> Path | None:
    """Make Java's AOT cache, with which Kafka starts in a third of the time; some seconds, once.

    None where it cannot be made: then Kafka starts as it always did.
    """
    with tempfile.TemporaryDirectory(prefix="lab-train-", ignore_cleanup_errors=True) as home:
        port, controller_port = free_ports(2)
        broker, node = EmbeddedBroker(home, port), Node(1, port, controller_port)

        def run(command: list[str]) -> None:
            properties, folder = broker._properties(node, [node]), broker.home / "broker-1"
            broker._format(folder, properties, quick=False)
            # Kafka loads everything, finds its port taken, and ends by itself: no signal needed.
            with socket.create_server((HOST, port)):
                subprocess.run(command, cwd=folder, env=environment(), capture_output=True, timeout=120)

        return train(run)


def is_port_open(host: str, port: int) -> bool:
    """Whether anything listens there."""
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


def another_address(bootstrap_servers: str) -> str:
    """What to set for a broker of one's own: a port of this machine at which nothing listens."""
    ports = range(address(bootstrap_servers.split(",")[0])[1] + 100, 2**16, 100)
    free = next((port for port in ports if not is_port_open(HOST, port)), None)
    return f"LAB_BOOTSTRAP_SERVERS=localhost:{free or free_ports(1)[0]}"


def port_owner(port: int) -> str:
    """Who listens on a port, in words."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (process {process.pid})"
    except psutil.Error:
        pass  # macOS tells only the administrator
    return "another program"


def free_ports(count: int, avoid: Collection[int] = ()) -> list[int]:
    """So many ports of this machine that are free now, in a row, as several nodes need them."""
    while True:
        first = random.choice(PORTS)
        ports = list(range(first, first + count))
        if not set(ports) & set(avoid) and all(_is_free(port) for port in ports):
            return ports


def _is_free(port: int) -> bool:
    try:
        with socket.socket() as probe:
            probe.bind((HOST, port))
        return True
    except OSError:
        return False


def _replication(brokers: int) -> dict[str, object]:
    """Copies of what Kafka keeps for itself; all but one must have a message before it is acknowledged."""
    copies = min(brokers, MOST_COPIES)
    enough = max(1, copies - 1)
    return {
        "min.insync.replicas": enough,
        "default.replication.factor": copies,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": enough,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": enough,
    }


def _write_properties(folder: Path, properties: Mapping[str, object]) -> None:
    # Relative paths only: a properties file is Latin-1, where an accent or a backslash breaks.
    lines = [f"{name}={value}\n" for name, value in properties.items()]
    (folder / "server.properties").write_text("".join(lines), encoding="ascii")


def _has_ended(node: Node) -> bool:
    """Whether its process is gone; of one that we launched, the system itself tells us.

    What others can see of a new process may be wrong for a moment, and a second Kafka would be launched
    beside the first.
    """
    child = next((child for child in _children if child.pid == node.pid), None)
    return child.poll() is not None if child else not node.process


def _serves(node: Node) -> bool:
    """Whether it answers: it, and not somebody else at its address."""
    process = node.process
    return is_answering(node.address) and bool(process) and listens(process, node.port)


def _signal(node: Node, act: str) -> None:
    try:
        if process := node.process:
            getattr(process, act)()
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise BrokerError(f"Kafka is process {node.pid} of another user, who must end it.") from error


# A broker must not hear the Ctrl-C of the terminal, nor die with the kernel that started it.
DETACHED: dict = (
    {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    if os.name == "nt"
    else {"start_new_session": True}
)
_children: list[subprocess.Popen] = []
