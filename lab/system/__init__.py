"""What do we ask of the operating system? Signals, locks, the terminal, and what to type in it."""
