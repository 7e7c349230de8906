"""What learners answer in lesson 03."""

from tests.support.answers import Answers

SEND = """
with KafkaProducer(**settings.kafka) as own:
    own.send(mine, {0}).get(timeout=10)
"""
READING = 'encode_reading(Reading("my-sensor", 21.5, "°C", "OK", SAMPLE_DAY))'
PARTITION = 'sent.loc[sent["key"] == "pressure-2", "partition"]'

ANSWERS = {
    "03.1": Answers(
        wrong={
            SEND.format("b'21.5', key=b'my-sensor'"): "a message is a reading (found:",
            SEND.format(
                'encode_reading(Reading("my-sensor", 21.5, "°C", "FINE", SAMPLE_DAY)), b"my-sensor"'
            ): "a message is a reading (found: status:",
            SEND.format("value, key=b'my-sensor'"): "it is a reading of my-sensor (found: temperature-1)",
            SEND.format(READING): "its key is my-sensor, as bytes (found: None)",
            SEND.format(f"{READING}, key=b'other'"): "its key is my-sensor, as bytes (found: b'other')",
        },
        right=[
            SEND.format(f"key=b'my-sensor', value={READING}"),
            "produce(mine, [[Reading('my-sensor', -1, 'K', 'CRITICAL', SAMPLE_DAY)]], interval=0, "
            "**settings.kafka)",
        ],
    ),
    "03.2": Answers(
        wrong={
            "answer = -1": "it is the partition of pressure-2",
            f"answer = ({PARTITION}.iloc[0] + 1) % 3": "it is the partition of pressure-2",
            "answer = 'pressure-2'": "your answer is a number (found: str)",
            "answer = True": "your answer is a number (found: bool)",
            "answer = [0, 1]": "your answer is a number (found: list)",
        },
        right=[
            f"answer = {PARTITION}.iloc[0]",
            f"answer = {PARTITION}.unique()",
            f"answer = {PARTITION}.drop_duplicates()",
            f"answer = [int({PARTITION}.mode()[0])]",
            f"answer = str({PARTITION}.iloc[0])",
            f"answer = float({PARTITION}.mean())",
        ],
    ),
}
