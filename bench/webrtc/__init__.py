"""What WebRTC costs and bears, against the WebSocket: delay, loss, and processor time."""
