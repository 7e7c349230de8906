"""How does a test say that a package is installed?"""

from pathlib import Path


def install(folder: Path, package: str, version: str) -> None:
    """As pip leaves it: what says that a package is there."""
    info = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
