"""What learners answer in lesson 11."""

from tests.support.answers import Answers

MAKE = "create_topic(alarms, num_partitions={0}, **settings.kafka)"
NO_TRY = """
def find_alarms(records):
    for record in records:
        if decode_reading(record.value).status == "CRITICAL":
            yield decode_reading(record.value)
"""
EVERY = """
def find_alarms(records):
    for record in records:
        try:
            reading = decode_reading(record.value)
        except InvalidReading:
            {bad}
        if reading.status == "CRITICAL":
            yield {what}
"""
RUNS = """
def find_alarms(records):
    last = {{}}
    for record in records:
        try:
            reading = decode_reading(record.value)
        except InvalidReading:
            {bad}
        if reading.status == "CRITICAL" != last.get(reading.sensor_id):
            yield reading
        last[reading.sensor_id] = reading.status
"""
A_LIST = """
class Sensor:
    hot = False

def find_alarms(records):
    sensors, found = {}, []
    for record in records:
        try:
            reading = decode_reading(record.value)
        except InvalidReading:
            continue
        sensor = sensors.setdefault(reading.sensor_id, Sensor())
        if reading.status == "CRITICAL" and not sensor.hot:
            found.append(reading)
        sensor.hot = reading.status == "CRITICAL"
    return found
"""
SEND = """
def send_alarms(topic, alarms, **kafka):
    with KafkaProducer(**kafka) as producer:
        for reading in find_alarms(read_records(topic, **kafka)):
            producer.send(alarms, {0})

send_alarms(topic, alarms, **settings.kafka)
"""
IN_ONE = """
def send_alarms(topic, alarms, **kafka):
    with KafkaProducer(transactional_id=fresh_name("alarms"), **kafka) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        for reading in find_alarms(read_records(topic, **kafka)):
            producer.send(alarms, encode_reading(reading), reading.sensor_id.encode())
        producer.commit_transaction()

send_alarms(topic, alarms, **settings.kafka)
"""

ANSWERS = {
    "11.1": Answers(
        wrong={MAKE.format(1): "as many partitions as the topic of the readings (found: 1, not 3)"},
        right=[
            "alarms = " + MAKE.format(3),
            "from lab import describe_topic\n"
            + MAKE.format("len(describe_topic(topic, **settings.kafka).partitions)"),
        ],
    ),
    "11.2": Answers(
        wrong={
            "def find_alarms(records):\n    return 1": "it goes through every message",
            "def find_alarms(records):\n    pass": "it goes through every message",
            "def find_alarms(records):\n    yield from ()": "it gives readings (found: nothing)",
            NO_TRY: "it goes through every message, the bad ones too (found: the message is not JSON",
            EVERY.format(bad="continue", what="record"): "it gives readings (found: ConsumerRecord)",
            EVERY.format(bad="continue", what="reading"): "each run is found once",
            RUNS.format(bad="return"): "no run is missing",
            RUNS.format(bad="last.clear(); continue"): "in the middle of a run",
        },
        right=[A_LIST, RUNS.format(bad="continue")],
    ),
    "11.3": Answers(
        wrong={
            SEND.format("b'alarm'"): "an alarm is a reading",
            SEND.format("encode_reading(reading)"): "its key is its sensor, as bytes (found: None)",
        },
        right=[SEND.format("encode_reading(reading), reading.sensor_id.encode()"), IN_ONE],
    ),
    "11.4": Answers(wrong={}),
}
