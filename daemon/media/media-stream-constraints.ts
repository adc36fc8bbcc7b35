import { type MediaTrackConstraints, MediaTrackConstraintsType } from './track-constraints.ts';
import { boolean, dictionary, enumeration, union, withDefault } from './web-idl-types.ts';

/** Who chooses among several devices that fit (Media Capture and Streams Extensions, 3). */
export type GetUserMediaSemantics = 'browser-chooses' | 'user-chooses';

/** The argument of getUserMedia() (W3C Media Capture and Streams, 10.2). */
export interface MediaStreamConstraints {
  audio?: boolean | MediaTrackConstraints;
  video?: boolean | MediaTrackConstraints;
  semantics?: GetUserMediaSemantics;
}

const kind = withDefault(union(boolean, MediaTrackConstraintsType), false);

export const MediaStreamConstraintsType = dictionary<MediaStreamConstraints>('MediaStreamConstraints', {
  audio: kind,
  video: kind,
  semantics: enumeration('GetUserMediaSemantics', ['browser-chooses', 'user-chooses']),
});
