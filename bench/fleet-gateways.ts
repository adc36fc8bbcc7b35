/**
 * Many gateways of bench/fleet.ts in one process: the real control room of each, over what a gateway with one USB camera
 * reports. Arguments: the URL of the broker, the number of the first, how many. Told what to do over IPC.
 */
import { tmpdir } from 'node:os';
import { loadConfig } from '../config/loader.ts';
import type { MqttSettings } from '../config/settings.ts';
import { Controller } from '../daemon/control/controller.ts';
import type { DeviceReport } from '../daemon/control/gateway-port.ts';
import { MqttControl } from '../daemon/control/mqtt/control.ts';
import { RequestRights } from '../daemon/control/request-rights.ts';
import { systemClock } from '../daemon/lib/clock.ts';
import { silentLog } from '../daemon/lib/log.ts';
import { FakeGateway } from '../test/support/fake-gateway.ts';

/** What is asked of this process, and what it answers. */
export interface FleetQuestion {
  do: 'start' | 'status' | 'stop';
}
export interface FleetStatus {
  connected: number;
  queued: number;
  dropped: number;
  reconnects: number;
}

/** Seconds between telemetry messages, as the goal has it. */
export const TELEMETRY_INTERVAL = 60;

const SIZES = [
  [1920, 1080],
  [1280, 720],
  [1024, 576],
  [800, 600],
  [640, 480],
  [320, 240],
] as const;

const { settings, redacted } = await loadConfig({ file: false, env: {}, hostname: 'gateway' });

/** The test's gateway, with reports as long as those of a real one. */
class BenchGateway extends FakeGateway {
  constructor() {
    super('camera');
    const report = { ...this.configuration.report(), config: redacted as Record<string, unknown>, history: [] };
    this.configuration.report = () => report;
  }

  override devices(): DeviceReport[] {
    const [camera] = super.devices();
    const formats = ['MJPG', 'YUYV'].flatMap((pixelFormat) =>
      SIZES.map(([width, height]) => ({ pixelFormat, width, height, frameRates: [30, 25, 15, 10] })),
    );
    return camera === undefined ? [] : [{ ...camera, formats }];
  }

  /** As a Raspberry Pi 4 tells it with a viewer over WebRTC. */
  override async telemetry(): Promise<Record<string, unknown>> {
    const components = ['power', 'disk', 'stream camera', 'mqtt'].map((component) => ({ component, ok: true }));
    const counters = { received: 3_655_604_570 + Math.random() * 1e6, sent: 12_645_913_000 };
    return {
      health: { status: 'ok', components },
      machine: {
        cpu: Math.random(),
        memory: { total: 3_981_000_704, available: 3_253_412_864 },
        processes: ['daemon', 'capture/worker camera', 'webrtc/worker'].map((name, i) => ({
          name,
          pid: 2000 + i,
          pss: 38_402_048,
        })),
        temperature: 52.3,
        throttling: { now: false, sinceBoot: false, undervoltage: false },
        disk: { total: 31_268_536_320, free: 27_583_646_920 },
        wifi: { wlan0: -57 },
        network: { eth0: counters, wlan0: counters },
        clockTrusted: true,
        uptime: Math.random() * 1e6,
      },
      streams: { camera: { state: 'live', bitrate: 1_900_000 * Math.random(), frameRate: 30, viewers: { webrtc: 1 } } },
    };
  }
}

function gateway(url: string, number: number): MqttControl {
  const mqtt: MqttSettings = { ...settings.mqtt, url, telemetryInterval: TELEMETRY_INTERVAL };
  const port = new BenchGateway();
  const rights = new RequestRights({ acl: () => mqtt.acl, audience: () => [], clock: systemClock });
  return new MqttControl({
    settings: mqtt,
    gatewayId: `gateway-${String(number).padStart(4, '0')}`,
    controller: new Controller({ gateway: port, rights, clock: systemClock, log: silentLog }),
    gateway: port,
    directory: tmpdir(),
    log: silentLog,
  });
}

const [url = '', first = '0', count = '0'] = process.argv.slice(2);
const gateways = Array.from({ length: Number(count) }, (_, i) => gateway(url, Number(first) + i));

async function carryOut({ do: what }: FleetQuestion): Promise<FleetStatus> {
  if (what === 'start') await Promise.all(gateways.map((each) => each.start()));
  if (what === 'stop') await Promise.all(gateways.map((each) => each.stop()));
  const states = gateways.map((each) => each.status());
  const sum = (of: (status: (typeof states)[number]) => number): number =>
    states.reduce((total, each) => total + of(each), 0);
  return {
    connected: sum(({ connected }) => Number(connected)),
    queued: sum(({ queued }) => queued),
    dropped: sum(({ dropped }) => dropped),
    reconnects: sum(({ reconnects }) => reconnects),
  };
}

if (process.send !== undefined) {
  process.on('disconnect', () => process.exit());
  process.on('message', (question: FleetQuestion) => {
    void carryOut(question).then((status) => {
      process.send?.(status);
      if (question.do === 'stop') process.disconnect();
    });
  });
  process.send({ connected: 0, queued: 0, dropped: 0, reconnects: 0 } satisfies FleetStatus);
}
