import { CaptureError } from './capture/capture-error.ts';
import type { ConfiguredStream } from './configured-stream.ts';
import { ControlError, type TrackChoice, type TrackReport, type TracksPort } from './control/gateway-port.ts';
import { asControlError } from './gateway-control.ts';
import type { MediaStreamTrack } from './media/media-stream-track.ts';
import { OverconstrainedError } from './media/overconstrained-error.ts';
import type { MediaTrackConstraints } from './media/track-constraints.ts';
import type { StreamRegistry } from './stream-registry.ts';

/** The tracks of the configured streams as the control surface sees them. */
export class GatewayTracks implements TracksPort {
  readonly #streams: StreamRegistry;
  readonly #changed: (stream: string) => void;

  /** @param options `changed`: a stream reports something else than before. */
  constructor(options: { streams: StreamRegistry; changed: (stream: string) => void }) {
    this.#streams = options.streams;
    this.#changed = options.changed;
  }

  get(choice: TrackChoice): TrackReport {
    return report(choice.stream, this.#find(choice));
  }

  async applyConstraints(
    { stream, id }: Pick<TrackReport, 'stream' | 'id'>,
    constraints: object,
  ): Promise<TrackReport> {
    const track = this.#find({ stream, id });
    try {
      await track.applyConstraints(constraints as MediaTrackConstraints);
    } catch (error) {
      throw constraintsError(error);
    }
    this.#changed(stream);
    return report(stream, track);
  }

  /** @throws ControlError `not_found`. */
  #find({ stream: name, kind, rid, id }: TrackChoice): MediaStreamTrack {
    const stream = this.#streams.get(name);
    const [tracks, at] =
      id === undefined
        ? [(stream.rendition(rid)?.getTracks() ?? []).filter((track) => track.kind === kind), rid ? '/rid' : '/kind']
        : [stream.tracks.filter((track) => track.id === id), '/id'];
    const [track] = tracks;
    if (track !== undefined) return track;
    throw new ControlError('not_found', `stream '${name}' has no such track; it has: ${known(stream)}`, at);
  }
}

function known(stream: ConfiguredStream): string {
  return stream.tracks.map(({ kind, id }) => `${kind} ${id}`).join(', ') || 'none, since it is stopped';
}

function report(stream: string, track: MediaStreamTrack): TrackReport {
  return {
    stream,
    id: track.id,
    kind: track.kind,
    constraints: { ...track.getConstraints() },
    settings: { ...track.getSettings() },
    capabilities: { ...track.getCapabilities() },
  };
}

/** What constraints came to that were not applied. */
function constraintsError(error: unknown): unknown {
  if (error instanceof OverconstrainedError)
    return new ControlError('invalid_request', error.message, `/constraints/${error.constraint}`.replace(/\/$/, ''));
  if (error instanceof TypeError) return new ControlError('invalid_request', error.message, '/constraints');
  if (error instanceof DOMException && error.cause instanceof CaptureError)
    return asControlError(error.cause, '/constraints');
  return error;
}
