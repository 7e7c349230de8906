"""One private broker for a test run, notebooks included: other port, other home, other warehouse.

Notebooks run in kernels of their own, which pytest's fixtures do not reach; the environment does.
"""

import logging
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from lab.clients.connection import connect, is_port_open
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.folders import remove_folders
from lab.embedded.ports import HOST, free_ports
from lab.embedded.training import prepare_quick_start
from lab.errors import BrokerError
from lab.neighbours.neighbour import FOLDER, fault_of
from lab.settings import Settings
from lab.topics import describe_topics
from lab.warehouse import Warehouse
from tests.support.marks import USUAL_ROUNDS
from tests.support.order import deal
from tests.support.postgresql_there import postgresql_fault, postgresql_fault_of
from tests.support.waiting import wait_for

collect_ignore_glob = ["notebooks/*-20*.ipynb"]  # what `notebook restore` keeps of a learner
pytest_plugins = ["tests.support.places"]  # its fixtures
home = Path(tempfile.mkdtemp(prefix="lab tést "))
SERVERS = {"broker", "spare_broker", "postgresql", "spare_postgresql"}  # fixtures that start one
# Nobody kills it, so it need not tell three times a second that it is there: that is half of its idle work.
RARELY = {"broker.heartbeat.interval.ms": 1000, "broker.session.timeout.ms": 3000}
broker_of_the_run = EmbeddedBroker(home / "home", free_ports(1)[0], properties=RARELY)


def pytest_addoption(parser):
    parser.addoption(
        "--rounds",
        type=int,
        default=USUAL_ROUNDS,
        help="how often each fault strikes (tests/test_faults.py), one that needs a new start of Kafka "
        "once by default; with more than %(default)s also the tests that are marked long_run",
    )
    parser.addoption("--seed", type=int, default=None, help="repeat a run of the faults")


