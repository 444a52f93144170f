"""Selects the OpenGL library and manages the process's only OpenGL context.

All renderers of the process share one context, because contexts are expensive. Any thread may use it, one at a time: a
context that is current in one thread cannot be used in another.
"""

import atexit
import ctypes
import importlib
import os
import platform
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_EGL_PLATFORM_DEVICE = 0x313F  # from the extension EGL_EXT_platform_device
_BUFFER = (640, 480)  # size of the context's buffer; each renderer draws into a framebuffer of the picture's size
_NO_GL = (
    "rendering without a display needs a GL library, and neither EGL nor OSMesa works here: install it, on Debian and "
    "Ubuntu with 'apt-get install libegl1 libgl1-mesa-dri' (or libosmesa6)"
)
_FORKED = (
    "this process was forked from one that has rendered, and cannot render: OpenGL does not survive a fork. Start processes "
    'with "spawn" or "forkserver" (AsyncVectorEnv: context="spawn"), or render the first picture after the fork'
)
_RELEASE = {  # OSMesa's contexts are not bound to a thread
    "mujoco.egl": lambda backend: backend.EGL.eglReleaseThread(),
    "mujoco.glfw": lambda backend: backend.glfw.make_context_current(None),
}
_WINDOWED = ("glfw", "glx", "enable", "enabled", "on", "true", "1")  # values of MUJOCO_GL that open a hidden window
_LOCK = threading.Lock()


class _State:
    """The context, and the id of the process that created it."""

    context = None
    process: int | None = None


@contextmanager
def current(wait: bool = True) -> Iterator[bool]:
    """Makes the context current in this thread and releases it afterwards; creates the context at the first call.

    Yields True if the context is current, False if another thread uses it and `wait` is False.

    Raises:
        RuntimeError: there is no GL library (the message names the package to install), the library does not work, or
            this process was forked from one that has rendered.
    """
    if _State.process not in (None, os.getpid()):
        raise RuntimeError(_FORKED)
    if not wait and _LOCK.locked():
        yield False
        return
    with _LOCK:  # an interrupt at any place below, also in `_release`, leaves the lock free for the next caller
        try:
            _make_current()
            yield True
        finally:
            _release()


def is_open() -> bool:
    """Returns whether this process has a context."""
    return _State.context is not None and _State.process == os.getpid()


def choose_backend() -> None:
    """Makes MuJoCo render with EGL, otherwise OSMesa, otherwise a hidden window; MUJOCO_GL overrides this choice.

    MuJoCo itself chooses when it is imported; this function works at any time before the first picture.

    Raises:
        RuntimeError: no backend works on this machine.
    """
    chosen = os.environ.get("MUJOCO_GL", "").lower().strip()
    if platform.system() != "Linux" or chosen:
        if chosen in _WINDOWED and not has_display():
            raise RuntimeError(f"MUJOCO_GL={chosen} needs a display, and there is none: unset it to use EGL or OSMesa")
        return
    backend = "egl" if _egl_works() else "osmesa" if _loads("libOSMesa.so.8", "libOSMesa.so") else None
    _keep_triton_out()
    if backend is None and not has_display():
        raise RuntimeError(_NO_GL)
    context = importlib.import_module(f"mujoco.{backend or 'glfw'}").GLContext
    importlib.import_module("mujoco.rendering.classic.gl_context").GLContext = context


def can_render() -> bool:
    """Returns whether this machine can render pictures."""
    try:
        choose_backend()
    except RuntimeError:
        return False
    return True


def has_display() -> bool:
    """Returns whether a window can be opened."""
    if platform.system() != "Linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")) and _glfw_starts()


@cache
def _glfw_starts():
    """Returns whether GLFW can open the display: otherwise MuJoCo's viewer would end the process."""
    import glfw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bool(glfw.init())


def _make_current():
    if _State.context is None:
        choose_backend()
        try:
            _State.context = importlib.import_module("mujoco.rendering.classic.gl_context").GLContext(*_BUFFER)
        except Exception as error:  # each backend has different exceptions
            chosen = os.environ.get("MUJOCO_GL")
            hint = f" (MUJOCO_GL={chosen}; unset it to use a backend that works here)" if chosen else ""
            raise RuntimeError(f"the GL library cannot create a context{hint}: {error}") from error
        _keep_triton_out()
        _State.process = os.getpid()
        atexit.register(_close)  # registered after the backend's handler, so that it runs first
    _State.context.make_current()


def _release():
    if _State.context is not None:
        backend = type(_State.context).__module__
        _RELEASE.get(backend, lambda _: None)(importlib.import_module(backend))


def _close():
    if is_open():
        _State.context.free()
        _State.context = None


def _keep_triton_out():
    """Makes `import triton` raise ImportError if Mesa has loaded LLVM: triton's second LLVM would end the process.

    PyTorch's CUDA builds import triton when they create an optimizer, and work without it. A triton that was imported
    before the first picture is harmless and is not removed.
    """
    maps = Path("/proc/self/maps")
    if "triton" not in sys.modules and maps.exists() and "libLLVM" in maps.read_text(errors="replace"):
        sys.modules["triton"] = None


def _egl_works():
    """Tries to open a display on every EGL device, as MuJoCo does.

    Uses ctypes, because after a failed import of PyOpenGL with EGL, OSMesa does not work either.
    """
    egl = _loads("libEGL.so.1", "libEGL.so")
    if egl is None:
        return False
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    query, display_of = (egl.eglGetProcAddress(name) for name in (b"eglQueryDevicesEXT", b"eglGetPlatformDisplayEXT"))
    if not (query and display_of):
        return False
    pointer = ctypes.c_void_p
    devices, count = (pointer * 16)(), ctypes.c_int()
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, pointer, pointer)(query)(16, devices, ctypes.byref(count))
    get_display = ctypes.CFUNCTYPE(pointer, ctypes.c_int, pointer, pointer)(display_of)
    displays = [get_display(_EGL_PLATFORM_DEVICE, devices[i], None) for i in range(count.value)]
    return any(display and egl.eglInitialize(pointer(display), None, None) for display in displays)


def _loads(*names):
    """Returns the first of these shared libraries that can be loaded, or None."""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
