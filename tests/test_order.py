"""The order in which several processes share the tests."""

import pytest

from tests.support.order import arrange


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ("LLLssssss", "LssLssLss"),
        ("ssssssLLL", "LssLssLss"),
        ("qLqsgqsLgs", "ggLssLsqqq"),
        ("LL", "LL"),
        ("qs", "sq"),
        ("gq", "gq"),
        ("", ""),
    ],
)
def test_groups_come_first_then_lessons_in_even_distances_and_at_last_what_is_quick(items, found):
    numbered = [f"{kind}{number}" for number, kind in enumerate(items)]
    made = arrange(numbered, *(lambda item, kind=kind: item[0] == kind for kind in "gLq"))
    assert "".join(item[0] for item in made) == found
    assert sorted(made) == sorted(numbered)
    for kind in "gLqs":
        assert [item for item in made if item[0] == kind] == [item for item in numbered if item[0] == kind]
