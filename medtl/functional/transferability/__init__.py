"""Scores of how well features, source predictions or sites carry over, before any training."""
