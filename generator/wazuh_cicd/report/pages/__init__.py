"""What there is to know about a rule, for whoever gets its alert: in a terminal and as a site."""
