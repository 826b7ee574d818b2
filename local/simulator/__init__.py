"""The simulator: a simulated video-generation provider that makes real MP4 files.

It is a program of its own that speaks HTTP and knows nothing of Reelkeep:

    python -m local.simulator --port 8700 --data .local/simulator

- `clock`, `tasks`, `store`, `simulator`: what a provider knows and when a task moves on;
- `dialects`: its wire formats, a module each; another one is another module, and nothing else;
- `endpoints`: what the endpoints of every format share;
- `callbacks`: the calls to whoever asked for them;
- `media`: the files, made at first demand, and the links to them, which die;
- `script`, `faults`, `answers`, `admin`: how it is told to misbehave, by a prompt or at `/simulator/...`.
"""
