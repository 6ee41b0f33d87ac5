"""Asks the simulator through the official Python SDKs and prints what each made of the answer.

One line of JSON for each request: sdk, id, text, calls, finish, and the counts of the usage.
"""

import json
import sys

import anthropic
import openai
from google import genai
from google.genai import types

ADDRESS = sys.argv[1]
MODEL = "gale/small"
# Not in the simulator's answer key, with more than ASCII in it.
PROMPT = "Say something about « été » and 夏, in a few words."
# In the answer key: a task of the bundled suite `tools`, which is answered by a call.
TOOL_MODEL = "fir/agent"


def tool_task():
    """The first bundled task with tools: its prompt and its tools."""
    path = __file__.replace("tests/sdk/check.py", "suites/tools/tasks.jsonl")
    with open(path, encoding="utf-8") as tasks:
        for line in tasks:
            task = json.loads(line)
            if task.get("tools") and len(task["messages"]) == 1:
                return task["messages"][0]["content"], task["tools"]
    raise SystemExit(f"{path} has no task with tools and one message")


def say(sdk, request, text, calls, finish, usage, **more):
    keys = ["input", "cached", "output", "reasoning"]
    line = {"sdk": sdk, "id": request, "text": text, "calls": calls, "finish": finish}
    print(json.dumps(line | dict(zip(keys, usage)) | more))


def key(nth):
    """An idempotency key: the ledger calls the request so."""
    return f"{nth:032x}-0-0"


def chat_usage(usage):
    return (
        usage.prompt_tokens,
        usage.prompt_tokens_details.cached_tokens,
        usage.completion_tokens,
        usage.completion_tokens_details.reasoning_tokens,
    )


def openai_chat(client, nth, model, prompt, tools):
    ask = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    if tools:
        ask["tools"] = tools
    headers = {"Idempotency-Key": key(nth)}
    whole = client.chat.completions.create(**ask, extra_headers=headers)
    choice = whole.choices[0]
    calls = [[c.function.name, json.loads(c.function.arguments)] for c in choice.message.tool_calls or []]
    say("python openai chat", key(nth), choice.message.content or "", calls,
        choice.finish_reason, chat_usage(whole.usage))

    headers = {"Idempotency-Key": key(nth + 1)}
    text, calls, finish, usage = "", [], None, None
    stream = client.chat.completions.create(
        **ask, stream=True, stream_options={"include_usage": True}, extra_headers=headers
    )
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                if call.index == len(calls):
                    calls.append([call.function.name, ""])
                calls[call.index][1] += call.function.arguments or ""
    calls = [[name, json.loads(arguments)] for name, arguments in calls]
    say("python openai chat, streamed", key(nth + 1), text, calls, finish, chat_usage(usage))


def responses_usage(usage):
    return (
        usage.input_tokens,
        usage.input_tokens_details.cached_tokens,
        usage.output_tokens,
        usage.output_tokens_details.reasoning_tokens,
    )


def responses_calls(response):
    calls = [item for item in response.output if item.type == "function_call"]
    return [[call.name, json.loads(call.arguments)] for call in calls]


def openai_responses(client, nth, model, prompt, tools):
    ask = {"model": model, "input": prompt}
    if tools:
        ask["tools"] = [{"type": "function", "strict": False} | tool["function"] for tool in tools]
    headers = {"Idempotency-Key": key(nth)}
    whole = client.responses.create(**ask, extra_headers=headers)
    finish = "tool_calls" if responses_calls(whole) else "stop"
    assert whole.status == "completed", whole.status
    say("python openai responses", key(nth), whole.output_text, responses_calls(whole), finish,
        responses_usage(whole.usage))

    # The SDK's own accumulator: it fails on events that do not fit each other.
    headers = {"Idempotency-Key": key(nth + 1)}
    deltas = ""
    with client.responses.stream(**ask, extra_headers=headers) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                deltas += event.delta
        last = stream.get_final_response()
    assert deltas == last.output_text, (deltas, last.output_text)
    finish = "tool_calls" if responses_calls(last) else "stop"
    say("python openai responses, streamed", key(nth + 1), deltas, responses_calls(last), finish,
        responses_usage(last.usage))


