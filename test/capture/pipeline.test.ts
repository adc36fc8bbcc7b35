import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { test } from 'tap';
import { VIDEO_CODECS } from '../../config/codecs.ts';
import type { AudioBranch } from '../../daemon/capture/audio-pipeline.ts';
import { threadsFor } from '../../daemon/capture/encoder-description.ts';
import { ENCODERS, encodersOf, type VideoEncoder } from '../../daemon/capture/encoders.ts';
import { jpegQuality } from '../../daemon/capture/other-encoders.ts';
import { launchString, type PipelineDescription } from '../../daemon/capture/pipeline.ts';
import type { VideoBranch, VideoPipeline } from '../../daemon/capture/video-pipeline.ts';
import { aacCodec } from '../../daemon/rtp/aac.ts';
import { OPUS, PCMA } from '../../daemon/rtp/codec.ts';

const run = promisify(execFile);

const TAIL =
  'queue max-size-time=1000000000 max-size-buffers=0 max-size-bytes=0 ! rtponviftimestamp ! rtpstreampay ! fdsink fd=4 sync=false async=false';
const INTAKE = 'tee name=probed ! valve name=intake drop=false';
const GATE = 'frames. ! valve name=gate0 drop=false';
const LIGHT = 'videobalance name=light0';
/** What can be made of a picture for an encoder that goes along with changes. */
const shaped = (caps: string, { index = 0, crop = '', period = 1 } = {}): string =>
  `videorate name=rate${index} drop-only=true skip-to-first=true average-period=${period} ! ${crop}videoscale ! ` +
  `capsfilter name=shape${index} caps="video/x-raw,${caps}"`;
const HD_SHAPE = shaped('width=1280,height=720,pixel-aspect-ratio=1/1');
const LEAKY = 'queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0';
const counted = (name: string, queue: string): string => `tee name=in_${name} ! ${queue} ! tee name=out_${name}`;
const QUEUE = counted('encode0', LEAKY);
const counter = (tee: string, name: string): string =>
  ` ${tee}. ! fpsdisplaysink name=${name} video-sink="fakesink enable-last-sample=false async=false" sync=false text-overlay=false silent=true`;
/** What counts the frames of the source, and those that queues drop. */
const counters = (...queues: string[]): string =>
  counter('probed', 'probe') +
  queues.map((name) => counter(`in_${name}`, `offered_${name}`) + counter(`out_${name}`, `taken_${name}`)).join('');
const COUNTERS = counters('encode0');
const VIDEO_TAIL =
  'h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 mtu=1200 config-interval=0 aggregate-mode=zero-latency timestamp-offset=0 ! ' +
  TAIL;
const PHOTO =
  ' frames. ! valve name=shutter drop=true drop-mode=transform-to-gap ! queue leaky=downstream max-size-buffers=1 ! ' +
  'jpegenc quality=85 ! appsink name=photo max-buffers=1 drop=true sync=false async=false ' +
  'frames. ! valve name=grabber drop=true drop-mode=transform-to-gap ! videoconvert ! video/x-raw,format=RGBA ! ' +
  'appsink name=still max-buffers=1 drop=true sync=false async=false ' +
  'frames. ! valve name=jpegs drop=true drop-mode=forward-sticky-events ! queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 ! ' +
  'jpegenc quality=80 ! multipartmux boundary=picture ! fdsink fd=5 sync=false async=false';
const EAR =
  ' frames. ! valve name=lid drop=true drop-mode=transform-to-gap ! audioconvert ! audio/x-raw,format=S16LE ! ' +
  'appsink name=ear max-buffers=8 drop=true sync=false async=false';
const X264 =
  'x264enc name=encoder0 tune=zerolatency speed-preset=ultrafast threads=2 bitrate=2000 key-int-max=300 bframes=0 ! video/x-h264,profile=constrained-baseline';

const HD = { width: 1280, height: 720, frameRate: 30 };
const BRANCH: VideoBranch = {
  open: true,
  enabled: true,
  encoder: 'x264enc',
  profile: 'baseline',
  output: HD,
  bitrate: 2_000_000,
  keyFrameInterval: 2,
  content: 'motion',
  adjustments: { crop: { top: 0, right: 0, bottom: 0, left: 0 }, orientation: 'none', overlay: '' },
};
const SOUND: AudioBranch = {
  open: true,
  enabled: true,
  codec: OPUS,
  encoder: 'opusenc',
  sampleRate: 48_000,
  channelCount: 2,
  bitrate: 64_000,
  content: 'generic',
  gain: 0,
};
const TEST_PICTURE: VideoPipeline = {
  kind: 'video',
  input: { type: 'test', pattern: 'smpte75', wish: HD, clock: true },
  branches: [BRANCH],
  processors: 4,
};
const CLOCK =
  'clockoverlay name=clock halignment=center valignment=center shaded-background=true font-desc="Sans Bold 32" time-format="%F %T"';

