"""What several tests need: each module one thing."""
