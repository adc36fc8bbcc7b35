/** Words that YAML 1.1 or 1.2 takes for something else than text. */
const RESERVED = /^(true|false|yes|no|on|off|null|y|n)$/i;

/** A value on one line of YAML. */
export function yamlScalar(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yamlScalar).join(', ')}]`;
  if (typeof value === 'string' && /^[A-Za-z/][A-Za-z0-9_./-]*$/.test(value) && !RESERVED.test(value)) return value;
  return JSON.stringify(value ?? null);
}

/** Words in lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