def pytest_sessionstart(session):
    if not hasattr(session.config, "workerinput"):  # once, not in each worker
        prepare_quick_start()  # else each of the many starts takes three times as long
    # What was fetched for the lessons of part two is in the home of the kit; a test run fetches nothing.
    os.environ.setdefault(FOLDER, str(Settings.from_environment().home / "neighbours"))
    os.environ["LAB_BOOTSTRAP_SERVERS"] = broker_of_the_run.bootstrap_servers
    os.environ["LAB_HOME"] = str(broker_of_the_run.home)
    os.environ["LAB_WAREHOUSE"] = f"sqlite:///{(home / 'warehouse.db').as_posix()}"
    os.environ["LAB_CHECK"] = "not attempted"  # in a lesson as it is, any other state fails the run
    # As in an activated `.venv`: there `python` is the one that runs the tests.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def pytest_collection_modifyitems(config, items):
    """A lesson is skipped, with the reason, where its PostgreSQL or its neighbour of part two is missing.

    A `long_run` is left out, unless there are more rounds than usual, or it is asked for by its name.
    """
    if config.getoption("--rounds") <= USUAL_ROUNDS and not any("::" in each for each in config.args):
        left_out = [item for item in items if item.get_closest_marker("long_run")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if item.path.suffix == ".ipynb" or SERVERS & {*getattr(item, "fixturenames", ()), *_variants(item)}:
            item.add_marker(pytest.mark.broker)
        lesson = item.path.stem if item.path.suffix == ".ipynb" else _parameters(item).get("lesson", "")
        if lesson and (reason := fault_of(lesson) or postgresql_fault_of(lesson)):
            item.add_marker(pytest.mark.skip(reason))
    if processes := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
        items[:] = deal(
            items,
            processes,
            _is_lesson,
            is_together=lambda item: item.get_closest_marker("together") is not None,
            is_quick=lambda item: item.get_closest_marker("broker") is None,
        )


def _is_lesson(item) -> bool:
    """A notebook, or a walk through a lesson or an incident."""
    is_walk = item.path.name in ("test_exercises.py", "test_incidents.py")
    return item.path.suffix == ".ipynb" or (is_walk and item.get_closest_marker("broker") is not None)


def _variants(item) -> list[str]:
    """The values of its parameters that are names, such as the one of a database."""
    return [value for value in _parameters(item).values() if isinstance(value, str)]


def _parameters(item) -> dict:
    found = getattr(item, "callspec", None)
    return found.params if found else {}


def pytest_sessionfinish(session):
    broker_of_the_run.stop()
    with suppress(OSError):  # Windows, while a kernel that has just been ended lets go of it
        remove_folders(home)


@pytest.fixture(scope="session")
def broker() -> EmbeddedBroker:
    """The broker of the run. A test that stops one starts its own: `own_broker`."""
    return broker_of_the_run.start()


@pytest.fixture
def kafka(broker) -> dict[str, str]:
    """How to reach it."""
    return {"bootstrap_servers": broker.start().bootstrap_servers}


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server. A test that kills one starts its own: `own_postgresql`."""
    server = _postgresql_server()
    yield server
    server.stop()


def _postgresql_server():
    if reason := postgresql_fault():
        pytest.skip(reason)
    from tests.support.postgresql_server import PostgreSQLServer  # here, for the lessons alone do without it

    return PostgreSQLServer()


@pytest.fixture(scope="session")
def spare_postgresql():
    """The server behind `own_postgresql`: one for all, for the first start takes some seconds."""
    server = _postgresql_server()
    yield server
    server.stop()


@pytest.fixture
def own_postgresql(spare_postgresql):
    """A PostgreSQL server that a test may kill. It runs, whatever was done to it."""
    spare_postgresql.start()
    return spare_postgresql


@pytest.fixture(autouse=True)
def only_marked_tests_start_kafka(request):
    """So that `-m "not broker"` stays quick."""

    def refuse(*_, **__):
        raise AssertionError("This test starts Kafka: mark it with @pytest.mark.broker")

    # Not by the fixture `monkeypatch`: it would be set up before all others, and undone after them.
    with pytest.MonkeyPatch.context() as patch:
        if not request.node.get_closest_marker("broker"):
            patch.setattr("lab.embedded.broker.launch", refuse)
        yield


@pytest.fixture
def own_logging():
    """For commands that run in this process: where their words go is put back afterwards."""
    loggers = [logging.getLogger(name) for name in ("lab", "kafka")]
    before = [(logger, logger.handlers[:], logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, handlers, propagate, level in before:
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def path(tmp_path):
    """Where the warehouse of a test is."""
    return tmp_path / "warehouse.db"


# {kind of database: how a test gets the URL of a new one}. What every warehouse must do is tested with each.
NEW_DATABASES = {
    "sqlite": lambda request: str(request.getfixturevalue("path")),
    "postgresql": lambda request: request.getfixturevalue("postgresql").new_database(),
}


@pytest.fixture(params=NEW_DATABASES)
def new_database(request) -> str:
    """The URL of a new database, of each kind."""
    return NEW_DATABASES[request.param](request)


@pytest.fixture
def warehouse(path):
    """A warehouse of the test's own."""
    with Warehouse(str(path)) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def spare_broker(tmp_path_factory):
    """The broker behind `own_broker`: one for a module, for a start takes long, and an idle one works too."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("own") / "own broker", free_ports(1)[0])
    yield broker
    broker.reset()


@pytest.fixture
def own_broker(spare_broker) -> EmbeddedBroker:
    """A broker that a test may stop, kill and empty. It runs, and has no topics, whatever was done to it."""
    try:
        spare_broker.start()
    except BrokerError:
        spare_broker.reset()
        # What a test has started there and ended may need a while to be gone, on a busy machine.
        wait_for(lambda: not is_port_open(HOST, spare_broker.port))
        spare_broker.start()
    kafka = {"bootstrap_servers": spare_broker.bootstrap_servers}
    if topics := [topic.name for topic in describe_topics(**kafka)]:
        if os.name == "nt":  # there Kafka cannot remove a topic
            spare_broker.reset()
            return spare_broker.start()
        with connect(KafkaAdminClient, **kafka) as admin:
            admin.delete_topics(topics)
    return spare_broker
