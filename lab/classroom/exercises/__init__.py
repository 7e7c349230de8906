"""What does the learner do? The exercises of the lessons, the check of each, and its solution.

The exercises of a lesson are in the module with its number, their solutions in the folder `solutions`.
"""

from lab.classroom.exercises.report import check, solution

__all__ = ["check", "solution"]
