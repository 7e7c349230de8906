"""Which tests cannot run everywhere, or with every number of examples?"""

import os

import pytest
from hypothesis import settings

DELETES_TOPIC = pytest.mark.skipif(
    os.name == "nt", reason="on Windows Kafka cannot remove a topic, so the kit's broker refuses it"
)
USUAL_ROUNDS = 2  # how often a fault strikes, unless a run is asked for more
few = settings(max_examples=150, deadline=None)  # a shared machine has slow moments