const TABLE: { name: string; pipeline: PipelineDescription; launch: string }[] = [
  {
    name: 'test picture',
    pipeline: TEST_PICTURE,
    launch:
      'videotestsrc name=source is-live=true pattern=smpte75 ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! ' +
      `${INTAKE} ! ${CLOCK} ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${HD_SHAPE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL}${PHOTO}${COUNTERS}`,
  },
  {
    name: 'camera on CSI: everything said, two frames of room, what the sensor can where it is slower',
    pipeline: {
      ...TEST_PICTURE,
      input: {
        type: 'libcamera',
        id: '/base/soc/i2c0mux/i2c@1/imx219@10',
        mode: { media: { type: 'raw', format: 'NV12' }, ...HD },
        properties: { 'ae-enable': 0, 'exposure-time': 10_000, brightness: -0.25, 'af-mode': 2 },
      },
    },
    launch:
      'libcamerasrc name=source camera-name="/base/soc/i2c0mux/i2c@1/imx219@10" ae-enable=0 exposure-time=10000 brightness=-0.25 af-mode=2 ! ' +
      'capsfilter caps="video/x-raw,format=NV12,width=1280,height=720,framerate=30/1,interlace-mode=progressive,colorimetry=bt709;' +
      'video/x-raw,format=NV12,width=1280,height=720,interlace-mode=progressive,colorimetry=bt709" ! ' +
      `${counted('arrive', LEAKY)} ! ${INTAKE} ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${HD_SHAPE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL}${PHOTO}${counters('arrive', 'encode0')}`,
  },
  {
    name: 'camera of a PC on CSI that tells no rates, RGB, into the encoder of a Raspberry Pi 4',
    pipeline: {
      ...TEST_PICTURE,
      input: {
        type: 'libcamera',
        id: '\\_SB_.PCI0.LNK1',
        mode: { media: { type: 'raw', format: 'BGRx' }, width: 1280, height: 720, frameRate: undefined },
        properties: {},
      },
      branches: [{ ...BRANCH, encoder: 'v4l2h264enc', profile: 'high' }],
    },
    launch:
      'libcamerasrc name=source camera-name="\\\\_SB_.PCI0.LNK1" ! ' +
      'capsfilter caps="video/x-raw,format=BGRx,width=1280,height=720,interlace-mode=progressive" ! ' +
      `${counted('arrive', LEAKY)} ! ${INTAKE} ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${LIGHT} ! ` +
      'videoconvert ! v4l2h264enc name=encoder0 extra-controls="controls,video_bitrate=2000000,h264_i_frame_period=300,repeat_sequence_header=1" ! ' +
      `video/x-h264,profile=high,level=(string)4 ! ${VIDEO_TAIL}${PHOTO}${counters('arrive', 'encode0')}`,
  },
  {
    name: 'test picture without a clock, scaled and slowed down, by openh264',
    pipeline: {
      ...TEST_PICTURE,
      input: { type: 'test', pattern: 'black', wish: HD, clock: false },
      branches: [
        { ...BRANCH, encoder: 'openh264enc', output: { width: 640, height: 360, frameRate: 7.5 }, bitrate: 500_400 },
      ],
    },
    launch:
      'videotestsrc name=source is-live=true pattern=black ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! ' +
      `${INTAKE} ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${shaped('width=640,height=360,pixel-aspect-ratio=1/1,framerate=15/2', { period: 0 })} ! ${LIGHT} ! ` +
      'openh264enc name=encoder0 usage-type=camera complexity=low multi-thread=1 rate-control=bitrate bitrate=500000 gop-size=300 ! ' +
      `video/x-h264,profile=constrained-baseline ! ${VIDEO_TAIL}${PHOTO}${COUNTERS}`,
  },
  {
    name: 'raw camera',
    pipeline: {
      ...TEST_PICTURE,
      input: { type: 'v4l2', path: '/dev/video0', mode: { media: { type: 'raw', format: 'YUY2' }, ...HD } },
    },
    launch:
      'v4l2src name=source device=/dev/video0 ! video/x-raw,format=YUY2,width=1280,height=720,framerate=[297/10,303/10] ! ' +
      `${INTAKE} ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${HD_SHAPE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL}${PHOTO}${COUNTERS}`,
  },
  {
    name: 'raw camera that does not tell its frame rates',
    pipeline: {
      ...TEST_PICTURE,
      input: {
        type: 'v4l2',
        path: '/dev/video0',
        mode: { media: { type: 'raw', format: 'NV12' }, ...HD, frameRate: undefined },
      },
    },
    launch:
      'v4l2src name=source device=/dev/video0 ! video/x-raw,format=NV12,width=1280,height=720 ! ' +
      `${INTAKE} ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${HD_SHAPE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL}${PHOTO}${COUNTERS}`,
  },
  {
    name: 'MJPEG camera on a Raspberry Pi',
    pipeline: {
      ...TEST_PICTURE,
      input: {
        type: 'v4l2',
        path: '/dev/video1',
        mode: { media: { type: 'jpeg' }, width: 1920, height: 1080, frameRate: 15 },
      },
      branches: [{ ...BRANCH, encoder: 'v4l2h264enc', output: { width: 1920, height: 1080, frameRate: 15 } }],
    },
    launch:
      'v4l2src name=source device=/dev/video1 ! image/jpeg,width=1920,height=1080,framerate=[297/20,303/20] ! ' +
      `${INTAKE.replace(' ! ', ' ! tee name=compressed ! ')} ! ${counted('convert', LEAKY)} ! jpegdec ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${LIGHT} ! ` +
      'videoconvert ! v4l2h264enc name=encoder0 extra-controls="controls,video_bitrate=2000000,h264_i_frame_period=150,repeat_sequence_header=1" ! ' +
      `video/x-h264,profile=constrained-baseline,level=(string)4 ! ${VIDEO_TAIL}${PHOTO.replace('frames. ! valve name=jpegs', 'compressed. ! valve name=jpegs').replace(' ! jpegenc quality=80', '')}${counters('convert', 'encode0')}`,
  },
  {
    name: 'two tracks of one camera: all of it, and a square of it, black, that nobody reads yet',
    pipeline: {
      ...TEST_PICTURE,
      input: { type: 'v4l2', path: '/dev/video0', mode: { media: { type: 'raw', format: 'YUY2' }, ...HD } },
      branches: [
        BRANCH,
        {
          ...BRANCH,
          open: false,
          enabled: false,
          output: { width: 360, height: 360, frameRate: 10 },
          bitrate: 300_000,
          content: 'text',
        },
      ],
    },
    launch:
      'v4l2src name=source device=/dev/video0 ! video/x-raw,format=YUY2,width=1280,height=720,framerate=[297/10,303/10] ! ' +
      `${INTAKE} ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ` +
      `${GATE} ! ${QUEUE} ! ${HD_SHAPE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL} ` +
      `frames. ! valve name=gate1 drop=true ! ${counted('encode1', LEAKY)} ! ` +
      `${shaped('width=360,height=360,pixel-aspect-ratio=1/1,framerate=10/1', { index: 1, crop: 'videocrop left=280 right=280 ! ', period: 0 })} ! ` +
      'videobalance name=light1 contrast=0 saturation=0 ! ' +
      'x264enc name=encoder1 tune=zerolatency speed-preset=superfast qp-max=28 threads=1 bitrate=300 key-int-max=300 bframes=0 ! ' +
      `video/x-h264,profile=constrained-baseline ! ${VIDEO_TAIL.replace('pay0', 'pay1').replace('fd=4', 'fd=5')}${PHOTO.replace('fd=5', 'fd=6')}${counters('encode0', 'encode1')}`,
  },
  {
    name: 'cut, turned by a quarter, with words on it',
    pipeline: {
      ...TEST_PICTURE,
      input: { type: 'test', pattern: 'black', wish: HD, clock: false },
      branches: [
        {
          ...BRANCH,
          output: { width: 324, height: 1024, frameRate: 30 },
          adjustments: {
            crop: { top: 10, right: 0, bottom: 45, left: 20 },
            orientation: 'clockwise',
            overlay: 'Porch %T',
          },
        },
      ],
    },
    launch:
      'videotestsrc name=source is-live=true pattern=black ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! ' +
      `${INTAKE} ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ` +
      `${shaped('width=1024,height=324,pixel-aspect-ratio=1/1', { crop: 'videocrop left=256 top=72 bottom=324 ! ' })} ! ` +
      'videoflip video-direction=90r ! clockoverlay name=overlay0 halignment=left valignment=bottom shaded-background=true ' +
      `font-desc="Sans 14" ! ${LIGHT} ! ${X264.replace('threads=2', 'threads=1')} ! ${VIDEO_TAIL}${PHOTO}${COUNTERS}`,
  },
  {
    name: 'test tone',
    pipeline: { kind: 'audio', input: { type: 'test', silent: false }, branches: [SOUND] },
    launch:
      'audiotestsrc name=source is-live=true wave=sine freq=440 volume=0.2 samplesperbuffer=960 ! ' +
      `${INTAKE} ! tee name=frames allow-not-linked=true ${GATE} ! ` +
      `${counted('encode0', 'queue leaky=downstream max-size-time=200000000 max-size-bytes=0 max-size-buffers=0')} ! audioconvert ! audioresample ! ` +
      'audio/x-raw,rate=48000,channels=2 ! volume name=loudness0 volume=1 ! ' +
      'opusenc name=encoder0 audio-type=generic bitrate=64000 frame-size=20 ! ' +
      `rtpopuspay name=pay0 pt=111 timestamp-offset=0 ! ${TAIL}${EAR}${COUNTERS}`,
  },
  {
    name: 'microphone',
    pipeline: {
      kind: 'audio',
      input: { type: 'alsa', path: 'plughw:CARD=Webcam,DEV=0' },
      branches: [{ ...SOUND, channelCount: 1, bitrate: 32_000, content: 'voice', gain: 6 }],
    },
    launch:
      'alsasrc name=source device=plughw:CARD=Webcam,DEV=0 provide-clock=false slave-method=skew buffer-time=200000 latency-time=10000 ! ' +
      `${INTAKE} ! tee name=frames allow-not-linked=true ${GATE} ! ` +
      `${counted('encode0', 'queue leaky=downstream max-size-time=200000000 max-size-bytes=0 max-size-buffers=0')} ! audioconvert ! audioresample ! ` +
      'audio/x-raw,rate=48000,channels=1 ! volume volume=1.9953 ! volume name=loudness0 volume=1 ! ' +
      'opusenc name=encoder0 audio-type=voice bitrate=32000 frame-size=20 ! ' +
      `rtpopuspay name=pay0 pt=111 timestamp-offset=0 ! ${TAIL}${EAR}${COUNTERS}`,
  },
  {
    name: 'AAC from the daemon, as A-law',
    pipeline: {
      kind: 'audio',
      input: { type: 'rtp', codec: aacCodec(16_000, 1), wallClock: 1_700_000_000_000.5 },
      branches: [{ ...SOUND, codec: PCMA, encoder: 'alawenc', sampleRate: 8000, channelCount: 1 }],
    },
    launch:
      'fdsrc name=source fd=5 blocksize=65536 ! gdpdepay ! rtpmp4gdepay ! decodebin force-sw-decoders=true ! ' +
      `${INTAKE} ! tee name=frames allow-not-linked=true ${GATE} ! ` +
      `${counted('encode0', 'queue leaky=downstream max-size-time=200000000 max-size-bytes=0 max-size-buffers=0')} ! audioconvert ! audioresample ! ` +
      'audio/x-raw,rate=8000,channels=1 ! volume name=loudness0 volume=1 ! alawenc name=encoder0 ! ' +
      'rtppcmapay name=pay0 pt=8 timestamp-offset=0 min-ptime=20000000 max-ptime=20000000 ! ' +
      `${TAIL.replace('rtponviftimestamp', 'rtponviftimestamp ntp-offset=3908988800000500000')}${EAR}${COUNTERS}`,
  },
  {
    name: 'test tone, as AAC',
    pipeline: {
      kind: 'audio',
      input: { type: 'test', silent: true },
      branches: [{ ...SOUND, codec: aacCodec(44_100, 2), encoder: 'voaacenc', sampleRate: 44_100, bitrate: 128_000 }],
    },
    launch:
      'audiotestsrc name=source is-live=true wave=silence samplesperbuffer=960 ! ' +
      `${INTAKE} ! tee name=frames allow-not-linked=true ${GATE} ! ` +
      `${counted('encode0', 'queue leaky=downstream max-size-time=200000000 max-size-bytes=0 max-size-buffers=0')} ! audioconvert ! audioresample ! ` +
      'audio/x-raw,rate=44100,channels=2 ! volume name=loudness0 volume=1 ! ' +
      'voaacenc name=encoder0 bitrate=128000 ! ' +
      `rtpmp4gpay name=pay0 pt=100 timestamp-offset=0 ! ${TAIL}${EAR}${COUNTERS}`,
  },
];

