"""What can be fetched with no network? A Python package, a jar and an archive, each with a few bytes."""

import shutil
import zipfile
from pathlib import Path

from lab.embedded.jars import jar_path, sha256_of
from lab.neighbours import neighbour
from lab.neighbours.neighbour import Neighbour

JAR, ARCHIVE = "org.tiny:tiny:1.0", "org.tiny:tiny-plugin:1.0:plugin:tar.gz"


def tiny_neighbour(monkeypatch, folder: Path, *kinds: str, download_mb: int = 1) -> Neighbour:
    """The only neighbour, called "tiny", with these kinds of things: packages, jars, archives.

    Its lists are in `folder`, and Maven, without a network, serves what they name. The package and the
    archive are there for real.
    """
    for name in ("pins", "home", "served", "maven"):
        (folder / name).mkdir()
    wheel, served = folder / "served" / "tiny-1.0-py3-none-any.whl", folder / "served"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("tiny.py", "SAID = 'tiny'\n")
        file.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        file.writestr(
            "tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr("tiny-1.0.dist-info/RECORD", "")
    for coordinate in (JAR, ARCHIVE):
        jar_path(served, coordinate).parent.mkdir(parents=True)
    jar_path(served, JAR).write_bytes(b"a jar")
    inside = folder / "to pack" / "tiny-plugin" / "inside.jar"
    inside.parent.mkdir(parents=True)
    inside.write_bytes(b"inside")
    packed = str(jar_path(served, ARCHIVE)).removesuffix(".tar.gz")
    shutil.make_archive(packed, "gztar", folder / "to pack")
    pinned = {
        kind: f"{name} {sha256_of(jar_path(served, name))}\n"
        for kind, name in (("jars", JAR), ("archives", ARCHIVE))
    }
    pinned["packages"] = wheel.as_uri().join(["tiny @ ", "\n"])
    for kind in kinds:
        (folder / "pins" / f"tiny-{kind}.txt").write_text(pinned[kind], encoding="utf-8")
    serve_from(monkeypatch, served)
    monkeypatch.setenv("M2_REPO", str(folder / "maven"))
    monkeypatch.setenv(neighbour.FOLDER, str(folder / "a hóme"))
    monkeypatch.setattr(neighbour, "PINS", folder / "pins")
    tiny = Neighbour("tiny", "Tiny 1.0", "99_tiny", download_mb, 1)
    monkeypatch.setattr(neighbour, "NEIGHBOURS", {"tiny": tiny})
    return tiny


def serve_from(monkeypatch, served: Path) -> None:
    """A Maven repository on this disk."""

    def resolve(artifact):
        path = artifact.cached_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((served / path.relative_to(artifact.context.repo_cache)).read_bytes())
        return path

    monkeypatch.setattr("jgo.maven.Artifact.resolve", resolve)
