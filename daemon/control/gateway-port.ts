import type { H264Profile } from '../../config/codecs.ts';
import type { EventType } from '../../config/event-types.ts';
import type { ConfigPort } from './config-port.ts';
import type { LogPort } from './log-tail.ts';

/** What the control room needs of the gateway: declared here, implemented by the composition root. */

export const CONTROL_ERROR_CODES = [
  'unknown_command',
  'invalid_request',
  'not_found',
  'conflict',
  'forbidden',
  'expired',
  'unavailable',
  'busy',
  'timeout',
  'internal',
] as const;
export type ControlErrorCode = (typeof CONTROL_ERROR_CODES)[number];

/** A request that could not be carried out; nothing was changed. */
export class ControlError extends Error {
  readonly code: ControlErrorCode;
  /** JSON pointer to what is wrong, for example `/streams/front/video/width`. */
  readonly path: string | undefined;

  constructor(code: ControlErrorCode, message: string, path?: string) {
    super(message);
    this.name = 'ControlError';
    this.code = code;
    this.path = path;
  }
}

export interface GatewayInfo {
  id: string;
  apiVersion: string;
  versions: { gateway: string; node: string; gstreamer: string; os: string };
  board: string;
  bootId: string;
  /** ISO 8601. */
  startedAt: string;
  /** Whether the machine's clock has been set by NTP or the like. */
  clockTrusted: boolean;
  listeners: { protocol: string; url: string }[];
  features: string[];
  /** `failed`: why it does not encode here, or another one takes its place for a while. */
  encoders: { name: string; codec: string; hardware: boolean; chosen: boolean; version?: string; failed?: string }[];
  /** What pictures can be encoded with here; `reason`: why not. */
  codecs: { codec: string; encodes: boolean; reason?: string }[];
  /** Nobody on the broker is restricted unless `mqtt.acl` says so. */
  brokerTrusted: boolean;
}

export interface DeviceReport {
  deviceId: string;
  kind: 'videoinput' | 'audioinput';
  label: string;
  groupId: string;
  path: string;
  bus: string;
  /** Links to its node, by what it is and by where it hangs. */
  links?: string[];
  serial?: string;
  formats: { pixelFormat: string; width: number; height: number; frameRates: number[] }[];
  controls: {
    name: string;
    type: 'integer' | 'number' | 'boolean' | 'menu' | 'button';
    min?: number;
    max?: number;
    step?: number;
    default?: number;
    value?: number;
    menu?: { value: number; label: string }[];
    readOnly?: boolean;
    inactive?: boolean;
  }[];
  /** Names of the streams that use it now. */
  inUseBy: string[];
}

/** One control of a camera, with the driver's own limits. */
export type DeviceControlReport = DeviceReport['controls'][number];

/** Cameras' own controls: exposure, focus, ... */
export interface DeviceControlsPort {
  /** Asks every device again. */
  rescan(): Promise<void>;
  /** The controls with their values as of now. @throws ControlError `not_found`, `unavailable`. */
  read(deviceId: string): Promise<DeviceControlReport[]>;
  /** Sets values that fit the device's own list. @returns what the device has then. @throws ControlError `unavailable` with the driver's words. */
  write(deviceId: string, values: Readonly<Record<string, number>>): Promise<DeviceControlReport[]>;
}

/** A viewer. */
export interface SessionReport {
  /** Not the secret that the viewer's own requests carry. */
  id: string;
  protocol: string;
  stream: string;
  remoteAddress: string;
  user?: string;
  /** ISO 8601. */
  since: string;
  /** bit/s over about the last second. */
  bitrate?: number;
  /** Frames left out for want of room in its queue. */
  droppedFrames?: number;
  /** Share of packets that its last report called lost, 0 to 1. */
  loss?: number;
}

export interface SessionsPort {
  list(): SessionReport[];
  /** Disconnects a viewer. @throws ControlError `not_found`. */
  close(id: string): SessionReport;
}

/** Which track of a stream: of a kind, in one of the encodings (default: the first), or by its id. */
export interface TrackChoice {
  stream: string;
  kind?: 'audio' | 'video' | undefined;
  rid?: string | undefined;
  id?: string | undefined;
}

/** A track with its dictionaries (W3C Media Capture and Streams, 4.3). */
export interface TrackReport {
  stream: string;
  id: string;
  kind: 'audio' | 'video';
  constraints: Record<string, unknown>;
  settings: Record<string, unknown>;
  capabilities: Record<string, unknown>;
}

export interface TracksPort {
  /** @throws ControlError `not_found`. */
  get(choice: TrackChoice): TrackReport;
  /**
   * @param constraints MediaTrackConstraints; they hold until the stream is restarted.
   * @throws ControlError `invalid_request` with the path of the constraint; others for what the device refuses. Then
   *   nothing has changed.
   */
  applyConstraints(track: Pick<TrackReport, 'stream' | 'id'>, constraints: object): Promise<TrackReport>;
}

