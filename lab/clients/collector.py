"""How often does Python look for garbage? Less often while thousands of messages are on their way.

Its cyclic collector starts after 700 new objects (2,000 in a newer Python). These are a few hundred messages,
all still in use, and it scans them again and again: a fifth of the work for each message.
"""

import gc
import threading
from collections.abc import Generator
from contextlib import contextmanager

SELDOM = 20_000  # new objects; what is in use at the same time is less
_lock = threading.Lock()
_usual: list[tuple[int, int, int]] = []  # the setting before, once for each block that is running


@contextmanager
def rare_collections() -> Generator[None]:
    """Within the block the collector starts after SELDOM new objects. Blocks may overlap."""
    with _lock:
        first, *rest = usual = gc.get_threshold()
        _usual.append(_usual[0] if _usual else usual)
        if first:  # 0: it was switched off
            gc.set_threshold(max(first, SELDOM), *rest)
    try:
        yield
    finally:
        with _lock:
            usual = _usual.pop()
            if not _usual:
                gc.set_threshold(*usual)
