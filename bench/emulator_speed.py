"""How many answers the judge emulator gives per second of its own CPU.

    python bench/emulator_speed.py [--seconds 3] [--connections 64] [-- --bias 1.5 --noise 0.3]

It starts `python -m judge_service emulate` and asks it, from raw sockets in this process, for verdicts by
log-probabilities on pairs of 2.5 kB that carry their worth. What follows `--` are flags of the emulator. Only answers
with log-probabilities count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import uvloop

QUESTION = "Answer with one letter: A if Response A is better, B if Response B is better. Your answer, A or B:"
PROMPTS = 2000


def request(place: int, words: random.Random) -> bytes:
    """One request: a system message, a prompt, two fenced candidates with their worth, and the question."""
    body = {
        "model": "emulator",
        "messages": [
            {"role": "system", "content": "You are an impartial and careful judge. " + text(words, 500)},
            {"role": "user", "content": case(place, words)},
        ],
        "max_tokens": 1,
        "temperature": 0.0,
        "logprobs": True,
        "top_logprobs": 20,
    }
    told = json.dumps(body).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\n"
        f"user-agent: bench\r\ncontent-type: application/json\r\ncontent-length: {len(told)}\r\n\r\n"
    )
    return head.encode() + told


def case(place: int, words: random.Random) -> str:
    """A case as the service lays it out."""
    parts = [f"[Prompt 1a2b3c4d]\nTask {place}: {text(words, 150)}\n[/Prompt 1a2b3c4d]"]
    for label in "AB":
        worth = words.uniform(0.0, 10.0)
        parts.append(
            f"[Response {label} 1a2b3c4d]\n{text(words, 700)} (worth {worth:.3f})\n[/Response {label} 1a2b3c4d]"
        )
    return "\n\n".join([*parts, f"Taking the whole standard together, which is better?\n{QUESTION}"])


def text(words: random.Random, characters: int) -> str:
    """Words of random letters."""
    drawn = "".join(words.choices("abcdefghijklmnoprstuvw     ", k=characters))
    return drawn.strip()


class Asking(asyncio.Protocol):
    """Keeps one connection busy: the next request goes out when an answer is in."""

    def __init__(self, requests: list[bytes], start: int) -> None:
        self.requests = requests
        self.at = start
        self.answers = 0
        self.missing = 0
        self.good = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the first time."""
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        """Sends the next request."""
        self.at = (self.at + 1) % len(self.requests)
        self.transport.write(self.requests[self.at])

    def data_received(self, data: bytes) -> None:
        """Answers are small: the head comes with the first bytes."""
        if not self.missing:
            head, _, body = data.partition(b"\r\n\r\n")
            self.good = b'"top_logprobs":[{"token"' in body
            self.missing = int(head.rpartition(b": ")[2]) - len(body)
        else:
            self.missing -= len(data)
        if self.missing == 0:
            self.answers += self.good
            self.ask()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measured(port: int, pid: int, seconds: float, connections: int) -> tuple[int, float, float]:
    """Answers, CPU-seconds of the emulator and wall seconds, after a warm-up."""
    words = random.Random(1)
    requests = [request(place, words) for place in range(PROMPTS)]
    print(f"a request is {sum(map(len, requests)) // len(requests)} bytes with its head, {connections} connections")
    loop = asyncio.get_running_loop()
    asking = []
    for place in range(connections):
        _, one = await loop.create_connection(lambda p=place: Asking(requests, p * 31), "127.0.0.1", port)
        asking.append(one)
    await asyncio.sleep(0.5)
    before, cpu, start = sum(one.answers for one in asking), cpu_seconds(pid), time.perf_counter()
    await asyncio.sleep(seconds)
    answers, wall = sum(one.answers for one in asking) - before, time.perf_counter() - start
    return answers, cpu_seconds(pid) - cpu, wall


def main() -> None:
    """Measures and prints one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=64)
    told, flags = parser.parse_known_args()
    command = [sys.executable, "-m", "judge_service", "emulate", "--port", "0", *[f for f in flags if f != "--"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            port = int(emulator.stdout.readline().rpartition(":")[2].split("/")[0])
            answers, cpu, wall = uvloop.run(measured(port, emulator.pid, told.seconds, told.connections))
        finally:
            emulator.terminate()
    print(f"{answers / cpu:,.0f} answers per CPU-second")
    print(f"{answers:,} in {cpu:.2f} s of the emulator's CPU and {wall:.2f} s on the clock")


if __name__ == "__main__":
    main()
