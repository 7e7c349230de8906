"""Kafka tells its clients an address at which nobody answers."""

from lab.classroom.incidents.scenario import Scenario
from lab.embedded.ports import free_ports


class AdvertisedAddress(Scenario):
    """The `advertised.listeners` of Kafka are wrong."""

    call = "Kafka got its new settings, and it runs. But since then nothing arrives, and nothing is sent."
    hints = (
        "Kafka answers at its address. Then a client asks it where to go: what does Kafka tell it?",
        "The doctor looks at the address that Kafka tells its clients.",
        "advertised.listeners in kafka.properties names an address at which nobody answers.",
    )
    cause = "advertised.listeners named an address where nobody answers, and Kafka sent its clients there."
    mend = (
        "In kafka.properties, remove advertised.listeners, or let it name the address of Kafka; "
        "then restart kafka, sender and storer: python -m lab incident restart kafka."
    )
    doctor = "sends its clients on to"

    def break_it(self) -> None:
        """Restart Kafka with the wrong address, and the programs, as after a move."""
        nobody = f"PLAINTEXT://localhost:{free_ports(1)[0]}"
        self.system.change_properties({"advertised.listeners": nobody})
        for name in ("kafka", "sender", "storer"):
            self.system.restart(name)
