import type { NetworkCameraSettings } from '../../config/settings.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { readFirstLine, readSmallFile } from '../lib/small-file.ts';
import { OPUS } from '../rtp/codec.ts';
import { SenderClock } from '../rtp/sender-clock.ts';
import { CaptureError } from './capture-error.ts';
import { type DescribedMedia, describedMedia } from './described-media.ts';
import type { AudioDevice, CaptureDevice, VideoDevice } from './device.ts';
import { saltedId } from './device-id.ts';
import type { RtspEncoding, RtspInput } from './device-sources.ts';
import { CredentialsRefused, describeRtsp, hostAndPort } from './rtsp-describe.ts';
import type { TlsPeer } from './tls-peer.ts';
import type { SourceOpening } from './worker-messages.ts';

/** A device as it was just found, and what its source element has to be told besides. */
export interface OpenedDevice {
  readonly device: CaptureDevice;
  readonly opening: SourceOpening;
  /** The same for all devices of a camera. */
  readonly clock: SenderClock;
}

/** Looks at a device before it is captured. @throws CaptureError `not-live` with the reason. */
export type OpenNetworkDevice = (device: CaptureDevice) => Promise<OpenedDevice>;

const MAXIMUM_PASSWORD_BYTES = 4096;
const MAXIMUM_AUTHORITIES_BYTES = 2 ** 20;
/** Cameras lock an account after a handful of wrong passwords: the same one is not tried again before this, in milliseconds. */
const REFUSED_PAUSE_MS = 60_000;

/** What a camera is taken to have before it was ever reached. */
const ASSUMED = { width: 1280, height: 720 };

/** V4L2's names of what comes over the network. */
const PIXEL_FORMATS: Partial<Record<RtspEncoding, string>> = { H264: 'H264', H265: 'HEVC', JPEG: 'MJPG' };

/**
 * The cameras of the local configuration that are reached over RTSP, as devices: a camera and a microphone each, which
 * are always in the table. Whether one is there is found out before each life of its capture.
 */
export class NetworkCameras {
  readonly devices: readonly CaptureDevice[];
  readonly #cameras = new Map<string, { settings: NetworkCameraSettings; clock: SenderClock }>();
  readonly #clock: Clock;
  /** What cameras did not accept last. */
  readonly #refusals = new Map<NetworkCameraSettings, { password: string; at: number; error: CredentialsRefused }>();

  /** @param salt makes device ids worthless outside of this gateway. */
  constructor(cameras: Readonly<Record<string, NetworkCameraSettings>>, salt: string, clock = systemClock) {
    this.#clock = clock;
    this.devices = Object.entries(cameras).flatMap(([name, settings]) => {
      const [camera, microphone] = devicesOf(name, settings, salt);
      const configured = { settings, clock: new SenderClock() };
      for (const { deviceId } of [camera, microphone]) this.#cameras.set(deviceId, configured);
      return [camera, microphone];
    });
  }

  readonly open: OpenNetworkDevice = async (device) => {
    const configured = this.#cameras.get(device.deviceId);
    if (configured === undefined) throw new CaptureError('not-live', `${device.label} is not configured any more`);
    const { settings, clock } = configured;
    const { url, username } = settings;
    const password = await passwordOf(settings);
    const tls = await tlsPeerOf(settings);
    const sdp = await this.#describe(settings, password, tls);
    const { media, unknown } = describedMedia(sdp);
    const kind = device.kind === 'videoinput' ? 'video' : 'audio';
    const found = media.find((medium) => medium.kind === kind);
    if (found === undefined) {
      const has = [...media.map(({ encoding }) => encoding), ...unknown].join(', ') || 'nothing';
      throw new CaptureError('not-live', `${device.label} has no ${kind} that can be taken in; it has ${has}`);
    }
    return {
      device: describedDevice(device, found),
      opening: {
        properties: {
          // With TLS it speaks plainly to the relay.
          location: tls === undefined ? url : url.replace(/^rtsps:/, 'rtsp:'),
          ...(username !== '' && { 'user-id': username, 'user-pw': password }),
        },
        ...(tls && { tls }),
      },
      clock,
    };
  };

  async #describe(settings: NetworkCameraSettings, password: string, tls: TlsPeer | undefined): Promise<string> {
    const { url, username, timeout } = settings;
    const refusal = this.#refusals.get(settings);
    if (refusal?.password === password && this.#clock.now() - refusal.at < REFUSED_PAUSE_MS) throw refusal.error;
    this.#refusals.delete(settings);
    try {
      return await describeRtsp({ url, username, password, tls, timeout: timeout * 1000 });
    } catch (error) {
      if (error instanceof CredentialsRefused) this.#refusals.set(settings, { password, at: this.#clock.now(), error });
      throw error;
    }
  }
}

async function passwordOf({ passwordFile }: NetworkCameraSettings): Promise<string> {
  return passwordFile === '' ? '' : read('password', passwordFile, readFirstLine(passwordFile, MAXIMUM_PASSWORD_BYTES));
}

/** Undefined for one that is reached without TLS. */
async function tlsPeerOf({ url, caFile, fingerprint, insecure }: NetworkCameraSettings): Promise<TlsPeer | undefined> {
  if (!url.startsWith('rtsps:')) return undefined;
  const authorities =
    caFile === '' ? undefined : await read('caFile', caFile, readSmallFile(caFile, MAXIMUM_AUTHORITIES_BYTES));
  return { ...hostAndPort(url), authorities, fingerprint, insecure };
}

/** @throws CaptureError `not-live`. */
async function read(what: string, path: string, text: Promise<string>): Promise<string> {
  try {
    return await text;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CaptureError('not-live', `its ${what} cannot be read from ${path}: ${code ?? message}`);
  }
}

function devicesOf(name: string, settings: NetworkCameraSettings, salt: string): [VideoDevice, AudioDevice] {
  const { url, transport, latency, timeout } = settings;
  const common = { groupId: saltedId(salt, `network camera ${name}`), label: name, bus: 'rtsp', path: url };
  const rtsp = (encoding: RtspEncoding): RtspInput => ({
    encoding,
    assumed: true,
    // Over UDP nothing would be encrypted.
    transport: url.startsWith('rtsps:') ? 'tcp' : transport,
    latency: latency * 1000,
    timeout: timeout * 1000,
  });
  const formats = [{ pixelFormat: 'H264', ...ASSUMED, frameRates: [] }];
  const camera = { ...common, kind: 'videoinput', deviceId: saltedId(salt, `network picture ${name}`) } as const;
  const microphone = { ...common, kind: 'audioinput', deviceId: saltedId(salt, `network sound ${name}`) } as const;
  return [
    { ...camera, formats, controls: [], rtsp: rtsp('H264') },
    { ...microphone, rtsp: rtsp('OPUS'), sound: OPUS },
  ];
}

function describedDevice(device: CaptureDevice, { encoding, size, frameRate, sound }: DescribedMedia): CaptureDevice {
  const { assumed, ...known } = device.rtsp as RtspInput;
  const rtsp = { ...known, encoding };
  if (device.kind === 'audioinput') return { ...device, rtsp, sound };
  const [before = ASSUMED] = device.formats;
  const { width, height } = size ?? before;
  const frameRates = frameRate === undefined ? [] : [frameRate];
  return { ...device, rtsp, formats: [{ pixelFormat: PIXEL_FORMATS[encoding] ?? '', width, height, frameRates }] };
}
