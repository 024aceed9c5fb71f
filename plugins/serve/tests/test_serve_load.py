"""Many clients at once, clients that leave, and the end of the server."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import Any

import openai
import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI, status
from openai import AsyncOpenAI

CHAT = "/v1/chat/completions"
AT_ONCE = 200


def echo(body: Any) -> str:
    """What was said last."""
    return f"You said: {body['messages'][-1]['content']}"


def test_200_requests_at_once_are_neither_lost_nor_mixed_up(serve: Any) -> None:
    """Of the team and of one model, whole and streamed, with one slow and one broken model in the team."""
    models = [
        ScriptedModel(name="quick", reply=echo),
        ScriptedModel(name="slow", reply=echo, delay=0.2, chunk=3),
        ScriptedModel(name="broken", fault=status(500)),
    ]

    async def ask(client: AsyncOpenAI, number: int) -> tuple[int, str]:
        model = "acme/slow" if number % 4 == 0 else "conductor/most"
        turns: Any = [{"role": "user", "content": f"number {number}"}]
        if number % 2:
            chunks = await client.chat.completions.create(model=model, messages=turns, stream=True)
            return number, "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
        reply = await client.chat.completions.create(model=model, messages=turns)
        return number, reply.choices[0].message.content or ""

    async def everybody(url: str) -> list[tuple[int, str]]:
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=300) as client:
            return list(await asyncio.gather(*(ask(client, number) for number in range(AT_ONCE))))

    with ScriptedOpenAI(*models) as server:
        served = serve(**{model.name: server.host for model in models})
        replies = asyncio.run(everybody(served.url))
        assert replies == [(number, f"You said: number {number}") for number in range(AT_ONCE)]
        assert len(server.asked(CHAT, "slow")) == AT_ONCE
        assert served.stop() == 0


def test_a_full_queue_is_429(serve: Any) -> None:
    """One more than are answered and may wait; the others are answered all the same."""
    serve.environment.update({"CONDUCTOR_SERVE__PARALLEL": "1", "CONDUCTOR_SERVE__QUEUE": "0"})
    go = threading.Event()

    def when_told(_body: Any) -> str:
        go.wait(60)
        return "done"

    with ScriptedOpenAI(ScriptedModel(name="a", reply=when_told)) as server:
        client = serve(a=server.host).client()
        replies: list[str | None] = []

        def wait() -> None:
            reply = client.chat.completions.create(model="acme/a", messages=[{"role": "user", "content": "x"}])
            replies.append(reply.choices[0].message.content)

        waiting = threading.Thread(target=wait)
        waiting.start()
        server.wait_until(lambda: len(server.asked(CHAT)) == 1)
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="acme/a", messages=[{"role": "user", "content": "x"}])
        assert caught.value.code == "queue_full"
        assert caught.value.response.headers["retry-after"] == "1"
        go.set()
        waiting.join(60)
        assert replies == ["done"]


@pytest.mark.parametrize("model", ["conductor", "acme/a"])
@pytest.mark.parametrize("path", ["chat", "responses"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_has_its_requests_cancelled(serve: Any, model: str, path: str, stream: bool) -> None:
    """Whoever is asked, and in whatever form; a model is not kept busy for nobody."""

    async def leave(url: str, server: ScriptedOpenAI) -> None:
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
            if path == "chat":
                asking: Any = client.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": "x"}], stream=stream
                )
            else:
                asking = client.responses.create(model=model, input="x", stream=stream)

            async def listen() -> None:
                reply = await asking
                if stream:
                    async for _ in reply:
                        pass

            task = asyncio.create_task(listen())
            await asyncio.to_thread(server.wait_until, lambda: len(server.asked(CHAT)) == 1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    with ScriptedOpenAI(ScriptedModel(name="a", reply="word " * 100, delay=0.1, pace=3600)) as server:
        serve.environment["CONDUCTOR_RUN__SAMPLES"] = "1"
        served = serve(a=server.host)
        asyncio.run(leave(served.url, server))
        server.wait_until(lambda: len(server.cancelled(CHAT)) == 1)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_in_peace_while_somebody_waits(serve: Any, how: signal.Signals) -> None:
    """Exit 0, nothing on standard error; what is under way is cancelled after a while, and each client told so."""
    hello: Any = [{"role": "user", "content": "x"}]
    told: dict[tuple[str, str], Any] = {}

    def chat(model: str, *, stream: bool) -> None:
        with pytest.raises(openai.APIError) as caught:
            list(served.client().chat.completions.create(model=model, messages=hello, stream=stream))
        told[model, f"chat {stream}"] = caught.value

    def respond(model: str) -> None:
        told[model, "responses"] = list(served.client().responses.create(model=model, input="x", stream=True))[-1]

    with ScriptedOpenAI(ScriptedModel(name="a", reply="word " * 100, pace=3600)) as server:
        serve.environment["CONDUCTOR_RUN__SAMPLES"] = "1"
        served = serve(a=server.host)
        waiting = []
        for model in ("conductor", "acme/a"):
            waiting.append(threading.Thread(target=chat, args=(model,), kwargs={"stream": False}))
            waiting.append(threading.Thread(target=chat, args=(model,), kwargs={"stream": True}))
            waiting.append(threading.Thread(target=respond, args=(model,)))
        for thread in waiting:
            thread.start()
        server.wait_until(lambda: len(server.asked(CHAT)) == len(waiting))
        assert served.stop(how) == 0
        for thread in waiting:
            thread.join(60)
        assert served.process.stderr.read() == ""
    for model in ("conductor", "acme/a"):
        whole, streamed, responded = (told[model, way] for way in ("chat False", "chat True", "responses"))
        assert (whole.status_code, whole.code) == (503, "shutting_down")
        assert streamed.code == "shutting_down"
        assert (responded.type, responded.response.error.code) == ("response.failed", "shutting_down")


@pytest.mark.parametrize("model", ["conductor", "acme/a"])
def test_a_model_may_take_as_long_as_the_server_says(serve: Any, model: str) -> None:
    """By `--timeout` or `[serve]`, and not as long as a run may; the error names what the server has."""
    asking: Any = {"model": model, "messages": [{"role": "user", "content": "x"}]}
    serve.environment["CONDUCTOR_RUN__TIMEOUT"] = "0.01"
    with ScriptedOpenAI(ScriptedModel(name="a", reply="done", delay=0.1)) as server:
        assert serve(a=server.host).client().chat.completions.create(**asking).choices[0].message.content == "done"
        with pytest.raises(openai.APIStatusError, match=r"within 0\.05 s.*\[serve\] timeout") as caught:
            serve("--timeout", "0.05", a=server.host).client().chat.completions.create(**asking)
        assert caught.value.code == "no_answer"
        assert "--timeout" not in str(caught.value)
        serve.environment["CONDUCTOR_SERVE__TIMEOUT"] = "0"
        process = serve.command("--port", "0")
        assert "expected a number above 0" in process.communicate(timeout=60)[1]
        assert process.returncode == 2
