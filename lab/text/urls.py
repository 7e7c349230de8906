"""Which part of the warehouse's address may be shown? All but the password, wherever it is."""

import re

HOST = r"(?:\[[^\]@/?]*\]|[^:@/?,\[\]]*)(?::\d*)?"
# Parsed as by libpq. A password that contains an @ or a / ends at the last @.
POSTGRESQL = re.compile(
    rf"""(?P<scheme>postgres(?:ql)?://)
    (?:(?P<user>[^@/:?]*)(?::(?P<password>[^@/]*|[^?]*))?@)?
    (?P<place>{HOST}(?:,{HOST})*)
    (?:(?P<database>/[^@?]*)(?:\?.*)?|\?[^@]*)?""",
    re.VERBOSE,
)
OTHER = re.compile(r"(?!sqlite:///)[a-zA-Z][a-zA-Z0-9+.-]+:(//)?")  # one letter: a Windows drive
KEYWORDS = re.compile(
    r"(^|\s)(host|hostaddr|port|dbname|user|password|service)\s*="
)  # libpq's key=value form


def is_postgresql(url: str) -> bool:
    """Whether it is an address of PostgreSQL that can be parsed in one way only."""
    match = POSTGRESQL.fullmatch(url)
    return bool(match) and not set("@/") & set(match["password"] or "")


def without_password(url: str) -> str:
    """The address without its password; only the scheme if the address cannot be parsed."""
    if match := POSTGRESQL.fullmatch(url):
        user = "" if match["user"] is None else match["user"] + ":..." * (match["password"] is not None) + "@"
        return match["scheme"] + user + match["place"] + (match["database"] or "")
    if match := OTHER.match(url) or KEYWORDS.search(url):
        return match[0].strip() + "..."
    return url
