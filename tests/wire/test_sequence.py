"""The picture of an X-ray: what repeats is one row, nothing is left out unsaid, and it says all in words."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lab.wire.exchange import Exchange
from lab.wire.sequence import MOST_ROWS, NEWEST_ROWS, Choice, draw, fold


def exchange(kind, answer="", request="", client="me", broker="broker 1 at here:1", **more):
    return Exchange(1, client, broker, kind, 1, 7, 0.5, request, more.pop("took", 0.003), answer, **more)


def test_waiting_that_brings_nothing_is_one_row_also_with_heartbeats_in_between():
    waiting = [exchange("Fetch", "nothing new"), exchange("Heartbeat")] * 20
    rows = fold([*waiting, exchange("Fetch", "x-0 1 message from offset 3, end 4"), *waiting])
    assert [(row.first.kind, row.times) for row in rows] == [
        ("Fetch", 20), ("Heartbeat", 20), ("Fetch", 1), ("Fetch", 20), ("Heartbeat", 20),
    ]  # fmt: skip


def test_an_error_between_two_that_are_alike_is_a_row_and_they_are_two():
    rows = fold(
        [
            exchange("Heartbeat"),
            exchange("Heartbeat", error="RebalanceInProgressError"),
            exchange("Heartbeat"),
        ]
    )
    assert [row.times for row in rows] == [1, 1, 1]


def test_two_clients_or_brokers_are_never_one_row():
    rows = fold([exchange("Fetch", "nothing new", client=c, broker=b) for c in "ab" for b in ("x:1", "x:2")])
    assert [row.times for row in rows] == [1] * 4


def test_what_is_left_out_is_counted():
    other = [exchange("ApiVersions")] * 3
    chart = draw(
        [*other, *(exchange("Produce", f"x-0 offset {n}") for n in range(MOST_ROWS + 5))], Choice(), more=2
    )
    assert chart.left_out == ["3 exchange(s) of other kinds", "7 exchange(s) after these"]
    asked_for = draw(other, Choice(["ApiVersions"]), more=0)
    assert asked_for.left_out == []
    assert "ApiVersions (3 times)" in asked_for.alt


def test_of_too_many_the_newest_are_shown_where_the_picture_moves():
    many = [exchange("Produce", f"x-0 offset {n}") for n in range(NEWEST_ROWS + 5)]
    chart = draw(many, Choice(newest=True), more=0)
    assert chart.left_out == ["5 exchange(s) before these"]
    assert "offset 5 " in chart.alt and "offset 4 " not in chart.alt
    assert draw(many[:3], Choice(newest=True), more=0).left_out == []


def test_it_says_in_words_who_asked_whom_and_what_the_answer_was():
    lost = exchange("Produce", took=None, is_lost=True, request="x-0 1 message")
    unanswered = exchange("Fetch", took=None)
    failed = exchange("Fetch", error="NotLeaderForPartitionError", broker="broker 2 at here:2", took=1.25)
    alt = draw([lost, failed, unanswered], Choice(), more=0).alt
    assert "me asks broker 1 at here:1: Produce x-0 1 message. Answer: the answer was lost." in alt
    assert "me asks broker 1 at here:1: Fetch. Answer: no answer." in alt
    assert "me asks broker 2 at here:2: Fetch. Answer: NotLeaderForPartitionError (1.2 s)." in alt
    assert draw([], Choice(), more=0).alt == "No request was seen."


def test_only_what_is_about_one_topic_or_client_is_shown():
    about_x = [
        exchange("Produce", request="x-0 1 message"),
        exchange("Fetch", "x-0 end 1"),
        exchange("Metadata", client="x"),
    ]
    chart = draw([*about_x, exchange("Fetch", "y-0 end 1")], Choice(about="x"), more=0)
    assert chart.left_out == ["1 exchange(s) of other kinds or about others"]
    assert chart.alt.count("asks") == 3


def test_a_broker_that_asks_another_has_one_place_and_they_stand_by_their_numbers():
    pairs = [("broker 10", "broker 2"), ("broker 2", "broker 10"), ("me", "broker 1")]
    chart = draw([exchange("Fetch", client=c, broker=b) for c, b in pairs], Choice(), more=0)
    names = [
        text for text in chart.axes[0].texts if text.get_text() in ("me", "broker 1", "broker 2", "broker 10")
    ]
    in_order = sorted(names, key=lambda text: text.get_position()[0])
    assert [text.get_text() for text in in_order] == ["me", "broker 1", "broker 2", "broker 10"]


@pytest.mark.broker
@pytest.mark.parametrize("many", [1, 2, 4, 7])
def test_any_words_fit_beside_any_number_of_clients(many, tmp_path):
    """Nothing is wider than the picture, and no text stands on another."""
    wide = ["$x_$ " * 60, "ohne_Leerzeichen" * 20, "日本 \u202e", ""]
    chart = draw(
        [exchange("Metadata", w, w, client=f"{w[:20]}-{n}") for n in range(many) for w in wide],
        Choice(),
        more=0,
    )
    chart.savefig(tmp_path / "x.png")
    renderer = FigureCanvasAgg(chart).get_renderer()
    texts = [text.get_window_extent(renderer) for text in chart.axes[0].texts if text.get_text().strip()]
    assert max(box.x1 for box in texts) <= chart.bbox.x1
    boxes = [box.shrunk(0.9, 0.6) for box in texts]
    assert not any(one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n])
