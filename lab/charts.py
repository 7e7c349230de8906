"""What do the sensors say? `sensor_logs` as a DataFrame, and as pictures."""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Rectangle

from lab.errors import LabError
from lab.text.printable import code, printable
from lab.topics import Topic
from lab.warehouse import Warehouse

# Colours that stay apart for the colour-blind and on a projector (after Okabe and Ito).
LINE, GAP = "#0072b2", "#999999"
STATUS = {"WARNING": ("#e69f00", "^"), "CRITICAL": ("#d55e00", "X")}
REPLICA = {  # how a copy looks: its colour, and that of the words
    "leader": (LINE, "white"),
    "in sync": ("#cfe5f3", "black"),
    "not in sync": ("white", STATUS["CRITICAL"][0]),
}
SLICES = {  # of the time, for the rate
    "1s": "second", "5s": "5 seconds", "15s": "15 seconds", "1min": "minute", "5min": "5 minutes",
    "15min": "15 minutes", "1h": "hour", "6h": "6 hours", "1D": "day", "7D": "week", "28D": "4 weeks",
    "364D": "52 weeks", "3640D": "520 weeks",
}  # fmt: skip
MOST_ROWS = 50_000  # more readings are thinned out by the database, for a picture
THIN_SLICES = 1000  # of the time then; a panel is about as many pixels wide
GAP_FACTOR = 10  # silence this many times longer than usual is a gap
MOST_PANELS = 10  # of sensors; there are as many colours for the rates
# What can be drawn. A time beyond is that of a wrong clock, and would push all others into one line;
# with values beyond, the arithmetic of the axes overflows.
EARLIEST, LATEST = "1900-01-01", "2200-01-01"
GREATEST = 1e300
DRAWABLE = f"ts >= '{EARLIEST}' AND ts < '{LATEST}' AND val BETWEEN -{GREATEST} AND {GREATEST}"


class Chart(Figure):
    """A figure that shows itself in a notebook, live or saved, whatever the backend is.

    `left_out` says what it does not show; that stands on the picture, too.
    """

    def __init__(self, *args, left_out: Sequence[str] = (), **kwargs):
        super().__init__(*args, layout="constrained", dpi=110, **kwargs)
        self.left_out = list(left_out)
        if left_out:
            text = "\n".join(f"Not shown: {what}" for what in left_out)
            self.suptitle(text, x=0.01, ha="left", fontsize=10, color=STATUS["CRITICAL"][0])

    def _repr_png_(self) -> bytes:
        return render_png(self)


