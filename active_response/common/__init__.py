"""What the responses share, and the wodles may use."""
