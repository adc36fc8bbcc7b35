import type { Readable } from 'node:stream';
import type { AacEncoder } from '../../convert/aac-encoder.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Supervisor } from '../../lib/supervisor.ts';
import type { MediaStream } from '../../media/media-stream.ts';
import type { MediaStreamTrack } from '../../media/media-stream-track.ts';
import { type RtpTap, tapRtp } from '../../media/rtp-tap.ts';
import { Converter, type Kind } from './converter.ts';

export interface FlvFeedOptions {
  name: string;
  stream: MediaStream;
  /** Undefined: nobody can encode AAC here, so there is no sound. */
  aac: AacEncoder | undefined;
  /** Takes the FLV of one converter life; what it returns ends that. `failed`: it is not taken any more. */
  publish: (flv: Readable, failed: (reason: string) => void) => () => void;
  /** Milliseconds between the last viewer's leaving and the converter's end. */
  idleTime: number;
  /** The converter has ended for want of viewers. */
  idle: () => void;
  /** All its tracks have ended: nothing will ever come again. */
  ended: () => void;
  clock: Clock;
  log: Log;
}

const CHECK_INTERVAL_MS = 1000;
/** A track that says why it is silent holds the other one up no longer than this; one that does not, for {@link STALLED_MS}. */
const SILENT_MS = 3000;
const STALLED_MS = 10_000;

interface FedTrack {
  readonly track: MediaStreamTrack;
  readonly tap: RtpTap;
  /** When the newest frame came, or the tap was opened. */
  lastFrame: number;
}

/**
 * One stream's way into the worker, while it has viewers: taps on its tracks, and a converter. FLV has one time line,
 * and its muxer waits for both tracks; so a track that goes silent is left out, and taken in again when it is back.
 */
export class FlvFeed {
  readonly #options: FlvFeedOptions;
  readonly #supervisor: Supervisor<never, never>;
  readonly #tracks = new Map<Kind, FedTrack>();
  #viewers = 0;
  #converter: Converter | undefined;
  #endPublishing: (() => void) | undefined;
  #check: Timer | undefined;
  #idleTimer: Timer | undefined;
  #open = false;
  /** How many frames the converter had taken and when it last gave something, for {@link #isStuck}. */
  #lastOutput = 0;
  #framesAtOutput = 0;

  constructor(options: FlvFeedOptions) {
    this.#options = options;
    this.#supervisor = new Supervisor<never, never>({
      name: `rtmp converter ${options.name}`,
      log: options.log,
      clock: options.clock,
      start: () => this.#convert(),
      died: () => this.#endPublishing?.(),
    });
  }

  /** The converter's process id; undefined while there is none. */
  get converterPid(): number | undefined {
    return this.#supervisor.child?.pid;
  }

  /** A viewer came: the first one starts the devices and the converter. Returns what the viewer's leaving calls. */
  retain(): () => void {
    this.#viewers += 1;
    this.#options.clock.clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    this.#start();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.#viewers > 0 || !this.#open) return;
      this.#idleTimer = this.#options.clock.setTimeout(() => {
        void this.stop();
        this.#options.idle();
      }, this.#options.idleTime);
    };
  }

  /** Ends the converter and closes the taps, whoever may still watch. Idempotent; waits. */
  async stop(): Promise<void> {
    this.#options.clock.clearTimeout(this.#idleTimer);
    this.#options.clock.clearTimeout(this.#check);
    this.#open = false;
    for (const { tap } of this.#tracks.values()) tap.close();
    this.#tracks.clear();
    this.#endPublishing?.();
    await this.#supervisor.stop();
  }

  #start(): void {
    if (this.#open) return;
    this.#open = true;
    this.#tap('video', this.#options.stream.getVideoTracks());
    if (this.#options.aac !== undefined) this.#tap('audio', this.#options.stream.getAudioTracks());
    void this.#begin();
  }

  /** What a sound is encoded with may be for its device to say: silence comes soon where that is away. */
  async #begin(): Promise<void> {
    const told = this.#tracks.get('audio')?.tap.rtp.formatKnown(AbortSignal.timeout(SILENT_MS));
    await told?.catch(() => undefined);
    if (!this.#open) return;
    this.#supervisor.start();
    this.#scheduleCheck();
  }

  #tap(kind: Kind, tracks: readonly MediaStreamTrack[]): void {
    const track = tracks.find(({ readyState }) => readyState === 'live');
    if (track === undefined) return;
    const tap = tapRtp(track, {
      frame: (frame) => {
        fed.lastFrame = this.#options.clock.now();
        this.#converter?.write(kind, frame);
      },
      ended: () => {
        this.#tracks.delete(kind);
        if (this.#open && this.#tracks.size === 0) this.#options.ended();
      },
    });
    const fed: FedTrack = { track, tap, lastFrame: this.#options.clock.now() };
    this.#tracks.set(kind, fed);
  }

  /** The tracks that frames can be expected of. */
  #flowing(): Set<Kind> {
    const now = this.#options.clock.now();
    const flowing = new Set<Kind>();
    for (const [kind, { track, tap, lastFrame }] of this.#tracks) {
      const patience = track.muted || !track.enabled ? SILENT_MS : STALLED_MS;
      if (tap.rtp.settled && now - lastFrame < patience) flowing.add(kind);
    }
    // Nothing flows: then it makes no difference, and what was first may be again.
    return flowing.size > 0 ? flowing : new Set(this.#converter?.kinds ?? this.#tracks.keys());
  }

  #convert(): Converter['child'] {
    const { name: stream, aac, log, publish } = this.#options;
    const flowing = this.#flowing();
    const tracks = [...this.#tracks].filter(([kind]) => flowing.has(kind));
    const codecs = new Map(tracks.map(([kind, { tap }]) => [kind, tap.rtp.codec]));
    const converter = new Converter({ stream, tracks: codecs, aac, log });
    this.#converter = converter;
    this.#lastOutput = this.#options.clock.now();
    this.#framesAtOutput = 0;
    converter.output.on('data', () => {
      this.#lastOutput = this.#options.clock.now();
      this.#framesAtOutput = converter.frames;
    });
    this.#endPublishing = publish(converter.output, (reason) => {
      if (this.#open && this.#converter === converter) this.#supervisor.restart(reason);
    });
    this.#tracks.get('video')?.tap.join();
    return converter.child;
  }

  #scheduleCheck(): void {
    this.#check = this.#options.clock.setTimeout(() => {
      if (!this.#open) return;
      this.#checkTracks();
      this.#scheduleCheck();
    }, CHECK_INTERVAL_MS);
  }

  #checkTracks(): void {
    const converter = this.#converter;
    const child = this.#supervisor.child;
    if (converter === undefined || child !== converter.child) return;
    const flowing = this.#flowing();
    if (flowing.size !== converter.kinds.size || [...flowing].some((kind) => !converter.kinds.has(kind))) {
      const { name: stream, log } = this.#options;
      log.info({ stream, tracks: [...flowing] }, 'rtmp converter goes on with other tracks');
      this.#endPublishing?.();
      // An end that was asked for: the supervisor begins the next life at once.
      void child.stop();
    } else if (this.#isStuck(converter)) {
      this.#supervisor.restart('takes frames and gives nothing');
    } else if (converter.needsKeyFrame) {
      this.#tracks.get('video')?.tap.requestKeyFrame();
    }
  }

  #isStuck(converter: Converter): boolean {
    return converter.frames > this.#framesAtOutput + 10 && this.#options.clock.now() - this.#lastOutput > STALLED_MS;
  }
}
