import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readFirstLine } from '../daemon/lib/small-file.ts';
import { pointer } from './check.ts';
import type { Problem } from './config-error.ts';
import type { FileSettings } from './layers.ts';
import type { Origin } from './settings.ts';
import { defaultStateDirectory } from './state-directory.ts';

/** Of a file with one secret, in bytes. */
const MAX_SECRET_BYTES = 4096;

export interface Surroundings {
  env: NodeJS.ProcessEnv;
  /** Where a relative path starts that the setting of this name holds. */
  base: (name: string) => string;
  hostname: string;
}

/** Fills in what depends on the machine, and reads secrets; returns what could not be read, or cannot be with them. */
export async function resolveSettings(
  settings: FileSettings,
  origins: Map<string, Origin>,
  surroundings: Surroundings,
): Promise<Problem[]> {
  const { env, base } = surroundings;
  const problems: Problem[] = [];
  const path = (name: string, text: string): string => {
    const credentials = env.CREDENTIALS_DIRECTORY;
    if (text.includes(CREDENTIALS) && credentials === undefined) {
      problems.push({
        path: pointer(name.split('.')),
        value: text,
        message: 'needs a credential, and systemd gave none',
      });
    }
    return resolve(base(name), text.replaceAll(CREDENTIALS, credentials ?? ''));
  };

  if (settings.gateway.id === '') settings.gateway.id = idFrom(surroundings.hostname);
  settings.stateDirectory =
    settings.stateDirectory === '' ? defaultStateDirectory(env) : path('stateDirectory', settings.stateDirectory);
  const { usersFile } = settings.access;
  settings.access.usersFile =
    usersFile === '' ? join(settings.stateDirectory, 'users.yaml') : path('access.usersFile', usersFile);

  const { tls, acl } = settings.mqtt;
  const readable = async (name: string, text: string): Promise<string> => {
    if (text === '') return text;
    const resolved = path(name, text);
    await access(resolved, constants.R_OK).catch((error) => problems.push(unreadable(name, error)));
    return resolved;
  };
  for (const key of ['caFile', 'certFile', 'keyFile'] as const) tls[key] = await readable(`mqtt.tls.${key}`, tls[key]);
  acl.publicKeyFile = await readable('mqtt.acl.publicKeyFile', acl.publicKeyFile);

  const { passwordFile } = settings.mqtt;
  if (passwordFile !== '') {
    const secret = await readFirstLine(path('mqtt.passwordFile', passwordFile), MAX_SECRET_BYTES).catch((error) => {
      problems.push(unreadable('mqtt.passwordFile', error));
      return '';
    });
    settings.mqtt.password = secret;
    origins.set('mqtt.password', origins.get('mqtt.passwordFile') ?? 'default');
  } else if (
    settings.mqtt.password === '' &&
    origins.get('mqtt.password') !== 'remote' &&
    env.CREDENTIALS_DIRECTORY !== undefined
  ) {
    const credential = join(env.CREDENTIALS_DIRECTORY, 'mqtt.password');
    settings.mqtt.password = await readFirstLine(credential, MAX_SECRET_BYTES).catch(() => '');
    if (settings.mqtt.password !== '') origins.set('mqtt.password', 'env');
  }
  origins.delete('mqtt.passwordFile');
  // MQTT 3.1.1 has no such CONNECT (3.1.2.9), and the client library makes none in 5 either.
  if (settings.mqtt.password !== '' && settings.mqtt.username === '' && !USER_IN_URL.test(settings.mqtt.url))
    problems.push({ path: '/mqtt/username', message: 'is needed beside a password' });

  for (const [camera, values] of Object.entries(settings.cameras)) {
    const name = `cameras.${camera}.passwordFile`;
    if (values.passwordFile === '') continue;
    values.passwordFile = path(name, values.passwordFile);
    await access(values.passwordFile, constants.R_OK).catch((error) => problems.push(unreadable(name, error)));
  }
  for (const { encodings } of Object.values(settings.streams)) {
    for (const encoding of encodings) encoding.maxFramerate ??= undefined;
  }
  return problems;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in the file
const CREDENTIALS = '${CREDENTIALS_DIRECTORY}';

const USER_IN_URL = /\/\/[^/@]+@/;

function unreadable(name: string, error: unknown): Problem {
  return { path: pointer(name.split('.')), message: `cannot be read: ${(error as Error).message}` };
}

/** A host name as one level of an MQTT topic. */
function idFrom(name: string): string {
  const id = name
    .replace(/\..*$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[-_]+|-+$/g, '')
    .slice(0, 64);
  return id === '' ? 'gateway' : id;
}
