"""What learners answer in lesson 13. Each answer starts a program, so there are few."""

from tests.support.answers import Answers

# Eight programs are killed there, or go on after it: no exercise needs what they sent.
SKIPPED = {"## Kill it": "### Exercise 1: the largest value"}

LARGEST = (
    "def largest(readings):\n"
    "    from quixstreams.dataframe.windows import Max, Mean, Reduce\n"
    "    window = readings.tumbling_window({0})\n"
    "    return window.{1}\n"
)
FIVE = "timedelta(minutes=5), grace_ms=timedelta(minutes=1)"
RUN = "def begins_run(reading, state):\n"
HOT = 'reading["status"] == "CRITICAL"'
JOIN = "def too_high(readings, limits):\n    joined = readings.join_asof(limits, {0})\n    return joined{1}\n"
MERGE = 'on_merge=lambda reading, row: {**reading, "limit": row["limit"]}'
ABOVE = '.filter(lambda each: each["val"] > each["limit"])'

ANSWERS = {
    "13.1": Answers(
        wrong={
            LARGEST.format(
                "timedelta(minutes=1)", 'agg(largest=Max("val")).final()'
            ): "a window of five minutes",
            LARGEST.format(FIVE, 'agg(mean=Mean("val")).final()'): "has the name `largest`",
            LARGEST.format(FIVE, 'agg(largest=Max("val")).current()'): "has one result",
            LARGEST.format(FIVE, 'agg(largest=Mean("val")).final()'): "is the largest of those",
            LARGEST.format("300_000", 'agg(largest=Max("val")).final()'): "one minute of grace",
        },
        right=[
            LARGEST.replace("readings.", "readings.apply(lambda reading: reading['val']).").format(
                FIVE, "max().final().apply(lambda found: {'largest': found.pop('value'), **found})"
            ),
            LARGEST.format("300_000, grace_ms=60_000", 'agg(largest=Max("val"), mean=Mean("val")).final()'),
        ],
    ),
    "13.2": Answers(
        wrong={
            RUN + f"    return {HOT}": "is the first reading of a run",
            RUN + f"    new = {HOT} and not state.get('hot')\n    if new:\n        state.set('hot', True)\n"
            "    return new": "no run is missing",
            "hot = {}\n"
            + RUN
            + f"    before = hot.get(reading['sensor_id'])\n    hot[reading['sensor_id']] = {HOT}\n"
            f"    return {HOT} and not before": "is the first reading of a run",  # its memory dies with it
            RUN + f"    before = state.get('status')\n    state.set('status', reading['status'])\n"
            f"    return {HOT} and before == 'OK'": "no run is missing",  # the first reading has none before it
        },
        right=[
            RUN
            + f"    was, now = state.get('hot', False), {HOT}\n    state.set('hot', now)\n    return now > was",
        ],
    ),
    "13.3": Answers(
        wrong={
            JOIN.format(MERGE, ""): "no other reading is there",
            JOIN.format(MERGE, ABOVE.replace(">", "<")): "above its limit is missing",
            "def too_high(readings, limits):\n    return readings.filter(lambda each: each['val'] > 40)": "with its limit",
            JOIN.format(
                "on_merge=lambda reading, row: {**reading, **row}", ABOVE
            ): "at which it was measured",
        },
        right=[
            JOIN.format('on_merge="keep-left"', ABOVE),
            "def too_high(readings, limits):\n"
            f"    joined = readings.join_asof(limits, how='left', {MERGE})\n"
            "    return joined[joined['val'] > joined['limit']]",
        ],
    ),
}
