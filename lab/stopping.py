"""When should a loop stop? Ctrl-C, SIGTERM and the notebook's stop button, as one event.

An exception in the middle of a poll would skip the records that it was about to return.
So the signals set an event, and the loops look at it between two polls.
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGBREAK")  # SIGBREAK: Ctrl-Break, on Windows only
    if hasattr(signal, name)
]


@contextmanager
def stop_on_signals(stop: threading.Event | None = None) -> Generator[threading.Event]:
    """Within the block, signals set the event that it yields: yours, or a new one.

    A second signal of the same kind does what it did before, so that nobody is locked in.
    Outside the main thread Python delivers no signals: there only your own event counts.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def set_stop(number, frame):
        signal.signal(number, before[number])
        stop.set()

    for number in SIGNALS:
        signal.signal(number, set_stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
