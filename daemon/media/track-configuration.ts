/** How what a track wants of its source reaches it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EncodedStream, TrackConfiguration, TrackSource } from './track-source.ts';

/** A track as far as its configuration goes. */
export interface ConfigurableTrack {
  readonly source: TrackSource;
  readonly encoded: EncodedStream;
  configuration: TrackConfiguration;
  readyState: 'live' | 'ended';
}

/** How soon a source that cannot deliver is told again what it did not take, in milliseconds. */
const RETRY_MS = 100;

/** Changes what a track asks of its source. @throws what the source throws; then nothing has changed. */
export async function configure(track: ConfigurableTrack, change: Partial<TrackConfiguration>): Promise<void> {
  const before = track.configuration;
  track.configuration = { ...before, ...change };
  try {
    await track.encoded.configure(track.configuration);
  } catch (error) {
    // Setters may have changed other members meanwhile.
    const own = Object.keys(change).map((name) => [name, before[name as keyof TrackConfiguration]]);
    track.configuration = { ...track.configuration, ...Object.fromEntries(own) };
    throw error;
  }
}

/**
 * Tells a track's source its configuration as it is: one that cannot deliver now is told until it can, as long as the
 * track lives.
 * @throws what a source throws that delivers and does not take it.
 */
export async function insist(track: ConfigurableTrack): Promise<void> {
  while (track.readyState === 'live') {
    try {
      await track.encoded.configure(track.configuration);
      return;
    } catch (error) {
      if (!track.source.muted) throw error;
      await sleep(RETRY_MS, undefined, { ref: false });
    }
  }
}
