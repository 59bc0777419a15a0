"""Scan images and directories, and write what changed as events."""
