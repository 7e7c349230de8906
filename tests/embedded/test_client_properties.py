"""The security settings as a file for Java: nobody else can read it, and it does not stay."""

import os
import stat

import pytest

from lab.embedded.client_properties import client_properties, properties_file

SECURED = {
    "security_protocol": "SASL_SSL",
    "ssl_cafile": "/a folder/caf\u00e9.pem",
    "sasl_mechanism": "SCRAM-SHA-256",
    "sasl_plain_username": "ada",
    "sasl_plain_password": 'a "b" \\c\\ \u00e9\U0001f600$',
}


def test_a_client_in_plain_text_needs_no_file():
    with properties_file({"bootstrap_servers": "x:9", "security_protocol": "PLAINTEXT"}) as file:
        assert file is None


def test_only_this_user_can_read_it_and_it_is_gone_afterwards():
    with properties_file(SECURED) as file:
        assert file
        assert os.name == "nt" or stat.S_IMODE(file.stat().st_mode) == 0o600
        assert os.name == "nt" or stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        lines = file.read_text(encoding="ascii").splitlines()
    assert not file.parent.exists()
    assert "ssl.truststore.location=/a folder/caf\\u00e9.pem" in lines
    # First the quotation marks of the login, then those of the file: Java reads both.
    password = r'password="a \\"b\\" \\\\c\\\\ \u00e9\ud83d\ude00$";'
    assert any(line.endswith(password) for line in lines), lines


def test_it_is_gone_after_a_failure_too():
    with pytest.raises(KeyboardInterrupt), properties_file(SECURED) as file:
        raise KeyboardInterrupt
    assert file and not file.exists()


@pytest.mark.parametrize(("mechanism", "module"), [("PLAIN", "Plain"), ("SCRAM-SHA-512", "Scram")])
def test_each_mechanism_has_its_module(mechanism, module):
    login = client_properties(SECURED | {"sasl_mechanism": mechanism})["sasl.jaas.config"]
    assert f".{module}LoginModule required" in login


def test_tls_alone_needs_no_login():
    assert client_properties({"security_protocol": "SSL"}) == {"security.protocol": "SSL"}
