"""Running the specs' own tests on one engine or another."""
