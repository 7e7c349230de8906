"""The class: a learner joins, checks send events through an outbox, and the board counts each once."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaProducer

import lab
from lab.classroom.attendance import membership as joining
from lab.classroom.attendance import outbox
from lab.classroom.attendance.board import ClassBoard, class_board, make_board
from lab.classroom.attendance.event import TOPIC, OddEvent, decode_event, encode_event, new_event
from lab.classroom.attendance.membership import MAX_ALIAS
from lab.classroom.attendance.showing import as_text
from lab.classroom.exercises import report
from lab.classroom.exercises.exercise import exercise_numbers
from lab.clients.connection import connect
from lab.embedded.ports import free_ports
from lab.errors import LabError
from tests.support.proxy import ProxiedBroker
from tests.support.waiting import wait_for

KIT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A kit of the test's own, in which a check may find anything."""
    monkeypatch.delenv("LAB_CHECK", raising=False)
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "kit"))
    monkeypatch.setattr(joining, "_in_this_kernel", {})
    monkeypatch.setattr(report, "_tries", Counter())  # as in a new kernel: no hint was given yet
    yield tmp_path / "kit"
    lab.leave_class()


def run(code, home, *arguments, kill=False):
    """A notebook of this kit: a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"LAB_HOME": str(home), "PYTHONUTF8": "1"},
        cwd=KIT,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == (9 if kill else 0), done.stderr
    return done.stdout


# Joining, and not.


@pytest.mark.broker
def test_who_has_not_joined_sends_nothing_at_all(monkeypatch):
    """The address is that of a class that was joined and left: nobody connects to it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(1.5)
        there = f"127.0.0.1:{server.getsockname()[1]}"
        lab.join_class("ana", there)
        lab.leave_class()
        assert lab.check("00.1", None, "x").sent == lab.solution("00.1").sent == ""
        assert outbox.is_empty() and outbox.send_waiting()
        with pytest.raises(TimeoutError):
            server.accept()
        lab.join_class("ana", there)  # and this is how it would be seen
        assert "ana" in lab.check("00.1", None, "x").sent
        server.settimeout(20)
        server.accept()[0].close()


def test_every_notebook_of_the_kit_knows_it(home):
    shown = repr(lab.join_class(" Ana\N{LATIN SMALL LETTER E WITH ACUTE} ", "127.0.0.1:1"))
    assert "alias" in shown and "Your code stays here. leave_class() ends it." in shown
    ask = "from lab.classroom.attendance.membership import membership; print(membership().alias)"
    assert run(ask, home).strip() == "Ana\N{LATIN SMALL LETTER E WITH ACUTE}"
    lab.leave_class()
    lab.leave_class()
    assert joining.membership() is None


def test_who_leaves_takes_back_what_was_not_sent(home, capsys):
    lab.join_class("ana", f"127.0.0.1:{free_ports(1)[0]}")
    lab.check("00.1", None, "x")
    assert len(joining.waiting_events()) == 1
    lab.leave_class()
    assert joining.waiting_events() == []
    assert "Nothing more is sent." in capsys.readouterr().out


@pytest.mark.parametrize(
    "alias", ["", " ", "a" * (MAX_ALIAS + 1), "a\nb", "\x1b[31m", "\u202e", "\ud800", None, 7, b"ana"]
)
def test_an_alias_fits_into_a_row(alias):
    with pytest.raises(LabError, match=r'^The alias .*Type: join_class\("ana", "192\.168\.1\.5:9092"\)$'):
        lab.join_class(alias, "127.0.0.1:1")


@pytest.mark.parametrize("servers", ["", "127.0.0.1", "x:0", "x:99999", "http://x:1", None, 9092, "a:1,"])
def test_an_address_is_one(servers):
    with pytest.raises(LabError, match=r"is not the address of a broker; expected host:port. Type: join"):
        lab.join_class("ana", servers)


@pytest.mark.parametrize(
    "found", ["", "{", "[]", "7", '{"alias": "ana"}', '{"alias": "", "bootstrap_servers": "a:1"}']
)
def test_a_damaged_membership_is_none(home, found):
    (home / "class").mkdir(parents=True)
    (home / "class" / "membership.json").write_text(found, encoding="utf-8")
    assert joining.membership() is None
    assert lab.check("00.1", None, "x").sent == ""


# The outbox.


