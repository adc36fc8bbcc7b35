import type { CaptureLife } from './capture-life.ts';
import type { DeviceCaptureOptions } from './device-capture.ts';
import type { EncodedTrack } from './encoded-track.ts';
import { Slate } from './slate.ts';
import type { Picture } from './worker-questions.ts';

/** A silence shorter than this is only a still picture. */
const PATIENCE_MS = 1000;

/** `silence`: the device delivers nothing. `privacy`: it must not be open. `dark`: the track is not enabled. */
export type SlateReason = 'silence' | 'privacy' | 'dark';

export interface SlatesOptions extends Omit<DeviceCaptureOptions, 'owner' | 'pattern'> {
  /** Name of what is shown; without one the slates say nothing. */
  text?: string;
  /** The tracks of the source. */
  tracks: () => EncodedTrack[];
  /** Whether a track that is not enabled cannot be darkened where it is encoded. */
  darkens?: (track: EncodedTrack) => boolean;
  /** Why the device is silent. */
  reason: () => string | undefined;
}

/** What stands for a source's device, for each track that does not get it: one slate for each reason, made when it is needed. */
export class Slates {
  readonly #options: SlatesOptions;
  readonly #slates = new Map<SlateReason, Slate>();
  #muted = false;
  #timer: NodeJS.Timeout | undefined;
  /** Who looks at a slate otherwise than as its track's viewers do: once for each picture and each reader. */
  readonly #guests: { reason: SlateReason; track: EncodedTrack }[] = [];

  constructor(options: SlatesOptions) {
    this.#options = options;
  }

  /** The device is silent, or is not; or why it is has changed. */
  update(muted: boolean): void {
    if (muted !== this.#muted) {
      this.#muted = muted;
      clearTimeout(this.#timer);
      if (!muted) void this.#hide('silence');
      else {
        this.#timer = setTimeout(() => this.#settle('silence'), PATIENCE_MS);
        this.#timer.unref();
      }
    } else if (muted) this.#slates.get('silence')?.capture.textChanged();
  }

  /** A track is wanted, or not, or has become private, or is gone. */
  trackChanged(track: EncodedTrack): void {
    for (const [reason, slate] of this.#slates) {
      if (!slate.shown) continue;
      if (!slate.capture.setGate(track) && this.#tracksOf(reason).includes(track)) slate.capture.restart();
    }
    this.#settle('privacy');
    this.#settle('dark');
    if (this.#slates.get('silence')?.shown || (this.#muted && this.#timer === undefined)) this.#settle('silence');
  }

  /** A track's configuration has changed. */
  adapt(): void {
    for (const { capture, shown } of this.#slates.values()) if (shown && capture.adapt() === false) capture.restart();
  }

  /** The life that feeds a track, where it is a slate's. */
  lifeOf(track: EncodedTrack): CaptureLife | undefined {
    for (const [reason, { shown, capture }] of this.#slates)
      if (shown && this.#shows(reason, track)) return capture.life;
    return undefined;
  }

  /** A picture of a slate, whether or not somebody watches it. @throws CaptureError. */
  async takePicture(reason: SlateReason, track: EncodedTrack): Promise<Picture> {
    const leave = this.#visit(reason, track);
    try {
      return await this.#slate(reason).takePicture();
    } finally {
      leave();
    }
  }

  /** Every picture of a slate as a JPEG, until the returned function is called. */
  watchJpegs(reason: SlateReason, track: EncodedTrack, reader: (jpeg: Buffer) => void): () => void {
    const leave = this.#visit(reason, track);
    const stop = this.#slate(reason).capture.requests.watchJpegs(reader);
    return () => {
      stop();
      leave();
    };
  }

  #visit(reason: SlateReason, track: EncodedTrack): () => void {
    const guest = { reason, track };
    this.#guests.push(guest);
    this.#slate(reason).show();
    return () => {
      this.#guests.splice(this.#guests.indexOf(guest), 1);
      this.#settle(reason);
    };
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#muted = false;
    await Promise.all([...this.#slates.values()].map((slate) => slate.hide()));
  }

  /** Shows a slate while there are tracks for it. */
  #settle(reason: SlateReason): void {
    if (reason === 'silence') this.#timer = undefined;
    if (this.#tracksOf(reason).length > 0) this.#slate(reason).show();
    else void this.#hide(reason);
  }

  async #hide(reason: SlateReason): Promise<void> {
    await this.#slates.get(reason)?.hide();
  }

  #tracksOf(reason: SlateReason): EncodedTrack[] {
    const guests = new Set(this.#guests.filter((guest) => guest.reason === reason).map(({ track }) => track));
    return this.#options.tracks().filter((track) => this.#shows(reason, track) || guests.has(track));
  }

  #shows(reason: SlateReason, track: EncodedTrack): boolean {
    if (!track.wanted) return false;
    if (track.private) return reason === 'privacy';
    if (this.#options.darkens?.(track)) return reason === 'dark';
    return reason === 'silence' && this.#muted;
  }

  #slate(reason: SlateReason): Slate {
    let slate = this.#slates.get(reason);
    if (slate === undefined) {
      slate = new Slate({
        ...this.#options,
        tracks: () => this.#tracksOf(reason),
        shows: (track) => this.#shows(reason, track),
        text: () => this.#textOf(reason),
      });
      this.#slates.set(reason, slate);
    }
    return slate;
  }

  #textOf(reason: SlateReason): string | undefined {
    const { text } = this.#options;
    if (text === undefined || reason === 'dark') return undefined;
    return `${text}\n${reason === 'privacy' ? 'privacy' : (this.#options.reason() ?? 'no picture')}\n`;
  }
}
