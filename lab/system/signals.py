"""When should a loop stop? Ctrl-C, SIGTERM, a closed terminal and the notebook's stop button set one event.

An exception in the middle of a poll would lose the records that it was about to return.
So the signals set an event, and the loops check it between two polls.
"""

import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")  # Python 3.11 has no def wait_until[T]

SIGNALS = [
    getattr(signal, name)
    # SIGHUP: the terminal was closed (not on Windows). SIGBREAK: Ctrl-Break (only on Windows).
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]


@contextmanager
def stop_on_signals(stop: threading.Event | None = None) -> Generator[threading.Event]:
    """Within the block, signals set the event that it yields: yours, or a new one.

    A second signal of the same kind has its usual effect, so that a program that hangs can be ended.
    Outside the main thread, Python delivers no signals, and only your own event counts.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = _handlers()

    def set_stop(number, frame):
        signal.signal(number, before[number])
        stop.set()

    with handled(before, set_stop):
        yield stop


@contextmanager
def interrupted_once() -> Generator[None]:
    """Within the block, the first signal of any kind raises KeyboardInterrupt; later ones do nothing.

    So the clean-up is completed even if the terminal is closed or Ctrl-C is pressed again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _handlers()

    def interrupt(number, frame):
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    with handled(before, interrupt):
        yield


@contextmanager
def handled(numbers: Iterable[int], handler: Callable[[int, Any], None]) -> Generator[None]:
    """Within the block, each of these signals calls `handler`."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, usual in before.items():
            signal.signal(number, usual)


def _handlers() -> dict[int, Any]:
    """The current handler of each signal; without SIGHUP if it is ignored, as under nohup."""
    found = {number: signal.getsignal(number) for number in SIGNALS}
    return {
        number: handler
        for number, handler in found.items()
        if handler != signal.SIG_IGN or number != getattr(signal, "SIGHUP", None)
    }


def wait_until(condition: Callable[[], T], timeout: float = 30) -> T:
    """Call `condition()` repeatedly until its result is true, and return that result.

    Between two calls it waits twice as long as a call takes, from 0.1 s up to 1 s: most conditions ask a
    busy broker. Raises TimeoutError after `timeout` seconds.
    """
    until = time.monotonic() + timeout
    while True:
        began = time.monotonic()
        if answer := condition():
            return answer
        asked = time.monotonic()
        if asked > until:
            raise TimeoutError(f"What was waited for did not come within {timeout:g} s.")
        time.sleep(max(0.1, min(2 * (asked - began), 1)))
