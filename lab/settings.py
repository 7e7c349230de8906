"""Where is everything? The settings of a lab, from environment variables."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.databases.opening import SQLITE, kind_of
from lab.errors import SettingsError
from lab.system.paths import absolute, is_file
from lab.text.urls import without_password

SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
# Kafka's own rule for the names of topics (org.apache.kafka.common.internals.Topic).
TOPIC_NAME = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")
ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # not allowed in any name, path or password
GROUP = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,249}")
SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/,\[\]]+):([0-9]{1,5})")


@dataclass(frozen=True)
class Settings:
    """Where the parts of a lab are; each field is the environment variable `LAB_<FIELD>`.

    If the current folder is in the kit, a relative path starts at the kit's folder, so that a notebook and a
    terminal mean the same file. Otherwise it starts at the current folder.
    """

    bootstrap_servers: str = "localhost:9092"
    topic: str = "sensor-data"
    group: str = "sensor-logs"
    warehouse: str = "sqlite:///warehouse.db"
    home: Path = Path(".lab")
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the `LAB_...` variables; an empty one counts as not set.

        Raises SettingsError, which names the variable, if a value cannot be used.
        """
        names = cls.__dataclass_fields__
        given = {name: environ.get(f"LAB_{name.upper()}", "").strip() for name in names}
        values: dict[str, Any] = {name: text for name, text in given.items() if text}
        for name, text in values.items():
            if odd := ODD.search(text):
                raise SettingsError(f"LAB_{name.upper()} has {odd[0]!r} in it, which cannot be used there.")
        values["home"] = absolute(Path(values.get("home", cls.home)))
        if cafile := values.get("ssl_cafile"):
            values["ssl_cafile"] = str(absolute(Path(cafile)))
        settings = cls(**values)
        settings._check()
        return settings

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name, field in self.__dataclass_fields__.items() if field.repr}
        shown["warehouse"] = without_password(self.warehouse)
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def kafka(self) -> dict[str, Any]:
        """How to reach Kafka, as keyword arguments for kafka-python's clients."""
        names = ("bootstrap_servers", "security_protocol", "ssl_cafile")
        sasl = ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
        values = {name: getattr(self, name) for name in names}
        values |= {name: getattr(self, name.replace("_plain", "")) for name in sasl}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def warehouse_url(self) -> str:
        """The warehouse as a URL with an absolute path; a bare path means SQLite."""
        if kind_of(self.warehouse) not in (None, SQLITE):
            return self.warehouse
        rest = self.warehouse.partition("://")[2]
        path = rest.removeprefix("/") if rest else self.warehouse
        return f"sqlite:///{absolute(Path(path)).as_posix()}"

    def _check(self) -> None:
        for server in self.bootstrap_servers.split(","):
            match = SERVER.fullmatch(server.strip())
            if not match or not 0 < int(match[2]) < 65536:
                _refuse("bootstrap_servers", server, "host:port, for example localhost:9092")
        if not TOPIC_NAME.fullmatch(self.topic):
            _refuse("topic", self.topic, "letters, digits, '.', '_' and '-', at most 249 of them")
        if self.topic.startswith("__"):
            _refuse("topic", self.topic, "another name, for those with '__' are Kafka's own")
        if not GROUP.fullmatch(self.group):
            _refuse("group", self.group[:20] + "...", "at most 249 letters")
        self._check_warehouse()
        if self.security_protocol not in SECURITY_PROTOCOLS:
            _refuse("security_protocol", self.security_protocol, ", ".join(SECURITY_PROTOCOLS))
        if self.sasl_mechanism not in (None, *SASL_MECHANISMS):
            _refuse("sasl_mechanism", self.sasl_mechanism, ", ".join(SASL_MECHANISMS))
        if self.ssl_cafile and not is_file(self.ssl_cafile):
            _refuse("ssl_cafile", self.ssl_cafile, "a file with the certificates to trust")
        if self.security_protocol.startswith("SASL") and not (
            self.sasl_mechanism and self.sasl_username and self.sasl_password
        ):
            raise SettingsError(
                f"LAB_SECURITY_PROTOCOL is {self.security_protocol}: set LAB_SASL_MECHANISM, "
                "LAB_SASL_USERNAME and LAB_SASL_PASSWORD too."
            )

    def _check_warehouse(self) -> None:
        shown, expected = without_password(self.warehouse), "sqlite:///file.db or postgresql://..."
        if kind_of(self.warehouse) not in (None, SQLITE):
            return  # the module of that database checks the rest
        if shown != self.warehouse:
            _refuse("warehouse", shown.removesuffix("..."), expected)
        if self.warehouse.removeprefix("sqlite:///") == ":memory:":
            _refuse("warehouse", self.warehouse, "a file, for other programs read it as well")


def _refuse(name: str, found: str | None, expected: str) -> None:
    found = re.sub(r".*@", "...@", found or "")  # the part before @ may contain a password
    raise SettingsError(f"LAB_{name.upper()}: {found!r} cannot be used; expected {expected}.")
