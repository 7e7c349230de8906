"""The names of a group's members, and who of them belongs together: on real locks and a real broker."""

import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from itertools import count, islice
from pathlib import Path

import psutil
import pytest

import lab
import lab.consumer
from lab.classroom.doctor.services import check_warehouse
from lab.clients.members import static_member
from lab.errors import GroupError
from lab.settings import Settings
from tests.support.ledger import take_ledger
from tests.support.programs import running
from tests.support.samples import numbered_readings
from tests.support.waiting import wait_for

GROUP = "sensor-logs"
posix = pytest.mark.skipif(os.name != "posix", reason="on Windows each user has a folder of his own")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The temporary folder of a test: its locks are apart from those of consumers on this machine."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


# The name.


def test_two_at_the_same_time_have_different_names():
    with static_member(GROUP) as one, static_member(GROUP) as two, static_member(GROUP) as three:
        assert len({one, two, three}) == 3


def test_a_name_is_free_again_when_its_consumer_ends():
    with static_member(GROUP) as first, static_member(GROUP):
        pass
    with static_member(GROUP) as again:
        assert again == first


def test_of_several_the_one_that_was_given_back_is_taken():
    with static_member(GROUP), ExitStack() as middle, static_member(GROUP) as last:
        given = middle.enter_context(static_member(GROUP))
        middle.close()
        with static_member(GROUP) as taken:
            assert taken == given != last


def test_it_is_free_again_after_an_error():
    with pytest.raises(ZeroDivisionError), static_member(GROUP) as first:
        raise ZeroDivisionError
    with static_member(GROUP) as again:
        assert again == first


def test_it_is_free_again_when_its_process_is_killed():
    code = (
        "from lab.clients.members import static_member\n"
        "with static_member('killed') as name:\n"
        "    print(name, flush=True)\n"
        "    input()"
    )
    folder = {"TMPDIR": tempfile.gettempdir(), "TEMP": tempfile.gettempdir()}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | folder,
    )
    with process:
        name = process.stdout.readline().strip()
        with static_member("killed") as other:
            assert other != name
        process.kill()
        process.wait(10)
        with static_member("killed") as again:
            assert again == name


ODD = ["", ".", "..", "../../etc/passwd", "a/b\\c", "größe °C", "x" * 1000, "a\n\0b", "con", '*?<>|:"']


@pytest.mark.parametrize("group_id", ODD, ids=ascii)
def test_any_name_of_a_group_makes_one_file_in_the_folder_and_a_name_that_kafka_takes(group_id):
    folder = Path(tempfile.gettempdir())
    with static_member(group_id) as name:
        assert re.fullmatch(r"[a-zA-Z0-9._-]{3,249}", name)  # what Kafka allows
        assert [path for path in folder.iterdir() if not path.name.startswith("kafka-lab-members-")] == []


def test_odd_names_of_machines_and_users_make_a_name_that_kafka_takes(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "größe und länge " * 20)
    monkeypatch.setattr(psutil.Process, "username", lambda self: "DOMAIN\\Zoë / root " * 20)
    with static_member(GROUP) as one, static_member(GROUP) as two:
        assert re.fullmatch(r"[a-zA-Z0-9._-]{3,249}", one)
        assert one != two


def test_another_warehouse_is_another_name():
    with static_member(GROUP, "here") as one, static_member(GROUP, "there") as other:
        assert one.rpartition("-")[2] != other.rpartition("-")[2]
    with static_member(GROUP, "here") as again:
        assert again == one


def test_another_temporary_folder_is_another_name(tmp_path, monkeypatch):
    """There the first one's lock is not seen."""
    names = []
    for folder in ("a", "b", "a"):
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / folder))
        with static_member(GROUP) as name:
            names.append(name)
    assert names[0] == names[2] != names[1]


@posix
def test_a_lock_that_is_removed_while_it_is_held_costs_no_name_twice(temporary):
    """As by a program that clears the temporary folder."""
    with static_member(GROUP) as one:
        for file in temporary.rglob("*.lock"):
            file.unlink()
        with static_member(GROUP) as other:
            assert other != one


def no_folder(place: Path, aside: Path) -> None:
    place.touch()