@pytest.mark.broker
def test_what_a_check_found_is_on_the_board(kafka, home):
    alias = lab.fresh_name("ana")
    lab.join_class(alias, kafka["bootstrap_servers"])
    assert (
        lab.check("00.1", None, "x").sent
        == f"For the class, as {alias}: on its way to {kafka['bootstrap_servers']}."
    )
    lab.solution("00.1")
    wait_for(outbox.is_empty)
    board = wait_for(lambda: (b := class_board(**kafka)).learners.get(alias, {}) and b)
    assert board.mark(alias, "00.1") == "0"
    assert [path.name for path in (home / "class").iterdir()] == ["membership.json"]


@pytest.mark.broker
def test_a_home_that_cannot_be_written_keeps_it_in_the_kernel(kafka, home, monkeypatch):
    home.touch()
    alias = lab.fresh_name("ro")
    lab.join_class(alias, kafka["bootstrap_servers"])
    assert lab.check("00.1", None, "x").sent
    wait_for(outbox.is_empty)
    assert class_board(**kafka).mark(alias, "00.1") == "-"


def test_a_check_does_not_wait_for_a_broker_that_is_away(monkeypatch):
    lab.join_class("ana", f"127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setattr(outbox, "send_waiting", lambda: pytest.fail("in this thread"))
    monkeypatch.setattr(outbox, "start_sending", lambda: None)
    lab.check("00.1", None, "x")
    assert ": 2 events wait for 127.0.0.1:" in repr(lab.check("00.1", None, "x"))
    assert ": 3 events wait for 127.0.0.1:" in lab.check("00.1", None, "x")._repr_html_()


@pytest.mark.broker
def test_what_is_not_acknowledged_stays_and_is_sent_again(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "start_sending", lambda: None)
    monkeypatch.setattr(outbox, "ACK_SECONDS", 1)
    with ProxiedBroker(tmp_path / "broker") as broker:
        lab.join_class("ana", broker.bootstrap_servers)
        lab.check("00.1", None, "x")
        broker.proxy.loses_request = lambda: True
        assert not outbox.send_waiting()
        assert len(joining.waiting_events()) == 1
        lost = iter([True])
        broker.proxy.loses_request, broker.proxy.loses_answer = lambda: False, lambda: next(lost, False)
        wait_for(outbox.send_waiting)
        assert list(lost) == [], "an answer was lost too"
        assert len(class_board(bootstrap_servers=broker.bootstrap_servers).ids) == 1


TELL = """
import os, sys
from lab import join_class
from lab.classroom.attendance import outbox
from lab.system.signals import wait_until
alias, servers, what = sys.argv[1:]
join_class(alias, servers)
for number in ("01.1", "02.1", "02.2"):
    for state in ("not yet", "done"):
        outbox.tell_class(number, state, hints=1)
if what == "die":
    os._exit(9)
wait_until(outbox.is_empty, timeout=60)
"""


@pytest.mark.broker
def test_a_kernel_that_is_killed_leaves_what_the_next_one_sends(kafka, home):
    alias = lab.fresh_name("kill")
    run(TELL, home, alias, f"127.0.0.1:{free_ports(1)[0]}", "die", kill=True)
    assert len(joining.waiting_events()) == 6
    lab.join_class(alias, kafka["bootstrap_servers"])
    lab.check("00.1", None, "x")
    wait_for(outbox.is_empty)
    board = class_board(**kafka)
    assert [board.mark(alias, n) for n in ("00.1", "01.1", "02.1", "02.2")] == ["-", "+", "+", "+"]


@pytest.mark.broker
def test_two_notebooks_at_once_count_each_event_once(kafka, home):
    alias = lab.fresh_name("two")
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TELL, alias, kafka["bootstrap_servers"], "send"],
            env=os.environ | {"LAB_HOME": str(home)},
            cwd=KIT,
        )
        for _ in range(2)
    ]
    assert [each.wait(120) for each in both] == [0, 0]
    sent = [decode_event(r.value) for r in lab.read_records(TOPIC, **kafka) if r.key == alias.encode()]
    assert len({event.id for event in sent}) == 12


LEARNERS = """
import os, sys
from lab import join_class
from lab.classroom.attendance import outbox
from lab.classroom.attendance.event import new_event
from lab.classroom.exercises.exercise import exercise_numbers
servers, folder, *aliases = sys.argv[1:]
def be(alias):
    os.environ["LAB_HOME"] = os.path.join(folder, alias)
for alias in aliases:
    be(alias)
    join_class(alias, servers)
for number in exercise_numbers()[:4]:
    for alias in aliases:
        be(alias)
        for state in ("not attempted", "not yet", "done"):
            event = new_event(alias, number, state)
            outbox._put(event)
            print(event.id)
        outbox.send_waiting()
while aliases:
    be(aliases[0])
    if outbox.send_waiting():
        del aliases[0]
"""


