import { encodedOf, type MediaStreamTrack, sourceOf } from '../../media/media-stream-track.ts';
import { tapRtp } from '../../media/rtp-tap.ts';
import { RtspError } from './rtsp-error.ts';
import type { DescribedTrack } from './session-description.ts';

/** A track with its place in the stream. */
export interface IndexedTrack {
  index: number;
  track: MediaStreamTrack;
}

/**
 * Learns the formats of tracks; a source that was not running is started for it.
 * @throws RtspError `unavailable` when a source delivers nothing in time or nothing can be encoded of it, `not_found` when it ended.
 */
export async function describeTracks(
  tracks: readonly IndexedTrack[],
  timeout: number,
  closed: AbortSignal,
): Promise<DescribedTrack[]> {
  for (const { track } of tracks) {
    const { problem } = encodedOf(track);
    if (problem !== undefined) throw new RtspError('unavailable', problem);
  }
  const ended = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(timeout), ended.signal, closed]);
  const taps = tracks.map(({ track }) => tapRtp(track, { frame: () => undefined, ended: () => ended.abort() }));
  try {
    return await Promise.all(
      tracks.map(async ({ index, track }) => {
        const { rtp } = encodedOf(track);
        const formatParameters = await rtp.formatKnown(signal);
        return { index, codec: rtp.codec, formatParameters };
      }),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    if (ended.signal.aborted) throw new RtspError('not_found', 'the stream has ended');
    throw new RtspError('unavailable', `the stream delivers nothing yet: ${reasonOf(tracks, timeout)}`, {
      headers: [['Retry-After', '5']],
    });
  } finally {
    for (const tap of taps) tap.close();
  }
}

function reasonOf(tracks: readonly IndexedTrack[], timeout: number): string {
  const reasons = tracks.map(({ track }) => sourceOf(track).mutedReason).filter((reason) => reason !== undefined);
  return reasons.length > 0 ? reasons.join('; ') : `no picture within ${timeout / 1000} s`;
}
