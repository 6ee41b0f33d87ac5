// Asks the simulator through the official Node SDK and prints what it made of the answer: one line
// of JSON for each request, in the same form as check.py.

import OpenAI from "openai";

const address = process.argv[2];
const model = "gale/small";
const prompt = "Say something about « été » and 夏, in a few words.";
const client = new OpenAI({ baseURL: `${address}/v1`, maxRetries: 0 });

const key = (nth) => ({ headers: { "Idempotency-Key": `${nth.toString(16).padStart(32, "f")}-0-0` } });
const say = (sdk, options, text, finish, usage) => {
  const [input, cached, output, reasoning] = usage;
  const id = options.headers["Idempotency-Key"];
  console.log(JSON.stringify({ sdk, id, text, calls: [], finish, input, cached, output, reasoning }));
};

const ofChat = (usage) => [
  usage.prompt_tokens,
  usage.prompt_tokens_details.cached_tokens,
  usage.completion_tokens,
  usage.completion_tokens_details.reasoning_tokens,
];
const ofResponses = (usage) => [
  usage.input_tokens,
  usage.input_tokens_details.cached_tokens,
  usage.output_tokens,
  usage.output_tokens_details.reasoning_tokens,
];

const chat = { model, messages: [{ role: "user", content: prompt }] };
let options = key(1);
const whole = await client.chat.completions.create(chat, options);
const [choice] = whole.choices;
say("node openai chat", options, choice.message.content, choice.finish_reason, ofChat(whole.usage));

options = key(2);
let text = "";
let finish = null;
let usage = null;
const chunks = await client.chat.completions.create(
  { ...chat, stream: true, stream_options: { include_usage: true } },
  options,
);
for await (const chunk of chunks) {
  usage = chunk.usage ?? usage;
  for (const { delta, finish_reason } of chunk.choices) {
    text += delta.content ?? "";
    finish = finish_reason ?? finish;
  }
}
say("node openai chat, streamed", options, text, finish, ofChat(usage));

options = key(3);
const response = await client.responses.create({ model, input: prompt }, options);
say("node openai responses", options, response.output_text, "stop", ofResponses(response.usage));

options = key(4);
let deltas = "";
const stream = client.responses.stream({ model, input: prompt }, options);
for await (const event of stream) {
  if (event.type === "response.output_text.delta") deltas += event.delta;
}
const last = await stream.finalResponse();
if (deltas !== last.output_text) throw new Error(`${deltas} is not ${last.output_text}`);
say("node openai responses, streamed", options, deltas, "stop", ofResponses(last.usage));
