"""Evidence to groups: each is one picture, kept once, with others that are each a copy of the kept one.

Groups follow from the evidence alone, so that a verdict of a person can change them without a new comparison.

stars.py       which images are joined, in numbers
policy.py      the rules by which one image is better to keep than another, as numbers
plain_names.py what names of files and folders say of which is the original
keeping.py     which image of a star is kept
reasons.py     why it is kept in the place of each other one
forming.py     evidence to the tables of `Groups`
images.py      the images and the edges between them, in numbers
describing.py  what each image of a group is to the kept one
parts.py       members that show different parts of the kept image
photo_libraries.py copies inside the folder of a photo library
related.py     neighbours of a group that are no members
group_ids.py   ids of new groups
lasting_ids.py   which groups keep the ids of earlier runs
group_changes.py what changed between two runs
"""

from dedup_assets.engine.groups.forming import find_kept, form_groups
from dedup_assets.engine.groups.keeping import better_than_hub, choose_kept, hubs_to_replace, less_to_keep
from dedup_assets.engine.groups.lasting_ids import keep_ids
from dedup_assets.engine.groups.photo_libraries import hold_libraries
from dedup_assets.engine.groups.policy import Worth
from dedup_assets.engine.groups.stars import CopyEdges, find_stars

__all__ = [
    "CopyEdges",
    "Worth",
    "better_than_hub",
    "choose_kept",
    "find_kept",
    "find_stars",
    "form_groups",
    "hold_libraries",
    "hubs_to_replace",
    "keep_ids",
    "less_to_keep",
]
