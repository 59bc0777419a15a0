"""Put the package on a manager: plan, apply, verify, roll back. One logic for a local tree and for the server API."""
