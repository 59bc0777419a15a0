"""The pipeline gate: what the scanners found, held against a policy, ends in one of four exit codes.

Data flows one way: ``policy`` (YAML → model) and ``scans`` (image, directory or report → findings) meet in ``judge``
(findings → verdict); ``formats`` and ``evidence`` write the verdict for people, machines and Wazuh.
"""
