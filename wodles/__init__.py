"""The programs that Wazuh's Command module or systemd runs; each folder with a ``main.py`` becomes one file."""
