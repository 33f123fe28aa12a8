"""The judge of roll-outs: it compares the new version with the old one every minute."""
