"""How does a test wait? For a condition, with a bound, which grows with the load of the machine."""

import time
from collections.abc import Callable


def wait_for(condition: Callable, timeout: float = 30, pause: float = 0.02):
    """The condition's value, once it is true; fails after `timeout` seconds.

    It is asked for a third of the time at most: what it waits for needs the machine as well.
    """
    until = time.monotonic() + timeout
    while True:
        began = time.monotonic()
        if value := condition():
            return value
        asked = time.monotonic()
        assert asked < until, f"not within {timeout} s"
        time.sleep(max(pause, min(2 * (asked - began), 1)))


def soon(seconds: float) -> float:
    """So many seconds; on a busy machine as many times more as a program takes longer there than alone."""
    began, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < 0.05:
        pass
    return seconds * max(1, (time.monotonic() - began) / 0.05)
