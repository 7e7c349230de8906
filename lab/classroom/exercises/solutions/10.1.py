consumers.append(subprocess.Popen(reads, env=os.environ | own))
