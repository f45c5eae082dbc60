"""A headless Chromium without a network, driven by its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    # Nothing can be looked up, and what is asked for by number goes to a proxy that is not there.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
)


def program() -> str:
    """Where the browser is."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "there is no chromium here: `make test-web` installs it where it can, and CHROMIUM names another"
    return found


class Tab:
    """One page, and all that it said and asked for since it was opened.

    Attributes:
        requests: addresses, the page's own too.
        complaints: messages of the console, errors and warnings of the browser.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._loaded = asyncio.Event()
        self.requests: list[str] = []
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Takes in what the browser says, until it is gone."""
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            else:
                self._note(told["method"], told["params"])

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded.set()
        elif event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(str(told))

    async def ask(self, method: str, **params: Any) -> Any:
        """What the browser answers."""
        self._count += 1
        answer = self._answers[self._count] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._count, "method": method, "params": params})
        told = await asyncio.wait_for(answer, 60)
        assert "error" not in told, (method, told)
        return told["result"]

    async def open(self, page: Path, width: int = 1200, height: int = 900, scheme: str = "light") -> None:
        """Opens a file, and waits until it is all there."""
        self.requests.clear()
        self.complaints.clear()
        self._loaded.clear()
        await self.resize(width, height)
        await self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await self.ask("Page.navigate", url=page.as_uri())
        await asyncio.wait_for(self._loaded.wait(), 60)

    async def resize(self, width: int, height: int = 900) -> None:
        """Another window for the same page."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def run(self, script: str) -> Any:
        """The value of an expression within the page."""
        told = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def screenshot(self, file: Path, top: float = 0, height: float | None = None) -> None:
        """The page, or a part of it, as an image."""
        size = (await self.ask("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": top, "width": size["width"], "height": height or size["height"] - top, "scale": 1}
        told = await self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        await asyncio.to_thread(file.write_bytes, base64.b64decode(told["data"]))

    async def printed(self, file: Path) -> bytes:
        """The page as a PDF, on the paper that it asks for."""
        told = await self.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        pdf = base64.b64decode(told["data"])
        await asyncio.to_thread(file.write_bytes, pdf)
        return pdf


@asynccontextmanager
async def opened() -> AsyncIterator[Tab]:
    """A browser with one page, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as home:
        flags = [*FLAGS, f"--user-data-dir={home}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        process = await asyncio.create_subprocess_exec(
            program(), *flags, "about:blank", stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            async with aiohttp.ClientSession() as session, session.ws_connect(await _address(session, home)) as socket:
                tab = Tab(socket)
                listening = asyncio.create_task(tab.listen())
                for domain in ("Page", "Network", "Log", "Runtime"):
                    await tab.ask(f"{domain}.enable")
                yield tab
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening
        finally:
            process.terminate()
            await process.wait()


async def _address(session: aiohttp.ClientSession, home: str) -> str:
    """Where the page listens, once the browser has said so in a file."""
    told = Path(home) / "DevToolsActivePort"
    for _ in range(600):
        if told.exists() and told.read_text().count("\n"):
            break
        await asyncio.sleep(0.05)
    port = told.read_text().split("\n")[0]
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        pages = [page for page in await answer.json() if page["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"])
