"""One module a verb: it parses its arguments, calls one room and prints through ``report``.

A verb's module offers ``configure(parser)`` and ``run(args) -> int`` (the exit code); its docstring is the help. It is
imported only when its verb is used, so that a short command never pays for the imports of a long one.
"""
