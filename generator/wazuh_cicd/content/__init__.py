"""Where the package's content is found, and the tables it is checked against."""
