"""The agent for web pages, over real sockets, with real keys and a real document system."""
