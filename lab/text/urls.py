"""What of the warehouse's address may be shown? All but the password, wherever in it that stands."""

import re

HOST = r"(?:\[[^\]@/?]*\]|[^:@/?,\[\]]*)(?::\d*)?"
# As libpq takes it apart. A password that has an @ or a / in it ends at the last @.
POSTGRESQL = re.compile(
    rf"""(?P<scheme>postgres(?:ql)?://)
    (?:(?P<user>[^@/:?]*)(?::(?P<password>[^@/]*|[^?]*))?@)?
    (?P<place>{HOST}(?:,{HOST})*)
    (?:(?P<database>/[^@?]*)(?:\?.*)?|\?[^@]*)?""",
    re.VERBOSE,
)
OTHER = re.compile(r"(?!sqlite:///)[a-zA-Z][a-zA-Z0-9+.-]+:(//)?")  # one letter is a drive of Windows
KEYWORDS = re.compile(r"(^|\s)(host|hostaddr|port|dbname|user|password|service)\s*=")  # libpq's other form


def is_postgresql(url: str) -> bool:
    """Whether it is an address of PostgreSQL in which nothing could be taken for something else."""
    match = POSTGRESQL.fullmatch(url)
    return bool(match) and not set("@/") & set(match["password"] or "")


def without_password(url: str) -> str:
    """The address for people; of one that we do not understand no more than how it begins."""
    if match := POSTGRESQL.fullmatch(url):
        user = "" if match["user"] is None else match["user"] + ":..." * (match["password"] is not None) + "@"
        return match["scheme"] + user + match["place"] + (match["database"] or "")
    if match := OTHER.match(url) or KEYWORDS.search(url):
        return match[0].strip() + "..."
    return url
