"""What is each picture called, and what does its alternative text say?"""

# {file name: (title, alt text)}. A lesson takes the line that `python -m docs.pictures` prints.
CAPTIONS = {
    "pipeline": (
        "The pipeline",
        "Sensors give readings to a producer, which writes them to a topic in a broker; a consumer reads them "
        "and stores them in a warehouse, from which charts are drawn.",
    ),
    "log_two_readers": (
        "A log and two readers",
        "A log of numbered messages that grows only at its end, and two readers: one reads message 2 next, the "
        "other message 6. Reading takes nothing away, so neither disturbs the other.",
    ),
    "key_partition": (
        "From the key to the partition",
        "A hash of the key chooses the partition, so the same key always goes to the same one. Messages of one "
        "partition keep their order; between partitions there is no order.",
    ),
    "acks": (
        "When the producer gets its answer",
        "With acks=0 the producer waits for nobody, with acks=1 for the leader alone, with acks=all for every "
        "in-sync replica. Only the last survives the death of the leader.",
    ),
    "position_lag": (
        "The numbers of a partition",
        "One partition from its first offset 2 to its end 12. The committed offset is 6, the position of the "
        "reader is 8; the lag is the end minus the committed offset, 6 messages.",
    ),
    "two_places": (
        "Two places, or one transaction",
        "If a crash comes between two steps, writing the rows first stores a batch twice, and committing the "
        "offset first loses it. Rows and offset in one transaction are both there or both not there: once.",
    ),
    "why_a_group": (
        "Why a group, if the warehouse keeps the place?",
        "The group, in Kafka, decides who reads which partition. The warehouse keeps the place: the next offset "
        "of each partition, written together with the rows.",
    ),
    "event_time": (
        "Event time and processing time",
        "Most readings arrive when they are measured. Ninety readings of 8 and 9 o'clock arrive only at night; "
        "by their event time they belong to windows that were drawn long ago, and change them.",
    ),
    "wire_format": (
        "The wire format of Avro in Kafka",
        "A message begins with a zero and the id of a schema in four bytes; behind them stand the values. With the "
        "id the reader finds the writer's schema in a table. With that and its own schema it gets its fields.",
    ),
    "grace": (
        "A window and its grace period",
        "A window of one minute stays open for one more minute. A reading counts as long as the newest reading, "
        "the watermark, is not beyond that; then the result is sent, and what comes later is left out.",
    ),
    "dead_letter": (
        "The way of a bad message",
        "The consumer stores good readings in the table sensor_logs and bad messages in the table dead_letters, "
        "with the reason. One that is fixed is replayed: it goes to the end of its topic, as any message.",
    ),
    "rebalance": (
        "A group shares out its partitions",
        "Three partitions in three moments: two members have two and one; a third joins and each has one; one "
        "dies and the two that are left share its partition out again.",
    ),
    "heartbeats": (
        "Heartbeats, a kill, and the session time-out",
        "A member that is killed sends no more heartbeats; after six seconds its partition goes to another. If it "
        "is started again under the same name before that, it keeps its partition, without a rebalance.",
    ),
    "partitioners": (
        "Two programs, two partitioners",
        "Two programs send the readings of one sensor, temperature-2. kafka-python's murmur2 puts the key in "
        "partition 2, librdkafka's default crc32 in partition 0: the order of the sensor is lost.",
    ),
    "replicas": (
        "Leader, followers and ISR",
        "With three replicas in sync the ISR is 3. If one follower falls behind, the ISR is 2, which is "
        "min.insync.replicas, and writing goes on; if both do, the leader refuses what is sent with acks=all.",
    ),
    "alarm_memory": (
        "An alarm consumer with a memory",
        "An alarm consumer reads the readings and writes alarms to a second topic. At its start it first reads "
        "that topic, to know what it has already sent, and sends only what is missing.",
    ),
    "three_questions": (
        "Three questions before the first message",
        "Between a client and a topic are three questions: who is the broker (the certificate), who is the client "
        "(the password), and may this user do that (the rights). Each has refusals of its own.",
    ),
}  # fmt: skip
