"""The queue of a server: who waits for which model, for how long, and who shares a run.

Lambda's handler never imports it: its environment gets one request at a time.
"""
