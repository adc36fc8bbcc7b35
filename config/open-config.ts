import { join } from 'node:path';
import { type Clock, systemClock } from '../daemon/lib/clock.ts';
import { pointer } from './check.ts';
import { ConfigError } from './config-error.ts';
import { type LoadOptions, type LocalConfig, readLocalConfig } from './loader.ts';
import { type RemoteLayer, valuesIn } from './remote-layer.ts';
import { type RemoteAction, RemoteStore } from './remote-store.ts';
import type { LoadedConfig } from './settings.ts';

/** The configuration of a gateway: what holds, and what it is made of. */
export interface OpenConfig {
  readonly config: LoadedConfig;
  readonly local: LocalConfig;
  readonly store: RemoteStore;
  /** Why the remote layer does not hold; for people. */
  readonly fault: { code: 'unreadable' | 'invalid'; message: string } | undefined;
}

/** The same, ready for a gateway to run with. */
export interface RecoveredConfig extends OpenConfig {
  readonly fault: undefined;
  /** What had to be done for that. */
  readonly incidents: readonly RemoteIncident[];
}

/** Something that was done to the remote configuration without anybody asking for it. */
export interface RemoteIncident {
  action: RemoteAction;
  /** For people. */
  reason: string;
  /** JSON pointers of what holds no more. */
  paths: readonly string[];
}

/** In the state directory. */
const FILE = 'remote-config.json';

/**
 * The configuration with what was set from afar; where that is of no use, without it. Nothing is changed.
 * @throws ConfigError for what stands at the machine
 */
export async function openConfig(options: LoadOptions = {}, clock: Clock = systemClock): Promise<OpenConfig> {
  const local = await readLocalConfig(options);
  // Where the remote layer is kept is a matter of the machine.
  const config = await local.load();
  const store = new RemoteStore({ path: join(config.settings.stateDirectory, FILE), clock });
  try {
    await store.read();
  } catch (error) {
    const message = `${store.path} cannot be used: ${(error as Error).message}`;
    return { local, store, config, fault: { code: 'unreadable', message } };
  }
  return { local, store, ...(await loadLayer(local, store.current.layer, config)) };
}

/** The configuration that there was, with what was set from afar meanwhile. */
export async function reopenConfig({ local, store }: OpenConfig): Promise<OpenConfig> {
  return { local, store, ...(await loadLayer(local, store.current.layer, await local.load())) };
}

async function loadLayer(
  local: LocalConfig,
  layer: RemoteLayer,
  otherwise: LoadedConfig,
): Promise<Pick<OpenConfig, 'config' | 'fault'>> {
  try {
    return { config: await local.load(layer), fault: undefined };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: otherwise, fault: { code: 'invalid', message: error.message } };
  }
}

/**
 * Makes it the configuration of a gateway that starts: a change that waited to be confirmed is undone, and a remote
 * layer that is of no use is set aside. A disk that cannot be written holds up nothing.
 */
export async function recoverConfig(opened: OpenConfig): Promise<RecoveredConfig> {
  const { local, store } = opened;
  const incidents: RemoteIncident[] = [];
  const attempt = async (work: () => Promise<RemoteIncident | undefined>): Promise<void> => {
    try {
      const incident = await work();
      if (incident !== undefined) incidents.push(incident);
    } catch (error) {
      incidents.push({ action: 'set-aside', paths: [], reason: `${store.path}: ${(error as Error).message}` });
    }
  };
  await attempt(async () => {
    await store.tidy();
    return undefined;
  });
  let { config, fault } = opened;
  if (fault?.code === 'unreadable') {
    const { message } = fault;
    await attempt(async () => {
      const path = await store.moveAway();
      return { action: 'set-aside', paths: [], reason: `${message}; it lies in ${path} now` };
    });
    return { ...opened, fault: undefined, incidents };
  }
  const { confirmation } = store;
  if (confirmation?.restarts) {
    await attempt(async () => {
      await store.setConfirmation({ ...confirmation, restarts: false });
      return undefined;
    });
  } else if (confirmation !== undefined) {
    const before = store.history[0]?.layer ?? {};
    await attempt(() => undoLast(store, 'the gateway was started before it was confirmed'));
    ({ config, fault } = await loadLayer(local, before, await local.load()));
  }
  if (fault !== undefined) {
    const { message } = fault;
    config = await local.load();
    await attempt(() => setAside(store, message));
  }
  return { ...opened, config, fault: undefined, incidents };
}

/** Makes the version before the current one the current one again. */
export async function undoLast(store: RemoteStore, reason: string): Promise<RemoteIncident> {
  const { paths } = store.current;
  const layer = store.history[0]?.layer ?? {};
  await store.commit({ action: 'undone', by: 'gateway', paths, layer });
  return { action: 'undone', paths, reason };
}

/** An empty layer takes the place of the current one, which stays in the history. */
export async function setAside(store: RemoteStore, reason: string): Promise<RemoteIncident> {
  const paths = valuesIn(store.current.layer).map(pointer);
  await store.commit({ action: 'set-aside', by: 'gateway', paths, layer: {} });
  return { action: 'set-aside', paths, reason };
}
