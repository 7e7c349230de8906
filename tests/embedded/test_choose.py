"""Which broker is meant: one that answers is used and never stopped; else the embedded one is started."""

import os
import re
import socket
import time

import pytest

from lab.clients.connection import is_answering
from lab.embedded import choose
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.choose import Broker, start_broker
from lab.embedded.external import ExternalBroker
from lab.embedded.ports import free_ports
from lab.errors import BrokerError
from tests.support.waiting import soon


def of_the_kit(caplog):
    """What the kit said. A client of the test before may say something as well, while it is collected."""
    return [record for record in caplog.records if record.name == "lab"]


def test_a_broker_that_answers_is_used_and_never_stopped(broker, tmp_path):
    other = start_broker(broker.bootstrap_servers, tmp_path / "elsewhere")
    assert isinstance(other, ExternalBroker)
    with other:
        other.stop()
    assert is_answering(broker.bootstrap_servers)


def test_it_says_whether_a_broker_of_somebody_else_runs():
    nowhere = f"localhost:{free_ports(1)[0]}"
    assert repr(ExternalBroker(nowhere)) == f"<Kafka at {nowhere}, not answering, started by somebody else>"


def test_it_says_that_a_broker_of_another_kit_runs(broker):
    place = (
        f"<Kafka at {broker.bootstrap_servers}, running, started by another kit, for itself: {broker.home}>"
    )
    assert repr(ExternalBroker(broker.bootstrap_servers, broker.home)) == place


def test_the_embedded_broker_of_this_home_is_recognised(broker):
    again = start_broker(broker.bootstrap_servers, broker.home)
    assert isinstance(again, EmbeddedBroker)
    assert not again.started_here


@pytest.mark.broker
def test_a_taken_port_is_named_with_who_holds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "COMES_UP_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(BrokerError, match=rf"Port {port} is taken by .*{os.getpid()}"):
            start_broker(f"localhost:{port}", tmp_path)


@pytest.mark.broker
def test_a_program_that_is_no_kafka_is_said_before_it_is_waited_for(tmp_path, monkeypatch, caplog):
    """A Kafka in Docker opens its port long before it answers, so that such a port is waited for."""
    monkeypatch.setattr(choose, "COMES_UP_SECONDS", 2)
    began = time.time()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(BrokerError, match="is taken by"):
            start_broker(f"localhost:{port}", tmp_path)
    (warning,) = of_the_kit(caplog)
    said = (
        rf"At localhost:{port}, .+{os.getpid()}\) listens and does not answer as Kafka yet: waiting up to 2 s"
    )
    assert re.match(said, warning.getMessage())
    assert warning.created - began < soon(2)
    assert 1 < time.time() - warning.created < soon(5)


def test_of_a_broker_that_answers_late_no_more_than_one_warning_is_given(
    broker, tmp_path, monkeypatch, caplog
):
    answers = iter([False, False, True])
    monkeypatch.setattr(choose, "is_kafka", lambda *_: next(answers))
    monkeypatch.setattr(choose, "WARN_SECONDS", 0)
    assert start_broker(broker.bootstrap_servers, tmp_path).bootstrap_servers == broker.bootstrap_servers
    assert len(of_the_kit(caplog)) == 1


def test_a_broker_has_one_shape_whoever_runs_it(broker, tmp_path):
    """So that a caller need not ask for its class."""
    other = start_broker(broker.bootstrap_servers, tmp_path)
    shape = [name for name in vars(Broker) if not name.startswith("_")]
    assert {"bootstrap_servers", "home", "other_kit", "started_here", "start", "stop", "clients"} <= {*shape}
    for each in (broker, other):
        assert [name for name in shape if not hasattr(each, name)] == []
        assert each.is_running() and not other.started_here
        assert each.start().bootstrap_servers == broker.bootstrap_servers
    assert (broker.other_kit, other.other_kit, other.home) == (None, broker.home, broker.home)
    assert (other.nodes(), other.clients()) == ([], [])


def test_no_broker_is_started_for_an_address_elsewhere(tmp_path):
    with pytest.raises(BrokerError, match="on this machine only"):
        start_broker("kafka.invalid:9092", tmp_path)
