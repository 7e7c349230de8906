"""What learners answer in lesson 01."""

from tests.support.answers import Answers

SKIPPED = {"## What does it keep?": "### Exercise 1: your own words"}

SEND = """
with KafkaProducer(**settings.kafka) as producer:
    for number in range({0}):
        producer.send(words, {1})
"""

ANSWERS = {
    "01.1": Answers(
        wrong={SEND.format(1, "b'one'"): "it has three messages (found: 1)"},
        right=[
            SEND.format(3, "b'the same'"),
            SEND.format(4, "str(number).encode(), key=b'a key'"),
            "own = KafkaProducer(**settings.kafka)\nfor word in (b'a', b'b', b'c'):\n    own.send(words, word)\n"
            "own.flush()",
        ],
    ),
}
