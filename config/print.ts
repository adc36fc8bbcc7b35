import type { LoadedConfig } from './settings.ts';
import { yamlScalar } from './text.ts';

/** The effective configuration as YAML, each value with where it comes from; secrets are hidden. */
export function printConfig({ redacted, origins }: Pick<LoadedConfig, 'redacted' | 'origins'>): string {
  const originOf = (path: string) => origins.get(path) ?? 'default';
  const lines = (node: unknown, path: string, indent: string): string[] =>
    Object.entries(node as object).flatMap(([key, value]): string[] => {
      const here = path === '' ? key : `${path}.${key}`;
      const label = Array.isArray(node) ? '-' : `${key}:`;
      const inner = isNested(value) ? lines(value, here, `${indent}  `) : [];
      if (inner.length === 0) return [`${indent}${label} ${yamlScalar(value)}  # ${originOf(here)}`];
      if (!Array.isArray(node)) return [`${indent}${label}`, ...inner];
      return [`${indent}- ${inner[0]?.trimStart()}`, ...inner.slice(1)];
    });
  return `${lines(redacted, '', '').join('\n')}\n`;
}

/** A map, or a list of maps; lists of texts stand on one line. */
function isNested(value: unknown): value is object {
  if (Array.isArray(value)) return value.some(isNested);
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}
