"""Where things are: defaults, the environment, and bad values refused by name."""

import os
import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

import lab
from lab.errors import SettingsError
from lab.settings import Settings

KIT = Path(lab.__file__).resolve().parent.parent


def test_nothing_set_gives_the_defaults():
    assert Settings.from_environment({}) == Settings(
        bootstrap_servers="localhost:9092",
        topic="sensor-data",
        group="sensor-logs",
        warehouse="sqlite:///warehouse.db",
        home=KIT / ".lab",
    )


def test_every_field_is_read_from_its_variable(tmp_path):
    (tmp_path / "ca.pem").touch()
    values = {
        "bootstrap_servers": "one:9092,[::1]:9093",
        "topic": "readings.v2",
        "group": "night-shift",
        "warehouse": "postgresql://db/lab",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": "ada",
        "sasl_password": "secret",
        "ssl_cafile": str(tmp_path / "ca.pem"),
    }
    environ = {f"LAB_{name.upper()}": value for name, value in values.items()}
    settings = Settings.from_environment(environ | {"LAB_HOME": str(tmp_path)})
    assert settings == Settings(**values, home=tmp_path)


def test_an_empty_variable_counts_as_not_set():
    assert Settings.from_environment({"LAB_TOPIC": "", "LAB_HOME": "  "}) == Settings.from_environment({})


def test_it_reads_the_environment_of_the_process_as_it_is_now(monkeypatch):
    monkeypatch.setenv("LAB_TOPIC", "set-just-now")
    assert Settings.from_environment().topic == "set-just-now"


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Settings().topic = "other"


def test_the_password_is_not_shown():
    assert "secret" not in repr(Settings(sasl_password="secret"))


A_SERVER = "host:port, for example localhost:9092"
A_DATABASE = "sqlite:///file.db or postgresql://..."
A_TOPIC = "letters, digits, '.', '_' and '-', at most 249 of them"