test('launch strings', async (t) => {
  for (const { name, pipeline, launch } of TABLE) t.equal(launchString(pipeline), launch, name);
});

test('GStreamer takes each that needs no hardware, with a few frames', async (t) => {
  for (const { name, launch } of TABLE) {
    if (/v4l2h264enc|gdpdepay/.test(launch)) continue;
    // The same elements and properties over a source that ends, into nothing.
    const runnable = launch
      .replace('is-live=true', 'num-buffers=20')
      .replace(
        /v4l2src name=source device=\S+ ! video\/x-raw,format=(\w+)/,
        'videotestsrc num-buffers=20 ! video/x-raw,format=$1',
      )
      .replace(
        /libcamerasrc name=source .*? ! capsfilter caps="video\/x-raw,format=(\w+)/,
        'videotestsrc num-buffers=20 ! capsfilter caps="video/x-raw,format=$1',
      )
      .replace(/alsasrc name=source \S+ \S+ \S+ \S+ \S+/, 'audiotestsrc num-buffers=20')
      // A closed valve would hold the end back.
      .replaceAll(/(name=(?:gate\d|jpegs)) drop=true/g, '$1 drop=false')
      .replace(/fdsink fd=\d/g, 'fakesink');
    const { stderr } = await run('gst-launch-1.0', ['-q', ...split(runnable)], { timeout: 20_000 });
    // The library of openh264 complains, without harm, when it is drained at the end.
    t.equal(stderr.replaceAll(/^\[OpenH264\].*\n/gm, ''), '', name);
  }
});

