import { test } from 'tap';
import { isCamera, isPartOfAnotherPath, parseV4l2Node } from '../../daemon/capture/v4l2.ts';
import { PI_ENCODER, PI_ISP, PI_LEGACY_CAMERA, UVC_METADATA, UVC_WEBCAM, VIVID } from '../support/v4l2-outputs.ts';

test('a webcam', async (t) => {
  const node = parseV4l2Node(UVC_WEBCAM);
  t.match(node, {
    driver: 'uvcvideo',
    card: 'HD Pro Webcam C920',
    busInfo: 'usb-0000:01:00.0-1.2',
    capabilities: ['Video Capture', 'Streaming', 'Extended Pix Format'],
  });
  t.equal(isCamera(node), true);
  t.same(node.formats, [
    { pixelFormat: 'YUYV', width: 640, height: 480, frameRates: [30, 24, 15, 5] },
    { pixelFormat: 'YUYV', width: 1280, height: 720, frameRates: [10, 7.5, 5] },
    { pixelFormat: 'YUYV', width: 1920, height: 1080, frameRates: [5] },
    { pixelFormat: 'H264', width: 1920, height: 1080, frameRates: [30] },
    { pixelFormat: 'MJPG', width: 640, height: 480, frameRates: [30, 15] },
    { pixelFormat: 'MJPG', width: 1280, height: 720, frameRates: [30, 24, 15] },
    { pixelFormat: 'MJPG', width: 1920, height: 1080, frameRates: [30, 24, 15] },
  ]);
  t.same(node.controls, [
    { name: 'brightness', type: 'integer', min: 0, max: 255, step: 1, default: 128, value: 128 },
    { name: 'white_balance_automatic', type: 'boolean', default: 1, value: 1 },
    {
      name: 'power_line_frequency',
      type: 'menu',
      min: 0,
      max: 2,
      default: 2,
      value: 2,
      menu: [
        { value: 0, label: 'Disabled' },
        { value: 1, label: '50 Hz' },
        { value: 2, label: '60 Hz' },
      ],
    },
    {
      name: 'white_balance_temperature',
      type: 'integer',
      min: 2000,
      max: 6500,
      step: 1,
      default: 4000,
      value: 4000,
      inactive: true,
    },
    {
      name: 'auto_exposure',
      type: 'menu',
      min: 0,
      max: 3,
      default: 3,
      value: 3,
      menu: [
        { value: 1, label: 'Manual Mode' },
        { value: 3, label: 'Aperture Priority Mode' },
      ],
    },
    {
      name: 'exposure_time_absolute',
      type: 'integer',
      min: 3,
      max: 2047,
      step: 1,
      default: 250,
      value: 250,
      inactive: true,
    },
    { name: 'pan_absolute', type: 'integer', min: -36_000, max: 36_000, step: 3600, default: 0, value: 0 },
  ]);
});

test('what is a camera and what is not', async (t) => {
  const table: [string, string, boolean][] = [
    ['webcam', UVC_WEBCAM, true],
    ['metadata of a webcam', UVC_METADATA, false],
    ['encoder', PI_ENCODER, false],
    ['image signal processor', PI_ISP, false],
    ['camera of a legacy stack', PI_LEGACY_CAMERA, true],
    ['virtual camera', VIVID, true],
    ['nothing', '', false],
    ['no answer', 'Cannot open device /dev/video9, exiting.\n', false],
  ];
  for (const [name, output, camera] of table) t.equal(isCamera(parseV4l2Node(output)), camera, name);
  for (const name of [
    'bcm2835-codec-decode',
    'bcm2835-isp-capture0',
    'unicam-image',
    'rp1-cfe-csi2_ch0',
    'pispbe-output',
    'rpi-hevc-dec',
    'rpivid',
  ])
    t.equal(isPartOfAnotherPath(name), true, name);
  for (const name of ['HD Pro Webcam C920', 'vivid-000-vid-cap', 'bm2835 mmal', 'uvcvideo'])
    t.equal(isPartOfAnotherPath(name), false, name);
});

test('a driver that scales: the sizes that people ask for', async (t) => {
  const { formats } = parseV4l2Node(PI_LEGACY_CAMERA);
  const sizes = formats.filter(({ pixelFormat }) => pixelFormat === 'YU12');
  t.ok(sizes.some(({ width, height }) => width === 1280 && height === 720));
  t.ok(sizes.some(({ width, height }) => width === 2592 && height === 1944));
  t.notOk(sizes.some(({ width }) => width > 2592));
  t.same(sizes[0]?.frameRates, [90, 60, 50, 30, 25, 24, 20, 15, 10, 5, 2, 1]);
  t.same(formats.find(({ pixelFormat }) => pixelFormat === 'JPEG')?.frameRates, [], 'the driver does not tell');
});

test('controls: what is only told, what only acts', async (t) => {
  const { controls } = parseV4l2Node(VIVID);
  t.same(
    controls.map(({ name }) => name),
    ['brightness', 'hue', 'horizontal_flip', 'button', 'integer_menu', 'read_only_integer'],
  );
  t.same(controls[3], { name: 'button', type: 'button' });
  t.same(controls[4]?.menu, [
    { value: 1, label: '1 (0x1)' },
    { value: 4, label: '8 (0x8)' },
  ]);
  t.match(controls[5], { value: 42, readOnly: true });
});

test('torn and strange output does no harm', async (t) => {
  for (let length = 0; length < UVC_WEBCAM.length; length += 7) parseV4l2Node(UVC_WEBCAM.slice(0, length));
  const strange = parseV4l2Node(
    "\t[0]: 'YUYV'\n\t\tSize: Discrete x\n\t\t\tInterval: Discrete (0.000 fps)\n\t\tSize: Sideways 1x1\n",
  );
  t.ok(Array.isArray(strange.formats));
});
