/** Asks for a key frame of each track so many seconds after the last one that was asked for. */
export class WorkerKeyFrames {
  readonly #force: (track: number) => void;
  readonly #intervals = new Map<number, number>();
  readonly #timers = new Map<number, NodeJS.Timeout>();

  constructor(force: (track: number) => void) {
    this.#force = force;
  }

  /** @param seconds undefined: none by itself. */
  setInterval(track: number, seconds: number | undefined): void {
    if (seconds === undefined) this.#intervals.delete(track);
    else this.#intervals.set(track, seconds);
    this.#schedule(track);
  }

  ask(track: number): void {
    this.#force(track);
    this.#schedule(track);
  }

  #schedule(track: number): void {
    clearTimeout(this.#timers.get(track));
    const seconds = this.#intervals.get(track);
    if (seconds !== undefined)
      this.#timers.set(
        track,
        setTimeout(() => this.ask(track), seconds * 1000),
      );
  }
}
