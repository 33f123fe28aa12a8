"""Giving up what matters least: single weights (`magnitude`), or neurons (`structured`)."""
