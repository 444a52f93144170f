"""MuJoCo renderers, shared by all simulations of a process whose models look alike to the GL library.

A renderer holds what MuJoCo copies to the GL library: textures, meshes, height fields, shadow map, framebuffer. That takes
up to 320 MB and several seconds, so 64 simulations use one renderer, and so does a model that is rebuilt at every reset.
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
    """The use of a shared renderer for pictures (height, width) of a model, until `close` or the lease is collected.

    Raises:
        RuntimeError: as `gl.current`, or the GL library cannot make pictures of this size.
    """

    def __init__(self, model: mujoco.MjModel, height: int, width: int):
        self._key = (_looks(model), height, width)
        _Shared.take(self._key, model)
        self.close = weakref.finalize(self, _Shared.give_back, self._key)  # holds the key only, never the renderer
        self.close.atexit = False  # `_Shared.close` frees all renderers, while the GL library is still there

    def draw(self, model: mujoco.MjModel, data: mujoco.MjData, camera: mujoco.MjvCamera, depth: bool) -> np.ndarray:
        """Returns a picture (height, width, 3) uint8, or (height, width) float32 depths, m, along the view direction.

        `model` is the model of the lease or one that looks alike.
        """
        with gl.current():
            _Shared.sweep()
            return _Shared.renderers[self._key].draw(model, data, camera, depth)


def live_renderers() -> int:
    """Returns how many renderers this process holds."""
    return len(_Shared.renderers)


class _Shared:
    """All renderers of the process by key, how many leases each has, and the keys that were given back since."""

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
        """Frees the renderer with its last lease; the garbage collector may call this in any thread, at any time."""
        cls._returned.append(key)
        if gl.is_open():
            with gl.current(wait=False) as got:  # if not, the renderer in use sweeps at the next picture
                if got:
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
            mujoco.mjr_resizeOffscreen(width, height, self._context)  # whatever offwidth and offheight of the model say
        except mujoco.FatalError as error:
            raise RuntimeError(f"the GL library cannot make pictures of {width} x {height} pixels: {error}") from error
        self._context.readDepthMap = int(mujoco.mjtDepthMap.mjDEPTH_ZEROFAR)
        self.free = self._context.free

    def draw(self, model, data, camera, depth):
        self._adopt(model)
        shown = int(mujoco.mjtCatBit.mjCAT_ALL)
        # Endless planes are centred on the scene's camera, which would still be that of the last picture.
        mujoco.mjv_updateCamera(model, data, camera, self._scene)
        mujoco.mjv_updateScene(model, data, self._options, None, camera, shown, self._scene)
        for flag in (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR):
            self._scene.flags[int(flag)] = depth  # no antialiasing, no haze: a depth belongs to one surface
        mujoco.mjr_setBuffer(_OFFSCREEN, self._context)
        mujoco.mjr_render(self._rectangle, self._scene, self._context)
        return self._depths() if depth else self._colours()

    def _adopt(self, model):
        """Sets what MuJoCo derives from a model when it builds a context."""
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
    """Returns a digest of all that MuJoCo copies from a model into a rendering context, apart from `_Renderer._adopt`."""
    digest = hashlib.blake2b(digest_size=16)
    for name in dir(model):
        if name.startswith(_PREFIXES) and isinstance(array := getattr(model, name), np.ndarray):
            digest.update(f"{name}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    planes = model.geom_size[model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)]
    endless = bool((planes[:, :2] <= 0).any())  # such a plane reaches to the end of the view
    reach = model.stat.extent * model.vis.map.zfar if endless else 0.0
    digest.update(planes.tobytes() + repr((reach, *(getattr(model.vis.quality, name) for name in _QUALITY))).encode())
    return digest.hexdigest()
