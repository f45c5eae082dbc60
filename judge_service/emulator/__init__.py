"""An OpenAI-compatible judge server without a model: its preferences, biases, pace and faults are settings.

It is how load, faults and debiasing are tested. A candidate that carries `(worth 6.31)` in its text is worth that much;
others are worth what a hash of their text draws. The logit that the first-shown of two is better is
`slope * (worth of the first - worth of the second) + bias + noise`, whatever the template around them.

`server.Emulator` is the server, `behaviour.Behaviour` its settings.
"""
