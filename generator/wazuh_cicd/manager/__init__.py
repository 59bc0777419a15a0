"""Talking to a real manager, the only room that does: its logtest, its analysisd control socket, its server API."""
