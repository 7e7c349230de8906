"""Which requests and answers does Kafka's protocol have? The classes of kafka-python that decode them."""

from types import ModuleType
from typing import Any

from kafka.protocol import admin, consumer, metadata, producer, sasl


def _classes(ending: str) -> dict[int, Any]:
    """{number of a kind of request: its class} of the classes whose names have this ending."""
    modules: tuple[ModuleType, ...] = (admin, consumer, metadata, producer, sasl)
    found = (getattr(module, name) for module in modules for name in vars(module) if name.endswith(ending))
    return {each.API_KEY: each for each in found if hasattr(each, "API_KEY")}


REQUESTS, ANSWERS = _classes("Request"), _classes("Response")
