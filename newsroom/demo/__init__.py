"""A newsroom to try the house in: its pictures, what the demo's detectors say of them, and what else the demo needs."""
