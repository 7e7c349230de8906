"""Ctrl-C, SIGTERM and a closed terminal as one event, for the loops that must not be torn in the middle."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.system.signals import SIGNALS, interrupted_once, stop_on_signals, wait_until


@pytest.fixture(params=SIGNALS, ids=lambda number: number.name)
def number(request):
    """A signal, with a handler of the test before and after."""
    # As in a terminal; where the tests run it may be ignored.
    before = signal.signal(request.param, signal.default_int_handler)
    yield request.param
    signal.signal(request.param, before)


def handlers() -> list:
    return [signal.getsignal(number) for number in SIGNALS]


def test_ctrl_c_and_terminate_are_heard():
    assert {signal.SIGINT, signal.SIGTERM} <= set(SIGNALS)


def test_a_signal_sets_the_event_and_raises_nothing(number):
    with stop_on_signals() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()


def test_an_event_of_ones_own_is_used(number):
    mine = threading.Event()
    with stop_on_signals(mine) as stop:
        signal.raise_signal(number)
    assert stop is mine
    assert mine.is_set()


def test_a_second_signal_does_what_it_did_before(number):
    heard = []
    signal.signal(number, lambda *arguments: heard.append("before"))
    with stop_on_signals() as stop:
        signal.raise_signal(number)
        assert (stop.is_set(), heard) == (True, [])
        signal.raise_signal(number)
    assert heard == ["before"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")
def test_a_closed_terminal_is_heard_and_with_nohup_it_is_not():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.is_set()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with stop_on_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_tidied_up_behind_an_interrupt_is_not_interrupted(number):
    tidied, before = [], handlers()
    with pytest.raises(KeyboardInterrupt), interrupted_once():
        try:
            signal.raise_signal(number)
        finally:
            for each in SIGNALS:
                signal.raise_signal(each)
            tidied.append(True)
    assert tidied and handlers() == before


def test_in_another_thread_an_interrupt_is_nobodys():
    def run() -> bool:
        with interrupted_once():
            return True

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run).result()


@pytest.fixture
def usual_ctrl_c():
    """As in a terminal; a test run in the background would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_ctrl_c")
def test_a_second_ctrl_c_interrupts():
    with pytest.raises(KeyboardInterrupt), stop_on_signals():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_afterwards_the_handlers_are_those_of_before(number):
    before = handlers()
    with stop_on_signals():
        assert signal.getsignal(number) not in before
        signal.raise_signal(number)
    assert handlers() == before


def test_they_are_also_after_an_error():
    before = handlers()
    with pytest.raises(ZeroDivisionError), stop_on_signals():
        raise ZeroDivisionError
    assert handlers() == before


def test_one_block_in_another_stops_the_inner_loop_first(number):
    with stop_on_signals() as outer:
        with stop_on_signals() as inner:
            signal.raise_signal(number)
            assert (inner.is_set(), outer.is_set()) == (True, False)
        signal.raise_signal(number)
        assert outer.is_set()


def test_in_another_thread_it_touches_no_handler_and_only_ones_own_event_counts():
    before, mine = handlers(), threading.Event()

    def block() -> tuple:
        with stop_on_signals(mine) as stop:
            return stop is mine, handlers()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(block).result(timeout=10) == (True, before)
    assert not mine.is_set()


def test_waiting_ends_as_soon_as_the_condition_is_true_and_returns_its_answer():
    answers = iter([0, [], "done", "later"])
    assert wait_until(lambda: next(answers)) == "done"
    assert next(answers) == "later"


def test_waiting_in_vain_ends_with_an_error_but_not_before_one_look():
    with pytest.raises(TimeoutError, match="within 0 s"):
        wait_until(lambda: False, timeout=0)
    assert wait_until(lambda: True, timeout=0) is True
