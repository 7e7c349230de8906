"""How is a picture made? The figure, its dress, and which of many readings it shows."""
