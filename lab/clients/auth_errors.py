"""Why does Kafka not let us in? Certificates, passwords and rights, each as one clear line.

When a broker refuses a new client, kafka-python (3.0.12) gives the reason only in its log, tries again, and
finally raises a time-out. So this module reads the log while a client is made. It reads only the lines of
that client, because another client of the same process may be refused at the same time.
"""

import logging
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager

from kafka.errors import (
    AuthorizationError,
    GroupAuthorizationFailedError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
)

from lab.errors import AccessError

PROTOCOL = "look at LAB_SECURITY_PROTOCOL"
NO_TLS = f"it does not speak TLS: {PROTOCOL}"
PASSWORD = (
    "the user or the password is wrong. Look at LAB_SASL_USERNAME, LAB_SASL_PASSWORD and LAB_SASL_MECHANISM"
)
# {what the client logs: what it means}. The patterns match texts of OpenSSL and of kafka-python 3.0.12.
REASONS = {
    r"certificate has expired": "its certificate has expired. Ask for a new one; or is the clock of this"
    " machine wrong?",
    r"certificate is not yet valid": "its certificate is not valid yet. Is the clock of this machine wrong?",
    r"(Hostname|IP address) mismatch": "its certificate is for another address: use the one it is made for",
    r"CERTIFICATE_VERIFY_FAILED": "its certificate is signed by no authority that we trust: LAB_SSL_CAFILE"
    " must be the file of the authority that signed it",
    r"Handshake failed: \[SSL": NO_TLS,
    r"Invalid frame length: 352": f"it speaks TLS: {PROTOCOL}",  # 0x1503: a TLS alert
    r"SaslAuthenticationFailed": PASSWORD,
    r"UnsupportedSaslMechanism": "it does not know this LAB_SASL_MECHANISM",
    r"IllegalSaslState": f"it asks for no password here: {PROTOCOL}",
}


# The broker sent its version and then closed the connection. A broker that is stopping does this too, but
# not TIMES times.
HUNG_UP, TIMES = re.compile(r"broker_version=\(.*socket disconnected"), 3
# Without TLS it closes the connection before it has read the handshake. A system may report that as a reset:
# Windows by 10054 (seen in Wine) or 10053, others by 104 or 54.
RESET = re.compile(r"Connection failed: .*Handshake failed: \[(WinError 1005[34]|Errno (54|104))\]")
# A producer first asks for a number of its own. Kafka gives one to all who may write to some topic, and says
# to others that they have no such right on the cluster.
MAY_WRITE_NOWHERE = re.compile(r"InitProducerIdResponse: .*ClusterAuthorizationFailed")


@contextmanager
def explain_refusal(
    bootstrap_servers: str, client_id: str, security_protocol: str = "PLAINTEXT"
) -> Generator[None]:
    """Raise AccessError with the broker's reason if the client made in the block is refused.

    No other client of this process may have the same `client_id`.
    """
    heard = _Heard(client_id)
    logging.getLogger("kafka").addHandler(heard)
    try:
        yield
    except KafkaTimeoutError as error:
        reason = next((REASONS[pattern] for pattern in REASONS if re.search(pattern, heard.text)), None)
        if not reason and len(HUNG_UP.findall(heard.text)) >= TIMES:
            asked = security_protocol.startswith("SASL")
            reason = PASSWORD if asked else f"it hangs up. Does it ask for a user? Then {PROTOCOL}"
        if not reason and len(RESET.findall(heard.text)) >= TIMES:
            reason = NO_TLS
        if not reason:
            raise
        raise AccessError(f"Kafka at {bootstrap_servers} does not let us in: {reason}.") from error
    finally:
        logging.getLogger("kafka").removeHandler(heard)


class _Heard(logging.Handler):
    """Collects the log of one client's network code, from its I/O thread and the thread that makes it."""

    def __init__(self, client_id: str):
        super().__init__(logging.ERROR)
        self.text = ""
        self.maker, self.io_thread = threading.get_ident(), f"kafka-io-{client_id}"

    def emit(self, record: logging.LogRecord) -> None:
        is_ours = record.thread == self.maker or record.threadName == self.io_thread
        if is_ours and record.name.startswith("kafka.net"):
            self.text += record.getMessage() + "\n"


def explain_rights(error: Exception, right: str, topic: str, group: str = "") -> AccessError | None:
    """The error as an AccessError that says which right this user has not; None if it is another error.

    `right`: to do what the topic was asked for, such as READ.
    """
    if isinstance(error, SaslAuthenticationFailedError):
        return AccessError(f"Kafka does not let us in any more: {PASSWORD}.")
    if not isinstance(error, AuthorizationError) and not MAY_WRITE_NOWHERE.search(str(error)):
        return None
    what = f"the topic {topic!r}"
    if isinstance(error, GroupAuthorizationFailedError):
        right, what = "READ", f"the consumer group {group!r}"
    return AccessError(
        f"This user may not use {what}: the right (ACL) to {right} it is missing. Ask the administrator of "
        "Kafka for it."
    )
