"""Receive webhooks and pushed events, and write them as lines for Wazuh."""
