import { test } from 'tap';
import { Metrics, type MetricsReport, type StreamMetrics } from '../../daemon/telemetry/metrics.ts';

const CAMERA: StreamMetrics = {
  stream: 'camera',
  up: true,
  frames: 300,
  framesDropped: [
    { reason: 'encoder', kind: 'video', encoding: 'main', count: 5 },
    { reason: 'slow-viewer', kind: '', encoding: '', count: 4 },
  ],
  lastFrameAge: 0.03,
  latency: { '0.5': 0.02, '0.99': 0.05 },
  sound: { peak: -3, rms: -12.5 },
  loss: { webrtc: 0.25 },
  viewers: { rtsp: 2, webrtc: 1 },
  sentBytes: { rtsp: 1_000_000 },
  captureRestarts: { died: 1 },
  captureTransitions: [{ track: 'video', event: 'packet', to: 'live', count: 2 }],
};

function report(...streams: StreamMetrics[]): MetricsReport {
  return {
    versions: { gateway: '0.1.0', node: '20.20.2', gstreamer: '1.22.0' },
    streams,
    mqtt: { connected: true, queued: 3, dropped: 0, reconnects: 2 },
    usbResets: { done: 1, failed: 2 },
    authFailures: { rtsp: 5 },
    machine: {
      cpu: 0.5,
      memory: { total: 1, available: 1 },
      processes: [{ name: 'capture/worker', pid: 42, pss: 30_000_000 }],
      temperature: undefined,
      throttling: { now: false, sinceBoot: true, undervoltage: false },
      disk: { total: 10, free: 4 },
      wifi: { wlan0: -56 },
      network: {},
      clockTrusted: false,
      uptime: 1,
    },
  };
}

/** Samples without comments. */
function samples(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('a scrape shows the report', async (t) => {
  const metrics = new Metrics({ collect: async () => report(CAMERA) });
  t.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
  const text = await metrics.text();
  const found = samples(text);
  for (const expected of [
    'vedette_build_info{version="0.1.0",node="20.20.2",gst="1.22.0"} 1',
    'vedette_camera_up{camera="camera"} 1',
    'vedette_frames_total{camera="camera",stage="capture"} 300',
    'vedette_frames_dropped_total{camera="camera",reason="encoder",kind="video",encoding="main"} 5',
    'vedette_frames_dropped_total{camera="camera",reason="slow-viewer",kind="",encoding=""} 4',
    'vedette_last_frame_age_seconds{camera="camera"} 0.03',
    'vedette_latency_seconds{camera="camera",quantile="0.99"} 0.05',
    'vedette_sound_level_dbfs{camera="camera",measure="rms"} -12.5',
    'vedette_viewer_loss_ratio{camera="camera",protocol="webrtc"} 0.25',
    'vedette_viewers{camera="camera",protocol="rtsp"} 2',
    'vedette_viewers{camera="camera",protocol="webrtc"} 1',
    'vedette_sent_bytes_total{camera="camera",protocol="rtsp"} 1000000',
    'vedette_capture_restarts_total{camera="camera",reason="died"} 1',
    'vedette_capture_transitions_total{camera="camera",track="video",event="packet",to="live"} 2',
    'vedette_usb_resets_total{outcome="failed"} 2',
    'vedette_mqtt_connected 1',
    'vedette_mqtt_queue_messages 3',
    'vedette_mqtt_queue_dropped_total 0',
    'vedette_mqtt_reconnects_total 2',
    'vedette_auth_failures_total{protocol="rtsp"} 5',
    'vedette_throttled 0',
    'vedette_cpu_ratio 0.5',
    'vedette_process_memory_bytes{process="capture/worker:42"} 30000000',
    'vedette_disk_free_bytes 4',
    'vedette_clock_trusted 0',
  ])
    t.ok(found.includes(expected), expected);
  t.notOk(
    found.some((line) => line.startsWith('vedette_soc_temperature')),
    'no figure where the board tells none',
  );
  t.match(text, /# TYPE vedette_frames_total counter/);
  t.match(text, /# TYPE vedette_viewers gauge/);
});

test('each scrape is anew: what is gone is not shown, counters are not added up', async (t) => {
  let now = report(CAMERA);
  const metrics = new Metrics({ collect: () => now });
  const first = await metrics.text();
  const [second, third] = await Promise.all([metrics.text(), metrics.text()]);
  t.equal(second, first);
  t.equal(third, first);
  now = report();
  t.notMatch(await metrics.text(), /camera="/);
});
