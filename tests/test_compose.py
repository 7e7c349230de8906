"""The settings of docker-compose.yaml, proven on the embedded broker (no Docker is needed here)."""

from pathlib import Path

import yaml

import lab
from lab.broker import EmbeddedBroker, free_ports

COMPOSE = yaml.safe_load((Path(__file__).parent.parent / "docker-compose.yaml").read_text(encoding="utf-8"))
KAFKA = COMPOSE["services"]["kafka"]
# What names a place: it is the container's, and here ours.
PLACES = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}


def broker_settings() -> dict[str, str]:
    """KAFKA_NODE_ID=1 as node.id=1: the way the image reads its environment."""
    names = {name: name.removeprefix("KAFKA_").lower().replace("_", ".") for name in KAFKA["environment"]}
    return {names[name]: value for name, value in KAFKA["environment"].items()}


def test_a_broker_starts_with_the_settings_and_serves(tmp_path):
    settings = {name: value for name, value in broker_settings().items() if name not in PLACES}
    assert settings["group.initial.rebalance.delay.ms"] == "0"
    with EmbeddedBroker(tmp_path, free_ports(1)[0], properties=settings) as broker:
        topic = lab.create_topic("sensor-data", bootstrap_servers=broker.bootstrap_servers)
        written = (tmp_path / "broker-1" / "server.properties").read_text(encoding="ascii").splitlines()
    assert len(topic.partitions) == 1
    assert {f"{name}={value}" for name, value in settings.items()} <= set(written)


def test_it_is_reached_from_this_machine_only_and_where_the_kit_looks():
    assert KAFKA["container_name"] == "kafka"
    assert KAFKA["ports"] == ["127.0.0.1:9092:9092"]
    assert broker_settings()["advertised.listeners"] == f"PLAINTEXT://{lab.Settings().bootstrap_servers}"


def test_the_image_is_the_version_of_the_embedded_broker():
    pins = (Path(lab.__file__).parent / "kafka-jars.txt").read_text(encoding="utf-8")
    version = KAFKA["image"].partition(":")[2]
    assert f"org.apache.kafka:kafka_2.13:{version} " in pins


def test_its_data_outlives_the_container():
    folder = broker_settings()["log.dirs"]
    assert KAFKA["volumes"] == [f"kafka-data:{folder}"]
