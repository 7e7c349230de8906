"""The settings of docker-compose.yaml, proven on the embedded broker (no Docker is needed here)."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

import lab
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.java import environment, java_command
from lab.embedded.ports import free_ports
from lab.embedded.properties import PROPERTIES
from lab.settings import Settings

TEXT = (Path(__file__).parents[2] / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
KAFKA, NODES = SERVICES["kafka"], [SERVICES[f"kafka-{n}"] for n in (1, 2, 3)]
# What names a place: it is the container's, and here ours.
PLACES = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}


def broker_settings(service) -> dict[str, str]:
    """KAFKA_NODE_ID=1 as node.id=1: the way the image reads its environment."""
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in service["environment"].items()
        if name.startswith("KAFKA_")
    }


@pytest.mark.broker
@pytest.mark.parametrize("service", [KAFKA, NODES[0]], ids=["kafka", "kafka-1"])
def test_the_program_of_the_image_makes_the_same_settings_of_its_environment(service, tmp_path):
    """The image starts `KafkaDockerWrapper`, which also formats the data folder: so that one is ours here."""
    folders = {name: tmp_path / name for name in ("default", "mounted", "final")}
    for folder in folders.values():
        folder.mkdir()
    for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        text = "" if name.endswith("properties") else "Configuration: {Loggers: {Root: {level: INFO}}}"
        (folders["default"] / name).write_text(text, encoding="utf-8")
    arguments = [word for name, folder in folders.items() for word in (f"--{name}-configs-dir", str(folder))]
    ours = {"KAFKA_LOG_DIRS": (tmp_path / "data").as_posix()}
    variables = {"CLUSTER_ID": "a2Fma2EtbGFiLWtpdC0zMQ"} | service["environment"] | ours
    done = subprocess.run(
        java_command("kafka.docker.KafkaDockerWrapper", "setup", *arguments),
        env=environment() | variables,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = (folders["final"] / "server.properties").read_text(encoding="utf-8").splitlines()
    made = dict(line.split("=", 1) for line in written if "=" in line)
    assert made == broker_settings(service) | {"log.dirs": ours["KAFKA_LOG_DIRS"]}
    assert (tmp_path / "data" / "meta.properties").exists()


@pytest.mark.broker
def test_a_broker_starts_with_the_settings_and_serves(tmp_path):
    settings = {name: value for name, value in broker_settings(KAFKA).items() if name not in PLACES}
    assert settings["group.initial.rebalance.delay.ms"] == "0"
    with EmbeddedBroker(tmp_path, free_ports(1)[0], properties=settings) as broker:
        topic = lab.create_topic("sensor-data", bootstrap_servers=broker.bootstrap_servers)
        written = (tmp_path / "broker-1" / "server.properties").read_text(encoding="ascii").splitlines()
    assert len(topic.partitions) == 1
    assert {f"{name}={value}" for name, value in settings.items()} <= set(written)


class ComposeCluster(EmbeddedBroker):
    """Three nodes with the settings of the compose file, its hosts and ports put on this machine's."""

    def _properties(self, node, nodes):
        settings = broker_settings(NODES[node.id - 1]) | {"log.dirs": "data"}
        if not hasattr(self, "internal"):
            self.internal = free_ports(3, avoid=[n.port for n in nodes])
        ports = {f"kafka-{n.id}:9093": n.controller_port for n in nodes}
        ports |= {f"kafka-{n.id}:19092": port for n, port in zip(nodes, self.internal)}
        ports |= {":9093": node.controller_port, ":19092": self.internal[node.id - 1]}
        ports |= {f"{host}:{9191 + node.id}": node.port for host in ("", "localhost")}

        def here(match):
            return f"127.0.0.1:{ports[match[0]]}"

        for name in PLACES - {"log.dirs"}:
            settings[name] = re.sub(r"(kafka-\d|localhost)?:\d+", here, settings[name])
        return PROPERTIES | settings  # ours for what the file leaves open: a small Java, here


