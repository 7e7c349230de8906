"""The order in which several processes share the tests."""

import pytest

from tests.support.order import first_together, spread


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ("LLLqqqqqq", "LqqLqqLqq"),
        ("qqqqqqLLL", "LqqLqqLqq"),
        ("LLLqsssqs", "LqsssLqsL"),
        ("LLss", "ssLL"),
        ("qqqqqqqqqqLL", "LqqqqLqqqqqq"),
        ("LL", "LL"),
        ("qs", "qs"),
        ("", ""),
    ],
)
def test_lessons_stand_in_even_distances_before_quick_tests(items, found):
    numbered = [f"{kind}{number}" for number, kind in enumerate(items)]
    made = spread(numbered, lambda item: item[0] == "L", lambda item: item[0] == "q")
    assert "".join(item[0] for item in made) == found
    assert sorted(made) == sorted(numbered)
    for kind in "Lqs":
        assert [item for item in made if item[0] == kind] == [item for item in numbered if item[0] == kind]


def test_what_is_together_comes_first_and_the_rest_keeps_its_order():
    assert first_together("aTbcTU", str.isupper) == [*"TTUabc"]
