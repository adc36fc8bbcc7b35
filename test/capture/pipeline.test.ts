import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { test } from 'tap';
import type { AudioBranch } from '../../daemon/capture/audio-pipeline.ts';
import { ENCODERS, H264_ENCODERS } from '../../daemon/capture/encoders.ts';
import { launchString, type PipelineDescription } from '../../daemon/capture/pipeline.ts';
import type { VideoBranch, VideoPipeline } from '../../daemon/capture/video-pipeline.ts';

const run = promisify(execFile);

const TAIL =
  'queue max-size-time=1000000000 max-size-buffers=0 max-size-bytes=0 ! rtponviftimestamp ! rtpstreampay ! fdsink fd=4 sync=false async=false';
const INTAKE = 'tee name=probed ! valve name=intake drop=false';
const GATE = 'frames. ! valve name=gate0 drop=false';
const LIGHT = 'videobalance name=light0';
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
  'frames. ! valve name=jpegs drop=true ! queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 ! ' +
  'jpegenc quality=80 ! gdppay ! fdsink fd=5 sync=false async=false';
const EAR =
  ' frames. ! valve name=lid drop=true drop-mode=transform-to-gap ! audioconvert ! audio/x-raw,format=S16LE ! ' +
  'appsink name=ear max-buffers=8 drop=true sync=false async=false';
const X264 =
  'x264enc name=encoder0 tune=zerolatency speed-preset=ultrafast bitrate=2000 key-int-max=60 bframes=0 ! video/x-h264,profile=constrained-baseline';

const HD = { width: 1280, height: 720, frameRate: 30 };
const BRANCH: VideoBranch = {
  open: true,
  enabled: true,
  output: HD,
  bitrate: 2_000_000,
  keyFrameInterval: 2,
  content: 'motion',
  adjustments: { crop: { top: 0, right: 0, bottom: 0, left: 0 }, orientation: 'none', overlay: '' },
};
const SOUND: AudioBranch = { open: true, enabled: true, channelCount: 2, bitrate: 64_000, content: 'generic', gain: 0 };
const TEST_PICTURE: VideoPipeline = {
  kind: 'video',
  input: { type: 'test', pattern: 'smpte75', wish: HD, clock: true },
  encoder: 'x264enc',
  branches: [BRANCH],
};
const CLOCK =
  'clockoverlay name=clock halignment=center valignment=center shaded-background=true font-desc="Sans Bold 32" time-format="%F %T"';

