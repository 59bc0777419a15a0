"""The JSON Schema of spec files, written from the same table of keys that the reader uses."""

from __future__ import annotations

from typing import Any

from wazuh_cicd.spec.shapes import DECODER_FILE, LIST_FILE, RULE_FILE, RUNBOOK_FILE, SCALAR, SHAPES, Shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"
KINDS = {"rule": RULE_FILE, "decoder": DECODER_FILE, "list": LIST_FILE, "runbook": RUNBOOK_FILE}

# Shapes that may also be written as a bare value.
_SHORT_FORMS: dict[str, list[dict[str, Any]]] = {
    "matchers": [SCALAR, {"type": "array", "items": SCALAR, "minItems": 1}],
    "prematch": [{"type": "string"}],
    "program_name": [{"type": "string"}],
}


def json_schema(kind: str | None = None) -> dict[str, Any]:
    """The schema of one kind of file (``rule``, ``decoder``, ``list``, ``runbook``), or of any of them.

    Raises:
        KeyError: no such kind.
    """
    schema: dict[str, Any] = {"$schema": DIALECT, "title": f"wazuh-cicd {kind or 'spec'} file"}
    if kind is None:
        schema["oneOf"] = [{"$ref": f"#/$defs/{shape.name}"} for shape in KINDS.values()]
    else:
        schema["$ref"] = f"#/$defs/{KINDS[kind].name}"
    schema["$defs"] = {shape.name: _definition(shape) for shape in SHAPES}
    schema["$defs"]["conditions"] = {
        "type": "object",
        "description": "field: value, [values] or {matcher: …}",
        "additionalProperties": {"$ref": "#/$defs/matchers"},
    }
    return schema


def _definition(shape: Shape) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "object",
        "properties": {key.name: {**key.schema, "description": key.doc} for key in shape.keys},
        "additionalProperties": False,
    }
    required = list(shape.required)
    if shape.name == "rule":
        # What a file's defaults may give is not asked of the rule itself.
        required = [name for name in required if name != "level"]
    if required:
        body["required"] = required
    if shape.name == "test":
        body["oneOf"] = [{"required": ["fires"]}, {"required": ["silent"]}]
    if shape.name == "decoder_test":
        body["oneOf"] = [{"required": ["decodes", "decoder"]}, {"required": ["ignores"]}]
    if shape.name in _SHORT_FORMS:
        return {"anyOf": [*_SHORT_FORMS[shape.name], body]}
    return body
