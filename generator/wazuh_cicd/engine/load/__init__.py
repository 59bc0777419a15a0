"""From files to definitions: Wazuh's XML, its decoders, rules and CDB lists, and what a manager says about them."""
