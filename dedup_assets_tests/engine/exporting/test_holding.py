"""Names of images as paths that every file system takes, each its own."""

from dedup_assets.engine.exporting.holding import ending_of, relative_paths


def test_each_image_has_a_path_of_its_own_below_what_all_share() -> None:
    names = [b"/p/x/a.jpg", b"/p/y/a.jpg", b"/p/y/A.jpg", b"/p/\xff\n.jpg"]
    assert relative_paths(names) == ["x/a.jpg", "y/a.jpg", "y/A (2).jpg", "%FF%0A.jpg"]
    assert relative_paths([b"s3://b/p/1.jpg", b"/home/1.jpg"]) == ["s3/b/p/1.jpg", "home/1.jpg"]
    assert relative_paths([b"s3://b/../1.jpg", b"s3://b/2.jpg"]) == ["__/1.jpg", "2.jpg"]
    assert relative_paths([b"/p/only.jpg"]) == ["only.jpg"]


def test_an_extension_is_what_other_tools_expect() -> None:
    assert [ending_of(name) for name in (b"/a/b.JPG", b"b", b"x.j\xff", b"a.tar.gz")] == [".jpg", "", "", ".gz"]
