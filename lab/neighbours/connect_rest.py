"""How is a worker of Kafka Connect asked? Over HTTP, on this machine: a method, a path, and JSON."""

import json
import re
import time
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from lab.errors import LabError
from lab.system.signals import wait_until

# How the worker names a plugin in an error: with its file and much more.
PLUGIN = re.compile(r"PluginDesc\{klass=class ([\w.$]+),[^}]*\}")
BUSY = 409  # it shares out the work anew, for a moment
MISSING = 404
ANSWER_SECONDS = 90.0
FAILED, RUNNING = "FAILED", "RUNNING"  # two of the states of a connector and of a task
_send = build_opener(ProxyHandler({})).open  # a proxy of the environment does not know this machine


class ConnectError(LabError):
    """A worker of Kafka Connect refused something or does not answer, or a connector failed.

    `code` is the one of HTTP; 0 if there was no answer.
    """

    def __init__(self, message: str, code: int = 0):
        super().__init__(message)
        self.code = code


def ask(url: str, method: str, path: str, body: Any = None, timeout: float = ANSWER_SECONDS) -> Any:
    """The answer, as Python values; None if it is empty. A busy worker is asked again, for `timeout` seconds.

    Raises ConnectError: with the worker's own words if it refuses, with code 0 if it does not answer.
    """
    until = time.monotonic() + timeout
    while True:
        try:
            return _ask_once(url, method, path, body, timeout)
        except ConnectError as error:
            if error.code != BUSY or time.monotonic() > until:
                raise
        time.sleep(0.1)


def wait_until_ready(url: str, name: str) -> dict[str, Any]:
    """Wait until the connector has tasks, and each of them runs. Returns its status.

    Raises ConnectError if it fails, with the worker's reason, and if it takes too long.
    """

    def is_ready() -> bool:
        states = states_of(status())
        if FAILED in states:
            raise ConnectError(f"The connector {name} failed: {reason_of(status())}")
        return len(states) > 1 and set(states) == {RUNNING}

    def status() -> dict[str, Any]:
        found = status_of(url, name)
        if found is None and name not in ask(url, "GET", "/connectors"):
            raise ConnectError(f"The worker has no connector {name}.", MISSING)
        return found or {}

    _wait(is_ready, f"The connector {name} does not run")
    return status()


def wait_until_gone(url: str, name: str) -> None:
    """Wait until the worker knows nothing of a connector that was removed. Raises ConnectError."""
    _wait(lambda: status_of(url, name) is None, f"The connector {name} is not removed")


def status_of(url: str, name: str) -> dict[str, Any] | None:
    """What the worker says of a connector and its tasks; None if nothing, or nothing yet."""
    try:
        return ask(url, "GET", f"{connector_path(name)}/status")
    except ConnectError as error:
        if error.code == MISSING:
            return None
        raise


def states_of(status: dict[str, Any]) -> list[str]:
    """The state of the connector and of each task, of its status."""
    return [part["state"] for part in _parts(status)]


def reason_of(status: dict[str, Any]) -> str:
    """Why it failed, of its status, in one line: the innermost cause that the Java error names."""
    traces = [part["trace"] for part in _parts(status) if part.get("trace")]
    lines = [line for line in traces[0].splitlines() if line and not line[0].isspace()] if traces else []
    return lines[-1].removeprefix("Caused by: ") if lines else "the worker gives no reason."


def connector_path(name: str) -> str:
    """The path of a connector, whatever its name."""
    return f"/connectors/{quote(name, safe='')}"


def _parts(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [status["connector"], *status["tasks"]] if status else []


def _wait(condition: Any, fault: str) -> None:
    try:
        wait_until(condition, ANSWER_SECONDS)
    except TimeoutError:
        raise ConnectError(f"{fault} after {ANSWER_SECONDS:.0f} s; its log says why: worker.log.") from None


def _ask_once(url: str, method: str, path: str, body: Any, timeout: float) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        with _send(Request(url + path, data, headers, method=method), timeout=timeout) as answer:
            text = answer.read()
    except HTTPError as error:
        with error:  # it is an answer, too, and Python 3.14 warns of one that nobody closes
            raise ConnectError(f"{method} {path} was refused: {_words(error)}", error.code) from None
    except OSError as error:
        raise ConnectError(f"Kafka Connect does not answer at {url}: {error}") from None
    return json.loads(text) if text else None


def _words(error: HTTPError) -> str:
    """What the worker says, in one line."""
    try:
        text = " ".join(json.loads(error.read())["message"].split())
        return PLUGIN.sub(r"\1", text)
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
