"""The model rendered as Wazuh XML, CDB lists and configuration fragments."""
