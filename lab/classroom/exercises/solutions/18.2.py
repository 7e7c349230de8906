import json

file = mine.folder / "sender.json"
right = json.loads(file.read_text(encoding="utf-8")) | {"clock_is_ahead": 0}
file.write_text(json.dumps(right), encoding="utf-8")
mine.restart("sender")
