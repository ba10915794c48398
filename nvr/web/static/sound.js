/** The duty room's ringing: two beeps every 1.5 s by Web Audio, and vibration where the device can. */
export class Bell {
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {ReturnType<typeof setInterval> | null} */
  #timer = null;
  #listeners = new EventTarget();

  /** Browsers give sound only after somebody touched the page: the first touch opens it for later. */
  constructor() {
    const open = () => {
      if (this.open) return;
      this.#audio ??= new AudioContext();
      void this.#audio.resume().then(() => this.#listeners.dispatchEvent(new Event("open")));
    };
    // Every time, because phones take the sound away again while the page is in the background.
    for (const gesture of ["pointerup", "keydown"])
      document.addEventListener(gesture, open, { capture: true });
  }

  /** Whether a beep would be heard. */
  get open() {
    return this.#audio?.state === "running";
  }

  get ringing() {
    return this.#timer !== null;
  }

  /** @param {() => void} then called once sound is open @param {AbortSignal} signal */
  onOpen(then, signal) {
    this.#listeners.addEventListener("open", then, { signal });
  }

  start() {
    if (this.ringing) return;
    this.#strike();
    this.#timer = setInterval(() => this.#strike(), 1500);
  }

  stop() {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    if (touched()) navigator.vibrate?.(0);
  }

  #strike() {
    if (touched()) navigator.vibrate?.([300, 120, 300]);
    const audio = this.#audio;
    if (audio?.state !== "running") return;
    for (const [after, pitch] of /** @type {const} */ ([
      [0, 880],
      [0.28, 1175],
    ])) {
      const tone = new OscillatorNode(audio, { type: "triangle", frequency: pitch });
      const loudness = new GainNode(audio, { gain: 0 });
      const from = audio.currentTime + after;
      loudness.gain.setValueAtTime(0, from);
      loudness.gain.linearRampToValueAtTime(0.6, from + 0.02);
      loudness.gain.linearRampToValueAtTime(0, from + 0.24);
      tone.connect(loudness).connect(audio.destination);
      tone.start(from);
      tone.stop(from + 0.25);
    }
  }
}

/** Chromium writes an error to the console when a page vibrates before anybody touched it. */
function touched() {
  return navigator.userActivation?.hasBeenActive ?? true;
}
