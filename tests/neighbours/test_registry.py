"""A schema registry: it refuses, survives a kill, is known to the kit, and listens on this machine only."""

import json
import os
import shutil
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

import lab
from lab.classroom.doctor.services import check_leftovers
from lab.errors import LabError
from lab.neighbours.avro import encode_avro
from lab.neighbours.neighbour import FOLDER, NEIGHBOURS, fault
from lab.neighbours.registry import SchemaRegistry
from lab.neighbours.rest import RestError
from lab.settings import Settings
from lab.system.programs import end, read_programs
from lab.topics import fresh_name
from tests.support.waiting import wait_for

LESSON = next((Path(__file__).parents[2] / "notebooks").glob("15_*.ipynb"))
FIRST = {"type": "record", "name": "Reading", "fields": [{"name": "val", "type": "double"}]}
BATTERY = {"name": "battery", "type": "double"}
MISSING, NO_AVRO = fault(NEIGHBOURS["registry"]), fault(NEIGHBOURS["avro"])
fetched = pytest.mark.skipif(bool(MISSING), reason=MISSING)
# A notebook's kernel, as far as its registry is concerned.
KERNEL = """
import sys
from lab import SchemaRegistry
registry = SchemaRegistry(bootstrap_servers=sys.argv[1]).start()
print(registry._process.pid, flush=True)
sys.stdin.read()
"""


# A program with Confluent's own client: it writes a message for a topic, and reads one.
CONFLUENT = """
import json, sys
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
url, topic, schema, message = sys.argv[1:]
client, place = SchemaRegistryClient({"url": url}), SerializationContext(topic, MessageField.VALUE)
print(AvroSerializer(client, schema)({"val": 21.5}, place).hex())
print(json.dumps(AvroDeserializer(client)(bytes.fromhex(message), place)))
"""
CONFLUENTS = NEIGHBOURS["streams"]  # has that client, and what it needs for Avro
LACKING = next(filter(None, map(fault, (NEIGHBOURS["registry"], NEIGHBOURS["avro"], CONFLUENTS))), "")


def running() -> list[str]:
    """The names of the servers that the kit knows to run."""
    return [program.name for program in read_programs(Settings.from_environment().home)]


@pytest.fixture(scope="module")
def registry(broker):
    started = SchemaRegistry(bootstrap_servers=broker.start().bootstrap_servers)
    yield started.start()
    started.stop()
    assert not started.is_running() and f"Apicurio Registry at {started.url}" not in running()


@pytest.fixture
def subject(registry):
    """A subject with one version, under the rule BACKWARD."""
    name = fresh_name("subject")
    registry.register(name, FIRST)
    registry.rest("PUT", f"/config/{name}", {"compatibility": "BACKWARD"})
    return name


@fetched
@pytest.mark.broker
def test_it_refuses_a_change_with_the_name_of_the_field_and_accepts_one_that_breaks_nobody(registry, subject):
    said = r"was refused: Incompatible artifact: .+ \[battery at /fields/1\]$"
    with pytest.raises(RestError, match=said) as error:
        registry.register(subject, FIRST | {"fields": [*FIRST["fields"], BATTERY]})
    assert error.value.code == 409 and "\n" not in str(error.value)
    assert registry.rest("GET", f"/subjects/{subject}/versions") == [1]
    second = FIRST | {"fields": [*FIRST["fields"], BATTERY | {"default": 100.0}]}
    number = registry.register(subject, second)
    assert registry.rest("GET", f"/subjects/{subject}/versions") == [1, 2]
    assert registry.schemas[number] == second


@fetched
@pytest.mark.broker
def test_what_is_no_schema_and_an_unknown_id_are_one_line(registry, subject):
    with pytest.raises(RestError, match=rf"^{subject}: This is no Avro schema: .*recor\b") as error:
        registry.register(subject, {"type": "recor"})
    assert error.value.code == 422
    field = {"name": "value", "type": "double", "aliases": "val"}
    with pytest.raises(RestError, match=r"aliases must be a list, not val$"):
        registry.register(subject, FIRST | {"fields": [field]})
    with pytest.raises(RestError, match=r"^GET /schemas/ids/999999 was refused: Schema 999999 not found"):
        registry.schemas[999_999]


