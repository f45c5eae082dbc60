"""The service inside other people's programs: a client, and on it what trainers and evaluators plug in."""
