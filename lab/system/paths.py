"""Where does a relative path start? At the kit's folder, if the current folder is inside it."""

from pathlib import Path

from lab.errors import SettingsError

KIT = Path(__file__).resolve().parents[2]


def absolute(path: Path) -> Path:
    """The absolute path. A relative one starts at the kit's folder if the current folder is in it.

    Otherwise it starts at the current folder. So a notebook and a terminal mean the same file. Raises
    SettingsError if the path names an unknown user, or if the current folder was removed.
    """
    try:
        path, here = _expand_user(path), Path.cwd().resolve()
    except FileNotFoundError as error:
        raise SettingsError("The folder that you are in is gone: go to another one with cd.") from error
    return path if path.is_absolute() else (KIT if here.is_relative_to(KIT) else here) / path


def _expand_user(path: Path) -> Path:
    """`~` and `~name` become a home folder.

    Windows does not look the name up: it takes the folder of that name beside your own, which may not exist.
    """
    home = path.parts[0] if path.parts else ""
    try:
        if home.startswith("~") and home != "~" and not Path(home).expanduser().is_dir():
            raise RuntimeError(f"no home folder of {home}")
        return path.expanduser()
    except RuntimeError as error:
        raise SettingsError(f"{path}: there is no such user here. Name the folder itself.") from error


def is_file(path: str) -> bool:
    """Whether there is such a file; also False for an impossible name."""
    try:
        return Path(path).is_file()
    except OSError:
        return False
