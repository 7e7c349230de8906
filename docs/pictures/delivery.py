"""What becomes of a message? The pictures of the way from a sensor to a row, and of a crash on it (00, 03 to 07, 11)."""

from itertools import pairwise

from docs.pictures.card import LINE, LOST, MARGIN, SMALL, WAITING, WIDTH, Card


def pipeline() -> Card:
    """From a sensor to a chart."""
    card, y, height = Card(174), 50, 70
    places = [
        (24, 96, "sensors", "measure"), (153, 108, "producer", "writes"), (294, 190, "", ""),
        (517, 116, "consumer", "reads"), (666, 122, "warehouse", "keeps rows"), (821, 58, "", ""),
    ]  # fmt: skip
    for x, width, words, does in places[:2] + places[3:5]:
        card.box(x, y, width, height, words)
        card.text(x + width / 2, 145, does, SMALL)
    card.box(294, 20, 190, 130, style="place")
    card.text(389, 38, "broker", SMALL)
    card.log(302, y + 13, [(n, "stored") for n in range(4)], 40)
    card.text(389, 126, "topic: keeps, in order", SMALL)
    card.box(821, y, 58, height)
    card.line([(830, 105), (842, 80), (854, 95), (870, 62)], LINE)
    card.text(850, 145, "charts", SMALL)
    for (x, width, *_), (following, *_) in pairwise(places):
        card.arrow((x + width + 3, 85), (following - 3, 85))
    return card


def acks() -> Card:
    """Who has the message when the producer goes on."""
    card, columns = Card(400), (200, 330, 460)
    card.text(MARGIN, 44, "The producer goes on\nwhen these have it:", SMALL, "start")
    for x, words in zip(columns, ("leader", "follower", "follower")):
        card.text(x + 58, 84, words)
    for y, setting, has, then in (
        (140, "acks=0", 0, "asks nobody: what is lost\nis lost unnoticed"),
        (230, "acks=1", 1, "lost, if the leader dies\nbefore a follower has it"),
        (320, "acks=all", 3, "kept: each in-sync replica\nhas it"),
    ):
        card.text(MARGIN, y, setting, anchor="start", bold=True)
        for n, x in enumerate(columns):
            words, style = ("has it", "stored") if n < has else ("not yet", "absent")
            card.box(x, y - 28, 116, 56, words, style)
        card.text(600, y, then, anchor="start")
    card.text(WIDTH / 2, 376, "acks=all is the default of kafka-python 3.", SMALL)
    return card


def two_places() -> Card:
    """A crash between two steps, in both orders, and in a transaction."""
    card = Card(560)
    for x, words in (
        (111, "first"),
        (243, "crash"),
        (376, "then"),
        (592, "after the restart"),
        (808, "each reading"),
    ):
        card.text(x, 34, words, bold=True)
    rows, offset = "write rows\nwarehouse", "commit offset\nKafka"
    for y, title, steps, done, restart, result, style in (
        (76, "Write, then commit", (rows, offset), True, "goes on at the old offset:\nthe batch comes again", "twice", "waiting"),
        (236, "Commit, then write", (offset, rows), True, "goes on at the new offset:\nthe batch never comes", "lost", "lost"),
        (396, "Both in one transaction", (rows, "write offset\nwarehouse"), False, "neither is there:\nthe batch comes again", "once", "good"),
    ):  # fmt: skip
        card.text(MARGIN, y, title, anchor="start", bold=True)
        middle = y + 68
        if not done:
            card.box(14, middle - 46, 464, 92, style="place")
        card.box(MARGIN, middle - 36, 174, 72, steps[0], "stored" if done else "absent")
        card.line([(243, middle - 42), (243, middle - 18)], LOST, "5 4")
        card.line([(243, middle + 18), (243, middle + 42)], LOST, "5 4")
        card.cross(243, middle)
        card.box(289, middle - 36, 174, 72, steps[1], "absent")
        card.arrow((482, middle), (508, middle))
        card.text(514, middle, restart, SMALL, "start")
        card.arrow((732, middle), (758, middle))
        card.box(762, middle - 28, 92, 56, result, style, bold=True)
    card.text(MARGIN, 540, "Blue: done. Dashed: not done, or undone.", SMALL, "start")
    return card


def why_a_group() -> Card:
    """The group gives out partitions, the warehouse keeps the place."""
    card = Card(350)
    card.box(MARGIN, 60, 250, 180, style="place")
    card.text(149, 36, "Kafka: the group", bold=True)
    card.box(650, 60, 226, 180, style="place")
    card.text(763, 36, "the warehouse", bold=True)
    for y, n in ((105, 0), (195, 1)):
        card.box(MARGIN + 50, y - 26, 150, 52, f"partition {n}", "stored")
        card.arrow((228, y), (354, y))
        card.box(358, y - 26, 160, 52, f"consumer {'AB'[n]}")
        card.arrow((522, y), (662, y))
        card.box(666, y - 26, 90, 52, "rows", "stored")
        card.box(770, y - 26, 90, 52, "offset", "stored")
        card.line([(756, y), (770, y)])
    card.text(316, 150, "gives out", SMALL)
    card.text(584, 150, "one\ntransaction", SMALL)
    card.text(149, 290, "decides who reads\nwhich partition")
    card.text(763, 290, "keeps the place:\nwhat is read next")
    card.text(438, 290, "asks the group which,\nthe warehouse where")
    return card


def dead_letter() -> Card:
    """Good readings to one table, bad messages to another, and back."""
    card, y = Card(366), 96
    card.text(MARGIN, y - 50, "topic", anchor="start", bold=True)
    cells = [(n, "lost" if n == 3 else "stored") for n in range(5)] + [("5", "waiting")]
    card.log(MARGIN, y - 22, cells)
    card.arrow((316, y), (396, y))
    card.box(400, y - 30, 140, 60, "consumer")
    card.arrow((544, y), (636, y))
    card.text(588, y - 18, "good", SMALL)
    card.box(640, y - 36, 236, 72, "sensor_logs\na row for each", "stored")
    card.arrow((470, y + 34), (470, 250), (636, 250), color=LOST)
    card.text(484, 190, "bad", SMALL, "start")
    card.box(640, 210, 236, 80, "dead_letters\nbytes, place, reason", "lost")
    card.line([(758, 294), (758, 324), (430, 324)], WAITING, "6 4")
    card.box(306, 304, 120, 40, "fix", "waiting")
    card.arrow((302, 324), (286, 324), (286, y + 28), color=WAITING, dashes="6 4")
    card.text(274, 230, "replay:\nat the end, as any message", SMALL, "end")
    return card


def alarm_memory() -> Card:
    """An alarm consumer asks its own output what it has sent."""
    card, y = Card(300), 110
    card.text(MARGIN, y - 50, "topic of readings", anchor="start", bold=True)
    card.log(MARGIN, y - 22, [(n, "lost" if n in (2, 3) else "stored") for n in range(5)])
    card.text(MARGIN, y + 48, "a run of CRITICAL readings", SMALL, "start")
    card.arrow((268, y), (356, y))
    card.box(360, y - 36, 160, 72, "alarm\nconsumer")
    card.arrow((524, y), (680, y))
    card.text(602, y - 34, "sends what\nis missing", SMALL)
    card.text(876, y - 50, "topic of alarms", anchor="end", bold=True)
    card.log(684, y - 22, [(n, "waiting") for n in range(3)] + [("3", "absent")])
    card.arrow((755, y + 28), (755, 230), (440, 230), (440, y + 40), color=LINE)
    card.text(598, 258, "at the start: what have I sent?", SMALL)
    return card