@pytest.mark.parametrize(
    ("variable", "value", "found", "expected"),
    [
        ("LAB_BOOTSTRAP_SERVERS", "localhost", "localhost", A_SERVER),
        ("LAB_BOOTSTRAP_SERVERS", "localhost:9092,", "", A_SERVER),
        ("LAB_BOOTSTRAP_SERVERS", "localhost:65536", "localhost:65536", A_SERVER),
        ("LAB_BOOTSTRAP_SERVERS", "http://localhost:9092", "http://localhost:9092", A_SERVER),
        ("LAB_TOPIC", "sensor data", "sensor data", A_TOPIC),
        ("LAB_TOPIC", "..", "..", A_TOPIC),
        (
            "LAB_TOPIC",
            "__consumer_offsets",
            "__consumer_offsets",
            "another name, for those with '__' are Kafka's own",
        ),
        ("LAB_GROUP", "x" * 250, "x" * 20 + "...", "at most 249 letters"),
        ("LAB_WAREHOUSE", "sqlite://w.db", "sqlite://", A_DATABASE),
        ("LAB_WAREHOUSE", "sqlite:w.db", "sqlite:", A_DATABASE),
        (
            "LAB_WAREHOUSE",
            "sqlite:///:memory:",
            "sqlite:///:memory:",
            "a file, for other programs read it as well",
        ),
        ("LAB_WAREHOUSE", ":memory:", ":memory:", "a file, for other programs read it as well"),
        # The scheme alone: the rest may hold a password.
        ("LAB_WAREHOUSE", "mysql://ada:secret@db/lab", "mysql://", A_DATABASE),
        ("LAB_WAREHOUSE", "postgresql:ada:secret@db/lab", "postgresql:", A_DATABASE),
        ("LAB_WAREHOUSE", "host=db password=secret", "host=", A_DATABASE),
        ("LAB_BOOTSTRAP_SERVERS", "kafka://ada:secret@db:1", "...@db:1", A_SERVER),
        ("LAB_SECURITY_PROTOCOL", "TLS", "TLS", "PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ("LAB_SASL_MECHANISM", "GSSAPI", "GSSAPI", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
        ("LAB_SSL_CAFILE", "no-such.pem", str(KIT / "no-such.pem"), "a file with the certificates to trust"),
    ],
)
def test_a_bad_value_is_refused_by_name(variable, value, found, expected):
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({variable: value})
    assert str(refused.value) == f"{variable}: {found!r} cannot be used; expected {expected}."


@pytest.mark.parametrize("field", Settings.__dataclass_fields__)
@pytest.mark.parametrize("odd", ["a\0b", "a\nb", "\x1b[2J", "a\udcffb"])
def test_what_is_no_text_is_refused_without_showing_it_all(field, odd):
    name = f"LAB_{field.upper()}"
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({name: f"secret{odd}"})
    assert re.fullmatch(f"{name} has '.+' in it, which cannot be used there.", str(refused.value))
    assert "secret" not in str(refused.value)


def test_a_user_who_is_not_there_is_said():
    with pytest.raises(SettingsError, match=r"^~nobody-such.x: there is no such user here\."):
        Settings.from_environment({"LAB_HOME": "~nobody-such/x"})


def test_a_user_whose_folder_is_only_guessed_is_said(tmp_path, monkeypatch):
    """Windows does not look a name up: it takes the folder of that name beside your own."""
    monkeypatch.setattr(Path, "expanduser", lambda path: tmp_path / str(path).removeprefix("~"))
    with pytest.raises(SettingsError, match=r"^~nobody-such.x: there is no such user here\."):
        Settings.from_environment({"LAB_HOME": "~nobody-such/x"})
    (tmp_path / "somebody").mkdir()
    assert Settings.from_environment({"LAB_HOME": "~somebody/x"}).home == tmp_path / "somebody" / "x"


@pytest.mark.skipif(os.name == "nt", reason="Windows does not remove the folder that somebody is in")
def test_a_folder_that_is_gone_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    with pytest.raises(SettingsError, match="The folder that you are in is gone"):
        Settings.from_environment({})


def test_sasl_without_a_name_and_a_password_is_refused():
    with pytest.raises(SettingsError, match="set LAB_SASL_MECHANISM, LAB_SASL_USERNAME and"):
        Settings.from_environment({"LAB_SECURITY_PROTOCOL": "SASL_SSL", "LAB_SASL_MECHANISM": "PLAIN"})


@pytest.mark.parametrize("topic", ["a", "x" * 249, "a.b_c-D9", "..."])
def test_every_name_that_kafka_takes_for_a_topic_is_taken(topic):
    assert Settings.from_environment({"LAB_TOPIC": topic}).topic == topic


@pytest.mark.parametrize("topic", [".", "x" * 250, "a/b", "é", "a\nb"])
def test_no_other_name_is(topic):
    with pytest.raises(SettingsError, match="LAB_TOPIC"):
        Settings.from_environment({"LAB_TOPIC": topic})


@pytest.mark.parametrize("folder", [KIT, KIT / "notebooks", KIT / "lab"])
def test_inside_the_kit_a_relative_path_starts_at_the_kit(folder, monkeypatch):
    """So that a notebook and a terminal mean the same file."""
    monkeypatch.chdir(folder)
    settings = Settings.from_environment({})
    assert settings.home == KIT / ".lab"
    assert settings.warehouse_url == f"sqlite:///{(KIT / 'warehouse.db').as_posix()}"


def test_elsewhere_a_relative_path_starts_at_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"LAB_HOME": "data", "LAB_WAREHOUSE": "logs.db"})
    assert settings.home == tmp_path.resolve() / "data"
    assert settings.warehouse_url == f"sqlite:///{(tmp_path.resolve() / 'logs.db').as_posix()}"


def test_a_certificate_inside_the_kit_is_found_as_every_other_file_is(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "ca.pem").touch()
    monkeypatch.setattr("lab.system.paths.KIT", tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")
    assert Settings.from_environment({"LAB_SSL_CAFILE": "ca.pem"}).ssl_cafile == str(tmp_path / "ca.pem")


def test_a_warehouse_is_a_path_or_a_url(tmp_path):
    path = (tmp_path / "logs.db").as_posix()
    expected = f"sqlite:///{path}"
    assert Settings(warehouse=path).warehouse_url == expected
    assert Settings(warehouse=expected).warehouse_url == expected
    assert Settings(warehouse="postgresql://db/lab").warehouse_url == "postgresql://db/lab"


def test_kafka_gets_only_what_is_set_and_by_its_own_names():
    assert Settings().kafka == {
        "bootstrap_servers": "localhost:9092",
        "security_protocol": "PLAINTEXT",
    }
    secured = Settings(
        security_protocol="SASL_SSL",
        sasl_mechanism="PLAIN",
        sasl_username="ada",
        sasl_password="secret",
        ssl_cafile="ca.pem",
    )
    assert secured.kafka == {
        "bootstrap_servers": "localhost:9092",
        "security_protocol": "SASL_SSL",
        "ssl_cafile": "ca.pem",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "ada",
        "sasl_plain_password": "secret",
    }


@pytest.mark.parametrize("password", ["s3cret", "s3cret@s3cret", "s3cret/s3cret", "s3cret:s3cret"])
def test_the_password_of_the_warehouse_is_not_shown(password):
    settings = Settings(warehouse=f"postgresql://ada:{password}@db:5432/lab")
    assert "s3cret" not in repr(settings)
    assert "postgresql://ada:...@db:5432/lab" in repr(settings)
