"""How is a consumer client made, and what does each of its errors mean?"""

from contextlib import suppress
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    InconsistentGroupProtocolError,
    KafkaConfigurationError,
    KafkaError,
    SaslAuthenticationFailedError,
    UnsupportedCodecError,
)

from lab.clients.connection import make_client
from lab.clients.workarounds import decode_compiled, free_late_callers
from lab.errors import BrokerError, TopicError

# Aborted messages are not read, and the client never chooses an offset itself.
READER: dict[str, Any] = {"isolation_level": "read_committed", "auto_offset_reset": "none"}
# How long a request about offsets or groups may take. By default, kafka-python asks for more than a minute
# about a partition that is gone.
REQUEST_MS = 2000
SESSION_MS = 6000  # a dead member keeps its partitions for this time
HEARTBEAT_MS = 500  # a heartbeat tells a member that another one has joined
METADATA_MS = 5000  # a recreated topic is noticed within this time

# Errors after which a client is closed and replaced. ValueError, OSError and RuntimeError: once the I/O
# thread of a client has died, every call raises what killed it. KeyError: it was asked for a partition that
# is gone. BrokerError: the broker went away during a request.
BROKEN = (KafkaError, ValueError, OSError, RuntimeError, KeyError, BrokerError)
# Errors about the content of the log. UnicodeDecodeError: the name of a header is not text.
DAMAGED = (CorruptRecordError, UnsupportedCodecError, UnicodeDecodeError)
# Errors that another try does not fix.
FATAL = (
    AuthorizationError,
    SaslAuthenticationFailedError,
    KafkaConfigurationError,
    InconsistentGroupProtocolError,
)


def join_group(
    topic: str, group_id: str, member: str, listener: ConsumerRebalanceListener, **kafka: Any
) -> KafkaConsumer:
    """A consumer client that joins the group as a static member. It commits nothing by itself.

    It uses the default assignor. The cooperative one needs two rounds: with kafka-python 3.0.12 a rebalance
    interrupted the messages for 0.5 s, against 0.1 s with the default.

    Raises TopicError if no topic can have that name.
    """
    client = make_client(
        KafkaConsumer,
        group_id=group_id,
        group_instance_id=member,
        enable_auto_commit=False,
        **READER,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        metadata_max_age_ms=METADATA_MS,
        **kafka,
    )
    free_late_callers(client)
    decode_compiled(client)
    with suppress(KafkaError):  # the first poll raises it as well
        # If it is elected leader of the group, it needs this metadata to assign the partitions.
        client.partitions_for_topic(topic)
    try:
        client.subscribe([topic], listener=listener)
    except ValueError as error:
        client.close()
        raise TopicError(f"{topic!r} cannot be the name of a topic: {error}.") from error
    return client
