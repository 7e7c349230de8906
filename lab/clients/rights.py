"""Who may come in, and what may each do there? Users with a password, and their rights (ACLs)."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialUpsertion,
)
from kafka.errors import AuthorizationError, ClusterAuthorizationFailedError, SecurityDisabledError

from lab.clients.connection import admin_config, connect
from lab.errors import AccessError
from lab.system.signals import wait_until

MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
PRINCIPAL = "User:"  # what Kafka writes before the name of a user
ALL = "*"  # every user, host, topic or group
EVERYTHING = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
OPERATIONS = [operation.name for operation in ACLOperation if operation > ACLOperation.ANY]
# {operation: those that include it}
INCLUDED = {"DESCRIBE": {"READ", "WRITE", "DELETE", "ALTER"}, "DESCRIBE_CONFIGS": {"ALTER_CONFIGS"}}


@dataclass(frozen=True, order=True, repr=False)
class Right:
    """A rule of Kafka (an ACL): a user may do this operation with this topic or group; if denied, may not.

    The name `*` means all of them. With `is_prefix`, all whose names begin with it.
    """

    user: str
    operation: str
    kind: str  # topic, group, cluster, ...
    name: str
    is_prefix: bool = False
    is_denied: bool = False
    host: str = ALL  # the address that the user has to come from

    def __repr__(self) -> str:
        which = f"every {self.kind}" if self.name == ALL else f"{self.kind} {self.name}"
        which = f"each {self.kind} whose name begins with {self.name}" if self.is_prefix else which
        return f"{'not ' * self.is_denied}{self.operation} {which}"

    def concerns(self, kind: str, name: str) -> bool:
        """Whether it is about this topic or group."""
        is_named = name.startswith(self.name) if self.is_prefix else self.name in (ALL, name)
        return self.kind == kind and is_named


def set_password(user: str, password: str, mechanism: str = "SCRAM-SHA-512", **kafka: Any) -> None:
    """Give a user a password: a new user, or a new password. Only a hash of it goes to Kafka."""
    if not isinstance(password, str) or not password:
        raise AccessError(
            f"The password of {user!r} is no text, or an empty one: give one of 12 letters or more."
        )
    if mechanism not in MECHANISMS:
        raise AccessError(f"{mechanism!r} is no mechanism here. There are: {', '.join(MECHANISMS)}.")
    credential = UserScramCredentialUpsertion(user, mechanism, password)
    with _administrator(kafka) as admin:
        refusal = admin.alter_user_scram_credentials([credential])[user]
        if refusal and "needs ALTER permission" in refusal:
            raise ClusterAuthorizationFailedError(refusal)
    if refusal:
        raise AccessError(f"Kafka takes no password for {user!r}: {refusal}")


def rights_of(user: str, **kafka: Any) -> list[Right]:
    """All rights of a user, and those that every user has."""
    who = ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, EVERYTHING)
    with _administrator(kafka) as admin:
        found = [_right(acl) for acl in admin.describe_acls(who)[0]]
    return sorted(right for right in found if right.user in (_name(user), ALL))


def grant(user: str, operation: str, topic: str = "", group: str = "", **kafka: Any) -> list[Right]:
    """Give a user a right on a topic, on a consumer group, or on both. Returns all rights of the user.

    `operation`: such as READ or WRITE. The topic or group `*` means all of them.
    """
    acls = _acls(user, operation, topic, group)
    with _administrator(kafka) as admin:
        for refusal in admin.create_acls(acls)["failed"]:
            raise refusal
    return _once(lambda found: found >= set(map(_right, acls)), user, kafka)


def revoke(user: str, operation: str, topic: str = "", group: str = "", **kafka: Any) -> list[Right]:
    """Take a right away that was granted. Returns the rights that the user still has.

    Raises AccessError if there is no such right.
    """
    acls = _acls(user, operation, topic, group)
    named, there = set(map(_right, acls)), rights_of(user, **kafka)
    if missing := named.difference(there):
        has = ", ".join(map(str, there)) or "none"
        raise AccessError(f"{user!r} has no right to {min(missing)}. There is: {has}.")
    with _administrator(kafka) as admin:
        admin.delete_acls([_filter(acl) for acl in acls])
    return _once(lambda found: not found & named, user, kafka)


def may(operation: str, kind: str, name: str, rights: Iterable[Right]) -> bool:
    """Whether these rights allow the operation: one must allow it, and none deny it."""
    about = [right for right in rights if right.concerns(kind, name)]
    names = {operation, "ALL"}
    is_denied = any(right.is_denied and right.operation in names for right in about)
    names |= INCLUDED.get(operation, set())
    return not is_denied and any(not right.is_denied and right.operation in names for right in about)


@contextmanager
def _administrator(kafka: dict[str, Any]) -> Generator[KafkaAdminClient]:
    servers = kafka.get("bootstrap_servers")
    try:
        with connect(KafkaAdminClient, **admin_config(kafka)) as admin:
            yield admin
    except SecurityDisabledError as error:
        raise AccessError(
            f"Kafka at {servers} keeps no rights: everybody may do everything. Start one that does: "
            "start_secured_broker()."
        ) from error
    except AuthorizationError as error:
        raise AccessError(
            f"This user may not look at passwords and rights of Kafka at {servers}, or change them: "
            "only its administrator may."
        ) from error


def _once(is_so: Any, user: str, kafka: dict[str, Any]) -> list[Right]:
    """The rights of the user once this is true of them: a broker applies a change a moment after it."""

    def look() -> list[list[Right]]:
        found = rights_of(user, **kafka)
        return [found] if is_so(set(found)) else []

    return wait_until(look)[0]


def _acls(user: str, operation: str, topic: str, group: str) -> list[ACL]:
    word = str(getattr(operation, "name", operation)).upper()  # also kafka-python's ACLOperation.READ
    if word not in OPERATIONS:
        raise AccessError(f"{operation!r} is no operation of Kafka. There are: {', '.join(OPERATIONS)}.")
    if not topic and not group:
        raise AccessError("A right is about a topic or a group: add topic=... or group=...")
    resources = [(ResourceType.TOPIC, topic), (ResourceType.GROUP, group)]
    return [
        ACL(
            PRINCIPAL + _name(user),
            ALL,
            ACLOperation[word],
            ACLPermissionType.ALLOW,
            ResourcePattern(kind, name),
        )
        for kind, name in resources
        if name
    ]


def _name(user: str) -> str:
    """The name of a user, also as it is written in books: User:ada."""
    return user.removeprefix(PRINCIPAL)


def _right(acl: ACL) -> Right:
    pattern = acl.resource_pattern
    return Right(
        _name(acl.principal),
        acl.operation.name,
        pattern.resource_type.name.lower(),
        pattern.resource_name,
        pattern.pattern_type == ACLResourcePatternType.PREFIXED,
        acl.permission_type == ACLPermissionType.DENY,
        acl.host,
    )


def _filter(acl: ACL) -> ACLFilter:
    """What finds this one only."""
    return ACLFilter(acl.principal, acl.host, acl.operation, acl.permission_type, acl.resource_pattern)
