"""Do the right Kafka and the right warehouse answer? What did earlier runs leave behind?"""

import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from lab.classroom.doctor.finding import Fault, Finding
from lab.classroom.incidents.incident import Incident
from lab.clients.connection import addresses, connect, is_answering, is_port_open, speaks_tls
from lab.clients.groups import two_groups_fault
from lab.clients.workarounds import advertised_addresses
from lab.databases.counts import count_sensor_logs
from lab.databases.schema import TABLES
from lab.databases.sqlite import tables_of, unwritable
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.folders import NEEDED_MB, data_folders, lack_of_room
from lab.embedded.java import java_executable
from lab.embedded.logs import failed_write
from lab.embedded.nodes import Node, kafka_processes, read_record
from lab.embedded.owners import other_kit
from lab.embedded.ports import LOOPBACK, port_owner
from lab.errors import LabError, NoWarehouseYet
from lab.settings import Settings
from lab.system.locks import holder_of
from lab.system.programs import left_over, read_programs
from lab.warehouse import Warehouse

AHEAD_SECONDS = 300


def check_broker(settings: Settings) -> Finding:
    """A Kafka answers at the address, or nothing prevents the start of one."""
    servers = settings.bootstrap_servers
    if not is_answering(servers, security_protocol=settings.security_protocol):
        return _none_answers(settings)
    try:
        with connect(KafkaAdminClient, timeout=1, **settings.kafka) as admin:
            fault = _stranded(admin, settings) or _from_the_future(admin, settings)
    except (LabError, KafkaError) as error:
        if not is_answering(servers, security_protocol=settings.security_protocol):
            return _none_answers(settings)  # it has just stopped answering
        return Finding("Broker", str(error), "Fix that setting; nothing else can work before.")
    return Finding("Broker", *(fault or (f"answers at {servers}, {_whose(settings)}",)))


def _none_answers(settings: Settings) -> Finding:
    if fault := _in_the_way(settings):
        return Finding("Broker", *fault)
    none = f"none at {settings.bootstrap_servers} yet"
    return Finding("Broker", f"{none}: each lesson starts one, and so does python -m lab broker start")


def _in_the_way(settings: Settings) -> Fault | None:
    """The reason why no broker can be started at the address."""
    servers = settings.bootstrap_servers
    running = [node for node in EmbeddedBroker(settings.home).nodes() if node.process]
    places = addresses(servers)
    if not all(host in LOOPBACK for host, _ in places):
        fix = "Check the address and the way to it (VPN, firewall), or unset LAB_BOOTSTRAP_SERVERS."
        return f"no Kafka answers at {servers}, and the kit starts one on this machine only", fix
    if running and running[0].port not in (port for _, port in places):
        found = f"none at {servers}; the embedded one of {settings.home} runs at localhost:{running[0].port}"
        return found, "Stop it: python -m lab broker stop. The next start uses the address that is set."
    if running:
        found = f"the embedded one runs (process {running[0].pid}) and does not answer at {servers}"
        return found, "If it has just been started, wait. If not: python -m lab broker stop."
    if speaks_tls(servers):
        return f"Kafka at {servers} speaks TLS", "Look at LAB_SECURITY_PROTOCOL."
    for host, port in places:
        if is_port_open(host, port):
            found = f"port {port} is taken by {port_owner(port)}, which is no Kafka that answers"
            return found, f"End it, or set LAB_BOOTSTRAP_SERVERS=localhost:{port + 100}."
    return None


def _stranded(admin: KafkaAdminClient, settings: Settings) -> Fault | None:
    """The fault if an advertised address, to which clients connect next, cannot be reached from here."""
    servers, protocol = settings.bootstrap_servers, settings.security_protocol
    named = advertised_addresses(admin)
    lost = [server for server in named if not is_answering(server, security_protocol=protocol)]
    if not lost:
        return None
    found = f"{servers} answers, but sends its clients on to {', '.join(lost)}, where nothing answers"
    fix = f"Set its advertised.listeners (in Docker KAFKA_ADVERTISED_LISTENERS) to {protocol}://{servers}."
    return found, fix


