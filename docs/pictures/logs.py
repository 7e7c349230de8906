"""What does a log do? The pictures of messages, their places and their times (lessons 01 to 05, 08 and 13)."""

from docs.pictures.card import CELL, GAP, LINE, LOST, MARGIN, SMALL, WAITING, WIDTH, Card

STEP = CELL + 4


def log_two_readers() -> Card:
    """A log that grows at its end, and two readers at different places in it."""
    card, left, step = Card(300), 84, 60
    card.log(left, 122, [(n, "stored") for n in range(9)], 56)
    card.log(left + 9 * step, 122, [("9", "absent")], 56)
    card.arrow((820, 150), (left + 10 * step + 2, 150))
    card.text(826, 150, "new", anchor="start")
    for n, y, tip, who in ((2, 38, 118, "first reader"), (6, 262, 182, "second reader")):
        middle = left + n * step + 28
        card.box(middle - 130, y - 20, 260, 40, f"{who}: {n} is next", "place")
        card.arrow((middle, y + (22 if y < tip else -22)), (middle, tip))
    card.text(MARGIN, 150, "oldest", SMALL, "start")
    card.text(876, 38, "A log grows only at its end.", SMALL, "end")
    card.text(MARGIN, 262, "Reading takes nothing\naway.", SMALL, "start")
    return card


# Where the hash of kafka-python puts each of these keys, on three partitions: a test asks it.
PLACES = {"humidity-2": ("a", 0), "humidity-1": ("b", 1), "pressure-1": ("c", 1), "temperature-1": ("d", 2)}


def key_partition() -> Card:
    """Four keys, a hash, three partitions."""
    card, rows = Card(356), [95, 180, 265]
    card.text(114, 36, "key", bold=True)
    card.text(370, 36, "hash", bold=True)
    card.text(690, 36, "partition", bold=True)
    for n, (key, (letter, partition)) in enumerate(PLACES.items()):
        y = 82 + 66 * n
        card.box(MARGIN, y - 20, 186, 40, f"{letter}: {key}", "place")
        card.arrow((212, y), (296, 120 + 40 * n))
        card.arrow((444, 120 + 40 * n), (496, rows[partition] + 8 * (letter == "c") - 8 * (letter == "b")))
    card.box(300, 92, 140, 176, "a number\nfrom the\nkey's bytes,\nmodulo 3")
    for partition, (y, letters) in enumerate(zip(rows, ("aaa", "bcbbcc", "ddd"))):
        count = dict.fromkeys(letters, 0)
        cells = []
        for letter in letters:
            count[letter] += 1
            cells.append((f"{letter}{count[letter]}", "stored"))
        card.text(506, y, str(partition), anchor="start", bold=True)
        card.log(530, y - CELL / 2, cells)
    card.text(WIDTH / 2, 330, "Same key, same partition, in order. Between two partitions there is no order.")
    return card


def partitioners() -> Card:
    """One key, two programs, two partitions."""
    card = Card(386)
    card.text(
        MARGIN,
        38,
        "Two programs send the readings of one sensor, with the key temperature-2:",
        anchor="start",
    )
    for y, name, how, partition in (
        (104, "kafka-python", "murmur2 (key) modulo 3", 2),
        (274, "confluent-kafka", "crc32 (key) modulo 3", 0),
    ):
        card.box(MARGIN, y - 30, 190, 60, name, "place")
        card.arrow((216, y), (256, y))
        card.box(260, y - 30, 250, 60, how)
        card.arrow((514, y), (576, y))
        first = 1 if partition else 2
        cells = [(first + 2 * n, "stored") for n in range(3)]
        card.text(582, y, f"partition {partition}", anchor="start", bold=True)
        card.log(700, y - CELL / 2, cells)
    card.text(788, 189, "1 before 2? Nobody can tell.", SMALL, "end", bold=True)
    card.arrow((722, 128), (722, 168), color=LOST)
    card.arrow((722, 250), (722, 210), color=LOST)
    card.text(
        WIDTH / 2, 350, "One sensor, two partitions: its order is lost. One topic needs one partitioner."
    )
    return card


def position_lag() -> Card:
    """First offset, committed offset, position, end and lag."""
    card, left, y = Card(330), 90, 128
    styles = ["absent"] * 2 + ["stored"] * 4 + ["waiting"] * 6
    card.log(left, y, list(enumerate(styles)), 52)
    edge = [left + 56 * n - 2 for n in range(13)]
    for n, words in (
        (2, "first offset 2"), (6, "committed 6"), (8, "position 8"), (12, "end 12"),
    ):  # fmt: skip
        top = 36 if n != 8 else 76
        card.text(edge[n], top, words, bold=True)
        card.arrow((edge[n], top + 14), (edge[n], y - 4))
    for start, end, words, color in (
        (0, 2, "removed", GAP), (2, 6, "stored", LINE), (6, 12, "lag 6: not committed yet", WAITING),
    ):  # fmt: skip
        a, b = edge[start] + 5, edge[end] - 5
        card.line([(a, 192), (a, 204), (b, 204), (b, 192)], color)
        card.text((a + b) / 2, 226, words)
    card.text(
        WIDTH / 2,
        290,
        "The position is in the memory of the reader. It dies with it:\n"
        "the next one starts at the committed offset.",
    )
    return card


