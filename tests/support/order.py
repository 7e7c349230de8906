"""In which order do several processes take the tests, each the next one when it is free?"""

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
UP_TO = 0.8  # of the tests that are not quick


def arrange(
    items: Sequence[Item],
    is_together: Callable[[Item], bool],
    is_lesson: Callable[[Item], bool],
    is_quick: Callable[[Item], bool],
) -> list[Item]:
    """First those that one process takes together, for they last long; the quick ones at the end.

    Between them the others, and the lessons in even distances among the first four fifths of these: a lesson
    mostly waits, and a long one at the end would keep one process busy while the others have nothing to do.
    """
    together = [item for item in items if is_together(item)]
    rest = [item for item in items if not is_together(item)]
    lessons = [item for item in rest if is_lesson(item)]
    quick = [item for item in rest if is_quick(item) and not is_lesson(item)]
    others = [item for item in rest if not is_lesson(item) and not is_quick(item)]
    places = [(UP_TO * n / len(lessons), lesson) for n, lesson in enumerate(lessons)]
    places += [(n / len(others), other) for n, other in enumerate(others)]
    return [*together, *(item for _, item in sorted(places, key=lambda place: place[0])), *quick]
