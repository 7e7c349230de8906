"""What learners answer in lesson 07."""

from tests.support.answers import Answers

SEND = "with KafkaProducer(**settings.kafka) as producer:\n    producer.send(mine, {0})\n"
CONSUME = "consume(mine, warehouse, group_id=mine, idle_timeout=2, **settings.kafka)"
LONG = "good.replace('°C'.encode(), b'x' * 60)"
FIXED = "replay(warehouse, to_save, fix_value(bad['unknown status'], {'status': 'OK'}), **settings.kafka)"
CELLAR = "encode_reading(Reading('cellar', 12.5, '°C', 'OK', SAMPLE_DAY))"

ANSWERS = {
    "07.1": Answers(
        wrong={
            SEND.format("good") + CONSUME: "because of its unit (found: a reading)",
            SEND.format("b'warm'") + CONSUME: "because of its unit (found:",
            SEND.format(LONG): "it is a dead letter",
        },
        right=[SEND.format("fix_value(good, {'unit': 7})") + CONSUME],
    ),
    "07.2": Answers(
        wrong={FIXED: "the reading is stored"},
        right=[f"{FIXED}\nconsume(topic, warehouse, group_id=topic, max_messages=1, **settings.kafka)"],
    ),
    "07.3": Answers(
        wrong={
            SEND.format(CELLAR) + CONSUME: "a message has the field battery",
            SEND.format(f"fix_value({CELLAR}, {{'battery': 'full'}})")
            + CONSUME: "the field battery, a number",
            SEND.format("fix_value(good, {'battery': 80})")
            + CONSUME: "reads it as a reading of cellar (found: a reading of another sensor)",
            SEND.format('b\'{"sensor_id": "cellar", "battery": 80}\'') + CONSUME: "an old reader reads it",
            SEND.format(f"fix_value({CELLAR}, {{'battery': 80}})"): "the reading is stored",
        },
        right=[
            SEND.format(f"{CELLAR}[:-1] + b', \"battery\": 0.8}}', key=b'cellar'") + CONSUME,
        ],
    ),
}
