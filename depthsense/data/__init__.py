"Photographs with relative depth: reading, transforming, sampling pairs, drawing"
from depthsense.data.datasets import ReDWeb, split_of
from depthsense.data.sampling import Pairs, ordinal_relation, sample_pairs, values_at
from depthsense.data.scenes import Scenes, draw_scene, write_scenes
from depthsense.data.transforms import eval_transform, train_transform

__all__ = ["Pairs", "ReDWeb", "Scenes", "draw_scene", "eval_transform", "ordinal_relation", "sample_pairs", "split_of", "train_transform", "values_at", "write_scenes"]
