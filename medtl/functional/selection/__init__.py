"""What can be said of a model at a target without the target's labels."""
