"""The tools around the chapters: the command line, the doctor, the update, and the environment of notebooks."""
