"""Is the set-up sound? The doctor: each known fault, what it is, why, and the one thing to do."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from lab.broker import EmbeddedBroker, is_port_open, port_owner
from lab.client import find_fault, version
from lab.connection import address, connect, is_answering
from lab.errors import LabError, NoWarehouseYet
from lab.java import java_executable
from lab.settings import Settings
from lab.warehouse import Warehouse

NEEDED_MB = 500


@dataclass(frozen=True)
class Finding:
    """What a check found; `fix` is empty when nothing is wrong."""

    check: str
    found: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.fix

    def __str__(self) -> str:
        line = f"{'ok   ' if self.ok else 'FAULT'}  {self.check}: {self.found}"
        return line if self.ok else f"{line}\n       -> {self.fix}"


def diagnose(settings: Settings | None = None) -> list[Finding]:
    """Look at everything that is known to go wrong; changes nothing."""
    settings = settings or Settings.from_environment()
    checks: list[Callable[[Settings], Finding]] = [
        check_python,
        check_client,
        check_java,
        check_jars,
        check_broker,
        check_warehouse,
        check_disk,
    ]
    return [check(settings) for check in checks]


def check_python(settings: Settings) -> Finding:
    """The kernel must be the Python of the kit's own `.venv`, if there is one."""
    venv = Path(__file__).resolve().parent.parent / ".venv"
    found = f"{sys.version.split()[0]}, {sys.executable}"
    if venv.is_dir() and Path(sys.prefix).resolve() != venv.resolve():
        fix = "In JupyterLab choose Kernel > Change Kernel > Python 3; in a terminal start with start.py."
        return Finding("Python", f"{found}, not the one in {venv}", fix)
    return Finding("Python", found)


def check_client(settings: Settings) -> Finding:
    """The folder `kafka` must be kafka-python's, 3 or newer."""
    if fault := find_fault():
        return Finding("Kafka client", *fault)
    return Finding("Kafka client", f"kafka-python {version('kafka-python')}")


def check_java(settings: Settings) -> Finding:
    """The embedded broker runs on Java 17 or newer."""
    try:
        java = java_executable()
        done = subprocess.run([java, "-version"], capture_output=True, text=True, errors="replace")
        return Finding("Java", done.stderr.splitlines()[0])
    except (LabError, OSError, IndexError) as error:
        fix = "Run start.py setup again; or install Java 17 or newer; or use docker-compose.yaml."
        return Finding("Java", str(error), fix)


def check_jars(settings: Settings) -> Finding:
    """Kafka's jars are there and unchanged."""
    from lab.jars import damaged_jars

    if damaged := damaged_jars():
        found = f"{len(damaged)} missing or changed, for example {damaged[0].name}"
        return Finding("Kafka's jars", found, "With internet: python start.py setup.")
    return Finding("Kafka's jars", "all there, checksums right")


def check_broker(settings: Settings) -> Finding:
    """Something answers as Kafka at the address, or nothing is in the way of starting it."""
    servers = settings.bootstrap_servers
    if is_answering(servers, security_protocol=settings.security_protocol):
        try:
            connect(KafkaAdminClient, timeout=1, **settings.kafka).close()
        except (LabError, KafkaError) as error:
            return Finding("Broker", str(error), "Mend that setting; nothing else can work before.")
        ours = any(node.process for node in EmbeddedBroker(settings.home).nodes())
        return Finding("Broker", f"answers at {servers}{', the embedded one' if ours else ''}")
    for host, port in map(address, servers.split(",")):
        if is_port_open(host, port):
            found = f"port {port} is taken by {port_owner(port)}, which is no Kafka that answers"
            return Finding("Broker", found, f"End it, or set LAB_BOOTSTRAP_SERVERS=localhost:{port + 100}.")
    return Finding("Broker", f"none at {servers} yet; python -m lab broker start, or lesson 01, starts one")


def check_warehouse(settings: Settings) -> Finding:
    """The warehouse is readable, or not there yet."""
    try:
        with Warehouse(settings.warehouse_url, create=False) as warehouse:
            rows = warehouse.query("SELECT count(*) FROM sensor_logs")[0][0]
            return Finding("Warehouse", f"{warehouse.name}, {rows} rows")
    except NoWarehouseYet as error:
        return Finding("Warehouse", str(error))
    except LabError as error:
        return Finding("Warehouse", str(error), "Mend that, or choose another with LAB_WAREHOUSE.")


def check_disk(settings: Settings) -> Finding:
    """There is room for the broker's data."""
    folder = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    free = shutil.disk_usage(folder).free // 2**20
    fix = f"Free at least {NEEDED_MB} MB on the disk of {folder}." if free < NEEDED_MB else ""
    return Finding("Disk", f"{free} MB free", fix)
