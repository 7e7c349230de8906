"""What learners do about a clock that is ahead."""

from tests.support.mends import change, configure, restart

WRONG = {
    "restart the sender": restart("sender"),
    "let Kafka set the times": configure(message_timestamp_type="LogAppendTime"),
    "a little less": change("sender", clock_is_ahead=120),
}
RIGHT = {"set the clock": change("sender", clock_is_ahead=0)}
