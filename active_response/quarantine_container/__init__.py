"""``cicd-quarantine-container``: take a container out of service, and keep evidence."""