def render_png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG."""
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def caption(text: str, most: int = 60) -> str:
    """A text of somebody else, in a form that matplotlib draws as it is: short, and with no formula."""
    letters = _letters(findfont(FontProperties())) & _letters(findfont(FontProperties(weight="bold")))
    text = "".join(x if ord(x) in letters else code(x) for x in printable(text))
    if len(text) > most:
        text = f"{text[: most - 9]}…{text[-8:]}"
    if text.startswith("_"):
        text = f" {text}"  # else a legend leaves it out
    return text.replace("$", r"\$")


@cache
def _letters(font: str) -> frozenset[int]:
    """The characters that a font has; for others matplotlib draws a box, and warns."""
    return frozenset(get_font(font).get_charmap())


def read_sensor_logs(warehouse: str, sensor_id: str | None = None) -> pd.DataFrame:
    """The table as a DataFrame: id, sensor_id, val, unit, status, ts (a time in UTC).

    `warehouse` is its URL; `sensor_id` picks one sensor. Sorted by time. Raises WarehouseError if
    there is none.
    """
    with Warehouse(warehouse, create=False) as db:
        return _read(db, *_where([sensor_id] if sensor_id else []))


def _read(db: Warehouse, where: str, sensors: Sequence[str]) -> pd.DataFrame:
    columns = ["id", "sensor_id", "val", "unit", "status", "ts"]
    rows = db.query(f"SELECT {', '.join(columns)} FROM sensor_logs {where} ORDER BY ts, id", *sensors)
    logs = pd.DataFrame(rows, columns=columns)
    return logs.assign(ts=pd.to_datetime(logs["ts"], utc=True, format="ISO8601"))


def _where(sensors: Sequence[str]) -> tuple[str, Sequence[str]]:
    """SQL for these sensors alone, or for all if none is named, and its values."""
    return f"WHERE sensor_id IN ({', '.join('?' * len(sensors))})" if sensors else "WHERE true", sensors


def thin_sensor_logs(
    warehouse: str, most: int = MOST_ROWS, sensors: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame | None, list[str]]:
    """What `plot_sensor_logs` needs of the table, however large it is: rows, gaps, and what is left out.

    Up to `most` readings come as they are. Of more, the database gives for each sensor and status the
    least and the greatest value in each of about a thousand slices of the time, so that every spike
    still shows; the column `readings` says for how many each row stands. `sensors` are those to be
    shown; else, of many, some are chosen. Raises LabError if one that is named has no readings.
    """
    with Warehouse(warehouse, create=False) as db:
        where, shown, left_out = _pick(db, sensors)
        count, first, last, fits = _extent(db, where, shown)
        if count > most and not fits:
            where, everything = f"{where} AND {DRAWABLE}", count
            count, first, last, _ = _extent(db, where, shown)
            left_out.append(_undrawable(everything - count))
        if count <= most:
            logs, beyond = drawable(_read(db, where, shown).assign(readings=1))
            return logs, None, left_out + beyond
        slices = _slice(db, where, shown, first, last)
    least = slices.rename(columns={"least": "val", "first": "ts"})
    greatest = slices.rename(columns={"greatest": "val", "last": "ts"}).assign(readings=0)
    logs = pd.concat([least, greatest])[["sensor_id", "val", "unit", "status", "ts", "readings"]]
    return logs.sort_values("ts", kind="stable", ignore_index=True), _gaps_between(slices), left_out


def _pick(db: Warehouse, sensors: Sequence[str]) -> tuple[str, Sequence[str], list[str]]:
    """SQL for the sensors that are shown, its values, and what is left out."""
    found = pd.DataFrame(
        db.query("SELECT DISTINCT sensor_id, status FROM sensor_logs"), columns=["sensor_id", "status"]
    )
    for sensor_id in sensors:
        if sensor_id not in found["sensor_id"].values:
            raise LabError(
                f"There are no readings of the sensor {printable(sensor_id)} in {db.name}. "
                "The sensors that there are: python -m lab status."
            )
    shown, left_out = _choose(found[found["sensor_id"].isin(sensors)] if sensors else found)
    return *_where(shown if sensors or left_out else []), left_out


def _choose(statuses: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Of the sensors in these rows, as many as a picture can show; and what is left out."""
    rank = statuses["status"].map({"CRITICAL": 0, "WARNING": 1}).fillna(2)
    sensors = rank.groupby(statuses["sensor_id"]).min().sort_values(kind="stable").index
    if len(sensors) <= MOST_PANELS:
        return sorted(sensors), []
    first = "Those with CRITICAL or WARNING readings come first. Others: python -m lab chart --sensor ID"
    more = len(sensors) - MOST_PANELS
    return sorted(sensors[:MOST_PANELS]), [f"{more} of {len(sensors)} sensors. {first}"]


def _extent(db: Warehouse, where: str, values: Sequence[str]) -> tuple[int, str, str, bool]:
    """How many readings, the first and the last time, and whether all of them can be drawn."""
    sql = f"SELECT count(*), min(ts), max(ts), min(val), max(val) FROM sensor_logs {where}"
    count, first, last, least, greatest = db.query(sql, *values)[0]
    fits = not count or (EARLIEST <= first <= last < LATEST and -GREATEST <= least <= greatest <= GREATEST)
    return count, first, last, fits


