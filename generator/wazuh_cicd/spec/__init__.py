"""YAML specs of rules, decoders and lists: text to located nodes to a validated model."""
