"""The compose file as it is, without Docker: each Kafka of it on a host of its own."""

import sys
from pathlib import Path

import pytest

from tests.support.compose_networks import fault, in_namespaces

KIT = Path(__file__).parents[2]
MISSING = fault()


@pytest.mark.broker
@pytest.mark.long_run
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_the_broker_and_the_three_of_the_profile_run_with_their_environment_untouched(tmp_path):
    command = [sys.executable, "-m", "tests.support.compose_networks", tmp_path]
    done = in_namespaces(*command, cwd=KIT, timeout=400)
    texts = {path.parent.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*/log")}
    logs = {name: text[-2000:] for name, text in texts.items()}
    assert done.returncode == 0, (done.stderr[-3000:], logs)
    assert done.stdout.splitlines() == ["replicas [1]", "stored 15", "replicas [1, 2, 3]", "stored 15"]
