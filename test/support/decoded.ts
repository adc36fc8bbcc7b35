import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import { byteStream } from './capture-test-source.ts';

/** Luma (0 is black, 255 is white) of a decoded picture: its mean, and how far its pixels lie from that. */
export interface Luma {
  mean: number;
  deviation: number;
}

/** Decodes the frames of a picture; the luma of each pixel, picture by picture. */
export async function pixelsOf(frames: readonly RtpFrame[], width: number, height: number): Promise<Buffer[]> {
  const raw = await through('ffmpeg', '-v error -f h264 -i - -vsync 0 -f rawvideo -pix_fmt gray -'.split(' '), [
    byteStream(frames),
  ]);
  const pictures: Buffer[] = [];
  for (let at = 0; at < raw.length; at += width * height) pictures.push(raw.subarray(at, at + width * height));
  return pictures;
}

/** Decodes the frames of a picture; the luma of each. */
export async function lumaOf(frames: readonly RtpFrame[], width: number, height: number): Promise<Luma[]> {
  return (await pixelsOf(frames, width, height)).map((pixels) => {
    const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
    const squares = pixels.reduce((sum, pixel) => sum + (pixel - mean) ** 2, 0) / pixels.length;
    return { mean, deviation: Math.sqrt(squares) };
  });
}

/** Decodes the frames of a sound (stereo); the greatest sample, 0 to 32767. */
export async function peakOf(frames: readonly RtpFrame[]): Promise<number> {
  const packets = frames.flatMap((frame) => frame.packets);
  const framed = packets.flatMap((packet) => [Buffer.from([packet.length >> 8, packet.length & 0xff]), packet]);
  const launch =
    'fdsrc fd=0 ! application/x-rtp-stream,media=audio,clock-rate=48000,encoding-name=OPUS,payload=111 ! rtpstreamdepay ! ' +
    'rtpopusdepay ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,channels=2 ! fdsink fd=1';
  const raw = await through('gst-launch-1.0', ['-q', ...launch.split(' ')], framed);
  let peak = 0;
  for (let at = 0; at + 1 < raw.length; at += 2) peak = Math.max(peak, Math.abs(raw.readInt16LE(at)));
  return peak;
}

async function through(program: string, args: string[], input: Buffer[]): Promise<Buffer> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  for (const part of input) child.stdin.write(part);
  child.stdin.end();
  return buffer(child.stdout);
}
