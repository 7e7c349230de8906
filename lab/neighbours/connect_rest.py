"""How is a worker of Kafka Connect asked for its connectors, while it may be busy?"""

import time
from typing import Any
from urllib.parse import quote

from lab.neighbours import rest
from lab.neighbours.rest import RestError
from lab.system.signals import wait_until

NAME = "Kafka Connect"
BUSY = 409  # it shares out the work anew, for a moment
MISSING = 404
ANSWER_SECONDS = 90.0
FAILED, RUNNING = "FAILED", "RUNNING"  # two of the states of a connector and of a task


def ask(url: str, method: str, path: str, body: Any = None, timeout: float = ANSWER_SECONDS) -> Any:
    """The answer, as Python values; None if it is empty. A busy worker is asked again, for `timeout` seconds.

    Raises RestError: with the worker's own words if it refuses, with code 0 if it does not answer.
    """
    until = time.monotonic() + timeout
    while True:
        try:
            return rest.ask(NAME, url, method, path, body, timeout)
        except RestError as error:
            if error.code != BUSY or time.monotonic() > until:
                raise
        time.sleep(0.1)


def wait_until_ready(url: str, name: str) -> dict[str, Any]:
    """Wait until the connector has tasks, and each of them runs. Returns its status.

    Raises RestError if it fails, with the worker's reason, and if it takes too long.
    """

    def is_ready() -> bool:
        states = states_of(status())
        if FAILED in states:
            raise RestError(f"The connector {name} failed: {reason_of(status())}")
        return len(states) > 1 and set(states) == {RUNNING}

    def status() -> dict[str, Any]:
        found = status_of(url, name)
        if found is None and name not in ask(url, "GET", "/connectors"):
            raise RestError(f"The worker has no connector {name}.", MISSING)
        return found or {}

    _wait(is_ready, f"The connector {name} does not run")
    return status()


def wait_until_gone(url: str, name: str) -> None:
    """Wait until the worker knows nothing of a connector that was removed. Raises RestError."""
    _wait(lambda: status_of(url, name) is None, f"The connector {name} is not removed")


def status_of(url: str, name: str) -> dict[str, Any] | None:
    """What the worker says of a connector and its tasks; None if nothing, or nothing yet."""
    try:
        return ask(url, "GET", f"{connector_path(name)}/status")
    except RestError as error:
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
        raise RestError(f"{fault} after {ANSWER_SECONDS:.0f} s; its log says why: worker.log.") from None
