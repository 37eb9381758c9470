"""Writing a PDF: the incremental update, the signature field, the hand-over to pyHanko's writer."""
