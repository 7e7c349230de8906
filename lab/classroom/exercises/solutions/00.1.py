sensors = 3
