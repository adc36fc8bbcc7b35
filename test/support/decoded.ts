import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { RtpInput, rtpInputArguments } from '../../daemon/convert/rtp-input.ts';
import { OPUS, type RtpCodec } from '../../daemon/rtp/codec.ts';
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

/** Decodes the frames of a sound: 16-bit samples of two channels at 48 kHz, one after the other. */
export async function samplesOf(frames: readonly RtpFrame[], codec: RtpCodec = OPUS): Promise<Int16Array> {
  const decode =
    'decodebin ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=2 ! fdsink fd=1';
  const child = spawn('gst-launch-1.0', ['-q', ...rtpInputArguments(0, codec), '!', ...decode.split(' ')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const input = new RtpInput(child.stdin, codec);
  for (const frame of frames) input.write(frame, frame.captureTime - (frames[0] as RtpFrame).captureTime);
  input.end();
  const raw = await buffer(child.stdout);
  return Int16Array.from({ length: Math.floor(raw.length / 2) }, (_, index) => raw.readInt16LE(2 * index));
}

/** Decodes the frames of a sound; the greatest sample, 0 to 32767. */
export async function peakOf(frames: readonly RtpFrame[], codec: RtpCodec = OPUS): Promise<number> {
  return (await samplesOf(frames, codec)).reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
}

async function through(program: string, args: string[], input: Buffer[]): Promise<Buffer> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  for (const part of input) child.stdin.write(part);
  child.stdin.end();
  return buffer(child.stdout);
}
