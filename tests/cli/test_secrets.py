"""A password stands in many places of an address: no command, no log and no error shows it."""

import traceback

import pytest

import lab
import lab.cli.demo
from lab.cli import main
from lab.consumer import ConsumeSummary
from lab.errors import LabError
from lab.producer import ProduceSummary
from lab.settings import Settings
from lab.text.urls import is_postgresql, without_password
from lab.warehouse import Warehouse

CANARY = "canary7"
# Where nothing answers; in all but the first five it is not written as libpq wants it.
ADDRESSES = [
    f"postgresql://ada:{CANARY}@127.0.0.1:1/x",
    f"postgresql://127.0.0.1:1/x?user=ada&password={CANARY}",
    f"postgresql://127.0.0.1:1/x?user=ada&p%61ssword={CANARY}&sslpassword={CANARY}",
    f"postgres://ada:%63{CANARY[1:]}@127.0.0.1:1/x?password=a@{CANARY}",
    f"postgresql://ada:a?{CANARY}@127.0.0.1:1,127.0.0.1:2/x",
    f"postgresql://ada:a@{CANARY}@127.0.0.1:1/x",
    f"postgresql://ada:1/{CANARY}@127.0.0.1:1/x",
    f"postgresql://ada:a?/{CANARY}@127.0.0.1:1/x",
    f"postgresql://127.0.0.1?password=a@{CANARY}",
    f"postgresql://ada:{CANARY}",
    f"postgresql://ada:{CANARY}/x",
    f"postgresql:ada:{CANARY}@127.0.0.1:1/x",
    f"POSTGRESQL://ada:{CANARY}@127.0.0.1:1/x",
    f"jdbc:postgresql://127.0.0.1:1/x?password={CANARY}",
    f"host=127.0.0.1 port=1 password={CANARY}",
    f"password = '{CANARY}' host=127.0.0.1",
]
COMMANDS = ["consume", "status", "dead-letters list", "dead-letters replay 1", "chart", "reset", "doctor"]


@pytest.fixture
def place(tmp_path, kafka, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAB_TOPIC", lab.create_topic(lab.fresh_name("secret"), **kafka).name)
    return tmp_path


@pytest.fixture
def show(place, own_logging, monkeypatch, capsys, caplog):
    """All that commands with this warehouse say, and leave in files."""

    def run(url: str, *commands: str) -> str:
        monkeypatch.setenv("LAB_WAREHOUSE", url)
        for command in commands:
            main(command.split())
        said = capsys.readouterr()
        files = [path for path in place.rglob("*") if path.is_file()]
        kept = [path.name + path.read_bytes().decode("latin-1") for path in files]
        return "\n".join([said.out, said.err, caplog.text, *kept])

    return run


def error_of(act) -> str:
    """Its traceback, whole, as a notebook prints it."""
    try:
        return repr(act())
    except LabError as error:
        return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("url", ADDRESSES)
def test_no_error_and_no_name_shows_it(url):
    assert CANARY not in without_password(url)
    assert CANARY not in repr(Settings(warehouse=url))
    assert CANARY not in error_of(lambda: Settings.from_environment({"LAB_WAREHOUSE": url}))
    if url.startswith("postgres") and "//" in url:
        assert CANARY not in error_of(lambda: Warehouse(url))


@pytest.mark.parametrize("url", [ADDRESSES[1], ADDRESSES[5], ADDRESSES[-1]])
def test_no_command_shows_it_where_the_address_is_wrong(url, show):
    assert CANARY not in show(url, *COMMANDS)


def test_no_command_shows_it_where_all_is_well(postgresql, show, monkeypatch):
    done = ProduceSummary(), ConsumeSummary()
    monkeypatch.setattr("lab.cli.demo._run", lambda *arguments: done)
    url = f"{postgresql.new_database()}&password={CANARY}"
    said = show(url, "consume --idle-timeout 0.1", "demo", *COMMANDS[1:])
    assert CANARY not in said
    assert said.count("postgresql://postgres@") >= 3  # it says which, all the same


def test_what_libpq_reads_as_we_do_is_an_address():
    assert [is_postgresql(url) for url in ADDRESSES] == [True] * 5 + [False] * (len(ADDRESSES) - 5)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:x@[::1]:5432/lab?sslmode=require", "postgresql://ada:...@[::1]:5432/lab"),
        ("postgresql://ada@one:1,two:2/lab", "postgresql://ada@one:1,two:2/lab"),
        ("postgresql:///lab?host=/tmp", "postgresql:///lab"),
        ("sqlite:///a=1/w:x@y.db", "sqlite:///a=1/w:x@y.db"),
        (r"C:\Users\Ada\w.db", r"C:\Users\Ada\w.db"),
        ("mysql://ada:x@db", "mysql://..."),
    ],
)
def test_the_rest_is_shown(url, shown):
    assert without_password(url) == shown
