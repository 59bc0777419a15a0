"""Plan, apply, verify and roll back the package on a manager."""
