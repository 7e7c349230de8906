"""Who does the work, and who takes over? The pictures of members and of replicas (lessons 08 and 09)."""

from docs.pictures.card import LINE, LOST, MARGIN, SMALL, WIDTH, Card


def rebalance() -> Card:
    """Two members, a third, one dies: which partitions each has."""
    card = Card(380)
    for n, (title, owners, members) in enumerate((
        ("two members", "AAB", "AB"), ("a third joins", "ABC", "ABC"), ("B dies", "AAC", "ABC"),
    )):  # fmt: skip
        x = MARGIN + 294 * n
        card.text(x + 132, 36, title, bold=True)
        for partition, owner in enumerate(owners):
            y = 96 + 80 * partition
            card.box(x, y - 26, 120, 52, f"partition {partition}", "stored", SMALL)
            card.arrow(
                (x + 124, y), (x + 188, 96 + 80 * "ABC".index(owner) + 14 * (partition - "ABC".index(owner)))
            )
        for member in members:
            y = 96 + 80 * "ABC".index(member)
            dead = member not in owners
            card.box(x + 192, y - 26, 70, 52, member, "lost" if dead else "plain", bold=True)
            if dead:
                card.cross(x + 170, y, 10)
        if n:
            card.line([(x - 16, 24), (x - 16, 300)], "#d0d0d0")
    card.text(WIDTH / 2, 340, "Each partition has one owner. While the group shares out, nobody reads.")
    return card


def heartbeats() -> Card:
    """A kill with and without a restart in time."""
    card, second, left = Card(440), 58, 150
    at = [left + second * n for n in range(13)]
    for y, title, back in (
        (120, "Killed, and nobody starts it again", 9),
        (290, "Killed, and started again with the same name", 5),
    ):
        card.text(MARGIN, y - 76, title, anchor="start", bold=True)
        card.text(MARGIN, y - 16, "heartbeats", SMALL, "start")
        card.text(MARGIN, y + 32, "partition 1", SMALL, "start")
        beats = [n / 2 for n in range(25) if n <= 6 or (n >= 10 and back == 5)]
        for beat in beats:
            card.line([(left + second * beat, y - 28), (left + second * beat, y - 6)], LINE)
        card.cross(at[3] + 14, y - 17, 10)
        card.box(at[0], y + 12, at[3] - at[0] + 14, 40, "second member", "stored", SMALL)
        card.box(
            at[3] + 14,
            y + 12,
            at[back] - at[3] - 14,
            40,
            "waits" if back == 5 else "waits: the lag grows",
            "waiting",
            SMALL,
        )
        style = ("second member", "stored") if back == 5 else ("first member", "good")
        card.box(at[back], y + 12, at[12] - at[back] + 14, 40, *style, SMALL)
    card.line([(at[3], 84), (at[3], 72), (at[9], 72), (at[9], 130)], LOST, "6 4")
    card.text((at[3] + at[9]) / 2, 88, "session time-out: 6 seconds", SMALL)
    card.text(at[9] + 8, 96, "taken for dead:\nrebalance", SMALL, "start")
    card.text(at[12] + 14, 214, "back in time: no rebalance", SMALL, "end")
    card.arrow((at[0], 382), (876, 382))
    for n in (0, 3, 6, 9, 12):
        card.text(at[n], 404, f"{n} s", SMALL)
    return card


def replicas() -> Card:
    """All in sync; one follower behind; both behind."""
    card = Card(360)
    for n, (title, behind, end) in enumerate((
        ("all in sync", {}, "ISR 3"), ("broker 3 falls behind", {3: 3}, "ISR 2: enough"),
        ("broker 2, too", {2: 4, 3: 3}, "ISR 1: refused"),
    )):  # fmt: skip
        x = MARGIN + 294 * n
        card.text(x + 132, 36, title, bold=True)
        for broker in (1, 2, 3):
            y = 96 + 66 * (broker - 1)
            card.text(x, y, f"broker {broker}\n{'leader' if broker == 1 else 'follower'}", SMALL, "start")
            has = behind.get(broker, 5)
            cells = [(k if k < has else "", "stored" if k < has else "absent") for k in range(5)]
            card.log(x + 92, y - 15, cells, 30)
        card.box(x + 20, 268, 224, 40, end, "lost" if n == 2 else "good", bold=True)
        if n:
            card.line([(x - 16, 24), (x - 16, 310)], "#d0d0d0")
    card.text(WIDTH / 2, 330, "min.insync.replicas=2, acks=all", SMALL)
    return card
