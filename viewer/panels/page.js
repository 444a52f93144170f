// Runs on the page. Brings a gamepad to the server, and separates the keys of this project from those of viser's camera.
//
// Sticks: their deflections, four numbers in -1 to 1, are written into the text input that `uuid` names.
// Buttons: each presses the key that does the same, so that the server needs no other handler.
(uuid) => {
  window.residualWalk?.abort(); // the same script, from before the page connected again
  const ended = new AbortController();
  window.residualWalk = ended;
  const listen = (target, kind, act) => target.addEventListener(kind, act, { signal: ended.signal });

  const DEAD_ZONE = 0.15; // of a stick's deflection
  const PERIOD = 50; // ms between two looks at the gamepad; viser sends a control's value no more often
  const REPEAT = 100; // ms between two steps of a key that is held
  const KEYS = { 0: " ", 1: "p", 3: "r", 12: "ArrowUp", 13: "ArrowDown", 14: "ArrowLeft", 15: "ArrowRight" };
  const ONCE = [" ", "p", "r", "n"]; // keys that count once, however long they are held
  const REST = "0 0 0 0";

  let sent = REST;
  let down = [];
  let timer = null;
  let repeated = 0;

  const deflection = (axis) => {
    const part = (Math.abs(axis) - DEAD_ZONE) / (1 - DEAD_ZONE);
    return part > 0 ? Math.sign(axis) * Math.min(1, Math.round(100 * part) / 100) : 0;
  };

  // Returns whether the page shows the input.
  const write = (text) => {
    let place = document.querySelector(`label[for="${uuid}"]`);
    while (place && !place.querySelector("input")) place = place.parentElement;
    const input = place?.querySelector("input");
    if (!input) return false;
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, text); // React hides its own setter
    input.dispatchEvent(new Event("input", { bubbles: true }));
    return true;
  };

  const press = (key) => document.documentElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));

  const poll = () => {
    const pads = [...(navigator.getGamepads?.() ?? [])];
    const pad = pads.find((each) => each?.connected && each.mapping === "standard");
    const awake = pad && !document.hidden; // a browser keeps the last deflection while the page is hidden
    const text = awake ? [0, 1, 2, 3].map((i) => deflection(pad.axes[i])).join(" ") : REST;
    if (text !== sent && write(text)) sent = text;
    const pressed = Object.keys(KEYS).filter((i) => awake && pad.buttons[i]?.pressed);
    pressed.filter((i) => !down.includes(i)).forEach((i) => press(KEYS[i]));
    down = pressed;
    if (ended.signal.aborted || (!pad && sent === REST)) timer = clearInterval(timer);
  };
  const start = () => (timer ??= setInterval(poll, PERIOD));
  listen(window, "gamepadconnected", start);
  start();

  // The events of keys come first to the controls, then here, to viser's hotkeys (document element) and to its camera (document).
  listen(document.body, "keydown", (event) => {
    const arrow = event.key.startsWith("Arrow");
    const onSlider = arrow && event.target.closest("[role=slider]"); // moves this slider only
    const early = event.timeStamp - repeated < REPEAT;
    if (onSlider || (event.repeat && (early || ONCE.includes(event.key.toLowerCase())))) event.stopPropagation();
    else repeated = event.timeStamp;
  });
  listen(document.documentElement, "keydown", (event) => {
    if (event.key.toLowerCase() === "s" || (uuid && event.key.startsWith("Arrow"))) event.stopPropagation();
  });
  // A button or slider that the mouse has left alone does not keep the keys.
  listen(window, "pointerup", () => {
    const focused = document.activeElement;
    if (focused?.matches("button, [role=slider]") || focused?.querySelector("[role=slider]")) focused.blur();
  });
}
