"""The order in which several processes share the tests."""

import pytest

from tests.support.order import deal, spread


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ("LLLqqqqqqqqqq", "LqqLqqLqqqqqq"),
        ("LLLqsssqs", "LqsssLqsL"),
        ("LLss", "ssLL"),
        ("LLqqqqqqqqqq", "LqqqLqqqqqqq"),
        ("LL", "LL"),
        ("qs", "qs"),
        ("", ""),
    ],
)
def test_lessons_stand_in_even_distances_before_quick_tests(items, found):
    numbered = [f"{kind}{number}" for number, kind in enumerate(items)]
    lessons, others = ([item for item in numbered if (item[0] == "L") == is_lesson] for is_lesson in (1, 0))
    made = spread(lessons, others, lambda item: item[0] == "q")
    assert "".join(item[0] for item in made) == found
    for kind in "Lqs":
        assert [item for item in made if item[0] == kind] == [item for item in numbered if item[0] == kind]


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("items", ["LLLLLqqqTqsTqqqsqqqqqqq", "LLLLL", "q", ""])
def test_each_process_has_its_lessons_and_the_first_has_what_is_together(items, processes):
    numbered = [f"{kind}{number}" for number, kind in enumerate(items)]
    made = deal(numbered, processes, *(lambda item, kind=kind: item[0] == kind for kind in ("L", "T", "q")))
    assert sorted(made) == sorted(numbered)
    assert [item for item in made if item[0] == "q"] == [item for item in numbered if item[0] == "q"]
    if len(items) > 20:
        size = len(made) // processes
        lessons = [sum(item[0] == "L" for item in made[n * size : (n + 1) * size]) for n in range(processes)]
        assert max(lessons) - min(lessons) <= 1
        assert [item[0] for item in made[:2]] == ["T", "T"]
