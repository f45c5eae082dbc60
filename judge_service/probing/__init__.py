"""Cases changed in ways that should change no verdict, put to a judge."""
