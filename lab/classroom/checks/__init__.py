"""Is the exercise done? Checks that look at the broker and at the database, not at the code.

In the classroom, a check shows which steps are done, and a hint for each that is not. With `LAB_CHECK=1` in
the environment, it raises an exception instead: so the tests prove that the given solutions pass.
The checks of a lesson are in the module with its number.
"""

from lab.classroom.checks.lesson_02 import check_partitions, check_retention
from lab.classroom.checks.lesson_03 import check_message, check_same_partition
from lab.classroom.checks.lesson_04 import check_everything_stored, check_first_offset_since
from lab.classroom.checks.lesson_05 import check_outliers, check_window_mean
from lab.classroom.checks.lesson_06 import check_doubles, check_each_once
from lab.classroom.checks.lesson_07 import check_dead_letter, check_new_field, check_replayed
from lab.classroom.checks.lesson_08 import check_second_group, check_work_for
from lab.classroom.checks.lesson_09 import check_copies, check_new_leader
from lab.classroom.checks.lesson_10 import check_lag, check_shared
from lab.classroom.checks.lesson_11 import check_alarms, check_alarms_topic, check_each_alarm_once, check_runs
from lab.classroom.checks.lesson_12 import check_highest

__all__ = [
    "check_alarms",
    "check_alarms_topic",
    "check_copies",
    "check_dead_letter",
    "check_doubles",
    "check_each_alarm_once",
    "check_each_once",
    "check_everything_stored",
    "check_first_offset_since",
    "check_highest",
    "check_lag",
    "check_message",
    "check_new_field",
    "check_new_leader",
    "check_outliers",
    "check_partitions",
    "check_replayed",
    "check_retention",
    "check_runs",
    "check_same_partition",
    "check_second_group",
    "check_shared",
    "check_window_mean",
    "check_work_for",
]
