import type { Test } from 'tap';
import { Daemon } from './daemon.ts';
import { Listener, Mosquitto, until } from './mosquitto.ts';

/** Where the gateway's topics are. */
export const B = 'vedette/porch';
export const SECRET = 'planted-7f3a';
// The daemons inherit it: a command line would show it to everybody.
process.env.VEDETTE_MQTT_PASSWORD = SECRET;

export interface World {
  broker: Mosquitto;
  daemon: Daemon;
  listener: Listener;
  /** Sends a request and waits for its answer. */
  ask(command: string, payload?: object): Promise<Answer>;
  /** The stream's newest state on its topic. */
  state(): Record<string, unknown>;
}

export interface Answer {
  status: string;
  data: Record<string, unknown>;
  error?: { code: string; path?: string; message: string };
}

/** A real gateway on a real broker of somebody else. @param settings more of them, by path. */
export async function world(t: Test, settings: Record<string, string> = {}): Promise<World> {
  const broker = new Mosquitto();
  await broker.start();
  const daemon = new Daemon({
    'mqtt.url': broker.url,
    'mqtt.keepalive': '5',
    'mqtt.willDelay': '0',
    'mqtt.username': 'porch',
    'mqtt.telemetryInterval': '5',
    'log.level': 'debug',
    ...settings,
  });
  const listener = new Listener(broker.url);
  t.teardown(async () => {
    await listener.stop();
    await daemon.stop();
    await broker.stop();
  });
  await listener.subscribe(`${B}/#`);
  await daemon.start();
  await until(() => listener.on(`${B}/availability`).at(-1)?.text === 'online', 'online');
  let asked = 0;
  return {
    broker,
    daemon,
    listener,
    ask: async (command, payload = {}) => {
      const transaction = `t${++asked}`;
      await listener.client.publishAsync(`${B}/request/${command}`, JSON.stringify({ ...payload, transaction }), {
        qos: 1,
      });
      const answers = () => listener.on(`${B}/response/${command}`).map(({ text }) => JSON.parse(text));
      await until(
        () => answers().some((answer) => answer.transaction === transaction),
        `an answer to ${command}`,
        40_000,
      );
      return answers().find((answer) => answer.transaction === transaction);
    },
    state: () => JSON.parse(listener.on(`${B}/streams/camera/state`).at(-1)?.text || '{}'),
  };
}
