"""How is a running consumer monitored? Its current numbers are served in the format of Prometheus."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from lab.consumer import ConsumeSummary
from lab.errors import LabError

COUNTERS = {
    "stored": "readings stored",
    "dead_letters": "messages that were not readings",
    "fenced": "messages that another consumer had stored first",
    "lost_to_retention": "messages that left the log before they were read",
    "reconnects": "Kafka clients replaced after a fault",
    "rebalances": "times that the group gave this consumer other partitions",
    "rebalance_seconds": "seconds without partitions during rebalances",
}


@contextmanager
def serve_metrics(summary: ConsumeSummary, port: int) -> Generator[str]:
    """Serve a running consumer's numbers at the URL that it yields, to this machine only.

    Raises LabError if the port is taken, or Prometheus' client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError as error:
        raise LabError("--metrics-port needs a package: python -m pip install prometheus-client") from error
    registry = CollectorRegistry()
    registry.register(_Metrics(summary))
    try:
        server, thread = start_http_server(port, "127.0.0.1", registry)
    except OSError as error:
        raise LabError(f"--metrics-port {port}: {error.strerror}. Choose another port.") from error
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Metrics:
    """Reads the summary at each request of Prometheus, so that the numbers are always current."""

    def __init__(self, summary: ConsumeSummary):
        self.summary = summary

    def collect(self) -> Iterator:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, text in COUNTERS.items():
            yield CounterMetricFamily(f"kafka_lab_{name}", text, value=getattr(self.summary, name))
        per_second = self.summary.per_second
        yield GaugeMetricFamily("kafka_lab_per_second", "messages processed a second", value=per_second)
        lag = GaugeMetricFamily("kafka_lab_lag", "messages left unread", labels=["partition"])
        for partition, messages in self.summary.lag.copy().items():
            lag.add_metric([str(partition)], messages)
        yield lag