/** As a shell would: gst-launch puts its arguments together again. */
const split = (launch: string): string[] => launch.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];

test('what does not fit is refused before it reaches the launch parser', async (t) => {
  const picture =
    (change: Partial<VideoPipeline>): (() => string) =>
    () =>
      launchString({ ...TEST_PICTURE, ...change });
  const branch = (change: Partial<VideoBranch>): (() => string) => picture({ branches: [{ ...BRANCH, ...change }] });
  const camera = (path: string): (() => string) =>
    picture({ input: { type: 'v4l2', path, mode: { media: { type: 'jpeg' }, ...HD } } });
  const csi = (change: { id?: string; properties?: Record<string, number> }): (() => string) => {
    const mode = { media: { type: 'raw', format: 'NV12' }, ...HD } as const;
    return picture({ input: { type: 'libcamera', id: '/base/a', mode, properties: {}, ...change } });
  };
  const refused: [string, () => string, RegExp][] = [
    ['path with a space', camera('/dev/video0 ! filesink location=/etc/passwd'), /device path/],
    ['path with a quote', camera('/dev/"video0'), /device path/],
    ['path with a line end', camera('/dev/video0\n'), /device path/],
    ['empty path', camera(''), /device path/],
    ['camera id with a quote', csi({ id: '/base/soc" ! filesink location="/etc/passwd' }), /camera id not usable/],
    ['property of a word', csi({ properties: { 'x=1 ! y': 1 } }), /property not usable/],
    ['control that is no number', csi({ properties: { brightness: Number.NaN } }), /brightness is NaN/],
    ['long path', camera(`/dev/${'a'.repeat(200)}`), /device path/],
    ['width', branch({ output: { ...HD, width: 12.5 } }), /width is 12.5; allowed is a whole number from 16 to 8192/],
    ['height', branch({ output: { ...HD, height: 100_000 } }), /height is 100000/],
    ['rate', branch({ output: { ...HD, frameRate: 0 } }), /frameRate is 0/],
    [
      'rate that is none',
      picture({ input: { type: 'test', pattern: 'black', clock: false, wish: { ...HD, frameRate: Number.NaN } } }),
      /frameRate is NaN/,
    ],
    ['bit rate', branch({ bitrate: Number.POSITIVE_INFINITY }), /bitrate is Infinity/],
    [
      'microphone',
      () => launchString({ kind: 'audio', input: { type: 'alsa', path: 'hw:0 ! x' }, branches: [SOUND] }),
      /device path/,
    ],
    [
      'gain',
      () => launchString({ kind: 'audio', input: { type: 'test', silent: false }, branches: [{ ...SOUND, gain: 40 }] }),
      /gain is 40; allowed is -60 to 20 dB/,
    ],
    [
      'channels',
      () =>
        launchString({
          kind: 'audio',
          input: { type: 'test', silent: false },
          branches: [{ ...SOUND, channelCount: 6 }],
        }),
      /channelCount is 6/,
    ],
  ];
  for (const [name, build, message] of refused) t.throws(build, { code: 'invalid-value', message }, name);
});

