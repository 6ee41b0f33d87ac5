"""Writes a suite of ten tasks and a catalog of one model at a server, in these dialects, each
streamed and not.

  inputs.py FOLDER ADDRESS DIALECT...
"""

import pathlib
import sys

folder, address, dialects = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
# What comes before the paths that a dialect adds.
BASE = {"openai-chat": "/v1", "openai-responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta"}
folder.mkdir(parents=True, exist_ok=True)
tasks = [f"{i},Which capital has the number {i}? Say « été » and 夏.,The capital is Paris – « été » 夏.\n" for i in range(10)]
(folder / "tasks.csv").write_text("id,question,expected\n" + "".join(tasks), encoding="utf-8")
text = ""
for dialect in dialects:
    text += f"""
[[provider]]
name = "{dialect}"
dialect = "{dialect}"
base_url = "{address}{BASE[dialect]}"
api_key_env = "INTEROP_KEY"

[[endpoint]]
model = "gale/small"
upstream_model = "gale-small"
provider = "{dialect}"
price = {{ input = "0.05", output = "0.08" }}
max_output = 1024
"""
text += """
[[variant]]
name = "whole"
match = "*"
stream = false
"""
(folder / "catalog.toml").write_text(text, encoding="utf-8")
