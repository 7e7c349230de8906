"""What does a client have to pass before it reads a message? The picture of lesson 17."""

from docs.pictures.card import LINE, LOST, MARGIN, SMALL, Card


def three_questions() -> Card:
    """The certificate, the password, the right: who asks, who answers, and what a refusal says."""
    card, y, height = Card(330), 74, 76
    card.box(MARGIN, y, 92, height, "client")
    card.box(790, y, 86, height, "topic", "stored")
    questions = (
        (156, "who are you,\nbroker?", "the certificate", "expired, or signed\nby a stranger"),
        (366, "who are you,\nclient?", "the password", "wrong user\nor password"),
        (576, "may you\ndo that?", "the rights", "may not use\nthe topic, the group"),
    )
    previous = MARGIN + 92
    for (x, asked, answer, refusal), words in zip(questions, ("TLS", "SASL", "ACL")):
        card.text(x + 87, y - 28, words, bold=True)
        card.box(x, y, 174, height, asked, "place")
        card.arrow((previous + 3, y + height / 2), (x - 3, y + height / 2), color=LINE)
        card.text(x + 87, y + height + 24, answer)
        card.line([(x + 87, y + height + 44), (x + 87, y + height + 66)], LOST, "5 4")
        card.box(x - 8, y + height + 70, 190, 74, refusal, "lost", SMALL)
        previous = x + 174
    card.arrow((previous + 3, y + height / 2), (787, y + height / 2), color=LINE)
    card.text(MARGIN, 257, "refused:", SMALL, "start")
    return card