def event_time() -> Card:
    """When it was measured, and when it came."""
    card, top, bottom = Card(400), 140, 280
    hours = {hour: 180 + 105 * (hour - 7) for hour in range(7, 11)}
    for hour, x in hours.items():
        card.box(x, top - 56, 101, 56, f"{hour}:00", "waiting" if hour in (8, 9) else "good")
        late = {8: range(4), 9: range(2)}.get(hour, ())
        for n in range(4):
            at = x + 14 + 24 * n
            if n in late:
                landing = 700 + 24 * (n + 4 * (hour == 9))
                card.arrow((at, top + 4), (landing, bottom - 4), color=WAITING)
            elif hour != 9:  # the second half of that hour has not come at all
                card.arrow((at, top + 4), (at, bottom - 4), color=LINE)
    card.text(390, 44, "windows, one for each hour in which it was measured", SMALL)
    card.text(MARGIN, top - 28, "event time:\nmeasured", SMALL, "start", bold=True)
    card.text(MARGIN, bottom, "processing\ntime: arrived", SMALL, "start", bold=True)
    card.arrow((172, bottom), (876, bottom))
    for hour, x in hours.items():
        card.text(x, bottom + 20, f"{hour}:00", SMALL)
    card.text(760, bottom + 20, "night", SMALL)
    card.text(760, top - 8, "90 late readings", SMALL, bold=True)
    card.text(WIDTH / 2, 356, "The windows of 8:00 and 9:00 had 0 readings. Now they have 60 and 30.")
    return card


def grace() -> Card:
    """A window, its grace period, and readings that arrive later and later."""
    card, top, x, minute = Card(372), 84, 190, 220
    card.text(MARGIN, top + 28, "the window\nof 12:00", SMALL, "start", bold=True)
    card.box(x, top, minute, 56, "window", "good")
    card.box(x + minute, top, minute, 56, "grace period", "waiting")
    card.box(x + 2 * minute, top, minute, 56, "closed", "absent")
    rows = ((0.66, "in time", "stored"), (1.33, "late, counted", "stored"), (2.5, "too late", "lost"))
    for n, (at, words, style) in enumerate(rows):
        y = 196 + 34 * n
        card.arrow((x + 0.25 * minute, y), (x + at * minute, y), color=LOST if style == "lost" else LINE)
        card.text(x + at * minute + 12, y, words, SMALL, "start")
    card.line([(x + 0.25 * minute, 150), (x + 0.25 * minute, 276)], GAP, "4 4")
    card.text(MARGIN, 230, "a reading\nof 12:00:15\narrives", SMALL, "start", bold=True)
    card.arrow((x, 306), (876, 306))
    for n in range(4):
        card.text(x + n * minute, 330, f"12:0{n}", SMALL)
    card.text(MARGIN, 306, "watermark", SMALL, "start", bold=True)
    card.text(x + 2 * minute, 44, "here the result is sent", SMALL)
    card.arrow((x + 2 * minute, 56), (x + 2 * minute, top - 4))
    return card


def wire_format() -> Card:
    """A message in Avro: five bytes, values, and how a reader finds both schemas."""
    card, top = Card(364), 60
    for x, width, words, style, size in (
        (140, 60, "0", "place", "1 byte"), (204, 120, "id 2", "stored", "4 bytes"),
        (328, 460, "the values, one behind the other", "plain", "the rest"),
    ):  # fmt: skip
        card.box(x, top, width, 52, words, style)
        card.text(x + width / 2, top - 16, size, SMALL)
    card.text(MARGIN, top + 26, "a message", SMALL, "start", bold=True)
    card.text(MARGIN, 212, "the table\nof schemas", SMALL, "start", bold=True)
    for n, words in enumerate(("1: five fields", "2: the five, and battery")):
        card.box(140, 168 + 48 * n, 250, 42, words, "stored" if n else "good", SMALL)
    card.arrow((264, top + 52), (264, 164))
    card.text(276, 138, "which schema wrote it?", SMALL, "start")
    card.box(560, 168, 228, 42, "the reader's own schema", "good", SMALL)
    card.box(140, 292, 648, 48, "the fields that the reader wants, found by their names", "place", SMALL)
    card.arrow((264, 258), (264, 288))
    card.arrow((674, 210), (674, 288))
    card.arrow((480, top + 52), (480, 288))
    return card
