"""Modules become one file that runs as they do, byte for byte the same each time, or are refused with the place."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from wazuh_cicd.content.bundle import Sources, bundle
from wazuh_cicd.content.module import BundleError
from wazuh_cicd.content.programs import programs, sources_root

MAIN = '''"""cicd-a: does a thing.

More about it.
"""

import sys

from active_response.a.steps import STEPS, step
from active_response.common.files import read


def main() -> int:
    """Do it."""
    return step(read(sys.argv[0])) + STEPS


if __name__ == "__main__":
    sys.exit(main())
'''
STEPS = '''"""The steps.

In detail.
"""
# ruff: noqa: D103

import posix as os  # no such line in the bundle
from typing import Dict, List

# Why so many.

from active_response.common.files import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

# As many as it takes.
STEPS = 3  # it was 2


def step(text: Text) -> int:
    """Return -2.

    # not a comment


    three lines below
    """
    import json  # noqa: PLC0415 - only here

    found = {"a": [1]}  # type: Dict[str, List[int]]
    kept = None  # type: Optional[str]
    return len(json.dumps(found)) - 12 if os.getpid() and text and kept is None else 0
'''
FILES = '''"""Files."""

import sys
from typing import List, NamedTuple


class Text(NamedTuple):
    """A text."""

    lines: List[str]


def read(path: str) -> Text:
    """Return one."""
    return Text([path, sys.executable])
'''
BUNDLE = '''#!/usr/bin/env python3
"""cicd-a: does a thing.

More about it.
"""

# Made from active_response/a/ and what it imports: change it there, not here.

import posix as os
import sys
from typing import Dict, List, NamedTuple

TYPE_CHECKING = False  # type checkers alone need these
if TYPE_CHECKING:
    from typing import Optional


# --- active_response/common/files.py ----------------------------------------------------------------------------------
# Files.


class Text(NamedTuple):
    """A text."""

    lines: List[str]


def read(path: str) -> Text:
    """Return one."""
    return Text([path, sys.executable])


# --- active_response/a/steps.py ---------------------------------------------------------------------------------------
# The steps.
#
# In detail.


# Why so many.

# As many as it takes.
STEPS = 3  # it was 2


def step(text: Text) -> int:
    """Return -2.

    # not a comment


    three lines below
    """
    import json  # noqa: PLC0415 - only here

    found = {"a": [1]}  # type: Dict[str, List[int]]
    kept = None  # type: Optional[str]
    return len(json.dumps(found)) - 12 if os.getpid() and text and kept is None else 0


# --- active_response/a/main.py ----------------------------------------------------------------------------------------


def main() -> int:
    """Do it."""
    return step(read(sys.argv[0])) + STEPS


if __name__ == "__main__":
    sys.exit(main())
'''
FROM = "from active_response.common"
TYPED = "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    "


@pytest.fixture
def tree(tmp_path):
    """The modules above, in a folder."""
    for folder in ("active_response", "active_response/a", "active_response/common"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text('"""A package."""\n')
    for name, text in (("a/main", MAIN), ("a/steps", STEPS), ("common/files", FILES)):
        (tmp_path / f"active_response/{name}.py").write_text(text)
    return tmp_path


def bundled(tree, start=""):
    return bundle(Sources(tree), "active_response.a.main", start)


def test_modules_stand_in_the_order_of_their_needs_with_their_comments(tree):
    assert bundled(tree) == BUNDLE


def test_a_bundle_does_what_the_modules_do(tree):
    (tree / "one").write_text(bundled(tree))
    as_one = subprocess.run([sys.executable, "-I", tree / "one"], check=False)
    as_many = subprocess.run([sys.executable, "-m", "active_response.a.main"], cwd=tree, check=False)
    assert (as_one.returncode, as_many.returncode) == (1, 1)


def test_a_module_may_have_two_names_and_its_parts_one(tree):
    place = tree / "active_response/common/files.py"
    place.write_text(FILES.replace("import sys\n", "import posix\nimport sys\nimport urllib.parse\n"))
    place = tree / "active_response/a/steps.py"
    place.write_text(STEPS.replace("# Why so many", "import urllib.error\n\n# Why so many"))
    text = bundled(tree)
    assert "import posix\nimport posix as os\nimport sys\nimport urllib.error\nimport urllib.parse\nfrom" in text


def test_a_shell_start_comes_before_everything_and_tells_what_the_program_is(tree):
    start = '#!/bin/sh\n# Finds a Python.\n""":"\nexec python3 "$0"\n"""\n'
    text = bundled(tree, start)
    assert text.startswith(
        "#!/bin/sh\n# cicd-a: does a thing.\n#\n# More about it.\n"
        "# Made from active_response/a/ and what it imports: change it there, not here.\n#\n"
        '# Finds a Python.\n""":"\nexec python3 "$0"\n"""\n\nimport posix as os\n'
    )
    assert ast.get_docstring(ast.parse(text)) == ':"\nexec python3 "$0"'