def a_link(place: Path, aside: Path) -> None:
    aside.mkdir()
    place.symlink_to(aside)


def a_link_to_nowhere(place: Path, aside: Path) -> None:
    place.symlink_to(aside / "nowhere")


def one_that_others_can_write(place: Path, aside: Path) -> None:
    place.mkdir()
    place.chmod(0o777)


def one_of_another_user(place: Path, aside: Path) -> None:
    place.mkdir(mode=0o700)
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    os.chown(place, 65534, 65534)


@posix
@pytest.mark.parametrize(
    "prepare",
    [no_folder, a_link, a_link_to_nowhere, one_that_others_can_write, one_of_another_user],
    ids=lambda prepare: prepare.__name__,
)
def test_a_folder_that_somebody_else_prepared_is_left_alone(temporary, tmp_path, prepare):
    with static_member(GROUP):
        (ours,) = temporary.iterdir()
    for file in ours.iterdir():
        file.unlink()
    ours.rmdir()
    prepare(ours, tmp_path / "aside")
    before = set(tmp_path.rglob("*"))
    with static_member(GROUP) as one, static_member(GROUP) as two:
        assert one != two
        assert not ours.is_dir() or list(ours.iterdir()) == []
    assert set(tmp_path.rglob("*")) == before  # and what was used instead is gone


# The group, on a real broker.


@pytest.fixture
def topic(kafka):
    topic = lab.fresh_name("members")
    lab.create_topic(topic, num_partitions=2, **kafka)
    return topic


def send(topic, kafka, batches=20) -> None:
    lab.produce(topic, numbered_readings(), interval=0, max_batches=batches, **kafka)


@contextmanager
def consuming(topic, path, kafka, group=None, **options):
    """A consumer in a thread; yields what it counts, and what it raised if it did."""
    summary, stop, raised = lab.consumer.ConsumeSummary(), threading.Event(), []

    def run() -> None:
        try:
            with lab.Warehouse(str(path)) as warehouse:
                options.update(group_id=group or topic, stop=stop, summary=summary)
                lab.consume(topic, warehouse, **options, **kafka)
        except GroupError as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield summary, raised
    finally:
        stop.set()
        thread.join(20)


def test_two_with_other_temporary_folders_share_a_topic(topic, kafka, tmp_path):
    """They had one name, and put each other out for ever."""
    place = {"LAB_TOPIC": topic, "LAB_GROUP": topic, "LAB_WAREHOUSE": str(tmp_path / "w.db")}
    texts = []
    with ExitStack() as both:
        consumers = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            folder = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tmp_path / name))
            arguments = "consume", "--quiet", "--idle-timeout", "4"
            output = tmp_path / f"{name}.txt"
            consumers.append(both.enter_context(running(*arguments, output=output, **place, **folder)))
        # Sent meanwhile, so that the first does not end for want of messages before the second is there.
        wait_for(
            lambda: send(topic, kafka) or len(set(lab.partition_owners(topic, topic, **kafka).values())) == 2
        )
        send(topic, kafka)
        assert [consumer.wait(40) for consumer in consumers] == [0, 0]
        texts = [consumer.text for consumer in consumers]
    assert all(" 0 reconnects" in text for text in texts), texts
    assert take_ledger(topic, kafka["bootstrap_servers"], tmp_path / "w.db").clean


def test_who_has_the_name_of_another_takes_another_and_says_so_once(
    topic, kafka, tmp_path, monkeypatch, caplog
):
    """As on two machines that are copies of each other."""

    @contextmanager
    def one_name(group_id, warehouse):
        yield "twin-1-ffffffff"

    monkeypatch.setattr(lab.consumer, "static_member", one_name)
    path, counter = tmp_path / "w.db", count(1)
    with consuming(topic, path, kafka) as (one, _), consuming(topic, path, kafka) as (two, _):

        def both_have_some():
            send(topic, kafka, batches=next(counter))
            return len(set(lab.partition_owners(topic, topic, **kafka).values())) == 2

        wait_for(both_have_some, pause=0.5)
        send(topic, kafka)
        wait_for(lambda: take_ledger(topic, kafka["bootstrap_servers"], path).lost == 0)
        assert one.reconnects + two.reconnects == 1
    said = [
        record.getMessage()
        for record in caplog.records
        if "is called twin-1-ffffffff as" in record.msg % record.args
    ]
    assert len(said) == 1 and re.search(r"goes on as twin-1-[0-9a-f]{8}-ffffffff\.", said[0])
    assert take_ledger(topic, kafka["bootstrap_servers"], path).clean


