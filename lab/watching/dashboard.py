"""What is the pipeline doing now? All of it in one figure, which is drawn again and again.

It only reads: the topic's offsets, the group's members, and the warehouse. So it can be opened and closed at
any time without an effect on the pipeline.
"""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle, pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from lab.clients.connection import wait_until_answering
from lab.clients.groups import partition_owners
from lab.clients.offsets import lags
from lab.databases import queries
from lab.drawing.figure import GAP, STATUS, Chart, caption, dress, dress_times
from lab.drawing.thinning import drawable
from lab.errors import NoWarehouseYet
from lab.topics import describe_topic, topic_offsets
from lab.warehouse import Warehouse

SPAN = 60.0  # seconds of the past that are shown
SMOOTH = 3.0  # seconds over which a rate is averaged: one batch per second would look like a comb
LAST_ROWS = 1200
MAX_UNITS = 4  # panels of values
MAX_SENSORS = 6  # lines in one such panel
SECOND = 1 / 86400  # matplotlib counts in days
LAG, LOST = STATUS["WARNING"][0], STATUS["CRITICAL"][0]
COLORS = ("#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#f0e442", "#000000")  # after Okabe and Ito
NOBODY = "nobody"


@dataclass(frozen=True)
class Snapshot:
    """The state of the pipeline at one time."""

    at: float  # seconds of time.monotonic
    offsets: dict[int, tuple[int, int]]  # {partition: (first, end)}
    next_offsets: dict[int, int]  # {partition: the stored offset}
    owners: dict[int, str]  # {partition: member of the group, or NOBODY}
    stored: int = 0  # rows in sensor_logs
    dead_letters: int = 0

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
        self._colors = {NOBODY: GAP}
        self._palette = cycle(COLORS)

    def draw(self) -> Chart:
        """Take a snapshot and draw it: the ledger, values, rates, partitions and owners.

        Raises BrokerError, TopicError or WarehouseError if there is nothing to show.
        """
        now, values = self.look()
        self.snapshots.append(now)
        while self.snapshots[0].at < now.at - SPAN:
            self.snapshots.popleft()
        chart = Chart(figsize=(12, 7.6))
        chart.set_layout_engine("none")  # computing a layout would take as long as everything else
        _plot_ledger(chart.add_axes((0.05, 0.9, 0.9, 0.1)), now)
        _plot_values(chart, values)
        places = chart.add_gridspec(3, 1, left=0.57, right=0.88, bottom=0.07, top=0.84, hspace=0.55)
        rate, partitions, owners = (chart.add_subplot(place) for place in places)
        _plot_rates(rate, self.snapshots)
        self._plot_partitions(partitions, now)
        self._plot_owners(owners)
        return chart

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
                stored = queries.count_sensor_logs(db)
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

    def _plot_partitions(self, panel: Axes, now: Snapshot) -> None:
        for n, (first, end) in now.offsets.items():
            here = end - now.lag[n]
            panel.barh(n, here - first, left=first, color=self._color(now.owners[n]))
            panel.barh(n, now.lag[n], left=here, color=LAG)
            panel.text(end, n, f" {end:,}, lag {now.lag[n]:,}", va="center", fontsize=10)
        first = min((first for first, _ in now.offsets.values()), default=0)
        end = max((end for _, end in now.offsets.values()), default=0)
        panel.set_xlim(first, first + 1.4 * max(end - first, 1))
        _dress_partitions(panel, now.offsets, "each partition: its end, and its lag in orange")
        panel.set_xlabel("offset", fontsize=11)

    def _plot_owners(self, panel: Axes) -> None:
        """One stripe per partition, in the colour of the member that owned it."""
        now = self.snapshots[-1]
        # The times at which the owners changed, and the end; there is one bar between two of them.
        changes = [after for before, after in pairwise(self.snapshots) if before.owners != after.owners]
        named = set()
        for since, until in pairwise([self.snapshots[0], *changes, now]):
            for n, member in since.owners.items():
                label = None if member in named else _short(member)
                named.add(member)
                left, width = since.at - now.at, until.at - since.at
                panel.barh(n, width, left=left, height=0.7, color=self._color(member), label=label)
        for change in changes:
            panel.axvline(change.at - now.at, color=LOST, linestyle="--", linewidth=1.5)
        _dress_partitions(panel, now.offsets, "its owner; a red line is a rebalance")
        _dress_seconds(panel)


