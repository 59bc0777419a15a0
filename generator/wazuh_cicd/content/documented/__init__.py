"""Names that the sources of events document today, as dated copies: what ``check --fresh`` compares the rules with."""