@pytest.mark.skipif(bool(LACKING), reason=LACKING)
@pytest.mark.broker
def test_a_client_of_confluent_reads_what_we_write_and_we_what_it_writes(registry):
    topic = fresh_name("shared")
    header = struct.pack(">bI", 0, registry.register(f"{topic}-value", FIRST))
    ours = header + encode_avro({"val": 21.5}, FIRST)
    command = [CONFLUENTS.python, "-c", CONFLUENT, registry.url, topic, json.dumps(FIRST), ours.hex()]
    utf8 = os.environ | {"PYTHONUTF8": "1"}  # a warning may show a path with an accent
    done = subprocess.run(command, env=utf8, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    written, read = done.stdout.splitlines()
    assert json.loads(read) == {"val": 21.5}
    assert bytes.fromhex(written) == ours
    assert registry.rest("GET", f"/subjects/{topic}-value/versions") == [1]


@fetched
@pytest.mark.broker
def test_it_listens_on_this_machine_only_and_takes_no_more_memory_than_the_kit_says(registry):
    """Also at its second port, the one for its management."""
    process = psutil.Process(registry._process.pid)
    found = [each.laddr for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    assert {each.ip.removeprefix("::ffff:") for each in found} == {"127.0.0.1"}
    assert {each.port for each in found} == {registry._port, registry._management_port}
    used = process.memory_info().rss / 1e6
    assert used < NEIGHBOURS["registry"].memory_mb, "say the new figure in lab/neighbours/neighbour.py"


@fetched
@pytest.mark.broker
def test_killed_and_started_again_it_knows_all_that_it_knew(registry, subject):
    registry.register("an odd/näme", FIRST)
    subjects = registry.rest("GET", "/subjects")
    number = registry.register(subject, FIRST)
    assert registry.schemas[number] == FIRST
    registry.kill()
    assert not registry.is_running() and repr(registry).endswith("stopped>")
    assert registry.schemas[number] == FIRST  # it was told before
    registry.schemas.clear()
    with pytest.raises(RestError, match=r"^Apicurio Registry does not run: registry\.start\(\) starts it\.$"):
        registry.schemas[number]
    registry.start()
    assert registry.rest("GET", "/subjects") == subjects
    assert registry.schemas[number] == FIRST
    assert registry.rest("GET", f"/config/{subject}")["compatibilityLevel"] == "BACKWARD"
    assert running().count(f"Apicurio Registry at {registry.url}") == 1


@fetched
@pytest.mark.broker
def test_one_whose_kernel_was_killed_is_found_by_the_doctor_and_ended_by_broker_stop(broker, tmp_path):
    servers = broker.start().bootstrap_servers
    home, settings = tmp_path / "a hóme", Settings.from_environment({"LAB_HOME": str(tmp_path / "a hóme")})
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, servers],
        env=os.environ | {"LAB_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        pid = int(kernel.stdout.readline())
        kernel.kill()
        kernel.communicate()
        assert psutil.pid_exists(pid)
        finding = check_leftovers(settings)
        assert f"(process {pid})" in finding.found and "broker stop" in finding.fix
        done = subprocess.run(
            [sys.executable, "-m", "lab", "broker", "stop"],
            env=os.environ
            | {"LAB_HOME": str(home), "LAB_BOOTSTRAP_SERVERS": "127.0.0.1:9", "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
        )
        assert "Apicurio Registry" in done.stdout + done.stderr
        wait_for(lambda: not psutil.pid_exists(pid))
    finally:
        kernel.kill()
        end(read_programs(home), timeout=0)


def test_it_is_ready_when_it_says_so_and_not_when_it_answers(monkeypatch, tmp_path):
    """It answers before it has read its whole topic, and then knows a part of its subjects."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            is_health = self.path == "/health/ready"
            self.send_response(codes.pop(0) if is_health else 200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *words):
            """Nothing."""

    monkeypatch.setenv(FOLDER, str(tmp_path))
    registry, codes = SchemaRegistry(bootstrap_servers="127.0.0.1:9"), [503, 200]
    servers = [
        HTTPServer(("127.0.0.1", port), Handler) for port in (registry._port, registry._management_port)
    ]
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    with pytest.raises(RestError, match="refused: 503 Service Unavailable"):
        registry.must_be_ready()
    registry.must_be_ready()
    for server, thread in zip(servers, threads):
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.broker
def test_one_that_does_not_start_says_the_end_of_its_log(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr("lab.neighbours.registry.require", NEIGHBOURS.get)
    alone = SchemaRegistry(bootstrap_servers="127.0.0.1:9")
    expected = r"(?s)^Apicurio Registry does not start\.\nThe end of its log, .+:\n.*quarkus-run\.jar"
    with pytest.raises(RestError, match=expected):
        alone.start()
    assert not alone.is_running()


def test_one_that_is_started_again_ends_the_earlier_one(monkeypatch, tmp_path):
    """As when the cell of a notebook is run twice. (What is started here only waits.)"""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("lab.neighbours.registry.require", NEIGHBOURS.get)
    waits = [sys.executable, "-c", "import time; time.sleep(100)"]
    monkeypatch.setattr(SchemaRegistry, "command", lambda self: waits)
    monkeypatch.setattr(SchemaRegistry, "must_be_ready", lambda self: None)
    one, two = (SchemaRegistry(bootstrap_servers="127.0.0.1:9") for _ in range(2))
    for started, earlier in ((one, two), (two, one), (one, two)):
        assert started.start() is started.start()
        assert started.is_running() and not earlier.is_running()
    one.stop()
    assert not one.is_running()


def test_a_kafka_that_it_cannot_reach_is_one_line(monkeypatch):
    monkeypatch.setattr("lab.neighbours.registry.require", NEIGHBOURS.get)
    secured = SchemaRegistry(bootstrap_servers="127.0.0.1:9", security_protocol="SASL_SSL")
    with pytest.raises(
        LabError, match=r"^This registry does not speak SASL_SSL\. Unset LAB_SECURITY_PROTOCOL\.$"
    ):
        secured.start()


def test_without_the_address_of_kafka_it_says_what_to_type():
    with pytest.raises(LabError, match=r"\*\*settings\.kafka"):
        lab.SchemaRegistry()


def test_one_that_was_not_fetched_says_what_to_type_each_time(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    registry = SchemaRegistry(bootstrap_servers="127.0.0.1:9")
    said = r"^Apicurio Registry 3\.3\.3 is not here: .* lab fetch registry \(159 MB, once\)"
    for ask in (registry.start, lambda: registry.register("mine", FIRST), lambda: registry.schemas[1]):
        with pytest.raises(LabError, match=said):
            ask()


@pytest.mark.skipif(bool(NO_AVRO), reason=NO_AVRO)
@pytest.mark.broker
def test_the_first_half_of_the_lesson_needs_no_registry_and_the_second_says_what_is_missing(broker, tmp_path):
    """Each exercise is then not attempted, and no cell says anything but that one line."""
    avro = NEIGHBOURS["avro"]
    shutil.copytree(avro.folder, tmp_path / "avro", symlinks=True)
    environment = os.environ | {FOLDER: str(tmp_path)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(tmp_path))
        avro.stamp.write_text(avro.fingerprint(), encoding="utf-8")
    broker.start()
    notebook = nbformat.read(LESSON, as_version=4)
    place: dict = {"metadata": {"path": LESSON.parent}}
    client = NotebookClient(notebook, timeout=120, allow_errors=True, resources=place)
    with client.setup_kernel(env=environment):
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    faults = [[each.evalue for each in cell.outputs if each.output_type == "error"] for cell in code]
    begin = next(n for n, cell in enumerate(code) if "SchemaRegistry(" in cell.source)
    assert not any(faults[:begin])
    assert "lab fetch registry (159 MB, once)" in faults[begin][0]
    checks = [cell.outputs[0]["data"]["text/plain"] for cell in code if cell.source.startswith("check(")]
    assert [": not attempted\n" in each for each in checks] == [True] * 4
    assert ["lab fetch registry" in each for each in checks] == [False, False, True, True]
