"""The collector gets its setting back, whatever ends first."""

import gc

import pytest

from lab.clients.collector import SELDOM, rare_collections
from lab.consumer import consume
from lab.producer import produce


@pytest.fixture(autouse=True)
def rest():
    """What Python keeps of the second and third number: the third is always 0 in 3.14."""
    before = gc.get_threshold()
    gc.set_threshold(701, 11, 12)
    yield gc.get_threshold()[1:]
    gc.set_threshold(*before)


def test_it_is_rare_within_the_block_and_as_before_after_an_error(rest):
    with pytest.raises(KeyError), rare_collections():
        assert gc.get_threshold() == (SELDOM, *rest)
        raise KeyError
    assert gc.get_threshold() == (701, *rest)


def test_blocks_that_overlap_as_in_two_threads(rest):
    one, two = rare_collections(), rare_collections()
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert gc.get_threshold()[0] == SELDOM
    two.__exit__(None, None, None)
    assert gc.get_threshold() == (701, *rest)


@pytest.mark.parametrize("own", [0, 10 * SELDOM])
def test_one_that_is_off_or_rarer_still_stays_so(own, rest):
    gc.set_threshold(own, *rest)
    with rare_collections():
        assert gc.get_threshold() == (own, *rest)
    assert gc.get_threshold() == (own, *rest)


def test_producer_and_consumer_work_within_such_a_block(monkeypatch, rest):
    class Seen(Exception):
        pass

    def look(*arguments, **options):
        assert gc.get_threshold()[0] == SELDOM
        raise Seen

    monkeypatch.setattr("lab.producer._Sender", look)
    monkeypatch.setattr("lab.consumer.Group", look)
    with pytest.raises(Seen):
        produce("topic", [])

    class Warehouse:
        identity = "one"

    with pytest.raises(Seen):
        consume("topic", Warehouse())
    assert gc.get_threshold() == (701, *rest)
