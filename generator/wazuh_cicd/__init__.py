"""Wazuh content for CI/CD: specs, generator, offline evaluator, proof and installation."""

__version__ = "0.1.0"