def _from_the_future(admin: KafkaAdminClient, settings: Settings) -> Fault | None:
    """The fault if the newest message is from the future: then a clock, here or at its sender, is wrong."""
    try:
        partitions = admin.describe_topics([settings.topic])[0]["partitions"]
        asked = {
            TopicPartition(settings.topic, each["partition_index"]): OffsetSpec.MAX_TIMESTAMP
            for each in partitions
        }
        newest = max((each.timestamp for each in admin.list_partition_offsets(asked).values()), default=0)
    except KafkaError:
        return None  # no such topic, no right to it, or a Kafka before 3.0: not known
    ahead = newest / 1000 - time.time()
    if ahead < AHEAD_SECONDS:
        return None
    found = (
        f"the newest message of {settings.topic} is {ahead / 60:.0f} minutes ahead of this machine's clock"
    )
    return found, "Let this machine, and the one that sent it, set their clocks by the network."


def _whose(settings: Settings) -> str:
    """Whose broker it is: the embedded one and one in Docker are easily confused."""
    nodes = EmbeddedBroker(settings.home).nodes()
    running = [node for node in nodes if node.process]
    places = addresses(settings.bootstrap_servers)
    here = [port for host, port in places if host in LOOPBACK]
    if any(node.port in here for node in running):
        return "the kit's own" + (f", {len(running)} of its {len(nodes)} nodes" if len(nodes) > 1 else "")
    host, port = places[0]
    who = port_owner(port) if host in LOOPBACK else f"on {host}"
    whose = f"not the kit's own but one of somebody else ({who})"
    if home := other_kit(settings.bootstrap_servers, settings.home, settings.security_protocol):
        whose += f", of another kit, which keeps it in {home}"
    if data_folders(settings.home):
        place = f"runs at localhost:{running[0].port}" if running else "is stopped"
        whose += f"; the kit's own, which has other topics in {settings.home}, {place} and is not used"
    return whose


def check_leftovers(settings: Settings) -> Finding:
    """An earlier broker left nothing that prevents the next start."""
    home, nodes = EmbeddedBroker(settings.home).home, EmbeddedBroker(settings.home).nodes()
    fault = _suspended(home) or _left_by_notebooks(home) or _strays(home, nodes)
    fault = fault or _out_of_room(nodes) or _unusable(settings, home, nodes)
    return Finding("Leftovers", *(fault or (_harmless(home, nodes) or "none",)))


def _strays(home: Path, nodes: list[Node]) -> Fault | None:
    """The fault if a broker process runs whose record or folder was removed."""
    recorded = {node.pid for node in read_record(home)}
    for node in nodes:
        if node.process and node.pid not in recorded:
            found = f"a broker of {home} runs as process {node.pid}, and its broker.json does not say so"
            return found, "Record it again: python -m lab broker start; or end it: python -m lab broker stop."
    for process, folder in kafka_processes():
        if folder.name.startswith("broker-") and not folder.exists():
            found = f"a broker still runs as process {process.pid}, and its folder {folder} is gone"
            kill = f"kill {process.pid}, on Windows taskkill /F /PID {process.pid}"
            return found, f"End it: {'python -m lab broker stop' if folder.parent == home else kill}."
    return None


def _left_by_notebooks(home: Path) -> Fault | None:
    """The fault if programs run whose notebook is gone."""
    if not (found := left_over(home)):
        return None
    names = ", ".join(map(str, found))
    return f"left running by a notebook that is gone: {names}", "End it: python -m lab broker stop."


def _suspended(home: Path) -> Fault | None:
    """The fault if a suspended command holds the lock of the broker."""
    holder = holder_of(home / "broker.lock")
    if not holder.is_suspended:
        return None
    found = f"{holder}, keeps every other command from the broker of {home}"
    return found, "Let it go on, by fg in its terminal, or end it."


def _out_of_room(nodes: list[Node]) -> Fault | None:
    """The fault if a broker ended because it could not write, and still cannot."""
    for node in nodes:
        cause = None if node.process else failed_write(node)
        if cause and lack_of_room(node.folder.parent):
            found = f"the broker ended because it could not write to {node.folder}: {cause}"
            return found, f"Free at least {NEEDED_MB} MB on that disk. Then: python -m lab broker start."
    return None


