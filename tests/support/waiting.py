"""How does a test wait? For a condition, with a bound, which grows with the load of the machine."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager


def wait_for(condition: Callable, timeout: float = 30, pause: float = 0.02):
    """The condition's value, once it is true; fails after `timeout` seconds, or more if the machine is busy.

    It is asked for a third of the time at most: what it waits for needs the machine as well.
    """
    started = time.monotonic()
    while True:
        began = time.monotonic()
        if value := condition():
            return value
        asked = time.monotonic()
        waited = asked - started
        assert waited < timeout or waited < soon(timeout), f"not within {waited:.0f} s"
        time.sleep(max(pause, min(2 * (asked - began), 1)))


@contextmanager
def stop_after(seconds: float, stop: threading.Event | None = None) -> Generator[threading.Event]:
    """An event that is set then, as if somebody typed Ctrl-C."""
    stop = stop or threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    try:
        yield stop
    finally:
        timer.cancel()
        timer.join()


def soon(seconds: float) -> float:
    """So many seconds; on a busy machine as many times more as a program takes longer there than alone."""
    began, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < 0.05:
        pass
    return seconds * max(1, (time.monotonic() - began) / 0.05)
