import { firstInstalled } from './elements.ts';

/** GStreamer's AAC encoders, best first; all take `bitrate` in bit/s. */
export const AAC_ENCODERS = ['fdkaacenc', 'avenc_aac', 'voaacenc', 'faac'] as const;
export type AacEncoder = (typeof AAC_ENCODERS)[number];

/** The best AAC encoder that is installed; undefined where there is none. */
export const findAacEncoder = (): AacEncoder | undefined => firstInstalled(AAC_ENCODERS);

/** Opus in, AAC out, in `gst-launch-1.0` arguments. `rate` in bit/s. */
export const aacArguments = (encoder: AacEncoder, rate: number): string[] => [
  ...['opusdec', '!', 'audioconvert', '!', 'audioresample', '!', 'audio/x-raw,rate=48000,channels=2', '!'],
  ...[encoder, `bitrate=${rate}`, '!', 'aacparse'],
];
