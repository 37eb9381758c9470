"""CMS SignedData (RFC 5652) as PDF signatures use it: built for signing, read for verification."""
