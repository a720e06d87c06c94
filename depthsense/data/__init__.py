"Photographs with relative depth: fetching, reading, transforming, sampling pairs, drawing, caching, streaming"
from depthsense.data.batches import augment, change_colors, change_size
from depthsense.data.benchmarks import DA2K, DIW, NYUv2, NYUv2Mat, recognise
from depthsense.data.cache import CachedPairs, verify_cache
from depthsense.data.datasets import DepthPairs, ReDWeb, download_redweb, split_of, verify_redweb
from depthsense.data.sampling import Pairs, edge_pairs, instance_pairs, ordinal_relation, sample_pairs, values_at
from depthsense.data.scenes import Scenes, draw_scene, write_scenes
from depthsense.data.stereo import read_stereo, stereo_disparity, stereo_pair, write_stereo
from depthsense.data.streaming import ShardedPairs, index_shards, write_shards
from depthsense.data.transforms import eval_transform, train_transform

__all__ = ["CachedPairs", "DA2K", "DIW", "DepthPairs", "NYUv2", "NYUv2Mat", "Pairs", "ReDWeb", "Scenes", "ShardedPairs", "augment", "change_colors", "change_size", "download_redweb",
           "draw_scene", "edge_pairs", "eval_transform", "index_shards", "instance_pairs", "ordinal_relation", "read_stereo", "recognise", "sample_pairs", "split_of", "stereo_disparity",
           "stereo_pair", "train_transform", "values_at", "verify_cache", "verify_redweb", "write_scenes", "write_shards", "write_stereo"]
