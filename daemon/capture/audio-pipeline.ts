import { rtpDepayloader } from '../convert/rtp-input.ts';
import { isAac } from '../rtp/aac.ts';
import { OPUS, type RtpCodec } from '../rtp/codec.ts';
import { CaptureError } from './capture-error.ts';
import { type RtspInput, rtspSource } from './device-sources.ts';
import {
  type Branch,
  bounded,
  branchCounters,
  countedQueue,
  DECODER,
  devicePath,
  gate,
  intake,
  LOUDNESS,
  PACKET_QUEUE,
  PROBE,
  PROBED,
  packetTail,
  receivedPackets,
  stampFrom,
} from './launch-parts.ts';
import { soundPayloader } from './payloaders.ts';
import type { SoundEncoder } from './sound-encoders.ts';

export type AudioInput =
  | { readonly type: 'test'; readonly silent: boolean }
  | { readonly type: 'rtsp'; readonly rtsp: RtspInput }
  /** What an RtpInput writes; `wallClock`: Unix milliseconds at which its times begin. */
  | { readonly type: 'rtp'; readonly codec: RtpCodec; readonly wallClock: number }
  | { readonly type: 'alsa'; readonly path: string };

/** What the sound is (W3C MediaStreamTrack Content Hints, 3.1). */
export type SoundContent = 'generic' | 'voice';

/** One encoded track of a sound. */
export interface AudioBranch extends Branch {
  readonly codec: RtpCodec;
  readonly encoder: SoundEncoder;
  /** Hz. */
  readonly sampleRate: number;
  /** 1 or 2. */
  readonly channelCount: number;
  readonly content: SoundContent;
  /** dB. */
  readonly gain: number;
}

export interface AudioPipeline {
  readonly kind: 'audio';
  readonly input: AudioInput;
  readonly branches: readonly AudioBranch[];
}

const SOUND_QUEUE = 'queue leaky=downstream max-size-time=200000000 max-size-bytes=0 max-size-buffers=0';
/** Buffers from the entry of that queue to the beginning of the work behind it; a microphone's are of 10 ms. */
export const SOUND_QUEUE_ROOM = 21;
/** RFC 3551, 4.2. */
const G711_PACKETS = 'min-ptime=20000000 max-ptime=20000000';
const EAR = `frames. ! valve name=lid drop=true drop-mode=transform-to-gap ! ${LOUDNESS}`;

export function audioLaunch({ input, branches }: AudioPipeline): string {
  const stamp = input.type === 'rtp' ? stampFrom(input.wallClock) : '';
  const encoded = branches.map((branch, index) => {
    const channels = bounded('channelCount', branch.channelCount, 1, 2);
    const sampleRate = bounded('sampleRate', branch.sampleRate, 8000, 96_000);
    return [
      gate(branch, index),
      countedQueue(`encode${index}`, SOUND_QUEUE),
      `audioconvert ! audioresample ! audio/x-raw,rate=${sampleRate},channels=${channels}`,
      ...(branch.gain === 0 ? [] : [`volume volume=${amplification(branch.gain)}`]),
      `volume name=loudness${index} volume=${branch.enabled ? 1 : 0}`,
      encoder(branch, index),
      PACKET_QUEUE,
      packetTail(index, stamp),
    ].join(' ! ');
  });
  const source = `${soundSource(input, branches.length)} ! ${PROBED} ! ${intake(branches)} ! tee name=frames allow-not-linked=true`;
  return [source, ...encoded, EAR, PROBE, ...branchCounters(branches)].join(' ');
}

/** The encoder and what packs its frames. */
function encoder({ codec, encoder: element, bitrate, content }: AudioBranch, index: number): string {
  const named = `${element} name=encoder${index}`;
  const packs = soundPayloader(codec, index);
  const rate = `bitrate=${bounded('bitrate', bitrate, 6000, 510_000)}`;
  if (codec === OPUS) return `${named} audio-type=${content} ${rate} frame-size=20 ! ${packs}`;
  return isAac(codec) ? `${named} ${rate} ! ${packs}` : `${named} ! ${packs} ${G711_PACKETS}`;
}

/** The factor of a gain in dB; `volume` takes up to 10. @throws CaptureError `invalid-value`. */
function amplification(decibels: number): number {
  if (!(decibels >= -60 && decibels <= 20))
    throw new CaptureError('invalid-value', `gain is ${decibels}; allowed is -60 to 20 dB`);
  return Number((10 ** (decibels / 20)).toFixed(4));
}

function soundSource(input: AudioInput, branches: number): string {
  switch (input.type) {
    case 'test':
      return `audiotestsrc name=source is-live=true ${input.silent ? 'wave=silence' : 'wave=sine freq=440 volume=0.2'} samplesperbuffer=960`;
    case 'rtsp':
      return `${rtspSource('audio', input.rtsp)} ! ${DECODER}`;
    case 'rtp':
      return `${receivedPackets(branches)} ! ${rtpDepayloader(input.codec)} ! ${DECODER}`;
    case 'alsa':
      // The system's clock, which the picture's pipeline runs on too: the sound card's own must not become the pipeline's.
      return `alsasrc name=source device=${devicePath(input.path)} provide-clock=false slave-method=skew buffer-time=200000 latency-time=10000`;
  }
}
