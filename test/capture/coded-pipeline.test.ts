import { test } from 'tap';
import { passesThrough } from '../../daemon/capture/coded-formats.ts';
import { codedLaunch } from '../../daemon/capture/coded-pipeline.ts';
import { describedMedia } from '../../daemon/capture/described-media.ts';
import type { VideoDevice } from '../../daemon/capture/device.ts';
import type { RtspInput } from '../../daemon/capture/device-sources.ts';
import { launchString } from '../../daemon/capture/pipeline.ts';
import type { TrackConfiguration } from '../../daemon/media/track-source.ts';
import { aacCodec } from '../../daemon/rtp/aac.ts';
import { OPUS, PCMA, PCMU } from '../../daemon/rtp/codec.ts';

const RTSP: RtspInput = { encoding: 'H264', transport: 'tcp', latency: 200, timeout: 5000 };
const TAIL =
  'queue leaky=downstream max-size-time=0 max-size-bytes=8388608 max-size-buffers=0 ! rtponviftimestamp ! rtpstreampay ! ' +
  'fdsink fd=4 sync=false async=false';
const FRAMES = 'tee name=frames ! ';
const EAR =
  ' frames. ! valve name=lid drop=true ! queue leaky=downstream ! decodebin force-sw-decoders=true ! audioconvert ! ' +
  'audio/x-raw,format=S16LE ! appsink name=ear max-buffers=8 drop=true sync=false async=false';
const H264_TAIL =
  'h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 mtu=1200 config-interval=0 aggregate-mode=zero-latency timestamp-offset=0 ! ' +
  TAIL;
const MODE = { media: { type: 'video', format: 'h264' }, width: 1920, height: 1080, frameRate: 30 } as const;
const ARRIVAL_TIMES = 'identity single-segment=true silent=true';
const RTSPSRC =
  'rtspsrc name=source protocols=tcp latency=200 buffer-mode=synced add-reference-timestamp-meta=true max-ts-offset=1 ' +
  'timeout=5000000 tcp-timeout=5000000 ! ';
const SENDER_TIMES =
  'tee name=received received. ! valve name=look drop=true ! identity single-segment=true silent=true ! ' +
  'rtpgstpay timestamp-offset=0 ! application/x-rtp,extmap-1=(string)urn:ietf:params:rtp-hdrext:ntp-64 ! ' +
  'appsink name=seen max-buffers=1 drop=true sync=false async=false received.';

