"""In which order do the tests run, if several processes share them?"""

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
UP_TO = 0.8  # of the other tests


def first_together(items: Sequence[Item], is_together: Callable[[Item], bool]) -> list[Item]:
    """Those that share what takes seconds to start, and then the others.

    Each process begins with an equal number of tests that stand side by side, and one that has none left takes
    some from the end of another's. So the first ones stay in one process, and what they share is started once.
    """
    return sorted(items, key=lambda item: not is_together(item))


def spread(
    items: Sequence[Item], is_lesson: Callable[[Item], bool], is_quick: Callable[[Item], bool]
) -> list[Item]:
    """The lessons in even distances among the first four fifths of the other tests, which keep their order.

    A lesson mostly waits. Each process begins with an equal number of tests that stand side by side. So one
    had all lessons, and at the end the others had nothing to do for a minute and a half. So they had, too,
    if a long lesson was among the last tests. A lesson comes only before a quick test, because the others may
    share a cluster with the test before them.
    """
    lessons = [item for item in items if is_lesson(item)]
    others = [item for item in items if not is_lesson(item)]
    found, put = [], 0
    for number, item in enumerate(others):
        if put < len(lessons) and put * len(others) * UP_TO <= number * len(lessons) and is_quick(item):
            found.append(lessons[put])
            put += 1
        found.append(item)
    return found + lessons[put:]
