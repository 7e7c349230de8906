"""What learners answer in lesson 17."""

from tests.support.answers import Answers

# Mistakes of a client, what the kit's own programs may do there, and when it is asked, are no matter of an
# exercise.
SKIPPED = {
    "# Will the client say which of the two": "## May you do that?",
    "# How many topics will ada see?": "### Exercise 1: a reader",
}

GRANT = "grant({0}, **settings.kafka)"
READER = 'grant(reader, "READ", {0}, **settings.kafka)'
READS = READER.format("topic=topic, group=reader")
REVOKE = 'revoke(writer, "{0}", {1}, **settings.kafka)'
SET = "set_password({0}, **settings.kafka)"
OF_KAFKA = (
    "from kafka.admin import *\n"
    "acls = [ACL(f'User:{{{user}}}', '*', ACLOperation.{operation}, ACLPermissionType.{permission},"
    " ResourcePattern(kind, name)) for kind, name in {named}]\n"
    "with KafkaAdminClient(**settings.kafka) as client:\n    client.create_acls(acls)"
)
BOTH = "[(ResourceType.TOPIC, topic), (ResourceType.GROUP, reader)]"
PREFIXED = (
    "from kafka.admin import *\n"
    "pattern = ResourcePattern(ResourceType.TOPIC, 'lesson-17', ACLResourcePatternType.PREFIXED)\n"
    "acl = ACL(f'User:{reader}', '*', ACLOperation.READ, ACLPermissionType.ALLOW, pattern)\n"
    "with KafkaAdminClient(**settings.kafka) as client:\n    client.create_acls([acl])\n"
)

ANSWERS = {
    "17.1": Answers(
        wrong={
            READER.format("topic=topic"): "the user may read the group reader-",
            READER.format("group=reader"): "the user may read the topic lesson-17-",
            READER.format("topic=topic, group='ada'"): "the user may read the group reader-",
            GRANT.format(
                "reader, 'WRITE', topic=topic, group=reader"
            ): "the user may read the topic lesson-17-",
            GRANT.format(
                "reader, 'DESCRIBE', topic=topic, group=reader"
            ): "the user may read the topic lesson-17-",
            GRANT.format("reader, 'ALL', topic=topic, group=reader"): "no more than that (found: ALL group",
            READER.format("topic='*', group='*'"): "(found: READ every group, READ every topic: too many)",
            PREFIXED + READER.format("group=reader"): "whose name begins with lesson-17: too many)",
            f"{READS}\ngrant(reader, 'WRITE', topic=topic, **settings.kafka)": "no more than that (found: WRITE topic",
        },
        right=[
            f"{READER.format('topic=topic')}\n{READER.format('group=reader')}",
            "grant(user=reader, operation='read', group=reader, topic=topic, **settings.kafka)",
            OF_KAFKA.format(user="reader", operation="READ", permission="ALLOW", named=BOTH),
            READS + "\ngrant(reader, 'DESCRIBE', topic=topic, group=reader, **settings.kafka)",
            "grant(reader, 'ALL', topic=topic, **settings.kafka)\n"
            "revoke(reader, 'ALL', topic=topic, **settings.kafka)\n" + READS,
        ],
    ),
    "17.2": Answers(
        wrong={
            REVOKE.format("READ", "topic=topic"): "may not write to the topic (found: READ group",
            REVOKE.format("READ", "group=writer"): "may not write to the topic (found: READ topic",
            GRANT.format("writer, 'ALL', topic=topic"): "may not write to the topic (found: ALL topic",
            f"{REVOKE.format('WRITE', 'topic=topic')}\n{REVOKE.format('READ', 'topic=topic')}": (
                "may still read it, in its group (found: READ group"
            ),
            f"{REVOKE.format('WRITE', 'topic=topic')}\n{REVOKE.format('READ', 'topic=topic, group=writer')}": (
                "may still read it, in its group (found: no right"
            ),
            OF_KAFKA.format(
                user="writer", operation="ALL", permission="DENY", named="[(ResourceType.TOPIC, topic)]"
            ): "may still read it, in its group (found: not ALL topic",
        },
        right=[
            "for right in rights_of(writer, **settings.kafka):\n"
            "    if right.operation == 'WRITE':\n"
            "        revoke(writer, right.operation, topic=right.name, **settings.kafka)",
            OF_KAFKA.format(
                user="writer", operation="WRITE", permission="DENY", named="[(ResourceType.TOPIC, topic)]"
            ),
        ],
    ),
    "17.3": Answers(
        wrong={
            f"new = old\n{SET.format('guest, new')}": "new is a text, and another one than old",
            "new = 12345": "new is a text, and another one than old",
            "new = token_urlsafe(12)": "with new, the user comes in (found: refused)",
            "new = token_urlsafe(12)\nset_password(guest, new, 'SCRAM-SHA-256', **settings.kafka)": "with new, the user comes in",
        },
        right=[
            f"new = 'not so good'\n{SET.format('guest, new')}",
            "from kafka.admin import UserScramCredentialUpsertion\nnew = token_urlsafe()\n"
            "with KafkaAdminClient(**settings.kafka) as client:\n"
            "    client.alter_user_scram_credentials([UserScramCredentialUpsertion(guest, 'SCRAM-SHA-512', new)])",
        ],
    ),
}
