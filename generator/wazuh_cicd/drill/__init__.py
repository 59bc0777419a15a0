"""Plays wazuh-execd for active-response scripts, ours or anybody's.

``execd`` runs one script as execd does and keeps its list of timeouts; ``messages`` makes the lines that execd writes,
sane and hostile ones; ``scenarios`` are the exercises that a script has to pass.
"""
