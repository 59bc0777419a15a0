"""What the Wazuh indexer needs so that every alert arrives: index template and ingest pipeline, from the specs."""

from wazuh_cicd.indexer.package import indexer_files

__all__ = ["indexer_files"]
