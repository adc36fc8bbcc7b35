import { test } from 'tap';
import { alsaDevice, parseAlsa } from '../../daemon/capture/alsa.ts';
import { chooseMode, type VideoWish } from '../../daemon/capture/capture-mode.ts';
import {
  type CaptureDevice,
  STAMPED_PICTURE,
  selectDevice,
  TEST_PICTURE,
  TEST_TONE,
  type VideoDevice,
} from '../../daemon/capture/device.ts';
import { parseV4l2Node } from '../../daemon/capture/v4l2.ts';
import { PI_LEGACY_CAMERA, UVC_WEBCAM, VIVID } from '../support/v4l2-outputs.ts';

function camera(output: string, change: Partial<VideoDevice> = {}): VideoDevice {
  const node = parseV4l2Node(output);
  return {
    kind: 'videoinput',
    deviceId: node.card,
    groupId: 'g',
    label: node.card,
    bus: node.busInfo,
    path: '/dev/video0',
    formats: node.formats,
    controls: node.controls,
    ...change,
  };
}

const webcam = camera(UVC_WEBCAM, { usb: { directory: '/sys/usb1/1-1', speed: 480 } });
const vivid = camera(VIVID);
const legacy = camera(PI_LEGACY_CAMERA);

test('the mode nearest to the wish, raw where that can be carried', async (t) => {
  const table: { name: string; device: VideoDevice; wish: VideoWish; mode: unknown }[] = [
    {
      name: 'webcam: raw where it is as good',
      device: webcam,
      wish: { width: 640, height: 480, frameRate: 30 },
      mode: { media: { type: 'raw', format: 'YUY2' }, width: 640, height: 480, frameRate: 30 },
    },
    {
      name: 'webcam: JPEG where raw is too slow',
      device: webcam,
      wish: { width: 1280, height: 720, frameRate: 30 },
      mode: { media: { type: 'jpeg' }, width: 1280, height: 720, frameRate: 30 },
    },
    {
      name: 'webcam: more than it has',
      device: webcam,
      wish: { width: 3840, height: 2160, frameRate: 60 },
      mode: { media: { type: 'jpeg' }, width: 1920, height: 1080, frameRate: 30 },
    },
    {
      name: 'webcam: a rate between',
      device: webcam,
      wish: { width: 1280, height: 720, frameRate: 8 },
      mode: { media: { type: 'raw', format: 'YUY2' }, width: 1280, height: 720, frameRate: 7.5 },
    },
    {
      name: 'virtual camera: the format that needs no conversion of sampling',
      device: vivid,
      wish: { width: 320, height: 180, frameRate: 30 },
      mode: { media: { type: 'raw', format: 'NV12' }, width: 320, height: 180, frameRate: 30 },
    },
    {
      name: 'a driver that scales',
      device: legacy,
      wish: { width: 1920, height: 1080, frameRate: 25 },
      mode: { media: { type: 'raw', format: 'I420' }, width: 1920, height: 1080, frameRate: 25 },
    },
    {
      name: 'a raw mode that the port cannot carry',
      device: {
        ...webcam,
        formats: [
          { pixelFormat: 'YUYV', width: 1920, height: 1080, frameRates: [30] },
          { pixelFormat: 'MJPG', width: 1280, height: 720, frameRates: [30] },
        ],
      },
      wish: { width: 1920, height: 1080, frameRate: 30 },
      mode: { media: { type: 'jpeg' }, width: 1280, height: 720, frameRate: 30 },
    },
    {
      name: 'the same where there is nothing else',
      device: { ...webcam, formats: [{ pixelFormat: 'YUYV', width: 1920, height: 1080, frameRates: [30] }] },
      wish: { width: 1920, height: 1080, frameRate: 30 },
      mode: { media: { type: 'raw', format: 'YUY2' }, width: 1920, height: 1080, frameRate: 30 },
    },
    {
      name: 'rates not told',
      device: { ...legacy, formats: [{ pixelFormat: 'JPEG', width: 640, height: 480, frameRates: [] }] },
      wish: { width: 640, height: 480, frameRate: 30 },
      mode: { media: { type: 'jpeg' }, width: 640, height: 480, frameRate: undefined },
    },
    {
      name: 'nothing that we can use',
      device: { ...webcam, formats: [{ pixelFormat: 'BA81', width: 640, height: 480, frameRates: [30] }] },
      wish: { width: 640, height: 480, frameRate: 30 },
      mode: undefined,
    },
  ];
  for (const { name, device, wish, mode } of table) t.same(chooseMode(device, [wish]), mode, name);
});

