"""Heads on fixed features, fitted in closed form or by a solver, and the choice among them by grouped validation."""
