"""In a notebook's kernel: the stop button and Restart, in the middle of the work."""

import os
import time

import pytest
from jupyter_client.manager import start_new_kernel

import lab
from lab.classroom.doctor.services import check_leftovers
from lab.settings import Settings
from lab.system.programs import end, left_over, read_programs
from tests.support.ledger import take_ledger
from tests.support.waiting import soon, wait_for

SETUP = """
import lab
settings = lab.Settings.from_environment()
warehouse = lab.Warehouse(settings.warehouse_url)
"""
CONSUME = "print(lab.consume(settings.topic, warehouse, group_id=settings.topic, **settings.kafka))"
PRODUCE = (
    "print(lab.produce(settings.topic, lab.simulate_readings(10, seed=1), interval=0.01, **settings.kafka))"
)


class Kernel:
    """A kernel as JupyterLab starts it, and what its cells print."""

    def __init__(self, environment):
        self.manager, self.client = start_new_kernel(
            startup_timeout=60, kernel_name="python3", env=os.environ | environment
        )

    def start(self, code):
        return self.client.execute(code, store_history=False)

    def result(self, request, timeout=30):
        """(how the cell ended, what it printed)."""
        printed, until = [], time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, until - time.monotonic()))
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])
            elif message["msg_type"] == "error":
                printed.append(message["content"]["ename"])
            elif message["content"].get("execution_state") == "idle":
                return self.client.get_shell_msg(timeout=10)["content"]["status"], "".join(printed)

    def run(self, code):
        status, printed = self.result(self.start(code))
        assert status == "ok", printed
        return printed

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def place(kafka, tmp_path):
    topic = lab.fresh_name("kernel")
    lab.create_topic(topic, num_partitions=3, **kafka)
    return {"LAB_TOPIC": topic, "LAB_WAREHOUSE": str(tmp_path / "warehouse.db")}


@pytest.fixture
def kernel(place):
    kernel = Kernel(place)
    kernel.run(SETUP)
    yield kernel
    kernel.close()


def stored(place):
    with lab.Warehouse(place["LAB_WAREHOUSE"], create=False) as warehouse:
        return warehouse.query("SELECT count(*) FROM sensor_logs")[0][0]


def test_the_stop_button_ends_consume_in_order_and_it_goes_on_afterwards(kernel, place, kafka):
    topic, readings = place["LAB_TOPIC"], lab.simulate_readings(10, seed=1)
    lab.produce(topic, readings, interval=0, max_batches=50, **kafka)
    for total in (500, 1000):
        request = kernel.start(CONSUME)
        wait_for(lambda total=total: stored(place) == total)
        began = time.monotonic()
        kernel.manager.interrupt_kernel()
        status, printed = kernel.result(request)
        assert time.monotonic() - began < soon(3)
        assert status == "ok"
        assert "stored=500, dead_letters=0, fenced=0" in printed
        lab.produce(topic, readings, interval=0, max_batches=50, **kafka)
    kernel.run(CONSUME.replace("group_id", "max_messages=500, group_id"))
    ledger = take_ledger(topic, kafka["bootstrap_servers"], place["LAB_WAREHOUSE"])
    assert (ledger.stored, ledger.lost, ledger.twice) == (1500, 0, 0)


def test_the_stop_button_ends_produce_with_every_reading_accounted_for(kernel, place, kafka):
    request = kernel.start(PRODUCE)
    wait_for(lambda: sum(end for _, end in lab.topic_offsets(place["LAB_TOPIC"], **kafka).values()) > 100)
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    status, printed = kernel.result(request)
    assert time.monotonic() - began < soon(3)
    end = sum(end for _, end in lab.topic_offsets(place["LAB_TOPIC"], **kafka).values())
    assert status == "ok"
    assert f"acknowledged={end}, unsent=0" in printed


def test_a_kernel_restarted_in_the_middle_loses_and_repeats_nothing(kernel, place, kafka):
    """Restart kills the kernel: nothing can be closed."""
    topic, readings = place["LAB_TOPIC"], lab.simulate_readings(10, seed=1)
    lab.produce(topic, readings, interval=0, max_batches=1000, **kafka)
    kernel.start(CONSUME)
    wait_for(lambda: stored(place) > 0)
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)
    kernel.run(SETUP)
    kernel.run(CONSUME.replace("group_id", "idle_timeout=3, group_id"))
    ledger = take_ledger(topic, kafka["bootstrap_servers"], place["LAB_WAREHOUSE"])
    assert (ledger.stored, ledger.lost, ledger.twice) == (10_000, 0, 0)


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    yield home
    end(read_programs(home), timeout=0)


@pytest.mark.broker
def test_what_a_lesson_starts_is_known_when_its_kernel_is_killed_and_ended_by_the_next(home):
    """Also one whose variable got another, or that was killed and started again; and one with TLS."""
    kernel = Kernel({"LAB_HOME": str(home)})
    kernel.run("import sys, lab; mine = lab.start_own_broker()")
    kernel.run("first = mine; mine = lab.start_secured_broker()")
    kernel.run("mine.kill(); mine.start()")
    assert len(read_programs(home)) == 2
    kernel.manager.restart_kernel(now=True)  # with no chance to end anything
    kernel.client.wait_for_ready(timeout=60)
    left = left_over(home)
    assert [each.name.split(":")[0] for each in left] == ["Kafka at 127.0.0.1"] * 2
    assert all(str(each) in check_leftovers(Settings(home=home)).found for each in left)
    kernel.run("import sys, lab; lab.start_program([sys.executable, '-c', 'import time; time.sleep(600)'])")
    assert not any(each.process.is_alive() for each in left)
    (program,) = read_programs(home)
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel()  # in order, as when JupyterLab ends
    assert not program.process.is_alive()
