"""In which order do the tests run, if several processes share them?

Each process begins with an equal number of tests that stand side by side. One that has none left takes half
of those that another has before it, from the end.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
UP_TO = 0.6  # of the tests of a process


def deal(
    items: Sequence[Item],
    processes: int,
    is_lesson: Callable[[Item], bool],
    is_together: Callable[[Item], bool],
    is_quick: Callable[[Item], bool],
) -> list[Item]:
    """The lessons dealt out to all, and those first that share what takes seconds to start.

    So the latter stay in one process, and what they share is started once.
    """
    lessons = [item for item in items if is_lesson(item)]
    others = sorted((item for item in items if not is_lesson(item)), key=lambda item: not is_together(item))
    found: list[Item] = []
    for number in range(processes):
        size, own = (len(items) - len(found)) // (processes - number), lessons[number::processes]
        count = max(0, size - len(own))
        found += spread(own, others[:count], is_quick)
        others = others[count:]
    return found


def spread(lessons: Sequence[Item], others: Sequence[Item], is_quick: Callable[[Item], bool]) -> list[Item]:
    """The lessons in even distances among the first three fifths of the other tests.

    A lesson mostly waits, so no two should stand side by side; and one of a minute must not be among the last
    tests, when the other processes have nothing left. It comes only before a quick test, because the others
    may share a cluster with the test before them.
    """
    found: list[Item] = []
    put = 0
    for number, item in enumerate(others):
        if put < len(lessons) and put * len(others) * UP_TO <= number * len(lessons) and is_quick(item):
            found.append(lessons[put])
            put += 1
        found.append(item)
    return [*found, *lessons[put:]]
