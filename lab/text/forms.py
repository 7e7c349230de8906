"""In which format is a message that is not JSON? Its first bytes can tell."""

import re

# {first bytes: format}, for formats other than JSON, the most specific ones first.
LOOKS = {
    rb"\0\0(?!\0\0\0)...": "Avro, or another form, with a schema registry's header (schema id {id})",
    rb"Obj\x01": "an Avro file",
    rb"\xc3\x01.{8}": "an Avro object with the fingerprint of its schema",
    rb"[\x80-\x8f][\xa0-\xbf\xd9]": "MessagePack",
    rb"\x1f\x8b": "gzip",
    rb"\x28\xb5\x2f\xfd": "zstd",
    rb"\xff\xfe|\xfe\xff": "UTF-16 text",
    rb"\xef\xbb\xbf": "UTF-8 text behind a byte order mark",
    rb"\s*[^\s{\[].*?[\0-\x08\x0e-\x1f]": "a binary form, such as Protobuf or Avro",
}


def describe_form(value: bytes) -> str | None:
    """A sentence about the format that its first bytes look like; None if they match no known format."""
    beginning = value[:200]
    for pattern, form in LOOKS.items():
        if re.match(pattern, beginning, re.DOTALL):
            form = form.format(id=int.from_bytes(value[1:5]))
            return f"the message is not JSON: it looks like {form}"
    return None
