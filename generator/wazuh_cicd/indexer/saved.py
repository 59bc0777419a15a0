"""Saved objects of OpenSearch Dashboards 2.x from what ``dashboards.py`` says.

Facts: the definitions of the types ``dashboard``, ``visualization``, ``search`` and ``index-pattern`` in the sources of
OpenSearch Dashboards 2.x (``src/plugins/{dashboard,visualizations,discover,data}/server/saved_objects``), their
migrations' last versions, and the parameters of its visualization types. They were never opened in a running one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wazuh_cicd.indexer.dashboards import dashboards

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from wazuh_cicd.indexer.dashboards import Dashboard, Panel, Search

PATTERN = "cicd-alerts"
_MIGRATED = {"dashboard": "7.9.3", "visualization": "7.10.0", "search": "7.9.3", "index-pattern": "7.6.0"}
_INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"
_COLUMNS = 48  # of the grid
_SEARCH_HEIGHT = 20
_SCHEMAS = {"table": "bucket", "pie": "segment"}


def saved_objects(sources: Collection[str]) -> list[dict[str, Any]]:
    """Every saved object, what is referred to before what refers to it."""
    made = dashboards(sources)
    found = [_object("index-pattern", PATTERN, {"title": "wazuh-alerts-*", "timeFieldName": "timestamp"}, [])]
    found += [_visualization(panel) for dashboard in made for panel in dashboard.panels]
    found += [_search(search) for dashboard in made for search in dashboard.searches]
    return [*found, *map(_dashboard, made)]


def _object(kind: str, name: str, attributes: dict[str, Any], references: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "id": name,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "migrationVersion": {kind: _MIGRATED[kind]},
    }


def _source(query: str, *, refers: bool) -> dict[str, Any]:
    source: dict[str, Any] = {"query": {"query": query, "language": "lucene"}, "filter": []}
    if refers:
        source["indexRefName"] = _INDEX
    return {"searchSourceJSON": _text(source)}


def _reference() -> dict[str, str]:
    return {"name": _INDEX, "type": "index-pattern", "id": PATTERN}


def _visualization(panel: Panel) -> dict[str, Any]:
    refers = panel.kind != "markdown"
    state = {"title": panel.title, "type": panel.kind, "params": _parameters(panel), "aggs": list(aggregations(panel))}
    attributes = {
        "title": f"CI/CD: {panel.title}",
        "description": "",
        "visState": _text(state),
        "uiStateJSON": "{}",
        "version": 1,
        "kibanaSavedObjectMeta": _source(panel.whole_query if refers else "", refers=refers),
    }
    return _object("visualization", f"cicd-{panel.id}", attributes, [_reference()] if refers else [])


def aggregations(panel: Panel) -> Iterator[dict[str, Any]]:
    """What a visualization counts, in its own words: metrics first, then the buckets from the outermost on."""
    if panel.kind == "markdown":
        return
    for number, (kind, name) in enumerate(panel.metrics, 1):
        yield _part(number, kind, "metric", {"field": name} if name else {})
    number = len(panel.metrics) + 1
    if panel.kind == "histogram":
        time = {"field": "timestamp", "interval": "auto", "min_doc_count": 1, "extended_bounds": {}}
        yield _part(number, "date_histogram", "segment", time)
        number += 1
    schema = "group" if panel.kind == "histogram" else _SCHEMAS.get(panel.kind, "group")
    if panel.filters:
        asked = [{"input": {"query": query, "language": "lucene"}, "label": label} for label, query in panel.filters]
        yield _part(number, "filters", schema, {"filters": asked})
        number += 1
    for place, name in enumerate(panel.fields, number):
        terms = {"field": name, "orderBy": "1", "order": "desc", "size": panel.rows, "otherBucket": False}
        yield _part(place, "terms", schema, {**terms, "missingBucket": False})


def _part(number: int, kind: str, schema: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"id": str(number), "enabled": True, "type": kind, "schema": schema, "params": parameters}


def _parameters(panel: Panel) -> dict[str, Any]:
    if panel.kind == "markdown":
        return {"fontSize": 12, "openLinksInNewTab": False, "markdown": panel.text}
    if panel.kind == "table":
        return {
            "perPage": 10,
            "showPartialRows": False,
            "showMetricsAtAllLevels": False,
            "showTotal": False,
            "totalFunc": "sum",
            "percentageCol": "",
        }
    if panel.kind == "pie":
        labels = {"show": True, "values": True, "last_level": True, "truncate": 100}
        return {
            "type": "pie",
            "addTooltip": True,
            "addLegend": True,
            "legendPosition": "right",
            "isDonut": True,
            "labels": labels,
        }
    if panel.kind == "metric":
        return _metric_parameters()
    return _histogram_parameters()


def _metric_parameters() -> dict[str, Any]:
    return {
        "addTooltip": True,
        "addLegend": False,
        "type": "metric",
        "metric": {
            "percentageMode": False,
            "useRanges": False,
            "colorSchema": "Green to Red",
            "metricColorMode": "None",
            "colorsRange": [{"from": 0, "to": 10000}],
            "labels": {"show": True},
            "invertColors": False,
            "style": {"bgFill": "#000", "bgColor": False, "labelColor": False, "subText": "", "fontSize": 40},
        },
    }


def _histogram_parameters() -> dict[str, Any]:
    return {
        "type": "histogram",
        "grid": {"categoryLines": False},
        "categoryAxes": [
            {
                "id": "CategoryAxis-1",
                "type": "category",
                "position": "bottom",
                "show": True,
                "style": {},
                "scale": {"type": "linear"},
                "labels": {"show": True, "filter": True, "truncate": 100},
                "title": {},
            }
        ],
        "valueAxes": [
            {
                "id": "ValueAxis-1",
                "name": "LeftAxis-1",
                "type": "value",
                "position": "left",
                "show": True,
                "style": {},
                "scale": {"type": "linear", "mode": "normal"},
                "labels": {"show": True, "rotate": 0, "filter": False, "truncate": 100},
                "title": {"text": "Count"},
            }
        ],
        "seriesParams": [
            {
                "show": True,
                "type": "histogram",
                "mode": "stacked",
                "data": {"label": "Count", "id": "1"},
                "valueAxis": "ValueAxis-1",
                "drawLinesBetweenPoints": True,
                "lineWidth": 2,
                "showCircles": True,
            }
        ],
        "addTooltip": True,
        "addLegend": True,
        "legendPosition": "right",
        "times": [],
        "addTimeMarker": False,
        "labels": {"show": False},
        "thresholdLine": {"show": False, "value": 10, "width": 1, "style": "full", "color": "#E7664C"},
    }


def _search(search: Search) -> dict[str, Any]:
    attributes = {
        "title": search.title,
        "description": "",
        "hits": 0,
        "columns": list(search.columns),
        "sort": [["timestamp", "desc"]],
        "version": 1,
        "kibanaSavedObjectMeta": _source(search.whole_query, refers=True),
    }
    return _object("search", f"cicd-{search.id}", attributes, [_reference()])


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    shown = [("visualization", panel.id, panel.width, panel.height) for panel in dashboard.panels]
    shown += [("search", search.id, _COLUMNS, _SEARCH_HEIGHT) for search in dashboard.searches]
    panels, references = [], []
    left = top = deep = 0
    for number, (kind, name, width, height) in enumerate(shown):
        if left + width > _COLUMNS:
            left, top, deep = 0, top + deep, 0
        index = f"{number + 1}"
        grid = {"x": left, "y": top, "w": width, "h": height, "i": index}
        embedded = {"embeddableConfig": {}, "panelRefName": f"panel_{number}"}
        panels.append({"version": "2.19.0", "panelIndex": index, "gridData": grid, **embedded})
        references.append({"name": f"panel_{number}", "type": kind, "id": f"cicd-{name}"})
        left, deep = left + width, max(deep, height)
    attributes = {
        "title": dashboard.title,
        "description": dashboard.description,
        "hits": 0,
        "panelsJSON": _text(panels),
        "optionsJSON": _text({"useMargins": True, "hidePanelTitles": False}),
        "version": 1,
        "timeRestore": True,
        "timeFrom": f"now-{dashboard.days}d",
        "timeTo": "now",
        "refreshInterval": {"pause": True, "value": 0},
        "kibanaSavedObjectMeta": _source("", refers=False),
    }
    return _object("dashboard", f"cicd-{dashboard.id}", attributes, references)


def _text(document: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(document, ensure_ascii=False)
