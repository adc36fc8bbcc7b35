import {
  type Converted,
  dictionary,
  domString,
  double,
  enumeration,
  unsignedLong,
  withDefault,
} from '../media/web-idl-types.ts';

const BitrateModeType = enumeration('BitrateMode', ['constant', 'variable']);
export type BitrateMode = Converted<typeof BitrateModeType>;

/** MediaRecorderOptions (W3C MediaStream Recording, 2.5). */
export interface MediaRecorderOptions {
  /** Container and codecs; '': what fits the tracks. */
  mimeType?: string;
  audioBitsPerSecond?: number;
  videoBitsPerSecond?: number;
  /** Of all tracks together; takes the place of the other two. */
  bitsPerSecond?: number;
  audioBitrateMode?: BitrateMode;
  /** Milliseconds. */
  videoKeyFrameIntervalDuration?: number;
  /** Frames. */
  videoKeyFrameIntervalCount?: number;
}

export const MediaRecorderOptionsType = dictionary<MediaRecorderOptions>('MediaRecorderOptions', {
  mimeType: withDefault(domString, ''),
  audioBitsPerSecond: unsignedLong,
  videoBitsPerSecond: unsignedLong,
  bitsPerSecond: unsignedLong,
  audioBitrateMode: withDefault(BitrateModeType, 'variable'),
  videoKeyFrameIntervalDuration: double,
  videoKeyFrameIntervalCount: unsignedLong,
});
