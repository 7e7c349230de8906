"""What is the pipeline doing now? All of it in one figure, which is drawn again and again.

It only reads: the topic's offsets, the group's members, and the warehouse. So it can be opened and closed at
any time without an effect on the pipeline.
"""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from lab.clients.connection import wait_until_answering
from lab.clients.groups import partition_owners
from lab.clients.offsets import lags
from lab.databases import counts, queries
from lab.drawing.figure import FEW_TICKS, Chart, caption, dress, dress_times
from lab.drawing.palette import FAULT, LAG, MEMBERS, NOTHING, PRODUCED, SENSORS, STORED
from lab.drawing.thinning import drawable, find_gaps
from lab.errors import NoWarehouseYet
from lab.topics import describe_topic, topic_offsets
from lab.warehouse import Warehouse

SPAN = 60.0  # seconds of the past that are shown
SMOOTH = 3.0  # seconds over which a rate is averaged: one batch per second would look like a comb
LAST_ROWS = 1200
MAX_UNITS = 4  # panels of values
MAX_SENSORS = 6  # lines in one such panel
SECOND = 1 / 86400  # matplotlib counts in days
LINES = tuple((color, style) for style in ("-", ":") for color in SENSORS)  # of the sensors of one unit
NOBODY = "nobody"


@dataclass(frozen=True)
class Snapshot:
    """The state of the pipeline at one time."""

    at: float  # seconds of time.monotonic
    offsets: Mapping[int, tuple[int, int]]  # {partition: (first, end)}
    next_offsets: dict[int, int]  # {partition: the stored offset}
    owners: dict[int, str]  # {partition: member of the group, or NOBODY}
    stored: int = 0  # rows in sensor_logs
    dead_letters: int = 0
    after_outage: bool = False  # whether looking failed since the snapshot before

    @property
    def produced(self) -> int:
        """All messages that were ever written to the topic."""
        return sum(end for _, end in self.offsets.values())

    @property
    def processed(self) -> int:
        """Messages before the stored offsets."""
        return sum(self.next_offsets.values())

    @property
    def lag(self) -> dict[int, int]:
        """{partition: messages that are not stored yet}."""
        return lags(self.offsets, self.next_offsets)


