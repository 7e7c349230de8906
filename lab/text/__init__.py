"""How is a text shown? Commands as they have to be typed here, and foreign texts in a harmless form."""
