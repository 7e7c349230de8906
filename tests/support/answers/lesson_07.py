"""What learners answer in lesson 07."""

from tests.support.answers import Answers

SEND = "with KafkaProducer(**settings.kafka) as producer:\n    producer.send(mine, {0})\n"
CONSUME = "consume(mine, warehouse, group_id=mine, max_messages=1, **settings.kafka)"
LONG = "good.replace('°C'.encode(), b'x' * 60)"
FIXED = "replay(warehouse, to_save, fix_value(bad['unknown status'], {'status': 'OK'}), **settings.kafka)"
STORE = "consume(topic, warehouse, group_id=topic, max_messages=1, **settings.kafka)"
CELLAR = "encode_reading(Reading('cellar', 12.5, '°C', 'OK', SAMPLE_DAY))"

ANSWERS = {
    "07.1": Answers(
        wrong={
            SEND.format("good") + CONSUME: "because of its unit (found: a reading)",
            SEND.format("b'warm'") + CONSUME: "because of its unit (found:",
            SEND.format("fix_value(good, {'unit': 7, 'val': 'warm'})")
            + CONSUME: "because of its unit (found: val:",
            SEND.format("good.replace('°C'.encode(), b'')")
            + CONSUME: "because of its unit (found: a reading)",  # an empty text is a text
            "produce(mine, readings, interval=0, max_batches=1, **settings.kafka)": "(found: a reading)",
            SEND.format(LONG): "it is a dead letter",
            SEND.format(LONG)
            + "with Warehouse(f'sqlite:///{Path(mkdtemp()).as_posix()}/other.db') as other:\n    "
            + CONSUME.replace("warehouse", "other"): "it is a dead letter",
        },
        right=[
            SEND.format("fix_value(good, {'unit': 7})") + CONSUME,
            SEND.format("good.replace(b'unit', b'Unit')") + CONSUME,
            SEND.format("fix_value(good, {'unit': None})")
            + CONSUME.replace("group_id=mine", "group_id='any'"),
            SEND.format("encode_reading(Reading('attic', 21.5, '°' * 51, 'OK', SAMPLE_DAY))") + CONSUME,
        ],
    ),
    "07.2": Answers(
        wrong={
            FIXED: "the reading is stored",
            f"{FIXED.replace('OK', 'WARNING')}\n{STORE}": "its status is OK, and nothing else is changed (found:",
            f"replay(warehouse, to_save, {CELLAR}, **settings.kafka)\n{STORE}": "nothing else is changed (found:",
        },
        right=[
            f"{FIXED}\n{STORE}",
            "saved = next(letter for letter in list_dead_letters(warehouse) if letter.id == to_save)\n"
            "saved = saved.value.replace(b'FINE', b'OK')\n"
            f"replay(warehouse, to_save, saved, **settings.kafka)\n{STORE}",
        ],
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
