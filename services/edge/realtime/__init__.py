"""The WebSocket of sessions: messages in, events out, and what waits for a slow reader."""
