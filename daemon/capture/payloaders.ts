import type { VideoCodec } from '../../config/codecs.ts';
import { RTP_VIDEO_CODECS, type RtpCodec } from '../rtp/codec.ts';

/** What makes RTP of each codec, from the name of the payloader and its payload type. */
const PAYLOADERS: Readonly<Record<VideoCodec, (name: string, payloadType: number) => string>> = {
  // The parser repeats the parameter sets, which many cameras say only once, and not the payloader: that one puts them
  // before every slice of a key frame.
  h264: (name, type) =>
    `h264parse config-interval=-1 ! rtph264pay name=${name} pt=${type} mtu=1200 config-interval=0 aggregate-mode=zero-latency timestamp-offset=0`,
  h265: (name, type) =>
    `h265parse config-interval=-1 ! rtph265pay name=${name} pt=${type} mtu=1200 config-interval=0 aggregate-mode=zero-latency timestamp-offset=0`,
  vp8: (name, type) => `rtpvp8pay name=${name} pt=${type} mtu=1200 picture-id-mode=15-bit timestamp-offset=0`,
  mjpeg: (name, type) => `rtpjpegpay name=${name} pt=${type} mtu=1200 timestamp-offset=0`,
};

/** The end of a branch before its packets go out: RTP of what is encoded. The payloader is named `pay` and the number of the branch. */
export const payloader = (codec: VideoCodec, index: number): string =>
  PAYLOADERS[codec](`pay${index}`, RTP_VIDEO_CODECS[codec].payloadType);

/** The same for a sound. */
export const soundPayloader = ({ mimeType, payloadType }: RtpCodec, index: number): string =>
  `${SOUND_PAYLOADERS[mimeType]} name=pay${index} pt=${payloadType} timestamp-offset=0`;

const SOUND_PAYLOADERS: Partial<Record<RtpCodec['mimeType'], string>> = {
  'audio/opus': 'rtpopuspay',
  'audio/mpeg4-generic': 'rtpmp4gpay',
  'audio/PCMA': 'rtppcmapay',
  'audio/PCMU': 'rtppcmupay',
};
