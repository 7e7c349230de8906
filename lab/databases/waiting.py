"""What if the database is locked, full or away? Wait, say so once, and try again."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from lab.databases.base import Database
from lab.errors import WarehouseError

log = logging.getLogger("lab")
T = TypeVar("T")
NEVER = threading.Event()


def retry(db: Database, act: Callable[[], T], stop: threading.Event = NEVER) -> T | None:
    """Call `act` until it succeeds; None if `stop` was set first.

    Raises WarehouseError, with what to do, if waiting does not help.
    """
    delay, is_told = 0.05, False
    while True:
        try:
            return act()
        except db.Error as error:
            if advice := db.advice(error):
                raise WarehouseError(f"{db.name} cannot be used: {line_of(error)}. {advice}") from error
            if not is_told:
                log.warning("%s: %s. Nothing is lost: trying until it clears.", db.name, line_of(error))
                is_told = True
        if stop.wait(delay):
            return None
        delay = min(2 * delay, 1)


def line_of(error: Exception) -> str:
    """The first line of the database's message."""
    return str(error).strip().splitlines()[0].rstrip(".")
