"""How is a picture made? The figure and its style, and the selection of readings that it shows."""
