"""What every server of kyso shares: limits, the check of hosts, and a server on loopback. Needs the extra `serve`."""
