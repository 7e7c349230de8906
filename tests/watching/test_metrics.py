"""The numbers of a running consumer, as Prometheus reads them."""

import socket
import sys
from urllib.request import urlopen

import psutil
import pytest

from lab.consumer import ConsumeSummary
from lab.embedded.ports import free_ports
from lab.errors import LabError
from lab.watching.metrics import serve_metrics


def read(url: str) -> dict[str, float]:
    with urlopen(url, timeout=10) as answer:
        lines = answer.read().decode("utf-8").splitlines()
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if not x.startswith("#"))}


def test_every_number_is_served_as_it_is_now():
    summary = ConsumeSummary(stored=1)
    with serve_metrics(summary, free_ports(1)[0]) as url:
        assert read(url)["kafka_lab_stored_total"] == 1
        summary.stored, summary.dead_letters, summary.fenced = 7, 1, 2
        summary.lost_to_retention, summary.reconnects, summary.seconds = 3, 4, 2.0
        summary.rebalances, summary.paused = 5, 0.5
        summary.lag = {0: 5, 2: 6}
        assert read(url) == {
            "kafka_lab_stored_total": 7,
            "kafka_lab_dead_letters_total": 1,
            "kafka_lab_fenced_total": 2,
            "kafka_lab_lost_to_retention_total": 3,
            "kafka_lab_reconnects_total": 4,
            "kafka_lab_rebalances_total": 5,
            "kafka_lab_paused_total": 0.5,
            "kafka_lab_per_second": 4,
            'kafka_lab_lag{partition="0"}': 5,
            'kafka_lab_lag{partition="2"}': 6,
        }


def test_it_listens_on_this_machine_only_and_no_longer_than_the_block():
    port = free_ports(1)[0]
    with serve_metrics(ConsumeSummary(), port):
        listening = [x.laddr for x in psutil.Process().net_connections("tcp") if x.status == "LISTEN"]
        assert ("127.0.0.1", port) in listening
        assert not [address for address in listening if address.port == port and address.ip != "127.0.0.1"]
    with socket.create_server(("127.0.0.1", port)):
        pass  # it is free again


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = pytest.raises(LabError, match=rf"--metrics-port {port}: .+ Choose another port\.")
        with refused, serve_metrics(ConsumeSummary(), port):
            pass


def test_a_missing_package_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    refused = pytest.raises(LabError, match="pip install prometheus-client")
    with refused, serve_metrics(ConsumeSummary(), 1):
        pass
