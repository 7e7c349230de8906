"""How are readings drawn? The panel of a sensor, the panel of the rates, and both in words."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num

from lab.drawing import thinning
from lab.drawing.figure import FEW_TICKS, Chart, caption, dress, dress_times, shade
from lab.drawing.palette import STATUS

TIME = "datetime64[us]"  # without a time zone: matplotlib converts times that have one in Python, one by one
ONE_COLUMN = 4  # more panels than that are side by side


def stack(chart: Chart, count: int) -> list[Axes]:
    """So many panels that share their time axis, which is labelled below the last of each column."""
    columns = 1 if count <= ONE_COLUMN else 2
    places = chart.add_gridspec(-(-count // columns), columns)
    panels: list[Axes] = []
    for n in range(count):
        panels.append(chart.add_subplot(places[divmod(n, columns)], sharex=panels[0] if panels else None))
        panels[n].tick_params(labelbottom=n >= count - columns)
        panels[n].locator_params(axis="y", nbins=3 if columns == 1 else 2)
    dress_times(panels[0], max_ticks=None if columns == 1 else FEW_TICKS)
    for panel in panels[:-columns]:
        panel.xaxis.get_offset_text().set_visible(False)
    return panels


def plot_sensor(panel: Axes, logs: pd.DataFrame, gaps: pd.DataFrame, color: str) -> None:
    """The values of one sensor over time, its statuses and its gaps."""
    sensor_id, unit = logs[["sensor_id", "unit"]].iloc[0]
    line = logs.set_index("ts")["val"]
    # A NaN at the start of each gap interrupts the line there.
    breaks = pd.Series(float("nan"), index=gaps["start"] + pd.Timedelta(microseconds=1))
    line = pd.concat([line, breaks.astype(float)]).sort_index(kind="stable")
    panel.plot(line.index.to_numpy(TIME), line.values, color=color, linewidth=1.3, label="value")
    alone = line[line.shift().isna() & line.shift(-1).isna()]  # a line with a single point is invisible
    if len(alone):
        panel.plot(alone.index.to_numpy(TIME), alone.values, ".", color=color, markersize=5)
    for status, (mark, marker) in STATUS.items():
        some = logs[logs["status"] == status]
        if len(some):
            count = f"{status} ({thinning.count_readings(some).sum()})"
            (points,) = panel.plot(some["ts"].to_numpy(TIME), some["val"], marker, color=mark, label=count)
            points.set(markersize=6, markeredgecolor="black", markeredgewidth=0.5)
    if len(gaps):
        shade(panel, gaps["start"], gaps["end"], label="no readings")
    dress(panel, caption(sensor_id, max_length=28), caption(unit, max_length=12))


def plot_rates(panel: Axes, logs: pd.DataFrame, colors: list[str]) -> None:
    """The readings that were measured in each time slice: those of each sensor in the colour of its line."""
    name = thinning.rate_slice((logs["ts"].max() - logs["ts"].min()).total_seconds())
    logs = logs.assign(readings=thinning.count_readings(logs))
    by_slice = logs.groupby([pd.Grouper(key="ts", freq=name), "sensor_id"])
    counts = by_slice["readings"].sum().unstack(fill_value=0)
    counts = counts.asfreq(name, fill_value=0)
    edges = date2num([*counts.index, counts.index[-1] + pd.to_timedelta(name)])
    bottom: pd.Series | int = 0
    for sensor_id, color in zip(reversed(counts.columns), reversed(colors)):  # the first one is on top
        top = bottom + counts[sensor_id]
        # One shape for each sensor: a thousand bars would take as long to draw as all else.
        panel.stairs(top, edges, baseline=bottom, fill=True, color=color)
        bottom = top
    dress(panel, f"readings measured per {thinning.RATE_SLICES[name]}", "readings")


def describe(logs: pd.DataFrame, gaps: dict[str, pd.DataFrame]) -> str:
    """The picture in words: its sensors and its time, and the values, statuses and gaps of each sensor."""
    first, last = (f"{time.day} {time:%B %Y, %H:%M:%S}" for time in (logs["ts"].min(), logs["ts"].max()))
    words = [f"Readings over time of {len(gaps)} sensor(s), from {first} to {last} UTC."]
    for sensor_id, pauses in gaps.items():
        some = logs[logs["sensor_id"] == sensor_id]
        counts = thinning.count_readings(some).groupby(some["status"]).sum()
        marked = [f"{counts[status]} {status}" for status in STATUS if status in counts]
        silent = [f"{len(pauses)} gap(s)"] if len(pauses) else []
        values = f"{some['val'].min():.6g} to {some['val'].max():.6g} {some['unit'].iloc[0]}".strip()
        words.append(
            f"{sensor_id}: " + ", ".join([f"{counts.sum()} readings", values, *marked, *silent]) + "."
        )
    return " ".join(words)
