"""NVIDIA Riva: TranslateText, on the stubs of nvidia-riva-client. Calls are batched on the server."""
