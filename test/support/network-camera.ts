import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { NetworkCameraSettings } from '../../config/settings.ts';
import type { CaptureSource } from '../../daemon/capture/capture-source.ts';
import type { EncodedTrack } from '../../daemon/capture/encoded-track.ts';
import { NetworkCameras } from '../../daemon/capture/network-cameras.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import { byteStream, captureTest } from './capture-test-source.ts';
import { Daemon } from './daemon.ts';
import { projectRoot } from './project-root.ts';
import { type TestServer, type TestServerOptions, testServer } from './rtsp-server.ts';
import { eventually } from './web-gateway.ts';

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
    caFile: '',
    fingerprint: '',
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

/** A gateway that serves nothing but the camera `door` at this address, as the stream `door`, by every protocol. */
export async function cameraGateway(
  t: Test,
  {
    url,
    transport = 'tcp',
    password = '',
    audio = true,
    encodings = '[{rid: main}]',
  }: { url: string; transport?: string; password?: string; audio?: boolean; encodings?: string },
): Promise<CameraGateway> {
  const file = `
gateway: {id: porch}
rtsp: {port: 0}
http: {port: 0}
webrtc: {port: 0}
rtmp: {enabled: true, port: 0}
mqtt: {embeddedPort: 0}
cameras:
  door: {url: "${url}", transport: ${transport}, timeout: 2${password === '' ? '' : ', username: admin, passwordFile: door.password'}}
streams:
  door: {start: always, video: {device: door}, audio: ${audio ? '{device: door}' : 'false'}, encodings: ${encodings}}
`;
  const daemon = new Daemon({}, file);
  t.teardown(() => daemon.stop());
  await writeFile(join(daemon.folder, 'door.password'), `${password}\n`);
  await daemon.start();
  const { origin } = new URL(daemon.page);
  const report = async (): Promise<CameraStream> =>
    ((await (await fetch(`${origin}/streams`)).json()) as { streams: CameraStream[] }).streams[0] as CameraStream;
  const settled = async (state: string): Promise<CameraStream> => {
    await eventually(`the stream is ${state}`, async () => (await report()).state === state, 40_000);
    return report();
  };
  return { daemon, report, settled };
}

/** What `/streams` says of it. */
export interface CameraStream {
  state: string;
  reason?: string;
  viewers: Record<string, number>;
  urls: Record<'rtsp' | 'rtmp' | 'flv' | 'page', string>;
}

export interface CameraGateway {
  daemon: Daemon;
  report: () => Promise<CameraStream>;
  /** Waits until the stream has this state. */
  settled: (state: string) => Promise<CameraStream>;
}

export interface CameraProcess {
  readonly url: string;
  readonly port: number;
  kill(signal: NodeJS.Signals): void;
}

export const H264_10_SECONDS =
  'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! ' +
  'x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=150 ! video/x-h264,profile=main ! rtph264pay name=pay0 pt=96';

const SINE = 'audiotestsrc is-live=true wave=sine freq=440 samplesperbuffer=160 ! audio/x-raw';
/** Sound as many cameras send it. */
export const AAC = `${SINE},rate=48000,channels=2 ! voaacenc ! rtpmp4gpay name=pay1 pt=97`;
export const G711 = `${SINE},rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8`;
export const OPUS = `${SINE},rate=48000 ! opusenc ! rtpopuspay name=pay1 pt=97`;

export interface CameraOptions {
  port?: number;
  user?: string;
  password?: string;
  /** PEM files. */
  tls?: { certificate: string; key: string };
}

/** A camera in a process of its own, which can be killed and frozen: gst-rtsp-server over a launch string. */
export async function cameraProcess(
  t: Test,
  launch: string,
  { port = 0, user = '', password = '', tls }: CameraOptions = {},
): Promise<CameraProcess> {
  const script = join(projectRoot(), 'test/support/rtsp-camera.py');
  const child = spawn(
    '/usr/bin/python3',
    [script, launch, String(port), user, password, ...(tls ? [tls.certificate, tls.key] : [])],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const bound = Number(line.toString());
  return {
    url: `${tls ? 'rtsps' : 'rtsp'}://127.0.0.1:${bound}/cam`,
    port: bound,
    kill: (signal) => child.kill(signal),
  };
}
