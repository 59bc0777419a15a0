"""Talking to a real manager: its logtest socket, its analysisd control socket, its server API."""
