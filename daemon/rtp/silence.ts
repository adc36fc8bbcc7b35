import type { RtpCodec } from './codec.ts';
import { RTP_HEADER_BYTES } from './packet.ts';

const AAC_SAMPLES = 1024;
/** Access units of AAC-LC without a spectrum, by the number of channels. */
const AAC: Readonly<Record<number, readonly number[]>> = {
  1: [0x00, 0xc8, 0x00, 0x80, 0x23, 0x80],
  2: [0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80],
};

/** An RTP packet of a sound's codec that holds silence, and how long that lasts. Its sequence, time and source are 0. */
export function silence(codec: RtpCodec): { packet: Buffer; milliseconds: number } {
  const { mimeType, payloadType, clockRate, channels = 1 } = codec;
  const packet = (payload: Uint8Array | readonly number[], marker = 0): Buffer =>
    Buffer.from([0x80, marker | payloadType, ...new Array<number>(RTP_HEADER_BYTES - 2).fill(0), ...payload]);
  switch (mimeType) {
    // The least positive value of G.711, 20 ms of it.
    case 'audio/PCMA':
      return { packet: packet(Buffer.alloc(160, 0xd5)), milliseconds: 20 };
    case 'audio/PCMU':
      return { packet: packet(Buffer.alloc(160, 0xff)), milliseconds: 20 };
    case 'audio/mpeg4-generic': {
      const unit = AAC[channels] as readonly number[];
      // 16 bits of headers: one, with the size of the unit in its upper 13 bits (RFC 3640, 3.3.6).
      const headers = [0, 16, unit.length >> 5, (unit.length << 3) & 0xff];
      return { packet: packet([...headers, ...unit], 0x80), milliseconds: (AAC_SAMPLES * 1000) / clockRate };
    }
    default:
      // A CELT frame of 20 ms in stereo that holds nothing (RFC 6716, 3.1).
      return { packet: packet([0xfc, 0xff, 0xfe]), milliseconds: 20 };
  }
}
