"""MuJoCo renderers, shared by all simulations of a process whose models have the same visual data.

A renderer contains the data that MuJoCo copies to the GL library: textures, meshes, height fields, shadow map and
framebuffer. Building one takes several seconds and up to 320 MB. So 64 simulations share one renderer, and a model that is
rebuilt at every reset reuses it.
"""

import atexit
import hashlib
import weakref
from collections import Counter, deque
from typing import ClassVar

import mujoco
import numpy as np

from utils.rendering import gl

MAX_GEOMS = 10_000
_PREFIXES = ("mesh_", "hfield_", "tex_", "skin_", "flex_", "mat_tex")
_QUALITY = ("offsamples", "shadowsize", "numslices", "numstacks", "numquads")
_OFFSCREEN = int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN)


class Lease:
    """Reserves a shared renderer for pictures (height, width) of a model, until `close` or garbage collection.

    Raises:
        RuntimeError: as `gl.current`, or the GL library cannot render pictures of this size.
    """

    def __init__(self, model: mujoco.MjModel, height: int, width: int):
        self._key = (_looks(model), height, width)
        _Shared.take(self._key, model)
        self.close = weakref.finalize(self, _Shared.give_back, self._key)  # references the key, not the renderer
        self.close.atexit = False  # `_Shared.close` frees all renderers while the GL library still exists

    def draw(self, model: mujoco.MjModel, data: mujoco.MjData, camera: mujoco.MjvCamera, depth: bool) -> np.ndarray:
        """Returns a picture (height, width, 3) uint8, or (height, width) float32 depths, m, along the view direction.

        `model` is the model of the lease or one with the same visual data.
        """
        with gl.current():
            _Shared.sweep()
            return _Shared.renderers[self._key].draw(model, data, camera, depth)


def live_renderers() -> int:
    """Returns the number of renderers in this process."""
    return len(_Shared.renderers)


class _Shared:
    """All renderers of the process by key, their numbers of leases, and the keys of closed leases not yet processed."""

    renderers: ClassVar[dict] = {}
    _leases: ClassVar[Counter] = Counter()
    _returned: ClassVar[deque] = deque()

    @classmethod
    def take(cls, key, model):
        with gl.current():
            if not cls.renderers:
                atexit.register(cls.close)
            if key not in cls.renderers:
                cls.renderers[key] = _Renderer(model, *key[1:])
            cls._leases[key] += 1
            cls.sweep()

    @classmethod
    def give_back(cls, key):
        """Frees the renderer after its last lease; the garbage collector may call this in any thread, at any time."""
        cls._returned.append(key)
        if gl.is_open():
            with gl.current(wait=False) as is_current:  # otherwise the next picture calls `sweep`
                if is_current:
                    cls.sweep()

    @classmethod
    def sweep(cls):
        while cls._returned:
            key = cls._returned.popleft()
            cls._leases[key] -= 1
            if not cls._leases[key] and (renderer := cls.renderers.pop(key, None)):
                renderer.free()

    @classmethod
    def close(cls):
        if gl.is_open():
            with gl.current():
                while cls.renderers:
                    cls.renderers.popitem()[1].free()


class _Renderer:
    """One MuJoCo rendering context with its scene; every method needs the GL context."""

    def __init__(self, model, height, width):
        self._rectangle = mujoco.MjrRect(0, 0, width, height)
        self._scene, self._options = mujoco.MjvScene(model, maxgeom=MAX_GEOMS), mujoco.MjvOption()
        try:
            self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_150)
            mujoco.mjr_resizeOffscreen(width, height, self._context)  # independent of the model's offwidth and offheight
        except mujoco.FatalError as error:
            raise RuntimeError(f"the GL library cannot make pictures of {width} x {height} pixels: {error}") from error
        self._context.readDepthMap = int(mujoco.mjtDepthMap.mjDEPTH_ZEROFAR)
        self.free = self._context.free

    def draw(self, model, data, camera, depth):
        self._adopt(model)
        shown = int(mujoco.mjtCatBit.mjCAT_ALL)
        # MuJoCo centres infinite planes on the scene's camera: update the camera of the last picture first.
        mujoco.mjv_updateCamera(model, data, camera, self._scene)
        mujoco.mjv_updateScene(model, data, self._options, None, camera, shown, self._scene)
        for flag in (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR):
            self._scene.flags[int(flag)] = depth  # no antialiasing and no haze: each depth must be that of one surface
        mujoco.mjr_setBuffer(_OFFSCREEN, self._context)
        mujoco.mjr_render(self._rectangle, self._scene, self._context)
        return self._depths() if depth else self._colours()

    def _adopt(self, model):
        """Updates the values that MuJoCo derives from a model when it builds a context."""
        context, extent, look = self._context, model.stat.extent, model.vis.map
        context.fogStart, context.fogEnd = extent * look.fogstart, extent * look.fogend
        context.shadowClip, context.shadowScale = extent * look.shadowclip, look.shadowscale
        context.lineWidth, context.fogRGBA = model.vis.global_.linewidth, model.vis.rgba.fog

    def _colours(self):
        picture = np.empty((self._rectangle.height, self._rectangle.width, 3), np.uint8)
        mujoco.mjr_readPixels(picture, None, self._rectangle, self._context)
        return picture[::-1].copy()  # OpenGL's first row is at the bottom

    def _depths(self):
        """Returns depths z, m, from the depth buffer's b = near (far - z) / (z (far - near)): 1 at near, 0 at far."""
        buffer = np.empty((self._rectangle.height, self._rectangle.width), np.float32)
        mujoco.mjr_readPixels(None, buffer, self._rectangle, self._context)
        eye = self._scene.camera[0]
        near, far, linear = float(eye.frustum_near), float(eye.frustum_far), buffer[::-1].astype(float)
        if eye.orthographic:
            return (far - linear * (far - near)).astype(np.float32)
        return (far * near / (near + linear * (far - near))).astype(np.float32)


def _looks(model):
    """Returns a digest of the data that MuJoCo copies from a model into a rendering context, except in `_adopt`."""
    digest = hashlib.blake2b(digest_size=16)
    for name in dir(model):
        if name.startswith(_PREFIXES) and isinstance(array := getattr(model, name), np.ndarray):
            digest.update(f"{name}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    planes = model.geom_size[model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)]
    infinite = bool((planes[:, :2] <= 0).any())  # MuJoCo draws an infinite plane up to the far clipping distance
    reach = model.stat.extent * model.vis.map.zfar if infinite else 0.0
    digest.update(planes.tobytes() + repr((reach, *(getattr(model.vis.quality, name) for name in _QUALITY))).encode())
    return digest.hexdigest()
