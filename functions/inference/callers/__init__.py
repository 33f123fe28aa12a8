"""What a server grants its callers: how long they may take, how many connections, how many bytes.

Every limit on callers is in `limits.py`; what waits for models is limited in `lanes`.
"""
