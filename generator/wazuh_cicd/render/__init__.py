"""The model rendered as Wazuh XML, CDB lists and configuration fragments."""

from wazuh_cicd.render.package import Package, render_package, render_problems, select_sources

__all__ = ["Package", "render_package", "render_problems", "select_sources"]
