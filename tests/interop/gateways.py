"""Draws from gateways that were configured by `weighbridge export`, in front of `weighbridge sim`.

  gateways.py prepare FOLDER SIM DOWN       a catalog and a weights file; DOWN is where nothing listens
  gateways.py router FOLDER                 litellm's Router on FOLDER/litellm.yaml
  gateways.py proxy FOLDER ADDRESS          the LiteLLM proxy at ADDRESS, which serves that file
  gateways.py portkey FOLDER ADDRESS        Portkey's gateway at ADDRESS, with FOLDER/portkey.json

Each alias is asked 300 times: the share of each endpoint lies within three standard deviations of its
weight, an alias with a dead endpoint is answered by its fallback, and what answers names the model of
the endpoint, never the alias.
"""

import collections
import concurrent.futures
import json
import math
import os
import pathlib
import sys
import urllib.request

N = 300
# alias -> the shares, and what answers when the endpoint is dead
CATEGORIES = {
    "classify": ({"cedar/large@crest": 700_000, "elm/moe@fjord": 300_000}, ["delta/dense@dune"]),
    "extract": ({"delta/dense@dune": 900_000, "gale/small@fjord": 100_000}, ["elm/moe@ember"]),
    "dead": ({"acme/thinker@down": 1_000_000}, ["elm/moe@ember", "delta/dense@dune"]),
}
DEFAULT = ({"elm/moe@ember": 500_000, "gale/small@fjord": 250_000, "delta/dense@dune": 250_000},
           ["cedar/large@crest"])
PRICES = {"cedar/large": ("3", "15"), "elm/moe": ("0.1", "0.6"), "delta/dense": ("0.27", "1"),
          "gale/small": ("0.05", "0.08"), "acme/thinker": ("2", "8")}
EMPTY = {"difference": None, "saving": None, "slo_miss": None, "today_quality": None,
         "today_cost_per_task_usd": None, "today_slo_miss": None}


def category(mix):
    weights, fallbacks = mix
    verdict = {"word": "MOVE", "candidate": min(weights), "difference": None, "counted": None,
               "within_margin": None, "saves_per_1000_usd": None, "tasks_needed": None,
               "why": "written for this check"}
    return {"weights": weights, "fallbacks": fallbacks, "verdict": verdict, "expected": EMPTY}


def expected():
    mixes = {f"support/{name}": mix for name, mix in CATEGORIES.items()} | {"default": DEFAULT}
    return {alias: answering(mix) for alias, mix in mixes.items()}


def answering(mix):
    """What answers, in parts per million by upstream model."""
    weights, fallbacks = mix
    models = collections.Counter()
    for endpoint, parts in weights.items():
        at = fallbacks[0] if endpoint.endswith("@down") else endpoint
        models[at.split("@")[0]] += parts
    return models


def prepare(folder, sim, down):
    folder = pathlib.Path(folder)
    mixes = [*CATEGORIES.values(), DEFAULT]
    endpoints = sorted({e for mix, fallbacks in mixes for e in [*mix, *fallbacks]})
    text = ""
    for provider in sorted({e.split("@")[1] for e in endpoints}):
        base = f"{down}/v1" if provider == "down" else f"{sim}/{provider}/v1"
        text += f'\n[[provider]]\nname = "{provider}"\nbase_url = "{base}"\napi_key_env = "INTEROP_KEY"\n'
    for endpoint in endpoints:
        model, provider = endpoint.split("@")
        price = "input = \"{}\", output = \"{}\"".format(*PRICES[model])
        text += f'\n[[endpoint]]\nmodel = "{model}"\nprovider = "{provider}"\nprice = {{ {price} }}\n'
    (folder / "catalog.toml").write_text(text, encoding="utf-8")
    weights = {
        "format_version": 2, "simulated": True, "run": "interop",
        "suites": [{"name": "support", "version": "1", "hash": "0" * 64}], "prices": "0" * 64,
        "made_at": "2026-01-01T00:00:00Z", "valid_until": "2999-01-01T00:00:00Z",
        "objective": {"goal": "cheaper", "margin": 0.02, "slo": None, "max_share_provider": None,
                      "today": "cedar/large@crest", "today_stated": True,
                      "shares": {name: 1 / 3 for name in CATEGORIES}, "shares_stated": True},
        "categories": {name: category(mix) for name, mix in CATEGORIES.items()},
        "default": category(DEFAULT), "expected": EMPTY, "estimates": {}, "left_out": {},
        "notes": [],
    }
    (folder / "weights.json").write_text(json.dumps(weights), encoding="utf-8")


def compare(gateway, ask):
    """`ask(alias)` gives the model that the answer names."""
    for alias, parts in expected().items():
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            seen = collections.Counter(pool.map(ask, [alias] * N))
        shown = []
        for model in sorted(set(parts) | set(seen)):
            p = parts[model] / 1e6
            share, sigma = seen[model] / N, math.sqrt(p * (1 - p) / N)
            assert abs(share - p) <= 3 * sigma + 1e-9, f"{alias}: {model} {share:.3f}, not {p:.3f}"
            shown.append(f"{model} {share:.1%} of {p:.0%}")
        print(f"{gateway}: {alias:<18} {', '.join(shown)}")


def post(url, headers, body):
    data = json.dumps(body).encode()
    headers = {"content-type": "application/json", **headers}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
        return json.load(answer)


MESSAGES = [{"role": "user", "content": "Which capital lies on the Seine?"}]


def upstream(answer):
    # The proxy puts the alias back where the answer named the model.
    return answer["model"]


def router(folder):
    import litellm
    import yaml

    litellm.suppress_debug_info = True
    config = yaml.safe_load((pathlib.Path(folder) / "litellm.yaml").read_text(encoding="utf-8"))
    router = litellm.Router(model_list=config["model_list"], **config["router_settings"])

    def ask(alias):
        answer = router.completion(model=alias, messages=MESSAGES)
        return answer._hidden_params["litellm_model_name"].removeprefix("openai/")

    compare("litellm Router", ask)


def proxy(folder, address):
    key = os.environ["INTEROP_KEY"]

    def ask(alias):
        data = json.dumps({"model": alias, "messages": MESSAGES}).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        request = urllib.request.Request(f"{address}/v1/chat/completions", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            # `<alias or fallback> <endpoint>`: the id of the deployment that answered.
            return answer.headers["x-litellm-model-id"].split(" ")[1].split("@")[0]

    compare("litellm proxy", ask)


def portkey(folder, address):
    text = (pathlib.Path(folder) / "portkey.json").read_text(encoding="utf-8")
    configs = json.loads(os.path.expandvars(text))["configs"]

    def ask(alias):
        config = json.dumps(configs[alias], separators=(",", ":"))
        answer = post(f"{address}/v1/chat/completions", {"x-portkey-config": config},
                      {"model": alias, "messages": MESSAGES})
        return upstream(answer)

    compare("Portkey", ask)


def leaks(folder, ledger):
    """The simulator was asked for models of the fleet only."""
    with open(ledger, encoding="utf-8") as file:
        entries = [json.loads(line) for line in file]
    models = collections.Counter(entry["endpoint"].split("@")[0] for entry in entries)
    strange = set(models) - set(PRICES)
    assert not strange and all(entry["status"] == 200 for entry in entries), (strange, models)
    print(f"{len(entries)} requests reached the fleet, each for a model of its own")


{"prepare": prepare, "router": router, "proxy": proxy, "portkey": portkey,
 "leaks": leaks}[sys.argv[1]](*sys.argv[2:])
