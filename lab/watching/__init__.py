"""What is going on right now? A live dashboard, and metrics for Prometheus."""