/** The line of each encoder for 720p25 with 1,234,567 bit/s, at most 250 frames between key frames, two threads. */
const LINES: Record<VideoEncoder, string> = {
  v4l2h264enc:
    'videoconvert ! v4l2h264enc name=encoder0 extra-controls="controls,video_bitrate=1225000,h264_i_frame_period=250,repeat_sequence_header=1" ! video/x-h264,profile=constrained-baseline,level=(string)4',
  mpph264enc: 'mpph264enc name=encoder0 bps=1234567 gop=250 rc-mode=cbr profile=baseline',
  nvv4l2h264enc:
    'nvvidconv ! video/x-raw(memory:NVMM),format=NV12 ! nvv4l2h264enc name=encoder0 bitrate=1234567 iframeinterval=250 idrinterval=250 insert-sps-pps=true profile=0',
  nvh264enc:
    'nvh264enc name=encoder0 bitrate=1235 gop-size=250 bframes=0 zerolatency=true rc-mode=cbr ! video/x-h264,profile=constrained-baseline',
  vah264enc:
    'videoconvert ! video/x-raw,format=NV12 ! vah264enc name=encoder0 bitrate=1235 key-int-max=250 b-frames=0 rate-control=cbr ! video/x-h264,profile=constrained-baseline',
  vaapih264enc:
    'vaapih264enc name=encoder0 bitrate=1235 keyframe-period=250 max-bframes=0 rate-control=cbr ! video/x-h264,profile=constrained-baseline',
  qsvh264enc:
    'videoconvert ! video/x-raw,format=NV12 ! qsvh264enc name=encoder0 bitrate=1235 gop-size=250 b-frames=0 low-latency=true rate-control=cbr ! video/x-h264,profile=constrained-baseline',
  x264enc:
    'x264enc name=encoder0 tune=zerolatency speed-preset=ultrafast threads=2 bitrate=1235 key-int-max=250 bframes=0 ! video/x-h264,profile=constrained-baseline',
  openh264enc:
    'openh264enc name=encoder0 usage-type=camera complexity=low multi-thread=2 rate-control=bitrate bitrate=1235000 gop-size=250 ! video/x-h264,profile=constrained-baseline',
  v4l2h265enc:
    'videoconvert ! v4l2h265enc name=encoder0 extra-controls="controls,video_bitrate=1235000,video_gop_size=250" ! video/x-h265,profile=main',
  mpph265enc: 'mpph265enc name=encoder0 bps=1234567 gop=250 rc-mode=cbr',
  nvv4l2h265enc:
    'nvvidconv ! video/x-raw(memory:NVMM),format=NV12 ! nvv4l2h265enc name=encoder0 bitrate=1234567 iframeinterval=250 idrinterval=250 insert-sps-pps=true profile=0',
  nvh265enc:
    'nvh265enc name=encoder0 bitrate=1235 gop-size=250 bframes=0 zerolatency=true rc-mode=cbr ! video/x-h265,profile=main',
  vah265enc:
    'videoconvert ! video/x-raw,format=NV12 ! vah265enc name=encoder0 bitrate=1235 key-int-max=250 b-frames=0 rate-control=cbr ! video/x-h265,profile=main',
  vaapih265enc:
    'vaapih265enc name=encoder0 bitrate=1235 keyframe-period=250 max-bframes=0 rate-control=cbr ! video/x-h265,profile=main',
  qsvh265enc:
    'videoconvert ! video/x-raw,format=NV12 ! qsvh265enc name=encoder0 bitrate=1235 gop-size=250 b-frames=0 low-latency=true rate-control=cbr ! video/x-h265,profile=main',
  x265enc:
    'x265enc name=encoder0 tune=zerolatency speed-preset=ultrafast bitrate=1235 key-int-max=250 option-string="pools=2:bframes=0" ! video/x-h265,profile=main',
  v4l2vp8enc: 'videoconvert ! v4l2vp8enc name=encoder0 extra-controls="controls,video_bitrate=1235000"',
  mppvp8enc: 'mppvp8enc name=encoder0 bps=1234567 gop=250 rc-mode=cbr',
  nvv4l2vp8enc:
    'nvvidconv ! video/x-raw(memory:NVMM),format=NV12 ! nvv4l2vp8enc name=encoder0 bitrate=1234567 iframeinterval=250',
  vaapivp8enc: 'vaapivp8enc name=encoder0 bitrate=1235 keyframe-period=250 rate-control=cbr',
  vp8enc:
    'vp8enc name=encoder0 deadline=1 cpu-used=16 lag-in-frames=0 end-usage=cbr buffer-size=1000 buffer-initial-size=500 buffer-optimal-size=600 threads=1 target-bitrate=1235000 keyframe-max-dist=250',
  v4l2jpegenc: 'videoconvert ! v4l2jpegenc name=encoder0 extra-controls="controls,compression_quality=20"',
  vaapijpegenc: 'vaapijpegenc name=encoder0 quality=20',
  jpegenc: 'jpegenc name=encoder0 quality=20',
};
const SETTINGS = {
  name: 'encoder0',
  content: 'motion',
  profile: 'baseline',
  bitrate: 1_234_567,
  keyFrameDistance: 250,
  width: 1280,
  height: 720,
  frameRate: 25,
  threads: 2,
} as const;

