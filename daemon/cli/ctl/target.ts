import { CtlError } from './exit-codes.ts';

/** Which gateways a command is for: one by its id, all, or those that a pattern with `*` and `?` fits. */
export type Target = { id: string } | { matches: (id: string) => boolean };

/** Ids of gateways, as the configuration has them (`gateway.id`), or as patterns. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const PATTERN = /^[A-Za-z0-9_*?-]{1,64}$/;

/**
 * @param text as typed
 * @param local the id of the gateway that the local configuration is of, which `.` stands for
 * @throws CtlError `usage`
 */
export function parseTarget(text: string, local: string): Target {
  if (text === '.') return { id: local };
  if (text === 'all') return { matches: () => true };
  if (ID.test(text)) return { id: text };
  if (!PATTERN.test(text)) {
    throw new CtlError(
      'usage',
      `"${text}" is not a gateway: its id (letters, digits, - and _), a pattern such as 'porch-*', all, or . for this machine's`,
    );
  }
  const source = text.replaceAll('*', '.*').replaceAll('?', '.');
  const pattern = new RegExp(`^${source}$`);
  return { matches: (id) => pattern.test(id) };
}