@pytest.mark.broker
def test_thirty_learners_through_a_broker_that_is_killed(own_broker, tmp_path):
    kafka = {"bootstrap_servers": own_broker.bootstrap_servers}
    aliases = [f"learner {n:02}" for n in range(30)]
    rooms = [
        subprocess.Popen(
            [sys.executable, "-c", LEARNERS, kafka["bootstrap_servers"], str(tmp_path), *aliases[n::3]],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            cwd=KIT,
        )
        for n in range(3)
    ]
    wait_for(lambda: len(class_board(**kafka).ids) > 30, timeout=60)
    own_broker.kill()
    assert any(room.poll() is None for room in rooms), "they were done before the broker died"
    own_broker.start()
    told = [line for room in rooms for line in room.communicate(timeout=120)[0].split()]
    board = class_board(**kafka)
    assert (len(told), board.ids, board.odd) == (360, set(told), 0)
    assert board.aliases() == aliases
    assert all(board.mark(alias, n) == "+" for alias in aliases for n in exercise_numbers()[:4])


# The board.


def board_of(*events) -> ClassBoard:
    return make_board(map(encode_event, events))


def test_each_event_counts_once_in_any_order():
    events = [
        new_event("ana", "02.1", "not yet", hints=2),
        new_event("ana", "02.1", "done"),
        new_event("ana", "02.1", "not attempted"),  # the lesson is run again
        new_event("ana", "02.2", "solution shown", solution_seen=True),
        new_event("ana", "02.2", "done", solution_seen=True),
        new_event("bo", "02.1", "not yet", hints=1),
        new_event("bo", "02.1", "not yet", hints=2),
        new_event("bo", "02.2", "not attempted"),
    ]
    for some in (events, events[::-1], events * 2):
        board = board_of(*some)
        marks = [board.mark(alias, n) for alias in ("ana", "bo") for n in ("02.1", "02.2", "03.1")]
        assert marks == ["+", "s", " ", "2", "-", " "]
        assert (len(board.ids), board.done_with("02")) == (8, 1)
    assert "Not yet, most often: 02.1 (1)" in repr(board)


def test_two_learners_with_one_alias_have_two_rows():
    events = [
        new_event("ana", "02.1", "done", kit="k1"),
        new_event("ana", "02.1", "not yet", hints=2, kit="k2"),
        new_event("ana", "02.2", "done", kit="k1"),
        new_event("ana (2)", "02.1", "not attempted", kit="k3"),  # an alias may look like a row
        new_event("a" * MAX_ALIAS, "02.1", "done", kit="k4"),
        new_event("a" * MAX_ALIAS, "02.1", "not yet", kit="k5"),
    ]
    board = board_of(*events)
    assert board.aliases() == [
        "a" * (MAX_ALIAS - 4) + " (2)",
        "a" * MAX_ALIAS,
        "ana",
        "ana (2)",
        "ana (2) (2)",
    ]
    assert [board.mark(row, "02.1") for row in board.aliases()] == ["0", "+", "+", "2", "-"]
    told = f"Several joined as {'a' * MAX_ALIAS}, ana: let one of them join again, with a new alias."
    assert told in repr(board) and told in board._repr_html_()
    assert "aaaa (2)" in repr(board)
    assert "Several" not in repr(board_of(*events[:1]))


@pytest.mark.broker
def test_a_kit_keeps_its_row_and_another_kit_has_its_own(kafka, home, tmp_path):
    alias = lab.fresh_name("one")
    for kit in (home, tmp_path / "another kit", home):  # the last joins again, as in a second notebook
        run(TELL, kit, alias, kafka["bootstrap_servers"], "send")
    board = class_board(**kafka)
    assert [row for row in board.aliases() if row.startswith(alias)] == [alias, f"{alias} (2)"]


def test_an_event_that_comes_again_later_moves_nobody_back():
    first, second = new_event("ana", "02.1", "done"), new_event("ana", "03.1", "not yet")
    assert board_of(first, second, first).at == {"ana": "03.1"}


def test_it_says_where_most_are_and_when_to_go_on():
    events = [new_event(f"l{n}", "03.1", "done") for n in range(9)]
    events += [new_event(f"l{n}", "03.2", "done" if n < 6 else "not yet") for n in range(9)]
    events += [new_event("early", "04.1", "not yet")]
    board = board_of(*events)
    assert board.summary() == [
        "Most are at lesson 03 (9 of 10); 6 are done. Go on when nearly all are.",
        "Not yet, most often: 03.2 (3), 04.1 (1)",
    ]
    assert "Nobody has sent anything yet. A learner types: join_class(" in repr(ClassBoard())


