"""Who helps the learner? The checks of the exercises, the doctor, and the programs that lessons run."""
