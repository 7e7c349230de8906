"""A frame of any bytes has a header or is none, and what cannot be decoded is handed on and no error."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.protocol.metadata import FindCoordinatorResponse, MetadataRequest, MetadataResponse

from lab.wire.frames import ANSWERS, REQUESTS, read_answer, read_request, readdress
from lab.wire.proxy import read_frame
from tests.support.marks import few

BROKER = MetadataResponse.MetadataResponseBroker(node_id=4, host="elsewhere", port=9092)


def framed(message, version):
    message.API_VERSION = version
    message.with_header(correlation_id=7)
    return message.encode(header=True, framed=True)


def test_every_kind_of_request_that_is_known_has_a_known_answer():
    assert REQUESTS.keys() == ANSWERS.keys()
    assert {"Produce", "Fetch", "JoinGroup"} <= {
        each.__name__[: -len("Request")] for each in REQUESTS.values()
    }


@given(st.integers(0, 32767), st.integers(0, 32767), st.binary())
@few
def test_a_request_of_an_unknown_kind_or_version_or_broken_is_a_number(key, version, rest):
    body = struct.pack(">hhi", key, version, 7) + struct.pack(">h", 2) + b"me" + rest
    request = read_request(struct.pack(">i", len(body)) + body)
    assert (request.version, request.correlation_id, request.client_id) == (version, 7, "me")
    assert request.kind == (REQUESTS[key].__name__[: -len("Request")] if key in REQUESTS else str(key))
    read_answer(struct.pack(">ii", 4 + len(rest), 7) + rest, request)  # raises nothing


@pytest.mark.parametrize("version", range(MetadataRequest.max_version + 1))
def test_the_address_of_each_broker_is_replaced_and_nothing_else(version):
    request = read_request(framed(MetadataRequest(topics=[]), version))
    answer = read_answer(framed(MetadataResponse(brokers=[BROKER], cluster_id="c"), version), request)
    asked = []
    frame = readdress(answer, lambda number, address: asked.append((number, address)) or ("127.0.0.1", 1))
    again = read_answer(frame, request)
    assert asked == [(4, ("elsewhere", 9092))]
    assert [(b.node_id, b.host, b.port) for b in again.brokers] == [(4, "127.0.0.1", 1)]


def test_a_coordinator_that_is_not_there_has_no_address():
    none = FindCoordinatorResponse(version=0, error_code=15, node_id=-1, host="", port=-1)
    assert readdress(none, lambda *_: pytest.fail("there is none")) is None


class InParts(socket.socket):
    """A socket whose system hands out less than was asked for, though all is there."""

    def recv(self, size, flags=0):
        return super().recv(min(size, 3), flags)


@pytest.mark.parametrize("content", [b"", b"four", bytes(1000)])
def test_a_frame_that_comes_in_parts_is_whole_and_half_a_frame_is_none(content):
    frame = struct.pack(">i", len(content)) + content
    ours, theirs = socket.socketpair()
    with ours, InParts(theirs.family, theirs.type, theirs.proto, theirs.detach()) as in_parts:
        ours.sendall(frame + frame + frame[:-1])
        ours.shutdown(socket.SHUT_WR)
        assert [read_frame(in_parts) for _ in range(4)] == [frame, frame, b"", b""]
