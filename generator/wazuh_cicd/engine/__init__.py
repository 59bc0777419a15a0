"""What wazuh-analysisd 4.14 does to one event, without a manager."""
