"""Where does a fault strike? A topic and a warehouse on a broker, under load, counted afterwards."""

import random
import threading
from contextlib import contextmanager
from itertools import takewhile

import pytest

import lab
from lab.producer import produce
from tests.support.ledger import take_ledger
from tests.support.marks import USUAL_ROUNDS
from tests.support.programs import Command, running
from tests.support.samples import numbered_readings
from tests.support.waiting import wait_for


@pytest.fixture
def rounds(request):
    return request.config.getoption("--rounds")


@pytest.fixture
def restarts(rounds):
    """How often a fault strikes after which Kafka is started again, which takes seconds: by default once."""
    return rounds if rounds > USUAL_ROUNDS else 1


@pytest.fixture
def a_while(request):
    """Seconds that something stays broken; in a long run, longer than any time-out of the client."""
    return 150 if request.config.getoption("--rounds") >= 50 else 3


@pytest.fixture
def chance(request):
    seed = request.config.getoption("--seed")
    seed = random.randrange(10**6) if seed is None else seed
    print(f"\n--seed {seed}")
    return random.Random(seed)


@pytest.fixture
def topic():
    return lab.fresh_name("faults")


class Place:
    """A topic and a warehouse on a broker, and the commands of the kit for them."""

    def __init__(self, broker, topic, folder, partitions=3, warehouse=None):
        self.broker, self.topic, self.folder = broker, topic, folder
        self.kafka = {"bootstrap_servers": broker.bootstrap_servers}
        self.warehouse = warehouse or folder / "warehouse.db"
        self.environment = {
            "LAB_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "LAB_TOPIC": topic,
            "LAB_GROUP": topic,
            "LAB_WAREHOUSE": str(self.warehouse),
            "LAB_HOME": str(folder / "commands"),
        }
        lab.create_topic(topic, num_partitions=partitions, **self.kafka)

    def run(self, *arguments, name="consume"):
        return Command(*arguments, output=self.folder / f"{name}.txt", **self.environment)

    def running(self, *arguments, name="consume"):
        return running(*arguments, output=self.folder / f"{name}.txt", **self.environment)

    def stored(self):
        try:
            with lab.Warehouse(str(self.warehouse), create=False) as warehouse:
                return warehouse.query("SELECT count(*) FROM sensor_logs")[0][0]
        except lab.LabError:
            return 0  # not there yet, or away

    def is_in_use(self):
        """Whether every partition has a leader again."""
        topic = lab.describe_topic(self.topic, **self.kafka)
        return all(partition.leader > 0 for partition in topic.partitions)

    def is_read(self):
        """Whether the warehouse is at the end of every partition, and not beyond it, as after a cut."""
        topic = lab.describe_topic(self.topic, **self.kafka)
        with lab.Warehouse(str(self.warehouse)) as warehouse:
            stored = warehouse.next_offsets(topic.topic_id)
        offsets = lab.topic_offsets(self.topic, **self.kafka)
        return all(stored.get(n, first) == end for n, (first, end) in offsets.items())

    def drain(self):
        """Consume what is left, and take the ledger.

        Until the stored offsets are the ends of the log: a member that was killed keeps its partitions
        for the six seconds of its session, so being idle for a while says nothing. How long it takes depends
        on how much is left: only a minute without a row is too long.
        """
        with self.running("consume", "--quiet", name="drain"):
            while not self.is_read():
                before = self.stored()
                wait_for(
                    lambda before=before: self.is_read() or self.stored() > before, timeout=60, pause=0.2
                )
        ledger = take_ledger(self.topic, self.broker.bootstrap_servers, self.warehouse)
        print(ledger)
        return ledger


@pytest.fixture
def place(broker, topic, tmp_path):
    broker.start()
    return Place(broker, topic, tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """Where the warehouse is: None for a file, or the URL of a database."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql").new_database()


# Of what is no matter of the database: PostgreSQL too in a long run only.
SQLITE_AT_LEAST = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long_run)], indirect=True
)


@pytest.fixture
def either_place(broker, topic, tmp_path, database):
    broker.start()
    return Place(broker, topic, tmp_path, warehouse=database)


@pytest.fixture
def own_either_place(own_broker, topic, tmp_path, database):
    return Place(own_broker, topic, tmp_path, warehouse=database)


@pytest.fixture
def own_place(own_broker, topic, tmp_path):
    return Place(own_broker, topic, tmp_path)


@contextmanager
def load(place, interval=0.005):
    """Numbered readings at about 2,000 a second, for as long as the block runs.

    Then they end, and all that was sent is acknowledged. To be stopped is another matter: a producer that is
    stopped waits for two seconds only, which is not always enough on a busy machine.
    """
    is_over, stop, summaries = threading.Event(), threading.Event(), []

    def work():
        batches = takewhile(lambda _: not is_over.is_set(), numbered_readings())
        summaries.append(produce(place.topic, batches, interval=interval, stop=stop, **place.kafka))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield summaries
    finally:
        is_over.set()
        thread.join(30)
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
