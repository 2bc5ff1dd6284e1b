"""The profile swap token by token: what the gain consists of, and where along the text it fades."""