test('every encoder by its line', async (t) => {
  t.same(VIDEO_CODECS.flatMap(encodersOf).sort(), Object.keys(LINES).sort());
  for (const [name, line] of Object.entries(LINES))
    t.equal(ENCODERS[name as VideoEncoder].launch(SETTINGS), line, name);
});

test('profiles of H.264', async (t) => {
  for (const name of encodersOf('h264')) {
    const { launch } = ENCODERS[name];
    const [main, high] = [launch({ ...SETTINGS, profile: 'main' }), launch({ ...SETTINGS, profile: 'high' })];
    t.match(main, name === 'nvv4l2h264enc' ? /profile=2$/ : /profile=main/, name);
    t.match(high, name === 'nvv4l2h264enc' ? /profile=4$/ : /profile=high/, name);
  }
  // The presets would leave out what makes the profile.
  t.match(
    ENCODERS.x264enc.launch({ ...SETTINGS, profile: 'high' }),
    / cabac=true dct8x8=true ! video\/x-h264,profile=high$/,
  );
});

test('bit rates of bcm2835-codec (Raspberry Pi) come in steps, and within its limits', async (t) => {
  for (const [bitrate, driver] of [
    [10_000, 25_000],
    [1_990_000, 2_000_000],
    [2_000_000, 2_000_000],
    [100_000_000, 25_000_000],
  ] as const)
    t.match(ENCODERS.v4l2h264enc.launch({ ...SETTINGS, bitrate }), `video_bitrate=${driver},`);
});

test('threads: what the picture needs, and one processor is left', async (t) => {
  for (const [width, height, frameRate, processors, threads] of [
    [320, 240, 15, 4, 1],
    [640, 480, 30, 4, 1],
    [1280, 720, 15, 4, 1],
    [1280, 720, 30, 4, 2],
    [1920, 1080, 30, 4, 3],
    [1920, 1080, 30, 16, 5],
    [1920, 1080, 30, 2, 1],
    [1920, 1080, 30, 1, 1],
  ] as const)
    t.equal(
      threadsFor({ width, height, frameRate }, processors),
      threads,
      `${width}x${height}@${frameRate} on ${processors}`,
    );
});

test('a bit rate as a quality of JPEG', async (t) => {
  const picture = { width: 640, height: 480, frameRate: 10 };
  const qualities = [100_000, 1_000_000, 2_000_000, 3_000_000, 5_000_000, 20_000_000].map((bitrate) =>
    jpegQuality({ ...picture, bitrate }),
  );
  t.same(qualities, [20, 20, 44, 64, 82, 95]);
});