class Dashboard:
    """Shows a topic, the group that reads it, and the warehouse that the group fills.

    `draw()` takes a snapshot and returns a figure; pass it to `show_live`. The snapshots of the last minute
    are kept for the rates and the owners.
    """

    def __init__(self, topic: str, warehouse: str, *, group_id: str = "sensor-logs", **kafka: Any):
        """`warehouse` is a URL; `kafka` says how to reach the broker (`bootstrap_servers=...`)."""
        self.topic, self.warehouse, self.group_id, self.kafka = topic, warehouse, group_id, kafka
        self.snapshots: deque[Snapshot] = deque()
        self._colors = {NOBODY: NOTHING}
        self._palette = cycle(MEMBERS)
        self._failed = False

    def draw(self) -> Chart:
        """Take a snapshot and draw it: the ledger, values, rates, partitions and owners.

        Raises BrokerError, TopicError or WarehouseError if there is nothing to show.
        """
        now, values = self._look_again()
        self.snapshots.append(now)
        while self.snapshots[0].at < now.at - SPAN:
            self.snapshots.popleft()
        chart = Chart(alt=self._in_words(now))
        chart.set_layout_engine("none")  # computing a layout would take as long as everything else
        _plot_ledger(chart.add_axes((0.03, 0.92, 0.94, 0.08)), now)
        _plot_values(chart, values)
        places = chart.add_gridspec(3, 1, left=0.56, right=0.84, bottom=0.09, top=0.86, hspace=0.5)
        rate, partitions, owners = (chart.add_subplot(place) for place in places)
        _plot_rates(rate, _stretches(self.snapshots))
        self._plot_partitions(partitions, now)
        self._plot_owners(owners)
        return chart

    def _in_words(self, now: Snapshot) -> str:
        rows = (f"partition {n}: lag {lag}, owner {self._label(now.owners[n])}" for n, lag in now.lag.items())
        numbers = ", ".join(f"{number} {name}" for name, (number, _) in _ledger(now).items())
        return f"The topic {self.topic} and its group {self.group_id}: {numbers}. {'; '.join(rows)}."

    def _look_again(self) -> tuple[Snapshot, pd.DataFrame]:
        """A look; the snapshot says whether a look before it failed."""
        failed, self._failed = self._failed, True
        now, values = self.look()
        self._failed = False
        return replace(now, after_outage=failed and bool(self.snapshots)), values

    def look(self) -> tuple[Snapshot, pd.DataFrame]:
        """A snapshot, and the last rows: sensor_id, val, unit, ts (a time in UTC), the oldest first."""
        protocol = self.kafka.get("security_protocol", "PLAINTEXT")
        wait_until_answering(self.kafka["bootstrap_servers"], timeout=0, security_protocol=protocol)
        topic_id = describe_topic(self.topic, **self.kafka).topic_id
        rows, next_offsets, stored, dead_letters = [], {}, 0, 0
        try:
            # The warehouse is read before the log, so that the lag cannot be negative.
            with Warehouse(self.warehouse, create=False) as db:
                next_offsets = db.next_offsets(topic_id)
                rows = queries.last_sensor_logs(db, LAST_ROWS)
                stored = counts.count_sensor_logs(db)
                dead_letters = queries.count_dead_letters(db, self.topic)
        except NoWarehouseYet:
            pass  # nothing has been consumed yet
        offsets = topic_offsets(self.topic, **self.kafka)
        owners = self._ask_owners(offsets)
        values = pd.DataFrame(rows, columns=["sensor_id", "val", "unit", "ts"])
        values["ts"] = pd.to_datetime(values["ts"], utc=True, format="ISO8601")
        return Snapshot(time.monotonic(), offsets, next_offsets, owners, stored, dead_letters), values

    def _ask_owners(self, partitions: Iterable[int]) -> dict[int, str]:
        owners = partition_owners(self.topic, self.group_id, **self.kafka)
        return {n: owners.get(n, NOBODY) for n in partitions}

    def _color(self, member: str) -> str:
        if member not in self._colors:
            self._colors[member] = next(self._palette)
        return self._colors[member]

    def _label(self, member: str) -> str:
        """Members are numbered as they come: their ids are long, and differ only at the end."""
        self._color(member)
        return member if member == NOBODY else f"member {list(self._colors).index(member)}"

    def _plot_partitions(self, panel: Axes, now: Snapshot) -> None:
        for n, (first, end) in now.offsets.items():
            here = end - now.lag[n]
            panel.barh(n, here - first, left=first, color=self._color(now.owners[n]))
            panel.barh(n, now.lag[n], left=here, color=LAG)
            panel.text(end, n, f" {end:,}, lag {now.lag[n]:,}", va="center", fontsize=11)
        first = min((first for first, _ in now.offsets.values()), default=0)
        end = max((end for _, end in now.offsets.values()), default=0)
        panel.set_xlim(first, first + 1.6 * max(end - first, 1))
        panel.locator_params(axis="x", nbins=4)
        _dress_partitions(panel, now.offsets, "each partition, its lag in orange")

    def _plot_owners(self, panel: Axes) -> None:
        """One stripe per partition, in the colour of the member that owned it."""
        now, named = self.snapshots[-1], set()
        for stretch in _stretches(self.snapshots):
            # The times at which the owners changed, and the end; there is one bar between two of them.
            changes = [after for before, after in pairwise(stretch) if before.owners != after.owners]
            for since, until in pairwise([stretch[0], *changes, stretch[-1]]):
                for n, member in since.owners.items():
                    label = None if member in named else self._label(member)
                    named.add(member)
                    left, width = since.at - now.at, until.at - since.at
                    panel.barh(n, width, left=left, height=0.7, color=self._color(member), label=label)
            for change in changes:
                panel.axvline(change.at - now.at, color="black", linestyle="--", linewidth=1.5)
        _dress_partitions(panel, now.offsets, "its owner; a dashed line is a rebalance")
        _dress_seconds(panel)
        panel.set_xlabel("seconds (0 is now)", fontsize=11)


def _stretches(snapshots: Iterable[Snapshot]) -> list[list[Snapshot]]:
    """The snapshots, divided where looking failed: nobody knows what was between."""
    found: list[list[Snapshot]] = []
    for snapshot in snapshots:
        if snapshot.after_outage or not found:
            found.append([])
        found[-1].append(snapshot)
    return found


def _ledger(now: Snapshot) -> dict[str, tuple[int, str]]:
    """Four numbers and their colours: produced, and of these stored, dead letters and not yet read."""
    return {
        "produced": (now.produced, PRODUCED),
        "stored": (now.stored, STORED),
        "dead letters": (now.dead_letters, FAULT),
        "lag": (sum(now.lag.values()), LAG),
    }


