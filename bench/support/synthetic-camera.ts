import type { Writable } from 'node:stream';
import { NTP_UNIX_SECONDS } from '../../daemon/rtp/packet.ts';

export interface SyntheticCameraOptions {
  /** bit/s. */
  bitrate: number;
  /** Frames per second. */
  frameRate: number;
  /** Frames from key frame to key frame; a key frame is four times as large as another. */
  gop: number;
}

/** Payload bytes of a packet. */
const PAYLOAD = 1180;

/** H.264 of a steady bit rate as a capture worker delivers it: RFC 6184 in RFC 4571 frames, with the ONVIF extension. */
export class SyntheticCamera {
  readonly #pipe: Writable;
  readonly #options: SyntheticCameraOptions;
  readonly #start = performance.now();
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;
  #keyFrameAsked = false;
  frames = 0;
  packets = 0;
  /** As RTP over TCP counts them: with the interleaved prefix, without the extension. */
  bytes = 0;

  constructor(pipe: Writable, options: SyntheticCameraOptions) {
    this.#pipe = pipe;
    this.#options = options;
    pipe.on('error', () => undefined);
  }

  start(): void {
    const { frameRate } = this.#options;
    this.#timer = setInterval(
      () => {
        while (this.frames < ((performance.now() - this.#start) * frameRate) / 1000) this.#pipe.write(this.#frame());
      },
      1000 / frameRate / 2,
    );
  }

  requestKeyFrame(): void {
    this.#keyFrameAsked = true;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#pipe.end();
  }

  #frame(): Buffer {
    const { bitrate, frameRate, gop } = this.#options;
    const key = this.#keyFrameAsked || this.frames % gop === 0;
    this.#keyFrameAsked = false;
    const small = ((bitrate / 8 / frameRate) * gop) / (gop + 3);
    let left = Math.round(key ? 4 * small : small);
    const packets: Buffer[] = [];
    if (key) packets.push(this.#packet(Buffer.from('18000467420c1e000268ce', 'hex'), false));
    for (let first = true; left > 0; first = false) {
      const length = Math.min(left, PAYLOAD);
      left -= length;
      const payload = Buffer.alloc(2 + length, this.frames & 0xff);
      payload[0] = 0x7c;
      payload[1] = (first ? 0x80 : 0) | (left === 0 ? 0x40 : 0) | (key ? 5 : 1);
      packets.push(this.#packet(payload, left === 0));
    }
    this.frames += 1;
    return Buffer.concat(packets);
  }

  #packet(payload: Buffer, marker: boolean): Buffer {
    const now = Date.now();
    const packet = Buffer.alloc(2 + 28 + payload.length);
    packet.writeUInt16BE(packet.length - 2, 0);
    packet.writeUInt16BE(0x9060 | (marker ? 0x80 : 0), 2);
    packet.writeUInt16BE(this.#sequence++ & 0xffff, 4);
    packet.writeUInt32BE(Math.round((this.frames * 90_000) / this.#options.frameRate) >>> 0, 6);
    packet.writeUInt32BE(1, 10);
    packet.writeUInt32BE(0xabac0003, 14);
    packet.writeUInt32BE(Math.floor(now / 1000) + NTP_UNIX_SECONDS, 18);
    packet.writeUInt32BE(Math.floor(((now % 1000) / 1000) * 2 ** 32), 22);
    payload.copy(packet, 30);
    this.packets += 1;
    this.bytes += 4 + 12 + payload.length;
    return packet;
  }
}
