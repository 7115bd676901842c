"""The embedded engine: llama.cpp's own server inside the replica's process.

It reads GGUF, batches continuously and needs no GPU, no compiler and no second process. Its HTTP
server cannot be switched off, only moved: it is given a Unix socket whose file is removed as soon
as it listens, so no port is open and nobody can connect. We call it in process, in threads, because
its calls block.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from runtime.serving.engine import EngineFailedError, EngineRefusedError, EngineSettings, Json

QUIET = -1
CLIENT_ERRORS = range(400, 500)


class XllamacppEngine:
    """One model in this process."""

    def __init__(self, settings: EngineSettings) -> None:
        import xllamacpp  # noqa: PLC0415 - 34 MB, and only replicas have it

        sockets = Path(tempfile.mkdtemp(prefix="pyd-engine-"))  # mode 0700
        self._threads = ThreadPoolExecutor(settings.parallel, thread_name_prefix="engine")
        params = xllamacpp.CommonParams()
        params.model.path = settings.model_path
        params.model_alias = {settings.model}
        params.n_ctx = settings.context_tokens * settings.parallel  # shared out between slots
        params.n_parallel = settings.parallel
        params.cpuparams.n_threads = settings.threads
        params.cpuparams_batch.n_threads = settings.threads
        params.n_threads_http = 1
        params.hostnames = [str(sockets / "engine.sock")]
        params.verbosity = QUIET
        params.ui = False
        try:
            self._server: Any = xllamacpp.Server(params)
        except (RuntimeError, ValueError) as error:
            raise EngineFailedError(f"{settings.model_path} could not be loaded") from error
        finally:
            # Nobody shall use it, and a replica that is killed could not tidy up.
            shutil.rmtree(sockets, ignore_errors=True)

    async def complete(self, request: Json) -> Json:
        """The engine's own whole answer. Once begun it is computed to its end."""
        body = {**request, "stream": False}
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(
                self._threads, self._server.handle_chat_completions, body
            )
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            raise _refusal(error) from error
        if not isinstance(answer, dict):
            raise EngineFailedError("the engine answered nothing")
        _raise_if_error(answer)
        return answer

    async def stream(self, request: Json) -> AsyncIterator[Json]:
        """Chunks as they are computed; the engine stops when the reader does."""
        body = {**request, "stream": True, "stream_options": {"include_usage": True}}
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Json | BaseException | None] = asyncio.Queue()
        given_up = threading.Event()

        def hand_over(item: Json | BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and the reader with it
                loop.call_soon_threadsafe(queue.put_nowait, item)

        def take(chunk: Json) -> bool:
            """Called by the engine for each chunk; True stops it."""
            hand_over(chunk)
            return given_up.is_set()

        def compute() -> None:
            try:
                if not given_up.is_set():
                    self._server.handle_chat_completions(body, take)
            except BaseException as error:  # noqa: BLE001 - it belongs to the reader's thread
                hand_over(error)
            else:
                hand_over(None)

        self._threads.submit(compute)
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise _refusal(item) from item
                _raise_if_error(item)
                yield item
        finally:
            given_up.set()

    def close(self) -> None:
        """Drop the model."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._server = None


def _refusal(error: BaseException) -> Exception:
    """The binding raises `ValueError` for a request it cannot read."""
    if isinstance(error, (ValueError, TypeError, KeyError)):
        return EngineRefusedError(str(error))
    return EngineFailedError(f"{type(error).__name__}: {error}")


def _raise_if_error(chunk: Json) -> None:
    """The engine reports trouble as an answer."""
    found = chunk.get("error")
    if not found:
        return
    message = str(found.get("message", found))
    if found.get("code") in CLIENT_ERRORS:
        code = {"exceed_context_size_error": "context_length_exceeded"}.get(found.get("type"), "")
        raise EngineRefusedError(message, code=code, param="messages" if code else None)
    raise EngineFailedError(message)