const TABLE: { name: string; pipeline: PipelineDescription; launch: string }[] = [
  {
    name: 'test picture',
    pipeline: TEST_PICTURE,
    launch:
      'videotestsrc name=source is-live=true pattern=smpte75 ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! ' +
      `${INTAKE} ! ${CLOCK} ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL}${PHOTO}${COUNTERS}`,
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
      `${counted('arrive', LEAKY)} ! ${INTAKE} ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL}${PHOTO}${counters('arrive', 'encode0')}`,
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
      encoder: 'v4l2h264enc',
    },
    launch:
      'libcamerasrc name=source camera-name="\\\\_SB_.PCI0.LNK1" ! ' +
      'capsfilter caps="video/x-raw,format=BGRx,width=1280,height=720,interlace-mode=progressive" ! ' +
      `${counted('arrive', LEAKY)} ! ${INTAKE} ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${LIGHT} ! ` +
      'videoconvert ! v4l2h264enc name=encoder0 extra-controls="controls,video_bitrate=2000000,h264_i_frame_period=60,repeat_sequence_header=1" ! ' +
      `video/x-h264,profile=constrained-baseline,level=(string)4 ! ${VIDEO_TAIL}${PHOTO}${counters('arrive', 'encode0')}`,
  },
  {
    name: 'test picture without a clock, scaled and slowed down, by openh264',
    pipeline: {
      ...TEST_PICTURE,
      input: { type: 'test', pattern: 'black', wish: HD, clock: false },
      encoder: 'openh264enc',
      branches: [{ ...BRANCH, output: { width: 640, height: 360, frameRate: 7.5 }, bitrate: 500_400 }],
    },
    launch:
      'videotestsrc name=source is-live=true pattern=black ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! ' +
      `${INTAKE} ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! videorate drop-only=true ! video/x-raw,framerate=15/2 ! ` +
      'videoscale ! video/x-raw,width=640,height=360,pixel-aspect-ratio=1/1 ! videobalance name=light0 ! ' +
      'openh264enc name=encoder0 usage-type=camera complexity=low rate-control=bitrate bitrate=500000 gop-size=15 ! ' +
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
      `${INTAKE} ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL}${PHOTO}${COUNTERS}`,
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
      `${INTAKE} ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL}${PHOTO}${COUNTERS}`,
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
      encoder: 'v4l2h264enc',
      branches: [{ ...BRANCH, output: { width: 1920, height: 1080, frameRate: 15 } }],
    },
    launch:
      'v4l2src name=source device=/dev/video1 ! image/jpeg,width=1920,height=1080,framerate=[297/20,303/20] ! ' +
      `${INTAKE.replace(' ! ', ' ! tee name=compressed ! ')} ! ${counted('convert', LEAKY)} ! jpegdec ! videoconvert ! video/x-raw,format=I420 ! tee name=frames allow-not-linked=true ${GATE} ! ${QUEUE} ! ${LIGHT} ! ` +
      'videoconvert ! v4l2h264enc name=encoder0 extra-controls="controls,video_bitrate=2000000,h264_i_frame_period=30,repeat_sequence_header=1" ! ' +
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
      `${GATE} ! ${QUEUE} ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL} ` +
      `frames. ! valve name=gate1 drop=true ! ${counted('encode1', LEAKY)} ! videorate drop-only=true ! video/x-raw,framerate=10/1 ! ` +
      'videocrop left=280 right=280 ! videoscale ! video/x-raw,width=360,height=360,pixel-aspect-ratio=1/1 ! ' +
      'videobalance name=light1 contrast=0 saturation=0 ! ' +
      'x264enc name=encoder1 tune=zerolatency speed-preset=superfast qp-max=28 bitrate=300 key-int-max=20 bframes=0 ! ' +
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
      'videocrop left=256 top=72 bottom=324 ! videoscale ! video/x-raw,width=1024,height=324,pixel-aspect-ratio=1/1 ! ' +
      'videoflip video-direction=90r ! clockoverlay name=overlay0 halignment=left valignment=bottom shaded-background=true ' +
      `font-desc="Sans 14" ! ${LIGHT} ! ${X264} ! ${VIDEO_TAIL}${PHOTO}${COUNTERS}`,
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
];

test('launch strings', async (t) => {
  for (const { name, pipeline, launch } of TABLE) t.equal(launchString(pipeline), launch, name);
});

test('GStreamer takes each that needs no hardware, with a few frames', async (t) => {
  for (const { name, launch } of TABLE) {
    if (/v4l2h264enc/.test(launch)) continue;
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

test('every encoder is named, has a profile without B-frames where it can say so, and its own unit of the bit rate', async (t) => {
  const settings = {
    name: 'encoder0',
    content: 'motion' as const,
    bitrate: 1_234_567,
    keyFrameDistance: 50,
    width: 1280,
    height: 720,
    frameRate: 25,
  };
  for (const name of H264_ENCODERS) {
    const launch = ENCODERS[name].launch(settings);
    t.match(launch, new RegExp(`(^|! )${name} name=encoder0 `), name);
    t.match(launch, /=(1234567|1235000|1235)\b/, `${name}: bit rate`);
    t.match(launch, /=50\b/, `${name}: key frame distance`);
  }
  const { launch } = ENCODERS.v4l2h264enc;
  t.match(launch({ ...settings, width: 1920, height: 1080, frameRate: 30 }), /level=\(string\)4$/);
  t.match(launch({ ...settings, width: 1280, height: 720, frameRate: 60 }), /level=\(string\)4$/);
  t.match(launch({ ...settings, width: 1920, height: 1080, frameRate: 60 }), /level=\(string\)4\.2$/);
});
