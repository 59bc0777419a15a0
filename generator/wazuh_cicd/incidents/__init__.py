"""Alerts, read once and in order, become incidents and the figures around them; ``report`` shows them."""
