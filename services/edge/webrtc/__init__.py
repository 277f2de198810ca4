"""WebRTC: microphones in, voices and captions out, by offer and answer over HTTP. Imports aiortc when it is used."""
