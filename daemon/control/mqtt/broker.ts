import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../../lib/child.ts';
import { listenOn } from '../../lib/listen.ts';
import type { Log } from '../../lib/log.ts';
import { Supervisor } from '../../lib/supervisor.ts';
import { MqttError } from './mqtt-error.ts';
import { openConnection } from './open-connection.ts';

export interface LocalBrokerOptions {
  port: number;
  /** The configuration names this port: no other is taken. */
  portConfigured: boolean;
  username: string;
  password: string;
  /** Where the configuration of a broker of our own is written. */
  directory: string;
  /** Where `mosquitto` is looked for; default: PATH, then the system's folders. */
  path?: string;
  log: Log;
}

/** A broker on this machine, and whether it is our child. */
export interface LocalBrokerAddress {
  host: string;
  port: number;
  own: boolean;
}

const HOST = '127.0.0.1';
const CONFIGURATION = 'mosquitto.conf';
/** Debian puts the broker where only root's PATH looks. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin'];
/** Milliseconds that a broker on this machine may take to answer. */
const PROBE_TIMEOUT = 2000;
const START_TIMEOUT = 10_000;

/**
 * The broker of a gateway for which none is configured: one that answers on this machine already, else Mosquitto as a
 * child of ours, on loopback only, since it lets everybody in.
 */
export class LocalBroker {
  readonly #options: LocalBrokerOptions;
  #supervisor: Supervisor<never, never> | undefined;
  #address: LocalBrokerAddress | undefined;

  constructor(options: LocalBrokerOptions) {
    this.#options = options;
  }

  /**
   * Finds or starts it, and remembers it: a broker that was found once is waited for when it goes away.
   * @throws MqttError `no-broker` when Mosquitto is not installed, `timeout` when it does not start; PortTakenError.
   */
  async locate(): Promise<LocalBrokerAddress> {
    if (this.#address !== undefined) return this.#address;
    const { port, log } = this.#options;
    const found = port === 0 ? 'silent' : await this.#probe(port);
    if (found === 'answers') {
      log.info({ port }, 'using the MQTT broker that answers on this machine');
      this.#address = { host: HOST, port, own: false };
    } else {
      if (found === 'refuses') {
        log.warn(
          { port },
          'the MQTT broker on this machine does not let us in (mqtt.username, mqtt.password): starting one of our own',
        );
      }
      this.#address = { host: HOST, port: await this.#startOwn(), own: true };
    }
    return this.#address;
  }

  /** Stops a broker of our own; another's goes on. Idempotent. */
  async stop(): Promise<void> {
    await this.#supervisor?.stop();
    this.#supervisor = undefined;
    this.#address = undefined;
  }

  async #startOwn(): Promise<number> {
    const { port: wanted, portConfigured, directory, log } = this.#options;
    const program = findProgram('mosquitto', this.#options.path);
    if (program === undefined) {
      throw new MqttError(
        'no-broker',
        `no MQTT broker answers on ${HOST}:${wanted} and Mosquitto is not installed: "apt install mosquitto", or set mqtt.url`,
      );
    }
    let port = wanted;
    await listenOn('MQTT broker', wanted, portConfigured, async (candidate) => {
      port = await tryListening(candidate);
    });
    const configuration = join(directory, CONFIGURATION);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(configuration, configurationFor(port), { mode: 0o600 });
    await chmod(configuration, 0o600);
    this.#supervisor = new Supervisor<never, never>({
      name: 'mosquitto',
      log,
      start: () => new Child({ run: { program, args: ['-c', configuration] }, name: 'mosquitto', log }),
    });
    this.#supervisor.start();
    const until = performance.now() + START_TIMEOUT;
    while ((await this.#probe(port)) !== 'answers') {
      if (performance.now() > until) {
        await this.stop();
        throw new MqttError('timeout', `Mosquitto did not start within ${START_TIMEOUT / 1000} s`);
      }
      await sleep(20);
    }
    log.info({ port }, 'started an MQTT broker of our own, for this machine only');
    return port;
  }

  /** A real CONNECT, since something else may listen there. */
  async #probe(port: number): Promise<'answers' | 'refuses' | 'silent'> {
    const { username, password } = this.#options;
    try {
      const connection = await openConnection({
        url: `mqtt://${HOST}:${port}`,
        // Every broker speaks 3.1.1.
        version: 4,
        clientId: '',
        clean: true,
        username,
        password,
        keepalive: 60,
        tls: { caFile: '', certFile: '', keyFile: '', fingerprint: '', insecure: false },
        timeout: PROBE_TIMEOUT,
      });
      await connection.close(PROBE_TIMEOUT);
      return 'answers';
    } catch (error) {
      return error instanceof MqttError && error.code === 'refused' ? 'refuses' : 'silent';
    }
  }
}

/**
 * Where the broker of a gateway on this machine may be found for which none is configured, the likeliest first.
 * @param directory where such a gateway writes the configuration of a broker of its own
 * @param port where it looks for one
 */
export async function localBrokerUrls(directory: string, port: number): Promise<string[]> {
  // Not there, or not for us to read: then it is found at its usual port or not at all.
  const text = await readFile(join(directory, CONFIGURATION), 'utf8').catch(() => '');
  const own = /^listener (\d+)/.exec(text)?.[1];
  const ports = new Set([...(own === undefined ? [] : [Number(own)]), port === 0 ? 1883 : port]);
  return [...ports].map((each) => `mqtt://${HOST}:${each}`);
}

function configurationFor(port: number): string {
  return [
    `listener ${port} ${HOST}`,
    'allow_anonymous true',
    'persistence false',
    'set_tcp_nodelay true',
    'connection_messages false',
    'log_dest stderr',
    'log_type error',
    'log_type warning',
    'log_timestamp false',
    '',
  ].join('\n');
}

/** Listens for a moment: rejects where somebody else does. Returns the port, which matters for 0, any free one. */
function tryListening(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: HOST, exclusive: true }, () => {
      const { port: free } = server.address() as AddressInfo;
      server.close(() => resolve(free));
    });
  });
}

function findProgram(
  name: string,
  path = [process.env.PATH ?? '', ...SYSTEM_FOLDERS].join(delimiter),
): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((candidate) => {
      try {
        accessSync(candidate, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
