"""How does a new node get its data folder? Kafka's own tool formats it, once; later ones are like the first.

The tool writes two files. One has the versions of Kafka's features, which are the same for every node: it is
kept beside Java's AOT cache, with a checksum. The other has the ids of the cluster, the node and the folder.
To run the tool takes a third of the time of a first start.
"""

import base64
import os
import subprocess
import uuid
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lab.embedded.folders import remove_folders, retry_while_in_use
from lab.embedded.java import KafkaEndedError, current_cache, environment, java_command
from lab.embedded.properties import write_properties

FEATURES = Path("data", "__cluster_metadata-0", "00000000000000000000-0000000000.checkpoint")
IDS = Path("data", "meta.properties")


def format_folder(folder: Path, properties: Mapping[str, object], quick: bool) -> None:
    """Make the data folder of a node, first under another name, so that a crash leaves no half-made one.

    `quick`: with the features that are kept, if there are any.
    """
    new = folder.with_name(folder.name + ".new")
    remove_folders(new)
    new.mkdir()
    write_properties(new, properties)
    cluster_id, kept = _cluster_id(folder.parent), _kept_features()
    features = _read(kept) if kept and quick and _is_usual(properties) else None
    if features:
        _write(new, features, cluster_id, properties["node.id"])
    else:
        _run_tool(new, cluster_id, quick)
        if kept and (new / FEATURES).exists():
            _keep((new / FEATURES).read_bytes(), kept)
    retry_while_in_use(lambda: new.rename(folder))


def _run_tool(folder: Path, cluster_id: str, quick: bool) -> None:
    # With "=", because an id may begin with "-" and look like an option.
    arguments = "format", f"--cluster-id={cluster_id}", "--config", "server.properties"
    done = subprocess.run(
        java_command("kafka.tools.StorageTool", *arguments, quick=quick),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(),
    )
    if done.returncode:
        output = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise KafkaEndedError(f"Kafka could not format {folder}:\n{output[-2000:]}")


def _write(folder: Path, features: bytes, cluster_id: str, node_id: object) -> None:
    """What the tool would write."""
    ids = {"version": 1, "cluster.id": cluster_id, "node.id": node_id, "directory.id": _random_id()}
    (folder / FEATURES).parent.mkdir(parents=True)
    (folder / FEATURES).write_bytes(features)
    (folder / IDS).write_text("".join(f"{name}={value}\n" for name, value in ids.items()), encoding="ascii")


def _is_usual(properties: Mapping[str, object]) -> bool:
    """Whether the tool would write just these two files, and there."""
    is_there = properties.get("log.dirs") == "data" and "metadata.log.dir" not in properties
    return is_there and "controller.quorum.voters" in properties


def _kept_features() -> Path | None:
    cache = current_cache()
    return cache.with_suffix(".features") if cache else None


def _keep(features: bytes, kept: Path) -> None:
    new = kept.with_name(f"{kept.name}.{os.getpid()}")
    with suppress(OSError):  # a read-only folder
        new.write_bytes(_checksum(features) + features)
        retry_while_in_use(lambda: new.replace(kept))


def _read(kept: Path) -> bytes | None:
    """The features that are kept; None if there are none, or they were damaged."""
    try:
        content = kept.read_bytes()
    except OSError:
        return None
    checksum, features = content[:4], content[4:]
    return features if features and checksum == _checksum(features) else None


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4)


def _cluster_id(home: Path) -> str:
    """The cluster id for all nodes of a home."""
    return _as_text(uuid.uuid5(uuid.NAMESPACE_URL, home.as_uri()))


def _random_id() -> str:
    return _as_text(uuid.uuid4())


def _as_text(number: uuid.UUID) -> str:
    """In Kafka's form: 16 bytes in base64."""
    return base64.urlsafe_b64encode(number.bytes)[:22].decode()
