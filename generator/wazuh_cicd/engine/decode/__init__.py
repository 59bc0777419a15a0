"""From bytes to fields: the header, the decoders, JSON."""
