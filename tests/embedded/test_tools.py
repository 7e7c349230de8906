"""Kafka's own tools: the table of them agrees with Kafka's jars, and the address is where it belongs."""

import os
import signal
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from lab.embedded.jars import fetch_jars
from lab.embedded.java import environment, java_command
from lab.embedded.tools import (
    PACKAGE,
    TOOLS,
    _in_quotes,
    _signals_for_the_tool,
    wants_address,
    with_address,
)

# These have a `main`, and no script whose name begins with `kafka-`.
WITHOUT_A_SCRIPT = {
    "ClientCompatibilityTest", "ConnectInternalTopics", "ConnectPluginPath", "LogCompactionTester",
    "OAuthCompatibilityTool", "TransactionalMessageCopier",
}  # fmt: skip
SERVER = "other:1"


@cache
def classes(jar: str) -> dict[str, bytes]:
    """{name of a class: its bytes} of a jar of Kafka."""
    path = next(path for path in fetch_jars() if path.name.startswith(jar))
    with zipfile.ZipFile(path) as file:
        names = [name for name in file.namelist() if name.endswith(".class")]
        return {name.removesuffix(".class").replace("/", "."): file.read(name) for name in names}


def jar_of(tool: str) -> str:
    return "kafka-tools-4" if TOOLS[tool].main_class.startswith(PACKAGE) else "kafka_2.13"


def has_main(content: bytes) -> bool:
    return b"([Ljava/lang/String;)V" in content and b"\x00\x04main" in content


def test_every_program_of_the_jar_is_a_tool():
    """So a tool that a new Kafka has is noticed."""
    found = {name for name, content in classes("kafka-tools-4").items() if has_main(content)}
    left_out = {name for name in found if name.rpartition(".")[2] in WITHOUT_A_SCRIPT}
    ours = {tool.main_class for tool in TOOLS.values() if tool.main_class.startswith(PACKAGE)}
    assert found - left_out == ours


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_takes_an_address_as_its_class_says(name):
    """The names of its options are texts in its class, or in that of its options."""
    main_class = TOOLS[name].main_class
    own = [content for each, content in classes(jar_of(name)).items() if each.startswith(main_class)]
    assert own and has_main(classes(jar_of(name))[main_class])
    assert any(b"bootstrap-server" in each for each in own) == (TOOLS[name].address_at is not None)
    if TOOLS[name].address_at is not None:
        assert any(b"command-config" in each for each in own)


@pytest.mark.broker
@pytest.mark.long_run
def test_a_tool_takes_an_address_as_its_help_says(tmp_path):
    """Java is started for each, so this is no test for every day."""

    def ask(name: str) -> str:
        before = {"cluster": ["cluster-id"], "e2e-latency": ["--bootstrap-server", SERVER]}.get(name, [])
        command = java_command(TOOLS[name].main_class, *before, "--help")
        done = subprocess.run(
            command, env=environment(), cwd=tmp_path, capture_output=True, text=True, encoding="utf-8"
        )
        return done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        helps = dict(zip(TOOLS, pool.map(ask, TOOLS)))
    assert all("--help" in said or "-h" in said for said in helps.values())
    takes = {name for name, said in helps.items() if "--bootstrap-server" in said}
    assert takes == {name for name, tool in TOOLS.items() if tool.address_at is not None}
    assert [name for name in takes if "--command-config" not in helps[name]] == []


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("topics --list", "topics --bootstrap-server other:1 --list"),
        ("broker-api-versions", "broker-api-versions --bootstrap-server other:1"),
        ("metadata-quorum describe --status", "metadata-quorum --bootstrap-server other:1 describe --status"),
        ("cluster cluster-id", "cluster cluster-id --bootstrap-server other:1"),
        ("cluster api-versions -b x:9", None),
        ("cluster", None),  # it says which commands it has
        ("topics --bootstrap-server x:9 --list", None),
        ("topics --list --bootstrap-server=x:9", None),
        ("topics --list --bootstrap x:9", None),
        ("configs --bootstrap-controller x:9 --describe", None),
        ("topics --help", None),
        ("transactions --version", None),
        ("dump-log --files x.log", None),
        ("storage random-uuid", None),
        ("replica-verification --broker-list x:9", None),
        ("producer-perf-test --topic t --producer-props acks=1 bootstrap.servers=x:9", None),
        ("e2e-latency x:9 t 10 1 10", None),
        ("e2e-latency --topic t", "e2e-latency --bootstrap-server other:1 --topic t"),
        ("topics --create --topic b", "topics --bootstrap-server other:1 --create --topic b"),
        ("topics --create --topic --", "topics --bootstrap-server other:1 --create --topic --"),
    ],
)
def test_the_address_is_filled_in_unless_it_is_given(line, wanted):
    name, *arguments = line.split()
    servers = SERVER if wants_address(name, arguments) else None
    assert [name, *with_address(name, arguments, servers)] == (wanted or line).split()


def test_the_security_settings_are_filled_in_unless_they_are_given():
    file = Path("client.properties")
    config = ["--command-config", "client.properties"]
    assert with_address("topics", ["--list"], SERVER, file) == [
        "--bootstrap-server",
        SERVER,
        *config,
        "--list",
    ]
    # Another broker does not get the password.
    given = ["--bootstrap-server", "x:9", "--list"]
    assert with_address("topics", given, None, file) == given
    made = ["--create", "--config", "retention.ms=1"]  # --config of a topic is no file
    assert with_address("topics", made, SERVER, file) == ["--bootstrap-server", SERVER, *config, *made]
    for own in ("--command-config=own", "--producer.config=own"):
        assert with_address("console-producer", [own], SERVER, file) == ["--bootstrap-server", SERVER, own]
    for name, line in (("dump-log", "--files x.log"), ("cluster", ""), ("e2e-latency", "x:9 t 10 1 10")):
        assert with_address(name, line.split(), None, file) == line.split()


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("lesson-04.*", '"lesson-04.*"'),
        ("what?", '"what?"'),
        ("C:\\logs\\*\\", '"C:\\logs\\*\\\\"'),
        ('"*', r'"\"*"'),
        ("two *", '"two *"'),
        ("--topic", "--topic"),
    ],
)
def test_on_windows_java_does_not_put_names_of_files_in_the_place_of_a_star(word, written):
    assert _in_quotes(word) == written


@pytest.mark.skipif(os.name == "nt", reason="Windows has no nohup")
def test_what_is_ignored_stays_ignored():
    """As under `nohup`: the tool goes on when the terminal is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _signals_for_the_tool():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_IGN, signal.SIG_DFL)
    finally:
        signal.signal(signal.SIGHUP, before)
