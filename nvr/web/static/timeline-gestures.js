/** Fingers, mouse and wheel on the timeline. */

const TAP_PX = 6;
const WHEEL_ZOOM = 1.0015;

/**
 * @typedef {object} Moves
 * @property {(px: number) => void} drag moved by so many pixels to the right
 * @property {(factor: number) => void} zoom the window becomes so many times as long
 * @property {(x: number, y: number) => void} tap at a pixel
 * @property {(x: number) => boolean} grab whether something at this pixel moves by itself
 * @property {(x: number) => void} pull what was grabbed, to a pixel
 * @property {() => void} release everything was let go after a drag or a pinch
 */

/**
 * Listen until `signal` aborts.
 *
 * @param {HTMLElement} element
 * @param {Moves} moves
 * @param {AbortSignal} signal
 */
export function listenToGestures(element, moves, signal) {
  /** @type {Map<number, number>} where each finger is */
  const fingers = new Map();
  let moved = 0;
  let grabbed = false;
  const apart = () => {
    const [one = 0, other = 0] = [...fingers.values()];
    return Math.abs(one - other);
  };

  /** @param {PointerEvent} event */
  const down = (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event.offsetX);
    moved = fingers.size === 1 ? 0 : Number.POSITIVE_INFINITY; // a pinch is no tap
    grabbed = fingers.size === 1 && moves.grab(event.offsetX);
  };
  /** @param {PointerEvent} event */
  const move = (event) => {
    const before = fingers.get(event.pointerId);
    if (before === undefined) return;
    if (fingers.size === 2) {
      const was = apart();
      fingers.set(event.pointerId, event.offsetX);
      const is = apart();
      if (was > 10 && is > 10) moves.zoom(was / is);
      return;
    }
    if (grabbed) return moves.pull(event.offsetX);
    moved += Math.abs(event.offsetX - before);
    if (moved < TAP_PX) return;
    fingers.set(event.pointerId, event.offsetX);
    moves.drag(event.offsetX - before);
  };
  /** @param {PointerEvent} event */
  const up = (event) => {
    if (!fingers.delete(event.pointerId) || fingers.size) return;
    if (grabbed) grabbed = false;
    else if (moved < TAP_PX && event.type === "pointerup") moves.tap(event.offsetX, event.offsetY);
    else moves.release();
  };
  /** @param {WheelEvent} event */
  const wheel = (event) => {
    event.preventDefault();
    const along = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(along) > Math.abs(event.shiftKey ? event.deltaX : event.deltaY)) {
      moves.drag(-along);
      moves.release();
    } else moves.zoom(WHEEL_ZOOM ** event.deltaY);
  };
  element.addEventListener("pointerdown", down, { signal });
  element.addEventListener("pointermove", move, { signal });
  element.addEventListener("pointerup", up, { signal });
  element.addEventListener("pointercancel", up, { signal });
  element.addEventListener("wheel", wheel, { signal, passive: false });
}