SOUND = json.loads(encode_event(new_event("ana", "02.1", "done")))
ODD = [
    *(None, b"", b"\xff\xfe", b"{", b"[]", b"7", b"null", b"[" * 100_000, b'{"version": 1}'),
    *(
        json.dumps(SOUND | odd).encode()
        for odd in (
            {"version": 2}, {"version": None}, {"more": 1}, {"id": ""}, {"id": 7}, {"id": "x" * 65},
            {"id": []}, {"alias": "a" * 500}, {"alias": "\x1b[2J"}, {"alias": "a\nb"}, {"alias": ["a"]},
            {"alias": "\ud800"}, {"exercise": "99.1"}, {"exercise": 2.1}, {"exercise": []},
            {"state": "won"}, {"state": {}},
            {"hints": -1}, {"hints": 100}, {"hints": True}, {"hints": "1"}, {"hints": float("nan")},
            {"solution_seen": 1},
            {"ts": "now"}, {"ts": 0}, {"ts": "2" * 50}, {"kit": 7}, {"kit": "x" * 65},
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_an_odd_message_is_none_of_them(value):
    with pytest.raises(OddEvent):
        decode_event(value)


def test_odd_messages_are_left_out_and_counted_in_one_line():
    board = make_board([*ODD, encode_event(new_event("ana", "02.1", "done"))])
    assert (board.aliases(), board.odd) == (["ana"], len(ODD))
    assert repr(board).splitlines()[-1] == f"Left out: {len(ODD)} messages that are no events of this kit."


def test_thirty_learners_fit_on_a_projector():
    names = [
        "\N{CJK UNIFIED IDEOGRAPH-5B66}" * MAX_ALIAS,
        "a" * MAX_ALIAS,
        *(f"learner {n}" for n in range(28)),
    ]
    events = [new_event(alias, n, "done") for alias in names for n in exercise_numbers()]
    lines = as_text(replace(board_of(*events), odd=3)).splitlines()
    assert len(lines) <= 39, "and the line of the cursor"
    assert max(map(len, lines)) <= 80
    assert "+" in lines[1] and lines[31].startswith("all of it done") and " 30  30 " in lines[31]
    many = repr(board_of(*[new_event(f"l{n}", "02.1", "done") for n in range(150)]))
    assert "Not shown: 50 more learners." in many and len(many.splitlines()) < 110


def test_in_a_notebook_nothing_in_an_alias_is_markup():
    shown = board_of(new_event("<b>ana</b>", "02.1", "not yet"))._repr_html_()
    assert "&lt;b&gt;ana" in shown and "<b>ana" not in shown
    assert "background: #a34a00; color: white" in shown


# The command.


@pytest.mark.broker
def test_a_program_that_is_no_terminal_gets_it_once(kafka):
    done = subprocess.run(
        [sys.executable, "-m", "lab", "class"],
        env=os.environ | {"LAB_BOOTSTRAP_SERVERS": kafka["bootstrap_servers"]},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        cwd=KIT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("all of it done") == 1 and "\x1b" not in done.stdout


@pytest.mark.broker
@pytest.mark.skipif(os.name == "nt", reason="a terminal of POSIX")
def test_in_a_terminal_it_is_live_through_a_restart_of_the_broker(own_broker):
    import pty

    kafka = {"bootstrap_servers": own_broker.bootstrap_servers}
    ours, theirs = pty.openpty()
    environment = os.environ | {"LAB_BOOTSTRAP_SERVERS": own_broker.bootstrap_servers, "TERM": "xterm"}
    shown = b""

    def shows(words: bytes):
        nonlocal shown
        shown += os.read(ours, 100_000)
        return words in shown

    board = subprocess.Popen(
        [sys.executable, "-m", "lab", "class"], env=environment, stdout=theirs, stderr=theirs, cwd=KIT
    )
    try:
        wait_for(lambda: shows(b"Nobody has sent anything yet"))
        lab.create_topic(TOPIC, **kafka)
        send(kafka, new_event("ana", "02.1", "done"))
        wait_for(lambda: shows(b"\x1b[32m+"))
        own_broker.kill()
        own_broker.start()
        send(kafka, new_event("bo", "02.1", "not yet", hints=3))
        wait_for(lambda: shows(b"\x1b[33m\x1b[1m3"), timeout=60)
        board.send_signal(signal.SIGINT)
        assert board.wait(30) in (0, 130)
    finally:
        board.kill()
        board.wait()
        os.close(ours)
        os.close(theirs)


def send(kafka, event):
    with connect(KafkaProducer, **kafka) as producer:
        producer.send(TOPIC, encode_event(event)).get(timeout=30)