test('launch lines of what passes through: no decoder, no encoder', async (t) => {
  for (const [name, kind, input, launch] of [
    [
      'UVC',
      'video',
      { type: 'v4l2', path: '/dev/video2', mode: MODE },
      `v4l2src name=source device=/dev/video2 ! video/x-h264,width=1920,height=1080,framerate=[297/10,303/10] ! ${H264_TAIL}`,
    ],
    [
      'network',
      'video',
      { type: 'rtsp', rtsp: RTSP },
      `${RTSPSRC}application/x-rtp,media=video,encoding-name=H264 ! ${SENDER_TIMES} ! rtph264depay ! ${ARRIVAL_TIMES} ! ${H264_TAIL}`,
    ],
    [
      'network, H.265',
      'video',
      { type: 'rtsp', rtsp: { ...RTSP, encoding: 'H265' } },
      `${RTSPSRC}application/x-rtp,media=video,encoding-name=H265 ! ` +
        `${SENDER_TIMES.replace('received received.', 'received received. ! identity single-segment=true silent=true ! rtponviftimestamp cseq=1 ! rtpstreampay ! all. received.')} ! ` +
        `rtph265depay ! ${ARRIVAL_TIMES} ! h265parse config-interval=-1 ! ` +
        'rtph265pay name=pay0 pt=98 mtu=1200 config-interval=0 aggregate-mode=zero-latency timestamp-offset=0 ! ' +
        `rtponviftimestamp ! rtpstreampay ! funnel name=all forward-sticky-events=false ! ${TAIL.replace('rtponviftimestamp ! rtpstreampay ! ', '')}`,
    ],
    [
      'network, UDP',
      'audio',
      { type: 'rtsp', rtsp: { ...RTSP, encoding: 'OPUS', transport: 'udp' }, sound: OPUS },
      `${RTSPSRC.replace('=tcp', '=udp').replace('synced', 'slave')}application/x-rtp,media=audio,encoding-name=OPUS ! ${SENDER_TIMES} ! ` +
        `rtpopusdepay ! ${ARRIVAL_TIMES} ! ${FRAMES}rtpopuspay name=pay0 pt=111 timestamp-offset=0 ! ${TAIL}${EAR}`,
    ],
    [
      'network, AAC',
      'audio',
      { type: 'rtsp', rtsp: { ...RTSP, encoding: 'MPEG4-GENERIC' }, sound: aacCodec(16_000, 1) },
      `${RTSPSRC}application/x-rtp,media=audio,encoding-name=MPEG4-GENERIC ! ${SENDER_TIMES} ! ` +
        `rtpmp4gdepay ! ${ARRIVAL_TIMES} ! ${FRAMES}rtpmp4gpay name=pay0 pt=100 timestamp-offset=0 ! ${TAIL}${EAR}`,
    ],
    [
      'network, G.711',
      'audio',
      { type: 'rtsp', rtsp: { ...RTSP, encoding: 'PCMU' }, sound: PCMU },
      `${RTSPSRC}application/x-rtp,media=audio,encoding-name=PCMU ! ${SENDER_TIMES} ! ` +
        `rtppcmudepay ! ${ARRIVAL_TIMES} ! ${FRAMES}rtppcmupay name=pay0 pt=0 timestamp-offset=0 ! ${TAIL}${EAR}`,
    ],
  ] as const)
    t.equal(codedLaunch(kind, input), launch, name);
});

test('what cannot pass is decoded: the valve is behind the decoder', async (t) => {
  const DECODE = 'decodebin force-sw-decoders=true ! tee name=probed ! valve name=intake drop=true';
  for (const [name, input, begin] of [
    [
      'UVC',
      { type: 'v4l2', path: '/dev/video2', mode: MODE },
      `v4l2src name=source device=/dev/video2 ! video/x-h264,width=1920,height=1080,framerate=[297/10,303/10] ! ${DECODE}`,
    ],
    [
      'H.265',
      {
        type: 'rtsp',
        rtsp: { ...RTSP, encoding: 'H265' },
        mode: { ...MODE, media: { type: 'video', format: 'h265' } },
      },
      `${RTSPSRC}application/x-rtp,media=video,encoding-name=H265 ! ${SENDER_TIMES} ! rtph265depay ! ${ARRIVAL_TIMES} ! ${DECODE}`,
    ],
    [
      'from the daemon',
      { type: 'rtp', mode: MODE, wallClock: 1_700_000_000_000.5 },
      `fdsrc name=source fd=4 blocksize=65536 ! gdpdepay ! rtph264depay ! ${DECODE}`,
    ],
  ] as const) {
    const launch = launchString({ kind: 'video', input, branches: [], processors: 4 });
    t.equal(launch.slice(0, begin.length), begin, name);
  }
});

