"""`python -m docs.pictures`: draw all into notebooks/pictures, and print the line that a lesson shows each with."""

from docs.pictures import FOLDER, draw, markdown
from docs.pictures.captions import CAPTIONS

FOLDER.mkdir(exist_ok=True)
for name in CAPTIONS:
    (FOLDER / f"{name}.svg").write_text(draw(name), encoding="utf-8", newline="\n")
    print(markdown(name))
