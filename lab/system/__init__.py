"""What do we ask of the operating system? Signals, locks, and which machine this is."""
