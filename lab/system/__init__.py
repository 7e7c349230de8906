"""What does the kit need from the operating system? Signals, locks, paths, and an id of the machine."""
