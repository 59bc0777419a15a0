"""The files of ``build/indexer``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wazuh_cicd.indexer.fields import fields_of
from wazuh_cicd.indexer.pipeline import pipeline
from wazuh_cicd.indexer.retention import policies
from wazuh_cicd.indexer.saved import saved_objects
from wazuh_cicd.indexer.template import LONGEST, template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_cicd.spec.model import SpecSet

FOLDER = "indexer/"
TEMPLATE_FILE = f"{FOLDER}template.json"
PIPELINE_FILE = f"{FOLDER}pipeline.json"
SAVED_FILE = f"{FOLDER}saved-objects.ndjson"


def indexer_files(specs: SpecSet) -> Mapping[str, bytes]:
    """What the indexer gets, by path from ``indexer/`` on; the same specs give the same bytes.

    Args:
        specs: those that are built; a field of a source that is left out is not typed.
    """
    data = fields_of(specs)
    sources = {rule.source for rule in specs.rules}
    return {
        TEMPLATE_FILE: _text(template(data)),
        PIPELINE_FILE: _text(pipeline(data, LONGEST)),
        SAVED_FILE: "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in saved_objects(sources)).encode(),
        **{f"{FOLDER}{name}.json": _text(policy) for name, policy in policies().items()},
    }


def _text(document: Any) -> bytes:  # noqa: ANN401 - JSON
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
