"""The Kafkas of docker-compose.yaml, each on a host of its own, as Docker would run them. Linux can do that.

    python -m tests.support.compose_networks FOLDER

It is run by `in_namespaces`, in namespaces of its own: what it mounts and whom it connects, nobody else sees,
and with it everything ends that it has started. Each service gets its environment as it is in the file.
Kafka's own program makes the settings of it, as in the image.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import yaml

import lab
from lab.clients.connection import is_answering
from lab.embedded.java import java_command
from tests.support.waiting import wait_for

COMPOSE = Path(__file__).parents[2] / "docker-compose.yaml"
NAMESPACES = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
NETWORK, BRIDGE = "172.31.77", "lab0"
DEFAULT_CLUSTER = "5L6g3nShT-eMCtK--X86sw"  # what the image takes if the file names none
LOGGING = "Configuration: {Loggers: {Root: {level: INFO}}}"
# In a container: the data in its volume, the names of all hosts; then Kafka makes its settings, and starts.
ENTRYPOINT = """
set -e
mount --make-rprivate /
mkdir -p "$DATA"
mount --bind "$VOLUME" "$DATA"
mount --bind "$HOSTS" /etc/hosts
"$@" kafka.docker.KafkaDockerWrapper setup --default-configs-dir default --mounted-configs-dir mounted \\
    --final-configs-dir final
exec "$@" kafka.Kafka final/server.properties
"""


def in_namespaces(*command: str | Path, **options) -> subprocess.CompletedProcess:
    """Run a command where it is root, and has mounts, networks and processes of its own."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return subprocess.run([*NAMESPACES, *as_root, *command], capture_output=True, encoding="utf-8", **options)


def fault() -> str:
    """Why this cannot be run here; empty if it can."""
    if not sys.platform.startswith("linux") or not shutil.which("unshare") or not shutil.which("ip"):
        return "network namespaces are of Linux, with the programs unshare and ip"
    tried = in_namespaces("sh", "-c", f"mount -t tmpfs tmpfs /run && ip link add {BRIDGE} type bridge")
    return f"this user may make no network namespaces: {tried.stderr.strip()}" if tried.returncode else ""


class Hosts:
    """One host for each service, with its name, all on a bridge. This program is on the bridge, too."""

    def __init__(self, folder: Path, names: list[str]):
        self.folder = folder
        self.addresses = {name: f"{NETWORK}.{number}" for number, name in enumerate(names, start=10)}
        lines = [f"{address} {name}\n" for name, address in self.addresses.items()]
        (folder / "hosts").write_text("".join(["127.0.0.1 localhost\n", *lines]), encoding="utf-8")
        run("mount", "--make-rprivate", "/")
        for place in ("/run", "/var/lib"):  # there are the networks, and the data of the containers
            run("mount", "-t", "tmpfs", "tmpfs", place)
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        for number, name in enumerate(names):
            self._plug_in(name, f"port{number}")

    def _plug_in(self, name: str, port: str) -> None:
        run("ip", "netns", "add", name)
        run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", port, "master", BRIDGE, "up")
        run("ip", "-n", name, "address", "add", f"{self.addresses[name]}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            run("ip", "-n", name, "link", "set", device, "up")

    def start(self, name: str, service: dict) -> None:
        """Start a service on its host, and forward its ports."""
        place = self.folder / name
        for each in ("default", "mounted", "final", "volume"):
            (place / each).mkdir(parents=True)
        (place / "default" / "server.properties").touch()
        for each in ("log4j2.yaml", "tools-log4j2.yaml"):
            (place / "default" / each).write_text(LOGGING, encoding="utf-8")
        (volume,) = service["volumes"]
        where = {"DATA": volume.split(":")[1], "VOLUME": place / "volume", "HOSTS": self.folder / "hosts"}
        inside = ["ip", "netns", "exec", name, "unshare", "--mount", "bash", "-c", ENTRYPOINT, "kafka"]
        with (place / "log").open("wb") as log:
            subprocess.Popen(
                [*inside, *java()],
                cwd=place,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "CLUSTER_ID": DEFAULT_CLUSTER}
                | {key: str(value) for key, value in {**service["environment"], **where}.items()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        for mapping in service["ports"]:
            host, outer, inner = mapping.split(":")
            forward((host, int(outer)), (self.addresses[name], int(inner)))


def java() -> list[str]:
    """Java, with Kafka's jars and more memory than the kit gives it: the defaults of Kafka need that."""
    return [*java_command("", quick=False, options=["-Xmx512m"])[:-1]]


def run(*command: str) -> None:
    """Run a program, which must succeed."""
    subprocess.run(command, check=True)


def forward(outer: tuple[str, int], inner: tuple[str, int]) -> None:
    """Pass connections on, as Docker does for a published port."""
    listening = socket.create_server(outer)

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()

    def accept() -> None:
        while True:
            here, _ = listening.accept()
            try:
                there = socket.create_connection(inner)
            except OSError:  # it does not listen yet
                here.close()
                continue
            for pair in ((here, there), (there, here)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def stored(servers: str, place: Path, **options: int) -> int:
    """How many readings go through the brokers at these addresses, of 15."""
    kafka = {"bootstrap_servers": servers}
    (partition,) = lab.create_topic("sensor-data", **options, **kafka).partitions
    print("replicas", sorted(partition.replicas))
    lab.produce("sensor-data", lab.simulate_readings(), interval=0, max_batches=5, **kafka)
    with lab.Warehouse(str(place)) as warehouse:
        return lab.consume("sensor-data", warehouse, max_messages=15, **kafka).stored


def main(folder: Path) -> None:
    """Run the one broker, then the three of the profile beside it."""
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    names = [name for name, service in services.items() if "kafka" in service["image"]]
    hosts = Hosts(folder, names)
    alone, *cluster = names
    for group, options in (([alone], {}), (cluster, {"replication_factor": -1})):
        for name in group:
            hosts.start(name, services[name])
        ports = [mapping.split(":")[1] for name in group for mapping in services[name]["ports"]]
        servers = [f"localhost:{port}" for port in ports]
        for server in servers:
            wait_for(lambda server=server: is_answering(server), timeout=120)
        print("stored", stored(",".join(servers), folder / f"{group[0]}.db", **options))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
