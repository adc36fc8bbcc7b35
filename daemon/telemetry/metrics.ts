import type { Counter, Gauge, Registry } from 'prom-client';
import type { MachineReport } from './system.ts';

/** The counters and states of one stream, as the gateway has them. Counters only grow while the process lives. */
export interface StreamMetrics {
  stream: string;
  /** Its picture flows, or it is idle because nobody wants it. */
  up: boolean;
  /** Frames that came from capture. */
  frames: number;
  /** Frames not delivered: why, and where they are of a track, its kind and encoding. */
  framesDropped: readonly { reason: string; kind: string; encoding: string; count: number }[];
  /** Seconds; undefined when there was none or nobody watches. */
  lastFrameAge: number | undefined;
  /** Seconds by quantile, from capture until a frame was handed to its readers; undefined while none flow. */
  latency: Readonly<Record<string, number>> | undefined;
  /** dB relative to full scale, by measure; undefined while no sound flows. */
  sound: Readonly<Record<'peak' | 'rms', number>> | undefined;
  /** By protocol: share of packets lost on the way to the viewer who loses most, as the viewers report it. */
  loss: Readonly<Record<string, number>>;
  /** By protocol. */
  viewers: Readonly<Record<string, number>>;
  /** Bytes by protocol. */
  sentBytes: Readonly<Record<string, number>>;
  /** By reason: `died`, `stalled`, ... */
  captureRestarts: Readonly<Record<string, number>>;
  /** Of the sources of its tracks. */
  captureTransitions: readonly { track: 'audio' | 'video'; event: string; to: string; count: number }[];
}

/** Everything a scrape shows, collected when it is asked for. */
export interface MetricsReport {
  versions: { gateway: string; node: string; gstreamer: string };
  streams: readonly StreamMetrics[];
  mqtt: { connected: boolean; queued: number; dropped: number; reconnects: number };
  /** By outcome: `done`, `failed`. */
  usbResets: Readonly<Record<string, number>>;
  /** By protocol. */
  authFailures: Readonly<Record<string, number>>;
  machine: MachineReport;
}

interface Sample {
  labels?: Record<string, string>;
  value: number;
}

/** The samples under one name. */
export interface MetricFamily {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  samples: { labels: Record<string, string>; value: number }[];
}

interface MetricDefinition {
  help: string;
  labels?: readonly string[];
  read: (report: MetricsReport) => Sample[];
}

/** The one table of what is exposed. Names ending in `_total` are counters, the others gauges; units are base units. */
const METRICS: Readonly<Record<string, MetricDefinition>> = {
  vedette_build_info: {
    help: 'Versions; the value is always 1',
    labels: ['version', 'node', 'gst'],
    read: ({ versions }) => [
      { labels: { version: versions.gateway, node: versions.node, gst: versions.gstreamer }, value: 1 },
    ],
  },
  vedette_camera_up: {
    help: 'Whether the stream works: live, or idle because nobody watches',
    labels: ['camera'],
    read: perStream(({ up }) => Number(up)),
  },
  vedette_frames_total: {
    help: 'Frames that came from capture',
    labels: ['camera', 'stage'],
    read: ({ streams }) =>
      streams.map(({ stream, frames }) => ({ labels: { camera: stream, stage: 'capture' }, value: frames })),
  },
  vedette_frames_dropped_total: {
    help: 'Frames that were not delivered; before the encoder of a sound: buffers of its device',
    labels: ['camera', 'reason', 'kind', 'encoding'],
    read: ({ streams }) =>
      streams.flatMap(({ stream, framesDropped }) =>
        framesDropped.map(({ count, ...labels }) => ({ labels: { camera: stream, ...labels }, value: count })),
      ),
  },
  vedette_last_frame_age_seconds: {
    help: 'Time since the last frame of a stream that somebody watches',
    labels: ['camera'],
    read: perStream(({ lastFrameAge }) => lastFrameAge),
  },
  vedette_latency_seconds: {
    help: 'From the capture of a frame until it was handed to its viewers, of the newest frames',
    labels: ['camera', 'quantile'],
    read: perStreamAnd('quantile', ({ latency = {} }) => latency),
  },
  vedette_sound_level_dbfs: {
    help: 'How loud the sound is, relative to full scale: 0 is the loudest, -96 is silence',
    labels: ['camera', 'measure'],
    read: perStreamAnd('measure', ({ sound }) => sound ?? {}),
  },
  vedette_viewer_loss_ratio: {
    help: 'Share of packets lost on the way to the viewer who loses most, as the viewers report it',
    labels: ['camera', 'protocol'],
    read: perStreamAnd('protocol', ({ loss }) => loss),
  },
  vedette_viewers: {
    help: 'Viewers now',
    labels: ['camera', 'protocol'],
    read: perStreamAnd('protocol', (stream) => stream.viewers),
  },
  vedette_sent_bytes_total: {
    help: 'Media bytes sent to viewers',
    labels: ['camera', 'protocol'],
    read: perStreamAnd('protocol', (stream) => stream.sentBytes),
  },
  vedette_capture_restarts_total: {
    help: 'Restarts of capture workers',
    labels: ['camera', 'reason'],
    read: perStreamAnd('reason', (stream) => stream.captureRestarts),
  },
  vedette_capture_transitions_total: {
    help: 'What happened to the source of a track and the state that it led to',
    labels: ['camera', 'track', 'event', 'to'],
    read: ({ streams }) =>
      streams.flatMap(({ stream, captureTransitions }) =>
        captureTransitions.map(({ track, event, to, count }) => ({
          labels: { camera: stream, track, event, to },
          value: count,
        })),
      ),
  },
  vedette_usb_resets_total: {
    help: 'Cameras that were reset over the USB, and attempts at it that failed',
    labels: ['outcome'],
    read: ({ usbResets }) => labelled('outcome', usbResets),
  },
  vedette_mqtt_connected: { help: 'Whether the broker is connected', read: ({ mqtt }) => one(Number(mqtt.connected)) },
  vedette_mqtt_queue_messages: { help: 'Messages that wait for the broker', read: ({ mqtt }) => one(mqtt.queued) },
  vedette_mqtt_queue_dropped_total: {
    help: 'Messages that were dropped for lack of room',
    read: ({ mqtt }) => one(mqtt.dropped),
  },
  vedette_mqtt_reconnects_total: { help: 'Connections after the first', read: ({ mqtt }) => one(mqtt.reconnects) },
  vedette_auth_failures_total: {
    help: 'Refused credentials',
    labels: ['protocol'],
    read: ({ authFailures }) => labelled('protocol', authFailures),
  },
  vedette_soc_temperature_celsius: {
    help: 'Temperature of the processor',
    read: ({ machine }) => one(machine.temperature),
  },
  vedette_throttled: {
    help: 'Whether the board slows down now for heat or low voltage',
    read: ({ machine }) => one(machine.throttling === undefined ? undefined : Number(machine.throttling.now)),
  },
  vedette_wifi_signal_dbm: {
    help: 'Signal of the access point',
    labels: ['interface'],
    read: ({ machine }) => labelled('interface', machine.wifi),
  },
  vedette_cpu_ratio: { help: 'Use of all processor cores, 0 to 1', read: ({ machine }) => one(machine.cpu) },
  vedette_process_memory_bytes: {
    help: 'Proportional set size of a process of the gateway',
    labels: ['process'],
    read: ({ machine }) =>
      machine.processes.map(({ name, pid, pss }) => ({ labels: { process: `${name}:${pid}` }, value: pss })),
  },
  vedette_disk_free_bytes: {
    help: 'Free space of the state directory',
    read: ({ machine }) => one(machine.disk?.free),
  },
  vedette_clock_trusted: {
    help: 'Whether the clock has been set',
    read: ({ machine }) => one(Number(machine.clockTrusted)),
  },
};

