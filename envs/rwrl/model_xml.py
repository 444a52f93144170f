"""Writes perturbations into the XML of dm_control's models."""

from collections.abc import Callable, Iterable

from dm_control.mujoco.wrapper import MjModel
from dm_control.suite import common
from lxml import etree

Edit = Callable[[etree._Element, float], None]

# The sky of 800 x 4800 pixels takes 270 ms of the 280 ms in which a model is built: here it is small, and without stars.
_SKY = "./common/skybox.xml"
ASSETS = common.ASSETS | {_SKY: common.ASSETS[_SKY].replace(b"800", b"32").replace(b'"random"', b'"none"')}


def build_model(xml: str | bytes, changes: Iterable[tuple[Edit, float]]) -> MjModel:
    """Returns the model of `xml` after the edits, each with its value.

    Raises:
        ValueError: MuJoCo refuses the result.
    """
    root = etree.fromstring(xml)
    for edit, value in changes:
        edit(root, value)
    return MjModel.from_xml_string(etree.tostring(root), ASSETS)


def named(root: etree._Element, tag: str, name: str) -> etree._Element:
    """Returns the element `tag` of this name."""
    return root.find(f".//{tag}[@name='{name}']")


def default(root: etree._Element, class_name: str | None, tag: str) -> etree._Element:
    """Returns what elements `tag` are by default in a class, or in the whole model if that is None."""
    path = "./default" if class_name is None else f".//default[@class='{class_name}']"
    return root.find(f"{path}/{tag}")


def numbers(*values: float) -> str:
    """Returns numbers as XML holds them, to their last bit."""
    return " ".join(repr(float(value)) for value in values)
