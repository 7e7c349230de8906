"""Odd values at every option of every command and at every setting: one line, and never a traceback.

The options come from the parser and the settings from `Settings`, so that a new one is covered by itself.
"""

import os
import time
from dataclasses import fields
from functools import partial
from pathlib import Path

import click
import pytest

import lab.cli.demo
from lab.cli import main
from lab.errors import SettingsError
from lab.readings import Batch, DeadLetter
from lab.settings import Settings
from tests.support.commands import command_names, find
from tests.support.waiting import soon, stop_after

SECONDS = 0.3  # that a command gets which goes on until Ctrl-C
BOUND = 10.0  # seconds in which every call has to end, also on a machine that is busy
NUMBERS = ["nan", "inf", "1e308", "1e10", "-1", "0", "65536", "99999999", "9" * 30, "9" * 5000]
TEXTS = ["", " ", "ü✓\U0001f600", "a\0b", "\udcff", "two\nlines", "\x1b[2J", "x" * 5000, "--", "=", "{}", "["]
PATHS = [".", "..", "no/such/x", "../x", "~nobody-such/x", "con", "*?"]
URLS = ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///../x.db", f"sqlite:///{os.devnull}"]
URLS += ["postgresql://", "postgresql:", "host=x", "__consumer_offsets", "[::1]:x", "x:9092,", "ü.x:1"]
# What bounds a command, and what it cannot do without.
USUAL = {
    "produce": ["--batches", "2", "--interval", "0"],
    "consume": ["--idle-timeout", "0.05"],
    "dead-letters replay": ["1"],
}


def options_of(command: str) -> dict[str, click.Parameter]:
    params = {param.name: param for param in find(command).params}
    return {name: param for name, param in params.items() if not getattr(param, "is_flag", False)}


OPTIONS = [(command, name) for command in command_names() for name in options_of(command)]


@pytest.fixture
def place(tmp_path, kafka, monkeypatch):
    """A folder, a topic and a warehouse with a dead letter, of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAB_WAREHOUSE", str(tmp_path / "warehouse.db"))
    monkeypatch.setenv("LAB_TOPIC", lab.fresh_name("odd"))
    with lab.Warehouse(str(tmp_path / "warehouse.db")) as warehouse:
        letter = DeadLetter(0, b"key", b"{}", "no reading")
        warehouse.store("a-topic", "id", [Batch(0, None, 1, dead_letters=[letter])])
    return tmp_path


@pytest.fixture
def call(place, own_logging, monkeypatch, capsys):
    """A command in this process, which ends soon, in one of the ways that are agreed."""
    for module in ("producer", "consumer"):
        monkeypatch.setattr(f"lab.{module}.stop_on_signals", partial(stop_after, SECONDS))
    monkeypatch.setattr("lab.cli.demo.run_demo", lambda settings, output: output.write_bytes(b""))

    def run(*arguments: str) -> None:
        began, code = time.monotonic(), main(list(arguments))
        said = capsys.readouterr()
        what = f"{[text[:60] for text in arguments]}: {code}\n{said.err}"
        assert code in (0, 1, 2, 130), what
        assert "Traceback" not in said.out + said.err, what
        assert code in (0, 130) or said.err or said.out, what
        assert said.err.count("\n") <= (1 if code == 2 else 3), what
        took = time.monotonic() - began
        assert took < BOUND or took < soon(BOUND), what  # `soon` costs as much as some calls

    return run


@pytest.mark.parametrize(("command", "name"), OPTIONS)
def test_an_odd_value_at_any_option_is_one_line_at_most(command, name, call, place):
    option = options_of(command)[name]
    odd = [*NUMBERS, *TEXTS, *PATHS, str(place)]
    if name == "output":
        odd += [f"{text}.png" for text in [*TEXTS, *PATHS]] + [os.devnull]
    if name == "changes":
        odd += [f"{text}={text}" for text in TEXTS]
    for text in odd:
        if isinstance(option, click.Option):
            call(*command.split(), *USUAL.get(command, []), f"{option.opts[-1]}={text}")
        else:
            call(*command.split(), text)


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_an_odd_value_of_any_setting_is_one_line_at_most(name, call, place, monkeypatch):
    for text in ["-1", *TEXTS, *PATHS, *URLS, os.devnull, str(place)]:
        try:
            Settings.from_environment({f"LAB_{name.upper()}": text})
        except SettingsError as error:
            assert len(str(error).splitlines()) == 1
        if "\0" in text or (name == "bootstrap_servers" and not text.strip()):
            continue  # the system takes no such variable; nobody is at the default address
        monkeypatch.setenv(f"LAB_{name.upper()}", text)
        is_used = not name.startswith("sasl")  # for that the broker must ask for a password
        call(*(["consume", *USUAL["consume"]] if is_used else ["dead-letters", "list"]))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("produce --sensors 99999999", "expected a number from 1 to 10000"),
        ("produce --interval 1e10", "expected a number from 0 to 2592000"),
        ("consume --metrics-port 99999", "expected a number from 1 to 65535"),
        ("topic create --partitions 1000000", "expected a number from 1 to 1000"),
        ("broker start --brokers 500", "expected a number from 1 to 9"),
        ("consume --group=", "expected 1 to 249 letters"),
        ("chart --output x.bmp", "expected a name in .png, .pdf, .svg"),
        ("demo --output no/such.png", "'no/such.png' cannot be written: No such file or directory"),
    ],
)
def test_a_refused_option_says_what_it_takes(command, said, place, capsys):
    assert main(command.split()) == 2
    assert said in capsys.readouterr().err


def test_a_picture_that_was_there_stays_while_it_is_looked_at(place, capsys):
    Path("there.png").write_bytes(b"before")
    assert main(["chart", "--output", "there.png", "--no-such-option"]) == 2
    assert Path("there.png").read_bytes() == b"before"
    assert main(["chart", "--output", "new.png", "--no-such-option"]) == 2
    assert not Path("new.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="a folder of Windows can always be written by its owner")
def test_a_home_that_cannot_be_written_is_one_line(place, own_logging, monkeypatch, capsys):
    home = Path("/proc") if os.geteuid() == 0 else place / "home"  # root may write everywhere else
    home.mkdir(mode=0o500, exist_ok=True)
    monkeypatch.setenv("LAB_HOME", str(home))
    assert main(["dead-letters", "list"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: LAB_HOME: {home} cannot be used: ")
    assert said.count("\n") == 1


def test_an_empty_value_is_not_the_old_one(place, own_logging, capsys):
    assert main(["dead-letters", "replay", "1", "--value="]) == 1
    assert "the message is empty" in capsys.readouterr().err
