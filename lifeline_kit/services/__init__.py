"""Long-running doors: collect (MQTT in), share (HTTP out), replay, and keeping the store."""
