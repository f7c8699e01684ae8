"""From a manifest to vectors: read ahead, decode, embed, and keep each offset range as a shard.

A composer: it joins inputs, decoders, the model and the work_dir. Add a step here only if it changes or speeds up how
vectors are made; searching them belongs in `engine/neighbors/`.
"""
