"""From fields to an alert: the tree of rules, conditions, correlation, the output."""
