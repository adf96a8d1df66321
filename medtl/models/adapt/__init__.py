"""Adaptation at test time: what a network may learn from the very scans that it is asked about, without labels."""
