"""Requests and answers that are kept for labels, and to ask other versions the same."""