/** WebRTC signalling for a viewer who reaches us over this surface only. */
export interface SignallingPort {
  /** @returns the session's secret id and the complete answer. @throws ControlError. */
  offer(offer: {
    stream: string;
    rid?: string | undefined;
    sdp: string;
    kinds: readonly ('video' | 'audio')[];
  }): Promise<{
    session: string;
    sdp: string;
  }>;
  addCandidate(session: string, mid: string, candidate: string): void;
  close(session: string): void;
}

/** The verdict over everything that can be unwell. */
export interface HealthReport {
  status: 'ok' | 'degraded' | 'failing';
  components: { component: string; ok: boolean; reason?: string }[];
}

/** What Prometheus shows under one name. */
export interface MetricFamily {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  samples: { labels: Record<string, string>; value: number }[];
}

export type StreamStateName = 'idle' | 'starting' | 'live' | 'muted' | 'privacy' | 'error';

export interface StreamReport {
  name: string;
  /** Viewers may come; false after stopStream(). */
  enabled: boolean;
  state: StreamStateName;
  reason?: string;
  /** ISO 8601. */
  since: string;
  tracks: {
    kind: 'audio' | 'video';
    id: string;
    label: string;
    muted: boolean;
    settings: Record<string, unknown>;
    /** Those that were applied, over what the configuration wishes. */
    constraints?: Record<string, unknown>;
  }[];
  encodings: Record<string, unknown>[];
  /** What is made of them while the machine is hot: shares of 1. */
  reduction?: { frameRate: number; bitrate: number };
  viewers: Record<string, number>;
  /** Measured over the last seconds. */
  bitrate: number;
  frameRate: number;
  urls: Record<string, string>;
  /** What the controls of its camera are set to. */
  controls: Record<string, number>;
}

export interface EncodingChange {
  /** Default: the first encoding. */
  rid?: string;
  /** bit/s. */
  maxBitrate?: number;
  maxFramerate?: number;
  scaleResolutionDownBy?: number;
  /** Seconds. */
  keyFrameInterval?: number;
  /** Of H.264. */
  profile?: H264Profile;
}

/** Something happened; `events.ts` says what each type tells. */
export interface GatewayEvent {
  type: EventType;
  stream?: string;
  data?: Record<string, unknown>;
}

/** An event as it is told. */
export interface StampedEvent extends GatewayEvent {
  /** Unique, over restarts too. */
  readonly id: string;
  /** ISO 8601, as the machine believes. */
  readonly time: string;
  /** Seconds since the machine was started, which nobody can set. */
  readonly uptime: number;
}

/** Called when something that is published has changed. */
export interface GatewayObserver {
  infoChanged(): void;
  devicesChanged(): void;
  /** Also when a stream is gone: then {@link GatewayPort.stream} no longer knows it. */
  streamChanged(name: string): void;
  configChanged(): void;
  event(event: StampedEvent): void;
}

/** All methods reject or throw with a {@link ControlError}. */
export interface GatewayPort {
  readonly log: LogPort;
  readonly deviceControls: DeviceControlsPort;
  readonly tracks: TracksPort;
  readonly sessions: SessionsPort;
  readonly signalling: SignallingPort;
  readonly configuration: ConfigPort;
  observe(observer: GatewayObserver): () => void;
  /** Tells everybody who observes of it. */
  event(event: GatewayEvent): void;
  info(): GatewayInfo;
  devices(): DeviceReport[];
  streamNames(): string[];
  stream(name: string): StreamReport;
  /** Starts capture and encoding without waiting for a viewer; resolves when the picture flows. */
  startStream(name: string): Promise<StreamReport>;
  /** Lets viewers come, without capturing before one does; or the same as stopStream(). */
  setStreamEnabled(name: string, enabled: boolean): Promise<StreamReport>;
  /** Captures anew, in new processes; viewers stay. */
  restartStream(name: string): Promise<StreamReport>;
  /** Closes devices and disconnects viewers until startStream(). */
  stopStream(name: string): Promise<StreamReport>;
  requestKeyFrame(name: string): void;
  snapshot(name: string): Promise<{ jpeg: Buffer; width: number; height: number }>;
  /** Privacy: devices closed, a picture that says so on every output; over restarts and reboots, until it is taken back. */
  setPrivacy(name: string, on: boolean): Promise<StreamReport>;
  setEncoding(name: string, change: EncodingChange): Promise<StreamReport>;
  /** Ends the process so that its supervisor starts it again; called after the answer went out. */
  restart(): void;
  health(): HealthReport;
  metrics(): Promise<MetricFamily[]>;
  /** Measurements for the telemetry topic. */
  telemetry(): Promise<Record<string, unknown>>;
}
