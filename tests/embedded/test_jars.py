"""Kafka's own files: what is altered, cut off or missing is found, and never used."""

import re
import shutil
from importlib.resources import files

import pytest
from jgo.maven import MavenContext

from lab.embedded import jars
from lab.embedded.jars import damaged_jars, fetch_jars, jar_path
from lab.errors import JarError


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A Maven folder with the three smallest jars, the only ones that are asked for; no network."""
    pins = jars._pins()
    home = MavenContext().repo_cache
    by_size = sorted(pins, key=lambda pin: jar_path(home, pin[0]).stat().st_size)
    monkeypatch.setattr(jars, "_pins", lambda: by_size[:3])
    for coordinate, _ in by_size[:3]:
        source, target = (jar_path(folder, coordinate) for folder in (home, tmp_path))
        target.parent.mkdir(parents=True)
        shutil.copy(source, target)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody is there
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    return tmp_path


def test_the_list_names_each_jar_once_with_its_checksum():
    lines = files("lab.embedded").joinpath("kafka-jars.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[\w.-]+:[\w.-]+:[\w.-]+ [0-9a-f]{64}", line) for line in lines)
    names = [line.rpartition(":")[0] for line in lines]
    assert len(set(names)) == len(names)
    assert "org.apache.kafka:kafka_2.13" in names


@pytest.mark.parametrize("m2_repo", ["", "elsewhere"])
def test_the_jars_are_looked_for_where_jgo_keeps_them(monkeypatch, tmp_path, m2_repo):
    """The kit finds them without jgo, whose import takes longer than all the rest of a start."""
    monkeypatch.delenv("M2_REPO", raising=False)
    if m2_repo:
        monkeypatch.setenv("M2_REPO", str(tmp_path / m2_repo))
    context = MavenContext()
    assert jars.maven_folder() == context.repo_cache
    for coordinate, _ in jars._pins():
        assert jar_path(context.repo_cache, coordinate) == jars.artifact(context, coordinate).cached_path


def test_whole_jars_are_used_with_no_network(repository):
    found = fetch_jars(repository)
    assert len(found) == 3
    assert all(path.is_relative_to(repository) and path.suffix == ".jar" for path in found)
    assert damaged_jars(repository) == []


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-1])


def remove(path):
    path.unlink()


@pytest.mark.parametrize("damage", [flip_a_byte, cut_off, remove])
def test_a_damaged_jar_is_found_and_without_a_network_said_and_not_used(repository, damage):
    path = fetch_jars(repository)[1]
    damage(path)
    assert damaged_jars(repository) == [path]
    said = rf"{path.name} of Kafka could not be fetched .* Connect to the internet"
    with pytest.raises(JarError, match=said):
        fetch_jars(repository)


def test_a_damaged_jar_is_fetched_anew_and_the_others_are_left(repository, monkeypatch):
    whole = fetch_jars(repository)
    content, times = whole[1].read_bytes(), [path.stat().st_mtime_ns for path in whole]
    flip_a_byte(whole[1])
    fetched = serve(monkeypatch, {whole[1]: content})
    assert fetch_jars(repository) == whole
    assert fetched == [whole[1]]
    assert whole[1].read_bytes() == content
    assert [whole[n].stat().st_mtime_ns for n in (0, 2)] == [times[0], times[2]]


def test_a_network_that_changes_files_is_refused(repository, monkeypatch):
    whole = fetch_jars(repository)
    whole[1].unlink()
    fetched = serve(monkeypatch, {whole[1]: b"not what was asked for"})
    with pytest.raises(
        JarError, match=r"is not the file that lab/embedded/kafka-jars.txt names, even after a new download"
    ):
        fetch_jars(repository)
    assert fetched == [whole[1]] * 2


def serve(monkeypatch, contents):
    """A Maven repository that answers with these contents; returns the list of what it was asked for."""
    fetched = []

    def resolve(artifact):
        path = artifact.cached_path
        fetched.append(path)
        path.write_bytes(contents[path])
        return path

    monkeypatch.setattr("jgo.maven.Artifact.resolve", resolve)
    return fetched
