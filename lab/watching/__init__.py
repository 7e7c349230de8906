"""What is the pipeline doing now? A live dashboard, metrics for Prometheus, gaps and replicas."""
