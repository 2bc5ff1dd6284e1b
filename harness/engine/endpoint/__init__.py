"""Models behind an API that speaks OpenAI's protocol: names, requests, replies, repetition."""
