"""Writes perturbations into the XML of dm_control's models."""

from collections.abc import Callable, Iterable

from dm_control.mujoco.wrapper import MjModel
from dm_control.suite import common
from lxml import etree

Edit = Callable[[etree._Element, float], None]

# The sky of 800 x 4800 pixels takes 270 ms of the 280 ms of building a model. Use a small sky without stars instead.
_SKY = "./common/skybox.xml"
ASSETS = common.ASSETS | {_SKY: common.ASSETS[_SKY].replace(b"800", b"32").replace(b'"random"', b'"none"')}


def build_model(xml: str | bytes, changes: Iterable[tuple[Edit, float]]) -> MjModel:
    """Returns the model of `xml` after the edits; `changes` pairs each edit with its value.

    Raises:
        ValueError: MuJoCo refuses the result.
    """
    root = etree.fromstring(xml)
    for edit, value in changes:
        edit(root, value)
    return MjModel.from_xml_string(etree.tostring(root), ASSETS)


def named(root: etree._Element, tag: str, name: str) -> etree._Element:
    """Returns the element `tag` with this name."""
    return root.find(f".//{tag}[@name='{name}']")


def default(root: etree._Element, class_name: str | None, tag: str) -> etree._Element:
    """Returns the default element `tag` of a class; with None, of the top-level default."""
    path = "./default" if class_name is None else f".//default[@class='{class_name}']"
    return root.find(f"{path}/{tag}")


def numbers(*values: float) -> str:
    """Returns numbers as text for XML, without loss of precision."""
    return " ".join(repr(float(value)) for value in values)
