"""The queue of a server: who waits for which model, for how long, and who shares a run.

Never imported on Lambda, where an environment gets one request at a time.
"""
