"""Asks the simulator through other people's clients: the litellm SDK, LangChain, `llm`, Inspect.

Writes one line of JSON for each request, in the order of the requests: client, text, and what the
client says that was billed. A client that is not installed is skipped, and that is said.

  clients.py ADDRESS FOLDER     writes FOLDER/seen.jsonl
"""

import importlib.util
import json
import os
import pathlib
import sys

ADDRESS, WORK = sys.argv[1], pathlib.Path(sys.argv[2])
MODEL = "gale/small"
PROMPT = "Say something about « été » and 夏, in a few words."
MESSAGES = [{"role": "user", "content": PROMPT}]


def say(client, text, tokens_in, tokens_out):
    line = {"client": client, "text": text, "input": tokens_in, "output": tokens_out}
    # Not to stdout, on which a client may say something too.
    with open(WORK / "seen.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def litellm_sdk():
    import litellm

    litellm.suppress_debug_info = True
    ways = [("chat", f"openai/{MODEL}", f"{ADDRESS}/v1"), ("messages", f"anthropic/{MODEL}", ADDRESS)]
    for way, model, base in ways:
        ask = {"model": model, "messages": MESSAGES, "api_base": base, "api_key": "none",
               "num_retries": 0}
        whole = litellm.completion(**ask)
        usage = whole.usage
        say(f"litellm {way}", whole.choices[0].message.content, usage.prompt_tokens,
            usage.completion_tokens)
        chunks = list(litellm.completion(**ask, stream=True, stream_options={"include_usage": True}))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        usage = next(c.usage for c in reversed(chunks) if getattr(c, "usage", None))
        say(f"litellm {way}, streamed", text, usage.prompt_tokens, usage.completion_tokens)
    try:
        litellm.completion(model="openai/no/such", messages=MESSAGES, api_base=f"{ADDRESS}/v1",
                           api_key="none", num_retries=0, max_retries=0)
    except litellm.NotFoundError as error:
        assert "no/such" in str(error), error
    else:
        raise SystemExit("litellm: an unknown model was answered")


def langchain():
    from langchain_anthropic import ChatAnthropic
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(model=MODEL, base_url=f"{ADDRESS}/v1", api_key="none", max_retries=0,
                      stream_usage=True)
    messages = ChatAnthropic(model=MODEL, base_url=ADDRESS, api_key="none", max_retries=0,
                             max_tokens=1024)
    for way, model in [("chat", chat), ("messages", messages)]:
        whole = model.invoke(PROMPT)
        usage = whole.usage_metadata
        say(f"langchain {way}", whole.text, usage["input_tokens"], usage["output_tokens"])
        total = None
        for chunk in model.stream(PROMPT):
            total = chunk if total is None else total + chunk
        usage = total.usage_metadata
        say(f"langchain {way}, streamed", total.text, usage["input_tokens"], usage["output_tokens"])
    try:
        ChatOpenAI(model="no/such", base_url=f"{ADDRESS}/v1", api_key="none",
                   max_retries=0).invoke(PROMPT)
    except Exception as error:  # The class is that of the SDK below it.
        assert getattr(error, "status_code", None) == 404, error
    else:
        raise SystemExit("langchain: an unknown model was answered")


def llm_cli():
    home = WORK / "llm"
    home.mkdir(exist_ok=True)
    (home / "extra-openai-models.yaml").write_text(
        f"- model_id: sim\n  model_name: {MODEL}\n  api_base: {ADDRESS}/v1\n  api_key_name: none\n")
    os.environ["LLM_USER_PATH"] = str(home)
    import llm

    model = llm.get_model("sim")
    for way, stream in [("", False), (", streamed", True)]:
        response = model.prompt(PROMPT, stream=stream, key="none")
        text = response.text()
        usage = response.usage()
        say(f"llm{way}", text, usage.input, usage.output)


def inspect():
    os.environ["INSPECT_LOG_DIR"] = str(WORK / "inspect")
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import includes

    task = Task(dataset=[Sample(input=PROMPT, target="a")], scorer=includes())
    # Its Anthropic provider takes what is before a slash of a model's name for a cloud.
    for way in ["chat", "responses"]:
        log = eval(task, model=f"openai/{MODEL}", model_base_url=f"{ADDRESS}/v1", display="none",
                   max_retries=0, model_args={"responses_api": way == "responses"})[0]
        assert log.status == "success", log.error.message
        output = log.samples[0].output
        say(f"inspect {way}", output.completion, output.usage.input_tokens,
            output.usage.output_tokens)


def main():
    os.environ |= {"OPENAI_API_KEY": "none", "ANTHROPIC_API_KEY": "none"}
    for package, ask in [("litellm", litellm_sdk), ("langchain_openai", langchain),
                         ("llm", llm_cli), ("inspect_ai", inspect)]:
        if importlib.util.find_spec(package) is None:
            print(f"SKIPPED: {package} is not installed", file=sys.stderr)
            continue
        ask()


main()
