"""What learners answer in lesson 11."""

from lab.classroom.exercises.exercise import solution_of
from tests.support.answers import Answers

MAKE = "create_topic(mine, num_partitions={0}, **settings.kafka)"
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
ONE_STATE = """
def find_alarms(records):
    is_critical = False  # of all sensors
    for record in records:
        try:
            reading = decode_reading(record.value)
        except InvalidReading:
            continue
        if reading.status == "CRITICAL" and not is_critical:
            yield reading
        is_critical = reading.status == "CRITICAL"
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
"""
EACH = "encode_reading(reading), reading.sensor_id.encode()"
IN_ONE = """
def send_alarms(topic, alarms, **kafka):
    with KafkaProducer(transactional_id=fresh_name("alarms"), **kafka) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        for reading in find_alarms(read_records(topic, **kafka)):
            producer.send(alarms, encode_reading(reading), reading.sensor_id.encode())
        producer.commit_transaction()
"""
TO_ONE = """
def send_alarms(topic, alarms, **kafka):
    with KafkaProducer(**kafka) as producer:
        for reading in list(find_alarms(read_records(topic, **kafka)))[:1]:
            producer.send(alarms, encode_reading(reading), reading.sensor_id.encode())
"""
ALL = """
def send_alarms(topic, alarms, **kafka):
    with KafkaProducer(**kafka) as producer:
        for record in read_records(topic, **kafka):
            if b"CRITICAL" in record.value:
                producer.send(alarms, record.value, record.key)
"""
ONE_OF_A_SENSOR = """
def send_alarms(topic, alarms, **kafka):
    sent = {record.key for record in read_records(alarms, **kafka)}
    with KafkaProducer(**kafka) as producer:
        for reading in find_alarms(read_records(topic, **kafka)):
            if reading.sensor_id.encode() not in sent:
                producer.send(alarms, encode_reading(reading), reading.sensor_id.encode()).get(timeout=10)
                sent.add(reading.sensor_id.encode())
                print(reading, flush=True)
"""
A_CLASS = """
import json as js
from dataclasses import dataclass

SEEN = ("sensor_id", "ts")

@dataclass
class Alarms:
    topic: str
    kafka: dict

    def sent(self):
        found = [js.loads(record.value) for record in read_records(self.topic, **self.kafka)]
        return {tuple(each[name] for name in SEEN) for each in found}

    def send(self, readings):
        known = self.sent()
        with KafkaProducer(**self.kafka) as producer:
            for value, key in map(as_message, readings):
                if tuple(js.loads(value)[name] for name in SEEN) not in known:
                    producer.send(self.topic, value, key).get(timeout=10)
                    print("sent", key, flush=True)

def as_message(reading):
    return encode_reading(reading), reading.sensor_id.encode()

def send_alarms(topic, alarms, **kafka):
    Alarms(alarms, kafka).send(find_alarms(read_records(topic, **kafka)))
"""
IN_TRANSACTIONS = """
def send_alarms(topic, alarms, **kafka):
    with KafkaProducer(transactional_id=alarms, **kafka) as producer:
        producer.init_transactions()  # ends what it left open when it was killed
        sent = {record.value for record in read_records(alarms, isolation_level="read_committed", **kafka)}
        for reading in find_alarms(read_records(topic, **kafka)):
            if encode_reading(reading) not in sent:
                producer.begin_transaction()
                producer.send(alarms, encode_reading(reading), reading.sensor_id.encode())
                print(reading, flush=True)  # killed here, the transaction is open
                producer.commit_transaction()
"""
IN_BATCHES = """
def missing(topic, alarms, kafka):
    sent = {record.value for record in read_records(alarms, **kafka)}
    runs = find_alarms(read_records(topic, **kafka))
    yield from (reading for reading in runs if encode_reading(reading) not in sent)

def send_alarms(topic, alarms, **kafka):
    left = list(missing(topic, alarms, kafka))
    with KafkaProducer(**kafka) as producer:
        while left:
            batch, left = left[:2], left[2:]
            for reading in batch:
                producer.send(alarms, encode_reading(reading), reading.sensor_id.encode())
            producer.flush()
            print("sent", len(batch), flush=True)
"""

ANSWERS = {
    "11.1": Answers(
        wrong={MAKE.format(1): "as many partitions as the topic of the readings (found: 1, not 3)"},
        right=[
            "mine = " + MAKE.format(3),
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
            ONE_STATE: "each run is found once, and nothing else (found:",
            RUNS.format(bad="return"): "no run is missing",
            RUNS.format(bad="last.clear(); continue"): "in the middle of a run",
        },
        right=[A_LIST, RUNS.format(bad="continue")],
    ),
    "11.3": Answers(
        wrong={
            SEND.format("b'alarm'"): "an alarm is a reading",
            SEND.format("encode_reading(reading)"): "its key is its sensor, as bytes (found: None)",
            TO_ONE: "no alarm is missing (found: 1 of 5)",
            ALL: "every alarm is the first reading of a run (found:",
        },
        right=[SEND.format(EACH), IN_ONE],
    ),
    "11.4": Answers(
        wrong={
            solution_of("11.3"): "no alarm is there twice (found:",
            SEND.format(
                EACH
            ): "no alarm is there twice (found: 11 too many)",  # prints nothing, so it is not killed
            ONE_OF_A_SENSOR: "no alarm is missing (found: 3 of 5)",
        },
        right=[IN_TRANSACTIONS],  # each is four starts of a program
        more=[A_CLASS, IN_BATCHES],
    ),
}