test('which tracks pass', async (t) => {
  const camera: VideoDevice = {
    kind: 'videoinput',
    deviceId: 'c',
    groupId: 'c',
    label: 'C920',
    bus: 'usb-1',
    path: '/dev/video2',
    controls: [],
    formats: [
      { pixelFormat: 'H264', width: 1920, height: 1080, frameRates: [30, 15] },
      { pixelFormat: 'H264', width: 1280, height: 720, frameRates: [30] },
      { pixelFormat: 'MJPG', width: 1920, height: 1080, frameRates: [30] },
      { pixelFormat: 'YUYV', width: 640, height: 480, frameRates: [30] },
    ],
  };
  const HD = { width: 1280, height: 720, frameRate: 30 };
  const encoding = { maxBitrate: 1, maxFramerate: undefined, scaleResolutionDownBy: 1, keyFrameInterval: 2 };
  const picture = { crop: { top: 0, right: 0, bottom: 0, left: 0 }, orientation: 'none', overlay: '' } as const;
  const table: [name: string, configuration: Partial<TrackConfiguration>, passes: boolean][] = [
    ['its own size', { settings: HD }, true],
    ['nothing wished for', {}, true],
    ['a size that only another format has', { settings: { ...HD, width: 640, height: 480 } }, false],
    ['an exact size that it has', { settings: { ...HD, resizeMode: 'crop-and-scale' } }, true],
    ['an exact size that it has not', { settings: { ...HD, width: 1000, resizeMode: 'crop-and-scale' } }, false],
    ['fewer frames, exactly', { settings: { ...HD, frameRate: 10, resizeMode: 'crop-and-scale' } }, false],
    ['scaled', { settings: HD, encoding: { ...encoding, scaleResolutionDownBy: 2 } }, false],
    ['another bit rate', { settings: HD, encoding }, true],
    ['fewer frames', { settings: HD, encoding: { ...encoding, maxFramerate: 15 } }, false],
    ['more frames than there are', { settings: HD, encoding: { ...encoding, maxFramerate: 60 } }, true],
    ['turned', { settings: HD, picture: { ...picture, orientation: 'rotate-180' } }, false],
    ['another codec', { settings: HD, encoding: { ...encoding, codec: 'h265' } }, false],
    ['not changed', { settings: HD, picture }, true],
    ['not allowed to', { settings: HD, passthrough: false }, false],
  ];
  for (const [name, configuration, passes] of table)
    t.equal(passesThrough(camera, { settings: {}, contentHint: '', enabled: true, ...configuration }), passes, name);
});

test('session descriptions', async (t) => {
  // 1920x1080 high profile, as a camera of the trade says it.
  const sdp = [
    'v=0',
    'o=- 1 1 IN IP4 192.168.1.20',
    's=Media',
    'm=video 0 RTP/AVP 96',
    'a=rtpmap:96 H264/90000',
    'a=fmtp:96 packetization-mode=1;profile-level-id=640028;sprop-parameter-sets=Z2QAKKzZQHgCJ+XARAAAAwAEAAADAPA8YMZY,aOvjyyLA',
    'a=framerate:25.0',
    'm=audio 0 RTP/AVP 8',
    'm=application 0 RTP/AVP 107',
    'a=rtpmap:107 vnd.onvif.metadata/90000',
    'm=audio 0 RTP/AVP 97',
    'a=rtpmap:97 SPEEX/8000',
    '',
  ].join('\r\n');
  t.same(describedMedia(sdp), {
    media: [
      { kind: 'video', encoding: 'H264', size: { width: 1920, height: 1080 }, frameRate: 25, sound: undefined },
      { kind: 'audio', encoding: 'PCMA', size: undefined, frameRate: undefined, sound: PCMA },
    ],
    unknown: ['SPEEX'],
  });
  for (const [fmtp, sound] of [
    ['streamtype=5; profile-level-id=15; mode=AAC-hbr; config=1408; sizeLength=13', aacCodec(16_000, 1)],
    ['mode=AAC-hbr;CONFIG=1190;SizeLength=13', aacCodec(48_000, 2)],
    ['mode=AAC-hbr;config=2b11880800;sizelength=13', undefined],
    ['mode=AAC-hbr', undefined],
  ] as const) {
    const aac = `m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/16000\r\na=fmtp:97 ${fmtp}\r\n`;
    t.match(describedMedia(aac).media, [{ encoding: 'MPEG4-GENERIC', sound }], fmtp);
  }
  for (const broken of ['', 'm=', 'm=video', 'm=video 0 RTP/AVP 96\r\na=rtpmap:96 constructor/1', '\0'.repeat(100)])
    t.equal(describedMedia(broken).media.length, 0);
});
