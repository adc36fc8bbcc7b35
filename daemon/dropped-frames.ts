import type { ConfiguredStream } from './configured-stream.ts';
import type { Clock } from './lib/clock.ts';
import { Rate } from './lib/rate.ts';
import { encodedOf } from './media/media-stream-track.ts';

/** Frames of a stream that did not get through, at one stage. */
export interface DroppedFrames {
  /**
   * `capture`: the device left them out. `conversion`, `encoder`: dropped because that was busy. `source`: not whole,
   * stale, before a key frame. `slow-viewer`: a viewer's queue was full.
   */
  readonly reason: 'capture' | 'conversion' | 'encoder' | 'source' | 'slow-viewer';
  /** Empty where it is about no track. Of a sound, what is counted before its encoder are buffers of its device. */
  readonly kind: 'video' | 'audio' | '';
  /** The rid; empty for a sound, and for what happens before there are encodings. */
  readonly encoding: string;
  /** Since the start. */
  readonly count: number;
}

/** What a stream has lost on the way to its publishers. */
export function droppedFramesOf(stream: ConfiguredStream): DroppedFrames[] {
  const before = stream.sources.flatMap(({ kind, stats: { lost } }) =>
    (['capture', 'conversion', 'source'] as const).map((reason) => ({
      reason,
      kind,
      encoding: '',
      count: lost[reason],
    })),
  );
  const tracks = [
    ...stream.settings.encodings.flatMap(({ rid }) =>
      (stream.rendition(rid)?.getVideoTracks() ?? []).map((track) => ({ track, encoding: rid })),
    ),
    ...stream.media.getAudioTracks().map((track) => ({ track, encoding: '' })),
  ];
  return [
    ...before,
    ...tracks.flatMap(({ track, encoding }) => {
      const { droppedFrames = 0, rtp } = encodedOf(track);
      return [
        { reason: 'encoder', kind: track.kind, encoding, count: droppedFrames } as const,
        { reason: 'source', kind: track.kind, encoding, count: rtp.stats.dropped } as const,
      ];
    }),
  ];
}

/** By stage, of the picture (without one: of the sound), and of what is about no track. */
export function droppedByStage(dropped: readonly DroppedFrames[]): Record<string, number> {
  const kind = dropped.some((one) => one.kind === 'video') ? 'video' : 'audio';
  const sums: Record<string, number> = {};
  for (const one of dropped)
    if (one.kind === kind || one.kind === '') sums[one.reason] = (sums[one.reason] ?? 0) + one.count;
  return sums;
}

/** Milliseconds over which it is judged whether the machine keeps up. */
const LOAD_SPAN_MS = 10_000;
/** Share of the frames that may be dropped before their encoder. */
const LOAD_LIMIT = 0.1;

/** A look at whether the machine keeps up with a stream, for the health: why not, for a person. To be asked every few seconds. */
export function loadProbe(stream: ConfiguredStream, clock: Clock): () => string | undefined {
  const [through, dropped] = [new Rate(LOAD_SPAN_MS), new Rate(LOAD_SPAN_MS)];
  return () => {
    const now = clock.now();
    const { capture = 0, conversion = 0, encoder = 0 } = droppedByStage(droppedFramesOf(stream));
    const lost = dropped.read(capture + conversion + encoder, now);
    const share = lost / (lost + through.read(stream.traffic.frames, now));
    if (!(share > LOAD_LIMIT)) return undefined;
    return `the machine is too slow for it: ${Math.round(share * 100)} % of the frames are dropped before they are encoded`;
  };
}
