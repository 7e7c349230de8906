"""What do the sensors say? `sensor_logs` as a DataFrame, and as a picture."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from lab.databases import counts, queries
from lab.databases.queries import Selection
from lab.drawing import thinning
from lab.drawing.figure import Chart
from lab.drawing.palette import sensor_colors
from lab.drawing.panels import describe, plot_rates, plot_sensor, stack
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
        found = counts.extent(db, selection)
        if found.readings > max_rows and not thinning.is_drawable(found):
            everything, selection = found.readings, Selection(selection.sensors, thinning.LIMITS)
            found = counts.extent(db, selection)
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
    found = pd.DataFrame(counts.statuses_by_sensor(db), columns=["sensor_id", "status"])
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
    The last panel shows the rate: the readings measured in each time slice, in the colours of the lines. If
    there are too many sensors, some are chosen. The chart's head line and its `left_out` say what is not
    shown.
    """
    logs, beyond = thinning.drawable(logs)
    sensors, others = thinning.choose_sensors(logs[["sensor_id", "status"]].drop_duplicates())
    logs = logs[logs["sensor_id"].isin(sensors)]
    left_out = [*left_out, *beyond, *others]
    if not sensors:
        chart = Chart(alt="No readings yet.", left_out=left_out)
        chart.text(0.5, 0.5, "no readings yet", ha="center", va="center", fontsize=16)
        return chart
    by_sensor = dict(iter(logs.groupby("sensor_id")))
    if gaps is None:
        pauses = {sensor_id: thinning.find_gaps(some["ts"]) for sensor_id, some in by_sensor.items()}
    else:
        pauses = {sensor_id: gaps[gaps["sensor_id"] == sensor_id].reset_index() for sensor_id in by_sensor}
    chart, colors = Chart(alt=describe(logs, pauses), left_out=left_out), sensor_colors(len(sensors))
    *panels, last = stack(chart, len(sensors) + 1)
    for panel, color, (sensor_id, some) in zip(panels, colors, by_sensor.items()):
        plot_sensor(panel, some, pauses[sensor_id], color)
    plot_rates(last, logs, colors)
    return chart
