"""What do the sensors say? `sensor_logs` as a DataFrame, and as a picture."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from matplotlib.axes import Axes

from lab.databases import queries
from lab.databases.queries import Selection
from lab.drawing import thinning
from lab.drawing.figure import LINE, STATUS, Chart, caption, dress, dress_times, shade
from lab.errors import LabError
from lab.text.printable import printable
from lab.warehouse import Warehouse

MAX_ROWS = 50_000  # with more readings, the database thins them out before they are drawn
COLUMNS = ["id", "sensor_id", "val", "unit", "status", "ts"]


def read_sensor_logs(warehouse: str, sensor_id: str | None = None) -> pd.DataFrame:
    """The table as a DataFrame: id, sensor_id, val, unit, status, ts (a time in UTC).

    `warehouse` is its URL; `sensor_id` selects one sensor. Sorted by time. Raises WarehouseError if there
    is no warehouse.
    """
    with Warehouse(warehouse, create=False) as db:
        rows = queries.sensor_logs(db, Selection([sensor_id] if sensor_id else []))
    return _frame(rows, COLUMNS, "ts")


def _frame(rows: list[tuple], columns: list[str], *times: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(**{name: pd.to_datetime(frame[name], utc=True, format="ISO8601") for name in times})


def thin_sensor_logs(
    warehouse: str, max_rows: int = MAX_ROWS, sensors: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame | None, list[str]]:
    """The arguments of `plot_sensor_logs` for a table of any size: rows, gaps, notes on what is left out.

    Up to `max_rows` readings are returned unchanged. If there are more, the time is divided into about a
    thousand slices, and the database returns the minimum and maximum of each sensor and status in each
    slice, so that every spike is still visible. The column `readings` counts the readings behind a row.
    `sensors`: the sensors to show; without it, some are chosen if there are too many. Raises LabError if
    a named sensor has no readings.
    """
    with Warehouse(warehouse, create=False) as db:
        selection, left_out = _select(db, sensors)
        found = queries.extent(db, selection)
        if found.readings > max_rows and not thinning.is_drawable(found):
            everything, selection = found.readings, Selection(selection.sensors, thinning.LIMITS)
            found = queries.extent(db, selection)
            left_out.append(thinning.undrawable(everything - found.readings))
        if found.readings <= max_rows:
            rows = queries.sensor_logs(db, selection)
            logs, beyond = thinning.drawable(_frame(rows, COLUMNS, "ts").assign(readings=1))
            return logs, None, left_out + beyond
        first, last = datetime.fromisoformat(found.first), datetime.fromisoformat(found.last)
        rows = queries.slices(db, *thinning.thin_slices(first, last), selection)
    slices = _frame(rows, thinning.SLICE_COLUMNS, "first", "last")
    return thinning.extremes(slices), thinning.gaps_between(slices), left_out


def _select(db: Warehouse, sensors: Sequence[str]) -> tuple[Selection, list[str]]:
    """The sensors to show, and notes on what is left out."""
    found = pd.DataFrame(queries.statuses_by_sensor(db), columns=["sensor_id", "status"])
    for sensor_id in sensors:
        if sensor_id not in found["sensor_id"].values:
            raise LabError(
                f"There are no readings of the sensor {printable(sensor_id)} in {db.name}. "
                "The sensors that there are: python -m lab status."
            )
    shown, left_out = thinning.choose_sensors(found[found["sensor_id"].isin(sensors)] if sensors else found)
    return Selection(shown if sensors or left_out else []), left_out


def plot_sensor_logs(
    logs: pd.DataFrame, gaps: pd.DataFrame | None = None, left_out: Sequence[str] = ()
) -> Chart:
    """One panel per sensor: values over time with their unit, statuses marked, gaps shaded.

    `logs` is the result of `read_sensor_logs`; or pass all three results of `thin_sensor_logs`.
    The last panel shows the rate: the readings measured per sensor in each time slice. If there are too many
    sensors, some are chosen. The chart's head line and its `left_out` say what is not shown.
    """
    logs, beyond = thinning.drawable(logs)
    sensors, others = thinning.choose_sensors(logs[["sensor_id", "status"]].drop_duplicates())
    logs = logs[logs["sensor_id"].isin(sensors)]
    chart = Chart(figsize=(11, 2.1 * (len(sensors) + 1)), left_out=[*left_out, *beyond, *others])
    if not sensors:
        chart.text(0.5, 0.5, "no readings yet", ha="center", va="center", fontsize=16)
        return chart
    panels = chart.subplots(len(sensors) + 1, sharex=True, squeeze=False)[:, 0]
    for panel, sensor_id in zip(panels, sensors):
        ours = None if gaps is None else gaps[gaps["sensor_id"] == sensor_id].reset_index()
        plot_sensor(panel, logs[logs["sensor_id"] == sensor_id], ours)
    _plot_rates(panels[-1], logs)
    dress_times(panels[-1])
    panels[-1].set_xlabel("time (UTC)")
    return chart


def plot_sensor(panel: Axes, logs: pd.DataFrame, gaps: pd.DataFrame | None = None) -> None:
    """Plot the values of one sensor on the given axes. Without `gaps`, the gaps are computed from `logs`."""
    sensor_id, unit = logs[["sensor_id", "unit"]].iloc[0]
    gaps = thinning.find_gaps(logs["ts"]) if gaps is None else gaps
    line = logs.set_index("ts")["val"]
    # A NaN at the start of each gap interrupts the line there.
    breaks = pd.Series(float("nan"), index=gaps["start"] + pd.Timedelta(microseconds=1))
    line = pd.concat([line, breaks.astype(float)]).sort_index(kind="stable")
    panel.plot(line.index, line.values, color=LINE, linewidth=1.3, label="value")
    alone = line[line.shift().isna() & line.shift(-1).isna()]  # a line with a single point is invisible
    if len(alone):
        panel.plot(alone.index, alone.values, ".", color=LINE, markersize=5)
    for status, (color, marker) in STATUS.items():
        some = logs[logs["status"] == status]
        if len(some):
            count = f"{status} ({thinning.count_readings(some).sum()})"
            panel.plot(some["ts"], some["val"], marker, color=color, markersize=6, label=count)
    if len(gaps):
        shade(panel, gaps["start"], gaps["end"], label="no readings")
    dress(panel, caption(sensor_id), caption(unit, max_length=16))


def _plot_rates(panel: Axes, logs: pd.DataFrame) -> None:
    name = thinning.rate_slice((logs["ts"].max() - logs["ts"].min()).total_seconds())
    logs = logs.assign(readings=thinning.count_readings(logs))
    by_slice = logs.groupby([pd.Grouper(key="ts", freq=name), "sensor_id"])
    counts = by_slice["readings"].sum().unstack(fill_value=0)
    bottom, width = 0, thinning.seconds_of(name) / 86400  # matplotlib counts in days
    for sensor_id in counts:
        rate = counts[sensor_id]
        label = caption(sensor_id, max_length=24)
        panel.bar(rate.index, rate, width, bottom, align="edge", label=label)
        bottom = bottom + rate
    dress(panel, f"readings measured per {thinning.RATE_SLICES[name]}", "readings")
