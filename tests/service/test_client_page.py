"""The client's page and its example do what they say, as they stand."""

import asyncio
import re
import sys
from pathlib import Path

from services import served

ROOT = Path(__file__).parent.parent.parent


async def printed(program: str) -> list[str]:
    """What a program prints, run against a service with the offline judge."""
    async with served(None) as url:
        pipe = asyncio.subprocess.PIPE
        environment = {"JUDGE_SERVER_URL": url, "PYTHONPATH": str(ROOT)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", program, stdout=pipe, stderr=pipe, env=environment
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


async def test_the_blocks_of_the_page_run_one_after_the_other() -> None:
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == page.count("```python") == 6
    told = await printed("\n".join(blocks))
    assert told[0].startswith("judged ")
    assert told[3] == "not judged: invalid compare takes exactly 2 candidates; got 1"
    assert "200 done, 0 failed, 400 judge calls" in told
    assert "NotFound rubric" in told


async def test_the_example_tells_its_verdicts() -> None:
    first, second = await printed((ROOT / "examples" / "client.py").read_text(encoding="utf-8"))
    assert re.fullmatch(r"(a|b|tie) is better, with probability 0\.\d\d", first)
    assert re.fullmatch(r"the first won \d+ of 100", second)
