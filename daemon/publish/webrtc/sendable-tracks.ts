import type { MediaStream } from '../../media/media-stream.ts';
import { encodedOf, type MediaStreamTrack } from '../../media/media-stream-track.ts';
import { OPUS } from '../../rtp/codec.ts';
import { OPUS_PARAMETERS } from '../../rtp/stream-format.ts';
import type { StreamDirectory } from '../viewer.ts';
import type { OfferedTrack } from './codec-choice.ts';
import type { SentRendition } from './track-feed.ts';
import { WebRtcError } from './webrtc-error.ts';

/** What a viewer wishes to receive. */
export interface WantedTracks {
  /** Name of the stream. */
  stream: string;
  /** Which of its encodings; undefined: the first that the viewer can play. */
  rid?: string | undefined;
  /** Which media the viewer may have. */
  kinds: readonly ('video' | 'audio')[];
}

/** A track that may be sent, in one codec. */
export interface SendableTrack extends OfferedTrack {
  /** What is sent where it is chosen: not before is a sound encoded anew. */
  readonly sent: () => SentRendition;
}

/**
 * Of each kind the live tracks of which one may be sent, as WHEP has it: the encodings of a picture, the codecs of a sound.
 * @throws WebRtcError `not_found`; `not_live` where there is none now.
 */
export function sendableTracks(
  streams: StreamDirectory,
  { stream, rid, kinds }: WantedTracks,
): Record<'video' | 'audio', SendableTrack[]> {
  const media = rid === undefined ? streams.renditions(stream) : [streams.find(stream, rid) ?? []].flat();
  if (media.length === 0) {
    const encoding = rid === undefined ? '' : ` with an encoding '${rid}'`;
    throw new WebRtcError('not_found', `there is no stream '${stream}'${encoding}`);
  }
  const problems = media.flatMap((rendition) => problemOf(rendition) ?? []);
  if (problems.length === media.length) throw new WebRtcError('not_live', problems[0] as string);
  const possible = media.filter((rendition) => problemOf(rendition) === undefined);
  const first = (kind: 'video' | 'audio', rendition: MediaStream): MediaStreamTrack[] =>
    rendition
      .getTracks()
      .filter((track) => kinds.includes(kind) && track.kind === kind && track.readyState === 'live')
      .slice(0, 1);
  const tracks = {
    video: possible
      .flatMap((rendition) => first('video', rendition))
      .map((track) => asItIs({ track, encoded: encodedOf(track) })),
    // Every encoding has the one sound.
    audio: possible
      .slice(0, 1)
      .flatMap((rendition) => first('audio', rendition))
      .flatMap((track) => soundChoices({ track, encoded: encodedOf(track) })),
  };
  if (tracks.video.length + tracks.audio.length === 0)
    throw new WebRtcError('not_live', `stream '${stream}' has no live track now`);
  return tracks;
}

/** Why the picture of a rendition cannot be encoded here. */
function problemOf(rendition: MediaStream): string | undefined {
  return rendition.getVideoTracks().flatMap((track) => encodedOf(track).problem ?? [])[0];
}

function asItIs(sent: SentRendition): SendableTrack {
  const { profile, rtp } = sent.encoded;
  const { codec, formatParameters } = rtp;
  return {
    codec,
    formatParameters,
    profile: profile === 'baseline' ? 'constrained-baseline' : profile,
    sent: () => sent,
  };
}

/** A sound as it is, where that is known, and as Opus. */
function soundChoices({ track, encoded }: SentRendition): SendableTrack[] {
  const own = asItIs({ track, encoded });
  const opus = {
    ...own,
    codec: OPUS,
    formatParameters: OPUS_PARAMETERS,
    sent: () => ({ track, encoded: encoded.inOpus?.() ?? encoded }),
  };
  return own.codec === OPUS ? [opus] : [own, opus];
}
