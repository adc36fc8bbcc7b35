import { firstInstalled } from './elements.ts';

/** GStreamer's AAC encoders, best first; all take `bitrate` in bit/s. */
export const AAC_ENCODERS = ['fdkaacenc', 'avenc_aac', 'voaacenc', 'faac'] as const;
export type AacEncoder = (typeof AAC_ENCODERS)[number];

/** The best AAC encoder that is installed; undefined where there is none. */
export const findAacEncoder = (): AacEncoder | undefined => firstInstalled(AAC_ENCODERS);
