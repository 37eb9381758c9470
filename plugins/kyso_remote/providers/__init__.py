"""One module for each provider's interface; what is data about it stands in ``profiles/``."""
