import type { Clock } from '../../lib/clock.ts';
import { FrameGate } from '../../rtp/frame-gate.ts';

const AUDIO = 8;
const VIDEO = 9;
const SCRIPT = 18;

/** Queued bytes of one viewer above which whole frames are dropped: more than the group of pictures that he begins with. */
const HIGH_WATER_BYTES = 8 * 1024 * 1024;
/** A viewer whose queue is full for this long is disconnected. */
const BLOCKED_MS = 10_000;

/** How the messages of a protocol begin. */
export interface MessageLayout {
  /** Where the message type lies. */
  type: number;
  /** Where its time lies, from and to. */
  time: readonly [number, number];
  /** Where the tag's data begins, given the message. */
  data(message: Buffer): number;
}

/** An RTMP message as one chunk stream begins it: a chunk of format 0 (RTMP 1.0, 5.3.1.2.1). */
export const RTMP_MESSAGE: MessageLayout = {
  type: 7,
  time: [1, 4],
  data: (message) => (message.readUIntBE(1, 3) === 0xff_ff_ff ? 16 : 12),
};
/** An FLV tag (Video File Format Specification 10.1, annex E.4.1). */
export const FLV_TAG: MessageLayout = { type: 0, time: [4, 8], data: () => 11 };

/**
 * Sets the time of metadata to 0, in place. The muxer sends it again whenever it has learnt more, and FFmpeg takes
 * `onMetaData` at any other time for a track of subtitles.
 */
export function makeTimeless(message: Buffer, { type, time, data }: MessageLayout): void {
  const [from, to] = time;
  // A time that needs the extended field of RTMP is not worth moving the rest for.
  if (message[type] === SCRIPT && data(message) <= 12) message.fill(0, from, to);
}

/** Decides which messages a viewer gets whose connection is slower than the stream: never half a picture's dependencies. */
export class MediaGate {
  readonly #video = new FrameGate({ highWater: HIGH_WATER_BYTES, needsKeyFrame: true });
  readonly #audio = new FrameGate({ highWater: HIGH_WATER_BYTES, needsKeyFrame: false });
  readonly #layout: MessageLayout;
  readonly #clock: Clock;
  #blockedSince: number | undefined;

  constructor(layout: MessageLayout, clock: Clock) {
    this.#layout = layout;
    this.#clock = clock;
  }

  /** The viewer has not emptied his queue for so long that he will not: disconnect him. */
  get stuck(): boolean {
    return this.#blockedSince !== undefined && this.#clock.now() - this.#blockedSince > BLOCKED_MS;
  }

  /** Whether this message goes out, given how many bytes already wait for this viewer. */
  admits(message: Buffer, queuedBytes: number): boolean {
    if (queuedBytes <= HIGH_WATER_BYTES) this.#blockedSince = undefined;
    else this.#blockedSince ??= this.#clock.now();
    const data = this.#layout.data(message);
    switch (message[this.#layout.type]) {
      case VIDEO: {
        // AVCPacketType 0 is the decoder's configuration, which every player needs whenever it comes.
        if (message[data + 1] === 0) return true;
        return this.#video.admits({ keyFrame: (message[data] as number) >> 4 === 1 }, queuedBytes);
      }
      case AUDIO:
        return message[data + 1] === 0 || this.#audio.admits({ keyFrame: true }, queuedBytes);
      default:
        return true;
    }
  }
}
