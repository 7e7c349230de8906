"""How is a real Kafka on this machine started, stopped, killed and reset? No Docker, no Java to install.

It has one or several nodes. Each is a Java process in KRaft mode (Kafka keeps its own metadata, without
ZooKeeper). The nodes outlive the program that started them, so that a notebook, a terminal and the tests can
share one broker. All their files are under `home`.
"""

import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.clients.connection import is_port_open
from lab.embedded.folders import (
    NEEDED_MB,
    all_folders,
    data_folders,
    is_locked,
    lack_of_room,
    node_folder,
    remove_folders,
)
from lab.embedded.java import KafkaEndedError, drop_cache
from lab.embedded.nodes import (
    Node,
    read_nodes,
    read_record,
    remove_record,
    unknown_processes,
    write_nodes,
)
from lab.embedded.owners import clients_of
from lab.embedded.ports import HOST, another_address, free_ports, port_owner
from lab.embedded.process import end, launch, wait_until_serving
from lab.embedded.properties import Maker, server_properties
from lab.errors import BrokerError
from lab.system.locks import one_at_a_time
from lab.system.programs import end_with_this_process

LOCK_SECONDS = 150  # a little more than another command needs when its start times out
STOP_SECONDS = 10.0
HIDDEN_SECONDS = 3.0  # a Kafka that a killed command has just launched is seen within this time


class EmbeddedBroker:
    """Kafka in `home`, on `port` of this machine. Node n of a cluster is on `port` + n - 1.

    As a context manager, it starts on entry and stops on exit.
    """

    started_here = False  # whether `start` of this object launched it
    other_kit = None  # an embedded broker always belongs to this kit
    for_node: Maker | None = None  # what makes further settings for one of the nodes, when it is started
    known_in: Path | None = None  # the kit's home, if the broker is to end with the program that starts it

    def __init__(
        self,
        home: Path | str = ".lab",
        port: int = 9092,
        brokers: int = 1,
        properties: Mapping[str, object] | None = None,
        host: str = HOST,
    ):
        """`properties`: further settings of `server.properties`, which override those of the kit.

        `host`: the address of this machine at which clients reach it. Any other than the default opens it,
        without a password, to every machine that can reach that address.
        """
        self.home = Path(home).resolve()
        self.port = port
        self.brokers = brokers
        self.properties = dict(properties or {})
        self.host = host

    @property
    def bootstrap_servers(self) -> str:
        """The addresses for clients, in Kafka's notation."""
        return ",".join(f"{self.host}:{port}" for port in self._ports)

    def __repr__(self) -> str:
        state = "running" if self.is_running() else "stopped"
        return f"<embedded Kafka at {self.bootstrap_servers}, {state}>"

    def __enter__(self) -> "EmbeddedBroker":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def nodes(self) -> list[Node]:
        """The nodes of the last start, whether they run or not."""
        return read_nodes(self.home)

    def is_running(self) -> bool:
        """Whether a Kafka process is alive in `home`; `is_answering` tells whether it serves clients."""
        nodes = self.nodes()
        return any(node.process for node in nodes) or bool(unknown_processes(self.home, nodes))

    def start(self, timeout: float = 120) -> "EmbeddedBroker":
        """Start the nodes that do not run, and return when every node answers.

        If several processes call this at the same time, one starts the nodes and the others wait.
        Raises BrokerError, with the end of the broker's log, if they do not answer within `timeout`
        seconds. The nodes that it started are then killed.
        """
        with self._lock(), _explain_failure(self.home):
            self._start(timeout)
        return self

    def stop(self, node: int | None = None, timeout: float = STOP_SECONDS) -> None:
        """Ask a node (or all) to end, and kill it after `timeout` seconds; no error if it is not running.

        Windows cannot ask a process without a window to end, so there it is the same as `kill`.
        Acknowledged messages are kept anyway: the next start recovers them from the log.
        """
        with self._lock():
            end(self._running(node), timeout)

    def kill(self, node: int | None = None) -> None:
        """End a node (or all) at once, without a clean shutdown, as a crash would."""
        with self._lock():
            end(self._running(node), timeout=0)

    def clients(self, besides: Collection[int] = ()) -> list[str]:
        """The other programs that are connected to it, `besides` these: a stop would disturb them."""
        return clients_of(((node.process, node.port) for node in self.nodes() if node.process), besides)

    def reset(self) -> None:
        """Stop, and remove every topic and message. Nothing else in `home` is changed.

        Raises BrokerError, and removes nothing, if a Kafka still uses them.
        """
        with self._lock():
            _empty(self)

    @property
    def _ports(self) -> list[int]:
        return [self.port + n for n in range(self.brokers)]

    @contextmanager
    def _lock(self) -> Generator[None]:
        _make_home(self.home)
        with one_at_a_time(self.home / "broker.lock", LOCK_SECONDS):
            yield

    def _running(self, number: int | None = None) -> list[Node]:
        """The node if it runs; or all running nodes, and the Kafka processes in `home` that are not nodes."""
        nodes = self.nodes()
        others = unknown_processes(self.home, nodes) if number is None else []
        return [node for node in nodes if node.process and number in (None, node.id)] + others

    def _start(self, timeout: float) -> None:
        nodes = self.nodes()
        running = {node.id for node in nodes if node.process}
        end(unknown_processes(self.home, nodes), STOP_SECONDS)  # left over from a broken start
        if not running:
            _check_number(self.home, len(nodes), self.brokers)
            nodes = _plan(self.home, self.host, self._ports)
        elif (nodes[0].address, len(nodes)) != (f"{self.host}:{self.port}", self.brokers):
            there = ",".join(node.address for node in nodes)
            raise BrokerError(
                f"The broker of {self.home} already runs, at {there}. "
                "Stop it first: python -m lab broker stop."
            )
        try:
            self._launch_all(nodes, timeout)
        except BaseException:  # also after an interrupt, because nothing else would stop these nodes
            end([node for node in self._running() if node.id not in running], timeout=0)
            raise

    def _launch_all(self, nodes: list[Node], timeout: float) -> None:
        if nodes != read_record(self.home):  # before the first start, because this program may be killed then
            write_nodes(self.home, nodes)
        try:
            self._launch(nodes, timeout, quick=True)
        except KafkaEndedError as error:
            # The AOT cache may be damaged. That must not prevent Kafka from starting.
            self._launch(nodes, timeout, quick=False)
            if not error.port_taken:
                drop_cache()

    def _launch(self, nodes: list[Node], timeout: float, quick: bool) -> None:
        for node in nodes:
            if not node.process:
                nodes[node.id - 1] = launch(node, self._properties(node, nodes), quick)
                if self.known_in:
                    end_with_this_process(self.known_in, nodes[node.id - 1].pid, f"Kafka at {node.address}")
                write_nodes(self.home, nodes)
                self.started_here = True
        wait_until_serving(nodes, timeout)

    def _properties(self, node: Node, nodes: list[Node]) -> dict[str, object]:
        own = self.for_node(node, nodes) if self.for_node else {}
        return {**server_properties(node, nodes), **own, **self.properties}


