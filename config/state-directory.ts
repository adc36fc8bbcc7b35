import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what is to outlive a restart is kept when nothing is configured: systemd's, the system's for root, else the user's. */
export function defaultStateDirectory(env: NodeJS.ProcessEnv): string {
  const given = env.STATE_DIRECTORY?.split(':')[0];
  if (given) return given;
  if (process.getuid?.() === 0) return '/var/lib/vedette';
  return join(env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local/state'), 'vedette');
}