def _plot_ledger(panel: Axes, now: Snapshot) -> None:
    """Four numbers: produced, and of these stored, dead letters and not yet read."""
    numbers = {
        "produced": (now.produced, "black"),
        "stored": (now.stored, COLORS[0]),
        "dead letters": (now.dead_letters, LOST),
        "lag": (sum(now.lag.values()), LAG),
    }
    panel.set_axis_off()
    for n, (name, (number, color)) in enumerate(numbers.items()):
        panel.text((n + 0.5) / 4, 0.35, f"{number:,}", ha="center", fontsize=26, color=color, weight="bold")
        panel.text((n + 0.5) / 4, 0.0, name, ha="center", fontsize=12)


def _plot_values(chart: Chart, values: pd.DataFrame) -> None:
    """One panel per unit, with one line per sensor."""
    values, chart.left_out = drawable(values)
    units = [some for _, some in values.groupby("unit")]
    if not units:
        text = "no readings that can be drawn" if chart.left_out else "no readings yet"
        chart.text(0.25, 0.45, text, ha="center", fontsize=16)
    else:
        place = {"left": 0.055, "right": 0.35, "bottom": 0.07, "top": 0.84, "hspace": 0.55}
        places = chart.add_gridspec(min(len(units), MAX_UNITS), 1, **place)
        for some, panel in zip(units, places.subplots(squeeze=False)[:, 0]):
            _plot_unit(panel, some)
    sensors = sum(max(0, some["sensor_id"].nunique() - MAX_SENSORS) for some in units[:MAX_UNITS])
    for number, what in ((len(units) - MAX_UNITS, "unit(s)"), (sensors, "sensor(s)")):
        if number > 0:
            chart.left_out.append(f"{number} more {what}")
    if chart.left_out:
        chart.text(0.01, 0.008, "Not shown: " + "; ".join(chart.left_out), fontsize=9, color=LOST)


def _plot_unit(panel: Axes, values: pd.DataFrame) -> None:
    for color, (sensor_id, some) in zip(COLORS[:MAX_SENSORS], values.groupby("sensor_id")):
        label = caption(str(sensor_id), max_length=16)
        marker = "." if len(some) == 1 else ""  # a line with a single point is invisible
        panel.plot(some["ts"], some["val"], marker=marker, color=color, linewidth=1.3, label=label)
    left, right = panel.get_xlim()
    if right - left < SECOND:  # otherwise the axis would show meaningless fractions
        panel.set_xlim(left - SECOND, right + SECOND)
    dress_times(panel)
    unit = caption(values["unit"].iloc[0], max_length=20)
    _dress(panel, f"values in {unit}" if unit else "values")


def _plot_rates(panel: Axes, snapshots: deque[Snapshot]) -> None:
    now, highest = snapshots[-1].at, 1.0
    for name, color in (("produced", "black"), ("processed", COLORS[0])):
        times, rates = [], []
        for before, snapshot in pairwise(snapshots):
            recent = next(each for each in snapshots if each.at >= snapshot.at - SMOOTH)
            since = min(before, recent, key=lambda each: each.at)
            rise = max(0, getattr(snapshot, name) - getattr(since, name))
            times.append(snapshot.at - now)
            rates.append(rise / (snapshot.at - since.at))
        panel.plot(times, rates, color=color, linewidth=2, label=name)
        highest = max([highest, *rates])
    panel.set_ylim(0, 1.1 * highest)
    _dress(panel, "messages a second")
    _dress_seconds(panel)


def _short(member: str) -> str:
    """A short label for a member: the last part of its name."""
    return member if member == NOBODY else caption(f"member {member.rsplit('-', 1)[-1]}", max_length=16)


def _dress_partitions(panel: Axes, partitions: Iterable[int], title: str) -> None:
    panel.set_yticks(list(partitions), [f"partition {n}" for n in partitions])
    panel.invert_yaxis()
    _dress(panel, title)


def _dress_seconds(panel: Axes) -> None:
    panel.set_xlim(-SPAN, 0)
    panel.set_xlabel("seconds (0 is now)", fontsize=11)


def _dress(panel: Axes, title: str) -> None:
    dress(panel, title, tick_size=10, legend_top=1.05)