def _unusable(settings: Settings, home: Path, nodes: list[Node]) -> Fault | None:
    """The fault if there is data with which no broker starts."""
    fix = "Remove its topics and messages: python -m lab broker reset."
    folders = data_folders(home)
    for folder in folders:
        if not (folder / "data" / "meta.properties").is_file():
            return f"{folder} is incomplete (no data/meta.properties): Kafka does not start on it", fix
    asked = max(len(settings.bootstrap_servers.split(",")), len(nodes))
    if folders and len(folders) != asked and not any(node.process for node in nodes):
        return f"{home} has the data of {len(folders)} broker(s), and {asked} are asked for", fix
    return None


def _harmless(home: Path, nodes: list[Node]) -> str:
    """What an earlier run left that does no harm: the next run uses or replaces it."""
    running = ", ".join(map(str, read_programs(home)))
    found = [f"running for an open notebook: {running}"] if running else []
    if Incident().exists:
        found.append("an incident, which python -m lab incident end puts back")
    if nodes and not any(node.process for node in nodes):
        found.append(f"a broker that is stopped, with its topics, in {home}")
        causes = filter(None, map(failed_write, nodes))
        found += [f"it ended because it could not write: {cause}" for cause in causes]
    found += [f"{path.name} is half-removed, and can be deleted" for path in home.glob("broker-*.gone")]
    cut_off = [*home.glob("broker-*.new"), *_java_folder().glob("kafka-*.aot.new")]
    found += [f"{path.name} is half-made, and will be replaced" for path in cut_off]
    return "; ".join(found) and f"{'; '.join(found)}: no fault"


def _java_folder() -> Path:
    try:
        return java_executable().resolve().parent.parent
    except LabError:
        return Path()  # the check of Java tells it


def check_warehouse(settings: Settings) -> Finding:
    """The warehouse can be read and written, or does not exist yet."""
    try:
        if settings.warehouse_url.startswith("sqlite:") and (fault := _fault_of_file(settings.warehouse_url)):
            return Finding("Warehouse", *fault)
        with Warehouse(settings.warehouse_url, create=False) as warehouse:
            rows = count_sensor_logs(warehouse)
            if fault := _two_groups(warehouse, settings):
                return Finding("Warehouse", f"{warehouse.name}: {fault[0]}", fault[1])
            return Finding("Warehouse", f"{warehouse.name}, {rows} rows")
    except NoWarehouseYet as error:
        return Finding("Warehouse", str(error))
    except LabError as error:
        return Finding("Warehouse", str(error), "Fix that, or choose another with LAB_WAREHOUSE.")


def _two_groups(warehouse: Warehouse, settings: Settings) -> Fault | None:
    """The fault if consumers of two groups store the topic at the same time."""
    running = warehouse.running_consumers()
    if len({group for group, _ in running}) < 2 or not is_answering(
        settings.bootstrap_servers, security_protocol=settings.security_protocol
    ):
        return None
    with suppress(LabError, KafkaError), connect(KafkaAdminClient, timeout=1, **settings.kafka) as admin:
        return two_groups_fault(settings.topic, running, admin)


def _fault_of_file(url: str) -> Fault | None:
    """The fault of a file that a `Warehouse` would wait for or write into, instead of refusing it."""
    path = Path(url.removeprefix("sqlite:///"))
    if not path.is_file():
        return None
    try:
        tables = tables_of(path)
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return (
                f"{path} is locked by another program",
                "Close what has it open, a database browser for example.",
            )
        if code == sqlite3.SQLITE_READONLY:
            return (
                f"{unwritable(path) or path} is read-only",
                "Make it writable, or choose another with LAB_WAREHOUSE.",
            )
        return None
    if tables and tables.isdisjoint(table.name for table in TABLES):
        found = f"{path} is a database of something else, with the tables {', '.join(sorted(tables))}"
        return found, "Choose another file with LAB_WAREHOUSE."
    return None
