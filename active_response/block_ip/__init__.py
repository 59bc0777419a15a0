"""``cicd-block-ip``: cut an offending address off this host."""
