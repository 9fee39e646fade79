"""The node image: built once from a Debian mirror, found again by its recipe's hash."""

from minidocknet.runtime.image.build import ImageRef, Progress, ensure_node_image, find_node_image
from minidocknet.runtime.image.recipe import NODE_RECIPE, Recipe, node_image_tag

__all__ = [
    "NODE_RECIPE",
    "ImageRef",
    "Progress",
    "Recipe",
    "ensure_node_image",
    "find_node_image",
    "node_image_tag",
]
