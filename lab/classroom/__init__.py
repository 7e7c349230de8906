"""What helps the learner? The checks of the exercises, the doctor, and what only lessons use."""