test('which device a wish means', async (t) => {
  const bayer: VideoDevice = {
    ...vivid,
    deviceId: 'b',
    label: 'Sensor',
    path: '/dev/video1',
    formats: [{ pixelFormat: 'BA81', width: 640, height: 480, frameRates: [30] }],
  };
  const microphone: CaptureDevice = {
    ...TEST_TONE,
    deviceId: 'm',
    label: 'HD Pro Webcam C920',
    bus: 'usb',
    path: 'plughw:CARD=C920,DEV=0',
  };
  const right: VideoDevice = {
    ...vivid,
    deviceId: 'r',
    label: 'Right',
    path: '/dev/video7',
    bus: 'usb-0000:01:00.0-1.2',
    links: ['/dev/v4l/by-id/usb-Cam_SN7-video-index0', '/dev/v4l/by-path/pci-0000:01:00.0-usb-0:1.2:1.0-video-index0'],
    serial: 'SN7',
  };
  const devices: CaptureDevice[] = [bayer, webcam, vivid, right, microphone];
  const table: [string, 'video' | 'audio', CaptureDevice | undefined][] = [
    ['any', 'video', webcam],
    ['any', 'audio', microphone],
    ['test', 'video', TEST_PICTURE],
    ['test', 'audio', TEST_TONE],
    ['latency', 'video', STAMPED_PICTURE],
    ['latency', 'audio', undefined],
    ['b', 'video', bayer],
    ['/dev/video1', 'video', bayer],
    ['hd pro webcam c920', 'video', webcam],
    ['hd pro webcam c920', 'audio', microphone],
    ['plughw:CARD=C920,DEV=0', 'audio', microphone],
    ['SN7', 'video', right],
    ['/dev/v4l/by-id/usb-Cam_SN7-video-index0', 'video', right],
    ['/dev/v4l/by-path/*usb-0:1.2:*', 'video', right],
    ['*SN7*', 'video', right],
    ['*0000:01:00.0-1.2', 'video', webcam],
    ['/dev/video*', 'video', webcam],
    ['*CARD=C920*', 'audio', microphone],
    ['/dev/v4l/by-path/*usb-0:1:*', 'video', undefined],
    ['sn7', 'video', undefined],
    ['m', 'video', undefined],
    ['webcam', 'video', undefined],
    ['', 'video', undefined],
  ];
  for (const [wish, kind, device] of table) t.equal(selectDevice(devices, wish, kind), device, `${kind} '${wish}'`);
  t.equal(selectDevice([], 'any', 'video'), TEST_PICTURE);
  t.equal(selectDevice([bayer], 'any', 'audio'), TEST_TONE);
  t.equal(selectDevice([bayer], 'any', 'video'), TEST_PICTURE);
});

test('sound cards', async (t) => {
  const cards = ` 0 [vc4hdmi        ]: vc4-hdmi - vc4-hdmi
                      vc4-hdmi
 1 [C920           ]: USB-Audio - HD Pro Webcam C920
                      HD Pro Webcam C920 at usb-0000:01:00.0-1.2, high speed
 2 [Loopback       ]: Loopback - Loopback
                      Loopback 1
`;
  const pcm = `00-00: MAI PCM i2s-hifi-0 : MAI PCM i2s-hifi-0 : playback 1
01-00: USB Audio : USB Audio : capture 1
02-00: Loopback PCM : Loopback PCM : playback 8 : capture 8
02-01: Loopback PCM : Loopback PCM : playback 8 : capture 8
`;
  const found = parseAlsa(cards, pcm);
  t.same(found, [
    { card: 1, cardId: 'C920', cardName: 'HD Pro Webcam C920', device: 0, name: 'USB Audio' },
    { card: 2, cardId: 'Loopback', cardName: 'Loopback', device: 0, name: 'Loopback PCM' },
    { card: 2, cardId: 'Loopback', cardName: 'Loopback', device: 1, name: 'Loopback PCM' },
  ]);
  t.same(found.map(alsaDevice), ['plughw:CARD=C920,DEV=0', 'plughw:CARD=Loopback,DEV=0', 'plughw:CARD=Loopback,DEV=1']);
  t.same(parseAlsa('--- no soundcards ---\n', ''), []);
});
