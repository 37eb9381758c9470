"""Reading a PDF: pages, text, existing signatures, fitness for signing. The one owner of pdfium."""