def test_a_group_that_stores_elsewhere_is_not_joined(topic, kafka, tmp_path, caplog):
    mine, theirs = tmp_path / "mine.db", tmp_path / "theirs.db"
    with consuming(topic, theirs, kafka) as (first, _):
        wait_for(lambda: len(lab.partition_owners(topic, topic, **kafka)) == 2)
        with lab.Warehouse(str(mine)) as warehouse:
            told = f"Group {topic} has a member that stores {topic} in another warehouse: .*LAB_GROUP"
            with pytest.raises(GroupError, match=told):
                lab.consume(topic, warehouse, group_id=topic, idle_timeout=20, **kafka)
            send(topic, kafka)
            wait_for(lambda: first.stored == 200)
            summary = lab.consume(topic, warehouse, group_id=f"{topic}-2", max_messages=200, **kafka)
            assert summary.stored == 200
    for path in (mine, theirs):
        assert take_ledger(topic, kafka["bootstrap_servers"], path).clean


def test_a_group_of_another_topic_is_no_matter(topic, kafka, tmp_path):
    other = lab.fresh_name("other")
    send(other, kafka)
    with consuming(topic, tmp_path / "theirs.db", kafka), lab.Warehouse(str(tmp_path / "w.db")) as warehouse:
        wait_for(lambda: len(lab.partition_owners(topic, topic, **kafka)) == 2)
        assert lab.consume(other, warehouse, group_id=topic, max_messages=200, **kafka).stored == 200


def test_of_two_that_come_at_once_into_other_warehouses_at_most_one_goes_on(kafka, tmp_path):
    for number in range(3):
        topic = lab.fresh_name("at-once")
        lab.create_topic(topic, num_partitions=2, **kafka)
        send(topic, kafka)
        paths = [tmp_path / f"{number}-{name}.db" for name in "ab"]
        with consuming(topic, paths[0], kafka) as one, consuming(topic, paths[1], kafka) as two:
            wait_for(lambda: one[1] or two[1])
            ended = one if one[1] else two
            going_on = two if ended is one else one
            wait_for(lambda one=going_on: one[1] or one[0].stored == 200)
        assert all("in another warehouse" in text for text in one[1] + two[1])


def test_two_groups_on_one_warehouse_are_told_of_each_other(topic, kafka, tmp_path, caplog):
    path, feed = tmp_path / "w.db", numbered_readings()
    groups = [f"{topic}-a", f"{topic}-b"]
    settings = Settings(topic=topic, warehouse=str(path), group=groups[0], **kafka)
    with consuming(topic, path, kafka, groups[0]), consuming(topic, path, kafka, groups[1]):
        told = re.compile(
            rf"Fenced \d+ times: \S+ of group {topic}-[ab] stores {topic} in the same warehouse"
        )

        def is_said():
            lab.produce(topic, islice(feed, 5), interval=0.02, **kafka)
            return told.search(caplog.text)

        wait_for(is_said)
        fault = check_warehouse(settings)
        assert f"the groups {groups[0]} and {groups[1]} both store {topic} in it" in fault.found
        assert "One group is enough" in fault.fix
        place = {"LAB_TOPIC": topic, "LAB_WAREHOUSE": str(path), "LAB_GROUP": groups[0]}
        shown = subprocess.run(
            [sys.executable, "-m", "lab", "status"],
            env=os.environ | place,
            capture_output=True,
            encoding="utf-8",
        )
        assert f"The groups {groups[0]} and {groups[1]} both store {topic} in it" in shown.stdout
    wait_for(lambda: not lab.group_assignments(groups[0], **kafka))
    assert len(told.findall(caplog.text)) <= 2  # each of them once
    assert check_warehouse(settings).ok
