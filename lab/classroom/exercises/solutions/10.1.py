consumers.append(start_program(reads, env=os.environ | own))
