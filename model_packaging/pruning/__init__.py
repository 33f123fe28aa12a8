"""Pruning: removes the least important weights (`magnitude`) or neurons (`structured`)."""