def _make_home(home: Path) -> None:
    """Make the folder, accessible to this user only."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BrokerError(
            f"{home} cannot be made: {error.strerror}. Choose another with LAB_HOME."
        ) from error


@contextmanager
def _explain_failure(home: Path) -> Generator[None]:
    """Convert the errors of a failed start into one that says whether the disk is the cause."""
    try:
        yield
    except (KafkaEndedError, OSError) as error:
        if fault := lack_of_room(home):
            raise BrokerError(
                f"Kafka cannot write to {home}: {fault}. Free at least {NEEDED_MB} MB there, "
                "or choose a folder on another disk with LAB_HOME."
            ) from error
        if isinstance(error, OSError):
            raise BrokerError(f"Kafka cannot be started in {home}: {error}.") from error
        raise


def _check_number(home: Path, recorded: int, brokers: int) -> None:
    """Refuse another number of nodes than have data: new ones could form a majority without the data."""
    folders = data_folders(home)
    # An interrupted start may have formatted only some of the recorded nodes.
    formatted = max(recorded, len(folders)) if folders else 0
    if formatted not in (0, brokers):
        raise BrokerError(
            f"{home} has the data of {formatted} broker(s), and {brokers} are asked for. "
            "Remove its topics and messages with 'python -m lab broker reset', or set LAB_HOME."
        )


def _plan(home: Path, host: str, ports: list[int]) -> list[Node]:
    """The nodes to start, each on its port. Raises BrokerError if another program uses one of the ports."""
    for port in ports:
        if is_port_open(host, port):
            raise BrokerError(
                f"Port {port} is taken by {port_owner(port)}, which is not a Kafka that answers. "
                f"End it, or choose another port: {another_address(f'localhost:{port}')}."
            )
    controllers = free_ports(len(ports), avoid=ports)
    return [
        Node(number, port, controller, host=host, folder=node_folder(home, number))
        for number, (port, controller) in enumerate(zip(ports, controllers), start=1)
    ]


def _empty(broker: EmbeddedBroker) -> None:
    """End every Kafka in its home, and remove the data."""
    until = time.monotonic() + HIDDEN_SECONDS
    while True:
        end(broker._running(), STOP_SECONDS)
        try:
            return _remove_data(broker.home)
        except BrokerError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _remove_data(home: Path) -> None:
    """Remove the data of all nodes and their record; nothing if an invisible Kafka still uses the data."""
    folders = all_folders(home)
    if used := next(filter(is_locked, folders), None):
        raise BrokerError(
            f"A Kafka that cannot be seen from here uses {used}: in a container, of another user "
            "or on another machine. Stop it there; nothing was removed."
        )
    try:
        remove_folders(*folders)
        remove_record(home)
    except OSError as error:
        raise BrokerError(
            f"{error.filename} cannot be removed: {error.strerror}. Close the program that has it "
            "open, and do it again."
        ) from error
