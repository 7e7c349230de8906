"""Ports are free when we are told so, and the program that has one is named."""

import os
import re
import socket
from contextlib import ExitStack

import pytest

import lab.embedded.ports
from lab.clients.connection import is_port_open
from lab.embedded.ports import another_address, free_ports, own_address, port_owner
from lab.errors import BrokerError


def test_free_ports_are_in_a_row_and_free_and_none_is_one_to_avoid(monkeypatch):
    ports = free_ports(5)
    assert ports == list(range(ports[0], ports[0] + 5))
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        monkeypatch.setattr(lab.embedded.ports, "PORTS", range(ports[0] - 10, ports[0] + 20))
        others = {port for _ in range(100) for port in free_ports(3, avoid=[ports[0] + 8])}
    assert others and not others & {*ports, ports[0] + 8}


def test_a_broker_of_ones_own_is_offered_a_port_at_which_nothing_listens():
    first = free_ports(1)[0]
    with socket.create_server(("127.0.0.1", first + 100)):
        offered = another_address(f"localhost:{first},localhost:1")
    port = int(re.fullmatch(r"LAB_BOOTSTRAP_SERVERS=localhost:(\d+)", offered)[1])
    assert port > first + 100 and (port - first) % 100 == 0
    assert not is_port_open("localhost", port)


def test_the_program_that_listens_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_port_open("127.0.0.1", port)
        assert re.fullmatch(rf".+ \(process {os.getpid()}\)|another program", port_owner(port))
    assert port_owner(port) == "another program"


def test_only_an_address_of_this_machine_can_be_listened_at():
    assert own_address("127.0.0.1") == "127.0.0.1"
    with pytest.raises(BrokerError, match=r"'192\.0\.2\.1' is no address of this machine\. It has: .*127\.0"):
        own_address("192.0.2.1")  # one of those for documentation
