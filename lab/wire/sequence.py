"""How is an X-ray drawn? Who asked whom what, from top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from matplotlib.axes import Axes

from lab.drawing.figure import WIDTH, Chart, caption
from lab.drawing.palette import FAULT, NOTHING, PRODUCED
from lab.wire.exchange import Exchange

UNASKED = ("ApiVersions",)  # left out, unless it is asked for: each connection begins with it
WAITING = ("Fetch", "Heartbeat")  # what a consumer repeats while nothing happens
MOST_ROWS, NEWEST_ROWS = 24, 8
LINE, HEAD = 0.19, 0.7  # the height of a line of text, and of the names above, in inches
TIME, COLUMN, COLUMNS = (
    0.65,
    1.4,
    4.3,
)  # the width of the times, of a client or broker, of all of them, in inches
FONT = 10
LETTERS = 12  # of a text, in an inch
MOST_LETTERS = 140  # of a request or an answer


@dataclass
class Row:
    """One exchange, or several of a kind with the same answer that came one after the other."""

    first: Exchange
    times: int = 1


@dataclass(frozen=True)
class Choice:
    """The exchanges to show: of these kinds, in which this word is, and the last of them or the first."""

    kinds: Sequence[str] = ()
    about: str = ""
    newest: bool = False

    def takes(self, exchange: Exchange) -> bool:
        """Whether it is to be shown."""
        is_asked_for = exchange.kind in self.kinds if self.kinds else exchange.kind not in UNASKED
        return is_asked_for and self.about in " ".join((exchange.client, exchange.request, exchange.answer))


def draw(exchanges: Sequence[Exchange], choice: Choice, more: int) -> Chart:
    """The diagram of these exchanges, without those that cannot be shown; `more` were not even kept."""
    chosen = list(filter(choice.takes, exchanges))
    rows = fold(chosen)
    left_out = []
    if others := len(exchanges) - len(chosen):
        left_out.append(f"{others} exchange(s) of other kinds{' or about others' if choice.about else ''}")
    if choice.newest and (before := rows[:-NEWEST_ROWS]):
        left_out.append(f"{sum(row.times for row in before)} exchange(s) before these")
        rows = rows[-NEWEST_ROWS:]
    if after := sum(row.times for row in rows[MOST_ROWS:]) + more:
        left_out.append(f"{after} exchange(s) after these")
        rows = rows[:MOST_ROWS]
    brokers = sorted(dict.fromkeys(row.first.broker for row in rows), key=_number)
    clients = dict.fromkeys(row.first.client for row in rows)
    names = [*(name for name in clients if name not in brokers), *brokers]
    width = min(COLUMN, COLUMNS / max(1, len(names)))
    places = {name: TIME + width * (n + 0.5) for n, name in enumerate(names)}
    text_at = TIME + width * len(places) + 0.1
    texts = [_Text(row, int((WIDTH - text_at) * LETTERS)) for row in rows]
    height = sum(text.height for text in texts) or LINE
    head = HEAD if width == COLUMN else 2 * HEAD  # narrow columns have their names at two heights
    chart = Chart(head + height + 0.25 * len(left_out), describe(rows), left_out)
    panel = chart.add_subplot()
    panel.axis("off")
    panel.set(xlim=(0, WIDTH), ylim=(height, -head))
    for n, (name, x) in enumerate(places.items()):
        top = -0.1 if width == COLUMN or n % 2 else -0.1 - HEAD
        panel.plot([x, x], [top, height], color=NOTHING, linewidth=1)
        heading = _heading(name, 15 if width == COLUMN else int(18 * width))
        panel.text(x, top - 0.05, heading, ha="center", va="bottom", fontsize=FONT, fontweight="bold")
    y = 0.0
    for row, text in zip(rows, texts):
        _draw_arrows(panel, row.first, y, text, places)
        text.write(panel, text_at, y)
        y += text.height
    return chart


def _number(broker: str) -> int:
    """The number of a broker in a cluster; other names keep their order."""
    kind, _, number = broker.partition(" ")
    return int(number) if kind == "broker" and number.isdigit() else 0


def fold(exchanges: Sequence[Exchange]) -> list[Row]:
    """Exchanges that only repeat each other are one row, also where those of another kind are in between."""
    rows: list[Row] = []
    repeated: dict[tuple, Row] = {}  # since the last row that said anything new
    for each in exchanges:
        key = (each.client, each.broker, each.kind, each.answer, each.error)
        if key in repeated:
            repeated[key].times += 1
            continue
        if not _is_idle(each):
            repeated.clear()
        rows.append(Row(each))
        repeated[key] = rows[-1]
    return rows


def _is_idle(exchange: Exchange) -> bool:
    return exchange.kind in WAITING and exchange.answer in ("", "nothing new") and not exchange.error


def describe(rows: Sequence[Row]) -> str:
    """The diagram in words."""
    said = [
        f"{row.first.client} asks {row.first.broker}: {_asked(row)}. Answer: {_answered(row.first)}."
        for row in rows
    ]
    return " ".join(["Requests and answers, from top to bottom.", *said]) if rows else "No request was seen."


def _asked(row: Row) -> str:
    times = f" ({row.times} times)" if row.times > 1 else ""
    return f"{row.first.kind}{times} {row.first.request}".strip()


def _answered(exchange: Exchange) -> str:
    if exchange.took is None:
        return "the answer was lost" if exchange.is_lost else "no answer"
    said = " ".join(part for part in (exchange.error, exchange.answer) if part) or "done"
    return f"{said} ({_duration(exchange.took)})"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _heading(name: str, letters: int) -> str:
    """The name of a client, or a broker and its address, in up to three lines."""
    first, _, address = name.partition(" at ")
    if not address and ":" in name:
        first, address = "bootstrap", name
    lines = [
        line
        for part in (caption(first or "a client", 30), caption(address, 30))
        for line in wrap(part, letters)
    ]
    return "\n".join(lines if len(lines) <= 3 else [*lines[:2], "…"])


class _Text:
    """The words beside the arrows of a row, in as many lines as they need."""

    def __init__(self, row: Row, letters: int):
        self.kind = f"{row.first.kind} × {row.times}" if row.times > 1 else row.first.kind
        self.color = FAULT if row.first.error or row.first.is_lost else "#555555"
        # The kind is bold, and takes a little more than its letters.
        asked = f"{'x' * (len(self.kind) + 2)}  {caption(row.first.request, MOST_LETTERS)}"
        self.asked = wrap(asked, letters)
        self.answered = wrap(caption(_answered(row.first), MOST_LETTERS), letters)

    @property
    def height(self) -> float:
        return LINE * (len(self.asked) + len(self.answered) + 0.4)

    def write(self, panel: Axes, x: float, y: float) -> None:
        y += LINE * 0.6
        kind = panel.text(x, y, self.kind, va="center", fontsize=FONT, fontweight="bold")
        first = self.asked[0].lstrip("x")
        panel.annotate(first, (1, 0), xycoords=kind, va="bottom", fontsize=FONT, annotation_clip=False)
        for n, line in enumerate([*self.asked[1:], *self.answered], start=1):
            color = PRODUCED if n < len(self.asked) else self.color
            panel.text(x, y + LINE * n, line, va="center", fontsize=FONT, color=color)


def _draw_arrows(panel: Axes, exchange: Exchange, y: float, text: _Text, places: dict[str, float]) -> None:
    """There and back, at the height of their words."""
    client, broker = places[exchange.client], places[exchange.broker]
    there, back = y + LINE * 0.6, y + LINE * (len(text.asked) + 0.6)
    arrow = {"arrowstyle": "-|>", "color": PRODUCED, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    panel.text(TIME - 0.1, there, _duration(exchange.asked_at), ha="right", va="center", fontsize=FONT - 1)
    panel.annotate("", (broker, there), (client, there), arrowprops=arrow)
    if exchange.is_lost:  # it got half of the way
        half = (client + broker) / 2
        panel.plot([broker, half], [back, back], color=FAULT, linewidth=1.4)
        panel.plot(half, back, "X", color=FAULT, markersize=9)
    if exchange.took is not None:
        color = FAULT if exchange.error else NOTHING
        panel.annotate("", (client, back), (broker, back), arrowprops=arrow | {"color": color})