def _plot_ledger(panel: Axes, now: Snapshot) -> None:
    panel.set_axis_off()
    for n, (name, (number, color)) in enumerate(_ledger(now).items()):
        middle = (n + 0.5) / 4
        panel.text(middle, 0.2, f"{number:,}", ha="right", fontsize=20, color=color, weight="bold")
        panel.text(middle + 0.01, 0.2, name, ha="left", fontsize=12)


def _plot_values(chart: Chart, values: pd.DataFrame) -> None:
    """One panel per unit, with one line per sensor."""
    values, chart.left_out = drawable(values)
    units = [some for _, some in values.groupby("unit")]
    if not units:
        text = "no readings that can be drawn" if chart.left_out else "no readings yet"
        chart.text(0.25, 0.45, text, ha="center", fontsize=16)
    else:
        place = {"left": 0.07, "right": 0.33, "bottom": 0.09, "top": 0.86, "hspace": 0.5}
        places = chart.add_gridspec(min(len(units), MAX_UNITS), 1, **place)
        panels = places.subplots(squeeze=False, sharex=True)[:, 0]
        for some, panel in zip(units, panels):
            _plot_unit(panel, some)
        left, right = panels[-1].get_xlim()
        if right - left < SECOND:  # otherwise the axis would show meaningless fractions
            panels[-1].set_xlim(left - SECOND, right + SECOND)
        dress_times(panels[-1], max_ticks=FEW_TICKS)
    sensors = sum(max(0, some["sensor_id"].nunique() - MAX_SENSORS) for some in units[:MAX_UNITS])
    for number, what in ((len(units) - MAX_UNITS, "unit(s)"), (sensors, "sensor(s)")):
        if number > 0:
            chart.left_out.append(f"{number} more {what}")
    if chart.left_out:
        chart.text(0.01, 0.004, "Not shown: " + "; ".join(chart.left_out), fontsize=10, color=FAULT)


def _plot_unit(panel: Axes, values: pd.DataFrame) -> None:
    gaps = find_gaps(values["ts"].drop_duplicates())["end"]
    for (color, style), (sensor_id, some) in zip(LINES, values.groupby("sensor_id")):
        label: str | None = caption(str(sensor_id), max_length=16)
        for _, part in some.groupby(gaps.searchsorted(some["ts"], side="right")):
            marker = "." if len(part) == 1 else ""  # a line with a single point is invisible
            panel.plot(part["ts"], part["val"], style, marker=marker, color=color, linewidth=1.4, label=label)
            label = None  # one line of the legend for all its parts
    unit = caption(values["unit"].iloc[0], max_length=20)
    _dress(panel, f"values in {unit}" if unit else "values")


def _plot_rates(panel: Axes, stretches: list[list[Snapshot]]) -> None:
    now, highest = stretches[-1][-1].at, 1.0
    for name, color in (("produced", PRODUCED), ("processed", STORED)):
        label: str | None = name
        for stretch in stretches:
            rates = _rates(stretch, name)
            times = [snapshot.at - now for snapshot in stretch[1:]]
            panel.plot(times, rates, color=color, linewidth=2, label=label)
            highest, label = max([highest, *rates]), None
    panel.set_ylim(0, 1.1 * highest)
    _dress(panel, "messages a second")
    _dress_seconds(panel)


def _rates(snapshots: list[Snapshot], name: str) -> list[float]:
    """How much that number rose a second, at each snapshot but the first."""
    rates = []
    for before, snapshot in pairwise(snapshots):
        recent = next(each for each in snapshots if each.at >= snapshot.at - SMOOTH)
        since = min(before, recent, key=lambda each: each.at)
        rise = max(0, getattr(snapshot, name) - getattr(since, name))
        rates.append(rise / (snapshot.at - since.at))
    return rates


def _dress_partitions(panel: Axes, partitions: Iterable[int], title: str) -> None:
    panel.set_yticks(list(partitions))
    panel.invert_yaxis()
    _dress(panel, title)
    panel.set_ylabel("partition", fontsize=11)


def _dress_seconds(panel: Axes) -> None:
    panel.set_xlim(-SPAN, 0)


def _dress(panel: Axes, title: str) -> None:
    dress(panel, title, tick_size=11, legend_top=1.1)
