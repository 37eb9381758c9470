"""What keeps a signature verifiable for longer: timestamps, the document security store, archive timestamps."""
