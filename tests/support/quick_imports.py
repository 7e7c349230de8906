"""A plugin of pytest, loaded before all others: what would each process of a test run import for nothing?

`jsonschema`, which `nbformat` imports, makes a grammar for international addresses of the Web if it finds
`rfc3987_syntax`: more than a second of processor time. No notebook has such an address in its schema.
"""

import sys

sys.modules["rfc3987_syntax"] = None  # so its import fails, and `jsonschema` goes on as without the package
