"""Programs that the Command module or systemd runs; the build makes one file of each."""
