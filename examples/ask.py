# ruff: noqa: INP001 - a program of its own
"""Ask a model through podyard's gateway with the unmodified `openai` client.

`OPENAI_BASE_URL` and `OPENAI_API_KEY` say where and as whom, as everywhere:
`python examples/ask.py smollm2 "What is the capital of France?"`
"""

from __future__ import annotations

import sys

from openai import OpenAI


def main(model: str, question: str) -> None:
    """Print the answer as it streams in."""
    answer = OpenAI().chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        max_tokens=48,
        temperature=0,
        stream=True,
    )
    for part in answer:
        for choice in part.choices:
            sys.stdout.write(choice.delta.content or "")
            sys.stdout.flush()
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
