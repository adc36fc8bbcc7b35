/** The effective configuration as the rooms receive it, each its own slice. The schema beside this file is the home of defaults, limits and docs. */

import type { AudioCodec, H264Profile, VideoCodec } from './codecs.ts';
import type { EventType } from './event-types.ts';

/** How a picture is turned; clockwise and counterclockwise by a quarter. */
export type Orientation =
  | 'none'
  | 'clockwise'
  | 'rotate-180'
  | 'counterclockwise'
  | 'horizontal-flip'
  | 'vertical-flip'
  | 'upper-left-diagonal'
  | 'upper-right-diagonal';

/** Which device a track wants, and how. */
export interface VideoSettings {
  /** `any` (the first camera, else the test picture), `test`, `latency`, or a device's id, label or path. */
  device: string;
  /** Ideal values in pixels and frames per second; the device's nearest is taken. */
  width: number;
  height: number;
  frameRate: number;
  orientation: Orientation;
  /** Percent to cut off at top, right, bottom and left. */
  crop: string;
  /** Text in a corner, with the conversions of strftime(3); empty: none. */
  overlay: string;
  passthrough: 'auto' | 'never';
}

/** A camera that is reached over RTSP. */
export interface NetworkCameraSettings {
  /** Without credentials. */
  url: string;
  username: string;
  /** Absolute; empty: no password. */
  passwordFile: string;
  transport: 'tcp' | 'udp';
  /** Seconds. */
  latency: number;
  timeout: number;
  /** Of rtsps://: PEM file, empty: what Node comes with; SHA-256, empty: any that is vouched for; whether any is believed. */
  caFile: string;
  fingerprint: string;
  insecure: boolean;
}

export interface AudioSettings {
  /** `any` (the first microphone, else the test tone), `test`, or a device's id, label or path. */
  device: string;
  channelCount: number;
  /** `auto`: what the device sends, else `opus`. */
  codec: AudioCodec | 'auto';
  /** dB. */
  gain: number;
}

/** RTCRtpEncodingParameters (W3C WebRTC, 5.2.2) and what encoders need besides. */
export interface EncodingSettings {
  rid: string;
  codec: VideoCodec;
  /** Of H.264. */
  profile: H264Profile;
  /** Target of the encoder in bit/s. */
  maxBitrate: number;
  /** Frames per second; undefined: as captured. */
  maxFramerate: number | undefined;
  /** 1 or more. */
  scaleResolutionDownBy: number;
  /** Seconds between key frames that nobody asked for. */
  keyFrameInterval: number;
}

export interface StreamSettings {
  enabled: boolean;
  /** False: the stream has no picture. */
  video: VideoSettings | false;
  /** False: the stream has no sound. */
  audio: AudioSettings | false;
  /** At least one; the first is what viewers get who do not choose. */
  encodings: EncodingSettings[];
  start: 'always' | 'on-demand';
  /** Seconds without a viewer after which an on-demand stream closes its devices. */
  idleTimeout: number;
}

export interface MqttSettings {
  /** Empty: a broker on 127.0.0.1 that answers, else one of our own. */
  url: string;
  baseTopic: string;
  /** Empty: made from the gateway's id. */
  clientId: string;
  username: string;
  /** Contents of the password file or of `mqtt.password`. */
  password: string;
  protocolVersion: 'auto' | '5' | '3.1.1';
  /** Seconds. */
  keepalive: number;
  /** Seconds the broker waits before it publishes our will. */
  willDelay: number;
  /** Seconds between telemetry messages; 0: none. */
  telemetryInterval: number;
  /** Seconds between pictures of a stream that is live; 0: only one when it becomes live. */
  snapshotInterval: number;
  /** Of Home Assistant. */
  discovery: { enabled: boolean; prefix: string };
  /** What every client of the broker may request, and whose tokens give more. */
  acl: {
    rights: ('view' | 'listen' | 'snapshot' | 'publish' | 'control' | 'metrics')[];
    commands: string[];
    publicKeyFile: string;
  };
  /** Port of the embedded broker. */
  embeddedPort: number;
  /** `fingerprint`: SHA-256 of the broker's certificate, as OpenSSL writes it; empty: its name is checked. */
  tls: { caFile: string; certFile: string; keyFile: string; fingerprint: string; insecure: boolean };
}

export interface ListenerSettings {
  enabled: boolean;
  host: string;
  port: number;
}

export interface RtspSettings extends ListenerSettings {
  /** Seconds without a sign of life after which a session is closed. */
  sessionTimeout: number;
  maxViewers: number;
  /** Whether RTP over UDP is offered besides TCP. */
  udp: boolean;
  /** Digest algorithms offered, in this order; none: Basic is offered. */
  digest: ('SHA-256' | 'MD5')[];
}

export interface HttpSettings extends ListenerSettings {
  /** Of MJPEG. */
  maxViewers: number;
  /** Names besides IP addresses, `localhost` and the host's own that a Host header may carry. */
  allowedHosts: string[];
  /** Origins of other sites whose pages may play our streams. */
  allowedOrigins: string[];
}

export interface WebRtcSettings extends ListenerSettings {
  maxViewers: number;
  /** `stun:` and `turn:` URLs for the browser and for us. */
  iceServers: string[];
}

export interface RtmpSettings extends ListenerSettings {
  maxViewers: number;
}

/** What is done where the machine gets hot. */
export interface ThermalSettings {
  /** Whether less is encoded. */
  reduce: boolean;
  /** Degrees Celsius from which. */
  temperature: number;
  /** Seconds that it has to be cooler before a step is taken back. */
  recovery: number;
}

/** A program that is run for events. */
export interface HookSettings {
  on: EventType[];
  /** Empty: all, and events that are about none. */
  streams: string[];
  /** The program and its arguments. */
  run: string[];
  /** Seconds. */
  timeLimit: number;
  concurrency: number;
}

export interface Settings {
  gateway: { id: string };
  log: { level: 'debug' | 'info' | 'warn' | 'error'; format: 'auto' | 'json' | 'pretty' };
  devices: { usbResetAfter: number };
  stateDirectory: string;
  access: { usersFile: string };
  mqtt: MqttSettings;
  rtsp: RtspSettings;
  http: HttpSettings;
  webrtc: WebRtcSettings;
  rtmp: RtmpSettings;
  thermal: ThermalSettings;
  cameras: Record<string, NetworkCameraSettings>;
  streams: Record<string, StreamSettings>;
  hooks: Record<string, HookSettings>;
}

/** Where a value comes from. */
export type Origin = 'default' | 'file' | 'env' | 'flag' | 'remote';

/** What the loader returns. */
export interface LoadedConfig {
  settings: Settings;
  /** Origin by path, for example `rtsp.port`; paths that are not in it are `default`. */
  origins: ReadonlyMap<string, Origin>;
  /** The effective configuration as plain JSON with secrets hidden. */
  redacted: Record<string, unknown>;
}