def _slice(db: Warehouse, where: str, values: Sequence[str], first: str, last: str) -> pd.DataFrame:
    """The extremes of each sensor and status in each slice of the time between `first` and `last`."""
    start = datetime.fromisoformat(first).replace(hour=0, minute=0, second=0, microsecond=0)
    span = max(1.0, (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds())
    rate = _seconds(_rate_slice(span))
    # The slices of the rate start at midnight, and each is a whole number of these.
    width = rate / max(1, round(THIN_SLICES * rate / span))
    # Rounded down: not every SQLite has floor(), and CAST rounds in PostgreSQL. Half a millisecond
    # more, for SQLite knows a time no better, and would put one on an edge before it.
    slice_sql = f"round(({db.seconds('ts')} - ? + 0.0005) / ? - 0.5)"
    sql = (
        f"SELECT sensor_id, status, {slice_sql} AS slice, min(unit), count(*), min(val), max(val),"
        f" min(ts), max(ts) FROM sensor_logs {where} GROUP BY sensor_id, slice, status"
    )
    names = ["sensor_id", "status", "slice", "unit", "readings", "least", "greatest", "first", "last"]
    slices = pd.DataFrame(db.query(sql, start.timestamp(), width, *values), columns=names)
    for name in ("first", "last"):
        slices[name] = pd.to_datetime(slices[name], utc=True, format="ISO8601")
    return slices


def drawable(logs: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The readings that a picture can show, and a line about the others if there are any."""
    fits = logs["ts"].between(pd.Timestamp(EARLIEST, tz="UTC"), pd.Timestamp(LATEST, tz="UTC"), "left")
    fits &= logs["val"].abs() <= GREATEST
    beyond = int(_readings(logs)[~fits].sum())
    return logs[fits], [_undrawable(beyond)] if beyond else []


def _undrawable(readings: int) -> str:
    time = f"a time before {EARLIEST[:4]} or from {LATEST[:4]} on"
    return f"{readings} reading(s) with {time}, or with a value beyond {GREATEST:g}"


def _gaps_between(slices: pd.DataFrame) -> pd.DataFrame:
    """The gaps that reach from one slice into another; one within a slice is thinner than the line."""
    by_slice = slices.groupby(["sensor_id", "slice"])
    ends = by_slice.agg(first=("first", "min"), last=("last", "max"), readings=("readings", "sum"))
    several = ends[ends["readings"] > 1]
    steps = (several["last"] - several["first"]) / (several["readings"] - 1)
    usual = steps.groupby("sensor_id").median().reindex(ends.index.get_level_values("sensor_id")).values
    before = ends.groupby("sensor_id")["last"].shift()
    gaps = pd.DataFrame({"start": before, "end": ends["first"]})[ends["first"] - before > GAP_FACTOR * usual]
    return gaps.reset_index("sensor_id")


def find_gaps(times: pd.Series) -> pd.DataFrame:
    """The silences between sorted times that are much longer than usual: columns start, end."""
    steps = times.diff()
    usual = steps[steps > pd.Timedelta(0)].median()
    long = steps > GAP_FACTOR * usual
    return pd.DataFrame({"start": times.shift()[long], "end": times[long]}).reset_index(drop=True)


def plot_sensor_logs(
    logs: pd.DataFrame, gaps: pd.DataFrame | None = None, left_out: Sequence[str] = ()
) -> Chart:
    """One panel a sensor: values over time with its unit, statuses marked, gaps shaded.

    `logs` as `read_sensor_logs` gives them, or with the rest that `thin_sensor_logs` gives.
    The last panel shows the rate: readings stored of each sensor in each slice of the time.
    Of many sensors some are chosen; what is not shown stands above, and in the chart's `left_out`.
    """
    logs, beyond = drawable(logs)
    sensors, others = _choose(logs[["sensor_id", "status"]].drop_duplicates())
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
    locator = AutoDateLocator()
    panels[-1].xaxis.set_major_locator(locator)
    panels[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))
    panels[-1].set_xlabel("time (UTC)")
    return chart


def plot_sensor(panel: Axes, logs: pd.DataFrame, gaps: pd.DataFrame | None = None) -> None:
    """The values of one sensor on the given axes, with these gaps, or those that are found."""
    sensor_id, unit = logs[["sensor_id", "unit"]].iloc[0]
    gaps = find_gaps(logs["ts"]) if gaps is None else gaps
    line = logs.set_index("ts")["val"]
    # A point that is not there, so that the line does not bridge the silence.
    breaks = pd.Series(float("nan"), index=gaps["start"] + pd.Timedelta(microseconds=1))
    line = pd.concat([line, breaks.astype(float)]).sort_index(kind="stable")
    panel.plot(line.index, line.values, color=LINE, linewidth=1.3, label="value")
    alone = line[line.shift().isna() & line.shift(-1).isna()]  # a line through one point is not seen
    if len(alone):
        panel.plot(alone.index, alone.values, ".", color=LINE, markersize=5)
    for status, (color, marker) in STATUS.items():
        some = logs[logs["status"] == status]
        if len(some):
            count = f"{status} ({_readings(some).sum()})"
            panel.plot(some["ts"], some["val"], marker, color=color, markersize=6, label=count)
    if len(gaps):
        _shade(panel, gaps)
    _dress(panel, caption(sensor_id), caption(unit, most=16))


def _shade(panel: Axes, gaps: pd.DataFrame) -> None:
    """Grey from the start to the end of each gap: one shape, for there may be thousands."""
    spans = zip(date2num(gaps["start"]), date2num(gaps["end"]))
    corners = [[(start, 0), (start, 1), (end, 1), (end, 0)] for start, end in spans]
    shapes = PolyCollection(corners, color=GAP, alpha=0.25, linewidth=0, label="no readings")
    shapes.set_transform(panel.get_xaxis_transform())
    panel.add_collection(shapes, autolim=False)


def _readings(logs: pd.DataFrame) -> pd.Series:
    """For how many readings each row stands."""
    return logs["readings"] if "readings" in logs else pd.Series(1, index=logs.index)


def _rate_slice(span: float) -> str:
    """Of a time of so many seconds, a hundred at most."""
    return next((name for name in SLICES if span / _seconds(name) <= 100), "7D")


def _seconds(name: str) -> float:
    return pd.to_timedelta(name).total_seconds()


def _plot_rates(panel: Axes, logs: pd.DataFrame) -> None:
    name = _rate_slice((logs["ts"].max() - logs["ts"].min()).total_seconds())
    logs = logs.assign(readings=_readings(logs))
    by_slice = logs.groupby([pd.Grouper(key="ts", freq=name), "sensor_id"])
    counts = by_slice["readings"].sum().unstack(fill_value=0)
    bottom, width = 0, _seconds(name) / 86400  # matplotlib counts in days
    for sensor_id in counts:
        rate = counts[sensor_id]
        panel.bar(rate.index, rate, width, bottom, align="edge", label=caption(sensor_id, most=24))
        bottom = bottom + rate
    _dress(panel, f"readings stored per {SLICES[name]}", "readings")


def plot_offsets(
    offsets: Mapping[int, tuple[int, int]],
    stored: Mapping[int, int] | None = None,
    owners: Mapping[int, str] | None = None,
) -> Chart:
    """One bar a partition: from its first offset to its end, split where `stored` has come to.

    `offsets` as `topic_offsets` gives them: {partition: (first, end)}; `stored` is {partition: next
    offset to read}. What is behind it is the lag. `owners`, {partition: name}, stand beside the bars.
    """
    chart = Chart(figsize=(9, 0.9 + 0.6 * len(offsets)))
    panel = chart.subplots()
    names = [f"partition {number}" for number in offsets]
    if owners is not None:
        names = [f"{name}\nowner: {owners.get(number, 'nobody')}" for name, number in zip(names, offsets)]
    first = [offsets[number][0] for number in offsets]
    end = [offsets[number][1] for number in offsets]
    here = first if stored is None else [max(stored.get(number, 0), offsets[number][0]) for number in offsets]
    if stored is not None:
        panel.barh(names, [h - f for h, f in zip(here, first)], left=first, color=LINE, label="stored")
    label = "in the log" if stored is None else "lag: not stored yet"
    color, lag = STATUS["WARNING"][0], [e - h for e, h in zip(end, here)]
    bars = panel.barh(names, lag, left=here, color=color, label=label)
    ends = [f" end {e}" if stored is None else f" end {e}, lag {n}" for e, n in zip(end, lag)]
    panel.bar_label(bars, ends, fontsize=11)
    panel.invert_yaxis()
    room = 0.2 if stored is None else 0.4  # for what stands behind the longest bar
    start, length = min(first), max(end) - min(first)
    panel.set_xlim(start, start + (1 + room) * max(1, length))
    _dress(panel, "what each partition holds", "")
    panel.set_xlabel("offset", fontsize=12)
    return chart


def plot_ledger(ledger: Mapping[str, Mapping[str, int]]) -> Chart:
    """What became of the messages, a group of bars for each way of doing it.

    `ledger` is {way: {"produced": n, "stored": n, "lost": n, "twice": n}}, with any such counts.
    """
    frame = pd.DataFrame(ledger)
    chart = Chart(figsize=(10, 0.6 + 0.38 * frame.size))
    panel = chart.subplots()
    colors = {"produced": GAP, "stored": LINE, "lost": STATUS["CRITICAL"][0], "twice": STATUS["WARNING"][0]}
    height = 0.8 / len(frame)
    for n, (name, counts) in enumerate(frame.iterrows()):
        places = [place + n * height for place in range(len(counts))]
        bars = panel.barh(places, counts, height, label=name, color=colors.get(str(name)))
        panel.bar_label(bars, fontsize=11, padding=3)
    panel.set_yticks([place + 0.4 - height / 2 for place in range(len(frame.columns))], frame.columns)
    panel.invert_yaxis()
    panel.margins(x=0.12)
    _dress(panel, "what became of the messages", "")
    panel.set_xlabel("messages", fontsize=12)
    return chart


def plot_replicas(topic: Topic) -> Chart:
    """A line for each partition, a column for each broker: who leads, and which copies have everything."""
    brokers = sorted({broker for p in topic.partitions for broker in p.replicas})
    chart = Chart(figsize=(2 + 2.1 * len(brokers), 1.2 + 0.7 * len(topic.partitions)))
    panel = chart.subplots()
    for p in topic.partitions:
        for broker in p.replicas:
            state = "leader" if broker == p.leader else "in sync" if broker in p.isr else "not in sync"
            _draw_replica(panel, brokers.index(broker), p.partition, state)
    names = [f"broker {broker}" for broker in brokers]
    panel.set_xticks(range(len(brokers)), names, fontsize=13)
    panel.set_yticks(range(len(topic.partitions)), [f"partition {p.partition}" for p in topic.partitions])
    panel.set_xlim(-0.5, len(brokers) - 0.5)
    panel.set_ylim(len(topic.partitions) - 0.5, -0.5)
    panel.tick_params(labelsize=13, length=0)
    panel.xaxis.tick_top()
    panel.spines[:].set_visible(False)
    return chart


def _draw_replica(panel: Axes, column: int, row: int, state: str) -> None:
    fill, words = REPLICA[state]
    behind = state == "not in sync"  # told apart in grey, too
    box = Rectangle((column - 0.44, row - 0.4), 0.88, 0.8, facecolor=fill, linewidth=1.5)
    box.set_edgecolor(words if behind else LINE)
    box.set_hatch("//" if behind else "")
    box.set_linestyle("--" if behind else "-")
    panel.add_patch(box)
    text = panel.text(column, row, state, ha="center", va="center", color=words, fontsize=13)
    text.set_bbox({"facecolor": fill, "edgecolor": "none", "pad": 2})


def _dress(panel: Axes, title: str, unit: str) -> None:
    panel.set_title(title, loc="left", fontsize=12, fontweight="bold")
    panel.set_ylabel(unit, fontsize=12)
    panel.tick_params(labelsize=11)
    panel.grid(alpha=0.3)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=10)
