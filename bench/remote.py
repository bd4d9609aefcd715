"""Slack and SectorFlow for measurements: they answer at once or after the seconds that a question names.

A question contains ``q-{number}-q`` and may contain ``d-{seconds}-d``. ``GET /figures`` returns by number
when SectorFlow was asked, when it replied and when Slack got the answer, in seconds of the monotonic clock,
which all processes of a machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from typing import Any

_NUMBER = re.compile(rb"q-(\d+)-q")
_DELAY = re.compile(rb"d-([\d.]+)-d")
ANSWER = "An answer of a model has some sentences, which differ. " * 4


class Remote:
    """What the two services were asked."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all."""
        self.times: dict[str, dict[str, float]] = {}
        self.under_way = self.most = 0

    def note(self, body: bytes, moment: str) -> str:
        """Record the first time of a moment of the question in a body; return its number, "" without one."""
        found = _NUMBER.search(body)
        if found is None:
            return ""
        number = found[1].decode()
        self.times.setdefault(number, {}).setdefault(moment, time.monotonic())
        return number

    async def complete(self, body: bytes) -> dict[str, Any]:
        """Answer a completions call."""
        number, delay = self.note(body, "asked"), _DELAY.search(body)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(float(delay[1]) if delay else 0.0)
        self.under_way -= 1
        self.note(body, "replied")
        message = {"role": "assistant", "content": f"q-{number}-q {ANSWER}"}
        models = json.loads(body)["models"]
        choices = [
            {"modelId": model, "modelName": model[:8], "choices": [{"message": message}]} for model in models
        ]
        return {"threadId": f"thread-{number}", "choices": choices}

    async def answer(self, path: str, body: bytes) -> dict[str, Any]:
        """Answer a request."""
        if path.endswith("/completions"):
            return await self.complete(body)
        if path == "/figures":
            return {"times": self.times, "under_way": self.under_way, "most": self.most}
        if path == "/reset":
            self.reset()
        elif path.startswith("/api/chat."):
            self.note(body, "posted")
        return {"ok": True, "ts": f"{time.time():.6f}", "channel": "C0GENERAL", "user_id": "U0BOT"}


async def serve(remote: Remote, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            sent = json.dumps(await remote.answer(path, body)).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n" % len(sent) + sent)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def run(port: int) -> None:
    """Serve until the process ends."""
    remote = Remote()
    server = await asyncio.start_server(lambda r, w: serve(remote, r, w), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(run(parser.parse_args().port))
