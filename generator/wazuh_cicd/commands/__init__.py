"""One module a verb: it parses its arguments, calls one room and prints through ``report``.

A verb's module offers ``HELP`` (one line), ``configure(parser)`` and ``run(args) -> int`` (the exit code). It is
imported only when its verb is used, so that a short command never pays for the imports of a long one.
"""