@pytest.mark.parametrize(
    ("module", "old", "new", "error"),
    [
        ("a/steps", "STEPS = 3", "Text = STEPS = 3", "a/steps.py:19: Text is something else in"),
        ("a/steps", "STEPS = 3", "def read():\n    pass\n\nSTEPS = 3", "a/steps.py:19: read is something else in"),
        ("a/steps", "STEPS = 3", "sys = STEPS = 3", "a/steps.py:19: sys is something else in"),
        ("a/steps", "STEPS = 3", "open = STEPS = 3", "a/steps.py:19: open would hide Python's own open"),
        ("a/steps", "import posix as os", "import requests", "a/steps.py:7: requests is not of the standard library"),
        ("a/steps", "import json ", "import requests ", "a/steps.py:30: requests is not of the standard library"),
        ("common/files", "import sys", "import os as sys", "a/main.py:6: sys is something else in"),
        ("common/files", "import sys", "from os import *", "files.py:3: `from os import *` cannot stand"),
        ("common/files", "import sys", "from __future__ import annotations", "files.py:3: `from __future__ import"),
        ("common/files", "import sys", "import sys; import os", "files.py:3: two statements on one line"),
        ("common/files", "import sys", "x = 1\nimport sys", "files.py:4: imports come before everything else"),
        ("common/files", "import sys", "from active_response.a.steps import STEPS", "modules import each other: "),
        ("common/files", "import sys", TYPED + "from active_response.a.steps import STEPS", "import each other: "),
        ("common/files", "import sys", TYPED + "x = 1", "files.py:5: only imports stand below `if TYPE_CHECKING:`"),
        ("common/files", '"""Files."""', "", "files.py:1: a module begins with its docstring"),
        ("common/files", "import sys", "import (", "files.py:3: "),
        ("a/main", "STEPS, step", "STEPS, leap", "a/main.py:8: active_response/a/steps.py does not define leap"),
        ("a/main", "STEPS, step", "STEPS, Text, step", "a/steps.py does not define Text"),
        ("a/main", "import read", "import read as r", "a/main.py:9: our own names are used as they are defined"),
        ("a/main", FROM + ".files import read", "import active_response.common.files", "a/main.py:9"),
        ("a/main", FROM + ".files", FROM, "a/main.py:9: active_response.c"),
        ("a/main", FROM + ".files", "from ..common.files", "a/main.py:9: a relative import"),
        ("a/main", 'if __name__ == "__main__":', "if True:", "a program ends with `if __name__"),
        ("a/main", '    """Do it."""', f"    {FROM}.files import read", "a/main.py:13: our own modules"),
        ("a/steps", "import json ", "__file__ ", "a/steps.py:30: __file__ is another one in a bundle"),
        ("a/steps", "    import json ", "    global STEPS\n    import json ", "steps.py assigns STEPS anew"),
        ("a/steps", "import json ", "TYPE_CHECKING ", "a/steps.py:30: TYPE_CHECKING is another one in a bundle"),
        ("a/main", "    sys.exit", f"    {FROM}.files import read\n    sys.exit", "a/main.py:18: our own modules are"),
        ("a/main", "    sys.exit(main())", "    main()\nelse:\n    main()", "a program ends with `if __name__"),
        ("a/__init__", '"""A package."""', "x = 1", "a/__init__.py:1: a bundle leaves this file out"),
    ],
)  # fmt: skip
def test_what_cannot_stand_in_one_file_is_refused_with_its_place(tree, module, old, new, error):
    place = tree / f"active_response/{module}.py"
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new, 1))
    with pytest.raises(BundleError) as caught:
        bundled(tree)
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_package_is_refused(tree):
    (tree / "active_response/a/__init__.py").unlink()
    with pytest.raises(BundleError, match=r"a/main\.py:1: active_response/a/__init__\.py is missing"):
        bundled(tree)


def test_our_programs_are_bundled_the_same_each_time():
    assert programs.__wrapped__(sources_root()) == programs()


@pytest.mark.parametrize("path", sorted(programs()))
def test_our_programs_need_the_standard_library_alone(path):
    tree = ast.parse(programs()[path])
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    # _sha2 is the name of _sha256 from Python 3.12 on.
    assert {word.partition(".")[0] for word in found} <= {*sys.stdlib_module_names, "_sha2", "_sha256"}