interface Exposition {
  registry: Registry;
  metrics: { definition: MetricDefinition; metric: Gauge | Counter }[];
}

/** The Prometheus exposition of a report, made when it is scraped and never in between. */
export class Metrics {
  /** Prometheus text format 0.0.4. */
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  readonly #collect: () => MetricsReport | Promise<MetricsReport>;
  #exposition: Promise<Exposition> | undefined;

  constructor(options: { collect: () => MetricsReport | Promise<MetricsReport> }) {
    this.#collect = options.collect;
  }

  /** What {@link text} shows, as values. */
  async families(): Promise<MetricFamily[]> {
    const report = await this.#collect();
    return Object.entries(METRICS).map(([name, { help, read }]) => ({
      name,
      type: name.endsWith('_total') ? 'counter' : 'gauge',
      help,
      samples: read(report).map(({ labels = {}, value }) => ({ labels, value })),
    }));
  }

  async text(): Promise<string> {
    this.#exposition ??= exposition();
    const [{ registry, metrics }, report] = await Promise.all([this.#exposition, this.#collect()]);
    for (const { definition, metric } of metrics) {
      // The numbers are counted where things happen; here they are only shown, so each scrape writes them anew.
      metric.reset();
      if (definition.labels === undefined) metric.remove();
      for (const { labels = {}, value } of definition.read(report)) metric.inc(labels, value);
    }
    return registry.metrics();
  }
}

/** Most gateways are never scraped: the library is loaded for the first who asks. */
async function exposition(): Promise<Exposition> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  const metrics = Object.entries(METRICS).map(([name, definition]) => {
    const Type = name.endsWith('_total') ? Counter : Gauge;
    const { help, labels = [] } = definition;
    return { definition, metric: new Type({ name, help, labelNames: labels, registers: [registry] }) };
  });
  return { registry, metrics };
}

function one(value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ value }];
}

function labelled(
  label: string,
  values: Readonly<Record<string, number>>,
  more: Record<string, string> = {},
): Sample[] {
  return Object.entries(values).map(([key, value]) => ({ labels: { ...more, [label]: key }, value }));
}

function perStream(read: (stream: StreamMetrics) => number | undefined): MetricDefinition['read'] {
  return ({ streams }) =>
    streams.flatMap((stream) => one(read(stream)).map((sample) => ({ ...sample, labels: { camera: stream.stream } })));
}

function perStreamAnd(
  label: string,
  read: (stream: StreamMetrics) => Readonly<Record<string, number>>,
): MetricDefinition['read'] {
  return ({ streams }) => streams.flatMap((stream) => labelled(label, read(stream), { camera: stream.stream }));
}
