"""What did this notebook start before, and has to end before the same is started again?"""

import os

from lab.settings import Settings
from lab.system import programs

END_SECONDS = 2.0  # a PostgreSQL would wait for its clients, and nobody needs what it has


def end_earlier(name: str) -> None:
    """End this program's own servers of that name, and what notebooks that are gone have left running."""
    home, own = Settings.from_environment().home, programs.Process.of(os.getpid())
    running = programs.read_programs(home)
    earlier = [each for each in running if each.owner == own and each.name.startswith(name)]
    programs.end([*programs.left_over(home), *earlier], END_SECONDS)
