"""How does Sphinx make the book? `docs/book.py` runs it, on copies of the pages with their outputs."""

project = "Kafka lab kit"
html_title = project
extensions = ["myst_nb"]
root_doc = "index"
nb_execution_mode = "off"  # docs/book.py has run the notebooks, on a broker of its own
myst_heading_anchors = 4  # links such as README.md#settings
html_theme = "furo"
html_static_path = ["docs/static"]
html_css_files = ["book.css"]
html_show_sphinx = False
html_copy_source = False
html_show_copyright = False
pygments_style, pygments_dark_style = "friendly", "github-dark"
