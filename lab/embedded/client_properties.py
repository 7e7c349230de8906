"""How does a Java client of Kafka reach a broker with TLS or passwords? By a file of properties."""

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOGIN = "org.apache.kafka.common.security"
MODULES = {"PLAIN": "plain.PlainLoginModule"}
SCRAM = "scram.ScramLoginModule"


@contextmanager
def properties_file(kafka: Mapping[str, Any]) -> Generator[Path | None]:
    """A file with these security settings. Only this user can read it, and it is removed after the block.

    None if the settings are those of every client: no TLS and no password.
    """
    properties = client_properties(kafka)
    if not properties:
        yield None
        return
    # The folder is made for this user alone, and so are the files in it.
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "client.properties"
        write_private(file, properties)
        yield file


def write_private(file: Path, properties: Mapping[str, object]) -> None:
    """Write a file of properties that only this user can read, because one of them may be a password."""
    lines = [f"{name}={_escaped(str(value))}\n" for name, value in properties.items()]
    file.touch(mode=0o600)
    file.write_text("".join(lines), encoding="ascii")


def client_properties(kafka: Mapping[str, Any]) -> dict[str, str]:
    """The security settings of kafka-python's clients as properties of Java clients."""
    protocol = kafka.get("security_protocol", "PLAINTEXT")
    if protocol == "PLAINTEXT":
        return {}
    properties = {"security.protocol": protocol}
    if cafile := kafka.get("ssl_cafile"):
        properties |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(cafile)}
    if mechanism := kafka.get("sasl_mechanism"):
        user, password = _quoted(kafka["sasl_plain_username"]), _quoted(kafka["sasl_plain_password"])
        module = f"{LOGIN}.{MODULES.get(mechanism, SCRAM)}"
        login = f"{module} required username={user} password={password};"
        properties |= {"sasl.mechanism": mechanism, "sasl.jaas.config": login}
    return properties


def _quoted(text: str) -> str:
    """A text in the quotation marks of a Java login configuration."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _escaped(text: str) -> str:
    r"""A value in a file of properties: Java reads it as Latin-1, with `\u00e9` for other characters."""
    units = text.replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[n : n + 2]) for n in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)
