"""The whole journey on a simulated field."""
