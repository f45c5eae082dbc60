"""Files and batches of the HTTP API: kept as papers, judged line by line, gone on with by whoever is there."""
