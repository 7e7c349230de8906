"""How does a broker prove who it is? By a certificate that an authority signs. Java's keytool makes both."""

import secrets
import subprocess
from ipaddress import ip_address
from pathlib import Path

from lab.embedded.java import environment, java_command
from lab.errors import BrokerError

KEYTOOL = "sun.security.tools.keytool.Main"  # in every Java, also in one without the program keytool
# Many rounds of hashing protect a password that somebody has thought of. Ours is random: one round will do.
ONE_ROUND = [
    f"-Dkeystore.pkcs12.{what}=1"
    for what in ("macIterationCount", "certPbeIterationCount", "keyPbeIterationCount")
]
# Without these, a certificate is not that of an authority. Python 3.13 asks for both.
MAY_SIGN = ("-ext", "bc:c=ca:true", "-ext", "ku:c=keyCertSign,cRLSign")
AUTHORITY, SUBJECT = "Authority of the lab kit", "Kafka of the lab kit"
DAYS = 365
STORE = "authority.p12"
# The name of the variable with the password: other users can read a command line, but not an environment.
PASSWORD = "LAB_KEYSTORE_PASSWORD"
OPEN = ("-keystore", STORE, "-storepass:env", PASSWORD)


class Authority:
    """Signs the certificates of brokers. Who has its own one, the file `certificate`, can check those.

    All its files are in `folder`. `password` protects the private keys there.
    """

    def __init__(self, folder: Path, name: str = AUTHORITY):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder, self.certificate = folder, folder / "authority.pem"
        self.password = secrets.token_hex(16)
        self._make_key("authority", name, *MAY_SIGN)
        self._keytool("-exportcert", *OPEN, "-alias", "authority", "-rfc", "-file", self.certificate.name)

    def issue(self, name: str, *hosts: str, valid_from: str = "") -> Path:
        """A new key and the certificate of it for these hosts, in a keystore of this name in the folder.

        `valid_from`: such as "2020/01/31"; by default it is valid from now on. It is valid for a year.
        """
        keystore = self.folder / f"{name}.p12"
        keystore.unlink(missing_ok=True)  # of an earlier certificate, which has another alias
        alias = f"{name}-{secrets.token_hex(4)}"
        begins = ("-startdate", f"{valid_from} 00:00:00") if valid_from else ()
        named = ",".join(f"{_kind(host)}:{host}" for host in hosts)
        self._make_key(alias, SUBJECT, "-signer", "authority", "-ext", f"san={named}", *begins)
        # The broker gets this key alone, not that of the authority.
        its = ("-srckeystore", STORE, "-srcstorepass:env", PASSWORD, "-srcalias", alias)
        self._keytool("-importkeystore", *its, "-destkeystore", keystore.name, "-deststorepass:env", PASSWORD)
        return keystore

    def _make_key(self, name: str, subject: str, *options: str) -> None:
        kind = ("-keyalg", "EC", "-groupname", "secp256r1", "-validity", str(DAYS))
        self._keytool("-genkeypair", *OPEN, "-alias", name, "-dname", f"CN={subject}", *kind, *options)

    def _keytool(self, *words: str) -> None:
        """Run it in the folder, so that the names of files have no accents, and no spaces."""
        done = subprocess.run(
            java_command(KEYTOOL, *words, quick=False, options=ONE_ROUND),
            cwd=self.folder,
            env=environment() | {PASSWORD: self.password},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if done.returncode:
            # Java warns of itself on the other output, at length on some systems.
            said = (done.stdout.strip() or done.stderr.strip()).decode(errors="replace")
            raise BrokerError(f"Java's keytool made no certificate in {self.folder}: {said[-500:]}")


def _kind(host: str) -> str:
    """A certificate names a host as an address or as a name."""
    try:
        return "ip" if ip_address(host) else ""
    except ValueError:
        return "dns"
