import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { NetworkCameraSettings } from '../../config/settings.ts';
import type { CaptureSource } from '../../daemon/capture/capture-source.ts';
import type { EncodedTrack } from '../../daemon/capture/encoded-track.ts';
import { NetworkCameras } from '../../daemon/capture/network-cameras.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import { byteStream, captureTest } from './capture-test-source.ts';
import { projectRoot } from './project-root.ts';
import { type TestServer, type TestServerOptions, testServer } from './rtsp-server.ts';

/** An RTSP camera that cannot be asked for key frames: ten seconds lie between them. */
export async function dumbCamera(t: Test, options: TestServerOptions = {}): Promise<TestServer> {
  const server = await testServer({ ...options, source: { fps: 15, gop: 150, ...options.source } });
  // As many cameras do it, a viewer begins with a key frame.
  server.video.rtp.keepsGroup = true;
  t.teardown(() => server.stop());
  return server;
}

export function cameraSettings(url: string, settings: Partial<NetworkCameraSettings> = {}): NetworkCameraSettings {
  return {
    url,
    username: '',
    passwordFile: '',
    transport: 'tcp',
    latency: 0.2,
    timeout: 5,
    insecure: false,
    ...settings,
  };
}

/** A capture source over a camera at this address, and a track of it. */
export function networkSource(
  t: Test,
  kind: 'video' | 'audio',
  settings: NetworkCameraSettings,
  options: Parameters<typeof captureTest>[1] = {},
): { source: CaptureSource; track: EncodedTrack } {
  const cameras = new NetworkCameras({ porch: settings }, 'salt');
  const device = cameras.devices.find((each) => each.kind === `${kind}input`);
  const made = captureTest(kind, { device, openNetworkDevice: cameras.open, settings: {}, ...options });
  t.teardown(() => made.source.close());
  return made;
}

/** NAL units of the pictures themselves: without parameter sets, which may be said again, and delimiters. */
export function slicesOf(frames: readonly RtpFrame[]): string[] {
  return byteStream(frames)
    .toString('latin1')
    .split('\0\0\0\x01')
    .filter((nal) => [1, 5].includes(nal.charCodeAt(0) & 0x1f));
}

export interface CameraProcess {
  readonly url: string;
  readonly port: number;
  kill(signal: NodeJS.Signals): void;
}

export const H264_10_SECONDS =
  'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! ' +
  'x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=150 ! video/x-h264,profile=main ! rtph264pay name=pay0 pt=96';

/** A camera in a process of its own, which can be killed and frozen: gst-rtsp-server over a launch string. */
export async function cameraProcess(
  t: Test,
  launch: string,
  { port = 0, user = '', password = '' } = {},
): Promise<CameraProcess> {
  const script = join(projectRoot(), 'test/support/rtsp-camera.py');
  const child = spawn('/usr/bin/python3', [script, launch, String(port), user, password], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const bound = Number(line.toString());
  return { url: `rtsp://127.0.0.1:${bound}/cam`, port: bound, kill: (signal) => child.kill(signal) };
}
