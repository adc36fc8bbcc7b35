import type { Part } from '../config/change-rules.ts';
import {
  type Change,
  type ChangePlan,
  changesBetween,
  confirmationNeededFor,
  type Effect,
  planOf,
} from '../config/changes.ts';
import { pointer } from '../config/check.ts';
import { ConfigError, formatProblem } from '../config/config-error.ts';
import { originIn } from '../config/layers.ts';
import type { LocalConfig } from '../config/loader.ts';
import { type RemoteLayer, valuesIn } from '../config/remote-layer.ts';
import type { LoadedConfig } from '../config/settings.ts';
import type { ConfigChangeReport } from './control/config-port.ts';
import { ControlError } from './control/gateway-port.ts';

/** A change that can be made: validated as a whole. */
export interface ConfigChange {
  /** What was set from afar, with the change. */
  readonly layer: RemoteLayer;
  /** What will hold. */
  readonly config: LoadedConfig;
  readonly changes: readonly Change[];
  readonly plan: ChangePlan;
}

/** @throws ControlError for a layer that is not right. */
export async function changeTo(
  layerOf: () => RemoteLayer,
  local: LocalConfig,
  now: LoadedConfig,
): Promise<ConfigChange> {
  try {
    const layer = layerOf();
    const config = await local.load(layer);
    const changes = changesBetween(now, config);
    return { layer, config, changes, plan: planOf(changes) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { code, problems } = error;
    throw new ControlError(CODES[code], problems.map(formatProblem).join('; '), problems[0]?.path);
  }
}

const CODES = { invalid: 'invalid_request', forbidden: 'forbidden', unreadable: 'unavailable' } as const;

/** @param asked a patch or layer, to tell what of it has no effect */
export function describeChange(
  { config, changes, plan }: ConfigChange,
  asked: object,
): Omit<ConfigChangeReport, 'revision' | 'applied'> {
  const needed = confirmationNeededFor(changes);
  return {
    changes: changes.map(({ path, from, to }) => ({
      path: pointer(path),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    })),
    effects: [...plan].map(([part, effect]) => ({ part, effect })),
    overridden: overridden(config, asked),
    ...(needed === undefined ? {} : { confirmationNeededFor: pointer(needed.path) }),
  };
}

/** What can be done at once, and what would cut off the answer to whoever asked for it. */
export function splitPlan(plan: ChangePlan): [now: ChangePlan, later: ChangePlan] {
  if (plan.has('gateway')) return [new Map(), plan];
  const isLate = ([part, effect]: [Part, Effect]): boolean => part === 'mqtt' && effect === 'restart';
  return [new Map([...plan].filter((entry) => !isLate(entry))), new Map([...plan].filter(isLate))];
}

/** What was asked for and comes from the environment or a flag instead. */
function overridden({ origins, settings }: LoadedConfig, asked: object): { path: string; by: string }[] {
  return valuesIn(asked).flatMap((path) => {
    const name = path.join('.');
    const value = path.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], asked);
    let by: string | undefined = originIn(origins, name);
    if (value === null) {
      // A value that is taken away uncovers another one; a stream must be gone.
      const remains = path.length === 2 && path[0] === 'streams' && Object.hasOwn(settings.streams, path[1] ?? '');
      by = remains
        ? [...origins].find(([inner]) => inner === 'streams' || inner.startsWith(`${name}.`))?.[1]
        : undefined;
    }
    return by === 'env' || by === 'flag' ? [{ path: pointer(path), by }] : [];
  });
}

/**
 * The password of one broker must not be sent to another one that somebody far away names.
 * @throws ControlError
 */
export function refuseSecretElsewhere(now: LoadedConfig, { config }: ConfigChange, patch: object): void {
  const { url, password } = config.settings.mqtt;
  if (url === now.settings.mqtt.url || password === '') return;
  const given = valuesIn(patch).some((path) => path.join('.') === 'mqtt.password');
  if (given && config.origins.get('mqtt.password') === 'remote') return;
  throw new ControlError(
    'invalid_request',
    '/mqtt/password: must be given together with another mqtt.url, so that the password of one broker is not sent to another',
    '/mqtt/password',
  );
}
