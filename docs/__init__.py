"""What the pages show, and how it is made."""
