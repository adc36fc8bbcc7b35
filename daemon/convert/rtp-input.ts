import { AAC_MODE, aacConfig, isAac } from '../rtp/aac.ts';
import { encodingName, type RtpCodec } from '../rtp/codec.ts';
import { FrameGate } from '../rtp/frame-gate.ts';
import type { RtpFrame } from '../rtp/rtp-frame.ts';
import { silence } from '../rtp/silence.ts';
import { gdpRtpPackets, gdpStart } from './gdp.ts';

/** Bytes that may wait for the converter; what is above is dropped up to the next key frame. */
const HIGH_WATER_BYTES: Record<RtpCodec['kind'], number> = { video: 4 * 1024 * 1024, audio: 64 * 1024 };

/** Time that does not grow would be refused by players: more than a tick of the clock of RTP pictures, as what is encoded of them counts. */
const LEAST_STEP_MS = 0.0125;

const DEPAYLOADERS: Record<RtpCodec['mimeType'], string> = {
  'video/H264': 'rtph264depay',
  'video/H265': 'rtph265depay',
  'video/VP8': 'rtpvp8depay',
  'video/JPEG': 'rtpjpegdepay',
  'audio/opus': 'rtpopusdepay',
  'audio/mpeg4-generic': 'rtpmp4gdepay',
  'audio/PCMA': 'rtppcmadepay',
  'audio/PCMU': 'rtppcmudepay',
};

export const rtpDepayloader = ({ mimeType }: RtpCodec): string => DEPAYLOADERS[mimeType];

/** `gst-launch-1.0` arguments that read a track's RTP from a descriptor as {@link RtpInput} writes it. */
export const rtpInputArguments = (descriptor: number, codec: RtpCodec): string[] => [
  ...['fdsrc', `fd=${descriptor}`, 'blocksize=65536', '!', 'gdpdepay', '!', 'queue', '!'],
  rtpDepayloader(codec),
];

/** What a pipe to a child is to its writer. */
export interface InputPipe {
  readonly writableLength: number;
  write(bytes: Buffer): unknown;
  end(): void;
}

/**
 * A track's way into a converter: RTP with its capture times. Begins with a key frame, drops what the converter cannot
 * keep up with, and numbers the packets anew, so that what was left out does not look lost.
 */
export class RtpInput {
  readonly codec: RtpCodec;
  readonly #pipe: InputPipe;
  readonly #gate: FrameGate;
  #sequence = 0;
  /** Running time of the newest frame, in milliseconds. */
  #newest = -1;

  /** @param from the time in milliseconds at which running time begins; what is before is only decoded. */
  constructor(pipe: InputPipe, codec: RtpCodec, from?: number) {
    const { kind, clockRate, payloadType } = codec;
    const format = isAac(codec) ? { ...AAC_MODE, config: aacConfig(codec) } : {};
    this.codec = codec;
    this.#pipe = pipe;
    this.#gate = new FrameGate({ highWater: HIGH_WATER_BYTES[kind], needsKeyFrame: kind === 'video' });
    const caps =
      `application/x-rtp, media=(string)${kind}, clock-rate=(int)${clockRate}, ` +
      `encoding-name=(string)${encodingName(codec).toUpperCase()}, payload=(int)${payloadType}` +
      Object.entries(format)
        .map(([name, value]) => `, ${name}=(string)${value}`)
        .join('');
    pipe.write(gdpStart(kind, caps, from));
  }

  /** True while video waits for a key frame. */
  get needsKeyFrame(): boolean {
    return this.#gate.needsKeyFrame;
  }

  /** Frames that were lost because the converter was too slow. */
  get dropped(): number {
    return this.#gate.dropped;
  }

  /**
   * Takes a frame whose running time is `time`, in milliseconds, 0 or more; it is moved on where it would not grow.
   * False when the frame was dropped.
   */
  write(frame: RtpFrame, time: number): boolean {
    if (!this.#gate.admits(frame, this.#pipe.writableLength)) return false;
    this.#send(frame.packets, Math.max(time, this.#newest + LEAST_STEP_MS));
    return true;
  }

  /** Silence up to a running time in milliseconds, so that a muxer does not wait for sound that does not come. */
  silence(until: number): void {
    const { packet, milliseconds } = silence(this.codec);
    const first = this.#newest < 0 ? 0 : this.#newest + milliseconds;
    for (let at = first; at < until; at += milliseconds) this.#send([packet], at);
  }

  /** Nothing comes any more. */
  end(): void {
    this.#pipe.end();
  }

  #send(packets: readonly Buffer[], time: number): void {
    this.#newest = time;
    this.#pipe.write(gdpRtpPackets(packets, time, this.#sequence));
    this.#sequence += packets.length;
  }
}
