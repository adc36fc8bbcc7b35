import type { Writable } from 'node:stream';
import type { MediaStreamTrack } from '../../media/media-stream-track.ts';
import { type RtpTap, tapRtp } from '../../media/rtp-tap.ts';
import type { EncodedStream } from '../../media/track-source.ts';
import { FrameGate } from '../../rtp/frame-gate.ts';
import { interleave } from '../../rtp/framing.ts';
import type { RtpFrame } from '../../rtp/rtp-frame.ts';

/** Bytes that may wait for the worker before whole frames are dropped: about a second of 8 Mbit/s. */
const PIPE_HIGH_WATER = 1024 * 1024;

/** A track as it is sent to viewers: in its own codec, or in another one. */
export interface SentRendition {
  readonly track: MediaStreamTrack;
  readonly encoded: EncodedStream;
}

export interface TrackFeedOptions {
  sent: SentRendition;
  /** Name of the stream that it was asked for by. */
  stream: string;
  /** Channels 2n and 2n+1 of the pipe are its own. */
  slot: number;
  /** The worker's pipe as it is now; undefined while there is none. */
  pipe: () => Writable | undefined;
  /** The track is over for good. */
  ended: () => void;
}

/** Carries one track to the worker, once for all its viewers there, as long as there are any. */
export class TrackFeed {
  readonly slot: number;
  readonly stream: string;
  readonly tap: RtpTap;
  viewers = 0;
  /** The pipe that has had the beginning. */
  #joined: Writable | undefined;
  readonly #pipe: () => Writable | undefined;
  readonly #gate: FrameGate;

  constructor({ sent: { track, encoded }, stream, slot, pipe, ended }: TrackFeedOptions) {
    this.slot = slot;
    this.stream = stream;
    this.#pipe = pipe;
    // Where a viewer begins is the worker's affair: towards it only an overflow needs a key frame.
    this.#gate = new FrameGate({ highWater: PIPE_HIGH_WATER, needsKeyFrame: track.kind === 'video' });
    this.tap = tapRtp(track, { frame: (frame) => this.#send(frame), ended }, encoded);
  }

  /** Frames that the worker had no room for: none of its viewers has got them. */
  get droppedFrames(): number {
    return this.#gate.dropped;
  }

  /** Sends an RTCP sender report, once there is something to report. */
  sendReport(): void {
    const report = this.tap.rtp.senderReport();
    if (report !== undefined) this.#pipe()?.write(interleave(2 * this.slot + 1, report));
  }

  close(): void {
    this.tap.close();
  }

  #send(frame: RtpFrame): void {
    const pipe = this.#pipe();
    if (pipe === undefined) return;
    if (pipe !== this.#joined) {
      this.#joined = pipe;
      // This frame is among those that it begins with.
      if (this.tap.rtp.keepsGroup && this.tap.join()) return;
    }
    if (this.#gate.admits(frame, pipe.writableLength)) pipe.write(frame.onChannel(2 * this.slot));
    else if (this.#gate.needsKeyFrame) this.tap.requestKeyFrame();
  }
}
