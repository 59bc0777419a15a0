"""The programs that an agent or manager runs on an alert; each folder with a ``main.py`` becomes one file."""
