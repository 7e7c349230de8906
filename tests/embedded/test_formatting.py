"""A data folder made from what Kafka's tool wrote before is like one that the tool makes."""

import pytest

from lab.clients.connection import is_answering
from lab.embedded import formatting
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.formatting import FEATURES, IDS, format_folder
from lab.embedded.nodes import Node
from lab.embedded.ports import free_ports
from lab.embedded.properties import server_properties


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where the features are kept in this test; there are none yet."""
    cache = tmp_path / "java" / "kafka-test.aot"
    cache.parent.mkdir()
    monkeypatch.setattr("lab.embedded.java.cache_file", lambda java, jars: cache)
    return cache.with_suffix(".features")


@pytest.fixture
def tool(monkeypatch):
    """The calls of Kafka's tool, which here only writes the features."""
    calls = []

    def run(folder, cluster_id, quick):
        calls.append(folder.name)
        (folder / FEATURES).parent.mkdir(parents=True)
        (folder / FEATURES).write_bytes(b"features")

    monkeypatch.setattr(formatting, "_run_tool", run)
    return calls


def form(home, number=1, quick=True, **properties):
    """Format the folder of a node; return it."""
    node = Node(number, *free_ports(2), folder=home / f"broker-{number}")
    home.mkdir(exist_ok=True)
    format_folder(node.folder, server_properties(node, [node]) | properties, quick)
    return node.folder


def ids_of(folder):
    lines = (folder / IDS).read_text(encoding="ascii").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@pytest.mark.broker
def test_the_second_is_like_the_first_and_starts_without_the_tool(tmp_path, kept, monkeypatch):
    first = form(tmp_path / "first")
    monkeypatch.setattr(formatting, "_run_tool", lambda *_: pytest.fail("the tool was run"))
    second = form(tmp_path / "second")
    files = [{path.relative_to(folder) for path in folder.rglob("*")} for folder in (first, second)]
    assert files[0] == files[1]
    assert (first / FEATURES).read_bytes() == (second / FEATURES).read_bytes()
    old, new = ids_of(first), ids_of(second)
    assert old.keys() == new.keys()
    assert {name for name in old if old[name] == new[name]} == {"version", "node.id"}
    assert {name: len(value) for name, value in old.items()} == {n: len(value) for n, value in new.items()}
    with EmbeddedBroker(tmp_path / "second", free_ports(1)[0]) as broker:
        assert is_answering(broker.bootstrap_servers)
        assert ids_of(second) == new


def test_nodes_of_one_home_have_one_cluster_and_ids_of_their_own(tmp_path, kept, tool):
    form(tmp_path / "before")
    one, two = (ids_of(form(tmp_path / "home", number)) for number in (1, 2))
    assert tool == ["broker-1.new"]
    assert one["cluster.id"] == two["cluster.id"]
    assert (one["node.id"], two["node.id"]) == ("1", "2")
    assert one["directory.id"] != two["directory.id"]


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda kept: kept[:-1], lambda kept: kept[:5] + b"x" + kept[6:]]
)
def test_what_is_kept_and_damaged_is_made_anew(tmp_path, kept, tool, damage):
    form(tmp_path / "first")
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert (form(tmp_path / "second") / FEATURES).read_bytes() == b"features"
    assert (len(tool), kept.read_bytes()) == (2, whole)


@pytest.mark.parametrize(
    "unusual", [{"log.dirs": "a,b"}, {"metadata.log.dir": "elsewhere"}, {"quick": False}], ids=str
)
def test_a_folder_of_another_kind_is_made_by_the_tool(tmp_path, kept, tool, unusual):
    form(tmp_path / "first")
    form(tmp_path / "second", **unusual)
    assert len(tool) == 2


def test_where_nothing_can_be_kept_the_tool_makes_each(tmp_path, kept, tool, monkeypatch):
    monkeypatch.setattr("lab.embedded.java.cache_file", lambda java, jars: None)
    form(tmp_path / "first")
    form(tmp_path / "second")
    assert (len(tool), kept.exists()) == (2, False)