@pytest.mark.broker
def test_three_brokers_start_with_the_settings_of_the_profile_and_keep_three_copies(tmp_path):
    with ComposeCluster(tmp_path, free_ports(3)[0], brokers=3) as broker:
        kafka = {"bootstrap_servers": broker.bootstrap_servers}
        # What was not asked for comes from the brokers' settings: -1 leaves it to them.
        (partition,) = lab.create_topic("sensor-data", replication_factor=-1, **kafka).partitions
        assert sorted(partition.replicas) == [1, 2, 3]
        assert (
            lab.produce("sensor-data", lab.simulate_readings(), interval=0, max_batches=5, **kafka).unsent
            == 0
        )
        with lab.Warehouse(str(tmp_path / "warehouse.db")) as warehouse:
            stored = lab.consume("sensor-data", warehouse, max_messages=15, **kafka).stored
    assert stored == 15


def test_the_nodes_differ_in_their_places_and_numbers_only():
    same = [
        {name: value for name, value in broker_settings(node).items() if name not in PLACES | {"node.id"}}
        for node in NODES
    ]
    assert same[0] == same[1] == same[2]
    assert [broker_settings(node)["node.id"] for node in NODES] == ["1", "2", "3"]
    assert len({node["environment"]["CLUSTER_ID"] for node in NODES}) == 1
    assert len({volume for node in NODES for volume in node["volumes"]}) == 3


def test_it_is_reached_from_this_machine_only_and_where_the_kit_looks():
    assert KAFKA["container_name"] == "kafka"
    assert KAFKA["ports"] == ["127.0.0.1:9092:9092"]
    assert broker_settings(KAFKA)["advertised.listeners"] == f"PLAINTEXT://{lab.Settings().bootstrap_servers}"
    assert all(port.startswith("127.0.0.1:") for service in SERVICES.values() for port in service["ports"])


def test_the_addresses_that_the_file_tells_are_those_that_it_makes():
    told = dict(re.findall(r"^#   (LAB_\w+)=(\S+)$", TEXT, re.MULTILINE))
    settings = Settings.from_environment(told)
    made = [port.removeprefix("127.0.0.1:").split(":")[0] for node in NODES for port in node["ports"]]
    assert settings.bootstrap_servers.split(",") == [f"localhost:{port}" for port in made]
    for node, address in zip(NODES, settings.bootstrap_servers.split(",")):
        assert f"HOST://{address}" in broker_settings(node)["advertised.listeners"]
    database = SERVICES["postgres"]
    names = [database["environment"][f"POSTGRES_{name}"] for name in ("USER", "PASSWORD", "DB")]
    assert settings.warehouse == "postgresql://{}:{}@localhost:5432/{}".format(*names)
    assert database["ports"] == ["127.0.0.1:5432:5432"]


def test_it_says_nothing_that_a_compose_file_does_not_have():
    """A misspelt key, or a duration that is none: Docker would refuse the file."""
    checker = pytest.importorskip("compose_spec", reason="it needs the package compose-spec")
    read = checker.PyOptions(apply_merge=True).from_yaml
    assert set(read(TEXT).services) == SERVICES.keys()
    for right, wrong in (("healthcheck:", "healthchek:"), ("interval: 5s", "interval: soon")):
        with pytest.raises(ValueError):
            read(TEXT.replace(right, wrong, 1))


def test_without_the_profile_there_is_the_one_broker_alone():
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["kafka"]


def test_the_images_are_the_versions_that_the_tests_run_on(postgresql):
    pins = (Path(lab.__file__).parent / "embedded" / "kafka-jars.txt").read_text(encoding="utf-8")
    for service in (KAFKA, *NODES):
        version = service["image"].partition(":")[2]
        assert f"org.apache.kafka:kafka_2.13:{version} " in pins
    with lab.Warehouse(postgresql.new_database()) as warehouse:
        ((version,),) = warehouse.query("SHOW server_version")
    assert SERVICES["postgres"]["image"] == f"postgres:{version.split('.')[0]}"


def test_its_data_outlives_the_container():
    for service in (KAFKA, *NODES):
        (volume,) = service["volumes"]
        name, folder = volume.split(":")
        assert folder == broker_settings(service)["log.dirs"]
        assert name in COMPOSE["volumes"]
