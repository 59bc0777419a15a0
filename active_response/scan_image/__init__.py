"""``cicd-scan-image``: ask the scanner for an image."""
