"""Cases in a file become judgments in a file: read, judged, recorded line by line, and resumed."""
