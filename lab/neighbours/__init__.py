"""What stands beside Kafka, and how is it fetched? The programs that the lessons of part two need."""
