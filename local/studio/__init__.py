"""The studio: a simulated video-generation provider that makes real MP4 files.

It is a program of its own that speaks HTTP and knows nothing of Reelkeep:

    python -m local.studio --port 8700 --data .local/studio

- `clock`, `tasks`, `store`, `studio`: what a provider knows and when a task moves on;
- `picture`, `film`, `darkroom`, `links`, `delivery`: the media, made at first demand, and the links that die;
- `callbacks`: the calls to whoever asked for them;
- `script`, `faults`, `answers`, `admin`: how it is told to misbehave, by a prompt or at `/studio/...`;
- `vidu_ent_v2` (rules in `vidu_catalogue`): a wire format. Another one is another file with `routes(studio)`,
  listed in `server.DIALECTS`.
"""
