"""From a plan to safetensors files, in pieces that any process can draw; and whether files are as planned."""