def anthropic_parts(message):
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [[b.name, b.input] for b in message.content if b.type == "tool_use"]
    usage = message.usage
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = usage.output_tokens_details
    counts = (usage.input_tokens + read + written, read, usage.output_tokens,
              details.thinking_tokens if details else 0)
    finish = {"end_turn": "stop", "tool_use": "tool_calls"}[message.stop_reason]
    return text, calls, finish, counts


def anthropic_messages(client, nth, model, prompt, tools):
    ask = {"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": prompt}]}
    if tools:
        ask["tools"] = [
            {"name": f["name"], "description": f.get("description", ""),
             "input_schema": f["parameters"]}
            for f in (tool["function"] for tool in tools)
        ]
    headers = {"Idempotency-Key": key(nth)}
    whole = client.messages.create(**ask, extra_headers=headers)
    say("python anthropic", key(nth), *anthropic_parts(whole))

    headers = {"Idempotency-Key": key(nth + 1)}
    with client.messages.stream(**ask, extra_headers=headers) as stream:
        deltas = "".join(stream.text_stream)
        last = stream.get_final_message()
    text, calls, finish, counts = anthropic_parts(last)
    assert deltas == text, (deltas, text)
    say("python anthropic, streamed", key(nth + 1), text, calls, finish, counts)


def gemini_usage(usage):
    thoughts = usage.thoughts_token_count or 0
    return (usage.prompt_token_count, usage.cached_content_token_count or 0,
            (usage.candidates_token_count or 0) + thoughts, thoughts)


def google_genai(client, nth, model, prompt, tools):
    def config(nth):
        declared = [
            types.FunctionDeclaration(
                name=f["name"], description=f.get("description", ""),
                parameters_json_schema=f["parameters"])
            for f in (tool["function"] for tool in tools or [])
        ]
        return types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=declared)] if declared else None,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            http_options=types.HttpOptions(headers={"Idempotency-Key": key(nth)}),
        )

    def parts(chunks):
        text, calls, finish, usage = "", [], None, None
        for chunk in chunks:
            usage = chunk.usage_metadata or usage
            for candidate in chunk.candidates or []:
                finish = candidate.finish_reason or finish
                for part in candidate.content.parts or []:
                    text += part.text or ""
                    if part.function_call:
                        calls.append([part.function_call.name, dict(part.function_call.args)])
        assert finish.value == "STOP", finish
        return text, calls, "tool_calls" if calls else "stop", gemini_usage(usage)

    ask = {"model": model, "contents": prompt}
    whole = client.models.generate_content(**ask, config=config(nth))
    say("python google-genai", key(nth), *parts([whole]))
    stream = client.models.generate_content_stream(**ask, config=config(nth + 1))
    say("python google-genai, streamed", key(nth + 1), *parts(stream))


def refusals(clients):
    """An error reaches each SDK's own kind of error, with the status and the message."""
    chat, messages, gemini = clients
    for ask, kind in [
        (lambda: chat.chat.completions.create(model="no/such", messages=[
            {"role": "user", "content": "hi"}]), openai.NotFoundError),
        (lambda: chat.responses.create(model="no/such", input="hi"), openai.NotFoundError),
        (lambda: messages.messages.create(model="no/such", max_tokens=1, messages=[
            {"role": "user", "content": "hi"}]), anthropic.NotFoundError),
        (lambda: gemini.models.generate_content(model="no/such", contents="hi"),
         genai.errors.ClientError),
    ]:
        try:
            ask()
        except kind as error:
            status = getattr(error, "status_code", None) or error.code
            assert status == 404 and "no/such" in str(error), error
        else:
            raise SystemExit(f"{kind} was expected")


def main():
    # Twice is once too often: what is counted is what was asked.
    chat = openai.OpenAI(base_url=f"{ADDRESS}/v1", max_retries=0)
    messages = anthropic.Anthropic(base_url=ADDRESS, max_retries=0)
    gemini = genai.Client(http_options=types.HttpOptions(base_url=ADDRESS))
    asked = [(chat, openai_chat), (chat, openai_responses), (messages, anthropic_messages),
             (gemini, google_genai)]
    nth = 1
    for model, (prompt, tools) in [(MODEL, (PROMPT, None)), (TOOL_MODEL, tool_task())]:
        for client, ask in asked:
            ask(client, nth, model, prompt, tools)
            nth += 2
    refusals((chat, messages, gemini))


main()
